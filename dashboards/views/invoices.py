"""The invoices of a month: a list with its totals, and one of them with its lines and details."""

import json
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from dashboards.figures import totals
from dashboards.filters import choose_invoices
from dashboards.finance import Desk
from dashboards.format import amount, count, exact, month_name, plain, signed_amount
from dashboards.load import Generation
from dashboards.moves import moves
from dashboards.views.actions import (
    ask_about,
    say_outcome,
    show_actions_of,
    show_actions_of_month,
)
from dashboards.views.blocked import show_blocked_of_month
from dashboards.views.difference import show_difference_of_month
from dashboards.views.document import show_files_of, show_history_of, show_messages_of
from dashboards.views.parts import say_empty, show_heading, show_table
from dashboards.words import text
from metering.period import Month
from pricing.explain import words

WORDS_MAX = 8


def show(generation: Generation, month: str, desk: Desk) -> None:
    """Draw the view."""
    say_outcome()
    invoices = generation.invoices(month)
    if invoices.is_empty():
        say_empty(text.NO_BILL, month=month_name(month), iso=month)
        return
    chosen, selection = choose_invoices(invoices)
    if chosen.is_empty():
        st.info(text.NO_MATCH.format(month=month_name(month)))
        return
    _show_totals(chosen)
    _show_list(chosen, month, key=f"rows/{generation.folder.name}/{month}/{selection}")
    st.caption(text.SHOWN.format(shown=count(chosen.height), count=count(invoices.height)))
    show_blocked_of_month(month, invoices)
    show_difference_of_month(generation, month)
    show_actions_of_month(desk, month, invoices)
    invoice_id = st.selectbox(
        text.INVOICE,
        chosen["invoice_id"].to_list(),
        index=None,
        placeholder=text.INVOICE_HINT,
        key="invoice",
        bind="query-params",
    )
    if invoice_id is not None:
        invoice = chosen.row(by_predicate=pl.col("invoice_id") == invoice_id, named=True)
        _show_invoice(generation, month, invoice, desk)


def _show_totals(invoices: pl.DataFrame) -> None:
    with st.container(horizontal=True):
        for total in totals(invoices):
            label = text.TOTAL_OF if total.invoice_count > 1 else text.TOTAL_OF_ONE
            st.metric(
                label.format(currency=total.currency, count=count(total.invoice_count)),
                amount(total.amount_minor, total.currency),
                border=True,
                width="content",
            )


def _show_list(invoices: pl.DataFrame, month: str, *, key: str) -> None:
    columns = ("total_minor", "currency")
    amounts = [amount(*row) for row in invoices.select(columns).iter_rows()]
    blocked = (
        pl.when("is_blocked").then(pl.lit(text.BLOCKED_YES)).otherwise(pl.lit(text.BLOCKED_NO))
    )
    table = invoices.select(
        pl.col("name").alias(text.NAME),
        pl.Series(text.TOTAL, amounts, pl.String),
        pl.col("currency").alias(text.CURRENCY),
        blocked.alias(text.BLOCKED),
        pl.col("state").alias(text.STATE_NAME),
        pl.col("line_count").alias(text.LINES),
        pl.col("account_id").alias(text.ACCOUNT),
        pl.col("number").fill_null("").alias(text.NUMBER),
    )
    if invoices["number"].is_null().all():
        table = table.drop(text.NUMBER)
    invoice_ids = invoices["invoice_id"].to_list()

    def choose(row: int) -> None:
        st.session_state["invoice"] = invoice_ids[row] if row >= 0 else None

    show_table(
        table,
        name=f"invoices-{month}",
        right=(text.TOTAL,),
        alt_text=text.INVOICES_ALT.format(count=count(table.height), month=month_name(month)),
        on_row=choose,
        key=key,
    )


