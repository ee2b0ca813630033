"""The controls of the pages. Each is bound to the address of the page, so that a link keeps it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import cast, get_args

import polars as pl
import streamlit as st

from dashboards.figures import Group, Order, Readiness, choose
from dashboards.format import days, month_name, plain
from dashboards.load import Generation
from dashboards.span import Span, presets, span_of
from dashboards.words import text

CUSTOM = "custom"
LISTED = ("market", "category", "pricing_type", "entry_point")
MATCHES_MAX = 20
OF_OWN_WORDS = ("month", "period")  # what is said of them names what is shown instead

assert set(text.READINESS_OPTIONS.values()) == set(get_args(Readiness))
assert set(text.ORDER_OPTIONS.values()) == set(get_args(Order))
assert set(text.GROUPS.values()) == set(get_args(Group))
assert set(text.PRESETS) == set(presets())


@dataclass(frozen=True)
class Page:
    """What a view is about: days of a generation, and which of its rows."""

    generation: Generation
    span: Span
    where: Mapping[str, Sequence[str | None]]

    @property
    def names(self) -> dict[str, str]:
        return self.generation.account_names

    @property
    def account_id(self) -> str | None:
        """The one account that the page is about, None where it is about several."""
        return account_of(self.generation, self.where)

    def known_span(self) -> Span:
        """The days of the page that the data reach."""
        return self.span.until(self._complete_to())

    def full_span(self) -> Span:
        """The days of the page that the data reach in full."""
        return self.span.until(self.full_to())

    def full_to(self) -> date:
        """The last full day of the data: of the one after it more may be reported."""
        return self._complete_to() - timedelta(days=1)

    def _complete_to(self) -> date:
        complete_to = self.generation.last_day_of(self.account_id)
        assert complete_to is not None, "a page with days has events"
        return complete_to

    def sums(
        self, name: str, by: Sequence[str], span: Span | None = None, *known: str
    ) -> pl.DataFrame:
        """Add up a frame over the days of the page, or others.

        Args:
            known: The filters that the frame knows, where it knows not all of them.
        """
        where = {key: self.where[key] for key in self.where if not known or key in known}
        return self.generation.sums(name, by, span or self.span, where)

    def ignored(self, *known: str) -> list[str]:
        """Name the filters in force that a frame does not know."""
        return [text.DIMENSIONS[key] for key in self.where if key not in known]

    def with_where(self, column: str, values: Sequence[str | None]) -> "Page":
        """Narrow the page down to some values of a column, beside the filters in force."""
        allowed = set(self.where.get(column, values))
        return replace(self, where={**self.where, column: tuple(allowed.intersection(values))})


def choose_month(generation: Generation) -> str:
    """Ask for a month; at first the latest that was billed, else the latest with usage."""
    months = generation.months
    first = max(generation.billed_months or months)
    chosen = choose_named(text.MONTH, months, key="month", first=first, name_of=month_name)
    _refuse_unknown("month", months, text.MONTH_UNKNOWN, month_name(chosen))
    return chosen


def account_of(generation: Generation, where: Mapping[str, Sequence[str | None]]) -> str | None:
    """The one account that may be seen, or that the filters name; None for several."""
    named = where.get("account", ())
    return generation.account_id or (named[0] if len(named) == 1 else None)


def choose_span(generation: Generation, account_id: str | None) -> Span:
    """Ask for a month, a preset or days of one's own; at first the latest billed month.

    Args:
        account_id: By whose clock presets end; None for the seller's.
    """
    complete_to = generation.last_day_of(account_id)
    assert complete_to is not None, "there is usage"
    months = sorted(generation.used_months, reverse=True)
    billed = [month for month in generation.billed_months if month in months]
    asked = st.query_params.get("period")
    own = asked if asked and ".." in asked and _span_of(asked, generation, complete_to) else None
    options = [*months, *text.PRESETS, *([own] if own else []), CUSTOM]
    with st.container(horizontal=True, vertical_alignment="bottom", width="content"):
        chosen = choose_named(
            text.PERIOD, options, key="period", first=max(billed or months), name_of=_name_of_span
        )
        if chosen == CUSTOM:
            return _choose_days(Span(complete_to.replace(day=1), complete_to))
    span = _span_of(chosen, generation, complete_to)
    assert span is not None, "every option names a span"
    _refuse_unknown("period", options, text.PERIOD_UNKNOWN, days(span))
    return span


def choose_named(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    first: str,
    name_of: Callable[[str], str],
    is_labelled: bool = False,
) -> str:
    """Ask for one of some ids, which are shown by their names; the address holds the id.

    What the framework binds itself it writes into the address as it is shown.
    """
    asked = st.query_params.get(key)
    if st.session_state.get(key) not in options:
        st.session_state[key] = asked if asked in options else first
    chosen = st.selectbox(
        label,
        options,
        key=key,
        format_func=name_of,
        label_visibility="visible" if is_labelled else "collapsed",
        width=300 if is_labelled else 230,
        on_change=_put_into_address,
        args=(key, first),
    )
    assert chosen is not None, "one is always chosen"
    return chosen


def _put_into_address(key: str, first: str) -> None:
    chosen = st.session_state[key]
    if chosen == first:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = chosen


def _refuse_unknown(key: str, options: Sequence[str], words: str, shown: str) -> None:
    """Remember to say once that the address names something that is not there."""
    asked = st.query_params.get(key)
    if asked is not None and asked not in options and st.session_state.get("refused") != asked:
        st.session_state["refused"] = asked
        st.session_state["refusal"] = (words, asked, shown)


def say_refused() -> None:
    """Say once that the address asked for something that is not there."""
    refused = st.session_state.pop("refusal", None)
    if refused is not None:
        words, asked, shown = refused
        st.info(words.format(asked=_harmless(asked), shown=shown))


def asked_by_address() -> dict[str, list[str]]:
    """All that the address asks for; to be read before a control is drawn."""
    return {key: st.query_params.get_all(key) for key in st.query_params}


def say_left_out(asked: Mapping[str, Sequence[str]]) -> None:
    """Say once what the address asked of a control that has no such value: it is left out there.

    To be called when every control is drawn: the framework drops such a value in silence.
    """
    judged = st.session_state.setdefault("judged", set())
    for key in [one for one in asked if one not in (*OF_OWN_WORDS, *judged)]:
        if key not in st.session_state:
            continue
        judged.add(key)
        held = st.session_state[key]
        if isinstance(held, tuple):
            continue
        taken = [str(one).lower() for one in (held if isinstance(held, list) else [held])]
        for value in asked[key]:
            if value and value.lower() not in taken:
                st.info(text.LEFT_OUT.format(name=key, asked=_harmless(value)))


def _harmless(asked: str) -> str:
    """Keep of what an address says enough to know it again, and nothing that is markup."""
    return re.sub(r"[^\w ,.-]", "", asked)[:40]


def choose_rows(generation: Generation) -> dict[str, tuple[str | None, ...]]:
    """Ask which rows count, and answer the values of each column that was narrowed down."""
    values = _values(generation)
    where: dict[str, tuple[str | None, ...]] = {}
    count = sum(bool(st.session_state.get(name)) for name in (*LISTED, "account", "sender"))
    label = text.FILTERS_OF.format(count=count) if count else text.FILTERS
    with st.popover(label, icon=":material/filter_list:"):
        for name in LISTED:
            chosen = st.multiselect(
                text.DIMENSIONS[name],
                values[name],
                key=name,
                bind="query-params",
                placeholder=text.ALL,
            )
            if chosen:
                where[name] = tuple(None if word == text.UNKNOWN else word for word in chosen)
        if generation.account_id is None:
            account_id = _choose_account(generation)
            if account_id:
                where["account"] = (account_id,)
        sender = st.text_input(text.SENDER, key="sender", bind="query-params")
        if sender and sender.strip():
            where["sender"] = (sender.strip(),)
        st.button(text.CLEAR_FILTERS, on_click=_clear, disabled=not count, key="clear")
    return where


def narrow(column: str, value: str | None, group: str | None) -> None:
    """Let the page be about one value of a column, grouped by something else: a drill-down."""
    word = text.UNKNOWN if value is None else value
    st.session_state[column] = [word] if column in LISTED else word
    if group is not None:
        st.session_state["by"] = group


def look_into(
    column: str | None, value: str | None, month: str | None = None, *, measure: str | None = None
) -> None:
    """Go to the usage of one value of a column, or of all: a drill-down from another view.

    Args:
        month: Also of this month; else of the period that is chosen.
        measure: What is counted; else what was counted there before.
    """
    st.query_params["view"] = text.USAGE
    if month is not None:
        st.query_params["period"] = st.session_state["period"] = month
    if measure is not None:
        # Its control is not on this page: until it is drawn the address is not bound to it.
        st.query_params["measure"] = measure
        st.session_state["measure"] = measure
    if column is not None:
        narrow(column, value, None)


def choose_invoices(invoices: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Ask which invoices to show; answer them, and a name of this selection."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input(
            text.SEARCH,
            key="q",
            bind="query-params",
            placeholder=text.SEARCH_HINT,
            icon=":material/search:",
            width=280,
        )
        readiness = st.segmented_control(
            text.READINESS,
            list(text.READINESS_OPTIONS),
            default="All",
            required=True,
            key="show",
            bind="query-params",
        )
        order = st.selectbox(
            text.ORDER, list(text.ORDER_OPTIONS), key="sort", bind="query-params", width=160
        )
    chosen = choose(
        invoices,
        text=wanted or "",
        readiness=cast(Readiness, text.READINESS_OPTIONS[readiness or "All"]),
        order=cast(Order, text.ORDER_OPTIONS[order or "Account"]),
    )
    return chosen, f"{wanted}/{readiness}/{order}"


def choose_part(label: str, options: Sequence[str], *, key: str, hint: str) -> str | None:
    """Ask which part of a chart is shown by itself, as a click on it does; None for no part."""
    return st.selectbox(
        label, options, index=None, placeholder=hint, key=key, bind="query-params", width=420
    )


def pick(key: str, options: Sequence[str]) -> Callable[[str], None]:
    """What a click on a part of a chart does: it chooses the part in `choose_part`."""

    def take(part: str) -> None:
        if part in options:
            st.session_state[key] = part

    return take


def choose_one(label: str, options: Sequence[str], *, key: str) -> str:
    """Ask for one of a few words; at first the first one."""
    chosen = st.segmented_control(
        label,
        options,
        default=options[0],
        required=True,
        key=key,
        bind="query-params",
        wrap=True,
    )
    return chosen or options[0]


def choose_group(*, without: Sequence[str] = ()) -> tuple[str, Group]:
    """Ask by what usage is grouped; answer the word for it and the column."""
    words = [word for word, column in text.GROUPS.items() if column not in without]
    word = choose_one(text.GROUP_BY, words, key="by")
    return word, cast(Group, text.GROUPS[word])


def _span_of(name: str, generation: Generation, complete_to: date) -> Span | None:
    return span_of(name, complete_to=complete_to, months=generation.used_months)


def _name_of_span(name: str) -> str:
    if name in text.PRESETS:
        return text.PRESETS[name]
    if name == CUSTOM:
        return text.CUSTOM
    if ".." in name:
        first, _, last = name.partition("..")
        return days(Span.parse(first, last))
    return month_name(name)


def _choose_days(default: Span) -> Span:
    """Ask for the first and the last day; until both are there the default holds."""
    chosen = st.date_input(
        text.DAYS, (default.first, default.last), key="days", bind="query-params", width=230
    )
    if isinstance(chosen, tuple) and len(chosen) == 2:
        return Span(*chosen)
    return default


def _values(generation: Generation) -> dict[str, list[str]]:
    """The values that each column has in any month."""
    months = generation.used_months
    whole = Span.over(months[0], months[-1])
    found = generation.sums("usage", LISTED, whole)
    return {
        name: [value or text.UNKNOWN for value in found[name].unique().sort().to_list()]
        for name in LISTED
    }


def _choose_account(generation: Generation) -> str:
    """Ask for an account by its id or a part of its name, and say which ones match."""
    wanted = (st.text_input(text.ACCOUNT, key="account", bind="query-params") or "").strip()
    names = generation.account_names
    if not wanted or wanted in names:
        return wanted
    part = wanted.lower()
    found = [key for key, name in names.items() if part in name.lower() or part in key.lower()]
    if len(found) == 1:
        return found[0]
    if not found:
        st.warning(text.NO_SUCH_ACCOUNT)
        return wanted
    shown = [f"- {plain(names[key])}: `{key}`" for key in found[:MATCHES_MAX]]
    st.info("\n".join([text.SEVERAL_ACCOUNTS.format(count=len(found)), "", *shown]))
    return found[0]


def _clear() -> None:
    for name in LISTED:
        st.session_state[name] = []
    for name in ("account", "sender"):
        if name in st.session_state:
            st.session_state[name] = ""
