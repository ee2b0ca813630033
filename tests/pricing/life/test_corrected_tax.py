"""A tax that changed since a month was invoiced: it is corrected, or said, never passed over."""

from decimal import Decimal

import pytest

from tests.pricing.life.office import Office

HEADER = "treatment,rate_ratio,name,country,legal_note\n"
STANDARD = HEADER + "standard,{},VAT,DE,\n"
CHARGED_BACK = STANDARD.format("0.19") + 'reverse_charge,,,FR,"Reverse charge, Article 196"\n'


@pytest.fixture
def taxed(office: Office) -> Office:
    """Acme and bistro are in Germany, at 19 percent; acme was invoiced 10.00 for September."""
    in_germany(office)
    office.write("taxes.csv", STANDARD.format("0.19"))
    office.load(office.send(100, "2026-09-10"))
    office.close("2026-09")
    return office


def in_germany(office: Office, acme: str = "DE", vat_id: str = "") -> None:
    office.write(
        "accounts.csv",
        f"account_id,name,country,vat_id\nacme,Acme,{acme},{vat_id}\nbistro,Bistro,DE,\n",
    )


def taxes(office: Office, name: str) -> list[tuple[str, str, str, str]]:
    found = office.document(name)["taxes"]
    return [(t["treatment"], t["rate_ratio"], t["taxable"], t["tax"]) for t in found]


def test_a_rate_that_was_corrected_is_a_credit_note_over_the_tax_alone(taxed: Office) -> None:
    taxed.write("taxes.csv", STANDARD.format("0.16"))
    given = taxed.close("2026-10")

    assert given["acme/2026-10/1"] == "CN-2026-00001"
    note = taxed.document("acme/2026-10/1")
    assert (note["net"], note["total"], note["lines"][0]["plan"]) == ("0.00", "0.30", "plain")
    assert taxes(taxed, "acme/2026-10/1") == [
        ("standard", "0.19", "10.00", "1.90"),
        ("standard", "0.16", "-10.00", "-1.60"),
    ]
    assert sorted(taxed.lines("acme/2026-10/1").values()) == [-1000, 1000]
    assert [one["number"] for one in note["corrects"]] == ["INV-2026-00001"]
    assert taxed.verdict("acme/2026-10/1") == "same bytes"


def test_a_tax_is_corrected_once_together_with_usage_that_is_late(taxed: Office) -> None:
    taxed.write("taxes.csv", STANDARD.format("0.20"))
    taxed.load(taxed.send(10, "2026-09-11"), taxed.send(50, "2026-10-11"))
    taxed.close("2026-10")
    assert taxes(taxed, "acme/2026-10/1") == [
        ("standard", "0.2", "16.00", "3.20"),  # 11.00 for September and 5.00 for October
        ("standard", "0.19", "-10.00", "-1.90"),
    ]

    taxed.load(taxed.send(1, "2026-11-11"))
    taxed.close("2026-11")
    assert taxed.lines("acme/2026-11/1") == {"messages": 10}


def test_an_id_that_came_late_turns_a_tax_into_a_reverse_charge_and_back(taxed: Office) -> None:
    """The reason of the tax that is taken back stands on the document that did so."""
    taxed.write("taxes.csv", CHARGED_BACK)
    in_germany(taxed, "FR", "FR40303265045")
    taxed.close("2026-10")
    assert taxes(taxed, "acme/2026-10/1") == [
        ("standard", "0.19", "10.00", "1.90"),
        ("reverse_charge", "0", "-10.00", "0.00"),
    ]

    in_germany(taxed)
    taxed.write("taxes.csv", STANDARD.format("0.19"))
    taxed.close("2026-11")
    assert taxes(taxed, "acme/2026-11/1") == [
        ("standard", "0.19", "10.00", "1.90"),
        ("reverse_charge", "0", "-10.00", "0.00"),
    ]
    (note,) = (t["legal_note"] for t in taxed.document("acme/2026-11/1")["taxes"][1:])
    assert note == "Reverse charge, Article 196"
    taxed.close("2026-12")
    assert taxed.lines("acme/2026-12/1") == {}


def test_a_month_that_was_invoiced_without_tax_is_named_and_can_be_billed_again(
    office: Office,
) -> None:
    in_germany(office)
    office.load(office.send(100, "2026-09-10"), office.send(20, "2026-10-10"))
    number = office.close("2026-09")["acme/2026-09/1"]
    office.write("taxes.csv", STANDARD.format("0.19"))
    said = office.run("bill", "2026-10").stderr
    assert "1 account was invoiced for 2026-09 by other rules of tax" in said
    assert "like acme" in said
    assert "--bill-again" in said
    assert office.lines("acme/2026-10/1") == {"messages": 200}

    office.credit_and_issue(number, "--bill-again", on="2026-11-02")
    said = office.run("bill", "2026-10").stderr
    assert "by other rules of tax" not in said
    assert office.lines("acme/2026-10/1") == {"messages": 200, "2026-09.messages": 1000}
    assert taxes(office, "acme/2026-10/1") == [("standard", "0.19", "12.00", "2.28")]


def test_a_book_that_has_no_taxes_any_more_is_told_what_it_cannot_take_back(taxed: Office) -> None:
    (taxed.book.root / "taxes.csv").unlink()
    said = taxed.run("bill", "2026-10").stderr

    assert "1 account was invoiced for 2026-09 by other rules of tax" in said
    assert taxed.lines("acme/2026-10/1") == {}


def test_a_dry_run_shows_taxes_too_so_that_differences_add_up_to_those_of_totals(
    taxed: Office,
) -> None:
    taxed.write("taxes.csv", STANDARD.format("0.16"))
    taxed.load(taxed.send(10, "2026-09-11"))
    rows = taxed.rows("bill", "2026-09", "--dry-run", name="differences")
    told = {(row["account_id"], row["kind"], row["charge"]): row["amount"] for row in rows}
    made = {row["account_id"]: row["total"] for row in taxed.rows("bill", "2026-09", "--dry-run")}

    assert told == {
        ("acme", "usage", "messages"): "1.00",
        ("acme", "tax", "VAT 16%"): "1.76",
        ("acme", "tax", "VAT 19%"): "-1.90",
    }
    gross = sum(Decimal(amount) for amount in told.values())
    assert gross == Decimal(made["acme"]) - Decimal("11.90")
