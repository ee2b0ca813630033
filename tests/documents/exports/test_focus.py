"""Cost and usage of documents in the FOCUS format: the rules that finance checks first.

The official validator is run by `python -m tests.documents.exports.validate_focus`, see there.
"""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from metering.account import Account, Accounts
from metering.errors import SumsDisagreeError
from pricing.document import Document
from pricing.documents.focus import FOCUS, focus_of, unpriced_cells
from tests.documents.made import MADE, VAT, detail, document, fee, line

ACCOUNTS = Accounts(
    (Account(line=2, account_id="acct-1", name="Juniper", time_zone="Europe/Berlin"),),
    (),
    "Europe/Berlin",
)
UNITS = {"deliveries": "messages"}
# Mandatory in 1.2, and those of them that may be null.
MANDATORY = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass"),
    *("ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost"),
    *("EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit"),
    *("ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
)
MAY_BE_NULL = {"ChargeClass", "ChargeDescription", "PricingQuantity", "PricingUnit"}
OF_PRICES = (
    *("SkuId", "SkuPriceId", "PricingQuantity", "PricingUnit", "ListUnitPrice"),
    *("ContractedUnitPrice", "PricingCategory"),
)
each_document = pytest.mark.parametrize("made", MADE.values(), ids=[*MADE])


def focus(*made: Document) -> pl.DataFrame:
    return focus_of(made, ACCOUNTS, UNITS)


def rows(*made: Document) -> list[dict[str, Any]]:
    return focus(*made).to_dicts()


@each_document
def test_the_billed_cost_of_an_invoice_is_what_is_due(made: Document) -> None:
    frame = focus(made)

    due = -made.due if made.kind == "credit_note" else made.due
    assert sum(frame["BilledCost"].to_list(), Decimal(0)) == due
    assert set(frame["InvoiceId"]) <= {made.number or made.invoice_id}


@each_document
def test_a_cost_is_its_unit_price_times_its_quantity(made: Document) -> None:
    for row in rows(made):
        for cost, price in (
            ("ListCost", "ListUnitPrice"),
            ("ContractedCost", "ContractedUnitPrice"),
        ):
            if row[price] is not None:
                assert row[price] * row["PricingQuantity"] == row[cost]
                assert row[price] >= 0
            else:
                assert row[cost] == row["BilledCost"]


@each_document
def test_mandatory_columns_are_there_and_hold_what_they_must(made: Document) -> None:
    frame = focus(made)

    for name in MANDATORY:
        assert name in frame.columns
        assert name in MAY_BE_NULL or not frame[name].has_nulls()
    assert (frame["ChargePeriodStart"] < frame["ChargePeriodEnd"]).all()
    assert set(frame["ChargeClass"]) <= {None, "Correction"}
    for name in ("ProviderName", "ServiceProviderName", "HostProviderName"):
        assert set(frame[name]) <= {"Parcel Cloud GmbH"}


@each_document
def test_usage_and_purchases_are_priced_and_nothing_else_is(made: Document) -> None:
    for row in rows(made):
        is_priced = row["ChargeCategory"] in ("Usage", "Purchase")
        assert [row[name] is not None for name in OF_PRICES] == [is_priced] * len(OF_PRICES)
        is_usage = row["ChargeCategory"] == "Usage"
        assert (row["ConsumedQuantity"] is not None) == is_usage
        assert (row["ConsumedUnit"] is not None) == is_usage
        assert (row["SubAccountId"] is None) == (row["SubAccountType"] is None)


def test_each_tier_is_a_row_of_its_own_and_free_units_too() -> None:
    support = [row for row in rows(MADE["plain"]) if row["SkuId"] == "growth/support-messages"]

    assert [(row["PricingQuantity"], row["ListUnitPrice"]) for row in support] == [
        (Decimal(1000), Decimal(0)),
        (Decimal(9000), Decimal("0.012")),
        (Decimal(433), Decimal("0.009")),
    ]
    assert len({row["SkuPriceId"] for row in support}) == 3
    assert json.loads(support[2]["SkuPriceDetails"])["x_Tier"] == 2


def test_what_rounding_changes_is_an_adjustment_of_its_own() -> None:
    made = document([line("marketing", [detail("3", "0.0131")])])
    (cell, rounding) = rows(made)

    assert cell["BilledCost"] == Decimal("0.0393")
    assert (rounding["ChargeCategory"], rounding["BilledCost"]) == ("Adjustment", Decimal("0.0007"))
    assert rounding["ChargeDescription"] == "Rounding of marketing"


def test_a_line_that_its_details_do_not_make_up_says_so() -> None:
    made = document([line("marketing", [detail("3", "0.01")], amount=Decimal("5.00"))])

    assert rows(made)[1]["ChargeDescription"] == "marketing: not in its details"


def test_a_share_of_a_fee_is_one_share_at_its_price() -> None:
    half = fee("49", share="26.870967741935", note="17 of 31 days")
    cell, _ = rows(document([line("platform", [half], kind="fixed_fee")]))

    assert (cell["ChargeCategory"], cell["ChargeFrequency"]) == ("Purchase", "Recurring")
    assert (cell["PricingQuantity"], cell["PricingUnit"]) == (Decimal(1), "Shares of a month")
    assert cell["ListUnitPrice"] == Decimal("26.870967741935")


