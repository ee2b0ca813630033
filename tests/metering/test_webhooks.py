"""What webhooks say becomes events and deliveries; what cannot be used is set aside."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metering.quarantine import clear_old, masked, replace_text, text_of
from tests.metering.builders import (
    BRAZIL,
    CBP,
    GERMANY,
    INDIA,
    MARKETING,
    NOON,
    Desk,
    Json,
    change,
    counts,
    entry,
    line,
    message,
    payload,
    seconds,
    status,
    webhook,
)

NO_NUMBER = "timestamp is not a number of seconds"
PRICED = "pricing.pricing_model, pricing.pricing_type, pricing.category"


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None)


def group(participant: str = "", name: str = "delivered", **given: object) -> Json:
    given = {"recipient_type": "group", "recipient_participant_id": participant, **given}
    return status("g", name, recipient_id="group-1", **given)


# Batches


def test_every_item_of_a_batch_has_its_own_outcome_and_place(desk: Desk) -> None:
    first = entry(change(status("a")), change(status("b", timestamp="x"), status("c")))
    second = entry(
        change(status("d"), status("e", timestamp=""), messages=[message(), message("")]),
        waba="w2",
    )

    load = desk.load(webhook(status("z")), "", payload(first, second))

    assert counts(load) == {
        "accepted": 5,
        "quarantined": {NO_NUMBER: 1, "message id is missing": 1, "timestamp is missing": 1},
    }
    assert sorted(desk.refused(), key=str) == [
        (3, "entry 1, change 2, statuses 1", NO_NUMBER),
        (3, "entry 2, change 1, messages 2", "message id is missing"),
        (3, "entry 2, change 1, statuses 2", "timestamp is missing"),
    ]
    assert [row[0] for row in desk.rows("select waba_id from deliveries order by all")] == [
        *("w1", "w1", "w1"),
        "w2",
    ]


def test_an_item_in_quarantine_keeps_its_own_text_and_no_other(desk: Desk) -> None:
    contacts = [{"wa_id": BRAZIL, "user_id": "BR.1"}]
    desk.load(webhook(status("a"), status("b", timestamp="x", extra=1), contacts=contacts))

    text = json.loads(text_of(desk.store, 1))

    (value,) = [c["value"] for e in text["entry"] for c in e["changes"]]
    assert value["statuses"] == [status("b", timestamp="x", extra=1)]
    assert value["contacts"] == contacts
    assert text["entry"][0]["id"] == "w1"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (status(""), "message id is missing"),
        (status(None), "message id is missing"),
        (status("a", ""), "status is missing"),
        ("text", "message id is missing"),
        (None, "item is not an object"),
    ],
)
def test_an_item_without_what_names_it_is_set_aside(desk: Desk, item: Any, reason: str) -> None:
    load = desk.load(webhook(item, status("b")))

    assert counts(load) == {"accepted": 1, "quarantined": {reason: 1}}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (payload(), "payload has no entries"),
        ({"entry": None}, "payload has no entries"),
        (payload(entry()), "entry has no changes"),
        ({"entry": [None]}, "entry has no changes"),
        (webhook(), "change holds no messages or statuses"),
        (webhook(statuses={"id": "a"}), "change holds no messages or statuses"),
        ({"hello": 1}, "not a webhook of a known shape"),
        ({"specversion": "1.0", "id": "e1"}, "a CloudEvent among webhooks"),
    ],
)
def test_a_payload_with_nothing_in_it_is_one_row_in_quarantine(
    desk: Desk, broken: Json, reason: str
) -> None:
    load = desk.load(webhook(status("a")), broken, webhook(status("b")))

    assert counts(load) == {"accepted": 2, "quarantined": {reason: 1}}
    assert desk.refused() == [(2, None, reason)]


@pytest.mark.parametrize(
    "given",
    [
        {"contacts": {"wa_id": "1"}},
        {"contacts": ["x"]},
        {"contacts": [{"wa_id": BRAZIL, "profile": "x"}]},
        {"errors": None},
        {"messages": None},
    ],
)
def test_a_field_of_another_shape_does_not_spoil_the_statuses_beside_it(
    desk: Desk, given: Json
) -> None:
    assert counts(desk.load(webhook(status("a", pricing=MARKETING), **given))) == {"accepted": 1}
    assert desk.categories() == ["marketing"]


def test_odd_values_in_statuses_do_not_refuse_them(desk: Desk) -> None:
    fields = ("pricing", "conversation", "errors", "type", "foo")
    values: tuple[Any, ...] = ("x", [], {}, 17, None)
    odd = [{field: value} for field in fields for value in values]
    statuses = [status(f"m{number}", **given) for number, given in enumerate(odd)]

    assert counts(desk.load(webhook(*statuses))) == {"accepted": len(odd)}


# Senders


def test_a_payload_of_the_on_premises_api_has_its_sender_from_the_call(desk: Desk) -> None:
    lines = [{"statuses": [status("a")]}, {"messages": [message()], "contacts": []}]

    load = desk.load(*lines, sender="1")

    assert counts(load) == {"accepted": 2}
    assert desk.deliveries("sender_id") == [("1",)]


def test_an_on_premises_payload_without_a_sender_is_never_lost(desk: Desk) -> None:
    load = desk.load({"statuses": [status("a"), status("b")]})

    assert load.read == 2
    assert load.accepted + sum(load.quarantined.values()) == 2


def test_a_webhook_without_metadata_waits_for_its_sender(desk: Desk) -> None:
    load = desk.load(webhook(status("a"), sender=None), webhook(status("b"), sender=""))
    assert counts(load) == {"quarantined": {"sender is missing": 2}}

    (again,) = desk.retry(sender="1")

    assert counts(again) == {"accepted": 2}
    assert desk.deliveries("sender_id, waba_id") == [("1", "w1")] * 2
    assert desk.refused() == []


# Kinds that are ignored by name


def test_echoes_calls_history_and_errors_are_counted_by_kind_beside_the_events(
    desk: Desk,
) -> None:
    history = [{"threads": [{"messages": [1, 2]}, {"messages": [3]}]}]
    load = desk.load(
        webhook(
            status("a"),
            message_echoes=[{}, {}],
            calls=[{}],
            errors=[{"code": 1}],
            history=history,
        )
    )

    refused = {"item is not an object": 3, "message id is missing": 3}
    assert counts(load) == {"accepted": 1, "ignored": {"value errors": 1}, "quarantined": refused}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"errors": [{"code": 130429}]}, "value errors"),
        ({"message_echoes": [], "field": "smb_message_echoes"}, "smb_message_echoes"),
        ({"history": [{"threads": []}], "field": "history"}, "history"),
        ({"field": "a field of next year"}, "a field of next year"),
    ],
)
def test_a_change_of_another_kind_is_ignored_by_its_name(desk: Desk, given: Any, kind: str) -> None:
    assert counts(desk.load(webhook(**given))) == {"ignored": {kind: 1}}


def test_a_status_of_a_call_is_no_message(desk: Desk) -> None:
    load = desk.load(webhook(status("c", "RINGING", type="call"), status("m", type="message")))

    assert counts(load) == {"accepted": 2}
    assert desk.rows("select direction, status from events order by all") == [
        ("call", "ringing"),
        ("outbound", "delivered"),
    ]


# What is new is kept


def test_unknown_values_are_kept_as_they_are(desk: Desk) -> None:
    pricing = {**MARKETING, "category": "holograms", "type": "free_friday", "pricing_model": "XYZ"}
    load = desk.load(
        webhook(status("a", pricing=pricing), status("b", "in_orbit")),
        webhook(messages=[message(type="hologram")]),
    )

    assert counts(load) == {"accepted": 3}
    assert desk.deliveries(PRICED) == [("XYZ", "free_friday", "holograms")]
    kept = desk.rows("select status, message_type from events order by all")
    assert kept == [("delivered", None), ("in_orbit", None), ("received", "hologram")]


def test_a_status_that_nobody_knows_delivers_nothing(desk: Desk) -> None:
    desk.load(webhook(status("a", "in_orbit", pricing=MARKETING)))

    assert desk.deliveries() == []


def test_both_spellings_of_authentication_international_are_one_category(desk: Desk) -> None:
    desk.load(
        webhook(
            status("a", pricing={**MARKETING, "category": "authentication-international"}),
            status("b", pricing={**MARKETING, "category": "authentication_international"}),
        )
    )

    assert desk.categories() == ["authentication_international"] * 2


def test_unknown_fields_are_tolerated_and_counted_by_their_place(desk: Desk) -> None:
    load = desk.load(
        webhook(
            status("a", novelty=1, pricing={**MARKETING, "surge": 2}),
            status("b", novelty=1),
            contacts=[{"wa_id": BRAZIL, "aura": "blue"}],
            weather="fine",
        ),
        webhook(messages=[message(mood="good")]),
    )

    assert counts(load) == {"accepted": 3}
    assert load.unknown_fields == {
        "value.weather": 1,
        "value.contacts.aura": 1,
        "value.statuses.novelty": 2,
        "value.statuses.pricing.surge": 1,
        "value.messages.mood": 1,
    }


@pytest.mark.parametrize(
    "written", [f" {BRAZIL} ", f"+{BRAZIL[:2]} ({BRAZIL[2:4]}) {BRAZIL[4:8]}-{BRAZIL[8:]}"]
)
def test_a_number_that_is_written_for_people_is_the_same_contact(desk: Desk, written: str) -> None:
    desk.load(webhook(status("a", recipient_id=BRAZIL)), webhook(status("b", recipient_id=written)))
    desk.load(webhook(messages=[message(id="c", **{"from": written})]))

    keys = desk.rows("select distinct contact_key, user_key, country from events")
    assert len(keys) == 1
    assert keys[0][0] is not None
    assert len(desk.rows("select distinct place from deliveries")) == 1


def test_unknown_fields_around_the_changes_are_counted_too(desk: Desk) -> None:
    payload = webhook(status("a"))
    payload["envelope"] = 1
    payload["entry"][0]["region"] = "eu"

    load = desk.load(payload, webhook(status("b")))
    assert load.unknown_fields == {"payload.envelope": 1, "payload.entry.region": 1}


# Times


IMPOSSIBLE_TIMES: tuple[tuple[Any, str], ...] = (
    ("1760000000000", "timestamp is in milliseconds"),
    ("1760000000000000", "timestamp is after 2099"),
    ("4102444800", "timestamp is after 2099"),
    ("0", "timestamp is before 2009"),
    ("-1", "timestamp is before 2009"),
    ("1230767999", "timestamp is before 2009"),
    ("", "timestamp is missing"),
    (None, "timestamp is missing"),
    ("soon", NO_NUMBER),
    ("99999999999999999999", NO_NUMBER),
    (True, NO_NUMBER),
    ({"at": 1}, NO_NUMBER),
)


def test_a_time_that_cannot_be_true_is_refused_by_name(desk: Desk) -> None:
    times = [status(f"m{n}", timestamp=time) for n, (time, _) in enumerate(IMPOSSIBLE_TIMES)]

    load = desk.load(webhook(*times))

    assert load.accepted == 0
    assert [row[2] for row in desk.refused()] == [reason for _, reason in IMPOSSIBLE_TIMES]


def test_a_time_may_be_text_or_number_from_2009_to_2099(desk: Desk) -> None:
    times: list[str | int] = ["1230768000", NOON, str(NOON), f"{NOON}.0", "4102444799"]
    desk.load(webhook(*(status(f"m{n}", timestamp=time) for n, time in enumerate(times))))

    assert desk.deliveries() == [(at(int(float(time))),) for time in times]


@pytest.mark.parametrize("timestamp", [f"{NOON}.9", NOON + 0.9])
def test_a_fraction_of_a_second_moves_no_message_into_the_next_second(
    desk: Desk, timestamp: Any
) -> None:
    desk.load(webhook(status(timestamp=timestamp)))

    assert [row for row in desk.deliveries() if row[0] >= at(NOON + 1)] == []


@pytest.mark.parametrize("written", [str, int])
def test_the_end_of_a_conversation_may_be_text_or_number(desk: Desk, written: Any) -> None:
    end = written(NOON + 86_400)
    conversation = {"id": "c", "expiration_timestamp": end, "origin": {"type": "marketing"}}
    desk.load(webhook(status(conversation=conversation, pricing=CBP)))

    assert desk.deliveries("conversation_expires_at") == [(at(NOON + 86_400),)]


# Deliveries


# What was reported of a message, in seconds after noon, and when it was delivered by that.
REPORTS: tuple[tuple[list[tuple[str, int]], int | None], ...] = (
    ([("sent", 0)], None),
    ([("sent", 0), ("failed", 1), ("deleted", 2)], None),
    ([("read", 1)], 1),
    ([("played", 2)], 2),
    ([("read", 3), ("delivered", 9)], 3),
    ([("delivered", 4), ("read", 5), ("sent", 0)], 4),
    ([("delivered", 6), ("failed", 9)], 6),
)


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("cut", [0, 7])
def test_a_message_is_delivered_at_the_earliest_evidence(desk: Desk, step: int, cut: int) -> None:
    told = [
        webhook(status(f"m{number}", name, timestamp=str(NOON + second)))
        for number, (reports, _) in enumerate(REPORTS)
        for name, second in reports
    ][::step]

    desk.load(*told[:cut])
    desk.load(*told[cut:])

    times = [second for _, second in REPORTS if second is not None]
    assert desk.deliveries() == [(at(NOON + second),) for second in times]
    assert desk.rows("select count(*) from deliveries") == [(len(REPORTS),)]


def test_pricing_is_that_of_the_latest_report_that_has_one_whatever_the_order(desk: Desk) -> None:
    def told(name: str, second: int, category: str | None) -> Json:
        pricing = {} if category is None else {"pricing": {**MARKETING, "category": category}}
        return webhook(status("a", name, timestamp=str(NOON + second), **pricing))

    reports = [
        told("sent", 0, "marketing"),
        told("delivered", 2, "utility"),
        told("read", 2, "service"),  # the same second: read knows more than delivered
        told("played", 9, None),
        told("failed", 8, "failure"),
        told("deleted", 9, "deletion"),
    ]
    for order in itertools.islice(itertools.permutations(reports), 0, 720, 181):
        desk.clear()
        desk.load(*order[:3])
        desk.load(*order[3:])

        assert desk.categories() == ["service"]


@pytest.mark.parametrize(
    ("pricing", "pricing_type"),
    [
        ({"type": "regular", "subtype": "paid_exempt", "billable": True}, "paid_exempt"),
        ({"type": "free_customer_service", "billable": True}, "free_customer_service"),
        ({"billable": True}, "regular"),
        ({"billable": False, "category": "referral_conversion"}, "free_entry_point"),
        ({"billable": False}, "free_not_billable"),
        ({"category": "marketing"}, None),
    ],
)
def test_subtype_beats_type_and_type_beats_billable(
    desk: Desk, pricing: Json, pricing_type: str | None
) -> None:
    desk.load(webhook(status(pricing={"pricing_model": "PMP", **pricing})))

    assert desk.deliveries("pricing.pricing_type") == [(pricing_type,)]


@pytest.mark.parametrize(
    ("cost", "reported"),
    [
        ({"amount": 0.0521, "currency": "USD"}, "USD 0.05210000"),
        ({"amount": "0.0521", "currency": "usd"}, "USD 0.05210000"),
        ({"amount": 3e-05, "currency": "USD"}, "USD 0.00003000"),
        ({"amount": 0, "currency": "INR"}, "INR 0.00000000"),
        ({"amount": "five", "currency": "USD"}, "USD five"),
        ({"amount": 5}, "? 5.00000000"),
        ({"currency": "USD"}, None),
        ({"amount": "", "currency": "USD"}, None),
        ({}, None),
        (None, None),
        (5, None),
        ("free", None),
    ],
)
def test_a_cost_that_the_network_reports_is_kept_and_read_exactly(
    desk: Desk, cost: Any, reported: str | None
) -> None:
    desk.load(webhook(status(pricing={**MARKETING, "cost": cost})))

    assert desk.deliveries("pricing.reported_cost") == [(reported,)]


def test_the_cost_is_that_of_the_report_that_the_pricing_is_of(desk: Desk) -> None:
    costs = [{"amount": amount, "currency": "USD"} for amount in ("0.05", "0.04")]
    desk.load(
        webhook(
            status("a", "read", timestamp=str(NOON + 1), pricing={**MARKETING, "cost": costs[1]})
        ),
        webhook(status("a", pricing={**MARKETING, "cost": costs[0]})),
    )

    assert desk.deliveries("pricing.reported_cost") == [("USD 0.04000000",)]


@pytest.mark.parametrize("pricing", [None, {}, {"category": "", "type": "", "billable": ""}])
def test_an_empty_pricing_is_none_and_leaves_the_earlier_one(desk: Desk, pricing: Any) -> None:
    desk.load(
        webhook(status("a", pricing=MARKETING)),
        webhook(status("a", "read", timestamp=str(NOON + 1), pricing=pricing)),
    )

    assert desk.categories() == ["marketing"]


def test_a_message_that_only_failed_keeps_its_code_and_no_price(desk: Desk) -> None:
    errors = [{"code": 131047}, {"code": 1}]
    desk.load(webhook(status("a", "failed", pricing=MARKETING, errors=errors)))

    assert desk.deliveries() == []
    assert desk.rows("select error_code, pricing from deliveries") == [(131047, None)]


def test_one_message_to_a_group_is_a_delivery_for_each_participant(desk: Desk) -> None:
    load = desk.load(
        webhook(group(BRAZIL), group(GERMANY), group(BRAZIL, "read"), group(name="sent")),
        webhook(group(recipient_participant_user_id="IN.1")),
    )

    assert counts(load) == {"accepted": 5}
    assert desk.deliveries("place") == [("1||IN",), ("2|49|DE",), ("2|55|BR",)]


def test_a_participant_is_not_given_the_user_id_of_another(desk: Desk) -> None:
    contacts = [{"wa_id": BRAZIL, "user_id": "BR.1"}]
    desk.load(webhook(group(BRAZIL), group(GERMANY), contacts=contacts))

    known = desk.deliveries("place, user_key is not null")
    assert known == [("2|49|DE", False), ("2|55|BR", True)]


def test_contacts_of_several_users_go_to_the_messages_that_they_belong_to(desk: Desk) -> None:
    contacts = [
        {"wa_id": GERMANY, "user_id": "DE.2"},
        {"wa_id": BRAZIL, "user_id": "BR.1"},
        {"wa_id": "", "user_id": "IN.3"},
    ]
    desk.load(
        webhook(
            status("a"),
            status("b", recipient_id=GERMANY),
            status("c", recipient_id="", recipient_user_id="IN.3"),
            contacts=contacts,
            messages=[message(), message("i2", **{"from": GERMANY})],
        )
    )

    pairs = "select distinct contact_key, user_key from events"
    assert len(desk.rows(pairs)) == 3
    assert desk.deliveries("place") == [("1||IN",), ("2|49|DE",), ("2|55|BR",)]


PLACES: tuple[tuple[Json, str | None], ...] = (
    ({"recipient_id": BRAZIL}, "2|55|BR"),
    ({"recipient_id": "+" + BRAZIL}, "2|55|BR"),
    ({"recipient_id": "", "recipient_user_id": "BR.1"}, "1||BR"),
    ({"recipient_id": None, "recipient_user_id": "BR.1"}, "1||BR"),
    ({"recipient_id": "BR.1"}, "1||BR"),
    ({"recipient_id": "2109999999"}, "2|*|"),
    ({"recipient_id": "55119"}, None),
    ({"recipient_id": "1" * 16}, None),
    ({"recipient_id": "somebody"}, None),
    ({"recipient_id": None}, None),
)


def test_a_recipient_is_placed_by_number_then_by_user_id(desk: Desk) -> None:
    times = [str(NOON + number) for number in range(len(PLACES))]
    desk.load(
        webhook(
            *(
                status(f"m{time}", timestamp=time, **recipient)
                for time, (recipient, _) in zip(times, PLACES, strict=True)
            )
        )
    )

    assert [place for _, place in desk.deliveries("delivered_at, place")] == [p for _, p in PLACES]


def test_a_number_that_a_later_report_brings_places_the_message(desk: Desk) -> None:
    by_user = status("a", "sent", recipient_id="", recipient_user_id="US.1")
    desk.load(webhook(by_user))
    desk.load(webhook(status("a")))

    assert desk.deliveries("place") == [("2|55|BR",)]


# Repeats


def test_the_same_report_is_a_duplicate_and_another_one_is_reported_again(desk: Desk) -> None:
    other = status("a", pricing={**MARKETING, "category": "utility"})
    first = desk.load(webhook(status("a"), status("a")), webhook(other))
    second = desk.load(webhook(other), webhook(status("a")), webhook(status("b")))

    assert counts(first) == {"accepted": 1, "duplicates": 1, "reported_again": 1}
    assert counts(second) == {"accepted": 1, "duplicates": 2}


def test_facts_are_the_same_whichever_of_two_reports_came_first(desk: Desk) -> None:
    one = webhook(status("a", pricing=MARKETING))
    other = webhook(status("a", pricing={**MARKETING, "category": "utility"}))
    found = []
    for order in ((one, other), (other, one)):
        desk.clear()
        for single in order:
            desk.load(single)
        found.append(desk.rows("select * from deliveries"))

    assert found[0] == found[1]


def test_an_id_means_another_message_for_another_sender_direction_or_type(desk: Desk) -> None:
    load = desk.load(
        webhook(status("a")),
        webhook(status("a"), sender="2"),
        webhook(messages=[message("a"), message("a", type="reaction")]),
    )

    assert counts(load) == {"accepted": 4}


# Quarantine


def test_a_repaired_text_is_tried_again(desk: Desk) -> None:
    desk.load(webhook(status("a")), webhook(status("b", timestamp="x")))
    replace_text(desk.store, 1, line(webhook(status("b"))))

    (load,) = desk.retry(1)

    assert counts(load) == {"accepted": 1}
    assert len(desk.deliveries()) == 2
    assert desk.refused() == []


def test_what_is_refused_again_keeps_its_first_place(desk: Desk) -> None:
    desk.load("", webhook(status("a"), status("b", timestamp="x")), webhook(status("")))
    before = desk.rows(
        "select quarantine_id, name, line, position, reason from quarantine order by 1"
    )

    for _ in range(2):
        (load,) = desk.retry()
        assert load.read == 2

    after = desk.rows(
        "select quarantine_id, name, line, position, reason from quarantine order by 1"
    )
    assert after == before


def test_trying_an_on_premises_payload_again_does_not_multiply_its_rows(desk: Desk) -> None:
    bad = [status("a", timestamp="x"), status("b", timestamp="y"), status("c")]
    desk.load({"statuses": bad}, sender="1")
    before = desk.refused()

    desk.retry(sender="1")

    assert desk.refused() == before
    assert desk.rows("select count(distinct quarantine_id) from quarantine") == [(2,)]


def test_every_row_in_quarantine_has_an_id_of_its_own(desk: Desk) -> None:
    desk.load("{bad", webhook(status("z")))
    two = webhook(status("a", timestamp="x"), status("b", timestamp="y"), status("c"))
    replace_text(desk.store, 1, line(two))

    desk.retry(1)

    assert desk.rows("select count(*), count(distinct quarantine_id) from quarantine") == [(2, 2)]


def test_a_text_that_is_no_json_stays_where_it_is(desk: Desk) -> None:
    desk.load("{bad", webhook(status("z")))

    assert desk.retry() == []
    assert desk.refused() == [(1, None, "line is not JSON")]


def test_a_text_is_cleared_after_some_days_and_its_place_stays(desk: Desk) -> None:
    desk.load(webhook(status("a", timestamp="x")))
    clear_old(desk.store, keep_days=30)
    assert desk.rows("select raw is not null from quarantine") == [(True,)]

    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=31)
    desk.store.execute("update quarantine set quarantined_at = $at", {"at": before})
    clear_old(desk.store, keep_days=30)

    assert desk.rows("select raw from quarantine") == [(None,)]
    assert desk.refused() == [(1, "entry 1, change 1, statuses 1", NO_NUMBER)]
    assert desk.retry() == []


@pytest.mark.parametrize(
    "text",
    [
        line(webhook(status(timestamp="x"), contacts=[{"wa_id": BRAZIL}])),
        line({"number": int(BRAZIL)}),
        line({"number": float(BRAZIL)}),
        line({BRAZIL: "as a key"}),
        line([[BRAZIL]]),
        BRAZIL,
        f"{{bad {BRAZIL}",
        f"a,b,{BRAZIL},c",
        "a,b,+55 (11) 98765-4321,c",
        '{"id": "wamid.HBgNNTUxMTk4NzY1NDMyMRUCABEYEjNB", "bro',  # base64 of the number
    ],
)
def test_masked_text_shows_no_number(text: str) -> None:
    shown = masked(text)

    assert BRAZIL not in shown
    assert "98765-4321" not in shown
    assert "NTUxMTk4NzY1NDMyM" not in shown
    assert "4321" not in shown


# Conversations


def test_an_id_is_a_conversation_under_conversation_pricing_or_in_a_free_entry_point(
    desk: Desk,
) -> None:
    def talk(name: str, pricing: Json) -> Json:
        return status(
            name, conversation={"id": f"c-{name}", "origin": {"type": "x"}}, pricing=pricing
        )

    free = {**MARKETING, "billable": False, "type": "free_entry_point"}
    desk.load(webhook(talk("cbp", CBP), talk("pmp", MARKETING), talk("fep", free)))

    named = dict(
        desk.deliveries("pricing.pricing_type || pricing.pricing_model, conversation is not null")
    )
    assert named == {"regularCBP": True, "regularPMP": False, "free_entry_pointPMP": True}


def test_numbers_before_and_after_the_bound_of_digits_are_other_people(desk: Desk) -> None:
    desk.load(webhook(status("a", recipient_id=INDIA), status("b", recipient_id=INDIA + "1")))

    assert len(desk.rows("select distinct contact_key from events")) == 2
    assert seconds("2026-10-01T12:00") == NOON


def test_the_only_contact_of_a_change_is_not_that_of_another_user(desk: Desk) -> None:
    mine = status("a", recipient_id="", recipient_user_id="BR.1")
    other = status("b", recipient_id="", recipient_user_id="BR.2")
    desk.load(webhook(mine, other, contacts=[{"wa_id": BRAZIL, "user_id": "BR.1"}]))

    assert desk.rows("select count(*) from events where contact_key is not null") == [(1,)]
    assert desk.rows("select count(distinct user_key) from events") == [(2,)]


def test_a_contact_without_a_number_is_not_that_of_every_item(desk: Desk) -> None:
    statuses = (status("a", recipient_id="", recipient_user_id="BR.1"), status("b"))
    desk.load(webhook(*statuses, contacts=[{"wa_id": "", "user_id": "BR.1"}]))

    named = "select contact_key is not null, user_key is not null from events order by all"
    assert desk.rows(named) == [(False, True), (True, False)]


def test_items_that_name_nobody_are_about_the_only_contact(desk: Desk) -> None:
    nobody = {"recipient_id": ""}
    statuses = (status("a", "sent", **nobody), status("a", **nobody))
    desk.load(webhook(*statuses, contacts=[{"wa_id": "", "user_id": "BR.1"}]))

    assert desk.rows("select count(distinct user_key), count(user_key) from events") == [(1, 2)]
