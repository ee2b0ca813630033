"""CloudEvents: whatever a seller meters besides messages, known by source and id."""

import json
from datetime import datetime
from typing import Any

import pytest

from tests.metering.builders import Desk, Json, cloud_event, counts, webhook


def stored(desk: Desk) -> list[tuple[Any, ...]]:
    columns = "source, event_id, type, subject, occurred_at"
    return desk.rows(f"select {columns} from cloud_events order by all")


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(json.dumps(cloud_event(name)) for name in ("e1", "e2")),
        json.dumps([cloud_event("e1"), cloud_event("e2")]),
        json.dumps([cloud_event("e1"), cloud_event("e2")], indent=2),
        "\n".join(json.dumps(cloud_event(name), indent=1) for name in ("e1", "e2")),
    ],
)
def test_events_may_come_one_a_line_or_as_a_batch_or_pretty_printed(
    desk: Desk, content: str
) -> None:
    load = desk.load_file(content, "events.json")

    assert load.format == "cloudevents"
    assert counts(load) == {"accepted": 2}
    noon = datetime(2026, 10, 1, 12)  # noqa: DTZ001 - the store's UTC
    assert stored(desk) == [
        ("/devices", name, "device.linked", "acme", noon) for name in ("e1", "e2")
    ]


def test_an_event_of_one_file_is_recognised_in_the_next(desk: Desk) -> None:
    first = desk.load(cloud_event("e1"), cloud_event("e1"), cloud_event("e1", subject="bombay"))
    second = desk.load(cloud_event("e1"), cloud_event("e2"), cloud_event("e1", source="/other"))

    assert counts(first) == {"accepted": 1, "duplicates": 1, "reported_again": 1}
    assert counts(second) == {"accepted": 2, "duplicates": 1}
    assert len(stored(desk)) == 4


def test_what_makes_no_event_is_set_aside_by_name_and_line(desk: Desk) -> None:
    wrong: dict[str, Json] = {
        "specversion is missing": {"specversion": None},
        "specversion is not 1.0": {"specversion": "0.3"},
        "event id is missing": {"id": ""},
        "source is missing": {"source": None},
        "type is missing": {"type": ""},
        "time is missing": {"time": None},
        "time is not a timestamp of RFC 3339": {"time": "soon"},
        "timestamp is before 2009": {"time": "1970-01-01T00:00:00Z"},
        "timestamp is after 2099": {"time": "2100-01-01T00:00:00Z"},
    }
    lines = [cloud_event(f"x{n}", **given) for n, given in enumerate(wrong.values())]

    load = desk.load(cloud_event("e1"), *lines, webhook(), "{bad", "1")

    others = ["a webhook among CloudEvents", "line is not JSON", "line is not a JSON object"]
    reasons = [*wrong, *others]
    assert counts(load) == {"accepted": 1, "quarantined": dict.fromkeys(sorted(reasons), 1)}
    assert desk.refused() == [(n, None, reason) for n, reason in enumerate(reasons, start=2)]


def test_an_event_has_the_instant_that_its_offset_says(desk: Desk) -> None:
    times = ["2026-10-01T00:00:00+05:30", "2026-10-01T00:00:00.250-03:00"]
    desk.load(*(cloud_event(time, time=time) for time in times))

    assert sorted(row[-1].isoformat() for row in stored(desk)) == [
        "2026-09-30T18:30:00",
        "2026-10-01T03:00:00.250000",
    ]


def test_a_time_without_an_offset_is_no_timestamp_of_the_standard(desk: Desk) -> None:
    load = desk.load(cloud_event("e1"), cloud_event("e2", time="2026-10-01"))

    assert counts(load)["accepted"] == 1


def test_an_element_that_is_null_is_set_aside_with_its_position(desk: Desk) -> None:
    load = desk.load(cloud_event("e1"), json.dumps([cloud_event("e2"), None]))

    assert counts(load) == {"accepted": 2, "quarantined": {"line is not a JSON object": 1}}
    assert desk.refused() == [(2, "payload 2", "line is not a JSON object")]


def test_a_broken_first_line_does_not_turn_the_others_into_webhooks(desk: Desk) -> None:
    load = desk.load("{bad", cloud_event("e1"), cloud_event("e2"))

    assert counts(load) == {"accepted": 2, "quarantined": {"line is not JSON": 1}}
