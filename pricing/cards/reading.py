"""A new card beside the one in force: what changes, and what a month would cost by it.

Both are for a person to look at before the card is written; nothing here writes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from metering.event import QUANTITY
from metering.output import quantity_text
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from pricing.archive import Archive
from pricing.billing import rate_month
from pricing.cards.family import Family
from pricing.cards.new_card import NewCard
from pricing.catalog import Catalog
from pricing.rate_card import RATE, RATES, frame_of
from pricing.run import below_of, opening_state, read_usage

FAMILY = ("card", "currency", "rates")
CELL = ("market", "card_category", "unit", "tier")
CHANGE = pl.Schema(
    {
        "market": pl.String(),
        "category": pl.String(),
        "unit": pl.String(),
        "tier": pl.Int64(),  # null at list rate
        "old_up_to": QUANTITY,
        "up_to": QUANTITY,
        "old_rate": RATE,  # null where the cell is new
        "rate": RATE,  # null where it is removed
        "change": RATE,
        "what": pl.String(),  # new, removed, changed or same
    }
)
EFFECT = pl.Schema(
    {
        "account_id": pl.String(),
        "currency": pl.String(),
        "before_minor": pl.Int64(),
        "after_minor": pl.Int64(),
        "unpriced_before": QUANTITY,  # units whose price is unknown, which the amount leaves out
        "unpriced_after": QUANTITY,
    }
)


def compare(card: NewCard, rates: pl.DataFrame) -> pl.DataFrame:
    """Set a card beside what `rates` has in force on its first day: schema `CHANGE`."""
    in_force = _of_family(rates, card.family).filter(
        pl.col("card_from") <= card.effective_from, pl.col("card_to") > card.effective_from
    )
    old = in_force.select(*CELL, old_up_to="up_to", old_rate="rate")
    new = frame_of(card.rows).select(*CELL, "up_to", "rate")
    is_same = pl.col("rate").eq_missing(pl.col("old_rate")) & pl.col("up_to").eq_missing(
        pl.col("old_up_to")
    )
    what = (
        pl.when(pl.col("old_rate").is_null())
        .then(pl.lit("new"))
        .when(pl.col("rate").is_null())
        .then(pl.lit("removed"))
        .otherwise(pl.when(is_same).then(pl.lit("same")).otherwise(pl.lit("changed")))
    )
    return (
        old.join(new, on=CELL, how="full", coalesce=True, nulls_equal=True)
        .with_columns(
            category="card_category", change=pl.col("rate") - pl.col("old_rate"), what=what
        )
        .sort("market", "category", "unit", "tier")
        .select(pl.col(name).cast(kind) for name, kind in CHANGE.items())
    )


def uneven_tiers(cards: Sequence[NewCard], rates: pl.DataFrame) -> list[str]:
    """Say where first tiers are not the list rate once `cards` hold, with one of them.

    The network's first tier costs the list rate: another one is a sign that a file is missing.
    """
    cell = ["currency", "market", "card_category"]
    notes = []
    for day, name in sorted({(card.effective_from, card.family[0]) for card in cards}):
        begun = [card for card in cards if card.effective_from <= day and card.family[0] == name]
        held = with_cards(rates, begun, day).filter(
            pl.col("card") == name,
            pl.col("currency").is_in({card.family[1] for card in begun}),
            pl.col("card_from") <= day,
            pl.col("card_to") > day,
        )
        listed = held.filter(rates="list").select(*cell, listed="rate")
        first = held.filter(tier=1).join(listed, on=cell).sort(cell)
        uneven = first.filter(pl.col("rate") != pl.col("listed"))
        for (currency,), found in uneven.partition_by("currency", as_dict=True).items():
            one = found.row(0, named=True)
            rates_of_one = [quantity_text(one[name]) for name in ("rate", "listed")]
            notes.append(
                f"{found.height} first tiers in {currency} are not the list rate from {day} on,"
                f" such as {one['market']}/{one['card_category']}: {rates_of_one[0]} in the tier,"
                f" {rates_of_one[1]} in the list; is a file missing?"
            )
    return notes


def with_cards(rates: pl.DataFrame, cards: Iterable[NewCard], day: date) -> pl.DataFrame:
    """Put cards in the place of their families from `day` on: schema `RATES`."""
    for card in cards:
        family = _of_family(rates, card.family)
        others = rates.join(family, on=[*FAMILY], how="anti")
        before = family.filter(pl.col("card_from") < day).with_columns(
            card_to=pl.min_horizontal("card_to", pl.lit(day))
        )
        rates = pl.concat([others, before, card.standing_from(day)])
    assert rates.schema == RATES
    return rates


def last_billed(book: Book) -> Month | None:
    """Name the last month that was billed; None before the first."""
    if not book.invoices_path.exists():
        return None
    with Archive.open(book) as archive:
        period = archive.last_period()
    return None if period is None else Month.parse(period)


def effect_on(book: Book, catalog: Catalog, month: Month, cards: Sequence[NewCard]) -> pl.DataFrame:
    """Rate a month with the book as it is, and with `cards` standing from its first day on.

    Returns schema `EFFECT`: a row for each account with a draft. Nothing is written.
    """
    changed = replace(catalog, rates=with_cards(catalog.rates, cards, month.first_day))
    with Store.open(book, catalog.settings, "read") as store:
        opening = opening_state(book, store, catalog, month)
        before, after = (_amounts(store, one, month, opening) for one in (catalog, changed))
    names = {"amount_minor": "after_minor", "unpriced": "unpriced_after"}
    old_names = {"amount_minor": "before_minor", "unpriced": "unpriced_before"}
    return (
        before.rename(old_names)
        .join(after.rename(names), on=["account_id", "currency"], how="left")
        .sort("account_id")
        .select(EFFECT.names())
    )


def _amounts(store: Store, catalog: Catalog, month: Month, opening: pl.DataFrame) -> pl.DataFrame:
    usage = read_usage(store, catalog, month)
    below = below_of(store, catalog, month)
    drafts = rate_month(catalog, month, usage, below, opening).drafts
    unpriced = (
        drafts.details.filter(pl.col("status") == "unknown")
        .join(drafts.lines.select("line_id", "invoice_id"), on="line_id")
        .group_by("invoice_id")
        .agg(unpriced=pl.col("quantity").sum())
    )
    return drafts.invoices.join(unpriced, on="invoice_id", how="left").select(
        "account_id",
        "currency",
        amount_minor="total_minor",
        unpriced=pl.col("unpriced").fill_null(0).cast(QUANTITY),
    )


def _of_family(rates: pl.DataFrame, family: Family) -> pl.DataFrame:
    card, currency, kind = family
    return rates.filter(card=card, currency=currency, rates=kind)
