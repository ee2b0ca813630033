"""Credit notes that a person writes: for a line, an amount or the whole of an issued invoice.

What is credited of a line never exceeds what is left of it. The tax of the credit notes of an
invoice is that of what they credit together, so that they never add up to more than its tax. What
prepaid credits paid of it goes back to them: see `pricing.life.returned_credit`. What a note was
written of is kept in the trail, so that it can be written again and compared.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import polars as pl

from metering.errors import UsageError
from pricing.archive import Archive
from pricing.invoice import INVOICE, LINE, LINE_DETAIL, Drafts
from pricing.life.returned_credit import credits_returned
from pricing.life.trail import record
from pricing.money import amount_text, exact_of, minor_of, split_minor
from pricing.outcome import NO_USAGE
from pricing.tax import TAX

LISTED_MAX = 20  # lines that an error lists


@dataclass(frozen=True)
class Wish:
    """What is to be credited of an invoice."""

    reason: str
    line_id: str | None = None  # or what `line_named` takes; where there is none, the whole invoice
    amount: Decimal | None = None  # net of tax, in major units; all that is left where absent
    bills_again: bool = False  # what is credited counts as not invoiced: its month is billed again


Taxed = Mapping[tuple[str, str, Decimal], tuple[int, int]]


@dataclass(frozen=True)
class Basis:
    """What a credit note is written of, in minor units."""

    parts: Mapping[str, int]  # what is credited of each line of the invoice
    credited: Mapping[str, int]  # what earlier notes took off each line
    taxed: Taxed  # what they took off, and the tax on it, by treatment, name and rate of the tax

    def facts(self) -> dict[str, Any]:
        taxed = [[*key[:2], str(key[2]), *amounts] for key, amounts in self.taxed.items()]
        return {"parts": dict(self.parts), "credited": dict(self.credited), "taxed": taxed}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Basis":
        taxed = {(k, name, Decimal(rate)): (own, tax) for k, name, rate, own, tax in facts["taxed"]}
        return cls(facts["parts"], facts["credited"], taxed)


def draft_credit_note(archive: Archive, invoice_id: str, wish: Wish, *, actor: str) -> str:
    """Draft a credit note and answer its id; it is approved and issued like an invoice.

    Raises:
        UsageError: there is no such line, or more is asked for than what is left.
    """
    drafts = archive.drafts_of(invoice_id=invoice_id)
    invoice = drafts.invoices.row(0, named=True)
    _check_issued(invoice)
    credited = _credited(archive, invoice_id)
    basis = Basis(_parts(drafts, credited, wish), credited, _taxed(archive, invoice_id))
    note_id = _next_id(archive, invoice)
    with archive.transaction():
        head, lines, details, taxes = _written(drafts, basis, note_id, wish.reason)
        returned = credits_returned(archive, drafts, -head["total_minor"].item(), note_id)
        head = _with_credits(head, returned)
        own = {"bills_again": wish.bills_again}
        made_of = {"credits_invoice_id": invoice_id, "run_id": _run_id(archive, invoice_id)}
        archive.append(
            "invoices",
            head.with_columns(pl.lit(value).alias(name) for name, value in (own | made_of).items()),
        )
        archive.append("lines", lines)
        archive.append("details", details)
        archive.append("taxes", taxes)
        archive.append("credits_used", returned)
        facts = {
            "credits": invoice["number"],
            "total": amount_text(head["total_minor"].item(), invoice["currency"]),
            "currency": invoice["currency"],
            "bills_again": wish.bills_again,
            "of": basis.facts(),
        }
        record(
            archive,
            actor=actor,
            action="credit_note.drafted",
            object_id=note_id,
            reason=wish.reason,
            facts=facts,
        )
    return note_id


def write_again(archive: Archive, note_id: str) -> Drafts:
    """Write a credit note again, of the invoice as it is and of what the trail kept of the note.

    What came back to prepaid credits is taken as it was kept.

    Raises:
        UsageError: an older version wrote it, which kept nothing of it.
    """
    query = (
        "select reason, facts from trail where action = 'credit_note.drafted'"
        " and object = $note_id order by sequence desc limit 1"
    )
    reason, text = archive.frame(query, {"note_id": note_id}).row(0)
    facts = json.loads(text)
    if "of" not in facts:
        raise UsageError(
            f"'{note_id}' cannot be computed again: an older version wrote it",
            where="INVOICE_ID",
            hint="its bytes are checked by: tollbook verify",
        )
    credited_id = archive.value(
        "select credits_invoice_id from invoices where invoice_id = $note_id", {"note_id": note_id}
    )
    kept = archive.drafts_of(invoice_id=note_id).credits
    head, lines, details, taxes = _written(
        archive.drafts_of(invoice_id=credited_id), Basis.of(facts["of"]), note_id, reason
    )
    return Drafts(_with_credits(head, kept), lines.select(LINE.names()), details, taxes, kept)


def discard(archive: Archive, invoice_id: str, *, actor: str, reason: str) -> None:
    """Remove a draft of a credit note; the trail keeps that it was there."""
    query = "select count(*) from invoices where invoice_id = $invoice_id and state = 'draft'"
    given = {"invoice_id": invoice_id}
    if not archive.value(f"{query} and origin = 'credit'", given):
        raise UsageError(
            f"'{invoice_id}' is no draft of a credit note",
            where="INVOICE_ID",
            hint="drafts of invoices are replaced by the next run of tollbook bill",
        )
    of_lines = "select line_id from lines where invoice_id = $invoice_id"
    with archive.transaction():
        archive.execute(f"delete from details where line_id in ({of_lines})", given)
        for table in ("lines", "taxes", "credits_used", "invoices"):
            archive.execute(f"delete from {table} where invoice_id = $invoice_id", given)
        record(
            archive,
            actor=actor,
            action="credit_note.discarded",
            object_id=invoice_id,
            reason=reason,
        )


def _check_issued(invoice: Mapping[str, Any]) -> None:
    if invoice["state"] != "issued" or invoice["kind"] != "invoice":
        raise UsageError(
            f"'{invoice['invoice_id']}' is no issued invoice",
            where="INVOICE_ID",
            hint="only what was issued can be credited; a draft is replaced by tollbook bill",
        )


def _credited(archive: Archive, invoice_id: str) -> dict[str, int]:
    """What credit notes took off each line of an invoice so far, in minor units."""
    query = (
        "select credits_line_id, -sum(amount_minor)::bigint as credited_minor"
        " from lines semi join (select invoice_id from invoices"
        " where credits_invoice_id = $invoice_id and state <> 'void') using (invoice_id)"
        " group by credits_line_id"
    )
    return dict(archive.frame(query, {"invoice_id": invoice_id}).rows())


def _parts(drafts: Drafts, credited: Mapping[str, int], wish: Wish) -> dict[str, int]:
    """Say how much of each line is credited, in minor units."""
    invoice = drafts.invoices.row(0, named=True)
    left = {
        line_id: minor - credited.get(line_id, 0)
        for line_id, minor in drafts.lines.select("line_id", "amount_minor").rows()
    }
    line_id = None if wish.line_id is None else line_named(drafts.lines, wish.line_id)
    chosen = left if line_id is None else {line_id: left[line_id]}
    all_left, currency = sum(chosen.values()), invoice["currency"]
    if wish.amount is None:
        parts = chosen
    else:
        asked = minor_of(wish.amount, currency)
        if exact_of(asked, currency) != wish.amount or not 0 < asked <= all_left:
            raise UsageError(
                f"{wish.amount} {currency} cannot be credited: {amount_text(all_left, currency)}"
                " is left, net of tax",
                where="--amount",
                hint="give an amount above 0 and up to that, in whole minor units",
            )
        positive = {name: minor for name, minor in chosen.items() if minor > 0}
        shares = split_minor(asked, [Decimal(minor) for minor in positive.values()])
        parts = dict(zip(positive, shares, strict=True))
    parts = {name: minor for name, minor in parts.items() if minor}
    if not parts or not sum(left.values()):
        raise UsageError(
            "nothing is left to credit",
            where=line_id or "INVOICE_ID",
            hint="credit notes took all of it: tollbook invoice list shows them",
        )
    _check_left(sum(parts.values()), sum(left.values()), currency)
    return parts


def line_named(lines: pl.DataFrame, name: str) -> str:
    """Find the line of an invoice that is meant: by its id, what its id ends with, or its charge.

    Raises:
        UsageError: no line is called that, or more than one.
    """
    line_ids = lines["line_id"].to_list()
    if name in line_ids:
        return name
    is_meant = pl.col("line_id").str.ends_with(f"#{name}") | (pl.col("charge") == name)
    meant: list[str] = lines.filter(is_meant)["line_id"].to_list()
    if len(meant) == 1:
        return meant[0]
    listed = ", ".join((meant or line_ids)[:LISTED_MAX])
    more = " ..." if len(meant or line_ids) > LISTED_MAX else ""
    raise UsageError(
        f"'{name}' may be {len(meant)} lines" if meant else f"there is no line '{name}'",
        where="--line",
        hint=f"give one of these: {listed}{more}",
    )


def _check_left(asked: int, left: int, currency: str) -> None:
    """Check that a credit note takes something off an invoice, and no more than it comes to."""
    if not 0 < asked <= left:
        raise UsageError(
            f"{amount_text(asked, currency)} {currency} cannot be credited:"
            f" {amount_text(left, currency)} {currency} is left of the invoice, net of tax",
            where="--line",
            hint="discounts took a part of it: give an --amount up to that, or credit the whole",
        )


def _next_id(archive: Archive, invoice: Mapping[str, Any]) -> str:
    query = (
        "select max(split_part(invoice_id, '/', 3)::bigint) + 1 from invoices"
        " where account_id = $account_id and period = $period"
    )
    given = {name: invoice[name] for name in ("account_id", "period")}
    return f"{invoice['account_id']}/{invoice['period']}/{archive.value(query, given)}"


def _run_id(archive: Archive, invoice_id: str) -> int:
    query = "select run_id from invoices where invoice_id = $invoice_id"
    return int(archive.value(query, {"invoice_id": invoice_id}))


def _written(
    drafts: Drafts, basis: Basis, note_id: str, reason: str
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Write the head, lines, details and taxes of a credit note for the invoice in `drafts`."""
    lines, details = _lines(drafts, basis, note_id)
    taxes = _taxes(drafts, lines, basis.taxed, note_id)
    head = _head(drafts.invoices.row(0, named=True), lines, taxes, note_id, reason)
    return head, lines, details, taxes


