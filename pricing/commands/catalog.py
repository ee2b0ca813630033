"""The commands of the catalog: `tollbook catalog import`."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args

import click
import polars as pl

from metering.errors import BookError, UsageError
from metering.output import book_option, errors_for_people, print_json, print_table
from metering.period import Month
from metering.settings import Book
from pricing.cards.file import Said, read_card_files
from pricing.cards.new_card import FOLDER, NewCard, new_cards, write_cards
from pricing.cards.reading import (
    EFFECT,
    compare,
    effect_on,
    last_billed,
    uneven_tiers,
)
from pricing.cards.words import currency_named
from pricing.catalog import Catalog, load_catalog
from pricing.money import amount_text
from pricing.rate_card import RateRow

SCHEMA = "tollbook.card_import/1"
EVIDENCE = get_args(RateRow.model_fields["evidence"].annotation)
EFFECT_COLUMNS = (
    *("account", "currency", "before", "after", "difference"),
    *("unpriced_before", "unpriced_after"),
)
EFFECT_ROWS = 20  # that a table shows
Shown = Literal["table", "json"]


@click.group()
def catalog() -> None:
    """Bring new prices into the book."""


@catalog.command("import")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--card", default="whatsapp", show_default=True, help="The name of the card.")
@click.option(
    "--effective-from",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day, where the files do not say it.",
)
@click.option("--currency", help="Where the files are not clear about it.")
@click.option(
    "--evidence",
    type=click.Choice(EVIDENCE),
    default="published",
    show_default=True,
    help="How sure the rates are.",
)
@click.option("--write", "do_write", is_flag=True, help="Write the card into the book.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(get_args(Shown)),
    default="table",
    show_default=True,
    help="A table for people, JSON for programs.",
)
@book_option
def import_card(
    files: tuple[Path, ...],
    card: str,
    *,
    effective_from: datetime | None,
    currency: str | None,
    evidence: str,
    do_write: bool,
    book_path: Path,
    output_format: Shown,
) -> None:
    """Compare rate and tier FILEs of the network with the card in force; --write adds them."""
    with errors_for_people():
        book = Book.at(book_path)
        in_force = load_catalog(book)
        day = None if effective_from is None else effective_from.date()
        said = Said(card, day, _known_currency(currency), evidence)
        reading = read_card_files(files, said)
        if reading.problems:
            raise BookError(reading.problems)
        cards = new_cards(reading.rows)
        document = _document(book, in_force, cards)
        document["notes"] = [*reading.notes, *document["notes"]]
        if do_write:
            document["written"] = [f"{FOLDER}/{p.name}" for p in write_cards(book, cards)]
        if output_format == "json":
            print_json(document)
        else:
            _print(document)


COMMANDS: list[click.Command] = [catalog]


def _known_currency(code: str | None) -> str | None:
    if code is not None and currency_named(code) is None:
        hint = "give a code of ISO 4217, such as USD"
        raise UsageError(f"'{code}' is no currency", where="--currency", hint=hint)
    return None if code is None else currency_named(code)


def _document(book: Book, in_force: Catalog, cards: Sequence[NewCard]) -> dict[str, Any]:
    month = last_billed(book)
    notes = uneven_tiers(cards, in_force.rates)
    if month is not None:
        notes += _billed_already(cards, month)
    return {
        "schema": SCHEMA,
        "cards": [_card_document(card, in_force.rates) for card in cards],
        "effect": None if month is None else _effect_document(book, in_force, month, cards),
        "notes": notes,
        "written": [],
    }


def _billed_already(cards: Sequence[NewCard], month: Month) -> list[str]:
    return [
        f"{card.text} reaches into {month}, which is billed: its drafts are not touched until the"
        " next tollbook bill"
        for card in cards
        if card.effective_from <= month.last_day
    ]


def _card_document(card: NewCard, rates: pl.DataFrame) -> dict[str, Any]:
    name, currency, kind = card.family
    changes = compare(card, rates)
    new, old = (
        {*changes.filter(pl.col(side).is_not_null())["market"]} for side in ("rate", "old_rate")
    )
    counts = dict.fromkeys(("new", "removed", "changed", "same"), 0)
    counts |= dict(changes.group_by("what").len().rows())
    return {
        "card": name,
        "currency": currency,
        "rates": kind,
        "effective_from": card.effective_from,
        "file": f"{FOLDER}/{card.file_name}",
        "counts": counts,
        "new_markets": sorted(new - old),
        "removed_markets": sorted(old - new),
        "rows": [_short(row) for row in changes.filter(pl.col("what") != "same").to_dicts()],
    }


def _effect_document(
    book: Book, in_force: Catalog, month: Month, cards: Sequence[NewCard]
) -> dict[str, Any]:
    effect = effect_on(book, in_force, month, cards)
    amount, unpriced = pl.col("after_minor") - pl.col("before_minor"), EFFECT.names()[-2:]
    moved = effect.filter((amount != 0) | (pl.col(unpriced[0]) != pl.col(unpriced[1])))
    most_first = moved.sort(amount.abs(), "account_id", descending=[True, False])
    totals = effect.group_by("currency").agg(pl.col("before_minor", "after_minor").sum())
    return {
        "period": str(month),
        "rows": [
            {
                "account": row["account_id"],
                **_amounts(row),
                **_short({name: row[name] for name in unpriced}),
            }
            for row in most_first.to_dicts()
        ],
        "unchanged": effect.height - moved.height,
        "totals": [_amounts(row) for row in totals.sort("currency").to_dicts()],
    }


def _amounts(row: dict[str, Any]) -> dict[str, Any]:
    currency, before, after = row["currency"], row["before_minor"], row["after_minor"]
    minor = {"before": before, "after": after, "difference": after - before}
    amounts = {name: Decimal(amount_text(value, currency)) for name, value in minor.items()}
    return {"currency": currency, **amounts}


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out the zeros of the scale; nothing is rounded."""
    return {
        name: Decimal(f"{value.normalize():f}") if isinstance(value, Decimal) else value
        for name, value in row.items()
    }


