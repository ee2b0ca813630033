"""The commands that show a book: dashboard, demo."""

import click

COMMANDS: list[click.Command] = []
