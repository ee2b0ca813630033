"""What keeps an invoice back where the file of credits disagrees with what was entered or is left.

A row that was entered is never taken out again in silence: what people changed in it is named.
"""

from collections.abc import Mapping

import polars as pl

from metering.errors import BookError, Problem
from pricing.credit import FILE, KEY
from pricing.money import to_major


def blocked_by_credits(
    rows: pl.DataFrame, refunds: pl.DataFrame, entered: pl.DataFrame
) -> dict[str, list[dict[str, str]]]:
    """Say, by account, which rows do not agree with what was entered or is left.

    Args:
        rows: With `amount`, and `entered` where the row was entered in an earlier month.
        refunds: The new ones, with `is_covered`, and `left` in minor units of `currency`.
        entered: `account_id`, `credit_id` and `entered` of all rows of earlier months.
    """
    gone = pl.format(
        f"row of {FILE} that was entered before and is gone: put '{{}}' back, and take back what is"
        " left of a credit by a refund",
        "credit_id",
    )
    changed = pl.format(
        f"row of {FILE} that was entered with another amount: give '{{}}' its {{}} back, and add"
        " a row for the difference",
        "credit_id",
        _shown(pl.col("entered")),
    )
    short = pl.format(
        "refund that is larger than what is left: '{}' takes back {} {}, and of '{}' {} is left",
        *("credit_id", _shown(pl.col("amount")), "currency", "of"),
        _shown(to_major(pl.col("left"), pl.col("currency"))),
    )
    has_changed = pl.col("entered").is_not_null() & (pl.col("entered") != pl.col("amount"))
    found = [
        ("credit_gone", entered.join(rows, on=KEY, how="anti").with_columns(what=gone)),
        ("credit_changed", rows.filter(has_changed).with_columns(what=changed)),
        ("refund_too_large", refunds.filter(~pl.col("is_covered")).with_columns(what=short)),
    ]
    blocked: dict[str, list[dict[str, str]]] = {}
    for reason, frame in found:
        for account_id, what in frame.sort(KEY).select("account_id", "what").iter_rows():
            listed = blocked.setdefault(account_id, [])
            listed.append({"reason": reason, "quantity": "1", "what": what})
    return blocked


def check_owners(balances: pl.DataFrame, currencies: Mapping[str, str]) -> None:
    """Raise `BookError` where an account with credits is gone from the book."""
    lost = balances.filter(~pl.col("account_id").is_in([*currencies]))
    problems = [
        Problem(
            "accounts.csv",
            f"account '{account_id}' is gone, and has {exact.normalize():f} left of credit"
            f" '{credit_id}'",
            "put it back: an account that was billed stays; end its subscriptions instead",
        )
        for account_id, credit_id, exact in lost.select(*KEY, "opening").iter_rows()
    ]
    if problems:
        raise BookError(problems)


def _shown(amount: pl.Expr) -> pl.Expr:
    """Write an exact amount without the zeros of its scale."""
    return amount.cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
