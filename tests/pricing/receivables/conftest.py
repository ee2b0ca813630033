"""A book whose invoices are issued, once for each module, and its documents for each test."""

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest

from metering.settings import Book
from pricing.archive import Archive
from tests.pricing.receivables.owing import copy_of, issued_book, undone


@pytest.fixture(scope="module")
def book(
    tmp_path_factory: pytest.TempPathFactory,
    make_book: Callable[..., Book],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
) -> Book:
    return issued_book(tmp_path_factory.mktemp("owing"), make_book, usage_row, usage_frame)


@pytest.fixture(scope="module")
def opened(book: Book) -> Iterator[Archive]:
    with copy_of(book) as archive:
        yield archive


@pytest.fixture
def archive(opened: Archive) -> Iterator[Archive]:
    """The documents, as they were before any other test."""
    with undone(opened):
        yield opened
