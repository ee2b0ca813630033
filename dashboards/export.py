"""What is on screen as a file: CSV, Excel or Parquet. No cell is a formula for a spreadsheet.

A file has numbers as programs read them, and a page as its reader does.
"""

import io
import re
from collections.abc import Sequence

import polars as pl

from dashboards.marks import Marks

FORMULA = re.compile(r"^[=+\-@\t\r\n]")
NUMBER = re.compile(r"^[+\-]?[0-9][0-9.,]*$")


def to_csv(frame: pl.DataFrame) -> bytes:
    """Write CSV; with a mark at its beginning, so that Excel takes it for UTF-8."""
    return frame_defused(frame).write_csv(include_bom=True).encode("utf-8")


def to_parquet(frame: pl.DataFrame) -> bytes:
    """Write Parquet with the types of the frame; nothing there is ever run."""
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def to_excel(frame: pl.DataFrame) -> bytes:
    """Write a workbook of one sheet; the library takes half a second to import."""
    import xlsxwriter  # noqa: PLC0415

    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as workbook:
        frame_defused(frame).write_excel(workbook, autofit=True)
    return file.getvalue()


def without_marks(frame: pl.DataFrame, columns: Sequence[str], marks: Marks) -> pl.DataFrame:
    """Write numbers in columns of text as files have them, whoever reads the page.

    Example:
        >>> frame = pl.DataFrame({"Total": ["1.234,50", ""], "Name": ["A. B.", "C"]})
        >>> without_marks(frame, ["Total"], Marks(".", ","))["Total"].to_list()
        ['1234.50', '']
    """
    cells = [
        pl.Series(
            name, [None if cell is None else marks.neutral(cell) for cell in frame[name]], pl.String
        )
        for name in columns
    ]
    return frame.with_columns(cells)


def frame_defused(frame: pl.DataFrame) -> pl.DataFrame:
    """Defuse the text cells of a frame and the names of its columns."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    cells = [
        pl.Series(
            name, [None if cell is None else defused(cell) for cell in frame[name]], pl.String
        )
        for name in texts
    ]
    return frame.with_columns(cells).rename(defused)


def defused(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run; a number stays as it is.

    Example:
        >>> defused("=1+1"), defused("-5.20"), defused("@a"), defused("acme")
        ("'=1+1", '-5.20', "'@a", 'acme')
    """
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.match(cell) else cell
