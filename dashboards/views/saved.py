"""The saved views of the list on the left: links, and giving the page that is shown a name."""

from html import escape

import streamlit as st

from dashboards.access import Viewer
from dashboards.saved import NAME_LENGTH, delete_view, save_view, saved_views
from dashboards.views.parts import say_problem
from dashboards.words import text
from metering.errors import TollbookError
from metering.settings import Book

ERROR = "saved/error"


def show_saved(book: Book, viewer: Viewer) -> None:
    """Draw the saved views of a person, and what adds and deletes them."""
    saved = saved_views(book, viewer.email)
    with st.expander(text.SAVED_VIEWS.format(count=len(saved)), key="saved"):
        if saved:
            st.html(_links(saved))
        else:
            st.caption(text.NOTHING_SAVED)
        # A form hands the name over together with the click, never the one without the other.
        with st.form("saved/form", border=False):
            st.text_input(text.SAVE_AS, key="saved/name", max_chars=NAME_LENGTH)
            st.form_submit_button(
                text.SAVE_VIEW, key="saved/save", on_click=_save, args=(book, viewer)
            )
        if saved:
            chosen = st.selectbox(
                text.DELETE_WHICH,
                sorted(saved, key=str.casefold),
                index=None,
                key="saved/which",
                placeholder=text.DELETE_HINT,
            )
            st.button(
                text.DELETE_VIEW,
                key="saved/delete",
                disabled=chosen is None,
                on_click=_delete,
                args=(book, viewer),
            )
        error = st.session_state.pop(ERROR, None)
        if error is not None:
            say_problem(error)


def _links(saved: dict[str, str]) -> str:
    """Write links: the browser asks for the page anew, with every filter of its address."""
    items = "".join(
        f'<li style="padding:.15rem 0"><a href="?{escape(query)}">{escape(name)}</a></li>'
        for name, query in sorted(saved.items(), key=lambda one: one[0].casefold())
    )
    return f'<ul style="list-style:none;margin:0;padding:0">{items}</ul>'


def _save(book: Book, viewer: Viewer) -> None:
    address = {name: st.query_params.get_all(name) for name in st.query_params}
    try:
        save_view(book, viewer.email, st.session_state["saved/name"], address)
    except TollbookError as error:
        st.session_state[ERROR] = error
    else:
        st.session_state["saved/name"] = ""


def _delete(book: Book, viewer: Viewer) -> None:
    name = st.session_state.get("saved/which")
    if name is not None:
        delete_view(book, viewer.email, name)
        st.session_state["saved/which"] = None
