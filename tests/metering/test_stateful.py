"""Whatever is loaded, in any order and cut: the store is what the slow definition says.

Few senders, few people and few instants, at the distances that matter to windows, so that they
collide. A message, call or group is always the same people's, as it is with the network; its
reports name them by number, by user id or by both.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any, Protocol, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from metering import contacts
from tests.metering.builders import BRAZIL, CBP, GERMANY, MARKETING, Desk, Json, line
from tests.metering.definition import (
    HOUR,
    Conversation,
    Delivery,
    Entered,
    Metered,
    Owner,
    Ownership,
    Peer,
    Rule,
    conversations,
    meter,
    read,
    usage,
)
from tests.metering.test_definition import (
    CONVERSION,
    DAY,
    FREE,
    OF_2022,
    OF_2023,
    START,
    StoreKeys,
    by_format,
    call_is,
    calls,
    changes_number,
    changes_user,
    cut_conversations,
    echoes,
    enters,
    gets,
    shows_history,
    writes,
)

IS_DEEP = os.environ.get("TOLLBOOK_PROFILE") == "deep"
T = TypeVar("T")
Rows = dict[str, list[Any]]  # by sender

# The last day of October: midnight comes after 1 hour in Apia, 8.5 in Kolkata, 13 in Berlin.
BASE = 26 * DAY
GRID = tuple(
    BASE + hours * HOUR // 2 + shift
    for hours, shifts in {
        0: (0, 1),
        2: (-1, 0),
        17: (0,),
        26: (-1, 0),
        48: (-1, 0, 1),
        50: (0,),
        96: (0,),
        144: (-1, 0, 1),
        146: (0,),
        192: (0,),
    }.items()
    for shift in shifts
)
EARLY = GRID[:5]
PEOPLE = (
    *((BRAZIL, None), (BRAZIL, "BR.1"), (BRAZIL, "BR.2"), (None, "BR.1"), (None, "BR.2")),
    *((GERMANY, None), (GERMANY, "BR.1"), (GERMANY, "DE.3")),
)
NUMBERS, USERS = (BRAZIL, GERMANY), ("BR.1", "BR.2", "DE.3")
STATES = ("sent", "delivered", "delivered", "read", "played", "failed", "deleted")
CATEGORIES = ("marketing", "utility", "service", "service")
REFERRALS = (None, None, "ad", "ad", "post", "page_button", "link")
INBOUND_TYPES = ("text", "text", "text", "reaction", "system", "edit", "revoke", "request_welcome")
OWN_RULES = (
    Rule("own", 25),
    Rule("own", 24, each="contact_and_category"),
    Rule("own", 24, opener="user"),
    Rule("own", 72, opener="any"),
    Rule("own", 24, opener="any", each="contact_and_category"),
)

# Kinds of items: those that every store understands, and those that one with windows does.
MESSAGES = ("report",) * 6 + ("inbound",) * 3 + ("group report", "group inbound")
REST = ("call", "call", "call state", "echo", "history")
CHANGES = ("user change", "number change")


class Choose(Protocol):
    """Chooses by chance: Hypothesis, or a seed."""

    def __call__(self, choices: Sequence[T], /) -> T: ...


# What a small world may log


def an_item(choose: Choose, sender: str, kinds: Sequence[str], times: Sequence[int]) -> Json:
    """Choose a webhook of one item; of contradicting reports only those that the rules settle."""
    makers = {
        "report": _report,
        "inbound": _inbound,
        "group report": _group_report,
        "group inbound": _group_inbound,
        "call": _call,
        "call state": _call_state,
        "echo": _echo,
        "history": _history,
        "user change": _user_change,
        "number change": _number_change,
    }
    return makers[choose(kinds)](choose, sender, choose(times))


def _name_of(choose: Choose, number: str | None, user: str | None) -> str:
    return f"m-{number}-{user}-{choose((1, 2, 3, 4))}"


def _report(choose: Choose, sender: str, at: int) -> Json:
    """Choose a report of a message: even ones are priced each, odd ones by conversation."""
    number, user = choose(PEOPLE)
    name = _name_of(choose, number, user)
    forms = [(number, user), (number, None), (None, user)]
    form = choose(tuple(who for who in forms if any(who)))
    return gets(name, at, *form, name=choose(STATES), sender=sender, **_price(choose, name, at))


def _price(choose: Choose, name: str, at: int) -> Json:
    category, expires_at = choose(CATEGORIES), START + choose((*GRID, at + 96 * HOUR))
    told = {"id": f"t-{name}", "expiration_timestamp": str(expires_at)}
    free = {**told, "origin": {"type": "referral_conversion"}}
    charged = {**told, "origin": {"type": category}}
    by_message = (
        {"pricing": {**MARKETING, "category": category}},
        {"pricing": {**MARKETING, "category": category}, "conversation": charged},
        {"pricing": {**FREE, "category": category}, "conversation": free},
        {"pricing": {**FREE, "category": category}},
    )
    by_conversation = (
        {"pricing": {**CBP, "category": category}, "conversation": charged},
        {"pricing": {**CBP, "category": category}},
        {"pricing": CONVERSION, "conversation": free},
    )
    is_even = name[-1] in "24"
    return choose(({"pricing": None}, *(by_message if is_even else by_conversation)))


def _inbound(choose: Choose, sender: str, at: int, **given: Any) -> Json:
    number, user = choose(PEOPLE)
    kind, referral = choose(INBOUND_TYPES), choose(REFERRALS)
    name = f"i-{at}-{number}-{user}-{referral}-{given}"
    said = {"type": kind, "referral": referral, "id": name, "sender": sender, **given}
    return writes(at, number, user, **said)


def _group_report(choose: Choose, sender: str, at: int) -> Json:
    number, user = choose(NUMBERS), choose((None, *USERS))
    name = f"g-{user}-{choose((1, 2))}"
    price = {**MARKETING, "category": choose(CATEGORIES)}
    state, form = choose(STATES), choose((None, user))
    return gets(name, at, number, form, name=state, group="G", sender=sender, pricing=price)


def _group_inbound(choose: Choose, sender: str, at: int) -> Json:
    return _inbound(choose, sender, at, group_id="G")


def _call(choose: Choose, sender: str, at: int) -> Json:
    number, user = choose(PEOPLE)
    by_user, event = choose((True, True, False)), choose(("connect", "terminate"))
    name = f"c-{number}-{user}-{by_user}-{choose((1, 2))}"
    return calls(name, at, number, user, event=event, by_user=by_user, sender=sender)


def _call_state(choose: Choose, sender: str, at: int) -> Json:
    number, user = choose(PEOPLE)
    name = f"c-{number}-{user}-False-{choose((1, 2))}"
    state = choose(("RINGING", "ACCEPTED", "REJECTED"))
    return call_is(name, at, number, user, state=state, sender=sender)


def _echo(choose: Choose, sender: str, at: int) -> Json:
    number, user = choose([pair for pair in PEOPLE if pair[0]])
    return echoes(_name_of(choose, number, user), at, str(number), sender=sender)


def _history(choose: Choose, sender: str, at: int) -> Json:
    number, user = choose([pair for pair in PEOPLE if pair[0]])
    return shows_history(_name_of(choose, number, user), at, str(number), sender=sender)


def _user_change(choose: Choose, sender: str, at: int) -> Json:
    previous = choose(USERS)
    current = choose([user for user in USERS if user != previous])
    return changes_user(at, previous, current, choose((None, *NUMBERS)), sender=sender)


def _number_change(choose: Choose, sender: str, at: int) -> Json:
    old = choose(NUMBERS)
    new = choose([number for number in NUMBERS if number != old])
    user = choose((None, None, *USERS))
    return changes_number(at, old, new, user=user, sender=sender)


def an_entry(choose: Choose, sender: str) -> Json:
    """Choose a CloudEvent of somebody who comes; at one instant all come by the same way."""
    at = choose(GRID)
    entry_point = ("link", "website")[GRID.index(at) % 2]
    return enters(at, entry_point, choose(NUMBERS), sender=sender)


def of_waba(webhook: Json, waba: str) -> Json:
    webhook["entry"][0]["id"] = waba
    return webhook


# The store, in the words of the definition


class StoreDiffersError(AssertionError):
    """The store is not what the definition says, for this sender."""

    def __init__(self, what: str, sender: str, found: list[Any], expected: list[Any]) -> None:
        rows = [f"only in the store: {row}" for row in found if row not in expected]
        rows += [f"only in the definition: {row}" for row in expected if row not in found]
        rows += ["a row is repeated"] * (len(set(found)) != len(found))
        super().__init__("\n".join((f"{what} of sender {sender}", *rows)))
        self.sender = sender


@dataclass(frozen=True)
class Whole:
    """A store, what was loaded into it, and what the definition makes of that."""

    desk: Desk
    log: Sequence[Json]

    def check(self, *, conversation_rules: Sequence[Rule] = ()) -> Metered:
        """Compare everything that the store keeps with the definition; answer the latter."""
        keys = StoreKeys(self.desk.store)
        metered = meter(self.log, keys)
        peers = self._peers(metered, keys)
        self._same("deliveries", deliveries_in(self.desk), deliveries_of(metered, keys))
        self._same("windows", windows_in(self.desk), windows_of(metered, peers))
        for asked in conversation_rules:
            cut_conversations(self.desk, asked)
            expected = talks_of(conversations(metered, asked), peers)
            self._same(f"conversations of {asked}", talks_in(self.desk), expected)
        return metered

    def _peers(self, metered: Metered, keys: StoreKeys) -> Callable[[str, Peer], str | None]:
        """Say how the store calls a contact or group; the two must draw the same lines."""
        known, called = self._contacts(keys), dict[tuple[str, Peer], str]()
        meant = dict[tuple[str, str], Peer]()
        for report in read(self.log):
            if isinstance(report, Entered):
                continue  # it is no event of the store
            peer = metered.contacts[report.sender].of(report.number, report.user, report.at)
            names = (keys.of_name("contact", report.number), keys.of_name("user", report.user))
            name = known[(report.sender, *names, report.at)]
            before = called.setdefault((report.sender, peer), name)
            self._same("contacts", {report.sender: [before]}, {report.sender: [name]})
            other = meant.setdefault((report.sender, name), peer)
            self._same("contacts", {report.sender: [other]}, {report.sender: [peer]})

        def name_of(sender: str, peer: Peer) -> str | None:
            for name in peer:
                if name[0] == "group":
                    return keys.of_name("group", name[1])
            return called.get((sender, peer))

        return name_of

    def _contacts(self, keys: StoreKeys) -> dict[tuple[str, str | None, str | None, int], str]:
        """The contact of everything that was reported: by sender, names and instant."""
        self.desk.store.execute(
            """
            create or replace temp view asked_names as
            select distinct
                sender_id, contact_key, user_key, occurred_at as instant
            from events
            where contact_key is not null or user_key is not null
            """
        )
        contacts.resolve(self.desk.store, "asked_names", "answered_names")
        found = self.desk.rows(
            """
            select
                sender_id, printf('%032x', contact_key), printf('%032x', user_key),
                epoch(instant)::bigint, printf('%032x', contact)
            from answered_names
            """
        )
        return {(sender, one, other, at): name for sender, one, other, at, name in found}

    def _same(self, what: str, found: Rows, expected: Rows) -> None:
        for sender in sorted({*found, *expected}):
            one, other = found.get(sender, []), expected.get(sender, [])
            if one != other:
                raise StoreDiffersError(what, sender, one, other)


def by_sender(rows: Iterable[tuple[str, Any]]) -> Rows:
    found: Rows = {}
    for sender, row in sorted(rows, key=str):
        found.setdefault(sender, []).append(row)
    return found


FACTS = """
    printf('%032x', message_key), waba_id, printf('%032x', contact_key), printf('%032x', user_key),
    printf('%032x', group_key), epoch(delivered_at)::bigint,
    epoch(failed_at)::bigint, pricing.pricing_model, pricing.pricing_type, pricing.category,
    conversation.origin
