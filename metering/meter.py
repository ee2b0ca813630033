"""Meters: what is counted and how it adds up, as people write it in `meters/*.toml`.

A meter names a source (which units there are), an aggregation (how they add up), a filter and a
unit. It keeps nothing: it is evaluated over the store when usage is asked for, so that one that is
written today counts all of history. docs/meters.md describes every key.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from metering.aggregation import (
    ADDITIVE,
    ORDERED,
    Aggregation,
    Count,
    FieldName,
    Level,
    Peak,
    TimeWeighted,
    UniqueCount,
)
from metering.dimension import OF_ALL, Dimension
from metering.door import Written, nearest, read_toml
from metering.errors import BookError, Problem, UsageError
from metering.event import USAGE_DIMENSIONS
from metering.facts import data_path
from metering.pricing_type import unknown_words
from metering.settings import Book
from metering.unit import CloudEvents, Source, Word, Words

DELIVERIES = "deliveries"  # the meter that the coverage of an invoice accounts for
NUMERIC = {"duration_seconds"}  # columns that hold numbers


def _meter_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", name):
        raise ValueError("is no name of a meter | use small letters, digits, - and _, at most 60")
    return name


MeterName = Annotated[str, AfterValidator(_meter_name)]


class Meter(Written):
    """What is counted."""

    meter: MeterName
    unit: Word
    source: Source
    aggregation: Aggregation = Count()
    where: Mapping[FieldName, Words] = Field(default_factory=dict)
    by: tuple[Word, ...] | None = None  # the dimensions of its usage that plans may ask for
    without_value: Literal["unknown", "skip"] = "unknown"

    @property
    def is_whole(self) -> bool:
        """Whether a month has one figure, which cannot be cut into parts that add up."""
        return not isinstance(self.aggregation, ADDITIVE)

    @property
    def is_ordered(self) -> bool:
        """Whether its units come one after another, so that some of them are the first."""
        return isinstance(self.aggregation, ORDERED)

    @property
    def can_be_unread(self) -> bool:
        """Whether units without a value are counted apart."""
        asks = bool(self.where) or not isinstance(self.aggregation, Count)
        return asks and self.without_value == "unknown"

    @property
    def cells(self) -> tuple[str, ...]:
        """The dimensions of `USAGE` that its usage has; the others are null."""
        if self.by is not None:
            return tuple(name for name in USAGE_DIMENSIONS if name in self.by)
        if self.is_whole:
            return ()
        return tuple(name for name in USAGE_DIMENSIONS if name in self.source.dimensions)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What people may tell its usage apart by."""
        return (*OF_ALL, *self.source.dimensions)

    def fields(self) -> Iterator[tuple[str, str]]:
        """Yield each key of the aggregation that names a field, with the field."""
        for key in ("of", "item", "level", "change"):
            name = getattr(self.aggregation, key, None)
            if name is not None:
                yield key, name


def read_meters(book: Book) -> tuple[dict[str, Meter], list[Problem], list[Problem]]:
    """Read the meters of a book and the shipped ones, with all problems and warnings.

    A meter of the book takes the place of a shipped one of the same name.
    """
    meters: dict[str, Meter] = {}
    places: dict[str, Path] = {}
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for path in meter_paths(book):
        meter, found = read_toml(path, Meter)
        problems += found
        if meter is None:
            continue
        problems += check_meter(meter, path.name)
        warnings += check_words(meter, path.name)
        earlier = places.get(meter.meter)
        if earlier is not None and meter.meter == DELIVERIES:
            what = f"'{DELIVERIES}' is what every invoice accounts for, and cannot be another meter"
            problems.append(Problem(f"{path.name} meter", what, "give it another name"))
            continue
        if earlier is not None and earlier.parent == path.parent:
            what = f"the meter '{meter.meter}' is also in {earlier.name}"
            problems.append(Problem(f"{path.name} meter", what, "give one of them another name"))
        elif earlier is not None:
            what = f"takes the place of the meter '{meter.meter}' that ships with Tollbook"
            warnings.append(Problem(f"{path.name} meter", what, "rename it if you did not mean to"))
        meters[meter.meter], places[meter.meter] = meter, path
    return meters, problems, warnings


