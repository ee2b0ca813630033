"""What was paid in a month stands in its journal, each payment once."""

import json
from pathlib import Path

from click.testing import CliRunner

from tollbook import main

DEMO = ("--accounts", "3", "--messages", "200")


def run(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_payments_and_write_offs_are_entries_of_the_month_in_which_they_came(
    tmp_path: Path,
) -> None:
    book = ("--book", str(tmp_path / "book"))
    run("demo", str(tmp_path / "book"), *DEMO)
    run("invoice", "approve", "2026-10", *book)
    run("invoice", "issue", "2026-10", "--date", "2026-11-03", *book)
    listed = json.loads(run("invoice", "list", "--format", "json", *book))["rows"]
    number, total = listed[0]["number"], listed[0]["total"]
    run("payment", "add", number, "1.00", "--on", "2026-11-10", *book)
    run("invoice", "write-off", number, "--reason", "gone", "--on", "2026-11-20", *book)

    october = run("export", "journal", "2026-10", "--as", "csv", *book)
    november = run("export", "journal", "2026-11", *book)

    assert f'"Payment {number}"' in november
    assert "Assets:Bank  1.00" in november
    assert "Assets:Receivable  -1.00" in november
    assert f'"Write off {number}' in november
    assert october.count("\n") == 1
    assert f"{total} " in november
