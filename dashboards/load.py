"""Reading reports: the current generation and its frames; the only module that caches.

Streamlit names what it caches by the arguments of the call, and reads large frames only in part for
that: hence no argument is a frame, and the folder in each call names its generation.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import streamlit as st

from dashboards.reports import MANIFEST, SCHEMA, USAGE, pointed_at
from pricing.invoice import INVOICE, LINE, LINE_DETAIL

CACHED_FRAMES_MAX = 64


@dataclass(frozen=True)
class Generation:
    """A published generation; immutable, so that everything read from it belongs together."""

    folder: Path
    seller: str
    latest_event_at: datetime | None
    load_count: int
    quarantined_count: int
    files: frozenset[str]

    @property
    def used_months(self) -> list[str]:
        return self._months("usage")

    @property
    def billed_months(self) -> list[str]:
        return self._months("invoices")

    @property
    def months(self) -> list[str]:
        """Every month that has usage or invoices, the latest first."""
        return sorted({*self.used_months, *self.billed_months}, reverse=True)

    def usage(self, month: str) -> pl.DataFrame:
        """Daily deliveries: schema `dashboards.reports.USAGE`."""
        return self._frame(f"usage/{month}", USAGE)

    def invoices(self, month: str) -> pl.DataFrame:
        """Invoices: schema `pricing.invoice.INVOICE`."""
        return self._frame(f"invoices/{month}", INVOICE)

    def lines(self, month: str, invoice_id: str) -> pl.DataFrame:
        """Lines of an invoice: schema `pricing.invoice.LINE`."""
        lines = self._frame(f"lines/{month}", LINE)
        return lines.filter(pl.col("invoice_id") == invoice_id)

    def details(self, month: str, line_id: str) -> pl.DataFrame:
        """Details of a line: schema `pricing.invoice.LINE_DETAIL`."""
        return read_details(str(self.folder / f"details/{month}.parquet"), line_id)

    def account_names(self) -> dict[str, str]:
        return dict(read_frame(str(self.folder / "accounts.parquet")).iter_rows())

    def _months(self, kind: str) -> list[str]:
        return sorted(name.partition("/")[2] for name in self.files if name.startswith(f"{kind}/"))

    def _frame(self, name: str, schema: pl.Schema) -> pl.DataFrame:
        if name not in self.files:
            return schema.to_frame()
        return read_frame(str(self.folder / f"{name}.parquet")).select(schema.names())


def current(reports: Path) -> Generation | None:
    """Open the current generation; None where nothing was published that this version can read."""
    named = pointed_at(reports)
    if not named:
        return None
    folder = reports / named[0]
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["schema"] != SCHEMA:
        return None
    latest_at = manifest.get("latest_event_at")
    return Generation(
        folder=folder,
        seller=manifest["seller"],
        latest_event_at=None if latest_at is None else datetime.fromisoformat(latest_at),
        load_count=manifest.get("load_count", 0),
        quarantined_count=manifest.get("quarantined_count", 0),
        files=frozenset(manifest["files"]),
    )


@st.cache_data(max_entries=CACHED_FRAMES_MAX, show_spinner=False)
def read_frame(path: str) -> pl.DataFrame:
    """Read a whole file of a generation."""
    return pl.read_parquet(path)


@st.cache_data(max_entries=CACHED_FRAMES_MAX, show_spinner=False)
def read_details(path: str, line_id: str) -> pl.DataFrame:
    """Read the details of one line, without those of all others."""
    lines = pl.scan_parquet(path).filter(pl.col("line_id") == line_id)
    return lines.select(LINE_DETAIL.names()).sort("position").collect()
