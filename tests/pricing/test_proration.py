"""A month's amount, cut at any days, adds up to the amount."""

from datetime import date, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.period import Month
from pricing.effective import split
from pricing.proration import share

months = st.builds(Month, st.integers(2022, 2030), st.integers(1, 12))


@given(st.decimals(0, 10**9, places=12), months, st.data())
def test_the_parts_of_any_split_add_up_to_the_whole(
    amount: Decimal, month: Month, data: st.DataObject
) -> None:
    day_numbers = data.draw(st.sets(st.integers(1, month.day_count - 1)))
    cuts = [month.first_day + timedelta(days=number) for number in day_numbers]
    whole = (month.first_day, month.next().first_day)
    parts = split(whole, cuts)

    with localcontext(prec=60):
        assert sum(share(amount, *part, month) for part in parts) == amount
        for one, other in pairwise(parts):
            both = share(amount, one[0], other[1], month)
            assert share(amount, *one, month) + share(amount, *other, month) == both


@given(st.integers(0, 10**6), months, st.data())
def test_a_share_that_comes_out_even_is_exact(
    cents: int, month: Month, data: st.DataObject
) -> None:
    amount = Decimal(cents) / 100 * month.day_count
    start = data.draw(st.integers(0, month.day_count - 1))
    end = data.draw(st.integers(start + 1, month.day_count))
    days = (month.first_day + timedelta(days=start), month.first_day + timedelta(days=end))

    assert share(amount, *days, month) == Decimal(cents) / 100 * (end - start)


def test_half_of_february_is_half_of_the_fee() -> None:
    month = Month(2026, 2)

    assert share(Decimal(49), date(2026, 2, 15), date(2026, 3, 1), month) == Decimal("24.5")


def test_days_outside_the_month_have_no_share() -> None:
    with pytest.raises(AssertionError, match="of a month"):
        share(Decimal(1), date(2026, 2, 15), date(2026, 3, 2), Month(2026, 2))
