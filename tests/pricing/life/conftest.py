"""An office for each test, with no shipped plans and cards: they take a second a bill."""

import shutil
from pathlib import Path

import pytest

from metering.facts import data_path
from metering.secret import VARIABLE
from pricing.trail import ACTOR_VARIABLE
from tests.pricing.life.office import Office


@pytest.fixture(scope="session")
def few_facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped facts without plans and rate cards."""
    root = tmp_path_factory.mktemp("facts") / "data"
    shutil.copytree(data_path("meters"), root / "meters")
    for path in data_path().glob("*.csv"):
        shutil.copy2(path, root)
    return root


@pytest.fixture(autouse=True)
def small_world(monkeypatch: pytest.MonkeyPatch, few_facts: Path) -> None:
    """Who acts, the key and the shipped facts are what a test says."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("TOLLBOOK", raising=False)
    monkeypatch.setenv(ACTOR_VARIABLE, "ann")
    monkeypatch.setattr("metering.facts._IN_WHEEL", few_facts)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "book")
