"""Rating from a card: each cell of usage at the rate of its market and category on its day."""

import polars as pl

from pricing.fx import FX_DECIMALS, with_fx
from pricing.money import UNIT_PRICE, round_unit_price
from pricing.rate_card import (
    RATE,
    RATE_KEY,
    SHARED_COUNTER,
    find_rates,
    why_no_rate,
    with_card_category,
)
from pricing.scope import CELL, FIRST, units_below
from pricing.taking import CATEGORY_OF_MINUTES
from pricing.terms import UNITS, Crossing, Terms
from pricing.tier_rating import take_between

# What the network itself does not charge. A type that is not named here is charged.
FREE_TYPE = pl.col("pricing_type").str.starts_with("free_") | pl.col("pricing_type").is_in(
    ["exempt", "paid_exempt"]
)
REPORTED = "reported by the network"  # an estimate, as it says itself: its invoice decides
CONVERTED = pl.Decimal(38, UNIT_PRICE.scale + FX_DECIMALS)
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
            terms.charges.filter(pl.col("card_currency").is_not_null())
            .select("card")
            .unique()
            .join(terms.fx.select(cut="fx_from").unique(), how="cross"),
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

    Returns `UNITS` with `tier`, `priced_quantity`, `unit_price`, `evidence` and `note`. A cell
    without a rate has the status `unknown` and says which price is missing. What the network
    reports as the cost of a message goes before the card where the charge says so.
    """
    asked = _with_currency(
        terms.of(
            units,
            *("card", "rates", "unit", "meter", "component", "crossing", "takes_reported"),
            *("factor", "added", "decimals", "mode", "markup_text"),
        ),
        terms,
    )
    is_reported = pl.col("takes_reported") & pl.col("reported_cost").is_not_null()
    reported, unreadable = _as_reported(asked.filter(is_reported.fill_null(False)))
    priced = with_card_category(
        asked.filter(~is_reported.fill_null(False))
        .with_columns(asked_date="rate_date")
        .with_columns(rate_date="price_date"),
        terms.categories,
    ).with_columns(
        card_category=pl.when(pl.col("unit") == "minute")
        .then(pl.lit(CATEGORY_OF_MINUTES))
        .otherwise("card_category")
    )
    rates = find_rates(priced.select(*RATE_KEY, "rates"), terms.rates)
    on = [*RATE_KEY, "rates"]
    missing = priced.join(rates, on=on, how="anti")
    found = priced.join(rates, on=on)
    at_list = found.filter(pl.col("tier").is_null())
    tiered = _cut_by_time(found.filter(pl.col("tier").is_not_null()), terms)
    names = [*UNITS.names(), "tier", "priced_quantity", "unit_price", "evidence", "note"]
    return (
        pl.concat(
            [
                *(_at_rate(frame) for frame in (at_list, tiered, reported)),
                _without_price(_with_reason(missing, terms)),
                _without_price(unreadable),
            ],
            how="diagonal",
        )
        .with_columns(rate_date="asked_date")
        .select(names)
    )


def _as_reported(units: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the rate of each unit off its reported cost; say of the others why it is none."""
    parts = pl.col("reported_cost").str.splitn(" ", 2).struct
    told = units.with_columns(
        rate=parts.field("field_1").cast(RATE, strict=False),
        reported_in=parts.field("field_0"),
        asked_date="rate_date",
        tier=pl.lit(None, pl.Int64),
        evidence=pl.lit(REPORTED),
    )
    text = pl.col("rate").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    told = told.with_columns(rate_text=pl.format("{} ({})", text, "evidence"))
    is_read = (pl.col("rate") >= 0) & (pl.col("reported_in") == pl.col("currency"))
    why = pl.format(
        "the network reports a cost of '{}', no price in {}", "reported_cost", "currency"
    )
    unread = told.filter(~is_read.fill_null(False)).with_columns(why=why)
    return told.filter(is_read), unread


