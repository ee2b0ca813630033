"""Reading reports: the current generation and sums of its frames; it caches, as `finance` does.

Streamlit names what it caches by the arguments of the call, and reads large frames only in part for
that: hence no argument is a frame, and the folder in each call names its generation. What is read
is shared, not copied: nobody changes a frame in place. What a reader may see is a condition here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from dashboards.contents import (
    ACCOUNT,
    ADD_ON,
    ALLOWANCE,
    COUNTS,
    LISTED,
    SCHEMA,
    SUBSCRIPTION,
    TABLE,
)
from dashboards.figures import UNCOUNTED
from dashboards.margin import PRICES, By, can_have_margin, margins, margins_by
from dashboards.moves import CHARGED
from dashboards.reports import MANIFEST, pointed_at
from dashboards.sources import read_manifest
from dashboards.span import Span
from metering.period import Month
from metering.settings import Book
from pricing.catalog import Catalog, load_catalog
from pricing.invoice import LINE, LINE_DETAIL

CACHED_MAX = 256
OF_ACCOUNTS = {"account", "category", "month"}  # what the monthly sums of accounts tell apart
NUMBERS = ("weekday", "hour")  # columns that are no text
Names = tuple[str, ...]
Where = Mapping[str, Sequence[str | None]]  # the values that a column may have; None is unknown


@dataclass(frozen=True)
class Generation:
    """A published generation; immutable, so that everything read from it belongs together."""

    folder: Path
    facts: Mapping[str, Any]
    account_id: str | None = None  # the one account that may be seen; None for all

    @property
    def seller(self) -> str:
        return str(self.facts["seller"])

    @property
    def latest_event_at(self) -> datetime | None:
        latest_at = self.facts.get("latest_event_at")
        return None if latest_at is None else datetime.fromisoformat(latest_at)

    @property
    def load_count(self) -> int:
        return int(self.facts.get("load_count", 0))

    @property
    def quarantined_count(self) -> int:
        return int(self.facts.get("quarantined_count", 0))

    @property
    def complete_to(self) -> date | None:
        """The last day that something was reported of, by the clock of who is seen alone."""
        return self.last_day_of(self.account_id)

    def last_day_of(self, account_id: str | None) -> date | None:
        """The last day that something was reported of, by the clock of an account or the seller."""
        latest_at = self.latest_event_at
        if latest_at is None:
            return None
        return latest_at.astimezone(ZoneInfo(self.zone_of(account_id))).date()

    def zone_of(self, account_id: str | None) -> str:
        """The zone of an account that may be seen; else the seller's."""
        return self.zones.get(account_id or "", str(self.facts["time_zone"]))

    @cached_property
    def zones(self) -> dict[str, str]:
        """The zone of each account, in which its days are."""
        accounts = self._seen(self._frame("accounts", ACCOUNT), "account_id")
        return dict(accounts.select("account_id", "time_zone").iter_rows())

    @property
    def used_months(self) -> list[str]:
        return self.months_of("usage")

    @property
    def billed_months(self) -> list[str]:
        return self.months_of("invoices")

    @property
    def months(self) -> list[str]:
        """Every month that has usage or invoices, the latest first."""
        return sorted({*self.used_months, *self.billed_months}, reverse=True)

    def months_of(self, name: str) -> list[str]:
        """The months of which a frame is there."""
        return sorted(
            file.removeprefix(f"{name}/") for file in self._files if file.startswith(f"{name}/")
        )

    def only(self, account_id: str) -> "Generation":
        """The same, for somebody who may see one account."""
        return replace(self, account_id=account_id)

    def sums(
        self, name: str, by: Sequence[str], span: Span, where: Where | None = None
    ) -> pl.DataFrame:
        """Add up a frame of months over a span of days, for each group of `by`; sorted by it.

        Without accounts and senders the small copy of a frame is read, and for whole months that of
        accounts. A frame without days is
        added up over the months that the span touches.
        """
        wanted = dict(where or {})
        if self.account_id is not None:
            wanted["account"] = (self.account_id,)
        has_accounts = {"account", "sender"} & {*by, *wanted}
        is_monthly = name == "usage" and span.is_whole_months and {*by, *wanted} <= OF_ACCOUNTS
        if name == "usage_accounts" or (is_monthly and has_accounts):
            table = "usage_accounts"
        else:
            table = name if has_accounts else f"{name}_totals"
        months = {str(month) for month in span.months()}
        paths = [f"{table}/{month}" for month in self.months_of(table) if month in months]
        return read_sums(
            str(self.folder),
            tuple(paths),
            tuple(by),
            tuple(_conditions(wanted)),
            span.first.isoformat(),
            span.last.isoformat(),
        )

    def usage(self, month: str) -> pl.DataFrame:
        """Daily deliveries: schema `dashboards.contents.USAGE`."""
        return read_frame(str(self.folder / f"usage/{month}.parquet"))

    def invoices(self, month: str) -> pl.DataFrame:
        """Invoices and credit notes: schema `dashboards.contents.LISTED`."""
        return self._seen(self._frame(f"invoices/{month}", LISTED), "account_id")

    def lines(self, month: str, invoice_id: str) -> pl.DataFrame:
        """Lines of an invoice: schema `pricing.invoice.LINE`."""
        if f"lines/{month}" not in self._files:
            return LINE.to_frame()
        return read_lines(str(self.folder / f"lines/{month}.parquet"), invoice_id)

    def details(self, month: str, line_id: str) -> pl.DataFrame:
        """Details of a line: schema `LINE_DETAIL`; a reader sees no note that may tell a markup."""
        is_seen = pl.lit(self.account_id is None) | pl.col("evidence").is_null()
        details = read_details(str(self.folder / f"details/{month}.parquet"), line_id)
        return details.with_columns(note=pl.when(is_seen).then("note"))

    @cached_property
    def account_names(self) -> dict[str, str]:
        accounts = self._seen(self._frame("accounts", ACCOUNT), "account_id")
        return dict(accounts.select("account_id", "name").iter_rows())

    @property
    def cost_currency(self) -> str | None:
        """The currency of costs; None where the settings say nothing of costs."""
        return self.facts.get("cost_currency")

    def margins(self, month: str) -> pl.DataFrame | None:
        """What accounts pay and cost: schema `dashboards.margin.MARGIN`; None where not known."""
        if f"costs/{month}" not in self._files or self.cost_currency is None:
            return None
        return self._seen(read_margins(*self._margin_files(month), self.cost_currency), "account")

    def margins_by(self, by: By, month: str, where: Where | None = None) -> pl.DataFrame:
        """The same by a column of cells, as `dashboards.margin.margins_by` adds it up.

        Of accounts that can have a margin, in the currency of the costs, and of all accounts; of
        the cells alone that `where` allows.
        """
        assert self.account_id is None, "who reads one account sees no margins"
        assert self.cost_currency is not None, "there are costs"
        conditions = tuple(_conditions(where or {}))
        return read_margins_by(*self._margin_files(month), self.cost_currency, by, conditions)

    def _margin_files(self, month: str) -> tuple[str, Names, str]:
        # A later document may correct the month.
        later = tuple(one for one in self.months_of("prices") if one >= month)
        return str(self.folder), later, month

    def states(self, month: str) -> pl.DataFrame:
        """What became of the month of each account: account, invoice_id, state, is_blocked."""
        names = ("invoice_id", "state", "is_blocked")
        own = self.invoices(month).filter(pl.col("kind") == "invoice").select(names)
        lines = self._frame(f"lines/{month}", LINE).select("invoice_id", account="account_id")
        payers = self.invoices(month).select("invoice_id", account="account_id")
        accounts = pl.concat([lines, payers]).unique()
        found = accounts.join(own, on="invoice_id").sort("account", "invoice_id")
        return found.unique("account", keep="last", maintain_order=True)

    def adjustments(self, month: str) -> pl.DataFrame:
        """Lines of the documents of a month that change others: `LINE`, with name and state."""
        names = ("invoice_id", "kind", "name", "state", "reason")
        documents = self.invoices(month).select(names).rename({"kind": "document"})
        lines = self._frame(f"lines/{month}", LINE).join(documents, on="invoice_id")
        is_note = pl.col("document") == "credit_note"
        return lines.filter(pl.col("is_correction") | is_note).sort("line_id")

    def charged(self, month: str) -> pl.DataFrame:
        """Lines of the invoices of a month that count: schema `dashboards.moves.CHARGED`."""
        counted = self.invoices(month).filter(
            pl.col("kind") == "invoice", ~pl.col("state").is_in(UNCOUNTED)
        )
        payers = counted.select("invoice_id", payer="account_id")
        lines = self._frame(f"lines/{month}", LINE).join(payers, on="invoice_id")
        return lines.with_columns(account_id="payer").select(CHARGED.names())

    def add_ons(self) -> pl.DataFrame:
        return self._seen(self._frame("add_ons", ADD_ON), "account_id")

    def subscriptions(self) -> pl.DataFrame:
        return self._seen(self._frame("subscriptions", SUBSCRIPTION), "account_id")

    def allowances(self) -> pl.DataFrame:
        """What plans include for who may be seen, and the network's own plan for everybody."""
        seen = self.subscriptions()["plan"].to_list()
        is_for_all = ~pl.col("plan").is_in(self._subscribed())
        return self._frame("allowances", ALLOWANCE).filter(pl.col("plan").is_in(seen) | is_for_all)

    def is_subscribed(self, plan: str) -> bool:
        """Whether a plan has subscribers: the network's own has none, and holds for everybody."""
        return plan in self._subscribed()

    def _subscribed(self) -> list[str]:
        return list(self._frame("subscriptions", SUBSCRIPTION)["plan"].unique())

    def tables(self) -> pl.DataFrame:
        return self._frame("tables", TABLE)

    def operations(self, name: str) -> pl.DataFrame:
        """Loads, quarantine or runs; an empty frame before the first."""
        return self._frame(name, pl.Schema())

    @cached_property
    def _files(self) -> frozenset[str]:
        return frozenset(self.facts["files"])

    def _frame(self, name: str, schema: pl.Schema) -> pl.DataFrame:
        if name not in self._files:
            return schema.to_frame()
        return read_frame(str(self.folder / f"{name}.parquet"))

    def _seen(self, frame: pl.DataFrame, column: str) -> pl.DataFrame:
        if self.account_id is None:
            return frame
        return frame.filter(pl.col(column) == self.account_id)


