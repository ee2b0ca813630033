"""A month of usage becomes drafts: nothing is lost, nothing counts twice, every sum agrees."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.errors import SumsDisagreeError
from metering.output import to_json
from metering.period import Month
from metering.settings import Book
from pricing.billing import rate_month
from pricing.catalog import Catalog, load_catalog
from pricing.document import Document
from pricing.document_writer import documents
from pricing.invoice import INVOICE, LINE, LINE_DETAIL, Drafts
from pricing.state import no_state

OCTOBER = Month(2026, 10)
PLANS = {
    "plans/growth.toml": """\
plan = "growth"
currency = "USD"

[[version]]
effective_from = 2026-01-01

[[version.charge]]
name = "marketing"
meter = "deliveries"
where = { category = ["marketing"] }
allowance = { quantity = 30 }
price = { kind = "rate_card", card = "net", markup_ratio = 0.15 }

[[version.charge]]
name = "utility"
meter = "deliveries"
where = { category = ["utility"] }
price = { kind = "rate_card", card = "net", rates = "tiered" }

[[version.charge]]
name = "service"
meter = "deliveries"
where = { category = ["service"] }
allowance = { quantity = 10 }
free_for = { employee_count_max = 9 }
price = { kind = "graduated", tiers = [
    { up_to = 20, unit_price = 0.012 },
    { unit_price = 0.009 },
] }

[[version.charge]]
name = "platform fee"
component = "platform"
meter = "deliveries"
price = { kind = "volume", tiers = [{ up_to = 50, unit_price = 0.00333 }, { unit_price = 0.001 }] }

[[version.fixed_fee]]
name = "licence"
amount = 49.00
proration = "by_day"

[[version.add_on]]
name = "linked devices"
included = 4
max_quantity = 10
price = { kind = "per_unit", unit_price = 5.00 }

[[version]]
effective_from = 2026-10-11

[[version.charge]]
name = "marketing"
meter = "deliveries"
where = { category = ["marketing", "utility"] }
price = { kind = "per_unit", unit_price = 0.07 }

[[version.fixed_fee]]
name = "licence"
amount = 59.00
proration = "by_day"

[[version.add_on]]
name = "linked devices"
included = 5
price = { kind = "per_unit", unit_price = 4.00 }
""",
    "plans/lean.toml": """\
plan = "lean"
currency = "USD"

[[version]]
uncovered = { network = "free" }

[[version.charge]]
name = "marketing"
meter = "deliveries"
where = { pricing_type = ["regular"], category = ["marketing"] }
price = { kind = "per_unit", unit_price = 0.1 }

[[version.charge]]
name = "support"
meter = "conversations"
where = { category = ["service"] }
price = { kind = "per_unit", unit_price = 0.01 }

[[version.fixed_fee]]
name = "licence"
amount = 10.00
""",
    "rate_cards/net.csv": """\
card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate,evidence,note
net,2026-01-01,2026-10-06,USD,list,Brazil,marketing,message,,0.06,published,
net,2026-01-01,2026-10-06,USD,list,India,marketing,message,,0.0118,published,
net,2026-01-01,2026-10-06,USD,list,India,utility,message,,0.0014,published,
net,2026-10-06,,USD,list,Brazil,marketing,message,,0.0625,published,
net,2026-10-06,,USD,list,India,utility,message,,0.0014,published,
net,2026-10-06,,USD,tiered,Brazil,utility,message,40,0.0068,published,
net,2026-10-06,,USD,tiered,Brazil,utility,message,,0.0065,published,
""",
    "subscriptions.csv": """\
account_id,plan,effective_from,effective_to
acme,growth,,
bistro,growth,,2026-10-21
bistro,lean,2026-10-21,
corner,lean,2026-10-05,2026-10-09
""",
    "add_ons.csv": """\
account_id,add_on,quantity,effective_from,effective_to
acme,linked devices,6,2026-10-05,2026-10-20
acme,linked devices,9,2026-10-20,
""",
    "accounts.csv": """\
