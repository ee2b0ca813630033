"""A small book: three accounts in three zones, one of them by its waba."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from metering.secret import VARIABLE
from metering.settings import Book
from metering.store import Store
from tests.metering.builders import BOOK_FILES, Desk


def _make(root: Path) -> Book:
    root.mkdir(parents=True)
    for name, content in BOOK_FILES.items():
        (root / name).write_text(content)
    return Book.at(root)


@pytest.fixture
def make_book() -> Callable[[Path], Book]:
    """Write a book; its store is made when it is first opened."""
    return _make


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return _make(tmp_path / "book")


@pytest.fixture(scope="session")
def open_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One store for all tests, opened once; `desk` empties it for each."""
    root = tmp_path_factory.mktemp("desk")
    book = _make(root / "book")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(VARIABLE, raising=False)
        with Store.open(book, book.settings(), "write") as store:
            yield Desk(book, store, root / "inbox", root / "scratch")


@pytest.fixture
def desk(open_desk: Desk, tmp_path: Path) -> Desk:
    """An empty store that is open, and an empty folder for files."""
    open_desk.clear()
    open_desk.inbox = tmp_path / "inbox"
    open_desk.inbox.mkdir()
    return open_desk
