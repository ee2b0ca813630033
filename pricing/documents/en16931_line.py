"""The lines of EN 16931 (BG-25): quantity times price, rounded, is what a line adds."""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from metering.period import Month
from pricing.document import Document, Line
from pricing.documents.en16931_codes import PIECE, Profile, plain, text
from pricing.documents.en16931_tax import line_tax_terms, money
from pricing.documents.shown_line import DIGITS, ShownLine, shown_lines
from pricing.money import exact_of, minor_of

CENT_HALF = Decimal("0.005")
ROUNDING = "Share of the rounding of the whole charge"


@dataclass(frozen=True)
class Priced:
    """A line as EN 16931 counts: `quantity` x `price`, rounded, + `rounding` = its net amount.

    A price is never negative (BR-27); what lowers a total has a negative quantity.
    """

    quantity: Decimal
    price: Decimal
    rounding: Decimal = Decimal(0)  # one minor unit at the most, up or down


def priced(shown: ShownLine) -> Priced:
    """Write the amount of a shown line as a product.

    A line without a price of its own is one piece at its amount. So is a line whose price does not
    make its amount, except where only the share of a rounding is between them. Peppol multiplies
    to the cent also where a currency has none, so that yen seldom are a product.
    """
    currency = shown.line.currency
    if shown.unit_price is not None:
        with localcontext(prec=DIGITS):
            exact = shown.quantity * shown.unit_price
            product = exact_of(minor_of(exact, currency), currency)
            rounding = shown.amount - product
        is_to_the_cent = abs(exact - product) <= CENT_HALF
        if is_to_the_cent and abs(rounding) <= exact_of(1, currency):
            sign = -1 if shown.unit_price < 0 else 1
            return Priced(sign * shown.quantity, abs(shown.unit_price), rounding)
    return Priced(Decimal(-1 if shown.amount < 0 else 1), abs(shown.amount))


def line_terms(document: Document, profile: Profile) -> list[dict[str, Any]]:
    """Write BG-25: each line that the document shows, by its style."""
    shown = shown_lines(document)
    return [_terms(number, line, document, profile) for number, line in enumerate(shown, start=1)]


def _terms(number: int, shown: ShownLine, document: Document, profile: Profile) -> dict[str, Any]:
    line, currency = shown.line, document.currency
    product = priced(shown)
    is_amount = product.price == abs(shown.amount)  # written as one, with the zeros of its cents
    assert line.tax is not None, "a line without a tax is refused before"
    terms: dict[str, Any] = {
        "BT-126": str(number),
        "BT-129": plain(product.quantity),
        "BT-130": PIECE,
        "BT-131": money(shown.amount, currency),
        **_period_terms(line, document, profile),
        "BT-133": text(line.cost_centre),
        "BT-146": money(product.price, currency) if is_amount else plain(product.price),
        **line_tax_terms(line.tax),
        "BT-153": _name(shown),
        "BT-154": _description(line),
        "BT-155": text(line.line_id.partition("#")[2]),
        "BG-32": _attributes(shown, product, document),
        **_rounding_terms(product.rounding, currency),
    }
    return {name: value for name, value in terms.items() if value}


def _rounding_terms(rounding: Decimal, currency: str) -> dict[str, Any]:
    if not rounding:
        return {}
    group = "BG-28" if rounding > 0 else "BG-27"
    return {group: [{"amount": money(abs(rounding), currency), "reason": ROUNDING}]}


def _period_terms(line: Line, document: Document, profile: Profile) -> dict[str, Any]:
    """Write BT-134 and BT-135; Peppol has no place for a period outside that of the document."""
    month = Month.parse(line.period)
    first, last = month.first_day, month.last_day
    is_within = document.period_first_day <= first and last <= document.period_last_day
    return {"BT-134": first, "BT-135": last} if is_within or profile == "facturx" else {}


def _account(line: Line) -> str:
    name = text(line.account_name)
    return f"{name} ({text(line.account_id)})" if name else text(line.account_id)


def _name(shown: ShownLine) -> str:
    words = (text(shown.charge), text(shown.market or ""), text(shown.sender_id or ""))
    return ", ".join(word for word in words if word)


def _description(line: Line) -> str:
    plan = f"Plan {text(line.plan)}" if text(line.plan) else ""
    correction = f"Correction of {line.period}" if line.is_correction else ""
    return ". ".join(words for words in (correction, plan) if words)


def _attributes(shown: ShownLine, product: Priced, document: Document) -> list[dict[str, str]]:
    line = shown.line
    is_counted = abs(product.quantity) == abs(shown.quantity) or not shown.quantity
    said = {
        "account": _account(line) if line.account_id != document.account_id else "",
        "quantity": "" if is_counted else plain(shown.quantity),
        "unit price": "" if is_counted or not shown.unit_price else plain(shown.unit_price),
        "market": text(shown.market or ""),
        "sender": text(shown.sender_id or ""),
        "tier": "" if shown.tier is None else str(shown.tier),
        "period": line.period if line.period != document.period else "",
    }
    return [{"BT-160": name, "BT-161": value} for name, value in said.items() if value]
