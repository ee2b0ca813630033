"""Documents of all sorts, the same ones every time, each with what should become of it.

A document is consistent as those of the engine are: each line is rounded once, and a tax is that
of the sum of its treatment, name and rate. Its traits are chosen by its number, so that all pairs
of taxes and currencies occur; what is in its lines is drawn at random from a fixed seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from pricing.document import (
    Buyer,
    CreditUsed,
    Detail,
    Document,
    Line,
    LineTax,
    Reference,
    Seller,
)
from pricing.money import MINOR_DECIMALS, exact_of
from tests.documents.made import BUYER, MARKETS, SELLER, detail, document, fee, line, styled

CURRENCIES = ("EUR", "JPY", "USD", "KWD", "SEK", "KRW", "INR", "TND", "EUR", "CLP", "GBP")
_VAT = "VAT"
# The taxes that the lines of a document have, in turn.
TAXES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "standard": (("standard", _VAT, "0.19"),),
    "two rates": (("standard", _VAT, "0.25"), ("reduced", _VAT, "0.055")),
    "zero": (("zero", _VAT, "0"),),
    "reverse charge": (("reverse_charge", _VAT, "0"),),
    "exempt": (("exempt", _VAT, "0"),),
    "exempt in part": (("standard", _VAT, "0.2"), ("exempt", _VAT, "0"), ("zero", _VAT, "0")),
    "outside": (("outside_scope", _VAT, "0"),),
    "outside in part": (("outside_scope", _VAT, "0"), ("standard", _VAT, "0.19")),
    "none": (),
    "reverse charge in part": (("standard", _VAT, "0.077"), ("reverse_charge", _VAT, "0")),
}
SELLERS = (
    SELLER.model_copy(
        update={
            "registration_number": "HRB 123456",
            "electronic_address": "DE136695976",
            "electronic_address_scheme": "9930",
        }
    ),
    Seller(
        name="Sagar Messaging Private Limited",
        address_lines=("12 MG Road", "Floor 3", "Wing B", "Ashok Nagar"),
        postal_code="560001",
        city="Bengaluru",
        country="IN",
        vat_id="29AAGCB7383J1Z4",  # a GSTIN: the number of a tax that is not VAT
        iban="50100012345678",
        bic="HDFC INBB",
        electronic_address="5790000435968",
        electronic_address_scheme="0088",
    ),
    Seller(
        name="Nordlys Beskeder ApS",
        address_lines=("Vesterbrogade 1",),
        postal_code="1620",
        city="København V",
        country="DK",
        vat_id="DK13585628",
        registration_number="13585628",
        phone="+45 33 12 34 56",
        electronic_address="DK13585628",
        electronic_address_scheme="0184",
    ),
)
BUYERS = (
    BUYER.model_copy(
        update={"electronic_address": "DE811193231", "electronic_address_scheme": "9930"}
    ),
    Buyer(
        name="Société d'Achats & Fils <SARL>",
        address_lines=("12 rue de la Paix",),
        city="Paris",
        country="FR",
        vat_id="FR 40 303 265 045",
        purchase_order="PO-4711",
        electronic_address="30326504500010",
        electronic_address_scheme="0009",
    ),
    Buyer(
        name="شركة النخيل\u200f للخدمات\x0b اللوجستية",
        address_lines=("شارع الشيخ زايد 12",),
        city="دبي",
        country="AE",
        vat_id="100000000000003",
        buyer_reference="unit 12",
        electronic_address="7300010000001",
        electronic_address_scheme="0088",
    ),
)

NOT_FOR_PEPPOL: tuple[dict[str, str], ...] = (
    {"electronic_address": "", "electronic_address_scheme": ""},
    {"buyer_reference": "", "purchase_order": ""},
)


@dataclass(frozen=True)
class Case:
    """A document, and the words in the reasons why each profile refuses it; none: it is valid."""

    name: str
    document: Document
    facturx: tuple[str, ...]
    peppol: tuple[str, ...]


def cases(count: int) -> Iterator[Case]:
    """Make so many documents; a longer list begins with the shorter one."""
    for number in range(count):
        yield _case(number)


def _case(number: int) -> Case:
    rng = Random(number)
    currency = CURRENCIES[number % len(CURRENCIES)]
    taxes = [*TAXES][number % len(TAXES)]
    seller = rng.choice((SELLERS[0], SELLERS[0], *SELLERS))
    buyer = rng.choice((BUYERS[0], *BUYERS))
    if number % 9 == 4:
        buyer = buyer.model_copy(update=rng.choice(NOT_FOR_PEPPOL))
    is_credit_note = number % 7 == 3
    lines = _lines(rng, currency, taxes, in_credit_note=is_credit_note)
    made = document(lines, seller=seller, buyer=buyer, currency=currency, payment_terms_days=30)
    if made.total < 0:
        made = document([_adjustment("minimum", -made.total * 2, lines[0]), *lines]).model_copy(
            update={"seller": seller, "buyer": buyer}
        )
    made = _styled(rng, _as_credit_note(rng, made) if is_credit_note else _with_credits(rng, made))
    reasons = tuple(_reasons(made, taxes))
    return Case(
        f"{number}: {made.kind}, {taxes}, {currency}, {seller.country} to {buyer.country}",
        made,
        reasons,
        (*reasons, *_reasons_of_peppol(made)),
    )


def _styled(rng: Random, made: Document) -> Document:
    return styled(made, lines=rng.choice(("by_charge", "by_price")))


def _as_credit_note(rng: Random, made: Document) -> Document:
    names = [f"INV-2026-{rng.randrange(1, 99999):05}" for _ in range(rng.randrange(3))]
    return made.model_copy(
        update={
            "kind": "credit_note",
            "number": f"CN-2026-{rng.randrange(1, 99999):05}",
            "due_date": None,
            "corrects": tuple(Reference(number=n, issue_date=date(2026, 9, 3)) for n in names),
            "reason": rng.choice((None, "Sent twice\nby our gateway")),
        }
    )


def _with_credits(rng: Random, made: Document) -> Document:
    if made.total <= 0 or rng.randrange(3):
        return made
    unit = exact_of(1, made.currency)
    whole = rng.choice((made.total, max(unit, (made.total / 3).quantize(unit))))
    part = (whole / 2).quantize(unit)
    used = tuple(
        CreditUsed(credit_id=f"PRE-{index}", amount=amount)
        for index, amount in enumerate((part, whole - part))
        if amount
    )
    return made.model_copy(update={"credits": used, "due": made.total - whole})


def _lines(rng: Random, currency: str, taxes: str, *, in_credit_note: bool) -> list[Line]:
    given = TAXES[taxes]
    makers = [_usage, _usage, _usage, _fee, _add_on, _discount, _correction, _child]
    chosen = [_usage, *(rng.choice(makers) for _ in range(rng.randrange(6)))]
    if in_credit_note:
        chosen = [_usage, *(rng.choice((_usage, _fee)) for _ in range(rng.randrange(3)))]
    lines = []
    for index, make in enumerate([*chosen, *[_usage] * (len(given) - len(chosen))]):
        treatment, name, rate = given[index % len(given)] if given else ("", "", "0")
        tax = LineTax(treatment=treatment, name=name, rate_ratio=Decimal(rate)) if given else None
        lines.append(make(rng, index, {"currency": currency, "tax": tax}))
    return lines


def _cells(rng: Random, currency: str) -> list[Detail]:
    size = 1000 if MINOR_DECIMALS[currency] == 0 else 1
    made = []
    for market in rng.sample(MARKETS, rng.randrange(1, 5)):
        quantity = rng.choice((str(rng.randrange(100_000)), f"{rng.randrange(10**9)}e-6"))
        price = Decimal(rng.randrange(10 ** rng.randrange(1, 6))).scaleb(-rng.randrange(2, 8))
        price = rng.choice((price * size, price * size, Decimal(0)))
        tier = rng.choice((None, 0, 1))
        made.append(detail(quantity, str(price), market, tier=tier))
    return made


def _usage(rng: Random, index: int, given: dict[str, Any]) -> Line:
    charge = rng.choice(("marketing", "=SUM(A1)", 'calls & "clicks"', "long " * 40))
    return line(f"{charge} {index}", _cells(rng, given["currency"]), **given)


def _child(rng: Random, index: int, given: dict[str, Any]) -> Line:
    changes = {"account_id": "acct-7", "cost_centre": "CC 12"}
    return _usage(rng, index, given).model_copy(update=changes)


def _fee(rng: Random, index: int, given: dict[str, Any]) -> Line:
    share = rng.choice((None, "26.870967741935"))
    return line(f"platform {index}", [fee("49", share=share)], kind="fixed_fee", **given)


def _add_on(rng: Random, index: int, given: dict[str, Any]) -> Line:
    cells = [detail(str(rng.randrange(1, 9)), "5", None, category=None, meter=None)]
    return line(f"linked devices {index}", cells, kind="add_on", **given)


def _discount(rng: Random, index: int, given: dict[str, Any]) -> Line:
    amount = exact_of(-rng.randrange(1, 5000), given["currency"])
    kind = rng.choice(("discount", "maximum"))
    return line(f"discount {index}", amount=amount, kind=kind, **given)


def _correction(rng: Random, index: int, given: dict[str, Any]) -> Line:
    """What a month costs now, less what was invoiced: each of the two rounded, as both were."""
    months = {"period": f"2026-{rng.randrange(5, 10):02}", "is_correction": True}
    now, then = (line("then", _cells(rng, given["currency"]), **given) for _ in range(2))
    turned = [
        cell.model_copy(
            update={
                name: -value
                for name in ("quantity", "priced_quantity", "amount")
                if (value := getattr(cell, name)) is not None
            }
        )
        for cell in then.details
    ]
    both = line(f"marketing {index}", [*now.details, *turned], **given, **months)
    return both.model_copy(update={"amount": now.amount - then.amount})


def _adjustment(charge: str, amount: Decimal, beside: Line) -> Line:
    given: dict[str, Any] = {"currency": beside.currency, "tax": beside.tax}
    return line(charge, amount=amount, kind="minimum", **given)


def _reasons(made: Document, taxes: str) -> Iterator[str]:
    decimals = MINOR_DECIMALS[made.currency]
    if decimals > 2:
        yield f"has {decimals} decimals"
    if taxes == "none":
        yield "how the lines are taxed is not known"
    if taxes == "outside in part":
        yield "outside the scope of tax stand beside others"
    if "reverse charge" in taxes and made.buyer.country == "AE":
        yield "no VAT id"


def _reasons_of_peppol(made: Document) -> Iterator[str]:
    if not made.buyer.electronic_address:
        yield "has no electronic address"
    if not (made.buyer.buyer_reference or made.buyer.purchase_order):
        yield "a reference of the buyer or a purchase order"
