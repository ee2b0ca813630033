"""Events and deliveries written straight into a store: what the tests of trust share.

A delivery says itself which windows it lies in, so that a test can plant any disagreement.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from metering.account import Accounts, load_accounts
from metering.settings import Book
from metering.store import Store
from tests.metering.builders import BOOK_FILES

AT = datetime.fromisoformat("2026-10-05T12:00")
DELIVERY: dict[str, tuple[Any, pl.DataType]] = {
    "message_key": (0, pl.Int64()),
    "channel": ("whatsapp", pl.String()),
    "sender_id": ("1", pl.String()),
    "waba_id": (None, pl.String()),
    "contact_key": (77, pl.Int64()),
    "user_key": (None, pl.Int64()),
    "id_key": (None, pl.Int64()),
    "place": ("2|49|DE", pl.String()),
    "first_at": (AT, pl.Datetime("us")),
    "delivered_at": (AT, pl.Datetime("us")),
    "is_echo": (False, pl.Boolean()),
    "category": ("marketing", pl.String()),
    "pricing_type": ("regular", pl.String()),
    "pricing_model": ("PMP", pl.String()),
    "conversation_key": (None, pl.Int64()),
    "in_service_window": (False, pl.Boolean()),
    "in_free_entry_point": (False, pl.Boolean()),
}
EVENT: dict[str, tuple[Any, pl.DataType]] = {
    "message_key": (0, pl.Int64()),
    "direction": ("inbound", pl.String()),
    "status": ("received", pl.String()),
    "occurred_at": (AT, pl.Datetime("us")),
    "channel": ("whatsapp", pl.String()),
    "sender_id": ("1", pl.String()),
    "waba_id": (None, pl.String()),
    "contact_key": (None, pl.Int64()),
    "user_key": (None, pl.Int64()),
    "category": (None, pl.String()),
    "data": (None, pl.String()),
}
CLOUD_EVENT: dict[str, tuple[Any, pl.DataType]] = {
    "event_key": (0, pl.Int64()),
    "source": ("/shop", pl.String()),
    "event_id": ("e", pl.String()),
    "type": ("consent.opted_in", pl.String()),
    "subject": (None, pl.String()),
    "occurred_at": (AT, pl.Datetime("us")),
    "data": (None, pl.String()),
}
PUT_DELIVERIES = """
    insert into deliveries by name
    select
        arrived.* exclude (category, pricing_type, pricing_model, conversation_key),
        case
            when coalesce(category, pricing_type, pricing_model) is not null then {
                rank: 1,
                pricing_model: pricing_model,
                pricing_type: pricing_type,
                category: category
            }
        end as pricing,
        case
            when conversation_key is not null
                then {rank: 1, conversation_key: conversation_key::uhugeint, origin: null}
        end as conversation
    from arrived
"""


@dataclass
class Rows:
    """A book with an open store, and rows on their way into it."""

    book: Book
    store: Store
    waiting: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def clear(self) -> None:
        self.waiting.clear()
        for table in ("events", "deliveries", "cloud_events", "contacts"):
            self.store.execute(f"delete from {table}")
        for name, content in BOOK_FILES.items():
            (self.book.root / name).write_text(content)

    def delivery(self, key: int, at: datetime = AT, **given: Any) -> None:
        """A delivery; its first report is of the same instant unless said otherwise."""
        self._add("deliveries", message_key=key, **{"delivered_at": at, "first_at": at, **given})

    def event(self, direction: str = "inbound", at: datetime = AT, **given: Any) -> None:
        self._add("events", direction=direction, occurred_at=at, **given)

    def cloud_event(self, kind: str, at: datetime = AT, **given: Any) -> None:
        number = len(self.waiting.get("cloud_events", ()))
        self._add("cloud_events", event_key=number, type=kind, occurred_at=at, **given)

    def write(self) -> None:
        """Put what is waiting into the store."""
        shapes = {"deliveries": DELIVERY, "events": EVENT, "cloud_events": CLOUD_EVENT}
        for table, rows in self.waiting.items():
            shape = shapes[table]
            schema = {name: kind for name, (_, kind) in shape.items()}
            self.store.put("arrived", pl.DataFrame(rows, schema, orient="row"))
            if table == "deliveries":
                self.store.execute(PUT_DELIVERIES)
            else:
                self.store.execute(
                    f"insert into {table} by name select 1 as load_id, * from arrived"
                )
        self.waiting.clear()

    def accounts(self, **files: str) -> Accounts:
        """Read the accounts of the book, after its files were replaced by those given."""
        for name, content in files.items():
            (self.book.root / f"{name}.csv").write_text(content)
        return load_accounts(self.book, self.book.settings())

    def _add(self, table: str, **given: Any) -> None:
        shapes = {"deliveries": DELIVERY, "events": EVENT, "cloud_events": CLOUD_EVENT}
        plain = {name: value for name, (value, _) in shapes[table].items()}
        unknown = given.keys() - plain.keys()
        assert not unknown, unknown
        self.waiting.setdefault(table, []).append({**plain, **given})


@contextmanager
def open_rows(root: Path) -> Iterator[Rows]:
    """Make a book with an empty store, and keep it open."""
    root.mkdir(parents=True)
    for name, content in BOOK_FILES.items():
        (root / name).write_text(content)
    book = Book.at(root)
    with Store.open(book, book.settings(), "write") as store:
        yield Rows(book, store)
