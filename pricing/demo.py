"""The demo: a complete sample book, from generated webhook logs to drafts, by the real steps."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from metering.errors import TollbookError, UsageError
from metering.facts import data_path
from metering.files import find_files
from metering.ingest import ingest
from metering.load import Load
from metering.period import Month
from metering.secret import ensure_secret
from metering.settings import SETTINGS, Book
from metering.store import Store, scratch
from pricing.life.trail import actor_of
from pricing.run import Bill, bill

MARK = "SAMPLE.txt"
MARK_TEXT = "A sample book that `tollbook demo` made; every name and number in it is invented.\n"


@dataclass(frozen=True)
class Sample:
    """How large a sample is, and what it is drawn from."""

    month: Month
    accounts: int
    messages: int
    seed: int


@dataclass(frozen=True)
class Demo:
    """What the demo made."""

    book: Book
    loads: list[Load]
    bill: Bill


def run_demo(root: Path, sample: Sample, *, say: Callable[[str], None]) -> Demo:
    """Make the sample book in `root`, or take the one that is there, and bill its month.

    Raises:
        UsageError: `root` holds something else than a sample book.
    """
    if (root / MARK).is_file():
        _check_same(root, sample)
    else:
        if root.exists() and any(root.iterdir()):
            raise UsageError(
                f"'{root}' is not empty, and no sample book", where="DIR", hint="name a new folder"
            )
        say(f"generating {sample.messages:,} messages of {sample.accounts:,} accounts ...")
        _generate(root, sample)
    book = Book.at(root)
    say("loading the logs ...")
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        loads = list(ingest(store, find_files([str(root / "logs")]), scratch=folder))
    say(f"billing {sample.month} ...")
    return Demo(book, loads, bill(book, sample.month, actor=actor_of(None)))


def _check_same(root: Path, sample: Sample) -> None:
    if (root / MARK).read_text(encoding="utf-8") != _mark(sample):
        raise UsageError(
            f"'{root}' holds a sample of another size, month or seed",
            where="DIR",
            hint="name a new folder, or give the options that it was made with",
        )


def _mark(sample: Sample) -> str:
    return MARK_TEXT + "".join(f"{name}: {value}\n" for name, value in vars(sample).items())


def _generate(root: Path, sample: Sample) -> None:
    """Write the book aside and move it into place, so that a half-made one is never taken."""
    unfinished = root.with_name(root.name + ".unfinished")
    command = [
        *(sys.executable, str(data_path("generate.py")), str(unfinished), "--force"),
        *("--month", str(sample.month), "--accounts", str(sample.accounts)),
        *("--messages", str(sample.messages), "--seed", str(sample.seed)),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["the generator was stopped"])[-1]
        raise TollbookError(
            f"the sample could not be made: {why}",
            where=str(root),
            hint="correct the option, or check the disk",
        )
    assert (unfinished / SETTINGS).is_file(), "the generator writes a whole book"
    for folder in ("plans", "rate_cards"):
        (unfinished / folder).mkdir(exist_ok=True)
    ensure_secret(Book(unfinished))
    (unfinished / MARK).write_text(_mark(sample), encoding="utf-8")
    if root.exists():
        root.rmdir()
    unfinished.replace(root)
