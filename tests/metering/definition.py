"""What metering must compute, in plain Python: slow, and written from the rules alone.

The rules are docs/decisions 0001 (keys), 0002 (facts), 0003 (time), 0011 (contacts), 0012 (windows)
and 0013 (types); nothing here looks at the store or its SQL. Instants are whole seconds since 1970
in UTC, people are known by their plain numbers and user ids. Where the rules break a tie by a key,
the key is asked of `KeyOf`, so that a test can hand in the keys of a store.

Where a decision is silent, the choice made here stands under the word "silent".
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

Json = dict[str, Any]
Instant = int
Name = tuple[str, ...]  # a user id, or a stretch of a number
Peer = frozenset[Name]  # a contact: all of its names; or a group
KeyOf = Callable[[str, str, str, str], str]  # direction, sender, id, part: what ties are broken by

HOUR = 3600
DATA = Path(__file__).parents[2] / "data"
BEFORE_ALL = -(10**12)  # where the first stretch of a number begins
DELIVERED = ("delivered", "read", "played")
RANKS = ("sent", "delivered", "played", "read")  # whose pricing counts, the last one most
OPENS_NO_WINDOW = ("system", "edit", "revoke", "request_welcome")
ADS = {"ad": "ad", "post": "page_button", "page_button": "page_button"}


# What a log says


@dataclass(frozen=True, kw_only=True)
class Report:
    """Anything that a log says of a person at an instant."""

    sender: str
    at: Instant
    number: str | None = None
    user: str | None = None


@dataclass(frozen=True)
class Pricing:
    """What the network says that a message costs; a field that is empty it did not say."""

    model: str
    type: str
    category: str

    @property
    def content(self) -> tuple[str, ...]:
        return (self.model, self.type, self.category)


@dataclass(frozen=True)
class Talk:
    """The conversation that the network names."""

    id: str
    origin: str
    expires_at: Instant | None

    @property
    def content(self) -> tuple[str, ...]:
        return (self.id, self.origin)


Fact = TypeVar("Fact", Pricing, Talk)


@dataclass(frozen=True, kw_only=True)
class Status(Report):
    """A report of the status of an outbound message."""

    message_id: str
    participant: str = ""  # of a message to a group
    group: str | None = None
    waba: str | None = None
    status: str
    pricing: Pricing | None = None
    talk: Talk | None = None


@dataclass(frozen=True, kw_only=True)
class Message(Report):
    """A message from the user."""

    message_id: str
    type: str
    group: str | None = None
    referral: str | None = None
    new_number: str | None = None  # the person of `number` has this one from now on


@dataclass(frozen=True, kw_only=True)
class Call(Report):
    """A report of a call."""

    call_id: str
    status: str
    is_by_user: bool | None = None  # None: the report does not say


@dataclass(frozen=True, kw_only=True)
class Echo(Report):
    """A message that the business sent by hand, in its app, now (echo) or long ago (history)."""

    message_id: str


@dataclass(frozen=True, kw_only=True)
class UserChange(Report):
    """The network gave a user another id; `user` is the current one."""

    previous: str


@dataclass(frozen=True, kw_only=True)
class Entered(Report):
    """A CloudEvent: by a link or a website somebody came, and may write next."""

    entry_point: str


def read(log: Iterable[Json]) -> set[Report]:
    """Read every report of webhooks and CloudEvents; one that is repeated says nothing new."""
    reports: set[Report] = set()
    for document in log:
        if "specversion" in document:
            reports.update(_entered(document))
        for entry in document.get("entry", []):
            for change in entry["changes"]:
                reports.update(_reports_of(change["value"], entry.get("id")))
    return reports


def _entered(event: Json) -> Iterator[Entered]:
    if event["type"].endswith("conversation.entered"):
        data = event["data"]
        yield Entered(
            sender=data.get("sender_id") or event["subject"],
            at=int(datetime.fromisoformat(event["time"]).timestamp()),
            number=data["contact"].lstrip("+"),
            entry_point=data["entry_point"],
        )


def _reports_of(value: Json, waba: str | None) -> Iterator[Report]:
    contacts = value.get("contacts", [])

    def who(item: Json, number: str, user: str) -> Json:
        """Say whose report it is: the item's fields of these names, else the value's contact."""
        known = {"at": int(item["timestamp"]), "sender": value["metadata"]["phone_number_id"]}
        return {**known, **_person(item.get(number), item.get(user), contacts)}

    for item in value.get("statuses", []):
        if item.get("type") == "call":
            person = who(item, "recipient_id", "recipient_user_id")
            yield Call(**person, call_id=item["id"], status=item["status"].lower())
        elif item.get("recipient_type") == "group":
            yield Status(
                **who(item, "recipient_participant_id", "recipient_participant_user_id"),
                **_report_of_message(item, waba),
                group=item["recipient_id"],
                participant=item.get("recipient_participant_id")
                or item["recipient_participant_user_id"],
            )
        else:
            person = who(item, "recipient_id", "recipient_user_id")
            yield Status(**person, **_report_of_message(item, waba))
    for item in value.get("messages", []):
        yield Message(
            **who(item, "from", "from_user_id"),
            message_id=item["id"],
            type=item["type"],
            group=item.get("group_id"),
            referral=item.get("referral", {}).get("source_type"),
            new_number=item.get("system", {}).get("wa_id"),
        )
    for item in value.get("calls", []):
        is_by_user = item["direction"] == "USER_INITIATED"
        yield Call(
            **who(item, "from" if is_by_user else "to", "user_id"),
            call_id=item["id"],
            status=item["event"],
            is_by_user=is_by_user,
        )
    for item in value.get("message_echoes", []):
        yield Echo(**who(item, "to", "to_user_id"), message_id=item["id"])
    for part in value.get("history", []):
        for thread in part["threads"]:
            for item in thread["messages"]:
                # What the user wrote then opens nothing: the business was not here yet (silent).
                if item["from"] != thread["id"]:
                    person = who({**item, "to": thread["id"]}, "to", "to_user_id")
                    yield Echo(**person, message_id=item["id"])
    for item in value.get("user_id_update", []):
        person = who({**item, "current": item["user_id"]["current"]}, "wa_id", "current")
        yield UserChange(**person, previous=item["user_id"]["previous"])


def _person(number: str | None, user: str | None, contacts: Sequence[Json]) -> Json:
    """Complete what an item says of a person by the contact that it is about."""
    for contact in contacts:
        names = {name for name in (contact.get("wa_id"), contact.get("user_id")) if name}
        if {number, user} & names or not (number or user):
            number, user = number or contact.get("wa_id"), user or contact.get("user_id")
    number = (number or "").lstrip("+")
    if number and not (number.isdigit() and 7 <= len(number) <= 15):
        number, user = "", user or number
    return {"number": number or None, "user": user or None}


def _report_of_message(item: Json, waba: str | None) -> Json:
    pricing = _pricing(item["pricing"]) if "pricing" in item else None
    facts = {"message_id": item["id"], "status": item["status"], "waba": waba, "pricing": pricing}
    return {**facts, "talk": _talk(item, pricing)}


def _pricing(said: Json) -> Pricing:
    """Of the network's own words `subtype` ranks over `type`, and `type` over `billable`."""
    category = said.get("category", "").replace("-", "_")
    unsaid = "free_entry_point" if category == "referral_conversion" else "free_not_billable"
    by_billable = "regular" if said.get("billable") else unsaid
    type_ = said.get("subtype") or said.get("type") or by_billable
    return Pricing(said.get("pricing_model", ""), type_, category)


