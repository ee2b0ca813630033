"""What a document says in XML, read as a person would: line by line, and the facts around them."""

import base64
import csv
import io
from decimal import Decimal

import pytest
from lxml import etree

from pricing.document import Document
from pricing.documents.details_csv import details_csv
from pricing.documents.en16931 import terms_of, to_xml
from pricing.documents.en16931_codes import Profile
from pricing.documents.en16931_details import ROWS_MAX
from pricing.documents.en16931_reading import read_amounts
from tests.documents.made import (
    BUYER,
    MADE,
    OUTSIDE,
    SELLER,
    VAT,
    detail,
    document,
    fee,
    line,
    styled,
)
from tests.documents.xml.generated import BUYERS, SELLERS

PARTIES = {"seller": SELLERS[0], "buyer": BUYERS[0]}


def shown(made: Document) -> str:
    """Write the lines as `quantity x price = net`, with name, tax, and what else is said."""
    rows = []
    for term in terms_of(made, "facturx")["BG-25"]:
        tax = " ".join((term["BT-151"], term.get("BT-152", "")))
        said = [f"{one['BT-160']} {one['BT-161']}" for one in term.get("BG-32", ())]
        for sign, group in (("+", "BG-28"), ("-", "BG-27")):
            said += [f"{sign}{one['amount']}" for one in term.get(group, ())]
        product = f"{term['BT-129']} x {term['BT-146']} = {term['BT-131']}"
        rows.append(" | ".join((term["BT-153"], product, tax, *said)))
    return "\n".join(rows)


def test_a_line_is_a_charge_at_its_amount_or_at_its_one_price() -> None:
    made = document(
        [
            line(
                "marketing", [detail("1204", "0.1131"), detail("310", "0.0592", "Spain")], tax=VAT
            ),
            line("calls", [detail("12.5", "0.012")], tax=VAT),
            line("platform", [fee("49", share="26.870967741935")], kind="fixed_fee", tax=VAT),
            line("devices", [fee("5")], kind="add_on", tax=VAT),
            line("discount", kind="discount", amount=Decimal("-25.00"), tax=VAT),
        ]
    )

    assert shown(made) == (
        "marketing | 1 x 154.52 = 154.52 | S 19 | quantity 1514\n"
        "calls, Germany | 12.5 x 0.012 = 0.15 | S 19 | market Germany\n"
        "platform | 1 x 26.87 = 26.87 | S 19\n"
        "devices | 1 x 5.00 = 5.00 | S 19\n"
        "discount | -1 x 25.00 = -25.00 | S 19"
    )


def test_a_line_is_a_price_where_the_seller_wants_it_so_and_what_is_free_costs_nothing() -> None:
    support = [
        detail("1000", "0", None, tier=None),
        detail("9000", "0.012", None, tier=0),
        detail("433", "0.009", None, tier=1),
    ]
    thirds = [detail("1", "0.333", market) for market in ("Chile", "Peru", "Spain")]
    made = document([line("support", support, tax=VAT), line("calls", thirds, tax=VAT)])

    assert shown(styled(made, lines="by_price")) == (
        "support | 1000 x 0.00 = 0.00 | S 19\n"
        "support | 9000 x 0.012 = 108.00 | S 19 | tier 0\n"
        "support | 433 x 0.009 = 3.90 | S 19 | tier 1\n"
        "calls, Chile | 1 x 0.333 = 0.34 | S 19 | market Chile | +0.01\n"
        "calls, Peru | 1 x 0.333 = 0.33 | S 19 | market Peru\n"
        "calls, Spain | 1 x 0.333 = 0.33 | S 19 | market Spain"
    )


def test_what_was_invoiced_too_much_has_a_negative_quantity_and_names_its_month() -> None:
    corrections = [
        each
        for each in terms_of(MADE["many kinds"], "facturx")["BG-25"]
        if each.get("BT-154", "").startswith("Correction")
    ]

    assert [
        (each["BT-129"], each["BT-146"], each["BT-131"], each["BT-154"]) for each in corrections
    ] == [
        ("-90", "0.1131", "-10.18", "Correction of 2026-09. Plan growth"),
        ("38", "0.1131", "4.30", "Correction of 2026-08. Plan growth"),
    ]
    assert [str(each["BT-134"]) for each in corrections] == ["2026-09-01", "2026-08-01"]


