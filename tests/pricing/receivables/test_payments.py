"""Payments: none counts twice, none is more than what is open, and the balances always add up."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from metering.errors import BookError, UsageError
from metering.settings import Book
from pricing.archive import Archive
from pricing.life.lifecycle import void
from pricing.life.told import untold
from pricing.life.trail import rows_of
from pricing.receivables.balance import balances, movements, status_of
from pricing.receivables.payment_file import PaymentRow
from pricing.receivables.payments import (
    apply_credit,
    payments_of,
    undo_write_off,
    write_off,
)
from tests.pricing.receivables.owing import (
    ACTOR,
    ZONE,
    balance_of,
    credit,
    open_of,
    owed_by,
    record,
    row,
    undone,
)
from tollbook import main

FIRST, SECOND, OTHER = "INV-2026-00001", "INV-2026-00002", "INV-2026-00003"
OWNERS = {FIRST: "acme", SECOND: "acme", OTHER: "bistro"}
DUE = {FIRST: 100_00, SECOND: 50_00, OTHER: 7_00}
DAY = date(2026, 11, 10)
LATER = date(2026, 12, 31)


def problems_of(error: pytest.ExceptionInfo[BookError]) -> list[str]:
    return [f"{problem.where}: {problem.what}" for problem in error.value.problems]


# Any order of what happens, against a ledger that is kept by hand


class Plain:
    """What is open and paid, kept step by step as the documentation says it."""

    def __init__(self) -> None:
        self.due = dict(DUE)
        self.credited = dict.fromkeys(DUE, 0)
        self.paid: dict[str, int] = {**dict.fromkeys(DUE, 0), "acme": 0, "bistro": 0}
        self.given_up = dict.fromkeys(DUE, 0)

    def open(self, name: str) -> int:
        if name not in DUE:
            return -self.paid[name]
        return self.due[name] - self.credited[name] - self.paid[name] - self.given_up[name]

    def owed(self, account_id: str) -> int:
        own = [name for name, owner in OWNERS.items() if owner == account_id]
        return sum(map(self.open, own)) + self.open(account_id)

    def pay(self, name: str, minor: int) -> bool:
        fits = name not in DUE or minor <= max(self.open(name), -self.paid[name], 0)
        self.paid[name] += minor if fits else 0
        return fits

    def refund(self, name: str, minor: int) -> bool:
        over = -self.open(name) - self.given_up.get(name, 0)
        fits = minor <= max(over, self.paid[name], 0)
        self.paid[name] -= minor if fits else 0
        return fits

    def credit(self, name: str, minor: int) -> bool:
        fits = minor <= self.due[name] - self.credited[name]
        self.credited[name] += minor if fits else 0
        return fits

    def write_off(self, name: str, _: int) -> bool:
        fits = self.open(name) > 0
        self.given_up[name] += max(self.open(name), 0)
        return fits

    def undo(self, name: str, _: int) -> bool:
        fits = self.given_up[name] > 0
        self.given_up[name] = 0
        return fits

    def apply(self, name: str, minor: int) -> bool:
        account_id = OWNERS[name]
        fits = 0 < minor <= min(self.open(name), self.paid[account_id])
        self.paid[name] += minor if fits else 0
        self.paid[account_id] -= minor if fits else 0
        return fits


def do(archive: Archive, book: Book, step: str, name: str, minor: int, number: int) -> bool:
    """Do a step in the archive; False where it was refused."""
    amount = Decimal(minor).scaleb(-2)
    by_hand: dict[str, Any] = {"zone": ZONE, "on": DAY, "actor": ACTOR}
    to = {"number": name} if name in DUE else {"account_id": name}
    try:
        match step:
            case "pay":
                record(archive, book, row(f"p{number}", amount, **to))
            case "refund":
                record(archive, book, row(f"p{number}", amount, kind="refund", **to))
            case "credit":
                credit(archive, book, name, str(amount))
            case "write_off":
                write_off(archive, name, reason="gone", **by_hand)
            case "undo":
                undo_write_off(archive, name, reason="back", **by_hand)
            case "apply":
                apply_credit(archive, name, None, amount, **by_hand)
    except (BookError, UsageError):
        return False
    return True


names = st.sampled_from([*DUE])
amounts = st.integers(1, 120_00) | st.sampled_from([7_00, 50_00, 100_00])
steps = st.tuples(st.sampled_from(["pay", "refund"]), names | st.sampled_from(["acme"]), amounts)
others = st.tuples(st.sampled_from(["credit", "write_off", "undo", "apply"]), names, amounts)


@given(listed=st.lists(steps | others, max_size=6))
def test_what_an_account_owes_is_its_documents_less_its_payments(
    book: Book, opened: Archive, listed: list[tuple[str, str, int]]
) -> None:
    plain = Plain()
    with undone(opened) as archive:
        for number, (step, name, minor) in enumerate(listed):
            before = balances(archive, ZONE)
            was_done = do(archive, book, step, name, minor, number)
            assert was_done == getattr(plain, step)(name, minor), (step, name, minor)
            if not was_done:
                assert balances(archive, ZONE).equals(before)

        found = open_of(archive)
        assert {name: found[name] for name in DUE} == {name: plain.open(name) for name in DUE}
        assert owed_by(archive) == {name: plain.owed(name) for name in ("acme", "bistro")}
        documents = archive.frame("select account_id, due_minor as minor from invoices")
        paid = payments_of(archive).select("account_id", minor=-pl.col("amount_minor"))
        both = pl.concat([documents.filter(pl.col("account_id") != "corner"), paid])
        sums = both.group_by("account_id").agg(pl.sum("minor"))
        assert owed_by(archive) == dict(sums.sort("account_id").rows())
        assert not [*untold(archive)]


@st.composite
def files_of_payments(draw: st.DrawFn) -> list[PaymentRow]:
    """Draw rows that fit together: part payments, refunds of some of them, money on account."""
    rows: list[PaymentRow] = []
    for number, due in DUE.items():
        left, day = due, DAY
        for part in range(draw(st.integers(0, 3))):
            minor = draw(st.integers(1, max(left, 1)))
            if minor > left:
                break
            left -= minor
            day += timedelta(days=draw(st.integers(0, 9)))
            name, amount = f"{number}-{part}", Decimal(minor).scaleb(-2)
            rows.append(row(name, amount, number=number, paid_on=day))
            if draw(st.booleans()):
                left += minor
                rows.append(row(f"{name}-r", amount, number=number, paid_on=day, kind="refund"))
    if draw(st.booleans()):
        rows.append(row("a", "12.34", account_id="acme"))
    return rows


@given(rows=files_of_payments(), data=st.data())
def test_order_repeats_and_splits_of_payments_do_not_matter(
    book: Book, opened: Archive, rows: list[PaymentRow], data: st.DataObject
) -> None:
    with undone(opened) as archive:
        record(archive, book, *rows)
        whole = movements(archive, ZONE)
        assert record(archive, book, *rows).new == 0
        assert movements(archive, ZONE).equals(whole)
        trail = rows_of(archive).height
    shuffled = data.draw(st.permutations(rows))
    day = data.draw(st.sampled_from([DAY, *(one.paid_on for one in rows)]))
    with undone(opened) as archive:
        record(archive, book, *shuffled, *shuffled)
        assert movements(archive, ZONE).equals(whole)
        assert rows_of(archive).height == trail
    with undone(opened) as archive:
        record(archive, book, *(one for one in rows if one.paid_on <= day))
        record(archive, book, *rows)
        assert movements(archive, ZONE).equals(whole)


@given(rows=files_of_payments(), data=st.data())
def test_the_balances_of_a_day_are_those_of_what_happened_up_to_it(
    book: Book, opened: Archive, rows: list[PaymentRow], data: st.DataObject
) -> None:
    days = [date(2026, 11, 3), *(one.paid_on for one in rows)]
    day = data.draw(st.sampled_from(days))
    with undone(opened) as archive:
        record(archive, book, *rows)
        later = balances(archive, ZONE, day)
    with undone(opened) as archive:
        record(archive, book, *(one for one in rows if one.paid_on <= day))
        assert balances(archive, ZONE).equals(later)


# Rule by rule


def test_a_part_payment_leaves_the_rest_open(archive: Archive, book: Book) -> None:
    record(archive, book, row("p1", "40.00"), row("p2", "59.99"))

    assert open_of(archive)[FIRST] == 1
    record(archive, book, row("p3", "0.01"))
    assert status_of(balance_of(archive, FIRST), LATER) == "paid"


def test_more_than_what_is_open_is_refused_with_what_to_do(archive: Archive, book: Book) -> None:
    record(archive, book, row("p1", "40.00"))

    with pytest.raises(BookError, match=r"more than what is open of INV-2026-00001: 60.00") as e:
        record(archive, book, row("p2", "60.01"))
    assert "record 60.00 for it, and the rest with the account alone" in str(e.value)
    assert open_of(archive)[FIRST] == 60_00


def test_a_payment_that_comes_back_and_is_paid_again_on_one_day_fits(
    archive: Archive, book: Book
) -> None:
    back = row("r1", "60.00", kind="refund")
    record(archive, book, row("p1", "60.00"), row("p2", "100.00"), back)

    assert open_of(archive)[FIRST] == 0


def test_a_payment_that_comes_back_opens_the_invoice_again(archive: Archive, book: Book) -> None:
    record(archive, book, row("p1", "100.00"), row("r1", "100.00", kind="refund"))

    assert open_of(archive)[FIRST] == 100_00
    with pytest.raises(BookError, match=r"100.00 USD cannot be paid back: 0.00 can"):
        record(archive, book, row("r2", "100.00", kind="refund"))


def test_what_a_credit_note_leaves_overpaid_can_be_paid_back(archive: Archive, book: Book) -> None:
    record(archive, book, row("p1", "100.00"))
    note_id = credit(archive, book, FIRST, "30.00")
    note = archive.value(
        "select number from invoices where invoice_id = $note_id", {"note_id": note_id}
    )

    assert status_of(balance_of(archive, FIRST), LATER) == "overpaid"
    record(archive, book, row("r1", "30.00", number=note, kind="refund"))
    assert open_of(archive)[FIRST] == 0
    assert status_of(balance_of(archive, FIRST), LATER) == "paid"


def test_what_is_overpaid_pays_another_invoice_of_the_account(archive: Archive, book: Book) -> None:
    record(archive, book, row("p1", "100.00"))
    credit(archive, book, FIRST)
    by_hand: dict[str, Any] = {"zone": ZONE, "on": DAY, "actor": ACTOR}
    owed = owed_by(archive)

    assert apply_credit(archive, SECOND, FIRST, None, **by_hand) == 50_00
    assert open_of(archive) == {FIRST: -50_00, SECOND: 0, OTHER: 7_00}
    assert owed_by(archive) == owed
    with pytest.raises(UsageError, match="one document pays another of the same account"):
        apply_credit(archive, OTHER, FIRST, None, **by_hand)


def test_money_on_account_pays_nothing_before_it_came(archive: Archive, book: Book) -> None:
    record(archive, book, row("a1", "9.00", account_id="acme", paid_on=DAY + timedelta(1)))

    with pytest.raises(
        UsageError, match=r"0.00 USD cannot be applied to INV-2026-00001: nothing can"
    ):
        apply_credit(archive, FIRST, None, None, zone=ZONE, on=DAY, actor=ACTOR)
    later = DAY + timedelta(1)
    assert apply_credit(archive, FIRST, None, None, zone=ZONE, on=later, actor=ACTOR) == 9_00


def test_what_was_written_off_is_not_paid_out(archive: Archive, book: Book) -> None:
    record(archive, book, row("p1", "40.00"))
    by_hand: dict[str, Any] = {"zone": ZONE, "on": DAY, "actor": ACTOR}
    write_off(archive, FIRST, reason="gone", **by_hand)
    credit(archive, book, FIRST)

    assert open_of(archive)[FIRST] == -100_00
    with pytest.raises(BookError, match=r"40.01 USD cannot be paid back: 40.00 can"):
        record(archive, book, row("r1", "40.01", kind="refund"))
    assert apply_credit(archive, SECOND, FIRST, None, **by_hand) == 40_00
    undo_write_off(archive, FIRST, reason="credited", **by_hand)
    assert open_of(archive)[FIRST] == 0


def test_an_invoice_says_what_became_of_it(archive: Archive, book: Book) -> None:
    due = balance_of(archive, SECOND)["due_date"]

    assert status_of(balance_of(archive, SECOND), due) == "open"
    assert status_of(balance_of(archive, SECOND), due + timedelta(days=1)) == "overdue"
    record(archive, book, row("p1", "1.00", number=SECOND))
    assert status_of(balance_of(archive, SECOND), due) == "part paid"
    credit(archive, book, FIRST)
    assert status_of(balance_of(archive, FIRST), due) == "credited"
    write_off(archive, OTHER, zone=ZONE, on=DAY, reason="gone", actor=ACTOR)
    assert status_of(balance_of(archive, OTHER), due) == "written off"


def test_a_void_invoice_is_owed_until_it_is_void(archive: Archive, book: Book) -> None:
    invoicing = book.settings().invoicing.model_copy(update={"may_void": True})
    found = archive.drafts_of(invoice_id="bistro/2026-10/1").invoices.row(0, named=True)
    void(archive, found, invoicing, actor=ACTOR, reason="twice")

    assert owed_by(archive)["bistro"] == 0
    assert owed_by(archive, date(2026, 11, 3))["bistro"] == 7_00
    with pytest.raises(BookError, match=r"more than what is open of INV-2026-00003: 0.00"):
        record(archive, book, row("p1", "7.00", number=OTHER))


def test_every_mistake_of_a_file_is_told_at_once_and_nothing_is_recorded(
    archive: Archive, book: Book, tmp_path: Path
) -> None:
    with pytest.raises(BookError) as error:
        record(
            archive,
            book,
            row("ok", "1.00"),
            row("a", "1.001"),
            row("b", "1.00", currency="EUR"),
            row("c", "1.00", number="INV-2026-00099"),
            row("d", "1.00", paid_on=date(2026, 10, 2)),
            row("e", "1.00", account_id="bistro", number=FIRST),
            row("f", "1.00", account_id="nobody"),
            row("g", "1.00", account_id="corner"),
            row("ok", "2.00"),
            row("h", "99.01"),
        )

    assert problems_of(error) == [
        "payments.csv:3 amount: 1.001 USD has more than 2 decimals",
        "payments.csv:4 currency: INV-2026-00001 is in USD, not in EUR",
        "payments.csv:5 number: there is no issued document 'INV-2026-00099'",
        "payments.csv:6 paid_on: INV-2026-00001 was issued on 2026-10-03, after 2026-10-02",
        "payments.csv:7 account_id: INV-2026-00001 is of 'acme', not of 'bistro'",
        "payments.csv:8 account_id: there is no account 'nobody'",
        "payments.csv:9 currency: 'corner' is invoiced in EUR, not in USD",
        "payments.csv:10 payment_id: 'ok' is recorded with another amount",
        "payments.csv:11 amount: 100.01 USD, all of 2026-11-10, is more than what is open of"
        " INV-2026-00001: 100.00",
    ]
    assert payments_of(archive).is_empty()


def test_payments_are_told_to_the_trail_and_a_changed_one_is_found(
    archive: Archive, book: Book
) -> None:
    record(archive, book, row("p1", "40.00", reference="SEPA 17"))
    write_off(archive, FIRST, zone=ZONE, on=DAY, reason="insolvent", actor=ACTOR)

    told = rows_of(archive, "acme/2026-09/1").select("action", "reason", "actor").rows()
    assert told[-2:] == [
        ("payment.recorded", None, ACTOR),
        ("invoice.written_off", "insolvent", ACTOR),
    ]
    assert not [*untold(archive)]
    archive.execute("update payments set amount_minor = 1 where payment_id = 'p1'")
    assert {problem.where for problem in untold(archive)} == {"payment_id p1"}


# The commands


@pytest.fixture
def run(book: Book, tmp_path: Path) -> Callable[..., Result]:
    shutil.copytree(book.root, tmp_path / "book")

    def call(*arguments: str) -> Result:
        given = [*arguments, "--book", str(tmp_path / "book")]
        return CliRunner().invoke(main, given, catch_exceptions=False)

    return call


def test_payments_come_from_a_file_once(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "bank.csv"
    file.write_text(
        "payment_id,number,account_id,amount,currency,paid_on,kind,reference\n"
        "b2,INV-2026-00001,,10.00,USD,2026-11-12,refund,\n"
        "b1,INV-2026-00001,,60.00,USD,2026-11-11,,SEPA\n"
        "b3,,bistro,5.00,USD,2026-11-11,payment,\n"
    )

    assert run("payment", "import", str(file)).stderr == "3 recorded, 0 were there already\n"
    assert run("payment", "import", str(file)).stderr == "0 recorded, 3 were there already\n"
    listed = run("payment", "list", "INV-2026-00001", "--format", "csv").stdout.splitlines()
    assert [line.split(",")[:6] for line in listed[1:]] == [
        ["b1", "2026-11-11", "acme", "INV-2026-00001", "payment", "60.00"],
        ["b2", "2026-11-12", "acme", "INV-2026-00001", "refund", "-10.00"],
    ]
    assert len(run("payment", "list", "--format", "csv").stdout.splitlines()) == 4


def test_a_payment_by_hand_is_recorded_once(run: Callable[..., Result]) -> None:
    pay = ("payment", "add", "INV-2026-00001", "60", "--on", "2026-11-11")

    assert run(*pay).stderr == "recorded\n"
    assert run(*pay[:3], "60.00", *pay[4:]).stderr.startswith("is there already")
    assert "Paid 60.00, open 40.00 USD" in run("invoice", "show", "INV-2026-00001").stdout
    assert run("payment", "add", "acme", "1", "--on", "2026-11-11").stderr == "recorded\n"
    assert run("payment", "apply", "INV-2026-00001", "--on", "2026-11-12").stderr == (
        "1.00 USD applied to INV-2026-00001; 39.00 is open\n"
    )
    assert run("payment", "add", "INV-2026-00001", "x").exit_code == 2


def test_what_is_given_up_can_be_taken_back(run: Callable[..., Result]) -> None:
    off = ("invoice", "write-off", "INV-2026-00003", "--on", "2026-12-01", "--reason", "gone")

    assert run(*off).stderr == "7.00 USD written off of INV-2026-00003; 0.00 is open\n"
    assert run(*off).exit_code == 2
    assert run(*off, "--undo").stderr == "7.00 USD open again of INV-2026-00003; 7.00 is open\n"
    assert run("verify").exit_code == 0


def test_the_list_of_invoices_says_what_is_open(run: Callable[..., Result]) -> None:
    run("payment", "add", "INV-2026-00003", "7", "--on", "2026-11-11")

    rows = run("invoice", "list", "--format", "csv").stdout.splitlines()
    cells = [dict(zip(rows[0].split(","), line.split(","), strict=True)) for line in rows[1:]]
    told = {cell["number"]: (cell["state"], cell["status"], cell["open"]) for cell in cells}
    assert told[OTHER] == ("issued", "paid", "0.00")
    assert told[SECOND][2] == "50.00"
