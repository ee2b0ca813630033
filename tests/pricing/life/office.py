"""An office: a small book on disk that is loaded, billed and issued as people do it."""

import json
import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from click.testing import CliRunner, Result

from metering.ingest import ingest
from metering.period import Month
from metering.settings import Book
from metering.store import Store, scratch
from pricing.archive import Archive
from pricing.life.issued import document_of, issued_content
from tests.metering.builders import BRAZIL, GERMANY, Json, line, webhook
from tollbook import main

BERLIN = ZoneInfo("Europe/Berlin")
SETTINGS = """\
[seller]
name = "Seller"
country = "DE"
time_zone = "Europe/Berlin"
currency = "EUR"

[store]
threads = 1

[invoicing]
"""
FILES = {
    "tollbook.toml": SETTINGS,
    "accounts.csv": "account_id,name\nacme,Acme\nbistro,Bistro\n",
    "senders.csv": "sender_id,account_id\n1,acme\n2,bistro\n",
    "subscriptions.csv": "account_id,plan\nacme,plain\nbistro,plain\n",
    "secret.key": "0123456789abcdef" * 4 + "\n",
}
PEOPLE = {"BR": BRAZIL, "DE": GERMANY}


def plan(*charges: str, name: str = "plain", head: str = "", tail: str = "") -> str:
    """Write a plan in euro of one version; messages cost 0.10 each unless charges are given."""
    listed = charges or ('name = "messages"\nmeter = "deliveries"\n' + per_unit("0.10"),)
    body = "".join(f"[[version.charge]]\n{charge}\n" for charge in listed)
    return f'plan = "{name}"\ncurrency = "EUR"\n[[version]]\n{head}\n{body}{tail}'


def per_unit(unit_price: str) -> str:
    return f'price = {{ kind = "per_unit", unit_price = {unit_price} }}'


