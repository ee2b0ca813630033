"""The trail: who did what, when and why; rows are only ever added, each chained to the one before.

The sha256 of a row is made of all it says and of the sha256 of the row before, so that a row that
is changed, removed or put between others breaks the chain from there on. Who keeps the last sha256
elsewhere can tell that the whole was not made anew.
"""

import getpass
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from metering.errors import Problem
from pricing.archive import Archive

ACTOR_VARIABLE = "TOLLBOOK_ACTOR"
ROOT = "0" * 64  # before the first row
TRAIL = pl.Schema(
    {
        "sequence": pl.Int64(),
        "happened_at": pl.Datetime("us", "UTC"),
        "actor": pl.String(),
        "action": pl.String(),
        "object": pl.String(),
        "reason": pl.String(),
        "facts": pl.String(),  # JSON
        "previous_sha256": pl.String(),
        "sha256": pl.String(),
    }
)
SAID = ("sequence", "happened_at", "actor", "action", "object", "reason", "facts")


def actor_of(given: str | None) -> str:
    """Name who acts: as given, by `TOLLBOOK_ACTOR`, or the user of the machine."""
    return given or os.environ.get(ACTOR_VARIABLE, "") or _user()


def record(
    archive: Archive,
    *,
    actor: str,
    action: str,
    object_id: str,
    reason: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Add a row; in the transaction of what it tells of, so that there is both or neither."""
    record_all(archive, [(action, object_id, facts or {})], actor=actor, reason=reason)


def record_all(
    archive: Archive,
    things: Sequence[tuple[str, str, Mapping[str, Any]]],
    *,
    actor: str,
    reason: str | None = None,
) -> None:
    """Add a row for each (action, object, facts), all at one instant."""
    previous = archive.frame("select sequence, sha256 from trail order by sequence desc limit 1")
    sequence, digest = previous.row(0) if previous.height else (0, ROOT)
    happened_at = datetime.now(UTC)
    rows = []
    for action, object_id, facts in things:
        sequence += 1
        text = json.dumps(facts, ensure_ascii=False, sort_keys=True)
        said = (sequence, happened_at, actor, action, object_id, reason, text)
        previous_digest, digest = digest, _digest(said, digest)
        rows.append((*said, previous_digest, digest))
    archive.append("trail", pl.DataFrame(rows, TRAIL, orient="row"))


def rows_of(archive: Archive, object_id: str | None = None) -> pl.DataFrame:
    """Read the trail, or what it says of one object: schema `TRAIL`."""
    query = (
        f"select {', '.join(TRAIL.names())} from trail"
        " where $object is null or object = $object order by sequence"
    )
    return archive.frame(query, {"object": object_id}).cast(TRAIL)


def broken_links(trail: pl.DataFrame) -> Iterator[Problem]:
    """Yield the first row at which the chain is broken."""
    previous = ROOT
    for number, row in enumerate(trail.sort("sequence").iter_rows(named=True), start=1):
        said = tuple(row[name] for name in SAID)
        is_next = row["sequence"] == number and row["previous_sha256"] == previous
        if not is_next or row["sha256"] != _digest(said, previous):
            yield Problem(
                f"trail, row {number}",
                "was changed, or rows before it were removed or added",
                "compare with a backup of invoices.duckdb; nothing in the product does this",
            )
            return
        previous = row["sha256"]


def lost_head(trail: pl.DataFrame, kept: str | None) -> Iterator[Problem]:
    """Yield a problem if a sha256 that was kept elsewhere is not in the chain: it was made anew."""
    if kept is not None and kept.strip().lower() not in trail["sha256"]:
        yield Problem(
            f"trail, {kept}",
            "is no row of it: rows were removed from its end, or all of it was made anew",
            "compare with a backup of invoices.duckdb, and the whole sha256 that was printed",
        )


def _digest(said: tuple[Any, ...], previous: str) -> str:
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in said]
    text = json.dumps([*parts, previous], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a machine may know no name for the user, as in containers
        return "unknown"
