"""An office without files: messages by hand, documents in memory, and the product in between."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from metering.account import Account, Accounts
from metering.meter import DELIVERIES, shipped_meters
from metering.period import Month
from metering.settings import Book, Invoicing, Seller, Settings
from pricing.archive import Archive
from pricing.billing import rate
from pricing.catalog import Catalog
from pricing.fx import FX_RATES
from pricing.life.verification import verify_invoice
from pricing.plan import Plan
from pricing.run import Bill, bill
from pricing.state import closing_state, no_state
from pricing.subscription import Subscription
from pricing.tax import Tax
from tests.pricing.messages import Message, usage_of
from tests.pricing.worlds import CARD_CATEGORIES, RATES

SEPTEMBER = Month(2026, 9)
FIRST_DAY = SEPTEMBER.first_day
ACCOUNTS = ("acme", "bistro", "corner")  # corner is paid for by acme
MEMBERS = {"s-acme": "acme", "s-bistro": "bistro", "s-corner": "corner"}
PLAIN = Invoicing(may_void=True)
Billed = dict[tuple[str, str, str, str, str], int]  # account, month, plan, kind, charge: cents


def plans(unit_price: str) -> dict[str, Plan]:
    """Three plans, with everything that one month hands on to the next."""
    tiers = [{"up_to": 3, "unit_price": unit_price}, {"unit_price": "0.333"}]
    price = {"kind": "graduated", "over": "contract", "tiers": tiers}
    shared = {"kind": "graduated", "each": ["portfolio"], "tiers": tiers}
    messages = {"name": "messages", "meter": DELIVERIES}
    fee = {"name": "fee", "amount": "2.50", "due": "advance"}
    carried = {"quantity": 2, "carry_over_months": 1}
    discount = {"name": "rebate", "ratio": "0.1"}
    written: dict[str, dict[str, Any]] = {
        "tiers": {"charge": [{**messages, "price": price}], "fixed_fee": [fee]},
        "carry": {
            "charge": [
                {
                    **messages,
                    "allowance": carried,
                    "price": {"kind": "per_unit", "unit_price": unit_price},
                }
            ],
            "discount": [discount],
        },
        "shared": {
            "charge": [{**messages, "price": shared}],
            "minimum": {"amount": "1.20"},
            "commitment": {"amount": "6", "months": 2, "true_up": True},
        },
    }
    return {
        name: Plan.model_validate({"plan": name, "currency": "USD", "version": [version]})
        for name, version in written.items()
    }


@dataclass(frozen=True)
class Files:
    """What the files of the book say by now, beside what never changes."""

    unit_price: str = "1.00"
    moved_from: date | None = None  # from when on a sender of acme belongs to bistro
    invoicing: Invoicing = PLAIN
    tax_ratio: str = "0.19"

    def catalog(self) -> Catalog:
        rows = (
            {"account_id": "acme", "portfolio_id": "group"},
            {"account_id": "bistro", "portfolio_id": "group"},
            {"account_id": "corner", "portfolio_id": "corner", "payer_id": "acme"},
        )
        accounts = tuple(
            Account(line=n, name=row["account_id"], country="DE", currency="USD", **row)
            for n, row in enumerate(rows, start=2)
        )
        known = plans(self.unit_price)
        subscriptions = tuple(
            Subscription(line=n, account_id=account_id, plan=name, effective_from=FIRST_DAY)
            for n, (account_id, name) in enumerate(zip(ACCOUNTS, known, strict=True), start=2)
        )
        seller = Seller(name="S", country="DE", time_zone="Europe/Berlin", currency="USD")
        vat = {"line": 2, "treatment": "standard", "name": "VAT", "rate_ratio": self.tax_ratio}
        return Catalog(
            settings=Settings(seller=seller, invoicing=self.invoicing),
            accounts=Accounts(accounts, (), "Europe/Berlin"),
            meters=shipped_meters(),
            plans=known,
            rates=RATES,
            categories=CARD_CATEGORIES,
            fx=pl.DataFrame([], FX_RATES),
            coupons={},
            redemptions=(),
            subscriptions=subscriptions,
            holdings=(),
            taxes=(Tax.model_validate(vat),),
            credits=(),
            files={"files": repr(self).encode()},
        )


class Known:
    """The store as it is known with some loads; stands in for `Store`."""

    def __init__(self, loads: Sequence[Sequence[Message]]) -> None:
        self.loads = loads

    def load_ids(self) -> list[int]:
        return [*range(1, len(self.loads) + 1)]

    def messages(self, files: Files) -> list[Message]:
        """The messages in their order of time, each of who owns its sender."""
        found = sorted((m for load in self.loads for m in load), key=lambda message: message.day)
        return [replace(message, account_id=owner(message, files)) for message in found]


def owner(message: Message, files: Files) -> str:
    is_moved = files.moved_from is not None and message.day >= files.moved_from
    return "bistro" if message.sender_id == "s-acme" and is_moved else message.account_id


class SmallOffice:
    """Three accounts, and what is done with their documents; open it with `opened`."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.files = Files()
        self.loads: list[list[Message]] = []
        self.all_files: dict[bytes, Files] = {}
        self.today = date(2026, 10, 1)

    def load(self, sender: str, day: date, number: int) -> None:
        self.loads.append([Message(MEMBERS[sender], day, sender_id=sender)] * number)

    def bill(self, month: Month) -> Bill:
        return bill(BOOK, month, actor="ann")

    def verify(self, invoice_id: str) -> str:
        return verify_invoice(BOOK, invoice_id).verdict

    def billed(self) -> Billed:
        """What issued documents charge, apart from credit notes that stay."""
        return self._cents("state = 'issued' and (origin <> 'credit' or bills_again)")

    def recorded(self) -> Billed:
        """What credit notes took off that stay."""
        return self._cents("state = 'issued' and origin = 'credit' and not bills_again")

    def billed_at_other_taxes(self) -> Billed:
        """What issued documents charge, by account, at another rate than there is now."""
        rows = self.archive.frame(
            "select account_id, lines.period, tax_name, tax_rate_ratio::varchar,"
            " tax_treatment, sum(amount_minor)::bigint from lines semi join (select invoice_id"
            " from invoices where state = 'issued' and (origin <> 'credit' or bills_again))"
            " using (invoice_id) where tax_rate_ratio <> $ratio::decimal(38, 12) group by all",
            {"ratio": self.files.tax_ratio},
        ).rows()
        return {row[:5]: row[5] for row in rows if row[5]}

    def _cents(self, condition: str) -> Billed:
        rows = self.archive.frame(
            "select account_id, lines.period, plan, lines.kind, charge,"
            " sum(amount_minor)::bigint from lines semi join (select invoice_id from invoices"
            f" where {condition}) using (invoice_id) group by all"
        ).rows()
        return {row[:5]: row[5] for row in rows if row[5]}

    def owed(self, last: Month) -> Billed:
        """One rating of everything that is known, month by month."""
        catalog, found = self.files.catalog(), {}
        messages = Known(self.loads).messages(self.files)
        state, month = no_state(), SEPTEMBER
        while month <= last:
            usage, below = usage_of(messages, catalog, month)
            rating = rate(catalog, month, usage, below, state)
            rows = rating.lines.select("account_id", "plan", "kind", "charge", "amount_minor")
            for account_id, plan, kind, charge, cents in rows.rows():
                if cents:
                    found[account_id, str(month), plan, kind, charge] = cents
            state, month = closing_state([*rating.closing]), month.next()
        return found

    def contents(self) -> dict[str, bytes]:
        rows = self.archive.frame("select number, content, sha256 from issued order by number")
        return {number: content + digest.encode() for number, content, digest in rows.rows()}


