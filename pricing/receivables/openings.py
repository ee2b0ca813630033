"""Opening balances: what another system left when a book began, taken over from CSV files.

Documents that were not paid yet, the last numbers of series, and the state of the first month. All
is checked first and taken over at once; what is there already changes nothing, and what would
contradict it is refused.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field, model_validator

from metering.account import Id
from metering.door import Row, read_rows
from metering.errors import BookError, Problem
from metering.period import Month
from metering.settings import CurrencyCode
from pricing.archive import Archive
from pricing.catalog import Catalog
from pricing.life.numbering import last_sequence
from pricing.life.trail import record_all
from pricing.money import MINOR_DECIMALS, exact_of, minor_of
from pricing.receivables.opening_state import (
    FILE,
    StateRow,
    contradictions,
    new_rows,
    state_of_rows,
    state_problems,
)
from pricing.receivables.payment_file import Amount, Day, Name
from pricing.state import STATE, state_bytes

DOCUMENTS, SERIES = "documents.csv", "series.csv"
FILES = (DOCUMENTS, SERIES, FILE)
OPENING_DOCUMENT = pl.Schema(
    {
        "document_id": pl.String(),
        "number": pl.String(),
        "account_id": pl.String(),
        "kind": pl.String(),
        "currency": pl.String(),
        "total_minor": pl.Int64(),
        "open_minor": pl.Int64(),
        "issue_date": pl.Date(),
        "due_date": pl.Date(),
    }
)
Told = tuple[str, str, Mapping[str, Any]]  # what the trail is told: action, object, facts


class DocumentRow(Row):
    """A row of `documents.csv`: a document of another system that is not paid."""

    number: Name
    account_id: Id
    kind: Literal["invoice", "credit_note"] = "invoice"
    currency: CurrencyCode
    total: Amount  # of a credit note, too, above 0
    open: Amount
    issue_date: Day
    due_date: Day

    @model_validator(mode="after")
    def _agree(self) -> "DocumentRow":
        if self.open > self.total:
            raise ValueError(f"open {self.open} is more than total {self.total} | correct one")
        if self.due_date < self.issue_date:
            raise ValueError(f"due on {self.due_date}, before {self.issue_date} | correct one")
        return self


class SeriesRow(Row):
    """A row of `series.csv`: the last number that another system gave in a year."""

    series: Literal["invoice", "credit_note"]
    year: Annotated[int, Field(ge=2009, le=2099)]
    last_number: Annotated[int, Field(ge=1, le=10**12)]


@dataclass(frozen=True)
class Taken:
    """How many rows of a file were new, and how many were there already."""

    file: str
    new: int
    same: int


def import_openings(
    archive: Archive, catalog: Catalog, paths: Sequence[Path], *, actor: str
) -> list[Taken]:
    """Take over what files say, all or nothing, with the trail.

    Args:
        archive: The documents, open for writing.
        catalog: The book.
        paths: Files that are named as in `FILES`, or a folder that holds them.
        actor: Who does it.

    Raises:
        BookError: every mistake in the files; nothing was taken over.
    """
    files, problems = _find(paths)
    documents, found = read_rows(files.get(DOCUMENTS, Path(DOCUMENTS)), DocumentRow)
    series, series_found = read_rows(files.get(SERIES, Path(SERIES)), SeriesRow)
    states, state_found = read_rows(files.get(FILE, Path(FILE)), StateRow)
    problems += [*found, *series_found, *state_found]
    new_documents, found = _new_documents(archive, catalog, documents, series)
    new_series, series_found = _new_series(archive, series)
    problems += [*found, *series_found, *state_problems(archive, catalog, states)]
    month = Month.parse(states[0].month) if states else None
    state = STATE.to_frame() if problems else state_of_rows(catalog, states)
    if month is not None:
        problems += contradictions(archive, month, state)
    if problems:
        raise BookError(problems)
    with archive.transaction():
        told = [*_keep_documents(archive, new_documents, actor), *_keep_series(archive, new_series)]
        fresh = 0
        if month is not None:
            fresh, told_state = _keep_state(archive, month, state, states)
            told += told_state
        record_all(archive, told, actor=actor)
    counts = [
        (DOCUMENTS, len(new_documents), len(documents)),
        (SERIES, len(new_series), len(series)),
        (FILE, fresh, len(states)),
    ]
    return [Taken(name, new, count - new) for name, new, count in counts if name in files]


def _find(paths: Sequence[Path]) -> tuple[dict[str, Path], list[Problem]]:
    listed = [
        path
        for given in paths
        for path in ([given / name for name in FILES] if given.is_dir() else [given])
        if path.exists() or not given.is_dir()
    ]
    files = {path.name: path for path in listed if path.name in FILES and path.exists()}
    hint = f"give a folder with {', '.join(FILES)}, or these files"
    problems = [
        Problem(path.name, "is not there, or is no file of openings", hint)
        for path in listed
        if path.name not in files
    ]
    if not listed:
        problems.append(Problem("openings", "there is nothing to take over", hint))
    return files, problems


def _new_documents(
    archive: Archive, catalog: Catalog, rows: Sequence[DocumentRow], series: Sequence[SeriesRow]
) -> tuple[list[dict[str, Any]], list[Problem]]:
    kept = archive.frame(f"select {', '.join(OPENING_DOCUMENT)} from opening_documents")
    known = {row["number"]: row for row in kept.to_dicts()}
    issued = {*archive.frame("select number from issued")["number"]}
    new, problems = [], []
    for row in rows:
        place = f"{DOCUMENTS}:{row.line}"
        found = [*_unfit(row, catalog, place)]
        problems += found
        if found:
            continue
        content = _content(row)
        earlier = known.setdefault(row.number, content)
        if row.number in issued or earlier not in (content,):
            what = f"'{row.number}' is there already, and says something else"
            problems.append(Problem(f"{place} number", what, "a number names one document"))
        elif earlier is content:
            new.append(content)
            problems += _unnumbered(archive, catalog, row, series, place)
    return new, problems


def _unfit(row: DocumentRow, catalog: Catalog, place: str) -> Iterator[Problem]:
    own = {a.currency for a in catalog.accounts.accounts if a.account_id == row.account_id}
    if not own:
        what = f"account '{row.account_id}' is not in accounts.csv"
        yield Problem(f"{place} account_id", what, "add the account, or correct the id")
    elif row.currency not in MINOR_DECIMALS:
        what, hint = f"'{row.currency}' is no currency", "write a code of ISO 4217, like EUR"
        yield Problem(f"{place} currency", what, hint)
    else:
        for name in ("total", "open"):
            amount = getattr(row, name)
            if exact_of(minor_of(amount, row.currency), row.currency) != amount:
                what = f"{amount} {row.currency} is no whole number of minor units"
                hint = f"write it with {MINOR_DECIMALS[row.currency]} decimals"
                yield Problem(f"{place} {name}", what, hint)


def _content(row: DocumentRow) -> dict[str, Any]:
    sign = -1 if row.kind == "credit_note" else 1
    same = ("number", "account_id", "kind", "currency", "issue_date", "due_date")
    content = {
        # No account has '#' in its id, so that no invoice_id is the same.
        "document_id": f"opening#{row.number}",
        **{name: getattr(row, name) for name in same},
        "total_minor": sign * minor_of(row.total, row.currency),
        "open_minor": sign * minor_of(row.open, row.currency),
    }
    return {name: content[name] for name in OPENING_DOCUMENT}


def _unnumbered(
    archive: Archive,
    catalog: Catalog,
    row: DocumentRow,
    series: Sequence[SeriesRow],
    place: str,
) -> Iterator[Problem]:
    """Yield a number that a document issued here would be given again."""
    numbering = catalog.settings.invoicing.numbering
    for name, pattern in (("invoice", numbering.invoice), ("credit_note", numbering.credit_note)):
        match = _numbered(pattern, row.number)
        if match is None:
            continue
        year, sequence = match
        last = [s.last_number for s in series if (s.series, s.year) == (name, year)]
        if sequence > max([*last, last_sequence(archive, name, year)]):
            yield Problem(
                f"{place} number",
                f"'{row.number}' would be given again to {name.replace('_', ' ')} {sequence} of"
                f" {year}",
                f"say in {SERIES} what the last number was: {name},{year},{sequence} or more",
            )


def _numbered(pattern: str, number: str) -> tuple[int, int] | None:
    """Read year and place of a number that a pattern writes; None where it does not."""
    head, _, tail = pattern.partition("{year}")
    middle, _, _ = tail.partition("{number")
    written = rf"{re.escape(head)}(\d{{4}}){re.escape(middle)}(\d+)"
    match = re.fullmatch(written, number)
    if match is None or pattern.format(year=int(match[1]), number=int(match[2])) != number:
        return None
    return int(match[1]), int(match[2])


def _new_series(
    archive: Archive, rows: Sequence[SeriesRow]
) -> tuple[list[SeriesRow], list[Problem]]:
    kept = archive.frame("select series, year, last_sequence from series_openings").rows()
    known = {(name, year): last for name, year, last in kept}
    new: list[SeriesRow] = []
    problems = []
    for row in rows:
        where = f"{SERIES}:{row.line} last_number"
        is_new = (row.series, row.year) not in known
        last = known.setdefault((row.series, row.year), row.last_number)
        issued = last_sequence(archive, row.series, row.year) if is_new else 0
        words = f"{row.series.replace('_', ' ')}s of {row.year}"
        if last != row.last_number:
            what = f"the last number of {words} was taken over as {last}"
            problems.append(Problem(where, what, "leave the row as it was"))
        elif issued:
            what = f"{words} are numbered here already, up to {issued}"
            problems.append(Problem(where, what, "take it over before the first is issued"))
        elif is_new:
            new.append(row)
    return new, problems


def _keep_documents(
    archive: Archive, contents: Sequence[Mapping[str, Any]], actor: str
) -> list[Told]:
    rows = [[*content.values()] for content in contents]
    frame = pl.DataFrame(rows, OPENING_DOCUMENT, orient="row").with_columns(
        recorded_at=pl.lit(datetime.now(UTC)), actor=pl.lit(actor)
    )
    archive.append("opening_documents", frame)
    return [
        ("opening.document", content["document_id"], document_facts(content))
        for content in contents
    ]


def document_facts(content: Mapping[str, Any]) -> dict[str, Any]:
    """Write a document that was taken over as the trail tells it."""
    return {n: v.isoformat() if isinstance(v, date) else v for n, v in content.items()}


def _keep_series(archive: Archive, rows: Sequence[SeriesRow]) -> list[Told]:
    for row in rows:
        given = {"series": row.series, "year": row.year, "last": row.last_number}
        archive.execute("insert into series_openings values ($series, $year, $last)", given)
    return [
        ("opening.series", f"{row.series}/{row.year}", {"last_number": row.last_number})
        for row in rows
    ]


def _keep_state(
    archive: Archive, month: Month, state: pl.DataFrame, rows: Sequence[StateRow]
) -> tuple[int, list[Told]]:
    before = month.back(1)
    given = {"period": str(before), "now": datetime.now(UTC)}
    archive.execute("insert or ignore into opening_states values ($period, $now)", given)
    kept = archive.closing_of(before)
    fresh = new_rows(state, STATE.to_frame() if kept is None else kept)
    if fresh.is_empty():
        return 0, []
    archive.append("closings", fresh.with_columns(period=pl.lit(str(before))))
    closing = archive.closing_of(before)
    assert closing is not None, "its month has just been marked"
    digest = hashlib.sha256(state_bytes(closing)).hexdigest()
    # A credit of which nothing is left is known by what was entered of it.
    names = {*fresh.select("account_id", "key").rows()}
    count = sum((row.account_id, row.key) in names for row in rows)
    return count, [("opening.state", str(before), {"rows": fresh.height, "sha256": digest})]
