"""Tracing a message: from an id of the network to what it cost on an invoice, in words."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from metering.errors import UsageError
from metering.order import cells_of_message, quantity_before
from metering.output import quantity_text
from metering.period import Month
from metering.settings import Book
from metering.store import Store
from pricing.asking import Ask, asks_of
from pricing.billing import make_terms
from pricing.catalog import Catalog, load_catalog
from pricing.coverage import take_usage
from pricing.document_writer import exact_text
from pricing.explain import words_of_detail
from pricing.message import Before, Unit, rate_message
from pricing.run import below_of, opening_state, read_usage
from pricing.scope import CELL
from pricing.subscription import stretches_in

MESSAGE_SCHEMA = "tollbook.message/1"
MESSAGE_COLUMNS = (
    *("charge", "recipient", "delivered_at", "market", "category", "pricing_type", "status"),
    *("tier", "position", "unit_price", "amount", "currency", "rate_date", "evidence", "note"),
)


def trace(book: Book, invoice: Mapping[str, Any], message_id: str) -> dict[str, Any]:
    """Say what a message cost on an invoice: one row for each recipient and charge.

    The month is rated again with the book as it is now.

    Args:
        invoice: A row of schema `INVOICE`.
        message_id: As the network wrote it; it is hashed at once.

    Raises:
        UsageError: no delivery of the account in that month has the id.
    """
    catalog, month = load_catalog(book), Month.parse(invoice["period"])
    account_id = str(invoice["account_id"])
    with Store.open(book, catalog.settings, "read") as store:
        found = [
            (ask, unit)
            for ask in asks_of(catalog, month)
            if ask.meter.aggregation.kind == "count" and ask.meter.source.kind != "cloud_events"
            for unit in _units(store, catalog, month, ask, message_id, account_id)
        ]
        rows = _rows(book, store, catalog, month, found) if found else []
    if not rows:
        raise UsageError(
            f"no delivery of '{account_id}' in {month} that a charge takes has this id",
            where="--message",
            hint="look at its day and its sender with: tollbook usage --by account,sender,day",
        )
    return {
        "schema": MESSAGE_SCHEMA,
        "invoice_id": invoice["invoice_id"],
        "period": str(month),
        "rows": rows,
        "words": [_sentence(row) for row in rows],
    }


def _units(
    store: Store, catalog: Catalog, month: Month, ask: Ask, message_id: str, account_id: str
) -> list[Unit]:
    frame = cells_of_message(
        store,
        catalog.accounts,
        month,
        ask.meter,
        message_id=message_id,
        changes=ask.days,
        apart=ask.apart,
    ).filter(pl.col("account_id") == account_id, pl.col("standing") == "counted")
    return [
        Unit(
            ask.meter.meter,
            row["unit_key"],
            row["counted_at"],
            {name: row[name] for name in CELL},
        )
        for row in frame.iter_rows(named=True)
    ]


def _rows(
    book: Book, store: Store, catalog: Catalog, month: Month, found: list[tuple[Ask, Unit]]
) -> list[dict[str, Any]]:
    opening = opening_state(book, store, catalog, month)
    terms = make_terms(catalog, month, below_of(store, catalog, month), opening)
    usage = read_usage(store, catalog, month)
    owned = usage.filter(pl.col("account_id").is_not_null())
    stretches = stretches_in(month, catalog.subscriptions, catalog.plans)
    units, _ = take_usage(owned, stretches, catalog.plans, terms)
    metered = terms.of(units, "meter")
    rows = []
    for number, (ask, unit) in enumerate(found, 1):
        of_meter = metered.filter(pl.col("meter") == unit.meter).drop("meter")
        before = _before(store, catalog, month, ask)
        priced, positions = rate_message(unit, of_meter, terms, before)
        named = terms.of(
            priced, "charge", "component", "currency", "position", "price_kind", "allowance_id"
        ).sort("position")
        for row in named.iter_rows(named=True):
            currency = row["currency"] or terms.currencies()[str(unit.cell["account_id"])]
            rows.append(
                {
                    **row,
                    "recipient": number,
                    "delivered_at": unit.counted_at,
                    "currency": currency,
                    "position": _position(row, positions),
                    "unit_price": exact_text(row["unit_price"]),
                    "amount": exact_text(row["amount"]),
                    "quantity": quantity_text(row["quantity"]),
                    "priced_quantity": quantity_text(row["priced_quantity"]),
                }
            )
    names = (*MESSAGE_COLUMNS, "quantity", "priced_quantity")
    return [{name: row[name] for name in names} for row in rows]


def _position(row: Mapping[str, Any], positions: Mapping[str, int]) -> int | None:
    """Find the number of a unit in what decided about it: its allowance, or the tiers of its price.

    None where all units of a scope are alike, so that nobody had to count them.
    """
    head = f"tier|{row['component'] if row['price_kind'] == 'card' else row['charge_id']}|"
    if row["reason"] == "allowance":
        head = f"allowance|{row['allowance_id']}|"
    return next((at for scope, at in positions.items() if scope.startswith(head)), None)


def _before(store: Store, catalog: Catalog, month: Month, ask: Ask) -> Before:
    def before(meter: str, cells: pl.DataFrame, unit_key: str) -> pl.DataFrame:
        assert meter == ask.meter.meter, "a unit is of one meter"
        return quantity_before(
            store,
            catalog.accounts,
            month,
            ask.meter,
            cells=cells,
            unit_key=unit_key,
            changes=ask.days,
            apart=ask.apart,
        )

    return before


def _sentence(row: Mapping[str, Any]) -> str:
    place = f" It was number {row['position']:,} of its count." if row["position"] else ""
    if row["amount"] is None and row["status"] == "billed":
        return f"{row['charge']}: it is one of the units of a package ({row['note']}).{place}"
    return f"{row['charge']}: {words_of_detail(row)}{place}"
