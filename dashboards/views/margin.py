"""Margins of a month: what accounts pay beside what the network charges for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import polars as pl
import streamlit as st

from dashboards.charts import pair_bars
from dashboards.filters import choose_named, choose_one
from dashboards.finance import Desk
from dashboards.format import amount, count, exact, month_name, plain, share
from dashboards.load import Generation
from dashboards.margin import By, can_have_margin
from dashboards.views.parts import (
    Tile,
    say_empty,
    show_chart,
    show_heading,
    show_legend_of,
    show_table,
    show_tiles,
)
from dashboards.words import finance as words
from dashboards.words import text
from pricing.money import MINOR_DECIMALS

BARS_MAX = 10
AMOUNTS = ("price", "cost", "margin")
NO_CURRENCY = "-"  # of accounts that were charged nothing
# What a cell is told apart by; a click on a group goes on to the next of them.
COLUMNS: tuple[By, ...] = ("account", "market", "category")


@dataclass(frozen=True)
class Shown:
    """What the view is about: a month in a currency, and which of its cells."""

    generation: Generation
    month: str
    currency: str
    where: Mapping[str, str | None]

    @property
    def names(self) -> Mapping[str, str]:
        return self.generation.account_names

    @property
    def network_currency(self) -> str:
        found = self.generation.cost_currency
        assert found is not None, "there are costs"
        return found

    def of_cells(self, by: By) -> pl.DataFrame:
        """Price, cost and margin of each group of the cells: group, and as `margins_by` has it."""
        where = {column: (value,) for column, value in self.where.items()}
        return self.generation.margins_by(by, self.month, where)

    def labels(self, column: str, values: Sequence[str | None]) -> list[str]:
        """Name values of a column, which nothing may have."""
        if column != "account":
            return [value or words.OF_NO_MARKET for value in values]
        names = {value: f"{name} ({value})" for value, name in self.names.items()}
        return [names.get(value, value) if value else text.UNASSIGNED for value in values]


def show(generation: Generation, month: str, _: Desk) -> None:
    """Draw the view."""
    margins = generation.margins(month)
    if generation.cost_currency is None:
        say_empty(words.NO_COSTS)
        return
    if margins is None:
        say_empty(words.NO_COSTS_OF_MONTH, month=month_name(month), iso=month)
        return
    found = margins.with_columns(pl.col("currency").fill_null(NO_CURRENCY))
    word, currency = _choose(found["currency"].unique().sort().to_list(), generation.cost_currency)
    shown = Shown(generation, month, currency, _where())
    _say_where(shown)
    by = cast(By, words.MARGIN_GROUPS[word])
    rows = found.filter(currency=currency)
    if "account" in shown.where:
        rows = rows.filter(pl.col("account") == shown.where["account"])
    has_whole_accounts = {*shown.where} <= {"account"}
    able = rows.filter(can_have_margin())
    of_cells = able.height and not has_whole_accounts
    _show_sums(shown.of_cells("account") if of_cells else rows, shown)
    if by == "account" and has_whole_accounts:
        _show_accounts(rows, shown)
    elif able.height:
        _show_cells(by, word, shown)
        if able.height < rows.height:
            left_out = count(rows.height - able.height)
            st.caption(words.LEFT_OUT_OF_MARGIN.format(count=left_out))
    st.caption(words.MARGIN_HOW.format(iso=month))


def _choose(currencies: Sequence[str], network_currency: str) -> tuple[str, str]:
    """Ask by what margins are added up, and in which currency."""
    first = network_currency if network_currency in currencies else currencies[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        word = choose_one(words.MARGIN_BY, list(words.MARGIN_GROUPS), key="margin_by")
        currency = choose_named(
            text.CURRENCY,
            currencies,
            key="currency",
            first=first,
            name_of=lambda code: words.NOTHING_CHARGED if code == NO_CURRENCY else code,
            is_labelled=True,
        )
    return word, currency


def _where() -> dict[str, str | None]:
    """Read which cells the address names."""
    asked = {column: st.query_params.get(f"margin_{column}") for column in COLUMNS}
    return {
        column: None if value == words.OF_NO_MARKET else value
        for column, value in asked.items()
        if value
    }


def _say_where(shown: Shown) -> None:
    if not shown.where:
        return
    said = [
        f"{text.DIMENSIONS[column]}: {plain(shown.labels(column, [value])[0])}"
        for column, value in shown.where.items()
    ]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(text.ONLY.format(filters=" · ".join(said)), width="content")
        st.button(text.CLEAR_FILTERS, on_click=_widen, key="widen")


def _widen() -> None:
    for column in COLUMNS:
        st.query_params.pop(f"margin_{column}", None)


def _narrow(shown: Shown, by: By, value: str | None) -> None:
    """Let the view be about one group, added up by what is not narrowed down yet."""
    st.query_params[f"margin_{by}"] = words.OF_NO_MARKET if value is None else value
    left = [one for one in COLUMNS if one != by and one not in shown.where]
    if left:
        words_of = {column: word for word, column in words.MARGIN_GROUPS.items()}
        st.session_state["margin_by"] = words_of[left[0]]


def _show_sums(rows: pl.DataFrame, shown: Shown) -> None:
    """Draw the sums of the accounts whose margins are known: one row for each account."""
    known, currency = rows.filter(pl.col("margin").is_not_null()), shown.currency
    if known.is_empty():
        st.info(words.NOTHING_KNOWN.format(currency=currency))
        return
    price, cost, margin = (int(known[name].cast(pl.Int128).sum()) for name in AMOUNTS)
    label = words.PRICE_OF.format(known=count(known.height), count=count(rows.height))
    show_tiles(
        [
            Tile(label, amount(price, currency), help=words.PRICE_HELP),
            Tile(words.COST_OF, amount(cost, currency)),
            Tile(words.MARGIN_OF, amount(margin, currency)),
            Tile(words.MARGIN_SHARE, share(margin, price)),
        ]
    )
    if price > 0:
        title = words.MARGIN_TITLE.format(
            margin=share(margin, price), currency=currency, month=month_name(shown.month)
        )
        show_heading(title)


def _show_accounts(rows: pl.DataFrame, shown: Shown) -> None:
    """Draw every account billed in a currency; what is not known is empty, and says why."""
    currency, network_currency = shown.currency, shown.network_currency
    ranked = rows.sort("price", "account", descending=[True, False], nulls_last=True)
    ranked = ranked.with_columns(
        pl.Series("group", shown.labels("account", ranked["account"].to_list()), pl.String)
    )
    keys = ranked["account"].to_list()
    narrow_to = _narrow_to(shown, "account", ranked["group"].to_list(), keys)
    _show_bars(ranked.filter(pl.col("margin").is_not_null()), "account", shown, narrow_to)
    why = {
        key: sentence.format(currency=network_currency)
        for key, sentence in words.WITHOUT_MARGIN.items()
    }
    costs = [_amount(minor, network_currency) for minor in ranked["cost"]]
    table = pl.DataFrame(
        {
            text.ACCOUNT: ranked["group"],
            words.PRICE: [_amount(minor, currency) for minor in ranked["price"]],
            f"{words.COST}, {network_currency}": costs,
            words.MARGIN: [_amount(minor, currency) for minor in ranked["margin"]],
            words.MARGIN_SHARE: _shares(ranked),
            words.UNKNOWN_COST_UNITS: [
                exact(units) if units else "" for units in ranked["unpriced"]
            ],
            text.CURRENCY: ranked["currency"],
            words.WHY_NO_MARGIN: [why.get(reason, "") for reason in ranked["why"]],
        }
    )
    _show_table(table, "account", shown, narrow_to)


def _show_cells(by: By, word: str, shown: Shown) -> None:
    """Draw groups of cells, of the accounts that can have a margin."""
    groups = shown.of_cells(by)
    keys = groups["group"].to_list()
    labels = shown.labels(by, keys)
    groups = groups.with_columns(pl.Series("group", labels, pl.String))
    narrow_to = _narrow_to(shown, by, labels, keys)
    _show_bars(groups.filter(pl.col("cost").is_not_null()), by, shown, narrow_to)
    amounts = {
        label: [_amount(minor, shown.currency) for minor in groups[name]]
        for name, label in zip(AMOUNTS, (words.PRICE, words.COST, words.MARGIN), strict=True)
    }
    table = pl.DataFrame(
        {
            word: groups["group"],
            **amounts,
            words.MARGIN_SHARE: _shares(groups),
            words.UNKNOWN_COST_UNITS: [exact(units or None) for units in groups["unpriced"]],
            text.CURRENCY: [shown.currency] * groups.height,
        }
    )
    _show_table(table, word.lower(), shown, narrow_to)


def _narrow_to(
    shown: Shown, by: By, labels: Sequence[str], keys: Sequence[str | None]
) -> Callable[[str], None]:
    """What a click on a group does, which is given its label."""
    values = dict(zip(labels, keys, strict=True))

    def narrow_to(label: str) -> None:
        if label in values and (by != "account" or values[label] is not None):
            _narrow(shown, by, values[label])

    return narrow_to


def _show_table(
    table: pl.DataFrame, group: str, shown: Shown, narrow_to: Callable[[str], None]
) -> None:
    labels = table.to_series(0).to_list()

    def narrow_to_row(row: int) -> None:
        if row >= 0:
            narrow_to(labels[row])

    show_table(
        table,
        name=f"margin-by-{group}-{shown.month}",
        right=table.columns[1:6],
        alt_text=words.MARGIN_TABLE_ALT.format(
            count=count(table.height), group=group, month=month_name(shown.month)
        ),
        on_row=narrow_to_row,
        key=f"rows/margin/{group}/{shown.month}/{shown.currency}/{[*shown.where.items()]}",
    )
    st.caption(words.MARGIN_DRILL_DOWN)


def _show_bars(rows: pl.DataFrame, by: By, shown: Shown, narrow_to: Callable[[str], None]) -> None:
    """Draw price and cost of the largest groups."""
    largest = rows.head(BARS_MAX)
    if largest.is_empty():
        return
    sides = (words.PRICE, words.COST)
    bars = [
        (group, side, minor, amount(minor, shown.currency))
        for group, *pair in largest.select("group", "price", "cost").iter_rows()
        for side, minor in zip(sides, pair, strict=True)
    ]
    show_legend_of(sides)
    show_chart(
        pair_bars(
            pl.DataFrame(bars, ["group", "side", "minor", "shown"], orient="row"),
            sides=sides,
            axis=words.PRICE_AND_COST.format(currency=plain(shown.currency)),
            decimals=MINOR_DECIMALS[shown.currency],
        ),
        key=f"chart/margin/{by}",
        on_pick=narrow_to,
        alt_text=words.MARGIN_ALT.format(count=count(largest.height)),
    )


def _shares(rows: pl.DataFrame) -> list[str]:
    return [
        "" if margin is None or price <= 0 else share(margin, price)
        for margin, price in rows.select("margin", "price").iter_rows()
    ]


def _amount(minor: int | None, currency: str) -> str:
    return "" if minor is None else amount(minor, currency)
