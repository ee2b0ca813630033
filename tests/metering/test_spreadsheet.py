"""What a command prints as CSV is text and numbers to a spreadsheet, and never a formula."""

import csv
from io import StringIO

import pytest

from metering.output import print_rows


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("@sum", "'@sum"),
        (" -x", "' -x"),
        ("-1+1", "'-1+1"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\uff1d1", "'\uff1d1"),
        ("-11.90", "-11.90"),
        (-5, "-5"),
        (None, ""),
        ("two - one", "two - one"),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_defused(
    cell: object, written: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"rows": [{"a": cell, "b": "x"}]}
    print_rows(rows, columns=("a", "b"), output_format="csv")

    shown = capsys.readouterr().out
    assert [*csv.reader(StringIO(shown, newline=""))] == [["a", "b"], [written, "x"]]
