"""Who pays nothing for a charge: small firms, by conditions that a plan writes as `free_for`."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

import polars as pl

from metering.account import FIRST_DAY, Account
from metering.meter import DELIVERIES
from metering.period import Month
from pricing.offer import FreeFor
from pricing.part import Part
from pricing.state import as_state, no_state
from pricing.terms import Terms

VOLUME = "volume"  # kind of state: the deliveries of an account, by month


def waivers(
    offers: Iterable[tuple[int, Part]],
    facts: Mapping[str, Account],
    first_days: Mapping[str, date],
    month: Month,
    opening: pl.DataFrame,
) -> Iterator[tuple[int, str]]:
    """Yield the charges, by number, that an account in `facts` pays nothing for.

    Args:
        first_days: The first day of each account in `accounts.csv`.
        opening: Schema `STATE`; `volume` holds the deliveries of the months before.
    """
    conditional = [(n, c) for n, part in offers if (c := part.offer.free_for) is not None]
    if not conditional:
        return
    volumes = _volumes(opening)
    for number, condition in conditional:
        for name, account in facts.items():
            volume = _volume_before(volumes.get(name, {}), month, condition.deliveries_months)
            age = _age(first_days.get(name, FIRST_DAY), month)
            if is_free_for(condition, account, age=age, volume=volume):
                yield number, name


def is_free_for(
    condition: FreeFor, account: Account, *, age: int | None = None, volume: Decimal = Decimal(0)
) -> bool:
    """Say whether an account meets every condition that is given; what is unknown meets none.

    Args:
        account: Its facts of the month.
        age: How many months ago it began, if that is known.
        volume: Its deliveries in the months that the condition asks about.

    Example:
        >>> small = Account(line=2, account_id="a", name="A", employee_count=49)
        >>> is_free_for(FreeFor(employee_count_max=49), small)
        True
    """
    employees, most = account.employee_count, condition.employee_count_max
    if most is not None and (employees is None or employees > most):
        return False
    if condition.segment is not None and account.segment not in condition.segment:
        return False
    if condition.country is not None and account.country not in condition.country:
        return False
    if condition.deliveries_max is not None and volume > condition.deliveries_max:
        return False
    oldest = condition.account_age_months_max
    return oldest is None or (age is not None and age < oldest)


def waived_charges(terms: Terms) -> dict[tuple[str, str, date], set[str]]:
    """Name the charges that are free for an account, by account, plan and version."""
    named = terms.of(terms.waivers, "plan", "version_from", "charge")
    found: dict[tuple[str, str, date], set[str]] = {}
    rows = named.select("account_id", "plan", "version_from", "charge").iter_rows()
    for account_id, plan, version_from, charge_name in rows:
        found.setdefault((account_id, plan, version_from), set()).add(charge_name)
    return found


def closing_volumes(
    usage: pl.DataFrame, parts: Iterable[Part], month: Month, opening: pl.DataFrame
) -> pl.DataFrame:
    """Remember the deliveries of each account for a year, where a plan asks for them: `STATE`.

    Args:
        usage: Schema `USAGE`.
    """
    conditions = [part.offer.free_for for part in parts]
    if not any(c is not None and c.deliveries_max is not None for c in conditions):
        return no_state()
    oldest = str(month.back(11))
    kept = opening.filter(pl.col("kind") == VOLUME, pl.col("key") >= oldest)
    counted = (
        usage.filter(pl.col("meter") == DELIVERIES, pl.col("standing") == "counted")
        .group_by("account_id")
        .agg(pl.col("quantity").sum())
        .with_columns(month=pl.lit(str(month)))
    )
    return pl.concat([kept, as_state(counted, VOLUME, key="month", value="quantity")])


def _age(since: date, month: Month) -> int | None:
    if since == FIRST_DAY:  # nobody wrote down when it began
        return None
    return month.index - Month(since.year, since.month).index


def _volumes(opening: pl.DataFrame) -> dict[str, dict[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = {}
    rows = opening.filter(pl.col("kind") == VOLUME).select("account_id", "key", "value")
    for name, key, value in rows.iter_rows():
        found.setdefault(name, {})[key] = value
    return found


def _volume_before(by_month: Mapping[str, Decimal], month: Month, months: int) -> Decimal:
    asked = {str(month.back(number)) for number in range(1, months + 1)}
    return sum((value for key, value in by_month.items() if key in asked), Decimal(0))
