"""The lines that a document shows: one for each charge, or for each of its prices or senders.

Either way they add up to the net amount of the document, to the minor unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal, localcontext
from typing import assert_never

from pricing.document import Detail, Document, Line
from pricing.line import ROUNDING
from pricing.money import MINOR_DECIMALS, exact_of, minor_of

# What is put on or taken off for a whole plan: where it is shared among tax categories, each share
# has the name of its category, so that it can be told apart when it is corrected.
SHARED = ("Minimum", "Maximum", "Commitment", "Commitment: overage")
ADJUSTS = ("discount", "maximum", "minimum", "commitment")  # kinds
DIGITS = 60  # of a sum of exact amounts; Python rounds at 28 by itself


@dataclass(frozen=True)
class ShownLine:
    """A line as a reader sees it; `amount` is rounded, in major units.

    Where there is a `unit_price`, `quantity` times it is the exact amount. There is none where an
    amount is no such product: a line of several prices, a share of a fee, an unknown price, which
    stands on drafts alone and at an amount of 0.
    """

    line: Line
    charge: str
    market: str | None
    tier: int | None  # as the detail says it
    quantity: Decimal
    unit_price: Decimal | None
    amount: Decimal
    sender_id: str | None = None  # whose part of the line it is, where lines are by sender


@dataclass(frozen=True)
class _Cell:
    """Details of a line that share what it is shown by, added up.

    That is market, tier and unit price; or the sender, and then these are None unless all share it.
    """

    market: str | None
    tier: int | None
    quantity: Decimal
    unit_price: Decimal | None
    amount: Decimal  # exact
    sender_id: str | None = None


def shown_lines(document: Document) -> tuple[ShownLine, ...]:
    """List what a document shows as its lines, in the order of its lines.

    By the style of the document: `by_charge`, each line as it is, with a unit price where all of
    it has one; `by_price`, a line for each market, tier and unit price of each line, what is free
    at a price of 0; `by_sender`, a line for each sender of each line, those of a sender together,
    after what has none, as a fee. The rounded amount of a line is shared among its prices or
    senders by largest remainder.
    """
    match document.style.lines:
        case "by_charge":
            return tuple(_whole(line) for line in document.lines)
        case "by_price":
            return tuple(shown for line in document.lines for shown in _by_price(line))
        case "by_sender":
            listed = [shown for line in document.lines for shown in _by_sender(line)]
            accounts = {line.account_id: n for n, line in enumerate(reversed(document.lines))}
            # Sorting is stable: the lines of a sender stay in their order.
            return tuple(
                sorted(
                    listed,
                    key=lambda shown: (
                        -accounts[shown.line.account_id],
                        shown.sender_id is not None,
                        shown.sender_id or "",
                    ),
                )
            )
        case _:
            assert_never(document.style.lines)


def shown_name(line: Line) -> str:
    """The charge by the name that people know, without the category of tax that a share is of."""
    plan, mark, charge = line.charge.rpartition(f"{line.plan}: ")
    name = charge.partition(" (")[0]
    is_share = line.kind in ADJUSTS and name in SHARED
    return f"{plan}{mark}{name}" if is_share else line.charge


def _whole(line: Line) -> ShownLine:
    cells = _cells(line.details)
    if len(cells) != 1:
        return ShownLine(line, shown_name(line), None, None, line.quantity, None, line.amount)
    (cell,) = cells
    is_all = cell.quantity == line.quantity and minor_of(cell.amount, line.currency) == minor_of(
        line.amount, line.currency
    )
    price = cell.unit_price if is_all else None
    return ShownLine(
        *(line, shown_name(line), cell.market, cell.tier, line.quantity, price, line.amount)
    )


def _by_price(line: Line) -> list[ShownLine]:
    """Show a line by its prices; what an adjustment came to before is no price of its own."""
    cells = _cells(_unrounded(line.details))
    shares = _shares(line, cells)
    if shares is None or line.kind in ADJUSTS:
        return [_whole(line)]
    return [
        ShownLine(
            *(line, line.charge, cell.market, cell.tier),
            *(cell.quantity, cell.unit_price, exact_of(share, line.currency)),
        )
        for cell, share in zip(cells, shares, strict=True)
    ]


def _by_sender(line: Line) -> list[ShownLine]:
    grouped: dict[str | None, list[Detail]] = {}
    for detail in _unrounded(line.details):
        grouped.setdefault(detail.sender_id, []).append(detail)
    cells = [
        replace(_sum_of(found), sender_id=sender_id)
        for sender_id, found in sorted(grouped.items(), key=lambda item: item[0] or "")
    ]
    cells = [cell for cell in cells if cell.quantity or cell.amount]
    shares = None if {*grouped} <= {None} else _shares(line, cells)
    if shares is None:
        return [_whole(line)]
    return [
        ShownLine(
            *(line, line.charge, cell.market, cell.tier, cell.quantity, cell.unit_price),
            *(exact_of(share, line.currency), cell.sender_id),
        )
        for cell, share in zip(cells, shares, strict=True)
    ]


def _unrounded(details: Sequence[Detail]) -> list[Detail]:
    """Leave out what rounding did to a correction: it is in the shares of the others."""
    return [detail for detail in details if detail.note != ROUNDING]


def _sum_of(details: Sequence[Detail]) -> _Cell:
    """Add up details, with the price that they have in common."""
    cells = _cells(details)
    if len(cells) == 1:
        return cells[0]
    with localcontext(prec=DIGITS):
        quantity = sum((detail.quantity for detail in details), Decimal(0))
        amount = sum((detail.amount or Decimal(0) for detail in details), Decimal(0))
    return _Cell(None, None, quantity, None, amount)


def _cells(details: Sequence[Detail]) -> list[_Cell]:
    """Add up details of one market, tier and unit price; what cancels out is left out."""
    grouped: dict[object, list[Detail]] = {}
    for detail in details:
        grouped.setdefault((detail.market, detail.tier, detail.unit_price), []).append(detail)
    cells = [_cell(group) for group in grouped.values()]
    return [cell for cell in cells if cell.quantity or cell.amount]


def _cell(details: Sequence[Detail]) -> _Cell:
    first = details[0]
    price = first.unit_price
    with localcontext(prec=DIGITS):
        amount = sum((detail.amount or Decimal(0) for detail in details), Decimal(0))
        priced = sum((detail.priced_quantity for detail in details), Decimal(0))
        quantity = priced if price else sum((detail.quantity for detail in details), Decimal(0))
        is_product = price is not None and quantity * price == amount
    return _Cell(first.market, first.tier, quantity, price if is_product else None, amount)


def _shares(line: Line, cells: Sequence[_Cell]) -> list[int] | None:
    """Share the rounded amount of a line among its cells, None where they do not make it up.

    Each exact amount is cut down to whole minor units; the units that are left over go, one each,
    to the largest remainders, the first of equals. In this way a share is less than one minor unit
    from its exact amount, also in a correction, where some are negative.
    """
    if not cells:
        return None
    with localcontext(prec=DIGITS):
        exact = [cell.amount.scaleb(MINOR_DECIMALS[line.currency]) for cell in cells]
        parts = [int(amount.to_integral_value(ROUND_FLOOR)) for amount in exact]
        remainders = [amount - part for amount, part in zip(exact, parts, strict=True)]
    left = minor_of(line.amount, line.currency) - sum(parts)
    fractions = sum(1 for remainder in remainders if remainder)
    if not 0 <= left <= fractions:
        return None
    order = sorted(range(len(cells)), key=lambda index: (-remainders[index], index))
    for index in order[:left]:
        parts[index] += 1
    return parts
