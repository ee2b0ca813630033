"""A new quarter: the network's files come, are looked at and written, and the next month is rated.

The quarter is invented. December is billed by the card that ships, January by the new one.
"""

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from metering.door import read_rows
from metering.facts import data_path
from metering.settings import Book
from pricing.rate_card import RateRow
from tests.pricing.network_files import Tiers, as_csv, as_xlsx, rate_file, tier_file
from tollbook import main

ROOT = Path(__file__).parents[2]
SENDER = "106540352242922"  # that of the account in a new book
DECEMBER, JANUARY = 1_796_126_400, 1_798_804_800  # noon of the first day, in UTC
PLAN = """\
plan = "starter"
currency = "USD"

[[version]]
uncovered = "block"

[[version.charge]]
name = "messages"
meter = "deliveries"
price = { kind = "rate_card", card = "whatsapp", rates = "tiered" }
"""
LIST = {
    "Brazil": {"marketing": "0.0700", "utility": "9.0E-3"},
    "Germany": {"marketing": "0.1500", "utility": "0.0600"},
}
TIERS: dict[str, dict[str, Tiers]] = {
    "Brazil": {"utility": [(25, Decimal("0.0090")), (None, Decimal("0.0080"))]},
    "Germany": {"utility": [(None, Decimal("0.0600"))]},
}

Run = Callable[..., Result]


def message(number: int, at: int, category: str, to: str) -> Any:
    pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": category}
    status: dict[str, Any] = {
        "id": f"wamid.{at + number}",
        "status": "delivered",
        "timestamp": str(at + number),
    }
    status |= {"recipient_id": to, "pricing": pricing}
    metadata = {"display_phone_number": "15550001111", "phone_number_id": SENDER}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def month_of(at: int) -> list[Any]:
    """Ten of marketing and forty of utility to Brazil, five of marketing to Germany."""
    brazil, germany = "5511900000000", "4915112345678"
    return [
        *(message(n, at, "marketing", brazil) for n in range(10)),
        *(message(n, at, "utility", brazil) for n in range(10, 50)),
        *(message(n, at, "marketing", germany) for n in range(50, 55)),
    ]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def make(*arguments: str) -> Result:
        where = ["--book", str(tmp_path / "book")]
        return CliRunner().invoke(main, [*arguments, *where], catch_exceptions=False)

    return make


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new book on the plan above, with the messages of both months."""
    root = tmp_path_factory.mktemp("loaded")
    book, log = str(root / "book"), root / "log.ndjson"
    assert CliRunner().invoke(main, ["init", book]).exit_code == 0
    (root / "book" / "plans" / "starter.toml").write_text(PLAN)
    (root / "book" / "add_ons.csv").write_text("account_id,add_on,quantity\n")
    payloads = [*month_of(DECEMBER), *month_of(JANUARY)]
    log.write_text("".join(json.dumps(payload) + "\n" for payload in payloads))
    assert CliRunner().invoke(main, ["ingest", str(log), "--book", book]).exit_code == 0
    return root / "book"


@pytest.fixture
def book(tmp_path: Path, loaded: Path) -> Book:
    return Book.at(shutil.copytree(loaded, tmp_path / "book"))


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The list as the network sends it, a workbook that is named .csv, and the tiers."""
    (tmp_path / "rates.csv").write_bytes(as_xlsx(rate_file(LIST)))
    (tmp_path / "tiers.csv").write_bytes(as_csv(tier_file(TIERS)))
    return [str(tmp_path / "rates.csv"), str(tmp_path / "tiers.csv")]


def total_of(run: Run, month: str) -> Any:
    return json.loads(run("bill", month, "--format", "json").stdout)["totals"][0]["total"]


def cards_of(book: Book) -> list[str]:
    return sorted(path.name for path in (book.root / "rate_cards").iterdir())


def test_a_quarter_is_imported_and_the_next_month_is_rated_with_it(
    book: Book, files: list[str], run: Run
) -> None:
    # 10 x 0.0625 + 40 x 0.0068 + 5 x 0.1365 = 1.5795, by the card that ships
    assert total_of(run, "2026-12") == "1.58"
    looked_at = json.loads(run("catalog", "import", *files, "--format", "json").stdout)

    # 10 x 0.07 + 25 x 0.009 + 15 x 0.008 + 5 x 0.15 = 1.795, had it held in December
    amounts = {"currency": "USD", "before": "1.58", "after": "1.80", "difference": "0.22"}
    unpriced = {"unpriced_before": "0", "unpriced_after": "0"}
    assert looked_at["effect"] == {
        "period": "2026-12",
        "rows": [{"account": "example", **amounts, **unpriced}],
        "unchanged": 0,
        "totals": [amounts],
    }
    assert looked_at["written"] == cards_of(book) == []
    assert total_of(run, "2027-01") == "1.58"

    written = json.loads(run("catalog", "import", *files, "--write", "--format", "json").stdout)
    assert written["written"] == [f"rate_cards/{name}" for name in cards_of(book)]
    assert cards_of(book) == [
        "whatsapp_2027-01-01_USD_list.csv",
        "whatsapp_2027-01-01_USD_tiered.csv",
    ]
    checked = run("check")
    assert checked.exit_code == 0
    assert "0 problems, 2 warnings" in checked.stdout
    assert (total_of(run, "2026-12"), total_of(run, "2027-01")) == ("1.58", "1.80")


