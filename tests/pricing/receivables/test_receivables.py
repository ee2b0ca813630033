"""What is owed: by how long it is overdue, as of any day, and each movement on a statement."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from metering.errors import SumsDisagreeError
from metering.settings import Book
from pricing.archive import Archive
from pricing.receivables import statement as statements
from pricing.receivables.ageing import AGES, AMOUNTS, aged, reminders, totals_of
from pricing.receivables.balance import BALANCE, balances
from pricing.receivables.statement import CLOSING, OPENING, Line, statement
from tests.pricing.receivables.owing import (
    ZONE,
    copy_of,
    credit,
    owed_by,
    record,
    row,
)
from tollbook import main

TODAY = date(2026, 12, 20)


def balance(minor: int, due: date | None, **given: object) -> dict[str, object]:
    usual: dict[str, object] = {"account_id": "acme", "kind": "invoice", "currency": "USD"}
    said = {"number": "n", "issue_date": date(2026, 1, 1), "due_date": due, "open_minor": minor}
    return {**dict.fromkeys(BALANCE), **usual, **said, **given}


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([[one[name] for name in BALANCE] for one in rows], BALANCE, orient="row")


# Ageing


@pytest.mark.parametrize(
    ("days", "age"),
    [
        (-5, "not_due"),
        (0, "not_due"),
        (1, "days_1_30"),
        (30, "days_1_30"),
        (31, "days_31_60"),
        (60, "days_31_60"),
        (61, "days_61_90"),
        (90, "days_61_90"),
        (91, "days_over_90"),
        (400, "days_over_90"),
    ],
)
def test_a_document_has_the_age_of_its_days_after_the_due_date(days: int, age: str) -> None:
    (told,) = aged(frame(balance(7, TODAY - timedelta(days))), TODAY, "account").to_dicts()

    assert {name: told[name] for name in AMOUNTS if told[name]} == {age: 7, "total": 7}


def test_what_is_owed_to_the_account_stands_apart_and_counts_in_the_total() -> None:
    rows = frame(
        balance(100, TODAY),
        balance(-30, TODAY - timedelta(50), kind="credit_note"),
        balance(-5, None, kind="on_account"),
    )
    (told,) = aged(rows, TODAY, "account").to_dicts()

    assert (told["not_due"], told["credit"], told["total"]) == (100, -35, 65)


opens = st.builds(
    balance,
    st.integers(-500, 500),
    st.integers(-100, 100).map(lambda days: TODAY + timedelta(days)),
    account_id=st.sampled_from(["acme", "bistro"]),
    currency=st.sampled_from(["USD", "EUR"]),
)


@given(rows=st.lists(opens, max_size=12))
def test_ages_add_up_to_what_is_open_and_currencies_are_never_added(
    rows: list[dict[str, object]],
) -> None:
    told = aged(frame(*rows), TODAY, "account")
    expected: dict[tuple[object, object], int] = {}
    for one in rows:
        key = (one["account_id"], one["currency"])
        expected[key] = expected.get(key, 0) + int(str(one["open_minor"]))

    for line in told.to_dicts():
        assert sum(line[name] for name in (*AGES, "credit")) == line["total"]
        assert expected.pop((line["account_id"], line["currency"])) == line["total"]
    assert not any(expected.values())
    by_document = aged(frame(*rows), TODAY, "document")
    assert totals_of(by_document).equals(totals_of(told))


def test_what_was_paid_back_before_it_came_is_owed_and_not_late() -> None:
    (told,) = aged(frame(balance(5, None, kind="on_account")), TODAY, "account").to_dicts()

    assert (told["not_due"], told["total"]) == (5, 5)


def test_reminders_rise_with_the_days() -> None:
    days = (0, 1, 14, 15, 30, 31)
    rows = frame(*(balance(1, TODAY - timedelta(n), number=f"{n}") for n in days))
    paid = frame(balance(-1, TODAY - timedelta(40)), balance(0, TODAY - timedelta(40)))

    told = reminders(pl.concat([rows, paid]), TODAY)
    assert [(one["days"], one["level"]) for one in told] == [
        (31, 3),
        (30, 2),
        (15, 2),
        (14, 1),
        (1, 1),
    ]


def test_what_was_owed_on_a_day_can_be_told_later(archive: Archive, book: Book) -> None:
    before = {day: balances(archive, ZONE, day) for day in (date(2026, 10, 2), date(2026, 11, 5))}
    record(archive, book, row("p1", "100.00", paid_on=date(2026, 11, 6)))
    credit(archive, book, "INV-2026-00002", on=date(2026, 11, 6))

    assert before[date(2026, 10, 2)].is_empty()
    for day, known in before.items():
        assert balances(archive, ZONE, day).equals(known)
    assert owed_by(archive)["acme"] == 0


# Statements


def story(archive: Archive, book: Book) -> None:
    """Acme pays a part, gets money back, has its second invoice credited, and pays ahead."""
    record(
        archive,
        book,
        row("p1", "60.00", paid_on=date(2026, 10, 20), reference="SEPA 1"),
        row("r1", "10.00", paid_on=date(2026, 10, 22), kind="refund"),
        row("a1", "5.00", paid_on=date(2026, 11, 8), account_id="acme"),
    )
    credit(archive, book, "INV-2026-00002", "20.00", on=date(2026, 11, 6))


def test_a_statement_tells_every_movement_with_a_running_balance(
    archive: Archive, book: Book
) -> None:
    story(archive, book)
    lines = statement(archive, "acme", zone=ZONE, first=None, last=None)

    assert lines == [
        Line(None, OPENING, None, "", "USD", None, 0),
        Line(date(2026, 10, 3), "invoice", "INV-2026-00001", "", "USD", 100_00, 100_00),
        Line(date(2026, 10, 20), "payment", "INV-2026-00001", "SEPA 1", "USD", -60_00, 40_00),
        Line(date(2026, 10, 22), "refund", "INV-2026-00001", "", "USD", 10_00, 50_00),
        Line(date(2026, 11, 3), "invoice", "INV-2026-00002", "", "USD", 50_00, 100_00),
        Line(date(2026, 11, 6), "credit_note", "CN-2026-00001", "", "USD", -20_00, 80_00),
        Line(date(2026, 11, 8), "payment", None, "", "USD", -5_00, 75_00),
        Line(None, CLOSING, None, "", "USD", None, 75_00),
    ]


@pytest.fixture(scope="module")
def told(book: Book) -> Iterator[Archive]:
    with copy_of(book) as archive:
        story(archive, book)
        yield archive


@given(days=st.lists(st.integers(-5, 45), min_size=2, max_size=2).map(sorted))
def test_one_statement_begins_where_the_one_before_ends(told: Archive, days: list[int]) -> None:
    first, last = (date(2026, 10, 1) + timedelta(number) for number in days)
    whole = statement(told, "acme", zone=ZONE, first=None, last=last)
    before = statement(told, "acme", zone=ZONE, first=None, last=first - timedelta(1))
    after = statement(told, "acme", zone=ZONE, first=first, last=last)
    owed = owed_by(told, last)

    assert [*before[1:-1], *after[1:-1]] == whole[1:-1]
    if after:
        assert after[0].balance_minor == (before[-1].balance_minor if before else 0)
        assert after[-1].balance_minor == owed["acme"]


def test_a_statement_that_does_not_add_up_is_not_shown(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    halved = balances(archive, ZONE).with_columns(pl.col("open_minor") // 2)
    monkeypatch.setattr(statements, "balances", lambda *_: halved)

    with pytest.raises(SumsDisagreeError, match="come to 15000, and 7500 is open"):
        statement(archive, "acme", zone=ZONE, first=None, last=None)


# The commands


@pytest.fixture(scope="module")
def run(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    root = tmp_path_factory.mktemp("owed") / "book"
    shutil.copytree(book.root, root)
    with Archive.open(Book(root), "write") as archive:
        story(archive, book)

    def call(*arguments: str) -> Result:
        given = [*arguments, "--book", str(root)]
        return CliRunner().invoke(main, given, catch_exceptions=False)

    return call


def test_receivables_are_told_by_account_and_by_document(run: Callable[..., Result]) -> None:
    told = json.loads(run("receivables", "--as-of", "2026-12-20", "--format", "json").stdout)
    acme, bistro = told["rows"]

    assert (acme["account_id"], acme["name"], acme["currency"]) == ("acme", "Acme", "USD")
    assert [acme[name] for name in AMOUNTS] == [
        *("0.00", "30.00", "50.00", "0.00", "0.00", "-5.00", "75.00"),
    ]
    assert bistro["days_31_60"] == "7.00"
    assert [one["total"] for one in told["totals"]] == ["82.00"]
    by_document = run("receivables", "--by", "document", "--as-of", "2026-12-20", "--format", "csv")
    cells = [line.split(",") for line in by_document.stdout.splitlines()]
    rows = [dict(zip(cells[0], line, strict=True)) for line in cells[1:]]
    assert [(r["number"], r["open"], r["days"], r["status"]) for r in rows] == [
        ("INV-2026-00001", "50.00", "48", "overdue"),
        ("INV-2026-00002", "30.00", "17", "overdue"),
        ("", "-5.00", "0", "open"),
        ("INV-2026-00003", "7.00", "33", "overdue"),
    ]
    assert "Total: 82.00 USD" in run("receivables").stdout


def test_reminders_name_who_is_late(run: Callable[..., Result]) -> None:
    told = run("receivables", "reminders", "--as-of", "2026-11-20", "--format", "csv").stdout

    assert [line.split(",")[3:8] for line in told.splitlines()[1:]] == [
        ["INV-2026-00001", "2026-11-02", "18", "2", "50.00"],
        ["INV-2026-00003", "2026-11-17", "3", "1", "7.00"],
    ]


def test_a_statement_is_shown_between_days(run: Callable[..., Result]) -> None:
    between = ("--from", "2026-11-01", "--to", "2026-11-07")
    told = json.loads(run("statement", "acme", *between, "--format", "json").stdout)

    assert told["balances"] == [{"currency": "USD", "opening": "50.00", "closing": "80.00"}]
    amounts = [Decimal(line["amount"]) for line in told["rows"] if line["amount"] is not None]
    assert sum(amounts) == Decimal("30.00")
    refused = run("statement", "nobody")
    assert (refused.exit_code, "there is no account 'nobody'" in refused.stderr) == (2, True)
    assert run("statement", "acme", "--from", "soon").exit_code == 2


def test_an_account_that_left_the_book_still_has_its_statement(book: Book, tmp_path: Path) -> None:
    root = tmp_path / "book"
    shutil.copytree(book.root, root)
    (root / "accounts.csv").write_text("account_id,name\nacme,Acme\n", encoding="utf-8")
    (root / "senders.csv").write_text("sender_id,account_id\n1,acme\n", encoding="utf-8")
    given = ["statement", "bistro", "--book", str(root), "--format", "json"]
    told = json.loads(CliRunner().invoke(main, given).stdout)

    assert told["balances"] == [{"currency": "USD", "opening": "0.00", "closing": "7.00"}]


def test_an_account_without_movements_has_an_empty_statement(run: Callable[..., Result]) -> None:
    told = json.loads(run("statement", "corner", "--format", "json").stdout)

    assert (told["rows"], told["balances"]) == ([], [])
