"""A month's amount, cut anywhere, adds up to the amount."""

from decimal import Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.proration import share

wholes = st.one_of(st.integers(28, 31), st.integers(28 * 86_400, 31 * 86_400))  # days, or seconds


@given(st.decimals(0, 10**9, places=12), wholes, st.data())
def test_the_parts_of_any_split_add_up_to_the_whole(
    amount: Decimal, whole: int, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, whole - 1), max_size=30)))
    parts = [*pairwise([0, *cuts, whole])]

    with localcontext(prec=60):
        assert sum((share(amount, *part, whole) for part in parts), Decimal(0)) == amount
        for one, other in pairwise(parts):
            both = share(amount, one[0], other[1], whole)
            assert share(amount, *one, whole) + share(amount, *other, whole) == both


@given(st.integers(0, 10**6), wholes, st.data())
def test_a_share_that_comes_out_even_is_exact(cents: int, whole: int, data: st.DataObject) -> None:
    amount = Decimal(cents) / 100 * whole
    start = data.draw(st.integers(0, whole - 1))
    end = data.draw(st.integers(start + 1, whole))

    assert share(amount, start, end, whole) == Decimal(cents) / 100 * (end - start)


def test_half_of_february_is_half_of_the_fee() -> None:
    assert share(Decimal(49), 14, 28, 28) == Decimal("24.5")


def test_what_lies_outside_the_month_has_no_share() -> None:
    with pytest.raises(AssertionError, match="of a month"):
        share(Decimal(1), 14, 29, 28)
