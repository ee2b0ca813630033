"""Proration: the share of a month's amount that belongs to some of its days.

The one division is amount x day / days of the month, done for the bounds of a stretch and rounded
to 12 decimals. A share is the difference of two such marks, so that the shares of the parts of any
stretch add up to the share of the whole, and those of a month to the amount.
"""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from metering.period import Month
from pricing.money import EXACT
from pricing.rating import PRICED
from pricing.terms import Terms

SHARE_STEP = Decimal(1).scaleb(-12)


def share(amount: Decimal, start: date, end: date, month: Month) -> Decimal:
    """Work out what of `amount`, which is for all of `month`, is for the days from start to end.

    `end` is exclusive; both lie in the month, and `end` may be the first day of the next.

    Example:
        >>> october = Month(2026, 10)
        >>> parts = [date(2026, 10, 1), date(2026, 10, 11), date(2026, 11, 1)]
        >>> [str(share(Decimal(49), *pair, october)) for pair in zip(parts, parts[1:])]
        ['15.806451612903', '33.193548387097']
    """
    assert month.first_day <= start < end <= month.next().first_day, "a share is of a month"
    return _mark(amount, end, month) - _mark(amount, start, month)


def prorate(priced: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Reduce the amounts of fees and add-ons that are charged by the day to their days."""
    month = terms.month
    whole = (month.first_day, month.next().first_day)
    is_part = (
        (pl.col("proration") == "by_day")
        & pl.col("end_date").is_not_null()
        & ~((pl.col("rate_date") == whole[0]) & (pl.col("end_date") == whole[1]))
    )
    with_terms = terms.of(priced, "proration")
    parts = with_terms.filter(is_part)
    key = ["amount", "rate_date", "end_date"]
    distinct = parts.select(key).unique()
    shares = [share(amount, start, end, month) for amount, start, end in distinct.iter_rows()]
    notes = [
        f"{(end - start).days} of {month.day_count} days" for _, start, end in distinct.iter_rows()
    ]
    table = distinct.with_columns(
        share=pl.Series(shares, dtype=EXACT), days=pl.Series(notes, dtype=pl.String)
    )
    reduced = parts.join(table, on=key, how="left").with_columns(
        amount="share",
        note=pl.concat_str("note", "days", separator=", ", ignore_nulls=True),
    )
    return pl.concat([with_terms.filter(~is_part), reduced.drop("share", "days")]).select(
        PRICED.names()
    )


def _mark(amount: Decimal, day: date, month: Month) -> Decimal:
    passed = (day - month.first_day).days
    if passed == month.day_count:
        return amount
    with localcontext(prec=60):
        return (amount * passed / month.day_count).quantize(SHARE_STEP, ROUND_HALF_UP)
