"""Webhooks, CloudEvents and a desk to load them at: what the tests of ingest share."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from metering.account import Accounts, load_accounts
from metering.dimension import Dimension
from metering.ingest import ingest, retry_rows
from metering.learn import LEARNED
from metering.load import Load
from metering.meter import Meter
from metering.period import Month
from metering.settings import Book
from metering.sources.tabular import Mapping, parse_mapping
from metering.store import Store
from metering.usage import usage_by

Json = dict[str, Any]

NOON = 1_790_856_000  # 2026-10-01T12:00:00Z
BRAZIL, GERMANY, INDIA = "5511987654321", "4915112345678", "919812345678"
MARKETING: Json = {
    "billable": True,
    "pricing_model": "PMP",
    "type": "regular",
    "category": "marketing",
}
CBP: Json = {"billable": True, "pricing_model": "CBP", "category": "marketing"}
TABLES = ("loads", "events", *LEARNED, "cloud_events", "quarantine")
BOOK_FILES = {
    "tollbook.toml": """\
[seller]
name = "Seller"
country = "DE"
time_zone = "Europe/Berlin"
currency = "USD"

[store]
threads = 1
""",
    "accounts.csv": """\
account_id,effective_from,name,time_zone
acme,,Acme,
bombay,,Bombay Foods,Asia/Kolkata
samoa,,Samoa Tours,Pacific/Apia
""",
    "senders.csv": """\
sender_id,waba_id,account_id,valid_from,valid_to
1,,acme,,
2,,bombay,,
,w3,samoa,,
""",
    "secret.key": "0123456789abcdef" * 4 + "\n",
}


def seconds(text: str) -> int:
    """Count the seconds to an instant in UTC that is written `2026-10-01T12:00`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def status(message_id: object = "m1", name: str = "delivered", **given: object) -> Json:
    """Report a status of a message to Brazil at noon, unless said otherwise."""
    plain = {"id": message_id, "status": name, "timestamp": str(NOON), "recipient_id": BRAZIL}
    return {**plain, **given}


def message(message_id: str = "i1", **given: object) -> Json:
    """Report an inbound text from Brazil at noon, unless said otherwise."""
    plain = {"id": message_id, "from": BRAZIL, "timestamp": str(NOON), "type": "text"}
    return {**plain, **given}


def change(
    *statuses: object, sender: str | None = "1", field: str = "messages", **value: object
) -> Json:
    """Write a change with statuses and whatever else its value holds."""
    body: Json = {"messaging_product": "whatsapp"}
    if sender is not None:
        body["metadata"] = {"display_phone_number": "15550000000", "phone_number_id": sender}
    if statuses:
        body["statuses"] = list(statuses)
    return {"field": field, "value": {**body, **value}}


def entry(*changes: Json, waba: str | None = "w1") -> Json:
    return {**({"id": waba} if waba is not None else {}), "changes": list(changes)}


def payload(*entries: Json) -> Json:
    return {"object": "whatsapp_business_account", "entry": list(entries)}


def webhook(*statuses: object, waba: str | None = "w1", **given: Any) -> Json:
    """Write a payload of one entry with one change."""
    return payload(entry(change(*statuses, **given), waba=waba))


def cloud_event(event_id: str = "e1", **given: object) -> Json:
    plain = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/devices",
        "type": "device.linked",
        "subject": "acme",
        "time": "2026-10-01T12:00:00Z",
    }
    return {key: value for key, value in {**plain, **given}.items() if value is not None}


def line(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def counts(load: Load) -> Json:
    """Answer the outcomes of a load that are not zero; they must add up to what was read."""
    assert load.state == "loaded", load.why
    load.check()
    found = {
        name: getattr(load, name)
        for name in ("accepted", "duplicates", "reported_again", "ignored", "quarantined")
    }
    return {name: value for name, value in found.items() if value}


@dataclass
class Desk:
    """A book whose store is open, and a folder for files that arrive."""

    book: Book
    store: Store
    inbox: Path
    scratch: Path

    def clear(self) -> None:
        """Empty the store, the scratch folder and what a test wrote into the book."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()
        for table in TABLES:
            self.store.execute(f"delete from {table}")
        for name, content in BOOK_FILES.items():
            (self.book.root / name).write_text(content)

    def write(self, name: str, content: str | bytes) -> str:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def load(self, *lines: object, **given: Any) -> Load:
        """Load a file of these lines."""
        return self.load_file("\n".join(map(line, lines)) + "\n", **given)

    def load_file(
        self,
        content: str | bytes,
        name: str = "log.ndjson",
        *,
        sender: str | None = None,
        mapping: str | None = None,
    ) -> Load:
        """Load a file with this content."""
        (load,) = self.load_names([self.write(name, content)], sender=sender, mapping=mapping)
        return load

    def load_names(
        self, names: Sequence[str], *, sender: str | None = None, mapping: str | None = None
    ) -> list[Load]:
        known = _mapping(mapping)
        return list(ingest(self.store, names, scratch=self.scratch, sender=sender, mapping=known))

    def retry(self, *ids: int, sender: str | None = None, mapping: str | None = None) -> list[Load]:
        chosen = list(ids) or None
        known = _mapping(mapping)
        return retry_rows(self.store, chosen, scratch=self.scratch, sender=sender, mapping=known)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.store.frame(query).rows()

    def deliveries(self, columns: str = "delivered_at") -> list[tuple[Any, ...]]:
        """Answer some columns of what was delivered, sorted."""
        return self.rows(
            f"select {columns} from deliveries where delivered_at is not null order by all"
        )

    def categories(self) -> list[str | None]:
        return [row[0] for row in self.deliveries("pricing.category")]

    def refused(self) -> list[tuple[int | None, str | None, str]]:
        """Answer line, position and reason of what is in quarantine."""
        return self.rows("select line, position, reason from quarantine order by quarantine_id")

    def accounts(self, **files: str) -> Accounts:
        """Read the accounts of the book, after its files were replaced by those given."""
        for name, content in files.items():
            (self.book.root / f"{name}.csv").write_text(content)
        return load_accounts(self.book, self.book.settings())

    def usage(
        self,
        month: str,
        *by: Dimension,
        meter: Meter | str = "deliveries",
        accounts: Accounts | None = None,
    ) -> dict[Any, int]:
        """Count a month: the values of the dimensions (one alone, or a tuple) to the quantity."""
        known = accounts or self.accounts()
        frame = usage_by(self.store, known, Month.parse(month), meter, by)
        return {row[0] if len(by) == 1 else row[:-1]: row[-1] for row in frame.rows()}


def _mapping(text: str | None) -> Mapping | None:
    return None if text is None else parse_mapping(text)
