"""What a credit note that a person writes gives back to prepaid credits.

Only money that was paid is ever paid back. A credit note takes off in this order: what is open of
the invoice, since nobody paid it; then what prepaid credits paid, which goes back to them, the last
that paid first; then what was paid in money.
"""

import polars as pl

from pricing.archive import Archive
from pricing.invoice import Drafts
from pricing.ledger import CREDIT_USED


def credits_returned(
    archive: Archive, drafts: Drafts, total_minor: int, note_id: str
) -> pl.DataFrame:
    """Say what credits get back of an invoice: schema `CREDIT_USED`, amounts negative.

    Args:
        archive: The documents, also the credit notes that the invoice has so far.
        drafts: The invoice.
        total_minor: What the credit note comes to, more than zero.
        note_id: The credit note.
    """
    left = _left(archive, drafts)
    open_minor = _open(archive, drafts.invoices.row(0, named=True))
    rest = max(total_minor - open_minor, 0)
    rows: list[tuple[str, int, str, int]] = []
    for credit_id, minor in reversed(left.items()):
        part = min(rest, minor)
        rest -= part
        if part:
            rows.append((note_id, len(rows), credit_id, -part))
    return pl.DataFrame(rows, CREDIT_USED, orient="row")


def _left(archive: Archive, drafts: Drafts) -> dict[str, int]:
    """What each credit paid of an invoice, in order, less what credit notes gave back so far."""
    query = (
        "select credit_id, sum(amount_minor)::bigint as minor from credits_used"
        " semi join (select invoice_id from invoices where credits_invoice_id = $invoice_id"
        " and state <> 'void') using (invoice_id) group by credit_id"
    )
    invoice_id = drafts.invoices["invoice_id"].item()
    before: dict[str, int] = dict(archive.frame(query, {"invoice_id": invoice_id}).rows())
    used = drafts.credits.sort("position").select("credit_id", "amount_minor").rows()
    return {credit_id: minor + before.get(credit_id, 0) for credit_id, minor in used}


def _open(archive: Archive, invoice: dict[str, object]) -> int:
    """What is open of an invoice by now; credit notes that are drafted count."""
    query = (
        "select coalesce((select sum(due_minor) from invoices"
        " where credits_invoice_id = $invoice_id and state <> 'void'), 0)"
        " - coalesce((select sum(amount_minor) from payments"
        " where document_id = $invoice_id), 0)"
    )
    moved = int(archive.value(query, {"invoice_id": invoice["invoice_id"]}))
    due = invoice["due_minor"]
    assert isinstance(due, int)
    return max(due + moved, 0)
