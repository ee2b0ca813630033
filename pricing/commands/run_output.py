"""How a run is told: the lines that differ from what was there."""

import polars as pl

from metering.output import Format, print_table, quantity_text, say
from pricing.money import amount_text
from pricing.run import Bill

COLUMNS = ("account_id", "period", "charge", "quantity", "amount", "currency")


def differences_of(frame: pl.DataFrame) -> list[dict[str, object]]:
    """Write rows of schema `LINE_DIFFERENCE`, amounts in major units."""
    return [
        {
            **{name: row[name] for name in ("account_id", "period", "plan", "kind", "charge")},
            "quantity": quantity_text(row["quantity"]),
            "amount": amount_text(row["amount_minor"], row["currency"]),
            "currency": row["currency"],
        }
        for row in frame.iter_rows(named=True)
    ]


def say_differences(made: Bill, output_format: Format) -> None:
    """Say what the next invoices will correct, or after a dry run what would change.

    Data for programs says it already: a table of it is for people.
    """
    frame = made.differences
    if frame.is_empty():
        if made.run_id is None:
            say("nothing would change")
        return
    count = frame["account_id"].n_unique()
    accounts = "1 account" if count == 1 else f"{count:,} accounts"
    sums = frame.group_by("currency").agg(pl.col("amount_minor").sum()).sort("currency")
    totals = ", ".join(f"{amount_text(minor, name)} {name}" for name, minor in sums.rows())
    if made.run_id is None:
        if output_format == "table":
            print_table(differences_of(frame), columns=COLUMNS, title="What would change")
        taxes = frame.filter(pl.col("kind") == "tax").height
        seen = ((frame.height - taxes, "line", "lines"), (taxes, "tax", "taxes"))
        said = " and ".join(f"{n:,} {one if n == 1 else many}" for n, one, many in seen if n)
        say(f"{said} of {accounts} would change by {totals}")
        return
    say(
        f"{accounts} {'was' if count == 1 else 'were'} invoiced for {made.month} and"
        f" {'differs' if count == 1 else 'differ'} by {totals}: the next invoice corrects it,"
        " as soon as a later month is billed"
    )
