"""Prices: what a message would cost an account on a day, the plans, and the rate cards in force."""

from datetime import date
from decimal import Decimal

import polars as pl
import streamlit as st

from dashboards.filters import choose_named, choose_one
from dashboards.format import count, day, exact, plain
from dashboards.load import Generation, book_catalog
from dashboards.price_finder import Answer, Question, find_price
from dashboards.views.parts import say_empty, show_table
from dashboards.words import finance as of_prices
from dashboards.words import text
from metering.errors import BookError
from metering.settings import Book
from pricing.catalog import Catalog

QUANTITY_MAX = 100_000_000


def show(generation: Generation, book: Book) -> None:
    """Draw the view."""
    try:
        catalog = book_catalog(book)
    except BookError as error:
        say_empty(of_prices.BOOK_HAS_MISTAKES, count=count(len(error.problems)))
        return
    part = choose_one(of_prices.PART, list(of_prices.PRICE_PARTS), key="part")
    match of_prices.PRICE_PARTS[part]:
        case "finder":
            _show_finder(generation, catalog)
        case "plans":
            _show_plans(catalog)
        case _:
            _show_cards(catalog)


def _show_finder(generation: Generation, catalog: Catalog) -> None:
    question = _ask(generation, catalog)
    if question is None:
        return
    answer = find_price(catalog, question)
    names = generation.account_names
    facts = {
        "quantity": count(question.quantity),
        "category": question.category,
        "market": question.market,
        "account": plain(names.get(question.account_id, question.account_id)),
        "day": day(question.on),
        "currency": answer.currency,
        "plan": plain(answer.plan or of_prices.NO_PLAN),
    }
    words = of_prices.PRICE_ANSWER if question.quantity > 1 else of_prices.PRICE_ANSWER_OF_ONE
    if answer.amount is None:
        st.warning(of_prices.PRICE_UNKNOWN.format(**facts))
    else:
        st.success(words.format(amount=exact(answer.amount), **facts))
    _show_details(answer)
    st.caption(of_prices.PRICE_HOW)


def _ask(generation: Generation, catalog: Catalog) -> Question | None:
    ids = [generation.account_id] if generation.account_id else catalog.accounts.ids()
    names = generation.account_names
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if not ids:
            st.info(of_prices.NO_ACCOUNTS)
            return None
        account_id = choose_named(
            text.ACCOUNT,
            ids,
            key="price_account",
            first=ids[0],
            name_of=lambda name: f"{names.get(name, name)} ({name})",
            is_labelled=True,
        )
        markets = catalog.rates["market"].unique().sort().to_list()
        market = st.selectbox(
            text.MARKET, markets, key="price_market", bind="query-params", width=220
        )
        categories = catalog.categories["category"].unique().sort().to_list()
        category = st.selectbox(
            text.CATEGORY,
            categories,
            index=categories.index("utility") if "utility" in categories else 0,
            key="price_category",
            bind="query-params",
            width=220,
        )
        on = st.date_input(
            text.DAY,
            generation.complete_to or "today",
            key="price_day",
            bind="query-params",
            width=160,
        )
        number = st.number_input(
            text.MESSAGES, 1, QUANTITY_MAX, 1, key="price_quantity", bind="query-params", width=140
        )
        already = st.number_input(
            of_prices.ALREADY,
            0,
            QUANTITY_MAX,
            0,
            key="price_already",
            bind="query-params",
            width=200,
        )
    if market is None or category is None or not isinstance(on, date):
        st.info(of_prices.NO_ACCOUNTS)
        return None
    return Question(account_id, market, category, "regular", on, int(number), int(already))


