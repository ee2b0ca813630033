"""Seals: all that rows say, by a sha256 that the trail holds.

The content of an issued document does not say all that its rows say: what made it, what it credits,
what counts. When a document is issued, and when a run is done, the sha256 of the rows goes into the
trail, so that what is changed later is found. A column that a later schema adds needs a seal of
its own: what was told before is never made anew.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from metering.errors import Problem
from pricing.archive import Archive
from pricing.invoice import INVOICE, LINE, LINE_DETAIL
from pricing.ledger import CREDIT_LEDGER, CREDIT_USED
from pricing.state import STATE
from pricing.tax import TAX

HINT = "compare with a backup of invoices.duckdb; nothing in the product does this"
# What is sealed of a document, by table; its state moves on, and the trail tells of that.
OF_DOCUMENT: dict[str, tuple[str, ...]] = {
    "invoices": (
        *(name for name in INVOICE if name != "state"),
        *("run_id", "origin", "bills_again", "credits_invoice_id", "approved_sha256"),
    ),
    "lines": (*LINE, "credits_line_id"),
    "details": (*LINE_DETAIL,),
    "taxes": (*TAX,),
    "credits_used": (*CREDIT_USED,),
    "issued": ("invoice_id", "number", "series", "year", "sequence", "issued_at", "sha256"),
}
OF_RUN = (
    *("run_id", "period", "catalog_hash", "engine_version", "load_ids", "only_accounts"),
    *("invoice_count", "blocked_count", "unassigned", "started_at", "finished_at"),
    *("has_closing", "actor", "prior_sha256", "outcome"),
)
OF_MONTH = {"closings": (*STATE,), "credit_ledger": (*CREDIT_LEDGER,)}


def seals_of_documents(archive: Archive, invoice_ids: Iterable[str]) -> dict[str, str]:
    """Name all rows of documents by a sha256 for each."""
    ids = [*invoice_ids]
    parts: dict[str, list[str]] = {name: [] for name in ids}
    chosen = "invoice_id in (select unnest($ids::varchar[]))"
    for table, columns in OF_DOCUMENT.items():
        names = ", ".join(f"{table}.{name}" for name in columns)
        source, order = table, "position" if "position" in columns else "invoice_id"
        if table == "details":
            source = "details join (select line_id, invoice_id from lines) using (line_id)"
            order = "line_id, position"
        query = f"select invoice_id as of_document, {names} from {source} where {chosen}"
        for row in archive.frame(f"{query} order by {order}", {"ids": ids}).rows():
            parts[row[0]].append(_text([table, *row[1:]]))
    return {name: _digest("\n".join(some)) for name, some in parts.items()}


def seals_of_run(archive: Archive, run_id: int, periods: Iterable[str]) -> dict[str, Any]:
    """Name the row of a run, and the states of the months that it wrote, by their sha256."""
    months = _seals_of_months(archive, sorted({*periods}))
    return {"row": _seals_of_runs(archive)[run_id], "months": months}


def broken_seals(archive: Archive) -> Iterator[Problem]:
    """Yield rows that are not what the trail holds the sha256 of."""
    yield from _broken_documents(archive)
    yield from _broken_runs(archive)
    yield from _broken_contents(archive)


def _broken_documents(archive: Archive) -> Iterator[Problem]:
    told = {
        name: facts["rows_sha256"]
        for name, facts in _told(archive, "invoice.issued")
        if "rows_sha256" in facts
    }
    for name, digest in seals_of_documents(archive, told).items():
        if digest != told[name]:
            yield Problem(name, "its rows are not those that were issued", HINT)


def _broken_runs(archive: Archive) -> Iterator[Problem]:
    runs = _seals_of_runs(archive)
    told = {
        int(name.removeprefix("run ")): facts["seals"]
        for name, facts in _told(archive, "run.finished")
        if "seals" in facts
    }
    for run_id in sorted(told.keys() | runs.keys()):
        if run_id in told and told[run_id]["row"] != runs.get(run_id):
            yield Problem(f"run {run_id}", "is not what the trail tells of it", HINT)
    last: dict[str, str] = {}
    for _, one in sorted(told.items()):
        last |= one["months"]
    for period, digest in _seals_of_months(archive, [*last]).items():
        if digest != last[period]:
            yield Problem(f"states of {period}", "are not what the last run left", HINT)


def _broken_contents(archive: Archive) -> Iterator[Problem]:
    """Yield files whose content is not what it is named by, and catalogs that lack some."""
    known = set()
    for digest, content in archive.frame("select sha256, content from contents").rows():
        known.add(digest)
        if hashlib.sha256(content).hexdigest() != digest:
            yield Problem(f"content {digest[:16]}", "its bytes are not those that were kept", HINT)
    files: dict[str, list[tuple[str, str]]] = {}
    query = "select catalog_hash, name, sha256 from catalogs order by all"
    for catalog_hash, name, digest in archive.frame(query).rows():
        files.setdefault(catalog_hash, []).append((name, digest))
    used = "select distinct catalog_hash from runs union select catalog_hash from catalogs"
    for (catalog_hash,) in archive.frame(f"{used} order by all").rows():
        rows = files.get(catalog_hash, [])
        listed = "".join(f"{digest}  {name}\n" for name, digest in rows)
        if _digest(listed) != catalog_hash or not {digest for _, digest in rows} <= known:
            yield Problem(f"catalog {catalog_hash[:16]}", "its files are not those of a run", HINT)
    query = "select run_id, prior_sha256 from runs where prior_sha256 is not null order by all"
    for run_id, digest in archive.frame(query).rows():
        if digest not in known:
            yield Problem(f"run {run_id}", "what it took from documents before is gone", HINT)


def _seals_of_runs(archive: Archive) -> dict[int, str]:
    rows = archive.frame(f"select {', '.join(OF_RUN)} from runs order by run_id").rows()
    return {row[0]: _digest(_text(row)) for row in rows}


def _seals_of_months(archive: Archive, periods: list[str]) -> dict[str, str]:
    parts: dict[str, list[str]] = {period: [] for period in periods}
    for table, columns in OF_MONTH.items():
        names = ", ".join(columns)
        query = (
            f"select period as of_month, {names} from {table}"
            " where list_contains($periods, period) order by all"
        )
        for row in archive.frame(query, {"periods": periods}).rows():
            parts[row[0]].append(_text([table, *row[1:]]))
    return {period: _digest("\n".join(some)) for period, some in parts.items()}


def _told(archive: Archive, action: str) -> list[tuple[str, dict[str, Any]]]:
    query = "select object, facts from trail where action = $action order by sequence"
    return [
        (name, json.loads(facts)) for name, facts in archive.frame(query, {"action": action}).rows()
    ]


def _text(row: Iterable[Any]) -> str:
    return json.dumps([*row], ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
