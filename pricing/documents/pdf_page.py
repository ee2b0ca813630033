"""What stands on the pages of a printed document, all of it as text: `invoice.typ` lays it out."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from pricing.document import Document, Line, Party, TaxTotal
from pricing.documents.pdf_details import details_of
from pricing.documents.pdf_usage import usage_of
from pricing.documents.pdf_words import Words, aligned, capital, words_of
from pricing.documents.shown_line import ShownLine, shown_lines

# Where the town stands before its code.
TOWN_FIRST = frozenset("AE AU CA GB HK ID IE IN NZ PH SA SG TH US VN ZA".split())
INK = "#1d2327"


def page_of(document: Document) -> dict[str, Any]:
    """Write all texts of a document, as `content.json` for the template."""
    words = words_of(document.style.language)
    shown = shown_lines(document)
    heading = words[document.kind]
    is_draft = document.number is None
    return {
        "words": words.words,
        "language": words.language,
        "right_to_left": words.is_right_to_left,
        **_colors(document.style.color),
        "fingerprint": fingerprint(document),
        "title": f"{heading} {document.number or document.invoice_id}",
        "heading": heading,
        "number": document.number,
        "made": _made_on(document),
        "draft": is_draft,
        "draft_note": words["draft_note"],
        "blocked": _blocked(document, words),
        "reason": document.reason and words.given(document.reason),
        "seller": {
            "name": document.seller.name,
            "return_line": " · ".join(
                words.given(part)
                for part in (document.seller.name, *_address(document.seller, words))
            ),
        },
        "buyer": {
            "name": words.given(document.buyer.name),
            "lines": list(_buyer_lines(document, words)),
        },
        "footer": list(_footer(document, words)),
        "facts": [[label, value] for label, value in _facts(document, words) if value],
        "strip": list(_strip(document, words)),
        "taxed": document.taxes is not None,
        "amount_heading": f"{words['amount']} ({document.currency})",
        "by_price": document.style.lines == "by_price",
        "rows": _rows(document, shown, words),
        "totals": list(_totals(document, words)),
        "due": [_due_label(document, words), words.money(document.due, document.currency)],
        "legal_notes": list(dict.fromkeys(_legal_notes(document.taxes or ()))),
        "payment": _payment(document, words),
        "usage": usage_of(document, words),
        "details": details_of(document, shown, words),
    }


def fingerprint(document: Document) -> str:
    """Name the content of a document; its PDF has it among its keywords.

    What the content does not say is left out: a later version of Tollbook may know more keys.
    """
    content = document.model_dump_json(by_alias=True, exclude_unset=True)
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


def _made_on(document: Document) -> list[int]:
    """The day that the file says it was made on: not today, so that its bytes stay the same."""
    day = document.issue_date or document.period_last_day
    return [day.year, day.month, day.day]


def _colors(color: str) -> dict[str, str]:
    """Find what can be read on the seller's colour, and what can be read of it on white."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    is_dark = 299 * red + 587 * green + 114 * blue < 150_000
    return {
        "color": color,
        "strong": color if is_dark else INK,
        "on_color": "#ffffff" if is_dark else INK,
    }


def _blocked(document: Document, words: Words) -> list[str]:
    if document.number is not None or not document.blocked:
        return []
    reasons = [f"{reason.get('quantity', '')} {reason['what']}" for reason in document.blocked]
    return [f"{words['blocked']}: {reason.strip()}" for reason in reasons]


# Who and when


def _address(party: Party, words: Words, *, country: bool = False) -> Iterator[str]:
    yield from (line for line in party.address_lines if line)
    place = [party.postal_code, party.city]
    if party.country in TOWN_FIRST:
        place.reverse()
    if any(place):
        yield " ".join(part for part in place if part)
    if country and party.country:
        yield words.country(party.country)


def _buyer_lines(document: Document, words: Words) -> Iterator[str]:
    abroad = document.buyer.country != document.seller.country
    for line in _address(document.buyer, words, country=abroad):
        yield words.given(line)


def _footer(document: Document, words: Words) -> Iterator[list[str]]:
    seller = document.seller
    *street, place = [seller.name, *_address(seller, words)]
    country = words.country(seller.country) if street and seller.country else ""
    address = [*street, ", ".join(part for part in (place, country) if part)]
    yield [words.given(line) for line in address]
    known = (
        ("vat_id", seller.vat_id),
        ("tax_number", seller.tax_number),
        ("registration_number", seller.registration_number),
        ("phone", seller.phone),
        ("email", seller.email),
    )
    listed = [f"{words[name]}: {words.given(value)}" for name, value in known if value]
    for column in (listed[:3], listed[3:]):
        if column:
            yield column


def _facts(document: Document, words: Words) -> Iterator[tuple[str, str]]:
    first, last = document.period_first_day, document.period_last_day
    yield words["period"], words.days(first, last)
    yield words["account"], words.given(document.account_id)
    for reference in document.corrects:
        number, day = words.given(reference.number), words.day(reference.issue_date)
        yield words["corrects"], words.say("corrected", number=number, date=day)
    yield words["purchase_order"], words.given(document.buyer.purchase_order)
    yield words["buyer_reference"], words.given(document.buyer.buyer_reference)
    yield words["your_vat_id"], words.given(document.buyer.vat_id)
    groups = _groups(document.lines)
    if len(groups) == 1:
        yield words.say("cost_centre", cost_centre="").strip(), words.given(groups[0].cost_centre)


def _strip(document: Document, words: Words) -> Iterator[list[str]]:
    yield [words["number"], document.number or words["draft"]]
    if document.issue_date:
        yield [words["issue_date"], words.day(document.issue_date)]
    if document.due_date and _asks_for_money(document):
        yield [words["due_date"], words.day(document.due_date)]
    yield [_due_label(document, words), words.money(document.due, document.currency)]


