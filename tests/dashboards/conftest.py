"""What the tests of the dashboard share: small books, published, and the app on one of them."""

import gzip
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from streamlit.testing.v1 import AppTest

from dashboards.reports import publish
from dashboards.saved import FILE as SAVED
from metering.period import Month
from metering.settings import Book
from pricing.demo import Sample, run_demo
from pricing.run import bill
from pricing.starter import init_book

MONTH = Month.parse("2026-10")
UNPLANNED = "acct-00003"
APP = Path(__file__).parents[2] / "dashboards" / "app.py"

Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A generated month, loaded, billed and published. Tests only read it."""
    root = tmp_path_factory.mktemp("dashboards") / "sample"
    made = run_demo(root, Sample(MONTH, accounts=30, messages=600, seed=3), say=lambda _: None)
    publish(made.book)
    return made.book


@pytest.fixture(scope="session")
def numbers(sample: Book) -> set[str]:
    """Every phone number that the logs of the sample hold."""
    found = set()
    for path in (sample.root / "logs").iterdir():
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        elif path.suffix == ".zst":
            content = zstandard.ZstdDecompressor().stream_reader(content).read()
        numbers = re.findall(rb'"(?:recipient_id|from|wa_id)": ?"([0-9]{7,15})"', content)
        found |= {number.decode() for number in numbers}
    assert found
    return found


@pytest.fixture
def own(sample: Book, tmp_path: Path) -> Book:
    """A copy of the sample that a test may change, without what others kept in it."""
    shutil.copytree(sample.root, tmp_path / "own", ignore=shutil.ignore_patterns(SAVED))
    return Book.at(tmp_path / "own")


@pytest.fixture
def blocked(own: Book) -> Book:
    """The sample with one account that has messages and no plan."""
    for name in ("subscriptions.csv", "add_ons.csv"):
        path = own.root / name
        rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(row for row in rows if UNPLANNED not in row), encoding="utf-8")
    bill(own, MONTH)
    publish(own)
    return own


@pytest.fixture
def empty(tmp_path: Path) -> Book:
    """A new book: nothing loaded, nothing billed, nothing published."""
    return init_book(tmp_path / "empty")


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the app on a book, with the address `?name=value&...`."""

    def run(book: Book, **address: str) -> AppTest:
        monkeypatch.setenv("TOLLBOOK", str(book.root))
        app = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in address.items():
            app.query_params[name] = value
        return app.run()

    return run
