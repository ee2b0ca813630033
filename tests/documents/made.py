"""Documents made by hand, for the tests of every format.

`MADE` has one of each sort by its name; `document`, `line` and `detail` make others. Amounts are
added up here, so that what a test changes still adds up.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pricing.document import (
    SCHEMA,
    Buyer,
    CreditUsed,
    Day,
    Detail,
    Document,
    Line,
    LineTax,
    Reference,
    Seller,
    Style,
    TaxTotal,
)
from pricing.money import exact_of, minor_of, split_minor

SELLER = Seller(
    name="Parcel Cloud GmbH",
    address_lines=("Torstraße 100",),
    postal_code="10119",
    city="Berlin",
    country="DE",
    vat_id="DE136695976",
    email="billing@parcel.example",
    phone="+49 30 1234567",
    iban="DE89370400440532013000",
    bic="COBADEFFXXX",
    electronic_address="billing@parcel.example",
    electronic_address_scheme="EM",
)
BUYER = Buyer(
    name="Juniper Logistics GmbH",
    address_lines=("Speicherstraße 7", "3. Etage"),
    postal_code="20457",
    city="Hamburg",
    country="DE",
    vat_id="DE811193231",
    email="ap@juniper.example",
    electronic_address="ap@juniper.example",
    electronic_address_scheme="EM",
    buyer_reference="BR-2026-77",
    purchase_order="PO-4711",
)
VAT = LineTax(treatment="standard", name="VAT", rate_ratio=Decimal("0.19"))
REVERSE = LineTax(treatment="reverse_charge", name="VAT", rate_ratio=Decimal(0))
OUTSIDE = LineTax(treatment="outside_scope", name="VAT", rate_ratio=Decimal(0))
REDUCED = LineTax(treatment="reduced", name="VAT", rate_ratio=Decimal("0.07"))
NOTES = {
    "reverse_charge": "Reverse charge: the recipient owes the tax (Article 196 of 2006/112/EC)",
    "outside_scope": "Not subject to VAT: supplied outside the European Union",
    "exempt": "Exempt under Article 135 of 2006/112/EC",
}


def detail(
    quantity: str,
    unit_price: str | None,
    market: str | None = "Germany",
    *,
    category: str | None = "marketing",
    **changes: Any,
) -> Detail:
    """Make a price cell: `quantity` times `unit_price`, exact."""
    price = None if unit_price is None else Decimal(unit_price)
    is_free = price == 0
    cell: dict[str, Any] = {
        "meter": "deliveries",
        "market": market,
        "category": category,
        "pricing_type": "free_customer_service" if is_free else "regular",
        "tier": None,
        "quantity": Decimal(quantity),
        "priced_quantity": Decimal(quantity),
        "unit_price": price,
        "amount": None if price is None else Decimal(quantity) * price,
        "rate_date": date(2026, 10, 1),
        "evidence": None if is_free else "two sources",
        "status": "unknown" if price is None else "free" if is_free else "billed",
        "note": None,
    }
    return Detail(**{**cell, **changes})


def fee(price: str, *, share: str | None = None, note: str | None = None) -> Detail:
    """Make the one detail of a fixed fee, or of a share of one, which is no product."""
    made = detail("1", price, None, category=None, meter=None, pricing_type=None, evidence=None)
    amount = made.amount if share is None else Decimal(share)
    return made.model_copy(update={"amount": amount, "note": note, "status": "billed"})


def line(charge: str, details: Iterable[Detail] = (), **changes: Any) -> Line:
    """Make a line: its quantity and amount are those of its details, rounded once."""
    cells = tuple(details)
    currency = changes.get("currency", "EUR")
    exact = sum((cell.amount or Decimal(0) for cell in cells), Decimal(0))
    made: dict[str, Any] = {
        "line_id": f"acct-1/2026-10/1#{charge.replace(' ', '-')}",
        "account_id": "acct-1",
        "charge": charge,
        "plan": "growth",
        "kind": "usage",
        "period": "2026-10",
        "is_correction": False,
        "quantity": sum((cell.quantity for cell in cells), Decimal(0)),
        "amount": exact_of(minor_of(exact, currency), currency),
        "currency": currency,
        "tax": None,
        "details": cells,
    }
    return Line(**{**made, **changes})


def document(lines: Iterable[Line], **changes: Any) -> Document:
    """Make an issued invoice of some lines: net, taxes, total and due follow from them."""
    listed = tuple(lines)
    currency = changes.get("currency", listed[0].currency if listed else "EUR")
    net = sum((made.amount for made in listed), exact_of(0, currency))
    taxes = tax_totals(listed, currency)
    total = net + sum((tax.tax for tax in taxes or ()), Decimal(0))
    used: tuple[CreditUsed, ...] = changes.get("credits", ())
    made: dict[str, Any] = {
        **_identity(),
        "corrects": (),
        "reason": None,
        "seller": SELLER,
        "buyer": BUYER,
        "style": Style(),
        "currency": currency,
        "net": net,
        "taxes": taxes,
        "total": total,
        "credits": used,
        "due": total - sum((credit.amount for credit in used), Decimal(0)),
        "lines": listed,
        "days": days_of(listed),
        "coverage": {},
        "blocked": (),
    }
    return Document(**{**made, **changes})


def styled(made: Document, **style: Any) -> Document:
    """Show a document in another way: its language, lines, color or logo."""
    return made.model_copy(update={"style": made.style.model_copy(update=style)})


def days_of(lines: Iterable[Line]) -> tuple[Day, ...]:
    """Spread the deliveries of lines over the days of October: fewer at weekends."""
    cells = [cell for made in lines if not made.is_correction for cell in made.details]
    delivered = sum(int(cell.quantity) for cell in cells if cell.meter)
    weights = [Decimal(20 + day * 7 % 53 * (day % 7 not in (3, 4))) for day in range(1, 32)]
    shares = split_minor(delivered, weights)
    return tuple(
        Day(day=date(2026, 10, number), quantity=share) for number, share in enumerate(shares, 1)
    )


def tax_totals(lines: Iterable[Line], currency: str) -> tuple[TaxTotal, ...] | None:
    """Add up the taxes of lines, on the sum of each treatment, name and rate."""
    taxed: dict[LineTax, Decimal] = {}
    for made in lines:
        if made.tax is not None:
            taxed[made.tax] = taxed.get(made.tax, Decimal(0)) + made.amount
    if not taxed:
        return None
    return tuple(
        TaxTotal(
            treatment=tax.treatment,
            name=tax.name,
            rate_ratio=tax.rate_ratio,
            taxable=taxable,
            tax=exact_of(minor_of(taxable * tax.rate_ratio, currency), currency),
            legal_note=NOTES.get(tax.treatment),
        )
        for tax, taxable in taxed.items()
    )


def _identity() -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "invoice_id": "acct-1/2026-10/1",
        "account_id": "acct-1",
        "name": "Juniper Logistics",
        "purpose": "customer",
        "period": "2026-10",
        "period_start_at": datetime(2026, 9, 30, 22, tzinfo=UTC),
        "period_end_at": datetime(2026, 10, 31, 23, tzinfo=UTC),
        "period_first_day": date(2026, 10, 1),
        "period_last_day": date(2026, 10, 31),
        "kind": "invoice",
        "state": "issued",
        "number": "INV-2026-00042",
        "issue_date": date(2026, 11, 3),
        "due_date": date(2026, 12, 3),
        "payment_terms_days": 30,
    }


MARKETS = (
    *("Argentina", "Brazil", "Chile", "Colombia", "Egypt", "France", "Germany", "India"),
    *("Indonesia", "Israel", "Italy", "Malaysia", "Mexico", "Netherlands", "Nigeria"),
    *("North America", "Pakistan", "Peru", "Rest of Africa", "Rest of Asia Pacific"),
    *("Rest of Central & Eastern Europe", "Rest of Latin America", "Rest of Middle East"),
    *("Rest of Western Europe", "Russia", "Saudi Arabia", "South Africa", "Spain", "Turkey"),
    *("United Arab Emirates", "United Kingdom"),
)


def _usage(tax: LineTax | None = None, currency: str = "EUR") -> list[Line]:
    """Two markets, a free stretch, two tiers, a prorated fee: what a small account has."""
    marketing = [
        detail("1204", "0.1131"),
        detail("310", "0.0592", "Spain"),
        detail("52", "0.0592", "Spain", category="marketing_lite"),
    ]
    support = [
        detail("1000", "0", category="service", note="free: allowance"),
        detail("9000", "0.012", category="service", tier=1, note="up to 10000"),
        detail("433", "0.009", category="service", tier=2, note="over 10000"),
    ]
    half = fee("49", share="26.870967741935", note="17 of 31 days")
    shared: dict[str, Any] = {"tax": tax, "currency": currency}
    return [
        line("marketing", marketing, **shared),
        line("support messages", support, **shared),
        line("platform", [half], kind="fixed_fee", **shared),
    ]


def _many_lines() -> Document:
    """A large account: 31 markets in four categories, by the price of each."""
    lines = []
    for step, category in enumerate(("marketing", "utility", "authentication", "service")):
        cells = [
            detail(
                str((index * 7919 + step * 104729) % 9973 + 1),
                f"0.{(index * 31 + step * 17) % 900 + 37:04}",
                market,
                category=category,
                tier=1 if category == "utility" else None,
            )
            for index, market in enumerate(MARKETS)
        ]
        lines.append(line(category, cells, tax=VAT))
    return styled(document(lines), lines="by_price")


def _correction(period: str, now: str, then: str) -> Line:
    """What a closed month costs now, less what was invoiced for it."""
    before = detail(then, "0.1131")
    turned = {name: -getattr(before, name) for name in ("quantity", "priced_quantity", "amount")}
    cells = [detail(now, "0.1131"), before.model_copy(update=turned)]
    return line(
        "marketing",
        cells,
        line_id=f"acct-1/2026-10/1#marketing.{period}",
        period=period,
        is_correction=True,
        tax=VAT,
    )


def _many_kinds() -> Document:
    """Add-on, discounts, a minimum, corrections of two months, an amount carried over."""
    add_on = detail("3", "5", None, category=None, meter=None, pricing_type=None, evidence=None)
    lines = [
        *_usage(VAT),
        line("linked devices", [add_on], kind="add_on", tax=VAT),
        _adjustment("autumn discount", "discount", "-25.00"),
        _adjustment("minimum of the plan", "minimum", "12.50"),
        _adjustment("carried over from 2026-09", "carried", "3.17", period="2026-09"),
        _correction("2026-09", "1100", "1190"),
        _correction("2026-08", "950", "912"),
    ]
    return document(lines)


def _adjustment(charge: str, kind: str, amount: str, **changes: Any) -> Line:
    given = {"kind": kind, "amount": Decimal(amount), "tax": VAT, **changes}
    return line(charge, **given)


def _credit_note() -> Document:
    cells = [detail("100", "0.1131")]
    return document(
        [line("marketing", cells, kind="credit", tax=VAT)],
        kind="credit_note",
        number="CN-2026-00003",
        invoice_id="acct-1/2026-10/2",
        corrects=(Reference(number="INV-2026-00042", issue_date=date(2026, 11, 3)),),
        reason="100 messages were sent twice by our gateway",
        days=(),
    )


def _draft() -> Document:
    unknown = detail("12", None, "Rest of Africa", note="no rate of the card on this day")
    return document(
        [line("marketing", [detail("1204", "0.1131"), unknown])],
        state="draft",
        number=None,
        issue_date=None,
        due_date=None,
        blocked=({"reason": "unknown_price", "quantity": "12", "what": "have no known price"},),
    )


def _plain_in(currency: str, unit_price: str) -> Document:
    lines = [
        line("messages", [detail("1204", unit_price)], currency=currency),
        line("platform", [fee("5000" if currency == "JPY" else "49.125")], currency=currency),
    ]
    return document(lines, buyer=BUYER.model_copy(update={"country": "JP", "vat_id": ""}))


def _reverse_charge() -> Document:
    buyer = BUYER.model_copy(
        update={
            "name": "Société Générale de Livraison S.A.S.",
            "address_lines": ("12 rue de la Paix",),
            "postal_code": "75002",
            "city": "Paris",
            "country": "FR",
            "vat_id": "FR61954506077",
        }
    )
    return styled(document(_usage(REVERSE), buyer=buyer), language="fr")


def _long_names() -> Document:
    name = "Vereinigte Norddeutsche Paketzustellungs- und Logistikdienstleistungsgesellschaft mbH"
    buyer = BUYER.model_copy(
        update={
            "name": f"{name} & Co. Kommanditgesellschaft auf Aktien",
            "address_lines": (
                "Donaudampfschifffahrtsgesellschaftskapitänsstraße 1234567890",
                "Rechnungswesen, Kreditorenbuchhaltung, Haus B, Eingang Süd, 14. Obergeschoss",
            ),
            "purchase_order": "PO-2026-EMEA-LOGISTICS-SHARED-SERVICES-0000004711-REV-12",
            "buyer_reference": "991-33333TEST-33-COST-CENTRE-LOGISTICS-NORTHERN-EUROPE",
        }
    )
    charge = "notifications of parcels in transit to pick-up points and lockers, with return labels"
    cells = [detail("123456789", "0.000123456789", "Rest of Central & Eastern Europe")]
    lines = [line(charge, cells, tax=VAT), line("x" * 90, [fee("1")], tax=VAT)]
    return styled(document(lines, buyer=buyer), language="de", lines="by_price")


def _right_to_left() -> Document:
    buyer = BUYER.model_copy(
        update={
            "name": "شركة النخيل للخدمات اللوجستية",
            "address_lines": ("شارع الشيخ زايد 12",),
            "postal_code": "",
            "city": "دبي",
            "country": "AE",
            "vat_id": "",
        }
    )
    return styled(document(_usage(OUTSIDE), buyer=buyer), language="ar")


MADE: Mapping[str, Document] = {
    "plain": document(_usage()),
    "taxed": document(_usage(VAT)),
    "two rates": document([*_usage(VAT), line("book", [fee("10")], tax=REDUCED)]),
    "by price": styled(document(_usage(VAT)), lines="by_price", language="de"),
    "credit note": _credit_note(),
    "many kinds": _many_kinds(),
    "credits used": document(
        _usage(VAT),
        credits=(
            CreditUsed(credit_id="PRE-2026-01", amount=Decimal("100.00")),
            CreditUsed(credit_id="GOODWILL", amount=Decimal("12.34")),
        ),
    ),
    "many lines": _many_lines(),
    "draft": _draft(),
    "yen": _plain_in("JPY", "11.3"),
    "dinar": _plain_in("KWD", "0.0113"),
    "reverse charge": _reverse_charge(),
    "long names": _long_names(),
    "right to left": _right_to_left(),
    "nothing": document([], days=()),
}