def _talk(item: Json, pricing: Pricing | None) -> Talk | None:
    """An id means a conversation under conversation-based pricing or in a free entry point only."""
    if "conversation" not in item:
        return None
    said = item["conversation"]
    origin, expires_at = said.get("origin", {}).get("type", ""), said.get("expiration_timestamp")
    is_free = origin == "referral_conversion" or (pricing and pricing.type == "free_entry_point")
    if pricing and pricing.model == "PMP" and not is_free:
        return None
    return Talk(said["id"], origin, int(expires_at) if expires_at else None)


# Deliveries: decisions 0001 and 0002


@dataclass
class Delivery:
    """A message to one recipient, with all that its reports say together."""

    sender: str
    message_id: str
    participant: str
    key: str
    group: str | None
    waba: str | None
    number: str | None
    user: str | None
    first_at: Instant
    delivered_at: Instant | None
    failed_at: Instant | None
    is_echo: bool
    pricing: Pricing | None
    talk: Talk | None
    expires_at: Instant | None
    # What the windows say of it, once it is delivered:
    peer: Peer = frozenset()
    in_service_window: bool = False
    in_free_entry_point: bool = False
    entry_point: str = "none"

    @property
    def at(self) -> Instant:
        """The instant that decides about it."""
        assert self.delivered_at is not None, "only what was delivered has an instant"
        return self.delivered_at

    @property
    def category(self) -> str | None:
        return (self.pricing.category or None) if self.pricing else None

    @property
    def counts(self) -> bool:
        """An echo or a message of the history is not counted, opens nothing and answers nothing."""
        return self.delivered_at is not None and not self.is_echo

    @property
    def is_called_free_entry_point(self) -> bool:
        by_talk = self.talk is not None and self.talk.origin == "referral_conversion"
        return by_talk or (self.pricing is not None and self.pricing.type == "free_entry_point")


