"""A run: what the book and the store say about a month becomes drafts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version

import polars as pl

from metering.aggregation import Count
from metering.clock import ClockOf
from metering.errors import UsageError
from metering.event import USAGE, USAGE_DIMENSIONS
from metering.meter import DELIVERIES, Meter
from metering.period import Month
from metering.quarantine import refused_by_sender
from metering.settings import Book
from metering.store import Store
from metering.unit import CloudEvents, Senders
from metering.usage import measure, messages_of, quantity_below
from pricing.archive import Archive, Run
from pricing.asking import Ask, asks_of
from pricing.billing import (
    Rated,
    first_state_month,
    name_in_plan,
    rate_month,
    units_of_charge,
)
from pricing.catalog import Catalog, load_catalog
from pricing.invoice import Drafts
from pricing.state import no_state
from pricing.terms import Below, Crossing

MESSAGES_MAX = 1000


@dataclass(frozen=True)
class Bill:
    """What a run made: drafts, and the usage of the month that nobody owns."""

    month: Month
    drafts: Drafts
    unassigned: Decimal  # deliveries
    refused: Mapping[str, int]  # rows in quarantine whose sender an account has, by account
    run_id: int | None  # None after a dry run
    outdated: Sequence[Month]  # billed later months, which began with another state than is now


def bill(
    book: Book, month: Month, *, only_accounts: Sequence[str] = (), dry_run: bool = False
) -> Bill:
    """Write the drafts of `month`, in the place of those that were there.

    The whole book is rated whatever `only_accounts` says, since volumes count together; only the
    drafts of these accounts are written then. A dry run writes none.

    Raises:
        BookError: the files of the book have mistakes.
        UsageError: `only_accounts` names an account that is not there.
        SumsDisagreeError: the deliveries of an account do not add up; nothing was written.
    """
    started_at = datetime.now(UTC)
    catalog = load_catalog(book)
    _check_known(only_accounts, catalog)
    with Store.open(book, catalog.settings, "read") as store:
        rated = _rate(store, catalog, month, opening_state(book, store, catalog, month))
        load_ids = store.load_ids()
        refused = _refused_rows(store, catalog)
    if only_accounts:
        rated = rated.of_accounts(only_accounts)
    if dry_run:
        return Bill(month, rated.drafts, rated.unassigned, refused, None, ())
    run = Run(
        month=month,
        catalog=catalog,
        engine_version=engine_version(),
        load_ids=load_ids,
        only_accounts=only_accounts,
        started_at=started_at,
        finished_at=datetime.now(UTC),
    )
    with Archive.open(book, "write") as archive:
        before = archive.closing_of(month)
        run_id = archive.replace_drafts(run, rated)
        after = archive.closing_of(month)
        has_moved = before is not None and after is not None and not before.equals(after)
        later = [other for other in archive.closed_months() if has_moved and other > month]
    return Bill(month, rated.drafts, rated.unassigned, refused, run_id, later)


def opening_state(book: Book, store: Store, catalog: Catalog, month: Month) -> pl.DataFrame:
    """Find the state that a month begins with: schema `STATE`.

    It is the recorded closing state of the month before. Months that were never billed for all
    accounts are rated one after the other, from the last recorded state on, and nothing is written.
    """
    closed, state = _last_closing(book, month)
    begun = first_state_month(catalog)
    start = begun if closed is None else closed.next()
    if state.is_empty():
        start = max(begun, start) if begun and start else None
    while start is not None and start < month:
        state = _rate(store, catalog, start, state).closing
        start = start.next()
    return state


def _last_closing(book: Book, month: Month) -> tuple[Month | None, pl.DataFrame]:
    if not book.invoices_path.exists():
        return None, no_state()
    with Archive.open(book) as archive:
        closed = [other for other in archive.closed_months() if other < month]
        state = archive.closing_of(closed[-1]) if closed else None
    return (None, no_state()) if state is None else (closed[-1], state)


def _rate(store: Store, catalog: Catalog, month: Month, opening: pl.DataFrame) -> Rated:
    usage = read_usage(store, catalog, month)
    return rate_month(catalog, month, usage, below_of(store, catalog, month), opening)


def _refused_rows(store: Store, catalog: Catalog) -> dict[str, int]:
    """Count the refused rows that an account may be missing, whenever it owned their sender."""
    owners: dict[str, set[str]] = {}
    for sender in catalog.accounts.senders:
        owners.setdefault(sender.sender_id or sender.waba_id or "", set()).add(sender.account_id)
    counts: Counter[str] = Counter()
    for sender_id, waba_id, row_count in refused_by_sender(store).rows():
        for account_id in owners.get(sender_id) or owners.get(waba_id or "") or ():
            counts[account_id] += row_count
    return dict(sorted(counts.items()))


def read_usage(
    store: Store,
    catalog: Catalog,
    month: Month,
    *,
    asks: Sequence[Ask] | None = None,
    clock: ClockOf = "account",
) -> pl.DataFrame:
    """Ask metering for the usage of a month, cut where a price may change.

    Args:
        asks: What is needed; left out: what the plans in use need.
        clock: Whose zone the month is in.
    """
    frames = [
        measure(
            store,
            catalog.accounts,
            month,
            ask.meter,
            changes=ask.days,
            apart=ask.apart,
            clock=clock,
        )
        for ask in (asks_of(catalog, month) if asks is None else asks)
    ]
    usage = pl.concat(frames)
    assert usage.schema == USAGE, "metering promises this schema"
    return usage


def below_of(
    store: Store,
    catalog: Catalog,
    month: Month,
    *,
    asks: Sequence[Ask] | None = None,
    clock: ClockOf = "account",
) -> Below:
    """Bind metering's answer about the order of time to this store and month; see `read_usage`."""
    listed = asks_of(catalog, month) if asks is None else asks
    by_meter = {ask.meter.meter: ask for ask in listed}

    def below(
        meter: str, cells: pl.DataFrame, bounds: pl.DataFrame, crossing: Crossing
    ) -> pl.DataFrame:
        ask = by_meter[meter]
        return quantity_below(
            store,
            catalog.accounts,
            month,
            ask.meter,
            cells=cells,
            bounds=bounds,
            changes=ask.days,
            apart=ask.apart,
            clock=clock,
            crossing=crossing,
        )

    return below


