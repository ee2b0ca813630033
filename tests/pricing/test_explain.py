"""A line unfolds into sentences that a bookkeeper can check."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from metering.period import Month
from metering.settings import Book
from pricing.billing import rate_month
from pricing.catalog import load_catalog
from pricing.explain import explain
from pricing.state import no_state

PLAN = """\
plan = "growth"
currency = "USD"
[[version]]
[[version.charge]]
name = "marketing"
meter = "deliveries"
where = { category = ["marketing"] }
price = { kind = "rate_card", card = "net", markup_ratio = 0.15 }
[[version.charge]]
name = "service"
meter = "deliveries"
where = { category = ["service"] }
allowance = { quantity = 10 }
price = { kind = "graduated", tiers = [
    { up_to = 20, unit_price = 0.0125 },
    { unit_price = 0.01 },
] }
[[version.fixed_fee]]
name = "licence"
amount = 49.00
proration = "by_day"
"""
CARD = """\
card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate,evidence,note
net,2026-10-01,,USD,list,Brazil,marketing,message,,0.0625,two sources,
"""


def test_each_step_of_an_amount_is_said(
    tmp_path: Path,
    make_book: Callable[..., Book],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    subscriptions = "account_id,plan,effective_from\nacme,growth,2026-10-17\n"
    files = {"plans/growth.toml": PLAN, "rate_cards/net.csv": CARD}
    book = make_book(tmp_path, {**files, "subscriptions.csv": subscriptions})
    rows = [
        usage_row("acme", 3),
        usage_row("acme", 2, market="Atlantis"),
        usage_row("acme", 35, category="service"),
    ]
    usage = usage_frame(rows).with_columns(rate_date=pl.date(2026, 10, 17))
    month = Month(2026, 10)
    drafts = rate_month(load_catalog(book), month, usage, in_row_order(usage), no_state()).drafts

    def said(charge: str) -> list[str]:
        words: list[str] = explain(drafts, f"acme/2026-10/1#{charge}")["words"]
        return words

    assert said("marketing") == [
        "2 of Atlantis, marketing, regular from 2026-10-17: price unknown: card 'net' has no USD"
        " rate for Atlantis/marketing on 2026-10-17: the card of 2026-10-01 has no such market;"
        " nothing is charged until it is known.",
        "3 of Brazil, marketing, regular from 2026-10-17 x 0.071875 = 0.215625 USD"
        " (0.0625 (net card of 2026-10-01) x 1.15; evidence: two sources).",
        "Together 0.215625 USD.",
        "Rounded once, half away from zero, to 2 decimals: 0.22 USD.",
    ]
    assert said("service") == [
        "20 from 2026-10-17 in tier 1 x 0.0125 = 0.25 USD (up to 20).",
        "5 from 2026-10-17 in tier 2 x 0.01 = 0.05 USD (over 20).",
        "10 from 2026-10-17 x 0 = 0 USD (free: allowance).",
        "Together 0.3 USD.",
        "Nothing had to be rounded.",
    ]
    assert said("licence") == [
        "1 from 2026-10-17 x 49, for its time = 23.709677419355 USD (15 of 31 days).",
        "Together 23.709677419355 USD.",
        "Rounded once, half away from zero, to 2 decimals: 23.71 USD.",
    ]
    assert drafts.invoices["total_minor"].to_list() == [2423]