# Lines


@dataclass(frozen=True)
class _Group:
    account: str
    cost_centre: str
    sender_id: str | None = None


def _group_of(shown: ShownLine) -> _Group:
    return replace(_group(shown.line), sender_id=shown.sender_id)


def _groups(lines: Iterable[Line]) -> list[_Group]:
    return list(dict.fromkeys(_group(line) for line in lines))


def _group(line: Line) -> _Group:
    return _Group(line.account_name or line.account_id, line.cost_centre)


def _rows(document: Document, shown: Sequence[ShownLine], words: Words) -> list[dict[str, Any]]:
    """The lines; where they are of several accounts or cost centres, under a heading for each."""
    quantities = aligned([words.quantity(line.quantity) for line in shown], words)
    prices = aligned([_price(line, document.currency, words) for line in shown], words)
    rows = [_row(document, *given, words) for given in zip(shown, quantities, prices, strict=True)]
    groups = [*dict.fromkeys(map(_group_of, shown))]
    if len(groups) == 1:
        return rows
    return list(_grouped(document, groups, shown, rows, words))


def _price(shown: ShownLine, currency: str, words: Words) -> str:
    return "" if shown.unit_price is None else words.exact(shown.unit_price, currency)


def _grouped(
    document: Document,
    groups: Sequence[_Group],
    shown: Sequence[ShownLine],
    rows: Sequence[dict[str, Any]],
    words: Words,
) -> Iterator[dict[str, Any]]:
    for group in groups:
        own = [index for index, line in enumerate(shown) if _group_of(line) == group]
        centre = group.cost_centre and words.say("cost_centre", cost_centre=group.cost_centre)
        named = (group.account, centre, group.sender_id)
        parts = [words.given(part) for part in named if part]
        yield {"sort": "group", "name": " · ".join(parts)}
        yield from (rows[index] for index in own)
        subtotal = sum((shown[index].amount for index in own), Decimal(0))
        amount = words.amount(subtotal, document.currency)
        yield {"sort": "subtotal", "name": words["subtotal"], "amount": amount}


def _row(
    document: Document,
    shown: ShownLine,
    quantity: list[str],
    price: list[str],
    words: Words,
) -> dict[str, Any]:
    tax = shown.line.tax
    counts = shown.quantity or not shown.amount  # an amount may have none, as a discount
    return {
        "sort": "line",
        "name": words.given(capital(shown.charge)),
        "note": " · ".join(_notes(document, shown, words)),
        "quantity": quantity if counts else None,
        "price": price,
        "tax": "" if tax is None else words.percent(tax.rate_ratio),
        "amount": words.amount(shown.amount, document.currency),
    }


def _notes(document: Document, shown: ShownLine, words: Words) -> Iterator[str]:
    line = shown.line
    if line.period == document.period and document.kind == "credit_note":
        pass  # all of it is a correction
    elif line.is_correction:
        yield words.say("correction", month=words.month(line.period))
    elif line.period != document.period:
        yield words.say("for_month", month=words.month(line.period))
    if shown.market:
        yield words.given(shown.market)
    if shown.tier is not None:
        yield words.say("tier_of", tier=shown.tier)
    if shown.unit_price == 0:
        yield words["free"]
    if any(detail.amount is None for detail in line.details) and not shown.unit_price:
        yield words["price_unknown"]


# Sums and payment


def _totals(document: Document, words: Words) -> Iterator[list[str]]:
    currency = document.currency
    if document.taxes is not None:
        yield [words["net"], words.money(document.net, currency)]
        for tax in document.taxes:
            base = words.money(tax.taxable, currency)
            text = words.say("tax_on", tax=_tax_name(tax, words), amount=base)
            yield [text, words.money(tax.tax, currency)]
    if document.taxes is not None or document.credits:
        yield [words["total"], words.money(document.total, currency)]
    for used in document.credits:
        text = words.say("credit_used", credit=words.given(used.credit_id))
        yield [text, words.money(-used.amount, currency)]


def _tax_name(tax: TaxTotal, words: Words) -> str:
    treatment = words.treatment(tax.treatment)
    name = words.given(tax.name)
    if treatment:
        return f"{name} ({treatment})" if name else capital(treatment)
    return f"{name} {words.percent(tax.rate_ratio)}".strip()


def _legal_notes(taxes: Iterable[TaxTotal]) -> Iterator[str]:
    for tax in taxes:
        if tax.legal_note:
            yield tax.legal_note


def _due_label(document: Document, words: Words) -> str:
    return words["credited" if document.kind == "credit_note" else "due"]


def _asks_for_money(document: Document) -> bool:
    return document.kind == "invoice" and document.due > 0


def _payment(document: Document, words: Words) -> dict[str, Any]:
    if document.kind == "credit_note":
        return {"sentence": words["nothing_due_credit"], "fields": []}
    if not _asks_for_money(document):
        return {"sentence": words["nothing_due"], "fields": []}
    seller = document.seller
    fields = (
        ("account_holder", seller.name if seller.iban else ""),
        ("iban", " ".join(re.findall(".{1,4}", seller.iban.replace(" ", "")))),
        ("bic", seller.bic),
        ("payment_reference", document.number),
    )
    return {
        "sentence": _when_to_pay(document, words, document.due_date),
        "fields": [[words[name], value] for name, value in fields if value],
    }


def _when_to_pay(document: Document, words: Words, due_date: date | None) -> str:
    if due_date is None:
        return words.say("pay_within", days=document.payment_terms_days)
    amount = words.money(document.due, document.currency)
    return words.say("pay_by", amount=amount, date=words.day(due_date))
