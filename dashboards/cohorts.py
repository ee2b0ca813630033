"""Cohorts of accounts, and who will pass what a month includes for free."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from dashboards.span import Span

COHORTS = pl.Schema(
    {
        "cohort": pl.Date(),  # the month in which its accounts were first active
        "age": pl.Int64(),  # in months
        "active": pl.Int64(),  # accounts
        "size": pl.Int64(),
        "quantity": pl.Int64(),
    }
)


def cohorts(active: pl.DataFrame) -> pl.DataFrame:
    """Group accounts by their first active month, and count who was active later on.

    Args:
        active: account, month (its first day), quantity: one row for each account and month.

    Returns:
        Schema `COHORTS`, with a row for each cohort and month up to the last one of the data.
    """
    if active.is_empty():
        return COHORTS.to_frame()
    known = active.filter(pl.col("account").is_not_null(), pl.col("quantity") > 0)
    placed = known.with_columns(cohort=pl.col("month").min().over("account"))
    sizes = placed.group_by("cohort").agg(size=pl.col("account").n_unique())
    counted = placed.group_by("cohort", "month").agg(
        active=pl.col("account").n_unique(), quantity=pl.col("quantity").sum()
    )
    months = placed.select("month").unique()
    every = sizes.join(months, how="cross").filter(pl.col("month") >= pl.col("cohort"))
    age = (pl.col("month").dt.year() - pl.col("cohort").dt.year()) * 12 + (
        pl.col("month").dt.month().cast(pl.Int64) - pl.col("cohort").dt.month().cast(pl.Int64)
    )
    return (
        every.join(counted, on=["cohort", "month"], how="left")
        .with_columns(pl.col("active", "quantity").fill_null(0), age=age)
        .select(pl.col(name).cast(kind) for name, kind in COHORTS.items())
        .sort("cohort", "age")
    )


def members(active: pl.DataFrame, cohort: date, month: date) -> pl.DataFrame:
    """List the accounts of a cohort with what they used in a month, the largest first.

    Args:
        active: As `cohorts` takes it.
        cohort, month: The first days of months.

    Returns:
        account, quantity (0 where it was not active), last (its last active month).
    """
    known = active.filter(pl.col("account").is_not_null(), pl.col("quantity") > 0)
    in_month = pl.col("quantity").filter(pl.col("month") == month).sum()
    found = known.group_by("account").agg(
        first=pl.col("month").min(), quantity=in_month, last=pl.col("month").max()
    )
    own = found.filter(pl.col("first") == cohort).select("account", "quantity", "last")
    return own.sort("quantity", "account", descending=[True, False])


def free_tier(daily: pl.DataFrame, key: str, *, span: Span, known_to: date) -> pl.DataFrame:
    """Say how far each account or sender is through what a month includes, and where it is going.

    The pace of the last seven full days goes on to the end of the month.

    Args:
        daily: `key`, day, quantity, and `included`, which is the same for all rows of a key.
        span: The month.
        known_to: The last full day.

    Returns:
        `key`, used, included, pace (of seven days), expected (at the end of the month), passes_on
        (the day on which `used` passes `included`, null where it will not), the fullest first.
    """
    last = min(span.last, known_to)
    pace_from = max(span.first, last - timedelta(days=6))
    pace_days = max(1, (last - pace_from).days + 1)
    days_left = max(0, (span.last - last).days)
    is_recent = pl.col("day").is_between(pace_from, last)
    sums = daily.group_by(key).agg(
        used=pl.col("quantity").sum(),
        included=pl.col("included").first(),
        recent=pl.col("quantity").filter(is_recent).sum(),
    )
    # Only of those that have passed it is the day looked for: there are few of them.
    passed = sums.filter(pl.col("used") > pl.col("included")).select(key)
    running = pl.col("quantity").cum_sum().over(key, order_by="day")
    over = daily.join(passed, on=key, how="semi").with_columns(running=running)
    passed_on = (
        over.filter(pl.col("running") > pl.col("included"))
        .group_by(key)
        .agg(passed_on=pl.col("day").min())
    )
    sums = sums.join(passed_on, on=key, how="left")
    gained = pl.col("recent") * days_left // pace_days
    rest = pl.col("included") - pl.col("used") + 1
    days_to_pass = (rest * pace_days + pl.col("recent") - 1) // pl.col("recent")
    ahead = pl.lit(last) + pl.duration(days=days_to_pass)
    will_pass = pl.col("used") + gained > pl.col("included")
    return (
        sums.with_columns(
            pace=pl.col("recent"),
            expected=pl.col("used") + gained,
            passes_on=pl.coalesce("passed_on", pl.when(will_pass).then(ahead)),
        )
        .select(key, "used", "included", "pace", "expected", "passes_on")
        .sort(
            pl.col("used") * 1_000_000 // pl.col("included"),
            "used",
            key,
            descending=[True, True, False],
        )
    )


def included_for(
    allowances: pl.DataFrame, subscriptions: pl.DataFrame, *, plan: str, charge: str, on: date
) -> tuple[list[str], int, str, Sequence[str]] | None:
    """Find what a charge includes on a day.

    Returns:
        The categories that count, how many are free, for each account or sender, and the accounts
        that are on the plan (none where the plan is the network's, which holds for all senders).
    """
    is_on = (pl.col("effective_from") <= on) & (pl.col("effective_to") > on)
    found = allowances.filter(is_on, pl.col("plan") == plan, pl.col("charge") == charge)
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    members = subscriptions.filter(is_on, pl.col("plan") == plan)["account_id"].to_list()
    return row["categories"], row["quantity"], row["each"], members
