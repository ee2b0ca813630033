"""Contacts, windows and conversations, one sentence of the rules at a time.

Each example is asked of the slow definition and of the store; times are in seconds from an hour in
October 2026.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import pytest

from metering import windows
from metering.store import Store
from tests.metering.builders import (
    BRAZIL,
    CBP,
    GERMANY,
    INDIA,
    MARKETING,
    Desk,
    Json,
    cloud_event,
    message,
    seconds,
    status,
    webhook,
)
from tests.metering.definition import (
    HOUR,
    Rule,
    conversations,
    derived_type,
    meter,
    plain_key,
    read,
)

START = seconds("2026-10-05T10:00")
DAY = 24 * HOUR
LONG_AGO, FAR = datetime(2009, 1, 1), datetime(2030, 1, 1)  # noqa: DTZ001 - the store's UTC
ANNA, BOB = "BR.1", "BR.2"
OF_2022, OF_2023 = Rule("whatsapp-2022"), Rule("whatsapp-2023-06")
FREE: Json = {"billable": False, "pricing_model": "PMP", "type": "free_entry_point"}

ENTERED_BY_DATA: Json = {"contact": GERMANY, "sender_id": "2", "entry_point": "website"}

Stretch = tuple[int, int]
Talk = tuple[str | None, int, int]  # category, opened at, closes at


# What the log says


def writes(at: int, number: str | None = BRAZIL, user: str | None = None, /, **given: Any) -> Json:
    """The user writes to the business."""
    sender, referral = given.pop("sender", "1"), given.pop("referral", None)
    name = f"i-{at}-{number}-{user}-{sender}"
    item = message(name, timestamp=str(START + at), **given)
    item |= {"from": number, "from_user_id": user}
    if referral:
        item["referral"] = {"source_type": referral, "source_id": "7"}
    return webhook(sender=sender, messages=[_without_blanks(item)])


def gets(
    name: str, at: int, number: str | None = BRAZIL, user: str | None = None, /, **given: Any
) -> Json:
    """A message of the business is delivered."""
    sender, category = given.pop("sender", "1"), given.pop("category", "service")
    sent_at = given.pop("sent_at", None)
    given.setdefault("pricing", {**MARKETING, "category": category} if category else None)
    item = status(name, timestamp=str(START + at), **given)
    item |= {"recipient_id": number, "recipient_user_id": user}
    if "group" in given:
        item |= {
            "recipient_type": "group",
            "recipient_id": item.pop("group"),
            "recipient_participant_id": number,
            "recipient_participant_user_id": user,
            "recipient_user_id": None,
        }
    items = [_without_blanks(item)]
    if sent_at is not None:
        items.append({**items[0], "status": "sent", "timestamp": str(START + sent_at)})
    return webhook(*items, sender=sender)


def calls(
    name: str,
    at: int,
    number: str | None = BRAZIL,
    user: str | None = None,
    /,
    *,
    event: str = "connect",
    by_user: bool = True,
    sender: str = "1",
) -> Json:
    """The user calls the business, or the business the user."""
    ends = ("from", "to") if by_user else ("to", "from")
    item = {
        "id": name,
        "event": event,
        "direction": "USER_INITIATED" if by_user else "BUSINESS_INITIATED",
        "timestamp": str(START + at),
        ends[0]: number,
        ends[1]: "15550000000",
    }
    contacts = [_without_blanks({"wa_id": number, "user_id": user})]
    known = _without_blanks(item)
    return webhook(field="calls", sender=sender, contacts=contacts, calls=[known])


def call_is(
    name: str,
    at: int,
    number: str | None = BRAZIL,
    user: str | None = None,
    /,
    *,
    state: str,
    sender: str = "1",
) -> Json:
    """The network says how a call of the business goes."""
    item = status(name, state, type="call", timestamp=str(START + at))
    item |= {"recipient_id": number, "recipient_user_id": user}
    return webhook(_without_blanks(item), field="calls", sender=sender)


def echoes(name: str, at: int, number: str = BRAZIL, /, *, sender: str = "1") -> Json:
    """The business sent a message by hand, in its app."""
    item = {"id": name, "from": "15550000000", "to": number, "timestamp": str(START + at)}
    return webhook(
        field="smb_message_echoes", sender=sender, message_echoes=[{**item, "type": "text"}]
    )


def shows_history(
    name: str, at: int, number: str = BRAZIL, /, *, by_user: bool = False, sender: str = "1"
) -> Json:
    """The business joined, and the network shows what was written before."""
    item = {"id": name, "from": number if by_user else "15550000000", "type": "text"}
    thread = {"id": number, "messages": [{**item, "timestamp": str(START + at)}]}
    return webhook(field="history", sender=sender, history=[{"threads": [thread]}])


def changes_user(
    at: int, previous: str, current: str, number: str | None = None, /, *, sender: str = "1"
) -> Json:
    """The network gives a user another id."""
    item = {
        "wa_id": number,
        "user_id": {"previous": previous, "current": current},
        "timestamp": str(START + at),
    }
    return webhook(field="user_id_update", sender=sender, user_id_update=[_without_blanks(item)])


def changes_number(
    at: int, old: str, new: str, /, *, user: str | None = None, sender: str = "1"
) -> Json:
    """A user takes another number."""
    system = {"type": "user_changed_number", "wa_id": new, "body": "changed"}
    name = f"n-{at}-{old}-{new}-{user}"
    return writes(at, old, user, id=name, type="system", system=system, sender=sender)


def enters(
    at: int, entry_point: str, number: str = BRAZIL, /, *, sender: str = "1", **given: Any
) -> Json:
    """Somebody comes by a link or a website: a CloudEvent."""
    time = datetime.fromtimestamp(START + at, UTC).isoformat().replace("+00:00", "Z")
    data = {"contact": f"+{number}", "entry_point": entry_point}
    name = f"e-{at}-{entry_point}-{number}-{sender}"
    kind = {"type": "org.example.conversation.entered", "subject": sender, "data": data}
    return cloud_event(name, time=time, **{**kind, **given})


def _without_blanks(item: Json) -> Json:
    return {key: value for key, value in item.items() if value is not None}


# Who is asked


class Answers(Protocol):
    """What an example may ask about the log it gave; messages by their ids."""

    def flags(self) -> dict[str, tuple[bool, bool, str]]:
        """Say of each delivery: in a service window, in a free entry point, its entry point."""

    def windows(self, rule: str) -> list[Stretch]: ...

    def conversations(self, rule: Rule) -> list[Talk]: ...

    def goes_first(self, *names: str) -> str:
        """Say which of some messages of sender 1 is the first where the instant is the same."""


@dataclass
class InDefinition:
    """Answers by the slow definition."""

    log: tuple[Json, ...]

    def flags(self) -> dict[str, tuple[bool, bool, str]]:
        return {
            d.message_id: (d.in_service_window, d.in_free_entry_point, d.entry_point)
            for d in meter(self.log).deliveries
            if d.counts
        }

    def windows(self, rule: str) -> list[Stretch]:
        found = [window for window in meter(self.log).windows if window.rule == rule]
        return sorted((w.opened_at - START, w.closes_at - START) for w in found)

    def conversations(self, rule: Rule) -> list[Talk]:
        talks = conversations(meter(self.log), rule)
        return sorted(
            ((t.category, t.opened_at - START, t.closes_at - START) for t in talks), key=_by_time
        )

    def goes_first(self, *names: str) -> str:
        return min(names, key=lambda name: plain_key("outbound", "1", name, ""))


@dataclass
class InStore:
    """Answers by the store, after a load of all of the log."""

    desk: Desk
    log: tuple[Json, ...]

    def __post_init__(self) -> None:
        for part in by_format(reversed(self.log)):
            self.desk.load(*part)

    def flags(self) -> dict[str, tuple[bool, bool, str]]:
        keys = StoreKeys(self.desk.store)
        names = {
            keys("outbound", d.sender, d.message_id, d.participant): d.message_id
            for d in meter(self.log).deliveries
        }
        found = self.desk.rows(
            """
            select
                printf('%032x', message_key), in_service_window, in_free_entry_point, entry_point
            from deliveries
            where delivered_at is not null and not is_echo
            """
        )
        return {names[key]: (window, free, entry) for key, window, free, entry in found}

    def windows(self, rule: str) -> list[Stretch]:
        found = self.desk.store.frame(
            "select opened_at, closes_at from windows where rule = $rule order by all",
            {"rule": rule},
        )
        return [(since(opened_at), since(closes_at)) for opened_at, closes_at in found.rows()]

    def conversations(self, rule: Rule) -> list[Talk]:
        cut_conversations(self.desk, rule)
        query = "select category, opened_at, closes_at from conversation_windows"
        found = [(word, since(start), since(end)) for word, start, end in self.desk.rows(query)]
        return sorted(found, key=_by_time)

    def goes_first(self, *names: str) -> str:
        keys = StoreKeys(self.desk.store)
        return min(names, key=lambda name: keys("outbound", "1", name, ""))


def by_format(log: Iterable[Json]) -> list[list[Json]]:
    """Part webhooks and CloudEvents, which do not stand in one file."""
    parts: dict[bool, list[Json]] = {}
    for document in log:
        parts.setdefault("specversion" in document, []).append(document)
    return list(parts.values())


class StoreKeys:
    """The keys by which a store knows messages, in hexadecimal: see `definition.KeyOf`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, ...], str] = {}

    def __call__(self, direction: str, sender: str, name: str, part: str) -> str:
        asked = (direction, sender, name, part)
        if asked not in self._known:
            self._known[asked] = self._store.value(
                """
                select printf(
                    '%032x', message_key_of('whatsapp', $direction, $sender, $name, $part)
                )
                """,
                dict(zip(("direction", "sender", "name", "part"), asked, strict=True)),
            )
        return self._known[asked]

    def of_name(self, kind: str, name: str | None) -> str | None:
        """The key of a number ('contact'), a user id ('user') or a group ('group')."""
        if name is None:
            return None
        if (kind, name) not in self._known:
            query = "select printf('%032x', key_of($kind, $name))"
            self._known[kind, name] = self._store.value(query, {"kind": kind, "name": name})
        return self._known[kind, name]


