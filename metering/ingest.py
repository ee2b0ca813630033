"""Ingest: files in, events out; each file is one transaction, all of it or nothing.

The steps of a load, in this order because each needs what the one before leaves in table `staged`:

    stage            the source of the format turns the file into items: events, or set aside
    find repeats     the same report, here or in the store, is a duplicate; another one is kept
    append           events join the store, refused items the quarantine
    merge            deliveries learn what the new events say
    count            read = accepted + duplicates + reported again + ignored + quarantined, or undo
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import polars as pl

from metering.errors import SumsDisagreeError
from metering.files import (
    Arrival,
    Format,
    RefusedFile,
    is_document,
    lines_at,
    receive,
    recognise,
    why_not_json,
)
from metering.sources import cloudevents, tabular, whatsapp
from metering.sources.tabular import Mapping, parse_mapping
from metering.store import DataError, Store

RAW_TEXT_MAX = 4_000_000  # characters kept of a line that was refused


@dataclass(frozen=True)
class Load:
    """What became of a file: schema `tollbook.load/1`, counts in items."""

    name: str
    state: Literal["loaded", "already loaded", "refused"]
    load_id: int | None = None
    format: str = ""
    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    reported_again: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    unknown_fields: dict[str, int] = field(default_factory=dict)
    why: str = ""
    hint: str = ""

    def check(self) -> None:
        """Raise `SumsDisagreeError` unless every item that was read has exactly one outcome."""
        aside = sum(self.ignored.values()) + sum(self.quarantined.values())
        if self.read != self.accepted + self.duplicates + self.reported_again + aside:
            raise SumsDisagreeError(
                f"{self.read} items were read, but {self.accepted} accepted, {self.duplicates}"
                f" duplicates, {self.reported_again} reported again and {aside} set aside",
                where=self.name,
                hint="nothing of this file was kept; please report it with the file",
            )


def ingest(
    store: Store,
    names: Sequence[str],
    *,
    scratch: Path,
    sender: str | None = None,
    mapping: Mapping | None = None,
    step: Callable[[], None] = lambda: None,
) -> Iterator[Load]:
    """Load files one after another; one that is refused does not stop the others.

    Args:
        names: Files, as `find_files` gives them.
        scratch: A folder for copies that are needed during the load.
        sender: The sender of payloads that name none.
        mapping: What the columns of CSV and Parquet files mean.
        step: Called after each file.
    """
    for name in names:
        try:
            yield _load_file(store, name, scratch=scratch, sender=sender, mapping=mapping)
        except RefusedFile as refusal:
            yield Load(name, "refused", why=refusal.why, hint=refusal.hint)
        for leftover in scratch.iterdir():
            leftover.unlink()
        step()


def retry_rows(
    store: Store,
    quarantine_ids: Sequence[int] | None,
    *,
    scratch: Path,
    sender: str | None = None,
    mapping: Mapping | None = None,
) -> list[Load]:
    """Load refused rows again, each kind as a load of its own.

    What is refused once more goes back to quarantine with the place it had; a text that was never
    a row of its kind (a line that is no JSON, a CSV row of another width) is left where it is.

    Args:
        quarantine_ids: The rows; None for all that still have their text.
        mapping: Used in place of the mapping that the rows came with.
    """
    rows = store.frame(
        """
        select quarantine_id, name, format, mapping, line, position, raw
        from quarantine
        where ($ids is null or list_contains($ids, quarantine_id)) and json_valid(raw)
        order by quarantine_id
        """,
        {"ids": quarantine_ids},
    )
    groups = rows.partition_by("format", "mapping", maintain_order=True)
    return [_retry(store, group, scratch, sender=sender, mapping=mapping) for group in groups]


def _retry(
    store: Store, rows: pl.DataFrame, scratch: Path, *, sender: str | None, mapping: Mapping | None
) -> Load:
    path = scratch / "retried"
    content = "\n".join(raw.replace("\n", " ").replace("\r", " ") for raw in rows["raw"]) + "\n"
    path.write_text(content, encoding="utf-8")
    form, text = rows.select("format", "mapping").row(0)
    known = mapping or (parse_mapping(text) if text else None)
    sha256 = hashlib.sha256(f"retry {_now()} {content}".encode()).hexdigest()
    arrival = Arrival(f"retry of {rows.height} rows", path, sha256, len(content.encode()))
    job = _Job(arrival, form, sha256, sender, known if form in ("csv", "parquet") else None)
    store.set("path", str(path))
    store.put("retried", rows.with_row_index("ordinal", 1).drop("raw"))
    unknown = _stage(store, job, has_lines=True, is_retry=True)
    with store.transaction():
        store.execute(
            "delete from quarantine where quarantine_id in (select quarantine_id from retried)"
        )
        load = _settle(store, job, unknown)
        store.run("keep_first_place", {"load_id": load.load_id})
    return load


def _load_file(
    store: Store, name: str, *, scratch: Path, sender: str | None, mapping: Mapping | None
) -> Load:
    arrival = receive(name, scratch)
    form = recognise(arrival, has_mapping=mapping is not None)
    used = mapping if form in ("csv", "parquet") else None
    # What a mapping says is part of what a table means: another mapping makes it another content.
    content = arrival.sha256 + (f"+{used.content_sha256}" if used else "")
    known = store.value(
        "select min(load_id) from loads where content_sha256 = $content", {"content": content}
    )
    if known is not None:
        return Load(name, "already loaded", known)
    job = _Job(arrival, form, content, sender, used)
    return _load(store, job, scratch)


@dataclass(frozen=True)
class _Job:
    arrival: Arrival
    format: Format
    content: str
    sender: str | None
    mapping: Mapping | None


def _load(store: Store, job: _Job, scratch: Path) -> Load:
    is_split = job.format in ("webhooks", "cloudevents") and is_document(job.arrival.path)
    path = _split_document(store, job, scratch) if is_split else job.arrival.path
    store.set("path", str(path))
    try:
        unknown = _stage(store, job, has_lines=not is_split)
    except DataError as error:
        raise RefusedFile(
            f"cannot be read: {str(error).partition(chr(10))[0]}", "check the file"
        ) from error
    with store.transaction():
        return _settle(store, job, unknown)


def _stage(store: Store, job: _Job, *, has_lines: bool, is_retry: bool = False) -> dict[str, int]:
    """Fill the staged tables, which are this job's alone; answer the unknown fields."""
    store.run("create_staged")
    match job.format:
        case "webhooks":
            whatsapp.stage(store, sender=job.sender)
            unknown = whatsapp.unknown_fields(store)
        case "cloudevents":
            cloudevents.stage(store)
            unknown = {}
        case "csv" | "parquet":
            form = "quarantined" if is_retry else job.format
            tabular.stage(store, job.arrival.path, form, job.mapping)
            unknown = {}
    _find_places(store, job, has_lines=has_lines)
    return unknown


