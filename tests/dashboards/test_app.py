"""The pages: figures that equal those of the commands, and what to do where there are none."""

from decimal import Decimal
from typing import Any, cast

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards.reports import publish
from dashboards.words import text
from metering.account import load_accounts
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from metering.usage import Dimension, usage_by
from pricing.archive import Archive
from pricing.document_writer import exact_text
from pricing.invoice import Drafts
from pricing.money import amount_text
from tests.dashboards.conftest import MONTH, UNPLANNED, Open

INVOICES = {"view": text.INVOICES}


def archived(book: Book) -> Drafts:
    with Archive.open(book) as archive:
        return archive.drafts_of(period=str(MONTH))


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in app.metric}


def rows(app: AppTest, number: int = 0) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], app.dataframe[number].value.to_dict("records"))


def words(app: AppTest) -> str:
    """All that a page says, tables and choices included."""
    blocks = (app.title, app.subheader, app.caption, app.markdown, app.info, app.warning, app.code)
    said = [
        *(str(block.value) for kind in blocks for block in kind),
        *(f"{metric.label} {metric.value}" for metric in app.metric),
        *(frame.value.to_csv() for frame in app.dataframe),
        *(str(option) for box in app.selectbox for option in box.options),
    ]
    return "\n".join(said)


def totals_of(invoices: pl.DataFrame) -> dict[str, str]:
    """What `tollbook invoice list` totals, as a page writes it."""
    answer: dict[str, str] = {}
    for currency in sorted(set(invoices["currency"])):
        amounts = invoices.filter(pl.col("currency") == currency)["total_minor"].to_list()
        answer[currency] = f"{Decimal(amount_text(sum(amounts), currency)):,}"
    return answer


def shown_totals(app: AppTest) -> dict[str, str]:
    return {label.split(" ")[0]: value for label, value in metrics(app).items()}


def test_the_list_shows_every_invoice_of_the_month_and_totals_each_currency(
    sample: Book, open_app: Open
) -> None:
    app = open_app(sample, **INVOICES)
    invoices = archived(sample).invoices

    assert not app.exception
    assert app.title[0].value == "Invoices, October 2026"
    assert [row[text.ACCOUNT] for row in rows(app)] == invoices["account_id"].to_list()
    assert shown_totals(app) == totals_of(invoices)
    assert len(shown_totals(app)) > 1, "the sample has several currencies"


def test_totals_equal_the_selection_whatever_is_searched(sample: Book, open_app: Open) -> None:
    invoices = archived(sample).invoices
    for wanted in ("acct-0001", invoices["name"][4][:5], invoices["name"][7].upper()):
        app = open_app(sample, **INVOICES, q=wanted)
        chosen = invoices.filter(
            pl.col("account_id").str.contains(wanted, literal=True)
            | pl.col("name").str.to_lowercase().str.contains(wanted.lower(), literal=True)
        )

        assert len(rows(app)) == chosen.height < invoices.height
        assert shown_totals(app) == totals_of(chosen)
        by_currency: dict[str, Decimal] = {}
        for row in rows(app):
            amount = Decimal(row[text.TOTAL].replace(",", ""))
            by_currency[row[text.CURRENCY]] = (
                by_currency.get(row[text.CURRENCY], Decimal()) + amount
            )
        assert {code: f"{amount:,}" for code, amount in by_currency.items()} == shown_totals(app)


def test_the_largest_totals_come_first_within_each_currency(sample: Book, open_app: Open) -> None:
    app = open_app(sample, **INVOICES, sort="Largest total")
    shown = [(row[text.CURRENCY], -Decimal(row[text.TOTAL].replace(",", ""))) for row in rows(app)]

    assert shown == sorted(shown)


def test_a_search_that_finds_nothing_says_how_to_go_on(sample: Book, open_app: Open) -> None:
    app = open_app(sample, **INVOICES, q="nobody has this name")

    assert "Clear the search" in app.info[0].value
    assert not app.dataframe


