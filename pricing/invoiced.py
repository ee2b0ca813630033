"""What documents say of earlier months: what counts as invoiced, and what they were made with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from metering.period import Month
from pricing.archive import Archive
from pricing.correction import ISSUED, Invoiced
from pricing.invoice import LINE, LINE_DETAIL
from pricing.state import state_bytes, state_of

Inputs = tuple[str, tuple[int, ...]]  # the hash of a catalog, and the loads that were known


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

    def content(self) -> bytes:
        """Write it as bytes; the same, the same bytes."""
        document = {
            "start": str(self.start),
            "state": state_bytes(self.state).decode(),
            "opening": state_bytes(self.opening).decode(),
            "again": [*map(str, self.again)],
            "counted": [*self.counted],
            "closed": {str(month): sorted(ids) for month, ids in sorted(self.closed.items())},
            "issued": [
                [*texts, day.isoformat()] for *texts, day in self.issued.sort(pl.all()).rows()
            ],
        }
        return json.dumps(document, ensure_ascii=False).encode()

    @classmethod
    def of(cls, content: bytes) -> "Prior":
        """Read what `content` wrote."""
        document: dict[str, Any] = json.loads(content)
        issued = [[*texts, date.fromisoformat(day)] for *texts, day in document["issued"]]
        return cls(
            start=Month.parse(document["start"]),
            state=state_of(document["state"].encode()),
            opening=state_of(document["opening"].encode()),
            again=tuple(map(Month.parse, document["again"])),
            counted=tuple(document["counted"]),
            closed={Month.parse(month): ids for month, ids in document["closed"].items()},
            issued=pl.DataFrame(issued, ISSUED, orient="row"),
        )


def counted_before(archive: Archive, month: Month, periods: Sequence[Month]) -> list[str]:
    """Name the documents of which lines of `periods` count as invoiced when `month` is billed.

    A draft of an earlier month counts: it will be issued before that of `month`. A credit note
    that a person made does not, unless its month is billed again for it.
    """
    query = (
        "select distinct invoice_id from invoices join lines using (invoice_id)"
        " where (origin = 'run' or bills_again) and (state in ('approved', 'issued')"
        " or (state = 'draft' and invoices.period < $period))"
        " and list_contains($periods, lines.period) order by all"
    )
    given = {"period": str(month), "periods": [*map(str, periods)]}
    return archive.frame(query, given)["invoice_id"].to_list()


def closed_before(archive: Archive, month: Month) -> dict[Month, list[str]]:
    """Name who has a document that no run replaces, of each month before `month`."""
    query = (
        "select distinct period, account_id from invoices where period < $period"
        " and origin = 'run' and state in ('approved', 'issued', 'carried') order by all"
    )
    closed: dict[Month, list[str]] = {}
    for period, account_id in archive.frame(query, {"period": str(month)}).rows():
        closed.setdefault(Month.parse(period), []).append(account_id)
    return closed


def issued_of(archive: Archive, periods: Sequence[Month]) -> pl.DataFrame:
    """Name the documents that were issued for `periods`: schema `ISSUED`."""
    query = (
        f"select {', '.join(ISSUED.names())} from invoices"
        " where state = 'issued' and origin = 'run' and list_contains($periods, period)"
        " order by all"
    )
    return archive.frame(query, {"periods": [*map(str, periods)]}).cast(ISSUED)


def read_invoiced(archive: Archive, prior: Prior) -> Invoiced:
    """Read the lines that count as invoiced of the months that are rated again."""
    given = {"counted": [*prior.counted], "periods": [*map(str, prior.again)]}
    lines = "list_contains($counted, invoice_id) and list_contains($periods, period)"
    return Invoiced(
        lines=archive.read(LINE, "lines", lines, "line_id", given),
        details=archive.read(
            LINE_DETAIL,
            "details",
            f"line_id in (select line_id from lines where {lines})",
            "line_id, position",
            given,
        ),
        closed={month: {*ids} for month, ids in prior.closed.items()},
        issued=prior.issued,
    )


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


def carried_before(archive: Archive, month: Month) -> list[Month]:
    """The months whose lines stand on small totals that wait for an invoice which takes them."""
    query = (
        "select distinct lines.period from invoices as small join lines using (invoice_id)"
        " where small.state = 'carried' and small.period < $period and not exists ("
        "select 1 from lines as taken join invoices as later using (invoice_id)"
        " where taken.period = lines.period and later.account_id = small.account_id"
        " and later.period > small.period and later.state in ('approved', 'issued'))"
        " order by all"
    )
    return [Month.parse(row[0]) for row in archive.frame(query, {"period": str(month)}).rows()]


def corrected_before(archive: Archive, month: Month) -> list[Month]:
    """The months before `month` of which other documents than their own say something.

    Their own may be just as they would be now, and the sum of all is not.
    """
    query = (
        "select distinct lines.period from lines join invoices using (invoice_id)"
        " where is_correction and (origin = 'run' or bills_again) and lines.period < $period"
        " order by all"
    )
    return [Month.parse(row[0]) for row in archive.frame(query, {"period": str(month)}).rows()]
