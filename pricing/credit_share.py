"""Shares: what an account with credits owes of an invoice that another account pays.

Its credits pay its own lines and their taxes, and nothing of what the others used.
"""

from collections.abc import Collection

import polars as pl

from pricing.ledger import SHARE

OF_TAX = ["invoice_id", "treatment", "name", "rate_ratio"]


def shares_of(
    lines: pl.DataFrame, taxed: pl.DataFrame, taxes: pl.DataFrame | None, owners: Collection[str]
) -> pl.DataFrame:
    """Say what accounts owe of the invoices of their payers: schema `SHARE`.

    Args:
        lines: With `line_id`, `invoice_id`, `account_id`, `payer_id` and `amount_minor`.
        taxed: With `line_id` and the tax of each line.
        taxes: Schema `TAX`, of these invoices; None where the book has no taxes.
        owners: The accounts to say it of.

    A share of a tax is that of what it is on; what a share has of a minor unit is left out.
    """
    own = lines.filter(
        pl.col("account_id").is_in([*owners]), pl.col("account_id") != pl.col("payer_id")
    )
    key = ["account_id", "invoice_id"]
    named = own.join(taxed, on="line_id", maintain_order="left").rename(
        {"tax_treatment": "treatment", "tax_name": "name", "tax_rate_ratio": "rate_ratio"}
    )
    net = named.group_by(*key, *OF_TAX[1:]).agg(net=pl.col("amount_minor").sum())
    if taxes is None:
        net = net.with_columns(tax=pl.lit(0, pl.Int64))
    else:
        # 128 bits, since a product of two amounts may not fit into 64.
        whole = pl.col("tax_minor").cast(pl.Int128) * pl.col("net").cast(pl.Int128)
        part = whole // pl.col("taxable_minor").cast(pl.Int128)
        is_any = pl.col("taxable_minor") != 0
        net = net.join(taxes, on=OF_TAX).with_columns(
            tax=pl.when(is_any).then(part).otherwise(pl.lit(0, pl.Int128)).cast(pl.Int64)
        )
    return (
        net.group_by(key)
        .agg(pl.col("net").sum(), pl.col("tax").sum())
        .with_columns(share_minor=pl.col("net") + pl.col("tax"))
        .select(SHARE.names())
        .sort(key)
    )
