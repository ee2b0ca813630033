"""What a generation of reports holds: frames by name, each with its schema, read off a book.

No contact, no message, no raw text and no name of a file is copied. Quantities are whole numbers.
Frames whose name ends in a month are of the months of their accounts, in the zones of these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import polars as pl

from dashboards.margin import costs_of, prices_of, without_cells
from dashboards.sources import Former, digest_of_catalog, digests_of_months
from metering import contacts
from metering.account import Accounts, load_accounts
from metering.event import QUANTITY
from metering.period import Month
from metering.placing import place_month
from metering.settings import Book, Settings
from metering.store import Store
from metering.usage import Dimension, usage_by
from pricing.archive import Archive
from pricing.catalog import Catalog, read_catalog
from pricing.invoice import INVOICE
from pricing.offer import Allowance

SCHEMA = "tollbook.reports/5"
SQL = Path(__file__).parent / "sql"
CELL_BY: tuple[Dimension, ...] = ("day", "market", "category", "pricing_type", "entry_point")
USAGE_BY: tuple[Dimension, ...] = (*CELL_BY[:1], "account", "sender", *CELL_BY[1:])
HOURS_BY: tuple[Dimension, ...] = ("day", "hour", "account", "category")

_CELL = {
    "day": pl.Date(),  # local, of the account
    "market": pl.String(),
    "category": pl.String(),
    "pricing_type": pl.String(),
    "entry_point": pl.String(),
}
USAGE = pl.Schema(
    {
        "day": pl.Date(),
        "account": pl.String(),  # null where nobody owns the sender
        "sender": pl.String(),
        **{name: kind for name, kind in _CELL.items() if name != "day"},
        "quantity": pl.Int64(),  # deliveries
    }
)
HOURS = pl.Schema(
    {
        "account": pl.String(),
        "category": pl.String(),
        "weekday": pl.Int8(),  # 1 is Monday
        "hour": pl.Int8(),  # local, of the account
        "quantity": pl.Int64(),
    }
)
# Messages by the local day of their first report, and how far they came.
FUNNEL = pl.Schema(
    {
        "day": pl.Date(),
        "account": pl.String(),
        "market": pl.String(),
        "category": pl.String(),
        "sent": pl.Int64(),
        "delivered": pl.Int64(),
        "read": pl.Int64(),
        "failed": pl.Int64(),
    }
)
WINDOWS = pl.Schema(
    {
        "day": pl.Date(),  # on which it opened
        "account": pl.String(),
        "rule": pl.String(),  # service_window or free_entry_point
        "entry_point": pl.String(),
        "days_open": pl.Int64(),  # begun days
        "answer": pl.String(),  # how soon the first delivery came: see sql/windows.sql
        "window_count": pl.Int64(),
    }
)
CONVERSATIONS = pl.Schema(
    {
        "day": pl.Date(),
        "account": pl.String(),
        "category": pl.String(),
        "quantity": pl.Int64(),
    }
)
CONVERSATIONS_BY: tuple[Dimension, ...] = ("day", "account", "category")
# Without the names and addresses of the parties: legal data is for documents.
LISTED = pl.Schema({name: kind for name, kind in INVOICE.items() if name != "parties"})
ACCOUNT = pl.Schema(
    {
        "account_id": pl.String(),
        "name": pl.String(),
        "purpose": pl.String(),
        "time_zone": pl.String(),  # in force when the latest event happened
    }
)
ADD_ON = pl.Schema(
    {
        "account_id": pl.String(),
        "add_on": pl.String(),
        "quantity": QUANTITY,
        "effective_from": pl.Date(),
        "effective_to": pl.Date(),  # exclusive
    }
)
SUBSCRIPTION = pl.Schema(
    {
        "account_id": pl.String(),
        "plan": pl.String(),
        "effective_from": pl.Date(),
        "effective_to": pl.Date(),
    }
)
# What a charge includes for free in each month.
ALLOWANCE = pl.Schema(
    {
        "plan": pl.String(),
        "charge": pl.String(),
        "each": pl.String(),  # account or sender
        "quantity": pl.Int64(),
        "categories": pl.List(pl.String()),
        "effective_from": pl.Date(),
        "effective_to": pl.Date(),
    }
)
# The columns that add up.
COUNTS = ("quantity", "sent", "delivered", "read", "failed", "window_count")
TABLE = pl.Schema({"name": pl.String(), "row_count": pl.Int64()})


@dataclass(frozen=True)
class Contents:
    """What a generation holds: frames by name, and the facts of its manifest."""

    frames: Mapping[str, pl.DataFrame]
    facts: Mapping[str, Any]
    kept: tuple[str, ...] = ()  # files that are taken over from the generation before


def collect(book: Book, settings: Settings, before: Former | None = None) -> Contents:
    """Read what a generation holds. A book that was never loaded or billed gives empty frames.

    Args:
        before: The current generation: what has not changed since is kept, not counted again.
    """
    accounts = load_accounts(book, settings)
    gathered = _Gathered(before)
    latest_at = None
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "seller": settings.seller.name,
        "time_zone": settings.seller.time_zone,
    }
    if book.invoices_path.exists():
        _gather_billed(gathered, book)
    if book.store_path.exists():
        with Store.open(book, settings) as store:
            _gather_loaded(gathered, book, store, accounts)
            if settings.cost is not None:
                facts["cost_currency"] = settings.cost.currency
                _gather_costs(gathered, book, store)
            latest_at = store.frame(sql("latest_event"))["latest_event_at"].item(0)
        facts["latest_event_at"] = _utc(latest_at)
        facts["load_count"] = gathered.frames["loads"].height
        facts["quarantined_count"] = int(gathered.frames["quarantine"]["row_count"].sum())
    gathered.frames["accounts"] = _names(accounts, latest_at)
    digest = digest_of_catalog(book, SCHEMA)
    gathered.take("catalog", digest, lambda: _offered(book))
    facts["sizes"] = {
        path.name: path.stat().st_size
        for path in (book.store_path, book.invoices_path)
        if path.exists()
    }
    facts["sources"] = dict(sorted(gathered.sources.items()))
    frames = dict(sorted(gathered.frames.items()))
    return Contents(frames, facts, tuple(sorted(gathered.kept)))


class _Gathered:
    """The frames of a generation in the making, and what they are made of."""

    def __init__(self, before: Former | None) -> None:
        self._before = before
        self.frames: dict[str, pl.DataFrame] = {}
        self.kept: list[str] = []
        self.sources: dict[str, str] = {}

    def take(
        self, source: str, digest: str, make: Callable[[], Mapping[str, pl.DataFrame]]
    ) -> None:
        """Keep the files of a source that is as it was; else make its frames."""
        self.sources[source] = digest
        known = None if self._before is None else self._before.of(source, digest)
        if known is None:
            self.frames |= make()
        else:
            self.kept += known


@cache
def sql(name: str) -> str:
    """Read a query of this package."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def _names(accounts: Accounts, latest_at: datetime | None) -> pl.DataFrame:
    on = date.max if latest_at is None else latest_at.date()
    rows = {
        account.account_id: (
            account.name,
            account.purpose,
            accounts.facts_on(account.account_id, on).time_zone or accounts.seller_time_zone,
        )
        for account in accounts.accounts
    }
    table = [(account_id, *row) for account_id, row in sorted(rows.items())]
    return pl.DataFrame(table, ACCOUNT, orient="row")