def _lines(drafts: Drafts, basis: Basis, note_id: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Write the lines of a credit note, and its details: those of a line that goes as a whole."""
    lines: list[dict[str, Any]] = []
    details: list[pl.DataFrame] = []
    for line in drafts.lines.iter_rows(named=True):
        minor = basis.parts.get(line["line_id"])
        if minor is None:
            continue
        is_whole = minor == line["amount_minor"] and not basis.credited.get(line["line_id"])
        line_id = f"{note_id}#{line['line_id'].partition('#')[2]}"
        amount = exact_of(minor, line["currency"])
        lines.append(
            {
                **line,
                "line_id": line_id,
                "invoice_id": note_id,
                "is_correction": True,
                "position": len(lines),
                "quantity": -line["quantity"] if is_whole else Decimal(0),
                "amount_exact": -line["amount_exact"] if is_whole else -amount,
                "amount_minor": -minor,
                "credits_line_id": line["line_id"],
            }
        )
        own = drafts.details.filter(pl.col("line_id") == line["line_id"])
        taken_off = own.with_columns(
            -pl.col(name) for name in ("quantity", "priced_quantity", "amount")
        )
        flat = _flat_detail(own, -amount)
        details.append((taken_off if is_whole else flat).with_columns(line_id=pl.lit(line_id)))
    schema = {**LINE, "credits_line_id": pl.String()}
    frame = pl.DataFrame([[line[name] for name in schema] for line in lines], schema, orient="row")
    return frame, pl.concat(details)


def _flat_detail(own: pl.DataFrame, amount: Decimal) -> pl.DataFrame:
    row = {
        **dict.fromkeys(LINE_DETAIL),
        **own.select("version_from", "rate_date").row(0, named=True),
        "position": 0,
        "status": "billed",
        "quantity": Decimal(0),
        "priced_quantity": Decimal(1).copy_sign(amount),  # a price is never negative
        "unit_price": abs(amount),
        "amount": amount,
        "note": "credited",
    }
    return pl.DataFrame([[row[name] for name in LINE_DETAIL]], LINE_DETAIL, orient="row")


def _taxed(archive: Archive, invoice_id: str) -> Taxed:
    """What credit notes took off an invoice so far, and the tax on it."""
    query = (
        "select treatment, name, rate_ratio, sum(taxable_minor)::bigint as taxable_minor,"
        " sum(tax_minor)::bigint as tax_minor from taxes semi join"
        " (select invoice_id from invoices where credits_invoice_id = $invoice_id"
        " and state <> 'void') using (invoice_id) group by all"
    )
    rows = archive.frame(query, {"invoice_id": invoice_id}).rows()
    return {row[:3]: row[3:] for row in rows}


def _taxes(drafts: Drafts, lines: pl.DataFrame, before: Taxed, note_id: str) -> pl.DataFrame:
    """Tax a credit note: what is credited by now, less what was taxed of it before."""
    keys = ["tax_treatment", "tax_name", "tax_rate_ratio"]
    sums = {row[:3]: row[3] for row in lines.group_by(keys).agg(pl.sum("amount_minor")).rows()}
    rows: list[dict[str, Any]] = []
    for tax in drafts.taxes.iter_rows(named=True):
        key = (tax["treatment"], tax["name"], tax["rate_ratio"])
        if key not in sums:
            continue
        taxed_before, tax_before = before.get(key, (0, 0))
        so_far = _share(tax["tax_minor"], taxed_before + sums[key], tax["taxable_minor"])
        own = {"invoice_id": note_id, "position": len(rows), "taxable_minor": sums[key]}
        rows.append({**tax, **own, "tax_minor": so_far - tax_before})
    return pl.DataFrame([[row[name] for name in TAX] for row in rows], TAX, orient="row")


def _share(tax_minor: int, taxable_minor: int, all_minor: int) -> int:
    """The tax on a part of a sum, rounded half away from zero; negative as the part is."""
    with localcontext(prec=60):
        exact = Decimal(tax_minor) * taxable_minor / all_minor if all_minor else Decimal(0)
        return int(exact.to_integral_value("ROUND_HALF_UP"))


def _head(
    invoice: Mapping[str, Any], lines: pl.DataFrame, taxes: pl.DataFrame, note_id: str, reason: str
) -> pl.DataFrame:
    net = int(lines["amount_minor"].sum())
    is_taxed = invoice["tax_minor"] is not None
    tax = int(taxes["tax_minor"].sum()) if is_taxed else None
    total = net + (tax or 0)
    row = {
        **invoice,
        "invoice_id": note_id,
        "kind": "credit_note",
        "state": "draft",
        "origin": "credit",
        "number": None,
        "issue_date": None,
        "due_date": None,
        "payment_terms_days": 0,
        "net_minor": net,
        "tax_minor": tax,
        "total_minor": total,
        "credit_minor": 0,
        "due_minor": total,
        "line_count": lines.height,
        "is_blocked": False,
        "daily": [],
        "corrects": json.dumps(_reference(invoice)),
        "reason": reason,
        "coverage": json.dumps(NO_USAGE),
        "blocked": "[]",
    }
    return pl.DataFrame([[row[name] for name in INVOICE]], INVOICE, orient="row")


def _with_credits(head: pl.DataFrame, returned: pl.DataFrame) -> pl.DataFrame:
    credit_minor = int(returned["amount_minor"].sum())
    return head.with_columns(
        credit_minor=pl.lit(credit_minor, pl.Int64),
        due_minor=pl.col("total_minor") - credit_minor,
    )


def _reference(invoice: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    return [{"number": invoice["number"], "issue_date": invoice["issue_date"].isoformat()}]
