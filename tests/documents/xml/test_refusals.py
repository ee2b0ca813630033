"""What EN 16931 cannot carry is refused with the reason, and for no other.

Where a reason names a rule in brackets, the document is written all the same here, and the official
rules must say so: a refusal that nobody else would have made is a mistake.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from pricing.document import Document, LineTax, TaxTotal
from pricing.documents import en16931
from pricing.documents.en16931 import to_xml
from pricing.documents.en16931_codes import Profile
from pricing.documents.en16931_refusal import NotCarriedError, reasons
from tests.documents.made import (
    MADE,
    OUTSIDE,
    REVERSE,
    VAT,
    document,
    fee,
    line,
)
from tests.documents.xml.generated import BUYERS, SELLERS
from tests.documents.xml.official import verdict

BOTH: tuple[Profile, ...] = ("facturx", "peppol")
EXEMPT = LineTax(treatment="exempt", name="VAT", rate_ratio=Decimal(0))


def taxed(*taxes: LineTax, **changes: Any) -> Document:
    """Make a document with a line of each tax, that nothing is wrong with otherwise."""
    lines = [line(f"fee {n}", [fee("49")], tax=tax) for n, tax in enumerate(taxes or (VAT,))]
    return document(lines, **{"seller": SELLERS[0], "buyer": BUYERS[0], **changes})


def of_seller(country: str = "DE", *taxes: LineTax, **facts: Any) -> Document:
    seller = SELLERS[0].model_copy(update={"country": country, **facts})
    return taxed(*taxes, seller=seller)


def of_buyer(*taxes: LineTax, **facts: Any) -> Document:
    return taxed(*taxes, buyer=BUYERS[0].model_copy(update=facts))


def with_totals(made: Document, **changes: Any) -> Document:
    assert made.taxes is not None
    totals = tuple(total.model_copy(update=changes) for total in made.taxes)
    return made.model_copy(update={"taxes": totals})


def two_names() -> Document:
    """Two taxes of one rate on half a cent each: together they are one cent more."""
    names = [VAT.model_copy(update={"name": name}) for name in ("VAT", "VAT on calls")]
    lines = [line(tax.name, [fee("0.50")], tax=tax) for tax in names]
    return document(lines, seller=SELLERS[0], buyer=BUYERS[0])


CREDIT_NOTE = MADE["credit note"].model_copy(update={"buyer": BUYERS[0], "corrects": ()})
DUTCH = of_seller("NL", vat_id="NL004495445B01", iban="", postal_code="")
DANISH = SELLERS[2].model_copy(update={"iban": "DK5000400440116243"})
AT_HOME = BUYERS[0].model_copy(update={"country": "DK", "vat_id": "29AAGCB7383J1Z4"})
REFUSED: Mapping[str, tuple[Document, tuple[Profile, ...], str]] = {
    "a draft": (MADE["draft"].model_copy(update={"taxes": ()}), BOTH, "a draft has neither"),
    "a void document": (taxed(state="void"), BOTH, "is void"),
    "dinars": (taxed(currency="KWD"), BOTH, "KWD has 3 decimals, and EN 16931 carries 2"),
    "a currency of the past": (taxed(currency="ANG"), BOTH, "not in the list of currencies"),
    "a new currency": (taxed(currency="XCG"), ("peppol",), "not in the list of currencies"),
    "nothing": (
        taxed().model_copy(update={"lines": ()}),
        BOTH,
        "an invoice without lines is none (BR-16)",
    ),
    "less than nothing": (taxed(total=Decimal(-1)), BOTH, "receivers refuse what is below"),
    "no taxes.csv": (taxed(taxes=None), BOTH, "how the lines are taxed is not known"),
    "outside and inside": (taxed(OUTSIDE, VAT), BOTH, "EN 16931 parts them (BR-O-11)"),
    "exempt for no reason": (
        with_totals(taxed(EXEMPT), legal_note=None),
        BOTH,
        "no reason is given (BR-E-10)",
    ),
    "two names of one tax": (two_names(), BOTH, "'VAT' and 'VAT on calls' are one tax of 19%"),
    "a seller without a name": (of_seller(name=" \n"), BOTH, "the seller has no name (BR-06)"),
    "a seller of no country": (of_seller(""), BOTH, "the seller has no country (BR-09)"),
    "a seller of Atlantis": (of_seller("QQ"), BOTH, "unknown (BR-CL-14)"),
    "a seller without an address": (
        of_seller(address_lines=(), city="", postal_code=""),
        BOTH,
        "the seller has no address, and the law wants one",
    ),
    "a seller without a number": (of_seller(vat_id=""), BOTH, "nor a tax number (BR-S-02)"),
    "a seller with nothing but a VAT id, outside": (
        of_seller("DE", OUTSIDE, registration_number=""),
        BOTH,
        "no other number (BR-CO-26)",
    ),
    "a buyer of no country": (of_buyer(country=""), BOTH, "the buyer has no country (BR-11)"),
    "reverse charge without a VAT id": (
        of_buyer(REVERSE, vat_id=""),
        BOTH,
        "the buyer has no VAT id (BR-AE-02)",
    ),
    "reverse charge on another number": (
        of_buyer(REVERSE, vat_id="100000000000003"),
        BOTH,
        "which is no VAT id (BR-AE-02)",
    ),
    "an address without a scheme": (
        of_buyer(electronic_address_scheme=""),
        BOTH,
        "the electronic address of the buyer has no scheme",
    ),
    "an unknown scheme": (
        of_buyer(electronic_address_scheme="9999"),
        BOTH,
        "has the scheme '9999'",
    ),
    "an e-mail in Peppol": (
        of_buyer(electronic_address="a@b.example", electronic_address_scheme="EM"),
        ("peppol",),
        "has the scheme 'EM', which peppol does not have",
    ),
    "a wrong number of a company": (
        of_buyer(electronic_address="5790000435969", electronic_address_scheme="0088"),
        ("peppol",),
        "no number of the scheme 0088",
    ),
    "a seller nobody can answer": (
        of_seller(electronic_address=""),
        ("peppol",),
        "the seller has no electronic address (PEPPOL-EN16931-R020)",
    ),
    "a buyer nobody can find": (
        of_buyer(electronic_address=""),
        ("peppol",),
        "the buyer has no electronic address (PEPPOL-EN16931-R010)",
    ),
    "no reference": (
        of_buyer(buyer_reference="", purchase_order=""),
        ("peppol",),
        "a purchase order (PEPPOL-EN16931-R003)",
    ),
    "Denmark": (of_seller("DK", registration_number=""), ("peppol",), "(DK-R-002)"),
    "kroner in Denmark": (
        taxed(seller=DANISH, buyer=AT_HOME, currency="DKK"),
        ("peppol",),
        "(DK-R-005)",
    ),
    "a number in Denmark": (taxed(seller=DANISH, buyer=AT_HOME), ("peppol",), "(DK-R-013)"),
    "Greece": (of_seller("GR", vat_id="EL094259216"), ("peppol",), "(GR-R-004-1)"),
    "Iceland": (of_seller("IS", registration_number=""), ("peppol",), "(IS-R-002)"),
    "Iceland alone": (
        taxed(
            seller=SELLERS[0].model_copy(update={"country": "IS", "vat_id": "IS12345"}),
            buyer=BUYERS[0].model_copy(update={"country": "IS"}),
        ),
        ("peppol",),
        "(IS-R-004)",
    ),
    "Icelandic street": (of_seller("IS", address_lines=()), ("peppol",), "(IS-R-003)"),
    "Italy": (of_seller("IT", vat_id="IT00743110157", tax_number="1"), ("peppol",), "(IT-R-001)"),
    "Italian street": (
        of_seller("IT", vat_id="IT00743110157", address_lines=()),
        ("peppol",),
        "(IT-R-002)",
    ),
    "the Netherlands": (DUTCH, ("peppol",), "(NL-R-002)"),
    "a Dutch buyer": (
        DUTCH.model_copy(update={"buyer": BUYERS[1].model_copy(update={"country": "NL"})}),
        ("peppol",),
        "(NL-R-004)",
    ),
    "a Dutch account": (DUTCH, ("peppol",), "(NL-R-007)"),
    "a Dutch credit note": (
        CREDIT_NOTE.model_copy(update={"seller": DUTCH.seller}),
        ("peppol",),
        "(NL-R-001)",
    ),
    "Norway": (of_seller("NO", vat_id="NO923609016"), ("peppol",), "(NO-R-001)"),
    "Sweden": (of_seller("SE", vat_id="SE5560360793"), ("peppol",), "(SE-R-001)"),
    "Swedish F tax": (
        of_seller("SE", vat_id="SE556036079301", tax_number="556036-0793"),
        ("peppol",),
        "(SE-R-005)",
    ),
    "a Swedish rate": (of_seller("SE", vat_id="SE556036079301"), ("peppol",), "(SE-R-006)"),
}


def said(made: Document, profile: Profile) -> list[str]:
    return [problem.what for problem in reasons(made, profile)]


@pytest.mark.parametrize("profile", BOTH)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_carried_is_refused_with_the_reason(name: str, profile: Profile) -> None:
    made, profiles, words = REFUSED[name]
    found = [what for what in said(made, profile) if words in what]

    assert len(found) == (profile in profiles), said(made, profile)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        (name, found[1])
        for name, (_, _, words) in REFUSED.items()
        if (found := re.search(r"\(([A-Z][\w-]*\d)\)", words))
    ],
)
def test_the_official_rules_refuse_it_too(
    name: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, profiles, _ = REFUSED[name]
    monkeypatch.setattr(en16931, "check_carried", lambda *_: None)
    # A party without its name cannot be written as CII, one without a country loses its address.
    by_profile = [p for p in profiles if (rule in ("BR-06", "BR-CL-14")) == (p == "peppol")]

    broken = [
        found
        for profile in by_profile or profiles
        for found in verdict(to_xml(made, profile), profile).broken
    ]

    assert any(found.startswith(f"{rule} ") for found in broken), broken


@pytest.mark.parametrize(
    ("country", "facts"),
    [
        ("DK", {"vat_id": "DK13585628", "registration_number": "13585628"}),
        ("IS", {"vat_id": "IS12345", "registration_number": "5501694079"}),
        ("IT", {"vat_id": "IT00743110157", "tax_number": "00743110157"}),
        ("NL", {"vat_id": "NL004495445B01", "registration_number": "12345678"}),
        ("NO", {"vat_id": "NO923609016MVA"}),
        ("SE", {"vat_id": "SE556036079301", "registration_number": "5560360793"}),
    ],
)
def test_sellers_of_countries_with_rules_of_their_own_can_use_peppol(
    country: str, facts: dict[str, str]
) -> None:
    quarter = VAT.model_copy(update={"rate_ratio": Decimal("0.25")})
    content = to_xml(of_seller(country, quarter, **facts), "peppol")

    assert [rule for rule in verdict(content, "peppol").broken if "NO-R-002" not in rule] == []


def test_all_reasons_are_said_at_once_with_what_to_do() -> None:
    made = taxed(buyer=BUYERS[0].model_copy(update={"country": ""}), currency="KWD")

    with pytest.raises(NotCarriedError) as caught:
        to_xml(made, "facturx")

    assert caught.value.exit_code == 3
    assert str(caught.value) == (
        "INV-2026-00042 currency\n"
        "  KWD has 3 decimals, and EN 16931 carries 2\n"
        "  Hint: invoice the account in another currency\n"
        "INV-2026-00042 buyer\n"
        "  the buyer has no country (BR-11)\n"
        "  Hint: fill in country of the account in accounts.csv with a code of ISO 3166-1, like DE"
    )


def test_two_names_of_a_tax_that_add_up_to_it_are_written_as_one() -> None:
    made = two_names()
    lines = tuple(each.model_copy(update={"amount": Decimal("50.00")}) for each in made.lines)
    made = document(lines, seller=SELLERS[0], buyer=BUYERS[0])
    assert made.taxes is not None
    assert [type(total) for total in made.taxes] == [TaxTotal, TaxTotal]

    content = to_xml(made, "peppol")

    assert content.count(b"<cac:TaxSubtotal>") == 1
    assert verdict(content, "peppol").broken == ()