def test_peppol_has_no_place_for_the_period_of_another_month() -> None:
    periods = [line.get("BT-134") for line in terms_of(MADE["many kinds"], "peppol")["BG-25"]]

    assert [str(period) for period in periods].count("None") == 3  # two corrections, one carried
    assert len(periods) > 3


def test_yen_are_whole_and_a_line_that_is_no_whole_product_is_one_piece() -> None:
    made = document(
        [
            line("messages", [detail("1204", "11.3")], tax=VAT, currency="JPY"),
            line("calls", [detail("10", "11.3")], tax=VAT, currency="JPY"),
        ]
    )

    assert shown(made) == (
        "messages, Germany | 1 x 13605 = 13605 | S 19"
        " | quantity 1204 | unit price 11.3 | market Germany\n"
        "calls, Germany | 10 x 11.3 = 113 | S 19 | market Germany"
    )
    assert terms_of(made, "facturx")["BT-110"] == "2606"  # 0.19 x 13718 = 2606.42


def test_the_facts_around_the_lines() -> None:
    terms = terms_of(MADE["credits used"], "facturx")

    assert {name: str(terms[name]) for name in sorted(terms) if name.startswith("BT")} == {
        "BT-1": "INV-2026-00042",
        "BT-10": "BR-2026-77",
        "BT-106": "296.37",
        "BT-109": "296.37",
        "BT-110": "56.31",
        "BT-112": "352.68",
        "BT-113": "112.34",
        "BT-115": "240.34",
        "BT-13": "PO-4711",
        "BT-2": "2026-11-03",
        "BT-20": "Payable within 30 days",
        "BT-3": "380",
        "BT-5": "EUR",
        "BT-72": "2026-10-31",
        "BT-73": "2026-10-01",
        "BT-74": "2026-10-31",
        "BT-81": "58",
        "BT-83": "INV-2026-00042",
        "BT-84": "DE89370400440532013000",
        "BT-86": "COBADEFFXXX",
        "BT-9": "2026-12-03",
    }


def test_a_credit_note_is_positive_and_names_what_it_corrects_and_why_and_no_account() -> None:
    terms = terms_of(MADE["credit note"], "peppol")

    assert terms["BT-3"] == "381"
    assert [(each["BT-25"], str(each["BT-26"])) for each in terms["BG-3"]] == [
        ("INV-2026-00042", "2026-11-03")
    ]
    assert terms["BG-1"] == [{"BT-22": "100 messages were sent twice by our gateway"}]
    assert terms["BT-115"] == "13.46"
    assert not {"BT-9", "BT-81", "BT-84"} & terms.keys()


@pytest.mark.parametrize("style", ["by_charge", "by_price"])
def test_a_part_of_a_line_that_is_credited_is_one_piece_at_a_positive_price(style: str) -> None:
    part = detail("0", "-13.50", None, priced_quantity=Decimal(-1), amount=Decimal("13.50"))
    made = styled(document([line("marketing", [part], tax=VAT)]), lines=style)

    assert shown(made) == "marketing | 1 x 13.50 = 13.50 | S 19"


def test_a_transfer_is_of_sepa_only_in_euro_and_to_an_iban() -> None:
    def means(iban: str = SELLER.iban, currency: str = "EUR") -> str | None:
        changes = {"seller": SELLER.model_copy(update={"iban": iban}), "currency": currency}
        code: str | None = terms_of(MADE["taxed"].model_copy(update=changes), "facturx").get(
            "BT-81"
        )
        return code

    assert means() == "58"
    assert means(iban="DE89 3704 0044 0532 0130 00") == "58"
    assert means(currency="USD") == "30"
    assert means(iban="50100012345678") == "30"
    assert means(iban="") is None