def _print(document: dict[str, Any]) -> None:
    for card in document["cards"]:
        columns = ["market", "category", "old_rate", "rate", "change", "what"]
        if card["rates"] == "tiered":
            columns[2:2] = ["tier", "old_up_to", "up_to"]
        counts = card["counts"]
        title = (
            f"{card['card']} in {card['currency']} ({card['rates']}) from {card['effective_from']}:"
            f" {counts['changed']} changed, {counts['new']} new, {counts['removed']} removed,"
            f" {counts['same']} as before"
        )
        print_table(card["rows"], columns=columns, title=title)
        for word in ("new", "removed"):
            if card[f"{word}_markets"]:
                click.echo(f"{word} markets: {', '.join(card[f'{word}_markets'])}")
        click.echo()
    _print_effect(document["effect"])
    for note in document["notes"]:
        click.echo(f"note: {note}")
    if document["written"]:
        click.echo(f"written: {', '.join(document['written'])}; see what tollbook check says")
    else:
        click.echo("nothing was written; --write puts the card into the book")


def _print_effect(effect: dict[str, Any] | None) -> None:
    if effect is None:
        click.echo("No month is billed yet, so there is none to rate with the new card.\n")
        return
    title = f"{effect['period']}, had the new card held from its first day on"
    rows = effect["rows"]
    print_table(rows[:EFFECT_ROWS], columns=EFFECT_COLUMNS, title=title)
    if len(rows) > EFFECT_ROWS:
        click.echo(f"... and {len(rows) - EFFECT_ROWS:,} more: --format json has them all")
    click.echo(f"accounts as before: {effect['unchanged']:,}")
    for total in effect["totals"]:
        click.echo(
            f"all in {total['currency']}: {total['before']:,f} before, {total['after']:,f} after,"
            f" difference {total['difference']:,f}"
        )
    click.echo()
