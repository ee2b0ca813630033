"""The tax point: lines are taxed as who pays them is on the last day of the month they are for."""

import polars as pl

from pricing.catalog import Catalog
from pricing.tax import Taxed, buyers_of, tax_lines


def tax(lines: pl.DataFrame, catalog: Catalog) -> Taxed:
    """Tax lines, see `tax_lines`.

    Args:
        lines: With `payer_id` and `period`, and what `tax_lines` asks for.
        catalog: The catalog of the book.
    """
    taxable = lines.drop("account_id").rename({"payer_id": "account_id"})
    first_day = pl.format("{}-01", "period").str.to_date()
    dated = taxable.with_columns(tax_date=first_day.dt.month_end())
    points = dated.select("account_id", "tax_date").unique().sort(pl.all()).rows()
    known = {*catalog.accounts.ids()}
    buyers = buyers_of(
        (catalog.accounts.facts_on(name, day), day) for name, day in points if name in known
    )
    return tax_lines(dated, buyers, catalog.taxes)
