"""How a line came about, in words and numbers that can be checked with a pencil."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any

import polars as pl

from metering.output import quantity_text
from pricing.document_writer import exact_text
from pricing.invoice import Drafts
from pricing.money import MINOR_DECIMALS, amount_text

EXPLANATION_SCHEMA = "tollbook.explanation/1"
COLUMNS = (
    *("quantity", "market", "category", "pricing_type", "tier", "priced_quantity", "unit_price"),
    *("amount", "rate_date", "evidence", "note"),
)
EXACT_COLUMNS = ("quantity", "priced_quantity", "unit_price", "amount")


def explain(drafts: Drafts, line_id: str) -> dict[str, Any]:
    """Unfold a line: its details, their exact sum, and the one rounding.

    `drafts` holds the invoice of the line. `words` says each step in a sentence.
    """
    line = drafts.lines.row(by_predicate=pl.col("line_id") == line_id, named=True)
    invoice = drafts.invoices.row(0, named=True)
    found = drafts.details.join(
        drafts.lines.filter(pl.col("line_id") == line_id),
        on="line_id",
        how="semi",
        maintain_order="left",
    )
    details = found.to_dicts()
    rows = [{name: _shown(name, detail[name]) for name in COLUMNS} for detail in details]
    return {
        "schema": EXPLANATION_SCHEMA,
        "line_id": line_id,
        "charge": line["charge"],
        "plan": line["plan"],
        "period": invoice["period"],
        "rows": rows,
        "amount_exact": exact_text(line["amount_exact"]),
        "amount": amount_text(line["amount_minor"], line["currency"]),
        "currency": line["currency"],
        "words": words(line, details),
    }


def words(line: Mapping[str, Any], details: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say each detail as a sentence, then their sum and how it was rounded."""
    said = [_sentence(detail, line["currency"]) for detail in details]
    exact, currency = line["amount_exact"], line["currency"]
    amount = amount_text(line["amount_minor"], currency)
    said.append(f"Together {exact_text(exact)} {currency}.")
    if Decimal(amount) == exact:
        return [*said, "Nothing had to be rounded."]
    decimals = MINOR_DECIMALS[currency]
    return [
        *said,
        f"Rounded once, half away from zero, to {decimals} decimals: {amount} {currency}.",
    ]


def words_of_detail(detail: Mapping[str, Any]) -> str:
    """Say a detail as a sentence; it has `currency`, and its numbers may be texts."""
    numbers = {name: detail[name] for name in EXACT_COLUMNS}
    exact = {name: None if n is None else Decimal(n) for name, n in numbers.items()}
    return _sentence({**detail, **exact}, detail["currency"])


def _sentence(detail: Mapping[str, Any], currency: str) -> str:
    quantity = quantity_text(detail["quantity"])
    cell = [detail[name] for name in ("market", "category", "pricing_type") if detail[name]]
    of = f" of {', '.join(cell)}" if cell else ""
    since = f" from {detail['rate_date']}"
    if detail["status"] == "unknown":
        return f"{quantity}{of}{since}: {detail['note']}; nothing is charged until it is known."
    tier = f" in tier {detail['tier']}" if detail["tier"] is not None else ""
    priced = quantity_text(detail["priced_quantity"])
    note = "; ".join(
        part for part in (detail["note"], _evidence(detail["evidence"])) if part is not None
    )
    amount, price = exact_text(detail["amount"]), exact_text(detail["unit_price"])
    because = f" ({note})" if note else ""
    if detail["quantity"] == 0:  # a flat amount, or what adjusts other lines
        times = "" if detail["priced_quantity"] == 1 else f"{priced} x {price} = "
        return f"{_capital(note) or 'Amount'}{since}: {times}{amount} {currency}."
    shared = ", for its time" if _is_prorated(detail) else ""
    counted = "" if priced == quantity else f", counted as {priced},"
    return f"{quantity}{of}{since}{tier}{counted} x {price}{shared} = {amount} {currency}{because}."


def _capital(note: str) -> str:
    return note[:1].upper() + note[1:]


def _evidence(evidence: str | None) -> str | None:
    return None if evidence is None else f"evidence: {evidence}"


def _is_prorated(detail: Mapping[str, Any]) -> bool:
    with localcontext(prec=60):
        return bool(detail["priced_quantity"] * detail["unit_price"] != detail["amount"])


def _shown(name: str, value: Any) -> Any:
    return exact_text(value) if name in EXACT_COLUMNS else value
