"""Rows of CSV that a spreadsheet may open: what it would run as a formula is defused."""

import csv
import re
from collections.abc import Iterable
from io import StringIO

# Spreadsheets run a text that begins so, also behind blanks and quotes, and in the wide forms.
RUNS = re.compile(r"[\s\"'\u2018\u2019\u201c\u201d\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def defused(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula.

    Example:
        >>> defused("=1+1"), defused(' "@sum"'), defused("two - one")
        ("'=1+1", '\\' "@sum"', 'two - one')
    """
    return f"'{text}" if RUNS.match(text) else text


def defused_unless_number(text: str) -> str:
    """Defuse a text, but for one that is a number: it stays one, though it begins with a minus.

    Example:
        >>> defused_unless_number("-11.90"), defused_unless_number("-1+1")
        ('-11.90', "'-1+1")
    """
    return text if NUMBER.fullmatch(text) else defused(text)


def csv_line(cells: Iterable[str]) -> str:
    """Write a row of CSV with its line ending."""
    target = StringIO()
    # The writer quotes what holds a part of its own line ending: a lone carriage return, too.
    csv.writer(target, lineterminator="\r\n").writerow([*cells])
    return f"{target.getvalue()[:-2]}\n"