def engine_version() -> str:
    """The version of Tollbook that is installed, or `clone` where it runs from its source."""
    try:
        return version("tollbook")
    except PackageNotFoundError:
        return "clone"


def messages_of_line(book: Book, drafts: Drafts, line_id: str) -> pl.DataFrame:
    """List the messages that a line charges, the earliest first, at most `MESSAGES_MAX`.

    The line's cells are measured again with the book as it is now. Fees and add-ons have none.
    """
    line = drafts.lines.row(by_predicate=pl.col("line_id") == line_id, named=True)
    invoice = drafts.invoices.row(0, named=True)
    if line["kind"] != "usage":
        raise UsageError(
            f"'{line_id}' is a {line['kind'].replace('_', ' ')} and has no messages",
            where="--messages",
            hint="leave it out",
        )
    catalog, month = load_catalog(book), Month.parse(invoice["period"])
    with Store.open(book, catalog.settings, "read") as store:
        usage = read_usage(store, catalog, month).filter(
            pl.col("account_id") == invoice["account_id"]
        )
        units = units_of_charge(catalog, month, usage, plan=line["plan"], name=name_in_plan(line))
        cells = units.select("meter", *USAGE_DIMENSIONS, "rate_date").unique(maintain_order=True)
        asks = {ask.meter.meter: ask for ask in asks_of(catalog, month)}
        parts = [
            messages_of(
                store,
                catalog.accounts,
                month,
                _of_messages(asks[meter].meter, line_id),
                account_id=invoice["account_id"],
                cells=cells.filter(pl.col("meter") == meter).drop("meter"),
                changes=asks[meter].days,
                limit=MESSAGES_MAX,
            )
            for meter in units["meter"].unique().sort().to_list() or [DELIVERIES]
        ]
    found = pl.concat(parts).sort("delivered_at", maintain_order=True).head(MESSAGES_MAX)
    return found.with_columns(pl.col("delivered_at").dt.replace_time_zone("UTC"))


def _of_messages(meter: Meter, line_id: str) -> Meter:
    is_count = isinstance(meter.aggregation, Count)
    if is_count and not isinstance(meter.source, CloudEvents | Senders):
        return meter
    raise UsageError(
        f"'{line_id}' is of the meter '{meter.meter}', which counts no messages",
        where="--messages",
        hint="leave it out",
    )


def has_changed(book: Book, invoice_id: str) -> bool:
    """Say whether the files of the book differ from those that an invoice was made with."""
    with Archive.open(book, "read") as archive:
        return archive.catalog_hash_of(invoice_id) != load_catalog(book).hash


def _check_known(account_ids: Sequence[str], catalog: Catalog) -> None:
    known = catalog.accounts.ids()
    for account_id in account_ids:
        if account_id not in known:
            raise UsageError(
                f"there is no account '{account_id}'",
                where="--account",
                hint="give an account_id of accounts.csv",
            )
