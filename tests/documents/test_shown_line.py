"""The lines that a document shows add up to it, in every style."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.document import Detail, Document
from pricing.documents.shown_line import ShownLine, shown_lines
from pricing.line import ROUNDING
from pricing.money import MINOR_DECIMALS, minor_of
from tests.documents.made import MADE, detail, document, fee, line, styled

STYLES = ("by_charge", "by_price", "by_sender")


def by_price(*details: Detail, currency: str = "EUR") -> list[tuple[object, ...]]:
    made = document([line("messages", details, currency=currency)])
    return [
        (shown.market, shown.tier, str(shown.quantity), shown.unit_price, str(shown.amount))
        for shown in shown_lines(styled(made, lines="by_price"))
    ]


def texts(shown: ShownLine) -> tuple[str, str, str]:
    return str(shown.quantity), str(shown.unit_price), str(shown.amount)


def is_exact(shown: ShownLine) -> bool:
    if shown.unit_price is None:
        return True
    gap = shown.quantity * shown.unit_price - shown.amount
    return abs(gap.scaleb(MINOR_DECIMALS[shown.line.currency])) < 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("made", MADE.values(), ids=MADE.keys())
def test_shown_lines_add_up_to_net_and_prices_to_their_amounts(made: Document, style: str) -> None:
    listed = shown_lines(styled(made, lines=style))

    assert sum((shown.amount for shown in listed), Decimal(0)) == made.net
    assert all(is_exact(shown) for shown in listed)
    assert tuple(dict.fromkeys(shown.line.line_id for shown in listed)) == tuple(
        listed.line_id for listed in made.lines
    )


def test_a_line_of_one_price_shows_it_and_a_line_of_several_does_not() -> None:
    one = line("one", [detail("10", "0.5"), detail("5", "0.5", category="utility")])
    two = line("two", [detail("10", "0.5"), detail("5", "0.4")])
    prices = [shown.unit_price for shown in shown_lines(document([one, two]))]

    assert prices == [Decimal("0.5"), None]


def test_a_share_of_a_fee_shows_no_unit_price() -> None:
    half = fee("49", share="26.870967741935")
    (shown,) = shown_lines(document([line("platform", [half], kind="fixed_fee")]))

    assert texts(shown) == ("1", "None", "26.87")


def test_packages_show_a_price_only_where_the_quantity_is_theirs() -> None:
    packages = detail("1500", "10", priced_quantity=Decimal(2), amount=Decimal(20))
    made = document([line("packages", [packages])])
    (whole,) = shown_lines(made)
    (priced,) = shown_lines(styled(made, lines="by_price"))

    assert texts(whole) == ("1500", "None", "20.00")
    assert texts(priced) == ("2", "10", "20.00")


def test_free_units_are_lines_of_their_own_at_a_price_of_zero() -> None:
    assert by_price(detail("40", "0"), detail("60", "0.1")) == [
        ("Germany", None, "40", Decimal(0), "0.00"),
        ("Germany", None, "60", Decimal("0.1"), "6.00"),
    ]


def test_details_of_one_market_tier_and_price_are_one_line() -> None:
    cells = [detail("3", "0.1"), detail("4", "0.1", category="utility"), detail("5", "0.1", tier=2)]

    assert [row[:3] for row in by_price(*cells)] == [("Germany", None, "7"), ("Germany", 2, "5")]


def test_what_is_left_over_of_a_rounded_amount_goes_to_the_largest_remainders() -> None:
    cells = [detail("1", "0.006", name) for name in ("Chile", "France", "India")]

    assert [row[4] for row in by_price(*cells)] == ["0.01", "0.01", "0.00"]


def test_a_correction_shows_the_difference_by_price_also_where_it_comes_to_nothing() -> None:
    then = detail("-10", "0.1", "France")

    assert by_price(detail("10", "0.1", "Spain"), then) == [
        ("Spain", None, "10", Decimal("0.1"), "1.00"),
        ("France", None, "-10", Decimal("0.1"), "-1.00"),
    ]


def test_what_cancels_out_in_a_correction_is_not_shown() -> None:
    cells = [detail("10", "0.1"), detail("-10", "0.1"), detail("1", "0.2", "Spain")]

    assert [row[0] for row in by_price(*cells)] == ["Spain"]


@pytest.mark.parametrize("style", ["by_price", "by_sender"])
def test_what_rounding_did_to_a_correction_is_no_line_of_its_own(style: str) -> None:
    rounding = detail("0", "0.0052", None, priced_quantity=Decimal(1), note=ROUNDING)
    rounding = rounding.model_copy(update={"amount": Decimal("0.0052")})
    cells = [detail("3", "0.1"), detail("1", "0.0648", "Spain"), rounding]
    cells = [cell.model_copy(update={"sender_id": cell.market}) for cell in cells]
    made = document([line("messages", cells, is_correction=True)])
    listed = shown_lines(styled(made, lines=style))

    assert [str(shown.amount) for shown in listed] == ["0.30", "0.07"]


def test_an_adjustment_that_is_corrected_is_one_line() -> None:
    cells = [detail("1", "1.44", None), detail("-1", "1.46", None)]
    made = document([line("discount", cells, kind="discount", is_correction=True)])
    (shown,) = shown_lines(styled(made, lines="by_price"))

    assert (shown.unit_price, str(shown.amount)) == (None, "-0.02")


@pytest.mark.parametrize(
    ("charge", "name"),
    [
        ("Minimum (reduced)", "Minimum"),
        ("growth: Commitment: overage (m)", "growth: Commitment: overage"),
        ("Minimum of calls (2026)", "Minimum of calls (2026)"),
        ("Spring (2026)", "Spring (2026)"),
    ],
)
def test_a_share_of_a_minimum_has_the_name_that_people_know(charge: str, name: str) -> None:
    made = document([line(charge, kind="minimum", amount=Decimal("5.00"))])

    assert [shown.charge for shown in shown_lines(made)] == [name]


def test_a_line_without_details_is_shown_as_it_is() -> None:
    taken_off = line("discount", kind="discount", amount=Decimal("-5.00"))
    (shown,) = shown_lines(styled(document([taken_off]), lines="by_price"))

    assert (shown.charge, shown.unit_price, shown.amount) == ("discount", None, Decimal("-5.00"))


cells_of_a_line = st.lists(
    st.builds(
        detail,
        st.integers(-5000, 5000).map(str),
        st.decimals("0", "2", places=6).map(str),
        st.sampled_from(["Chile", "France", "India"]),
    ),
    max_size=12,
)


@given(cells_of_a_line, st.sampled_from(["EUR", "JPY", "KWD"]))
def test_prices_share_the_rounded_amount_each_within_a_minor_unit(
    cells: list[Detail], currency: str
) -> None:
    made = document([line("messages", cells, currency=currency)])
    listed = shown_lines(styled(made, lines="by_price"))

    assert sum(minor_of(shown.amount, currency) for shown in listed) == minor_of(made.net, currency)
    assert all(is_exact(shown) for shown in listed)


def test_the_lines_of_a_sender_stand_together_after_what_has_none() -> None:
    def sent(quantity: str, price: str, sender_id: str) -> Detail:
        return detail(quantity, price).model_copy(update={"sender_id": sender_id})

    marketing = line("marketing", [sent("3", "0.015", "49170"), sent("1", "0.015", "49160")])
    utility = line("utility", [sent("1", "0.1", "49160"), sent("2", "0.2", "49160")])
    made = document([marketing, line("platform", [fee("49")], kind="fixed_fee"), utility])

    shown = shown_lines(styled(made, lines="by_sender"))
    told = [(one.sender_id, one.charge, one.unit_price, str(one.amount)) for one in shown]
    assert told == [
        (None, "platform", Decimal(49), "49.00"),
        ("49160", "marketing", Decimal("0.015"), "0.02"),  # of 0.06 for both
        ("49160", "utility", None, "0.50"),
        ("49170", "marketing", Decimal("0.015"), "0.04"),
    ]


@given(cells_of_a_line, st.data(), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_senders_share_the_rounded_amount_each_within_a_minor_unit(
    cells: list[Detail], data: st.DataObject, currency: str
) -> None:
    senders = st.sampled_from([None, "49160", "49170", "49180"])
    sent = [one.model_copy(update={"sender_id": data.draw(senders)}) for one in cells]
    made = document([line("messages", sent, currency=currency)])
    listed = shown_lines(styled(made, lines="by_sender"))

    assert sum(minor_of(shown.amount, currency) for shown in listed) == minor_of(made.net, currency)
    for shown in listed:
        own = [one for one in sent if shown.sender_id in (None, one.sender_id)]
        if shown.sender_id is not None:
            exact = sum(((one.amount or Decimal(0)) for one in own), Decimal(0))
            assert abs(shown.amount - exact) < Decimal(1).scaleb(-MINOR_DECIMALS[currency])