def current(reports: Path) -> Generation | None:
    """Find the current generation, None where nothing was published that this version can read."""
    named = pointed_at(reports)
    if not named:
        return None
    folder = reports / named[0]
    manifest = read_manifest(folder / MANIFEST)
    if manifest is None and pointed_at(reports) != named:
        return current(reports)  # it was cleared since `CURRENT` was read
    return Generation(folder, manifest) if manifest and manifest["schema"] == SCHEMA else None


@st.cache_resource(max_entries=CACHED_MAX, show_spinner=False)
def read_frame(path: str) -> pl.DataFrame:
    """Read a whole file of a generation."""
    return pl.read_parquet(path)


@st.cache_resource(max_entries=CACHED_MAX, show_spinner=False)
def read_lines(path: str, invoice_id: str) -> pl.DataFrame:
    """Read the lines of one invoice, without those of all others."""
    return pl.scan_parquet(path).filter(pl.col("invoice_id") == invoice_id).collect()


@st.cache_resource(max_entries=CACHED_MAX, show_spinner=False)
def read_details(path: str, line_id: str) -> pl.DataFrame:
    """Read the details of one line, without those of all others."""
    lines = pl.scan_parquet(path).filter(pl.col("line_id") == line_id)
    return lines.select(LINE_DETAIL.names()).sort("position").collect()


