"""Why a month bills another amount than the one before: the parts add up to the whole, exactly."""

from decimal import Decimal, localcontext
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pricing.document import Document, Line
from pricing.month_end.figures import figures_of
from pricing.month_end.variance import PARTS, variance, whole_amounts
from tests.documents.made import MADE, detail, document, fee, line

Cell = tuple[str, str, str]  # market, quantity, unit price


def usage(*cells: Cell, charge: str = "marketing", account_id: str = "acct-1") -> Line:
    details = [detail(quantity, price, market) for market, quantity, price in cells]
    return line(charge, details, account_id=account_id)


def parts(before: list[Document], after: list[Document]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for _, _, part, amount in variance(before, after).iter_rows():
        found[part] = found.get(part, Decimal(0)) + amount
    return found


def of_usage(before: list[Cell], after: list[Cell]) -> dict[str, Decimal]:
    return parts([document([usage(*before)])], [document([usage(*after)])])


def test_more_of_the_same_is_volume() -> None:
    found = of_usage([("Brazil", "100", "0.10")], [("Brazil", "150", "0.10")])

    assert found == {"volume": Decimal(5)}


def test_the_same_at_another_price_is_price() -> None:
    found = of_usage([("Brazil", "100", "0.10")], [("Brazil", "100", "0.12")])

    assert found == {"price": Decimal(2)}


def test_as_much_in_other_shares_is_mix() -> None:
    found = of_usage(
        [("Brazil", "100", "0.10"), ("India", "100", "0.02")],
        [("Brazil", "150", "0.10"), ("India", "50", "0.02")],
    )

    assert found == {"mix": Decimal(4)}


def test_volume_mix_and_price_are_told_apart() -> None:
    # 200 cost 12.00, 0.06 each. Of 300, at old prices: 200 x 0.10 + 100 x 0.02 = 22.00.
    found = of_usage(
        [("Brazil", "100", "0.10"), ("India", "100", "0.02")],
        [("Brazil", "200", "0.10"), ("India", "100", "0.03")],
    )

    assert found == {"volume": Decimal(6), "mix": Decimal(4), "price": Decimal(1)}


def test_a_new_market_of_a_known_account_is_volume_and_mix_and_no_price() -> None:
    found = of_usage(
        [("Brazil", "100", "0.10")], [("Brazil", "100", "0.10"), ("Peru", "50", "0.20")]
    )

    assert found == {"volume": Decimal(5), "mix": Decimal(5)}


def test_what_moves_into_another_tier_is_mix() -> None:
    def tiers(first: str, second: str) -> Document:
        cells = [detail(first, "0.10", tier=1), detail(second, "0.05", tier=2)]
        return document([line("marketing", cells)])

    assert parts([tiers("100", "100")], [tiers("50", "150")]) == {"mix": Decimal("-2.5")}


def test_what_is_no_longer_free_is_mix() -> None:
    def with_free(free: str, paid: str) -> Document:
        return document([line("x", [detail(free, "0"), detail(paid, "0.10")])])

    assert parts([with_free("100", "100")], [with_free("50", "150")]) == {"mix": Decimal(5)}


def test_the_first_usage_of_a_meter_is_volume() -> None:
    platform = line("platform", [fee("10")], kind="fixed_fee")
    before = [document([platform])]
    after = [document([platform, usage(("Brazil", "100", "0.10"))])]

    assert parts(before, after) == {"volume": Decimal(10)}


def test_accounts_that_come_and_go_are_whole() -> None:
    def of(account_id: str) -> Document:
        cells = usage(("Brazil", "100", "0.10"), account_id=account_id)
        return document([cells, line("fee", [fee("1")], kind="fixed_fee", account_id=account_id)])

    found = variance([of("a"), of("b")], [of("b"), of("c")])

    assert found.rows() == [
        ("EUR", "a", "lost accounts", Decimal(-11)),
        ("EUR", "c", "new accounts", Decimal(11)),
    ]


def test_an_account_that_changes_its_currency_is_lost_in_one_and_new_in_the_other() -> None:
    before, after = (
        document([line("x", [fee("5")], kind="fixed_fee", currency=currency)])
        for currency in ("EUR", "JPY")
    )

    assert variance([before], [after]).rows() == [
        ("EUR", "acct-1", "lost accounts", Decimal(-5)),
        ("JPY", "acct-1", "new accounts", Decimal(5)),
    ]


def test_what_has_no_cells_is_told_by_its_kind() -> None:
    def of(platform: str, discount: str, correction: str) -> Document:
        amount = Decimal(platform)
        flat = detail("0", platform, priced_quantity=Decimal(1), amount=amount)
        return document(
            [
                line("platform", [fee(platform)], kind="fixed_fee"),
                line("spring", kind="discount", amount=Decimal(discount)),
                line("old", kind="usage", is_correction=True, amount=Decimal(correction)),
                line("flat", [flat]),
            ]
        )

    found = parts([of("10", "-1.00", "0.00")], [of("12", "-2.00", "-7.00")])

    assert found == {
        "fees": Decimal(4),
        "adjustments": Decimal(-1),
        "corrections": Decimal(-7),
    }


def test_what_rounding_did_is_a_part_of_its_own() -> None:
    found = of_usage([("Brazil", "1", "0.104")], [("Brazil", "2", "0.104")])

    assert found == {"volume": Decimal("0.104"), "rounding": Decimal("0.006")}


def test_what_nobody_has_to_pay_is_left_out() -> None:
    one = [line("x", [fee("5")], kind="fixed_fee")]
    others = [document(one, state=state) for state in ("void", "carried")]

    assert parts([document(one)], [document(one), *others, document(one, purpose="test")]) == {}


cells = st.lists(
    st.tuples(
        st.sampled_from(["Brazil", "India", "Peru"]),
        st.decimals("0.001", "999", places=3).map(str),
        st.decimals("0", "9", places=6).map(str),
    ),
    max_size=4,
)
lines = st.builds(
    lambda found, charge, account_id: usage(*found, charge=charge, account_id=account_id),
    cells,
    st.sampled_from(["marketing", "utility"]),
    st.sampled_from(["acct-1", "acct-2", "acct-3"]),
)
kinds = st.sampled_from(["fixed_fee", "add_on", "discount", "minimum", "credit", "carried"])
others = st.builds(
    lambda kind, amount, account_id: line(kind, kind=kind, amount=amount, account_id=account_id),
    kinds,
    st.decimals("-99", "99", places=2),
    st.sampled_from(["acct-1", "acct-2", "acct-3"]),
)
months = st.lists(
    st.builds(
        lambda held, kind: document(held, kind=kind),
        st.lists(st.one_of(lines, others), max_size=6),
        st.sampled_from(["invoice", "credit_note"]),
    ),
    max_size=3,
)


@given(before=months, after=months)
def test_the_parts_add_up_to_the_whole_of_each_account(
    before: list[Document], after: list[Document]
) -> None:
    wholes: dict[Any, Decimal] = {}
    for sign, documents in ((-1, before), (1, after)):
        for row in figures_of(documents).iter_rows(named=True):
            key = (row["currency"], row["account_id"])
            wholes[key] = wholes.get(key, Decimal(0)) + sign * row["amount"]
    found: dict[Any, Decimal] = {}
    with localcontext(prec=60):
        for currency, account_id, part, amount in variance(before, after).iter_rows():
            assert part in PARTS
            key = (currency, account_id)
            found[key] = found.get(key, Decimal(0)) + amount

    assert {k: v for k, v in found.items() if v} == {k: v for k, v in wholes.items() if v}


@given(month=months)
def test_a_month_does_not_differ_from_itself(month: list[Document]) -> None:
    assert variance(month, month).is_empty()


@given(st.lists(st.decimals("-99", "99", places=5), min_size=1, max_size=6))
def test_rounded_parts_add_up_and_each_is_less_than_a_unit_away(exact: list[Decimal]) -> None:
    listed = [*exact, -sum(exact, Decimal(0)) + Decimal("1.00")]
    rounded = whole_amounts(listed, "EUR")

    assert sum(rounded) == 1
    assert all(abs(a - b) < Decimal("0.01") for a, b in zip(listed, rounded, strict=True))


def test_made_documents_of_all_kinds_are_compared() -> None:
    found = parts([MADE["taxed"]], [MADE["many kinds"]])

    assert sum(found.values()) == MADE["many kinds"].net - MADE["taxed"].net