def test_what_changes_is_shown_by_market_category_and_tier(
    book: Book, files: list[str], run: Run
) -> None:
    listed, tiered = json.loads(run("catalog", "import", *files, "--format", "json").stdout)[
        "cards"
    ]
    rows = {(row["market"], row["category"], row["tier"]): row for row in listed["rows"]}
    tiers = {(row["market"], row["category"], row["tier"]): row for row in tiered["rows"]}

    assert (listed["effective_from"], listed["currency"]) == ("2027-01-01", "USD")
    assert rows["Brazil", "marketing", None] == {
        "market": "Brazil",
        "category": "marketing",
        "unit": "message",
        "tier": None,
        "old_up_to": None,
        "up_to": None,
        "old_rate": "0.0625",
        "rate": "0.07",
        "change": "0.0075",
        "what": "changed",
    }
    assert rows["Brazil", "service", None]["what"] == "removed"
    assert tiers["Brazil", "utility", 1]["old_up_to"] == "250000"
    assert tiers["Brazil", "utility", 2]["up_to"] is None
    assert tiers["Brazil", "utility", 2]["rate"] == "0.008"
    assert listed["new_markets"] == []
    assert "India" in listed["removed_markets"]
    assert listed["counts"]["changed"] == 4


def test_the_guide_names_every_key_of_the_document(book: Book, files: list[str], run: Run) -> None:
    run("bill", "2026-12")
    document = json.loads(run("catalog", "import", *files, "--format", "json").stdout)
    guide = (ROOT / "docs" / "new-prices.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)(?:\[\])?`", guide))

    assert keys_of(document) - {"schema"} <= named


def keys_of(value: object) -> set[str]:
    match value:
        case dict():
            return {*value, *(key for inner in value.values() for key in keys_of(inner))}
        case list():
            return {key for inner in value for key in keys_of(inner)}
    return set()


def test_the_table_says_what_the_document_says(book: Book, files: list[str], run: Run) -> None:
    run("bill", "2026-12")
    lines = [
        " ".join(line.split()) for line in run("catalog", "import", *files).stdout.splitlines()
    ]

    assert any(
        line.startswith("whatsapp in USD (list) from 2027-01-01: 4 changed,") for line in lines
    )
    assert "Brazil marketing 0.0625 0.07 0.0075 changed" in lines
    assert "Brazil utility 1 250,000 25 0.0068 0.009 0.0022 changed" in lines
    assert "2026-12, had the new card held from its first day on" in lines
    assert "example USD 1.58 1.80 0.22 0 0" in lines
    assert "all in USD: 1.58 before, 1.80 after, difference 0.22" in lines
    assert lines[-1] == "nothing was written; --write puts the card into the book"


def test_before_the_first_bill_there_is_no_month_to_rate(
    book: Book, files: list[str], run: Run
) -> None:
    document = json.loads(run("catalog", "import", *files, "--format", "json").stdout)

    assert document["effect"] is None
    assert "No month is billed yet" in run("catalog", "import", *files).stdout
    assert not book.invoices_path.exists()


