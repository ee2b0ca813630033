"""What the scenarios share: a month rated from rows of usage, in the order in which they stand."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from metering.period import Month
from pricing.billing import rate_month
from pricing.catalog import load_catalog
from pricing.document_writer import documents
from pricing.state import no_state
from tests.pricing.conftest import in_row_order, usage_frame, usage_row
from tests.scenarios.office import Invoice, on_plan, write_book

__all__ = ["in_row_order", "rate", "usage_frame", "usage_row"]


@pytest.fixture
def rate(
    tmp_path: Path,
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> Callable[..., Invoice]:
    """Rate rows of usage of acme, each a quantity and what is told apart: its invoice."""

    def make(
        month: str,
        plan: str,
        *rows: tuple[object, Mapping[str, object]],
        files: Mapping[str, str] | None = None,
    ) -> Invoice:
        book = write_book(tmp_path / "book", on_plan(plan, **(files or {})))
        asked = Month.parse(month)
        cells = [{"rate_date": asked.first_day, **given} for _, given in rows]
        usage = usage_frame(
            [usage_row("acme", n, **cell) for (n, _), cell in zip(rows, cells, strict=True)]
        )
        catalog = load_catalog(book)
        rated = rate_month(catalog, asked, usage, in_row_order(usage), no_state())
        (invoice,) = documents(rated.drafts)
        return invoice

    return make
