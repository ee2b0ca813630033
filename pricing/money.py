"""Money is an integer count of minor units; this is the only module that rounds it."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext
from typing import Annotated, Literal, assert_never

import polars as pl
from pydantic import AfterValidator

from metering.door import nearest
from metering.event import QUANTITY

# How many decimals the minor unit of each currency of ISO 4217 has.
_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN"
    " BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP"
    " GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP"
    " LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR"
    " NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN"
    " SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR"
    " ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
MINOR_DECIMALS: dict[str, int] = {
    code: decimals for decimals, codes in _DECIMALS.items() for code in codes.split()
}
UNIT_PRICE = pl.Decimal(38, 12)  # in major units of a currency, for one unit of a meter
EXACT = pl.Decimal(38, 18)  # in major units, before rounding
assert EXACT.scale == QUANTITY.scale + UNIT_PRICE.scale


def _known_currency(code: str) -> str:
    if code not in MINOR_DECIMALS:
        raise ValueError(f"no currency of ISO 4217 | {nearest(code, sorted(MINOR_DECIMALS))}")
    return code


Currency = Annotated[str, AfterValidator(_known_currency)]
RoundingMode = Literal["half_up", "half_even", "truncate"]  # half_up: away from zero


def exact_amount(quantity: pl.Expr, unit_price: pl.Expr) -> pl.Expr:
    """Multiply `QUANTITY` by `UNIT_PRICE` into `EXACT`, losing nothing.

    Polars rounds a product to the larger scale of its factors, hence the casts before it.

    Example:
        >>> quantity, unit_price = pl.lit(Decimal("0.999999")), pl.lit(Decimal("0.005000005"))
        >>> pl.select(exact_amount(quantity, unit_price)).item()
        Decimal('0.004999999999995000')
    """
    return quantity.cast(EXACT) * unit_price.cast(EXACT)


def to_minor(amount: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Round an `EXACT` amount to whole minor units of `currency`, half away from zero, as Int64.

    A currency that is not in `MINOR_DECIMALS` raises: it should have been refused at the door.

    Example:
        >>> amounts = pl.DataFrame({"amount": [Decimal("-0.0005")] * 2, "currency": ["KWD", "JPY"]})
        >>> amounts.select(to_minor(pl.col("amount"), pl.col("currency")))["amount"].to_list()
        [-1, 0]
    """
    decimals = currency.replace_strict(MINOR_DECIMALS, return_dtype=pl.Int8)
    minor = pl.lit(None, pl.Int64)
    for places in _DECIMALS:
        rounded = amount.cast(EXACT).round(places, mode="half_away_from_zero") * 10**places
        minor = pl.when(decimals == places).then(rounded.cast(pl.Int64)).otherwise(minor)
    return minor.alias("amount")


def to_major(minor: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Write whole minor units of `currency` as an `EXACT` amount in major units, losing nothing.

    Example:
        >>> amounts = pl.DataFrame({"minor": [-5, 12], "currency": ["KWD", "JPY"]})
        >>> exact = amounts.select(to_major(pl.col("minor"), pl.col("currency")))
        >>> [f"{amount.normalize():f}" for amount in exact.to_series()]
        ['-0.005', '12']
    """
    decimals = currency.replace_strict(MINOR_DECIMALS, return_dtype=pl.Int8)
    units = {places: Decimal(1).scaleb(-places) for places in _DECIMALS}
    return minor.cast(EXACT) * decimals.replace_strict(units, return_dtype=EXACT)


def round_unit_price(unit_price: pl.Expr, decimals: int, mode: RoundingMode) -> pl.Expr:
    """Round an exact price of a unit to `decimals`, into `UNIT_PRICE`.

    Example:
        >>> price = pl.lit(Decimal("0.071875"))
        >>> pl.select(round_unit_price(price, 4, "truncate")).item()
        Decimal('0.071800000000')
    """
    match mode:
        case "half_up":
            return unit_price.round(decimals, mode="half_away_from_zero").cast(UNIT_PRICE)
        case "half_even":
            return unit_price.round(decimals, mode="half_to_even").cast(UNIT_PRICE)
        case "truncate":
            return unit_price.truncate(decimals).cast(UNIT_PRICE)
        case _:
            assert_never(mode)


def amount_text(minor: int, currency: str) -> str:
    """Write an amount in major units with all decimals of its currency.

    Example:
        >>> amount_text(-5, "KWD"), amount_text(405000, "USD"), amount_text(12, "JPY")
        ('-0.005', '4050.00', '12')
    """
    return f"{Decimal(minor).scaleb(-MINOR_DECIMALS[currency]):f}"


def minor_of(amount: Decimal, currency: str) -> int:
    """Round an amount in major units to minor units, half away from zero.

    Example:
        >>> minor_of(Decimal("0.125"), "USD"), minor_of(Decimal("-0.5"), "JPY")
        (13, -1)
    """
    with localcontext(prec=60):
        return int(amount.scaleb(MINOR_DECIMALS[currency]).to_integral_value(ROUND_HALF_UP))


def exact_of(minor: int, currency: str) -> Decimal:
    """Write minor units as an amount in major units."""
    with localcontext(prec=60):
        return Decimal(minor).scaleb(-MINOR_DECIMALS[currency])


def split_minor(total_minor: int, weights: list[Decimal]) -> list[int]:
    """Share `total_minor` in proportion to `weights` so that the parts add up to it.

    Each part is cut to whole minor units; what is left over goes, one unit each, to the largest
    cut-off remainders, the first of equals. All weights zero: everything goes to the first part.

    Example:
        >>> split_minor(100, [Decimal(1), Decimal(1), Decimal(1)])
        [34, 33, 33]
    """
    if not any(weights):
        return [total_minor, *[0] * (len(weights) - 1)] if weights else []
    with localcontext(prec=60):
        shares = [total_minor * weight / sum(weights) for weight in weights]
        parts = [int(share.to_integral(ROUND_DOWN)) for share in shares]
        remainders = [abs(share - part) for share, part in zip(shares, parts, strict=True)]
    left = total_minor - sum(parts)
    order = sorted(range(len(parts)), key=lambda index: (-remainders[index], index))
    for index in order[: abs(left)]:
        parts[index] += 1 if left > 0 else -1
    return parts
