"""Rating from a card: each cell of usage at the rate of its market and category on its day."""

import polars as pl

from metering.event import QUANTITY
from pricing.allowance import CELL, units_below
from pricing.money import UNIT_PRICE
from pricing.rate_card import (
    RATE_KEY,
    SHARED_COUNTER,
    find_rates,
    why_no_rate,
    with_card_category,
)
from pricing.terms import UNITS, Terms

# What the network itself does not charge. A type that is not named here is charged.
FREE_TYPE = pl.col("pricing_type").str.starts_with("free_") | pl.col("pricing_type").is_in(
    ["exempt", "paid_exempt"]
)
_WORDS = {"market": "the market is unknown", "category": "the category is unknown"}


def waive_free_types(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Make free, with the reason, what the network does not charge and a card prices."""
    is_free = (
        pl.col("card").is_not_null() & FREE_TYPE.fill_null(False) & (pl.col("status") == "open")
    )
    return (
        terms.of(units, "card")
        .with_columns(
            status=pl.when(is_free).then(pl.lit("free")).otherwise("status"),
            reason=pl.when(is_free).then("pricing_type").otherwise("reason"),
        )
        .select(UNITS.names())
    )


def date_prices(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Set `price_date` to the first day on which the price of a cell held, as the account sees it.

    Usage comes cut at the changes of every account; what changes for others must not show.
    """
    cuts = pl.concat(
        [
            terms.rates.select("card", cut="card_from"),
            terms.rates.select("card", cut="card_to"),
            terms.rates.select("card")
            .unique()
            .join(terms.categories.select(cut="valid_from").unique(), how="cross"),
        ]
    ).unique()
    with_card = terms.of(units, "card")
    latest = (
        with_card.select("card", "rate_date")
        .unique()
        .join(cuts, on="card")
        .filter(pl.col("cut") <= pl.col("rate_date"))
        .group_by("card", "rate_date")
        .agg(pl.col("cut").max())
    )
    return (
        with_card.join(latest, on=["card", "rate_date"], how="left", maintain_order="left")
        .with_columns(price_date=pl.max_horizontal("price_date", "cut"))
        .select(UNITS.names())
    )


def rate_by_card(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Price open units of charges that name a card.

    Returns `units` with `status`, `reason`, `tier`, `unit_price`, `evidence` and `note`. A cell
    without a rate has the status `unknown` and says which price is missing.
    """
    priced = with_card_category(
        terms.of(
            units,
            *("card", "rates", "currency", "unit", "meter", "component"),
            *("markup_factor", "markup_text"),
        )
        .with_columns(asked_date="rate_date")
        .with_columns(rate_date="price_date"),
        terms.categories,
    )
    rates = find_rates(priced.select(*RATE_KEY, "rates"), terms.rates)
    on = [*RATE_KEY, "rates"]
    missing = priced.join(rates, on=on, how="anti")
    found = priced.join(rates, on=on)
    at_list = found.filter(pl.col("tier").is_null())
    tiered = _cut_by_time(found.filter(pl.col("tier").is_not_null()), terms)
    names = [*UNITS.names(), "tier", "unit_price", "evidence", "note"]
    return pl.concat(
        [
            *(_at_rate(frame).select(names) for frame in (at_list, tiered)),
            _unknown(missing, terms).select(names),
        ]
    )


def _at_rate(found: pl.DataFrame) -> pl.DataFrame:
    # 8 decimals of a rate and 4 of a markup fit the 12 of a unit price: nothing is rounded.
    return found.with_columns(
        status=pl.lit("billed"),
        unit_price=pl.col("rate").cast(UNIT_PRICE) * pl.col("markup_factor"),
        note=pl.format("{}{}", "rate_text", "markup_text"),
    )


def _cut_by_time(found: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Cut each cell into what each tier takes, in order of time over its portfolio and market."""
    counter = pl.col("card_category").replace(SHARED_COUNTER)
    scoped = (
        found.join(terms.portfolios, on="account_id", how="left", maintain_order="left")
        .with_columns(pl.col("portfolio_id").fill_null(pl.col("account_id")), counter=counter)
        .with_columns(
            scope=pl.format(
                "tier|{}|{}|{}|{}|{}", "component", "card", "portfolio_id", "market", "counter"
            ),
            rate_date="asked_date",
        )
    )
    # Most scopes end in their first tier; only the others need an order.
    cells = scoped.filter(pl.col("over") == 0)
    totals = cells.group_by("scope").agg(
        total=pl.col("quantity").sum(), first=pl.col("up_to").min()
    )
    beyond = totals.filter(pl.col("total") > pl.col("first"))
    parts = [cells.join(beyond, on="scope", how="anti")]
    tiered = scoped.join(beyond.select("scope"), on="scope", how="semi")
    for (meter,), frame in tiered.partition_by("meter", as_dict=True).items():
        distinct = frame.select("scope", *CELL, "quantity").unique()
        bounds = frame.select("scope", bound="up_to").drop_nulls().unique()
        reached = units_below(str(meter), distinct, bounds, terms.below)
        parts.append(_take_between(frame, reached))
    return pl.concat(parts)


def _take_between(cells: pl.DataFrame, reached: pl.DataFrame) -> pl.DataFrame:
    on = ["scope", *CELL]
    upper = reached.rename({"bound": "up_to", "quantity": "upper"})
    lower = reached.rename({"bound": "over", "quantity": "lower"})
    taken = pl.col("upper").fill_null(pl.col("quantity")) - pl.col("lower").fill_null(0)
    return (
        cells.join(upper, on=[*on, "up_to"], how="left", nulls_equal=True)
        .join(lower, on=[*on, "over"], how="left", nulls_equal=True)
        .with_columns(quantity=taken.cast(QUANTITY))
        .filter(pl.col("quantity") > 0)
        .drop("upper", "lower")
    )


def _unknown(missing: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    keys = missing.select(RATE_KEY).unique()
    reasons = [_why(key, terms) for key in keys.iter_rows(named=True)]
    named = keys.with_columns(why=pl.Series(reasons, dtype=pl.String))
    return missing.join(named, on=RATE_KEY, how="left", nulls_equal=True).with_columns(
        status=pl.lit("unknown"),
        reason="why",
        tier=pl.lit(None, pl.Int64),
        unit_price=pl.lit(None, UNIT_PRICE),
        evidence=pl.lit(None, pl.String),
        note=pl.format("price unknown: {}", "why"),
    )


def _why(key: dict[str, object], terms: Terms) -> str:
    if key["market"] is None:
        return _WORDS["market"]
    if key["card_category"] is None:
        return _WORDS["category"]
    return why_no_rate(key, terms.rates)
