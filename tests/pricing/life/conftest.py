"""An office for each test, with no shipped plans and cards: they take a second a bill."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from metering.facts import data_path
from metering.secret import VARIABLE
from pricing.life.trail import ACTOR_VARIABLE
from tests.pricing.life.office import Office


@pytest.fixture(scope="session")
def few_facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped facts without plans and rate cards."""
    root = tmp_path_factory.mktemp("facts") / "data"
    shutil.copytree(data_path("meters"), root / "meters")
    for path in data_path().glob("*.csv"):
        shutil.copy2(path, root)
    return root


@pytest.fixture(autouse=True, scope="module")
def small_world(few_facts: Path) -> Iterator[None]:
    """Who acts, the key and the shipped facts are what a test says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(VARIABLE, raising=False)
        patch.delenv("TOLLBOOK", raising=False)
        patch.setenv(ACTOR_VARIABLE, "ann")
        patch.setattr("metering.facts._IN_WHEEL", few_facts)
        yield


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "book")
