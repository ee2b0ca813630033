"""Stale documents: what they took off as invoiced is not what counts as invoiced by now.

A draft that corrects an earlier month says what is right less what was invoiced when it was made.
If another document was made, discarded or made void since, that difference is another one: both
together would charge something twice, or take it off twice. Such a document is neither approved nor
issued; its month is billed again. What was made later, and took a document into account, leaves
that document as it is.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pricing.archive import Archive
from pricing.invoice import Drafts, in_plan
from pricing.life.invoiced import COUNTS, Prior, read_invoiced

Pair = tuple[str, str]  # an account and a month that is corrected
Key = tuple[str, str, str, str]  # plan, kind, charge in its plan, currency
Sums = Mapping[Key, tuple[Decimal, int]]  # quantity and minor units
OF_RUNS = ("run", "correction")  # the origin of what a run wrote
LINE_KEY = ("account_id", "period", "plan", "kind", "charge", "currency")


@dataclass(frozen=True)
class Stale:
    """A document that is not what billing its month would give by now."""

    invoice_id: str
    state: str
    months: tuple[str, ...]  # of which something else counts as invoiced
    waits_for: tuple[str, ...] = ()  # it is right as soon as these are issued
    also_on: tuple[str, ...] = ()  # documents of other payers that have usage of it, too

    @property
    def period(self) -> str:
        """The month of the document."""
        return _period_of(self.invoice_id)

    def why(self) -> str:
        """Say what is wrong and what to do."""
        if self.waits_for:
            others = ", ".join(self.waits_for)
            return f"goes by {others}, not issued yet: issue it before, or in the same call"
        if self.also_on:
            return (
                f"has usage that is on {', '.join(self.also_on)}, too, since another paid for it"
                f" then: let accounts.csv say so for {self.period}, or take that one back, and"
                f" tollbook bill {self.period}"
            )
        reopen = f"tollbook invoice reopen {self.invoice_id} --reason ..., then "
        return (
            f"is out of date: what is invoiced of {', '.join(self.months)} has changed since;"
            f" {reopen if self.state == 'approved' else ''}tollbook bill {self.period}"
        )


def stale_documents(archive: Archive, chosen: Drafts) -> dict[str, Stale]:
    """Find what must not be approved: here drafts of earlier months count, as they do in a bill."""
    names = chosen.invoices["invoice_id"].to_list()
    look = _Look(archive, names)
    return {one.invoice_id: one for one in (*look.stale(_counts_in_bill), *_twice(archive, names))}


def stale_at_issue(
    archive: Archive, chosen: Drafts, carried: Collection[str] = ()
) -> dict[str, Stale]:
    """Find what must not be issued: nothing counts but what is issued, and what is with it.

    Args:
        archive: The documents.
        chosen: What is to be issued together: these count for each other.
        carried: Those of them that get no number: they count for who took them off.
    """
    together = {*chosen.invoices["invoice_id"]}
    look = _Look(archive, [*together], carried)
    found: dict[str, Stale] = {}
    while True:  # what goes by a document that is left out is left out too
        more = {
            one.invoice_id: one
            for one in look.stale(_issued_or_in(together - {*carried} - found.keys()))
            if one.invoice_id not in found
        }
        if not more:
            return found
        found |= more


def stale_drafts(archive: Archive) -> list[Stale]:
    """List the documents that are stale and not issued, by their months."""
    query = (
        f"select invoice_id from invoices where origin in {OF_RUNS}"
        " and state in ('draft', 'approved')"
    )
    look = _Look(archive, archive.frame(query)["invoice_id"].to_list())
    found = look.stale(_counts_in_bill)
    return sorted(found, key=lambda one: (one.period, one.invoice_id))


def to_bill_again(stale: Sequence[Stale]) -> str:
    """Say what to do about documents that are stale, a sentence."""
    months = ", ".join(sorted({one.period for one in stale}))
    approved = [one.invoice_id for one in stale if one.state == "approved"]
    reopen = f"reopen {', '.join(approved[:3])}{' ...' if approved[3:] else ''}, then " * bool(
        approved
    )
    documents = "1 document is" if len(stale) == 1 else f"{len(stale):,} documents are"
    return (
        f"{documents} out of date by it, like {stale[0].invoice_id}:"
        f" {reopen}bill {months} again, in this order"
    )


@dataclass(frozen=True)
class _Head:
    """What is asked of a document that counts as invoiced, or is looked at."""

    invoice_id: str
    state: str
    origin: str
    run_id: int

    @property
    def period(self) -> str:
        return _period_of(self.invoice_id)


class _Look:
    """What documents correct, and all that counts as invoiced of it; read once."""

    def __init__(
        self, archive: Archive, invoice_ids: Sequence[str], carried: Collection[str] = ()
    ) -> None:
        self._archive, self._carried = archive, {*carried}
        self._priors: dict[int, Prior | None] = {}
        self._heads, self._pairs = _corrected(archive, invoice_ids)
        self._counted = _counted(archive, invoice_ids)

    def stale(self, counts: Callable[[_Head, _Head], bool]) -> Iterator[Stale]:
        """Compare what each document took off with what counts by now."""
        for run_id in sorted({head.run_id for head in self._heads}):
            prior = self._prior(run_id)
            if prior is None:
                continue  # an older version wrote it, which recorded nothing
            then = _sums_of(
                read_invoiced(self._archive, prior)
                .lines.with_columns(charge=in_plan())
                .select(*LINE_KEY, "quantity", "amount_minor")
                .rows()
            )
            for one in self._heads:
                if one.run_id == run_id:
                    yield from self._judge(one, then, counts)

    def _judge(
        self, one: _Head, then: Mapping[Pair, Sums], counts: Callable[[_Head, _Head], bool]
    ) -> Iterator[Stale]:
        pairs = self._pairs[one.invoice_id]
        changed = {pair for pair in pairs if self._now(one, pair, counts) != then.get(pair, {})}
        if not changed:
            return
        in_bill = _counts_in_bill
        waits_for: set[str] = set()
        if all(self._now(one, pair, in_bill) == then.get(pair, {}) for pair in pairs):
            waits_for = {
                other.invoice_id
                for pair in changed
                for other in self._counted.get(pair, {})
                if self._is_asked(one, other, in_bill) and not counts(other, one)
            }
        months = tuple(sorted({period for _, period in changed}))
        yield Stale(one.invoice_id, one.state, months, tuple(sorted(waits_for)))

    def _now(self, one: _Head, pair: Pair, counts: Callable[[_Head, _Head], bool]) -> Sums:
        return _added_up(
            sums
            for other, sums in self._counted.get(pair, {}).items()
            if self._is_asked(one, other, counts)
        )

    def _is_asked(self, one: _Head, other: _Head, counts: Callable[[_Head, _Head], bool]) -> bool:
        """Whether a document counts for one: not where it was made on top of that one.

        A small total that is carried counts for those who took it off: it comes with another.
        """
        if other.invoice_id == one.invoice_id:
            return False
        took = self._took(one, other)
        if other.state == "carried" or other.invoice_id in self._carried:
            return took
        return counts(other, one) and (took or not self._took(other, one))

    def _took(self, one: _Head, other: _Head) -> bool:
        """Whether the run of one took lines of the other into account."""
        prior = self._prior(one.run_id) if one.origin in OF_RUNS else None
        return prior is not None and other.invoice_id in prior.counted

    def _prior(self, run_id: int) -> Prior | None:
        if run_id not in self._priors:
            content = self._archive.value(
                "select content from runs join contents on sha256 = prior_sha256"
                " where run_id = $run_id",
                {"run_id": run_id},
            )
            self._priors[run_id] = Prior.of(bytes(content)) if content else None
        return self._priors[run_id]


def _twice(archive: Archive, invoice_ids: Sequence[str]) -> Iterator[Stale]:
    """Find documents with usage that is on a document of another payer: it was paid for twice.

    That is so where `accounts.csv` names another payer since that one was made, of a month that is
    billed again. What a correction says of a month is none: it counts what was invoiced.
    """
    rows = archive.frame(
        "select own.invoice_id, head.state, list(distinct other.invoice_id order by"
        " other.invoice_id) from lines as own join invoices as head using (invoice_id)"
        " join lines as other on other.account_id = own.account_id and other.period = own.period"
        " join invoices as there on there.invoice_id = other.invoice_id"
        " where own.invoice_id in (select unnest($ids::varchar[]))"
        " and head.origin = 'run' and there.origin = 'run' and there.state <> 'void'"
        " and head.account_id <> there.account_id"
        " and not own.is_correction and not other.is_correction"
        " group by all order by all",
        {"ids": [*invoice_ids]},
    ).rows()
    for invoice_id, state, others in rows:
        yield Stale(invoice_id, state, (_period_of(invoice_id),), also_on=tuple(others))


def _period_of(invoice_id: str) -> str:
    return invoice_id.split("/")[-2]


def _counts_in_bill(other: _Head, one: _Head) -> bool:
    """Whether a document counts when the month of another is billed."""
    return other.state != "draft" or other.period < one.period


def _issued_or_in(together: Collection[str]) -> Callable[[_Head, _Head], bool]:
    return lambda other, _: other.state == "issued" or other.invoice_id in together


def _corrected(
    archive: Archive, invoice_ids: Sequence[str]
) -> tuple[list[_Head], dict[str, set[Pair]]]:
    """Read which of these documents of runs correct something, and what."""
    rows = archive.frame(
        "select distinct invoice_id, state, origin, run_id, lines.account_id, lines.period"
        " from invoices join lines using (invoice_id)"
        f" where origin in {OF_RUNS} and is_correction"
        " and invoice_id in (select unnest($ids::varchar[]))"
        " order by all",
        {"ids": [*invoice_ids]},
    ).rows()
    pairs: dict[str, set[Pair]] = {}
    for invoice_id, *_, account_id, period in rows:
        pairs.setdefault(invoice_id, set()).add((account_id, period))
    return [*dict.fromkeys(_Head(*row[:4]) for row in rows)], pairs


def _counted(archive: Archive, invoice_ids: Sequence[str]) -> dict[Pair, dict[_Head, Sums]]:
    """Read all that counts as invoiced of what these documents correct."""
    lines = archive.frame(
        "select invoice_id, state, origin, run_id, lines.account_id, lines.period, plan,"
        " lines.kind, charge, lines.currency, quantity, amount_minor"
        " from lines join invoices using (invoice_id)"
        " semi join (select account_id, period from lines"
        " where is_correction and invoice_id in (select unnest($ids::varchar[]))) as corrected"
        " on corrected.account_id = lines.account_id and corrected.period = lines.period"
        f" where ({COUNTS}) or (origin in {OF_RUNS} and state = 'carried')",
        {"ids": [*invoice_ids]},
    )
    by_head: dict[_Head, list[tuple[Any, ...]]] = {}
    for row in lines.with_columns(charge=in_plan()).rows():
        by_head.setdefault(_Head(*row[:4]), []).append(row[4:])
    found: dict[Pair, dict[_Head, Sums]] = {}
    for head, rows in by_head.items():
        for pair, sums in _sums_of(rows).items():
            found.setdefault(pair, {})[head] = sums
    return found


def _sums_of(rows: Iterable[tuple[Any, ...]]) -> dict[Pair, Sums]:
    """Add up rows of an account, a month, a key, quantity and amount."""
    parts: dict[Pair, list[Sums]] = {}
    for account_id, period, *key, quantity, minor in rows:
        sums = {(key[0], key[1], key[2], key[3]): (quantity, minor)}
        parts.setdefault((account_id, period), []).append(sums)
    return {pair: _added_up(some) for pair, some in parts.items()}


def _added_up(parts: Iterable[Sums]) -> Sums:
    """Add up sums by their keys; what comes to nothing is left out."""
    found: dict[Key, tuple[Decimal, int]] = {}
    for part in parts:
        for key, (quantity, minor) in part.items():
            before = found.get(key, (Decimal(0), 0))
            found[key] = (before[0] + quantity, before[1] + minor)
    return {key: sums for key, sums in found.items() if any(sums)}
