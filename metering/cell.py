"""Cells: what the usage of a meter is told apart by where it is priced, and what else on request.

A cell of `USAGE` has one price. Who prices by waba, by sender or by whose word a type of charge is,
asks for these to be kept apart; it costs nothing where nobody does.
"""

from collections.abc import Collection, Mapping
from typing import Literal

from metering.dimension import COLUMN_OF, Dimension
from metering.event import USAGE_DIMENSIONS, USAGE_SPLITS
from metering.meter import Meter

Split = Literal["waba", "sender", "opinion", "reported_cost"]
CELL = ("account_id", *USAGE_SPLITS, *USAGE_DIMENSIONS, "rate_date")
SPLIT_OF: Mapping[str, Split] = dict(
    zip(USAGE_SPLITS, ("waba", "sender", "opinion", "reported_cost"), strict=True)
)


def dimensions_of(meter: Meter, apart: Collection[Split]) -> set[Dimension]:
    """Name what must be kept apart until units have found their cells."""
    splits: tuple[Dimension, ...] = ("waba", "sender", "reported_cost")
    asked = {name for name in splits if name in apart and name in meter.dimensions}
    return asked | {name for name in meter.source.dimensions if name in meter.cells}


def columns_of_cell(meter: Meter, apart: Collection[Split]) -> dict[str, str]:
    """Write how each column of a cell is read off view `metered`; what is not told apart is null.

    Nobody has an opinion of a type that the cell does not have.
    """
    has_type = "pricing_type" in meter.cells
    splits = {name for name, split in SPLIT_OF.items() if split in apart}
    kept = {*meter.cells, *(splits if has_type else splits - {"pricing_opinion"})}
    names = (*USAGE_SPLITS, *USAGE_DIMENSIONS)
    return {
        "account_id": COLUMN_OF["account"],
        **{name: name if name in kept else "null::varchar" for name in names},
        "rate_date": "null::date" if meter.is_whole else "rate_date",
    }
