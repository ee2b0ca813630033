"""What another system left: taken over once, and a part of everything from then on."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from metering.errors import BookError, UsageError
from metering.output import to_json
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive
from pricing.catalog import load_catalog
from pricing.document_writer import documents
from pricing.life.told import untold
from pricing.life.trail import rows_of
from pricing.receivables.opening_removal import remove_opening
from pricing.receivables.openings import Taken, import_openings
from pricing.receivables.statement import statement
from pricing.run import bill
from tests.metering.builders import seconds, status, webhook
from tests.pricing.receivables.owing import (
    ACTOR,
    ZONE,
    open_of,
    record,
    row,
)
from tests.scenarios.office import load, write_book
from tollbook import main

DOCUMENTS = (
    "number,account_id,kind,currency,total,open,issue_date,due_date\n"
    "R-17,acme,,USD,80.00,30.00,2026-07-01,2026-07-31\n"
    "R-18,corner,,EUR,12.00,12.00,2026-08-01,2026-08-15\n"
    "G-2,corner,credit_note,EUR,2.00,2.00,2026-08-02,2026-08-02\n"
)
SERIES = "series,year,last_number\ninvoice,2027,40\ncredit_note,2026,3\n"


@pytest.fixture
def take(archive: Archive, book: Book, tmp_path: Path) -> Callable[..., list[Taken]]:
    """Take over files, by the first word of their names."""
    catalog = load_catalog(book)

    def over(**files: str) -> list[Taken]:
        for name in ("documents", "series", "state"):
            (tmp_path / f"{name}.csv").unlink(missing_ok=True)
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        return import_openings(archive, catalog, [tmp_path], actor=ACTOR)

    return over


def mistakes(error: pytest.ExceptionInfo[BookError]) -> list[str]:
    return [f"{problem.where}: {problem.what}" for problem in error.value.problems]


# Documents and series


def test_unpaid_documents_are_paid_aged_and_on_statements(
    archive: Archive, book: Book, take: Callable[..., list[Taken]]
) -> None:
    before = open_of(archive)
    assert take(documents=DOCUMENTS) == [Taken("documents.csv", 3, 0)]
    assert open_of(archive) == {**before, "R-17": 30_00, "R-18": 12_00, "G-2": -2_00}

    paid = row("p1", "30.00", number="R-17", paid_on=date(2026, 9, 1))
    back = row("p2", "2.00", number="G-2", paid_on=date(2026, 9, 1), kind="refund", currency="EUR")
    record(archive, book, paid, back)
    assert open_of(archive) == {**before, "R-17": 0, "R-18": 12_00, "G-2": 0}
    returned = row("p4", "2.00", number="G-2", paid_on=date(2026, 9, 2), currency="EUR")
    record(archive, book, returned)
    assert open_of(archive)["G-2"] == -2_00
    lines = statement(archive, "acme", zone=ZONE, first=None, last=date(2026, 9, 30))
    told = [(line.kind, line.number, line.amount_minor, line.balance_minor) for line in lines[1:-1]]
    assert told == [("invoice", "R-17", 30_00, 30_00), ("payment", "R-17", -30_00, 0)]
    with pytest.raises(BookError, match=r"more than what is open of R-18: 12.00"):
        record(archive, book, row("p3", "12.01", number="R-18", currency="EUR"))


def test_what_was_taken_over_wrongly_is_removed_and_taken_over_anew(
    archive: Archive, book: Book, take: Callable[..., list[Taken]]
) -> None:
    before = open_of(archive)
    take(documents=DOCUMENTS, series=SERIES)
    said = remove_opening(archive, "R-17", actor=ACTOR, reason="it was paid")
    assert said == "document R-17"
    said = remove_opening(archive, "credit_note/2026", actor=ACTOR, reason="it was 4")
    assert said == "the last number of credit notes of 2026"
    assert open_of(archive) == {**before, "R-18": 12_00, "G-2": -2_00}
    assert [*untold(archive)] == []
    told = rows_of(archive).tail(2).select("action", "reason").rows()
    assert told == [
        ("opening.document_removed", "it was paid"),
        ("opening.series_removed", "it was 4"),
    ]

    again = DOCUMENTS.replace("80.00,30.00", "80.00,80.00")
    taken = take(documents=again, series=SERIES.replace("2026,3", "2026,4"))
    assert [one.new for one in taken] == [1, 1]
    assert open_of(archive)["R-17"] == 80_00
    assert [*untold(archive)] == []
    archive.execute("delete from opening_documents where number = 'R-17'")
    assert [found.where for found in untold(archive)] == ["number R-17"]


def test_what_something_was_made_of_is_not_removed(
    archive: Archive, book: Book, take: Callable[..., list[Taken]]
) -> None:
    take(documents=DOCUMENTS)
    record(archive, book, row("p1", "30.00", number="R-17", paid_on=date(2026, 9, 1)))
    for name, what in {
        "R-17": "has payments",
        "R-99": "was not taken over",
        "invoice/2031": "was not taken over",
        "2026-09": "was not taken over",
    }.items():
        with pytest.raises(UsageError, match=what):
            remove_opening(archive, name, actor=ACTOR, reason="a mistake")


def test_taking_over_twice_changes_nothing(
    archive: Archive, take: Callable[..., list[Taken]]
) -> None:
    take(documents=DOCUMENTS, series=SERIES)
    trail, found = rows_of(archive), open_of(archive)

    again = [Taken("documents.csv", 0, 3), Taken("series.csv", 0, 2)]
    assert take(documents=DOCUMENTS, series=SERIES) == again
    assert rows_of(archive).equals(trail)
    assert open_of(archive) == found
    assert trail["action"].to_list()[-5:] == ["opening.document"] * 3 + ["opening.series"] * 2
    assert not [*untold(archive)]


def test_a_changed_opening_document_is_found(
    archive: Archive, take: Callable[..., list[Taken]]
) -> None:
    take(documents=DOCUMENTS)
    archive.execute("update opening_documents set open_minor = 1 where number = 'R-17'")

    assert {problem.where for problem in untold(archive)} == {"number R-17"}


def test_what_contradicts_is_refused_as_a_whole(
    archive: Archive, take: Callable[..., list[Taken]]
) -> None:
    take(documents=DOCUMENTS, series=SERIES)
    found = open_of(archive)
    head = DOCUMENTS.splitlines()[0]

    with pytest.raises(BookError) as error:
        take(
            documents=f"{head}\n"
            "R-1,acme,,USD,1,1,2026-07-01,2026-07-31\n"
            "R-17,acme,,USD,80.00,31.00,2026-07-01,2026-07-31\n"
            "INV-2026-00001,acme,,USD,1,1,2026-07-01,2026-07-31\n"
            "INV-2026-00009,acme,,USD,1,1,2026-07-01,2026-07-31\n"
            "INV-2027-00040,acme,,USD,1,1,2026-07-01,2026-07-31\n"
            "R-3,nobody,,USD,1,1,2026-07-01,2026-07-31\n"
            "R-4,acme,,USD,1.001,1,2026-07-01,2026-07-31\n"
            "R-5,acme,,USD,1,2,2026-07-01,2026-07-31\n"
            "R-6,acme,,USD,1,1,2026-07-01,2026-06-30\n",
            series="series,year,last_number\ninvoice,2027,41\ninvoice,2026,9\n",
        )
    assert mistakes(error) == [
        "documents.csv:3 number: 'R-17' is there already, and says something else",
        "documents.csv:4 number: 'INV-2026-00001' is there already, and says something else",
        "documents.csv:7 account_id: account 'nobody' is not in accounts.csv",
        "documents.csv:8 total: 1.001 USD is no whole number of minor units",
        "documents.csv:9: open 2 is more than total 1",
        "documents.csv:10: due on 2026-06-30, before 2026-07-01",
        "series.csv:2 last_number: the last number of invoices of 2027 was taken over as 40",
        "series.csv:3 last_number: invoices of 2026 are numbered here already, up to 3",
    ]
    assert open_of(archive) == found


def test_a_number_that_would_be_given_again_is_refused(take: Callable[..., list[Taken]]) -> None:
    head = DOCUMENTS.splitlines()[0]
    old = f"{head}\nINV-2027-00041,acme,,USD,1,1,2026-07-01,2026-07-31\n"

    with pytest.raises(BookError, match="would be given again to invoice 41 of 2027"):
        take(documents=old, series=SERIES)
    assert take(documents=old, series=SERIES.replace("40", "41"))[0].new == 1


def test_files_with_other_names_are_refused(archive: Archive, book: Book, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a\n")
    catalog = load_catalog(book)

    for paths in ([tmp_path / "mine.csv"], [tmp_path / "state.csv"], [tmp_path]):
        with pytest.raises(BookError, match=r"documents.csv, series.csv, state.csv"):
            import_openings(archive, catalog, paths, actor=ACTOR)


# State

SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)
OFFICE = {
    "tollbook.toml": '[seller]\nname = "S"\ncountry = "DE"\ntime_zone = "UTC"\ncurrency = "USD"\n',
    "accounts.csv": "account_id,name\nacme,Acme\n",
    "senders.csv": "sender_id,account_id\n1,acme\n",
    "add_ons.csv": "account_id,add_on,quantity\n",
    "subscriptions.csv": "account_id,plan,effective_from\nacme,own,2026-09-01\n",
    "credits.csv": "credit_id,account_id,kind,of,amount,effective_from,priority\n"
    "c1,acme,granted,,130,2026-09-01,\nc2,acme,bought,,3,2026-09-01,1\n"
    "r1,acme,refund,c1,2,2026-09-20,\nc3,acme,granted,,1,2026-10-05,\n",
    "plans/own.toml": """\