def cut_conversations(desk: Desk, rule: Rule) -> None:
    """Make table `conversation_windows` of a store."""
    asked = windows.ConversationRule(
        name=rule.name, hours=rule.hours, opener=rule.opener, each=rule.each, scope="sender"
    )
    windows.conversations(desk.store, asked, since=LONG_AGO, until=FAR)


def since(instant: datetime) -> int:
    return int(instant.replace(tzinfo=UTC).timestamp()) - START


def _by_time(talk: Talk) -> tuple[int, int, str]:
    return (*talk[1:], talk[0] or "")


Ask = Callable[..., Answers]


@pytest.fixture(params=["definition", "store"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask about some webhooks and CloudEvents: `ask(*log)`."""
    if request.param == "definition":
        return lambda *log: InDefinition(log)
    desk: Desk = request.getfixturevalue("desk")
    return lambda *log: InStore(desk, log)


def inside(answers: Answers) -> set[str]:
    """The messages that were delivered inside a service window."""
    return {name for name, (is_inside, _, _) in answers.flags().items() if is_inside}


def free(answers: Answers) -> set[str]:
    """The messages that were delivered inside a free entry point."""
    return {name for name, (_, is_free, _) in answers.flags().items() if is_free}


def entry_points(answers: Answers) -> dict[str, str]:
    return {name: entry_point for name, (_, _, entry_point) in answers.flags().items()}


# The network's worked examples


def test_example_a_each_category_opens_its_own_conversation(ask: Ask) -> None:
    answers = ask(
        gets("first", 0, category="marketing"),
        gets("second", 4 * HOUR, category="utility"),
        gets("third", 10 * HOUR, category="utility"),
    )

    assert answers.conversations(OF_2023) == [
        ("marketing", 0, DAY),
        ("utility", 4 * HOUR, 28 * HOUR),
    ]


def test_example_b_an_answer_opens_a_conversation_when_nothing_is_open(ask: Ask) -> None:
    answers = ask(
        gets("template", 0, category="marketing"),
        writes(4 * HOUR),
        gets("answer", 5 * HOUR),
        gets("later", 25 * HOUR),
        gets("and more", 26 * HOUR),
    )

    assert answers.conversations(OF_2023) == [
        ("marketing", 0, DAY),
        ("service", 25 * HOUR, 49 * HOUR),
    ]
    assert inside(answers) == {"answer", "later", "and more"}


def test_example_c_an_ad_that_is_answered_opens_a_free_entry_point(ask: Ask) -> None:
    answers = ask(
        writes(0, referral="ad"),
        gets("template", 12 * HOUR, category="marketing"),
    )

    assert answers.conversations(OF_2023) == [("free_entry_point", 12 * HOUR, 84 * HOUR)]
    assert answers.windows("free_entry_point") == [(12 * HOUR, 84 * HOUR)]
    assert answers.windows("service_window") == [(0, DAY)]


def test_example_of_charges_by_message(ask: Ask) -> None:
    log = (
        gets("marketing", 0, category="marketing"),
        writes(2 * HOUR),
        gets("text", 3 * HOUR),
        gets("utility", 4 * HOUR, category="utility"),
        gets("late utility", 30 * HOUR, category="utility"),
    )
    answers = ask(*log)

    assert answers.windows("service_window") == [(2 * HOUR, 26 * HOUR)]
    assert inside(answers) == {"text", "utility"}
    assert {d.message_id: derived_type(d, date(2026, 9, 30)) for d in meter(log).deliveries} == {
        "marketing": "regular",
        "text": "free_customer_service",
        "utility": "free_customer_service",
        "late utility": "regular",
    }


def test_from_october_2026_what_is_inside_a_service_window_is_charged_too() -> None:
    log = (
        writes(0),
        gets("text", 3 * HOUR),
        gets("utility", 4 * HOUR, category="utility"),
        gets("new", 4 * HOUR, category="never heard of"),
    )

    assert {d.message_id: derived_type(d, date(2026, 10, 1)) for d in meter(log).deliveries} == {
        "text": "regular",
        "utility": "regular",
        "new": "unknown",
    }


# Decision 0011: who is the same contact. A contact's message opens its window for what it gets.


def test_both_names_on_one_report_are_one_contact(ask: Ask) -> None:
    answers = ask(
        gets("linked", 0, BRAZIL, ANNA),
        writes(HOUR, BRAZIL),
        gets("to the user id", 2 * HOUR, None, ANNA),
        gets("to another", 2 * HOUR, None, BOB),
    )

    assert inside(answers) == {"to the user id"}


def test_names_on_two_reports_of_a_message_link_nobody(ask: Ask) -> None:
    answers = ask(
        gets("one", 0, BRAZIL),
        gets("one", 0, None, ANNA, name="read"),
        writes(HOUR, BRAZIL),
        gets("to the user id", 2 * HOUR, None, ANNA),
    )

    assert inside(answers) == set()


def test_a_link_is_known_to_its_sender_only(ask: Ask) -> None:
    answers = ask(
        gets("linked", 0, BRAZIL, ANNA, sender="2"),
        writes(HOUR, BRAZIL),
        gets("here", 2 * HOUR, None, ANNA),
        gets("there", 2 * HOUR, None, ANNA, sender="2"),
    )

    assert inside(answers) == set()


def test_a_window_belongs_to_its_sender_only(ask: Ask) -> None:
    answers = ask(writes(0), gets("here", HOUR), gets("there", HOUR, sender="2"))

    assert inside(answers) == {"here"}


def test_a_changed_user_id_is_the_same_contact_at_all_times(ask: Ask) -> None:
    answers = ask(
        writes(0, None, ANNA),
        gets("before", HOUR, None, BOB),
        changes_user(2 * HOUR, ANNA, BOB),
        gets("after", 3 * HOUR, None, BOB),
        gets("to the old id", 4 * HOUR, None, ANNA),
    )

    assert inside(answers) == {"before", "after", "to the old id"}


def test_who_changes_the_number_takes_the_window_along(ask: Ask) -> None:
    answers = ask(
        writes(0, BRAZIL),
        changes_number(2 * HOUR, BRAZIL, INDIA),
        gets("to the new number", 3 * HOUR, INDIA),
        gets("to the old number", 3 * HOUR, BRAZIL),
        gets("to the new number before", HOUR, INDIA),
    )

    assert inside(answers) == {"to the new number"}


def test_what_the_holder_of_the_new_number_wrote_before_opens_nothing_after(ask: Ask) -> None:
    answers = ask(
        writes(0, INDIA),
        changes_number(2 * HOUR, BRAZIL, INDIA),
        gets("after", 3 * HOUR, INDIA),
        gets("before", HOUR, INDIA),
    )

    assert inside(answers) == {"before"}


def test_at_its_very_instant_a_number_change_holds(ask: Ask) -> None:
    answers = ask(
        writes(0, BRAZIL),
        changes_number(2 * HOUR, BRAZIL, INDIA),
        gets("new", 2 * HOUR, INDIA),
        gets("old", 2 * HOUR, BRAZIL),
        gets("a second earlier", 2 * HOUR - 1, BRAZIL),
    )

    assert inside(answers) == {"new", "a second earlier"}


def test_numbers_that_two_people_exchange_keep_their_windows_apart(ask: Ask) -> None:
    answers = ask(
        writes(0, BRAZIL),
        changes_number(2 * HOUR, BRAZIL, INDIA),
        changes_number(2 * HOUR, INDIA, BRAZIL),
        gets("first", 3 * HOUR, INDIA),
        gets("second", 3 * HOUR, BRAZIL),
    )

    assert inside(answers) == {"first"}


def test_a_number_passes_through_several_changes(ask: Ask) -> None:
    answers = ask(
        writes(0, BRAZIL),
        changes_number(HOUR, BRAZIL, INDIA),
        changes_number(2 * HOUR, INDIA, GERMANY),
        gets("now", 3 * HOUR, GERMANY),
        gets("no longer", 3 * HOUR, INDIA),
    )

    assert inside(answers) == {"now"}


def test_a_number_that_is_reported_with_another_user_id_starts_anew(ask: Ask) -> None:
    answers = ask(
        gets("of anna", 0, BRAZIL, ANNA),
        writes(HOUR, BRAZIL),
        gets("a second before", 2 * HOUR - 1, BRAZIL),
        gets("of bob", 2 * HOUR, BRAZIL, BOB),
        gets("by number", 3 * HOUR, BRAZIL),
        gets("to anna", 3 * HOUR, None, ANNA),
    )

    assert inside(answers) == {"a second before", "to anna"}


def test_a_number_that_comes_back_with_a_changed_user_id_goes_on(ask: Ask) -> None:
    answers = ask(
        gets("of anna", 0, BRAZIL, ANNA),
        writes(HOUR, BRAZIL),
        gets("of bob", 2 * HOUR, BRAZIL, BOB),
        gets("by number", 3 * HOUR, BRAZIL),
        changes_user(9 * DAY, ANNA, BOB),
    )

    assert inside(answers) == {"of bob", "by number"}


def test_the_first_user_id_of_a_number_has_it_from_the_beginning(ask: Ask) -> None:
    answers = ask(
        writes(0, BRAZIL),
        gets("linked later", 2 * HOUR, BRAZIL, ANNA),
        gets("by user id", HOUR, None, ANNA),
    )

    assert inside(answers) == {"linked later", "by user id"}


def test_a_user_id_counts_once_with_a_number_at_the_earliest_report_of_both(ask: Ask) -> None:
    answers = ask(
        gets("anna", 0, BRAZIL, ANNA),
        gets("bob", HOUR, BRAZIL, BOB),
        gets("anna again", 2 * HOUR, BRAZIL, ANNA),
        writes(3 * HOUR, BRAZIL),
        gets("to anna", 4 * HOUR, None, ANNA),
        gets("to bob", 4 * HOUR, None, BOB),
    )

    assert inside(answers) == {"to bob"}


def test_an_earlier_report_of_both_moves_the_cut(ask: Ask) -> None:
    known = (
        gets("anna", 2 * HOUR, BRAZIL, ANNA),
        gets("bob", 5 * HOUR, BRAZIL, BOB),
        writes(HOUR, BRAZIL),
        gets("to anna", 6 * HOUR, None, ANNA),
    )

    assert inside(ask(*known)) == {"anna", "to anna"}
    assert inside(ask(*known, gets("bob was first", 0, BRAZIL, BOB))) == {"bob"}


def test_two_user_ids_at_the_same_first_instant_share_the_number(ask: Ask) -> None:
    answers = ask(
        gets("anna", HOUR, BRAZIL, ANNA),
        gets("bob", HOUR, BRAZIL, BOB),
        writes(0, None, ANNA),
    )

    assert inside(answers) == {"anna", "bob"}


def test_after_a_number_change_the_first_user_id_has_the_number_from_the_change_on(
    ask: Ask,
) -> None:
    answers = ask(
        gets("anna", 0, BRAZIL, ANNA),
        changes_number(HOUR, BRAZIL, INDIA),
        writes(2 * HOUR, BRAZIL),
        gets("of bob now", 5 * HOUR, BRAZIL, BOB),
        gets("by user id", 3 * HOUR, None, BOB),
        gets("to anna", 3 * HOUR, None, ANNA),
    )

    assert inside(answers) == {"of bob now", "by user id"}


def test_a_user_id_that_was_reported_with_a_number_before_does_not_cut_it_again(ask: Ask) -> None:
    answers = ask(
        gets("anna", 0, BRAZIL, ANNA),
        changes_number(HOUR, BRAZIL, INDIA),
        gets("bob", 2 * HOUR, BRAZIL, BOB),
        writes(3 * HOUR, BRAZIL),
        gets("anna again", 4 * HOUR, BRAZIL, ANNA),
        gets("by number", 5 * HOUR, BRAZIL),
    )

    assert inside(answers) == {"by number"}


def test_a_report_with_a_user_id_is_of_that_user_whatever_the_number(ask: Ask) -> None:
    answers = ask(
        gets("anna", 0, BRAZIL, ANNA),
        gets("bob", HOUR, BRAZIL, BOB),
        writes(2 * HOUR, BRAZIL, ANNA),
        gets("to anna", 3 * HOUR, None, ANNA),
        gets("by number", 3 * HOUR, BRAZIL),
    )

    assert inside(answers) == {"to anna"}


def test_calls_and_users_who_change_link_names_too(ask: Ask) -> None:
    answers = ask(
        calls("call", 0, BRAZIL, ANNA),
        changes_user(0, "BR.0", BOB, GERMANY),
        writes(HOUR, GERMANY),
        gets("to anna", 2 * HOUR, None, ANNA),
        gets("to bob", 2 * HOUR, None, BOB),
        gets("to whom bob was", 2 * HOUR, None, "BR.0"),
    )

    assert inside(answers) == {"to anna", "to bob", "to whom bob was"}


def test_a_message_to_a_group_opens_the_window_for_all_of_it_and_for_it_alone(ask: Ask) -> None:
    answers = ask(
        writes(0, BRAZIL, group_id="G"),
        gets("to a member", HOUR, GERMANY, group="G"),
        gets("to the one who wrote", HOUR, BRAZIL, group="G"),
        gets("alone", HOUR, BRAZIL),
        gets("other group", HOUR, BRAZIL, group="H"),
        gets("too late", DAY, GERMANY, group="G"),
    )

    assert inside(answers) == {"to a member", "to the one who wrote"}


def test_what_a_member_writes_to_the_business_alone_opens_no_group(ask: Ask) -> None:
    answers = ask(writes(0, BRAZIL), gets("group", HOUR, BRAZIL, group="G"))

    assert inside(answers) == set()


# Decision 0012: service windows


def test_a_window_holds_its_opening_and_not_its_closing_instant(ask: Ask) -> None:
    answers = ask(
        writes(0),
        gets("before", -1),
        gets("at the opening", 0),
        gets("last second", DAY - 1),
        gets("at the closing", DAY),
    )

    assert inside(answers) == {"at the opening", "last second"}


def test_every_message_prolongs_and_one_at_the_closing_instant_opens_a_new_one(ask: Ask) -> None:
    answers = ask(writes(0), writes(DAY - 1), writes(2 * DAY - 1), writes(9 * DAY))

    assert answers.windows("service_window") == [
        (0, 2 * DAY - 1),
        (2 * DAY - 1, 3 * DAY - 1),
        (9 * DAY, 10 * DAY),
    ]


def test_what_decides_is_the_delivery_and_not_the_sending(ask: Ask) -> None:
    answers = ask(
        writes(HOUR),
        gets("sent before", 2 * HOUR, sent_at=0),
        gets("delivered after", 26 * HOUR, sent_at=2 * HOUR),
        gets("read later", 2 * HOUR),
        gets("read later", 30 * HOUR, name="read"),
        gets("only played", 3 * HOUR, name="played"),
        gets("never delivered", 3 * HOUR, name="sent"),
        gets("failed", 3 * HOUR, name="failed"),
    )

    flags = answers.flags()
    assert inside(answers) == {"sent before", "read later", "only played"}
    assert set(flags) - inside(answers) == {"delivered after"}


@pytest.mark.parametrize("kind", ["system", "edit", "revoke", "request_welcome"])
def test_what_is_no_message_of_the_user_opens_nothing(ask: Ask, kind: str) -> None:
    answers = ask(writes(0, type=kind, referral="ad"), gets("m", HOUR))

    assert answers.flags() == {"m": (False, False, "none")}


@pytest.mark.parametrize("kind", ["text", "reaction", "unsupported", "button", "brand_new"])
def test_any_other_message_opens_a_window(ask: Ask, kind: str) -> None:
    assert inside(ask(writes(0, type=kind), gets("m", HOUR))) == {"m"}


@pytest.mark.parametrize("event", ["connect", "terminate"])
def test_a_call_of_the_user_opens_a_window_answered_or_not(ask: Ask, event: str) -> None:
    answers = ask(calls("c", 0, event=event), gets("m", HOUR))

    assert answers.windows("service_window") == [(0, DAY)]
    assert inside(answers) == {"m"}


def test_a_call_opens_at_its_earliest_report_and_prolongs_nothing_later(ask: Ask) -> None:
    answers = ask(calls("c", 2 * HOUR, event="terminate"), calls("c", HOUR), calls("d", 9 * HOUR))

    assert answers.windows("service_window") == [(HOUR, 33 * HOUR)]


@pytest.mark.parametrize(
    ("state", "opened"),
    [("ACCEPTED", [(HOUR, 25 * HOUR)]), ("REJECTED", []), ("RINGING", [])],
)
def test_a_call_of_the_business_opens_a_window_when_the_user_accepts(
    ask: Ask, state: str, opened: list[Stretch]
) -> None:
    answers = ask(
        calls("c", 0, by_user=False),
        call_is("c", HOUR, state=state),
        calls("c", 2 * HOUR, event="terminate", by_user=False),
    )

    assert answers.windows("service_window") == opened


def test_an_echo_and_the_history_are_never_delivered_and_open_nothing(ask: Ask) -> None:
    answers = ask(
        writes(0, referral="ad"),
        echoes("by hand", HOUR),
        echoes("by hand, and reported", HOUR),
        gets("by hand, and reported", HOUR),
        shows_history("long ago", HOUR),
        gets("long ago", 2 * HOUR),
        shows_history("from the user", 7 * DAY, by_user=True),
        gets("m", 7 * DAY + HOUR),
    )

    assert answers.flags() == {"m": (False, False, "none")}
    assert answers.windows("free_entry_point") == []
    assert answers.conversations(OF_2023) == [("service", 7 * DAY + HOUR, 8 * DAY + HOUR)]


# Decision 0012: free entry points


@pytest.mark.parametrize(
    ("source", "is_free", "entry_point"),
    [
        ("ad", True, "ad"),
        ("post", True, "page_button"),
        ("page_button", True, "page_button"),
        ("link", False, "link"),
        ("website", False, "website"),
    ],
)
def test_the_source_of_a_referral_says_where_a_conversation_came_from(
    ask: Ask, source: str, is_free: bool, entry_point: str
) -> None:
    answers = ask(writes(0, referral=source), gets("answer", HOUR), gets("no more", 90 * HOUR))

    assert answers.flags() == {
        "answer": (True, is_free, entry_point),
        "no more": (False, False, "none"),
    }


def test_the_message_that_opened_a_window_says_where_it_came_from(ask: Ask) -> None:
    answers = ask(
        writes(0, referral="link"),
        writes(DAY - 1, referral="website"),
        gets("m", DAY),
        writes(3 * DAY),
        writes(3 * DAY + 1, referral="website"),
        gets("n", 3 * DAY + 2),
    )

    assert entry_points(answers) == {"m": "link", "n": "none"}


def test_who_comes_by_a_link_is_known_by_the_last_one_of_a_day(ask: Ask) -> None:
    answers = ask(
        enters(0, "website"),
        enters(HOUR, "link"),
        enters(2 * HOUR, "too late"),
        writes(2 * HOUR - 1),
        gets("m", 2 * HOUR),
        writes(26 * HOUR, GERMANY),
        enters(2 * HOUR, "a day ago", GERMANY),
        gets("n", 27 * HOUR, GERMANY),
        enters(5 * DAY, "link", GERMANY),
        writes(5 * DAY, GERMANY),
        gets("o", 5 * DAY + 1, GERMANY),
    )

    assert entry_points(answers) == {"m": "link", "n": "none", "o": "link"}


def test_a_referral_beats_a_link(ask: Ask) -> None:
    answers = ask(enters(0, "link"), writes(HOUR, referral="post"), gets("m", 2 * HOUR))

    assert entry_points(answers) == {"m": "page_button"}


def test_a_link_is_that_of_its_sender_and_contact_and_of_no_group(ask: Ask) -> None:
    answers = ask(
        enters(0, "link", BRAZIL),
        enters(0, "website", GERMANY, subject="x", data=ENTERED_BY_DATA),
        writes(HOUR, None, ANNA),
        gets("linked", 9 * DAY, BRAZIL, ANNA),
        gets("by user id", 2 * HOUR, None, ANNA),
        writes(HOUR, GERMANY),
        gets("of another number", 2 * HOUR, GERMANY),
        writes(HOUR, GERMANY, sender="2"),
        gets("said by data", 2 * HOUR, GERMANY, sender="2"),
        writes(HOUR, BRAZIL, group_id="G"),
        gets("group", 2 * HOUR, BRAZIL, group="G"),
    )

    assert entry_points(answers) == {
        "by user id": "link",
        "linked": "none",
        "of another number": "none",
        "said by data": "website",
        "group": "none",
    }


def test_inside_a_free_entry_point_its_ad_says_where_it_came_from(ask: Ask) -> None:
    answers = ask(
        writes(0, referral="link"),
        writes(HOUR, referral="post"),
        gets("before the answer", HOUR - 1),
        gets("answer", 2 * HOUR),
        gets("outside the service window", 70 * HOUR),
    )

    assert entry_points(answers) == {
        "before the answer": "link",
        "answer": "page_button",
        "outside the service window": "page_button",
    }


def test_a_free_entry_point_holds_its_opening_and_not_its_closing_instant(ask: Ask) -> None:
    answers = ask(
        writes(0, referral="ad"),
        gets("before", 0, sent_at=-1),
        gets("answer", HOUR),
        gets("last second", 73 * HOUR - 1),
        gets("at the closing", 73 * HOUR),
    )

    assert free(answers) == {"answer", "last second"}


@pytest.mark.parametrize(
    ("sent_at", "at", "is_answer"),
    [
        (0, 0, True),  # at the instant of the ad
        (0, DAY - 1, True),
        (0, DAY, False),  # a day later is too late
        (-1, HOUR, False),  # sent before the ad
    ],
)
def test_an_answer_is_first_reported_after_the_ad_and_delivered_in_less_than_a_day(
    ask: Ask, sent_at: int, at: int, is_answer: bool
) -> None:
    answers = ask(writes(0, referral="ad"), gets("m", at, sent_at=sent_at))

    assert free(answers) == ({"m"} if is_answer else set())


def test_a_failed_report_before_the_ad_makes_it_no_answer(ask: Ask) -> None:
    answers = ask(
        writes(0, referral="ad"), gets("m", -HOUR, name="failed"), gets("m", HOUR, name="delivered")
    )

    assert free(answers) == set()


def test_the_answer_is_the_first_delivered(ask: Ask) -> None:
    answers = ask(
        writes(0, referral="ad"),
        gets("second", 2 * HOUR, sent_at=HOUR),
        gets("first", HOUR + 1, sent_at=HOUR + 1),
        gets("to another", HOUR, INDIA),
        gets("of another number", HOUR, sender="2"),
    )

    assert answers.windows("free_entry_point") == [(HOUR + 1, 73 * HOUR + 1)]


def test_an_ad_that_is_answered_inside_an_open_free_entry_point_is_spent(ask: Ask) -> None:
    answers = ask(
        writes(0, referral="ad"),
        gets("answer", HOUR),
        writes(72 * HOUR, referral="post"),
        gets("also inside", 73 * HOUR - 1),
        gets("after its end", 73 * HOUR),
    )

    assert answers.windows("free_entry_point") == [(HOUR, 73 * HOUR)]


def test_an_ad_that_is_answered_after_the_end_opens_a_new_one(ask: Ask) -> None:
    answers = ask(
        writes(0, referral="ad"),
        gets("answer", HOUR),
        writes(72 * HOUR, referral="post"),
        gets("at its end", 73 * HOUR),
    )

    assert answers.windows("free_entry_point") == [
        (HOUR, 73 * HOUR),
        (73 * HOUR, 145 * HOUR),
    ]
    assert entry_points(answers)["at its end"] == "page_button"


def test_ads_with_the_same_answer_open_one_free_entry_point_that_of_the_first(ask: Ask) -> None:
    answers = ask(
        writes(HOUR, referral="post"),
        writes(0, referral="ad"),
        gets("answer", 2 * HOUR),
    )

    assert answers.windows("free_entry_point") == [(2 * HOUR, 74 * HOUR)]
    assert entry_points(answers) == {"answer": "ad"}


def test_ads_are_taken_in_the_order_of_their_answers(ask: Ask) -> None:
    expires_at = {"expiration_timestamp": str(START + 3 * HOUR)}
    told = {"id": "f", "origin": {"type": "referral_conversion"}, **expires_at}
    answers = ask(
        writes(0, referral="ad"),
        writes(HOUR, referral="post"),
        # The first ad's answer was sent between the two, so that it is not the second's.
        gets("first", 2 * HOUR, sent_at=HOUR - 1, pricing=FREE, conversation=told),
        gets("second", 4 * HOUR),
    )

    assert answers.windows("free_entry_point") == [(2 * HOUR, 3 * HOUR), (4 * HOUR, 76 * HOUR)]
    assert entry_points(answers) == {"first": "ad", "second": "page_button"}


def test_of_two_answers_at_one_instant_the_one_of_the_smaller_key_counts(ask: Ask) -> None:
    def told(expires_at: int) -> Json:
        said = {"id": "f", "origin": {"type": "referral_conversion"}}
        return {**said, "expiration_timestamp": str(START + expires_at)}

    answers = ask(
        writes(0, referral="ad"),
        gets("one", HOUR, pricing=FREE, conversation=told(5 * HOUR)),
        gets("other", HOUR, pricing=FREE, conversation=told(9 * HOUR)),
    )

    closes_at = {"one": 5 * HOUR, "other": 9 * HOUR}[answers.goes_first("one", "other")]
    assert answers.windows("free_entry_point") == [(HOUR, closes_at)]


REFERRAL = {"id": "f", "origin": {"type": "referral_conversion"}}
CONVERSION: Json = {"billable": False, "pricing_model": "CBP", "category": "referral_conversion"}


@pytest.mark.parametrize(
    ("pricing", "conversation", "expires_at", "closes_at"),
    [
        (FREE, REFERRAL, 8 * DAY, 8 * DAY),  # the network knows better than 72 hours
        (FREE, REFERRAL, 2 * HOUR, 2 * HOUR),
        (FREE, {"id": "f"}, 2 * HOUR, 2 * HOUR),
        (CONVERSION, REFERRAL, 2 * HOUR, 2 * HOUR),
        (FREE, REFERRAL, HOUR + 1, HOUR + 1),
        (FREE, REFERRAL, HOUR, 73 * HOUR),  # not after the opening
        (FREE, REFERRAL, -HOUR, 73 * HOUR),
        (CBP, {"id": "f", "origin": {"type": "marketing"}}, 8 * DAY, 73 * HOUR),
        (MARKETING, {"id": "f", "origin": {"type": "marketing"}}, 8 * DAY, 73 * HOUR),
    ],
)
def test_a_free_entry_point_closes_when_the_network_says(
    ask: Ask, pricing: Json, conversation: Json, expires_at: int, closes_at: int
) -> None:
    told = {**conversation, "expiration_timestamp": str(START + expires_at)}
    answers = ask(writes(0, referral="ad"), gets("m", HOUR, pricing=pricing, conversation=told))

    assert answers.windows("free_entry_point") == [(HOUR, closes_at)]


def test_only_what_is_said_of_the_answer_says_when_it_closes(ask: Ask) -> None:
    told = {**REFERRAL, "expiration_timestamp": str(START + 9 * DAY)}
    answers = ask(
        writes(0, referral="ad"),
        gets("answer", HOUR),
        gets("next", 2 * HOUR, pricing=FREE, conversation=told),
    )

    assert answers.windows("free_entry_point") == [(HOUR, 73 * HOUR)]


def test_the_latest_end_that_was_said_counts(ask: Ask) -> None:
    def told(expires_at: int) -> Json:
        return {**REFERRAL, "expiration_timestamp": str(START + expires_at)}

    answers = ask(
        writes(0, referral="ad"),
        gets("m", HOUR, pricing=FREE, conversation=told(9 * DAY)),
        gets("m", 2 * HOUR, name="read", pricing=FREE, conversation=told(8 * DAY)),
    )

    assert answers.windows("free_entry_point") == [(HOUR, 9 * DAY)]


def test_groups_have_no_free_entry_point(ask: Ask) -> None:
    answers = ask(
        writes(0, BRAZIL, group_id="G", referral="ad"),
        gets("in the group", HOUR, BRAZIL, group="G"),
        gets("alone", HOUR, BRAZIL),
        writes(0, GERMANY, referral="ad"),
        gets("to a group", HOUR, GERMANY, group="H"),
    )

    assert answers.windows("free_entry_point") == []
    assert entry_points(answers) == {"in the group": "ad", "alone": "none", "to a group": "none"}


def test_the_ad_of_a_contact_is_answered_by_any_of_its_names(ask: Ask) -> None:
    answers = ask(
        writes(0, BRAZIL, referral="ad"),
        gets("answer", 2 * HOUR, None, ANNA),
        gets("linked much later", 9 * DAY, BRAZIL, ANNA),
    )

    assert free(answers) == {"answer"}


# Decision 0012: conversations


def test_in_2022_it_matters_who_began_and_what_comes_after_is_held(ask: Ask) -> None:
    answers = ask(
        gets("template", 0, category="marketing"),
        writes(HOUR),
        gets("held", 2 * HOUR),
        gets("at the closing", DAY, category="utility"),
        gets("held too", DAY + 1, category="marketing"),
        gets("outside", 3 * DAY),
    )

    assert answers.conversations(OF_2022) == [
        ("business_initiated", 0, DAY),
        ("user_initiated", DAY, 2 * DAY),
        ("business_initiated", 3 * DAY, 4 * DAY),
    ]


@pytest.mark.parametrize("rule", [OF_2022, OF_2023])
def test_a_free_entry_point_closes_the_others_and_none_opens_until_it_ends(
    ask: Ask, rule: Rule
) -> None:
    answers = ask(
        gets("template", 0, category="marketing"),
        writes(HOUR, referral="ad"),
        gets("before", HOUR + 1, sent_at=HOUR - 1, category="marketing"),
        gets("answer", 2 * HOUR, category="utility"),
        gets("inside", 70 * HOUR, category="marketing"),
        gets("last second", 74 * HOUR - 1, category="utility"),
        gets("after", 74 * HOUR, category="marketing"),
    )

    after = "business_initiated" if rule is OF_2022 else "marketing"
    assert answers.conversations(rule) == [
        (after, 0, 2 * HOUR),
        ("free_entry_point", 2 * HOUR, 74 * HOUR),
        (after, 74 * HOUR, 98 * HOUR),
    ]


def test_a_delivery_at_the_opening_of_a_free_entry_point_opens_nothing(ask: Ask) -> None:
    answers = ask(
        writes(HOUR, referral="ad"),
        gets("sent before", 2 * HOUR, sent_at=0, category="marketing"),
        gets("answer", 2 * HOUR, category="utility"),
    )

    for rule in (OF_2022, OF_2023):
        talks = answers.conversations(rule)
        assert talks == [("free_entry_point", 2 * HOUR, 74 * HOUR)]


def test_in_2023_categories_are_side_by_side_and_each_lasts_a_day(ask: Ask) -> None:
    answers = ask(
        gets("a", 0, category="marketing"),
        gets("b", DAY - 1, category="marketing"),
        gets("c", DAY, category="marketing"),
        gets("d", DAY, category="authentication"),
        gets("e", 30 * HOUR, category="brand_new"),
    )

    assert answers.conversations(OF_2023) == [
        ("marketing", 0, DAY),
        ("authentication", DAY, 2 * DAY),
        ("marketing", DAY, 2 * DAY),
        ("brand_new", 30 * HOUR, 54 * HOUR),
    ]


def test_in_2023_service_opens_only_when_nothing_is_open_and_holds_nothing_else(ask: Ask) -> None:
    answers = ask(
        gets("a", 0),
        gets("b", HOUR, category="utility"),
        gets("held by utility", DAY),
        gets("c", 25 * HOUR),
    )

    assert answers.conversations(OF_2023) == [
        ("service", 0, DAY),
        ("utility", HOUR, 25 * HOUR),
        ("service", 25 * HOUR, 49 * HOUR),
    ]


def test_at_one_instant_the_smaller_key_opens_first(ask: Ask) -> None:
    answers = ask(
        gets("one", 0, category="utility"),
        gets("other", 0, category="service"),
    )

    opened = {"one": ["utility"], "other": ["service", "utility"]}
    expected = opened[answers.goes_first("one", "other")]
    assert [word for word, _, _ in answers.conversations(OF_2023)] == expected


def test_in_2023_an_unknown_category_opens_nothing(ask: Ask) -> None:
    answers = ask(gets("unknown", 0, category=None), gets("known", HOUR))

    assert answers.conversations(OF_2023) == [("service", HOUR, 25 * HOUR)]
    assert answers.conversations(OF_2022) == [("business_initiated", 0, DAY)]


def test_conversations_of_contacts_and_groups_are_apart(ask: Ask) -> None:
    answers = ask(
        gets("one", 0, BRAZIL),
        gets("other", HOUR, GERMANY),
        gets("first of the group", 2 * HOUR, BRAZIL, group="G"),
        gets("second of the group", 3 * HOUR, GERMANY, group="G"),
        gets("of another number", 4 * HOUR, BRAZIL, sender="2"),
    )

    assert answers.conversations(OF_2023) == [
        ("service", at * HOUR, at * HOUR + DAY) for at in (0, 1, 2, 4)
    ]


def test_a_conversation_goes_on_when_the_number_changes(ask: Ask) -> None:
    answers = ask(
        gets("a", 0, BRAZIL, category="utility"),
        changes_number(HOUR, BRAZIL, INDIA),
        gets("b", 2 * HOUR, INDIA, category="utility"),
        gets("c", 3 * HOUR, BRAZIL, category="utility"),
    )

    assert answers.conversations(OF_2023) == [
        ("utility", 0, DAY),
        ("utility", 3 * HOUR, 27 * HOUR),
    ]


OWN = (
    gets("a", 0, category="marketing"),
    writes(HOUR),
    gets("b", 2 * HOUR, category="utility"),
    writes(3 * HOUR),
    gets("c", 4 * HOUR, category="marketing"),
    gets("d", 7 * HOUR, category="utility"),
)


@pytest.mark.parametrize(
    ("rule", "opened"),
    [
        (Rule("own", 3), [0, 4, 7]),
        (Rule("own", 4), [0, 4]),
        (Rule("own", 12), [0]),
        (Rule("own", 3, each="contact_and_category"), [0, 2, 4, 7]),
        (Rule("own", 5, each="contact_and_category"), [0, 2, 7]),
        (Rule("own", 2, opener="user"), [1, 3]),
        (Rule("own", 3, opener="user"), [1]),
        (Rule("own", 1, opener="any"), [0, 1, 2, 3, 4, 7]),
        (Rule("own", 4, opener="any"), [0, 4]),
    ],
)
def test_a_rule_of_the_seller_has_its_own_length_opener_and_reach(
    ask: Ask, rule: Rule, opened: list[int]
) -> None:
    stretches = [(start, end) for _, start, end in ask(*OWN).conversations(rule)]

    assert stretches == [(at * HOUR, (at + rule.hours) * HOUR) for at in opened]


def test_a_conversation_has_the_category_of_the_message_that_opened_it(ask: Ask) -> None:
    unknown = (gets("e", -HOUR, category=None), gets("f", 30 * HOUR, category=None))

    by_any = ask(*OWN, *unknown).conversations(Rule("own", 4, opener="any"))
    for_each = ask(*OWN, *unknown).conversations(Rule("own", 30, each="contact_and_category"))

    assert [word for word, _, _ in by_any] == [None, None, "utility", None]
    assert [word for word, _, _ in for_each] == [None, "marketing", "utility", None]


# The definition alone


def test_a_repeated_report_says_nothing_new() -> None:
    log = [writes(0), gets("m", HOUR), gets("m", HOUR), writes(0)]

    assert len(read(log)) == 2


def test_lengths_are_those_of_the_file() -> None:
    metered = meter([writes(0, referral="ad"), gets("m", HOUR)])

    lengths = {w.rule: timedelta(seconds=w.closes_at - w.opened_at) for w in metered.windows}
    assert lengths == {
        "service_window": timedelta(hours=24),
        "free_entry_point": timedelta(hours=72),
    }
