"""What a run came to: counts, sums that must agree, and how it differs from what was there."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from metering.errors import SumsDisagreeError
from metering.event import QUANTITY
from metering.output import quantity_text
from metering.period import Month
from metering.settings import Book
from pricing.archive import Archive, Run
from pricing.billing import Rated
from pricing.catalog import Catalog
from pricing.document_writer import tax_in_words
from pricing.invoice import Drafts, in_plan
from pricing.life.correction import ISSUED, changed_lines
from pricing.life.invoiced import Prior, counted_of, read_invoiced
from pricing.life.seal import seals_of_run
from pricing.life.trail import record_all
from pricing.line import CHARGED
from pricing.money import amount_text
from pricing.state import no_state

# How a line differs from what was there, in minor units of `currency`.
LINE_DIFFERENCE = pl.Schema(
    {
        "account_id": pl.String(),
        "period": pl.String(),
        "plan": pl.String(),
        "kind": pl.String(),
        "charge": pl.String(),
        "quantity": QUANTITY,
        "amount_minor": pl.Int64(),
        "currency": pl.String(),
    }
)
NAME = [name for name in LINE_DIFFERENCE if name not in ("quantity", "amount_minor")]
SIGNED = ("quantity", "amount_minor")


def differences_to_kept(book: Book, catalog: Catalog, month: Month, rated: Rated) -> pl.DataFrame:
    """Find what documents of the month that are kept lack by now: schema `LINE_DIFFERENCE`.

    It goes on the next invoices of these accounts, unless documents of later months have it.
    """
    if not book.invoices_path.exists():
        return LINE_DIFFERENCE.to_frame()
    with Archive.open(book) as archive:
        closed = archive.kept_accounts(month)
        counted = tuple(counted_of(archive, month))
        invoiced = read_invoiced(
            archive,
            Prior(
                start=month,
                state=no_state(),
                opening=no_state(),
                again=(month,),
                counted=counted,
                closed={month: closed},
                issued=ISSUED.to_frame(),
            ),
        )
    own = rated.drafts.lines.filter(~pl.col("is_correction"))
    lines = own.with_columns(charge=in_plan(), note=pl.lit(None, pl.String))
    payers = dict(
        own.join(rated.drafts.invoices, on="invoice_id", suffix="_of_payer")
        .select("account_id", "account_id_of_payer")
        .unique()
        .rows()
    )
    rated_lines = lines.select(CHARGED.names())
    found = changed_lines(month, rated_lines, invoiced, payers, catalog)
    return found.select(LINE_DIFFERENCE.names()).sort(NAME)


def changes_to_documents(
    book: Book, month: Month, drafts: Drafts, only_accounts: Sequence[str]
) -> pl.DataFrame:
    """Find how lines and taxes differ from those of the documents of the month.

    Schema `LINE_DIFFERENCE`. A tax is of who pays, so that the amounts of an account and those it
    pays for add up to how much the totals of its documents change.
    """
    after = _amounts_of(drafts)
    if not book.invoices_path.exists():
        before = after.clear()
    else:
        with Archive.open(book) as archive:
            there = archive.drafts_of(period=str(month))
        is_made = ~pl.col("state").is_in(["void"]) & pl.col("reason").is_null()
        is_asked = pl.col("account_id").is_in([*only_accounts]) if only_accounts else True
        before = _amounts_of(there.with_invoices(there.invoices.filter(is_made, is_asked)))
    taken_off = before.with_columns(-pl.col(name) for name in SIGNED)
    return (
        pl.concat([after, taken_off])
        .group_by(NAME)
        .agg(pl.col(name).sum() for name in SIGNED)
        .filter(pl.any_horizontal(pl.col(name) != 0 for name in SIGNED))
        .select(LINE_DIFFERENCE.names())
        .sort(NAME)
    )


def _amounts_of(drafts: Drafts) -> pl.DataFrame:
    """Write each line, and each tax as a line of kind `tax`: schema `LINE_DIFFERENCE`."""
    kinds = drafts.taxes.select("treatment", "name", "rate_ratio").unique()
    words = [tax_in_words(*kind) for kind in kinds.iter_rows()]
    taxes = (
        drafts.taxes.join(
            kinds.with_columns(charge=pl.Series(words, dtype=pl.String)), on=kinds.columns
        )
        .join(drafts.invoices, on="invoice_id", suffix="_of_invoice")
        .with_columns(
            plan=pl.lit(""),
            kind=pl.lit("tax"),
            quantity=pl.lit(0, QUANTITY),
            amount_minor=pl.col("tax_minor"),
        )
    )
    names = LINE_DIFFERENCE.names()
    return pl.concat([drafts.lines.select(names), taxes.select(names)])


def check_against_days(rated: Rated, daily: Mapping[str, list[int]]) -> None:
    """Check that what became of deliveries adds up to those that were counted day by day.

    The two were counted apart: one by prices, the other by days.

    Raises:
        SumsDisagreeError: they are not the same for an account.
    """
    by_component = rated.counts.group_by("account_id", "plan", "version_from", "component").agg(
        pl.col("quantity").sum()
    )
    by_version = by_component.group_by("account_id", "plan", "version_from").agg(
        pl.col("quantity").first()
    )
    counted = dict(by_version.group_by("account_id").agg(pl.col("quantity").sum()).rows())
    by_day = {account_id: sum(counts) for account_id, counts in daily.items()}
    uneven = [
        account_id
        for account_id in sorted({*counted, *by_day})
        if counted.get(account_id, 0) != by_day.get(account_id, 0)
    ]
    if uneven:
        raise SumsDisagreeError(
            f"the deliveries of {len(uneven)} accounts are not those of their days,"
            f" the first is '{uneven[0]}'",
            where="coverage",
            hint="nothing was written; this is a defect of the engine: please report it",
        )


def outcome_of(rated: Rated, kept: pl.DataFrame) -> dict[str, Any]:
    """Count accounts and deliveries of a run.

    For each component of a plan, all deliveries of the accounts on it are billed, free by some
    reason, in a conversation, uncovered, without a plan, removed or unknown.
    """
    invoices = rated.drafts.invoices
    reasons: Counter[str] = Counter()
    for blocked in invoices.filter("is_blocked")["blocked"]:
        reasons.update({reason["reason"] for reason in json.loads(blocked)})
    is_customer = pl.col("purpose") == "customer"
    skipped = invoices.filter(~is_customer).group_by("purpose").len().sort("purpose")
    return {
        "accounts": invoices["account_id"].n_unique(),
        "billed": invoices.filter(is_customer & ~pl.col("is_blocked")).height,
        "skipped": dict(skipped.rows()),
        "blocked": dict(sorted(reasons.items())),
        "corrected_lines": int(rated.drafts.lines["is_correction"].sum()),
        "kept_lines_that_differ": kept.height,
        "untaxed": {month: sorted(names) for month, names in rated.untaxed.items() if names},
        "totals": [
            {"currency": currency, "total": amount_text(minor, currency)}
            for currency, minor in invoices.filter(is_customer)
            .group_by("currency")
            .agg(pl.col("total_minor").sum())
            .sort("currency")
            .iter_rows()
        ],
        "sums": _sums(rated.counts),
        "unassigned": quantity_text(rated.unassigned),
    }


def record_run(archive: Archive, run: Run, run_id: int) -> None:
    """Tell the trail of a run, and of the files that differ from those of the run before it."""
    things: list[tuple[str, str, dict[str, Any]]] = []
    changed = _changed_files(archive, run_id)
    if changed:
        facts = {"catalog": run.catalog.hash, "files": changed}
        things.append(("catalog.changed", run.catalog.hash, facts))
    about: dict[str, Any] = {
        "period": str(run.month),
        "catalog": run.catalog.hash,
        "engine_version": run.engine_version,
        "loads": len(run.load_ids),
        "totals": run.outcome.get("totals", []),
        "seals": seals_of_run(archive, run_id, map(str, (run.month, *run.closings))),
    }
    things.append(("run.finished", f"run {run_id}", about))
    record_all(archive, things, actor=run.actor)


def _changed_files(archive: Archive, run_id: int) -> list[str]:
    query = (
        "select coalesce(one.name, other.name) as name"
        " from (select c.name, c.sha256 from catalogs as c join runs using (catalog_hash)"
        " where run_id = $run_id) as one"
        " full join (select c.name, c.sha256 from catalogs as c join runs using (catalog_hash)"
        " where run_id = $run_id - 1) as other on one.name = other.name"
        " where one.sha256 is distinct from other.sha256 order by all"
    )
    return archive.frame(query, {"run_id": run_id})["name"].to_list()


def _sums(counts: pl.DataFrame) -> list[dict[str, Any]]:
    key = ["plan", "component"]
    summed = counts.group_by(*key, "status", "reason").agg(pl.col("quantity").sum())
    found: dict[tuple[Any, Any], dict[str, Any]] = {}
    for plan, component, status, reason, quantity in summed.sort(
        *key, "status", "reason", nulls_last=True
    ).iter_rows():
        sums = found.setdefault(
            (plan, component), {"plan": plan, "component": component, "deliveries": 0}
        )
        name = f"free: {reason}" if status == "free" else status
        sums["deliveries"] += quantity
        sums[name] = sums.get(name, 0) + quantity
    return [
        {
            name: value if isinstance(value, str | None) else quantity_text(value)
            for name, value in sums.items()
        }
        for sums in found.values()
    ]
