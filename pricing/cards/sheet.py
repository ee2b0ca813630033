"""A file of cells, CSV or XLSX, as rows of text: what the network's files of rates come in.

Which of the two a file is, its content says and never its name.
"""

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from metering.errors import Problem

FILE_BYTES_MAX = 16 * 1024 * 1024
UNPACKED_BYTES_MAX = 256 * 1024 * 1024
XLSX, XLS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
TOO_LARGE = "a rate file has some hundreds of rows: check that it is one"


@dataclass(frozen=True)
class Sheet:
    """Rows of text cells; `name` is the file, with the sheet where a workbook has several."""

    name: str
    rows: Sequence[Sequence[str]]


def read_sheets(path: Path) -> tuple[list[Sheet], list[Problem]]:
    """Read the sheets of a file that have any content; a file that has none is a problem."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            return [], [Problem(path.name, "is larger than 16 MiB", TOO_LARGE)]
        content = path.read_bytes()
    except OSError as error:
        return [], [Problem(path.name, f"cannot be read: {error.strerror}", "check the path")]
    if content.startswith(XLS):
        what = "is a workbook of the format before XLSX"
        return [], [Problem(path.name, what, "save it as .xlsx or .csv")]
    sheets, problems = (_workbook if content.startswith(XLSX) else _csv)(path.name, content)
    filled = [sheet for sheet in sheets if any(any(row) for row in sheet.rows)]
    if not filled and not problems:
        problems = [Problem(path.name, "has no content", "download it again")]
    return filled, problems


def _csv(name: str, content: bytes) -> tuple[list[Sheet], list[Problem]]:
    try:
        text = content.decode("utf-8-sig")
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        return [Sheet(name, [[cell.strip() for cell in row] for row in lines])], []
    except UnicodeDecodeError as error:
        return [], [Problem(name, f"is not UTF-8 at byte {error.start}", "save it as UTF-8")]
    except csv.Error as error:
        return [], [Problem(name, f"is not CSV: {error}", "quote cells that hold commas")]


def _workbook(name: str, content: bytes) -> tuple[list[Sheet], list[Problem]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > UNPACKED_BYTES_MAX:
                return [], [Problem(name, "unpacks to more than 256 MiB", TOO_LARGE)]
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        found = [
            (sheet, workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False))
            for sheet in workbook.sheet_names
        ]
    except (CalamineError, zipfile.BadZipFile) as error:
        return [], [Problem(name, f"cannot be read as a workbook: {error}", "download it again")]
    several = sum(any(any(cell != "" for cell in row) for row in rows) for _, rows in found) > 1
    return [
        Sheet(
            f"{name} {sheet}" if several else name, [[_text(cell) for cell in row] for row in rows]
        )
        for sheet, rows in found
    ], []


def _text(cell: object) -> str:
    """Write a cell as the number or the words that a person typed.

    A workbook keeps numbers as binary fractions, so the shortest decimal that gives the same
    fraction is what was typed, if that had 15 digits or fewer; `number` refuses more.
    """
    return str(cell).strip().removesuffix(".0") if isinstance(cell, float) else str(cell).strip()
