"""The metrics of a job, in the text format of Prometheus, for its textfile collector."""

import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

GOOD = (0, 3)  # done, or done with something blocked


def write_metrics(
    path: Path,
    *,
    job: str,
    period: str,
    duration_ms: int,
    exit_code: int,
    outcome: Mapping[str, Any],
) -> None:
    """Write the metrics of a job that ended, aside and then into place.

    Args:
        outcome: What `pricing.run_outcome.outcome_of` counts, as far as the job has it.
    """
    registry = CollectorRegistry()
    about = ("job", "period")

    def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Any:
        found = Gauge(f"tollbook_{name}", text, [*about, *labels], registry=registry)
        return found if labels else found.labels(job, period)

    gauge("exit_code", "What the job ended with.").set(exit_code)
    gauge("duration_seconds", "How long it took.").set(Decimal(duration_ms) / 1000)
    if exit_code in GOOD:
        success = gauge("last_success_timestamp_seconds", "When it last did what it is for.")
        success.set(time.time_ns() // 10**9)
    accounts = gauge("accounts", "Accounts by what became of them.", ("state",))
    accounts.labels(job, period, "billed").set(outcome.get("billed", 0))
    for state, count in outcome.get("skipped", {}).items():
        accounts.labels(job, period, f"skipped_{state}").set(count)
    blocked = gauge("blocked_accounts", "Accounts that something blocks, by what.", ("reason",))
    for reason, count in outcome.get("blocked", {}).items():
        blocked.labels(job, period, reason).set(count)
    amounts = gauge("amount", "Totals of the documents, by currency.", ("currency",))
    for total in outcome.get("totals", ()):
        amounts.labels(job, period, total["currency"]).set(Decimal(total["total"]))
    states = ("plan", "component", "state")
    deliveries = gauge("deliveries", "Deliveries by what became of them.", states)
    for sums in outcome.get("sums", ()):
        key = (sums["plan"] or "", sums["component"] or "")
        for state, quantity in sums.items():
            if state not in ("plan", "component", "deliveries"):
                deliveries.labels(job, period, *key, state).set(Decimal(quantity))
    loose = gauge("unassigned_deliveries", "Deliveries that belong to no account.")
    loose.set(Decimal(outcome.get("unassigned", "0")))
    write_to_textfile(str(path), registry)
