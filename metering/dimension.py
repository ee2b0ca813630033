"""Dimensions: what usage can be told apart by, and what each kind of unit knows of itself."""

from collections.abc import Mapping
from typing import Literal, get_args

Dimension = Literal[
    "account",
    "portfolio",
    "waba",
    "sender",
    "channel",
    "market",
    "country",
    "category",
    "pricing_type",
    "pricing_model",
    "entry_point",
    "template",
    "status",
    "reported_cost",
    "day",
    "week",
    "month",
    "hour",
]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
LOCAL_TIMES = {"day", "week", "hour"}  # these cut the month into local days
# What every unit has: an owner and a time.
OF_ALL: tuple[Dimension, ...] = (
    *("account", "portfolio", "waba", "sender"),
    *("day", "week", "month", "hour"),
)
OF_MESSAGES: tuple[Dimension, ...] = (
    *("channel", "market", "country", "category", "pricing_type", "pricing_model"),
    *("entry_point", "template", "status"),
)
# How each dimension is read off view `counted`.
COLUMN_OF: Mapping[str, str] = {
    "account": "nullif(account_id, '')",
    "portfolio": "portfolio_id",
    "waba": "waba_id",
    "sender": "sender_id",
    "channel": "channel",
    "market": "market",
    "country": "country",
    "category": "category",
    "pricing_type": "pricing_type",
    "pricing_model": "pricing_model",
    "entry_point": "entry_point",
    "template": "template",
    "status": "status",
    "reported_cost": "reported_cost",
    "day": "local_day",
    "week": "date_trunc('week', local_day)::date",
    "month": "getvariable('month')",
    "hour": "hour(from_at + to_seconds(offset_seconds))",
}
# Which columns of a unit must be kept apart before its account, market and type are looked up.
COLUMNS_FOR: Mapping[str, tuple[str, ...]] = {
    "waba": ("waba_id",),
    "channel": ("channel",),
    "market": ("place",),
    "country": ("place",),
    "category": ("category",),
    "pricing_type": (
        *("channel", "category", "pricing_model", "pricing_type"),
        *("in_service_window", "in_free_entry_point"),
    ),
    "pricing_model": ("pricing_model",),
    "entry_point": ("entry_point",),
    "template": ("template",),
    "status": ("status",),
    "reported_cost": ("reported_cost",),
}
assert set(COLUMN_OF) == set(DIMENSIONS)
