"""Two opinions of each delivery: every difference is found, under one reason, and nothing else."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering import audit as audit_module
from metering import pricing_type
from metering.audit import AUDIT, EXAMPLE_COUNT, FREE_TIER, STATES, audit
from metering.errors import SumsDisagreeError
from metering.facts import data_path
from metering.period import Month
from tests.metering.builders import Desk, Json, message, seconds, status, webhook
from tests.metering.rows import AT, Rows, open_rows

OCTOBER = Month(2026, 10)
SEPTEMBER_2025 = datetime.fromisoformat("2025-09-10T12:00")
UTC_BOOK = {
    "accounts": "account_id,name,time_zone\nacme,Acme,UTC\n",
    "senders": "sender_id,account_id\n1,acme\n2,acme\n",
}
Opinion = Mapping[str, Any]


@pytest.fixture(scope="module")
def open_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    with open_rows(tmp_path_factory.mktemp("audit") / "book") as rows:
        yield rows


@pytest.fixture
def rows(open_store: Rows) -> Rows:
    open_store.clear()
    return open_store


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def judge(rows: Rows, month: Month = OCTOBER, **files: str) -> pl.DataFrame:
    rows.write()
    accounts = rows.accounts(**{**UTC_BOOK, **files})
    cells = audit(rows.store, accounts, month, example_count=10_000)
    assert cells.schema == AUDIT
    return cells


def reasons(cells: pl.DataFrame) -> dict[str, set[int]]:
    """The message keys under each reason."""
    found: dict[str, set[int]] = {}
    for reason, examples in cells.filter(state="differs").select("reason", "examples").rows():
        keys = {int(key, 16) for key in examples}
        assert not keys & found.setdefault(reason, set())
        found[reason] |= keys
    return found


def states(cells: pl.DataFrame) -> dict[str, int]:
    return dict(cells.group_by("state").agg(pl.col("delivery_count").sum()).rows())


# What the rules say, written from them and not from the code: pricing rules of 2022 to 2026-10.


def expected_type(category: str, day: date, *, in_window: bool, in_entry: bool) -> str:
    """The type that the network's rules give a message to one; the free tier is left aside."""
    if category == "referral_conversion" or in_entry:
        return "free_entry_point"
    if category == "service":
        is_free = date(2024, 11, 1) <= day < date(2026, 10, 1)
        return "free_customer_service" if is_free else "regular"
    if category == "utility" and date(2025, 7, 1) <= day < date(2026, 10, 1) and in_window:
        return "free_customer_service"
    return "regular"


def model_of(day: date) -> str:
    return "CBP" if day < date(2025, 7, 1) else "PMP"


# Each difference has one reason


@pytest.mark.parametrize(
    ("when", "given", "reason"),
    [
        (
            SEPTEMBER_2025,
            {"category": "utility", "pricing_type": "free_customer_service"},
            "free, but outside any service window",
        ),
        (
            SEPTEMBER_2025,
            {"category": "utility", "in_service_window": True},
            "charged, but inside a service window",
        ),
        (
            SEPTEMBER_2025,
            {"category": "group_utility", "in_service_window": True},
            "charged, but inside a service window",
        ),
        (
            SEPTEMBER_2025,
            {"category": "service"},
            "charged, but free by the rules of that day",
        ),
        (
            AT,
            {
                "category": "utility",
                "pricing_type": "free_customer_service",
                "in_service_window": True,
            },
            "free, but charged by the rules of that day",
        ),
        (
            AT,
            {"category": "marketing", "pricing_type": "free_entry_point"},
            "free entry point, but none is known",
        ),
        (
            AT,
            {"category": "marketing", "in_free_entry_point": True},
            "charged, but inside a free entry point",
        ),
        (AT, {"category": "service"}, "charged, but within the free tier"),
        (
            AT,
            {"category": "service", "pricing_type": "paid_exempt"},
            "free, by an exemption that only the network knows",
        ),
        (AT, {"category": "carrier_pigeon"}, "no rule for this category"),
        (
            AT,
            {"category": "marketing", "pricing_type": "surge"},
            "the same charge under another type",
        ),
        (
            AT,
            {
                "category": "service",
                "pricing_type": "free_customer_service",
                "in_free_entry_point": True,
            },
            "the same charge under another type",
        ),
        (
            at("2023-07-10T12:00"),
            {
                "category": "utility",
                "pricing_type": "free_not_billable",
                "pricing_model": "CBP",
                "in_service_window": True,
            },
            "free, but charged by the rules of that day",
        ),
        (
            at("2023-07-10T12:00"),
            {
                "category": "marketing",
                "pricing_type": "free_not_billable",
                "pricing_model": "CBP",
            },
            "free, but outside any service window",
        ),
        (
            at("2024-12-10T12:00"),
            {"category": "service", "pricing_model": "CBP", "in_service_window": True},
            "charged, but inside a service window",
        ),
    ],
)
def test_a_difference_is_listed_with_its_reason(
    rows: Rows, when: datetime, given: Opinion, reason: str
) -> None:
    rows.event(at=when)
    rows.delivery(5, when, **given)

    cells = judge(rows, Month(when.year, when.month))

    assert reasons(cells) == {reason: {5}}
    assert states(cells) == {"differs": 1}


