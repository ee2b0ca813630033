"""Seller and buyer of EN 16931 (BG-4 and BG-7), and which of their numbers may be said."""

import re
from typing import Any

from pricing.document import Buyer, Document, Seller
from pricing.documents.en16931_address import electronic_address
from pricing.documents.en16931_codes import REGISTERS, VAT_PREFIXES, Profile, text


def is_outside_scope(document: Document) -> bool:
    """Say whether tax does not apply at all; such a document names no VAT id (BR-O-02)."""
    return any(tax.treatment == "outside_scope" for tax in document.taxes or ())


def has_vat_prefix(number: str) -> bool:
    """Say whether a number is a VAT id: it begins with the code of a country (BR-CO-09)."""
    return _written(number)[:2] in VAT_PREFIXES


def seller_numbers(document: Document) -> dict[str, Any]:
    """Write the numbers of the seller: BT-29 to BT-32.

    A number in the place of the VAT id that names no country is the tax number of a country whose
    tax is not VAT. A document must have one number beside that (BR-CO-26): the register's, or
    else the tax number again.
    """
    seller = document.seller
    is_vat = has_vat_prefix(seller.vat_id)
    vat_id = _written(seller.vat_id) if is_vat and not is_outside_scope(document) else ""
    tax_number = text(seller.tax_number) or ("" if is_vat else text(seller.vat_id))
    registered = _registered(seller)
    numbers: dict[str, Any] = {
        "vat_identifier": vat_id,
        "tax_identifier": tax_number,
        "legal_identifier": registered,
        "legal_identifier_schemeid": REGISTERS.get(seller.country, "") if registered else "",
    }
    if not vat_id and not registered and tax_number:
        numbers["identifiers"] = {None: tax_number}
    return {name: number for name, number in numbers.items() if number}


def buyer_numbers(document: Document) -> dict[str, Any]:
    """Write the number of the buyer: BT-48, or BT-46 where it is no VAT id."""
    number = document.buyer.vat_id
    if not text(number) or is_outside_scope(document):
        return {}
    if has_vat_prefix(number):
        return {"vat_identifier": _written(number)}
    return {"identifiers": {None: text(number)}}


def seller_terms(document: Document, profile: Profile) -> dict[str, Any]:
    """Write BG-4."""
    seller = document.seller
    reached = {"phone": text(seller.phone), "email": text(seller.email)}
    contact = {"name": text(seller.name), **reached} if any(reached.values()) else {}
    return {**_party(seller, profile), **seller_numbers(document), **_contacts(contact)}


def buyer_terms(document: Document, profile: Profile) -> dict[str, Any]:
    """Write BG-7."""
    buyer = document.buyer
    contact = {"email": text(buyer.email)}
    known_as = {"biz_name": text(document.name)} if text(document.name) != text(buyer.name) else {}
    return {**_party(buyer, profile), **known_as, **buyer_numbers(document), **_contacts(contact)}


def _party(party: Seller | Buyer, profile: Profile) -> dict[str, Any]:
    address, scheme = electronic_address(party, profile)
    lines = [line for line in map(text, party.address_lines) if line]
    shown = [*lines[:2], *([", ".join(lines[2:])] if lines[2:] else [])]
    terms = {
        "name": text(party.name),
        **{f"addr_l{number}": line for number, line in enumerate(shown, start=1)},
        "postcode": text(party.postal_code),
        "city": text(party.city),
        "country_code": party.country,
        **({"einvoicing_addr": address, "einvoicing_addr_schemeid": scheme} if scheme else {}),
    }
    return {name: words for name, words in terms.items() if words}


def _contacts(contact: dict[str, str]) -> dict[str, Any]:
    said = {name: words for name, words in contact.items() if words}
    return {"contacts": [said]} if said else {}


def _registered(seller: Seller) -> str:
    number = text(seller.registration_number)
    # The Danish register writes its numbers with the country before them, people often do not.
    return f"DK{number.removeprefix('DK')}" if number and seller.country == "DK" else number


def _written(number: str) -> str:
    return re.sub(r"[\s./-]", "", number).upper()
