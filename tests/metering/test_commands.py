"""The commands speak in tables, JSON and exit codes; an error is one block."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from metering.commands import COMMANDS
from metering.secret import VARIABLE
from metering.settings import Book
from tests.metering.builders import BRAZIL, MARKETING, cloud_event, line, status, webhook

LOAD_KEYS = {
    *("name", "state", "load_id", "format", "read", "accepted", "duplicates", "reported_again"),
    *("ignored", "quarantined", "unknown_fields", "why", "hint"),
}
GOOD = line(webhook(status("a", pricing=MARKETING))) + "\n"
BAD = line(webhook(status("b", timestamp="x"))) + "\n"
CSV = "id,from,to,state,at\na,1,4915112345678,delivered,2026-10-01T12:00:00Z\n"
MAPPING = """\
channel = "sms"
[columns]
message_id = "id"
sender_id = "from"
status = "state"
occurred_at = "{time}"
"""


@click.group()
def commands() -> None:
    """The commands of this package."""


for command in COMMANDS:
    commands.add_command(command)


@pytest.fixture(autouse=True)
def no_secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def run(book: Book, *words: object, code: int = 0, standard_input: str | None = None) -> Result:
    """Run a command on the book; it must end with `code` and show no traceback."""
    result = CliRunner().invoke(
        commands, [*map(str, words), "--book", str(book.root)], input=standard_input
    )
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


def run_json(book: Book, *words: object, code: int = 0) -> Any:
    return json.loads(run(book, *words, "--format", "json", code=code).stdout)


def put(book: Book, name: str, content: str | bytes) -> Path:
    path = book.root.parent / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def is_one_block(text: str) -> bool:
    lines = text.strip().splitlines()
    return lines[-1].strip().startswith("Hint:") and "" not in lines


def test_a_load_is_printed_as_json_with_its_schema(book: Book) -> None:
    path = put(book, "log.ndjson", GOOD + GOOD + BAD)

    document = run_json(book, "ingest", path)

    assert document["schema"] == "tollbook.load/1"
    (load,) = document["loads"]
    assert set(load) == LOAD_KEYS
    assert (load["read"], load["accepted"], load["duplicates"], load["reported_again"]) == (
        3,
        1,
        1,
        0,
    )
    assert load["quarantined"] == {"timestamp is not a number of seconds": 1}
    assert document["total"]["read"] == 3
    again = run_json(book, "ingest", path)
    assert again["loads"][0]["state"] == "already loaded"
    assert again["total"]["read"] == 0


def test_the_exit_code_tells_what_became_of_the_files(book: Book) -> None:
    bad, broken = put(book, "bad.ndjson", GOOD + BAD), put(book, "broken.json", b"\0" * 99)

    run(book, "ingest", put(book, "good.ndjson", GOOD))
    run(book, "ingest", bad)
    run(book, "ingest", broken, code=3)
    run(book, "ingest", put(book, "good2.ndjson", GOOD + "\n"), broken, code=3)
    run(book, "ingest", book.root.parent / "missing.json", code=2)


def test_strict_ends_with_3_where_a_row_was_refused(book: Book) -> None:
    run(book, "ingest", "--strict", put(book, "bad.ndjson", BAD + GOOD), code=3)
    run(book, "ingest", "--strict", put(book, "good.ndjson", GOOD))


def test_a_table_of_loads_has_a_total_and_names_what_was_set_aside(book: Book) -> None:
    first, second = put(book, "1.ndjson", GOOD), put(book, "2.ndjson", GOOD + BAD)

    shown = run(book, "ingest", first, second).stdout

    assert "total" in shown
    assert "quarantined: timestamp is not a number of seconds 1" in shown


def test_a_refused_file_is_explained_on_standard_error(book: Book) -> None:
    result = run(book, "ingest", put(book, "broken.json", b"\0" * 99), code=3)

    assert "is a binary file" in result.stderr
    assert "Hint:" in result.stderr


def test_standard_input_is_loaded(book: Book) -> None:
    result = run(book, "ingest", "-", "--format", "csv", standard_input=GOOD)

    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert (row["name"], row["accepted"]) == ("standard input", "1")


def test_usage_is_printed_as_json_with_its_schema(book: Book) -> None:
    run(book, "ingest", put(book, "log.ndjson", GOOD))

    document = run_json(book, "usage", "2026-10", "--by", "account,market,category,day")

    assert document == {
        "schema": "tollbook.usage/1",
        "period": "2026-10",
        "meter": "deliveries",
        "unit": "deliveries",
        "by": ["account", "market", "category", "day"],
        "unread": 0,
        "rows": [
            {
                "account": "acme",
                "market": "Brazil",
                "category": "marketing",
                "day": "2026-10-01",
                "quantity": "1",
            }
        ],
    }


METER = """\
meter = "storage"
unit = "gigabytes"
source = { kind = "cloud_events", type = "measured" }
aggregation = { kind = "average", of = "data.size" }
"""


def test_usage_of_a_meter_of_the_book_says_its_unit_and_what_has_no_value(book: Book) -> None:
    (book.root / "meters").mkdir()
    (book.root / "meters" / "storage.toml").write_text(METER)
    events = [
        cloud_event(f"e{n}", type="measured", data={"size": size})
        for n, size in enumerate(["1.5", 2, "large"])
    ]
    run(book, "ingest", put(book, "events.ndjson", "\n".join(map(line, events))))

    document = run_json(book, "usage", "2026-10", "--meter", "storage", "--by", "account")
    assert document["rows"] == [{"account": "acme", "quantity": "1.75"}]
    assert (document["unit"], document["unread"]) == ("gigabytes", 1)
    table = run(book, "usage", "2026-10", "--meter", "storage", "--by", "account")
    assert table.stdout.endswith("gigabytes\n")
    assert "1 units of 'storage' have no value" in table.stderr


def test_a_meter_that_is_not_there_is_named_with_the_nearest(book: Book) -> None:
    result = run(book, "usage", "2026-10", "--meter", "linked-device", code=2)

    assert "there is no meter 'linked-device'" in result.stderr
    assert "did you mean 'linked-devices'?" in result.stderr


def test_usage_is_printed_as_csv_and_table(book: Book) -> None:
    run(book, "ingest", put(book, "log.ndjson", GOOD))

    text = run(book, "usage", "2026-10", "--by", "market", "--format", "csv").stdout
    assert text == "market,quantity\nBrazil,1\n"
    assert "1 deliveries" in run(book, "usage", "2026-10").stdout


def test_usage_of_a_month_without_messages_is_empty_and_no_error(book: Book) -> None:
    assert run_json(book, "usage", "2020-01")["rows"] == []
    assert run_json(book, "usage", "2020-01", "--meter", "conversations")["rows"] == []
    run(book, "usage", "2020-01")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("usage", "2026-13"), "is not a month"),
        (("usage", "october"), "is not a month"),
        (("usage", "2026-10", "--by", "markt"), "did you mean 'market'?"),
        (("usage", "2026-10", "--by", "day,day"), "stands twice"),
        (("quarantine", "show", "99"), "there is no such row"),
        (("quarantine", "retry", "1", "2", "--with", "-"), "is for one row"),
        (("erase", "12"), "neither a number nor a user id"),
    ],
)
def test_a_wrong_call_is_one_block_with_a_hint(
    book: Book, words: tuple[str, ...], said: str
) -> None:
    result = run(book, *words, code=2, standard_input="")

    assert said in result.stderr
    assert is_one_block(result.stderr)


def test_a_folder_without_a_book_is_named(tmp_path: Path) -> None:
    result = run(Book(tmp_path), "usage", "2026-10", code=2)

    assert "there is no book" in result.stderr
    assert is_one_block(result.stderr)


def test_all_mistakes_of_a_mapping_are_told_before_a_row_is_read(book: Book) -> None:
    mapping = put(book, "mapping.toml", "channel = 'S'\nextra = 1\n")

    result = run(book, "ingest", put(book, "log.csv", CSV), "--mapping", mapping, code=2)

    assert "channel" in result.stderr
    assert "extra" in result.stderr
    assert "columns" in result.stderr


def test_a_mapping_that_does_not_fit_refuses_the_file(book: Book) -> None:
    mapping = put(book, "mapping.toml", MAPPING.format(time="att"))

    result = run(book, "ingest", put(book, "log.csv", CSV), "--mapping", mapping, code=3)

    assert "'att' is not in the file" in result.stderr
    assert "did you mean 'at'?" in result.stderr


def test_quarantine_is_listed_shown_masked_and_tried_again(book: Book) -> None:
    run(book, "ingest", put(book, "log.ndjson", GOOD + BAD))

    document = run_json(book, "quarantine", "list")
    assert document["schema"] == "tollbook.quarantine/1"
    (row,) = document["rows"]
    assert (row["line"], row["position"]) == (2, "entry 1, change 1, statuses 1")
    assert BRAZIL not in run(book, "quarantine", "show", "1").stdout
    assert BRAZIL in run(book, "quarantine", "show", "1", "--raw").stdout

    repaired = put(book, "repaired.json", line(webhook(status("b"))))
    result = run(book, "quarantine", "retry", "1", "--with", repaired, "--format", "json")
    assert json.loads(result.stdout)["total"]["accepted"] == 1
    assert run_json(book, "quarantine", "list")["rows"] == []


def test_a_repaired_text_that_cannot_be_read_does_not_replace_the_first(book: Book) -> None:
    run(book, "ingest", put(book, "log.ndjson", GOOD + BAD))
    before = run(book, "quarantine", "show", "1", "--raw").stdout

    repaired = put(book, "repaired.json", "{still broken")
    result = run(book, "quarantine", "retry", "1", "--with", repaired, code=2)

    assert is_one_block(result.stderr)
    assert run(book, "quarantine", "show", "1", "--raw").stdout == before


def test_a_retry_with_a_mapping_that_does_not_fit_is_no_crash(book: Book) -> None:
    mapping = put(book, "mapping.toml", MAPPING.format(time="at"))
    log = put(book, "log.csv", CSV.replace("2026-10-01T12:00:00Z", "bad"))
    run(book, "ingest", log, "--mapping", mapping)
    wrong = put(book, "wrong.toml", MAPPING.format(time="missing"))

    result = CliRunner().invoke(
        commands, ["quarantine", "retry", "--mapping", str(wrong), "--book", str(book.root)]
    )

    assert result.exit_code in {2, 3}
    assert isinstance(result.exception, SystemExit)


def test_cloud_events_and_webhooks_are_told_apart_by_looking(book: Book) -> None:
    events = put(book, "events.log", line(cloud_event()) + "\n")
    document = run_json(book, "ingest", put(book, "hooks.log", GOOD), events)

    assert [load["format"] for load in document["loads"]] == ["cloudevents", "webhooks"]


def test_backup_restore_and_erase_say_what_they_did(book: Book, tmp_path: Path) -> None:
    run(book, "ingest", put(book, "log.ndjson", GOOD))
    target = tmp_path / "backup.tar.gz"

    assert "its key included" in run(book, "backup", target).stdout
    result = CliRunner().invoke(commands, ["restore", str(target), str(tmp_path / "again")])
    assert result.exit_code == 0
    restored = Book.at(tmp_path / "again")
    assert run_json(restored, "usage", "2026-10") == run_json(book, "usage", "2026-10")
    assert "1 row no longer names this contact" in run(book, "erase", f"+{BRAZIL}").stdout


def test_another_job_ends_the_command_with_11(book: Book) -> None:
    run(book, "usage", "2026-10")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True);"
            " sys.stdin.read()",
            str(book.store_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        result = run(book, "ingest", put(book, "log.ndjson", GOOD), code=11)
        assert is_one_block(result.stderr)
        assert is_one_block(run(book, "usage", "2026-10", code=11).stderr)
    finally:
        holder.communicate()
