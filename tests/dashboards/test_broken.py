"""What the pages say of a book that is damaged: what is wrong, and what helps."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st

from dashboards.access import NEEDS_LOGIN
from dashboards.load import current
from dashboards.reports import CURRENT, MANIFEST, pointed_at, publish
from dashboards.words import finance as said
from dashboards.words import text
from metering.settings import SETTINGS, Book
from tests.dashboards.conftest import MONTH, Open
from tests.dashboards.test_app import words
from tests.dashboards.test_finance import INVOICE_ID

Damage = Callable[[Path], object]


def cut(path: Path) -> None:
    """Leave the beginning of a file, as a disk that was full would."""
    path.write_bytes(path.read_bytes()[:50])


DAMAGES: dict[str, Damage] = {
    "the manifest is cut": lambda folder: cut(folder / MANIFEST),
    "a file is cut": lambda folder: cut(folder / f"usage_totals/{MONTH}.parquet"),
    "a file is gone": lambda folder: (folder / f"usage_totals/{MONTH}.parquet").unlink(),
    "the folder is gone": lambda folder: folder.rename(folder.with_name("elsewhere")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_figures_are_named_and_published_anew(
    own: Book, open_app: Open, damage: Damage
) -> None:
    whole = words(open_app(own, view=text.MARKETS))
    damage(own.reports / pointed_at(own.reports)[0])
    st.cache_resource.clear()  # what was read before is still known
    app = open_app(own, view=text.MARKETS)

    assert not app.exception
    assert text.DAMAGED[0] in words(app)
    publish(own)
    assert words(open_app(own, view=text.MARKETS)) == whole


def test_a_pointer_of_other_bytes_points_at_nothing(own: Book) -> None:
    (own.reports / CURRENT).write_bytes(b"\xff\xfe\x00")

    assert current(own.reports) is None


@pytest.mark.parametrize("content", ["[[[", "dashboard = 3", "[dashboard]\nlogin = ["])
def test_settings_that_cannot_be_read_are_named(own: Book, open_app: Open, content: str) -> None:
    (own.root / SETTINGS).write_text(content, encoding="utf-8")
    app = open_app(own)

    assert not app.exception
    assert app.error[0].value == text.BAD_SETTINGS
    assert SETTINGS in app.code[0].value


def test_a_mistake_in_the_book_is_said_with_its_place(own: Book, open_app: Open) -> None:
    (own.root / SETTINGS).write_text("", encoding="utf-8")
    app = open_app(own, view=text.RECEIVABLES)

    assert not app.exception
    assert "tollbook.toml seller: 'seller' is missing" in app.error[0].value.replace("\\", "")


def test_nobody_is_let_in_where_the_login_was_taken_out(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, NEEDS_LOGIN, "oidc.toml")
    app = open_app(own)

    assert app.error[0].value == text.LOGIN_GONE
    assert not app.title
    assert not app.sidebar.button


def test_an_invoice_that_is_in_the_figures_alone_is_said(own: Book, open_app: Open) -> None:
    own.invoices_path.unlink()
    app = open_app(own, view=text.INVOICES, invoice=INVOICE_ID)

    assert not app.exception
    assert said.GONE in words(app).replace("\\", "")
