"""Notices: what the network says of an account is said in words, and kept for prices."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from metering.notices import (
    AUTH_INTERNATIONAL,
    NOTICE,
    TIER_REACHED,
    auth_international_eligibility,
    notices,
    tiers_reached,
)
from metering.period import Month
from tests.metering.builders import Desk, entry, payload
from tests.metering.rows import AT, Rows, open_rows

OCTOBER = Month(2026, 10)
TIER = "VOLUME_BASED_PRICING_TIER_UPDATE"
ELIGIBILITY = "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE"
PAYLOADS = Path(__file__).parents[2].parent / "shared" / "whatsapp" / "payloads"
BOOK = {
    "accounts": "account_id,name,time_zone\nacme,Acme,UTC\nbistro,Bistro,Asia/Kolkata\n",
    "senders": "sender_id,waba_id,account_id\n,w1,acme\n1,,acme\n2,,bistro\n",
}
NOON = "1791201600"  # 2026-10-05T12:00:00Z


@pytest.fixture(scope="module")
def open_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    with open_rows(tmp_path_factory.mktemp("notices") / "book") as rows:
        yield rows


@pytest.fixture
def rows(open_store: Rows) -> Rows:
    open_store.clear()
    return open_store


def notice(rows: Rows, status: str, at: datetime = AT, waba: str = "w1", **data: Any) -> None:
    number = len(rows.waiting.get("events", ()))
    given = {"sender_id": None, "waba_id": waba, "data": json.dumps(data)}
    rows.event("account", at, message_key=number, status=status, **given)


def tier(**given: Any) -> dict[str, Any]:
    plain = {
        "tier_update_time": int(NOON),
        "pricing_category": "UTILITY",
        "tier": "100001:1000000",
        "effective_month": "2026-10",
        "region": "Germany",
    }
    return {"volume_tier_info": {**plain, **given}}


def listed(rows: Rows, month: Month | None = None, **files: str) -> list[dict[str, Any]]:
    rows.write()
    frame = notices(rows.store, rows.accounts(**{**BOOK, **files}), month)
    assert frame.schema == NOTICE
    return frame.to_dicts()


# Words


@pytest.mark.parametrize(
    ("status", "data", "details"),
    [
        (
            TIER,
            tier(),
            "Germany utility: messages 100001 to 1000000 of 2026-10, reached at"
            " 2026-10-05T12:00:00Z",
        ),
        (
            TIER,
            tier(tier="0:MAX", tier_update_time=NOON),
            "Germany utility: messages 0 and on of 2026-10, reached at 2026-10-05T12:00:00Z",
        ),
        (
            ELIGIBILITY,
            {"auth_international_rate_eligibility": {"start_time": int(NOON)}},
            "international rate of authentication from 2026-10-05T12:00:00Z",
        ),
        (
            ELIGIBILITY,
            {
                "auth_international_rate_eligibility": {
                    "start_time": int(NOON),
                    "exception_countries": [
                        {"country_code": "ID", "start_time": int(NOON) + 1},
                        {"country_code": "IN", "start_time": str(int(NOON) + 2)},
                    ],
                }
            },
            "international rate of authentication from 2026-10-05T12:00:00Z;"
            " ID from 2026-10-05T12:00:01Z, IN from 2026-10-05T12:00:02Z",
        ),
        ("PARTNER_REMOVED", {"waba_info": {}}, "the business removed its partner"),
        (
            "DISABLED_UPDATE",
            {
                "ban_info": {
                    "waba_ban_state": "SCHEDULE_FOR_DISABLE",
                    "waba_ban_date": "May 1, 2026",
                }
            },
            "schedule for disable, May 1, 2026",
        ),
        ("DISABLED_UPDATE", {"ban_info": {"waba_ban_state": "REINSTATE"}}, "reinstate"),
        ("DISABLED_UPDATE", {}, "a ban of the account changed"),
        ("BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE", {"country": "DE"}, "based in DE"),
        (
            "template_category_update",
            {
                "message_template_name": "offer",
                "message_template_language": "de",
                "previous_category": "UTILITY",
                "new_category": "MARKETING",
            },
            'template "offer" (de): utility is now marketing',
        ),
        (
            "template_category_update",
            {"message_template_name": "offer", "new_category": "MARKETING"},
            'template "offer": is now marketing',
        ),
        (
            "template_category_update",
            {
                "message_template_name": "offer",
                "message_template_language": "de",
                "new_category": "UTILITY",
                "correct_category": "MARKETING",
                "category_update_timestamp": int(NOON),
            },
            'template "offer" (de): utility is to become marketing on 2026-10-05T12:00:00Z',
        ),
        (
            "template_category_update",
            {
                "message_template_name": "offer",
                "new_category": "UTILITY",
                "correct_category": "MARKETING",
            },
            'template "offer": utility is to become marketing',
        ),
    ],
)
def test_a_notice_is_said_in_words(
    rows: Rows, status: str, data: dict[str, Any], details: str
) -> None:
    notice(rows, status, **data)

    (row,) = listed(rows)

    assert row == {
        "at": AT.replace(tzinfo=UTC),
        "waba": "w1",
        "account": "acme",
        "what": status,
        "details": details,
    }


@pytest.mark.parametrize(
    ("status", "data"),
    [
        ("ACCOUNT_SOMETHING_NEW", {"fact": 1}),
        (TIER, tier(tier=None)),
        (TIER, {}),
        (TIER, tier(tier_update_time="soon")),
        (ELIGIBILITY, {"auth_international_rate_eligibility": {}}),
        ("BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE", {}),
        ("template_category_update", {"new_category": "MARKETING"}),
        ("template_category_update", {"message_template_name": "offer"}),
    ],
)
def test_what_has_no_words_is_shown_as_it_came(
    rows: Rows, status: str, data: dict[str, Any]
) -> None:
    notice(rows, status, **data)

    assert [json.loads(row["details"]) for row in listed(rows)] == [data]


# Whose, and when


def test_a_notice_is_of_the_owner_of_its_waba_at_its_instant(rows: Rows) -> None:
    senders = (
        "sender_id,waba_id,account_id,valid_from,valid_to\n"
        ",w1,acme,,2026-10-05\n,w1,bistro,2026-10-05,\n2,,acme,,\n"
    )
    rows.delivery(1, sender_id="2", waba_id="w1")  # a number of acme's own in a waba of bistro's
    notice(rows, "PARTNER_REMOVED", AT - timedelta(days=1))
    notice(rows, "PARTNER_REMOVED", AT)

    assert [row["account"] for row in listed(rows, senders=senders)] == ["acme", "bistro"]


def test_without_a_row_for_the_waba_a_notice_is_of_the_owners_of_its_senders(rows: Rows) -> None:
    rows.delivery(1, sender_id="1", waba_id="w9")
    rows.delivery(2, sender_id="2", waba_id="w9")
    rows.delivery(3, sender_id="3", waba_id="w8")
    notice(rows, "PARTNER_REMOVED", waba="w9")
    notice(rows, "PARTNER_REMOVED", waba="w8")
    notice(rows, "PARTNER_REMOVED", waba="w7")

    assert [(row["waba"], row["account"]) for row in listed(rows)] == [
        ("w9", "acme"),
        ("w9", "bistro"),
        ("w8", None),
        ("w7", None),
    ]


@pytest.mark.parametrize("month", [OCTOBER, Month(2026, 11)])
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"])
def test_a_month_of_notices_is_that_of_the_account(rows: Rows, month: Month, zone: str) -> None:
    start, end = (bound.replace(tzinfo=None) for bound in month.bounds(zone))
    second = timedelta(seconds=1)
    for when in (start - second, start, end - second, end):
        notice(rows, "PARTNER_REMOVED", when)

    found = listed(
        rows,
        month,
        accounts=f"account_id,name,time_zone\nacme,Acme,{zone}\n",
        senders="waba_id,account_id\nw1,acme\n",
    )

    assert [row["at"].replace(tzinfo=None) for row in found] == [start, end - second]


def test_a_notice_of_nobody_counts_in_the_zone_of_the_seller(rows: Rows) -> None:
    start = OCTOBER.bounds("Europe/Berlin")[0].replace(tzinfo=None)
    for when in (start - timedelta(seconds=1), start):
        notice(rows, "PARTNER_REMOVED", when, waba="w7")

    assert [row["at"].replace(tzinfo=None) for row in listed(rows, OCTOBER)] == [start]


# For later prices


def test_the_smallest_time_of_a_tier_counts(rows: Rows) -> None:
    for shift in (5, -5, 0):
        notice(rows, TIER, **tier(tier_update_time=int(NOON) + shift))
    notice(rows, TIER, **tier(tier="1000001:MAX", tier_update_time=int(NOON) + 60))
    notice(rows, TIER, waba="w2", **tier(pricing_category="AUTHENTICATION-INTERNATIONAL"))
    notice(rows, TIER, **tier(region=None))
    notice(rows, TIER, **tier(tier="many"))
    rows.write()

    frame = tiers_reached(rows.store)

    assert frame.schema == TIER_REACHED
    assert frame.rows() == [
        ("w1", "2026-10", "Germany", "utility", 100001, 1000000, AT - timedelta(seconds=5)),
        ("w1", "2026-10", "Germany", "utility", 1000001, None, AT + timedelta(seconds=60)),
        ("w2", "2026-10", "Germany", "authentication_international", 100001, 1000000, AT),
    ]


def test_the_latest_notice_of_eligibility_counts(rows: Rows) -> None:
    def eligible(at: datetime, start: int, **given: Any) -> None:
        eligibility = {"start_time": start, **given}
        notice(rows, ELIGIBILITY, at, auth_international_rate_eligibility=eligibility)

    exception = {"country_code": "ID", "start_time": int(NOON)}
    eligible(AT, int(NOON) + 9, exception_countries=[exception])
    eligible(AT - timedelta(days=1), int(NOON) + 1)
    notice(rows, ELIGIBILITY, waba="w2")
    rows.write()

    frame = auth_international_eligibility(rows.store)

    assert frame.schema == AUTH_INTERNATIONAL
    assert frame.rows() == [
        ("w1", AT + timedelta(seconds=9), [{"country": "ID", "start_at": AT}], AT),
        ("w2", None, [], AT),
    ]


def test_a_store_without_notices_answers_empty_frames(rows: Rows) -> None:
    assert listed(rows) == []
    assert tiers_reached(rows.store).is_empty()
    assert auth_international_eligibility(rows.store).is_empty()


# From webhooks


def test_notices_of_webhooks_are_listed_once(desk: Desk) -> None:
    change = {"field": "account_update", "value": {"event": TIER, **tier()}}
    log = payload({**entry(change, waba="w3"), "time": int(NOON)})
    desk.load(log)
    desk.load(log, {})

    (row,) = notices(desk.store, desk.accounts(), OCTOBER).to_dicts()

    assert (row["account"], row["what"], row["at"]) == ("samoa", TIER, AT.replace(tzinfo=UTC))
    assert row["details"].startswith("Germany utility: messages 100001 to 1000000")
    assert tiers_reached(desk.store)["reached_at"].to_list() == [AT]


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the examples lie beside the project")
def test_the_examples_of_the_network_have_words(desk: Desk) -> None:
    paths = sorted(PAYLOADS.glob("account_update_*.json")) + sorted(
        PAYLOADS.glob("template_category_update*.json")
    )
    assert len(paths) >= 6
    for number, path in enumerate(paths):
        desk.load_file(path.read_bytes(), f"{number}.json")

    details = notices(desk.store, desk.accounts())["details"].to_list()

    assert len(details) == len(paths)
    assert not [text for text in details if text.startswith("{")]
