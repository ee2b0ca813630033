"""A run: what the book and the store say about a month becomes drafts."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import polars as pl

from metering.aggregation import Count
from metering.clock import ClockOf
from metering.errors import UsageError
from metering.event import USAGE, USAGE_DIMENSIONS
from metering.history import known_at
from metering.meter import DELIVERIES, Meter
from metering.period import Month
from metering.quarantine import refused_by_sender
from metering.settings import Book, Settings
from metering.store import Store
from metering.unit import CloudEvents, Senders
from metering.usage import measure, messages_of, quantity_below, usage_by
from pricing.archive import Archive, Run
from pricing.asking import Ask, asks_of
from pricing.billing import Rated, rate, rate_month, units_of_charge
from pricing.catalog import Catalog, hash_of_files, load_catalog
from pricing.invoice import Drafts
from pricing.life.correction import correct
from pricing.life.invoiced import Prior, drafted_after, passed_on
from pricing.life.rerating import Before, look_back, look_back_as
from pricing.life.staleness import Stale, stale_drafts
from pricing.parties import payers_of
from pricing.receivables.opening_state import check_not_taken_over
from pricing.run_outcome import (
    changes_to_documents,
    check_against_days,
    differences_to_kept,
    outcome_of,
    record_run,
)
from pricing.settlement import Rating
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
    outcome: Mapping[str, Any]  # counts and sums, see `outcome_of`
    # Billed later months, which began with another state than is now, or with other corrections.
    outdated: Sequence[Month]
    # Schema LINE_DIFFERENCE: what documents of the month that are kept lack by now; of a dry run
    # how what was rated differs from the documents that are there.
    differences: pl.DataFrame
    stale: Sequence[Stale] = ()  # documents of other months that are out of date by now


def bill(
    book: Book,
    month: Month,
    *,
    only_accounts: Sequence[str] = (),
    dry_run: bool = False,
    as_of: int | None = None,
    actor: str = "",
    tell: Callable[[str], None] = lambda what: None,
) -> Bill:
    """Write the drafts of `month`, in the place of those that were there.

    The whole book is rated whatever `only_accounts` says, since volumes count together; only the
    drafts of these accounts are written then. A dry run writes none. Documents that are no drafts
    stay; what is known of their month by now goes on the next invoice.

    Args:
        as_of: A load: the month as it was known after it. Writes none either.
        tell: Is told each stage as it begins.

    Raises:
        BookError: the files of the book have mistakes.
        UsageError: `only_accounts` names an account that is not there.
        SumsDisagreeError: the deliveries of an account do not add up; nothing was written.
    """
    started_at = datetime.now(UTC)
    tell("reading the files of the book")
    catalog = load_catalog(book)
    only_accounts = _asked(only_accounts, catalog, month)
    with _store_as_of(book, catalog.settings, as_of) as store:
        load_ids = store.load_ids()
        before = look_back_from(book, store, catalog, month, tell=tell)
        tell(f"rating {month}")
        rated = rate_after(store, catalog, month, before)
        refused = _refused_rows(store, catalog)
    if only_accounts:
        rated = rated.of_accounts(only_accounts)
    drafts, loose = rated.drafts, rated.unassigned
    if dry_run or as_of is not None:
        changed = changes_to_documents(book, month, drafts, only_accounts)
        outcome = outcome_of(rated, changed.clear())
        return Bill(month, drafts, loose, refused, None, outcome, (), changed)
    differences = differences_to_kept(book, catalog, month, rated)
    outcome = outcome_of(rated, differences) | {"undocumented": before.undocumented()}
    tell(f"writing {drafts.invoices.height:,} drafts")
    run = Run(
        month=month,
        catalog=catalog,
        engine_version=engine_version(),
        load_ids=load_ids,
        only_accounts=only_accounts,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        actor=actor,
        prior=before.prior.content(),
        outcome=outcome,
        closings=before.closings,
    )
    run_id, drafts, late, stale = _write(book, run, rated)
    return Bill(month, drafts, loose, refused, run_id, outcome, late, differences, stale)


def _asked(only_accounts: Sequence[str], catalog: Catalog, month: Month) -> list[str]:
    """Add the accounts that these pay for: what their credits pay is on the same invoice."""
    _check_known(only_accounts, catalog)
    payers = payers_of(catalog.facts(month))
    paid_for = {name for name, payer_id in payers.items() if payer_id in only_accounts}
    return [*only_accounts, *sorted(paid_for.difference(only_accounts))]


def _write(book: Book, run: Run, rated: Rated) -> tuple[int, Drafts, list[Month], list[Stale]]:
    """Write drafts; answer the run, what was written, and what is out of date by it.

    These are later months, which began with another state, and documents, which were made when
    something else counted as invoiced.
    """
    with Archive.open(book, "write") as archive:
        check_not_taken_over(archive, run.month)
        before, passed = archive.closing_of(run.month), passed_on(archive, run.month)
        with archive.transaction():
            run_id, drafts = archive.replace_drafts(run, rated)
            record_run(archive, run, run_id)
        after = archive.closing_of(run.month)
        has_moved = before is not None and after is not None and not before.equals(after)
        later = {other for other in archive.closed_months() if has_moved and other > run.month}
        if not passed.equals(passed_on(archive, run.month)):
            later.update(drafted_after(archive, run.month))
        return run_id, drafts, sorted(later), stale_drafts(archive)


@contextmanager
def _store_as_of(book: Book, settings: Settings, as_of: int | None) -> Iterator[Store]:
    with Store.open(book, settings, "read") as store:
        load_ids = store.load_ids()
        if as_of is None:
            yield store
            return
    if as_of not in load_ids:
        raise UsageError(
            f"there is no load {as_of}",
            where="--as-of",
            hint=f"give a number from 1 to {max(load_ids, default=0)}",
        )
    with known_at(book, settings, [number for number in load_ids if number <= as_of]) as store:
        yield store


def rate_after(store: Store, catalog: Catalog, month: Month, before: Before) -> Rated:
    """Rate a month after those before it, with the corrections of these."""
    corrections = None
    if before.invoiced is not None:
        corrections = correct(before.again, before.invoiced, catalog)
    daily = daily_deliveries(store, catalog, month)
    rated = rate_month(
        catalog,
        month,
        read_usage(store, catalog, month),
        below_of(store, catalog, month),
        before.prior.opening,
        corrections=corrections,
        daily=daily,
    )
    check_against_days(rated, daily)
    return rated


def look_back_from(
    book: Book,
    store: Store,
    catalog: Catalog,
    month: Month,
    prior: Prior | None = None,
    *,
    tell: Callable[[str], None] = lambda what: None,
) -> Before:
    """Bind `look_back`, or with what a run recorded `look_back_as`, to a store; see there."""

    def rate_again(earlier: Month, opening: pl.DataFrame) -> Rating:
        tell(f"rating {earlier} again")
        usage = read_usage(store, catalog, earlier)
        return rate(catalog, earlier, usage, below_of(store, catalog, earlier), opening)

    def close(earlier: Month, opening: pl.DataFrame) -> pl.DataFrame:
        tell(f"rating {earlier} for what it hands on")
        usage = read_usage(store, catalog, earlier)
        below = below_of(store, catalog, earlier)
        return rate_month(catalog, earlier, usage, below, opening).closing

    if prior is not None:
        return look_back_as(book, catalog, month, prior, rate=rate_again, close=close)
    load_ids = store.load_ids()
    return look_back(book, catalog, month, load_ids=load_ids, rate=rate_again, close=close)


def opening_state(book: Book, store: Store, catalog: Catalog, month: Month) -> pl.DataFrame:
    """Find the state that a month begins with: schema `STATE`."""
    return look_back_from(book, store, catalog, month).prior.opening


def daily_deliveries(store: Store, catalog: Catalog, month: Month) -> dict[str, list[int]]:
    """Count the deliveries of each day of a month, by account, in its zone."""
    usage = usage_by(store, catalog.accounts, month, DELIVERIES, ("account", "day"))
    found: dict[str, list[int]] = {}
    day_count = month.day_count
    for account_id, day, quantity in usage.select("account", "day", "quantity").iter_rows():
        if account_id is not None:
            counts = found.setdefault(account_id, [0] * day_count)
            counts[day.day - 1] += int(quantity)
    return found


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
    kind = "correction" if line["is_correction"] else line["kind"]
    if kind != "usage":
        raise UsageError(
            f"'{line_id}' is a {kind.replace('_', ' ')} and has no messages",
            where="--messages",
            hint="leave it out",
        )
    catalog, month = load_catalog(book), Month.parse(invoice["period"])
    with Store.open(book, catalog.settings, "read") as store:
        usage = read_usage(store, catalog, month).filter(pl.col("account_id") == line["account_id"])
        units = units_of_charge(
            catalog,
            month,
            usage,
            plan=line["plan"],
            name=line["charge"].removeprefix(f"{line['plan']}: "),
        )
        cells = units.select("meter", *USAGE_DIMENSIONS, "rate_date").unique(maintain_order=True)
        asks = {ask.meter.meter: ask for ask in asks_of(catalog, month)}
        parts = [
            messages_of(
                store,
                catalog.accounts,
                month,
                _of_messages(asks[meter].meter, line_id),
                account_id=line["account_id"],
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
        return archive.catalog_hash_of(invoice_id) != hash_of_files(book)


def _check_known(account_ids: Sequence[str], catalog: Catalog) -> None:
    known = catalog.accounts.ids()
    for account_id in account_ids:
        if account_id not in known:
            raise UsageError(
                f"there is no account '{account_id}'",
                where="--account",
                hint="give an account_id of accounts.csv",
            )
