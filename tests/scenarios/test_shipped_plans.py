"""The plans that ship are listed, are used in a scenario, and disturb no book."""

import re
from pathlib import Path

import pytest

from metering.facts import data_path
from pricing.catalog import check_book, load_catalog
from tests.scenarios.office import COST, in_currency, on_plan, write_book

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in data_path("plans").glob("*.toml"))
RESELLERS = [name for name in NAMES if name.startswith("reseller-")]
GUIDE = (ROOT / "docs" / "plans-shipped.md").read_text(encoding="utf-8")
LISTED = dict(re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+?) \|", GUIDE, re.MULTILINE))


@pytest.fixture(scope="module")
def currencies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    book = write_book(tmp_path_factory.mktemp("book"), on_plan("whatsapp"))
    plans = load_catalog(book).plans
    return {name: plans[name].currency for name in NAMES}


def test_the_guide_lists_each_plan_with_its_currency(currencies: dict[str, str | None]) -> None:
    assert {
        name: currency or "that of the account" for name, currency in currencies.items()
    } == LISTED


def test_there_are_plans_of_a_dozen_resellers() -> None:
    assert len({name.split("-")[1] for name in RESELLERS}) >= 12


@pytest.mark.parametrize("name", RESELLERS)
def test_a_plan_of_a_reseller_says_what_it_is_and_has_a_scenario(name: str) -> None:
    first_line, *_ = data_path("plans", f"{name}.toml").read_text(encoding="utf-8").splitlines()
    scenarios = (ROOT / "tests" / "scenarios" / "test_resellers.py").read_text(encoding="utf-8")
    is_of_a_row = name.startswith(
        "reseller-meta-verified-indonesia-"
    )  # parametrized by the last word

    assert re.fullmatch(
        r"# An example made from public prices of 20\d\d.*, no offer of .+\.", first_line
    )
    assert is_of_a_row or f'"{name}"' in scenarios


@pytest.mark.parametrize("name", NAMES)
def test_an_account_can_be_on_it(
    name: str, tmp_path: Path, currencies: dict[str, str | None]
) -> None:
    contract = f"account_id,plan,effective_from\nacme,{name},2026-10-01\n"
    files = {**in_currency(currencies[name] or "USD"), **COST, "subscriptions.csv": contract}
    problems, _ = check_book(write_book(tmp_path, on_plan(name, **files)))

    assert problems == []


def test_those_that_nobody_is_on_are_not_spoken_of(tmp_path: Path) -> None:
    assert check_book(write_book(tmp_path, on_plan("sample-growth"))) == ([], [])