def test_the_card_in_force_as_files_of_the_network_changes_nothing(
    tmp_path: Path, book: Book, run: Run
) -> None:
    cards = data_path("rate_cards", "whatsapp")
    rates: dict[str, dict[str, str]] = defaultdict(dict)
    for row in read_rows(cards / "2026-10-01_USD_list.csv", RateRow)[0]:
        rates[row.market][row.category] = str(row.rate)
    tiers: dict[str, dict[str, list[tuple[int | None, Decimal]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in read_rows(cards / "2026-10-01_USD_tiered.csv", RateRow)[0]:
        up_to = None if row.up_to is None else int(row.up_to)
        tiers[row.market][row.category].append((up_to, row.rate))
    (tmp_path / "list").write_bytes(as_xlsx(rate_file(rates)))
    (tmp_path / "tiers").write_bytes(as_csv(tier_file(tiers)))
    run("bill", "2026-12")
    printed = run(
        *("catalog", "import", str(tmp_path / "list"), str(tmp_path / "tiers")),
        *("--format", "json"),
    )
    document = json.loads(printed.stdout)

    assert [card["rows"] for card in document["cards"]] == [[], []]
    assert all(card["counts"]["same"] > 200 for card in document["cards"])
    assert (document["effect"]["rows"], document["effect"]["unchanged"]) == ([], 1)
    assert document["notes"] == []


def test_a_market_that_the_new_card_lacks_is_shown_as_units_without_a_price(
    tmp_path: Path, book: Book, run: Run
) -> None:
    (tmp_path / "rates").write_bytes(as_csv(rate_file({"Brazil": LIST["Brazil"]})))
    run("bill", "2026-12")
    printed = run("catalog", "import", str(tmp_path / "rates"), "--write", "--format", "json")
    (row,) = json.loads(printed.stdout)["effect"]["rows"]

    assert (row["unpriced_before"], row["unpriced_after"]) == ("0", "5")
    assert run("bill", "2027-01").exit_code == 3


def test_a_list_without_its_tiers_is_noticed(tmp_path: Path, book: Book, run: Run) -> None:
    (tmp_path / "rates").write_bytes(as_csv(rate_file(LIST)))
    notes = json.loads(
        run("catalog", "import", str(tmp_path / "rates"), "--format", "json").stdout
    )["notes"]

    assert notes == [
        "2 first tiers in USD are not the list rate from 2027-01-01 on, such as Brazil/utility:"
        " 0.0068 in the tier, 0.009 in the list; is a file missing?"
    ]


def test_a_card_that_reaches_into_a_billed_month_says_so(
    book: Book, files: list[str], run: Run
) -> None:
    run("bill", "2027-01")
    printed = run("catalog", "import", *files, "--effective-from", "2027-01-15", "--format", "json")
    notes = json.loads(printed.stdout)["notes"]

    assert any("is effective 2027-01-01; it is taken as of 2027-01-15" in note for note in notes)
    assert any("(list) from 2027-01-15 reaches into 2027-01, which is billed" in n for n in notes)


def test_writing_again_changes_nothing_and_other_rates_are_refused(
    tmp_path: Path, book: Book, files: list[str], run: Run
) -> None:
    run("catalog", "import", *files, "--write")
    before = {name: (book.root / "rate_cards" / name).read_bytes() for name in cards_of(book)}
    again = run("catalog", "import", *files, "--write")
    other = {**LIST, "Germany": {"marketing": "0.2000"}}
    Path(files[0]).write_bytes(as_xlsx(rate_file(other)))
    refused = run("catalog", "import", *files, "--write")

    assert (again.exit_code, refused.exit_code) == (0, 2)
    assert "is there already, with other rates" in refused.stderr
    assert before == {
        name: (book.root / "rate_cards" / name).read_bytes() for name in cards_of(book)
    }


def test_the_quarter_after_ends_the_one_before(
    tmp_path: Path, book: Book, files: list[str], run: Run
) -> None:
    run("catalog", "import", *files, "--write")
    run("catalog", "import", *files, "--effective-from", "2027-04-01", "--write")

    assert run("check").exit_code == 0
    assert total_of(run, "2027-01") == "1.80"
    assert "takes the place of the one in whatsapp_2027-01-01_USD_list.csv from 2027-04-01 on" in (
        run("check").stdout
    )


def test_nothing_is_written_of_files_with_a_mistake(
    tmp_path: Path, book: Book, files: list[str], run: Run
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(as_csv(rate_file({"Brasil": {"marketing": "0,07"}})))
    result = run("catalog", "import", *files, str(wrong), "--write")

    assert result.exit_code == 2
    assert "wrong row 7 Market\n  'Brasil' is no market on 2027-01-01" in result.stderr
    assert "wrong row 7 marketing\n  '0,07' is no number" in result.stderr
    assert "2 problems" in result.stderr
    assert cards_of(book) == []


def test_a_card_beside_which_a_file_of_the_book_would_be_a_mistake_is_not_written(
    book: Book, files: list[str], run: Run
) -> None:
    own = book.root / "rate_cards" / "own.csv"
    own.write_text(
        "card,effective_from,effective_to,currency,rates,market,category,unit,rate,evidence\n"
        "whatsapp,2026-12-01,2027-02-01,USD,list,Brazil,marketing,message,0.06,published\n"
    )
    result = run("catalog", "import", *files, "--write")

    assert result.exit_code == 2
    assert "also has rates on 2027-01-01 in own.csv" in result.stderr
    assert cards_of(book) == ["own.csv"]


def test_a_currency_that_is_none_is_refused(book: Book, files: list[str], run: Run) -> None:
    result = run("catalog", "import", *files, "--currency", "dollars")

    assert result.exit_code == 2
    assert "'dollars' is no currency" in result.stderr
