"""What two opinions of a delivery cost: the differences of an audit at the network's list rates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from metering.audit import EXAMPLE_COUNT, INTERNATIONAL_RATES, STATES
from metering.audit import audit as audit_deliveries
from metering.errors import UsageError
from metering.meter import shipped_meters
from metering.period import Month
from metering.store import Store
from pricing.card_rating import FREE_TYPE
from pricing.catalog import Catalog
from pricing.money import EXACT, UNIT_PRICE, exact_amount
from pricing.rate_card import RATE_KEY, find_rates, why_no_rate, with_card_category
from pricing.taking import card_unit

CARD = "whatsapp"
STANDARD_CURRENCY = "USD"  # the one with a card for each day
BY = (
    *("reason", "account", "sender", "market"),
    *("network_category", "our_category", "network_type", "our_type"),
)
BY_DEFAULT = tuple(name for name in BY if name != "sender")
MONEY = ("network_amount", "our_amount", "difference")


@dataclass(frozen=True)
class Audit:
    """An audit of a month, with the money that its differences are about."""

    month: Month
    currency: str
    cells: pl.DataFrame  # schema AUDIT of metering
    differing: pl.DataFrame  # of these, what differs: `BY`, deliveries, examples, amounts
    missing_rates: Sequence[str]  # which prices are unknown, and why

    def rows(self, by: Sequence[str]) -> pl.DataFrame:
        """Add up the differences.

        Returns:
            The columns of `by`, senders, deliveries, currency, `MONEY`, unpriced, examples; sorted
            by `by`. An amount adds up what is known and is null where nothing is; `difference` is
            the network's amount less ours, of the deliveries for which both are known. `unpriced`
            is how many it leaves out.
        """
        return (
            self.differing.group_by(by)
            .agg(
                _sums(),
                senders=pl.col("sender").n_unique(),
                examples=pl.col("examples").list.explode().sort().head(EXAMPLE_COUNT),
            )
            .with_columns(currency=pl.lit(self.currency))
            .select(*by, "senders", "deliveries", "currency", *MONEY, "unpriced", "examples")
            .sort(by, nulls_last=True)
        )

    def total(self) -> Mapping[str, Any]:
        """Count all deliveries of the month by what became of them, and add up what differs."""
        counts = dict(self.cells.group_by("state").agg(pl.col("delivery_count").sum()).rows())
        money = self.differing.select(_sums()).row(0, named=True)
        return {
            "deliveries": sum(counts.values()),
            **{state.replace(" ", "_"): counts.get(state, 0) for state in STATES},
            "currency": self.currency,
            **{name: money[name] for name in (*MONEY, "unpriced")},
        }

    def not_audited(self) -> pl.DataFrame:
        """The senders whose inbound messages are not in the log: account, sender, deliveries."""
        left_out = self.cells.filter(pl.col("state") == "not audited")
        return left_out.select(
            account="account_id", sender="sender_id", deliveries="delivery_count"
        )


def audit(store: Store, catalog: Catalog, month: Month, *, account_id: str | None = None) -> Audit:
    """Audit a month at the list rates of the network's card.

    In the seller's currency if the card has rates in it that month, else in USD; never converted.

    Raises:
        UsageError: `account_id` is not an account of the book.
    """
    if account_id is not None and account_id not in catalog.accounts.ids():
        raise UsageError(
            f"there is no account '{account_id}'",
            where="--account",
            hint="give an account_id of accounts.csv",
        )
    currency = _currency(catalog, month)
    rates = _list_rates(catalog).filter(pl.col("currency") == currency)
    days = {*rates["card_from"], *rates["card_to"], *catalog.categories["valid_from"]}
    changes = sorted(day for day in days if month.first_day < day <= month.last_day)
    cells = audit_deliveries(
        store,
        catalog.accounts,
        month,
        account_id=account_id,
        changes=changes,
        international_rates=_international_rates(catalog),
    )
    differing = cells.filter(pl.col("state") == "differs")
    network, ours = (
        _priced(differing, side, catalog, rates, currency) for side in ("network", "our")
    )
    return Audit(
        month=month,
        currency=currency,
        cells=cells,
        differing=differing.with_columns(
            network_amount=network["amount"], our_amount=ours["amount"]
        ).rename({"account_id": "account", "sender_id": "sender", "delivery_count": "deliveries"}),
        missing_rates=sorted(set(_why_unknown(pl.concat([network, ours]), rates))),
    )


def _sums() -> list[pl.Expr]:
    both = pl.col("network_amount") - pl.col("our_amount")
    amounts = {"network_amount": pl.col("network_amount"), "our_amount": pl.col("our_amount")}
    return [
        pl.col("deliveries").sum(),
        *(
            pl.when((amount.count() > 0) | (pl.len() == 0)).then(amount.sum()).alias(name)
            for name, amount in {**amounts, "difference": both}.items()
        ),
        pl.col("deliveries").filter(both.is_null()).sum().alias("unpriced"),
    ]


def _list_rates(catalog: Catalog) -> pl.DataFrame:
    return catalog.rates.filter(pl.col("card") == CARD, pl.col("rates") == "list")


def _international_rates(catalog: Catalog) -> pl.DataFrame:
    """Where and when the network has a rate of its own for authentication from abroad."""
    of_card = pl.col("card_category") == "authentication_international"
    return _list_rates(catalog).filter(of_card).select(INTERNATIONAL_RATES.names()).unique()


def _currency(catalog: Catalog, month: Month) -> str:
    own = catalog.settings.seller.currency
    in_force = _list_rates(catalog).filter(
        pl.col("currency") == own,
        pl.col("card_from") <= month.last_day,
        pl.col("card_to") > month.first_day,
    )
    return STANDARD_CURRENCY if in_force.is_empty() else own


def _priced(
    differing: pl.DataFrame,
    side: Literal["network", "our"],
    catalog: Catalog,
    rates: pl.DataFrame,
    currency: str,
) -> pl.DataFrame:
    """Price each row by one opinion: `RATE_KEY` and `amount`, null where the price is unknown."""
    keys = with_card_category(
        differing.select(
            *("market", "rate_date", "quantity"),
            unit=pl.col("meter").replace_strict(_units(), return_dtype=pl.String),
            category=f"{side}_category",
            pricing_type=f"{side}_type",
            card=pl.lit(CARD),
            currency=pl.lit(currency),
            rates=pl.lit("list"),
        ),
        catalog.categories,
    )
    found = find_rates(keys.select(*RATE_KEY, "rates"), rates).select(*RATE_KEY, "rate")
    costs_nothing = FREE_TYPE | (pl.col("quantity") == 0)
    charge = exact_amount(pl.col("quantity"), pl.col("rate").cast(UNIT_PRICE))
    return (
        keys.join(found, on=RATE_KEY, how="left", maintain_order="left")
        .with_columns(
            amount=pl.when(pl.col("pricing_type").is_not_null()).then(
                pl.when(costs_nothing).then(pl.lit(0).cast(EXACT)).otherwise(charge)
            )
        )
        .select(*RATE_KEY, "pricing_type", "amount")
    )


def _why_unknown(priced: pl.DataFrame, rates: pl.DataFrame) -> Iterator[str]:
    unknown = priced.filter(pl.col("amount").is_null()).drop("amount").unique()
    for key in unknown.iter_rows(named=True):
        if key["pricing_type"] is None:
            yield f"no rule says what {key['card_category']} costs on {key['rate_date']}"
        elif key["market"] is None:
            yield "the market is unknown"
        elif key["unit"] is None:
            yield "the network names no conversation to charge"
        else:
            yield why_no_rate(key, rates)


def _units() -> dict[str, str | None]:
    """The unit of a card for each shipped meter, null where cards have none."""
    return {name: card_unit(meter) for name, meter in shipped_meters().items()}
