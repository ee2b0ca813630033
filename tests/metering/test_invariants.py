"""What must hold of a store, and that the check finds what does not."""

import pytest

from metering.invariants import broken_invariants
from tests.metering.builders import (
    BRAZIL,
    GERMANY,
    MARKETING,
    NOON,
    Desk,
    cloud_event,
    message,
    status,
    webhook,
)

AD = {"source_type": "ad", "source_id": "1"}
DAY = 86_400


def broken(desk: Desk) -> list[str]:
    return [problem.what for problem in broken_invariants(desk.store, desk.accounts())]


def fill(desk: Desk) -> None:
    """Load something of every kind."""
    desk.load(
        webhook(messages=[message("q", timestamp=str(NOON - 600), referral=AD)]),
        webhook(status("a", "sent"), status("a", pricing=MARKETING), status("a")),
        webhook(status("b", timestamp=str(NOON + 40 * DAY), recipient_id=GERMANY)),
        webhook(status("c", sender="9"), contacts=[{"wa_id": BRAZIL, "user_id": "BR.1"}]),
        webhook(message_echoes=[{"id": "e", "to": BRAZIL, "timestamp": str(NOON)}]),
        webhook(status("d", timestamp="x")),
    )
    desk.load(cloud_event())


def test_nothing_is_broken_in_a_store_that_holds_something_of_every_kind(desk: Desk) -> None:
    assert broken(desk) == []
    fill(desk)
    assert broken(desk) == []


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("update loads set read_count = read_count + 1", "do not add up"),
        ("delete from events where status = 'sent'", "events are not all there"),
        ("delete from cloud_events", "events are not all there"),
        ("update events set load_id = 77", "belong to no load"),
        ("delete from deliveries where is_echo", "are no delivery"),
        ("delete from events where direction = 'echo'", "no event reports"),
        ("insert into deliveries from deliveries", "stand twice"),
        ("update deliveries set delivered_at = delivered_at + interval 1 second", "earliest"),
        ("insert into windows from windows", "overlap"),
        ("update windows set closes_at = opened_at", "close before they open"),
        ("insert into contacts from contacts", "two contacts"),
        ("update deliveries set in_service_window = not in_service_window", "the windows"),
        ("update deliveries set in_free_entry_point = true", "the free entry points"),
        ("update deliveries set delivered_at = '1999-01-01' where error_code is null", "earliest"),
    ],
)
def test_damage_is_found_and_named(desk: Desk, damage: str, what: str) -> None:
    fill(desk)

    desk.store.execute(damage)

    assert any(what in found for found in broken(desk)), broken(desk)
