"""Ingest: files are found in batches that are loaded, and refused rows are tried again."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from metering.errors import UsageError
from metering.files import (
    Arrival,
    Format,
    RefusedFile,
    csv_header,
    fold_document,
    is_document,
    receive,
    recognise,
    refuse_long_lines,
)
from metering.load import Batch, File, Load, settle, stage, utc_now
from metering.market import heads
from metering.sources.tabular import Mapping, parse_mapping, send_log
from metering.store import DataError, Store

SMALL_BYTES = 4 * 1024 * 1024  # a file of no more shares a transaction with others
BATCH_BYTES = 64 * 1024 * 1024
BATCH_FILES = 500


def ingest(
    store: Store,
    names: Sequence[str],
    *,
    scratch: Path,
    sender: str | None = None,
    mapping: Mapping | None = None,
    step: Callable[[], None] = lambda: None,
) -> Iterator[Load]:
    """Load files; one that is refused does not stop the others.

    Args:
        names: Files, as `find_files` gives them.
        scratch: A folder for copies that are needed during the load.
        sender: The sender of payloads that name none.
        mapping: What the columns of CSV and Parquet files mean.
        step: Called after each file.

    Returns:
        The outcome of each file, in the order of `names`.
    """
    store.put("heads", heads())
    known = _known(store)
    entries: list[Load | File] = []  # what waits: the outcome of a file, or a file to be loaded
    for number, name in enumerate(names):
        folder = scratch / str(number)
        folder.mkdir()
        entry, form = _prepare(store, name, folder, mapping, known)
        if isinstance(entry, File) and entry.content in _contents(entries):
            # The same content under another name: what became of the first decides.
            yield from _flush(store, entries, "webhooks", sender)
            known |= _known(store)
            if entry.content in known:
                entry, form = Load(name, "already loaded", known[entry.content]), None
        is_small = form == "webhooks" and isinstance(entry, File) and _is_small(entry)
        if isinstance(entry, File) and not (is_small and _has_room(entries, entry)):
            yield from _flush(store, entries, "webhooks", sender)
            known |= _known(store)
        entries.append(entry)
        if isinstance(entry, File) and not is_small:
            assert form is not None, "a file that is to be loaded has a format"
            yield from _flush(store, entries, form, sender)
            known |= _known(store)
        if not entries:
            _clear(scratch)
        step()
    yield from _flush(store, entries, "webhooks", sender)
    _clear(scratch)


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
    store.put("heads", heads())
    rows = store.frame(
        """
        select quarantine_id, name, format, mapping, line, position, sender_id, raw
        from quarantine
        where
            ($ids is null or list_contains($ids, quarantine_id)) and can_be_retried(format, raw)
        order by quarantine_id
        """,
        {"ids": quarantine_ids},
    )
    for missing in sorted(set(quarantine_ids or ()) - set(rows["quarantine_id"])):
        raise UsageError(
            f"row {missing} cannot be tried again: it is not there, or its text is no JSON",
            where="QUARANTINE_ID",
            hint=f"see: tollbook quarantine show {missing}; give a repaired text by --with",
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
    used = mapping or (parse_mapping(text) if text else None)
    recognised_by = hashlib.sha256(f"retry {utc_now()} {content}".encode()).hexdigest()
    name, size = f"retry of {rows.height} rows", len(content.encode())
    file = File(name, path, recognised_by, size, has_lines=True)
    of_table = used if form in ("csv", "parquet") else None
    batch = Batch(form, [file], sender, of_table, is_retry=True)
    try:
        unknown = stage(store, batch)
    except RefusedFile as refusal:
        return Load(name, "refused", why=refusal.why, hint=refusal.hint)
    store.put("retried", rows.with_row_index("ordinal", 1))
    with store.transaction():
        store.execute(
            "delete from quarantine where quarantine_id in (select quarantine_id from retried)"
        )
        (load,) = settle(store, batch, unknown)
        store.run("keep_first_place", {"load_id": load.load_id})
    return load


def _prepare(
    store: Store,
    name: str,
    folder: Path,
    mapping: Mapping | None,
    known: dict[str, int],
) -> tuple[Load | File, Format | None]:
    """Bring a file into the form that it is read in, or say why it is not read."""
    try:
        arrival = receive(name, folder)
        form = recognise(arrival)
        used = None
        if form in ("csv", "parquet"):
            used = _mapping_for(arrival, form, mapping)
        # What a mapping says is part of what a table means: by another it is another content.
        content = arrival.sha256 + (f"+{used.content_sha256}" if used else "")
        if content in known:
            return Load(name, "already loaded", known[content]), None
        path, has_lines = arrival.path, True
        if form in ("webhooks", "cloudevents") and is_document(arrival.path):
            path, has_lines = _unfold(store, arrival, folder), False
        if form in ("webhooks", "cloudevents"):
            refuse_long_lines(path, has_lines=has_lines)
    except RefusedFile as refusal:
        return Load(name, "refused", why=refusal.why, hint=refusal.hint), None
    return File(arrival.name, path, content, arrival.size_bytes, has_lines, used), form


def _mapping_for(arrival: Arrival, form: Format, mapping: Mapping | None) -> Mapping | None:
    """The mapping of a table: a send log is known by its header, any other needs one."""
    if form == "parquet":
        return mapping
    try:
        header = csv_header(arrival.path, mapping.delimiter if mapping else ",")
    except RefusedFile:
        header = []
    if mapping and set(mapping.columns.values()) <= set(header):
        return mapping
    found = send_log(header) or mapping
    if found is None:
        raise RefusedFile(
            "is neither JSON nor Parquet; a CSV file needs a mapping of its columns",
            "give --mapping FILE; docs/formats.md shows one",
        )
    return found


def _unfold(store: Store, arrival: Arrival, folder: Path) -> Path:
    """Write each value of a JSON document on a line of its own."""
    if arrival.size_bytes <= SMALL_BYTES and (folded := fold_document(arrival.path, folder)):
        return folded
    target = folder / "split"
    with arrival.path.open("rb") as file:
        kind = "array" if file.read(4096).lstrip().startswith(b"[") else "unstructured"
    store.set("path", str(arrival.path))
    store.set("target", str(target))
    try:
        store.run(f"split_{kind}")
    except DataError as error:
        raise RefusedFile("is not JSON from beginning to end", "fetch the file again") from error
    return target


def _known(store: Store) -> dict[str, int]:
    """The load of each content that was loaded."""
    query = "select content_sha256, min(load_id) from loads group by all"
    return dict(store.frame(query).rows())


def _contents(entries: Sequence[Load | File]) -> set[str]:
    return {entry.content for entry in entries if isinstance(entry, File)}


def _is_small(file: File) -> bool:
    return file.size_bytes <= SMALL_BYTES


def _has_room(entries: Sequence[Load | File], file: File) -> bool:
    waiting = [entry for entry in entries if isinstance(entry, File)]
    size = sum(entry.size_bytes for entry in waiting) + file.size_bytes
    return len(waiting) < BATCH_FILES and size <= BATCH_BYTES


def _flush(
    store: Store,
    entries: list[Load | File],
    form: Format,
    sender: str | None,
) -> Iterator[Load]:
    """Load the files that wait, and yield the outcome of every entry in its place."""
    files = [entry for entry in entries if isinstance(entry, File)]
    mapping = files[0].mapping if files else None  # a table is loaded by itself
    loaded = iter(_load(store, Batch(form, files, sender, mapping)) if files else [])
    yield from [next(loaded) if isinstance(entry, File) else entry for entry in entries]
    entries.clear()


def _clear(scratch: Path) -> None:
    for folder in scratch.iterdir():
        shutil.rmtree(folder, ignore_errors=True)


def _load(store: Store, batch: Batch) -> list[Load]:
    """Load a batch; where one of its files cannot be read, each by itself."""
    try:
        unknown = stage(store, batch)
    except (*DataError, RefusedFile) as error:
        if len(batch.files) > 1:
            alone = [Batch(batch.format, [file], batch.sender) for file in batch.files]
            return [load for one in alone for load in _load(store, one)]
        why, hint = str(error).partition("\n")[0], "check the file"
        if isinstance(error, RefusedFile):
            why, hint = error.why, error.hint
        return [Load(batch.files[0].name, "refused", why=why, hint=hint)]
    with store.transaction():
        return settle(store, batch, unknown)
