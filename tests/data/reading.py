"""A slow and plain reader of the sample's logs: deliveries, contacts, windows.

It shares nothing with the generator but the shapes, and nothing with the product but the rules of
docs/decisions/0011 and 0012.
"""

import csv
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import zstandard

DATA = Path(__file__).parents[2] / "data"
ARRIVED = ("delivered", "read", "played")
HOUR_S = 3600
DAY_S = 24 * HOUR_S
OPENS_NOTHING = ("system", "edit", "revoke", "request_welcome")
AD_SOURCES = ("ad", "post", "page_button")

Json = dict[str, Any]
Key = tuple[str, str, str | None]  # sender, message id, participant of a group
Peer = tuple[str, str]  # sender, and what a contact or group is known by


def read_text(path: Path) -> str:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    if path.suffix == ".zst":
        with zstandard.open(path, "rt", encoding="utf-8") as file:
            return io.StringIO(file.read()).read()
    return path.read_text(encoding="utf-8")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass
class Log:
    """All the webhooks that a folder of logs holds, read line by line."""

    payloads: list[tuple[str, Json]] = field(default_factory=list)  # file, payload
    lines: list[str] = field(default_factory=list)
    entries: list[Json] = field(default_factory=list)  # CloudEvents: where contacts came from

    def changes(self) -> Iterator[tuple[Json, str, Json]]:
        """Entry, field and value of each change."""
        for _, payload in self.payloads:
            for entry in payload["entry"]:
                for change in entry["changes"]:
                    yield entry, change["field"], change["value"]

    def values(self, name: str = "messages") -> Iterator[Json]:
        for _, of, value in self.changes():
            if of == name:
                yield value

    def statuses(self) -> Iterator[tuple[str, Json]]:
        for value in self.values():
            for status in value.get("statuses", []):
                yield sender_of(value), status

    def messages(self) -> Iterator[tuple[str, Json]]:
        for value in self.values():
            for message in value.get("messages", []):
                yield sender_of(value), message

    def items(self, name: str, array: str) -> Iterator[tuple[str, Json]]:
        for value in self.values(name):
            for item in value.get(array, []):
                yield sender_of(value), item

    @cached_property
    def reports(self) -> dict[Key, list[Json]]:
        """The statuses of each message and recipient."""
        found: dict[Key, list[Json]] = defaultdict(list)
        for sender, status in self.statuses():
            found[sender, status["id"], status.get("recipient_participant_id")].append(status)
        return found

    @cached_property
    def contacts(self) -> "Contacts":
        return Contacts(self)


def sender_of(value: Json) -> str:
    return str(value["metadata"]["phone_number_id"])


def read_log(book: Path) -> Log:
    log = Log()
    for path in sorted((book / "logs").glob("whatsapp-*")):
        text = read_text(path)
        if path.suffix == ".json":
            content = json.loads(text)
            payloads = content if isinstance(content, list) else [content]
        else:
            payloads = [json.loads(line) for line in text.splitlines()]
            log.lines += text.splitlines()
        log.payloads += [(path.name, payload) for payload in payloads]
    for path in (book / "logs").glob("entries-*"):
        log.entries += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return log


class Contacts:
    """Which numbers and user ids of a sender's contacts are one; no number of the sample recurs."""

    def __init__(self, log: Log) -> None:
        self._parents: dict[Peer, Peer] = {}
        for _, field_name, value in log.changes():
            if "metadata" not in value:
                continue
            sender = sender_of(value)
            for contact in value.get("contacts", []):
                self._join(sender, contact.get("wa_id"), contact.get("user_id"))
            for status in value.get("statuses", []):
                self._join(sender, status.get("recipient_id"), status.get("recipient_user_id"))
            for message in value.get("messages", []):
                self._join(sender, message.get("from"), message.get("from_user_id"))
                system = message.get("system", {})
                new_number = system.get("wa_id") or system.get("new_wa_id")
                self._join(sender, message.get("from"), new_number)
            if field_name == "user_id_update":
                for update in value["user_id_update"]:
                    self._join(sender, update["user_id"]["previous"], update["user_id"]["current"])

    def of(self, sender: str, name: str) -> Peer:
        peer = (sender, name)
        while (parent := self._parents.get(peer, peer)) != peer:
            peer = parent
        return peer

    def _join(self, sender: str, one: str | None, other: str | None) -> None:
        if one and other:
            self._parents[self.of(sender, one)] = self.of(sender, other)


@dataclass(frozen=True)
class Delivery:
    """What the log says of a message that reached a recipient."""

    peer: Peer
    is_group: bool
    first_s: int
    at_s: int
    country: str
    category: str | None
    pricing_type: str | None
    entry_closes_s: int | None


