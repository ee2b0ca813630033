"""Consent: who is written to without having asked for it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.consent import ANSWER_CATEGORIES, CONSENT, Consents, consents
from metering.period import Month
from tests.metering.builders import (
    BRAZIL,
    GERMANY,
    MARKETING,
    NOON,
    Desk,
    cloud_event,
    status,
    webhook,
)
from tests.metering.rows import AT, Rows, open_rows

OCTOBER = Month(2026, 10)
BOOK = {
    "accounts": "account_id,name,time_zone\nacme,Acme,UTC\nbistro,Bistro,UTC\n",
    "senders": "sender_id,account_id\n1,acme\n2,acme\n3,bistro\n",
}
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def open_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    with open_rows(tmp_path_factory.mktemp("consent") / "book") as rows:
        yield rows


@pytest.fixture
def rows(open_store: Rows) -> Rows:
    open_store.clear()
    return open_store


def judge(rows: Rows, month: Month = OCTOBER, **files: str) -> Consents:
    rows.write()
    found = consents(rows.store, rows.accounts(**{**BOOK, **files}), month)
    assert found.cells.schema == CONSENT
    return found


def outcomes(found: Consents) -> dict[int, str]:
    """The outcome of each message, by its key."""
    return {
        int(key, 16): outcome
        for outcome, examples in found.cells.select("outcome", "examples").rows()
        for key in examples
    }


def somebody_else_consents(rows: Rows) -> None:
    rows.event("consent", AT, status="opted_in", contact_key=1_000_000)


# The state at the first report


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([("opted_in", -1)], "opted in"),
        ([("opted_in", 0)], "opted in"),  # from its instant on
        ([("opted_in", 1)], "never opted in"),
        ([("opted_in", -9), ("opted_out", -5)], "opted out"),
        ([("opted_in", -9), ("opted_out", 1)], "opted in"),
        ([("opted_out", -9), ("opted_in", -5)], "opted in"),
        ([("opted_out", -5), ("opted_in", -5)], "opted out"),  # of two at one instant
        ([("opted_out", -5)], "opted out"),
        ([], "never opted in"),
    ],
)
def test_the_latest_consent_before_the_first_report_counts(
    rows: Rows, told: list[tuple[str, int]], expected: str
) -> None:
    somebody_else_consents(rows)
    rows.delivery(5, AT + timedelta(hours=3), first_at=AT)
    for status_name, seconds_later in told:
        when = AT + SECOND * seconds_later
        rows.event("consent", when, status=status_name, contact_key=77, sender_id=None)

    found = judge(rows)

    assert outcomes(found) == {5: expected}
    assert found.total()["messages"] == 1
    assert found.rows().height == (expected != "opted in")


@pytest.mark.parametrize(
    ("given", "is_judged"),
    [
        ({}, True),
        ({"category": "utility"}, True),
        ({"category": "authentication_international"}, True),
        ({"category": "group_marketing"}, True),
        ({"category": "business_initiated", "pricing_model": "CBP"}, True),
        ({"in_free_entry_point": True}, True),
        ({"in_service_window": True}, False),
        ({"is_echo": True}, False),
        ({"channel": "sms"}, False),
        *(({"category": category}, False) for category in ANSWER_CATEGORIES),
    ],
)
def test_only_what_a_business_began_is_judged(
    rows: Rows, given: dict[str, Any], *, is_judged: bool
) -> None:
    somebody_else_consents(rows)
    rows.delivery(5, **given)

    assert outcomes(judge(rows)) == ({5: "never opted in"} if is_judged else {})


def test_a_message_without_a_category_is_judged_by_the_send_log_or_counted(rows: Rows) -> None:
    somebody_else_consents(rows)
    for key in (1, 2):
        rows.delivery(key, category=None, pricing_type=None, pricing_model=None, id_key=key)
    rows.event("send", message_key=2, category="marketing")

    found = judge(rows)

    assert outcomes(found) == {1: "category not known", 2: "never opted in"}
    assert found.rows()["category"].to_list() == ["marketing"]


def test_a_message_to_nobody_known_is_counted_and_not_listed(rows: Rows) -> None:
    somebody_else_consents(rows)
    rows.delivery(1, contact_key=None)

    found = judge(rows)

    assert outcomes(found) == {1: "contact not known"}
    assert found.rows().is_empty()


def test_contacts_are_counted_once(rows: Rows) -> None:
    somebody_else_consents(rows)
    for key in range(1, 8):
        rows.delivery(key, contact_key=key % 2)

    (row,) = judge(rows).rows().rows(named=True)

    examples = [f"{key:032x}" for key in (1, 2, 3)]
    assert row == {
        "account": "acme",
        "sender": "1",
        "category": "marketing",
        "reason": "never opted in",
        "messages": 7,
        "contacts": 2,
        "examples": examples,
    }


def test_a_book_without_a_consent_judges_nothing(rows: Rows) -> None:
    rows.delivery(1)
    rows.cloud_event("device.linked")

    found = judge(rows)

    assert found.consent_count == 0
    assert found.cells.is_empty()


# For whom a consent holds


@pytest.mark.parametrize(
    ("subject", "expected", "unusable"),
    [
        (None, {1, 2, 3}, 0),
        ("1", {1}, 0),
        ("acme", {1, 2}, 0),
        ("bistro", {3}, 0),
        ("newsletter", set(), 1),
        ("contact:123", set(), 1),
    ],
)
@pytest.mark.parametrize("kind", ["consent.opted_in", "com.example.consent.opted_in"])
@pytest.mark.parametrize("field", ["contact", "phone", "user_id"])
def test_a_cloud_event_is_for_a_sender_an_account_or_all(
    rows: Rows, subject: str | None, expected: set[int], unusable: int, kind: str, field: str
) -> None:
    for sender in (1, 2, 3):
        names: dict[str, Any] = {"contact_key": None, "user_key": 77}
        names = names if field == "user_id" else {}
        rows.delivery(sender, sender_id=str(sender), **names)
    rows.cloud_event(kind, AT, subject=subject, data=f'{{"{field}":"contact:77"}}')

    found = judge(rows)

    assert {key for key, outcome in outcomes(found).items() if outcome == "opted in"} == expected
    assert (found.consent_count, found.unusable_count) == (1, unusable)


def test_a_subject_that_is_a_sender_and_an_account_is_the_sender(rows: Rows) -> None:
    accounts = "account_id,name,time_zone\n1,One,UTC\n"
    for key in (1, 2):
        rows.delivery(key, sender_id=str(key))
    rows.cloud_event("consent.opted_in", AT, subject="1", data='{"contact":"contact:77"}')

    found = judge(rows, accounts=accounts, senders="sender_id,account_id\n1,1\n2,1\n")

    assert outcomes(found) == {1: "opted in", 2: "never opted in"}


def test_an_account_s_consent_follows_the_owner_of_the_sender(rows: Rows) -> None:
    senders = "sender_id,account_id,valid_from,valid_to\n1,acme,,2026-10-15\n1,bistro,2026-10-15,\n"
    rows.cloud_event("consent.opted_in", AT, subject="acme", data='{"contact":"contact:77"}')
    rows.delivery(1, AT + timedelta(days=1))
    rows.delivery(2, AT + timedelta(days=20))

    assert outcomes(judge(rows, senders=senders)) == {1: "opted in", 2: "never opted in"}


@pytest.mark.parametrize("data", [None, "{}", '{"contact":"contact:erased"}', '{"contact":7}'])
def test_a_consent_that_names_no_contact_counts_for_nobody(rows: Rows, data: str | None) -> None:
    rows.delivery(1)
    rows.cloud_event("consent.opted_in", data=data)

    found = judge(rows)

    assert outcomes(found) == {1: "never opted in"}
    assert (found.consent_count, found.unusable_count) == (1, 1)


def test_a_consent_for_one_sender_says_nothing_of_another(rows: Rows) -> None:
    rows.event("consent", AT, status="opted_in", contact_key=77, sender_id="2")
    rows.delivery(1)
    rows.delivery(2, sender_id="2")

    assert outcomes(judge(rows)) == {1: "never opted in", 2: "opted in"}


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Australia/Lord_Howe", "America/New_York"])
@pytest.mark.parametrize("month", [OCTOBER, Month(2026, 11)])
def test_the_month_is_that_of_the_account(rows: Rows, zone: str, month: Month) -> None:
    start, end = (bound.replace(tzinfo=None) for bound in month.bounds(zone))
    somebody_else_consents(rows)
    for key, when in enumerate((start - SECOND, start, end - SECOND, end), 1):
        rows.delivery(key, when)

    found = judge(
        rows,
        month,
        accounts=f"account_id,name,time_zone\nacme,Acme,{zone}\n",
        senders="sender_id,account_id\n1,acme\n",
    )

    assert set(outcomes(found)) == {2, 3}
    assert start.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).day == 1


# Against a slow definition


@given(data=st.data())
def test_consent_is_judged_as_the_slow_definition_does(
    open_store: Rows, data: st.DataObject
) -> None:
    open_store.clear()
    hours = st.integers(0, 24 * 20)
    told: list[tuple[datetime, str, str | None, int]] = []
    for _ in range(data.draw(st.integers(1, 12))):
        when = AT + timedelta(hours=data.draw(hours))
        word = data.draw(st.sampled_from(("opted_in", "opted_out")))
        whose = data.draw(st.sampled_from((None, "1", "2", "acme", "bistro", "nobody")))
        contact = data.draw(st.integers(1, 3))
        told.append((when, word, whose, contact))
        if whose in (None, "1", "2") and data.draw(st.booleans()):
            open_store.event("consent", when, status=word, contact_key=contact, sender_id=whose)
        else:
            text = f'{{"contact":"contact:{contact}"}}'
            open_store.cloud_event(f"consent.{word}", when, subject=whose, data=text)
    owners = {"1": "acme", "2": "acme", "3": "bistro"}
    expected = {}
    for key in range(1, 4):
        when, sender = AT + timedelta(hours=data.draw(hours)), data.draw(st.sampled_from("123"))
        contact = data.draw(st.integers(1, 3))
        open_store.delivery(key, when, sender_id=sender, contact_key=contact)
        mine = [
            (at, word == "opted_out", word)
            for at, word, whose, who in told
            if who == contact and at <= when and whose in (None, sender, owners[sender])
        ]
        word = max(mine)[2] if mine else "never opted in"
        expected[key] = word.replace("_", " ")

    assert outcomes(judge(open_store)) == expected


# From logs


MAPPING = """\
channel = "whatsapp"
[columns]
recipient = "number"
status = "state"
occurred_at = "at"
[constants]
direction = "consent"
"""


def test_consents_of_logs_hold_for_the_contact_however_it_is_named(desk: Desk) -> None:
    user = "BR.22"
    linked = [{"wa_id": BRAZIL, "user_id": user, "profile": {"name": "A"}}]
    september = str(NOON - 20 * 86_400)
    reports = [
        webhook(status("a", timestamp=september, pricing=MARKETING), contacts=linked),
        webhook(status("b", recipient_id="", recipient_user_id=user, pricing=MARKETING)),
        webhook(status("c", recipient_id=GERMANY, pricing=MARKETING)),
    ]
    desk.load(*reports)
    desk.load_file(
        f"number,state,at\n{BRAZIL},opted_in,2026-09-01T00:00:00Z\n", "optins.csv", mapping=MAPPING
    )
    found = consents(desk.store, desk.accounts(), OCTOBER)
    assert found.total() == {
        **{"messages": 2, "opted_in": 1, "never_opted_in": 1, "opted_out": 0},
        **{"contact_not_known": 0, "category_not_known": 0},
    }

    out = cloud_event(
        "o1",
        type="consent.opted_out",
        subject="1",
        time="2026-10-01T11:00:00Z",
        data={"phone": f"+{BRAZIL}"},
    )
    desk.load(out)

    found = consents(desk.store, desk.accounts(), OCTOBER)
    assert found.total()["opted_out"] == 1
    assert (found.consent_count, found.unusable_count) == (2, 0)
