"""Message events of any other channel, from CSV and Parquet, by a mapping of their columns.

A mapping is a TOML file that a person writes: which of their columns is which of ours, what their
values mean, and how their times are written. It is checked against the header before a row is read.
"""

import hashlib
import re
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from metering.door import Written, nearest, read_toml
from metering.errors import BookError, Problem
from metering.files import LINE_BYTES_MAX, RefusedFile, csv_header
from metering.settings import TimeZone
from metering.store import DataError, Store, column_names

Ours = Literal[
    "message_id",
    "sender_id",
    "recipient",
    "status",
    "occurred_at",
    "direction",
    "waba_id",
    "user_id",
    "country",
    "message_type",
    "category",
    "pricing_model",
    "pricing_type",
    "billable",
    "error_code",
    "entry_point",
    "template",
]
OURS: tuple[str, ...] = get_args(Ours)
# What a table must say whose rows all have one direction; any other is of messages.
REQUIRED = {
    "send": ("message_id", "category", "occurred_at"),
    "consent": ("status", "occurred_at"),
}
REQUIRED_OF_MESSAGES = ("message_id", "sender_id", "status", "occurred_at")


class Time(Written):
    """How times are written: seconds of an epoch, or text with a format and a zone."""

    format: Literal["epoch", "iso"] | Annotated[str, Field(pattern="%")] = "iso"
    zone: TimeZone = "UTC"  # of times that do not say theirs


class Mapping(Written):
    """A mapping file."""

    channel: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
    columns: dict[Ours, str]
    values: dict[Ours, dict[str, str]] = Field(default_factory=dict)
    constants: dict[Ours, str] = Field(default_factory=dict)
    time: Time = Time()
    delimiter: Annotated[
        str, StringConstraints(strip_whitespace=False, min_length=1, max_length=1)
    ] = ","
    text: Annotated[str, Field(exclude=True)] = ""

    @model_validator(mode="after")
    def _say_what_is_needed(self) -> "Mapping":
        required = REQUIRED.get(self.constants.get("direction", ""), REQUIRED_OF_MESSAGES)
        missing = [name for name in required if name not in {*self.columns, *self.constants}]
        if missing:
            raise ValueError(
                f"nothing says what is {', '.join(missing)}"
                " | name the column under [columns], or give a constant under [constants]"
            )
        twice = sorted(set(self.columns) & set(self.constants))
        if twice:
            raise ValueError(f"{', '.join(twice)} is a column and a constant | keep one of them")
        return self

    @property
    def content_sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