def _gather_loaded(gathered: _Gathered, book: Book, store: Store, accounts: Accounts) -> None:
    for name in ("loads", "quarantine"):
        gathered.frames[name] = store.frame(sql(name))
    gathered.frames["tables"] = store.frame(sql("tables")).cast(TABLE)
    digests = digests_of_months(book, accounts, store.frame(sql("months")), SCHEMA)
    for month, digest in digests.items():
        make = partial(_named_month_frames, store, accounts, month)
        gathered.take(f"month/{month}", digest, make)


def _named_month_frames(store: Store, accounts: Accounts, month: Month) -> dict[str, pl.DataFrame]:
    frames = month_frames(store, accounts, month)
    return {f"{name}/{month}": frame for name, frame in frames.items() if frame.height}


def month_frames(store: Store, accounts: Accounts, month: Month) -> dict[str, pl.DataFrame]:
    """Count what happened in a month, in each way that the pages show it."""
    usage = usage_by(store, accounts, month, "deliveries", USAGE_BY)
    usage = usage.select(USAGE.names()).cast(USAGE).sort("account", *USAGE_BY)
    conversations = usage_by(store, accounts, month, "conversations", CONVERSATIONS_BY)
    frames = {
        "usage": usage,
        "hours": _hours(store, accounts, month),
        "conversations": conversations.select(CONVERSATIONS.names()).cast(CONVERSATIONS),
        "funnel": _placed(store, accounts, month, "messages", FUNNEL),
        "windows": _placed(store, accounts, month, "windows", WINDOWS),
    }
    totals = {f"{name}_totals": without_accounts(frame) for name, frame in frames.items()}
    keys = ("account", "category")
    per_account = usage.group_by(keys).agg(pl.col("quantity").sum()).sort(keys)
    return {**frames, **totals, "usage_accounts": per_account}


