"""The command that shows runs: what each went by and what it came to."""

import json
from pathlib import Path
from typing import Any

import click

from metering.errors import UsageError
from metering.output import Format, book_option, errors_for_people, format_option, print_rows
from metering.settings import Book
from pricing.archive import Archive

RUN_COLUMNS = (
    *("run_id", "period", "actor", "finished_at", "accounts", "billed", "blocked", "corrected"),
    *("loads", "engine_version", "catalog"),
)
SUM_COLUMNS = ("plan", "component", "deliveries", "state", "quantity")


@click.command("runs")
@click.argument("run_id", required=False, type=int)
@book_option
@format_option
def show_runs(run_id: int | None, book_path: Path, output_format: Format) -> None:
    """List the runs of tollbook bill; with RUN_ID, show its sums: what became of deliveries."""
    with errors_for_people():
        with Archive.open(Book.at(book_path)) as archive:
            runs = [_run(row) for row in archive.frame("from runs order by run_id").to_dicts()]
        if run_id is None:
            document: dict[str, object] = {"schema": "tollbook.runs/1", "rows": runs}
            print_rows(document, columns=RUN_COLUMNS, output_format=output_format, title="Runs")
            return
        found = next((run for run in runs if run["run_id"] == run_id), None)
        if found is None:
            raise UsageError(
                f"there is no run {run_id}", where="RUN_ID", hint="list them with: tollbook runs"
            )
        print_rows(
            {"schema": "tollbook.run/1", **found, "rows": _sums(found["outcome"])},
            columns=SUM_COLUMNS,
            output_format=output_format,
            title=f"Run {run_id} of {found['period']}",
            note=f"{found['accounts']} accounts, {found['billed']} billed,"
            f" {found['blocked']} blocked; the files of the book are {found['catalog']}",
        )


COMMANDS: list[click.Command] = [show_runs]


def _run(row: dict[str, Any]) -> dict[str, Any]:
    outcome = json.loads(row["outcome"])
    return {
        **{name: row[name] for name in ("run_id", "period", "actor", "started_at", "finished_at")},
        "accounts": row["invoice_count"],
        "billed": outcome.get("billed"),
        "blocked": row["blocked_count"],
        "corrected": outcome.get("corrected_lines"),
        "loads": len(row["load_ids"]),
        "load_ids": row["load_ids"],
        "only_accounts": row["only_accounts"],
        "engine_version": row["engine_version"],
        "catalog": row["catalog_hash"][:16],
        "catalog_sha256": row["catalog_hash"],
        "outcome": outcome,
    }


def _sums(outcome: dict[str, Any]) -> list[dict[str, Any]]:
    """Write what became of the deliveries of each component, a state a row."""
    return [
        {**{name: sums[name] for name in SUM_COLUMNS[:3]}, "state": state, "quantity": quantity}
        for sums in outcome.get("sums", ())
        for state, quantity in sums.items()
        if state not in SUM_COLUMNS[:3]
    ]
