"""The figures on the pages: pure functions from frames to sums; whole numbers and no floats."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from dashboards.span import Span

Readiness = Literal["all", "ready", "blocked"]
Order = Literal["account", "name", "total"]
Group = Literal["category", "market", "pricing_type", "entry_point", "account", "sender"]
Bin = Literal["day", "week", "month"]
TOP_COUNT = 8
UNCOUNTED = ("void", "carried")  # states of invoices that are in no total


@dataclass(frozen=True)
class Total:
    """The invoices of a selection in one currency; amounts of two currencies are never added."""

    currency: str
    amount_minor: int
    invoice_count: int
    blocked_count: int


def choose(
    invoices: pl.DataFrame, *, text: str, readiness: Readiness, order: Order = "account"
) -> pl.DataFrame:
    """Keep invoices whose account or name has `text` in it and that are as ready as asked for."""
    wanted = text.strip().lower()
    has_text = pl.any_horizontal(
        pl.col(name).str.to_lowercase().str.contains(wanted, literal=True)
        for name in ("account_id", "name", "invoice_id")
    )
    is_ready = {
        "all": pl.lit(value=True),
        "ready": ~pl.col("is_blocked"),
        "blocked": pl.col("is_blocked"),
    }
    kept = invoices.filter(has_text, is_ready[readiness])
    match order:
        case "account":
            return kept.sort("account_id", "invoice_id")
        case "name":
            return kept.sort(pl.col("name").str.to_lowercase(), "invoice_id")
        case "total":
            descending = [False, True, False]
            return kept.sort("currency", "total_minor", "invoice_id", descending=descending)


def totals(invoices: pl.DataFrame) -> list[Total]:
    """Add up invoices, one total for each currency.

    What is void, or waits for a later invoice, is in no total, as with `tollbook invoice list`.

    Example:
        >>> frame = pl.DataFrame(
        ...     {"currency": ["USD", "EUR", "USD"], "total_minor": [5, 7, 6], "is_blocked": False}
        ... ).with_columns(state=pl.lit("draft"))
        >>> [(total.currency, total.amount_minor) for total in totals(frame)]
        [('EUR', 7), ('USD', 11)]
    """
    counted = invoices.filter(~pl.col("state").is_in(UNCOUNTED))
    sums = counted.group_by("currency").agg(
        pl.col("total_minor").cast(pl.Int128).sum(),
        pl.len(),
        pl.col("is_blocked").cast(pl.Int64).sum(),
    )
    return [Total(*row) for row in sums.sort("currency").iter_rows()]


def labelled(
    frame: pl.DataFrame, group: str, *, names: Mapping[str, str], unknown: str
) -> pl.DataFrame:
    """Add column `group` with the words for a column's values.

    A null becomes `unknown`; an account is named with its name and id.
    """
    label = pl.col(group)
    if group == "account":
        keys = (key for key in frame[group].unique() if key in names)
        label = pl.col(group).replace({key: f"{names[key]} ({key})" for key in keys})
    return frame.with_columns(group=label.fill_null(unknown))


def ranked(frame: pl.DataFrame) -> pl.DataFrame:
    """Add up each group, the largest first: group, quantity."""
    sums = frame.group_by("group").agg(pl.col("quantity").sum())
    return sums.sort("quantity", "group", descending=[True, False])


def top(frame: pl.DataFrame, *, count: int = TOP_COUNT, other: str) -> pl.DataFrame:
    """Keep the `count` largest groups and fold the rest into `other`, unless that is one alone.

    Args:
        frame: bin, group, quantity.

    Returns:
        bin, group, rank (0 is the largest; the rest comes last, as `count`), quantity.
    """
    groups = ranked(frame)["group"].to_list()
    ranks = dict(zip(groups[:count], range(count), strict=False))
    rest = other if len(groups) > count + 1 or not groups else groups[-1]
    rank = pl.col("group").replace_strict(ranks, default=count, return_dtype=pl.Int64)
    folded = frame.with_columns(rank=rank).with_columns(
        group=pl.when(pl.col("rank") == count).then(pl.lit(rest)).otherwise("group")
    )
    sums = folded.group_by("bin", "group", "rank").agg(pl.col("quantity").sum())
    return sums.sort("bin", "rank")


def with_rest(
    top_daily: pl.DataFrame, totals: pl.DataFrame, groups: list[str], *, other: str
) -> pl.DataFrame:
    """Put what the groups lack of the totals beside them, as `top` would fold it.

    Args:
        top_daily: bin, group, quantity, of `groups` alone, which are in the order of rank.
        totals: bin, quantity, of all groups.

    Returns:
        bin, group, rank, quantity, as `top` answers.
    """
    ranks = {group: rank for rank, group in enumerate(groups)}
    keys = ["bin", "group", "rank"]
    known = (
        top_daily.with_columns(
            rank=pl.col("group").replace_strict(ranks, default=0, return_dtype=pl.Int64)
        )
        .group_by(keys)
        .agg(pl.col("quantity").sum())
    )
    taken = known.group_by("bin").agg(taken=pl.col("quantity").sum())
    left = pl.col("quantity") - pl.col("taken").fill_null(0)
    rest = (
        totals.group_by("bin")
        .agg(pl.col("quantity").sum())
        .join(taken, on="bin", how="left")
        .select("bin", group=pl.lit(other), rank=pl.lit(len(groups), pl.Int64), quantity=left)
        .filter(pl.col("quantity") > 0)
    )
    return pl.concat([known, rest]).sort("bin", "rank")


def binned(daily: pl.DataFrame, width: Bin) -> pl.DataFrame:
    """Add column `bin`: the day itself, the Monday of its week, or the first of its month."""
    every = {"day": "1d", "week": "1w", "month": "1mo"}[width]
    return daily.with_columns(bin=pl.col("day").dt.truncate(every))


def bins_of(span: Span, width: Bin) -> list[date]:
    """Name the bins that a span touches, in order; those without a row have nothing."""
    days = pl.DataFrame({"day": span.days()}, {"day": pl.Date})
    return binned(days, width)["bin"].unique().sort().to_list()


def cumulative(shown: pl.DataFrame, bins: list[date]) -> pl.DataFrame:
    """Let each bin of a group hold all that came before it too; a bin without a row goes on."""
    groups = shown.select("group", "rank").unique()
    every = groups.join(pl.DataFrame({"bin": bins}, {"bin": pl.Date}), how="cross")
    filled = every.join(shown, on=["bin", "group", "rank"], how="left").sort("rank", "bin")
    running = pl.col("quantity").fill_null(0).cum_sum().over("group", order_by="bin")
    return filled.with_columns(quantity=running).select(shown.columns).sort("bin", "rank")


def compared(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Set each group beside itself in the span before, the largest now first.

    Args:
        now, before: group, quantity.

    Returns:
        group, quantity, before, change.
    """
    sums = [ranked(frame) for frame in (now, before)]
    both = sums[0].join(
        sums[1].rename({"quantity": "before"}), on="group", how="full", coalesce=True
    )
    filled = both.with_columns(pl.col("quantity", "before").fill_null(0))
    return filled.with_columns(change=pl.col("quantity") - pl.col("before")).sort(
        "quantity", "before", "group", descending=[True, True, False]
    )


