"""Writing documents: an invoice and its lines as what `tollbook invoice show --format json` prints.

A document names no run, no load and no clock: the same inputs give the same bytes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from metering.output import quantity_text
from metering.period import Month
from pricing.document import SCHEMA
from pricing.invoice import Drafts
from pricing.money import amount_text
from pricing.tax import TREATMENT_WORDS


def documents(drafts: Drafts) -> Iterator[dict[str, Any]]:
    """Write each invoice as a document: what `pricing.document.Document` reads."""
    lines = _grouped(drafts.lines, "invoice_id")
    details = _grouped(drafts.details, "line_id")
    taxes = _grouped(drafts.taxes, "invoice_id")
    used = _grouped(drafts.credits, "invoice_id")
    for invoice in drafts.invoices.iter_rows(named=True):
        invoice_id, currency = invoice["invoice_id"], invoice["currency"]
        writer = _Writer(sign=-1 if invoice["kind"] == "credit_note" else 1, currency=currency)
        parties = json.loads(invoice["parties"])
        own_lines = [(line, details.get(line["line_id"], [])) for line in lines.get(invoice_id, [])]
        yield {
            "schema": SCHEMA,
            **{name: invoice[name] for name in ("invoice_id", "account_id", "name", "purpose")},
            **_period(invoice),
            **{name: invoice[name] for name in ("kind", "state", "number")},
            **{name: invoice[name] for name in ("issue_date", "due_date", "payment_terms_days")},
            "corrects": json.loads(invoice["corrects"]),
            "reason": invoice["reason"],
            **{name: parties[name] for name in ("seller", "buyer", "style")},
            "currency": currency,
            "net": writer.amount(invoice["net_minor"]),
            "taxes": None
            if invoice["tax_minor"] is None
            else [writer.tax(tax) for tax in taxes.get(invoice_id, [])],
            "total": writer.amount(invoice["total_minor"]),
            "credits": [writer.credit(credit) for credit in used.get(invoice_id, [])],
            "due": writer.amount(invoice["due_minor"]),
            "lines": [writer.line(line, found, parties) for line, found in own_lines],
            "days": _days(invoice),
            "coverage": json.loads(invoice["coverage"]),
            "blocked": json.loads(invoice["blocked"]),
        }


@dataclass(frozen=True)
class _Writer:
    """Writes the numbers of one document; those of a credit note with the sign turned."""

    sign: int
    currency: str

    def amount(self, minor: int) -> str:
        return amount_text(self.sign * minor, self.currency)

    def exact(self, number: Decimal | None) -> str | None:
        is_turned = self.sign < 0 and number is not None and number != 0
        return exact_text(number.copy_negate() if is_turned and number is not None else number)

    def tax(self, tax: Mapping[str, Any]) -> dict[str, object]:
        return {
            "treatment": tax["treatment"],
            "name": tax["name"],
            "rate_ratio": exact_text(tax["rate_ratio"]),
            "taxable": self.amount(tax["taxable_minor"]),
            "tax": self.amount(tax["tax_minor"]),
            "legal_note": tax["legal_note"],
        }

    def credit(self, credit: Mapping[str, Any]) -> dict[str, object]:
        return {"credit_id": credit["credit_id"], "amount": self.amount(credit["amount_minor"])}

    def line(
        self,
        line: Mapping[str, Any],
        details: Iterable[Mapping[str, Any]],
        parties: Mapping[str, Any],
    ) -> dict[str, object]:
        other = parties["accounts"].get(line["account_id"], {})
        return {
            **{name: line[name] for name in ("line_id", "account_id")},
            "account_name": other.get("name", ""),
            "cost_centre": other.get("cost_centre", ""),
            **{name: line[name] for name in ("charge", "plan", "kind", "period", "is_correction")},
            "quantity": self.exact(line["quantity"]),
            "amount": self.amount(line["amount_minor"]),
            "currency": line["currency"],
            "tax": _line_tax(line),
            "details": [self._detail(detail) for detail in details],
        }

    def _detail(self, detail: Mapping[str, Any]) -> dict[str, object]:
        cell = ("meter", "market", "category", "pricing_type", "tier")
        return {
            **{name: detail[name] for name in cell},
            "quantity": self.exact(detail["quantity"]),
            "priced_quantity": self.exact(detail["priced_quantity"]),
            "unit_price": exact_text(detail["unit_price"]),
            "amount": self.exact(detail["amount"]),
            **{name: detail[name] for name in ("rate_date", "evidence", "status", "note")},
            # Older documents do not know of senders, and must read as they did.
            **({} if detail["sender_id"] is None else {"sender_id": detail["sender_id"]}),
        }


def _period(invoice: Mapping[str, Any]) -> dict[str, object]:
    month = Month.parse(invoice["period"])
    return {
        "period": invoice["period"],
        "period_start_at": invoice["period_start_at"].astimezone(UTC),
        "period_end_at": invoice["period_end_at"].astimezone(UTC),
        "period_first_day": month.first_day,
        "period_last_day": month.last_day,
    }


def _days(invoice: Mapping[str, Any]) -> list[dict[str, object]]:
    first_day = Month.parse(invoice["period"]).first_day
    return [
        {"day": first_day + timedelta(days=number), "quantity": quantity}
        for number, quantity in enumerate(invoice["daily"] or ())
    ]


def _line_tax(line: Mapping[str, Any]) -> dict[str, object] | None:
    if line["tax_treatment"] is None:
        return None
    return {
        "treatment": line["tax_treatment"],
        "name": line["tax_name"],
        "rate_ratio": exact_text(line["tax_rate_ratio"]),
    }


def amounts_in_words(document: Mapping[str, Any]) -> list[str]:
    """Say what a document adds up to, from net to what is due, a sentence each.

    Example:
        >>> gst = {"name": "GST", "treatment": "standard", "rate_ratio": "0.18", "legal_note": None}
        >>> amounts = {"net": "50.00", "total": "59.00", "currency": "INR"}
        >>> taxes = [{**gst, "taxable": "50.00", "tax": "9.00"}]
        >>> for sentence in amounts_in_words({**amounts, "taxes": taxes, "credits": []}):
        ...     print(sentence)
        Net 50.00 INR
        GST 18% of 50.00: 9.00 INR
        Total 59.00 INR
    """
    currency = document["currency"]
    said = [f"Net {document['net']} {currency}"] if document["taxes"] else []
    for tax in document["taxes"] or ():
        name = tax_in_words(tax["treatment"], tax["name"], Decimal(tax["rate_ratio"]))
        note = f" ({tax['legal_note']})" if tax["legal_note"] else ""
        said.append(f"{name} of {tax['taxable']}: {tax['tax']} {currency}{note}")
    said.append(f"Total {document['total']} {currency}")
    paid = [f"Credit {c['credit_id']}: -{c['amount']} {currency}" for c in document["credits"]]
    return [*said, *paid, *([f"Due {document['due']} {currency}"] if paid else [])]


def tax_in_words(treatment: str, name: str, rate_ratio: Decimal) -> str:
    """Name a tax and its rate, like: VAT 19%."""
    words = (name, TREATMENT_WORDS[treatment], f"{rate_ratio.scaleb(2).normalize():f}%")
    return " ".join(word for word in words if word)


def exact_text(amount: Decimal | None) -> str | None:
    """Write an exact amount or a unit price without the zeros of its scale.

    Example:
        >>> exact_text(Decimal("0.006800000000")), exact_text(Decimal("100.00"))
        ('0.0068', '100')
    """
    return None if amount is None else quantity_text(amount)


def _grouped(frame: pl.DataFrame, key: str) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in frame.sort(key, "position").iter_rows(named=True):
        grouped.setdefault(row[key], []).append(row)
    return grouped