def deliveries_of(reports: Iterable[Report], key_of: KeyOf) -> list[Delivery]:
    """Put together what is said of each message; sender, id and participant name a delivery."""
    by_message: dict[tuple[str, str, str], list[Status]] = defaultdict(list)
    echoed = set()
    for report in reports:
        if isinstance(report, Status):
            name = (report.sender, report.message_id, report.participant)
            by_message[name].append(report)
        if isinstance(report, Echo):
            echoed.add((report.sender, report.message_id))
    return [
        _delivery(said, key_of("outbound", *name), is_echo=name[:2] in echoed)
        for name, said in by_message.items()
    ]


def _delivery(said: Sequence[Status], key: str, *, is_echo: bool) -> Delivery:
    telling = [report for report in said if report.status in RANKS]
    telling.sort(key=lambda report: (report.at, RANKS.index(report.status)))
    delivered = [report.at for report in said if report.status in DELIVERED]
    expiries = [r.talk.expires_at for r in telling if r.talk and r.talk.expires_at]
    return Delivery(
        sender=said[0].sender,
        message_id=said[0].message_id,
        participant=said[0].participant,
        key=key,
        group=_greatest(report.group for report in said),
        waba=_greatest(report.waba for report in said),
        number=_greatest(report.number for report in said),
        user=_greatest(report.user for report in said),
        first_at=min(report.at for report in said),
        delivered_at=min(delivered, default=None),
        failed_at=min((report.at for report in said if report.status == "failed"), default=None),
        is_echo=is_echo,
        pricing=_last([(report, report.pricing) for report in telling if report.pricing]),
        talk=_last([(report, report.talk) for report in telling if report.talk]),
        expires_at=max(expiries, default=None),
    )


def _last(told: Sequence[tuple[Status, Fact]]) -> Fact | None:
    """The fact of the last report; of one instant and status, the greater content."""
    if not told:
        return None
    last = told[-1][0]
    facts = [fact for report, fact in told if (report.at, report.status) == (last.at, last.status)]
    return max(facts, key=lambda fact: fact.content)


def _greatest(values: Iterable[str | None]) -> str | None:
    return max((value for value in values if value), default=None)


# Contacts: decision 0011


