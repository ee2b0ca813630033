"""The terms of all plans as frames, so that rating is a join and not a loop over accounts.

Every part of a charge, fixed fee and add-on of every version of a plan is one row of `CHARGES`; a
price that a plan writes itself becomes rows of `TIERS` or of `CELLS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import polars as pl

from metering.event import QUANTITY, USAGE_DIMENSIONS, USAGE_SPLITS
from metering.period import Month
from pricing.money import UNIT_PRICE
from pricing.offer import Where
from pricing.part import Part
from pricing.price import CELL_KEYS

CHARGES = pl.Schema(
    {
        "charge_id": pl.Int64(),
        "plan": pl.String(),
        "version_from": pl.Date(),
        "kind": pl.String(),  # usage, fixed_fee or add_on
        "charge": pl.String(),
        "position": pl.Int64(),  # in the version, from 0
        "component": pl.String(),
        "meter": pl.String(),  # null where no meter counts
        "unit": pl.String(),  # of a card: message, conversation, minute; null where cards have none
        "currency": pl.String(),  # null where it is the account's
        "tax_category": pl.String(),
        "allowance_id": pl.Int64(),
        "price_kind": pl.String(),  # written, matrix or card
        "each": pl.String(),  # whose units count together, as words with a bar between
        "over": pl.String(),  # for how long: month, day, contract, or a stretch of an add-on
        "keeps": pl.String(),  # the columns that tell its usage apart; null: all of them
        "is_all_in_one": pl.Boolean(),
        "charges_unused": pl.Boolean(),
        "card": pl.String(),
        "rates": pl.String(),
        "crossing": pl.String(),
        "card_currency": pl.String(),  # null where it is that of the charge
        "takes_reported": pl.Boolean(),  # whether reported costs go before the card
        "factor": UNIT_PRICE,
        "added": UNIT_PRICE,
        "decimals": pl.Int64(),  # to which a marked-up price is rounded; null: not at all
        "mode": pl.String(),
        "markup_text": pl.String(),
        "proration": pl.String(),
        "every": pl.String(),
        "due": pl.String(),
        "max_quantity": QUANTITY,  # of an add-on that a meter counts
        "minimum": UNIT_PRICE,
        "maximum": UNIT_PRICE,
    }
)
TIERS = pl.Schema(
    {
        "charge_id": pl.Int64(),
        "tier": pl.Int64(),  # 1 for the first; null where there is one price
        "over_quantity": QUANTITY,
        "up_to": QUANTITY,  # inclusive; null in the last tier
        "unit_price": UNIT_PRICE,
        "flat_amount": UNIT_PRICE,
        "package_size": QUANTITY,  # null where the price is for a unit
        "partial": pl.String(),
        "tier_text": pl.String(),  # which units the tier takes, in words
    }
)
# The cells of matrices; a null key takes all, and the first cell that matches a unit prices it.
CELLS = pl.Schema(
    {
        "charge_id": pl.Int64(),
        "cell": pl.Int64(),
        **dict.fromkeys(CELL_KEYS, pl.String()),
        "unit_price": UNIT_PRICE,
    }
)
ALLOWANCES = pl.Schema(
    {
        "allowance_id": pl.Int64(),
        "allowance": pl.String(),  # its name, or that of its charge
        "allowance_plan": pl.String(),
        "included": QUANTITY,
        "allowance_each": pl.String(),
        "allowance_over": pl.String(),
        "order": pl.String(),  # time, dearest or cheapest
        "carry_over_months": pl.Int64(),
    }
)
# What can be charged, one row for each account, charge and cell. Usage has all dimensions, and the
# `rate_date` that metering knows it by; `price_date` is the day that its price is looked up for.
UNITS = pl.Schema(
    {
        "charge_id": pl.Int64(),
        "account_id": pl.String(),
        **dict.fromkeys((*USAGE_SPLITS, *USAGE_DIMENSIONS), pl.String()),
        "rate_date": pl.Date(),
        "price_date": pl.Date(),
        "end_date": pl.Date(),  # exclusive; of fees and add-ons, which are prorated
        "contract_from": pl.Date(),  # the first day of the subscription
        "quantity": QUANTITY,
        "status": pl.String(),  # open, free or unknown
        "reason": pl.String(),  # why it is free or unknown
        # Of a cell of an allowance that took the first units in order of time, and not all: what is
        # left of the cell comes after them.
        "first_scope": pl.String(),
        "first_bound": QUANTITY,
    }
)

# Where usage has the values that a scope names under other names.
COLUMN_OF_SCOPE = {"sender": "sender_id", "waba": "waba_id"}
# (meter, cells, bounds, crossing) -> how much of each cell is within the first units of its scope.
Crossing = Literal["split", "after"]
Below = Callable[[str, pl.DataFrame, pl.DataFrame, Crossing], pl.DataFrame]
# (account_id, day) -> the instant at which the day begins for an account.
Midnight = Callable[[str, date], datetime]


@dataclass(frozen=True)
class Terms:
    """What the steps of charging go by."""

    month: Month
    charges: pl.DataFrame  # schema CHARGES
    parts: Mapping[int, Part]  # by charge_id
    tiers: pl.DataFrame  # schema TIERS
    cells: pl.DataFrame  # schema CELLS
    allowances: pl.DataFrame  # schema ALLOWANCES
    allowed: Mapping[int, Where]  # by charge_id: which units its allowance counts
    free_units: pl.DataFrame  # charge_id, discount, free_units, months
    rates: pl.DataFrame  # schema RATES
    categories: pl.DataFrame  # schema CARD_CATEGORIES
    fx: pl.DataFrame  # schema FX_RATES
    waivers: pl.DataFrame  # charge_id, account_id: what is free for whom
    accounts: pl.DataFrame  # account_id, portfolio_id, account_currency
    opening: pl.DataFrame  # schema STATE: what the month before left
    below: Below
    midnight: Midnight
    # Whether each cell is placed in the order of time even where no amount depends on it: so that
    # it can be said which tier a message is in.
    by_time: bool = False
    by_sender: bool = False  # whether the details of each sender are told apart
    # Columns CELL and FIRST: the cells of allowances that took the first units in order of time.
    firsts: pl.DataFrame = field(default_factory=pl.DataFrame)

    def of(self, units: pl.DataFrame, *columns: str) -> pl.DataFrame:
        """Add `columns` of `CHARGES` to `units`."""
        return units.join(
            self.charges.select("charge_id", *columns),
            on="charge_id",
            how="left",
            maintain_order="left",
        )

    def currencies(self) -> dict[str, str]:
        """In what each account is invoiced."""
        return dict(self.accounts.select("account_id", "account_currency").iter_rows())

    def state(self, kind: str) -> pl.DataFrame:
        """What the month before left of one kind: account_id, key, value."""
        return self.opening.filter(pl.col("kind") == kind).drop("kind")