def _show_invoice(generation: Generation, month: str, invoice: dict[str, Any], desk: Desk) -> None:
    st.subheader(plain(invoice["name"]), anchor=False)
    facts = {name: invoice[name] for name in ("invoice_id", "state", "purpose")}
    st.caption(plain(text.INVOICE_FACTS.format(month=month_name(month), **facts)))
    _show_blocked(invoice, month)
    lines = _named(generation.lines(month, invoice["invoice_id"]))
    with st.container(horizontal=True):
        show_actions_of(desk, month, invoice)
        show_files_of(desk, invoice)
    ask_about(desk, month, invoice, lines)
    if lines.is_empty():
        st.info(text.NO_LINES)
    else:
        _show_content(generation, month, invoice, lines, desk)
    show_history_of(desk, invoice)


def _show_content(
    generation: Generation,
    month: str,
    invoice: dict[str, Any],
    lines: pl.DataFrame,
    desk: Desk,
) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        _show_lines(lines, invoice)
    with right:
        charges = lines["charge"].to_list()
        charge = st.selectbox(text.DETAILS_OF, charges, key=_key_of_line(invoice))
        line = lines.row(charges.index(charge), named=True)
        details = generation.details(month, line["line_id"])
        _show_words(details, line)
    _show_details(details, line)
    show_messages_of(desk, invoice, line)
    _show_moves(generation, month, invoice, lines)


def _named(lines: pl.DataFrame) -> pl.DataFrame:
    """Tell the charge of a correction from that of the month: by its month, and its account."""
    names = [
        text.CORRECTION_OF.format(charge=charge, month=month_name(period))
        if is_correction
        else charge
        for charge, period, is_correction in lines.select(
            "charge", "period", "is_correction"
        ).iter_rows()
    ]
    named = lines.with_columns(pl.Series("charge", names, pl.String))
    again = pl.col("charge").is_duplicated()
    label = pl.format("{} · {}", "charge", "line_id")
    return named.with_columns(charge=pl.when(again).then(label).otherwise("charge"))


def _show_words(details: pl.DataFrame, line: dict[str, Any]) -> None:
    """Say how the line came about, as `tollbook invoice explain` does."""
    said = words(line, details.to_dicts())
    shown = [*said[:WORDS_MAX], *said[-2:]] if len(said) > WORDS_MAX + 2 else said
    show_heading(text.IN_WORDS.format(charge=line["charge"]))
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in shown))
    if len(said) > len(shown):
        st.caption(text.MORE_WORDS.format(count=count(len(said) - len(shown))))


def _show_moves(
    generation: Generation, month: str, invoice: dict[str, Any], lines: pl.DataFrame
) -> None:
    """Say why the invoice differs from that of the account in the month before."""
    earlier = str(Month.parse(month).previous())
    known = generation.invoices(earlier).filter(
        pl.col("account_id") == invoice["account_id"],
        pl.col("currency") == invoice["currency"],
        pl.col("kind") == "invoice",
    )
    if known.is_empty():
        st.caption(text.NO_INVOICE_BEFORE.format(month=month_name(earlier)))
        return
    before = known.row(0, named=True)
    found = moves(lines, _named(generation.lines(earlier, before["invoice_id"])))
    currency = invoice["currency"]
    difference = sum(move.amount_minor for move in found)
    show_heading(
        text.MOVES_TITLE.format(
            change=signed_amount(difference, currency),
            currency=currency,
            month=month_name(earlier),
        )
    )
    rows = [
        (
            move.charge,
            text.CAUSES[move.cause],
            signed_amount(move.amount_minor, currency),
            exact(move.quantity),
            exact(move.quantity_before),
        )
        for move in found
    ]
    names = (text.CHARGE, text.CAUSE, text.DIFFERENCE, text.QUANTITY, text.QUANTITY_BEFORE)
    show_table(
        pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row"),
        name=f"difference-{invoice['invoice_id']}",
        right=names[2:],
        alt_text=text.MOVES_ALT.format(invoice_id=invoice["invoice_id"]),
    )


