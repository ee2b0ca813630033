"""A document beside its lines: its files, what is open of it, and who did what with it."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from dashboards.finance import Desk, Standing, messages_in, pdf_of, standing, xml_of
from dashboards.format import amount, count, day, instant, moment, plain
from dashboards.views.parts import say_problem, show_heading, show_table
from dashboards.words import finance as words
from dashboards.words import text
from metering.errors import TollbookError, UsageError

MESSAGE = {
    "message": words.MESSAGE,
    "market": text.MARKET,
    "country": words.COUNTRY,
    "category": text.CATEGORY,
    "pricing_type": text.PRICING_TYPE,
    "pricing_model": words.PRICING_MODEL,
    "channel": words.CHANNEL,
}

PDF_MADE = "pdf/made"  # the one that was asked for last: its document, the state of it, the file


def show_files_of(desk: Desk, invoice: Mapping[str, Any]) -> None:
    """Offer the PDF of a document, made when it is asked for; and the XML of an issued one."""
    invoice_id, number = invoice["invoice_id"], invoice["number"]
    if not desk.may_act and number is None:
        return  # a customer gets what was issued
    stem = str(number or invoice_id).replace("/", "-")
    _show_pdf(desk, invoice, f"{stem}.pdf")
    if number is None:
        return
    try:
        content = xml_of(desk.book, invoice_id)
    except TollbookError as error:
        why = "; ".join(plain(problem.what) for problem in error.problems)
        st.button(words.XML, key=f"xml/{invoice_id}", disabled=True, help=why)
        return
    st.download_button(
        words.XML,
        data=content,
        file_name=f"{stem}.xml",
        mime="application/xml",
        key=f"xml/{invoice_id}",
        on_click="ignore",
        icon=":material/code:",
        help=words.XML_HELP,
    )


def _show_pdf(desk: Desk, invoice: Mapping[str, Any], name: str) -> None:
    """Print a PDF when it is asked for, then offer it: what fails on the way can be said here.

    A file that the framework asks for by itself fails with its own words, whatever the reason.
    """
    invoice_id, state = invoice["invoice_id"], invoice["state"]
    made = st.session_state.get(PDF_MADE)
    if made is None or made[:2] != (invoice_id, state):
        wanted = st.button(
            words.PDF,
            key=f"pdf/{invoice_id}",
            icon=":material/picture_as_pdf:",
            help=words.PDF_HELP,
        )
        if not wanted:
            return
        try:
            with st.spinner(words.PRINTING):
                made = (invoice_id, state, pdf_of(desk.book, invoice_id))
        except TollbookError as error:
            say_problem(error)
            return
        st.session_state[PDF_MADE] = made
        st.rerun()
    st.download_button(
        words.SAVE_PDF,
        data=made[2],
        file_name=name,
        mime="application/pdf",
        key=f"save/{invoice_id}",
        on_click="ignore",
        icon=":material/download:",
        type="primary",
    )


def show_messages_of(desk: Desk, invoice: Mapping[str, Any], line: Mapping[str, Any]) -> None:
    """Offer the messages of a line of usage to finance, and look them up when asked to."""
    if not desk.may_act or line["kind"] != "usage" or line["is_correction"]:
        return
    line_id, charge = line["line_id"], line["charge"]
    if not st.button(words.SHOW_MESSAGES, key=f"messages/{line_id}", icon=":material/chat:"):
        return
    try:
        with st.spinner(words.SEEKING):
            found = messages_in(desk.book, invoice["invoice_id"], line_id)
    except UsageError as error:
        st.info(words.HAS_NO_MESSAGES.format(what=plain(error.problems[0].what)))
        return
    except TollbookError as error:
        say_problem(error)
        return
    if found.rows.is_empty():
        st.info(words.NO_MESSAGES)
        return
    shown = count(found.rows.height)
    title = words.MESSAGES_TITLE_CUT if found.is_cut else words.MESSAGES_TITLE
    show_heading(title.format(charge=charge, count=shown))
    show_table(
        found.rows.select(
            pl.Series(words.DELIVERED_AT, map(moment, found.rows["delivered_at"]), pl.String),
            *(pl.col(name).fill_null("").alias(label) for name, label in MESSAGE.items()),
        ),
        name=f"messages-{line_id}",
        alt_text=words.MESSAGES_ALT.format(count=shown, charge=charge),
    )
    said = [words.MESSAGES_CUT.format(count=shown)] if found.is_cut else []
    said += [words.MESSAGES_CHANGED] if found.has_changed else []
    st.caption(" ".join([*said, words.MESSAGES_HOW]))


def show_history_of(desk: Desk, invoice: Mapping[str, Any]) -> None:
    """Say what is open of a document, what was paid, and who did what; the last to finance."""
    invoice_id = invoice["invoice_id"]
    try:
        found = standing(desk.book, invoice_id)
    except TollbookError as error:
        st.info(words.CANNOT_READ.format(what=plain(error.problems[0].what)))
        return
    show_heading(words.HISTORY)
    st.markdown(_status_in_words(found, invoice))
    if not found.payments.is_empty():
        _show_payments(found.payments, invoice_id)
    if not desk.may_act:
        return
    if found.trail.is_empty():
        st.caption(words.NO_TRAIL)
        return
    trail = found.trail.sort("sequence")
    show_table(
        pl.DataFrame(
            {
                words.WHEN: [instant(at) for at in trail["happened_at"]],
                words.WHO: trail["actor"],
                words.ACTION: [words.ACTIONS.get(one, one) for one in trail["action"]],
                words.WHY: trail["reason"].fill_null(""),
            }
        ),
        name=f"trail-{invoice_id}",
        alt_text=words.TRAIL_ALT.format(invoice_id=invoice_id),
    )


def _status_in_words(found: Standing, invoice: Mapping[str, Any]) -> str:
    if found.balance is None:
        return words.STANDING.format(status=found.status)
    currency = invoice["currency"]
    said = words.STANDING_OPEN.format(
        status=found.status,
        open=amount(found.balance["open_minor"], currency),
        due=amount(found.balance["due_minor"], currency),
        currency=currency,
    )
    due_date = found.balance["due_date"]
    return said + (words.DUE_ON.format(day=day(due_date)) if due_date else "")


def _show_payments(payments: pl.DataFrame, invoice_id: str) -> None:
    amounts = [amount(*row) for row in payments.select("amount_minor", "currency").iter_rows()]
    show_table(
        pl.DataFrame(
            {
                words.PAID_ON: [day(on) for on in payments["paid_on"]],
                text.KIND: [words.PAYMENT_KINDS.get(kind, kind) for kind in payments["kind"]],
                text.AMOUNT: amounts,
                text.CURRENCY: payments["currency"],
                words.REFERENCE: payments["reference"].fill_null(""),
            }
        ),
        name=f"payments-{invoice_id}",
        right=(text.AMOUNT,),
        alt_text=words.PAYMENTS_ALT.format(invoice_id=invoice_id),
    )
