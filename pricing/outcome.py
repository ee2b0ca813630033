"""What became of each delivery of an account, and what keeps its invoice from being issued."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from metering.output import quantity_text

Blocked = Mapping[str, list[dict[str, str]]]  # by account: what keeps its invoice back
BLOCKING = ("uncovered", "unknown", "no_plan")


def coverage_of(counts: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Fold what `count_deliveries` answered into the `coverage` of each account's invoice."""
    by_account: dict[str, list[dict[str, Any]]] = {}
    for row in counts.iter_rows(named=True):
        by_account.setdefault(row["account_id"], []).append(row)
    return {account_id: _coverage(rows) for account_id, rows in by_account.items()}


def blocked_by(details: pl.DataFrame, left: pl.DataFrame) -> Blocked:
    """List for each account what keeps its invoice from being issued."""
    unknown = details.filter(pl.col("status") == "unknown").with_columns(
        status=pl.lit("unknown_price")
    )
    kept = left.filter(pl.col("status").is_in(BLOCKING))
    key = ["account_id", "status", "plan", "component", "meter", "reason"]
    rows = (
        pl.concat([unknown.select(*key, "quantity"), kept.select(*key, "quantity")])
        .group_by(key)
        .agg(pl.col("quantity").sum())
        .sort(key, nulls_last=True)
    )
    blocked: dict[str, list[dict[str, str]]] = {}
    for row in rows.iter_rows(named=True):
        reason = {
            "reason": row["status"],
            "quantity": quantity_text(row["quantity"]),
            "what": _what_blocks(row),
        }
        blocked.setdefault(row["account_id"], []).append(reason)
    return blocked


def merged(*parts: Blocked) -> Blocked:
    """Put together what keeps invoices back."""
    found: dict[str, list[dict[str, str]]] = {}
    for part in parts:
        for account_id, reasons in part.items():
            found.setdefault(account_id, []).extend(reasons)
    return found


def _coverage(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Fold the counts of one account: for each component of a plan, what became of each delivery.

    Every component counts the deliveries of its days, so that any one of a version gives them all;
    `no_plan` and `removed` of the whole are those of days without a plan.
    """
    components: dict[tuple[Any, ...], dict[str, Any]] = {}
    homeless = {"no_plan": Decimal(0), "removed": Decimal(0)}
    versions: dict[tuple[Any, ...], Decimal] = {}
    for row in rows:
        if row["plan"] is None:
            homeless[row["status"]] += row["quantity"]
            continue
        key = (row["plan"], row["version_from"].isoformat(), row["component"])
        counts = components.setdefault(key, _nothing(*key))
        _count(counts, row["status"], row["reason"], row["quantity"])
    for (plan, version, _), counts in components.items():
        versions[plan, version] = counts["deliveries"]
    return {
        "deliveries": quantity_text(sum((*versions.values(), *homeless.values()), Decimal(0))),
        **{name: quantity_text(quantity) for name, quantity in homeless.items()},
        "components": [_as_text(counts) for _, counts in sorted(components.items())],
    }


def _nothing(plan: str, version_from: str, component: str) -> dict[str, Any]:
    names = ("deliveries", "billed", "in_conversation", "uncovered", "unknown", "removed")
    head = {"plan": plan, "effective_from": version_from, "component": component}
    return {**head, **dict.fromkeys(names, Decimal(0)), "free": {}}


def _count(counts: dict[str, Any], status: str, reason: str | None, quantity: Decimal) -> None:
    counts["deliveries"] += quantity
    if status == "free":
        counts["free"][reason] = counts["free"].get(reason, Decimal(0)) + quantity
    else:
        counts[status] += quantity


def _as_text(counts: Mapping[str, Any]) -> dict[str, Any]:
    free = {reason: quantity_text(counts["free"][reason]) for reason in sorted(counts["free"])}
    return {
        **{
            name: quantity_text(value) if isinstance(value, Decimal) else value
            for name, value in counts.items()
        },
        "free": free,
    }


def _what_blocks(row: Mapping[str, Any]) -> str:
    of_plan = f"of component '{row['component']}' of plan '{row['plan']}'"
    match row["status"]:
        case "unknown_price":
            return f"price unknown: {row['reason']}"
        case "uncovered":
            return f"no charge {of_plan} takes {row['meter']} of {row['reason']}"
        case "unknown":
            return f"{row['meter']} without {row['reason']}, which a charge {of_plan} asks for"
        case _:
            return f"{row['meter']} on days without a plan"


NO_USAGE = _coverage([])
