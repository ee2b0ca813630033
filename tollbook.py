"""The command `tollbook`: mounts the commands of the packages; nothing else."""

import click

from dashboards import commands as dashboards
from metering import commands as metering
from metering import trust_commands as trust
from pricing.commands import (
    audit,
    catalog,
    exports,
    invoices,
    lifecycle,
    month_end,
    payments,
    pdf,
    receivables,
    runs,
)
from pricing.commands import book as pricing
from pricing.commands import credits as prepaid
from pricing.commands import xml as electronic


@click.group()
@click.version_option(package_name="tollbook")
def main() -> None:
    """Usage metering and billing for business messaging: message logs in, exact invoices out."""


for command in (
    *metering.COMMANDS,
    *pricing.COMMANDS,
    *invoices.COMMANDS,
    *lifecycle.COMMANDS,
    *runs.COMMANDS,
    *payments.COMMANDS,
    *receivables.COMMANDS,
    *prepaid.COMMANDS,
    *catalog.COMMANDS,
    *exports.COMMANDS,
    *month_end.COMMANDS,
    *dashboards.COMMANDS,
):
    main.add_command(command)
for command in (
    *lifecycle.INVOICE_COMMANDS,
    *payments.INVOICE_COMMANDS,
    *pdf.INVOICE_COMMANDS,
    *electronic.INVOICE_COMMANDS,
):
    invoices.invoice.add_command(command)
for command in (*trust.COMMANDS, *audit.COMMANDS):
    metering.usage_group.add_command(command)

if __name__ == "__main__":
    main()
