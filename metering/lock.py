"""Locks: who holds what a job needs, and how long it waits for it."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from metering.errors import LockedError

Held = TypeVar("Held")
_waits_until: ContextVar[int] = ContextVar("waits_until", default=0)  # monotonic, nanoseconds
PAUSE_MS = 200


@contextmanager
def waiting(seconds: int) -> Iterator[None]:
    """Let everything inside wait so long for a lock that another job holds; 0 is not at all."""
    token = _waits_until.set(time.monotonic_ns() + seconds * 10**9)
    try:
        yield
    finally:
        _waits_until.reset(token)


def patiently(take: Callable[[], Held]) -> Held:
    """Take a lock, again and again while another job holds it, as long as `waiting` says."""
    while True:
        try:
            return take()
        except LockedError:
            if time.monotonic_ns() >= _waits_until.get():
                raise
            time.sleep(PAUSE_MS / 1000)


def holder_in(text: str) -> str:
    """Name the process that an engine's message about a lock tells of, in brackets, or nothing.

    Example:
        >>> holder_in("Conflicting lock is held in /usr/bin/python3 (PID 4711)")
        ' (process 4711)'
    """
    found = re.search(r"PID (\d+)", text)
    return f" (process {found[1]})" if found else ""
