"""A bill of one buyer, through the public functions of the engine, as the worked cases need it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from metering.account import FIRST_DAY, LAST_DAY, Account, Accounts
from metering.event import USAGE
from metering.meter import Meter, shipped_meters
from metering.period import Month
from metering.settings import Seller, Settings
from pricing.billing import Rated, rate_month
from pricing.catalog import Catalog
from pricing.checks import check_charges
from pricing.credit import Credit
from pricing.extension import extend_plans
from pricing.fx import FX_RATES
from pricing.money import exact_of
from pricing.plan import Plan, check_plan
from pricing.rate_card import CARD_CATEGORIES, RATES
from pricing.state import no_state
from pricing.subscription import Holding, Subscription
from pricing.tax import Tax

Json = dict[str, Any]
Found = Mapping[str, Any]  # what we say of what a case expects
JANUARY = Month(2026, 1)
ZERO = Decimal(0)


def _meter(name: str) -> Meter:
    aggregation = {"kind": "sum", "of": "data.value"}
    source = {"kind": "cloud_events", "type": name}
    return Meter.model_validate(
        {"meter": name, "unit": "usd", "source": source, "aggregation": aggregation}
    )


METERS = {**shipped_meters(), **{name: _meter(name) for name in ("units", "foo", "bar")}}


@dataclass(frozen=True)
class Used:
    """So much of a meter on a day."""

    quantity: Decimal
    day: date = JANUARY.first_day
    meter: str = "units"
    market: str | None = None


@dataclass(frozen=True)
class Buyer:
    """One account with its contracts, and what it owes besides what plans say."""

    contracts: Sequence[tuple[str, date, date]] = (("p", FIRST_DAY, LAST_DAY),)
    currency: str = "USD"
    vat_id: str = ""
    taxes: tuple[Tax, ...] | None = None
    credits: tuple[Credit, ...] = ()
    holdings: tuple[Holding, ...] = ()


ANYBODY = Buyer()


@dataclass
class Bill:
    """What months came to: the last of them, and its state."""

    rated: Rated
    currency: str
    before: list[Rated] = field(default_factory=list)

    def lines(self, kinds: Iterable[str] = ()) -> list[Json]:
        chosen = set(kinds)
        rows = self.rated.drafts.lines.iter_rows(named=True)
        return [row for row in rows if not chosen or row["kind"] in chosen]

    def exact(self) -> Decimal:
        """The lines before anything is rounded or adjusted."""
        kinds = ("usage", "fixed_fee", "add_on")
        return sum((row["amount_exact"] for row in self.lines(kinds)), Decimal(0))

    def money(self, minor: int) -> Decimal:
        return exact_of(minor, self.currency)

    def of_lines(self, *kinds: str) -> Decimal:
        return self.money(sum(row["amount_minor"] for row in self.lines(kinds)))

    def invoice(self, column: str) -> Decimal:
        rows = self.rated.drafts.invoices
        return self.money(rows[column].item() if rows.height else 0)

    def details(self) -> list[Json]:
        """What was charged, with the plan and the name of its line."""
        lines = self.rated.drafts.lines.select("line_id", "plan", "charge", "kind")
        joined = self.rated.drafts.details.join(lines, on="line_id", suffix="_of_line")
        return [*joined.filter(pl.col("status") == "billed").iter_rows(named=True)]


def plan_of(*charges: Json, name: str = "p", currency: str = "USD", **given: Any) -> Plan:
    """A plan of one version, whose charges stand each in a component of its own."""
    written = [
        {"name": f"charge {n}", "meter": "units", "component": f"component {n}", **charge}
        for n, charge in enumerate(charges)
    ]
    version = {"charge": written, "uncovered": "free", **given}
    return Plan.model_validate({"plan": name, "currency": currency, "version": [version]})


def bill(
    plans: Plan | Sequence[Plan],
    used: Iterable[Used] = (),
    buyer: Buyer = ANYBODY,
    *,
    month: Month = JANUARY,
    opening: pl.DataFrame | None = None,
) -> Bill:
    """Bill a month of a buyer.

    Raises:
        AssertionError: `tollbook check` would refuse a plan.
    """
    several = [plans] if isinstance(plans, Plan) else [*plans]
    catalog = _catalog(several, buyer)
    usage = _usage([use for use in used if Month.of(use.day) == month], catalog, month)
    rated = rate_month(catalog, month, usage, _unasked, no_state() if opening is None else opening)
    return Bill(rated, buyer.currency)


def _unasked(*_: object) -> pl.DataFrame:
    raise AssertionError("one buyer with one cell needs no order of time")


def _catalog(plans: Sequence[Plan], buyer: Buyer) -> Catalog:
    written, problems = extend_plans({p.plan: p for p in plans}, {p.plan: p.plan for p in plans})
    for plan in written.values():
        problems += [*check_plan(plan, "plan"), *check_charges(plan, METERS, "plan")]
    assert not problems, problems
    account = Account(
        line=2, account_id="buyer", name="Buyer", currency=buyer.currency, country="DE",
        vat_id=buyer.vat_id, time_zone="UTC",
    )  # fmt: skip
    return Catalog(
        settings=Settings(seller=Seller(name="S", country="DE", time_zone="UTC", currency="USD")),
        accounts=Accounts((account,), (), "UTC"),
        meters=METERS,
        plans=written,
        rates=RATES.to_frame(),
        categories=CARD_CATEGORIES.to_frame(),
        fx=FX_RATES.to_frame(),
        coupons={},
        redemptions=(),
        subscriptions=tuple(
            Subscription(
                line=2, account_id="buyer", plan=name, effective_from=start, effective_to=end
            )
            for name, start, end in buyer.contracts
        ),
        holdings=buyer.holdings,
        taxes=buyer.taxes,
        credits=buyer.credits,
        files={},
    )


def _usage(used: Sequence[Used], catalog: Catalog, month: Month) -> pl.DataFrame:
    """Cut usage at the changes of the catalog, and by day: more cuts move no amount."""
    totals: dict[tuple[Any, ...], Decimal] = {}
    for use in used:
        key = (use.meter, use.day, use.market)
        totals[key] = totals.get(key, Decimal(0)) + use.quantity
    rows: list[Mapping[str, Any]] = [
        {
            **dict.fromkeys(USAGE.names()),
            **{"account_id": "buyer", "meter": meter, "rate_date": day, "market": market},
            **{"standing": "counted", "quantity": quantity},
        }
        for (meter, day, market), quantity in totals.items()
    ]
    return pl.DataFrame([[row[name] for name in USAGE] for row in rows], USAGE, orient="row")


def dec(value: Any) -> Decimal:
    return Decimal(str(value if value is not None else 0))


def cents(amount: Decimal) -> Decimal:
    return amount * 100