plan = "own"
currency = "USD"
[[version]]
uncovered = "free"
commitment = { amount = 90, months = 2 }
[[version.charge]]
name = "marketing"
meter = "deliveries"
where = { category = ["marketing"] }
[version.charge.price]
kind = "graduated"
over = "contract"
tiers = [{ up_to = 4, unit_price = 1 }, { unit_price = 0.5 }]
[[version.charge]]
name = "utility"
meter = "deliveries"
where = { category = ["utility"] }
allowance = { quantity = 5, carry_over_months = 2 }
free_for = { deliveries_max = 1 }
price = { kind = "per_unit", unit_price = 2 }
[[version.fixed_fee]]
name = "platform"
amount = 20
due = "advance"
""",
}


def sent(month: str, marketing: int, utility: int) -> Iterator[object]:
    for category, count in {"marketing": marketing, "utility": utility}.items():
        pricing = {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": category,
        }
        for number in range(count):
            at = str(seconds(f"{month}-10T12:{number:02}"))
            yield webhook(status(f"{month}{category}{number}", timestamp=at, pricing=pricing))


def state_file(book: Book) -> str:
    """The state that September left in a book, as another system would write it for October."""
    with Archive.open(book) as archive:
        state = archive.closing_of(SEPTEMBER)
    assert state is not None
    rows = state.filter(pl.col("kind") != "credit_entered").rows()
    lines = [
        f"2026-10,{name},{kind},{key},{value.normalize():f}" for name, kind, key, value in rows
    ]
    return "\n".join(["month,account_id,kind,key,value", *lines, "2026-10,acme,credit,c2,0", ""])


def taken_over(root: Path, state: str, files: Mapping[str, str] = OFFICE) -> Book:
    """A book that begins with October, with a state that was taken over."""
    book = write_book(root, files)
    (root / "state.csv").write_text(state, encoding="utf-8")
    with Archive.open(book, "write") as archive:
        import_openings(archive, load_catalog(book), [root / "state.csv"], actor=ACTOR)
    return book


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A book that billed September and October itself."""
    book = write_book(tmp_path_factory.mktemp("old"), OFFICE)
    load(book, *sent("2026-09", 3, 2), *sent("2026-10", 3, 9))
    bill(book, SEPTEMBER)
    bill(book, OCTOBER)
    return book