def test_a_link_opens_an_invoice_with_its_lines_and_every_digit_of_its_prices(
    sample: Book, open_app: Open
) -> None:
    drafts = archived(sample)
    invoice = drafts.invoices.row(0, named=True)
    app = open_app(sample, **INVOICES, invoice=invoice["invoice_id"])
    lines = drafts.lines.filter(pl.col("invoice_id") == invoice["invoice_id"])

    assert not app.exception
    assert [row[text.CHARGE] for row in rows(app, 1)] == lines["charge"].to_list()
    amounts = [Decimal(row[text.AMOUNT].replace(",", "")) for row in rows(app, 1)]
    total = amount_text(invoice["total_minor"], invoice["currency"])
    assert sum(amounts) == Decimal(total)
    assert f"**{Decimal(total):,} {invoice['currency']}**" in words(app)

    first = lines.row(0, named=True)
    details = drafts.details.filter(pl.col("line_id") == first["line_id"])
    prices = [exact_text(price) or "" for price in details["unit_price"]]
    assert [row[text.UNIT_PRICE] for row in rows(app, 2)] == prices
    exact = [Decimal(row[text.EXACT_AMOUNT].replace(",", "")) for row in rows(app, 2)]
    assert sum(exact) == first["amount_exact"]
    files = {str(button.key).split("/")[1] for button in app.get("download_button")}
    assert files >= {
        f"lines-{invoice['invoice_id']}".split("/")[0],
        f"details-{first['line_id']}".split("/")[0],
    }


def test_another_line_of_the_invoice_shows_its_own_details(sample: Book, open_app: Open) -> None:
    drafts = archived(sample)
    invoice_id = drafts.invoices["invoice_id"][0]
    lines = drafts.lines.filter(pl.col("invoice_id") == invoice_id)
    app = open_app(sample, **INVOICES, invoice=invoice_id)
    app.selectbox(key=f"line/{invoice_id}").select(lines["charge"][-1]).run()

    details = drafts.details.filter(pl.col("line_id") == lines["line_id"][-1])
    assert len(rows(app, 2)) == details.height


def test_a_blocked_invoice_says_why_and_what_to_do(blocked: Book, open_app: Open) -> None:
    app = open_app(blocked, **INVOICES, show="Blocked", invoice=f"{UNPLANNED}/2026-10/1")

    assert [row[text.ACCOUNT] for row in rows(app)] == [UNPLANNED]
    assert rows(app)[0][text.BLOCKED] == text.BLOCKED_YES
    (warning,) = app.warning
    assert "This invoice is blocked" in warning.value
    assert "add the account to subscriptions.csv" in warning.value
    assert "tollbook bill 2026-10" in warning.value
    assert "1 blocked" in words(app)

    ready = archived(blocked).invoices.filter(~pl.col("is_blocked"))
    assert shown_totals(open_app(blocked, **INVOICES, show="Ready")) == totals_of(ready)


@pytest.mark.parametrize("word", text.GROUPS)
def test_usage_on_the_page_is_what_the_command_counts(
    sample: Book, open_app: Open, word: str
) -> None:
    app = open_app(sample, view="Usage", by=word)
    settings = sample.settings()
    by = cast(Dimension, text.GROUPS[word])
    with Store.open(sample, settings) as store:
        accounts = load_accounts(sample, settings)
        counted = usage_by(store, accounts, MONTH, "deliveries", [by])

    assert not app.exception
    assert metrics(app)[text.DELIVERIES] == f"{counted['quantity'].sum():,}"
    shown = {row[word]: row[text.DELIVERIES] for row in rows(app)}
    unknown = text.UNASSIGNED if by == "account" else text.UNKNOWN
    labels = {label.split("(")[-1].rstrip(")"): label for label in shown}
    expected = {labels[key or unknown]: quantity for key, quantity in counted.rows()}
    assert shown == expected


def test_the_daily_table_adds_up_to_the_deliveries(sample: Book, open_app: Open) -> None:
    app = open_app(sample, view="Usage", by="Market")
    days = rows(app, 1)
    names = [name for name in days[0] if name != text.DAY]

    assert len(names) == 9, "the eight largest and the rest"
    assert names[-1] == text.OTHER
    total = sum(int(row[name]) for row in days for name in names)
    assert metrics(app)[text.DELIVERIES] == f"{total:,}"


