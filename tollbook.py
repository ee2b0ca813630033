"""The command `tollbook`: mounts the commands of the packages; nothing else."""

import click

from dashboards import commands as dashboards
from metering import commands as metering
from metering import trust_commands as trust
from pricing import audit_commands as audit
from pricing import catalog_commands as catalog
from pricing import commands as pricing
from pricing import credit_commands as prepaid
from pricing import export_commands as exports
from pricing import invoice_commands as invoices
from pricing import lifecycle_commands as lifecycle
from pricing import month_end_commands as month_end
from pricing import payment_commands as payments
from pricing import pdf_commands as pdf
from pricing import receivable_commands as receivables
from pricing import run_commands as runs
from pricing import xml_commands as electronic


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
