"""The door of a book: what people write in CSV and TOML becomes frozen models, or problems.

No reader here stops at the first mistake: it returns what could be read, and a `Problem` for each
thing that could not, so that a person repairs a file once. Decimals and dates arrive as such; a
binary float is never made.
"""

import codecs
import csv
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from metering import wording
from metering.errors import Problem

FILE_BYTES_MAX = 256 * 1024 * 1024
FILES_KEPT = 256
NO_KEYS = ("function-", "~")  # how parts of a place begin that nobody wrote
OTHER_MARKS = {";": "semicolons", "\t": "tabs"}  # of spreadsheets, in place of commas
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
nearest = wording.nearest


class Written(BaseModel):
    """What a person writes: frozen, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Row(Written):
    """A row of a CSV file, with the line that it came from."""

    line: int


def refuse_float(value: object) -> object:
    if isinstance(value, float):
        raise ValueError(f"{value} is a binary float; write it as text: '{value}'")
    return value


Exact = Annotated[Decimal, BeforeValidator(refuse_float)]

RowT = TypeVar("RowT", bound=Row)
WrittenT = TypeVar("WrittenT", bound=Written)


def read_rows(path: Path, model: type[RowT]) -> tuple[list[RowT], list[Problem]]:
    """Read a CSV file with a header into rows of `model`; an empty cell counts as absent.

    A missing file has no rows and is no problem: whether it must exist is the caller's to say.
    """
    if not path.exists():
        return [], []
    text, problems = _read_text(path)
    if problems:
        return [], problems
    rows, found = _rows_in(path.name, text, model)
    return cast(list[RowT], [*rows]), [*found]


def read_toml(path: Path, model: type[WrittenT]) -> tuple[WrittenT | None, list[Problem]]:
    """Read a TOML file into `model`; numbers with a point arrive as Decimals."""
    text, problems = _read_text(path)
    if problems:
        return None, problems
    written, found = _written_in(path.name, text, model)
    return cast(WrittenT | None, written), [*found]


# What a text says is frozen, and most texts ship with Tollbook: none is read twice in a process.
@lru_cache(maxsize=FILES_KEPT)
def _rows_in(name: str, text: str, model: type[Row]) -> tuple[Sequence[Row], Sequence[Problem]]:
    lines = csv.DictReader(text.splitlines(), strict=True)
    try:
        header = lines.fieldnames or ()
    except csv.Error as error:
        return (), (Problem(f"{name}:1", f"is not CSV: {error}", "quote cells with commas"),)
    if len(header) == 1 and (
        other := next((mark for mark in OTHER_MARKS if mark in header[0]), "")
    ):
        what = f"separates its cells by {OTHER_MARKS[other]}"
        return (), (Problem(f"{name}:1", what, "save it as CSV with commas"),)
    problems = [*_check_header(name, header, model)]
    if problems:
        return (), problems
    rows: list[Row] = []
    try:
        for cells in lines:
            rows.extend(_read_row(name, lines.line_num, cells, model, problems))
    except csv.Error as error:
        where = f"{name}:{lines.line_num}"
        problems.append(Problem(where, f"is not CSV: {error}", "quote cells that hold commas"))
    return rows, problems


@lru_cache(maxsize=FILES_KEPT)
def _written_in(
    name: str, text: str, model: type[Written]
) -> tuple[Written | None, Sequence[Problem]]:
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return None, (Problem(name, f"is not TOML: {error}", "see toml.io for the syntax"),)
    try:
        return model.model_validate(content), ()
    except ValidationError as error:
        return None, problems_of(error, name, model)


def problems_of(error: ValidationError, where: str, model: type[BaseModel]) -> list[Problem]:
    """Say each of Pydantic's findings as a `Problem` with the key that it is about."""
    return [_problem(details, where, model) for details in error.errors()]


def _read_text(path: Path) -> tuple[str, list[Problem]]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            return "", [Problem(path.name, "is larger than 256 MiB", "split it")]
        return path.read_text(encoding="utf-8-sig"), []
    except UnicodeDecodeError as error:
        if path.read_bytes().startswith(UTF_16):
            return "", [Problem(path.name, "is UTF-16", "save it as UTF-8")]
        return "", [Problem(path.name, f"is not UTF-8 at byte {error.start}", "save it as UTF-8")]
    except OSError as error:
        return "", [Problem(path.name, f"cannot be read: {error.strerror}", "check the path")]


def _check_header(file: str, header: Sequence[str], model: type[Row]) -> Iterator[Problem]:
    known = [name for name in model.model_fields if name != "line"]
    for name in header:
        if name not in known:
            yield Problem(f"{file}:1", f"unknown column '{name}'", nearest(name, known))
    for name in {name for name in header if list(header).count(name) > 1}:
        yield Problem(f"{file}:1", f"column '{name}' stands twice", "remove one of them")
    for name in known:
        if model.model_fields[name].is_required() and name not in header:
            yield Problem(f"{file}:1", f"column '{name}' is missing", "add it to the header")


def _read_row(
    file: str,
    line: int,
    cells: Mapping[str | None, str | list[str] | None],
    model: type[Row],
    problems: list[Problem],
) -> Iterator[Row]:
    where = f"{file}:{line}"
    if None in cells:
        problems.append(Problem(where, "has more cells than the header", "quote cells with commas"))
        return
    given = {name: cell for name, cell in cells.items() if isinstance(cell, str) and cell.strip()}
    try:
        yield model.model_validate({**given, "line": line})
    except ValidationError as error:
        problems.extend(problems_of(error, where, model))


def _problem(details: ErrorDetails, where: str, model: type[BaseModel]) -> Problem:
    key = ".".join(str(part) for part in details["loc"] if not str(part).startswith(NO_KEYS))
    place = f"{where} {key}".strip()
    match details["type"]:
        case "extra_forbidden":
            known = [*_fields_at(model, details["loc"][:-1])]
            word = str(details["loc"][-1])
            return Problem(
                place, f"unknown key '{word}'", nearest(word, known) if known else "remove it"
            )
        case "missing":
            return Problem(place, f"'{details['loc'][-1]}' is missing", "add it")
        case _:
            return Problem(place, *wording.words_for(details))


def _fields_at(model: type[BaseModel], loc: Sequence[int | str]) -> Iterator[str]:
    """Yield the keys that are known where `loc` points, as far as the models tell."""
    models: list[type[BaseModel]] = [model]
    for part in loc:
        if isinstance(part, int):
            continue
        steps = [m for known in models for m in _models_of_field(known, part)]
        tagged = [m for m in models if _is_tagged(m, part)]
        models = steps or tagged or models
    for known in models:
        yield from known.model_fields


def _is_tagged(model: type[BaseModel], tag: str) -> bool:
    kind = model.model_fields.get("kind")
    return kind is not None and kind.default == tag


def _models_of_field(model: type[BaseModel], name: str) -> list[type[BaseModel]]:
    field = model.model_fields.get(name)
    found: list[type[BaseModel]] = []
    waiting: list[object] = [] if field is None else [field.annotation]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found.append(kind)
        waiting.extend(getattr(kind, "__args__", ()))
    return found
