"""Saved views: kept for each person, whole at every moment, and listed as links."""

import json
import os
import threading
from typing import Any, cast
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.saved import (
    FILE,
    FOLDER,
    NAME_LENGTH,
    VIEWS_MAX,
    delete_view,
    save_view,
    saved_views,
)
from dashboards.words import text
from metering.errors import UsageError
from metering.settings import Book
from tests.dashboards.conftest import Open
from tests.dashboards.test_access import SETTINGS_TEXT, with_settings
from tests.dashboards.test_finance import ANN, click, log_in

ADDRESS = {"view": ["Usage"], "market": ["Brazil", "India & more"], "by": ["Market"]}


def listed(app: AppTest) -> str:
    return "".join(cast(Any, block).body for block in app.sidebar.get("html"))


def test_an_address_reads_back_as_it_was_and_can_be_deleted(empty: Book) -> None:
    save_view(empty, None, "  Brazil   by market ", ADDRESS)

    (query,) = saved_views(empty, None).values()
    assert parse_qs(query) == ADDRESS
    assert [*saved_views(empty, None)] == ["Brazil by market"]
    assert saved_views(empty, ANN) == {}
    delete_view(empty, None, "Brazil by market")
    delete_view(empty, None, "never there")
    assert saved_views(empty, None) == {}


@pytest.mark.parametrize("name", ["", "   ", "x" * (NAME_LENGTH + 1)])
def test_a_view_without_a_name_is_refused(empty: Book, name: str) -> None:
    with pytest.raises(UsageError, match="a name of 1 to"):
        save_view(empty, None, name, ADDRESS)


def test_there_are_not_more_than_a_list_can_show(empty: Book) -> None:
    for number in range(VIEWS_MAX):
        save_view(empty, None, f"view {number}", ADDRESS)
    with pytest.raises(UsageError, match="already"):
        save_view(empty, None, "one more", ADDRESS)
    save_view(empty, None, "view 3", {"view": ["Funnel"]})
    save_view(empty, ANN, "mine", ADDRESS)

    assert saved_views(empty, None)["view 3"] == "view=Funnel"
    assert len(saved_views(empty, None)) == VIEWS_MAX


def test_what_breaks_a_save_leaves_the_file_as_it_was(
    empty: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_view(empty, None, "kept", ADDRESS)

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="disk is full"):
            save_view(empty, None, "lost", ADDRESS)
    assert [*saved_views(empty, None)] == ["kept"]
    assert {path.name for path in (empty.root / FOLDER).iterdir()} == {FILE, ".lock"}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"people": 3}', '{"people": {"": 3}}'])
def test_a_file_that_cannot_be_read_has_no_views(empty: Book, content: str) -> None:
    (empty.root / FOLDER).mkdir()
    (empty.root / FOLDER / FILE).write_text(content, encoding="utf-8")

    assert saved_views(empty, None) == {}


def test_two_who_save_at_once_lose_nothing(empty: Book) -> None:
    def save(who: str) -> None:
        for number in range(20):
            save_view(empty, who, f"view {number}", ADDRESS)

    threads = [threading.Thread(target=save, args=(who,)) for who in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [len(saved_views(empty, who)) for who in ("a", "b")] == [20, 20]
    path = empty.root / FOLDER / FILE
    assert json.loads(path.read_text(encoding="utf-8"))["schema"] == "tollbook.saved_views/1"


def test_the_page_that_is_shown_is_saved_listed_and_deleted(own: Book, open_app: Open) -> None:
    app = open_app(own, view=text.USAGE, market="Brazil", by="Market")
    app.text_input(key="saved/name").set_value("Brazil <b>")
    click(app, "saved/save")

    (query,) = saved_views(own, None).values()
    assert parse_qs(query) == {"view": ["Usage"], "market": ["Brazil"], "by": ["Market"]}
    said = listed(app)
    assert 'href="?view=Usage&amp;market=Brazil' in said
    assert "Brazil &lt;b&gt;" in said
    app.selectbox(key="saved/which").select("Brazil <b>").run()
    click(app, "saved/delete")
    assert saved_views(own, None) == {}
    assert text.NOTHING_SAVED in [caption.value for caption in app.sidebar.caption]


def test_nobody_sees_the_saved_views_of_somebody_else(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_settings(own, SETTINGS_TEXT)
    save_view(own, None, "of the machine", ADDRESS)
    save_view(own, ANN, "of Ann", ADDRESS)
    for email, expected in ((ANN, "of Ann"), ("bob@example.com", None)):
        log_in(monkeypatch, email)
        app = open_app(own, view=text.USAGE)
        said = listed(app)
        assert ("of Ann" in said) == (expected == "of Ann")
        assert "of the machine" not in said