class Contacts:
    """Who is who for one sender."""

    def __init__(self, reports: Iterable[Report]) -> None:
        together: dict[tuple[str, str], Instant] = {}
        number_changes: list[tuple[str, str, Instant]] = []
        user_changes: list[tuple[str, str]] = []
        for report in reports:
            number = report.number
            if isinstance(report, Message) and report.new_number:
                number = report.new_number  # the user id goes with the number that is new
            if number and report.user:
                pair = (number, report.user)
                together[pair] = min(report.at, together.get(pair, report.at))
            if isinstance(report, Message) and report.number and report.new_number:
                number_changes.append((report.number, report.new_number, report.at))
            if isinstance(report, UserChange) and report.user:
                user_changes.append((report.previous, report.user))
        self._begins = _stretches(together, number_changes)
        self._links: list[tuple[Name, Name]] = []
        for (number, user), at in together.items():
            self._links.append((("user", user), self._stretch(number, at)))
        for previous, current in user_changes:
            self._links.append((("user", previous), ("user", current)))
        for old, new, at in number_changes:
            ended = self._stretch(old, at - 1)
            self._links.append((ended, self._stretch(new, at)))

    def of(self, number: str | None, user: str | None, at: Instant) -> Peer:
        """The contact that a report at an instant belongs to; of no name, nobody."""
        if user:
            return self._connected(("user", user))
        if number:
            return self._connected(self._stretch(number, at))
        return frozenset()

    def _stretch(self, number: str, at: Instant) -> Name:
        begins = self._begins.get(number, [BEFORE_ALL])
        return ("number", number, str(max(begin for begin in begins if begin <= at)))

    def _connected(self, name: Name) -> Peer:
        found, waiting = {name}, [name]
        while waiting:
            one = waiting.pop()
            for pair in self._links:
                if one in pair:
                    new = set(pair) - found
                    found |= new
                    waiting += new
        return frozenset(found)


def _stretches(
    together: dict[tuple[str, str], Instant], number_changes: list[tuple[str, str, Instant]]
) -> dict[str, list[Instant]]:
    """Where the stretches of each number begin.

    Users that are first reported with a number at the same instant count as one: neither is
    earlier, and only instants decide (silent).
    """
    begins: dict[str, list[Instant]] = {}
    numbers = {number for number, _ in together}
    for number in numbers | {name for old, new, _ in number_changes for name in (old, new)}:
        cuts = {at for old, new, at in number_changes if number in (old, new)}
        edges = [BEFORE_ALL, *sorted(cuts), -BEFORE_ALL]
        begins[number] = edges[:-1]
        for start, end in pairwise(edges):
            firsts = {
                at for (named, _), at in together.items() if named == number and start <= at < end
            }
            begins[number] += sorted(firsts)[1:]
    return begins


# Windows: decision 0012


@dataclass
class Window:
    """A service window or a free entry point."""

    rule: Literal["service_window", "free_entry_point"]
    sender: str
    peer: Peer
    opened_at: Instant
    closes_at: Instant
    entry_point: str
    opening_key: str  # of the message or call, or of the delivery that is the answer

    def holds(self, at: Instant) -> bool:
        return self.opened_at <= at < self.closes_at


@dataclass(frozen=True, order=True)
class Touch:
    """Something of the user's that opens or prolongs a service window."""

    at: Instant
    key: str
    entry_point: str = "none"


@dataclass(frozen=True, order=True)
class Ad:
    """A message by which a user came through an ad."""

    at: Instant
    key: str
    entry_point: str


def service_windows(sender: str, peer: Peer, touches: Iterable[Touch]) -> list[Window]:
    windows: list[Window] = []
    for touch in sorted(touches):
        if windows and windows[-1].holds(touch.at):
            windows[-1].closes_at = touch.at + _length("service_window", windows[-1].opened_at)
        else:
            closes_at = touch.at + _length("service_window", touch.at)
            opened = (touch.at, closes_at, touch.entry_point, touch.key)
            windows.append(Window("service_window", sender, peer, *opened))
    return windows


def free_entry_points(
    sender: str, peer: Peer, ads: Iterable[Ad], deliveries: Sequence[Delivery]
) -> list[Window]:
    """Open them for one contact; `deliveries` are those to the contact, outside groups."""
    answered = []
    for ad in ads:
        in_time = ad.at + _length("free_entry_point_answer", ad.at)
        answers = [d for d in deliveries if d.first_at >= ad.at and ad.at <= d.at < in_time]
        if answers:
            answer = min(answers, key=lambda d: (d.at, d.key))
            answered.append((answer.at, answer.key, ad, answer))
    windows: list[Window] = []
    for _, _, ad, answer in sorted(answered, key=lambda found: found[:3]):
        if windows and windows[-1].holds(answer.at):
            continue  # the ad is spent
        closes_at = answer.at + _length("free_entry_point", answer.at)
        said = answer.expires_at if answer.is_called_free_entry_point else None
        if said is not None and said > answer.at:
            closes_at = said
        opened = (answer.at, closes_at, ad.entry_point, answer.key)
        windows.append(Window("free_entry_point", sender, peer, *opened))
    return windows


