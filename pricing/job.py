"""Jobs: what a scheduler runs. One at a time, told as it goes on, measured when it ends.

A job says its stages on a terminal, or as one JSON object a line, and can leave a file of metrics
for Prometheus' textfile collector. Nothing here decides what is billed.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console

from metering.errors import LockedError, TollbookError
from metering.lock import patiently, waiting
from metering.output import FAILED, INTERRUPTED, speaking, to_json
from metering.settings import Book
from pricing.job_metrics import write_metrics

if sys.platform != "win32":
    import fcntl

LOCK = ".job.lock"
LogFormat = Literal["text", "json"]


@dataclass(frozen=True)
class JobOptions:
    """How a job is run, whatever it does."""

    wait_seconds: int = 0
    log_format: LogFormat = "text"
    metrics: Path | None = None


@dataclass
class Job:
    """A job that runs: what it says, and what it came to."""

    name: str
    period: str
    options: JobOptions
    outcome: dict[str, Any] = field(default_factory=dict)  # counts, for the log and the metrics
    exit_code: int = 0

    def stage(self, what: str) -> None:
        """Say what begins now: on a terminal, or as a line of the log."""
        if self.options.log_format == "json":
            self.log("stage", stage=what)
        elif sys.stderr.isatty():
            Console(stderr=True).print(f"{what} ...", style="dim", highlight=False)

    def log(self, event: str, *, level: str = "info", **facts: object) -> None:
        """Write a line of the log, where it is JSON."""
        if self.options.log_format == "json":
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            head = {"ts": now, "level": level, "event": event, "job": self.name}
            line = {**head, "period": self.period, **facts}
            click.echo(json.dumps(json.loads(to_json(line)), ensure_ascii=False), err=True)


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a job; it gets them together as `job_options`."""

    @click.option(
        "--wait",
        "wait_seconds",
        type=click.IntRange(0),
        default=0,
        metavar="SECONDS",
        help="How long to wait while another job is at work.",
    )
    @click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        help="json: one object a line on standard error.",
    )
    @click.option(
        "--metrics",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write counts and times for Prometheus to FILE.",
    )
    @wraps(command)
    def wrapped(
        *args: Any, wait_seconds: int, log_format: LogFormat, metrics: Path | None, **given: Any
    ) -> Any:
        options = JobOptions(wait_seconds, log_format, metrics)
        return command(*args, job_options=options, **given)

    return wrapped


@contextmanager
def run_job(book: Book, name: str, period: str, options: JobOptions) -> Iterator[Job]:
    """Run a job: alone in its book, and told from its beginning to its end.

    Raises:
        LockedError: another job is at work, and did not end while this one waited.
    """
    job, started_ns = Job(name, period, options), time.monotonic_ns()
    with ExitStack() as stack:
        if options.log_format == "json":
            stack.enter_context(speaking(lambda text: job.log("message", text=text)))
        stack.enter_context(waiting(options.wait_seconds))
        job.log("started")
        try:
            with _alone(book, f"{name} {period}".strip()):
                yield job
        except TollbookError as error:
            job.exit_code = error.exit_code
            for problem in error.problems:
                facts = {"what": problem.what, "where": problem.where, "hint": problem.hint}
                job.log("error", level="error", **facts)
            if options.log_format == "json":
                sys.exit(error.exit_code)  # said already
            raise
        except KeyboardInterrupt:
            job.exit_code = INTERRUPTED
            raise
        except SystemExit as exit_:
            job.exit_code = exit_.code if isinstance(exit_.code, int) else FAILED
            raise
        except BaseException:
            job.exit_code = FAILED
            raise
        finally:
            duration_ms = (time.monotonic_ns() - started_ns) // 10**6
            ended: Mapping[str, Any] = {"duration_ms": duration_ms, "exit_code": job.exit_code}
            job.log("finished", **ended, outcome=job.outcome)
            if options.metrics is not None:
                write_metrics(
                    options.metrics, job=name, period=period, **ended, outcome=job.outcome
                )


@contextmanager
def _alone(book: Book, what: str) -> Iterator[None]:
    """Let one job at a time work on a book; who comes second is told who holds it."""
    path = book.root / LOCK
    with path.open("a+", encoding="utf-8") as lock:
        patiently(lambda: _take(lock.fileno(), path))
        lock.truncate(0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        lock.write(f"{what}, process {os.getpid()} on {socket.gethostname()} since {since}")
        lock.flush()
        yield
        lock.truncate(0)


def _take(descriptor: int, path: Path) -> None:
    if sys.platform == "win32":
        return  # the engine's own locks are left: who comes second is told later
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = path.read_text(encoding="utf-8") or "a job that has just begun"
        raise LockedError(
            f"another job is at work: {holder}",
            where=path.name,
            hint="wait until it has finished, then run this again, or give --wait",
        ) from error