def _with_currency(units: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Add `currency`, that of the card's rates, and the rate of exchange where it is another."""
    billed = terms.of(units, "currency", "card_currency").join(
        terms.accounts.select("account_id", "account_currency"),
        on="account_id",
        how="left",
        maintain_order="left",
    )
    named = billed.with_columns(pl.coalesce("currency", "account_currency").alias("currency"))
    is_other = pl.col("card_currency") != pl.col("currency")
    converted = with_fx(named, terms.fx).with_columns(
        billed_in="currency",
        is_unconverted=is_other.fill_null(False) & pl.col("fx_rate").is_null(),
        fx_rate=pl.when(is_other).then("fx_rate"),
        fx_text=pl.when(is_other).then("fx_text"),
        currency=pl.coalesce("card_currency", "currency"),
    )
    # Without a rate of exchange there is no price: no card has rates in such a currency.
    return converted.with_columns(
        currency=pl.when("is_unconverted")
        .then(pl.format("{} in {}", "currency", "billed_in"))
        .otherwise("currency")
    ).drop("card_currency", "account_currency", "billed_in", "is_unconverted")


def _at_rate(found: pl.DataFrame) -> pl.DataFrame:
    # 8 decimals of a rate and 4 of a markup fit the 12 of a unit price: nothing is rounded, unless
    # the plan says so or the rate is converted.
    rate = pl.col("rate").cast(UNIT_PRICE) * pl.col("factor")
    converted = rate.cast(CONVERTED) * pl.col("fx_rate").cast(CONVERTED)
    in_currency = (
        pl.when(pl.col("fx_rate").is_null())
        .then(rate)
        .otherwise(round_unit_price(converted, UNIT_PRICE.scale, "half_up"))
    )
    marked = found.with_columns(unit_price=in_currency + pl.col("added"))
    rounded = pl.col("unit_price")
    for decimals, mode in found.select("decimals", "mode").drop_nulls().unique().rows():
        is_so = (pl.col("decimals") == decimals) & (pl.col("mode") == mode)
        price = round_unit_price(pl.col("unit_price"), decimals, mode)
        rounded = pl.when(is_so.fill_null(False)).then(price).otherwise(rounded)
    return marked.with_columns(
        status=pl.lit("billed"),
        priced_quantity="quantity",
        unit_price=rounded.cast(UNIT_PRICE),
        note=pl.concat_str(
            ["rate_text", "fx_text", pl.col("markup_text")], separator="", ignore_nulls=True
        ),
    )


def _cut_by_time(found: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Cut each cell into what each tier takes, in order of time over its portfolio and market."""
    counter = pl.col("card_category").replace(SHARED_COUNTER)
    scoped = (
        found.join(terms.accounts, on="account_id", how="left", maintain_order="left")
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
    bounded = tiered.with_columns(lower="over", upper="up_to")
    for key, frame in bounded.partition_by("meter", "crossing", as_dict=True).items():
        crossing: Crossing = "after" if key[1] == "after" else "split"
        distinct = frame.select("scope", *CELL, *FIRST, "quantity").unique()
        bounds = frame.select("scope", bound="upper").drop_nulls().unique()
        below = units_below(str(key[0]), distinct, bounds, terms, crossing)
        parts.append(take_between(frame, below).drop("lower", "upper"))
    return pl.concat(parts)


def _with_reason(missing: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    keys = missing.select(RATE_KEY).unique()
    reasons = [_why(key, terms) for key in keys.iter_rows(named=True)]
    named = keys.with_columns(why=pl.Series(reasons, dtype=pl.String))
    return missing.join(named, on=RATE_KEY, how="left", nulls_equal=True)


def _without_price(units: pl.DataFrame) -> pl.DataFrame:
    return units.with_columns(
        status=pl.lit("unknown"),
        reason="why",
        tier=pl.lit(None, pl.Int64),
        priced_quantity="quantity",
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