def _show_blocked(invoice: dict[str, Any], month: str) -> None:
    if not invoice["is_blocked"]:
        return
    reasons = [
        f"- {plain(exact(Decimal(reason['quantity'])))} {plain(reason['what'])}: "
        + text.REMEDIES.get(reason["reason"], text.OTHER_REMEDY)
        for reason in json.loads(invoice["blocked"])
    ]
    st.warning("\n".join([text.IS_BLOCKED, "", *reasons, "", text.THEN_BILL.format(month=month)]))


def _show_lines(lines: pl.DataFrame, invoice: dict[str, Any]) -> None:
    amounts = [amount(*row) for row in lines.select("amount_minor", "currency").iter_rows()]
    table = lines.select(
        pl.col("charge").alias(text.CHARGE),
        pl.Series(text.QUANTITY, [exact(number) for number in lines["quantity"]], pl.String),
        pl.Series(text.AMOUNT, amounts, pl.String),
        pl.col("currency").alias(text.CURRENCY),
        pl.col("kind").replace(text.KINDS).alias(text.KIND),
        pl.col("plan").alias(text.PLAN),
    )
    charges = lines["charge"].to_list()

    def choose(row: int) -> None:
        if row >= 0:
            st.session_state[_key_of_line(invoice)] = charges[row]

    show_table(
        table,
        name=f"lines-{invoice['invoice_id']}",
        right=(text.QUANTITY, text.AMOUNT),
        height="content",
        alt_text=text.LINES_ALT.format(invoice_id=invoice["invoice_id"]),
        on_row=choose,
        key=f"rows/lines/{invoice['invoice_id']}",
    )
    st.markdown(_total_in_words(invoice, lines.height))


def _total_in_words(invoice: dict[str, Any], line_count: int) -> str:
    currency = invoice["currency"]
    said = text.INVOICE_TOTAL if invoice["tax_minor"] is None else text.INVOICE_WITH_TAX
    amounts = {
        name: amount(invoice[f"{name}_minor"] or 0, currency) for name in ("net", "tax", "due")
    }
    total = amount(invoice["total_minor"], currency)
    return said.format(amount=total, currency=currency, lines=count(line_count), **amounts)


def _show_details(details: pl.DataFrame, line: dict[str, Any]) -> None:
    numbers = {
        name: pl.Series([exact(number) for number in details[name]], dtype=pl.String)
        for name in ("quantity", "priced_quantity", "unit_price", "amount")
    }
    table = details.select(
        pl.col("market").alias(text.MARKET),
        pl.col("category").alias(text.CATEGORY),
        pl.col("pricing_type").alias(text.PRICING_TYPE),
        pl.col("tier").cast(pl.String).alias(text.TIER),
        numbers["quantity"].alias(text.QUANTITY),
        numbers["priced_quantity"].alias(text.PRICED_QUANTITY),
        numbers["unit_price"].alias(text.UNIT_PRICE),
        numbers["amount"].alias(text.EXACT_AMOUNT),
        pl.col("status").alias(text.STATUS),
        pl.col("note").alias(text.NOTE),
        pl.col("rate_date").cast(pl.String).alias(text.RATE_DATE),
        pl.col("evidence").alias(text.EVIDENCE),
    )
    filled = [name for name in table.columns if table[name].null_count() < table.height]
    numbers_shown = (text.QUANTITY, text.PRICED_QUANTITY, text.UNIT_PRICE, text.EXACT_AMOUNT)
    show_table(
        table.select(filled).fill_null(""),
        name=f"details-{line['line_id']}",
        right=[name for name in numbers_shown if name in filled],
        alt_text=text.DETAILS_ALT.format(charge=line["charge"]),
        key=f"rows/details/{line['line_id']}",
    )
    st.caption(
        text.DETAILS_SUM.format(
            exact=exact(line["amount_exact"]),
            amount=amount(line["amount_minor"], line["currency"]),
            currency=line["currency"],
        )
    )


def _key_of_line(invoice: dict[str, Any]) -> str:
    """Where the page keeps which line of an invoice is explained."""
    return f"line/{invoice['invoice_id']}"
