"""Files at the door: found, decompressed, recognised by content, and told apart by looking."""

import codecs
import csv
import glob
import gzip
import hashlib
import json
import mmap
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Literal

import zstandard

from metering.errors import UsageError

Format = Literal["webhooks", "cloudevents", "csv", "parquet"]
STANDARD_INPUT = "-"
CHUNK_BYTES = 4 * 1024 * 1024
LINE_BYTES_MAX = 16 * 1024 * 1024
DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
LINES_LOOKED_AT = 50
BOM = codecs.BOM_UTF8
JSON_NAMES = (".json", ".ndjson", ".jsonl")
LOG_ENDINGS = {*JSON_NAMES, ".csv", ".tsv", ".parquet", ".log"}


class RefusedFile(Exception):  # noqa: N818 - an outcome of a file, reported beside the others
    """A file that nothing was taken from: why, and what to do."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.why, self.hint = why, hint


@dataclass(frozen=True)
class Arrival:
    """A file as it came: where it is now, what it was called, and its content's hash."""

    name: str
    path: Path  # plain: neither compressed nor with a byte order mark
    sha256: str
    size_bytes: int


def find_files(paths: Sequence[str]) -> list[str]:
    """Expand files, folders and globs into names of files, sorted, each once; `-` stays.

    Raises:
        UsageError: a name that nothing answers to.
    """
    found: set[str] = set()
    for path in paths:
        if path == STANDARD_INPUT:
            found.add(path)
            continue
        matches = [path] if Path(path).exists() else glob.glob(path, recursive=True)
        if not matches:
            raise UsageError(
                f"there is no file '{path}'", where="PATH", hint="give files, folders, globs or -"
            )
        found |= {name for match in matches for name in _files_of(Path(match))}
    return sorted(found)


def receive(name: str, scratch: Path) -> Arrival:
    """Bring a file into a form that can be read in columns; raises `RefusedFile`."""
    try:
        path = _spool_input(scratch) if name == STANDARD_INPUT else Path(name)
        plain = _plain(path, scratch)
        with plain.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Arrival(
            "standard input" if name == "-" else name, plain, sha256, plain.stat().st_size
        )
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RefusedFile(f"gzip data is damaged: {error}", "fetch the file again") from error
    except zstandard.ZstdError as error:
        raise RefusedFile(f"zstd data is damaged: {error}", "fetch the file again") from error
    except OSError as error:
        raise RefusedFile(f"cannot be read: {error.strerror}", "check the path") from error


def recognise(arrival: Arrival) -> Format:
    """Tell the format of a file by looking into it; raises `RefusedFile` for a binary one."""
    with arrival.path.open("rb") as file:
        head = file.read(64 * 1024)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RefusedFile("is UTF-16", "save it as UTF-8")
    if b"\0" in head:
        raise RefusedFile("is a binary file", "give logs as JSON, NDJSON, CSV or Parquet")
    is_named_json = any(end in Path(arrival.name).suffixes for end in JSON_NAMES)
    if is_named_json or head.lstrip()[:1] in (b"{", b"[", b""):
        return "cloudevents" if _is_cloud_event(arrival.path) else "webhooks"
    return "csv"


def is_document(path: Path) -> bool:
    """Is a JSON file one document (an array, or pretty-printed) rather than a line for each?

    A broken line does not make a document of a log: only a file whose lines are no values of their
    own is one.
    """
    first, *others = _first_lines(path) or [b""]
    if not others:
        return first.startswith(b"[")
    if _is_json(first):
        return False
    if path.stat().st_size <= DOCUMENT_BYTES_MAX and _is_json(path.read_bytes()):
        return True
    has_values = any(_is_json(line) and line[:1] in (b"{", b"[") for line in others)
    return first in (b"{", b"[", b"[{") or not has_values


def refuse_long_lines(path: Path, *, has_lines: bool) -> None:
    """Raise `RefusedFile` if a line, or a value of a document, is longer than a payload can be.

    It looks for the last end of a line in each stretch of that length, and so at a few bytes only.
    """
    size, start = path.stat().st_size, 0
    if size <= LINE_BYTES_MAX:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while size - start > LINE_BYTES_MAX:
            end = content.rfind(b"\n", start, start + LINE_BYTES_MAX + 1)
            if end < 0:
                number = 1 + _count_lines(content, start)
                what = f"line {number}" if has_lines else f"value {number}"
                raise RefusedFile(f"{what} is longer than 16 MiB", "split it, or take it out")
            start = end + 1


def _count_lines(content: mmap.mmap, end: int) -> int:
    starts = range(0, end, CHUNK_BYTES)
    return sum(content[n : min(n + CHUNK_BYTES, end)].count(b"\n") for n in starts)


