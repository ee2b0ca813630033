"""What Peppol asks of sellers of some countries, beside what it asks of all.

Each function says what is missing; the rules in brackets are those of Peppol BIS Billing 3.0. Where
a country asks for a fact that no book has, its documents are refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from stdnum.no import mva

from pricing.document import Document, Party
from pricing.documents.en16931_codes import percent, text
from pricing.documents.en16931_party import buyer_numbers, seller_numbers

Reason = tuple[str, str, str]  # where in the document, what is wrong, what to do

_ADDRESS = ("address_lines", "city", "postal_code")
_F_TAX = "Godkänd för F-skatt"


def country_problems(document: Document) -> Iterator[Reason]:
    """Yield what the country of the seller asks for and the document does not have."""
    # Some rules go by the address and some by the VAT id: both are asked.
    vat_country = seller_numbers(document).get("vat_identifier", "")[:2]
    for country in dict.fromkeys((document.seller.country, vat_country.replace("EL", "GR"))):
        for what in _RULES[country](document) if country in _RULES else ():
            yield (
                "seller",
                f"Peppol in {country}: {what}",
                "fill it in under [seller] of tollbook.toml, or send the invoice in another way",
            )


def _denmark(document: Document) -> Iterator[str]:
    if not re.fullmatch(r"(DK)?\d{8}", text(document.seller.registration_number)):
        yield "a seller has a CVR number as registration_number (DK-R-002)"
    if document.buyer.country != "DK":
        return
    if document.seller.iban and document.kind == "invoice" and document.currency != "EUR":
        yield "a transfer in another currency than EUR needs numbers that a book lacks (DK-R-005)"
    if "identifiers" in {**seller_numbers(document), **buyer_numbers(document)}:
        yield "a number that is no VAT id needs a scheme, which a book lacks (DK-R-013)"


def _greece(_: Document) -> Iterator[str]:
    yield "an invoice needs a MARK number of the tax office, which a book lacks (GR-R-004-1)"


def _iceland(document: Document) -> Iterator[str]:
    if not text(document.seller.registration_number):
        yield "a seller has a kennitala as registration_number (IS-R-002)"
    if not _has(document.seller, "address_lines", "postal_code"):
        yield "a seller has a street and a postal code (IS-R-003)"
    if document.buyer.country == "IS":
        yield "a buyer at home has a kennitala, which a book lacks (IS-R-004)"


def _italy(document: Document) -> Iterator[str]:
    tax_number = seller_numbers(document).get("tax_identifier", "")
    if tax_number and not re.fullmatch("[A-Z0-9]{11,16}", tax_number):
        yield "a tax_number has 11 to 16 letters and digits (IT-R-001)"
    if not _has(document.seller, *_ADDRESS):
        yield "a seller has a street, a city and a postal code (IT-R-002)"


def _netherlands(document: Document) -> Iterator[str]:
    if not _has(document.seller, *_ADDRESS):
        yield "a seller has a street, a city and a postal code (NL-R-002)"
    if document.buyer.country == "NL" and not _has(document.buyer, *_ADDRESS):
        yield "a buyer at home has a street, a city and a postal code too (NL-R-004)"
    if document.kind == "invoice" and not document.seller.iban:
        yield "an invoice says where to pay: iban (NL-R-007)"
    if document.kind == "credit_note" and not document.corrects:
        yield "a credit note names the invoice that it corrects (NL-R-001)"


def _norway(document: Document) -> Iterator[str]:
    vat_id = seller_numbers(document).get("vat_identifier", "")
    if not (re.fullmatch(r"NO\d{9}MVA", vat_id) and mva.is_valid(vat_id)):
        yield "a vat_id is NO, nine digits and MVA (NO-R-001)"


def _sweden(document: Document) -> Iterator[str]:
    numbers = seller_numbers(document)
    vat_id = numbers.get("vat_identifier", "")
    if vat_id and not (len(vat_id) == 14 and vat_id[2:].isdigit()):
        yield "a vat_id is SE and twelve digits (SE-R-001)"
    if numbers.get("tax_identifier", _F_TAX) != _F_TAX:
        yield f"a tax_number is the words '{_F_TAX}' (SE-R-005)"
    rates = {percent(total.rate_ratio) for total in document.taxes or () if total.rate_ratio}
    if rates - {"6", "12", "25"}:
        yield "the rates of tax are 6, 12 and 25 percent (SE-R-006)"


def _has(party: Party, *names: str) -> bool:
    return all(text("".join(getattr(party, name))) for name in names)


_RULES: Mapping[str, Callable[[Document], Iterator[str]]] = {
    "DK": _denmark,
    "GR": _greece,
    "IS": _iceland,
    "IT": _italy,
    "NL": _netherlands,
    "NO": _norway,
    "SE": _sweden,
}
