"""The errors that a caller may catch; anything else that escapes is a bug.

Each says what is wrong, where, and what to do, and keeps these parts as attributes. `exit_code` is
what the command `tollbook` ends with; docs/architecture.md lists the codes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in what a person wrote: `where` is a file with its line or key."""

    where: str
    what: str
    hint: str

    def __str__(self) -> str:
        """Render as a readable block of three lines.

        Example:
            >>> print(Problem("accounts.csv:7 currency", "'USX' is no currency", "use ISO 4217"))
            accounts.csv:7 currency
              'USX' is no currency
              Hint: use ISO 4217
        """
        return f"{self.where}\n  {self.what}\n  Hint: {self.hint}"

    def __lt__(self, other: "Problem") -> bool:
        """Sort as people read a file: line 9 before line 10."""
        return self._place() < other._place()

    def _place(self) -> tuple[str, str, str]:
        where = re.sub(r"\d+", lambda digits: digits[0].zfill(12), self.where)
        return where, self.what, self.hint


class TollbookError(Exception):
    """Something that a person can repair: what is wrong, where, and how to repair it."""

    exit_code = 1

    def __init__(self, what: str, *, where: str, hint: str) -> None:
        self.problems: tuple[Problem, ...] = (Problem(where, what, hint),)
        super().__init__(str(self.problems[0]))


class UsageError(TollbookError):
    """A call that cannot be carried out as it was written."""

    exit_code = 2


class BookError(TollbookError):
    """Mistakes in the files of a book: all of them at once, sorted by place."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        assert problems, "a book error names at least one problem"
        self.problems = tuple(sorted(problems))
        Exception.__init__(self, "\n".join(map(str, self.problems)))


class SumsDisagreeError(TollbookError):
    """Counts that must add up do not; nothing was written."""

    exit_code = 4


class LockedError(TollbookError):
    """Another job holds the store."""

    exit_code = 11
