"""What EN 16931 cannot carry, and why: such a document is refused, never written wrong.

A document is frozen when it is issued, so most hints say what to write in the book for those to
come; the other formats of the document are made all the same.
"""

from collections.abc import Callable, Iterator, Sequence

from metering.errors import Problem, TollbookError
from metering.output import BLOCKED
from pricing.document import Document, Party
from pricing.documents.en16931_address import electronic_address, what_is_wrong_with
from pricing.documents.en16931_codes import (
    COUNTRIES,
    DECIMALS_MAX,
    Profile,
    has_currency,
    percent,
    text,
)
from pricing.documents.en16931_party import (
    buyer_numbers,
    is_outside_scope,
    seller_numbers,
)
from pricing.documents.en16931_tax import groups_of, money
from pricing.documents.peppol_country import country_problems
from pricing.money import MINOR_DECIMALS

Reason = tuple[str, str, str]  # where in the document, what is wrong, what to do


class NotCarriedError(TollbookError):
    """A document that EN 16931 cannot carry: all the reasons at once."""

    exit_code = BLOCKED

    def __init__(self, problems: Sequence[Problem]) -> None:
        assert problems, "a refusal names at least one reason"
        self.problems = tuple(problems)
        Exception.__init__(self, "\n".join(map(str, self.problems)))


def check_carried(document: Document, profile: Profile) -> None:
    """Raise `NotCarriedError` with every reason why a document cannot be written."""
    problems = list(reasons(document, profile))
    if problems:
        raise NotCarriedError(problems)


def reasons(document: Document, profile: Profile) -> Iterator[Problem]:
    """Yield the reasons why a document cannot be written as a profile of EN 16931."""
    where = document.number or document.invoice_id
    found: list[tuple[str, str, str]] = []
    for check in CHECKS:
        found += check(document, profile)
    if profile == "peppol":
        found += _of_peppol(document)
        found += country_problems(document)
    for part, what, hint in found:
        yield Problem(f"{where} {part}", what, hint)


def _of_state(document: Document, _: Profile) -> Iterator[Reason]:
    if document.number is None or document.issue_date is None:
        yield (
            "number",
            "a draft has neither a number nor a date, and an electronic invoice must have both",
            "issue it first",
        )
    if document.state == "void":
        yield "state", "the document is void", "send nothing"


def _of_currency(document: Document, profile: Profile) -> Iterator[Reason]:
    currency, hint = document.currency, "invoice the account in another currency"
    decimals = MINOR_DECIMALS[currency]
    if decimals > DECIMALS_MAX:
        what = f"{currency} has {decimals} decimals, and EN 16931 carries {DECIMALS_MAX}"
        yield "currency", what, hint
    elif not has_currency(profile, currency):
        yield "currency", f"{currency} is not in the list of currencies of {profile}", hint


def _of_lines(document: Document, _: Profile) -> Iterator[Reason]:
    if not document.lines:
        yield "lines", "an invoice without lines is none (BR-16)", "send the PDF, or nothing"
    elif document.total < 0:
        other = "a credit note" if document.kind == "invoice" else "an invoice"
        yield (
            "total",
            f"the total is {document.total} {document.currency}, and receivers refuse what is below"
            " zero",
            f"issue it as {other}",
        )


def _of_taxes(document: Document, _: Profile) -> Iterator[Reason]:
    untaxed = [line for line in document.lines if line.tax is None]
    if document.taxes is None or untaxed:
        yield (
            "taxes",
            "how the lines are taxed is not known, and EN 16931 wants a category for each",
            "write taxes.csv into the book; what is not taxed has a row that says so",
        )
        return
    treatments = {line.tax.treatment for line in document.lines if line.tax is not None}
    if "outside_scope" in treatments and len(treatments) > 1:
        yield (
            "taxes",
            "lines outside the scope of tax stand beside others: EN 16931 parts them (BR-O-11)",
            "give them an account of their own",
        )
    if {total.treatment for total in document.taxes} != treatments and document.lines:
        yield "taxes", "the lines and the taxes name different treatments", "report this as a bug"
    for group in groups_of(document):
        if not group.reason and group.category == "E":
            what = "lines are exempt from tax, and no reason is given (BR-E-10)"
            yield "taxes", what, "write it as legal_note in taxes.csv"
        if len(group.totals) > 1 and not group.agrees(document.currency):
            names = " and ".join(f"'{total.name}'" for total in group.totals)
            yield (
                "taxes",
                f"{names} are one tax of {percent(group.rate_ratio)}% to EN 16931, and"
                f" {money(group.tax, document.currency)} is not the tax on their sum",
                "give them one name in taxes.csv",
            )


