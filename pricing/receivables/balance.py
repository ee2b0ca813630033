"""Balances: what is open of each document, and what an account owes.

Everything here is a sum of movements: documents, and what was paid, refunded, credited or written
off. Taken up to a day, the sums are those of that day, whatever happened since.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from pricing.archive import SQL, Archive

# What changes what an account owes, signed from the seller's side.
MOVEMENT = pl.Schema(
    {
        "movement_id": pl.String(),
        "document_id": pl.String(),  # whose open amount it changes; null for money on account
        "account_id": pl.String(),
        "kind": pl.String(),  # invoice, credit_note, void, or a kind of payment
        "part": pl.String(),  # of a balance: due, credited, paid or written_off
        "number": pl.String(),
        "reference": pl.String(),
        "booked_on": pl.Date(),
        "currency": pl.String(),
        "amount_minor": pl.Int64(),
        "total_minor": pl.Int64(),  # of a document, before prepaid credits; 0 of anything else
    }
)
PARTS = ("due", "credited", "paid", "written_off")
# One row for each document, and one for the money that each account has on account: it has no
# document_id and a negative open amount. due - credited - paid - written off = open.
BALANCE = pl.Schema(
    {
        "document_id": pl.String(),
        "account_id": pl.String(),
        "kind": pl.String(),  # invoice, credit_note or on_account
        "number": pl.String(),
        "issue_date": pl.Date(),
        "due_date": pl.Date(),
        "currency": pl.String(),
        **{f"{part}_minor": pl.Int64() for part in PARTS},
        "open_minor": pl.Int64(),
        # Before prepaid credits: what it came to, and what credit notes have left of that.
        "total_minor": pl.Int64(),
        "left_minor": pl.Int64(),
    }
)
_KEY = ["document_id", "account_id", "currency"]


def movements(archive: Archive, zone: str, as_of: date | None = None) -> pl.DataFrame:
    """Read what was booked up to a day, or all: schema `MOVEMENT`.

    Args:
        archive: The documents.
        zone: The seller's time zone, which says on which day a document became void.
        as_of: The last day that counts.
    """
    query = (SQL / "movements.sql").read_text(encoding="utf-8")
    found = archive.frame(query, {"zone": zone}).select(MOVEMENT.names()).cast(MOVEMENT)
    return found if as_of is None else found.filter(pl.col("booked_on") <= as_of)


def balances(archive: Archive, zone: str, as_of: date | None = None) -> pl.DataFrame:
    """Add up what is open of each document on a day, or by now: schema `BALANCE`."""
    return balances_of(movements(archive, zone, as_of), documents_owed(archive))


def balances_of(moved: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Add up movements: schema `BALANCE`. Args: `MOVEMENT`, and what `documents_owed` says."""
    of_part = {part: pl.col("amount_minor").filter(pl.col("part") == part).sum() for part in PARTS}
    sums = moved.group_by(_KEY).agg(
        of_part["due"].alias("due_minor"),
        *((-of_part[part]).alias(f"{part}_minor") for part in PARTS[1:]),
        pl.col("amount_minor").sum().alias("open_minor"),
        pl.col("total_minor").filter(pl.col("part") == "due").sum(),
        pl.col("total_minor").sum().alias("left_minor"),
    )
    named = sums.join(documents, on="document_id", how="left")
    kind = pl.col("kind").fill_null("on_account")
    order = ("account_id", "currency", "issue_date", "number")
    return named.with_columns(kind).select(BALANCE.names()).cast(BALANCE).sort(order)


def documents_owed(archive: Archive) -> pl.DataFrame:
    """Name the documents that payments may be for: document_id, kind, number, and their days."""
    columns = "kind, number, issue_date, due_date"
    return archive.frame(
        f"select invoice_id as document_id, {columns} from invoices"
        " where state in ('issued', 'void') and credits_invoice_id is null"
        f" union all select document_id, {columns} from opening_documents"
    )


def status_of(balance: Mapping[str, Any], today: date) -> str:
    """Say for people what became of a document.

    Args:
        balance: A row of `BALANCE`.
        today: The day that says what is overdue.

    Example:
        >>> row = {"due_minor": 100, "credited_minor": 0, "paid_minor": 40, "written_off_minor": 0}
        >>> days = {"due_date": date(2026, 12, 3), "kind": "invoice", "open_minor": 60}
        >>> paid_by_credits = {**row, **days, "paid_minor": 0, "open_minor": 0, "total_minor": 100}
        >>> [status_of({**paid_by_credits, "left_minor": n}, date(2026, 12, 3)) for n in (40, 0)]
        ['paid', 'credited']
        >>> [status_of({**row, **days}, date(2026, 12, day)) for day in (3, 4)]
        ['part paid', 'overdue']
    """
    left = balance["open_minor"]
    if balance["kind"] != "invoice":
        return "open" if left else "settled"
    if left < 0:
        return "overpaid"
    if left > 0:
        if balance["due_date"] < today:
            return "overdue"
        is_touched = any(balance[f"{part}_minor"] for part in PARTS[1:])
        return "part paid" if is_touched else "open"
    if balance["written_off_minor"]:
        return "written off"
    return "credited" if balance["total_minor"] and not balance["left_minor"] else "paid"