account_id,name,employee_count,portfolio_id
acme,Acme,200,group
bistro,Bistro,9,group
corner,Corner,,
""",
}


@pytest.fixture(scope="session")
def catalog(make_book: Callable[..., Book], tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load_catalog(make_book(tmp_path_factory.mktemp("book"), PLANS))


cells = st.lists(
    st.fixed_dictionaries(
        {
            "account_id": st.sampled_from(["acme", "bistro", "corner", None]),
            "meter": st.sampled_from(["deliveries", "deliveries", "conversations"]),
            "market": st.sampled_from(["Brazil", "India", "Atlantis", None]),
            "category": st.sampled_from(["marketing", "utility", "service", None]),
            "pricing_type": st.sampled_from(["regular", "free_entry_point", None]),
            "rate_date": st.sampled_from([1, 5, 6, 9, 11, 21]).map(lambda day: date(2026, 10, day)),
        }
    ),
    max_size=25,
    unique_by=lambda cell: tuple(str(cell[name]) for name in sorted(cell)),
)


@pytest.fixture(scope="session")
def bill(
    catalog: Catalog,
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> Callable[..., tuple[Drafts, Decimal]]:
    def make(
        rows: list[dict[str, Any]], in_order: list[dict[str, Any]] | None = None
    ) -> tuple[Drafts, Decimal]:
        order = in_row_order(usage_frame(in_order or rows))
        rated = rate_month(catalog, OCTOBER, usage_frame(rows), order, no_state())
        return rated.drafts, rated.unassigned

    return make


@given(drawn=cells, data=st.data())
def test_everything_adds_up_and_the_order_of_usage_does_not_matter(
    *,
    drawn: list[dict[str, Any]],
    data: st.DataObject,
    bill: Callable[..., tuple[Drafts, Decimal]],
    usage_row: Callable[..., Any],
) -> None:
    quantities = data.draw(st.lists(st.integers(1, 60), min_size=len(drawn), max_size=len(drawn)))
    rows = [
        usage_row(cell.pop("account_id"), quantity, **cell)
        for cell, quantity in zip(map(dict, drawn), quantities, strict=True)
    ]
    drafts, unassigned = bill(rows)
    shuffled, _ = bill(data.draw(st.permutations(rows)), rows)

    _assert_sums(drafts, rows, unassigned)
    assert to_json({"all": [*documents(drafts)]}) == to_json({"all": [*documents(shuffled)]})


def _assert_sums(drafts: Drafts, rows: list[dict[str, Any]], unassigned: Decimal) -> None:
    assert drafts.invoices.schema == INVOICE
    assert drafts.lines.schema == LINE
    assert drafts.details.schema == LINE_DETAIL
    assert drafts.lines["line_id"].is_unique().all()
    deliveries = [row for row in rows if row["meter"] == "deliveries"]
    for document in documents(drafts):
        mine = [row for row in deliveries if row["account_id"] == document["account_id"]]
        coverage = document["coverage"]
        assert Decimal(coverage["deliveries"]) == sum(row["quantity"] for row in mine)
        for part in coverage["components"]:
            statuses = ("billed", "in_conversation", "uncovered", "unknown", "removed")
            counted = sum(Decimal(part[name]) for name in statuses)
            free = sum(map(Decimal, part["free"].values()))
            assert counted + free == Decimal(part["deliveries"])
        assert Decimal(document["total"]) == sum(Decimal(li["amount"]) for li in document["lines"])
        for line in document["lines"]:
            with localcontext(prec=60):
                exact = sum(Decimal(detail["amount"] or 0) for detail in line["details"])
                assert abs(exact - Decimal(line["amount"])) <= Decimal("0.005")
    loose = sum(row["quantity"] for row in deliveries if row["account_id"] is None)
    assert unassigned == loose


def _lines(drafts: Drafts, account_id: str) -> dict[str, str]:
    by_account = {document["account_id"]: document for document in documents(drafts)}
    return {line["charge"]: line["amount"] for line in by_account[account_id]["lines"]}


def test_fees_and_add_ons_are_prorated_over_versions(
    bill: Callable[..., tuple[Drafts, Decimal]],
) -> None:
    drafts, _ = bill([])

    # 49 x 10/31 + 59 x 21/31; devices: 2 x 5 x 6/31 + 1 x 4 x 9/31 + 4 x 4 x 12/31
    assert _lines(drafts, "acme") == {"licence": "55.77", "linked devices": "9.29"}


def test_two_plans_with_one_charge_make_two_lines_that_name_their_plan(
    bill: Callable[..., tuple[Drafts, Decimal]],
) -> None:
    drafts, _ = bill([])

    assert _lines(drafts, "bistro") == {"growth: licence": "34.84", "lean: licence": "10.00"}
    assert drafts.lines["line_id"].to_list()[2:4] == [
        "bistro/2026-10/1#growth.licence",
        "bistro/2026-10/1#lean.licence",
    ]


def test_usage_without_a_plan_blocks_the_invoice(
    bill: Callable[..., tuple[Drafts, Decimal]], usage_row: Callable[..., Any]
) -> None:
    drafts, _ = bill([usage_row("corner", 7, rate_date=date(2026, 10, 9))])
    (corner,) = (d for d in documents(drafts) if d["account_id"] == "corner")

    assert corner["coverage"]["no_plan"] == "7"
    assert corner["blocked"] == [
        {"reason": "no_plan", "quantity": "7", "what": "deliveries on days without a plan"}
    ]


def test_what_no_charge_takes_blocks_unless_the_plan_says_free(
    bill: Callable[..., tuple[Drafts, Decimal]], usage_row: Callable[..., Any]
) -> None:
    growth = usage_row("acme", 3, category="service", rate_date=date(2026, 10, 11))
    lean = usage_row("bistro", 4, category="utility", rate_date=date(2026, 10, 21))
    drafts, _ = bill([growth, lean])
    acme, bistro, _ = documents(drafts)

    assert [reason["what"] for reason in acme["blocked"]] == [
        "no charge of component 'network' of plan 'growth' takes deliveries of service, regular"
    ]
    assert bistro["blocked"] == []
    assert bistro["coverage"]["components"][-1]["free"] == {"uncovered": "4"}


def test_a_delivery_in_a_charged_conversation_is_not_charged_itself(
    bill: Callable[..., tuple[Drafts, Decimal]], usage_row: Callable[..., Any]
) -> None:
    day = date(2026, 10, 21)
    talk = usage_row("bistro", 2, meter="conversations", category="service", rate_date=day)
    words = usage_row("bistro", 9, category="service", rate_date=day)
    drafts, _ = bill([talk, words])
    (bistro,) = (d for d in documents(drafts) if d["account_id"] == "bistro")

    assert _lines(drafts, "bistro")["support"] == "0.02"
    assert bistro["coverage"]["components"][-1]["in_conversation"] == "9"
    assert bistro["blocked"] == []


def test_what_a_where_asks_for_and_nobody_knows_is_unknown(
    bill: Callable[..., tuple[Drafts, Decimal]], usage_row: Callable[..., Any]
) -> None:
    drafts, _ = bill([usage_row("acme", 5, category=None)])
    acme = next(documents(drafts))

    assert acme["blocked"] == [
        {
            "reason": "unknown",
            "quantity": "5",
            "what": "deliveries without category, which a charge of component 'network' of plan"
            " 'growth' asks for",
        }
    ]
    assert _lines(drafts, "acme")["platform fee"] == "0.02"  # 5 x 0.00333: asks for no category


def test_counts_that_do_not_add_up_stop_the_run(
    catalog: Catalog, usage_row: Callable[..., Any], usage_frame: Callable[..., pl.DataFrame]
) -> None:
    rows = [usage_row("acme", 40, market=market) for market in ("Brazil", "India")]

    def lying(meter: str, asked: pl.DataFrame, bounds: pl.DataFrame, crossing: str) -> pl.DataFrame:
        return asked.join(bounds, on="scope").with_columns(quantity=pl.lit(Decimal(50)))

    with pytest.raises(SumsDisagreeError, match="do not add up, the first is 'acme'"):
        rate_month(catalog, OCTOBER, usage_frame(rows), lying, no_state())


def test_the_days_of_change_are_those_of_plans_subscriptions_and_cards(catalog: Catalog) -> None:
    days = [date(2026, 10, 1) + timedelta(days=number) for number in (4, 5, 8, 10, 20)]

    assert [day for day in catalog.changes(OCTOBER) if day in days] == days


def test_a_document_names_no_run_and_no_clock(
    bill: Callable[..., tuple[Drafts, Decimal]], usage_row: Callable[..., Any]
) -> None:
    drafts, _ = bill([usage_row("acme", 100)])
    document = json.loads(to_json(next(documents(drafts))))

    fields = [field.alias or name for name, field in Document.model_fields.items()]
    assert [*document] == fields
    assert not {"run_id", "load_ids", "started_at", "drafted_at"} & {*document}
    assert Document.of(document).lines[0].line_id == "acme/2026-10/1#marketing"
    assert document["period_start_at"] == "2026-09-30T22:00:00Z"