@pytest.mark.parametrize(
    ("when", "given"),
    [
        (SEPTEMBER_2025, {"category": "utility"}),
        (SEPTEMBER_2025, {"category": "marketing", "in_service_window": True}),
        (
            SEPTEMBER_2025,
            {
                "category": "utility",
                "pricing_type": "free_customer_service",
                "in_service_window": True,
            },
        ),
        (SEPTEMBER_2025, {"category": "service", "pricing_type": "free_customer_service"}),
        (
            SEPTEMBER_2025,
            {"category": "group_service", "pricing_type": "free_group_customer_service"},
        ),
        # The network's two words for the same.
        (SEPTEMBER_2025, {"category": "group_service", "pricing_type": "free_customer_service"}),
        # `billable: false` without a type says that it is free, and not why.
        (SEPTEMBER_2025, {"category": "service", "pricing_type": "free_not_billable"}),
        (AT, {"category": "utility", "in_service_window": True}),
        (
            AT,
            {
                "category": "authentication_international",
                "pricing_type": "free_entry_point",
                "in_free_entry_point": True,
            },
        ),
        (AT, {"category": "service", "pricing_type": "free_customer_service"}),
        (AT, {"category": "group_service", "pricing_type": "free_customer_service"}),
        (at("2022-03-10T12:00"), {"category": "business_initiated", "pricing_model": "CBP"}),
        (
            at("2023-07-10T12:00"),
            {"category": "referral_conversion", "pricing_type": "free_entry_point"},
        ),
        # A conversation of the day before, under the rules of its own time.
        (
            at("2025-07-01T08:00"),
            {"category": "utility", "pricing_model": "CBP", "in_service_window": True},
        ),
    ],
)
def test_what_the_rules_say_too_is_agreed(rows: Rows, when: datetime, given: Opinion) -> None:
    rows.event(at=when)
    rows.delivery(5, when, **given)

    assert states(judge(rows, Month(when.year, when.month))) == {"agreed": 1}


# The send log


@pytest.mark.parametrize(
    ("network", "sent", "ours"),
    [
        ("utility", "marketing", "marketing"),
        ("marketing", "UTILITY", "utility"),
        ("service", "utility", "utility"),
        ("group_utility", "marketing", "group_marketing"),
        ("authentication", "authentication-international", None),
        ("authentication_international", "authentication", None),
        ("marketing_lite", "marketing", None),
        ("group_marketing", "marketing", None),
        ("business_initiated", "utility", None),  # says nothing of the template
        ("referral_conversion", "utility", None),
    ],
)
def test_the_category_is_judged_against_the_send_log(
    rows: Rows, network: str, sent: str, ours: str | None
) -> None:
    rows.event()
    is_entry = network == "referral_conversion"
    kind = "free_entry_point" if is_entry else "regular"
    rows.delivery(5, category=network, pricing_type=kind, in_free_entry_point=is_entry, id_key=50)
    rows.event("send", message_key=50, category=sent, sender_id=None, status="send")
    rows.event("send", message_key=51, category="nonsense", sender_id=None, status="send")

    cells = judge(rows)

    found = cells.filter(state="differs").select("reason", "our_category").rows()
    assert found == ([] if ours is None else [("category differs from the send log", ours)])


