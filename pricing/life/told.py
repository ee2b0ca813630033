"""Payments and opening balances beside the trail: each is told there once, with what it says."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator

from metering.errors import Problem
from metering.period import Month
from pricing.archive import Archive
from pricing.receivables.openings import OPENING_DOCUMENT, document_facts
from pricing.receivables.payments import ACTIONS, payments_of, said
from pricing.state import state_bytes

NEAR_US = 60_000_000  # a row and what the trail tells of it are written in one transaction
HINT = "compare with a backup of invoices.duckdb; nothing in the product does this"


def untold(archive: Archive) -> Iterator[Problem]:
    """Yield payments and opening balances that are not what the trail tells, or are gone."""
    payments = [said(row) for row in payments_of(archive).to_dicts()]
    yield from _differing(archive, "payment_id", ACTIONS, payments)
    columns = ", ".join(OPENING_DOCUMENT)
    opened = archive.frame(f"select {columns} from opening_documents").to_dicts()
    removed = map(json.loads, _facts(archive, ("opening.document_removed",)))
    there = [*map(document_facts, opened), *removed]  # what was removed is still told
    yield from _differing(archive, "number", ("opening.document",), there)
    yield from _other_state(archive)
    yield from _other_series(archive)
    yield from _other_instants(archive)


def _differing(
    archive: Archive, name: str, actions: tuple[str, ...], rows: Iterable[dict[str, object]]
) -> Iterator[Problem]:
    kept = Counter(_text(row) for row in rows)
    told = Counter(_text(json.loads(facts)) for facts in _facts(archive, actions))
    for text in sorted((kept - told) + (told - kept)):
        which = json.loads(text)[name]
        yield Problem(f"{name} {which}", "is not what the trail tells of it", HINT)


def _other_state(archive: Archive) -> Iterator[Problem]:
    facts = _facts(archive, ("opening.state",))
    for (period,) in archive.frame("select period from opening_states").rows():
        closing = archive.closing_of(Month.parse(period))
        assert closing is not None, "its month is marked"
        digest = hashlib.sha256(state_bytes(closing)).hexdigest()
        if not facts or json.loads(facts[-1])["sha256"] != digest:
            yield Problem(f"opening state of {period}", "is not what was taken over", HINT)


def _other_series(archive: Archive) -> Iterator[Problem]:
    query = (
        "select action, object, facts from trail"
        " where action in ('opening.series', 'opening.series_removed') order by sequence"
    )
    told: dict[str, int] = {}
    for action, name, facts in archive.frame(query).rows():
        if action == "opening.series":
            told[name] = json.loads(facts)["last_number"]
        else:
            told.pop(name, None)
    rows = archive.frame("select series || '/' || year, last_sequence from series_openings").rows()
    for name, last in sorted({*told.items()} ^ {*rows}):
        yield Problem(f"opening of {name}", f"{last} is not what was taken over", HINT)


def _other_instants(archive: Archive) -> Iterator[Problem]:
    """Yield what was recorded by another, or at another time, than the trail tells."""
    name_of = {"payments": "facts ->> '$.payment_id'", "opening_documents": "object"}
    keys = {"payments": "payment_id", "opening_documents": "document_id"}
    told = {
        **{table: (keys[table], name, "actor = told_by") for table, name in name_of.items()},
        "opening_states": ("period", "object", "true"),
    }
    actions = {
        "payments": [*ACTIONS],
        "opening_documents": ["opening.document"],
        "opening_states": ["opening.state"],
    }
    for table, (key, name, is_same_actor) in told.items():
        query = (
            f"select {key} from {table} left join (select {name} as {key}, actor as told_by,"
            " happened_at from trail where list_contains($actions, action)) as told"
            f" using ({key}) group by {key} having not coalesce(bool_or({is_same_actor} and"
            " abs(epoch_us(happened_at) - epoch_us(recorded_at)) <= $near), false) order by all"
        )
        given = {"actions": actions[table], "near": NEAR_US}
        for (which,) in archive.frame(query, given).rows():
            yield Problem(f"{key} {which}", "was recorded otherwise than the trail tells", HINT)


def _facts(archive: Archive, actions: tuple[str, ...]) -> list[str]:
    query = "select facts from trail where list_contains($actions, action) order by sequence"
    return archive.frame(query, {"actions": [*actions]})["facts"].to_list()


def _text(facts: object) -> str:
    return json.dumps(facts, sort_keys=True)
