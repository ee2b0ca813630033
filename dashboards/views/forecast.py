"""The month's end as it is expected, with its range, and the days that are unusual, with why."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate

import polars as pl
import streamlit as st

from dashboards.anomalies import WEEKS, Anomaly, find_anomalies
from dashboards.charts import with_range
from dashboards.figures import compared, drivers, filled_days, labelled
from dashboards.filters import Page, look_into
from dashboards.forecast import DAYS_MIN, Forecast, forecast
from dashboards.format import count, day, days, short, signed
from dashboards.span import Span
from dashboards.views.parts import Tile, say_empty, show_chart, show_heading, show_table, show_tiles
from dashboards.words import text
from metering.period import Month

HISTORY_DAYS = 182
JUDGED_DAYS_MAX = 31
SHOWN_MAX = 12
GROUPS_MAX = 15


def show(page: Page) -> None:
    """Draw the view."""
    month = Month.of(page.known_span().last)
    span = Span(month.first_day, month.last_day)
    history = Span(span.first - timedelta(days=HISTORY_DAYS), min(page.full_to(), span.last))
    known = page.sums("usage", ("day",), history)
    if known.is_empty():
        say_empty(text.NO_USAGE, span=days(span))
        return
    _show_forecast(known, span, history.last)
    judged = [one for one in span.days() if one <= history.last]
    found = find_anomalies(read_groups(page, span), judged)
    show_heading(text.UNUSUAL_TITLE.format(count=count(len(found))))
    st.caption(text.UNUSUAL_HOW)
    if found:
        anomaly_table(page, found, name="unusual-days")


def _show_forecast(known: pl.DataFrame, span: Span, last: date) -> None:
    course = filled_days(known, Span(span.first, last)) if last >= span.first else []
    past = filled_days(known, Span(min([last, *known["day"]]), last))
    done, missing = sum(course), span.day_count - len(course)
    if not missing:
        st.success(text.MONTH_DONE.format(span=days(span), total=count(done)))
        return
    with st.spinner(text.FORECASTING):
        found = forecast(past, done=done, days=missing)
    if found is None:
        st.info(text.NO_FORECAST.format(days=DAYS_MIN, known=len(past)))
        return
    show_tiles(
        [
            Tile(text.SO_FAR_TILE.format(day=day(last)), count(done)),
            Tile(text.EXPECTED.format(span=days(span)), short(found.middle)),
            Tile(text.RANGE, f"{short(found.low)} - {short(found.high)}", help=text.RANGE_HELP),
        ]
    )
    _show_course(found, course, span)


def _show_course(found: Forecast, course: Sequence[int], span: Span) -> None:
    every = span.days()
    totals = list(accumulate(course))
    known = list(zip(every, totals, strict=False))
    middles = list(accumulate((row[1] for row in found.daily), initial=found.done))[1:]
    # The range of a running total widens to that of the end as the days go on.
    ahead = [
        (
            on,
            middle - (found.middle - found.low) * number // len(middles),
            middle,
            middle + (found.high - found.middle) * number // len(middles),
        )
        for number, (on, middle) in enumerate(zip(every[len(course) :], middles, strict=True), 1)
    ]
    if known:
        on, total = known[-1]
        ahead.insert(0, (on, total, total, total))
    show_heading(text.FORECAST_TITLE.format(span=days(span)))
    show_chart(
        with_range(known, ahead, axis=text.DELIVERIES_SO_FAR, time_axis=text.DAY_AXIS),
        alt_text=text.FORECAST_ALT.format(
            span=days(span),
            done=count(found.done),
            low=count(found.low),
            high=count(found.high),
            middle=count(found.middle),
        ),
    )
    st.caption(text.FORECAST_HOW)


def read_groups(page: Page, span: Span) -> pl.DataFrame:
    """Read daily deliveries in all, by market and by category, of a span and the weeks before."""
    long = Span(span.first - timedelta(weeks=WEEKS + 1), span.last)
    frame = page.sums("usage", ("day", "market", "category"), long)
    if frame.is_empty():
        return pl.DataFrame(schema={"day": pl.Date, "group": pl.String, "quantity": pl.Int64})
    parts = [frame.with_columns(group=pl.lit(text.ALL_TOGETHER))]
    for column in ("market", "category"):
        label = pl.col(column).fill_null(text.UNKNOWN)
        parts.append(frame.with_columns(group=pl.lit(f"{text.DIMENSIONS[column]}: ") + label))
    sums = pl.concat(parts).group_by("day", "group").agg(pl.col("quantity").sum())
    return sums.sort("day", "group")


def anomaly_table(page: Page, found: Sequence[Anomaly], *, name: str) -> None:
    """Draw unusual days with what is usual on them and who is behind it."""
    shown = found[:SHOWN_MAX]
    table = pl.DataFrame(
        {
            text.DAY: [day(one.day) for one in shown],
            text.WHAT: [one.group for one in shown],
            text.DELIVERIES: [one.quantity for one in shown],
            text.USUAL: [
                text.USUAL_OF.format(
                    usual=count(one.usual), low=count(one.low), high=count(one.high)
                )
                for one in shown
            ],
            text.DIFFERENCE: [signed(one.difference) for one in shown],
            text.REASON: [_reason(page, one) for one in shown],
        }
    )

    def look(row: int) -> None:
        if row >= 0:
            look_into(*_group_of(shown[row].group))

    show_table(
        table,
        name=name,
        right=(text.DIFFERENCE,),
        alt_text=text.UNUSUAL_ALT.format(count=count(table.height)),
        on_row=look,
        key=f"rows/unusual/{page.span}",
    )
    if len(found) > len(shown):
        st.caption(text.UNUSUAL_SHOWN.format(shown=count(len(shown)), count=count(len(found))))


def _reason(page: Page, one: Anomaly) -> str:
    """Name the account whose day differs most from the same weekday before."""
    column, value = _group_of(one.group)
    where = page if column is None else page.with_where(column, [value])
    frames = [
        labelled(
            where.sums("usage", ("account",), Span(on, on)),
            "account",
            names={},
            unknown=text.UNASSIGNED,
        )
        for on in (one.day, one.day - timedelta(weeks=1))
    ]
    moved = drivers(compared(*frames), 1)
    if moved.is_empty():
        return ""
    row = moved.row(0, named=True)
    named = page.names.get(row["group"])
    return text.REASON_OF.format(
        account=row["group"] if named is None else f"{named} ({row['group']})",
        change=signed(row["change"]),
        day=day(one.day - timedelta(weeks=1)),
    )


def _group_of(group: str) -> tuple[str | None, str | None]:
    """Read the words of a group as `read_groups` writes them: a column, and its value."""
    word, has_value, value = group.partition(": ")
    if not has_value:
        return None, None
    column = next(key for key, words in text.DIMENSIONS.items() if words == word)
    return column, None if value == text.UNKNOWN else value
