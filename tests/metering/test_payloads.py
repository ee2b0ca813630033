"""Every example payload of the network ends as it should, alone and all together."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from metering.files import find_files
from tests.metering.builders import Desk, Json, counts

FOLDER = Path(__file__).parents[3] / "shared" / "whatsapp" / "payloads"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the example payloads are not in {FOLDER}"
)

ONE: Json = {"accepted": 1}


def ignored(**kinds: int) -> Json:
    return {"ignored": kinds}


ANALYTICS: Json = {"ignored": {"analytics responses": 1}}
OUTCOMES: dict[str, Json] = {
    "account_update_auth_intl_eligibility": ONE,
    "account_update_disabled": ONE,
    "account_update_partner_removed": ONE,
    "account_update_volume_tier": ONE,
    "analytics_calls": ANALYTICS,
    "analytics_messages_day": ANALYTICS,
    "analytics_pricing_daily_tiers": ANALYTICS,
    "analytics_template_daily": ANALYTICS,
    "batch_duplicate_message_same_change": {"accepted": 1, "duplicates": 1},
    "batch_messages_and_five_statuses": {"accepted": 6},
    "batch_out_of_order_and_repeated": {"accepted": 3, "duplicates": 1},
    # One message id with two times: a second report of it, not a second message.
    "batch_two_changes_one_entry": {"accepted": 1, "reported_again": 1},
    "batch_two_entries_two_wabas": {"accepted": 2},
    "business_capability_update": ignored(business_capability_update=1),
    "call_status_ringing": ONE,
    "call_terminate_business_initiated": {"accepted": 1, "ignored": {"value errors": 1}},
    "history_sync_1": {"accepted": 4},
    "inbound_audio": ONE,
    "inbound_bsuid_in_from": ONE,
    "inbound_bsuid_only_username": ONE,
    "inbound_contacts": ONE,
    "inbound_document": ONE,
    "inbound_edit": ONE,
    "inbound_flow_nfm_reply": ONE,
    "inbound_forwarded": ONE,
    "inbound_group_text": ONE,
    "inbound_image": ONE,
    "inbound_invalid_timestamp": {"quarantined": {"timestamp is not a number of seconds": 1}},
    "inbound_list_reply": ONE,
    "inbound_order": ONE,
    "inbound_payment_method": ONE,
    "inbound_payment_notification": ONE,
    "inbound_reaction_removed": ONE,
    "inbound_system_identity_change": ONE,
    "inbound_system_number_change": ONE,
    "inbound_template_quick_reply": ONE,
    "inbound_text_reply_context": ONE,
    "inbound_unsupported": ONE,
    "inbound_unsupported_2023": ONE,
    "inbound_voice": ONE,
    "malformed_empty_entry": {"quarantined": {"payload has no entries": 1}},
    "malformed_no_changes": {"quarantined": {"entry has no changes": 1}},
    "phone_number_quality_update": ignored(phone_number_quality_update=1),
    "real_pmp_service_free_2_delivered": ONE,
    "real_pmp_service_free_3_read": ONE,
    "smb_message_echo": ONE,
    "smb_message_echo_revoke": ONE,
    "status_cbp2022_business_initiated_delivered": ONE,
    "status_cbp2022_business_initiated_sent": ONE,
    "status_cbp2022_user_initiated_read_with_expiration": ONE,
    "status_cbp2023_authentication_delivered": ONE,
    "status_cbp2023_marketing_delivered": ONE,
    "status_cbp2023_marketing_delivered_pricing": ONE,
    "status_cbp2023_service_delivered_bsuid_contacts": ONE,
    "status_cbp2023_service_read_with_pricing": ONE,
    "status_cbp2023_service_sent_bsuid_contacts": ONE,
    "status_cbp2023_utility_delivered": ONE,
    "status_cbp_after_pmp_switch_utility": ONE,
    "status_cbp_referral_conversion_delivered": ONE,
    "status_deleted": ONE,
    "status_failed_131042_payment": ONE,
    "status_failed_131047_reengagement": ONE,
    "status_failed_131049_ecosystem": ONE,
    "status_failed_131053_media": ONE,
    "status_failed_with_pricing": ONE,
    "status_group_read_participant": ONE,
    "status_pmp_auth_international_hyphen": ONE,
    "status_pmp_auth_international_underscore": ONE,
    "status_pmp_free_entry_point_v24": ONE,
    "status_pmp_general_purpose_ai_delivered": ONE,
    "status_pmp_group_marketing_delivered": ONE,
    "status_pmp_group_service_free": ONE,
    "status_pmp_marketing_delivered_v24_bsuid_empty_phone": ONE,
    "status_pmp_marketing_lite_no_type": ONE,
    "status_pmp_marketing_sent_v23": ONE,
    "status_pmp_sent_v24_no_conversation": ONE,
    "status_pmp_service_paid_exempt_2026_10": ONE,
    "status_pmp_utility_regular_in_csw_2026_10": ONE,
    "status_read_bare": ONE,
    "status_unknown_value": ONE,
    "status_v25_marketing_delivered_conversation_no_pricing": ONE,
    "status_v25_marketing_sent_bsuid": ONE,
    "status_v25_read_bsuid": ONE,
    "template_category_update": ONE,
    "template_category_update_impending": ONE,
    "user_id_update": ONE,
    "value_errors_doc": {"ignored": {"value errors": 1}},
    "value_errors_only": {"ignored": {"value errors": 1}},
}
EVENTS = ("accepted", "duplicates", "reported_again")
BATCHES = [name for name in OUTCOMES if name.startswith("batch_")]
# Where each delivery stands: delivered at (UTC), category, pricing type, country; None for a
# message that the payload does not show to be delivered.
Facts = tuple[str, str | None, str | None, str | None]
FACTS: dict[str, list[Facts]] = {
    "batch_messages_and_five_statuses": [
        ("2024-03-09T16:00:03", None, None, "FR"),
        ("2024-03-09T16:00:04", None, None, "FR"),
        ("2024-03-09T16:00:05", None, None, "FR"),
    ],
    "batch_out_of_order_and_repeated": [("2025-10-09T09:26:41", "marketing", "regular", "US")],
    "batch_two_entries_two_wabas": [
        ("2025-10-09T09:10:00", "utility", "regular", "BR"),
        ("2025-10-09T09:10:01", "marketing", "regular", "DE"),
    ],
    "real_pmp_service_free_3_read": [
        ("2025-10-17T00:00:26", "service", "free_customer_service", "US")
    ],
    "status_cbp_after_pmp_switch_utility": [
        ("2025-07-01T06:06:40", "utility", "free_not_billable", "US")
    ],
    "status_cbp_referral_conversion_delivered": [
        ("2016-01-30T01:57:09", "referral_conversion", "free_entry_point", None)
    ],
    "status_cbp2023_marketing_delivered": [("2023-06-01T13:37:53", "marketing", "regular", None)],
    "status_deleted": [],
    "status_failed_131049_ecosystem": [],
    "status_failed_with_pricing": [],
    "status_group_read_participant": [("2023-10-25T20:49:05", None, None, "US")],
    "status_pmp_auth_international_hyphen": [
        ("2025-10-09T08:55:01", "authentication_international", "regular", "IN")
    ],
    "status_pmp_auth_international_underscore": [
        ("2025-10-09T08:55:00", "authentication_international", "regular", "IN")
    ],
    "status_pmp_free_entry_point_v24": [
        ("2025-10-09T08:58:20", "marketing", "free_entry_point", "US")
    ],
    "status_pmp_group_marketing_delivered": [
        ("2025-10-09T09:00:00", "group_marketing", "regular", "US")
    ],
    "status_pmp_group_service_free": [
        ("2025-10-09T09:00:00", "group_service", "free_group_customer_service", "US")
    ],
    "status_pmp_marketing_delivered_v24_bsuid_empty_phone": [
        ("2025-06-15T23:27:53", "marketing", "regular", "US")
    ],
    "status_pmp_marketing_lite_no_type": [
        ("2025-10-09T08:53:20", "marketing_lite", "regular", "US")
    ],
    "status_pmp_marketing_sent_v23": [],
    "status_pmp_service_paid_exempt_2026_10": [
        ("2026-10-12T10:13:20", "service", "paid_exempt", "US")
    ],
    "status_read_bare": [("2023-01-06T15:51:57", None, None, "US")],
    "status_unknown_value": [],
    "status_v25_marketing_delivered_conversation_no_pricing": [
        ("2017-09-08T20:36:28", None, None, "US")
    ],
    "status_v25_read_bsuid": [("2017-09-08T20:36:28", None, None, "US")],
}


def test_the_table_names_every_payload() -> None:
    assert sorted(OUTCOMES) == sorted(path.stem for path in FOLDER.glob("*.json"))


def test_each_file_of_the_folder_ends_as_it_should(desk: Desk) -> None:
    names = find_files([str(FOLDER)])

    loads = {Path(load.name).stem: load for load in desk.load_names(names)}

    assert len(loads) == 88
    for name, load in loads.items():
        outcome = OUTCOMES[name]
        assert load.state == "loaded", name
        assert load.ignored == outcome.get("ignored", {}), name
        assert load.quarantined == outcome.get("quarantined", {}), name
        new = {"status=in_orbit": 1} if name == "status_unknown_value" else {}
        assert load.unknown_fields == new, name
        # Some files report the same message: which of them comes first is no matter.
        events = load.accepted + load.duplicates + load.reported_again
        assert events == sum(outcome.get(kind, 0) for kind in EVENTS), name


@pytest.mark.parametrize("name", sorted({*FACTS, *BATCHES}))
def test_a_payload_alone_makes_the_deliveries_that_it_shows(desk: Desk, name: str) -> None:
    (load,) = desk.load_names([str(FOLDER / f"{name}.json")])

    assert counts(load) == OUTCOMES[name]
    if name in FACTS:
        assert facts(desk) == FACTS[name]


def facts(desk: Desk) -> list[Any]:
    rows = desk.deliveries(
        "delivered_at, pricing.category, pricing.pricing_type,"
        " nullif(split_part(place, '|', 3), '')"
    )
    return [(at.isoformat(), *rest) for at, *rest in rows]


def payloads() -> list[Json]:
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def test_all_payloads_in_one_log_count_each_message_once(desk: Desk) -> None:
    load = desk.load(*payloads())

    alone = [OUTCOMES[name] for name in sorted(OUTCOMES)]
    assert load.read == sum(sum_of(outcome) for outcome in alone) == 103
    assert sum(load.ignored.values()) == sum(sum_of(o.get("ignored", 0)) for o in alone)
    assert sum(load.quarantined.values()) == sum(sum_of(o.get("quarantined", 0)) for o in alone)
    assert (load.accepted, load.duplicates, load.reported_again) == (80, 4, 7)
    assert desk.rows("select count(*) from events") == [(87,)]
    ids = "select count(*), count(distinct message_key) from deliveries"
    assert desk.rows(ids) == [(37, 37)]  # 4 of them echoes and history, which are never counted
    # 1 of PHONE_NUMBER_ID, CUSTOMER_PHONE_NUMBER, 1122334455667 and 409552778964973 each, though
    # several files report it.
    per_sender = dict(
        desk.rows(
            "select sender_id, count(*) from deliveries where delivered_at is not null group by all"
        )
    )
    assert per_sender["PHONE_NUMBER_ID"] == per_sender["CUSTOMER_PHONE_NUMBER"] == 1
    assert per_sender["1122334455667"] == per_sender["123456123"] == 1
    assert per_sender["409552778964973"] == 1
    assert per_sender["phone-number-id"] == 3


def test_the_payloads_backwards_make_the_same_deliveries(desk: Desk) -> None:
    desk.load(*payloads())
    forth = desk.rows("select * from deliveries order by message_key")
    desk.clear()

    desk.load(*payloads()[::-1])

    assert desk.rows("select * from deliveries order by message_key") == forth


def sum_of(outcome: Json | int) -> int:
    return outcome if isinstance(outcome, int) else sum(map(sum_of, outcome.values()))


def test_a_payload_that_was_delivered_is_dated_in_utc(desk: Desk) -> None:
    desk.load_names([str(FOLDER / "status_pmp_utility_regular_in_csw_2026_10.json")])

    assert desk.deliveries() == [(datetime(2026, 10, 3, 4, 0),)]  # noqa: DTZ001 - the store's UTC
