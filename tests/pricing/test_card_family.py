"""Which of several files of one card holds: each day has the rates of one file, or of none."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.settings import Book
from pricing.cards.family import read_cards
from pricing.catalog import check_book, load_catalog

HEADER = (
    "card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate,evidence,note"
)
FIRST = date(2026, 1, 1)


def write(folder: Path, name: str, *rows: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def row(start: object, end: object = "", rate: object = "0.01", rates: str = "list") -> str:
    return f"net,{start},{end},USD,{rates},Brazil,marketing,message,,{rate},published,"


def rate_on(frame: pl.DataFrame, day: date) -> list[str]:
    held = frame.filter(pl.col("card_from") <= day, pl.col("card_to") > day)
    return [f"{rate.normalize():f}" for rate in held["rate"]]


def test_a_book_s_card_holds_from_its_first_day_on_and_the_shipped_one_before(
    tmp_path: Path,
) -> None:
    shipped = write(
        tmp_path / "shipped",
        "a",
        row("2026-01-01", "2026-07-01", "0.01"),
        row("2026-07-01", "2027-01-01", "0.02"),
        row("2027-01-01", "", "0.03"),
    )
    own = write(tmp_path / "own", "b", row("2026-10-01", "2026-12-01", "0.09"))
    frame, problems, warnings = read_cards([shipped], [own])

    assert problems == []
    assert rate_on(frame, date(2026, 6, 30)) == ["0.01"]
    assert rate_on(frame, date(2026, 9, 30)) == ["0.02"]
    assert rate_on(frame, date(2026, 10, 1)) == ["0.09"]
    assert rate_on(frame, date(2026, 12, 1)) == rate_on(frame, date(2027, 1, 1)) == []
    assert [warning.what for warning in warnings] == [
        "card 'net' in USD (list) takes the place of the one that ships with Tollbook from"
        " 2026-10-01 on"
    ]


def test_the_next_file_of_a_book_ends_the_open_rows_of_the_one_before(tmp_path: Path) -> None:
    old = write(tmp_path, "z", row("2027-01-01", "", "0.01"))
    new = write(tmp_path, "a", row("2027-04-01", "", "0.02"))
    frame, problems, (warning,) = read_cards([], [new, old])

    assert problems == []
    assert rate_on(frame, date(2027, 3, 31)) == ["0.01"]
    assert rate_on(frame, date(2027, 4, 1)) == ["0.02"]
    assert warning.where == "a.csv effective_from"
    assert "takes the place of the one in z.csv from 2027-04-01 on" in warning.what


def test_another_currency_or_tiered_rates_end_nothing(tmp_path: Path) -> None:
    shipped = write(tmp_path / "shipped", "a", row("2026-01-01"))
    other = write(tmp_path, "b", row("2026-02-01").replace("USD", "EUR"))
    tiers = write(tmp_path, "c", row("2026-02-01", rates="tiered"))
    frame, problems, warnings = read_cards([shipped], [other, tiers])

    assert (problems, warnings) == ([], [])
    assert set(frame["card_to"]) == {date(9999, 12, 31)}


@pytest.mark.parametrize("end", ["", "2027-03-01"])
def test_two_files_of_a_book_that_meet_otherwise_are_refused(tmp_path: Path, end: str) -> None:
    start = "2027-02-01" if end else "2027-01-01"
    one = write(tmp_path, "a", row("2027-01-01", end))
    other = write(tmp_path, "b", row(start))
    _, (problem,), _ = read_cards([], [one, other])

    assert f"also has rates on {start} in a.csv" in problem.what


days = st.integers(0, 40).map(lambda number: FIRST + timedelta(days=number))


@given(shipped=st.sets(days, min_size=1, max_size=4), own=st.sets(days, max_size=4))
def test_each_day_has_the_rate_of_the_newest_card_and_a_book_s_before_a_shipped_one(
    shipped: set[date], own: set[date], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("cards")
    starts = sorted(shipped)
    ends: Sequence[object] = [*starts[1:], ""]
    shipped_paths = [
        write(root / "shipped", str(start), row(start, end, f"1.{start:%m%d}1"))
        for start, end in zip(starts, ends, strict=True)
    ]
    own_paths = [
        write(root, str(start), row(start, "", f"2.{start:%m%d}1")) for start in sorted(own)
    ]
    frame, problems, _ = read_cards(shipped_paths, own_paths)

    assert problems == []
    for day in (FIRST + timedelta(days=number) for number in range(-1, 42)):
        begun = [f"2.{start:%m%d}1" for start in sorted(own) if start <= day]
        begun = begun or [f"1.{start:%m%d}1" for start in starts if start <= day]
        assert rate_on(frame, day) == begun[-1:]


def test_a_book_may_replace_a_shipped_card_and_check_says_so(
    tmp_path: Path, make_book: Callable[..., Book]
) -> None:
    text = row("2027-01-01").replace("net", "whatsapp")
    files = {"rate_cards/new.csv": f"{HEADER}\n{text}\n", "subscriptions.csv": "account_id,plan\n"}
    book = make_book(tmp_path, {**files, "add_ons.csv": "account_id,add_on,quantity\n"})
    problems, warnings = check_book(book)
    rates = load_catalog(book).rates.filter(card="whatsapp", currency="USD", rates="list")

    assert problems == []
    assert any("that ships with Tollbook from 2027-01-01 on" in one.what for one in warnings)
    assert rates.filter(pl.col("card_to") > date(2027, 1, 1)).height == 1