BOOK = Book(Path("/nowhere"))


class _Here:
    """The path of documents that are in memory: they are there."""

    name = "invoices.duckdb"

    @staticmethod
    def exists() -> bool:
        return True


@contextmanager
def opened() -> Iterator[SmallOffice]:
    """Open an office: what reads the disk is replaced, everything else is the product."""
    with duckdb.connect() as connection, pytest.MonkeyPatch.context() as patch:
        connection.execute("set TimeZone = 'UTC'")
        archive = Archive(connection)
        archive._migrate("memory")
        office = SmallOffice(archive)

        @contextmanager
        def open_archive(*_: object) -> Iterator[Archive]:
            yield archive

        def load_catalog(book: Book) -> Catalog:
            if book is not BOOK:  # one that a run recorded
                content = (book.root / "files").read_bytes()
                return office.all_files[content].catalog()
            catalog = office.files.catalog()
            office.all_files[catalog.files["files"]] = office.files
            return catalog

        def known(files: Files, loads: int) -> Known:
            return Known(office.loads[:loads])

        @contextmanager
        def known_at(book: Book, settings: Settings, load_ids: Sequence[int]) -> Iterator[Known]:
            yield known(office.files, max(load_ids, default=0))

        @contextmanager
        def store_as_of(book: Book, settings: Settings, as_of: int | None) -> Iterator[Known]:
            yield known(office.files, len(office.loads) if as_of is None else as_of)

        def messages(store: Known, catalog: Catalog) -> list[Message]:
            return store.messages(office.all_files[catalog.files["files"]])

        def read_usage(store: Known, catalog: Catalog, month: Month) -> pl.DataFrame:
            return usage_of(messages(store, catalog), catalog, month)[0]

        def below_of(store: Known, catalog: Catalog, month: Month) -> Any:
            return usage_of(messages(store, catalog), catalog, month)[1]

        def daily(store: Known, catalog: Catalog, month: Month) -> dict[str, list[int]]:
            found: dict[str, list[int]] = {}
            for message in messages(store, catalog):
                if Month.of(message.day) == month:
                    counts = found.setdefault(message.account_id, [0] * month.day_count)
                    counts[message.day.day - 1] += 1
            return found

        patch.setattr(Archive, "open", open_archive)
        patch.setattr(Book, "invoices_path", _Here)
        for name, stand_in in {
            "load_catalog": load_catalog,
            "_store_as_of": store_as_of,
            "read_usage": read_usage,
            "below_of": below_of,
            "daily_deliveries": daily,
            "_refused_rows": lambda *_: {},
        }.items():
            patch.setattr(f"pricing.run.{name}", stand_in)
        patch.setattr("pricing.life.verification.load_catalog", load_catalog)
        patch.setattr("pricing.life.verification.known_at", known_at)
        yield office
