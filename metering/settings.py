"""A book and its settings: where the files of a seller are, and what `tollbook.toml` says."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from metering.door import Exact, Written, read_toml
from metering.errors import BookError, Problem, UsageError
from metering.period import ZONES

SETTINGS = "tollbook.toml"
COPIES = ".known"  # a folder of copies of the store; a job that was killed may leave one
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


Text = Annotated[str, Field(max_length=200)]


def _number_pattern(text: str) -> str:
    # Only the two words, so that a number is as long as the law allows and says its year.
    if re.fullmatch(r"[A-Za-z0-9/_.-]*\{year\}[A-Za-z0-9/_.-]*\{number(:0\d)?\}", text) is None:
        raise ValueError(
            f"'{text}' is no pattern of a number | write one like INV-{{year}}-{{number:05}}"
        )
    return text


def _language(text: str) -> str:
    if re.fullmatch(r"[a-z]{2,3}([-_][A-Za-z]{2,4})*", text) is None:
        raise ValueError(f"'{text}' is no language | write a code like en, de or pt-BR")
    return text


def _color(text: str) -> str:
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text) is None:
        raise ValueError(f"'{text}' is no colour | write one like #0b5d4b")
    return text


def _enough_memory(text: str) -> str:
    match = re.fullmatch(r"(\d+)(MB|GB)", text)
    if match is None or int(match[1]) * (1 if match[2] == "MB" else 1000) < MEMORY_MB_MIN:
        raise ValueError(f"is no size of {MEMORY_MB_MIN}MB or more | write 2GB, for one")
    return text


class Seller(Written):
    """The business that issues the invoices; what is empty is left out of documents."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    country: Country
    time_zone: TimeZone
    currency: CurrencyCode
    legal_name: Text = ""  # `name` where empty
    address_line_1: Text = ""
    address_line_2: Text = ""
    postal_code: Text = ""
    city: Text = ""
    vat_id: Text = ""
    tax_number: Text = ""  # of the tax office at home, where there is no VAT id
    registration_number: Text = ""
    email: Text = ""
    phone: Text = ""
    iban: Text = ""
    bic: Text = ""
    electronic_address: Text = ""  # where electronic invoices go, with the code of its scheme
    electronic_address_scheme: Text = ""


class Numbering(Written):
    """How documents are numbered: a series for each kind and year, without gaps."""

    invoice: Annotated[str, AfterValidator(_number_pattern)] = "INV-{year}-{number:05}"
    credit_note: Annotated[str, AfterValidator(_number_pattern)] = "CN-{year}-{number:05}"


class Invoicing(Written):
    """How drafts become documents."""

    lines: Literal["by_charge", "by_price", "by_sender"] = "by_charge"  # of a document
    language: Annotated[str, AfterValidator(_language)] = "en"  # of accounts that name none
    payment_terms_days: Annotated[int, Field(ge=0, le=365)] = 30  # of accounts that name none
    grace_days: Annotated[int, Field(ge=0, le=90)] = 0  # after a month, before it may be issued
    months_back: Annotated[int, Field(ge=0, le=120)] = 12  # invoiced months that are rated again
    maker_checker: bool = False  # who approves must be another than who drafted
    may_void: bool = False  # whether the law of the series lets a number be void
    carry_below: Mapping[CurrencyCode, Annotated[Exact, Field(gt=0)]] = Field(
        default_factory=dict
    )  # smaller totals wait for the next invoice
    logo: Text = ""  # a file of the book, PNG or SVG
    color: Annotated[str, AfterValidator(_color)] = "#0b5d4b"
    numbering: Numbering = Numbering()


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
    invoicing: Invoicing = Invoicing()
    dashboard: Mapping[str, Any] | None = None  # who may see what: read by the dashboards


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
