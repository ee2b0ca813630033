"""What a generation is made of: digests that say which frames of the one before still hold.

A month of messages is counted again when the loads that touch it, or the months around it, or a
file that it depends on have changed; a bill when one of its invoices has. Whoever doubts it deletes
the folder `reports/`: everything is made anew then.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from metering.account import Accounts
from metering.facts import data_path
from metering.period import Month
from metering.settings import SETTINGS, Book
from pricing.run import engine_version

PARQUET_END = b"PAR1"
OF_CATALOG = (SETTINGS, "subscriptions.csv", "add_ons.csv")
IN_SOME_ZONE = "in some zone"
SHIPPED = ("markets.csv", "pricing_types.csv", "window_lengths.csv")
# A message may be reported of in months after its own: reports that come later than this wait until
# something else of the month changes.
MONTHS_BEFORE, MONTHS_AFTER = 1, 2


@dataclass(frozen=True)
class Former:
    """The generation before: its folder, the digest of each file, and what it was made of."""

    folder: Path
    files: Mapping[str, str]
    sources: Mapping[str, str]
    facts: Mapping[str, Any]

    def of(self, source: str, digest: str) -> list[str] | None:
        """Name the files of a source that is as it was; None where it is not."""
        if self.sources.get(source) != digest:
            return None
        kind, _, month = source.partition("/")
        names = FRAMES_OF[kind]
        found = [f"{name}/{month}" if month else name for name in names]
        return [name for name in found if name in self.files]


# The frames that each source makes; those of a month, or a period, have its name behind a slash.
_COUNTED = ("usage", "hours", "conversations", "funnel", "windows")
FRAMES_OF = {
    "month": (*_COUNTED, *(f"{name}_totals" for name in _COUNTED), "usage_accounts"),
    "period": ("invoices", "lines", "details", "prices", "price_sums"),
    "cost": ("costs", "cost_sums"),
    "catalog": ("add_ons", "subscriptions", "allowances"),
}


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Read what a generation says of itself; None where that is not there, or damaged."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and {"schema", "files"} <= {*facts} else None


def former(folder: Path, manifest: str) -> Former | None:
    """Read what a generation was made of; None where its files are not all there and whole."""
    facts = read_manifest(folder / manifest)
    if facts is None or not all(_is_whole(folder / f"{name}.parquet") for name in facts["files"]):
        return None
    return Former(folder, facts["files"], facts.get("sources", {}), facts)


def _is_whole(path: Path) -> bool:
    """Say whether a file ends as one does that was written to its end."""
    try:
        with path.open("rb") as file:
            file.seek(-len(PARQUET_END), os.SEEK_END)
            return file.read() == PARQUET_END
    except OSError:
        return False


def months_of(parts: pl.DataFrame) -> list[Month]:
    """The months in which something happened, in some time zone."""
    return [Month.parse(month) for month in parts.filter(part=IN_SOME_ZONE)["month"].sort()]


def digests_of_months(
    book: Book, accounts: Accounts, parts: pl.DataFrame, schema: str
) -> dict[Month, str]:
    """Say what the frames of each month are made of."""
    base = [*_content(book, (SETTINGS,)), *_owners(accounts), schema, engine_version()]
    base += [_digest(data_path(name).read_bytes()) for name in SHIPPED]
    rows: dict[Month, list[str]] = {}
    for month, part, count in parts.sort("month", "part").iter_rows():
        rows.setdefault(Month.parse(month), []).append(f"{part}: {count}")
    digests = {}
    for month in months_of(parts):
        near = [month.back(number) for number in range(MONTHS_BEFORE, -MONTHS_AFTER - 1, -1)]
        lines = [f"{one} {row}" for one in near for row in rows.get(one, [])]
        digests[month] = _digest("\n".join([*base, *lines]).encode())
    return digests


def digest_of_catalog(book: Book, schema: str) -> str:
    """Say what the frames of the catalog are made of."""
    files = [book.root / name for name in OF_CATALOG]
    for folder in ("plans", "rate_cards", "meters"):
        files += sorted((book.root / folder).glob("*"))
    names = [path.relative_to(book.root).as_posix() for path in files if path.is_file()]
    lines = [schema, engine_version(), *names, *_content(book, names)]
    return _digest("\n".join(lines).encode())


def _owners(accounts: Accounts) -> list[str]:
    """What of the accounts decides about a count: ids, zones and senders, and no name."""
    rows = [(one.account_id, one.effective_from, one.time_zone) for one in accounts.accounts]
    senders = [sender.model_dump(exclude={"line"}) for sender in accounts.senders]
    return [_digest(str([rows, senders, accounts.pricing_source]).encode())]


def _content(book: Book, names: list[str] | tuple[str, ...]) -> list[str]:
    paths = [book.root / name for name in names]
    return [_digest(path.read_bytes()) if path.is_file() else "" for path in paths]


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
