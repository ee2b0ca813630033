"""Who may see what: roles by e-mail, domain or group, and one account for its reader."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import app as app_module
from dashboards.access import (
    ANYBODY,
    LOOPBACK,
    DashboardSettings,
    read_dashboard_settings,
    viewer_of,
)
from dashboards.app import VIEWS
from dashboards.load import Generation, current
from dashboards.words import text
from metering.errors import BookError
from metering.settings import SETTINGS, Book
from tests.dashboards.conftest import Open
from tests.dashboards.test_app import words

NOW = datetime(2026, 10, 9, tzinfo=UTC)
FINANCE = {text.INVOICES, text.RECEIVABLES, text.MARGIN, text.UNBILLED}
SETTINGS_TEXT = """
[dashboard]
login = "oidc.toml"
address = "0.0.0.0"
hosts = ["figures.example.com"]

[[dashboard.grant]]
role = "finance"
emails = ["Ann@example.com"]

[[dashboard.grant]]
role = "product"
domains = ["example.com"]

[[dashboard.grant]]
role = "operator"
groups = ["night-shift"]

[[dashboard.grant]]
role = "account-reader"
domains = ["customer.example"]
account = "acct-00002"
"""


def with_settings(book: Book, added: str) -> Book:
    path = book.root / SETTINGS
    path.write_text(path.read_text(encoding="utf-8") + added, encoding="utf-8")
    return book


def person(email: str, **more: Any) -> dict[str, Any]:
    return {"is_logged_in": True, "email": email, "email_verified": True, **more}


@pytest.fixture
def guarded(own: Book) -> DashboardSettings:
    return read_dashboard_settings(with_settings(own, SETTINGS_TEXT))


def test_without_a_login_everybody_here_sees_everything_and_nobody_else_can_come(
    own: Book,
) -> None:
    settings = read_dashboard_settings(own)

    assert settings.address == LOOPBACK
    assert viewer_of(settings, {}) == ANYBODY


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        (person("ann@EXAMPLE.com"), {"finance", "product"}),
        (person("bob@example.com"), {"product"}),
        (person("eve@sub.example.com"), None),
        (person("eve@notexample.com"), None),
        (person("eve@elsewhere.org", groups=["night-shift"]), {"operator"}),
        (person("eve@elsewhere.org", groups="night-shift"), {"operator"}),
        (person("bob@example.com", email_verified=False), None),
        (person("bob@example.com", exp=int(NOW.timestamp())), None),
        (person("bob@example.com", exp=int(NOW.timestamp()) + 1), {"product"}),
        (person("bob@example.com") | {"is_logged_in": False}, None),
        ({}, None),
    ],
)
def test_roles_follow_from_the_verified_address_and_the_groups(
    guarded: DashboardSettings, claims: dict[str, Any], roles: set[str] | None
) -> None:
    viewer = viewer_of(guarded, claims, now=NOW)

    assert (None if viewer is None else set(viewer.roles)) == roles


def test_a_reader_of_one_account_sees_that_account_alone(guarded: DashboardSettings) -> None:
    viewer = viewer_of(guarded, person("joe@customer.example"), now=NOW)

    assert viewer is not None
    assert viewer.account_id == "acct-00002"


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ('[dashboard]\naddress = "0.0.0.0"', "need a login"),
        ('[dashboard]\nlogin = "a"\n[[dashboard.grant]]\nrole = "finance"', "nobody has this"),
        (
            '[dashboard]\nlogin = "a"\n[[dashboard.grant]]\nrole = "account-reader"\n'
            'emails = ["a@b.c"]',
            "an account-reader has an account",
        ),
        ('[dashboard]\ncolour = "red"', "colour"),
    ],
)
def test_settings_that_would_open_a_door_by_mistake_are_refused(
    own: Book, added: str, said: str
) -> None:
    with pytest.raises(BookError, match=re.escape(said)):
        read_dashboard_settings(with_settings(own, f"\n{added}\n"))


def seen_by(app: AppTest) -> list[str]:
    names = [str(button.key).removeprefix("view/") for button in app.sidebar.button]
    return [name for name in names if name in VIEWS]


@pytest.mark.parametrize(
    ("email", "hidden"),
    [
        (
            "bob@example.com",
            {*FINANCE, text.PRICES, text.RUNS, text.LOADS, text.QUARANTINE},
        ),
        ("ann@example.com", {text.LOADS, text.QUARANTINE}),
    ],
)
def test_a_view_that_a_role_may_not_see_is_neither_listed_nor_opened_by_its_address(
    own: Book,
    open_app: Open,
    monkeypatch: pytest.MonkeyPatch,
    email: str,
    hidden: set[str],
) -> None:
    with_settings(own, SETTINGS_TEXT)
    monkeypatch.setattr("streamlit.user_info.UserInfoProxy.to_dict", lambda _: person(email))
    for name in sorted(hidden):
        app = open_app(own, view=name)
        assert not app.exception
        assert set(seen_by(app)) == VIEWS.keys() - hidden
        assert not app.title[0].value.startswith(name)
        assert any("no such view for you" in info.value for info in app.info)


def test_a_reader_meets_no_other_account_in_any_view(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_settings(own, SETTINGS_TEXT)
    monkeypatch.setattr(
        "streamlit.user_info.UserInfoProxy.to_dict", lambda _: person("joe@customer.example")
    )
    monkeypatch.setattr(Generation, "quarantined_count", 7)  # of all accounts
    first = open_app(own)
    for name in seen_by(first):
        for by in ("Account", "Sender"):
            app = open_app(own, view=name, by=by, account="acct-00001")
            assert not app.exception, name
            said = "".join(frame.value.to_csv() for frame in app.dataframe)
            others = set(re.findall(r"acct-\d{5}", said)) - {"acct-00002"}
            assert not others, name
            assert "in quarantine" not in words(app), name


def test_a_reader_sees_what_a_message_costs_and_no_markup_on_it(own: Book) -> None:
    generation = current(own.reports)
    assert generation is not None
    month = generation.billed_months[-1]
    account_id, line_id, details = next(
        (account_id, line_id, details)
        for account_id, invoice_id in generation.invoices(month)
        .select("account_id", "invoice_id")
        .rows()
        for line_id in generation.lines(month, invoice_id)["line_id"]
        if (details := generation.details(month, line_id))["note"].str.contains(" x ").any()
    )
    seen = generation.only(account_id).details(month, line_id)

    assert not seen["note"].str.contains(" x | card ").any()
    assert seen.drop("note").equals(details.drop("note"))


def test_a_reader_is_told_of_the_free_units_of_its_own_plan_alone(
    own: Book, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = current(own.reports)
    assert generation is not None
    plans = dict(generation.subscriptions().select("account_id", "plan").iter_rows())
    assert len({*plans.values()} & {*generation.allowances()["plan"]}) > 1
    with_settings(own, SETTINGS_TEXT)
    monkeypatch.setattr(
        "streamlit.user_info.UserInfoProxy.to_dict", lambda _: person("joe@customer.example")
    )
    app = open_app(own, view=text.FREE_TIER)

    offered = {option.partition(",")[0] for option in app.selectbox(key="tier").options}
    assert offered == {plans["acct-00002"], "whatsapp"} & {*generation.allowances()["plan"]}


def test_who_is_not_logged_in_sees_the_login_and_nothing_else(own: Book, open_app: Open) -> None:
    with_settings(own, SETTINGS_TEXT)
    app = open_app(own)

    assert not app.exception
    assert [button.label for button in app.button] == [text.LOG_IN]
    assert not app.metric
    assert not app.dataframe
    assert app_module.LOOKERS


def test_settings_that_are_no_toml_are_named_with_the_place(own: Book, open_app: Open) -> None:
    (own.root / SETTINGS).write_text("[seller", encoding="utf-8")
    app = open_app(own)

    assert not app.exception
    assert "tollbook.toml" in app.error[0].value
    assert "is not TOML" in app.code[0].value
