"""Which rates of a card hold on a day, where several files have rates of one card.

A family is a card in one currency, at list or tiered rates. A book's own files of a family take the
place of the shipped ones from the first day that they know, and do not give it back; among
themselves, the next file ends the open rows of the one before. Anything else that meets on a day is
a mistake. docs/decisions/0015-a-books-own-card.md says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import combinations, groupby
from pathlib import Path

import polars as pl

from metering.account import LAST_DAY
from metering.door import read_rows
from metering.errors import Problem
from pricing.effective import overlap
from pricing.rate_card import RateRow, check_cells, frame_of

Family = tuple[str, str, str]  # card, currency, list or tiered
Rows = Mapping[Path, Sequence[RateRow]]
Starts = Mapping[Family, Mapping[Path, date]]


def read_cards(
    shipped: Sequence[Path], own: Sequence[Path] = ()
) -> tuple[pl.DataFrame, list[Problem], list[Problem]]:
    """Read the cards that ship and those of a book into one frame of schema `RATES`.

    Returns the frame, every mistake in and between the files, and a warning for each card that
    ends because a file of the book takes its place.
    """
    if not own:
        rates, found = _read_shipped(tuple(shipped))
        return rates, [*found], []
    problems: list[Problem] = []
    by_file: dict[Path, list[RateRow]] = {}
    for path in (*shipped, *own):
        by_file[path], found = _read_card(path)
        problems += found
    starts = _starts({path: by_file[path] for path in own})
    settled = {
        **{path: [*_before_own(by_file[path], starts)] for path in shipped},
        **{path: [*_before_next(path, by_file[path], starts)] for path in own},
    }
    problems += _check_families(settled)
    rows = [row for rows in settled.values() for row in rows]
    return frame_of(rows), problems, [*_replaced(by_file, settled, starts)]


@cache
def _read_shipped(paths: Sequence[Path]) -> tuple[pl.DataFrame, Sequence[Problem]]:
    """Read cards that no other takes the place of; they do not change while a process runs."""
    by_file = {path: _read_card(path) for path in paths}
    rows = {path: of_file for path, (of_file, _) in by_file.items()}
    problems = [problem for _, found in by_file.values() for problem in found]
    everything = [row for of_file in rows.values() for row in of_file]
    return frame_of(everything), [*problems, *_check_families(rows)]


def _read_card(path: Path) -> tuple[list[RateRow], list[Problem]]:
    rows, problems = read_rows(path, RateRow)
    return rows, [*problems, *check_cells(rows, path.name)]


def family_text(family: Family) -> str:
    """Name a family in words.

    Example:
        >>> family_text(("whatsapp", "USD", "list"))
        "card 'whatsapp' in USD (list)"
    """
    return f"card '{family[0]}' in {family[1]} ({family[2]})"


def _starts(own: Rows) -> Starts:
    starts: dict[Family, dict[Path, date]] = {}
    for path, rows in own.items():
        for row in rows:
            of_family = starts.setdefault(row.family(), {})
            of_family[path] = min(row.effective_from, of_family.get(path, LAST_DAY))
    return starts


def _before_own(rows: Sequence[RateRow], starts: Starts) -> Iterator[RateRow]:
    for row in rows:
        own = starts.get(row.family(), {})
        yield from _ended(row, min(own.values(), default=LAST_DAY))


def _before_next(path: Path, rows: Sequence[RateRow], starts: Starts) -> Iterator[RateRow]:
    for row in rows:
        others = [start for other, start in starts[row.family()].items() if other != path]
        later = [start for start in others if start > row.effective_from]
        is_open = row.effective_to == LAST_DAY
        yield from _ended(row, min(later, default=LAST_DAY) if is_open else LAST_DAY)


def _ended(row: RateRow, end: date) -> Iterator[RateRow]:
    """Yield a row as it holds before `end`; one that begins later never does."""
    if row.effective_to <= end:
        yield row
    elif row.effective_from < end:
        yield row.model_copy(update={"effective_to": end})


def _replaced(written: Rows, settled: Rows, starts: Starts) -> Iterator[Problem]:
    """Yield a warning for each card of a family that another one ends sooner than it says."""
    for family, own in starts.items():
        first, cause = min((start, path) for path, start in own.items())
        shipped = [row for path, rows in written.items() if path not in own for row in rows]
        if any(row.family() == family and row.effective_to > first for row in shipped):
            yield _replacement(family, cause, "the one that ships with Tollbook", first)
        for path in own:
            pairs = zip(written[path], settled[path], strict=True)
            cuts = {now.effective_to for row, now in pairs if row.family() == family and row != now}
            for cut in sorted(cuts):
                cause = next(other for other, start in own.items() if start == cut)
                yield _replacement(family, cause, f"the one in {path.name}", cut)


def _replacement(family: Family, cause: Path, whose: str, day: date) -> Problem:
    return Problem(
        f"{cause.name} effective_from",
        f"{family_text(family)} takes the place of {whose} from {day} on",
        "give the card another name if you did not mean to",
    )


def _check_families(by_file: Rows) -> Iterator[Problem]:
    spans = {
        (*row.family(), *row.days(), path): row for path, rows in by_file.items() for row in rows
    }
    for family, keys in groupby(sorted(spans), lambda key: key[:3]):
        for one, other in combinations(keys, 2):
            if one[5] != other[5] and overlap(one[3:5], other[3:5]):
                end = f"end the rows of {one[5].name} with effective_to {other[3]}"
                yield Problem(
                    f"{other[5].name}:{spans[other].line} effective_from",
                    f"{family_text(family)} also has rates on {other[3]} in {one[5].name}",
                    f"{end if one[3] < other[3] else 'keep one file'}, or name the card otherwise",
                )
