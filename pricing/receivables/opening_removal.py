"""Taking back an opening balance that was wrong: it is removed, and can be taken over anew.

The trail keeps what was there. What something has been made of already stays: it is put right by
what follows, as any other record is.
"""

from typing import Any

from metering.errors import UsageError
from metering.period import Month
from pricing.archive import Archive
from pricing.life.trail import record
from pricing.receivables.opening_state import billed_with, taken_over
from pricing.receivables.openings import OPENING_DOCUMENT, document_facts

NAME = "NUMBER | SERIES/YEAR | MONTH"
SERIES = ("invoice", "credit_note")


def remove_opening(archive: Archive, name: str, *, actor: str, reason: str) -> str:
    """Remove a document by its number, a series as `invoice/2026`, or the state of a month.

    Args:
        archive: The documents, open for writing.
        name: What to remove; a month is that which begins with the state.
        actor: Who does it.
        reason: Why, for the trail.

    Returns:
        What was removed, in words.

    Raises:
        UsageError: there is no such opening balance, or something was made of it already.
    """
    query = f"select {', '.join(OPENING_DOCUMENT)} from opening_documents where number = $name"
    documents = archive.frame(query, {"name": name}).to_dicts()
    series, _, year = name.partition("/")
    with archive.transaction():
        if documents:
            action, object_id, facts = _remove_document(archive, documents[0])
            said = f"document {name}"
        elif series in SERIES and year.isdecimal():
            action, object_id, facts = _remove_series(archive, series, int(year))
            said = f"the last number of {series.replace('_', ' ')}s of {year}"
        else:
            action, object_id, facts = _remove_state(archive, name)
            said = f"the state that {name} begins with"
        record(archive, actor=actor, action=action, object_id=object_id, reason=reason, facts=facts)
    return said


def _remove_document(archive: Archive, document: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    given = {"document_id": document["document_id"]}
    if archive.value("select count(*) from payments where document_id = $document_id", given):
        raise UsageError(
            f"'{document['number']}' has payments or was written off",
            where=NAME,
            hint="put it right by an opposite one: see tollbook payment list",
        )
    archive.execute("delete from opening_documents where document_id = $document_id", given)
    return "opening.document_removed", document["document_id"], document_facts(document)


def _remove_series(archive: Archive, series: str, year: int) -> tuple[str, str, dict[str, Any]]:
    given = {"series": series, "year": year}
    of_series = "where series = $series and year = $year"
    last = archive.value(f"select last_sequence from series_openings {of_series}", given)
    if last is None:
        raise _unknown(f"{series}/{year}")
    if archive.value(f"select count(*) from issued {of_series}", given):
        raise UsageError(
            f"numbers of {series.replace('_', ' ')}s of {year} go on after {last} already",
            where=NAME,
            hint="issued numbers stay: another last number counts from the next year on",
        )
    archive.execute(f"delete from series_openings {of_series}", given)
    return "opening.series_removed", f"{series}/{year}", {"last_number": last}


def _remove_state(archive: Archive, name: str) -> tuple[str, str, dict[str, Any]]:
    before = taken_over(archive)
    if before is None or name != str(before.next()):
        raise _unknown(name)
    problems = [*billed_with(archive, Month.parse(name))]
    if problems:
        raise UsageError(problems[0].what, where=NAME, hint=problems[0].hint)
    given = {"period": str(before)}
    count = archive.value("select count(*) from closings where period = $period", given)
    archive.execute("delete from closings where period = $period", given)
    archive.execute("delete from opening_states where period = $period", given)
    return "opening.state_removed", str(before), {"rows": count}


def _unknown(name: str) -> UsageError:
    return UsageError(
        f"'{name}' was not taken over",
        where=NAME,
        hint="give the number of a document, a series and year like invoice/2026, or the month"
        " that begins with the state",
    )