def without_accounts(frame: pl.DataFrame) -> pl.DataFrame:
    """Add up over accounts: many times smaller, and enough for most questions."""
    counts = [name for name in frame.columns if name in COUNTS]
    keys = [name for name in frame.columns if name not in (*counts, "account", "sender")]
    return frame.group_by(keys).agg(pl.col(counts).sum()).sort(keys)


def _hours(store: Store, accounts: Accounts, month: Month) -> pl.DataFrame:
    usage = usage_by(store, accounts, month, "deliveries", HOURS_BY)
    keys = ("account", "category", "weekday", "hour")
    return (
        usage.with_columns(weekday=pl.col("day").dt.weekday())
        .group_by(keys)
        .agg(pl.col("quantity").sum())
        .select(HOURS.names())
        .cast(HOURS)
        .sort(keys)
    )


def _placed(
    store: Store, accounts: Accounts, month: Month, units: str, schema: pl.Schema
) -> pl.DataFrame:
    """Make view `units` by a query of this package, and add it up by account, market and day."""
    days = [month.first_day + timedelta(days=number) for number in range(1, month.day_count)]
    place_month(store, accounts, month, days)
    if units == "windows":
        store.execute(sql("answers"))
        contacts.resolve(store, "named_answers", "resolved_answers")
    store.execute(sql(f"units_of_{units}"))
    store.run("count_units")
    frame = store.frame(sql(units)).select(schema.names()).cast(schema)
    return frame.sort("account", *schema.names())


def _gather_billed(gathered: _Gathered, book: Book) -> None:
    with Archive.open(book) as archive:
        gathered.frames["runs"] = archive.frame(sql("runs"))
        for period, digest in archive.frame(sql("periods")).iter_rows():
            make = partial(_billed, archive, period)
            gathered.take(f"period/{period}", f"{SCHEMA} {digest}", make)


def _billed(archive: Archive, period: str) -> dict[str, pl.DataFrame]:
    drafts = archive.drafts_of(period=period)
    frames = {
        "invoices": drafts.invoices.select(LISTED.names()),
        "lines": drafts.lines,
        "details": drafts.details,
        "prices": (prices := prices_of(drafts)),
        "price_sums": without_cells(prices),
    }
    return {f"{name}/{period}": frame for name, frame in frames.items()}


def _gather_costs(gathered: _Gathered, book: Book, store: Store) -> None:
    """Rate what the network charges for each month that was billed and has changed since."""
    catalog = cache(lambda: read_catalog(book)[:2])

    def rated(month: Month) -> dict[str, pl.DataFrame]:
        known, problems = catalog()
        if problems:
            return {}
        costs = costs_of(store, known, month)
        return {f"costs/{month}": costs, f"cost_sums/{month}": without_cells(costs)}

    offered = digest_of_catalog(book, SCHEMA)
    for source, digest in [*gathered.sources.items()]:
        kind, _, month = source.partition("/")
        if kind == "month" and f"period/{month}" in gathered.sources:
            make = partial(rated, Month.parse(month))
            gathered.take(f"cost/{month}", f"{digest} {offered}", make)


def _offered(book: Book) -> dict[str, pl.DataFrame]:
    """Read what the catalog offers; a book with mistakes offers nothing that could be shown."""
    catalog, problems, _ = read_catalog(book)
    if problems:
        return {}
    holdings = [[getattr(row, name) for name in ADD_ON] for row in catalog.holdings]
    subscriptions = [[getattr(row, name) for name in SUBSCRIPTION] for row in catalog.subscriptions]
    return {
        "add_ons": pl.DataFrame(holdings, ADD_ON, orient="row"),
        "subscriptions": pl.DataFrame(subscriptions, SUBSCRIPTION, orient="row"),
        "allowances": pl.DataFrame(_allowances(catalog), ALLOWANCE, orient="row"),
    }


def _allowances(catalog: Catalog) -> list[tuple[object, ...]]:
    """List what charges include for free: allowances of a month, of an account or a sender."""
    used = {subscription.plan for subscription in catalog.subscriptions}
    used |= {catalog.settings.cost.plan} if catalog.settings.cost else set()
    rows: list[tuple[object, ...]] = []
    for plan in (catalog.plans[name] for name in sorted(used)):
        for version, (start, end) in plan.stretches():
            for charge in version.charge:
                allowance = charge.allowance
                if not isinstance(allowance, Allowance) or charge.meter != "deliveries":
                    continue
                each = allowance.each[0]
                if len(allowance.each) == 1 and each in ("account", "sender"):
                    categories = list(charge.where.category or ())
                    quantity = int(allowance.quantity)
                    names = (plan.plan, charge.name, each)
                    rows.append((*names, quantity, categories, start, end))
    return rows


def _utc(instant: datetime | None) -> str | None:
    """The store keeps UTC without a zone."""
    return None if instant is None else f"{instant.isoformat(timespec='seconds')}Z"
