"""Documents as electronic invoices of EN 16931: Factur-X (CII) and Peppol BIS Billing 3.0 (UBL).

A document becomes a mapping of business terms (BT-1, BG-25, ...), all of them texts and dates; the
package factur-x writes it in the syntax of the profile. Nothing here computes money but the share
of a rounding; `en16931_check` adds up again what was written.
"""

from decimal import Decimal
from typing import Any

from lxml import etree
from stdnum import iban

from pricing.document import Document
from pricing.documents.en16931_codes import (
    CREDIT_NOTE,
    CREDIT_TRANSFER,
    INVOICE,
    SEPA_CREDIT_TRANSFER,
    Profile,
    text,
)
from pricing.documents.en16931_details import attachment_terms
from pricing.documents.en16931_line import line_terms
from pricing.documents.en16931_party import buyer_terms, seller_terms
from pricing.documents.en16931_refusal import check_carried
from pricing.documents.en16931_tax import breakdown_terms, money

PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
SPECIFICATION = (
    "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"  # BT-24 of Peppol
)
_CUSTOMIZATION = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
TERMS_OF_CREDIT = "To be set off against open or later invoices, or paid back"


def to_xml(document: Document, profile: Profile) -> bytes:
    """Write an issued document as a profile of EN 16931.

    Raises:
        NotCarriedError: EN 16931 cannot carry it; every reason is named.
    """
    # It takes half a second to import, which only who writes XML should wait for.
    from facturx import generate_xml  # noqa: PLC0415

    check_carried(document, profile)
    written: bytes = generate_xml(
        terms_of(document, profile),
        flavor="factur-x" if profile == "facturx" else "ubl-2.1",
        level="en16931",
        check_xsd=False,  # it would read the schemas again for each document
        check_schematron=False,  # it would ask a server, and pass where there is none
    )
    return _for_peppol(written) if profile == "peppol" else written


def terms_of(document: Document, profile: Profile) -> dict[str, Any]:
    """Write the business terms of a document; what is not known is left out."""
    terms = {
        **_head_terms(document),
        **({"BT-23": PROCESS} if profile == "peppol" else {}),
        "BG-4": seller_terms(document, profile),
        "BG-7": buyer_terms(document, profile),
        **_payment_terms(document),
        **_total_terms(document),
        "BG-23": breakdown_terms(document),
        "BG-24": attachment_terms(document),
        "BG-25": line_terms(document, profile),
    }
    return {name: value for name, value in terms.items() if value}


def _head_terms(document: Document) -> dict[str, Any]:
    reason = text(document.reason or "")
    return {
        "BT-1": document.number,
        "BT-2": document.issue_date,
        "BT-3": INVOICE if document.kind == "invoice" else CREDIT_NOTE,
        "BT-5": document.currency,
        "BT-10": text(document.buyer.buyer_reference),
        "BT-13": text(document.buyer.purchase_order),
        "BT-72": document.period_last_day,  # without it factur-x writes an empty element
        "BT-73": document.period_first_day,
        "BT-74": document.period_last_day,
        "BG-1": [{"BT-22": reason}] if reason else [],
        "BG-3": [
            {"BT-25": reference.number, "BT-26": reference.issue_date}
            for reference in document.corrects
        ],
    }


def _payment_terms(document: Document) -> dict[str, Any]:
    """Write when and where to pay; a credit note names no account, since the seller owes it."""
    if document.kind == "credit_note":
        return {"BT-20": TERMS_OF_CREDIT}
    days = document.payment_terms_days
    terms = {
        "BT-9": document.due_date,
        "BT-20": f"Payable within {days} days" if days else "Payable at once",
    }
    account = "".join(document.seller.iban.split()).upper()
    if not account:
        return terms
    is_sepa = document.currency == "EUR" and iban.is_valid(account)
    return {
        **terms,
        "BT-81": SEPA_CREDIT_TRANSFER if is_sepa else CREDIT_TRANSFER,
        "BT-83": document.number,
        "BT-84": account,
        "BT-86": "".join(document.seller.bic.split()).upper(),
    }


def _total_terms(document: Document) -> dict[str, str]:
    """Write BG-22; prepaid credits are what was paid before (BT-113)."""
    zero = Decimal(0)
    credit = sum((used.amount for used in document.credits), zero)
    amounts = {
        "BT-106": document.net,
        "BT-109": document.net,
        "BT-110": sum((total.tax for total in document.taxes or ()), zero),
        "BT-112": document.total,
        **({"BT-113": credit} if credit else {}),
        "BT-115": document.due,
    }
    return {name: money(amount, document.currency) for name, amount in amounts.items()}


def _for_peppol(written: bytes) -> bytes:
    """Name Peppol's own specification: factur-x writes that of the core for any UBL."""
    root = etree.fromstring(written)
    (specification,) = root.findall(f"{_CUSTOMIZATION}CustomizationID")
    specification.text = SPECIFICATION
    content: bytes = etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8")
    return content
