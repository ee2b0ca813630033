"""Cost and usage of documents in the FOCUS format, version 1.2, with the names of 1.3 beside.

A row is a price cell of a line, with its exact cost. What rounding a line adds or takes away, taxes
and prepaid credits are rows of their own, so that `BilledCost` of an `InvoiceId` adds up to what is
due. See docs/exports.md for what each column means here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, localcontext
from typing import Any

import polars as pl

from metering.account import Accounts
from metering.errors import SumsDisagreeError
from metering.period import Month
from pricing.document import Detail, Document, Line
from pricing.documents.signed import NOT_OWED, signed
from pricing.money import exact_of
from pricing.plan import slug

AMOUNT = pl.Decimal(38, 18)
QUANTITY = pl.Decimal(38, 6)
INSTANT = pl.Datetime("us", "UTC")
FOCUS = pl.Schema(
    {
        "BilledCost": AMOUNT,
        "BillingAccountId": pl.String(),
        "BillingAccountName": pl.String(),
        "BillingAccountType": pl.String(),
        "BillingCurrency": pl.String(),
        "BillingPeriodEnd": INSTANT,
        "BillingPeriodStart": INSTANT,
        "ChargeCategory": pl.String(),
        "ChargeClass": pl.String(),
        "ChargeDescription": pl.String(),
        "ChargeFrequency": pl.String(),
        "ChargePeriodEnd": INSTANT,
        "ChargePeriodStart": INSTANT,
        "CommitmentDiscountStatus": pl.String(),  # always null, and rules of others look at it
        "ConsumedQuantity": QUANTITY,
        "ConsumedUnit": pl.String(),
        "ContractedCost": AMOUNT,
        "ContractedUnitPrice": AMOUNT,
        "EffectiveCost": AMOUNT,
        "HostProviderName": pl.String(),  # 1.3
        "InvoiceId": pl.String(),
        "InvoiceIssuerName": pl.String(),
        "ListCost": AMOUNT,
        "ListUnitPrice": AMOUNT,
        "PricingCategory": pl.String(),
        # There is one currency in a document, whatever its prices were exchanged from.
        "PricingCurrency": pl.String(),
        "PricingCurrencyContractedUnitPrice": AMOUNT,
        "PricingCurrencyEffectiveCost": AMOUNT,
        "PricingCurrencyListUnitPrice": AMOUNT,
        "PricingQuantity": QUANTITY,
        "PricingUnit": pl.String(),
        "ProviderName": pl.String(),
        "PublisherName": pl.String(),
        "ResourceId": pl.String(),
        "ResourceName": pl.String(),  # always null: a sender has no other name than its id
        "ResourceType": pl.String(),
        "ServiceCategory": pl.String(),
        "ServiceName": pl.String(),
        "ServiceProviderName": pl.String(),  # 1.3
        "ServiceSubcategory": pl.String(),
        "SkuId": pl.String(),
        "SkuMeter": pl.String(),
        "SkuPriceDetails": pl.String(),  # JSON
        "SkuPriceId": pl.String(),
        "SubAccountId": pl.String(),
        "SubAccountName": pl.String(),
        "SubAccountType": pl.String(),
        "x_CostCentre": pl.String(),
        "x_InvoiceState": pl.String(),
        "x_LineId": pl.String(),
        "x_Market": pl.String(),
        "x_Plan": pl.String(),
        "x_Purpose": pl.String(),
    }
)
CATEGORIES = {"usage": "Usage", "fixed_fee": "Purchase", "add_on": "Purchase"}
FREQUENCIES = {"Usage": "Usage-Based", "Purchase": "Recurring"}
UNIT = "Units"  # of a meter that is not known by now
# What is said of a cell where its unit price is for something else than its quantity.
PACKAGES, FLAT, SHARE = "Packages", "Flat amounts", "Shares of a month"

COSTS = (
    *("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"),
    "PricingCurrencyEffectiveCost",
)
PRICES = (
    *("ContractedUnitPrice", "ListUnitPrice"),
    *("PricingCurrencyContractedUnitPrice", "PricingCurrencyListUnitPrice"),
)

Row = dict[str, Any]


def focus_of(
    documents: Iterable[Document], accounts: Accounts, units: Mapping[str, str]
) -> pl.DataFrame:
    """Write cost and usage of documents: schema `FOCUS`, in the order of the documents.

    Void documents, and those whose total was carried over, are left out, and so is what has no
    known price: it stands on drafts alone, and its cost is not zero.

    Args:
        accounts: Whose months the lines of other periods are in.
        units: What each meter counts.

    Raises:
        SumsDisagreeError: a document does not add up to what it says is due.
    """
    rows = []
    for document in map(signed, documents):
        if document.state not in NOT_OWED:
            own = list(_rows_of(document, accounts, units))
            _check_sum(document, own)
            rows += [[row.get(name) for name in FOCUS] for row in own]
    return pl.DataFrame(rows, FOCUS, orient="row")


def unpriced_cells(documents: Iterable[Document]) -> int:
    """Count the price cells that have no known price, and are in no row."""
    cells = (cell for document in documents for line in document.lines for cell in line.details)
    return sum(1 for cell in cells if cell.amount is None)


def _rows_of(document: Document, accounts: Accounts, units: Mapping[str, str]) -> Iterator[Row]:
    head = _head(document)
    for line in document.lines:
        yield from _rows_of_line({**head, **_of_line(document, line, accounts)}, line, units)
    are_corrections = bool(document.lines) and all(map(_is_correction, document.lines))
    whole = {**head, "ChargeClass": "Correction" if are_corrections else None}
    for tax in document.taxes or ():
        if tax.tax:
            words = f"{tax.name or 'Tax'} on {tax.taxable:f} {document.currency}"
            yield _plain(whole, "Tax", words, tax.tax)
    for credit in document.credits:
        yield _plain(whole, "Credit", f"Prepaid credit {credit.credit_id}", -credit.amount)


def _head(document: Document) -> Row:
    period = (document.period_start_at, document.period_end_at)
    seller = document.seller.name
    return {
        "BillingAccountId": document.account_id,
        "BillingAccountName": document.name,
        "BillingAccountType": "Account",
        **dict.fromkeys(("BillingCurrency", "PricingCurrency"), document.currency),
        **dict(zip(("BillingPeriodStart", "BillingPeriodEnd"), period, strict=True)),
        **dict(zip(("ChargePeriodStart", "ChargePeriodEnd"), period, strict=True)),
        **dict.fromkeys(("HostProviderName", "ServiceProviderName"), seller),
        **dict.fromkeys(("ProviderName", "PublisherName", "InvoiceIssuerName"), seller),
        "InvoiceId": document.number or document.invoice_id,
        "ServiceCategory": "Mobile",
        "ServiceName": "Business messaging",
        "ServiceSubcategory": "Other (Mobile)",
        "x_InvoiceState": document.state,
        "x_Purpose": document.purpose,
    }


def _of_line(document: Document, line: Line, accounts: Accounts) -> Row:
    is_own = line.account_id == document.account_id
    start_at, end_at = document.period_start_at, document.period_end_at
    if line.period != document.period:
        start_at, end_at = accounts.month_bounds(line.account_id, Month.parse(line.period))
    return {
        "ChargeClass": "Correction" if _is_correction(line) else None,
        "ChargePeriodStart": start_at,
        "ChargePeriodEnd": end_at,
        "SubAccountId": line.account_id,
        "SubAccountName": line.account_name or (document.name if is_own else None),
        "SubAccountType": "Account",
        "x_CostCentre": line.cost_centre or None,
        "x_LineId": line.line_id,
        "x_Plan": line.plan or None,
    }


def _rows_of_line(head: Row, line: Line, units: Mapping[str, str]) -> Iterator[Row]:
    """Yield a row for each price cell, and one for what the line differs from their sum."""
    if line.kind not in CATEGORIES:
        yield _plain(head, "Adjustment", line.charge, line.amount)
        return
    cells = [detail for detail in line.details if detail.amount is not None]
    yield from (_priced(head, line, detail, units) for detail in cells)
    with localcontext(prec=60):
        rest = line.amount - sum((detail.amount or Decimal(0) for detail in cells), Decimal(0))
    if rest:
        is_rounding = abs(rest) <= exact_of(1, line.currency)
        words = "Rounding of {}" if is_rounding else "{}: not in its details"
        yield _plain(head, "Adjustment", words.format(line.charge), rest)


def _priced(head: Row, line: Line, detail: Detail, units: Mapping[str, str]) -> Row:
    category = CATEGORIES[line.kind]
    sku = f"{line.plan}/{slug(line.charge)}"
    counted = units.get(detail.meter or "", UNIT).capitalize()
    quantity, price, unit = _price(detail, counted)
    is_usage = category == "Usage"
    return {
        **head,
        **_costs(detail.amount),
        "ChargeCategory": category,
        "ChargeDescription": _description(line, detail),
        "ChargeFrequency": FREQUENCIES[category],
        "ConsumedQuantity": detail.quantity if is_usage else None,
        "ConsumedUnit": counted if is_usage else None,
        **dict.fromkeys(PRICES, price),
        "PricingCategory": "Standard",
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "ResourceId": detail.sender_id,
        "ResourceType": "Sender" if detail.sender_id else None,
        "SkuId": sku,
        "SkuMeter": detail.meter or line.kind.replace("_", " "),
        "SkuPriceDetails": _price_details(detail),
        "SkuPriceId": f"{sku}|{_cell(detail)}|{detail.rate_date}|{price:f}",
        "x_Market": detail.market,
    }


def _price(detail: Detail, counted: str) -> tuple[Decimal, Decimal, str]:
    """Say what the price of a cell is for: quantity x unit price is its amount, exactly.

    The amount of a fee that was shared by days is no such product: it is one share at that price.
    """
    quantity, price, amount = detail.priced_quantity, detail.unit_price, detail.amount
    assert amount is not None, "what has no price is left out"
    with localcontext(prec=60):
        if price is None or quantity * price != amount:
            return Decimal(-1 if amount < 0 else 1), abs(amount), SHARE
    if price < 0:  # of what is credited; a price of the format is never negative
        quantity, price = -quantity, -price
    if detail.priced_quantity == detail.quantity:
        return quantity, price, counted
    return quantity, price, PACKAGES if detail.quantity else FLAT


def _plain(head: Row, category: str, words: str, amount: Decimal) -> Row:
    """Write what is no price cell: it has a cost, and neither quantity nor price."""
    return {
        **head,
        **_costs(amount),
        "ChargeCategory": category,
        "ChargeDescription": words,
        "ChargeFrequency": "One-Time",
    }


def _costs(amount: Decimal | None) -> Row:
    """Nothing is taken off a price but by an adjustment: all costs of a row are the same."""
    return dict.fromkeys(COSTS, amount)


def _is_correction(line: Line) -> bool:
    return line.is_correction or line.kind == "credit"


def _description(line: Line, detail: Detail) -> str:
    tier = None if detail.tier is None else f"tier {detail.tier}"
    words = (line.charge, detail.market, detail.category, tier, detail.note)
    return ", ".join(word for word in words if word)


def _cell(detail: Detail) -> str:
    cell = (detail.market, detail.category, detail.pricing_type, detail.tier)
    return "|".join("" if value is None else str(value) for value in cell)


def _price_details(detail: Detail) -> str | None:
    known: Mapping[str, str | int | None] = {
        "x_Market": detail.market,
        "x_MessageCategory": detail.category,
        "x_PricingType": detail.pricing_type,
        "x_Tier": detail.tier,
        "x_RateDate": detail.rate_date.isoformat(),
        "x_Status": detail.status,
        "x_Evidence": detail.evidence,
    }
    said = {name: value for name, value in known.items() if value is not None}
    return json.dumps(said, ensure_ascii=False)


def _check_sum(document: Document, rows: Iterable[Row]) -> None:
    with localcontext(prec=60):
        billed = sum((row["BilledCost"] for row in rows), Decimal(0))
    if billed != document.due:
        raise SumsDisagreeError(
            f"the costs of '{document.invoice_id}' are {billed:f}, and due is {document.due:f}",
            where="BilledCost",
            hint="nothing was written; this is a defect of the engine: please report it",
        )
