"""How every command speaks: options that all share, tables for people, JSON and CSV for programs.

Data goes to standard output, everything else to standard error; progress shows on a terminal and
nowhere else. An error is one block, never a traceback.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from metering.errors import TollbookError
from metering.spreadsheet import csv_line, defused_unless_number

Format = Literal["table", "json", "csv"]
Command = TypeVar("Command", bound=Callable[..., Any])

_speaker: ContextVar[Callable[[str], None] | None] = ContextVar("speaker", default=None)
DONE, FAILED, BLOCKED, INTERRUPTED = 0, 1, 3, 130


def book_option(command: Command) -> Command:
    return click.option(
        "--book",
        "book_path",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        envvar="TOLLBOOK",
        show_default="the current folder, or TOLLBOOK",
        help="The folder of the book.",
    )(command)


def format_option(command: Command) -> Command:
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="A table for people, JSON or CSV for programs.",
    )(command)


def actor_option(command: Command) -> Command:
    return click.option(
        "--by",
        "actor",
        metavar="NAME",
        show_default="TOLLBOOK_ACTOR, or the user of the machine",
        help="Who does it, for the trail.",
    )(command)


def say(text: str) -> None:
    """Tell the person at the terminal something that is not data, on standard error."""
    speaker = _speaker.get()
    if speaker is None:
        click.echo(text, err=True)
    else:
        speaker(text)


@contextmanager
def speaking(speaker: Callable[[str], None]) -> Iterator[None]:
    """Give what is said inside to `speaker`."""
    token = _speaker.set(speaker)
    try:
        yield
    finally:
        _speaker.reset(token)


def print_json(document: Mapping[str, object]) -> None:
    """Print one document; Decimals become strings, so that no reader makes floats of them."""
    click.echo(to_json(document))


def to_json(document: Mapping[str, object]) -> str:
    """Write canonical JSON: keys in the order given, Decimals as plain strings, dates as ISO 8601.

    Example:
        >>> print(to_json({"amount": Decimal("1E+1"), "on": date(2026, 10, 1)}))
        {
          "amount": "10",
          "on": "2026-10-01"
        }
    """
    return json.dumps(document, indent=2, ensure_ascii=False, default=_plain, allow_nan=False)


def canonical(document: Mapping[str, object]) -> bytes:
    """Write JSON as the bytes that are kept and hashed: as `to_json`, without blanks or lines.

    Example:
        >>> canonical({"amount": Decimal("1E+1"), "on": date(2026, 10, 1)})
        b'{"amount":"10","on":"2026-10-01"}'
    """
    text = json.dumps(
        document, ensure_ascii=False, default=_plain, allow_nan=False, separators=(",", ":")
    )
    return text.encode()


def print_rows(
    document: Mapping[str, object],
    *,
    rows: str = "rows",
    columns: Sequence[str],
    output_format: Format,
    title: str = "",
    note: str = "",
) -> None:
    """Print `document[rows]`, a list of mappings with `columns`, in the format asked for.

    JSON prints the whole document, CSV and table its rows. In CSV a text that a spreadsheet would
    run as a formula is defused; a table right-aligns numbers. `note` stands under a table.
    """
    listed = document[rows]
    assert isinstance(listed, list)
    match output_format:
        case "json":
            print_json(document)
        case "csv":
            sys.stdout.write(csv_line(columns))
            sys.stdout.writelines(
                csv_line(defused_unless_number(_cell(row[name])) for name in columns)
                for row in listed
            )
        case "table":
            print_table(listed, columns=columns, title=title, note=note)


def print_table(
    rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str], title: str = "", note: str = ""
) -> None:
    """Print rows as a table for people on standard output; it is never cut to fit."""
    table = Table(title=title or None, title_justify="left", title_style="bold", box=None)
    for name in columns:
        is_number = any(isinstance(row[name], int | Decimal) for row in rows)
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(name.replace("_", " "), justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*(_for_people(row[name]) for name in columns))
    # Wide enough for any table: a terminal wraps what a table would cut away.
    console = Console(file=sys.stdout, width=10_000, highlight=False, markup=False, emoji=False)
    if rows:
        console.print(table)
    else:
        console.print(f"{title}: nothing" if title else "nothing")
    if note:
        console.print(note)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal while work goes on; the value yielded is called once a step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def errors_for_people() -> Iterator[None]:
    """End the command with one readable block instead of a traceback."""
    try:
        yield
    except TollbookError as error:
        say("\n\n".join(map(str, error.problems)))
        if len(error.problems) > 1:
            say(f"\n{len(error.problems)} problems")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        say("interrupted; what was finished is kept, and running again goes on from there")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(FAILED)


def quantity_text(quantity: Decimal) -> str:
    """Write a quantity without the zeros of its scale.

    Example:
        >>> quantity_text(Decimal("1200.000000"))
        '1200'
    """
    return f"{quantity.normalize():f}"


def _cell(value: object) -> str:
    return "" if value is None else str(_plain(value)) if not isinstance(value, str) else value


def _for_people(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case Decimal():
            return f"{value:,f}"
        case list():
            return ", ".join(map(str, value))
        case _:
            return _cell(value)


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Iterable():
            return list(value)
        case _:
            return str(value)
