"""The parts that views share: tables with their files, tiles, legends, and what to say instead."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards.charts import (
    BEFORE_COLOR,
    NOW_COLOR,
    PICKED,
    Look,
    colors,
    groups_of,
    legend,
    over_time,
    ranked_bars,
)
from dashboards.export import to_csv, to_excel, to_parquet, without_marks
from dashboards.figures import bins_of
from dashboards.filters import Page
from dashboards.format import change, count, day, days, plain, share, signed
from dashboards.grids import Paper
from dashboards.load import Generation
from dashboards.marks import marks
from dashboards.span import Span
from dashboards.words import text
from metering.errors import BookError, LockedError, TollbookError
from metering.period import Month

ROWS_HEIGHT = 390
STYLED_ROWS_MAX = 3000
PROBLEMS_MAX = 5
TILE_WIDTH = 168
DATE_FORMAT = "D MMM YYYY"
FILES = (
    ("CSV", "csv", "text/csv", to_csv),
    (
        *("Excel", "xlsx"),
        *("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", to_excel),
    ),
    ("Parquet", "parquet", "application/vnd.apache.parquet", to_parquet),
)


@dataclass(frozen=True)
class Tile:
    """A figure with its name, beside the same of the span before and its course."""

    label: str
    value: str
    now: int | None = None
    before: int | None = None
    course: Sequence[int] = ()
    is_bad: bool = False  # more of it is worse
    help: str | None = None


def say_empty(words: tuple[str, str, str], **facts: str) -> None:
    """Say a heading, a sentence and the commands that help, with `facts` filled in."""
    heading, sentence, commands = (part.format(**facts) for part in words)
    with st.container(border=True):
        st.subheader(heading, anchor=False)
        st.markdown(sentence)
        if commands:
            st.code(commands, language=None)


def say_problem(error: TollbookError) -> None:
    """Say what went wrong and what helps; a job at work is no mistake, and only takes time."""
    for problem in error.problems[:PROBLEMS_MAX]:
        where, what, hint = (plain(one) for one in (problem.where, problem.what, problem.hint))
        if isinstance(error, LockedError):
            st.info(text.JOB_AT_WORK.format(what=what))
        else:
            # Where a mistake is in a file is what a person looks for; else it is clear from here.
            said = text.PROBLEM_AT if isinstance(error, BookError) else text.PROBLEM
            st.error(said.format(where=where, what=what, hint=hint))
    if len(error.problems) > PROBLEMS_MAX:
        st.info(text.MORE_PROBLEMS.format(count=count(len(error.problems) - PROBLEMS_MAX)))


def show_tiles(tiles: Sequence[Tile]) -> None:
    """Draw figures side by side; they wrap where the page is narrow."""
    has_courses = any(tile.course for tile in tiles)
    with st.container(horizontal=True):
        for tile in tiles:
            delta = None
            is_same = tile.now == tile.before
            if tile.now is not None and tile.before is not None:
                moved = change(tile.now, tile.before) or signed(tile.now - tile.before)
                delta = moved
            st.metric(
                tile.label,
                tile.value,
                delta=delta,
                delta_color="off" if is_same else "inverse" if tile.is_bad else "normal",
                delta_arrow="off" if is_same else "auto",
                chart_data=list(tile.course) or None,
                border=True,
                width=TILE_WIDTH if has_courses else "content",
                height="stretch",
                help=tile.help,
            )


def show_table(
    table: pl.DataFrame,
    *,
    name: str,
    alt_text: str,
    right: Sequence[str] = (),
    width: int | str = "stretch",
    height: int | str | None = None,
    on_row: Callable[[int], None] | None = None,
    key: str | None = None,
) -> None:
    """Draw a table and offer what it shows as a file.

    Args:
        name: The name of the file, and of the table in the address of the page.
        right: Columns of text that hold numbers.
        on_row: What a click on a row does; it is given the number of the row.
    """
    numbers = [column for column, kind in table.schema.items() if kind.is_integer()]
    columns = st.column_config
    config: dict[str, Any] = {column: columns.TextColumn(alignment="right") for column in right}
    config |= {column: columns.NumberColumn(format="localized") for column in numbers}
    # By itself the browser writes a day with the hour at which it begins.
    dates = (column for column, kind in table.schema.items() if kind == pl.Date)
    config |= {column: columns.DateColumn(format=DATE_FORMAT) for column in dates}
    shown = _styled(table, numbers)
    key = key or f"table/{name}"
    options: dict[str, Any] = {}
    if on_row is not None:
        options = {"on_select": lambda: _take_row(key, on_row), "selection_mode": "single-row"}
    st.dataframe(
        shown,
        width=width,  # type: ignore[arg-type]
        height=height or min(ROWS_HEIGHT, 38 + 35 * max(1, table.height)),  # type: ignore[arg-type]
        column_config=config,
        key=key,
        lazy=False,
        alt=alt_text,
        **options,
    )
    show_files(table, name, right=right)


def _styled(table: pl.DataFrame, numbers: Sequence[str]) -> Any:
    """Write whole numbers with the marks of the reader in a table that sorts them as numbers.

    Browsers mark them by rules of their own, which are not those of the text in every language.
    They do so in a large table, where a style for each cell would take long.
    """
    if marks().is_plain or not numbers or table.height > STYLED_ROWS_MAX:
        return table
    style = table.to_pandas().style
    return style.format(lambda number: count(int(number)), subset=list(numbers), na_rep="")


def show_files(table: pl.DataFrame, name: str, *, right: Sequence[str] = ()) -> None:
    """Offer a table as CSV, Excel and Parquet; a file is made when it is asked for.

    Args:
        right: Columns of text that hold numbers: the same in every file, whoever reads the page.
    """
    of_reader = marks()
    stem = re.sub(r"[^\w.-]+", "-", f"tollbook-{name}").strip("-").lower()
    with st.container(horizontal=True, gap="xsmall"):
        for label, suffix, mime, write in FILES:
            st.download_button(
                label,
                data=lambda write=write: write(without_marks(table, right, of_reader)),  # type: ignore[misc]
                file_name=f"{stem}.{suffix}",
                mime=mime,
                key=f"file/{name}/{suffix}",
                on_click="ignore",
                type="tertiary",
                icon=":material/download:",
                help=text.DOWNLOAD.format(kind=label),
            )


def show_chart(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart | dict[str, Any],
    *,
    alt_text: str,
    key: str | None = None,
    on_pick: Callable[[str], None] | None = None,
    fills: bool = False,
) -> None:
    """Draw a chart; a click on one of its groups calls `on_pick` with the name of the group.

    Args:
        fills: As high as the container that it is in; else as high as it says itself.
    """
    options: dict[str, Any] = {"height": "stretch"} if fills else {}
    if on_pick is not None and key is not None:
        picked = {"on_select": lambda: _take_pick(key, on_pick), "selection_mode": [PICKED]}
        options |= {"key": key, **picked}
    if not marks().is_plain:
        chart = _marked(chart)
    if isinstance(chart, dict):
        st.vega_lite_chart(None, chart, alt=alt_text, **options)
    else:
        st.altair_chart(chart, alt=alt_text, **options)


def _marked(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart | dict[str, Any],
) -> alt.Chart | alt.LayerChart | alt.FacetChart | dict[str, Any]:
    """Let a chart write numbers with the marks of the reader."""
    of_charts = marks().of_charts()
    if isinstance(chart, dict):
        return {**chart, "config": {**chart.get("config", {}), "locale": of_charts}}
    marked: alt.Chart | alt.LayerChart | alt.FacetChart = chart.configure(locale=of_charts)
    return marked


def show_days(
    shown: pl.DataFrame,
    span: Span,
    *,
    look: Look,
    axis: str,
    time_axis: str,
    alt_text: str,
    key: str | None = None,
    on_pick: Callable[[str], None] | None = None,
) -> None:
    """Draw groups over the days of a span below their legend: `shown` as in `over_time`."""
    show_legend(groups_of(shown))
    bins = bins_of(span, "day")
    chart = over_time(shown, bins=bins, width="day", look=look, axis=axis, time_axis=time_axis)
    show_chart(chart, alt_text=alt_text, key=key, on_pick=on_pick)


def show_bars(
    rows: Sequence[tuple[str, int]],
    *,
    axis: str,
    alt_text: str,
    key: str,
    on_pick: Callable[[str], None],
) -> None:
    """Draw a bar for each name, in the order that they come in."""
    frame = pl.DataFrame(rows, ["group", "quantity"], orient="row")
    show_chart(ranked_bars(frame, axis=axis), alt_text=alt_text, key=key, on_pick=on_pick)


def paper() -> Paper:
    """The background that the reader has chosen; light until the browser says otherwise."""
    return "dark" if st.context.theme.type == "dark" else "light"


def show_legend(groups: Sequence[str]) -> None:
    st.html(legend(groups, colors(len(groups))))


def show_legend_of(spans: Sequence[str]) -> None:
    """Draw the legend of a span and the one before it."""
    st.html(legend(spans, [NOW_COLOR, BEFORE_COLOR][: len(spans)]))


def show_heading(words: str) -> None:
    st.markdown(f"**{plain(words)}**")


def comparison_table(
    comparison: pl.DataFrame, word: str, *, measure: str, names: tuple[str, str]
) -> pl.DataFrame:
    """Write a comparison for people: group, now, before, change, change in per cent, share."""
    total = int(comparison["quantity"].sum())
    changes = [
        change(now, before) for now, before in comparison.select("quantity", "before").iter_rows()
    ]
    shares = [share(quantity, total) for quantity in comparison["quantity"]]
    return comparison.select(
        pl.col("group").alias(word),
        pl.col("quantity").alias(measure),
        pl.Series(text.SHARE, shares, pl.String),
        pl.col("before").alias(names[1]),
        pl.col("change").alias(text.CHANGE),
        pl.Series(text.CHANGE_SHARE, changes, pl.String),
    )


def begins_in(page: Page, span: Span) -> date | None:
    """The day of the first delivery of all, where only days after it are known of a span."""
    month = Month.parse(page.generation.used_months[0])
    if Month.of(span.first) > month:
        return None
    known = Span(month.first_day, month.last_day)
    first = page.generation.sums("usage", ("day",), known)["day"].min()
    assert first is None or isinstance(first, date), "days are days"
    return first if first is not None and span.first < first <= span.last else None


def say_begins(page: Page, before: Span) -> bool:
    """Say so where the data begin within the days to compare with, which then say little."""
    first = begins_in(page, before)
    if first is not None:
        st.info(text.BEGINS_LATER.format(day=day(first), before=days(before)))
    return first is not None


def say_ignored(names: Sequence[str]) -> None:
    """Say which filters in force do not count here."""
    if names:
        st.info(text.FILTERS_IGNORED.format(names=", ".join(names).lower()))


def values_of(frame: pl.DataFrame, column: str, generation: Generation) -> Mapping[str, str | None]:
    """The value of a column for each of its labels, to narrow a page down to it."""
    names = generation.account_names if column == "account" else {}
    unknown = text.UNASSIGNED if column == "account" else text.UNKNOWN
    return {
        unknown
        if value is None
        else f"{names[value]} ({value})"
        if value in names
        else value: value
        for value in frame[column].unique().to_list()
    }


def label_count(number: int, words: str) -> str:
    return words.format(count=count(number))


def _take_row(key: str, on_row: Callable[[int], None]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    on_row(rows[0] if rows else -1)


def _take_pick(key: str, on_pick: Callable[[str], None]) -> None:
    picked = st.session_state[key]["selection"].get(PICKED) or []
    if picked:
        on_pick(picked[0]["group"])
