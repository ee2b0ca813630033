"""A book and its settings: where the files of a seller are, and what `tollbook.toml` says."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from metering.door import Written, read_toml
from metering.errors import BookError, Problem, UsageError
from metering.period import ZONES

SETTINGS = "tollbook.toml"
# Whose word counts on the type of charge of a delivery: the network's, what follows from the log's
# windows, or that only where the network is silent.
PricingSource = Literal["network", "derived", "network_then_derived"]
MEMORY_MB_MIN = 500


def _known_zone(name: str) -> str:
    if name not in ZONES:
        raise ValueError("unknown time zone | write a name of the IANA list, like Europe/Berlin")
    return name


def _capitals(length: int, example: str) -> Callable[[str], str]:
    def check(code: str) -> str:
        if re.fullmatch(f"[A-Z]{{{length}}}", code) is None:
            raise ValueError(f"is not {length} capital letters | write a code of {example}")
        return code

    return check


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Country = Annotated[str, AfterValidator(_capitals(2, "ISO 3166-1, like DE"))]
CurrencyCode = Annotated[str, AfterValidator(_capitals(3, "ISO 4217, like EUR"))]


def _enough_memory(text: str) -> str:
    match = re.fullmatch(r"(\d+)(MB|GB)", text)
    if match is None or int(match[1]) * (1 if match[2] == "MB" else 1000) < MEMORY_MB_MIN:
        raise ValueError(f"is no size of {MEMORY_MB_MIN}MB or more | write 2GB, for one")
    return text


class Seller(Written):
    """The business that issues the invoices."""

    name: Annotated[str, Field(min_length=1)]
    country: Country
    time_zone: TimeZone
    currency: CurrencyCode


class Quarantine(Written):
    """How long raw text of refused rows is kept."""

    keep_days: Annotated[int, Field(ge=0, le=3650)] = 30


class Store(Written):
    """What the engine may use of the machine."""

    memory_limit: Annotated[str, AfterValidator(_enough_memory)] = "2GB"
    threads: Annotated[int, Field(ge=1, le=256)] | None = None


class WindowLength(Written):
    """How long a kind of window lasts from a day on, in place of what is shipped."""

    rule: Literal[
        "service_window",
        "free_entry_point",
        "free_entry_point_answer",
        "whatsapp-2022",
        "whatsapp-2023-06",
    ]
    effective_from: date  # from midnight in UTC
    hours: Annotated[int, Field(ge=1, le=8784)]


class Cost(Written):
    """By which plan the network charges the seller, and in which currency."""

    plan: Annotated[str, Field(min_length=1)] = "whatsapp"
    currency: CurrencyCode


class Settings(Written):
    """`tollbook.toml`."""

    pricing_source: PricingSource = "network_then_derived"
    seller: Seller
    quarantine: Quarantine = Quarantine()
    store: Store = Store()
    window_length: tuple[WindowLength, ...] = ()
    cost: Cost | None = None


@dataclass(frozen=True)
class Book:
    """The folder of one seller. Paths only; nothing is read until it is asked for."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "Book":
        """Name the book at `root`; raises `UsageError` if there is none."""
        if not (root / SETTINGS).is_file():
            raise UsageError(
                f"there is no book in '{root}': it has no {SETTINGS}",
                where="--book",
                hint="give --book DIR or TOLLBOOK, or make one with: tollbook init DIR",
            )
        return cls(root)

    @property
    def store_path(self) -> Path:
        return self.root / "tollbook.duckdb"

    @property
    def invoices_path(self) -> Path:
        return self.root / "invoices.duckdb"

    @property
    def secret_path(self) -> Path:
        return self.root / "secret.key"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    def settings(self) -> Settings:
        """Read `tollbook.toml`; raises `BookError` with every mistake in it."""
        settings, problems = self.read_settings()
        if settings is None:
            raise BookError(problems)
        return settings

    def read_settings(self) -> tuple[Settings | None, list[Problem]]:
        """Read `tollbook.toml` with every mistake that is in it."""
        return read_toml(self.root / SETTINGS, Settings)
