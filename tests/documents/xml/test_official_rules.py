"""What is written is valid by the schemas and by the official rules, or is refused with the reason.

The rules are those of EN 16931, of Factur-X and of Peppol as published; see `official`.
"""

from collections import Counter

import pytest

from pricing.documents.en16931 import to_xml
from pricing.documents.en16931_check import check_xml
from pricing.documents.en16931_codes import Profile
from pricing.documents.en16931_refusal import NotCarriedError
from pricing.money import MINOR_DECIMALS
from tests.documents.made import MADE
from tests.documents.xml.generated import BUYERS, SELLERS, TAXES, Case, cases
from tests.documents.xml.official import verdict

PROFILES: tuple[Profile, ...] = ("facturx", "peppol")
PARTIES = {"seller": SELLERS[0], "buyer": BUYERS[0]}
BATCH = 25
CASES = tuple(cases(200))


def outcome(made: Case, profile: Profile) -> str:
    """Write a case and judge it: `valid`, `refused`, or what is wrong with the outcome."""
    expected = made.facturx if profile == "facturx" else made.peppol
    try:
        content = to_xml(made.document, profile)
    except NotCarriedError as error:
        said = [problem.what for problem in error.problems]
        is_right = len(said) == len(expected) and all(
            any(words in what for what in said) for words in expected
        )
        return "refused" if is_right else f"refused for {said}, not {expected}"
    if expected:
        return f"written, and to be refused for {expected}"
    check_xml(content, made.document)
    found = verdict(content, profile)
    return "; ".join(found.broken) or ("valid" if found.fired > 20 else "no rule looked at it")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("first", range(0, len(CASES), BATCH))
def test_a_document_is_valid_by_the_official_rules_or_refused_for_its_reason(
    first: int, profile: Profile
) -> None:
    outcomes = {case.name: outcome(case, profile) for case in CASES[first : first + BATCH]}

    assert {name: o for name, o in outcomes.items() if o not in ("valid", "refused")} == {}


def test_the_sample_has_documents_of_all_sorts() -> None:
    def valid(profile: Profile) -> list[Case]:
        refused = (case.facturx if profile == "facturx" else case.peppol for case in CASES)
        return [case for case, reasons in zip(CASES, refused, strict=True) if not reasons]

    lines = [line for case in valid("peppol") for line in case.document.lines]
    documents = [case.document for case in valid("peppol")]

    assert len(valid("facturx")) > 110
    assert len(valid("peppol")) > 90
    assert {made.kind for made in documents} == {"invoice", "credit_note"}
    assert {made.style.lines for made in documents} == {"by_charge", "by_price"}
    assert {MINOR_DECIMALS[made.currency] for made in documents} == {0, 2}
    assert {tax.treatment for made in documents for tax in made.taxes or ()} == {
        treatment for name, taxes in TAXES.items() if name != "none" for treatment, _, _ in taxes
    }
    assert {made.seller.country for made in documents} == {made.country for made in SELLERS}
    assert {made.buyer.country for made in documents} == {made.country for made in BUYERS}
    assert sum(bool(made.credits) for made in documents) > 10
    assert sum(made.due == 0 < made.total for made in documents) > 3
    assert sum(bool(made.corrects) for made in documents) > 3
    assert {"discount", "minimum", "maximum", "fixed_fee", "add_on"} < {line.kind for line in lines}
    assert sum(line.is_correction and line.amount < 0 for line in lines) > 5
    reasons = Counter(words for case in CASES for words in case.peppol)
    assert min(reasons.values()) > 1
    assert len(reasons) == 6


@pytest.mark.parametrize("name", [name for name, made in MADE.items() if made.taxes])
def test_the_documents_made_by_hand_are_valid_too(name: str) -> None:
    made = MADE[name].model_copy(update={"seller": SELLERS[0]})
    content = to_xml(made, "facturx")

    check_xml(content, made)
    assert verdict(content, "facturx").broken == ()


@pytest.mark.parametrize(
    ("profile", "right", "wrong", "rule"),
    [
        ("facturx", 'unitCode="C62"', 'unitCode="MSG"', "FX-SCH-A-000613"),
        ("facturx", ">19<", ">12<", "BR-S-09"),
        ("peppol", 'unitCode="C62"', 'unitCode="MSG"', "BR-CL-23"),
        ("peppol", 'schemeID="9930"', 'schemeID="EM"', "PEPPOL-EN16931-CL008"),
    ],
)
def test_the_official_rules_are_run_with_their_code_lists(
    profile: Profile, right: str, wrong: str, rule: str
) -> None:
    content = to_xml(MADE["taxed"].model_copy(update=PARTIES), profile).decode()
    assert right in content

    broken = verdict(content.replace(right, wrong).encode(), profile).broken

    assert any(rule in found for found in broken), broken
