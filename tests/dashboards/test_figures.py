"""The sums behind the pages, and the rules that keep them right."""

import ast
import inspect
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dashboards
from dashboards import finance, load
from dashboards.charts import colors, over_time
from dashboards.contents import USAGE
from dashboards.figures import (
    TOP_COUNT,
    Bin,
    binned,
    compared,
    cumulative,
    labelled,
    moves_of,
    ranked,
    top,
    totals,
)
from dashboards.margin import By

PACKAGE = Path(dashboards.__file__).parent
rows_of_usage = st.lists(
    st.tuples(
        st.dates(date(2026, 10, 1), date(2026, 10, 31)),
        st.none() | st.sampled_from("abc"),
        st.just("1"),
        st.none() | st.sampled_from("ABCDEFGHIJKLM"),
        st.sampled_from(["marketing", "utility"]),
        st.none() | st.just("regular"),
        st.none() | st.just("ad"),
        st.integers(1, 10**12),
    ),
    min_size=1,
)


def by_market(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    usage = pl.DataFrame(rows, USAGE, orient="row")
    return labelled(usage, "market", names={}, unknown="unknown").select("day", "group", "quantity")


@given(rows_of_usage, st.sampled_from(["day", "week", "month"]))
def test_the_chart_adds_up_to_the_usage_whatever_is_folded_into_the_rest(
    rows: Sequence[tuple[object, ...]], width: Bin
) -> None:
    daily = by_market(rows)
    shown = top(binned(daily, width), other="rest")

    assert shown["quantity"].sum() == daily["quantity"].sum() == ranked(daily)["quantity"].sum()
    assert shown["group"].n_unique() == min(ranked(daily).height, TOP_COUNT + 1)
    per_bin = binned(daily, width).group_by("bin").agg(pl.col("quantity").sum()).sort("bin")
    assert shown.group_by("bin").agg(pl.col("quantity").sum()).sort("bin").equals(per_bin)


@given(rows_of_usage)
def test_a_running_total_ends_at_the_sum_of_its_group(rows: Sequence[tuple[object, ...]]) -> None:
    shown = top(binned(by_market(rows), "day"), other="rest")
    bins = sorted(set(shown["bin"]))
    running = cumulative(shown, bins)

    last = dict(running.filter(pl.col("bin") == bins[-1]).select("group", "quantity").iter_rows())
    assert last == dict(ranked(shown).iter_rows())
    assert running.height == len(bins) * shown["group"].n_unique()


@given(rows_of_usage, rows_of_usage)
def test_a_comparison_keeps_both_sums(
    rows: Sequence[tuple[object, ...]], earlier: Sequence[tuple[object, ...]]
) -> None:
    now, before = by_market(rows), by_market(earlier)
    found = compared(now, before)

    assert found["quantity"].sum() == now["quantity"].sum()
    assert found["before"].sum() == before["quantity"].sum()
    assert (found["before"] + found["change"]).equals(found["quantity"], check_names=False)
    moves = moves_of(found)
    assert sum(change for _, change in moves.values()) == found["change"].sum()
    assert sum(number for number, _ in moves.values()) == (found["change"] != 0).sum()


@given(
    st.lists(
        st.tuples(st.sampled_from(["USD", "EUR"]), st.integers(-(2**62), 2**62), st.booleans())
    )
)
def test_totals_are_exact_and_never_mix_currencies(rows: list[tuple[str, int, bool]]) -> None:
    schema = {"currency": pl.String, "total_minor": pl.Int64, "is_blocked": pl.Boolean}
    frame = pl.DataFrame(rows, schema, orient="row")
    found = totals(frame.with_columns(state=pl.lit("draft")))

    assert {total.currency: total.amount_minor for total in found} == {
        code: sum(minor for currency, minor, _ in rows if currency == code)
        for code in {currency for currency, _, _ in rows}
    }


def test_two_accounts_of_one_name_stay_apart() -> None:
    usage = pl.DataFrame({"account": ["a", "b"], "quantity": [5, 5]})
    words = labelled(usage, "account", names={"a": "Twin", "b": "Twin"}, unknown="nobody")

    assert ranked(words).rows() == [("Twin (a)", 5), ("Twin (b)", 5)]


def test_each_bar_of_the_chart_has_its_unit_and_its_own_colour() -> None:
    palette = colors(TOP_COUNT + 1)
    day = date(2026, 10, 1)
    shown = pl.DataFrame({"bin": [day], "group": ["utility"], "rank": [0], "quantity": [5]})
    drawn = over_time(
        shown, bins=[day], width="day", look="stacked", axis="Deliveries", time_axis="Day"
    ).to_dict()

    assert len(set(palette)) == TOP_COUNT + 1
    assert drawn["encoding"]["y"]["title"] == "Deliveries"
    assert drawn["encoding"]["x"]["type"] == "ordinal", "a day moves into no time zone"


def test_no_cached_function_takes_a_frame() -> None:
    for module in (load, finance):
        cached = [value for value in vars(module).values() if type(value).__name__ == "CachedFunc"]

        assert cached
        for function in cached:
            for parameter in inspect.signature(function).parameters.values():
                assert parameter.annotation in (str, load.Names, By, date, date | None)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_two_modules_cache_and_nothing_imports_pandas_or_makes_a_float(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    imported = {
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }

    assert not any(name.split(".")[0] in ("pandas", "duckdb") for name in imported)
    assert "@st.cache" not in source or path.name in ("load.py", "finance.py")
    assert "float(" not in source
    assert "Float64" not in source