def delivered(log: Log) -> dict[Key, Delivery]:
    """Read deliveries as a person would: earliest arrival, latest pricing, longest prefix."""
    countries = {
        row["calling_code"] + row["area_prefix"]: row["country"]
        for row in rows_of(DATA / "markets.csv")
    }
    found = {}
    for key, statuses in log.reports.items():
        arrived = [int(s["timestamp"]) for s in statuses if s["status"] in ARRIVED]
        if arrived:
            first = statuses[0]
            name = first.get("recipient_id") or first["recipient_user_id"]
            is_group = first.get("recipient_type") == "group"
            category, kind = _priced(statuses)
            found[key] = Delivery(
                (key[0], name) if is_group else log.contacts.of(key[0], name),
                is_group,
                min(int(s["timestamp"]) for s in statuses),
                min(arrived),
                _country_of(first, countries),
                category,
                kind,
                _entry_closes(statuses),
            )
    return found


def _priced(statuses: list[Json]) -> tuple[str | None, str | None]:
    told = [(int(s["timestamp"]), s["pricing"]) for s in statuses if "pricing" in s]
    if not told:
        return None, None
    pricing = max(told, key=lambda item: item[0])[1]
    kind = pricing.get("type") or ("regular" if pricing["billable"] else None)
    return pricing["category"].replace("-", "_"), kind


def _entry_closes(statuses: list[Json]) -> int | None:
    for status in statuses:
        conversation = status.get("conversation", {})
        if conversation.get("origin", {}).get("type") == "referral_conversion":
            return int(conversation["expiration_timestamp"])
    return None


def _country_of(status: Json, countries: dict[str, str]) -> str:
    number = status.get("recipient_participant_id") or status.get("recipient_id")
    if not number:
        return str(status["recipient_user_id"].split(".")[0])
    return next(
        countries[number[:length]]
        for length in range(len(number), 0, -1)
        if number[:length] in countries
    )


@dataclass(frozen=True)
class Window:
    opened_s: int
    closes_s: int
    source: str

    def holds(self, at_s: int) -> bool:
        return self.opened_s <= at_s < self.closes_s


def service_windows(log: Log) -> dict[Peer, list[Window]]:
    """Each chain of messages and calls of a contact that are less than a day apart."""
    entered: dict[Peer, list[tuple[int, str]]] = defaultdict(list)
    for event in log.entries:
        peer = log.contacts.of(event["subject"], event["data"]["contact"])
        at_s = int(datetime.fromisoformat(event["time"]).timestamp())
        entered[peer].append((at_s, event["data"]["entry_point"]))
    heard: dict[Peer, set[tuple[int, str]]] = defaultdict(set)
    for sender, message in log.messages():
        if message["type"] not in OPENS_NOTHING:
            peer, at_s = _writer(log, sender, message), int(message["timestamp"])
            source = source_of(message)
            came = [place for since, place in entered[peer] if since <= at_s < since + DAY_S]
            heard[peer].add((at_s, came[-1] if source == "none" and came else source))
    for sender, call in log.items("calls", "calls"):
        if call["direction"] == "USER_INITIATED" and call["event"] == "connect":
            heard[log.contacts.of(sender, call["from"])].add((int(call["timestamp"]), "none"))
    for sender, status in log.items("calls", "statuses"):
        if status["status"] == "ACCEPTED":
            peer = log.contacts.of(sender, status["recipient_id"])
            heard[peer].add((int(status["timestamp"]), "none"))
    windows: dict[Peer, list[Window]] = defaultdict(list)
    for peer, openings in heard.items():
        for at_s, source in sorted(openings):
            last = windows[peer][-1] if windows[peer] else None
            if last and last.holds(at_s):
                windows[peer][-1] = Window(last.opened_s, at_s + DAY_S, last.source)
            else:
                windows[peer].append(Window(at_s, at_s + DAY_S, source))
    return windows


def entry_points(log: Log, deliveries: dict[Key, Delivery]) -> dict[Peer, list[Window]]:
    """Free entry points: an ad message and the delivery that answers it within a day."""
    sent: dict[Peer, list[Delivery]] = defaultdict(list)
    for delivery in deliveries.values():
        sent[delivery.peer].append(delivery)
    ads = {
        (
            _writer(log, sender, message),
            int(message["timestamp"]),
            source_of(message),
        )
        for sender, message in log.messages()
        if message.get("referral", {}).get("source_type") in AD_SOURCES
    }
    answered = []
    for peer, at_s, source in ads:
        answers = [
            (delivery.at_s, delivery.entry_closes_s or delivery.at_s + 72 * HOUR_S)
            for delivery in sent[peer]
            if delivery.first_s >= at_s and delivery.at_s < at_s + DAY_S
        ]
        if answers:
            answered.append((*min(answers), at_s, peer, source))
    windows: dict[Peer, list[Window]] = defaultdict(list)
    for opened_s, closes_s, _, peer, source in sorted(answered):
        if not any(window.holds(opened_s) for window in windows[peer]):
            windows[peer].append(Window(opened_s, closes_s, source))
    return windows


def source_of(message: Json) -> str:
    source = str(message.get("referral", {}).get("source_type", "none"))
    return "page_button" if source == "post" else source


def _writer(log: Log, sender: str, message: Json) -> Peer:
    if "group_id" in message:
        return sender, message["group_id"]
    return log.contacts.of(sender, message.get("from") or message["from_user_id"])