@pytest.mark.parametrize(
    ("facts", "numbers"),
    [
        ({"vat_id": "de 136.695-976"}, {"vat_identifier": "DE136695976"}),
        (
            {"vat_id": "29AAGCB7383J1Z4"},
            {"tax_identifier": "29AAGCB7383J1Z4", "identifiers": {None: "29AAGCB7383J1Z4"}},
        ),
        (
            {"vat_id": "", "tax_number": "27/123", "registration_number": "HRB 1"},
            {"tax_identifier": "27/123", "legal_identifier": "HRB 1"},
        ),
    ],
)
def test_a_number_that_is_no_vat_id_is_a_tax_number(
    facts: dict[str, str], numbers: dict[str, object]
) -> None:
    seller = SELLER.model_copy(update=facts)
    terms = terms_of(MADE["taxed"].model_copy(update={"seller": seller}), "facturx")["BG-4"]

    kinds = ("vat_identifier", "tax_identifier", "legal_identifier", "identifiers")
    assert {kind: terms[kind] for kind in kinds if kind in terms} == numbers


def test_outside_the_scope_of_tax_no_vat_id_is_named() -> None:
    seller = SELLER.model_copy(update={"registration_number": "HRB 1"})
    made = document([line("platform", [fee("49")], tax=OUTSIDE)], seller=seller)

    content = to_xml(made, "facturx").decode()

    assert SELLER.vat_id not in content
    assert BUYER.vat_id not in content
    assert "VATEX-EU-O" in content


def test_the_details_travel_inside_as_csv() -> None:
    charge = '=cmd|"/c calc"'
    made = document([line(charge, [detail("3", "0.1131")], tax=VAT)], **PARTIES)
    root = etree.fromstring(to_xml(made, "peppol"))
    (attached,) = root.iter("{*}EmbeddedDocumentBinaryObject")
    content = base64.b64decode(attached.text)

    assert attached.get("filename") == "INV-2026-00042-details.csv"
    assert content == details_csv(made)
    (row,) = csv.DictReader(io.StringIO(content.decode()))
    assert row["charge"] == f"'{charge}"
    assert (row["quantity"], row["unit_price"], row["amount"]) == ("3", "0.1131", "0.3393")


def test_too_many_details_stay_outside() -> None:
    cells = [detail("1", "0.01")] * (ROWS_MAX + 1)

    assert "BG-24" not in terms_of(document([line("calls", cells, tax=VAT)]), "facturx")
    assert "BG-24" in terms_of(document([line("calls", cells[1:], tax=VAT)]), "facturx")


def test_what_xml_cannot_hold_is_left_out_of_texts() -> None:
    made = document([line("calls\x0b &\n <b>", [fee("1")], tax=VAT)], **PARTIES)

    (name,) = etree.fromstring(to_xml(made, "peppol")).xpath("//*[local-name()='Item']/*")[1:2]

    assert name.text == "calls & <b>"


def test_another_company_of_the_group_and_its_cost_centre_are_named() -> None:
    changes = {"account_id": "acct-7", "cost_centre": "CC 12"}
    made = document([line("calls", [fee("1")], tax=VAT, **changes)])
    (term,) = terms_of(made, "facturx")["BG-25"]

    assert term["BT-133"] == "CC 12"
    assert {"BT-160": "account", "BT-161": "acct-7"} in term["BG-32"]


@pytest.mark.parametrize("profile", ["facturx", "peppol"])
@pytest.mark.parametrize("name", ["many kinds", "by price", "credit note", "reverse charge"])
def test_both_styles_and_both_syntaxes_add_up_to_the_document(name: str, profile: Profile) -> None:
    made = MADE[name].model_copy(update={"seller": SELLERS[0]})
    made = made.model_copy(
        update={
            "buyer": made.buyer.model_copy(
                update={"electronic_address": "x", "electronic_address_scheme": "9930"}
            )
        }
    )

    for style in ("by_charge", "by_price"):
        reading = read_amounts(etree.fromstring(to_xml(styled(made, lines=style), profile)))
        assert sum(each.net for each in reading.lines) == made.net
        assert reading.totals["BT-115"] == made.due


def test_the_same_document_gives_the_same_bytes() -> None:
    assert to_xml(MADE["many kinds"], "facturx") == to_xml(MADE["many kinds"], "facturx")
