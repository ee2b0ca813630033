"""Revenue: what documents bill, by period, plan and whatever else a line is of."""

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import polars as pl

from pricing.document import Document
from pricing.money import EXACT
from pricing.month_end.figures import figures_of

By = Literal["period", "plan", "account", "kind", "charge"]
DIMENSIONS: tuple[By, ...] = get_args(By)
AMOUNTS = ("billed", "corrections", "revenue", "not_issued")


def revenue_of(
    documents: Iterable[Document], by: Sequence[By], *, period: str | None = None
) -> pl.DataFrame:
    """Add up the lines of documents, net of tax.

    A correction counts in the period of the document that it is on, never in the one that it is
    for, which is closed.

    Args:
        period: Only what counts in this one.

    Returns:
        A column for each of `by`, `currency`, and exact amounts: `billed`, `corrections`, their sum
        `revenue`, and how much of it is `not_issued`; sorted.
    """
    amount = pl.col("amount")
    key = [*by, "currency"]
    figures = figures_of(documents)
    return (
        figures.filter(pl.lit(period is None) | (pl.col("period") == (period or "")))
        .rename({"account_id": "account"})
        .group_by(key)
        .agg(
            billed=amount.filter(~pl.col("is_correction")).sum(),
            corrections=amount.filter(pl.col("is_correction")).sum(),
            revenue=amount.sum(),
            not_issued=amount.filter(~pl.col("is_issued")).sum(),
        )
        .with_columns(pl.col(name).cast(EXACT) for name in AMOUNTS)
        .sort(key, nulls_last=True)
    )
