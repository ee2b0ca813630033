"""Invented generations of many months, for figures that one sample month cannot show.

Everything is drawn from a seed; weekends are quieter, accounts begin one after the other, volumes
grow, and one market stops for a day.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl

from dashboards import reports
from dashboards.contents import (
    ACCOUNT,
    ADD_ON,
    ALLOWANCE,
    CONVERSATIONS,
    FUNNEL,
    HOURS,
    LISTED,
    SCHEMA,
    SUBSCRIPTION,
    USAGE,
    WINDOWS,
    Contents,
    without_accounts,
)
from dashboards.margin import COSTS, prices_of, without_cells
from dashboards.span import Span
from metering.event import QUANTITY
from metering.market import markets
from metering.period import Month
from metering.settings import Book
from pricing.invoice import LINE, LINE_DETAIL, Drafts
from pricing.ledger import CREDIT_USED
from pricing.money import EXACT
from pricing.starter import init_book
from pricing.tax import TAX

CATEGORIES = ("marketing", "utility", "service", "authentication")
PRICING_TYPES = ("regular", "regular", "free_customer_service", "free_entry_point")
ENTRY_POINTS = ("none", "none", "ad", "link")
ANSWERS = ("1 minute", "5 minutes", "1 hour", "later", "none")
QUIET_MARKET = "Brazil"


def invent(
    root: Path,
    *,
    accounts: int,
    months: int,
    rows: int,
    last: date,
    seed: int = 7,
    billed: int = 0,
) -> Book:
    """Publish an invented generation in a new book.

    Args:
        rows: Of usage, each month.
        last: The last day.
        billed: How many months have invoices, the latest of them.
    """
    book = init_book(root)
    rng = np.random.default_rng(seed)
    end = Month.of(last)
    frames: dict[str, pl.DataFrame] = {"accounts": _names(accounts)}
    for number in range(months - 1, -1, -1):
        month = end.back(number)
        frames |= {
            f"{name}/{month}": frame
            for name, frame in _month(rng, month, last, accounts, rows, months - number).items()
        }
        if number < billed:
            made = bills(frames[f"usage/{month}"], str(month))
            frames |= {f"{name}/{month}": frame for name, frame in made.items()}
    if billed:
        frames |= offers(accounts, last)
    facts = {
        "schema": SCHEMA,
        "seller": "Harbor Messaging",
        "time_zone": "UTC",
        "latest_event_at": f"{last + timedelta(days=1)}T09:00:00+00:00",
        "load_count": months,
        "quarantined_count": 0,
        "cost_currency": "USD",
    }
    with patch.object(reports, "collect", lambda *_: Contents(frames, facts)):
        reports.publish(book)
    return book


def offers(accounts: int, last: date) -> dict[str, pl.DataFrame]:
    """Invent one plan with free units that everybody is on, and an add-on of every third."""
    since = {"effective_from": date(last.year - 5, 1, 1), "effective_to": date.max}
    included = {"plan": "invented", "charge": "service", "each": "account", "quantity": 500}
    names = [f"acct-{n:05}" for n in range(accounts)]
    return {
        "allowances": pl.DataFrame([{**included, "categories": ["service"], **since}], ALLOWANCE),
        "subscriptions": pl.DataFrame(
            [{"account_id": name, "plan": "invented", **since} for name in names], SUBSCRIPTION
        ),
        "add_ons": pl.DataFrame(
            [
                {"account_id": name, "add_on": "devices", "quantity": Decimal(2), **since}
                for name in names[::3]
            ],
            ADD_ON,
        ),
    }


def bills(usage: pl.DataFrame, period: str) -> dict[str, pl.DataFrame]:
    """Invent the invoices of a month: a line for each category of an account, and its cells."""
    cell = ["account", "category", "market"]
    cells = usage.group_by(cell).agg(pl.col("quantity").sum()).sort(cell)
    invoice_id = pl.format("{}/{}/1", "account", pl.lit(period))
    details = cells.with_columns(
        invoice_id=invoice_id,
        line_id=pl.format("{}#{}", invoice_id, "category"),
        position=pl.int_range(pl.len()).over("account", "category"),
        amount_minor=pl.col("quantity") * 5,
        amount=pl.col("quantity").cast(EXACT) / 20,
        priced_quantity="quantity",
        unit_price=pl.lit(Decimal("0.05")),
        rate_date=pl.lit(Month.parse(period).first_day),
    )
    key = ["invoice_id", "line_id", "account", "category"]
    lines = details.group_by(key).agg(pl.col("quantity", "amount_minor", "amount").sum()).sort(key)
    lines = lines.with_columns(
        position=pl.int_range(pl.len()).over("invoice_id"),
        charge="category",
        period=pl.lit(period),
        is_correction=pl.lit(value=False),
        amount_exact="amount",
    )
    invoices = lines.group_by("invoice_id", "account").agg(
        total_minor=pl.col("amount_minor").sum(), line_count=pl.len()
    )
    told = {"currency": "USD", "plan": "invented", "kind": "usage", "status": "billed"}
    about = {"purpose": "customer", "period": period, "kind": "invoice", "state": "draft"}
    lines, details = (
        frame.with_columns(pl.lit(word).alias(name) for name, word in told.items()).rename(
            {"account": "account_id"}
        )
        for frame in (lines, details)
    )
    invoices = invoices.with_columns(
        *(pl.lit(word).alias(name) for name, word in {**about, "currency": "USD"}.items()),
        is_blocked=pl.lit(value=False),
        net_minor="total_minor",
        due_minor="total_minor",
        name=pl.format("Invented {}", "account"),
        blocked=pl.lit("[]"),
    ).rename({"account": "account_id"})
    drafts = Drafts(invoices, lines, details, TAX.to_frame(), CREDIT_USED.to_frame())
    costs = cells.with_columns(
        amount=pl.col("quantity").cast(EXACT) / 25, unpriced=pl.lit(0, QUANTITY)
    )
    return {
        "invoices": filled(invoices, LISTED).sort("invoice_id"),
        "lines": filled(lines, LINE),
        "details": filled(details, LINE_DETAIL),
        "prices": (prices := prices_of(drafts)),
        "price_sums": without_cells(prices),
        "costs": filled(costs, COSTS),
        "cost_sums": without_cells(filled(costs, COSTS)),
    }


def filled(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Give a frame the columns of a schema: null where it has none of the name."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in schema.items()
    )


def _names(accounts: int) -> pl.DataFrame:
    rows = [(f"acct-{n:05}", f"Account {n}", "customer", "UTC") for n in range(accounts)]
    return pl.DataFrame(rows, ACCOUNT, orient="row")


def _month(
    rng: np.random.Generator, month: Month, last: date, accounts: int, rows: int, age: int
) -> Mapping[str, pl.DataFrame]:
    days = Span(month.first_day, min(month.last_day, last)).days()
    rows = rows * len(days) // month.day_count
    weight = np.array([1 + (day.weekday() < 5) for day in days], dtype="double")
    begun = max(1, min(accounts, accounts * (age + 3) // 12))
    where = rng.choice(len(days), rows, p=weight / weight.sum())
    # Some pause in each month, and who is large stays so.
    active = np.sort(rng.permutation(begun)[: max(1, begun * 4 // 5)])
    owner = active[(rng.random(rows) ** 2 * len(active)).astype("int64")]
    names = markets()["market"].unique().sort()
    market = (rng.random(rows) ** 2 * names.len()).astype("int64")
    kind = rng.integers(0, 4, rows)
    usage = (
        pl.DataFrame(
            {
                "day": pl.Series(days).gather(where),
                "account": pl.Series([f"acct-{n:05}" for n in range(accounts)]).gather(owner),
                "sender": pl.Series([f"{10**11 + n}" for n in range(accounts)]).gather(owner),
                "market": names.gather(market),
                "category": pl.Series(CATEGORIES).gather(kind),
                "pricing_type": pl.Series(PRICING_TYPES).gather(rng.integers(0, 4, rows)),
                "entry_point": pl.Series(ENTRY_POINTS).gather(rng.integers(0, 4, rows)),
                "quantity": rng.integers(15, 25 + age, rows),
            }
        )
        .filter((pl.col("market") != QUIET_MARKET) | (pl.col("day") != days[len(days) * 2 // 3]))
        .group_by(pl.exclude("quantity"))
        .agg(pl.col("quantity").sum())
        .cast(USAGE)
        .sort("account", "day")
    )
    frames = {"usage": usage, **_others(usage)}
    totals = {f"{name}_totals": without_accounts(frame) for name, frame in frames.items()}
    per_account = usage.group_by("account", "category").agg(pl.col("quantity").sum())
    return {**frames, **totals, "usage_accounts": per_account}


def _others(usage: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Make the other frames of a month out of its usage."""
    keys = ["day", "account", "market", "category"]
    delivered = usage.group_by(keys).agg(delivered=pl.col("quantity").sum())
    funnel = delivered.with_columns(
        sent=pl.col("delivered") * 21 // 20,
        read=pl.col("delivered") * 3 // 5,
        failed=pl.col("delivered") // 40,
    )
    number = pl.col("quantity").hash(1)
    hours = usage.with_columns(weekday=pl.col("day").dt.weekday(), hour=7 + (number % 14))
    windows = usage.filter(category="service").with_columns(
        rule=pl.lit("service_window"),
        days_open=1 + number % 2,
        answer=pl.Series(ANSWERS).gather(usage.filter(category="service")["quantity"] % 5),
    )
    return {
        "funnel": funnel.select(FUNNEL.names()).cast(FUNNEL).sort("account", "day"),
        "hours": hours.group_by("account", "category", "weekday", "hour")
        .agg(pl.col("quantity").sum())
        .select(HOURS.names())
        .cast(HOURS)
        .sort("account"),
        "windows": windows.group_by(list(WINDOWS.names())[:-1])
        .agg(window_count=pl.col("quantity").sum())
        .cast(WINDOWS)
        .sort("account"),
        "conversations": usage.filter(entry_point="ad")
        .group_by("day", "account", "category")
        .agg(pl.col("quantity").sum())
        .cast(CONVERSATIONS)
        .sort("account"),
    }
