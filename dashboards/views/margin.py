"""Margins of a month: what accounts pay beside what the network charges for it."""

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


def show(generation: Generation, month: str, _: Desk) -> None:
    """Draw the view."""
    network_currency = generation.cost_currency
    margins = generation.margins(month)
    if network_currency is None:
        say_empty(words.NO_COSTS)
        return
    if margins is None:
        say_empty(words.NO_COSTS_OF_MONTH, month=month_name(month), iso=month)
        return
    found = margins.with_columns(pl.col("currency").fill_null(NO_CURRENCY))
    currencies = found["currency"].unique().sort().to_list()
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
    of_currency = found.filter(currency=currency)
    known = of_currency.filter(pl.col("margin").is_not_null())
    _show_sums(known, of_currency.height, currency, month)
    group = words.MARGIN_GROUPS[word]
    if group == "account":
        _show_accounts(of_currency, generation.account_names, currency, network_currency, month)
        st.caption(words.MARGIN_HOW.format(iso=month))
        return
    by: By = "market" if group == "market" else "category"
    accounts = of_currency.filter(can_have_margin())
    if accounts.height:
        rows = generation.margins_by(by, month).with_columns(
            pl.col("group").fill_null(words.OF_NO_MARKET)
        )
        _show_bars(rows.filter(pl.col("cost").is_not_null()), currency)
        _show_groups(rows, word, currency, month)
        left_out = of_currency.height - accounts.height
        if left_out:
            st.caption(words.LEFT_OUT_OF_MARGIN.format(count=count(left_out)))
    st.caption(words.MARGIN_HOW.format(iso=month))


def _show_sums(known: pl.DataFrame, account_count: int, currency: str, month: str) -> None:
    """Draw the sums of the accounts whose margins are known."""
    if known.is_empty():
        st.info(words.NOTHING_KNOWN.format(currency=currency))
        return
    price, cost, margin = (int(known[name].cast(pl.Int128).sum()) for name in AMOUNTS)
    label = words.PRICE_OF.format(known=count(known.height), count=count(account_count))
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
            margin=share(margin, price), currency=currency, month=month_name(month)
        )
        show_heading(title)


def _show_accounts(
    rows: pl.DataFrame, names: dict[str, str], currency: str, network_currency: str, month: str
) -> None:
    """Draw every account billed in a currency; what is not known is empty, and says why."""
    labels = [
        f"{names[account]} ({account})" if account in names else account or text.UNASSIGNED
        for account in rows["account"]
    ]
    named = rows.with_columns(group=pl.Series(labels, dtype=pl.String))
    ranked = named.sort("price", "account", descending=[True, False], nulls_last=True)
    _show_bars(ranked.filter(pl.col("margin").is_not_null()), currency)
    why = {
        key: sentence.format(currency=network_currency)
        for key, sentence in words.WITHOUT_MARGIN.items()
    }
    costs = [_amount(minor, network_currency) for minor in ranked["cost"]]
    table = pl.DataFrame(
        {
            text.ACCOUNT: ranked["group"],
            words.PRICE: [_amount(minor, currency) for minor in ranked["price"]],
            text.CURRENCY: ranked["currency"],
            f"{words.COST}, {network_currency}": costs,
            words.MARGIN: [_amount(minor, currency) for minor in ranked["margin"]],
            words.MARGIN_SHARE: _shares(ranked),
            words.UNKNOWN_COST_UNITS: [
                exact(units) if units else "" for units in ranked["unpriced"]
            ],
            words.WHY_NO_MARGIN: [why.get(reason, "") for reason in ranked["why"]],
        }
    )
    _show(table, "account", month, right=table.columns[1:7])


def _show_groups(rows: pl.DataFrame, word: str, currency: str, month: str) -> None:
    table = pl.DataFrame(
        {
            word: rows["group"],
            **{
                label: [_amount(minor, currency) for minor in rows[name]]
                for name, label in zip(
                    AMOUNTS, (words.PRICE, words.COST, words.MARGIN), strict=True
                )
            },
            words.MARGIN_SHARE: _shares(rows),
            words.UNKNOWN_COST_UNITS: [exact(units or None) for units in rows["unpriced"]],
            text.CURRENCY: [currency] * rows.height,
        }
    )
    _show(table, word.lower(), month, right=table.columns[1:6])


def _show(table: pl.DataFrame, group: str, month: str, right: list[str]) -> None:
    show_table(
        table,
        name=f"margin-by-{group}-{month}",
        right=right,
        alt_text=words.MARGIN_TABLE_ALT.format(
            count=count(table.height), group=group, month=month_name(month)
        ),
    )


def _show_bars(rows: pl.DataFrame, currency: str) -> None:
    """Draw price and cost of the largest groups."""
    largest = rows.head(BARS_MAX)
    if largest.is_empty():
        return
    sides = (words.PRICE, words.COST)
    bars = [
        (group, side, minor, amount(minor, currency))
        for group, *pair in largest.select("group", "price", "cost").iter_rows()
        for side, minor in zip(sides, pair, strict=True)
    ]
    show_legend_of(sides)
    show_chart(
        pair_bars(
            pl.DataFrame(bars, ["group", "side", "minor", "shown"], orient="row"),
            sides=sides,
            axis=words.PRICE_AND_COST.format(currency=plain(currency)),
            decimals=MINOR_DECIMALS[currency],
        ),
        alt_text=words.MARGIN_ALT.format(count=count(largest.height)),
    )


def _shares(rows: pl.DataFrame) -> list[str]:
    return [
        "" if margin is None or price <= 0 else share(margin, price)
        for margin, price in rows.select("margin", "price").iter_rows()
    ]


def _amount(minor: int | None, currency: str) -> str:
    return "" if minor is None else amount(minor, currency)
