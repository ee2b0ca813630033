"""The shipped facts: markets, rate cards, categories and plans agree with each other."""

import csv
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
CARDS = DATA / "rate_cards" / "whatsapp"
SOURCES = ROOT.parent / "shared" / "whatsapp" / "rate_cards"
OPEN = "9999-12-31"
CARD_HEADER = (
    "card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate,evidence,note"
)
EMITTED = {
    "marketing",
    "marketing_lite",
    "group_marketing",
    "utility",
    "group_utility",
    "authentication",
    "authentication_international",
    "service",
    "group_service",
}
SOURCE_OF = {
    "2022-02-01_USD_list": "2022-02-01_usd",
    "2023-06-01_USD_list": "2023-06-01_usd",
    "2024-10-01_USD_list": "2024-10-01_usd",
    "2024-11-01_INR_list": "2026_other_currencies_partial",
    "2025-07-01_USD_list": "2025-07-01_usd_partial",
    "2025-10-01_USD_list": "2025-10-01_usd",
    "2026-01-01_USD_list": "2026-01-01_usd",
    "2026-04-01_USD_list": "2026-04-01_usd",
    "2026-07-01_USD_list": "2026-07-01_usd",
    "2026-07-01_EUR_list": "2026-07-01_eur",
    "2026-07-01_COP_list": "2026-07-01_cop",
    "2026-07-01_BRL_list": "2026_other_currencies_partial",
    "2026-10-01_USD_list": "2026-10-01_usd",
    "2026-10-01_USD_tiered": "2026-10-01_usd_tiers",
    "2026-10-01_AED_list": "2026_other_currencies_partial",
    "2026-10-01_COP_list": "2026_other_currencies_partial",
    "2026-10-01_INR_list": "2026_other_currencies_partial",
}
DERIVED = {"2024-08-01_USD_list", "2024-11-01_USD_list", "2025-02-01_USD_list"}

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def card_paths() -> list[Path]:
    return sorted(path for path in CARDS.glob("*.csv") if path.name != "GAPS.csv")


def markets_on(day: str) -> set[str]:
    return {
        row["market"]
        for row in read(DATA / "markets.csv")
        if row["valid_from"] <= day < (row["valid_to"] or OPEN)
    }


