"""What documents say of earlier months: what counts as invoiced, and what they were made with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from metering.period import Month
from pricing.archive import Archive
from pricing.invoice import LINE_DETAIL
from pricing.life.correction import INVOICED_LINE, ISSUED, Invoiced
from pricing.state import state_bytes, state_of

Inputs = tuple[str, tuple[int, ...]]  # the hash of a catalog, and the loads that were known
# What counts as invoiced if it is no draft, and what was made with `$load_ids` alone, in SQL.
# Drafts that are blocked, or that no customer gets, wait for something: what they say is on no
# invoice, and a later one may have it. They cannot be approved before a run has replaced them.
COUNTS = (
    "(origin in ('run', 'correction') or bills_again) and (state in ('approved', 'issued')"
    " or (state = 'draft' and not is_blocked and purpose = 'customer'))"
)
IS_KNOWN = "run_id in (select run_id from runs where list_has_all($load_ids, load_ids))"


@dataclass(frozen=True)
class Prior:
    """What a run takes from runs and documents before it; recorded with the run.

    Months are rated again from `start` on, which begins with `state`, up to the month that is
    billed, which begins with `opening`.
    """

    start: Month
    state: pl.DataFrame  # schema STATE
    opening: pl.DataFrame  # schema STATE
    again: tuple[Month, ...]  # the invoiced months that are rated again
    counted: tuple[str, ...]  # the documents of which lines of these months count as invoiced
    closed: Mapping[Month, Sequence[str]]  # who has a document of them that no run replaces
    issued: pl.DataFrame  # schema ISSUED
    # What those of `counted` say of these months that may still be replaced, as they are now.
    lines: pl.DataFrame = field(default_factory=INVOICED_LINE.to_frame)
    details: pl.DataFrame = field(default_factory=LINE_DETAIL.to_frame)
    # The states that months in between hand on: of them there are drafts alone.
    handed_on: Mapping[Month, pl.DataFrame] = field(default_factory=dict)
    # Those of `again` that are so far back that nothing but small totals, which wait, is taken of
    # them: they hand on what they did.
    waiting: tuple[Month, ...] = ()

    def content(self) -> bytes:
        """Write it as bytes; the same, the same bytes."""
        document = {
            "start": str(self.start),
            "state": state_bytes(self.state).decode(),
            "opening": state_bytes(self.opening).decode(),
            "again": [*map(str, self.again)],
            "waiting": [*map(str, self.waiting)],
            "counted": [*self.counted],
            "closed": {str(month): sorted(ids) for month, ids in sorted(self.closed.items())},
            "issued": [
                [*texts, day.isoformat()] for *texts, day in self.issued.sort(pl.all()).rows()
            ],
            "lines": _text(self.lines),
            "details": _text(self.details),
            "handed_on": {
                str(month): state_bytes(state).decode()
                for month, state in sorted(self.handed_on.items())
            },
        }
        return json.dumps(document, ensure_ascii=False).encode()

    @classmethod
    def of(cls, content: bytes) -> "Prior":
        """Read what `content` wrote."""
        document: dict[str, Any] = json.loads(content)
        issued = [[*texts, date.fromisoformat(day)] for *texts, day in document["issued"]]
        waiting = tuple(map(Month.parse, document.get("waiting", [])))
        return cls(
            start=Month.parse(document["start"]),
            state=state_of(document["state"].encode()),
            opening=state_of(document["opening"].encode()),
            again=tuple(map(Month.parse, document["again"])),
            counted=tuple(document["counted"]),
            closed={Month.parse(month): ids for month, ids in document["closed"].items()},
            issued=pl.DataFrame(issued, ISSUED, orient="row"),
            # What is absent a run did not record before it was thought of.
            lines=_frame(document.get("lines"), INVOICED_LINE),
            details=_frame(document.get("details"), LINE_DETAIL),
            handed_on={
                Month.parse(month): state_of(state.encode())
                for month, state in document.get("handed_on", {}).items()
            },
            waiting=waiting,
        )


def counted_before(
    archive: Archive, month: Month, periods: Sequence[Month], load_ids: Sequence[int]
) -> list[str]:
    """Name the documents of which lines of `periods` count as invoiced when `month` is billed.

    A draft of an earlier month counts: it will be issued before that of `month`. Documents of
    `month` itself do not: what is billed takes their place, or is compared with them. A credit
    note that a person made does not count, unless its month is billed again for it. What was made
    with other loads than `load_ids` was not known yet.
    """
    given = {"period": str(month), "periods": [*map(str, periods)], "load_ids": [*load_ids]}
    query = (
        "select distinct invoice_id from invoices join lines using (invoice_id)"
        f" where {COUNTS} and invoices.period <> $period and {IS_KNOWN}"
        " and (state <> 'draft' or invoices.period < $period)"
        " and list_contains($periods, lines.period) order by all"
    )
    return archive.frame(query, given)["invoice_id"].to_list()


def counted_of(archive: Archive, month: Month) -> list[str]:
    """Name the documents that are no drafts and of which lines of `month` count as invoiced."""
    query = (
        "select distinct invoice_id from invoices join lines using (invoice_id)"
        f" where {COUNTS} and state <> 'draft' and lines.period = $period order by all"
    )
    return archive.frame(query, {"period": str(month)})["invoice_id"].to_list()


def closed_before(
    archive: Archive, month: Month, load_ids: Sequence[int]
) -> dict[Month, list[str]]:
    """Name who has a document that no run replaces, of each month before `month`.

    What was made with other loads than `load_ids` was not known yet.
    """
    query = (
        "select distinct period, account_id from invoices where period < $period"
        " and origin = 'run' and state in ('approved', 'issued', 'carried')"
        f" and {IS_KNOWN} order by all"
    )
    closed: dict[Month, list[str]] = {}
    given = {"period": str(month), "load_ids": [*load_ids]}
    for period, account_id in archive.frame(query, given).rows():
        closed.setdefault(Month.parse(period), []).append(account_id)
    return closed


def issued_among(archive: Archive, counted: Sequence[str]) -> pl.DataFrame:
    """Name those of some documents that were issued and that a run made: schema `ISSUED`."""
    query = (
        f"select {', '.join(ISSUED.names())} from invoices"
        " where state = 'issued' and origin <> 'credit' and list_contains($counted, invoice_id)"
        " order by all"
    )
    return archive.frame(query, {"counted": [*counted]}).cast(ISSUED)


def read_invoiced(archive: Archive, prior: Prior) -> Invoiced:
    """Read the lines that count as invoiced of the months that are rated again."""
    held = {*prior.lines["invoice_id"]}
    counted = [name for name in prior.counted if name not in held]
    lines, details = _lines_of(archive, counted, prior.again)
    return Invoiced(
        lines=pl.concat([lines, prior.lines]).sort("line_id"),
        details=pl.concat([details, prior.details]).sort("line_id", "position"),
        closed={month: {*ids} for month, ids in prior.closed.items()},
        issued=prior.issued,
    )


def with_passing(archive: Archive, prior: Prior) -> Prior:
    """Hold what documents say that are counted and not issued yet: it may be another tomorrow."""
    query = (
        "select invoice_id from invoices where state <> 'issued'"
        " and list_contains($counted, invoice_id) order by all"
    )
    passing = archive.frame(query, {"counted": [*prior.counted]})["invoice_id"].to_list()
    lines, details = _lines_of(archive, passing, prior.again)
    return replace(prior, lines=lines, details=details)


def _lines_of(
    archive: Archive, counted: Sequence[str], periods: Sequence[Month]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the lines of some months on some documents, and their details."""
    given = {"counted": [*counted], "periods": [*map(str, periods)]}
    lines = "list_contains($counted, invoice_id) and list_contains($periods, period)"
    of_lines = f"line_id in (select line_id from lines where {lines})"
    # The reason for a tax stands with the sums of the document.
    noted = (
        "(select lines.*, legal_note as tax_note from lines left join taxes on"
        " taxes.invoice_id = lines.invoice_id and treatment = tax_treatment and name = tax_name"
        " and rate_ratio = tax_rate_ratio)"
    )
    return (
        archive.read(INVOICED_LINE, noted, lines, "line_id", given),
        archive.read(LINE_DETAIL, "details", of_lines, "line_id, position", given),
    )