def drivers(comparison: pl.DataFrame, count: int) -> pl.DataFrame:
    """Keep the groups whose change is largest, up or down, the largest first."""
    moved = comparison.filter(pl.col("change") != 0)
    return moved.sort(pl.col("change").abs(), "group", descending=[True, False]).head(count)


def moves_of(comparison: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Part a change by what became of the groups: how many began, ended, grew and shrank, and by
    how much; the parts add up to the whole change.

    Example:
        >>> moves_of(pl.DataFrame({"quantity": [5, 0, 7], "before": [0, 3, 4]}))
        {'new': (1, 5), 'ended': (1, -3), 'more': (1, 3), 'less': (0, 0)}
    """
    now, before = pl.col("quantity"), pl.col("before")
    kinds = {
        "new": (before == 0) & (now > 0),
        "ended": (now == 0) & (before > 0),
        "more": (before > 0) & (now > before),
        "less": (now > 0) & (now < before),
    }
    found = {kind: comparison.filter(is_of_kind) for kind, is_of_kind in kinds.items()}
    return {
        kind: (part.height, int((part["quantity"] - part["before"]).sum()))
        for kind, part in found.items()
    }


def filled_days(daily: pl.DataFrame, span: Span) -> list[int]:
    """The quantity of each day of a span, 0 where there is no row: day, quantity."""
    found = dict(daily.select("day", "quantity").iter_rows())
    return [int(found.get(day, 0)) for day in span.days()]