# A send log: what was sent with which template. A table with this header needs no mapping.
SEND_LOG_TEXT = """\
channel = "whatsapp"

[columns]
message_id = "message_id"
template = "template"
category = "category"
occurred_at = "sent_at"

[constants]
direction = "send"
"""
SEND_LOG_HEADER = frozenset({"message_id", "template", "category", "sent_at"})


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file; raises `BookError` with every mistake in it."""
    mapping, problems = read_toml(path, Mapping)
    if mapping is None:
        raise BookError(problems)
    return mapping.model_copy(update={"text": path.read_text(encoding="utf-8-sig")})


def parse_mapping(text: str) -> Mapping:
    """Read the text of a mapping that was checked when it came."""
    content = tomllib.loads(text, parse_float=Decimal)
    return Mapping.model_validate({**content, "text": text})


def send_log(header: Sequence[str]) -> Mapping | None:
    """The mapping of a table that is a send log by its header, which may name the sender too."""
    if not set(header) >= SEND_LOG_HEADER:
        return None
    return parse_mapping(SEND_LOG_TEXT)


def stage(store: Store, path: Path, form: str, mapping: Mapping | None) -> None:
    """Fill table `staged` from the rows of a CSV or Parquet file.

    Raises:
        RefusedFile: the mapping does not fit the file, or is missing.
    """
    if mapping is None:
        raise RefusedFile(
            "a Parquet file needs a mapping of its columns",
            "give --mapping FILE; docs/formats.md shows one",
        )
    header = _read_table(store, path, form, mapping)
    columns = ", ".join(f"{_value(name, mapping)} as {name}" for name in OURS)
    pairs = (f"{_quote(theirs)}: {_column(theirs)}" for theirs in header)
    cells = "{" + ", ".join(pairs) + "}"
    store.execute(
        f"""
        create or replace temp view message_row as
        select
            "tollbook line" as line, "tollbook text" as row_text,
            "tollbook problem" as problem, to_json({cells})::varchar as cells, {columns},
            {_instant(mapping)} as instant, '{mapping.channel}' as channel
        from arrived_rows
        """
    )
    store.run("stage_message_rows")
    store.run("set_aside")


def _read_table(store: Store, path: Path, form: str, mapping: Mapping) -> list[str]:
    """Fill table `arrived_rows`, once the mapping is known to fit; answer its columns."""
    store.set("path", str(path))
    store.set("delimiter", mapping.delimiter)
    store.set("is_epoch", mapping.time.format == "epoch")
    try:
        header = _header(store, path, form, mapping)
    except (ValueError, *DataError) as error:
        raise RefusedFile(
            f"cannot be read: {str(error).partition(chr(10))[0]}", "check it"
        ) from error
    problems = [
        Problem("", f"column '{theirs}' is not in the file", nearest(theirs, header))
        for theirs in mapping.columns.values()
        if theirs not in header
    ]
    if problems:
        raise RefusedFile(
            "; ".join(problem.what for problem in problems),
            "; ".join(sorted({problem.hint for problem in problems})),
        )
    with store.in_order():
        match form:
            case "quarantined":
                store.execute(_read_again(header))
            case "csv":
                _read_csv(store, header)
            case _:
                store.run("read_parquet_rows")
    return header


def _header(store: Store, path: Path, form: str, mapping: Mapping) -> list[str]:
    match form:
        case "parquet":
            return column_names(path)
        case "csv":
            return csv_header(path, mapping.delimiter)
        case _:
            return store.frame("quarantined_header")["name"].to_list()


def _read_csv(store: Store, header: Sequence[str]) -> None:
    """Read the rows of a CSV file as text; the header was read and checked before."""
    columns = "{" + ", ".join(f"{_quote(name)}: 'VARCHAR'" for name in header) + "}"
    store.execute("drop table if exists csv_rejects; drop table if exists csv_reject_scans")
    store.execute(
        f"""
        create or replace temp table parsed_rows as
        select row_number() over () as "tollbook line", cells.*
        from read_csv(
            getvariable('path'), columns = {columns}, header = true, auto_detect = false,
            delim = getvariable('delimiter'), quote = '"', escape = '"', strict_mode = true,
            store_rejects = true, rejects_table = 'csv_rejects',
            rejects_scan = 'csv_reject_scans', max_line_size = {LINE_BYTES_MAX}
        ) as cells
        """
    )
    store.run("read_csv_rows")


def _read_again(header: Sequence[str]) -> str:
    """The SQL that makes rows of the JSON objects that refused rows are kept as."""
    cells = ", ".join(
        f"json ->> {_quote(json_path(name))} as {_column(name).removeprefix('arrived_rows.')}"
        for name in header
    )
    return f"""
        create or replace temp table arrived_rows as
        select
            row_number() over () as "tollbook line", null::varchar as "tollbook text",
            null::varchar as "tollbook problem",
            {cells}
        from read_ndjson_objects(getvariable('path'))
    """


def json_path(name: str) -> str:
    return '$."' + name.replace('"', '\\"') + '"'


def _value(name: str, mapping: Mapping) -> str:
    """The SQL of one of our columns; names and values come from a checked mapping, quoted."""
    if name in mapping.constants:
        return _quote(mapping.constants[name])
    theirs = mapping.columns.get(name)  # type: ignore[call-overload]
    if theirs is None:
        return "null::varchar"
    value = f"nullif(trim({_column(theirs)}::varchar), '')"
    translated = mapping.values.get(name, {})  # type: ignore[call-overload]
    if not translated:
        return value
    cases = " ".join(f"when {_quote(k)} then {_quote(v)}" for k, v in translated.items())
    return f"case {value} {cases} else {value} end"


def _instant(mapping: Mapping) -> str:
    """The SQL of the instant of a row, as a UTC timestamp without a zone."""
    text = _value("occurred_at", mapping)
    zone = _quote(mapping.time.zone)
    match mapping.time.format:
        case "epoch":
            return f"instant_of(try_cast({text} as bigint))"
        case "iso":
            has_zone = f"regexp_matches({text}, ':[0-9.]+ *([Zz]|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
            return (
                f"case when {has_zone} then try_cast({text} as timestamptz) at time zone 'UTC'"
                f" else timezone({zone}, try_cast({text} as timestamp)) at time zone 'UTC' end"
            )
        case pattern:
            if re.search("%z", pattern):
                return f"try_strptime({text}, {_quote(pattern)})::timestamptz at time zone 'UTC'"
            return (
                f"timezone({zone}, try_strptime({text}, {_quote(pattern)})::timestamp)"
                " at time zone 'UTC'"
            )


def _column(name: str) -> str:
    return 'arrived_rows."' + name.replace('"', '""') + '"'


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
