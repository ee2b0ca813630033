"""The amounts of an electronic invoice, read back from either syntax of EN 16931.

Nothing of how a document was written is used here, so that a mistake there cannot hide itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lxml import etree

ZERO = Decimal(0)
CREDIT_NOTE = "381"


@dataclass(frozen=True)
class Adjustment:
    """A charge, or an allowance with a negative amount."""

    amount: Decimal
    category: str | None = None
    rate: Decimal | None = None  # in percent; None where there is none


@dataclass(frozen=True)
class ReadLine:
    """A line: `net` should be `quantity` x `price` / `base_quantity` + its adjustments."""

    number: str
    quantity: Decimal
    price: Decimal
    base_quantity: Decimal
    adjustments: tuple[Adjustment, ...]
    net: Decimal
    category: str
    rate: Decimal | None


@dataclass(frozen=True)
class ReadGroup:
    """A group of the VAT breakdown."""

    category: str
    rate: Decimal | None
    taxable: Decimal
    tax: Decimal


@dataclass(frozen=True)
class Reading:
    """The amounts of a document, by the names of EN 16931; what is absent counts as zero."""

    number: str
    is_of_others: bool  # a credit note that names the documents it corrects
    currency: str
    currencies: frozenset[str]  # every one that stands beside an amount
    lines: tuple[ReadLine, ...]
    adjustments: tuple[Adjustment, ...]
    groups: tuple[ReadGroup, ...]
    totals: Mapping[str, Decimal]  # BT-106 to BT-115


@dataclass(frozen=True)
class _Syntax:
    """Where a syntax has the amounts: XPaths from the root, a line, a group, an adjustment."""

    number: str
    type_code: str
    preceding: str
    currency: str
    line: str
    line_parts: Mapping[str, str]
    group: str
    group_parts: Mapping[str, str]
    adjustment: str
    line_adjustment: str
    adjustment_parts: Mapping[str, str]
    total: str
    total_parts: Mapping[str, str]


_NAMESPACES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
_SETTLEMENT = "rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeSettlement"
_LINE_PRICE = "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice"
_LINE_SETTLEMENT = "ram:SpecifiedLineTradeSettlement"
_CII = _Syntax(
    number="rsm:ExchangedDocument/ram:ID",
    type_code="rsm:ExchangedDocument/ram:TypeCode",
    preceding=f"{_SETTLEMENT}/ram:InvoiceReferencedDocument",
    currency=f"{_SETTLEMENT}/ram:InvoiceCurrencyCode",
    line="rsm:SupplyChainTradeTransaction/ram:IncludedSupplyChainTradeLineItem",
    line_parts={
        "number": "ram:AssociatedDocumentLineDocument/ram:LineID",
        "quantity": "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity",
        "price": f"{_LINE_PRICE}/ram:ChargeAmount",
        "base_quantity": f"{_LINE_PRICE}/ram:BasisQuantity",
        "net": f"{_LINE_SETTLEMENT}/ram:SpecifiedTradeSettlementLineMonetarySummation"
        "/ram:LineTotalAmount",
        "category": f"{_LINE_SETTLEMENT}/ram:ApplicableTradeTax/ram:CategoryCode",
        "rate": f"{_LINE_SETTLEMENT}/ram:ApplicableTradeTax/ram:RateApplicablePercent",
    },
    group=f"{_SETTLEMENT}/ram:ApplicableTradeTax",
    group_parts={
        "category": "ram:CategoryCode",
        "rate": "ram:RateApplicablePercent",
        "taxable": "ram:BasisAmount",
        "tax": "ram:CalculatedAmount",
    },
    adjustment=f"{_SETTLEMENT}/ram:SpecifiedTradeAllowanceCharge",
    line_adjustment=f"{_LINE_SETTLEMENT}/ram:SpecifiedTradeAllowanceCharge",
    adjustment_parts={
        "is_charge": "ram:ChargeIndicator/udt:Indicator",
        "amount": "ram:ActualAmount",
        "category": "ram:CategoryTradeTax/ram:CategoryCode",
        "rate": "ram:CategoryTradeTax/ram:RateApplicablePercent",
    },
    total=f"{_SETTLEMENT}/ram:SpecifiedTradeSettlementHeaderMonetarySummation",
    total_parts={
        "BT-106": "ram:LineTotalAmount",
        "BT-107": "ram:AllowanceTotalAmount",
        "BT-108": "ram:ChargeTotalAmount",
        "BT-109": "ram:TaxBasisTotalAmount",
        "BT-110": "ram:TaxTotalAmount",
        "BT-112": "ram:GrandTotalAmount",
        "BT-113": "ram:TotalPrepaidAmount",
        "BT-114": "ram:RoundingAmount",
        "BT-115": "ram:DuePayableAmount",
    },
)
_UBL = _Syntax(
    number="cbc:ID",
    type_code="cbc:InvoiceTypeCode | cbc:CreditNoteTypeCode",
    preceding="cac:BillingReference",
    currency="cbc:DocumentCurrencyCode",
    line="cac:InvoiceLine | cac:CreditNoteLine",
    line_parts={
        "number": "cbc:ID",
        "quantity": "cbc:InvoicedQuantity | cbc:CreditedQuantity",
        "price": "cac:Price/cbc:PriceAmount",
        "base_quantity": "cac:Price/cbc:BaseQuantity",
        "net": "cbc:LineExtensionAmount",
        "category": "cac:Item/cac:ClassifiedTaxCategory/cbc:ID",
        "rate": "cac:Item/cac:ClassifiedTaxCategory/cbc:Percent",
    },
    group="cac:TaxTotal/cac:TaxSubtotal",
    group_parts={
        "category": "cac:TaxCategory/cbc:ID",
        "rate": "cac:TaxCategory/cbc:Percent",
        "taxable": "cbc:TaxableAmount",
        "tax": "cbc:TaxAmount",
    },
    adjustment="cac:AllowanceCharge",
    line_adjustment="cac:AllowanceCharge",
    adjustment_parts={
        "is_charge": "cbc:ChargeIndicator",
        "amount": "cbc:Amount",
        "category": "cac:TaxCategory/cbc:ID",
        "rate": "cac:TaxCategory/cbc:Percent",
    },
    total=".",
    total_parts={
        "BT-106": "cac:LegalMonetaryTotal/cbc:LineExtensionAmount",
        "BT-107": "cac:LegalMonetaryTotal/cbc:AllowanceTotalAmount",
        "BT-108": "cac:LegalMonetaryTotal/cbc:ChargeTotalAmount",
        "BT-109": "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount",
        "BT-110": "cac:TaxTotal/cbc:TaxAmount",
        "BT-112": "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount",
        "BT-113": "cac:LegalMonetaryTotal/cbc:PrepaidAmount",
        "BT-114": "cac:LegalMonetaryTotal/cbc:PayableRoundingAmount",
        "BT-115": "cac:LegalMonetaryTotal/cbc:PayableAmount",
    },
)


def read_amounts(root: Any) -> Reading:
    """Read the amounts of a parsed document; raises `ValueError` where a needed one is missing."""
    syntax = _CII if etree.QName(root).localname == "CrossIndustryInvoice" else _UBL
    (total,) = _all(root, syntax.total)
    return Reading(
        number=_text(root, syntax.number),
        is_of_others=_text(root, syntax.type_code) == CREDIT_NOTE
        and bool(_all(root, syntax.preceding)),
        currency=_text(root, syntax.currency),
        currencies=frozenset(root.xpath("//@currencyID")),
        lines=tuple(_line(node, syntax) for node in _all(root, syntax.line)),
        adjustments=tuple(_adjustments(root, syntax.adjustment, syntax)),
        groups=tuple(_group(node, syntax.group_parts) for node in _all(root, syntax.group)),
        totals={name: _number(total, path) or ZERO for name, path in syntax.total_parts.items()},
    )


def _line(node: Any, syntax: _Syntax) -> ReadLine:
    parts = syntax.line_parts
    base_quantity = _number(node, parts["base_quantity"])
    return ReadLine(
        number=_text(node, parts["number"]),
        quantity=_needed(node, parts["quantity"]),
        price=_needed(node, parts["price"]),
        base_quantity=Decimal(1) if base_quantity is None else base_quantity,
        adjustments=tuple(_adjustments(node, syntax.line_adjustment, syntax)),
        net=_needed(node, parts["net"]),
        category=_text(node, parts["category"]),
        rate=_number(node, parts["rate"]),
    )


def _group(node: Any, parts: Mapping[str, str]) -> ReadGroup:
    return ReadGroup(
        category=_text(node, parts["category"]),
        rate=_number(node, parts["rate"]),
        taxable=_needed(node, parts["taxable"]),
        tax=_needed(node, parts["tax"]),
    )


def _adjustments(node: Any, path: str, syntax: _Syntax) -> Iterator[Adjustment]:
    parts = syntax.adjustment_parts
    for found in _all(node, path):
        amount = _needed(found, parts["amount"])
        categories = _all(found, parts["category"])
        yield Adjustment(
            amount=amount if _text(found, parts["is_charge"]) == "true" else -amount,
            category=categories[0].text if categories else None,
            rate=_number(found, parts["rate"]),
        )


def _all(node: Any, path: str) -> list[Any]:
    found: list[Any] = node.xpath(path, namespaces=_NAMESPACES)
    return found


def _text(node: Any, path: str) -> str:
    found = _all(node, path)
    if len(found) != 1 or not found[0].text:
        raise ValueError(f"{path} is there {len(found)} times, and should be once")
    return str(found[0].text)


def _number(node: Any, path: str) -> Decimal | None:
    return Decimal(_text(node, path)) if _all(node, path) else None


def _needed(node: Any, path: str) -> Decimal:
    return Decimal(_text(node, path))
