"""What the tests of pricing share: a small book, usage by hand, and an order of time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import settings

from metering.event import USAGE, USAGE_SPLITS
from metering.settings import Book

if settings.get_current_profile_name() == "default":
    settings.register_profile("unhurried", deadline=None)  # a slow machine breaks no property
    settings.load_profile("unhurried")

FILES = {
    "tollbook.toml": """\
[seller]
name = "Seller"
country = "DE"
time_zone = "Europe/Berlin"
currency = "USD"
""",
    "accounts.csv": "account_id,name,employee_count\nacme,Acme,200\nbistro,Bistro,9\n",
    "senders.csv": "sender_id,account_id\n1,acme\n2,bistro\n",
    "subscriptions.csv": "account_id,plan\nacme,growth\nbistro,growth\n",
    "add_ons.csv": "account_id,add_on,quantity\n",
}


@pytest.fixture(scope="session")
def make_book() -> Callable[..., Book]:
    """Write a book of two accounts; files that are given come on top."""

    def make(root: Path, files: Mapping[str, str] | None = None) -> Book:
        for name, content in {**FILES, **(files or {})}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
        return Book.at(root)

    return make


@pytest.fixture(scope="session")
def usage_row() -> Callable[..., dict[str, Any]]:
    """One row of usage, of plain marketing messages to Brazil unless said otherwise."""

    def row(account_id: str | None, quantity: object, **given: object) -> dict[str, Any]:
        plain: dict[str, object] = {
            "waba_id": None,
            "sender_id": None,
            "pricing_opinion": None,
            "reported_cost": None,
            "meter": "deliveries",
            "channel": "whatsapp",
            "market": "Brazil",
            "country": "BR",
            "category": "marketing",
            "pricing_model": "PMP",
            "pricing_type": "regular",
            "rate_date": date(2026, 10, 1),
            "standing": "counted",
        }
        return {
            "account_id": account_id,
            **dict.fromkeys(USAGE_SPLITS),
            **plain,
            **given,
            "quantity": Decimal(str(quantity)),
        }

    return row


@pytest.fixture(scope="session")
def usage_frame() -> Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]:
    def frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        return pl.DataFrame([[row[name] for name in USAGE] for row in rows], USAGE, orient="row")

    return frame


@pytest.fixture(scope="session")
def in_row_order() -> Callable[[pl.DataFrame], Callable[..., pl.DataFrame]]:
    """Answer about the order of time as if all messages of a row came before those of the next."""

    def make(usage: pl.DataFrame) -> Callable[..., pl.DataFrame]:
        def below(
            meter: str, cells: pl.DataFrame, bounds: pl.DataFrame, crossing: str
        ) -> pl.DataFrame:
            on = [
                name
                for name in cells.columns
                if not name.endswith("scope") and name != "first_bound"
            ]
            ordered = (
                usage.filter(pl.col("meter") == meter)
                .join(cells, on=on, nulls_equal=True, maintain_order="left")
                .with_columns(end=pl.col("quantity").cum_sum().over("scope"))
            )
            start = pl.col("end") - pl.col("quantity")
            inside = pl.min_horizontal("end", "bound") - pl.min_horizontal(start, "bound")
            return ordered.join(bounds, on="scope").with_columns(quantity=inside)

        return below

    return make
