"""Parties: who sells and who pays, as the documents of a month name them."""

import json
from collections.abc import Iterable, Mapping

from metering.account import Account
from metering.settings import Settings


def payers_of(facts: Mapping[str, Account]) -> dict[str, str]:
    """Say who pays for the accounts that do not pay for themselves.

    What is rated and never invoiced, an internal or a test account, is on nobody's invoice.
    """
    return {
        account_id: account.payer_id
        for account_id, account in facts.items()
        if account.payer_id not in ("", account_id) and account.purpose == "customer"
    }


def write_parties(
    settings: Settings, facts: Mapping[str, Account], paid_for: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Write the parties and the style of each account's document, as JSON.

    Args:
        settings: Those of the book.
        facts: The accounts, as they are in the month.
        paid_for: Accounts that have, or may have, a line on the document of another, and whose.
    """
    seller, style = _seller(settings), settings.invoicing
    others: dict[str, dict[str, dict[str, str]]] = {}
    for account_id, account in facts.items():
        if account.cost_centre:
            own = {"name": "", "cost_centre": account.cost_centre}
            others.setdefault(account_id, {})[account_id] = own
    for account_id, payer_id in sorted(paid_for):
        if account_id != payer_id and account_id in facts:
            account = facts[account_id]
            said = {"name": account.name, "cost_centre": account.cost_centre}
            others.setdefault(payer_id, {})[account_id] = said
    return {
        account_id: json.dumps(
            {
                "seller": seller,
                "buyer": _buyer(account),
                "style": {
                    "language": account.language or style.language,
                    "lines": style.lines,
                    "color": style.color,
                    "logo": style.logo,
                },
                "accounts": others.get(account_id, {}),
            },
            ensure_ascii=False,
        )
        for account_id, account in facts.items()
    }


def payment_terms(settings: Settings, facts: Mapping[str, Account]) -> dict[str, int]:
    """Say how many days after its issue the invoice of each account is due."""
    usual = settings.invoicing.payment_terms_days
    return {
        account_id: usual if account.payment_terms_days is None else account.payment_terms_days
        for account_id, account in facts.items()
    }


def _seller(settings: Settings) -> dict[str, object]:
    seller = settings.seller
    same = (
        *("postal_code", "city", "country", "vat_id", "email", "electronic_address"),
        *("electronic_address_scheme", "tax_number", "registration_number"),
        *("phone", "iban", "bic"),
    )
    return {
        "name": seller.legal_name or seller.name,
        "address_lines": [line for line in (seller.address_line_1, seller.address_line_2) if line],
        **{name: getattr(seller, name) for name in same},
    }


def _buyer(account: Account) -> dict[str, object]:
    same = (
        *("postal_code", "city", "vat_id", "email", "electronic_address"),
        *("electronic_address_scheme", "buyer_reference", "purchase_order"),
    )
    lines = (account.address_line_1, account.address_line_2)
    return {
        "name": account.legal_name or account.name,
        "address_lines": [line for line in lines if line],
        "country": account.country or "",
        **{name: getattr(account, name) for name in same},
    }
