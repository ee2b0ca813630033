"""What is owed: by account, currency and age, and the documents that are overdue."""

from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from dashboards.finance import Receivables, receivables, today
from dashboards.format import amount, count, day
from dashboards.load import Generation
from dashboards.views.parts import Tile, say_problem, show_heading, show_table, show_tiles
from dashboards.words import finance as words
from dashboards.words import text
from metering.errors import TollbookError
from metering.settings import Book


def show(generation: Generation, book: Book) -> None:
    """Draw the view, as of a day; today at first."""
    as_of = st.date_input(words.AS_OF, today(book), key="as_of", width=220, bind="query-params")
    try:
        found = receivables(book, as_of)
    except TollbookError as error:
        say_problem(error)
        return
    if found.by_account.is_empty():
        st.info(words.NOTHING_OWED.format(day=day(as_of)))
        return
    _show_totals(found)
    names = generation.account_names
    _show_ages(found, names, as_of)
    _show_overdue(found, names, as_of)


def _show_totals(found: Receivables) -> None:
    late = {
        row["currency"]: sum(row[name] for name in words.AGES if name.startswith("days_"))
        for row in found.totals.iter_rows(named=True)
    }
    tiles = []
    for currency, minor in found.totals.select("currency", "total").iter_rows():
        label = words.OWED.format(currency=currency)
        tiles.append(Tile(label, amount(minor, currency)))
        label = words.OVERDUE_IN.format(currency=currency)
        tiles.append(Tile(label, amount(late[currency], currency)))
    show_tiles(tiles)


def _show_ages(found: Receivables, names: dict[str, str], as_of: date) -> None:
    rows = found.by_account
    ages = {
        label: [amount(*row) for row in rows.select(name, "currency").iter_rows()]
        for name, label in words.AGES.items()
    }
    show_heading(words.AGEING_TITLE.format(count=count(rows.height)))
    show_table(
        pl.DataFrame(
            {
                text.NAME: [names.get(one, one) for one in rows["account_id"]],
                text.CURRENCY: rows["currency"],
                **ages,
                text.ACCOUNT: rows["account_id"],
            }
        ),
        name=f"receivables-{as_of}",
        right=(*ages,),
        alt_text=words.AGEING_ALT.format(count=count(rows.height), day=day(as_of)),
    )
    st.caption(words.AGEING_HOW)


def _show_overdue(found: Receivables, names: dict[str, str], as_of: date) -> None:
    late = found.overdue
    if not late:
        st.caption(words.NOTHING_OVERDUE.format(day=day(as_of)))
        return
    show_heading(words.OVERDUE_TITLE.format(count=count(len(late))))
    table: dict[str, list[Any]] = {
        text.NAME: [names.get(row["account_id"], row["account_id"]) for row in late],
        text.NUMBER: [row["number"] for row in late],
        words.OPEN: [amount(row["open_minor"], row["currency"]) for row in late],
        text.CURRENCY: [row["currency"] for row in late],
        words.DUE_DATE: [day(row["due_date"]) for row in late],
        words.DAYS_LATE: [row["days"] for row in late],
        words.LEVEL: [row["level"] for row in late],
        text.ACCOUNT: [row["account_id"] for row in late],
    }
    show_table(
        pl.DataFrame(table),
        name=f"overdue-{as_of}",
        right=(words.OPEN,),
        alt_text=words.OVERDUE_ALT.format(count=count(len(late)), day=day(as_of)),
    )
    st.caption(words.LEVELS_HOW)
