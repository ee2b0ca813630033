"""Electronic addresses: where a document is sent to, and which of them a profile knows."""

import re
from collections.abc import Callable, Mapping

from stdnum import ean
from stdnum.au import abn
from stdnum.be import vat as be_vat
from stdnum.no import orgnr

from pricing.document import Party
from pricing.documents.en16931_codes import E_MAIL, SCHEMES, Profile, text

# The schemes whose numbers Peppol checks: how they are written, and their check digits.
_NUMBERS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "0007": (r"\d{10}", bool),
    "0088": (r"\d+", ean.is_valid),
    "0151": (r"\d{11}", abn.is_valid),
    "0184": (r"DK\d{8}", bool),
    "0192": (r"\d{9}", orgnr.is_valid),
    "0208": (r"\d{10}", be_vat.is_valid),
}


def electronic_address(party: Party, profile: Profile) -> tuple[str, str]:
    """Find the address of a party and the code of its scheme; Factur-X also knows e-mail."""
    address, scheme = text(party.electronic_address), text(party.electronic_address_scheme)
    if profile == "facturx" and not address and party.email:
        return text(party.email), E_MAIL
    return address, scheme


def what_is_wrong_with(address: str, scheme: str, profile: Profile) -> str:
    """Say why a profile does not know an address; nothing where it does.

    Example:
        >>> what_is_wrong_with("5790000435968", "0088", "peppol")
        ''
        >>> what_is_wrong_with("ap@juniper.example", "EM", "peppol")
        "has the scheme 'EM', which peppol does not have"
    """
    if not scheme:
        return "has no scheme"
    if scheme not in SCHEMES[profile]:
        return f"has the scheme '{scheme}', which {profile} does not have"
    pattern, is_valid = _NUMBERS.get(scheme, (".*", bool))
    if profile == "peppol" and not (re.fullmatch(pattern, address) and is_valid(address)):
        return f"is '{address}', and that is no number of the scheme {scheme}"
    return ""