@st.cache_resource(max_entries=CACHED_MAX, show_spinner=False)
def read_sums(
    folder: str, paths: Names, by: Names, where: Names, first: str, last: str
) -> pl.DataFrame:
    """Add up files of a generation: a column for each of `by`, then every count; sorted.

    A month is added up before the next, so that a file is never kept as a whole. `month` may be
    one of `by`.
    """
    parts = [_sums_of(folder, path, by, where, first, last) for path in paths]
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(by, pl.String) | {"quantity": pl.Int64})
    counts = [name for name in parts[0].collect_schema() if name in COUNTS]
    summed = pl.concat(parts).group_by(by).agg(pl.col(counts).sum()) if by else None
    whole = pl.concat(parts).select(pl.col(counts).sum()) if summed is None else summed
    frame = whole.collect(engine="streaming")
    return frame.sort(by) if by else frame


@st.cache_resource(max_entries=CACHED_MAX, show_spinner=False)
def read_margins(folder: str, documents: Names, month: str, currency: str) -> pl.DataFrame:
    """Put costs of a month beside the prices that documents of it, and of later months, have."""
    prices = _prices_of(folder, "price_sums", documents, month)
    costs = pl.read_parquet(Path(folder) / f"cost_sums/{month}.parquet")
    path = Path(folder) / f"invoices/{month}.parquet"
    invoices = pl.read_parquet(path) if path.is_file() else LISTED.to_frame()
    return margins(prices, costs, invoices, currency)


