"""Jobs that are killed at any moment and run again: nothing is lost, and nothing is there twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from metering.errors import LockedError
from pricing.documents.pdf_files import LOCK
from tests.pricing.life.office import FILES, SETTINGS, Office, plan

IS_DEEP = os.environ.get("TOLLBOOK_PROFILE") == "deep"
KILLS = 50 if IS_DEEP else 2
ACCOUNTS = [f"a{number}" for number in range(12)]
JOBS: tuple[tuple[str, ...], ...] = (
    ("bill", "2026-10"),
    ("invoice", "approve", "2026-10"),
    ("invoice", "issue", "2026-10", "--date", "2026-11-03"),
)
# A process of its own, with the same shipped facts as the test has.
SCRIPT = """\
import sys
from pathlib import Path
import metering.facts
metering.facts._IN_WHEEL = Path(sys.argv.pop(1))
from tollbook import main
sys.stderr.write("ready"), sys.stderr.flush()
main()
"""


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A dozen accounts with an issued September and late usage of it."""
    listed = {
        "accounts.csv": "account_id,name\n" + "".join(f"{a},{a}\n" for a in ACCOUNTS),
        "senders.csv": "sender_id,account_id\n" + "".join(f"{a},{a}\n" for a in ACCOUNTS),
        "subscriptions.csv": "account_id,plan\n" + "".join(f"{a},plain\n" for a in ACCOUNTS),
        "tollbook.toml": SETTINGS,
        "secret.key": FILES["secret.key"],
        "plans/plain.toml": plan(tail='[[version.fixed_fee]]\nname = "fee"\namount = 1.00\n'),
    }
    office = Office(tmp_path / "book")
    for name, content in listed.items():
        office.write(name, content)
    office.load(*(office.send(2, "2026-09-10", a) for a in ACCOUNTS))
    office.close("2026-09")
    late = [office.send(1, "2026-09-11", a) for a in ACCOUNTS[:6]]
    office.load(*late, *(office.send(3, "2026-10-11", a) for a in ACCOUNTS))
    return office


def start(office: Office, few_facts: Path, arguments: Iterable[str]) -> subprocess.Popen[bytes]:
    """Start a job and wait until it has read its modules."""
    job = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(few_facts), *arguments],
        env={**os.environ, "TOLLBOOK": str(office.book.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert job.stderr is not None
    assert job.stderr.read(5) == b"ready"
    return job


def kill_after(job: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kill a job after some time; answer whether it was at work until then."""
    time.sleep(seconds)
    job.send_signal(signal.SIGKILL)
    job.communicate()
    return job.returncode == -signal.SIGKILL


def facts(office: Office) -> dict[str, object]:
    """What must be equal however often the jobs were killed."""
    return {
        "documents": office.documents(),
        "issued": office.contents(),
        "told": office.query(
            "select action, object, reason, facts ->> '$.number' from trail"
            " where action not like 'run.%' order by all"
        ),
        "lines": office.query("select * from lines order by line_id"),
        "closings": office.query("select * from closings order by all"),
        "problems": office.rows("verify"),
    }


def test_jobs_that_are_killed_and_run_again_end_like_unbroken_ones(
    office: Office, tmp_path: Path, few_facts: Path
) -> None:
    """Each job is killed at random moments, and then left alone to its end."""
    unbroken = office.copy(tmp_path / "unbroken")
    durations = []
    for arguments in JOBS:
        begun = time.monotonic()
        unbroken.run(*arguments)
        durations.append(time.monotonic() - begun)
    expected = facts(unbroken)
    moments = random.Random(20261103)
    kills, rounds = 0, 0

    while kills < KILLS and rounds < 10 * KILLS:
        broken = office.copy(tmp_path / f"broken-{rounds}")
        rounds += 1
        for arguments, duration in zip(JOBS, durations, strict=True):
            job = start(broken, few_facts, arguments)
            kills += kill_after(job, moments.uniform(0, 1.2 * duration))
            broken.run(*arguments)
        assert facts(broken) == expected

    assert kills >= KILLS


def printed(office: Office) -> dict[str, bytes]:
    """The files of documents, each by its place."""
    root = office.book.root / "documents"
    found = [path for path in root.rglob("*") if path.is_file() and path.name != LOCK]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def test_printing_that_is_killed_and_run_again_ends_like_an_unbroken_one(
    office: Office, tmp_path: Path, few_facts: Path
) -> None:
    """It is killed again and again in the same folder, where each time a little more is there."""
    arguments = ("invoice", "pdf", "--all", "2026-09")
    unbroken = office.copy(tmp_path / "unbroken")
    job = start(unbroken, few_facts, arguments)
    begun = time.monotonic()
    job.communicate()
    duration = time.monotonic() - begun
    assert job.returncode == 0
    expected, known = printed(unbroken), facts(unbroken)
    assert len(expected) == len(ACCOUNTS)
    moments = random.Random(20261104)
    kills, rounds = 0, 0

    while kills < KILLS and rounds < 10 * KILLS:
        broken = office.copy(tmp_path / f"printed-{rounds}")
        rounds += 1
        for _ in range(5):
            job = start(broken, few_facts, arguments)
            kills += kill_after(job, moments.uniform(0, 1.1 * duration))
            whole = {name: content for name, content in printed(broken).items() if name in expected}
            assert whole.items() <= expected.items()
        assert broken.run(*arguments).exit_code == 0
        assert printed(broken) == expected
        assert facts(broken) == known

    assert kills >= KILLS


def test_two_issues_at_once_number_without_a_gap(office: Office, few_facts: Path) -> None:
    """The second waits if it was told to, or ends with 11."""
    office.bill("2026-10")
    office.approve("2026-10")
    named = [f"{a}/2026-10/1" for a in ACCOUNTS]
    parts = [named[0::2], named[1::2]]
    waits = [["--wait", "60"], []]
    jobs = [
        start(office, few_facts, ("invoice", "issue", *part, "--date", "2026-11-03", *wait))
        for part, wait in zip(parts, waits, strict=True)
    ]
    codes = [(job.communicate(), job.returncode)[1] for job in jobs]
    office.issue("2026-10")

    assert codes[0] == 0
    assert codes[1] in (0, LockedError.exit_code)
    numbers = [f"INV-2026-{number:05}" for number in range(1, 25)]
    assert [*office.contents()] == numbers
    assert office.rows("verify") == []