def _settle(store: Store, job: _Job, unknown: dict[str, int]) -> Load:
    """Give every staged item its outcome, and record the load."""
    load_id: int = store.value("select coalesce(max(load_id), 0) + 1 from loads")
    append = cloudevents.append if job.format == "cloudevents" else _append_events
    staged, duplicates, again, accepted = append(store, load_id)
    tally = store.frame("tally_staged").filter(pl.col("item_count") > 0)
    load = Load(
        job.arrival.name,
        "loaded",
        load_id,
        job.format,
        read=staged + sum(tally["item_count"]),
        accepted=accepted,
        duplicates=duplicates,
        reported_again=again,
        ignored=_counts(tally, "ignored"),
        quarantined=_counts(tally, "quarantined"),
        unknown_fields=unknown,
    )
    load.check()
    if load.quarantined:
        store.run(
            "append_quarantine",
            {
                "load_id": load_id,
                "name": job.arrival.name,
                "format": job.format,
                "mapping": job.mapping.text if job.mapping else None,
                "now": _now(),
            },
        )
    _record(store, job, load)
    return load


def _append_events(store: Store, load_id: int) -> tuple[int, int, int, int]:
    """Append what is new; answer how many were staged, duplicates, reported again, accepted."""
    staged = store.value("select count(*) from staged where aside is null")
    store.run("find_repeats")
    store.run("judge_repeats")
    store.run("append_events", {"load_id": load_id})
    # Duplicates among them change nothing: every fact of a delivery is a minimum or a maximum.
    store.execute("create or replace temp view fresh as from staged where aside is null")
    store.run("merge_deliveries")
    duplicates = store.value("select count(*) from judged where is_duplicate")
    again = store.value("select count(*) from judged where is_reported_again and not is_duplicate")
    appended = store.value("select count(*) from events where load_id = $id", {"id": load_id})
    return staged, duplicates, again, appended - again


def _counts(tally: pl.DataFrame, outcome: str) -> dict[str, int]:
    return dict(tally.filter(pl.col("outcome") == outcome).select("name", "item_count").rows())


def _find_places(store: Store, job: _Job, *, has_lines: bool) -> None:
    """Look up the lines of what was refused; one that could not be read gets its reason here."""
    wanted = store.frame(
        """
        select distinct aside.line as ordinal, aside.raw is null as is_unread
        from staged where aside.reason is not null and aside.line is not null
        """
    )
    places: list[tuple[int, int, str | None, str | None]] = []
    if has_lines and job.format in ("webhooks", "cloudevents"):
        unread = set(wanted.filter("is_unread")["ordinal"])
        for ordinal, line, text in lines_at(job.arrival.path, wanted["ordinal"].to_list()):
            is_unread = ordinal in unread
            raw = text.decode("utf-8", "backslashreplace")[:RAW_TEXT_MAX] if is_unread else None
            places.append((ordinal, line, raw, why_not_json(text) if is_unread else None))
    schema = {"ordinal": pl.Int64, "line": pl.Int64, "raw": pl.String, "reason": pl.String}
    store.put("refused_places", pl.DataFrame(places, schema, orient="row"))
    store.run("name_unread_lines")


def _record(store: Store, job: _Job, load: Load) -> None:
    store.run(
        "record_load",
        {
            "load_id": load.load_id,
            "content": job.content,
            "size_bytes": job.arrival.size_bytes,
            "name": load.name,
            "format": load.format,
            "read": load.read,
            "accepted": load.accepted,
            "duplicates": load.duplicates,
            "reported_again": load.reported_again,
            "ignored": json.dumps(load.ignored),
            "quarantined": json.dumps(load.quarantined),
            "unknown_fields": json.dumps(load.unknown_fields),
            "version": version("tollbook"),
            "now": _now(),
        },
    )


def _split_document(store: Store, job: _Job, scratch: Path) -> Path:
    """Write each value of a JSON document on a line of its own."""
    target = scratch / "split"
    with job.arrival.path.open("rb") as file:
        kind = "array" if file.read(4096).lstrip().startswith(b"[") else "unstructured"
    store.set("path", str(job.arrival.path))
    store.set("target", str(target))
    try:
        store.run(f"split_{kind}")
    except DataError as error:
        raise RefusedFile("is not JSON from beginning to end", "fetch the file again") from error
    return target


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
