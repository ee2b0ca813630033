"""What chooses openings, and where contacts come from; the rules are in test_definition.py."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from metering.windows import greedy
from tests.metering.builders import BRAZIL, NOON, Desk, cloud_event, message, status, webhook

START = datetime(2026, 10, 1)  # noqa: DTZ001 - the store's UTC
CANDIDATE = pl.Schema(
    {"group_no": pl.Int64(), "opened_at": pl.Datetime("us"), "closes_at": pl.Datetime("us")}
)

hours = st.integers(0, 60).map(lambda hour: timedelta(hours=hour))
candidates = st.lists(
    st.tuples(st.integers(1, 3), hours, st.integers(1, 30).map(lambda hour: timedelta(hours=hour))),
    max_size=40,
).map(lambda drawn: sorted((group, START + at, START + at + long) for group, at, long in drawn))


@given(candidates)
def test_an_opening_is_the_first_candidate_after_the_one_before_has_closed(
    drawn: list[tuple[int, datetime, datetime]],
) -> None:
    chosen: list[tuple[int, datetime, datetime]] = []
    open_until: dict[int, datetime] = {}
    for group, opened_at, closes_at in drawn:
        if opened_at >= open_until.get(group, opened_at):
            chosen.append((group, opened_at, closes_at))
            open_until[group] = closes_at

    assert greedy(pl.DataFrame(drawn, CANDIDATE, orient="row")).rows() == chosen


# Where a contact came from


def entered(at: str, entry_point: str = "link", event_id: str = "e1") -> dict[str, object]:
    data = {"contact": f"+{BRAZIL}", "entry_point": entry_point}
    kind = "com.example.conversation.entered"
    return cloud_event(event_id, type=kind, subject="1", time=at, data=data)


def answered(question_at: int, **given: Any) -> tuple[object, object]:
    question = message(timestamp=str(question_at), **given)
    answer = status(timestamp=str(question_at + 60))
    return webhook(messages=[question]), webhook(answer)


def entry_points(desk: Desk) -> list[str]:
    return [row[0] for row in desk.rows("select entry_point from deliveries order by delivered_at")]


def test_a_contact_that_came_by_a_link_is_known_by_it_for_a_day(desk: Desk) -> None:
    desk.load(*answered(NOON))
    desk.load(entered("2026-09-30T12:00:01Z"))
    assert entry_points(desk) == ["link"]

    desk.clear()
    desk.load(entered("2026-09-30T12:00:00Z"))  # 24 hours before, which is too long ago
    desk.load(*answered(NOON))
    assert entry_points(desk) == ["none"]


def test_the_latest_place_before_the_message_counts_and_none_after_it(desk: Desk) -> None:
    desk.load(
        entered("2026-10-01T11:00:00Z", "link", "a"),
        entered("2026-10-01T11:30:00Z", "website", "b"),
        entered("2026-10-01T12:00:01Z", "link", "c"),
    )
    desk.load(*answered(NOON))

    assert entry_points(desk) == ["website"]


def test_what_the_network_says_of_an_ad_beats_a_link(desk: Desk) -> None:
    desk.load(entered("2026-10-01T11:00:00Z"))
    desk.load(*answered(NOON, referral={"source_type": "post", "source_id": "1"}))

    assert entry_points(desk) == ["page_button"]
    rules = desk.rows("select rule, entry_point from windows order by rule")
    assert rules == [("free_entry_point", "page_button"), ("service_window", "page_button")]
