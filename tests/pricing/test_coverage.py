"""What charges on meters mean for what an invoice must account for."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from metering.period import Month
from metering.settings import Book
from pricing.billing import rate_month
from pricing.catalog import Catalog, load_catalog
from pricing.document_writer import documents
from pricing.state import no_state

OCTOBER = Month(2026, 10)
PLANS = {
    "plans/full.toml": """\
plan = "full"
currency = "USD"

[[version]]

[[version.charge]]
name = "messages"
meter = "deliveries"
where = { category = ["marketing"] }
price = { kind = "per_unit", unit_price = 0.05 }

[[version.charge]]
name = "failed"
meter = "failed-messages"
price = { kind = "per_unit", unit_price = 0.001 }

[[version.charge]]
name = "days"
component = "devices"
meter = "linked-device-days"
price = { kind = "per_unit", unit_price = 0.10 }

[[version.charge]]
name = "contacts"
component = "contacts"
meter = "active-contacts"
allowance = { quantity = 100 }
price = { kind = "per_unit", unit_price = 0.03 }

[[version.charge]]
name = "volume"
component = "volume"
meter = "data-volume"
price = { kind = "per_unit", unit_price = 1 }
""",
    "plans/late.toml": """\
plan = "late"
currency = "USD"

[[version]]
uncovered = "free"

[[version]]
effective_from = 2026-10-11
uncovered = "free"

[[version.charge]]
name = "contacts"
meter = "active-contacts"
price = { kind = "per_unit", unit_price = 0.03 }

[[version]]
effective_from = 2026-10-21
uncovered = "free"

[[version.charge]]
name = "contacts"
meter = "active-contacts"
price = { kind = "per_unit", unit_price = 0.04 }
""",
    "plans/kinds.toml": """\
plan = "kinds"
currency = "USD"

[[version]]

[[version.charge]]
name = "answers"
meter = "conversations-2022"
where = { category = ["user_initiated"] }
price = { kind = "per_unit", unit_price = 0.02 }
""",
    "meters/data-volume.toml": """\
meter = "data-volume"
unit = "gigabytes"
source = { kind = "cloud_events", type = "volume" }
aggregation = { kind = "sum", of = "data.gigabytes" }
""",
    "subscriptions.csv": """\
account_id,plan,effective_from,effective_to
acme,full,,2026-10-21
bistro,late,,
corner,kinds,,
""",
    "accounts.csv": "account_id,name\nacme,Acme\nbistro,Bistro\ncorner,Corner\n",
}
Billed = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture(scope="session")
def catalog(make_book: Callable[..., Book], tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load_catalog(make_book(tmp_path_factory.mktemp("book"), PLANS))


@pytest.fixture(scope="session")
def billed(catalog: Catalog, usage_frame: Callable[..., pl.DataFrame]) -> Billed:
    def bill(*rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
        usage = usage_frame(rows)
        drafts = rate_month(
            catalog, OCTOBER, usage, lambda *_: pytest.fail("no order"), no_state()
        ).drafts
        return {document["account_id"]: document for document in documents(drafts)}

    return bill


@pytest.fixture(scope="session")
def units(usage_row: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A row of a meter that tells nothing apart; without a day it is one of the whole month."""

    def row(account_id: str, meter: str, quantity: object, **given: object) -> dict[str, Any]:
        names = ("channel", "market", "country", "category", "pricing_model", "pricing_type")
        return usage_row(
            account_id,
            quantity,
            meter=meter,
            **{**dict.fromkeys(names), "rate_date": None, **given},
        )

    return row


def lines(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {line["charge"]: (line["quantity"], line["amount"]) for line in document["lines"]}


Row = Callable[..., dict[str, Any]]


def test_charges_on_any_meter_make_lines_and_answer_for_no_deliveries(
    billed: Billed, usage_row: Row, units: Row
) -> None:
    october = date(2026, 10, 1)
    acme = billed(
        usage_row("acme", 10),
        usage_row("acme", 4, meter="failed-messages"),
        units("acme", "linked-device-days", "15.25", rate_date=october),
        units("acme", "active-contacts", 130),
        units("acme", "data-volume", "2.5", rate_date=october),
    )["acme"]

    assert lines(acme) == {
        "messages": ("10", "0.50"),
        "failed": ("4", "0.00"),
        "days": ("15.25", "1.53"),
        "contacts": ("130", "0.90"),
        "volume": ("2.5", "2.50"),
    }
    assert [part["component"] for part in acme["coverage"]["components"]] == ["network"]
    assert acme["coverage"]["deliveries"] == "10"
    assert acme["blocked"] == []


def test_deliveries_that_were_removed_are_counted_and_not_billed(
    billed: Billed, usage_row: Row
) -> None:
    late = {"rate_date": date(2026, 10, 21)}
    acme = billed(
        usage_row("acme", 10),
        usage_row("acme", 7, standing="removed"),
        usage_row("acme", 5, standing="removed", category=None),
        usage_row("acme", 3, standing="removed", **late),
    )["acme"]

    assert lines(acme) == {"messages": ("10", "0.50")}
    assert acme["blocked"] == []
    coverage = acme["coverage"]
    assert (coverage["deliveries"], coverage["no_plan"], coverage["removed"]) == ("25", "0", "3")
    (network,) = coverage["components"]
    assert (network["deliveries"], network["billed"], network["removed"]) == ("22", "10", "12")


def test_a_figure_of_a_whole_month_is_charged_once_by_the_first_version_that_has_it(
    billed: Billed, units: Row
) -> None:
    bistro = billed(units("bistro", "active-contacts", 10))["bistro"]

    (line,) = bistro["lines"]
    assert (line["quantity"], line["amount"]) == ("10", "0.30")
    assert [str(detail["rate_date"]) for detail in line["details"]] == ["2026-10-11"]


def test_other_usage_on_days_without_a_plan_blocks_nothing(billed: Billed, units: Row) -> None:
    acme = billed(units("acme", "linked-device-days", 3, rate_date=date(2026, 10, 25)))["acme"]

    assert (acme["lines"], acme["blocked"]) == ([], [])


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"standing": "unread"}, "a value that can be used"),
        ({"quantity": Decimal(-2)}, "a quantity of zero or more"),
    ],
)
def test_a_value_that_cannot_be_charged_blocks_the_invoice(
    billed: Billed, units: Row, row: dict[str, Any], what: str
) -> None:
    rate_date = date(2026, 10, 1)
    acme = billed({**units("acme", "data-volume", 2, rate_date=rate_date), **row})["acme"]

    assert acme["lines"] == []
    (blocked,) = acme["blocked"]
    assert blocked["reason"] == "unknown"
    assert blocked["what"] == (
        f"data-volume without {what}, which a charge of component 'volume' of plan 'full' asks for"
    )


def test_kinds_of_conversations_must_be_charged_themselves(billed: Billed, usage_row: Row) -> None:
    corner = billed(
        usage_row("corner", 9),
        usage_row("corner", 2, meter="conversations-2022", category="user_initiated"),
        usage_row("corner", 3, meter="conversations-2022", category="business_initiated"),
    )["corner"]

    assert lines(corner) == {"answers": ("2", "0.04")}
    (network,) = corner["coverage"]["components"]
    assert network["in_conversation"] == "9"
    assert corner["blocked"] == [
        {
            "reason": "uncovered",
            "quantity": "3",
            "what": "no charge of component 'network' of plan 'kinds' takes conversations-2022 of"
            " business_initiated, regular",
        }
    ]