def october(book: Book) -> tuple[str, str]:
    """The documents of October, and the ledger of its credits."""
    with Archive.open(book) as archive:
        drafts = archive.drafts_of(period="2026-10")
        return to_json({"all": [*documents(drafts)]}), archive.ledger_of(
            period="2026-10"
        ).write_csv()


def test_a_book_with_the_state_of_another_bills_on_as_that_one_does(
    old: Book, tmp_path: Path
) -> None:
    state = state_file(old)
    kinds = {line.split(",")[2] for line in state.splitlines()[1:]}
    assert kinds == {"tier", "allowance", "advance", "commitment", "volume", "credit"}

    new = taken_over(tmp_path / "new", state)
    load(new, *sent("2026-10", 3, 9))
    bill(new, OCTOBER)
    assert october(new) == october(old)
    other = write_book(tmp_path / "other", OFFICE)
    load(other, *sent("2026-10", 3, 9))
    bill(other, OCTOBER)
    assert october(other) != october(old)


def test_state_is_taken_over_once_and_verified(old: Book, tmp_path: Path) -> None:
    state = state_file(old)
    book = taken_over(tmp_path / "new", state)
    paths, catalog = [tmp_path / "new" / "state.csv"], load_catalog(book)
    with Archive.open(book, "write") as archive:
        again = import_openings(archive, catalog, paths, actor=ACTOR)
        assert again == [Taken("state.csv", 0, len(state.splitlines()) - 1)]
        assert not [*untold(archive)]
        archive.execute("update closings set value = 7 where kind = 'volume'")
        assert [found.where for found in untold(archive)] == ["opening state of 2026-09"]
    load(book, *sent("2026-09", 1, 1))
    with pytest.raises(UsageError, match="2026-09 was closed in another system"):
        bill(book, SEPTEMBER)


