"""The command `tollbook`: mounts the commands of the packages; nothing else."""

from functools import cache
from importlib import import_module

import click

from metering import commands as metering
from metering import pages

OF_PRICING = (
    *("audit", "book", "catalog", "credits", "exports", "invoices", "lifecycle", "month_end"),
    *("payments", "pdf", "receivables", "runs", "xml"),
)
FIRST = (*metering.COMMANDS, *pages.COMMANDS)
AT_ONCE = {command.name for command in FIRST} - {metering.usage_group.name}


class Commands(click.Group):
    """Loads are frequent and need `metering` alone: all else is imported once it is asked for."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in AT_ONCE:
            _mount_others()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        _mount_others()
        return super().list_commands(ctx)


@click.group(cls=Commands)
@click.version_option(package_name="tollbook")
def main() -> None:
    """Usage metering and billing for business messaging: message logs in, exact invoices out."""


@cache
def _mount_others() -> None:
    pricing = {name: import_module(f"pricing.commands.{name}") for name in OF_PRICING}
    audit, invoice = pricing.pop("audit"), pricing["invoices"].invoice
    for module in (*pricing.values(), import_module("dashboards.commands")):
        for command in module.COMMANDS:
            main.add_command(command)
        for command in getattr(module, "INVOICE_COMMANDS", ()):
            invoice.add_command(command)
    for command in (*import_module("metering.trust_commands").COMMANDS, *audit.COMMANDS):
        metering.usage_group.add_command(command)


for command in FIRST:
    main.add_command(command)

if __name__ == "__main__":
    main()