def _length(rule: str, at: Instant) -> int:
    """The length in force at an instant; its days begin at midnight in UTC (silent)."""
    hours = 0
    with (DATA / "window_lengths.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):  # in the order of their days
            if row["rule"] == rule and _day(row["effective_from"]) <= at:
                hours = int(row["hours"])
    assert hours, f"no length of {rule} is in force"
    return hours * HOUR


def _day(text: str) -> Instant:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# All of it


@dataclass
class Metered:
    """What a log comes to."""

    deliveries: list[Delivery]
    windows: list[Window]
    messages: list[tuple[Peer, Message, str]]  # of users, that can open a window; and their keys
    contacts: dict[str, Contacts] = field(default_factory=dict)

    def of_peer(self, sender: str, peer: Peer) -> list[Delivery]:
        """The deliveries to a contact or group in the order of time."""
        found = [d for d in self.deliveries if d.counts and (d.sender, d.peer) == (sender, peer)]
        return sorted(found, key=lambda d: (d.at, d.key))

    def peers(self) -> set[tuple[str, Peer]]:
        of_messages = {(message.sender, peer) for peer, message, _ in self.messages}
        return of_messages | {(d.sender, d.peer) for d in self.deliveries if d.counts}


def plain_key(direction: str, sender: str, name: str, part: str) -> str:
    """A key for those who have no store at hand."""
    return "/".join((direction, sender, name, part))


def meter(log: Iterable[Json], key_of: KeyOf = plain_key) -> Metered:
    """Compute deliveries, contacts and windows, and what the windows say of each delivery."""
    reports = read(log)
    by_sender: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        by_sender[report.sender].append(report)
    whole = Metered([], [], [])
    for sender, said in by_sender.items():
        one = _meter_sender(sender, said, key_of)
        whole.deliveries += one.deliveries
        whole.windows += one.windows
        whole.messages += one.messages
        whole.contacts |= one.contacts
    return whole


def _meter_sender(sender: str, reports: Sequence[Report], key_of: KeyOf) -> Metered:
    contacts = Contacts(reports)

    def peer_of(one: Message | Call | Delivery, at: Instant) -> Peer:
        group = None if isinstance(one, Call) else one.group
        return group_peer(group) if group else contacts.of(one.number, one.user, at)

    deliveries = deliveries_of(reports, key_of)
    for delivery in deliveries:
        if delivery.delivered_at is not None:
            delivery.peer = peer_of(delivery, delivery.delivered_at)
    messages = [
        (peer_of(report, report.at), report, _key_of_message(report, key_of))
        for report in reports
        if isinstance(report, Message) and report.type not in OPENS_NO_WINDOW
    ]
    entered: dict[Peer, list[Entered]] = defaultdict(list)
    for report in reports:
        if isinstance(report, Entered):
            entered[contacts.of(report.number, report.user, report.at)].append(report)
    touches: dict[Peer, list[Touch]] = defaultdict(list)
    ads: dict[Peer, list[Ad]] = defaultdict(list)
    for peer, message, key in messages:
        source = message.referral
        came_from = ADS.get(source, source) if source else came_by(entered[peer], message.at)
        touches[peer].append(Touch(message.at, key, came_from))
        if source in ADS and not message.group:
            ads[peer].append(Ad(message.at, key, ADS[source]))
    for call in opening_calls(report for report in reports if isinstance(report, Call)):
        peer, key = peer_of(call, call.at), key_of("call", sender, call.call_id, "")
        # Who came by a link and calls has come by that link too (silent).
        touches[peer].append(Touch(call.at, key, came_by(entered[peer], call.at)))
    metered = Metered(deliveries, [], messages, {sender: contacts})
    for peer, of_peer in touches.items():
        if peer:  # nobody has no window
            metered.windows += service_windows(sender, peer, of_peer)
            answers = metered.of_peer(sender, peer)
            metered.windows += free_entry_points(sender, peer, ads[peer], answers)
    for delivery in deliveries:
        _look_at_windows(delivery, metered.windows)
    return metered


def opening_calls(reports: Iterable[Call]) -> list[Call]:
    """The reports of calls that open or prolong a service window.

    A call that the user makes does so at its earliest report, and one that the user accepts when
    that is reported first (silent: it could be the earliest report of that call too).
    """
    by_call: dict[str, list[Call]] = defaultdict(list)
    for report in reports:
        by_call[report.call_id].append(report)
    opening = []
    for said in by_call.values():
        said.sort(key=lambda report: report.at)
        accepted = [report for report in said if report.status == "accepted"]
        if any(report.is_by_user for report in said):
            opening.append(said[0])
        elif accepted:
            opening.append(accepted[0])
    return opening


def came_by(entered: Iterable[Entered], at: Instant) -> str:
    """Where a contact that says nothing of it came from: the last place in less than a day."""
    before = [entry for entry in entered if at - 24 * HOUR < entry.at <= at]
    return max(before, key=lambda entry: entry.at).entry_point if before else "none"


def group_peer(group: str) -> Peer:
    return frozenset({("group", group)})


def _key_of_message(message: Message, key_of: KeyOf) -> str:
    return key_of("inbound", message.sender, message.message_id, message.type)


def _look_at_windows(delivery: Delivery, windows: Iterable[Window]) -> None:
    if delivery.delivered_at is None or not delivery.peer:
        return
    around = [
        window
        for window in windows
        if window.peer == delivery.peer and window.holds(delivery.delivered_at)
    ]
    for window in around:
        delivery.in_service_window |= window.rule == "service_window"
        delivery.in_free_entry_point |= window.rule == "free_entry_point"
    around.sort(key=lambda window: window.rule)  # a free entry point says it before the other
    delivery.entry_point = around[0].entry_point if around else "none"


# Conversations: decision 0012


@dataclass(frozen=True)
class Rule:
    """How a seller cuts messages into conversations."""

    name: str
    hours: int = 24
    opener: Literal["business", "user", "any"] = "business"
    each: Literal["contact", "contact_and_category"] = "contact"


@dataclass(frozen=True)
class Conversation:
    """A stretch of messages that count once."""

    sender: str
    peer: Peer
    category: str | None
    opened_at: Instant
    closes_at: Instant
    opening_key: str

    def holds(self, at: Instant) -> bool:
        return self.opened_at <= at < self.closes_at


def conversations(metered: Metered, rule: Rule) -> list[Conversation]:
    """Cut the deliveries (and, of a seller's own rule, messages) of each contact or group."""
    found = []
    for sender, peer in metered.peers():
        if peer:  # nobody has no conversation
            match rule.name:
                case "whatsapp-2022":
                    found += _by_network(metered, sender, peer, rule.name, _who_began)
                case "whatsapp-2023-06":
                    found += _by_network(metered, sender, peer, rule.name, _its_category)
                case _:
                    found += _by_own_rule(metered, sender, peer, rule)
    return found


Opens = Callable[[Delivery, list[Conversation]], str | None]


def _who_began(delivery: Delivery, is_open: list[Conversation]) -> str | None:
    if is_open:
        return None
    return "user_initiated" if delivery.in_service_window else "business_initiated"


def _its_category(delivery: Delivery, is_open: list[Conversation]) -> str | None:
    """The category that a delivery opens a conversation of, None where it opens none."""
    category = delivery.category
    if category == "service":
        return None if is_open else "service"
    return None if category in [talk.category for talk in is_open] else category


def _by_network(
    metered: Metered, sender: str, peer: Peer, rule: str, opens: Opens
) -> list[Conversation]:
    """A free entry point is a conversation, closes the others, and none opens until it ends."""
    free = [
        Conversation(
            sender, peer, "free_entry_point", window.opened_at, window.closes_at, window.opening_key
        )
        for window in metered.windows
        if (window.rule, window.sender, window.peer) == ("free_entry_point", sender, peer)
    ]
    talks: list[Conversation] = []
    for delivery in metered.of_peer(sender, peer):
        if any(talk.holds(delivery.at) for talk in free):
            continue
        category = opens(delivery, [talk for talk in talks if talk.holds(delivery.at)])
        if category is not None:
            ends = [talk.opened_at for talk in free if talk.opened_at > delivery.at]
            closes_at = min([delivery.at + _length(rule, delivery.at), *ends])
            talks.append(Conversation(sender, peer, category, delivery.at, closes_at, delivery.key))
    return free + talks


def _by_own_rule(metered: Metered, sender: str, peer: Peer, rule: Rule) -> list[Conversation]:
    """Let deliveries, messages of the user, or both open; the latter have no category.

    What the user writes opens one where it would open a service window; calls do not, free entry
    points change nothing, and no category is one of its own (silent).
    """
    openers: list[tuple[Instant, str, str | None]] = []
    if rule.opener in ("business", "any"):
        openers += [(d.at, d.key, d.category) for d in metered.of_peer(sender, peer)]
    if rule.opener in ("user", "any"):
        written = [(m, key) for who, m, key in metered.messages if who == peer]
        openers += [(m.at, key, None) for m, key in written if m.sender == sender]
    talks: list[Conversation] = []
    for at, key, category in sorted(openers, key=lambda opener: opener[:2]):
        is_open = [talk for talk in talks if talk.holds(at)]
        if rule.each == "contact_and_category":
            is_open = [talk for talk in is_open if talk.category == category]
        if not is_open:
            closes_at = at + rule.hours * HOUR
            talks.append(Conversation(sender, peer, category, at, closes_at, key))
    return talks


# What kind of charge: decision 0013


def derived_type(delivery: Delivery, day: date) -> str:
    """The type of a delivery by its windows; whose day it is, is for the caller to say (silent)."""
    column = "outside"
    if delivery.in_service_window:
        column = "in_service_window"
    if delivery.in_free_entry_point:
        column = "in_free_entry_point"
    found = "unknown"
    with (DATA / "pricing_types.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):  # of one category in the order of their days
            is_in_force = date.fromisoformat(row["effective_from"]) <= day
            if row["category"] == delivery.category and is_in_force:
                found = row[column]
    return found


# Usage: decision 0003


@dataclass(frozen=True)
class Owner:
    """A row of senders.csv: it names a sender or a waba; `to_day` is exclusive."""

    sender: str | None
    waba: str | None
    account: str
    from_day: date = date.min
    to_day: date = date.max

    def owns(self, delivery: Delivery, zone: str) -> bool:
        is_named = delivery.sender == self.sender or (
            self.sender is None and delivery.waba is not None and delivery.waba == self.waba
        )
        is_begun = self.from_day == date.min or begin(self.from_day, zone) <= delivery.at
        is_ended = self.to_day != date.max and begin(self.to_day, zone) <= delivery.at
        return is_named and is_begun and not is_ended


@dataclass(frozen=True)
class Ownership:
    """Whose senders are whose, and in which zone everyone's months begin."""

    owners: Sequence[Owner]
    zones: dict[str, str]  # by account
    seller_zone: str

    def account_of(self, delivery: Delivery) -> str | None:
        """The owner of the sender at the delivery: a row for the number beats one for the waba."""
        rows = [row for row in self.owners if row.owns(delivery, self.seller_zone)]
        rows.sort(key=lambda row: row.sender is None)
        return rows[0].account if rows else None


def usage(metered: Metered, month: str, whose: Ownership) -> dict[tuple[Any, Any], int]:
    """Count the deliveries of a month by account (None: nobody's) and category (None: unknown)."""
    found: Counter[tuple[Any, Any]] = Counter()
    first = date.fromisoformat(f"{month}-01")
    after = (first + timedelta(days=31)).replace(day=1)
    for delivery in metered.deliveries:
        if delivery.counts:
            account = whose.account_of(delivery)
            zone = whose.zones[account] if account else whose.seller_zone
            if begin(first, zone) <= delivery.at < begin(after, zone):
                found[account, delivery.category] += 1
    return dict(found)


def begin(day: date, zone: str) -> Instant:
    """The instant at which a day begins: the first of two midnights, or the end of a gap."""
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())
