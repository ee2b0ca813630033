"""Rating again: months that were invoiced, with what is known now, and the state they hand on.

Months are rated in their order, since each begins with what the one before hands on. What credits
paid is no question of rating: it stays what documents say.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from metering.errors import BookError, Problem
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive
from pricing.billing import first_state_month
from pricing.catalog import Catalog
from pricing.ledger import credit_state
from pricing.life.correction import ISSUED, Again, Invoiced
from pricing.life.given_back import given_back
from pricing.life.invoiced import (
    Prior,
    carried_before,
    closed_before,
    corrected_before,
    counted_before,
    documented_in,
    inputs_of_documents,
    issued_among,
    last_with_others,
    read_invoiced,
    void_before,
    with_passing,
)
from pricing.parties import payers_of
from pricing.settlement import Rating
from pricing.state import closing_state, no_state

Rate = Callable[[Month, pl.DataFrame], Rating]  # a month, from its opening state
Close = Callable[[Month, pl.DataFrame], pl.DataFrame]  # the closing state, credits and all


@dataclass(frozen=True)
class Before:
    """What the months before say to the one that is billed."""

    prior: Prior
    again: dict[Month, Again]
    invoiced: Invoiced | None  # None where nothing was ever billed
    documented: Mapping[Month, Collection[str]] = field(default_factory=dict)
    # What the months that were rated again hand on by now: schema STATE.
    closings: Mapping[Month, pl.DataFrame] = field(default_factory=dict)
    void: Mapping[Month, Collection[str]] = field(default_factory=dict)  # who has no other document

    def undocumented(self) -> dict[str, list[str]]:
        """Name who owes something for a month that was invoiced, and has no document of it."""
        found = {str(month): [*account_ids] for month, account_ids in self.void.items()}
        for month, again in self.again.items():
            if month in self.prior.waiting:
                continue
            payer_id = pl.col("account_id").replace(dict(again.payers))
            is_there = payer_id.is_in([*self.documented.get(month, ())])
            owing = again.lines.filter(~is_there, pl.col("amount_minor") != 0)
            if owing.height:
                named = {*owing["account_id"], *found.get(str(month), ())}
                found[str(month)] = sorted(named)
        return dict(sorted(found.items()))


def look_back(
    book: Book,
    catalog: Catalog,
    month: Month,
    *,
    load_ids: list[int],
    rate: Rate,
    close: Close,
) -> Before:
    """Find the state that a month begins with, and rate again what was invoiced before it.

    A month is rated again if its documents were made with other loads or another catalog than
    there are now, if other documents correct it, or if a month before it is rated again. Of a month
    that is farther back than the settings say, small totals that wait are taken alone. Months
    that were never billed for all accounts are rated one after the other, from the last recorded
    state on. Nothing is written.
    """
    if not book.invoices_path.exists():
        opening = _state_before(catalog, None, no_state(), month, close)
        prior = Prior(month, opening, opening, (), (), {}, ISSUED.to_frame())
        return Before(prior, {}, None)
    with Archive.open(book) as archive:
        closed = closed_before(archive, month, load_ids)
        changed = _to_rate_again(archive, catalog, month, [*closed], load_ids)
        first = min(changed, default=month)
        waiting = _waiting(archive, closed, month, first)
        closed |= waiting
        start = min([first, *waiting])
        months = tuple(sorted(m for m in closed if m >= first or m in waiting))
        counted = tuple(counted_before(archive, month, months, load_ids))
        prior = Prior(
            start=start,
            state=no_state(),  # what is not known yet follows
            opening=no_state(),
            again=months,
            counted=counted,
            closed={m: closed[m] for m in months},
            issued=issued_among(archive, counted),
            waiting=tuple(sorted(waiting)),
        )
        prior = with_passing(archive, prior)
        late = last_with_others(archive, load_ids)
        known = [m for m in archive.closed_months() if m < month and (late is None or m > late)]
        recorded = {m: archive.closing_of(m) for m in known}
    last = max((m for m in recorded if m < start), default=None)
    handed = None if last is None else recorded[last]
    state = _state_before(catalog, last, no_state() if handed is None else handed, start, close)
    before = _rate_again(book, catalog, month, replace(prior, state=state), rate, close, recorded)
    return _with_given_back(book, month, before)


def _with_given_back(book: Book, month: Month, before: Before) -> Before:
    """Let the month begin with what comes back to its credits, too."""
    with Archive.open(book) as archive:
        given = given_back(archive, month, before.prior.again)
    opening = closing_state([before.prior.opening, given])
    return replace(before, prior=replace(before.prior, opening=opening))


def look_back_as(
    book: Book, catalog: Catalog, month: Month, prior: Prior, *, rate: Rate, close: Close
) -> Before:
    """Rate again what a run that recorded `prior` rated again."""
    before = _rate_again(book, catalog, month, prior, rate, close, prior.handed_on)
    return replace(before, prior=prior)


def _rate_again(
    book: Book,
    catalog: Catalog,
    month: Month,
    prior: Prior,
    rate: Rate,
    close: Close,
    recorded: Mapping[Month, pl.DataFrame] | Mapping[Month, pl.DataFrame | None],
) -> Before:
    """Rate the months from `prior.start` up to `month`.

    Args:
        recorded: The closing states that runs recorded. What they say of credits holds, and so
            does all of a month that nothing but drafts was made of: these stand as they are.
    """
    state, at = prior.state, prior.start
    handed_on: dict[Month, pl.DataFrame] = {}
    closings: dict[Month, pl.DataFrame] = {}
    again: dict[Month, Again] = {}
    while at < month:
        kept = recorded.get(at)
        if at in prior.again:
            rating = rate(at, state)
            payers = payers_of(catalog.facts(at))
            again[at] = Again(rating.lines, rating.details, rating.blocked(), payers)
        if at in prior.again and (at not in prior.waiting or kept is None):
            paid = credit_state(no_state() if kept is None else kept)
            state = closings[at] = closing_state([paid, *rating.closing])
        else:
            state = close(at, state) if kept is None else kept
            handed_on[at] = state
        at = at.next()
    with Archive.open(book) as archive:
        invoiced = read_invoiced(archive, prior)
        documented = documented_in(archive, prior.again)
        void = void_before(archive, month)
    _check_owners(catalog, invoiced)
    prior = replace(prior, opening=state, handed_on=handed_on)
    return Before(prior, again, invoiced, documented, closings, void)


def _check_owners(catalog: Catalog, invoiced: Invoiced) -> None:
    known = {*catalog.accounts.ids()}
    named = {*invoiced.lines["account_id"]}.union(*invoiced.closed.values())
    if named - known:
        raise BookError(
            [
                Problem(
                    "accounts.csv account_id",
                    f"account '{name}' has documents and is not in accounts.csv",
                    "put its row back: its invoices can only be corrected if it is known",
                )
                for name in sorted(named - known)
            ]
        )


def _to_rate_again(
    archive: Archive, catalog: Catalog, month: Month, closed: list[Month], load_ids: list[int]
) -> list[Month]:
    """Name the invoiced months that may have changed, as far back as the settings say."""
    reach = month.back(catalog.settings.invoicing.months_back)
    known = inputs_of_documents(archive)
    now = (catalog.hash, tuple(load_ids))
    corrected = {*corrected_before(archive, month)}
    is_other = {m: known.get(m) != {now} or m in corrected for m in closed}
    carried = {*carried_before(archive, month)}
    return [m for m in closed if m >= reach and (is_other[m] or m in carried)]


def _waiting(
    archive: Archive, closed: Mapping[Month, list[str]], month: Month, start: Month
) -> dict[Month, list[str]]:
    """Name whose small totals wait, of months before `start`: nothing else of these changes."""
    found = {}
    for at, names in carried_before(archive, month).items():
        taken = [name for name in names if name in closed.get(at, ())]
        if at < start and taken:
            found[at] = taken
    return found


def _state_before(
    catalog: Catalog, closed: Month | None, state: pl.DataFrame, month: Month, close: Close
) -> pl.DataFrame:
    """Go from the closing state of a month, or from the beginning, to the opening of another."""
    begun = first_state_month(catalog)
    start = begun if closed is None else closed.next()
    if state.is_empty():
        start = max(begun, start) if begun and start else None
    while start is not None and start < month:
        state = close(start, state)
        start = start.next()
    return state
