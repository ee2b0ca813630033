"""Reconciliation: deliveries as usage counts them, as documents do, and as their cells do.

Three counts must agree for each account, to the unit: what `tollbook usage` counts now, what the
`coverage` of its document says became of each delivery, and the price cells of its lines. Where
they do not, the reason is named if it is known: the log or the files of the book have changed since
the document was made, or the change is on a later document. What has no reason is a defect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from metering.meter import DELIVERIES
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from metering.usage import usage_by
from pricing.archive import Archive
from pricing.catalog import load_catalog
from pricing.document import Document
from pricing.documents.signed import signed
from pricing.month_end.figures import is_correction
from pricing.parties import payers_of

ZERO = Decimal(0)
NOT_CHARGED = "uncovered"  # why a delivery is free that no charge takes: it is in no cell


@dataclass(frozen=True)
class Inputs:
    """What a document was made of, or what there is now."""

    load_ids: frozenset[int]
    catalog_hash: str


@dataclass(frozen=True)
class Reconciled:
    """The counts of one account that is invoiced, with those that it pays for."""

    account_id: str | None  # None: whose senders nobody owns
    usage: Decimal
    documented: Decimal  # what the coverage of its documents counts
    priced: Decimal  # what the coverage says that charges took, in every component
    detailed: Decimal  # what the price cells of the documents hold
    reasons: tuple[str, ...] = field(default=())

    @property
    def usage_difference(self) -> Decimal:
        return self.usage - self.documented

    @property
    def detail_difference(self) -> Decimal:
        return self.priced - self.detailed

    @property
    def agrees(self) -> bool:
        return not self.usage_difference and not self.detail_difference

    @property
    def is_explained(self) -> bool:
        """Say whether nothing differs, or the reason is known; cells always agree."""
        return self.agrees or (bool(self.reasons) and not self.detail_difference)


def reconcile_month(book: Book, month: Month, documents: Iterable[Document]) -> list[Reconciled]:
    """Reconcile a month with the log as it is now.

    Args:
        documents: All documents of the book.
    """
    catalog = load_catalog(book)
    with Store.open(book, catalog.settings, "read") as store:
        frame = usage_by(store, catalog.accounts, month, DELIVERIES, ("account",))
        now = Inputs(frozenset(store.load_ids()), catalog.hash)
    usage = {account_id: Decimal(quantity) for account_id, quantity in frame.iter_rows()}
    listed = list(documents)
    return reconcile(
        *(month, usage, listed, payers_of(catalog.facts(month))),
        made_of=_inputs_of(book, month),
        now=now,
    )


def reconcile(
    month: Month,
    usage: Mapping[str | None, Decimal],
    documents: Iterable[Document],
    payers: Mapping[str, str],
    *,
    made_of: Mapping[str, Inputs],
    now: Inputs,
) -> list[Reconciled]:
    """Compare the counts of each account: a pure function of what it is given, by account.

    Args:
        usage: Deliveries of the month by account; None: of no account.
        payers: Who pays for an account; itself where it is absent.
        made_of: By `invoice_id`, for the documents of the month.
        now: What a document would be made of now.
    """
    listed = [signed(document) for document in documents if document.state != "void"]
    used: dict[str | None, Decimal] = {}
    for account_id, quantity in usage.items():
        payer_id = None if account_id is None else payers.get(account_id, account_id)
        used[payer_id] = used.get(payer_id, ZERO) + quantity
    own: dict[str | None, list[Document]] = {}
    for document in listed:
        if document.period == str(month):
            own.setdefault(document.account_id, []).append(document)
    later = _corrected_on(listed, month)
    found = []
    for account_id in sorted({*used, *own}, key=lambda name: (name is None, name or "")):
        counted = _counted(account_id, used.get(account_id, ZERO), own.get(account_id, []))
        inputs = [made_of[one.invoice_id] for one in own.get(account_id, []) if one.coverage]
        reasons = _reasons(counted, inputs or [*made_of.values()], now, later.get(account_id, ()))
        found.append(Reconciled(**{**vars(counted), "reasons": reasons}))
    return found


def _counted(account_id: str | None, usage: Decimal, documents: Iterable[Document]) -> Reconciled:
    covered = [document for document in documents if document.coverage]
    cells = [
        cell
        for document in covered
        for line in document.lines
        if not is_correction(line)
        for cell in line.details
        if cell.meter == DELIVERIES
    ]
    components = [one for document in covered for one in document.coverage["components"]]
    unknown = sum((cell.quantity for cell in cells if cell.status == "unknown"), ZERO)
    return Reconciled(
        account_id=account_id,
        usage=usage,
        documented=sum((Decimal(one.coverage["deliveries"]) for one in covered), ZERO),
        priced=sum((_priced(one) for one in components), ZERO) + unknown,
        detailed=sum((cell.quantity for cell in cells), ZERO),
    )


def _priced(component: Mapping[str, Any]) -> Decimal:
    """Add up what the charges of a component billed, or made free."""
    free = (Decimal(n) for reason, n in component["free"].items() if reason != NOT_CHARGED)
    return Decimal(component["billed"]) + sum(free, ZERO)


def _reasons(
    counted: Reconciled, inputs: Iterable[Inputs], now: Inputs, later: Iterable[str]
) -> tuple[str, ...]:
    """Name what is known to make usage differ from documents."""
    if not counted.usage_difference:
        return ()
    if counted.account_id is None:
        return ("no account owns these senders: see senders.csv",)
    known = list(inputs)
    new = sorted(now.load_ids - frozenset.union(*(one.load_ids for one in known))) if known else []
    reasons = [f"the difference is on {invoice_id}" for invoice_id in later]
    if new:
        loads = ", ".join(map(str, new))
        reasons.append(f"loaded since it was billed: {loads}")
    if known and any(one.catalog_hash != now.catalog_hash for one in known):
        reasons.append("the files of the book have changed since it was billed")
    return tuple(reasons)


def _corrected_on(documents: Iterable[Document], month: Month) -> dict[str | None, list[str]]:
    """Name the documents that runs correct a month on, by who pays."""
    found: dict[str | None, list[str]] = {}
    for document in documents:
        corrected = {line.period for line in document.lines if line.is_correction}
        if str(month) in corrected and document.reason is None:
            found.setdefault(document.account_id, []).append(document.number or document.invoice_id)
    return found


def _inputs_of(book: Book, month: Month) -> dict[str, Inputs]:
    """What the runs that made the documents of a month went by, by `invoice_id`."""
    query = (
        "select invoice_id, load_ids, catalog_hash from invoices join runs using (run_id)"
        " where invoices.period = $period"
    )
    with Archive.open(book) as archive:
        frame = archive.frame(query, {"period": str(month)})
    return {name: Inputs(frozenset(loads), digest) for name, loads, digest in frame.iter_rows()}