class Office:
    """A book of two accounts on a plain plan, and what people do with it."""

    def __init__(self, root: Path, **files: str) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.book = Book(root)
        self._inbox = root.with_name(f"{root.name}-inbox")
        self._inbox.mkdir(exist_ok=True)
        self._numbers = count(1)
        for name, content in {**FILES, "plans/plain.toml": plan()}.items():
            self.write(name, content)
        for name, content in files.items():
            self.write(f"{name}.csv", content)

    def write(self, name: str, content: str) -> None:
        """Write a file of the book."""
        path = self.book.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def invoicing(self, text: str) -> None:
        """Write the settings of invoicing."""
        self.write("tollbook.toml", SETTINGS + text)

    # What happens

    def send(
        self, number: int, day: str, sender: str = "1", to: str = "BR", category: str = "marketing"
    ) -> list[Json]:
        """Report messages that were delivered on a day, a second apart, from noon in Berlin."""
        noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=BERLIN)
        pricing = {
            **{"billable": True, "pricing_model": "PMP", "type": "regular"},
            "category": category,
        }
        found = []
        for place in range(number):
            at = noon + timedelta(seconds=place)
            status = {
                "id": f"wamid.{next(self._numbers)}",
                "status": "delivered",
                "timestamp": str(int(at.timestamp())),
                "recipient_id": PEOPLE[to],
                "pricing": pricing,
            }
            found.append(webhook(status, sender=sender, waba=f"w{sender}"))
        return found

    def load(self, *reports: Iterable[Json]) -> int:
        """Load these reports as a file; answer the number of the load."""
        path = self._inbox / f"log-{next(self._numbers)}.ndjson"
        path.write_text("".join(line(one) + "\n" for some in reports for one in some))
        settings = self.book.settings()
        with Store.open(self.book, settings, "write") as store, scratch(self.book) as folder:
            (load,) = ingest(store, [str(path)], scratch=folder)
            assert load.state == "loaded", load.why
            return max(store.load_ids())

    # What people do

    def call(self, *arguments: str) -> Result:
        """Call a command on the book."""
        given = [*arguments, "--book", str(self.book.root)]
        return CliRunner().invoke(main, given, catch_exceptions=False)

    def run(self, *arguments: str, exit_code: int = 0) -> Result:
        """Call a command that must end with an exit code."""
        result = self.call(*arguments)
        assert result.exit_code == exit_code, result.output
        return result

    def rows(self, *arguments: str, exit_code: int = 0, name: str = "rows") -> list[Any]:
        """Call a command and read the rows that it prints."""
        result = self.run(*arguments, "--format", "json", exit_code=exit_code)
        found: list[Any] = json.loads(result.stdout)[name]
        return found

    def bill(self, month: str, *arguments: str, exit_code: int = 0) -> None:
        self.run("bill", month, *arguments, exit_code=exit_code)

    def approve(self, *targets: str, exit_code: int = 0) -> dict[str, str]:
        """Approve; answer what became of each document."""
        rows = self.rows("invoice", "approve", *targets, exit_code=exit_code)
        return {row["invoice_id"]: row["outcome"] for row in rows}

    def issue(self, *targets: str, on: str | None = None) -> dict[str, str]:
        """Issue on a day, the third of the month after unless given; answer the numbers."""
        if on is None:
            period = max(target.partition("/")[2] or target for target in targets)[:7]
            on = str(Month.parse(period).next().first_day + timedelta(days=2))
        rows = self.rows("invoice", "issue", *targets, "--date", on)
        return {row["invoice_id"]: row["number"] or row["outcome"] for row in rows}

    def close(self, month: str) -> dict[str, str]:
        """Bill, approve and issue a month."""
        self.bill(month)
        self.approve(month)
        return self.issue(month)

    def credit(self, name: str, *arguments: str, reason: str = "a complaint") -> str:
        """Draft a credit note and answer its id."""
        rows = self.rows("invoice", "credit", name, "--reason", reason, *arguments)
        note_id: str = rows[0]["invoice_id"]
        return note_id

    def credit_and_issue(self, name: str, *arguments: str, on: str = "2027-06-01") -> str:
        note_id = self.credit(name, *arguments)
        self.approve(note_id)
        return self.issue(note_id, on=on)[note_id]

    # What is there

    def document(self, name: str) -> Json:
        with Archive.open(self.book) as archive:
            return document_of(archive, archive.invoice_id_of(name))

    def content(self, name: str) -> bytes:
        """The bytes that a document was issued as."""
        with Archive.open(self.book) as archive:
            content = issued_content(archive, archive.invoice_id_of(name))
        assert content is not None, f"{name} was not issued"
        return content

    def contents(self) -> dict[str, bytes]:
        """The bytes of all issued documents, by number."""
        numbers = self.query("select number from issued order by number")
        return {number: self.content(number) for (number,) in numbers}

    def lines(self, name: str) -> dict[str, int]:
        """The cents of each line of a document, owed to the seller, by what its id ends with."""
        rows = self.query("select invoice_id, line_id, amount_minor from lines order by position")
        of_all: dict[str, dict[str, int]] = {}
        for invoice_id, line_id, cents in rows:
            of_all.setdefault(invoice_id, {})[line_id.partition("#")[2]] = cents
        return of_all.get(name, {})

    def documents(self) -> dict[str, tuple[str, str, int]]:
        """Kind, state and total in cents of each document, by its id."""
        rows = self.query(
            "select invoice_id, kind, state, total_minor from invoices order by invoice_id"
        )
        return {row[0]: row[1:] for row in rows}

    def query(self, query: str) -> list[Any]:
        """Ask the file of documents."""
        with Archive.open(self.book) as archive:
            return archive.frame(query).rows()

    def tamper(self, statement: str) -> None:
        """Change the file of documents behind the back of the product."""
        with duckdb.connect(str(self.book.invoices_path)) as connection:
            connection.execute(statement)

    def verdict(self, name: str) -> str:
        found: str = self.rows("invoice", "verify", name, exit_code=0)[0]["verdict"]
        return found

    def copy(self, root: Path) -> "Office":
        """Copy the book with all that is in it."""
        shutil.copytree(self.book.root, root)
        other = Office.__new__(Office)
        other.book, other._inbox, other._numbers = Book(root), self._inbox, self._numbers
        return other
