"""A card that was read and is not yet in force: its rows, and its own file in the book.

A file is written once. It ends the card before it by the rule of `pricing.cards.family`, so that no
other file has to be touched.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

import polars as pl

from metering.account import LAST_DAY
from metering.errors import BookError, UsageError
from metering.settings import Book
from pricing.cards.family import Family, family_text, read_cards
from pricing.catalog import card_paths
from pricing.rate_card import RateRow, frame_of

COLUMNS = [name for name in RateRow.model_fields if name != "line"]
FOLDER = "rate_cards"


@dataclass(frozen=True)
class NewCard:
    """The rows of one family that hold from one day on, and the frame that they make."""

    family: Family
    effective_from: date
    rows: Sequence[RateRow]

    @property
    def file_name(self) -> str:
        card, currency, rates = self.family
        return f"{card}_{self.effective_from}_{currency}_{rates}.csv"

    @property
    def text(self) -> str:
        return f"{family_text(self.family)} from {self.effective_from}"

    def standing_from(self, day: date) -> pl.DataFrame:
        """The card as if it held from `day` on: schema `RATES`."""
        return frame_of(row.model_copy(update={"effective_from": day}) for row in self.rows)


def new_cards(rows: Iterable[RateRow]) -> list[NewCard]:
    """Gather rows into cards: one for each family and day."""

    def key(row: RateRow) -> tuple[Family, date]:
        return row.family(), row.effective_from

    return [NewCard(*head, [*group]) for head, group in groupby(sorted(rows, key=key), key)]


def write_cards(book: Book, cards: Sequence[NewCard]) -> list[Path]:
    """Write each card into a file of its own in `rate_cards/`; one that is there already stays.

    Raises:
        UsageError: a file of that name has other rates.
        BookError: beside the files of the book, the cards would be a mistake; none is written.
    """
    folder = book.root / FOLDER
    folder.mkdir(exist_ok=True)
    for card in cards:
        target = folder / card.file_name
        if target.exists() and target.read_text(encoding="utf-8") != card_text(card.rows):
            raise UsageError(
                f"{card.text} is there already, with other rates",
                where=f"{FOLDER}/{card.file_name}",
                hint="a card is not edited: remove or rename the file if it was never billed with",
            )
    with tempfile.TemporaryDirectory(dir=folder) as staging:
        staged = [Path(staging) / card.file_name for card in cards]
        for path, card in zip(staged, cards, strict=True):
            path.write_text(card_text(card.rows), encoding="utf-8")
        _check_beside(book, staged)
        return [path.replace(folder / path.name) for path in staged]


def card_text(rows: Iterable[RateRow]) -> str:
    """Write rows in the form of a book's own card."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(getattr(row, name)) for name in COLUMNS] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None or value == LAST_DAY:
        return ""
    return f"{value:f}" if not isinstance(value, str | date) else str(value)


def _check_beside(book: Book, staged: Sequence[Path]) -> None:
    shipped, own = card_paths(book)
    names = {path.name for path in staged}
    _, problems, _ = read_cards(shipped, [*(p for p in own if p.name not in names), *staged])
    if problems:
        raise BookError(problems)
