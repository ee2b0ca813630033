"""Approve, issue and credit: a button, a question that says what will happen, and what became.

What is done is done while the page is drawn and never before: who asks is known anew at each
rerun, and by then somebody may have lost the role.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

from dashboards.finance import (
    Asked,
    Desk,
    Preview,
    first_issue_day,
    perform,
    preview,
    publish_now,
    today,
    wish_of,
)
from dashboards.format import amount, count, day, month_name, plain
from dashboards.words import finance as words
from metering.errors import TollbookError
from metering.period import Month
from pricing.life.credit_note import Wish
from pricing.life.lifecycle import Step

ASKED, SHOWN, OUTCOME = "asked", "asked/preview", "asked/outcome"
NAMES_MAX = 5  # of documents that are named one by one
ICONS = {"approve": "done", "issue": "send", "credit": "undo"}


def say_outcome() -> None:
    """Say what became of the action before, until something else is done."""
    told: list[tuple[str, str]] = st.session_state.pop(OUTCOME, [])
    for kind, sentence in told:
        {"success": st.success, "warning": st.warning}[kind](sentence)


def show_actions_of_month(desk: Desk, month: str, invoices: pl.DataFrame) -> None:
    """Offer to approve all drafts of a month, and to issue all that is approved."""
    if not desk.may_act:
        return
    is_draft = (pl.col("state") == "draft") & (pl.col("purpose") == "customer")
    ready = invoices.filter(is_draft, ~pl.col("is_blocked"), pl.col("line_count") > 0).height
    approved = invoices.filter(pl.col("state") == "approved").height
    if not ready and not approved:
        return
    with st.container(horizontal=True):
        if ready:
            _offer(Asked("approve", month), words.APPROVE_ALL.format(count=count(ready)))
        if approved:
            _offer(Asked("issue", month), words.ISSUE_ALL.format(count=count(approved)))
    asked = st.session_state.get(ASKED)
    if asked in (Asked("approve", month), Asked("issue", month)):
        _ask(desk, asked, words.SOME_DOCUMENTS, None, None)


def show_actions_of(desk: Desk, month: str, invoice: Mapping[str, Any]) -> None:
    """Offer what can be done with a document in its state."""
    if not desk.may_act:
        return
    invoice_id = invoice["invoice_id"]
    match invoice["state"]:
        case "draft":
            _offer(Asked("approve", month, invoice_id), words.APPROVE, why_not=_why_not(invoice))
        case "approved":
            _offer(Asked("issue", month, invoice_id), words.ISSUE)
        case "issued" if invoice["kind"] == "invoice":
            _offer(Asked("credit", month, invoice_id), words.CREDIT)


def ask_about(desk: Desk, month: str, invoice: Mapping[str, Any], lines: pl.DataFrame) -> None:
    """Ask before something is done with a document, if somebody wants that."""
    invoice_id = invoice["invoice_id"]
    asked = st.session_state.get(ASKED)
    if desk.may_act and asked is not None and asked == Asked(asked.act, month, invoice_id):
        name = plain(str(invoice["name"]))
        documents = words.ONE_DOCUMENT.format(name=name, invoice_id=plain(invoice_id))
        _ask(desk, asked, documents, invoice, lines)


def _why_not(invoice: Mapping[str, Any]) -> str | None:
    if invoice["purpose"] != "customer":
        return words.INTERNAL_HELP.format(purpose=invoice["purpose"])
    if invoice["is_blocked"]:
        return words.BLOCKED_HELP
    return None if invoice["line_count"] else words.EMPTY_HELP


def _offer(asked: Asked, label: str, *, why_not: str | None = None) -> None:
    st.button(
        label,
        key=f"offer/{asked.act}/{asked.invoice_id or 'all'}",
        icon=f":material/{ICONS[asked.act]}:",
        disabled=why_not is not None,
        help=why_not,
        on_click=_open,
        args=(asked,),
    )


def _open(asked: Asked | None) -> None:
    """Ask for something, or for nothing any more; what was shown before is looked at anew."""
    st.session_state[ASKED] = asked
    st.session_state.pop(SHOWN, None)


def _ask(
    desk: Desk,
    asked: Asked,
    documents: str,
    invoice: Mapping[str, Any] | None,
    lines: pl.DataFrame | None,
) -> None:
    """Say what will happen and by whom, ask for what is needed, and do it when confirmed."""
    with st.container(border=True, key="confirmation"):
        try:
            if SHOWN not in st.session_state:
                st.session_state[SHOWN] = preview(desk.book, asked)
            shown: Preview = st.session_state[SHOWN]
            _say_what_happens(desk, asked, shown, documents)
            given: dict[str, Any] = {}
            if asked.act == "issue":
                given["issue_date"] = _ask_for_day(desk, asked)
            entered = _ask_for_credit(invoice, lines) if invoice and asked.act == "credit" else None
            with st.container(horizontal=True):
                is_confirmed = st.button(words.CONFIRM[asked.act], type="primary", key="confirm")
                st.button(words.CANCEL, key="cancel", on_click=_open, args=(None,))
            if not is_confirmed:
                return
            if entered is not None:
                given["wish"] = _wish(entered)
            with st.spinner(words.WORKING):
                steps = perform(desk, asked, shown.digest, **given)
        except TollbookError as error:
            _say_refused(error)
            return
    _finish(desk, steps)


def _say_what_happens(desk: Desk, asked: Asked, shown: Preview, documents: str) -> None:
    totals = [
        words.IN_ALL.format(amount=amount(minor, currency), currency=currency)
        for currency, minor in shown.totals.items()
    ]
    named = documents.format(count=count(shown.document_count), month=month_name(asked.month))
    sentence = words.ASK[asked.act]
    st.markdown(
        sentence.format(
            actor=plain(desk.actor),
            documents=named,
            totals=" · ".join(f"**{total}**" for total in totals),
        )
    )
    left_out = ", ".join(f"{count(number)} {why}" for why, number in shown.left_out.items())
    said = [words.LEFT_OUT.format(what=left_out)] if left_out else []
    said += [words.ALL_OF_MONTH] if asked.invoice_id is None else []
    st.caption(" ".join([*said, words.IN_TRAIL]))


def _ask_for_day(desk: Desk, asked: Asked) -> Any:
    earliest = first_issue_day(desk.book, Month.parse(asked.month))
    chosen = st.date_input(words.ISSUE_DATE, today(desk.book), key="issue_date", width=220)
    st.caption(words.EARLIEST.format(month=month_name(asked.month), day=day(earliest)))
    return chosen


def _ask_for_credit(invoice: Mapping[str, Any], lines: pl.DataFrame | None) -> dict[str, Any]:
    assert lines is not None, "an issued invoice has its lines beside it"
    named = {None: words.WHOLE_INVOICE} | {
        line_id: words.LINE_OF.format(
            charge=charge, amount=amount(minor, invoice["currency"]), currency=invoice["currency"]
        )
        for line_id, charge, minor in lines.select("line_id", "charge", "amount_minor").iter_rows()
    }
    line_id = st.selectbox(
        words.WHAT_IS_CREDITED,
        [*named],
        format_func=lambda one: named[one],
        key="credit/line",
        width=480,
    )
    written = st.text_input(
        f"{words.AMOUNT_FIELD} ({invoice['currency']})",
        placeholder=words.AMOUNT_HINT,
        key="credit/amount",
        width=480,
    )
    reason = st.text_input(
        words.REASON_FIELD,
        placeholder=words.REASON_HINT,
        key="credit/reason",
        max_chars=500,
        width=480,
    )
    bills_again = st.checkbox(words.BILL_AGAIN, help=words.BILL_AGAIN_HELP, key="credit/again")
    return {"line_id": line_id, "amount": written, "reason": reason, "bills_again": bills_again}


def _wish(entered: Mapping[str, Any]) -> Wish:
    return wish_of(
        entered["line_id"],
        entered["amount"],
        entered["reason"],
        bills_again=entered["bills_again"],
    )


def _finish(desk: Desk, steps: Sequence[Step]) -> None:
    """Publish what was done and draw the page anew, with what became of it."""
    told = [*_told(steps)]
    try:
        with st.spinner(words.PUBLISHING):
            publish_now(desk.book)
    except TollbookError as error:
        told.append(("warning", words.NOT_PUBLISHED.format(what=plain(error.problems[0].what))))
    _open(None)
    st.session_state[OUTCOME] = told
    st.rerun()


def _told(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """Say what became of documents: each outcome with some of their names, and why some are not."""
    told: list[tuple[str, str]] = []
    for outcome, sentence in words.DONE.items():
        names = [plain(one.number or one.invoice_id) for one in steps if one.outcome == outcome]
        if names:
            listed = ", ".join(names[:NAMES_MAX])
            if len(names) > NAMES_MAX:
                more = count(len(names) - NAMES_MAX)
                listed = words.NAMES_MORE.format(names=listed, count=more)
            told.append(("success", sentence.format(count=count(len(names)), names=listed)))
    skipped = [one for one in steps if one.outcome == "skipped"]
    for why in dict.fromkeys(one.why for one in skipped):
        names = [plain(one.invoice_id) for one in skipped if one.why == why]
        sentence = words.SKIPPED_ONE if len(names) == 1 else words.SKIPPED
        said = sentence.format(count=count(len(names)), name=names[0], why=plain(why))
        told.append(("warning", said))
    return told or [("warning", words.NOTHING_DONE)]


def _say_refused(error: TollbookError) -> None:
    for problem in error.problems:
        refused = words.REFUSED.format(what=plain(problem.what))
        st.error(f"{refused}  \n{words.HINT.format(hint=plain(problem.hint))}")