def test_packages_and_flat_amounts_are_priced_in_their_own_unit() -> None:
    packages = detail("250", "5", priced_quantity=Decimal(3), amount=Decimal(15))
    flat = detail("0", "20", priced_quantity=Decimal(1), amount=Decimal(20))
    first, second = rows(document([line("x", [packages, flat])]))

    assert (first["ConsumedQuantity"], first["PricingQuantity"]) == (Decimal(250), Decimal(3))
    assert (first["PricingUnit"], second["PricingUnit"]) == ("Packages", "Flat amounts")
    assert (first["ConsumedUnit"], second["ConsumedUnit"]) == ("Messages", "Messages")


def test_taxes_and_prepaid_credits_are_rows() -> None:
    found = {
        (row["ChargeCategory"], row["ChargeDescription"]): row["BilledCost"]
        for row in rows(MADE["credits used"])
        if row["ChargeCategory"] in ("Tax", "Credit")
    }

    (tax,) = MADE["credits used"].taxes or ()
    assert found == {
        ("Tax", f"VAT on {tax.taxable} EUR"): tax.tax,
        ("Credit", "Prepaid credit PRE-2026-01"): Decimal(-100),
        ("Credit", "Prepaid credit GOODWILL"): Decimal("-12.34"),
    }


def test_a_change_of_an_invoiced_month_is_a_correction_of_that_month() -> None:
    found = [row for row in rows(MADE["many kinds"]) if row["ChargeClass"] == "Correction"]

    months = {(row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in found}
    july, august, september = (
        datetime(2026, month, day, 22, tzinfo=UTC) for month, day in ((7, 31), (8, 31), (9, 30))
    )
    assert months == {(july, august), (august, september)}
    assert {row["BillingPeriodStart"] for row in found} == {september}


def test_a_credit_note_is_a_correction_in_the_negative() -> None:
    found = rows(MADE["credit note"])

    assert [row["BilledCost"] for row in found] == [Decimal("-11.31"), Decimal("-2.15")]
    assert {row["ChargeClass"] for row in found} == {"Correction"}


def test_usage_of_a_credit_note_has_a_negative_quantity_at_its_price() -> None:
    made = document([line("marketing", [detail("100", "0.1131")])], kind="credit_note")
    (row,) = rows(made)

    assert (row["PricingQuantity"], row["ListUnitPrice"]) == (Decimal(-100), Decimal("0.1131"))
    assert row["ListCost"] == Decimal("-11.31")


def test_an_amount_that_is_credited_has_a_price_that_is_not_negative() -> None:
    turned = detail(
        "0", "-5", priced_quantity=Decimal(-1), amount=Decimal(5), note="credited", meter=None
    )
    credited = line("marketing", [turned], is_correction=True)
    (row,) = rows(document([credited], kind="credit_note", reason="an outage"))

    assert (row["PricingQuantity"], row["ListUnitPrice"]) == (Decimal(-1), Decimal(5))
    assert (row["BilledCost"], row["ChargeClass"]) == (Decimal(-5), "Correction")


def test_what_has_no_price_is_left_out_and_counted() -> None:
    made = MADE["draft"]

    assert [row["x_Market"] for row in rows(made)] == ["Germany", None]
    assert unpriced_cells([made]) == 1


def test_what_nobody_has_to_pay_is_left_out() -> None:
    states = [document([line("x", [fee("1")])], state=state) for state in ("void", "carried")]

    assert focus(*states).is_empty()


def test_a_document_that_does_not_add_up_is_refused() -> None:
    made = MADE["taxed"].model_copy(update={"due": Decimal("1.00")})

    with pytest.raises(SumsDisagreeError, match=r"and due is 1\.00"):
        focus(made)


def test_a_line_of_another_account_names_it_below_the_one_that_pays() -> None:
    child = line("x", [fee("1")], account_id="acct-2", cost_centre="north", tax=VAT)
    row, tax = rows(document([child]))

    assert (row["BillingAccountId"], row["SubAccountId"]) == ("acct-1", "acct-2")
    assert row["x_CostCentre"] == "north"
    assert tax["SubAccountId"] is None


def test_the_sender_that_a_cost_is_of_is_its_resource() -> None:
    sent = [detail("1", "0.10", sender_id="106"), detail("1", "0.10")]
    known, unknown = rows(document([line("x", sent)]))

    assert (known["ResourceId"], known["ResourceType"]) == ("106", "Sender")
    assert (unknown["ResourceId"], unknown["ResourceType"]) == (None, None)


def test_the_file_has_decimals_and_the_same_bytes_each_time() -> None:
    contents = []
    for _ in range(2):
        target = BytesIO()
        focus(*MADE.values()).write_parquet(target)
        contents.append(target.getvalue())
    schema = pq.read_schema(BytesIO(contents[0]))

    assert contents[0] == contents[1]
    assert schema.names == FOCUS.names()
    assert str(schema.field("BilledCost").type) == "decimal128(38, 18)"
    assert str(schema.field("PricingQuantity").type) == "decimal128(38, 6)"
    assert str(schema.field("ChargePeriodStart").type) == "timestamp[us, tz=UTC]"


def test_the_price_of_a_day_is_told_apart_from_that_of_another() -> None:
    cells = [detail("1", "0.1", rate_date=date(2026, 10, day)) for day in (1, 16)]

    assert len({row["SkuPriceId"] for row in rows(document([line("x", cells)]))}) == 2