"""


def facts_in(desk: Desk, more: str = "", where: str = "true") -> Rows:
    found = desk.rows(f"select sender_id, {FACTS}{more} from deliveries where {where}")
    return by_sender((sender, tuple(row)) for sender, *row in found)


def facts_of(metered: Metered, keys: StoreKeys) -> Rows:
    return by_sender(
        (
            delivery.sender,
            (
                delivery.key,
                delivery.waba,
                keys.of_name("contact", delivery.number),
                keys.of_name("user", delivery.user),
                keys.of_name("group", delivery.group),
                delivery.delivered_at,
                delivery.failed_at,
                delivery.pricing and delivery.pricing.model,
                delivery.pricing and delivery.pricing.type,
                delivery.category,
                delivery.talk and delivery.talk.origin,
            ),
        )
        for delivery in metered.deliveries
    )


def deliveries_in(desk: Desk) -> Rows:
    """What is known of every message that was reported, and what the windows say of it."""
    found = facts_in(
        desk,
        """, epoch(first_at)::bigint, epoch(conversation_expires_at)::bigint,
        in_service_window, in_free_entry_point, entry_point, is_echo
        """,
        "message_key in (select message_key from events where direction = 'outbound')",
    )
    return {sender: [_what_matters(row) for row in rows] for sender, rows in found.items()}


def _what_matters(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of an echo, which is never counted, no more than that it is one."""
    return (row[0], "echo") if row[-1] else row