def _text(frame: pl.DataFrame) -> str:
    """Write a frame as text that says each value exactly."""
    return frame.with_columns(pl.col(pl.Decimal).cast(pl.String)).write_csv()


def _frame(text: str | None, schema: pl.Schema) -> pl.DataFrame:
    """Read what `_text` wrote."""
    if text is None:
        return schema.to_frame()
    there = text.partition("\n")[0].split(",")
    exact = {
        name: pl.String() if kind.is_decimal() else kind
        for name, kind in schema.items()
        if name in there
    }
    found = pl.read_csv(text.encode(), schema=exact)
    missing = [pl.lit(None, kind).alias(n) for n, kind in schema.items() if n not in there]
    return found.with_columns(missing).select(schema.names()).cast(schema)


def documented_in(archive: Archive, periods: Sequence[Month]) -> dict[Month, list[str]]:
    """Name who has a document that a run made and that is not void, of each of these months."""
    query = (
        "select distinct period, account_id from invoices where origin = 'run'"
        " and state <> 'void' and list_contains($periods, period) order by all"
    )
    found: dict[Month, list[str]] = {}
    for period, account_id in archive.frame(query, {"periods": [*map(str, periods)]}).rows():
        found.setdefault(Month.parse(period), []).append(account_id)
    return found


