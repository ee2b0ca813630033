"""Verification: a document is computed again from what its run recorded, and compared.

A run records the files of its book, the loads that were known and what it took from documents
before it; of a credit note that a person wrote, the trail keeps what it was written of. With the
same version of the engine the content must be the same, byte for byte; with another one its amounts
must be.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from metering.errors import UsageError
from metering.history import known_at
from metering.output import canonical
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive
from pricing.catalog import Catalog, load_catalog
from pricing.document_writer import documents
from pricing.invoice import Drafts
from pricing.life.credit_note import write_again
from pricing.life.invoiced import Prior
from pricing.life.issued import document_of
from pricing.life.lifecycle import content_hash
from pricing.run import engine_version, look_back_from, rate_after

AMOUNTS = ("currency", "net", "taxes", "total", "due", "credits")
SHIPPED = "shipped/"


@dataclass(frozen=True)
class Verdict:
    """Whether a document is what its inputs give."""

    invoice_id: str
    verdict: Literal["same bytes", "same amounts", "differs"]
    what: str = ""


def verify_invoice(book: Book, name: str) -> Verdict:
    """Compute a document again and compare.

    Raises:
        UsageError: there is no such document, or an older version wrote it, which recorded less.
    """
    with Archive.open(book) as archive:
        invoice_id = archive.invoice_id_of(name)
        known = document_of(archive, invoice_id)
        if _origin_of(archive, invoice_id) == "credit":
            (note,) = documents(write_again(archive, invoice_id))
            return _compare(invoice_id, known, note, "")
        run = _run_of(archive, invoice_id)
        files = _files_of(archive, run["catalog_hash"])
        prior = Prior.of(_content(archive, run["prior_sha256"]))
    with tempfile.TemporaryDirectory(prefix="tollbook-") as folder:
        _write_files(Path(folder), files)
        catalog = load_catalog(Book(Path(folder)))
    month = Month.parse(run["period"])
    with known_at(book, catalog.settings, run["load_ids"]) as store:
        before = look_back_from(book, store, catalog, month, prior)
        rated = rate_after(store, catalog, month, before)
    again = next(documents(_draft_of(rated.drafts, known)), None)
    if again is None:
        return Verdict(invoice_id, "differs", "its account has no draft any more")
    return _compare(invoice_id, known, again, _what_differs(run, files, catalog))


def _draft_of(drafts: Drafts, known: Mapping[str, Any]) -> Drafts:
    """Find the draft of an account and currency, and name it as the document that is known."""
    is_it = (pl.col("account_id") == known["account_id"]) & (
        pl.col("currency") == known["currency"]
    )
    found = drafts.with_invoices(drafts.invoices.filter(is_it))
    return found.renamed(dict.fromkeys(found.invoices["invoice_id"], known["invoice_id"]))


def _compare(
    invoice_id: str, known: Mapping[str, Any], again: Mapping[str, Any], others: str
) -> Verdict:
    written = json.loads(canonical(again))
    if content_hash(known) == content_hash(written):
        return Verdict(invoice_id, "same bytes", others)
    differing = [name for name in AMOUNTS if known[name] != written[name]]
    amounts, now = ({li["line_id"]: li["amount"] for li in d["lines"]} for d in (known, written))
    differing += [
        line_id for line_id in sorted({*amounts, *now}) if amounts.get(line_id) != now.get(line_id)
    ]
    if differing:
        return Verdict(invoice_id, "differs", f"{others} {', '.join(differing)}".strip())
    return Verdict(invoice_id, "same amounts", others)


def _what_differs(run: Mapping[str, Any], files: Mapping[str, bytes], catalog: Catalog) -> str:
    """Say what was not the same as in the run: the engine, or the data that ships with it."""
    said = []
    if run["engine_version"] != engine_version():
        said.append(f"made by version {run['engine_version']}, compared by {engine_version()}")
    shipped = {name: content for name, content in files.items() if name.startswith(SHIPPED)}
    changed = [name for name, content in shipped.items() if catalog.files.get(name) != content]
    if changed:
        said.append(f"{len(changed)} shipped files have changed since, like {sorted(changed)[0]}")
    return "; ".join(said)


def _origin_of(archive: Archive, invoice_id: str) -> str:
    query = "select origin from invoices where invoice_id = $invoice_id"
    return str(archive.value(query, {"invoice_id": invoice_id}))


def _run_of(archive: Archive, invoice_id: str) -> dict[str, Any]:
    query = "select runs.* from runs join invoices using (run_id) where invoice_id = $invoice_id"
    run = archive.frame(query, {"invoice_id": invoice_id}).row(0, named=True)
    if run["prior_sha256"] is None:
        raise UsageError(
            f"'{invoice_id}' cannot be computed again: an older version wrote it",
            where="INVOICE_ID",
            hint="its bytes are checked by: tollbook verify",
        )
    return run


def _files_of(archive: Archive, catalog_hash: str) -> dict[str, bytes]:
    query = (
        "select name, content from catalogs join contents using (sha256)"
        " where catalog_hash = $catalog_hash order by name"
    )
    frame: pl.DataFrame = archive.frame(query, {"catalog_hash": catalog_hash})
    return dict(frame.rows())


def _content(archive: Archive, sha256: str) -> bytes:
    found: bytes = archive.value(
        "select content from contents where sha256 = $sha256", {"sha256": sha256}
    )
    return bytes(found)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        if not name.startswith(SHIPPED):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