def test_a_month_that_was_not_billed_says_so_and_how_to(sample: Book, open_app: Open) -> None:
    app = open_app(sample, **INVOICES, month="2026-11")

    assert "November 2026 has not been billed yet" in words(app)
    assert "tollbook bill 2026-11" in app.code[0].value
    assert text.NOT_BILLED in words(app)
    assert text.MONTH_OPEN in words(app)


def test_a_month_that_is_not_there_is_named(sample: Book, open_app: Open) -> None:
    app = open_app(sample, **INVOICES, month="2031-01")

    assert "no figures of “2031-01”; showing October 2026" in app.info[0].value
    assert app.title[0].value == "Invoices, October 2026"


def test_an_empty_book_says_what_to_do_before_and_after_it_is_published(
    empty: Book, open_app: Open
) -> None:
    assert "tollbook reports" in open_app(empty).code[0].value
    publish(empty)
    app = open_app(empty)

    assert not app.exception
    assert app.subheader[0].value == "Nothing has been loaded yet"
    assert "tollbook ingest" in app.code[0].value


def test_a_folder_without_a_book_is_no_failure(
    open_app: Open, sample: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app(Book(sample.root / "logs"))

    assert not app.exception
    assert app.subheader[0].value == "There is no book here"


def test_a_newer_generation_is_picked_up_by_the_next_rerun(blocked: Book, open_app: Open) -> None:
    app = open_app(blocked, **INVOICES)
    before = rows(app)
    path = blocked.invoices_path
    with Archive.open(blocked, "write") as archive:
        archive._connection.execute(
            "update invoices set name = 'Renamed' where account_id = $id", {"id": UNPLANNED}
        )
    assert path.exists()
    assert rows(app.run()) == before, "nothing is published yet"
    publish(blocked)

    assert "Renamed" in {row[text.NAME] for row in rows(app.run())}


def test_no_page_shows_a_phone_number(sample: Book, numbers: set[str], open_app: Open) -> None:
    invoice_id = archived(sample).invoices["invoice_id"][0]
    for address in (
        {"invoice": invoice_id},
        *({"view": "Usage", "by": word} for word in text.GROUPS),
    ):
        said = words(open_app(sample, **address))
        assert not [number for number in numbers if number in said]


def test_the_address_can_name_each_view_and_month(sample: Book, open_app: Open) -> None:
    app = open_app(sample, view="Usage", period="2026-11")

    assert app.title[0].value == "Usage, November 2026"
    assert Month.parse("2026-11").first_day.isoformat() in words(app)


@pytest.mark.parametrize(
    ("view", "asked"),
    [
        (text.USAGE, {"market": "Narnia"}),
        (text.USAGE, {"measure": "Money"}),
        (text.USAGE, {"top": "99"}),
        (text.INVOICES, {"invoice": "nobody/2026-10/1"}),
        (text.RECEIVABLES, {"as_of": "never"}),
        (text.MARGIN, {"currency": "XXX"}),
        (text.PRICES, {"price_market": "Mars"}),
    ],
)
def test_what_the_address_asks_in_vain_is_said(
    sample: Book, open_app: Open, view: str, asked: dict[str, str]
) -> None:
    app = open_app(sample, view=view, **asked)
    ((key, value),) = asked.items()

    assert not app.exception
    assert f"`{key}={value.replace('/', '')}`" in app.info[0].value


def test_nothing_is_said_of_an_address_that_is_understood(sample: Book, open_app: Open) -> None:
    usage = {"by": "Market", "measure": text.SENT, "bin": "Week", "look": "Share", "top": "5"}
    for address in (
        {"view": text.USAGE, **usage, "cumulative": "true", "category": "utility"},
        {"view": text.PRICES, "price_day": "2026-10-03", "price_quantity": "3"},
        {"view": text.UNBILLED, "unbilled_at": "2026-10-31"},
        {"view": text.INVOICES, "show": "Ready", "sort": "Name", "compare": "true"},
    ):
        app = open_app(sample, **address)
        assert not [note.value for note in app.info if "left out" in note.value], address