def test_state_is_removed_until_a_document_was_made_with_it(old: Book, tmp_path: Path) -> None:
    book = taken_over(tmp_path / "new", state_file(old))
    with Archive.open(book, "write") as archive:
        said = remove_opening(archive, "2026-10", actor=ACTOR, reason="of another book")
        assert said == "the state that 2026-10 begins with"
        assert archive.closed_months() == []
        assert [*untold(archive)] == []
    taken_over(tmp_path / "new", state_file(old))
    load(book, *sent("2026-10", 3, 9))
    bill(book, OCTOBER)
    with Archive.open(book, "write") as archive:
        assert [*untold(archive)] == []
        archive.execute("update invoices set state = 'approved'")
        with pytest.raises(UsageError, match="documents of 2026-10 are approved or issued"):
            remove_opening(archive, "2026-10", actor=ACTOR, reason="of another book")


def test_state_that_disagrees_with_what_is_there_is_refused(old: Book, tmp_path: Path) -> None:
    book = taken_over(tmp_path / "new", state_file(old))
    head = "month,account_id,kind,key,value\n"
    for text, what in {
        "2026-10,acme,volume,2026-09,6\n": r"volume '2026-09' of 'acme' was taken over as 5, not 6",
        "2026-10,acme,credit,c2,1\n": r"credit 'c2' of 'acme' was taken over as 0, not 1",
        "2026-11,acme,volume,2026-08,1\n": "names 2026-10 and 2026-11",
    }.items():
        with pytest.raises(BookError, match=what):
            taken_over(tmp_path / "new", head + text)
    with pytest.raises(BookError, match="2026-09 was billed here, and hands on a state"):
        taken_over(old.root, head + "2026-10,acme,volume,2026-08,1\n")
    with Archive.open(book) as archive:
        assert not [*untold(archive)]


def test_every_mistake_of_state_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BookError) as error:
        taken_over(
            tmp_path / "new",
            "month,account_id,kind,key,value\n"
            "2026-10,nobody,volume,2026-09,1\n"
            "2026-10,acme,tier,own|marketing,1\n"
            "2026-10,acme,advance,theirs|platform,1\n"
            "2026-10,acme,volume,2026-10,1\n"
            "2026-10,acme,credit,c9,1\n"
            "2026-10,acme,credit,c1,129\n"
            "2026-10,acme,credit,c3,1\n"
            "2026-10,acme,credit,c2,1.001\n"
            "2026-10,acme,advance,own|platform,0\n"
            "2026-10,acme,advance,own|platform,1\n"
            "2026-13,acme,volume,2026-09,1\n"
            "2026-10,acme,luck,7,1\n",
        )

    assert mistakes(error) == [
        "state.csv:2 account_id: account 'nobody' is not in accounts.csv",
        "state.csv:3 key: 'own|marketing' is no key of tier",
        "state.csv:4 key: there is no plan 'theirs'",
        "state.csv:5 key: '2026-10' is not of a month before 2026-10",
        "state.csv:6 key: credits.csv has no credit 'c9' of 'acme'",
        "state.csv:7 value: 129 is more than there was of 'c1': 128",
        "state.csv:8 key: 'c3' begins on 2026-10-05, and is new in 2026-10",
        "state.csv:9 value: 1.001 USD is no whole number of minor units",
        "state.csv:10 value: 0 says nothing",
        "state.csv:11 key: 'own|platform' stands twice (also in line 10)",
        "state.csv:12 month: is no month, got '2026-13'",
        "state.csv:13 kind: is no kind of state, got 'luck'",
    ]


# The command


def test_a_folder_is_taken_over_by_the_command(book: Book, tmp_path: Path) -> None:
    root = tmp_path / "book"
    shutil.copytree(book.root, root)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "documents.csv").write_text(DOCUMENTS)
    (tmp_path / "old" / "series.csv").write_text(SERIES)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--book", str(root)], catch_exceptions=False)

    told = json.loads(run("openings", "import", str(tmp_path / "old"), "--format", "json").stdout)
    assert [(one["file"], one["new"]) for one in told["rows"]] == [
        ("documents.csv", 3),
        ("series.csv", 2),
    ]
    assert run("verify").exit_code == 0
    assert run("payment", "add", "R-18", "12", "--on", "2026-11-01").exit_code == 0
    owed = json.loads(run("receivables", "--by", "document", "--format", "json").stdout)
    found = {one["number"]: Decimal(one["open"]) for one in owed["rows"]}
    assert found["R-17"] == Decimal("30.00")
    assert "R-18" not in found
    assert "R-18" in run("statement", "corner").stdout
