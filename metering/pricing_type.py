"""Types of charge: what the network's rules make of a delivery, by category, window and day.

`data/pricing_types.csv` says, for each category from a day on, which type a message has outside a
service window, inside one, and inside a free entry point. Source: the network's price rules, see
data/README.md.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache

import polars as pl

from metering.account import LAST_DAY
from metering.door import nearest
from metering.facts import data_path

WHATSAPP = "whatsapp"  # the channel of the network's own webhooks
# What the network says of messages that its rules for all do not tell; the last stands for
# `billable: false` without a type.
TYPES_OF_THE_NETWORK = ("exempt", "paid_exempt", "free_not_billable")
PRICING_TYPE = pl.Schema(
    {
        "category": pl.String(),
        "effective_from": pl.Date(),
        "effective_to": pl.Date(),  # exclusive; the next row of the category begins
        "pricing_model": pl.String(),  # CBP or PMP
        "outside": pl.String(),
        "in_service_window": pl.String(),
        "in_free_entry_point": pl.String(),
    }
)


@cache
def pricing_types() -> pl.DataFrame:
    """Read the shipped types of charge, schema `PRICING_TYPE`, by category and day."""
    with data_path("pricing_types.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            {
                **{name: row.get(name) for name in PRICING_TYPE},
                "effective_from": date.fromisoformat(row["effective_from"]),
                "effective_to": None,
            }
            for row in csv.DictReader(file)
        ]
    next_day = pl.col("effective_from").shift(-1).over("category", order_by="effective_from")
    return (
        pl.DataFrame(rows, PRICING_TYPE)
        .with_columns(effective_to=next_day.fill_null(LAST_DAY))
        .sort("category", "effective_from")
    )


@cache
def known_words() -> Mapping[str, Sequence[str]]:
    """The words of the network for what a message was and how it is charged, by dimension.

    The network may add words at any time, and another channel may have its own.
    """
    types = pricing_types()
    named = {*types["outside"], *types["in_service_window"], *types["in_free_entry_point"]}
    return {
        "category": sorted({*types["category"]}),
        "pricing_type": sorted({*named, *TYPES_OF_THE_NETWORK}),
        "pricing_model": sorted({*types["pricing_model"]}),
    }


def unknown_words(where: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str, str]]:
    """Yield the words of a filter that the network never used: dimension, word, what to do.

    Nothing is known of other channels than WhatsApp.
    """
    if WHATSAPP not in where.get("channel", (WHATSAPP,)):
        return
    for key, known in known_words().items():
        for word in sorted({*where.get(key, ())} - {*known}):
            yield key, word, f"{nearest(word, known)} (a word that your log has may stay)"


def change_dates() -> list[date]:
    """The days from which a category has other types of charge."""
    return sorted(set(pricing_types()["effective_from"]))


def conversations_until() -> date:
    """The last day on which conversations were priced, and not messages."""
    messages = pricing_types().filter(pl.col("pricing_model") == "PMP")
    first_day: date = messages["effective_from"].sort().item(0)
    return first_day - timedelta(days=1)
