"""Prepaid credits: none appears from nowhere, none pays twice, and the ledger always balances."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from metering.account import LAST_DAY
from metering.errors import BookError
from metering.period import Month
from metering.secret import ensure_secret
from metering.settings import Book
from pricing.archive import Archive
from pricing.catalog import check_book
from pricing.credit import Credit
from pricing.document_writer import amounts_in_words, documents
from pricing.ledger import CREDIT_LEDGER, CREDIT_USED, MOVES, Paid, pay
from pricing.run import bill
from pricing.state import STATE, no_state
from tollbook import main

OCTOBER = Month(2026, 10)
MONTHS = [OCTOBER, OCTOBER.next(), OCTOBER.next().next()]
TOTALS = pl.Schema(
    {"account_id": pl.String(), "invoice_id": pl.String(), "total_minor": pl.Int64()}
)
ACCOUNTS = ("acme", "bistro")


def credit(credit_id: str, amount: object, kind: str = "granted", **given: object) -> Credit:
    row = {"account_id": "acme", "effective_from": date(2026, 10, 1), **given}
    cells = {"credit_id": credit_id, "amount": str(amount), "kind": kind, "line": 2, **row}
    return Credit.model_validate(cells)


def paid_in(
    credit_rows: Sequence[Credit],
    dues: Iterable[Mapping[str, int]],
    *,
    currency: str = "USD",
    opening: pl.DataFrame | None = None,
) -> list[Paid]:
    """Pay what accounts owe in October and the months after it, in minor units."""
    found: list[Paid] = []
    state = no_state() if opening is None else opening
    for month, owed in zip(MONTHS, dues, strict=False):
        rows = [(name, f"{name}/{month}/1", total) for name, total in owed.items()]
        totals = pl.DataFrame(rows, TOTALS, orient="row")
        currencies = dict.fromkeys(ACCOUNTS, currency)
        found.append(pay(month, credit_rows, currencies, totals=totals, opening=state))
        state = found[-1].closing
    return found


def used(paid: Paid) -> list[tuple[str, int]]:
    return list(paid.used.select("credit_id", "amount_minor").iter_rows())


def moves(paid: Paid, credit_id: str) -> dict[str, int]:
    row = paid.ledger.row(by_predicate=pl.col("credit_id") == credit_id, named=True)
    return {move: row[f"{move}_minor"] for move in MOVES if row[f"{move}_minor"]}


# Against a slow definition


@st.composite
def files_of_credits(draw: st.DrawFn) -> list[Credit]:
    """Draw credits, and refunds of some of them, also of more than there is."""
    days = st.integers(0, 91).map(lambda number: date(2026, 9, 15) + timedelta(days=number))
    listed: list[Credit] = []
    for number in range(draw(st.integers(1, 5))):
        begin = draw(days)
        end = draw(st.none() | st.integers(1, 60).map(timedelta))
        given: dict[str, object] = {} if end is None else {"expires_on": begin + end}
        listed.append(
            credit(
                f"c{number}",
                Decimal(draw(st.integers(1, 300))).scaleb(-2),
                draw(st.sampled_from(["granted", "bought"])),
                account_id=draw(st.sampled_from(ACCOUNTS)),
                effective_from=begin,
                priority=draw(st.sampled_from([1, 100])),
                **given,
            )
        )
    for number in range(draw(st.integers(0, 3))):
        taken = draw(st.sampled_from([one for one in listed if one.of is None]))
        last = min(taken.expires_on, date(2027, 1, 1)) - timedelta(days=1)
        listed.append(
            credit(
                f"r{number}",
                Decimal(draw(st.integers(1, 300))).scaleb(-2),
                "refund",
                of=taken.credit_id,
                account_id=taken.account_id,
                effective_from=draw(st.dates(taken.effective_from, last)),
            )
        )
    return draw(st.permutations(listed))


monthly_dues = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(ACCOUNTS, st.integers(-100, 400))),
    min_size=3,
    max_size=3,
)


def plainly(
    credit_rows: Sequence[Credit], dues: Sequence[Mapping[str, int]]
) -> list[dict[str, list[int]]]:
    """The ledger of each month, one credit after the other, as the documentation says it."""
    left: dict[str, int] = {}
    entered: set[str] = set()
    by_id = {one.credit_id: one for one in credit_rows}
    ledgers = []
    for month, owed in zip(MONTHS, dues, strict=True):
        first, last, end = month.first_day, month.last_day, month.next().first_day
        begun = {one.credit_id: one for one in credit_rows if one.effective_from <= last}
        found = {name: [balance, 0, 0, 0, 0, 0, 0] for name, balance in left.items() if balance}
        for name, one in begun.items():
            if one.of is None and name not in entered and one.expires_on > first:
                left[name] = int(one.amount * 100)
                found[name] = [0, left[name], 0, 0, 0, 0, 0]
                entered.add(name)
        before, asked = dict(left), dict.fromkeys(left, 0)
        for name, one in sorted(begun.items(), key=lambda item: (item[1].effective_from, item[0])):
            if one.of is None or name in entered or by_id[one.of].expires_on <= first:
                continue
            asked[one.of] += int(one.amount * 100)
            if asked[one.of] <= before[one.of]:
                left[one.of] -= int(one.amount * 100)
                found[one.of][3] += int(one.amount * 100)
                entered.add(name)
        due = {name: max(total, 0) for name, total in owed.items()}
        for name in sorted(
            found,
            key=lambda name: (
                *(by_id[name].priority, by_id[name].expires_on, by_id[name].kind == "bought"),
                *(by_id[name].effective_from, name),
            ),
        ):
            one = by_id[name]
            if one.expires_on > last:
                part = min(left[name], due.get(one.account_id, 0))
                found[name][4] = part
                left[name] -= part
                due[one.account_id] = due.get(one.account_id, 0) - part
            if one.expires_on <= end:
                found[name][5], left[name] = left[name], 0
            found[name][6] = left[name]
        ledgers.append(found)
    return ledgers


@given(credit_rows=files_of_credits(), dues=monthly_dues)
def test_every_month_pays_what_the_plain_definition_pays(
    credit_rows: list[Credit], dues: list[dict[str, int]]
) -> None:
    columns = [f"{move}_minor" for move in MOVES]
    found = [
        {row["credit_id"]: [row[name] for name in columns] for row in one.ledger.to_dicts()}
        for one in paid_in(credit_rows, dues)
    ]

    assert found == plainly(credit_rows, dues)


@given(credit_rows=files_of_credits(), dues=monthly_dues)
def test_the_ledger_balances_and_no_credit_appears_from_nowhere(
    credit_rows: list[Credit], dues: list[dict[str, int]]
) -> None:
    found = paid_in(credit_rows, dues)
    amounts = {one.credit_id: int(one.amount * 100) for one in credit_rows}
    added: dict[str, int] = {}
    for paid, owed in zip(found, dues, strict=True):
        assert paid.ledger.schema == CREDIT_LEDGER
        assert paid.used.schema == CREDIT_USED
        assert paid.closing.schema == STATE
        for row in paid.ledger.to_dicts():
            opening, new, back, refunded, spent, expired, closing = (
                row[f"{move}_minor"] for move in MOVES
            )
            assert opening + new + back - refunded - spent - expired == closing
            assert min(opening, new, refunded, spent, expired, closing) >= 0
            assert back == 0
            added[row["credit_id"]] = added.get(row["credit_id"], 0) + new
        for account_id in ACCOUNTS:
            mine = pl.col("account_id") == account_id
            spent = paid.ledger.filter(mine)["used_minor"].sum()
            on_invoice = paid.used.filter(pl.col("invoice_id").str.starts_with(account_id))
            assert spent == on_invoice["amount_minor"].sum()
            assert spent <= max(owed.get(account_id, 0), 0)
    for name, amount in added.items():
        assert amount in (0, amounts[name])
    for earlier, later in pairwise(found):
        closings = dict(earlier.ledger.select("credit_id", "closing_minor").iter_rows())
        for name, opening in later.ledger.select("credit_id", "opening_minor").iter_rows():
            assert opening == closings.get(name, 0)
        kept = {name for name, closing in closings.items() if closing}
        assert kept <= set(later.ledger["credit_id"])


# The policy, point by point


def test_credits_pay_by_priority_then_expiry_then_gifts_then_day_then_id() -> None:
    soon, late = date(2026, 11, 15), date(2026, 12, 15)
    ordered = [
        credit("z-first", 1, "bought", priority=1),
        credit("y-soon", 1, "bought", expires_on=soon),
        credit("x-late", 1, "bought", expires_on=late),
        credit("w-gift", 1, "granted", effective_from=date(2026, 10, 3)),
        credit("v-early", 1, "bought", effective_from=date(2026, 10, 1)),
        credit("s-later", 1, "bought", effective_from=date(2026, 10, 2)),
        credit("t-later", 1, "bought", effective_from=date(2026, 10, 2)),
    ]
    (paid,) = paid_in(ordered[::-1], [{"acme": 650}])

    assert used(paid) == [(one.credit_id, 100) for one in ordered[:-1]] + [("t-later", 50)]


@pytest.mark.parametrize(
    ("begin", "end", "spent", "expired"),
    [
        (date(2026, 10, 31), LAST_DAY, 30, 0),
        (date(2026, 11, 1), LAST_DAY, 0, 0),
        (date(2026, 10, 1), date(2026, 11, 2), 30, 0),
        (date(2026, 10, 1), date(2026, 11, 1), 30, 70),
        (date(2026, 10, 1), date(2026, 10, 31), 0, 100),
    ],
)
def test_a_credit_pays_the_month_on_whose_last_day_it_holds(
    begin: date, end: date, *, spent: int, expired: int
) -> None:
    (paid,) = paid_in([credit("c", 1, effective_from=begin, expires_on=end)], [{"acme": 30}])

    assert paid.ledger["used_minor"].sum() == spent
    assert paid.ledger["expired_minor"].sum() == expired


@pytest.mark.parametrize("total", [0, -500])
def test_nothing_pays_an_invoice_that_owes_nothing(total: int) -> None:
    (paid,) = paid_in([credit("c", 1)], [{"acme": total}])

    assert used(paid) == []
    assert moves(paid, "c") == {"added": 100, "closing": 100}


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("JPY", "120", 120), ("USD", "1.20", 120), ("KWD", "1.2", 1200)],
)
def test_a_credit_is_kept_in_the_decimals_of_its_currency(
    currency: str, amount: str, *, minor: int
) -> None:
    first, second = paid_in([credit("c", amount)], [{"acme": 1}, {"acme": 5000}], currency=currency)

    assert moves(first, "c") == {"added": minor, "used": 1, "closing": minor - 1}
    assert moves(second, "c") == {"opening": minor - 1, "used": minor - 1}


def test_a_refund_takes_back_what_is_left() -> None:
    back = credit("r", "0.60", "refund", of="c", effective_from=date(2026, 11, 5))
    _, second = paid_in([credit("c", 1), back], [{"acme": 30}, {"acme": 50}])

    assert moves(second, "c") == {"opening": 70, "refunded": 60, "used": 10}
    assert second.blocked == {}


def test_a_refund_of_more_than_is_left_blocks_and_takes_nothing_back() -> None:
    back = credit("r", "0.80", "refund", of="c", effective_from=date(2026, 11, 5))
    _, second, third = paid_in([credit("c", 1), back], [{"acme": 30}, {}, {}])

    reason = {
        "reason": "refund_too_large",
        "quantity": "1",
        "what": "refund that is larger than what is left: 'r' takes back 0.8 USD, and of 'c' 0.7 is"
        " left",
    }
    assert second.blocked == third.blocked == {"acme": [reason]}
    assert moves(third, "c") == {"opening": 70, "closing": 70}


def test_a_row_that_comes_late_counts_in_the_next_month_that_is_billed() -> None:
    (october,) = paid_in([], [{}])
    late = credit("c", 1, effective_from=date(2026, 9, 1))
    (paid,) = paid_in([late], [{"acme": 30}], opening=october.closing)

    assert moves(paid, "c") == {"added": 100, "used": 30, "closing": 70}


def test_a_row_that_is_used_up_is_not_entered_again() -> None:
    _, second = paid_in([credit("c", 1)], [{"acme": 300}, {"acme": 300}])

    assert second.ledger.is_empty()
    assert used(second) == []


def test_a_row_that_changes_after_it_was_entered_blocks() -> None:
    (october,) = paid_in([credit("c", 1)], [{"acme": 30}])
    (paid,) = paid_in([credit("c", 2)], [{}], opening=october.closing)

    (reason,) = paid.blocked["acme"]
    assert reason["reason"] == "credit_changed"
    assert "give 'c' its 1 back, and add a row for the difference" in reason["what"]
    assert moves(paid, "c") == {"opening": 70, "closing": 70}


def test_a_row_that_is_removed_after_it_was_entered_blocks_and_keeps_its_balance() -> None:
    (october,) = paid_in([credit("c", 1)], [{"acme": 30}])
    first, second = paid_in([], [{"acme": 50}, {"acme": 50}], opening=october.closing)

    assert [reason["reason"] for reason in first.blocked["acme"]] == ["credit_gone"]
    assert moves(first, "c") == moves(second, "c") == {"opening": 70, "closing": 70}


def test_an_account_with_credits_cannot_leave_the_book() -> None:
    (october,) = paid_in([credit("c", 1)], [{}])
    totals = TOTALS.to_frame()

    with pytest.raises(BookError, match="account 'acme' is gone, and has 1 left of credit 'c'"):
        pay(OCTOBER.next(), [], {"bistro": "USD"}, totals=totals, opening=october.closing)


def test_a_credit_cannot_outlive_the_currency_of_its_account(
    tmp_path: Path, make_book: Callable[..., Book]
) -> None:
    euros = "account_id,effective_from,name,currency\nacme,,Acme,USD\nacme,2026-12-01,Acme,EUR\n"
    open_end = CREDITS.replace("back,", "back-2,").replace(
        "2026-10-05,\n", "2026-10-05,2026-12-01\n"
    )
    files = {"accounts.csv": euros, "subscriptions.csv": "account_id,plan\n", "senders.csv": ""}
    own = {**files, "senders.csv": "sender_id,account_id\n1,acme\n"}

    assert check_book(make_book(tmp_path / "ends", {**own, "credits.csv": open_end}))[0] == []
    (problem,) = check_book(make_book(tmp_path / "goes-on", {**own, "credits.csv": CREDITS}))[0]
    assert problem.where == "credits.csv:3 expires_on"
    assert problem.hint.startswith("let it expire on 2026-12-01 and grant what is left anew")


# On invoices


PLAN = """\
plan = "growth"
currency = "USD"
[[version]]
[[version.fixed_fee]]
name = "licence"
amount = 50.00
"""
CREDITS = """\
credit_id,account_id,kind,of,amount,effective_from,expires_on
welcome,acme,granted,,20.00,2026-10-10,2026-12-01
prepaid,acme,bought,,130.00,2026-10-05,
back,acme,refund,prepaid,10.00,2026-11-15,
"""
TAXES = "treatment,rate_ratio,name\nstandard,0.19,VAT\n"


@pytest.fixture
def book(tmp_path: Path, make_book: Callable[..., Book]) -> Book:
    files = {"plans/growth.toml": PLAN, "credits.csv": CREDITS, "taxes.csv": TAXES}
    made = make_book(tmp_path, {**files, "subscriptions.csv": "account_id,plan\nacme,growth\n"})
    ensure_secret(made)
    return made


def billed(book: Book, month: Month) -> dict[str, Any]:
    (document,) = documents(bill(book, month).drafts)
    return document


def ledger(book: Book) -> list[tuple[Any, ...]]:
    with Archive.open(book) as archive:
        return archive.ledger_of().rows()


def test_credits_pay_an_invoice_after_its_taxes(book: Book) -> None:
    assert amounts_in_words(billed(book, OCTOBER)) == [
        "Net 50.00 USD",
        "VAT 19% of 50.00: 9.50 USD",
        "Total 59.50 USD",
        "Credit welcome: -20.00 USD",
        "Credit prepaid: -39.50 USD",
        "Due 0.00 USD",
    ]


def test_a_quarter_is_billed_from_one_closing_state_to_the_next(book: Book) -> None:
    dues = [billed(book, month)["due"] for month in MONTHS]

    # 130.00 - 39.50 - 10.00 taken back - 59.50 leaves 21.00 for December
    assert dues == ["0.00", "0.00", "38.50"]


def test_a_month_that_was_never_billed_is_rated_on_the_way_and_nothing_of_it_is_written(
    book: Book,
) -> None:
    assert billed(book, MONTHS[2])["due"] == "38.50"
    with Archive.open(book) as archive:
        assert archive.closed_months() == [MONTHS[2]]
        assert set(archive.drafts_of().invoices["period"]) == {"2026-12"}


def test_a_month_between_two_billed_ones_is_rated_on_the_way(book: Book) -> None:
    billed(book, OCTOBER)

    assert billed(book, MONTHS[2])["due"] == "38.50"


def test_billing_one_account_alone_closes_no_month_for_the_others(book: Book) -> None:
    bill(book, OCTOBER, only_accounts=["bistro"])

    assert billed(book, MONTHS[1])["due"] == "0.00"


def test_billing_months_again_changes_nothing(book: Book) -> None:
    def everything() -> tuple[Any, ...]:
        made = [billed(book, month) for month in MONTHS]
        with Archive.open(book) as archive:
            stored = sorted(documents(archive.drafts_of()), key=lambda one: str(one["period"]))
            assert stored == made
            states = [archive.closing_of(month) for month in MONTHS]
        return stored, ledger(book), [state.rows() for state in states if state is not None]

    first = everything()
    assert len(first[2]) == len(MONTHS)
    assert everything() == first


@pytest.mark.parametrize(
    ("currency", "fee", "amount", "said"),
    [
        ("JPY", "1005", "100", ["50", "1055", "-100", "955"]),  # 50.25
        ("USD", "10.05", "1.00", ["0.50", "10.55", "-1.00", "9.55"]),
        ("KWD", "1.005", "0.100", ["0.050", "1.055", "-0.100", "0.955"]),
    ],
)
def test_taxes_and_credits_have_the_decimals_of_the_currency(
    currency: str, fee: str, *, amount: str, said: list[str], book: Book
) -> None:
    plan = PLAN.replace("USD", currency).replace("50.00", fee)
    (book.root / "plans" / "growth.toml").write_text(plan)
    (book.root / "accounts.csv").write_text(f"account_id,name,currency\nacme,Acme,{currency}\n")
    (book.root / "senders.csv").write_text("sender_id,account_id\n1,acme\n")
    (book.root / "taxes.csv").write_text(TAXES.replace("0.19", "0.05"))
    head, *_ = CREDITS.splitlines()
    (book.root / "credits.csv").write_text(f"{head}\nc,acme,bought,,{amount},2026-10-01,\n")

    _, tax, total, paid, due = amounts_in_words(billed(book, OCTOBER))
    assert [tax.split()[-2], total.split()[1], paid.split()[2], due.split()[1]] == said


def test_a_dry_run_leaves_ledger_and_state_as_they_are(book: Book) -> None:
    billed(book, OCTOBER)
    before = ledger(book)
    (book.root / "credits.csv").write_text(CREDITS.replace("20.00", "25.00"))
    bill(book, OCTOBER, dry_run=True)

    assert ledger(book) == before


def test_later_months_are_named_when_what_they_began_with_has_changed(book: Book) -> None:
    billed(book, OCTOBER)
    billed(book, MONTHS[1])
    (book.root / "taxes.csv").write_text(TAXES.replace("0.19", "0.20"))

    assert bill(book, OCTOBER).outdated == [MONTHS[1]]
    assert bill(book, OCTOBER).outdated == []


def test_a_wrong_refund_blocks_the_invoice_of_its_account(book: Book) -> None:
    lines = CREDITS.replace("back,acme,refund,prepaid,10.00", "back,acme,refund,prepaid,100.00")
    (book.root / "credits.csv").write_text(lines)
    billed(book, OCTOBER)
    document = billed(book, MONTHS[1])

    assert [reason["reason"] for reason in document["blocked"]] == ["refund_too_large"]
    assert document["credits"] == [{"credit_id": "prepaid", "amount": "59.50"}]


def test_an_account_without_usage_gets_a_draft_when_its_credits_are_wrong(book: Book) -> None:
    more = "gift,bistro,granted,,5.00,2026-10-01,\n"
    (book.root / "credits.csv").write_text(CREDITS + more)
    billed(book, OCTOBER)
    (book.root / "credits.csv").write_text(CREDITS)
    made = bill(book, MONTHS[1]).drafts.invoices.filter("is_blocked")

    assert made["account_id"].to_list() == ["bistro"]


# The command


def run(book: Book, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--book", str(book.root)], catch_exceptions=False)


def test_the_ledger_is_shown_for_an_account_and_a_month(book: Book) -> None:
    for month in MONTHS[:2]:
        bill(book, month)
    shown = json.loads(
        run(book, "credits", "2026-11", "--account", "acme", "--format", "json").stdout
    )

    assert shown["schema"] == "tollbook.credits/1"
    assert shown["rows"] == [
        {
            "account_id": "acme",
            "credit_id": "prepaid",
            "period": "2026-11",
            "opening": "90.50",
            "added": "0.00",
            "restored": "0.00",
            "refunded": "10.00",
            "used": "59.50",
            "expired": "0.00",
            "closing": "21.00",
            "currency": "USD",
        }
    ]
    assert run(book, "credits", "--format", "csv").stdout.count("\n") == 4
    assert "nothing" in run(book, "credits", "--account", "bistro").stdout
    assert "prepaid" in run(book, "credits", "2026-10").stdout


def test_credits_of_an_account_that_is_not_there_are_refused(book: Book) -> None:
    result = run(book, "credits", "--account", "nobody")

    assert result.exit_code == 2
    assert "there is no account 'nobody'" in result.stderr


def test_tables_show_taxes_and_dues_where_there_are_any(book: Book) -> None:
    table = run(book, "bill", "2026-10")
    shown = run(book, "invoice", "show", "acme/2026-10/1").stdout

    assert "tax" in table.stdout.splitlines()[1].split()
    assert "due" in table.stdout.splitlines()[1].split()
    assert "VAT 19% of 50.00: 9.50 USD" in shown
    assert "Credit prepaid: -39.50 USD\nDue 0.00 USD\n" in shown