def _show_details(answer: Answer) -> None:
    details = answer.details
    if details.is_empty():
        return
    numbers = {
        name: pl.Series([exact(number) for number in details[name]], dtype=pl.String)
        for name in ("quantity", "unit_price", "amount")
    }
    show_table(
        details.select(
            pl.col("charge").alias(text.CHARGE),
            pl.col("component").alias(of_prices.COMPONENT),
            pl.col("tier").cast(pl.String).fill_null("").alias(text.TIER),
            numbers["quantity"].alias(text.QUANTITY),
            numbers["unit_price"].alias(text.UNIT_PRICE),
            numbers["amount"].alias(text.EXACT_AMOUNT),
            pl.lit(answer.currency).alias(text.CURRENCY),
            pl.col("status").alias(text.STATUS),
            pl.coalesce("note", "reason", pl.lit("")).alias(text.NOTE),
            pl.col("evidence").fill_null("").alias(text.EVIDENCE),
        ),
        name="price",
        right=(text.QUANTITY, text.UNIT_PRICE, text.EXACT_AMOUNT),
        alt_text=of_prices.PRICE_ALT,
    )


def _show_plans(catalog: Catalog) -> None:
    used = {subscription.plan for subscription in catalog.subscriptions}
    names = sorted(catalog.plans, key=lambda name: (name not in used, name))
    name = st.selectbox(text.PLAN, names, key="plan", bind="query-params", width=320) or names[0]
    plan = catalog.plans[name]
    members = {s.account_id for s in catalog.subscriptions if s.plan == name}
    st.caption(
        of_prices.PLAN_FACTS.format(
            accounts=count(len(members)),
            versions=count(len(plan.version)),
            currency=plan.currency or of_prices.CURRENCY_OF_ACCOUNT,
        )
    )
    rows = [
        (start, charge.name, charge.component, charge.meter, charge.price.kind)
        for version, (start, _) in plan.stretches()
        for charge in version.charge
    ]
    schema = {of_prices.SINCE: pl.Date, text.CHARGE: pl.String, of_prices.COMPONENT: pl.String}
    schema |= {of_prices.METER: pl.String, text.KIND: pl.String}
    table = pl.DataFrame(rows, schema, orient="row")
    show_table(table, name=f"plan-{name}", alt_text=of_prices.PLAN_ALT.format(plan=name))
    for file, content in sorted(catalog.files.items()):
        if file.endswith(f"plans/{name}.toml"):
            with st.expander(of_prices.FILE_OF.format(file=file)):
                st.code(content.decode("utf-8"), language="toml")


def _show_cards(catalog: Catalog) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        cards = catalog.rates["card"].unique().sort().to_list()
        card = st.selectbox(of_prices.CARD, cards, key="card", bind="query-params", width=220)
        of_card = catalog.rates.filter(card=card)
        currencies = of_card["currency"].unique().sort().to_list()
        currency = st.selectbox(
            text.CURRENCY,
            currencies,
            index=currencies.index("USD") if "USD" in currencies else 0,
            key="card_currency",
            bind="query-params",
            width=120,
        )
        dates = of_card.filter(currency=currency)["card_from"].unique().sort(descending=True)
        on = st.selectbox(
            of_prices.CARD_OF,
            dates.to_list(),
            format_func=day,
            key=f"card_day/{card}/{currency}",
            width=160,
        )
    held = of_card.filter(
        pl.col("currency") == currency, pl.col("card_from") <= on, pl.col("card_to") > on
    ).sort("market", "card_category", "rates", "tier")
    bounds = [_bound(number) for number in held["up_to"].to_list()]
    show_table(
        held.select(
            pl.col("market").alias(text.MARKET),
            pl.col("card_category").alias(text.CATEGORY),
            pl.col("rates").alias(text.KIND),
            pl.Series(of_prices.TIER_UP_TO, bounds, pl.String),
            pl.Series(text.UNIT_PRICE, [exact(rate) for rate in held["rate"]], pl.String),
            pl.col("currency").alias(text.CURRENCY),
            pl.col("unit").alias(of_prices.UNIT),
            pl.col("card_from").alias(of_prices.SINCE),
            pl.col("evidence").alias(text.EVIDENCE),
        ),
        name=f"card-{card}-{currency}-{on}",
        right=(of_prices.TIER_UP_TO, text.UNIT_PRICE),
        height=560,
        alt_text=of_prices.CARD_ALT.format(card=card),
    )


def _bound(number: Decimal | None) -> str:
    return "" if number is None else exact(number)
