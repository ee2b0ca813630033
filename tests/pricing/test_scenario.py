"""October at three customers of one seller, as a bookkeeper would check it with a pencil."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from metering.period import Month
from metering.settings import Book
from pricing.billing import rate_month
from pricing.catalog import load_catalog
from pricing.document_writer import documents
from pricing.state import no_state

THE_OFFER = {
    "plans/growth.toml": """\
plan = "growth"
currency = "USD"

[[version]]

# The network's rate and 15 percent; the first 100 messages of a month are a gift.
[[version.charge]]
name = "marketing"
meter = "deliveries"
where = { category = ["marketing"] }
allowance = { quantity = 100 }
price = { kind = "rate_card", card = "network", markup_ratio = 0.15 }

# Support: the first 10,000 at 1.2 cents, all others at 0.9. Small firms pay nothing.
[[version.charge]]
name = "support"
meter = "deliveries"
where = { category = ["service"] }
free_for = { employee_count_max = 49 }
price = { kind = "graduated", tiers = [
    { up_to = 10000, unit_price = 0.012 },
    { unit_price = 0.009 },
] }

[[version.fixed_fee]]
name = "platform"
amount = 49.00
proration = "by_day"

[[version.add_on]]
name = "linked devices"
included = 4
max_quantity = 10
price = { kind = "per_unit", unit_price = 5.00 }
""",
    "rate_cards/network.csv": """\
card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate,evidence,note
network,2026-10-01,,USD,list,Brazil,marketing,message,,0.0625,two sources,
network,2026-10-01,,USD,list,India,marketing,message,,0.0118,two sources,
""",
    "accounts.csv": """\
account_id,name,employee_count
airline,Airline,4000
bakery,Bakery,12
newcomer,Newcomer,80
""",
    "senders.csv": "sender_id,account_id\n1,airline\n2,bakery\n3,newcomer\n",
    "subscriptions.csv": """\
account_id,plan,effective_from
airline,growth,
bakery,growth,
newcomer,growth,2026-10-17
""",
    "add_ons.csv": """\
account_id,add_on,quantity,effective_from
airline,linked devices,6,
bakery,linked devices,4,
newcomer,linked devices,5,2026-10-22
""",
}

# account, market, category, type, messages; those to India came first
WHAT_WAS_DELIVERED = [
    ("airline", "India", "marketing", "regular", 60),
    ("airline", "Brazil", "marketing", "regular", 20_040),
    ("airline", "Brazil", "marketing", "free_entry_point", 500),
    ("airline", "Brazil", "service", "regular", 12_500),
    ("bakery", "Brazil", "service", "regular", 800),
    ("newcomer", "Brazil", "marketing", "regular", 101),
]

WHAT_THEY_OWE = {
    "airline": [
        # 60 to India and 40 to Brazil are the gift; 20,000 x 0.0625 x 1.15; 500 free by the network
        ("marketing", "20600", "1437.50"),
        ("support", "12500", "142.50"),  # 10,000 x 0.012 + 2,500 x 0.009
        ("platform", "1", "49.00"),
        ("linked devices", "6", "10.00"),  # two more than the four included
        ("total", "", "1639.00"),
    ],
    "bakery": [
        ("support", "800", "0.00"),  # a small firm
        ("platform", "1", "49.00"),
        ("linked devices", "4", "0.00"),
        ("total", "", "49.00"),
    ],
    "newcomer": [
        ("marketing", "101", "0.07"),  # one more than the gift: 0.071875
        ("platform", "1", "23.71"),  # 15 of 31 days of 49.00
        ("linked devices", "5", "1.61"),  # one of 5.00 for 10 of 31 days
        ("total", "", "25.39"),
    ],
}


@pytest.mark.parametrize("account_id", WHAT_THEY_OWE)
def test_october(
    account_id: str,
    *,
    tmp_path: Path,
    make_book: Callable[..., Book],
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> None:
    catalog = load_catalog(make_book(tmp_path, THE_OFFER))
    begins = {"newcomer": "2026-10-17"}
    usage = usage_frame(
        [
            usage_row(name, count, market=market, category=category, pricing_type=kind)
            for name, market, category, kind, count in WHAT_WAS_DELIVERED
        ]
    ).with_columns(
        rate_date=pl.col("account_id")
        .replace_strict(begins, default="2026-10-01")
        .str.to_date("%Y-%m-%d")
    )
    drafts = rate_month(catalog, Month(2026, 10), usage, in_row_order(usage), no_state()).drafts
    (invoice,) = (d for d in documents(drafts) if d["account_id"] == account_id)

    lines = [(line["charge"], line["quantity"], line["amount"]) for line in invoice["lines"]]
    assert [*lines, ("total", "", invoice["total"])] == WHAT_THEY_OWE[account_id]
    assert invoice["blocked"] == []