def csv_header(path: Path, delimiter: str) -> list[str]:
    """Read the names of the columns of a CSV file; raises `RefusedFile` if they are not unique."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            header = next(csv.reader(file, delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise RefusedFile(
            f"its header cannot be read: {error}", "save it as CSV in UTF-8"
        ) from error
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated or not header:
        what = f"column '{repeated[0]}' stands twice" if repeated else "it has no header"
        raise RefusedFile(what, "give each column a name of its own")
    return header


def csv_lines_at(
    path: Path, delimiter: str, width: int, ordinals: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Yield ordinal and line of some of the rows of a CSV file that have the right width.

    Only what was refused is looked up. A row begins on the line after the end of the one before.
    """
    wanted = set(ordinals)
    ordinal, start = 0, 1
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        for number, row in enumerate(rows):
            if number and len(row) == width:
                ordinal += 1
                if ordinal in wanted:
                    yield ordinal, start
            start = rows.line_num + 1


def fold_document(path: Path, folder: Path) -> Path | None:
    """Write a small JSON document on one line; None where the file holds several values."""
    text = path.read_bytes()
    if not _is_json(text):
        return None
    folded = folder / "folded"
    # A line break stands only between tokens, never in one.
    folded.write_bytes(text.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
    return folded


def lines_at(path: Path, ordinals: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
    """Yield ordinal, line number and text of some of the lines that are not blank.

    Only what was refused is looked up, so that a person finds its line in an editor.
    """
    wanted = set(ordinals)
    ordinal = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                ordinal += 1
                if ordinal in wanted:
                    yield ordinal, number, line.rstrip(b"\r\n")


def why_not_json(line: bytes) -> str:
    """Name what keeps a line from being read."""
    if len(line) > LINE_BYTES_MAX:
        return "line is longer than 16 MiB"
    try:
        json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return "line is not UTF-8"
    except RecursionError:
        return "nested too deeply to be read"
    except ValueError as error:
        return (
            "line holds more than one value" if "Extra data" in str(error) else "line is not JSON"
        )
    return "line is not JSON that can be stored"  # a lone surrogate, for one


def _files_of(path: Path) -> Iterator[str]:
    """Name the logs of a folder by their endings; a file that was named itself is always taken."""
    if not path.is_dir():
        yield str(path)
        return
    for inner in path.rglob("*"):
        is_hidden = any(part.startswith(".") for part in inner.relative_to(path).parts)
        if inner.is_file() and not is_hidden and LOG_ENDINGS & set(inner.suffixes):
            yield str(inner)


def _spool_input(scratch: Path) -> Path:
    spooled = scratch / "standard-input"
    with spooled.open("wb") as target:
        _copy(sys.stdin.buffer, target)
    return spooled


def _plain(path: Path, scratch: Path) -> Path:
    """Decompress a file and strip its byte order mark, or leave it where it is."""
    with path.open("rb") as file:
        magic = file.read(4)
    target = scratch / "arrived"
    if magic.startswith(b"\x1f\x8b"):
        with gzip.open(path) as source, target.open("wb") as file:
            _copy(source, file)
    elif magic == b"\x28\xb5\x2f\xfd":
        _unpack_zstd(path, target)
    elif magic.startswith(BOM):
        with path.open("rb") as source, target.open("wb") as file:
            source.seek(len(BOM))
            _copy(source, file)
    else:
        return path
    return target


def _unpack_zstd(path: Path, target: Path) -> None:
    """Decompress all frames of a zstd file; one that ends inside a frame is refused."""
    frame = zstandard.ZstdDecompressor().decompressobj()
    is_open = False
    with path.open("rb") as source, target.open("wb") as file:
        while chunk := source.read(CHUNK_BYTES):
            while chunk:
                if frame.eof:
                    frame = zstandard.ZstdDecompressor().decompressobj()
                file.write(frame.decompress(chunk))
                is_open = not frame.eof
                chunk = frame.unused_data if frame.eof else b""
    if is_open:
        raise RefusedFile("zstd data ends too early", "fetch the file again")


def _copy(source: IO[bytes] | gzip.GzipFile, target: IO[bytes]) -> None:
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _first_lines(path: Path) -> list[bytes]:
    """The first lines of a file that are not blank, without the blanks around them."""
    with path.open("rb") as file:
        lines = (line.strip() for line in iter(lambda: file.readline(LINE_BYTES_MAX), b""))
        return list(islice((line for line in lines if line), LINES_LOOKED_AT))


def _is_cloud_event(path: Path) -> bool:
    """Does the first object that can be read in a JSON file say that it is a CloudEvent?"""
    for line in _first_lines(path):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        first = next(iter(value), None) if isinstance(value, list) else value
        if isinstance(first, dict) and first:
            return "specversion" in first
    with path.open("rb") as file:
        head = file.read(CHUNK_BYTES).decode("utf-8", "replace")
    start = min((i for i in (head.find("{"), len(head)) if i >= 0), default=0)
    try:
        first, _ = json.JSONDecoder().raw_decode(head, start)
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "specversion" in first