def deliveries_of(metered: Metered, keys: StoreKeys) -> Rows:
    facts = {row[0]: row for rows in facts_of(metered, keys).values() for row in rows}
    return by_sender(
        (d.sender, _what_matters(_full_row(d, facts[d.key]))) for d in metered.deliveries
    )


def _full_row(delivery: Delivery, facts: tuple[Any, ...]) -> tuple[Any, ...]:
    flags = (delivery.in_service_window, delivery.in_free_entry_point, delivery.entry_point)
    said = flags if delivery.counts else (None, None, None)
    return (*facts, delivery.first_at, delivery.expires_at, *said, delivery.is_echo)


def windows_in(desk: Desk) -> Rows:
    found = desk.rows(
        """
        select
            sender_id, rule, printf('%032x', peer_key), epoch(opened_at)::bigint,
            epoch(closes_at)::bigint, entry_point, printf('%032x', opening_key)
        from windows
        """
    )
    return by_sender((sender, tuple(row)) for sender, *row in found)


def windows_of(metered: Metered, peers: Callable[[str, Peer], str | None]) -> Rows:
    return by_sender(
        (
            w.sender,
            (
                *(w.rule, peers(w.sender, w.peer)),
                *(w.opened_at, w.closes_at, w.entry_point, w.opening_key),
            ),
        )
        for w in metered.windows
    )