@st.cache_resource(max_entries=CACHED_MAX, show_spinner=False)
def read_margins_by(
    folder: str, documents: Names, month: str, currency: str, by: By, where: Names
) -> pl.DataFrame:
    """Add up the cells that conditions allow, of accounts that can have a margin."""
    known = read_margins(folder, documents, month, currency).filter(
        can_have_margin(), pl.col("currency") == currency
    )
    prices = _prices_of(folder, "prices", documents, month)
    costs = pl.read_parquet(Path(folder) / f"costs/{month}.parquet")
    for condition in _grouped(where):
        prices, costs = prices.filter(condition), costs.filter(condition)
    return margins_by(by, prices, costs, known["account"].to_list(), currency)


def _prices_of(folder: str, name: str, documents: Names, month: str) -> pl.DataFrame:
    paths = [Path(folder) / f"{name}/{document}.parquet" for document in documents]
    parts = [pl.scan_parquet(path).filter(pl.col("period") == month) for path in paths]
    return pl.concat(parts).collect() if parts else PRICES.to_frame()


def _sums_of(
    folder: str, path: str, by: Names, where: Names, first: str, last: str
) -> pl.LazyFrame:
    frame = pl.scan_parquet(Path(folder) / f"{path}.parquet")
    names = frame.collect_schema().names()
    month = Month.parse(path.rpartition("/")[2])
    frame = frame.with_columns(month=pl.lit(month.first_day))
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    if "day" in names and not start <= month.first_day <= month.last_day <= end:
        frame = frame.filter(pl.col("day").is_between(start, end))
    for condition in _grouped(where):
        frame = frame.filter(condition)
    counts = [name for name in names if name in COUNTS]
    if not by:
        return frame.select(pl.col(counts).sum())
    return frame.group_by(by).agg(pl.col(counts).sum())


def _conditions(where: Where) -> Iterator[str]:
    """Write each value that is allowed as `column=value`, and one that is unknown as `column`."""
    for name in sorted(where):
        for value in sorted(where[name], key=str):
            yield name if value is None else f"{name}={value}"


def _grouped(where: Names) -> Iterator[pl.Expr]:
    allowed: dict[str, list[str | None]] = {}
    for condition in where:
        name, has_value, value = condition.partition("=")
        allowed.setdefault(name, []).append(value if has_value else None)
    for name, values in allowed.items():
        named = [int(one) if name in NUMBERS else one for one in values if one is not None]
        found = pl.col(name).is_in(named)
        yield found | pl.col(name).is_null() if None in values else found


def book_catalog(book: Book) -> Catalog:
    """The catalog of a book as its files are now; raises `BookError` with every mistake in it."""
    return read_book_catalog(str(book.root), stamp_of_catalog(book))


def stamp_of_catalog(book: Book) -> str:
    """Name the state of the files that people write."""
    files = sorted(path for path in book.root.glob("*") if path.suffix in (".csv", ".toml"))
    for folder in ("plans", "rate_cards", "meters"):
        files += sorted((book.root / folder).glob("*"))
    return str([(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files])


@st.cache_resource(max_entries=2, show_spinner=False)
def read_book_catalog(root: str, stamp: str) -> Catalog:
    """Read a catalog once for each state of its files, of which `stamp` tells."""
    assert stamp, "it names what is cached"
    return load_catalog(Book(Path(root)))