def load_meters(book: Book) -> dict[str, Meter]:
    """Read the meters of a book and the shipped ones; raises `BookError` with every mistake."""
    meters, problems, _ = read_meters(book)
    if problems:
        raise BookError(problems)
    return meters


@cache
def shipped_meters() -> Mapping[str, Meter]:
    """Read the meters that ship with Tollbook."""
    read = [read_toml(path, Meter) for path in sorted(data_path("meters").glob("*.toml"))]
    assert not [problem for _, found in read for problem in found], "shipped meters have no mistake"
    return {meter.meter: meter for meter, _ in read if meter is not None}


def known_meter(meter: Meter | str) -> Meter:
    """Take a meter, or the shipped one of a name."""
    return shipped_meters()[meter] if isinstance(meter, str) else meter


def meter_paths(book: Book) -> list[Path]:
    """Name the files of meters: the shipped ones, then those of the book."""
    shipped = sorted(data_path("meters").glob("*.toml"))
    return [*shipped, *sorted((book.root / "meters").glob("*.toml"))]


def find_meter(meters: Mapping[str, Meter], name: str) -> Meter:
    """Find a meter by its name; raises `UsageError` with the nearest name."""
    if name not in meters:
        raise UsageError(
            f"there is no meter '{name}'", where="--meter", hint=nearest(name, sorted(meters))
        )
    return meters[name]


def check_meter(meter: Meter, where: str) -> Iterator[Problem]:
    """Yield what is wrong between the parts of a meter that are each right alone."""
    source, aggregation = meter.source, meter.aggregation
    yield from _unknown_fields(meter, where)
    for name in sorted(set(meter.by or ()) - set(USAGE_DIMENSIONS)):
        hint = nearest(name, USAGE_DIMENSIONS)
        yield Problem(f"{where} by", f"usage has no dimension '{name}' for plans", hint)
    for name in sorted({*(meter.by or ())} & {*USAGE_DIMENSIONS} - {*source.dimensions}):
        what = f"{source.kind} have no {name}"
        yield Problem(f"{where} by", what, f"they know {_listed(source.dimensions)}")
    if isinstance(aggregation, TimeWeighted | Peak):
        if not isinstance(source, CloudEvents):
            what = f"the level of {source.kind} is not known"
            yield Problem(f"{where} aggregation", what, 'use a source of kind "cloud_events"')
        else:
            yield from _wrong_ends(source, aggregation, where)


def check_words(meter: Meter, where: str) -> Iterator[Problem]:
    """Yield, as warnings, words of the filter that no message of the network ever had."""
    if isinstance(meter.source, CloudEvents):
        return
    for key, word, hint in unknown_words(meter.where):
        yield Problem(f"{where} where.{key}", f"'{word}' is no {key} that is known", hint)


def _wrong_ends(source: CloudEvents, aggregation: Level, where: str) -> Iterator[Problem]:
    for name in sorted(set(aggregation.down) - set(source.type)):
        hint = nearest(name, source.type)
        yield Problem(f"{where} aggregation.down", f"'{name}' is no type of the source", hint)
    if aggregation.down and not set(source.type) - set(aggregation.down):
        what = "every type of the source ends an item, and none begins one"
        yield Problem(f"{where} aggregation.down", what, "add the type that begins one")


def _unknown_fields(meter: Meter, where: str) -> Iterator[Problem]:
    known = (*meter.source.columns, *meter.source.dimensions, "sender", "waba")
    has_data = isinstance(meter.source, CloudEvents)
    for place, name in (
        *((f"where.{name}", name) for name in meter.where),
        *((f"aggregation.{key}", name) for key, name in meter.fields()),
    ):
        if name in known or (has_data and name.startswith("data.")):
            continue
        hint = "name a field like data.device_id" if has_data else nearest(name, known)
        yield Problem(f"{where} {place}", f"{meter.source.kind} have no field '{name}'", hint)
    if isinstance(meter.aggregation, UniqueCount | Count):
        return
    for key, name in meter.fields():
        is_number = name.startswith("data.") or name in NUMERIC
        if name in known and key != "item" and not is_number:
            what = f"'{name}' is no number"
            yield Problem(f"{where} aggregation.{key}", what, "count units or different values")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "only whose they are and when they were"
