"""The price finder: what so many messages would cost an account on a day, by the code that bills.

A month that holds nothing but these messages is rated like any other, once with and once without
them; the difference is what they cost. Nothing is written and no store is opened.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import polars as pl

from metering.cell import CELL
from metering.event import QUANTITY, USAGE
from metering.meter import DELIVERIES
from metering.period import Month
from pricing.billing import rate_month
from pricing.catalog import Catalog
from pricing.invoice import Drafts
from pricing.state import no_state
from pricing.terms import Below, Crossing

CHANNEL, MODEL = "whatsapp", "PMP"  # what a price per message is for
UNPRICED = ("unknown", "uncovered", "no_plan")


@dataclass(frozen=True)
class Question:
    """So many messages of one kind, on one day."""

    account_id: str
    market: str
    category: str
    pricing_type: str
    on: date
    quantity: int
    already: int = 0  # messages of the same kind earlier in the month


@dataclass(frozen=True)
class Answer:
    """What they cost, exactly and before tax; None where a price is unknown."""

    currency: str
    amount: Decimal | None
    details: pl.DataFrame  # schema LINE_DETAIL and `charge`, of all messages of the month
    plan: str | None


def find_price(catalog: Catalog, question: Question) -> Answer:
    """Rate the messages of a question."""
    own = tuple(s for s in catalog.subscriptions if s.account_id == question.account_id)
    alone = replace(catalog, subscriptions=own, holdings=(), credits=(), redemptions=(), taxes=None)
    drafts = _rated(alone, question, question.already + question.quantity)
    details = _of_messages(drafts)
    currency = drafts.invoices["currency"].item(0)
    plans = {s.plan for s in own if s.effective_from <= question.on < s.effective_to}
    amount: Decimal | None = None
    if details.height and not details["status"].is_in(UNPRICED).any():
        amount = _sum(details)
        if question.already:
            amount -= _sum(_of_messages(_rated(alone, question, question.already)))
    return Answer(currency, amount, details, next(iter(plans), None))


def _rated(catalog: Catalog, question: Question, quantity: int) -> Drafts:
    month = Month.of(question.on)
    cell = {
        "account_id": question.account_id,
        "meter": DELIVERIES,
        "channel": CHANNEL,
        "market": question.market,
        "category": question.category,
        "pricing_model": MODEL,
        "pricing_type": question.pricing_type,
        "pricing_opinion": "network",
        "rate_date": question.on,
        "standing": "counted",
        "quantity": Decimal(quantity),
    }
    usage = pl.DataFrame([[cell.get(name) for name in USAGE]], USAGE, orient="row")
    return rate_month(catalog, month, usage, _below(quantity), no_state()).drafts


def _below(quantity: int) -> Below:
    """Answer about the order of time of a month whose units are all alike."""

    def below(_: str, cells: pl.DataFrame, bounds: pl.DataFrame, __: Crossing) -> pl.DataFrame:
        taken = pl.col("first_bound").fill_null(0) if "first_bound" in cells.columns else pl.lit(0)
        left = pl.max_horizontal(pl.lit(quantity, QUANTITY) - taken, pl.lit(0, QUANTITY))
        placed = cells.with_columns(left=left.cast(QUANTITY)).join(bounds, on="scope")
        reached = pl.min_horizontal("left", pl.col("bound").cast(QUANTITY)).cast(QUANTITY)
        return placed.with_columns(quantity=reached).select("scope", "bound", *CELL, "quantity")

    return below


def _of_messages(drafts: Drafts) -> pl.DataFrame:
    """Keep the details of messages, with the charge of their line: fees are of no message."""
    lines = drafts.lines.filter(kind="usage").select("line_id", "charge")
    found = drafts.details.join(lines, on="line_id", maintain_order="left")
    return found.filter(pl.col("meter") == DELIVERIES, pl.col("quantity") > 0)


def _sum(details: pl.DataFrame) -> Decimal:
    return sum((amount for amount in details["amount"] if amount is not None), Decimal(0))
