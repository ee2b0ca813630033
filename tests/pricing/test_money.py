"""Money is exact until it is rounded, once."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from metering.event import QUANTITY
from pricing.money import (
    EXACT,
    MINOR_DECIMALS,
    UNIT_PRICE,
    Currency,
    amount_text,
    exact_amount,
    split_minor,
    to_minor,
)

amounts = st.decimals(-(10**9), 10**9, places=18)


@given(st.decimals(0, 10**9, places=6), st.decimals(0, 10**6, places=12))
def test_a_product_loses_nothing(quantity: Decimal, unit_price: Decimal) -> None:
    frame = pl.DataFrame({"q": [quantity], "p": [unit_price]}, {"q": QUANTITY, "p": UNIT_PRICE})

    with localcontext(prec=60):
        exact = quantity * unit_price
    assert frame.select(exact_amount(pl.col("q"), pl.col("p"))).item() == exact


@given(amounts, st.sampled_from(sorted(MINOR_DECIMALS)))
def test_rounding_is_half_away_from_zero_in_every_currency(amount: Decimal, code: str) -> None:
    frame = pl.DataFrame({"a": [amount], "c": [code]}, {"a": EXACT, "c": pl.String()})

    with localcontext(prec=60):
        minor = int(amount.scaleb(MINOR_DECIMALS[code]).to_integral(ROUND_HALF_UP))
    assert frame.select(to_minor(pl.col("a"), pl.col("c"))).item() == minor


@given(st.integers(-(10**9), 10**9), st.lists(st.decimals(0, 10**6, places=6), min_size=1))
def test_shares_add_up_to_what_is_shared(total: int, weights: list[Decimal]) -> None:
    assert sum(split_minor(total, weights)) == total


@pytest.mark.parametrize(
    ("code", "text"), [("USD", "12.34"), ("JPY", "1234"), ("KWD", "1.234"), ("CLF", "0.1234")]
)
def test_an_amount_shows_all_decimals_of_its_currency(code: str, text: str) -> None:
    assert amount_text(1234, code) == text


def test_an_unknown_currency_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(ValidationError, match="did you mean 'USD'"):
        TypeAdapter(Currency).validate_python("USDD")