def void_before(archive: Archive, month: Month) -> dict[Month, list[str]]:
    """Name whose document of a month before `month` is void, with nothing in its place."""
    query = (
        "select period, account_id from invoices where origin = 'run' and period < $period"
        " group by all having bool_and(state = 'void') order by all"
    )
    found: dict[Month, list[str]] = {}
    for period, account_id in archive.frame(query, {"period": str(month)}).rows():
        found.setdefault(Month.parse(period), []).append(account_id)
    return found


def inputs_of_documents(archive: Archive) -> dict[Month, set[Inputs]]:
    """The catalogs and loads that the documents of each month were made with."""
    query = (
        "select distinct period, catalog_hash, load_ids from runs semi join"
        " (select run_id from invoices where state <> 'draft' and origin = 'run')"
        " using (run_id)"
    )
    found: dict[Month, set[Inputs]] = {}
    for period, catalog_hash, load_ids in archive.frame(query).rows():
        found.setdefault(Month.parse(period), set()).add((catalog_hash, tuple(load_ids)))
    return found


def carried_before(archive: Archive, month: Month) -> dict[Month, list[str]]:
    """Name whose small totals wait for an invoice that takes them, by the months of their lines."""
    query = (
        "select distinct lines.period, small.account_id"
        " from invoices as small join lines using (invoice_id)"
        " where small.state = 'carried' and small.period < $period and not exists ("
        "select 1 from lines as taken join invoices as later using (invoice_id)"
        " where taken.period = lines.period and later.account_id = small.account_id"
        " and later.period > small.period and later.state in ('approved', 'issued'))"
        " order by all"
    )
    found: dict[Month, list[str]] = {}
    for period, account_id in archive.frame(query, {"period": str(month)}).rows():
        found.setdefault(Month.parse(period), []).append(account_id)
    return found


def waiting_documents(archive: Archive) -> list[str]:
    """Name the carried documents that may still get a number: no other has their lines by now.

    The last of an account has what was carried before it, so that no earlier one may.
    """
    query = (
        "select invoice_id from invoices as small where state = 'carried' and not exists ("
        "select 1 from lines as own join lines as taken using (account_id, period)"
        " join invoices as later on later.invoice_id = taken.invoice_id"
        " where own.invoice_id = small.invoice_id and later.account_id = small.account_id"
        " and later.period > small.period"
        " and later.state in ('approved', 'issued', 'carried')) order by all"
    )
    return archive.frame(query)["invoice_id"].to_list()


def corrected_before(archive: Archive, month: Month) -> list[Month]:
    """The months before `month` of which other documents than their own say something.

    Their own may be just as they would be now, and the sum of all is not.
    """
    query = (
        "select distinct lines.period from lines join invoices using (invoice_id)"
        " where is_correction and (origin <> 'credit' or bills_again) and lines.period < $period"
        " order by all"
    )
    return [Month.parse(row[0]) for row in archive.frame(query, {"period": str(month)}).rows()]


def last_with_others(archive: Archive, load_ids: Sequence[int]) -> Month | None:
    """The last month that a run has billed with other loads than `load_ids`, None if none has.

    What it and the months before it hand on may be what was not known yet.
    """
    query = "select max(period) from runs where not list_has_all($load_ids, load_ids)"
    found = archive.value(query, {"load_ids": [*load_ids]})
    return None if found is None else Month.parse(found)


def passed_on(archive: Archive, month: Month) -> pl.DataFrame:
    """Add up what drafts of a month correct of earlier months: later drafts leave it out."""
    query = (
        "select account_id, period, kind, plan, charge, sum(amount_minor)::bigint as amount_minor"
        " from lines semi join (select invoice_id from invoices where period = $period"
        f" and {COUNTS} and state = 'draft') using (invoice_id) where is_correction"
        " group by all order by all"
    )
    return archive.frame(query, {"period": str(month)})


def drafted_after(archive: Archive, month: Month) -> list[Month]:
    """Name the months after `month` that have drafts of runs."""
    query = (
        "select distinct period from invoices where period > $period and state = 'draft'"
        " and origin <> 'credit' and line_count > 0 order by all"
    )
    return [Month.parse(row[0]) for row in archive.frame(query, {"period": str(month)}).rows()]
