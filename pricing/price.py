"""What a unit costs: the kinds of price that a plan can name.

A price is data; `pricing.rating` does the arithmetic. A tier is given by its upper bound alone, and
the bound belongs to the tier, so that tiers can neither overlap nor leave a gap. The currency is
that of the plan. Prices with tiers say what counts together: `each` (account, unless it says
sender, waba or portfolio; market, country or category besides) and `over` (month, day, contract).
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from metering.door import Exact, Written, nearest
from metering.event import QUANTITY
from pricing.money import UNIT_PRICE, Currency, RoundingMode

QUANTITY_MAX = Decimal(10) ** 15
TIERS_MAX = 100
CELLS_MAX = 5000
UNIT_PRICE_MAX = Decimal(10) ** 9
RATE_DECIMALS, MARKUP_DECIMALS = 8, 4  # of a rate of a card, and of what is put on top of it
assert UNIT_PRICE.scale >= RATE_DECIMALS + MARKUP_DECIMALS

OWNERS = ("account", "sender", "waba", "portfolio")
PLACES = ("market", "country", "category")
# What a matrix may look a unit up by.
CELL_KEYS = ("market", "country", "category", "pricing_type", "pricing_model", "channel")

Bound = Annotated[Exact, Field(gt=0, le=QUANTITY_MAX, decimal_places=QUANTITY.scale)]
UnitPrice = Annotated[Exact, Field(ge=0, le=UNIT_PRICE_MAX, decimal_places=UNIT_PRICE.scale)]
MarkupRatio = Annotated[Exact, Field(ge=-1, le=100, decimal_places=MARKUP_DECIMALS)]
RateRatio = Annotated[Exact, Field(ge=0, le=100, decimal_places=MARKUP_DECIMALS)]
Ratio = Annotated[Exact, Field(ge=0, le=1, decimal_places=UNIT_PRICE.scale)]
Partial = Literal["up", "down", "exact"]
Over = Literal["month", "day", "contract"]


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _known_scope(words: tuple[str, ...]) -> tuple[str, ...]:
    """Write a scope with its owner first: an account, if nothing else is named."""
    for word in words:
        if word not in (*OWNERS, *PLACES):
            raise ValueError(f"'{word}' counts nothing | {nearest(word, [*OWNERS, *PLACES])}")
    owners = [word for word in OWNERS if word in words]
    if len(owners) > 1:
        raise ValueError(f"counts for {' and '.join(owners)} at once | keep one of them")
    return (*(owners or ["account"]), *(word for word in PLACES if word in words))


Each = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), AfterValidator(_known_scope)]


class _Counted(Written):
    each: Each = ("account",)
    over: Over = "month"


class Tier(Written):
    """A stretch of quantity with its own price."""

    up_to: Bound | None = None  # inclusive; the last tier, and no other, has none
    unit_price: UnitPrice = Decimal(0)
    flat_amount: UnitPrice = Decimal(0)  # due once, as soon as the tier takes something
    package_size: Bound | None = None  # then unit_price is for each started package of so many

    @model_validator(mode="after")
    def _say_a_price(self) -> "Tier":
        if not {"unit_price", "flat_amount"} & self.model_fields_set:
            raise ValueError("has no price | give unit_price, flat_amount or both")
        return self


class RatioTier(Written):
    """A stretch of an amount of which a share is charged."""

    up_to: Bound | None = None
    ratio: Ratio
    flat_amount: UnitPrice = Decimal(0)


class Stair(Written):
    """A stretch of quantity with an amount for all of it."""

    up_to: Bound | None = None
    amount: UnitPrice


def _rising(bounds: tuple[Decimal | None, ...]) -> None:
    if not 1 <= len(bounds) <= TIERS_MAX:
        raise ValueError(f"{len(bounds)} tiers | write 1 to {TIERS_MAX}")
    closed = [bound for bound in bounds if bound is not None]
    if len(closed) != len(bounds) - 1 or bounds[-1] is not None:
        raise ValueError("the last tier, and no other, is open | leave out its up_to alone")
    if closed != sorted(set(closed)):
        shown = ", ".join(map(str, closed))
        raise ValueError(f"up_to does not rise from tier to tier: {shown} | sort the tiers")


class _Tiered(_Counted):
    tiers: tuple[Tier, ...]
    when_unused: Literal["free", "charge"] = "free"  # flat_amount of the first tier

    @field_validator("tiers")
    @classmethod
    def _cover_every_quantity_once(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        _rising(tuple(tier.up_to for tier in tiers))
        return tiers

    @model_validator(mode="after")
    def _share_units_alone(self) -> "_Tiered":
        if self.each[0] == "portfolio" and any(t.flat_amount or t.package_size for t in self.tiers):
            raise ValueError(
                "accounts of a portfolio cannot share a flat_amount or a package"
                ' | count each = "account", or use unit prices alone'
            )
        return self


class PerUnit(Written):
    """Each unit costs the same."""

    kind: Literal["per_unit"] = "per_unit"
    unit_price: UnitPrice


class Flat(_Counted):
    """One amount, however many units there are."""

    kind: Literal["flat"] = "flat"
    amount: UnitPrice
    when_unused: Literal["free", "charge"] = "free"


class Graduated(_Tiered):
    """Each unit costs the price of the tier that it falls in."""

    kind: Literal["graduated"] = "graduated"


class Volume(_Tiered):
    """All units cost the price of the tier that the whole quantity falls in."""

    kind: Literal["volume"] = "volume"


class Package(_Counted):
    """Units come in packages; `partial` says what a package that is not full counts as.

    `up` is a whole one, `down` is none, `exact` is its share.
    """

    kind: Literal["package"] = "package"
    package_size: Bound
    package_price: UnitPrice
    partial: Partial = "up"


class Stairstep(_Counted):
    """One amount for the tier that the whole quantity falls in."""

    kind: Literal["stairstep"] = "stairstep"
    tiers: tuple[Stair, ...]
    when_unused: Literal["free", "charge"] = "free"

    @field_validator("tiers")
    @classmethod
    def _cover_every_quantity_once(cls, tiers: tuple[Stair, ...]) -> tuple[Stair, ...]:
        _rising(tuple(tier.up_to for tier in tiers))
        return tiers


class _OfAmount(Written):
    fixed_amount: UnitPrice = Decimal(0)  # for each unit, on top
    unit_minimum: UnitPrice | None = None  # of the share of one unit
    unit_maximum: Annotated[UnitPrice, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _order_the_bounds(self) -> "_OfAmount":
        low, high = self.unit_minimum, self.unit_maximum
        if low is not None and high is not None and low > high:
            raise ValueError(f"unit_minimum {low} is over unit_maximum {high} | exchange them")
        return self


class Percentage(_OfAmount):
    """A share of a metered amount of money, such as 0.013 of all payments."""

    kind: Literal["percentage"] = "percentage"
    ratio: Ratio


class GraduatedPercentage(_Counted):
    """A share of a metered amount that depends on how much there is."""

    kind: Literal["graduated_percentage"] = "graduated_percentage"
    tiers: tuple[RatioTier, ...]
    fixed_amount: UnitPrice = Decimal(0)

    @field_validator("tiers")
    @classmethod
    def _cover_every_amount_once(cls, tiers: tuple[RatioTier, ...]) -> tuple[RatioTier, ...]:
        _rising(tuple(tier.up_to for tier in tiers))
        return tiers


class MatrixCell(Written):
    """What a unit costs where it has the values given; a key that is left out takes all."""

    market: str | None = None
    country: str | None = None
    category: str | None = None
    pricing_type: str | None = None
    pricing_model: str | None = None
    channel: str | None = None
    unit_price: UnitPrice

    def given(self) -> dict[str, str]:
        return {key: value for key in CELL_KEYS if (value := getattr(self, key)) is not None}


class Matrix(Written):
    """Each unit costs what the first cell says that it matches; unknown where none does."""

    kind: Literal["matrix"] = "matrix"
    cells: Annotated[tuple[MatrixCell, ...], Field(min_length=1, max_length=CELLS_MAX)]

    @field_validator("cells")
    @classmethod
    def _reach_every_cell(cls, cells: tuple[MatrixCell, ...]) -> tuple[MatrixCell, ...]:
        seen: list[dict[str, str]] = []
        for number, cell in enumerate(cells):
            own = cell.given().items()
            for before, earlier in enumerate(seen):
                if earlier.items() <= own:
                    raise ValueError(
                        f"cell {number} is never reached, for cell {before} takes all of it"
                        " | write the narrower cell first"
                    )
            seen.append(dict(own))
        return cells

    def keys(self) -> tuple[str, ...]:
        """Name the dimensions that it looks units up by."""
        return tuple(key for key in CELL_KEYS if any(key in cell.given() for cell in self.cells))


class Rounding(Written):
    """How a unit price is rounded after a markup."""

    decimals: Annotated[int, Field(ge=0, le=UNIT_PRICE.scale)]
    mode: RoundingMode = "half_up"


class _Marked(Written):
    """What is put on top of a rate: rate x ratio + amount, then rounded."""

    markup_ratio: MarkupRatio = Decimal(0)
    rate_ratio: RateRatio | None = None  # in place of 1 + markup_ratio: only so much of the rate
    markup_amount: UnitPrice = Decimal(0)
    round: Rounding | None = None

    @model_validator(mode="after")
    def _say_the_factor_once(self) -> "_Marked":
        if self.rate_ratio is not None and self.markup_ratio:
            raise ValueError("has rate_ratio and markup_ratio | keep one: 1 + markup is the ratio")
        return self

    @property
    def factor(self) -> Decimal:
        return 1 + self.markup_ratio if self.rate_ratio is None else self.rate_ratio


class FromCard(_Marked):
    """Each unit costs the rate of a card for its market and category, and a markup on it.

    `tiered` takes the card's volume tiers where it has them, counted over the portfolio, the market
    and the category of the card for the month; its list rate elsewhere. `currency` names the rates
    of another currency, which are converted by `fx_rates.csv`. With `reported_cost`, what the
    network reports that a message costs, as of one with a max price, goes before the card.
    """

    kind: Literal["rate_card"] = "rate_card"
    card: Annotated[str, Field(min_length=1)]
    rates: Literal["list", "tiered"] = "list"
    crossing: Literal["split", "after"] = "split"
    currency: Currency | None = None
    reported_cost: bool = False


class NetworkCost(_Marked):
    """Each unit costs what the network's own plan, named in the settings, charges the seller."""

    kind: Literal["network_cost"] = "network_cost"


OwnPrice = Annotated[
    PerUnit | Flat | Graduated | Volume | Package | Stairstep, Field(discriminator="kind")
]
Price = Annotated[
    PerUnit
    | Flat
    | Graduated
    | Volume
    | Package
    | Stairstep
    | Percentage
    | GraduatedPercentage
    | Matrix
    | FromCard
    | NetworkCost,
    Field(discriminator="kind"),
]