def cells(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        found[row["market"], row["category"]].append(row)
    return found


def test_each_prefix_has_one_market_on_every_day_since_2009() -> None:
    by_prefix: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in read(DATA / "markets.csv"):
        key = (row["calling_code"], row["area_prefix"])
        by_prefix[key].append((row["valid_from"], row["valid_to"] or OPEN))
    for key, spans in by_prefix.items():
        assert spans[0][0] == "2009-01-01", key
        assert spans[-1][1] == OPEN, key
        assert all(one[1] == other[0] for one, other in pairwise(spans)), key


def test_an_area_prefix_is_one_number_and_belongs_to_a_calling_code_of_its_own() -> None:
    rows = read(DATA / "markets.csv")
    codes = {row["calling_code"] for row in rows}
    assert all(row["area_prefix"] == "" or row["area_prefix"].isdigit() for row in rows)
    plain = {row["calling_code"] for row in rows if not row["area_prefix"]}
    assert plain == codes  # whatever the area, the calling code alone has a market
    full = [(r["calling_code"] + r["area_prefix"], r["valid_from"]) for r in rows]
    assert len(full) == len(set(full))


def test_countries_are_two_letters_and_only_the_rest_has_none() -> None:
    for row in read(DATA / "markets.csv"):
        if row["calling_code"] == "*":
            assert row["country"] == ""
        else:
            assert len(row["country"]) == 2
            assert row["country"].isupper()


@pytest.mark.parametrize(
    ("number", "day", "country", "market"),
    [
        ("14155550100", "2026-10-01", "US", "North America"),
        ("14165550100", "2026-10-01", "CA", "North America"),
        ("18095550100", "2026-10-01", "DO", "Rest of Latin America"),
        ("12425550100", "2026-10-01", "BS", "Other"),
        ("77015550100", "2026-09-30", "KZ", "Other"),
        ("77015550100", "2026-10-01", "KZ", "Kazakhstan"),
        ("79165550100", "2026-10-01", "RU", "Russia"),
        ("263775550100", "2025-09-30", "ZW", "Other"),
        ("263775550100", "2025-10-01", "ZW", "Rest of Africa"),
        ("85255501000", "2026-06-30", "HK", "Rest of Asia Pacific"),
        ("85255501000", "2026-07-01", "HK", "Hong Kong"),
        ("821055501000", "2026-10-01", "KR", "Other"),
    ],
)
def test_the_longest_prefix_names_country_and_market(
    number: str, day: str, country: str, market: str
) -> None:
    matching = [
        row
        for row in read(DATA / "markets.csv")
        if number.startswith(row["calling_code"] + row["area_prefix"])
        and row["valid_from"] <= day < (row["valid_to"] or OPEN)
    ]
    best = max(matching, key=lambda row: len(row["calling_code"] + row["area_prefix"]))
    assert (best["country"], best["market"]) == (country, market)


@pytest.mark.parametrize("path", card_paths(), ids=lambda path: path.stem)
def test_a_card_file_holds_one_card_and_is_named_after_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8").splitlines()[0] == CARD_HEADER
    rows = read(path)
    heads = {
        (r["card"], r["effective_from"], r["effective_to"], r["currency"], r["rates"]) for r in rows
    }
    ((card, start, end, currency, rates),) = heads
    assert path.stem == f"{start}_{currency}_{rates}"
    assert card == "whatsapp"
    assert start < (end or OPEN)
    assert all(row["evidence"] for row in rows)
    assert all(Decimal(row["rate"]) >= 0 for row in rows)


def test_cards_of_one_currency_follow_each_other_without_overlap() -> None:
    by_kind: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for path in card_paths():
        row = read(path)[0]
        span = (row["effective_from"], row["effective_to"] or OPEN)
        by_kind[row["currency"], row["rates"]].append(span)
    for kind, spans in by_kind.items():
        assert all(one[1] <= other[0] for one, other in pairwise(sorted(spans))), kind
    assert all(one[1] == other[0] for one, other in pairwise(sorted(by_kind["USD", "list"])))


@pytest.mark.parametrize("path", card_paths(), ids=lambda path: path.stem)
def test_every_market_of_a_card_is_a_market_on_its_first_day(path: Path) -> None:
    rows = read(path)
    assert {row["market"] for row in rows} <= markets_on(rows[0]["effective_from"])


@pytest.mark.parametrize("path", card_paths(), ids=lambda path: path.stem)
def test_what_a_card_lacks_stands_in_the_list_of_gaps(path: Path) -> None:
    rows = read(path)
    head = rows[0]
    gaps = {
        (gap["market"], gap["category"])
        for gap in read(CARDS / "GAPS.csv")
        if all(gap[name] == head[name] for name in ("effective_from", "currency", "rates"))
    }
    assert not gaps & set(cells(rows))
    categories = {category for _, category in {*cells(rows), *gaps}}
    categories -= {"authentication_international"}  # not every market has it
    wanted = {(m, c) for m in markets_on(head["effective_from"]) for c in categories}
    assert wanted <= {*cells(rows), *gaps}


@pytest.mark.parametrize("path", card_paths(), ids=lambda path: path.stem)
def test_tiers_of_a_cell_rise_and_only_the_last_is_open(path: Path) -> None:
    for cell, rows in cells(read(path)).items():
        bounds = [row["up_to"] for row in rows]
        assert bounds[-1] == "", cell
        closed = [int(bound) for bound in bounds[:-1]]
        assert closed == sorted(set(closed)), cell
        assert all(bound > 0 for bound in closed), cell


def test_tier_rates_are_the_list_rate_less_the_published_discounts() -> None:
    listed = cells(read(CARDS / "2026-10-01_USD_list.csv"))
    for (market, category), rows in cells(read(CARDS / "2026-10-01_USD_tiered.csv")).items():
        step = Decimal("0.06") if market == "India" else Decimal("0.05")
        list_rate = Decimal(listed[market, category][0]["rate"])
        computed = [
            (list_rate * (1 - step * tier)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
            for tier in range(6)
        ]
        assert [Decimal(row["rate"]) for row in rows] == computed, (market, category)


@pytest.mark.parametrize(
    ("market", "category", "quantity", "amount"),
    [
        ("Brazil", "authentication", 600_000, "4050.00"),
        ("India", "utility", 60_000_000, "79500.00"),
        ("North America", "utility", 80_001, "272.0032"),
        ("Colombia", "utility", 1_500_000, "1150.00"),
        ("Indonesia", "authentication_international", 2_500_000, "324700.00"),
    ],
)
def test_a_month_of_tiers_costs_what_was_worked_by_hand(
    market: str, category: str, quantity: int, amount: str
) -> None:
    total, below = Decimal(0), 0
    for row in cells(read(CARDS / "2026-10-01_USD_tiered.csv"))[market, category]:
        upper = min(quantity, int(row["up_to"] or quantity))
        total += max(0, upper - below) * Decimal(row["rate"])
        below = max(below, upper)
    assert total == Decimal(amount)


def test_service_and_authentication_cost_as_much_as_utility_from_october_2026() -> None:
    listed = cells(read(CARDS / "2026-10-01_USD_list.csv"))
    for market in markets_on("2026-10-01"):
        rates = {
            listed[market, category][0]["rate"]
            for category in ("utility", "authentication", "service")
        }
        assert len(rates) == 1, market


def test_the_card_of_calls_and_its_gaps_name_each_market_once() -> None:
    folder = DATA / "rate_cards" / "whatsapp-calls"
    (path,) = (path for path in folder.glob("*.csv") if path.name != "GAPS.csv")
    rows, gaps = read(path), read(folder / "GAPS.csv")
    named = [row["market"] for row in (*rows, *gaps)]

    assert sorted(named) == sorted(markets_on("2026-10-01"))
    assert {(row["card"], row["category"], row["unit"]) for row in rows} == {
        ("whatsapp-calls", "call", "minute")
    }
    assert {row["category"] for row in gaps} == {"call"}


@pytest.mark.parametrize("stem", sorted(SOURCE_OF))
def test_a_card_repeats_its_source(stem: str) -> None:
    if not SOURCES.is_dir():
        pytest.skip(f"the sources of the cards are not here: {SOURCES}")
    rows = read(CARDS / f"{stem}.csv")
    head = rows[0]
    source = [
        (r["market"], r["category"], r["unit"], r["tier_to"], r["rate"], r["evidence"], r["note"])
        for r in read(SOURCES / f"{SOURCE_OF[stem]}.csv")
        if r["currency"] == head["currency"] and r["effective_from"] == head["effective_from"]
    ]
    shipped = [
        (r["market"], r["category"], r["unit"], r["up_to"], r["rate"], r["evidence"], r["note"])
        for r in rows
    ]
    assert shipped == source


def test_every_card_has_a_source_or_is_derived_from_its_neighbours() -> None:
    assert {path.stem for path in card_paths()} == {*SOURCE_OF, *DERIVED}
    known = cells(read(CARDS / "2023-06-01_USD_list.csv"))
    later = cells(read(CARDS / "2024-10-01_USD_list.csv"))
    for stem in DERIVED:
        for cell, (row,) in cells(read(CARDS / f"{stem}.csv")).items():
            neighbours = {r["rate"] for r in (*known.get(cell, []), *later.get(cell, []))}
            is_free = cell[1] == "service" and stem >= "2024-11"
            assert row["rate"] == "0.0000" if is_free else row["rate"] in neighbours, (stem, cell)


def test_each_category_of_a_card_is_reached_and_each_emitted_one_is_mapped() -> None:
    mapped = {row["category"]: row["card_category"] for row in read(DATA / "card_categories.csv")}
    on_cards = {row["category"] for path in card_paths() for row in read(path)}
    assert set(mapped.values()) == on_cards
    assert set(mapped) >= EMITTED
    assert "general_purpose_ai" not in mapped


def plans() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((DATA / "plans").glob("*.toml")):
        yield path.stem, tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


def test_a_plan_has_the_name_of_its_file() -> None:
    assert [plan["plan"] for _, plan in plans()] == [name for name, _ in plans()]


def test_each_version_of_a_sample_plan_prices_each_category_once() -> None:
    for name, plan in plans():
        if not name.startswith("sample-"):
            continue
        for version in plan["version"]:
            priced = categories_of(version)
            assert len(priced) == len(set(priced)), name
            assert set(priced) == EMITTED, name


def test_the_network_s_plan_prices_each_category_of_a_message_once() -> None:
    versions = dict(plans())["whatsapp"]["version"]
    of_messages = [v for v in versions if v["effective_from"] >= date(2025, 7, 1)]

    assert len(of_messages) == 2
    for version in of_messages:
        assert sorted(categories_of(version)) == sorted({*EMITTED, "referral_conversion"})


def categories_of(version: dict[str, Any]) -> list[str]:
    """The categories that the charges of the network's component name, one after the other."""
    charges = [c for c in version["charge"] if c.get("component", "network") == "network"]
    return [name for c in charges for name in c.get("where", {}).get("category", [])]


def test_no_shipped_file_is_large() -> None:
    sizes = {path: path.stat().st_size for path in DATA.rglob("*") if path.is_file()}
    assert all(size < 1_000_000 for size in sizes.values()), sizes