def test_the_latest_entry_of_the_send_log_counts(rows: Rows) -> None:
    rows.event()
    rows.delivery(5, category="utility", id_key=50)
    for days, category in ((9, "marketing"), (2, "utility"), (3, "authentication")):
        rows.event("send", AT - timedelta(days=days), message_key=50, category=category)

    assert states(judge(rows)) == {"agreed": 1}


# Who is audited


@pytest.mark.parametrize(
    ("direction", "heard_at", "is_audited"),
    [
        ("inbound", "2026-09-24T00:00:00", True),  # seven days before the month, to the second
        ("inbound", "2026-09-23T23:59:59", False),
        ("inbound", "2026-10-31T23:59:59", True),
        ("inbound", "2026-11-01T00:00:00", False),
        ("call", "2026-10-15T00:00:00", True),
        ("outbound", "2026-10-15T00:00:00", False),
        ("echo", "2026-10-15T00:00:00", False),
    ],
)
def test_a_sender_is_audited_only_if_its_users_are_in_the_log(
    rows: Rows, direction: str, heard_at: str, *, is_audited: bool
) -> None:
    rows.event(direction, at(heard_at))
    rows.event("inbound", AT, sender_id="2")
    rows.delivery(5, category="marketing", pricing_type="free_entry_point")

    cells = judge(rows)

    assert states(cells) == ({"differs": 1} if is_audited else {"not audited": 1})


def test_a_delivery_of_which_the_network_says_nothing_is_counted_apart(rows: Rows) -> None:
    rows.event()
    rows.delivery(1, category=None, pricing_type=None, pricing_model=None)
    rows.delivery(2, category=None, pricing_type="regular")
    rows.delivery(3, category="utility", pricing_type=None)
    rows.delivery(4)

    assert states(judge(rows)) == {"network says nothing": 3, "agreed": 1}


def test_echoes_and_other_channels_are_left_out(rows: Rows) -> None:
    rows.event()
    rows.delivery(1, is_echo=True)
    rows.delivery(2, channel="sms", category="transactional")
    rows.delivery(3)

    assert states(judge(rows)) == {"agreed": 1}


def test_an_account_is_audited_alone(rows: Rows) -> None:
    senders = "sender_id,account_id\n1,acme\n2,bombay\n"
    accounts = "account_id,name\nacme,Acme\nbombay,Bombay\n"
    for sender in ("1", "2", "3"):
        rows.event(sender_id=sender)
        rows.delivery(int(sender), sender_id=sender)
    rows.write()
    known = rows.accounts(accounts=accounts, senders=senders)

    cells = audit(rows.store, known, OCTOBER, account_id="bombay")

    assert cells["account_id"].to_list() == ["bombay"]
    everybody = audit(rows.store, known, OCTOBER)["account_id"].to_list()
    assert everybody == ["acme", "bombay", None]


# The free tier


