"""Money that has not come yet is refused, so that all views of what is owed agree."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from metering.settings import Book
from pricing.archive import Archive
from pricing.receivables.payments import payments_of
from pricing.today import VARIABLE, today_in
from tests.pricing.receivables.owing import issued_book
from tollbook import main

NUMBER = "INV-2026-00001"


@pytest.fixture
def book(
    tmp_path: Path,
    make_book: Callable[..., Book],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
) -> Book:
    made = issued_book(tmp_path / "book", make_book, usage_row, usage_frame)
    monkeypatch.setenv(VARIABLE, "2026-11-10")
    return made


def call(book: Book, *arguments: str) -> Result:
    given = [*arguments, "--book", str(book.root)]
    return CliRunner().invoke(main, given, catch_exceptions=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("payment", "add", NUMBER, "1"),
        ("payment", "add", "acme", "1"),
        ("payment", "apply", NUMBER, "1"),
        ("invoice", "write-off", NUMBER, "--reason", "gone"),
    ],
)
def test_what_has_not_happened_yet_is_refused(book: Book, arguments: tuple[str, ...]) -> None:
    call(book, "payment", "add", "acme", "5", "--on", "2026-11-09")
    late = call(book, *arguments, "--on", "2026-11-11")

    assert late.exit_code == 2
    assert "2026-11-11 is after today, 2026-11-10" in late.stderr
    assert call(book, *arguments, "--on", "2026-11-10").exit_code == 0


def test_a_file_with_a_day_that_has_not_come_is_refused_as_a_whole(
    book: Book, tmp_path: Path
) -> None:
    path = tmp_path / "bank.csv"
    path.write_text(
        "payment_id,number,amount,currency,paid_on\n"
        f"p1,{NUMBER},1.00,USD,2026-11-10\np2,{NUMBER},1.00,USD,2026-11-11\n"
    )
    result = call(book, "payment", "import", str(path))

    assert result.exit_code == 2
    assert "bank.csv:3 paid_on" in result.stderr
    with Archive.open(book) as archive:
        assert payments_of(archive).is_empty()


def test_today_is_that_of_the_seller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    before = datetime.now(UTC).date()
    found = {zone: today_in(zone) for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago")}

    assert found["Pacific/Kiritimati"] > found["Pacific/Pago_Pago"]
    assert found["Pacific/Pago_Pago"] <= before <= datetime.now(UTC).date()
    assert before <= found["Pacific/Kiritimati"]


@pytest.mark.parametrize("amount", ["-1", "-1.50"])
def test_an_amount_below_zero_is_told_what_to_do(book: Book, amount: str) -> None:
    result = call(book, "payment", "add", NUMBER, amount)

    assert result.exit_code == 2
    assert f"{amount} is not above zero" in result.stderr
    assert "--kind refund" in result.stderr
    assert call(book, "payment", "add", NUMBER, "1", "--knid", "refund").exit_code == 2
