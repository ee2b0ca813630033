"""The summary of a month's usage on a printed document: by category, and a small chart by day."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pricing.document import Document, Line
from pricing.documents.pdf_words import Words, capital

FREE = frozenset({"free", "in_conversation"})
MARKED_DAYS = frozenset({1, 8, 15, 22, 29})
FULL = 1000  # the height of the highest bar

Count = tuple[Decimal, Decimal]  # delivered, and of these free


def usage_of(document: Document, words: Words) -> dict[str, Any] | None:
    """Sum up what was used in the month; None where it is not known, and on credit notes."""
    if document.kind == "credit_note" or not any(day.quantity for day in document.days):
        return None
    delivered = sum(day.quantity for day in document.days)
    highest = max(day.quantity for day in document.days)
    return {
        "title": words.say("usage", month=words.month(document.period)),
        **_table(document, Decimal(delivered), words),
        "days": [
            [
                str(day.day.day) if day.day.day in MARKED_DAYS else "",
                -(-day.quantity * FULL // highest),
            ]
            for day in document.days
        ],
        "most": words.quantity(Decimal(highest)),
    }


def _table(document: Document, delivered: Decimal, words: Words) -> dict[str, Any]:
    """Count by category or, where the lines do not tell, by the lines themselves."""
    lines = [line for line in document.lines if line.kind == "usage" and not line.is_correction]
    counts = _by_category(lines, delivered)
    if counts:
        ranked = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))
        return {
            "heads": [words["category"], words["delivered"], words["of_these_free"]],
            "rows": [[words.category(name), *_written(count, words)] for name, count in ranked],
            "sum": ["", *_written(_added(counts.values()), words)],
        }
    return {
        "heads": [words["description"], words["quantity"], words["of_these_free"]],
        "rows": [
            [words.given(capital(line.charge)), *_written(_count(line), words)] for line in lines
        ],
        "sum": [],
    }


def _count(line: Line) -> Count:
    free = (detail.quantity for detail in line.details if detail.status in FREE)
    return line.quantity, sum(free, Decimal(0))


def _by_category(lines: Sequence[Line], delivered: Decimal) -> Mapping[str, Count]:
    """Count deliveries and free ones by category; empty where the lines do not tell.

    A delivery may be in a line of the network's price and in one of a fee beside it, and a document
    does not say which lines these are. So the lines are taken together, or for each category the
    one with most of it, and only what adds up to all deliveries of the month is shown.
    """
    counted = [_counts(line) for line in lines]
    names = dict.fromkeys(name for counts in counted for name in counts)
    together = {
        name: _added(counts[name] for counts in counted if name in counts) for name in names
    }
    largest = {
        name: max((counts[name] for counts in counted if name in counts), key=lambda c: c[0])
        for name in names
    }
    for found in (together, largest):
        if _added(found.values())[0] == delivered:
            return found
    return {}


def _counts(line: Line) -> dict[str, Count]:
    counts: dict[str, Count] = {}
    for detail in line.details:
        if detail.category is not None:
            free = detail.quantity if detail.status in FREE else Decimal(0)
            before = counts.get(detail.category, (Decimal(0), Decimal(0)))
            counts[detail.category] = _added([before, (detail.quantity, free)])
    return counts


def _added(counts: Iterable[Count]) -> Count:
    listed = list(counts)
    delivered, free = (sum((count[at] for count in listed), Decimal(0)) for at in (0, 1))
    return delivered, free


def _written(count: Count, words: Words) -> list[str]:
    return [words.quantity(number) for number in count]