def _of_seller(document: Document, _: Profile) -> Iterator[Reason]:
    seller, where = document.seller, "seller"
    place = "under [seller] of tollbook.toml"
    yield from _of_name_and_country(seller, where, place, ("BR-06", "BR-09"))
    if not (text("".join(seller.address_lines)) or text(seller.city)):
        what = "the seller has no address, and the law wants one"
        yield where, what, _in_settings("address_line_1 and city")
    if is_outside_scope(document):
        if not seller_numbers(document):
            yield (
                where,
                "outside the scope of tax no VAT id may be named (BR-O-02), and the seller has no"
                " other number (BR-CO-26)",
                _in_settings("registration_number"),
            )
    elif not {"vat_identifier", "tax_identifier"} & seller_numbers(document).keys():
        what = "the seller has neither a VAT id nor a tax number (BR-S-02)"
        yield where, what, _in_settings("vat_id, or tax_number where there is none,")


def _of_buyer(document: Document, _: Profile) -> Iterator[Reason]:
    buyer, where = document.buyer, "buyer"
    place = "of the account in accounts.csv"
    yield from _of_name_and_country(buyer, where, place, ("BR-07", "BR-11"))
    treatments = {total.treatment for total in document.taxes or ()}
    if "reverse_charge" in treatments and "vat_identifier" not in buyer_numbers(document):
        has = "no VAT id" if not buyer.vat_id else f"'{text(buyer.vat_id)}', which is no VAT id"
        yield where, f"reverse charge, and the buyer has {has} (BR-AE-02)", _in_accounts("vat_id")


def _of_addresses(document: Document, profile: Profile) -> Iterator[Reason]:
    hint = "write the code of the list EAS as electronic_address_scheme, like 9930 or 0204"
    for where, party in (("seller", document.seller), ("buyer", document.buyer)):
        address, scheme = electronic_address(party, profile)
        wrong = what_is_wrong_with(address, scheme, profile) if address else ""
        if wrong:
            yield where, f"the electronic address of the {where} {wrong}", hint


def _of_peppol(document: Document) -> Iterator[Reason]:
    seller, buyer = document.seller, document.buyer
    for where, party, hint, rule in (
        ("seller", seller, _in_settings, "PEPPOL-EN16931-R020"),
        ("buyer", buyer, _in_accounts, "PEPPOL-EN16931-R010"),
    ):
        if not text(party.electronic_address):
            yield (
                where,
                f"the {where} has no electronic address ({rule})",
                hint("electronic_address and electronic_address_scheme"),
            )
    if not (text(buyer.buyer_reference) or text(buyer.purchase_order)):
        yield (
            "buyer",
            "Peppol wants a reference of the buyer or a purchase order (PEPPOL-EN16931-R003)",
            _in_accounts("buyer_reference or purchase_order"),
        )


def _of_name_and_country(
    party: Party, where: str, place: str, rules: tuple[str, str]
) -> Iterator[Reason]:
    of_name, of_country = rules
    if not text(party.name):
        yield where, f"the {where} has no name ({of_name})", f"fill in name {place}"
    hint = f"fill in country {place} with a code of ISO 3166-1, like DE"
    if not party.country:
        yield where, f"the {where} has no country ({of_country})", hint
    elif party.country not in COUNTRIES:
        what = f"the {where} has the country '{party.country}', which is unknown (BR-CL-14)"
        yield where, what, hint


def _in_settings(names: str) -> str:
    return f"fill in {names} under [seller] of tollbook.toml; what is issued from then on has it"


def _in_accounts(names: str) -> str:
    return f"fill in {names} of the account in accounts.csv; what is issued from then on has it"


CHECKS: tuple[Callable[[Document, Profile], Iterator[Reason]], ...] = (
    _of_state,
    _of_currency,
    _of_lines,
    _of_taxes,
    _of_seller,
    _of_buyer,
    _of_addresses,
)