def talks_in(desk: Desk) -> Rows:
    found = desk.rows(
        """
        select
            sender_id, printf('%032x', peer_key), category, epoch(opened_at)::bigint,
            epoch(closes_at)::bigint, printf('%032x', opening_key)
        from conversation_windows
        """
    )
    return by_sender((sender, tuple(row)) for sender, *row in found)


def talks_of(talks: Iterable[Conversation], peers: Callable[[str, Peer], str | None]) -> Rows:
    return by_sender(
        (t.sender, (peers(t.sender, t.peer), t.category, t.opened_at, t.closes_at, t.opening_key))
        for t in talks
    )


# One world after another, in any order: small, and shrunk when it fails

WABAS = {"1": "w1", "7": "w3"}
ZONES = {"acme": "Europe/Berlin", "bombay": "Asia/Kolkata", "samoa": "Pacific/Apia"}
MOVES = tuple(date(2026, month, day) for month, day in ((10, 31), (11, 1), (11, 2)))


class Book(RuleBasedStateMachine):
    """A book into which logs are loaded, and whose senders change hands."""

    desk: Desk  # set by the test

    def __init__(self) -> None:
        super().__init__()
        self.desk.clear()
        self.log: list[Json] = []
        self.owners: tuple[Owner, ...] = (Owner("1", None, "acme"), Owner(None, "w3", "samoa"))

    @rule(data=st.data(), count=st.integers(1, 8))
    def load_new(self, data: st.DataObject, count: int) -> None:
        """Messages and their reports, and all that else may happen."""
        self._load(data, count, (*MESSAGES, *REST, *CHANGES), GRID)

    @rule(data=st.data(), count=st.integers(1, 4))
    def load_late(self, data: st.DataObject, count: int) -> None:
        """Messages and calls from the first hours, most likely after what came later."""
        self._load(data, count, ("report", "report", "inbound", "inbound", "call"), EARLY)

    @rule(data=st.data(), count=st.integers(1, 3))
    def load_changes(self, data: st.DataObject, count: int) -> None:
        """User ids and numbers change."""
        self._load(data, count, CHANGES, GRID)

    @rule(data=st.data(), count=st.integers(1, 3))
    def load_entries(self, data: st.DataObject, count: int) -> None:
        """CloudEvents say by which link or website people came."""
        self._put([an_entry(_chooser(data), "1") for _ in range(count)])

    @precondition(lambda self: self.log)
    @rule(data=st.data())
    def load_repeats(self, data: st.DataObject) -> None:
        """What was loaded comes again, in another order and with something new in between."""
        again = data.draw(st.lists(st.sampled_from(self.log), min_size=1, max_size=6))
        new = [self._draw(data, MESSAGES, GRID)]
        self._put(data.draw(st.permutations([*again, *new])))

    @rule(
        account=st.sampled_from(sorted(ZONES)),
        day=st.sampled_from(MOVES),
        is_kept=st.booleans(),
    )
    def move_sender(self, account: str, day: date, is_kept: bool) -> None:
        """From a day on the number belongs to another account, or to that of its waba, or none."""
        after = (Owner("1", None, account, from_day=day),) if is_kept else ()
        waba = (Owner(None, "w1", "bombay", to_day=MOVES[-1]),)
        before = Owner("1", None, "acme", to_day=day)
        self.owners = (before, *after, *waba, Owner(None, "w3", "samoa"))

    def teardown(self) -> None:
        metered = Whole(self.desk, self.log).check(
            conversation_rules=(OF_2022, OF_2023, *OWN_RULES)
        )
        whose = Ownership(self.owners, ZONES, "Europe/Berlin")
        accounts = self.desk.accounts(senders=_senders(self.owners))
        for month in ("2026-10", "2026-11"):
            found = self.desk.usage(month, "account", "category", accounts=accounts)
            assert found == usage(metered, month, whose)

    def _load(
        self, data: st.DataObject, count: int, kinds: Sequence[str], times: Sequence[int]
    ) -> None:
        self._put([self._draw(data, kinds, times) for _ in range(count)])

    def _draw(self, data: st.DataObject, kinds: Sequence[str], times: Sequence[int]) -> Json:
        choose = _chooser(data)
        sender = choose(("1", "1", "1", "7"))
        return of_waba(an_item(choose, sender, kinds, times), WABAS[sender])

    def _put(self, log: Sequence[Json]) -> None:
        for part in by_format(log):
            assert not self.desk.load(*part).quarantined
        self.log += log


