"""The command that audits the network: `tollbook usage audit`."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from metering.door import nearest
from metering.errors import UsageError
from metering.output import (
    Format,
    book_option,
    errors_for_people,
    format_option,
    print_rows,
    print_table,
)
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from pricing.audit import BY, BY_DEFAULT, MONEY, audit
from pricing.catalog import load_catalog

LEFT_OUT = ("account", "sender", "deliveries")
LEFT_OUT_ROWS = 20  # that a table shows


@click.command("audit")
@click.argument("month")
@click.option("--account", "account_id", help="Only this account.")
@click.option(
    "--by", default=",".join(BY_DEFAULT), show_default=True, help=f"Any of: {', '.join(BY)}."
)
@book_option
@format_option
def audit_command(
    month: str, account_id: str | None, by: str, book_path: Path, output_format: Format
) -> None:
    """List where the network's opinion of a delivery and ours differ, and what that costs."""
    with errors_for_people():
        period = Month.parse(month)
        names = _names(by)
        book = Book.at(book_path)
        catalog = load_catalog(book)
        with Store.open(book, catalog.settings) as store:
            made = audit(store, catalog, period, account_id=account_id)
        document = {
            "schema": "tollbook.audit/1",
            "period": str(period),
            "account": account_id,
            "by": names,
            "rows": [_exact(row) for row in made.rows(names).to_dicts()],
            "not_audited": made.not_audited().to_dicts(),
            "total": _exact(made.total()),
            "missing_rates": list(made.missing_rates),
        }
        _print(document, names, output_format)


COMMANDS: list[click.Command] = [audit_command]


def _names(by: str) -> list[str]:
    names = [name.strip() for name in by.split(",") if name.strip()]
    for name in names:
        if name not in BY:
            raise UsageError(f"an audit knows no '{name}'", where="--by", hint=nearest(name, BY))
    if not names or len(set(names)) < len(names):
        raise UsageError(
            "it names nothing, or one thing twice", where="--by", hint="name each once"
        )
    return names


def _exact(row: Any) -> dict[str, Any]:
    """Leave out the zeros of the scale; nothing is rounded."""
    shown = {name: row[name] for name in MONEY if row[name] is not None}
    return {**row, **{name: amount.normalize() for name, amount in shown.items()}}


def _print(document: dict[str, Any], by: list[str], output_format: Format) -> None:
    if output_format != "json":
        document["rows"] = [_named(row) for row in document["rows"]]
    columns = (*by, "senders", "deliveries", "currency", *MONEY, "unpriced", "examples")
    title = f"Where two opinions differ in {document['period']}"
    print_rows(document, columns=columns, output_format=output_format, title=title)
    if output_format == "table":
        _explain(document)


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """Words for what is missing, which a blank cell would not say."""
    words = {"account": "(unassigned)"}
    return {
        name: words.get(name, "(unknown)") if cell is None else cell for name, cell in row.items()
    }


def _explain(document: dict[str, Any]) -> None:
    total = document["total"]
    if document["not_audited"]:
        title = "Not audited, for no message or call of a user to them is in the log"
        most = sorted(document["not_audited"], key=lambda row: -row["deliveries"])
        shown = [_named(row) for row in most[:LEFT_OUT_ROWS]]
        print_table(shown, columns=LEFT_OUT, title=title)
        if len(most) > LEFT_OUT_ROWS:
            click.echo(f"... and {len(most) - LEFT_OUT_ROWS:,} more: --format json has them all")
    click.echo(
        f"{total['deliveries']:,} deliveries: {total['agreed']:,} agreed, {total['differs']:,}"
        f" differ, {total['not_audited']:,} not audited, {total['network_says_nothing']:,} of which"
        " the network says nothing"
    )
    if total["differs"]:
        amounts = {name: _amount(total[name]) for name in MONEY}
        click.echo(
            f"At list rates in {total['currency']}: {amounts['network_amount']} by the network,"
            f" {amounts['our_amount']} by us, difference {amounts['difference']}"
        )
    if total["unpriced"]:
        click.echo(f"The price of {total['unpriced']:,} is not known:")
    for reason in document["missing_rates"]:
        click.echo(f"  {reason}")


def _amount(amount: Decimal | None) -> str:
    return "(unknown)" if amount is None else f"{amount:,f}"
