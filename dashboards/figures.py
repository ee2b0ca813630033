"""The figures on the pages: pure functions from frames to sums; whole numbers and no floats."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

Readiness = Literal["all", "ready", "blocked"]
Order = Literal["account", "name", "total"]
Group = Literal["category", "market", "pricing_type", "account"]
TOP_COUNT = 8


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

    Example:
        >>> frame = pl.DataFrame(
        ...     {"currency": ["USD", "EUR", "USD"], "total_minor": [5, 7, 6], "is_blocked": False}
        ... )
        >>> [(total.currency, total.amount_minor) for total in totals(frame)]
        [('EUR', 7), ('USD', 11)]
    """
    sums = invoices.group_by("currency").agg(
        pl.col("total_minor").cast(pl.Int128).sum(),
        pl.len(),
        pl.col("is_blocked").cast(pl.Int64).sum(),
    )
    return [Total(*row) for row in sums.sort("currency").iter_rows()]


def by_group(
    usage: pl.DataFrame, group: Group, *, names: Mapping[str, str], unknown: str
) -> pl.DataFrame:
    """Label each row of usage with its group.

    A null becomes `unknown`; an account is labelled with its name and id.

    Returns:
        day, group, quantity.
    """
    labelled = pl.col(group)
    if group == "account":
        labels = {account_id: f"{name} ({account_id})" for account_id, name in names.items()}
        labelled = pl.col(group).replace(labels)
    return (
        usage.with_columns(group=labelled.fill_null(unknown))
        .group_by("day", "group")
        .agg(pl.col("quantity").sum())
        .sort("day", "group")
    )


def ranked(daily: pl.DataFrame) -> pl.DataFrame:
    """Add up what `by_group` answered for each group, the largest first: group, quantity."""
    sums = daily.group_by("group").agg(pl.col("quantity").sum())
    return sums.sort("quantity", "group", descending=[True, False])


def top(daily: pl.DataFrame, *, count: int = TOP_COUNT, other: str) -> pl.DataFrame:
    """Keep the `count` largest groups and fold the rest into `other`, unless that is one alone.

    Returns:
        day, group, rank (0 is the largest; the rest comes last, as `count`), quantity.
    """
    groups = ranked(daily)["group"].to_list()
    ranks = dict(zip(groups[:count], range(count), strict=False))
    rest = other if len(groups) > count + 1 else groups[-1]
    rank = pl.col("group").replace_strict(ranks, default=count, return_dtype=pl.Int64)
    folded = daily.with_columns(rank=rank).with_columns(
        group=pl.when(pl.col("rank") == count).then(pl.lit(rest)).otherwise("group")
    )
    sums = folded.group_by("day", "group", "rank").agg(pl.col("quantity").sum())
    return sums.sort("day", "rank")