@pytest.fixture
def small_tier(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free tier of three, which a test can fill."""
    monkeypatch.setattr(audit_module, "FREE_TIER", replace(FREE_TIER, units=3))
    return 3


def test_the_free_tier_is_a_thousand_messages() -> None:
    assert FREE_TIER.units == 1000


def test_the_first_service_messages_of_a_sender_and_month_are_free(
    rows: Rows, small_tier: int
) -> None:
    rows.event()
    rows.event(sender_id="2")
    free = {"category": "service", "pricing_type": "free_customer_service"}
    later = AT + timedelta(hours=1)
    # 9 and 8 arrive in the same second: the smaller key is the earlier one.
    for key, when in ((9, later), (8, later), (3, AT), (4, AT)):
        rows.delivery(key, when, **free)
    rows.delivery(
        11, AT, in_free_entry_point=True, category="service", pricing_type="free_entry_point"
    )
    rows.delivery(12, AT, category="utility")
    rows.delivery(20, AT, sender_id="2", **free)
    rows.delivery(30, later + timedelta(hours=1), category="service")

    cells = judge(rows)

    assert small_tier == 3
    assert reasons(cells) == {"free service above the free tier": {9}}
    assert states(cells) == {"differs": 1, "agreed": 7}


def test_messages_to_groups_share_the_free_tier(rows: Rows, small_tier: int) -> None:
    rows.event()
    for key in range(1, small_tier + 2):
        category = "group_service" if key % 2 else "service"
        rows.delivery(key, AT + timedelta(minutes=key), category=category, pricing_type="regular")

    assert reasons(judge(rows)) == {"charged, but within the free tier": {1, 2, 3}}


def test_what_was_sent_with_a_template_uses_up_no_free_tier(rows: Rows, small_tier: int) -> None:
    rows.event()
    rows.delivery(1, AT, category="service", pricing_type="free_customer_service", id_key=50)
    rows.event("send", message_key=50, category="utility")
    for key in range(2, small_tier + 3):
        when = AT + timedelta(minutes=key)
        rows.delivery(key, when, category="service", pricing_type="free_customer_service")

    assert reasons(judge(rows)) == {
        "category differs from the send log": {1},
        "free service above the free tier": {5},
    }


@pytest.mark.parametrize(
    ("account_zone", "sender_zone"),
    [
        ("Asia/Kolkata", ""),
        ("Australia/Lord_Howe", ""),  # half an hour of daylight saving, on 2026-10-04
        ("UTC", "Asia/Kolkata"),
        ("Asia/Kathmandu", "America/New_York"),
        ("America/St_Johns", "Pacific/Apia"),
        ("Europe/Berlin", "Asia/Kolkata"),
    ],
)
@pytest.mark.parametrize("month", [Month(2026, 10), Month(2026, 11), Month(2027, 3)])
def test_the_free_tier_begins_anew_at_midnight_in_the_zone_of_the_sender(
    rows: Rows, small_tier: int, account_zone: str, sender_zone: str, month: Month
) -> None:
    zone = ZoneInfo(sender_zone or account_zone)
    files = {
        "accounts": f"account_id,name,time_zone\nacme,Acme,{account_zone}\n",
        "senders": f"sender_id,account_id,time_zone\n1,acme,{sender_zone}\n",
    }
    start, end = (bound.replace(tzinfo=None) for bound in month.bounds(account_zone))
    step = timedelta(minutes=30)
    instants = [bound + step * n for bound in (start, end) for n in range(-60, 60)]
    instants += [start + timedelta(days=n) for n in range(3, 26, 4)]
    for key, when in enumerate(instants, 1):
        rows.event(at=when)
        rows.delivery(key, when, category="service")

    # By the slow definition: the first three of each local month, from October 2026 on.
    seen: Counter[str] = Counter()
    within = set()
    for key, when in sorted(enumerate(instants, 1), key=lambda pair: (pair[1], pair[0])):
        local = f"{when.replace(tzinfo=ZoneInfo('UTC')).astimezone(zone):%Y-%m}"
        seen[local] += 1
        if start <= when < end and local >= "2026-10" and seen[local] <= small_tier:
            within.add(key)
    before_october = {
        key
        for key, when in enumerate(instants, 1)
        if start <= when < end
        and f"{when.replace(tzinfo=ZoneInfo('UTC')).astimezone(zone):%Y-%m}" < "2026-10"
    }
    expected = {
        "charged, but within the free tier": within,
        "charged, but free by the rules of that day": before_october,
    }

    found = reasons(judge(rows, month, **files))

    assert found == {reason: keys for reason, keys in expected.items() if keys}
    assert within or sender_zone == "America/New_York"


def test_a_sender_that_moves_between_accounts_has_one_free_tier(
    rows: Rows, small_tier: int
) -> None:
    accounts = "account_id,name\nacme,Acme\nbistro,Bistro\n"
    senders = "sender_id,account_id,valid_from,valid_to\n1,acme,,2026-10-15\n1,bistro,2026-10-15,\n"
    rows.event()
    for day in (3, 4, 20, 21):
        when = at(f"2026-10-{day:02}T12:00")
        rows.delivery(day, when, category="service", pricing_type="free_customer_service")

    cells = judge(rows, accounts=accounts, senders=senders)

    assert small_tier == 3
    assert reasons(cells) == {"free service above the free tier": {21}}
    assert set(cells["account_id"]) == {"acme", "bistro"}


# Days and months of zones


@pytest.mark.parametrize(
    ("account_zone", "sender_zone"),
    [
        ("Asia/Kolkata", ""),
        ("Asia/Kathmandu", ""),
        ("Pacific/Chatham", ""),
        ("America/New_York", ""),
        ("America/New_York", "Asia/Kolkata"),
    ],
)
def test_the_rules_of_a_day_hold_from_its_midnight_on(
    rows: Rows, account_zone: str, sender_zone: str
) -> None:
    files = {
        "accounts": f"account_id,name,time_zone\nacme,Acme,{account_zone}\n",
        "senders": f"sender_id,account_id,time_zone\n1,acme,{sender_zone}\n",
    }
    change = OCTOBER.bounds(sender_zone or account_zone)[0].replace(tzinfo=None)
    in_window = {"category": "utility", "in_service_window": True}
    rows.event(at=change - timedelta(hours=30))
    rows.delivery(1, change - timedelta(seconds=1), **in_window)
    rows.delivery(2, change, **in_window)

    found = [judge(rows, month, **files) for month in (Month(2026, 9), OCTOBER)]

    together = {reason: keys for cells in found for reason, keys in reasons(cells).items()}
    assert together == {"charged, but inside a service window": {1}}
    assert sum(states(cells).get("agreed", 0) for cells in found) == 1


def test_the_zone_of_a_number_beats_that_of_its_waba(rows: Rows) -> None:
    senders = (
        "sender_id,waba_id,account_id,time_zone\n"
        ",w1,acme,Asia/Kolkata\n"
        "1,,acme,\n"
        "3,,acme,Pacific/Apia\n"
    )
    in_window = {"category": "utility", "in_service_window": True, "waba_id": "w1"}
    rows.event()
    rows.event(sender_id="2")
    rows.event(sender_id="3")
    # In Kolkata and in Apia it is October already.
    for key in (1, 2, 3):
        rows.delivery(key, at("2026-09-30T20:00"), sender_id=str(key), **in_window)
        rows.event(at=at("2026-09-30T10:00"), sender_id=str(key))

    cells = judge(rows, Month(2026, 9), senders=senders)

    assert reasons(cells) == {"charged, but inside a service window": {1}}


# Conversations


def test_of_a_conversation_the_message_that_opened_it_is_charged(rows: Rows) -> None:
    when = at("2023-07-10T12:00")
    kind = {"category": "marketing", "pricing_model": "CBP", "pricing_type": "free_entry_point"}
    rows.event(at=when)
    for key in (1, 2, 3):
        rows.delivery(key, when + timedelta(hours=key), conversation_key=7, **kind)
    rows.delivery(4, at("2023-06-30T11:00"), conversation_key=8, **kind)
    rows.delivery(5, at("2023-07-01T10:00"), conversation_key=8, **kind)  # opened in June
    rows.delivery(6, when, **kind)

    cells = judge(rows, Month(2023, 7))

    counted = cells.group_by("meter").agg(pl.col("delivery_count", "quantity").sum())
    assert {row[0]: tuple(map(int, row[1:])) for row in counted.rows()} == {
        "conversations": (4, 1),
        None: (1, 0),
    }


# All of it


CATEGORIES = ("marketing", "utility", "authentication", "service", "referral_conversion")
PLANTS = ("none", "free outside a window", "charged inside a window", "denied by the send log")


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """Draw a delivery as the rules make it, and which disagreement is planted in it, if any."""
    month = draw(st.sampled_from(("2023-07", "2024-12", "2025-09", "2026-09", "2026-10")))
    when = at(f"{month}-01T00:00") + timedelta(minutes=draw(st.integers(0, 30 * 1440 - 1)))
    plant = draw(st.sampled_from((*PLANTS[:1] * 6, *PLANTS)))
    is_dated = plant.startswith(("free", "charged"))
    if is_dated:  # where a window decides at all
        when, category = when.replace(year=2025, month=9), "utility"
    else:
        category = draw(
            st.sampled_from(CATEGORIES[:3] if plant.startswith("denied") else CATEGORIES)
        )
    in_window = draw(st.booleans()) if not is_dated else plant.startswith("charged")
    in_entry = False if is_dated else draw(st.booleans())
    day = when.date()
    kind = expected_type(category, day, in_window=in_window, in_entry=in_entry)
    if category == "service" and day >= date(2026, 10, 1) and not in_entry:
        kind = "free_customer_service"  # so few are within the free tier
    if is_dated:
        kind = "free_customer_service" if plant.startswith("free") else "regular"
    row = {
        "when": when,
        "category": category,
        "pricing_type": kind,
        "pricing_model": model_of(day),
        "in_service_window": in_window,
        "in_free_entry_point": in_entry,
        "is_in_send_log": category in CATEGORIES[:3] and (not is_dated and draw(st.booleans())),
    }
    return row, plant


PLANTED_AS = {
    "free outside a window": "free, but outside any service window",
    "charged inside a window": "charged, but inside a service window",
    "denied by the send log": "category differs from the send log",
}


@given(drawn=st.lists(deliveries(), max_size=40), senders=st.integers(1, 3))
def test_the_audit_finds_all_that_is_planted_and_nothing_else(
    open_store: Rows, drawn: list[tuple[dict[str, Any], str]], senders: int
) -> None:
    open_store.clear()
    planted: dict[str, set[int]] = {}
    months = set()
    for key, (drawn_row, plant) in enumerate(drawn, 1):
        row = dict(drawn_row)
        when, is_in_log = row.pop("when"), row.pop("is_in_send_log")
        sender = str(1 + key % senders)
        open_store.event(at=when, sender_id=sender)
        open_store.delivery(key, when, sender_id=sender, id_key=key + 10**6, **row)
        month = Month(when.year, when.month)
        months |= {month, month.previous(), month.next()}  # it may be in another one locally
        sent = row["category"]
        if plant.startswith("denied"):
            sent = "utility" if sent == "marketing" else "marketing"
        if is_in_log or plant.startswith("denied"):
            open_store.event("send", when, message_key=key + 10**6, category=sent, sender_id=None)
        if plant != "none":
            planted.setdefault(PLANTED_AS[plant], set()).add(key)

    found: dict[str, set[int]] = {}
    counts: Counter[str] = Counter()
    for month in months:
        cells = judge(open_store, month)
        counts.update(states(cells))
        for reason, keys in reasons(cells).items():
            found.setdefault(reason, set()).update(keys)

    assert found == planted
    assert counts.total() == len(drawn)


# From logs: windows are those of the messages, the send log is a file.


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Json], list[str], dict[str, str]]:
    """Draw webhooks and a send log of September 2025, and which messages the network got wrong."""
    reports, sent, planted = [], ["message_id,template,category,sent_at"], {}
    start = seconds("2025-09-02T00:00")
    for contact in range(draw(st.integers(1, 3))):
        number = f"49151000000{contact}"
        heard = draw(st.lists(st.integers(0, 20 * 24), min_size=1, max_size=5))
        for hour in heard:
            item = message(f"in-{contact}-{hour}", timestamp=str(start + hour * 3600))
            item["from"] = number
            reports.append(webhook(messages=[item]))
        for order in range(draw(st.integers(1, 6))):
            name = f"out-{contact}-{order}"
            after = st.sampled_from(heard).map(lambda hour: hour + 24)  # as the window closes
            hour = draw(st.one_of(st.integers(0, 22 * 24), after))
            in_window = any(since <= hour < since + 24 for since in heard)
            category = draw(st.sampled_from(CATEGORIES[:3]))
            day = date(2025, 9, 2) + timedelta(hours=hour)
            kind = expected_type(category, day, in_window=in_window, in_entry=False)
            is_sent = draw(st.booleans())
            wrong = draw(st.sampled_from(("", "", "type", "category")))
            template = category
            if wrong == "type" and category == "utility":
                kind = "regular" if in_window else "free_customer_service"
                plant = "charged inside a window" if in_window else "free outside a window"
                planted[name] = PLANTED_AS[plant]
            if wrong == "category":
                template, is_sent = CATEGORIES[(CATEGORIES.index(category) + 1) % 3], True
                planted[name] = PLANTED_AS["denied by the send log"]
            if is_sent:
                sent.append(f"{name},offer,{template},2025-09-02T00:00:00Z")
            pricing = {"billable": kind == "regular", "pricing_model": "PMP", "type": kind}
            report = status(name, recipient_id=number, timestamp=str(start + hour * 3600))
            reports.append(webhook({**report, "pricing": {**pricing, "category": category}}))
    return draw(st.permutations(reports)), sent, planted


@given(drawn=conversations())
def test_the_audit_of_a_log_finds_all_that_is_planted_and_nothing_else(
    open_desk: Desk,
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[list[Json], list[str], dict[str, str]],
) -> None:
    reports, sent, planted = drawn
    open_desk.clear()
    open_desk.inbox = tmp_path_factory.mktemp("inbox")
    open_desk.load(*reports)
    open_desk.load_file("\n".join(sent) + "\n", "sent.csv")
    key_of = "printf('%032x', message_key_of('whatsapp', 'outbound', '1', $name, null))"
    expected: dict[str, set[int]] = {}
    for name, reason in planted.items():
        key = int(open_desk.store.value(f"select {key_of}", {"name": name}), 16)
        expected.setdefault(reason, set()).add(key)

    cells = audit(open_desk.store, open_desk.accounts(), Month(2025, 9), example_count=1000)

    assert reasons(cells) == expected
    assert set(cells["state"]) <= {"agreed", "differs"}


@given(data=st.data())
def test_every_delivery_of_a_month_has_one_state(open_store: Rows, data: st.DataObject) -> None:
    open_store.clear()
    instants = st.integers(0, 34 * 24).map(
        lambda hour: at("2026-09-29T00:00") + timedelta(hours=hour)
    )
    expected = 0
    for key in range(1, data.draw(st.integers(0, 30)) + 1):
        when = data.draw(instants)
        sender = data.draw(st.sampled_from("12"))
        open_store.delivery(
            key,
            when,
            sender_id=sender,
            category=data.draw(st.sampled_from((*CATEGORIES, "new", None))),
            pricing_type=data.draw(
                st.sampled_from(
                    ("regular", "free_customer_service", "free_entry_point", "odd", None)
                )
            ),
            in_service_window=data.draw(st.booleans()),
            in_free_entry_point=data.draw(st.booleans()),
        )
        expected += OCTOBER.first_day <= when.date() <= OCTOBER.last_day
        if data.draw(st.booleans()):
            open_store.event(at=when, sender_id=sender)

    cells = judge(open_store)

    assert cells["delivery_count"].sum() == expected
    assert set(cells["state"]) <= set(STATES)
    assert cells.filter(state="differs")["reason"].null_count() == 0
    assert cells.filter(pl.col("state") != "differs")["reason"].null_count() == len(
        cells.filter(pl.col("state") != "differs")
    )


def test_an_audit_without_a_rule_for_a_delivery_is_not_printed(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.event()
    rows.delivery(1)
    cut = audit_module._rule_stretches
    monkeypatch.setattr(audit_module, "_rule_stretches", lambda *given: cut(*given).clear())

    with pytest.raises(SumsDisagreeError, match="1 deliveries were audited, but 0 have an outcome"):
        judge(rows)


def test_a_month_without_deliveries_has_an_empty_audit(rows: Rows) -> None:
    assert judge(rows).is_empty()


def test_examples_are_few_and_the_smallest_keys(rows: Rows) -> None:
    rows.event()
    for key in range(2, 9):
        rows.delivery(key, pricing_type="free_entry_point")
    rows.write()

    (examples,) = audit(rows.store, rows.accounts(**UTC_BOOK), OCTOBER)["examples"].to_list()

    assert examples == [f"{key:032x}" for key in range(2, 2 + EXAMPLE_COUNT)]


# The shipped rules


def test_the_rows_of_a_category_follow_each_other() -> None:
    frame = pricing_type.pricing_types()

    with data_path("pricing_types.csv").open(encoding="utf-8", newline="") as file:
        assert frame.height == len(list(csv.DictReader(file)))
    for _, of_category in frame.partition_by("category", as_dict=True).items():
        starts, ends = (
            of_category["effective_from"].to_list(),
            of_category["effective_to"].to_list(),
        )
        assert starts == sorted(set(starts))
        assert ends[:-1] == starts[1:]
        assert ends[-1] == date(9999, 12, 31)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_shipped_types_are_those_of_the_rules(category: str) -> None:
    frame = pricing_type.pricing_types().filter(category=category)
    for row in frame.iter_rows(named=True):
        for day in (row["effective_from"], min(row["effective_to"], date(2026, 12, 1))):
            if not row["effective_from"] <= day < row["effective_to"]:
                continue
            found = [row[name] for name in ("outside", "in_service_window", "in_free_entry_point")]
            assert found == [
                expected_type(category, day, in_window=in_window, in_entry=in_entry)
                for in_window, in_entry in ((False, False), (True, False), (False, True))
            ]
            assert row["pricing_model"] == model_of(day)


def test_conversations_were_priced_until_the_end_of_june_2025() -> None:
    assert pricing_type.conversations_until() == date(2025, 6, 30)
    assert date(2026, 10, 1) in pricing_type.change_dates()
