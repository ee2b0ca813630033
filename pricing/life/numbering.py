"""Numbers of documents: without gaps in each series and year, given when a document is issued."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from metering.errors import UsageError
from metering.settings import Invoicing
from pricing.archive import Archive


@dataclass(frozen=True)
class Numbered:
    """A number, and its place in its series."""

    number: str
    series: str  # the kind of document
    year: int
    sequence: int


def next_numbers(
    archive: Archive, invoicing: Invoicing, kinds: Sequence[str], issue_date: date
) -> list[Numbered]:
    """Number documents of these kinds, in this order; in the transaction that issues them.

    Raises:
        UsageError: a document of the series has a later date: numbers follow the calendar.
    """
    patterns = {
        "invoice": invoicing.numbering.invoice,
        "credit_note": invoicing.numbering.credit_note,
    }
    last: dict[str, int] = {}
    for kind in {*kinds}:
        _check_date(archive, kind, issue_date)
        last[kind] = last_sequence(archive, kind, issue_date.year)
    numbered = []
    for kind in kinds:
        last[kind] += 1
        number = patterns[kind].format(year=issue_date.year, number=last[kind])
        numbered.append(Numbered(number, kind, issue_date.year, last[kind]))
    return numbered


def last_sequence(archive: Archive, series: str, year: int) -> int:
    """The last number of a series in a year, be it of another system; 0 before the first."""
    given = {"series": series, "year": year}
    query = (
        "select coalesce(max(sequence), 0) from (select sequence from issued"
        " where series = $series and year = $year union all"
        " select last_sequence from series_openings where series = $series and year = $year)"
    )
    return int(archive.value(query, given))


def _check_date(archive: Archive, series: str, issue_date: date) -> None:
    query = (
        "select max(issue_date) from invoices semi join issued using (invoice_id)"
        " where kind = $series"
    )
    latest = archive.value(query, {"series": series})
    if latest is not None and latest > issue_date:
        raise UsageError(
            f"a document of this series was issued on {latest}, which is after {issue_date}",
            where="--date",
            hint="numbers follow the calendar: give that day or a later one",
        )
