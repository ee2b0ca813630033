"""Issued documents: the bytes that were issued, and whether they are still what they were."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import zstandard

from metering.errors import Problem
from metering.output import canonical
from pricing.archive import Archive
from pricing.document import Document
from pricing.document_writer import documents


def document_of(archive: Archive, invoice_id: str) -> dict[str, Any]:
    """Read a document: an issued one as it was issued, any other as it is now."""
    content = issued_content(archive, invoice_id)
    if content is not None:
        issued: dict[str, Any] = json.loads(content)
        return issued
    (document,) = documents(archive.drafts_of(invoice_id=invoice_id))
    found: dict[str, Any] = json.loads(canonical(document))
    return found


def read_documents(
    archive: Archive, *, period: str | None = None, state: str | None = None
) -> Iterator[Document]:
    """Yield the documents of a period, in a state, or all, in the order of `drafts_of`."""
    drafts = archive.drafts_of(period=period, state=state)
    contents = _contents(archive, period)
    is_issued = drafts.invoices["invoice_id"].is_in([*contents])
    written = {
        document["invoice_id"]: document
        for document in documents(drafts.with_invoices(drafts.invoices.filter(~is_issued)))
    }
    for invoice_id in drafts.invoices["invoice_id"]:
        content = contents.get(invoice_id)
        yield Document.of(written[invoice_id] if content is None else json.loads(content))


def issued_content(archive: Archive, invoice_id: str) -> bytes | None:
    """Read the bytes that a document was issued as; None for one that was not issued."""
    content = archive.value(
        "select content from issued where invoice_id = $invoice_id", {"invoice_id": invoice_id}
    )
    return None if content is None else zstandard.decompress(bytes(content))


def pack(content: bytes) -> bytes:
    """Pack the bytes of a document for keeping."""
    return zstandard.compress(content, 9)


def broken_documents(archive: Archive) -> Iterator[Problem]:
    """Yield issued documents that are not what they were, and gaps in the numbers."""
    drafts = archive.drafts_of()
    kept = archive.frame("select invoice_id, number, sha256, content from issued order by number")
    is_issued = drafts.invoices["invoice_id"].is_in([*kept["invoice_id"]])
    rows = drafts.with_invoices(drafts.invoices.filter(is_issued))
    # Void is no part of a content: the document itself was issued as it is.
    as_issued = rows.with_invoices(rows.invoices.with_columns(state=pl.lit("issued")))
    told = {document["invoice_id"]: document for document in documents(as_issued)}
    for invoice_id, number, digest, packed in kept.rows():
        content = _unpacked(packed)
        if hashlib.sha256(content).hexdigest() != digest:
            yield _broken(number, "its bytes are not those that were issued")
        elif not _says_the_same(content, told.get(invoice_id)):
            yield _broken(number, "its rows say something else than what was issued")
    yield from _untold(archive)
    yield from _gaps(archive)


def _unpacked(content: bytes) -> bytes:
    """Unpack what is kept; nothing where it is not even what was packed."""
    try:
        return zstandard.decompress(content)
    except zstandard.ZstdError:
        return b""


def _says_the_same(content: bytes, told: dict[str, Any] | None) -> bool:
    """Compare amounts, lines and dates; a later version may know keys that an earlier did not."""
    if told is None:
        return False
    now: dict[str, Any] = json.loads(canonical(told))
    then: dict[str, Any] = json.loads(content)
    return all(now.get(name) == value for name, value in then.items())


def _untold(archive: Archive) -> Iterator[Problem]:
    """Yield where issued documents and the trail tell different stories."""
    query = (
        "select coalesce(told.number, issued.number, invoice_id) as number,"
        " case when issued.sha256 is null then 'the trail says that it was issued: it is gone'"
        " when told.sha256 is distinct from issued.sha256"
        " then 'the trail does not say that this was issued'"
        " when state is distinct from if(voided, 'void', 'issued')"
        " then 'it is ' || coalesce(state, 'gone') || ', and the trail says something else' end"
        " as what from (select object as invoice_id, facts ->> '$.number' as number,"
        " facts ->> '$.sha256' as sha256 from trail where action = 'invoice.issued') as told"
        " full join issued using (invoice_id)"
        " left join (select invoice_id, state from invoices) using (invoice_id)"
        " left join (select distinct object as invoice_id, true as voided from trail"
        " where action = 'invoice.voided') using (invoice_id)"
        " where what is not null order by all"
    )
    for number, what in archive.frame(query).rows():
        yield _broken(number, what)


def _gaps(archive: Archive) -> Iterator[Problem]:
    query = (
        "select series, year, min(sequence) as first, max(sequence) as last, count(*) as count,"
        " coalesce(any_value(last_sequence), 0) as before"
        " from issued left join series_openings using (series, year) group by all order by all"
    )
    for series, year, first, last, count, before in archive.frame(query).rows():
        if first != before + 1 or last - first + 1 != count:
            yield Problem(
                f"numbers of {series.replace('_', ' ')}s of {year}",
                f"have a gap: {count} documents from {first} to {last}",
                "compare with a backup of invoices.duckdb; nothing in the product does this",
            )


def _broken(number: str, what: str) -> Problem:
    hint = "compare with a backup of invoices.duckdb; nothing in the product does this"
    return Problem(number, what, hint)


def _contents(archive: Archive, period: str | None) -> dict[str, bytes]:
    """Read the bytes of all issued documents of a period, or of all."""
    query = (
        "select invoice_id, content from issued semi join"
        " (from invoices where $period is null or period = $period) using (invoice_id)"
    )
    unpacker = zstandard.ZstdDecompressor()
    rows = archive.frame(query, {"period": period}).iter_rows()
    return {invoice_id: unpacker.decompress(content) for invoice_id, content in rows}
