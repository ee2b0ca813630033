"""Proration: the share of a month's amount that belongs to some of its days.

The one division is amount x passed / whole, in days or in seconds of the month, done for the bounds
of a stretch and rounded to 12 decimals. A share is the difference of two such marks, so that the
shares of the parts of any stretch add up to the share of the whole, and those of a month to the
amount. By the second, a day is as long as the clocks of the account make it.
"""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl

from metering.period import Month
from pricing.money import EXACT
from pricing.rating import PRICED
from pricing.terms import Terms

SHARE_STEP = Decimal(1).scaleb(-12)


def share(amount: Decimal, start: int, end: int, whole: int) -> Decimal:
    """Work out what of `amount`, which is for all of `whole`, is for the part from start to end.

    Example:
        >>> parts = [0, 10, 31]
        >>> [str(share(Decimal(49), *pair, 31)) for pair in zip(parts, parts[1:])]
        ['15.806451612903', '33.193548387097']
    """
    assert 0 <= start < end <= whole, "a share is of a month"
    return _mark(amount, end, whole) - _mark(amount, start, whole)


def prorate(priced: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Reduce the amounts of fees and add-ons that are charged by time to their days."""
    month = terms.month
    bounds = (month.first_day, month.next().first_day)
    is_part = (
        pl.col("proration").is_in(["by_day", "by_second"])
        & pl.col("end_date").is_not_null()
        & ~((pl.col("rate_date") == bounds[0]) & (pl.col("end_date") == bounds[1]))
    )
    with_terms = terms.of(priced, "proration")
    parts = with_terms.filter(is_part)
    key = ["proration", "account_id", "amount", "rate_date", "end_date"]
    distinct = parts.select(key).unique()
    shares = [_share_of_row(row, terms) for row in distinct.iter_rows()]
    table = distinct.with_columns(
        share=pl.Series([amount for amount, _ in shares], dtype=EXACT),
        days=pl.Series([words for _, words in shares], dtype=pl.String),
    )
    reduced = parts.join(table, on=key, how="left").with_columns(
        amount="share",
        note=pl.concat_str("note", "days", separator=", ", ignore_nulls=True),
    )
    return pl.concat([with_terms.filter(~is_part), reduced.drop("share", "days")]).select(
        PRICED.names()
    )


def _share_of_row(row: tuple[str, str, Decimal, date, date], terms: Terms) -> tuple[Decimal, str]:
    unit, account_id, amount, start, end = row
    month = terms.month
    if unit == "by_day":
        marks = (_days(month, start), _days(month, end), month.day_count)
        return share(amount, *marks), f"{marks[1] - marks[0]} of {month.day_count} days"
    first, last = month.first_day, month.next().first_day
    at = [terms.midnight(account_id, day) for day in (first, start, end, last)]
    marks = (_seconds(at[0], at[1]), _seconds(at[0], at[2]), _seconds(at[0], at[3]))
    return share(amount, *marks), f"{marks[1] - marks[0]} of {marks[2]} seconds"


def _days(month: Month, day: date) -> int:
    return (day - month.first_day).days


def _seconds(start: datetime, end: datetime) -> int:
    return (end - start) // timedelta(seconds=1)


def _mark(amount: Decimal, passed: int, whole: int) -> Decimal:
    if passed == whole:
        return amount
    with localcontext(prec=60):
        return (amount * passed / whole).quantize(SHARE_STEP, ROUND_HALF_UP)
