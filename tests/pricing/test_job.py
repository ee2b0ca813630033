"""Jobs: one at a time, told as one object a line, and measured when they end."""

import fcntl
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from metering.errors import LockedError, UsageError
from metering.lock import patiently, waiting
from metering.output import errors_for_people
from metering.secret import ensure_secret
from metering.settings import Book
from pricing.commands.book import COMMANDS
from pricing.commands.runs import COMMANDS as RUN_COMMANDS
from pricing.job import LOCK, JobOptions, run_job
from tests.pricing.test_archive import PLAN


@pytest.fixture
def book(tmp_path: Path, make_book: Callable[..., Book]) -> Book:
    book = make_book(tmp_path / "book", PLAN)
    ensure_secret(book)
    return book


@pytest.fixture
def run(book: Book) -> Callable[..., Result]:
    commands = {command.name: command for command in (*COMMANDS, *RUN_COMMANDS)}

    def make(name: str, *arguments: str) -> Result:
        return CliRunner().invoke(commands[name], [*arguments, "--book", str(book.root)])

    return make


@pytest.fixture
def held(book: Book) -> Iterator[Any]:
    """A lock on the book, as a job that bills has it."""
    with (book.root / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("bill 2026-09, process 4711 on machine since 2026-10-03T03:30:00+00:00")
        lock.flush()
        yield lock


def log_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stderr.splitlines()]


def test_a_second_job_is_told_who_is_at_work(held: Any, run: Callable[..., Result]) -> None:
    second = run("bill", "2026-10")

    assert second.exit_code == LockedError.exit_code
    assert "another job is at work: bill 2026-09, process 4711 on machine" in second.stderr


def test_a_job_that_waits_goes_on_when_the_other_has_ended(
    held: Any, run: Callable[..., Result]
) -> None:
    timer = threading.Timer(0.5, lambda: fcntl.flock(held, fcntl.LOCK_UN))
    timer.start()

    assert run("bill", "2026-10", "--wait", "30").exit_code == 0


def test_the_lock_of_a_job_that_was_killed_holds_nobody_up(
    book: Book, run: Callable[..., Result]
) -> None:
    script = (
        f"import fcntl, time; lock = open({str(book.root / LOCK)!r}, 'w');"
        "fcntl.flock(lock, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert run("bill", "2026-10").exit_code == LockedError.exit_code
        process.kill()

    assert run("bill", "2026-10").exit_code == 0


def test_waiting_for_a_lock_ends_in_time() -> None:
    def take() -> None:
        raise LockedError("it is held", where="here", hint="wait")

    started = time.monotonic()
    with waiting(1), pytest.raises(LockedError):
        patiently(take)
    assert time.monotonic() - started < 30


def test_a_job_is_told_as_one_object_a_line(run: Callable[..., Result]) -> None:
    told = log_of(run("bill", "2026-10", "--log-format", "json"))

    assert [line["event"] for line in told][:2] == ["started", "stage"]
    assert told[-1]["event"] == "finished"
    assert told[-1]["exit_code"] == 0
    assert told[-1]["outcome"]["accounts"] == 2
    assert {(line["job"], line["period"]) for line in told} == {("bill", "2026-10")}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["ts"]) for line in told)


def test_a_mistake_is_told_in_the_log_with_its_exit_code(run: Callable[..., Result]) -> None:
    failed = run("bill", "2026-10", "--account", "nobody", "--log-format", "json")
    told = log_of(failed)

    assert failed.exit_code == UsageError.exit_code
    (error,) = (line for line in told if line["event"] == "error")
    assert error["what"] == "there is no account 'nobody'"
    assert told[-1]["exit_code"] == UsageError.exit_code


def test_the_metrics_of_a_job_are_what_it_came_to(
    tmp_path: Path, run: Callable[..., Result]
) -> None:
    path = tmp_path / "tollbook.prom"
    assert run("bill", "2026-10", "--metrics", str(path)).exit_code == 0
    text = path.read_text()

    assert 'tollbook_accounts{job="bill",period="2026-10",state="billed"} 2.0' in text
    assert 'tollbook_exit_code{job="bill",period="2026-10"} 0.0' in text
    assert "tollbook_last_success_timestamp_seconds{" in text


def test_a_job_that_failed_leaves_no_time_of_success(book: Book, tmp_path: Path) -> None:
    path = tmp_path / "tollbook.prom"

    @click.command()
    def fail() -> None:
        with errors_for_people(), run_job(book, "bill", "2026-10", JobOptions(metrics=path)):
            raise UsageError("it went wrong", where="here", hint="try again")

    assert CliRunner().invoke(fail).exit_code == UsageError.exit_code
    text = path.read_text()
    assert 'tollbook_exit_code{job="bill",period="2026-10"} 2.0' in text
    assert "last_success" not in text


def test_a_run_is_listed_with_its_sums(run: Callable[..., Result]) -> None:
    run("bill", "2026-10", "--by", "ann")
    (listed,) = json.loads(run("runs", "--format", "json").stdout)["rows"]

    assert (listed["run_id"], listed["period"], listed["actor"]) == (1, "2026-10", "ann")
    assert run("runs", "2").exit_code == UsageError.exit_code
    shown = json.loads(run("runs", "1", "--format", "json").stdout)
    assert shown["outcome"]["accounts"] == 2
