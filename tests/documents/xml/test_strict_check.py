"""The strict check finds any amount that does not follow from the others, however small."""

import re
from decimal import Decimal

import pytest

from metering.errors import SumsDisagreeError
from pricing.document import Document
from pricing.documents.en16931 import to_xml
from pricing.documents.en16931_check import check_xml, disagreements
from pricing.documents.en16931_codes import Profile
from tests.documents.made import MADE, OUTSIDE, SELLER, document, fee, line
from tests.documents.xml.generated import BUYERS, SELLERS
from tests.documents.xml.official import verdict

PROFILES: tuple[Profile, ...] = ("facturx", "peppol")
PARTIES = {"seller": SELLERS[0], "buyer": BUYERS[0]}
AMOUNT = re.compile(r"(<(?:ram|cbc):\w*Amount(?: [^>]*)?>)(-?[\d.]+)(</)")


def written(name: str, profile: Profile) -> str:
    return to_xml(MADE[name].model_copy(update=PARTIES), profile).decode()


@pytest.mark.parametrize("profile", PROFILES)
def test_a_tax_that_is_wrong_by_ten_cents_passes_the_official_rules_and_not_the_strict_check(
    profile: Profile,
) -> None:
    made = MADE["taxed"].model_copy(update=PARTIES)
    assert made.taxes is not None
    tax, total = made.taxes[0].tax, made.total
    more = Decimal("0.10")
    wrong = to_xml(made, profile).decode()
    for amount in (tax, total):  # wrong in the same way wherever it stands
        wrong = wrong.replace(f">{amount}<", f">{amount + more}<")

    assert verdict(wrong.encode(), profile).broken == ()
    assert disagreements(wrong.encode()) == (
        f"BG-23 S 19: BT-117 is {tax + more}, and should be {tax}",
    )


@pytest.mark.parametrize("profile", PROFILES)
def test_a_credit_note_for_a_part_may_have_the_cent_that_the_others_left_and_no_more(
    profile: Profile,
) -> None:
    made = MADE["credit note"].model_copy(update=PARTIES)
    assert made.taxes is not None
    (total,) = made.taxes

    def with_more(cents: int) -> Document:
        more = Decimal(cents).scaleb(-2)
        taxes = (total.model_copy(update={"tax": total.tax + more}),)
        sums = {"total": made.total + more, "due": made.due + more}
        return made.model_copy(update={"taxes": taxes, **sums})

    content = to_xml(with_more(1), profile)
    check_xml(content, with_more(1))
    with pytest.raises(SumsDisagreeError, match="the taxes are not those of the document"):
        check_xml(content, made)
    with pytest.raises(SumsDisagreeError, match=r"BT-117 is 2\.17, and should be 2\.15"):
        check_xml(to_xml(with_more(2), profile), with_more(2))
    alone = with_more(1).model_copy(update={"corrects": ()})
    with pytest.raises(SumsDisagreeError, match="BT-117"):
        check_xml(to_xml(alone, profile), alone)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ["taxed", "two rates", "by price", "credits used", "credit note"])
def test_no_amount_can_be_off_by_a_cent(name: str, profile: Profile) -> None:
    content = written(name, profile)
    assert disagreements(content.encode()) == ()
    amounts = list(AMOUNT.finditer(content))
    assert len(amounts) > 8

    for found in amounts:
        off = f"{found[1]}{Decimal(found[2]) + Decimal('0.01')}{found[3]}"
        changed = content[: found.start()] + off + content[found.end() :]
        assert disagreements(changed.encode()), f"{found[0]} can be {off}"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (r">19<", ">20<", "should be"),
        (r"(Quantity unitCode=\"C62\">)1<", r"\g<1>2<", "line 1: BT-131"),
        (r"currencyID=\"EUR\"", 'currencyID="USD"', "an amount is in USD"),
        (r">S<", ">Z<", "should be 0"),
        (r"(>)(\d+\.\d\d)(</(cbc:PayableAmount|ram:DuePayableAmount))", r"\1\g<2>3\3", "no amount"),
        (r"<(cbc:ID|ram:LineID)>2</\1>", "", "schema"),
    ],
)
def test_what_is_wrong_is_said(profile: Profile, right: str, wrong: str, said: str) -> None:
    changed, count = re.subn(right, wrong, written("taxed", profile))

    assert count
    found = disagreements(changed.encode())
    assert any(said in words for words in found), found


def test_a_yen_has_no_decimals() -> None:
    content = written("taxed", "facturx")

    found = disagreements(content.replace(">EUR<", ">JPY<").encode())

    assert any(words.endswith("is no amount in JPY") for words in found)


def test_lines_outside_the_scope_of_tax_are_a_group_without_a_rate() -> None:
    seller = SELLER.model_copy(update={"registration_number": "HRB 123456"})
    made = document([line("platform", [fee("49")], tax=OUTSIDE)], seller=seller)
    content = to_xml(made, "facturx")

    assert b"RateApplicablePercent" not in content
    check_xml(content, made)


def test_the_totals_are_those_of_the_document_itself() -> None:
    made = MADE["taxed"]
    other = made.model_copy(update={"due": made.due + 1})

    check_xml(to_xml(made, "facturx"), made)
    with pytest.raises(SumsDisagreeError, match="the document says") as caught:
        check_xml(to_xml(made, "facturx"), other)

    assert caught.value.exit_code == 4
