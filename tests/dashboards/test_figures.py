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
from dashboards import load
from dashboards.charts import colors, daily_bars
from dashboards.figures import TOP_COUNT, by_group, ranked, top, totals
from dashboards.reports import USAGE

PACKAGE = Path(dashboards.__file__).parent
rows_of_usage = st.lists(
    st.tuples(
        st.dates(date(2026, 10, 1), date(2026, 10, 31)),
        st.none() | st.sampled_from("abc"),
        st.none() | st.sampled_from("ABCDEFGHIJKLM"),
        st.sampled_from(["marketing", "utility"]),
        st.none() | st.just("regular"),
        st.integers(1, 10**12),
    ),
    min_size=1,
)


@given(rows_of_usage)
def test_the_chart_adds_up_to_the_usage_whatever_is_folded_into_the_rest(
    rows: Sequence[tuple[object, ...]],
) -> None:
    usage = pl.DataFrame(rows, USAGE, orient="row")
    daily = by_group(usage, "market", names={}, unknown="unknown")
    shown = top(daily, other="rest")

    assert shown["quantity"].sum() == usage["quantity"].sum() == ranked(daily)["quantity"].sum()
    assert shown["group"].n_unique() == min(ranked(daily).height, TOP_COUNT + 1)
    per_day = usage.group_by("day").agg(pl.col("quantity").sum()).sort("day")
    assert shown.group_by("day").agg(pl.col("quantity").sum()).sort("day").equals(per_day)


@given(
    st.lists(
        st.tuples(st.sampled_from(["USD", "EUR"]), st.integers(-(2**62), 2**62), st.booleans())
    )
)
def test_totals_are_exact_and_never_mix_currencies(rows: list[tuple[str, int, bool]]) -> None:
    schema = {"currency": pl.String, "total_minor": pl.Int64, "is_blocked": pl.Boolean}
    found = totals(pl.DataFrame(rows, schema, orient="row"))

    assert {total.currency: total.amount_minor for total in found} == {
        code: sum(minor for currency, minor, _ in rows if currency == code)
        for code in {currency for currency, _, _ in rows}
    }


def test_two_accounts_of_one_name_stay_apart() -> None:
    rows = [(date(2026, 10, 1), account, "A", "utility", "regular", 5) for account in "ab"]
    usage = pl.DataFrame(rows, USAGE, orient="row")
    daily = by_group(usage, "account", names={"a": "Twin", "b": "Twin"}, unknown="nobody")

    assert ranked(daily).rows() == [("Twin (a)", 5), ("Twin (b)", 5)]


def test_each_bar_of_the_chart_has_its_unit_and_its_own_colour() -> None:
    palette = colors(TOP_COUNT + 1)
    daily = pl.DataFrame(
        {"day": ["2026-10-01"], "group": ["utility"], "rank": [0], "quantity": [5]}
    )
    drawn = daily_bars(
        daily, days=["2026-10-01"], palette=palette[:1], axis="Deliveries", day_axis="Day"
    ).to_dict()

    assert len(set(palette)) == TOP_COUNT + 1
    assert drawn["encoding"]["y"]["title"] == "Deliveries"
    assert drawn["encoding"]["x"]["type"] == "ordinal", "a day moves into no time zone"


def test_no_cached_function_takes_a_frame() -> None:
    cached = [value for value in vars(load).values() if type(value).__name__ == "CachedFunc"]

    assert cached
    for function in cached:
        for parameter in inspect.signature(function).parameters.values():
            assert parameter.annotation is str


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_only_load_caches_and_nothing_imports_pandas_or_makes_a_float(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    imported = {
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }

    assert not any(name.split(".")[0] in ("pandas", "duckdb") for name in imported)
    assert "cache_data" not in source or path.name == "load.py"
    assert "float(" not in source
    assert "Float64" not in source
