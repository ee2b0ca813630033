"""A load: what a file held becomes events, or is set aside with its reason; all of it or nothing.

The steps, in this order because each needs what the one before leaves in table `staged`:

    stage            the source of the format turns files into items: events, or set aside
    find repeats     the same report, here or in the store, is a duplicate; another one is kept
    append           events join the store, refused items the quarantine
    learn            contacts, deliveries and windows are brought up to date
    count            read = accepted + duplicates + reported again + ignored + quarantined, or undo

Small files are loaded some hundreds at a time, in one transaction for all of them.
"""

import json
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import polars as pl

from metering.errors import SumsDisagreeError
from metering.files import Format, csv_header, csv_lines_at, lines_at, why_not_json
from metering.learn import learn
from metering.sources import cloudevents, tabular, whatsapp
from metering.sources.tabular import Mapping
from metering.store import Store

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


@dataclass(frozen=True)
class File:
    """A file that is ready to be read in columns."""

    name: str
    path: Path  # lines, or a table
    content: str  # what it is recognised by
    size_bytes: int
    has_lines: bool  # false where a document was unfolded: its lines are no places in the file
    mapping: Mapping | None = None  # of a table


@dataclass(frozen=True)
class Batch:
    """Files of one format that are loaded in one transaction."""

    format: Format
    files: Sequence[File]
    sender: str | None = None
    mapping: Mapping | None = None
    is_retry: bool = False


UnknownFields = MappingOf[int, dict[str, int]]  # by number of the file


def stage(store: Store, batch: Batch) -> UnknownFields:
    """Fill the staged tables, which are this job's alone; answer the unknown fields.

    Raises:
        DataError: a file cannot be read at all.
        RefusedFile: a mapping does not fit its file.
    """
    store.run("create_staged")
    paths = [file.path for file in batch.files]
    unknown: UnknownFields = {}
    match batch.format:
        case "webhooks":
            whatsapp.stage(store, paths, sender=batch.sender)
            unknown = whatsapp.unknown_fields(store, paths)
        case "cloudevents":
            cloudevents.stage(store, paths[0])
        case "csv" | "parquet":
            form = "quarantined" if batch.is_retry else batch.format
            tabular.stage(store, paths[0], form, batch.mapping)
    _find_places(store, batch)
    return unknown


def settle(store: Store, batch: Batch, unknown: UnknownFields) -> list[Load]:
    """Give every staged item its outcome, and record a load for each file.

    To be called inside a transaction.
    """
    first_id: int = store.value("select coalesce(max(load_id), 0) + 1 from loads")
    store.put(
        "arrivals",
        pl.DataFrame(
            [
                (number, first_id + number - 1, file.name, file.has_lines)
                for number, file in enumerate(batch.files, start=1)
            ],
            {"file_no": pl.Int32, "load_id": pl.Int32, "name": pl.String, "has_lines": pl.Boolean},
            orient="row",
        ),
    )
    store.set("load_ids", [first_id + number for number in range(len(batch.files))])
    append = cloudevents.append if batch.format == "cloudevents" else _append_events
    counts = append(store)
    tally = store.frame("tally_staged").filter(pl.col("item_count") > 0)
    loads = _loads(batch, counts, tally, unknown, first_id)
    for load in loads:
        load.check()
    if not tally.filter(pl.col("outcome") == "quarantined").is_empty():
        text = batch.mapping.text if batch.mapping else None
        store.run("append_quarantine", {"format": batch.format, "mapping": text, "now": utc_now()})
    for file, load in zip(batch.files, loads, strict=True):
        _record(store, file, load)
    return loads


def _append_events(store: Store) -> pl.DataFrame:
    """Append what is new and merge it into deliveries; answer the counts of each file."""
    store.run("find_repeats")
    store.run("judge_repeats")
    store.run("append_events")
    learn(store, "from staged")
    return store.frame("count_events")


def _loads(
    batch: Batch,
    counts: pl.DataFrame,
    tally: pl.DataFrame,
    unknown: UnknownFields,
    first_id: int,
) -> list[Load]:
    loads = []
    for number, staged, duplicates, again, appended in counts.rows():
        its_tally = tally.filter(pl.col("file_no") == number)
        load = Load(
            batch.files[number - 1].name,
            "loaded",
            first_id + number - 1,
            batch.format,
            read=staged + sum(its_tally["item_count"]),
            accepted=appended - again,
            duplicates=duplicates,
            reported_again=again,
            ignored=_counts(its_tally, "ignored"),
            quarantined=_counts(its_tally, "quarantined"),
            unknown_fields=unknown.get(number, {}),
        )
        loads.append(load)
    return loads


def _counts(tally: pl.DataFrame, outcome: str) -> dict[str, int]:
    return dict(tally.filter(pl.col("outcome") == outcome).select("name", "item_count").rows())


def _find_places(store: Store, batch: Batch) -> None:
    """Look up the lines of what was refused; one that could not be read gets its reason here."""
    wanted = store.frame(
        """
        select distinct file_no, aside.line as ordinal, aside.raw is null as is_unread
        from asides where aside.reason is not null and aside.line is not null
        """
    )
    places: list[tuple[int, int, int, str | None, str | None]] = []
    if batch.format == "csv" and batch.mapping and not batch.is_retry:
        path, delimiter = batch.files[0].path, batch.mapping.delimiter
        ordinals = wanted["ordinal"].to_list()
        width = len(csv_header(path, delimiter))
        for ordinal, line in csv_lines_at(path, delimiter, width, ordinals):
            places.append((1, ordinal, line, None, None))
        # A row of another width has its line, negated, in place of an ordinal.
        places += [(1, ordinal, -ordinal, None, None) for ordinal in ordinals if ordinal < 0]
    if batch.format in ("webhooks", "cloudevents"):
        for (number,), rows in wanted.partition_by("file_no", as_dict=True).items():
            assert isinstance(number, int), "files are numbered"
            unread = set(rows.filter("is_unread")["ordinal"])
            path = batch.files[number - 1].path
            for ordinal, line, text in lines_at(path, rows["ordinal"].to_list()):
                is_unread = ordinal in unread
                raw = text.decode("utf-8", "backslashreplace")[:RAW_TEXT_MAX]
                known = (raw, why_not_json(text)) if is_unread else (None, None)
                places.append((number, ordinal, line, *known))
    schema = {
        **{"file_no": pl.Int32, "ordinal": pl.Int64, "line": pl.Int64},
        **{"raw": pl.String, "reason": pl.String},
    }
    store.put("refused_places", pl.DataFrame(places, schema, orient="row"))
    if places:
        store.run("name_unread_lines")


def _record(store: Store, file: File, load: Load) -> None:
    store.run(
        "record_load",
        {
            "load_id": load.load_id,
            "content": file.content,
            "size_bytes": file.size_bytes,
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
            "now": utc_now(),
        },
    )


def utc_now() -> datetime:
    """The store keeps UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