def _chooser(data: st.DataObject) -> Choose:
    def choose(choices: Sequence[T], /) -> T:
        return data.draw(st.sampled_from(choices))

    return choose


def _senders(owners: Iterable[Owner]) -> str:
    rows = ["sender_id,waba_id,account_id,valid_from,valid_to"]
    for owner in owners:
        start = "" if owner.from_day == date.min else str(owner.from_day)
        end = "" if owner.to_day == date.max else str(owner.to_day)
        rows.append(",".join((owner.sender or "", owner.waba or "", owner.account, start, end)))
    return "\n".join(rows) + "\n"


def test_the_store_is_what_the_definition_says_after_any_loads(desk: Desk) -> None:
    class OpenBook(Book):
        pass

    OpenBook.desk = desk
    run_state_machine_as_test(
        OpenBook,
        settings=settings(
            max_examples=400 if IS_DEEP else 6,
            stateful_step_count=25 if IS_DEEP else 6,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        ),
    )


# Many worlds side by side: a load costs the same for one and for many


@given(seed=st.integers(0, 2**32))
@settings(
    max_examples=60 if IS_DEEP else 1,
    phases=[Phase.reuse, Phase.generate],  # the failing world is made shorter below
    suppress_health_check=list(HealthCheck),
)
def test_many_small_worlds_are_what_the_definition_says(desk: Desk, seed: int) -> None:
    random, worlds = Random(seed), 400 if IS_DEEP else 150
    kinds = (*MESSAGES, *REST, *CHANGES)
    log = [
        of_waba(an_item(random.choice, f"s{world}", kinds, GRID), f"w-s{world}")
        for world in range(worlds)
        for _ in range(random.randint(1, 30))
    ]
    random.shuffle(log)
    entries = [an_entry(random.choice, f"s{world}") for world in range(worlds)]
    files = [log[0::3], entries, log[1::3], log[2::3]]

    if difference := what_differs(desk, files):
        pytest.fail(explained(desk, [_of(difference.sender, file) for file in files]))


def what_differs(desk: Desk, files: Sequence[Sequence[Json]]) -> StoreDiffersError | None:
    """Load some files into an empty store and compare."""
    desk.clear()
    for file in files:
        assert not (file and desk.load(*file).quarantined)
    try:
        whole = Whole(desk, [webhook for file in files for webhook in file])
        whole.check(conversation_rules=(OF_2022, OF_2023, *OWN_RULES))
    except StoreDiffersError as difference:
        return difference
    return None


def explained(desk: Desk, files: list[list[Json]]) -> str:
    """Leave out what the difference does not need, and say what remains of it."""
    size = None
    while size != (size := sum(map(len, files))):
        for place, file in enumerate(files):
            for webhook in list(file):
                shorter = [one for one in files[place] if one is not webhook]
                fewer = [*files[:place], shorter, *files[place + 1 :]]
                if what_differs(desk, fewer):
                    files = fewer
    lines = [f"file {place}: {line(one)}" for place, file in enumerate(files, 1) for one in file]
    return "\n".join((*lines, str(what_differs(desk, files))))


def _of(sender: str, log: Iterable[Json]) -> list[Json]:
    names = (f'"phone_number_id": "{sender}"', f'"subject": "{sender}"')
    return [one for one in log if any(name in line(one) for name in names)]
