"""Taxes of a month: on the sum of each rate, rounded once, by the rule that fits best."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.event import USAGE
from metering.period import Month
from metering.settings import Book
from pricing.billing import rate_month
from pricing.catalog import load_catalog
from pricing.document_writer import amounts_in_words, documents
from pricing.state import no_state
from pricing.tax import BUYER, TAX, Tax, Taxed, tax_lines

OCTOBER = Month(2026, 10)
LINE = pl.Schema(
    {
        "line_id": pl.String(),
        "invoice_id": pl.String(),
        "account_id": pl.String(),
        "tax_date": pl.Date(),
        "tax_category": pl.String(),
        "amount_minor": pl.Int64(),
        "currency": pl.String(),
    }
)
NOTE = "Reverse charge, Article 196 of Directive 2006/112/EC"
INDIA = "treatment,rate_ratio,name,country\nstandard,0.18,GST,IN\n"


def taxed(
    amounts: list[tuple[str, int]],
    rules: list[dict[str, object]],
    *,
    currency: str = "EUR",
    country: str | None = "DE",
    has_vat_id: bool = False,
) -> Taxed:
    """Tax lines of (tax category, minor units) of one invoice of `acme`."""
    day = OCTOBER.last_day
    rows = [
        (f"i#{number}", "i", "acme", day, category, minor, currency)
        for number, (category, minor) in enumerate(amounts)
    ]
    buyers = pl.DataFrame([("acme", day, country, has_vat_id)], BUYER, orient="row")
    taxes = [Tax.model_validate({"line": 2, **rule}) for rule in rules]
    lines = pl.DataFrame(rows, LINE, orient="row")
    return tax_lines(lines, buyers, taxes)


def sums(found: Taxed) -> list[tuple[str, str, int, int]]:
    """The taxes as (treatment, percent, taxable, tax)."""
    assert found.taxes is not None
    assert found.taxes.schema == TAX
    rows = found.taxes.select("treatment", "rate_ratio", "taxable_minor", "tax_minor").iter_rows()
    return [
        (treatment, f"{rate.scaleb(2).normalize():f}", taxable, tax)
        for treatment, rate, taxable, tax in rows
    ]


def vat(rate: str, **given: object) -> dict[str, object]:
    return {"treatment": "standard", "name": "VAT", "rate_ratio": rate, **given}


# On invoices


@pytest.fixture
def invoice(tmp_path: Path, make_book: Callable[..., Book]) -> Callable[..., dict[str, Any]]:
    """Bill October of a book whose plan has fixed fees, and show the invoice of `acme`."""

    def make(
        *fees: str, currency: str = "USD", files: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        listed = "".join(
            f'[[version.fixed_fee]]\nname = "fee {number}"\namount = {fee}\n'
            for number, fee in enumerate(fees)
        )
        plan = f'plan = "growth"\ncurrency = "{currency}"\n[[version]]\n{listed}'
        own = {
            "plans/growth.toml": plan,
            "accounts.csv": f"account_id,name,country,currency,vat_id\nacme,Acme,IN,{currency},\n",
            "senders.csv": "sender_id,account_id\n1,acme\n",
            "subscriptions.csv": "account_id,plan\nacme,growth\n",
        }
        catalog = load_catalog(make_book(tmp_path, {**own, **(files or {})}))
        usage = USAGE.to_frame()
        rated = rate_month(catalog, OCTOBER, usage, lambda *_: pl.DataFrame(), no_state())
        (document,) = documents(rated.drafts)
        return document

    return make


def test_gst_of_18_percent_is_added_to_the_net_of_an_indian_account(
    invoice: Callable[..., dict[str, Any]],
) -> None:
    document = invoice("1000.00", "250.50", currency="INR", files={"taxes.csv": INDIA})

    assert amounts_in_words(document) == [
        "Net 1250.50 INR",
        "GST 18% of 1250.50: 225.09 INR",
        "Total 1475.59 INR",
    ]
    assert document["blocked"] == []


def test_without_a_file_of_taxes_an_invoice_is_net_and_says_so(
    invoice: Callable[..., dict[str, Any]],
) -> None:
    document = invoice("1000.00")

    assert (document["net"], document["taxes"], document["total"]) == ("1000.00", None, "1000.00")


def test_an_account_that_no_row_covers_is_blocked_by_name(
    invoice: Callable[..., dict[str, Any]],
) -> None:
    elsewhere = INDIA.replace("IN", "DE")
    document = invoice("1000.00", "5.00", files={"taxes.csv": elsewhere})

    assert document["blocked"] == [
        {
            "reason": "tax_unknown",
            "quantity": "2",
            "what": "lines whose tax is unknown: no row of taxes.csv holds for country IN, tax"
            " category standard on 2026-10-31",
        }
    ]
    assert (document["taxes"], document["total"]) == ([], "1005.00")


def test_reverse_charge_adds_nothing_and_prints_its_reason(
    invoice: Callable[..., dict[str, Any]],
) -> None:
    files = {
        "taxes.csv": f'country,treatment,legal_note\nFR,reverse_charge,"{NOTE}"\n',
        "accounts.csv": "account_id,name,country,vat_id\nacme,Acme,FR,FR12345678901\n",
    }
    document = invoice("100.00", files=files)

    assert amounts_in_words(document) == [
        "Net 100.00 USD",
        f"reverse charge 0% of 100.00: 0.00 USD ({NOTE})",
        "Total 100.00 USD",
    ]
    assert document["blocked"] == []


def test_reverse_charge_without_a_vat_id_is_blocked_with_what_to_do(
    invoice: Callable[..., dict[str, Any]],
) -> None:
    files = {
        "taxes.csv": f'country,treatment,legal_note\nFR,reverse_charge,"{NOTE}"\n',
        "accounts.csv": "account_id,name,country\nacme,Acme,FR\n",
    }
    (reason,) = invoice("100.00", files=files)["blocked"]

    assert reason["reason"] == "vat_id_missing"
    assert "fill it in, or give the account a row of its own" in reason["what"]


def test_country_and_vat_id_are_those_of_the_last_day_of_the_month(
    invoice: Callable[..., dict[str, Any]],
) -> None:
    moved = "account_id,effective_from,name,country\nacme,,Acme,DE\nacme,2026-10-31,Acme,IN\n"
    document = invoice("100.00", files={"taxes.csv": INDIA, "accounts.csv": moved})

    assert document["total"] == "118.00"


@pytest.mark.parametrize(
    ("currency", "net", "tax", "total"),
    [
        ("JPY", "105", "9", "114"),
        ("USD", "1.05", "0.09", "1.14"),
        ("KWD", "0.105", "0.009", "0.114"),
    ],
)
def test_a_tax_is_rounded_to_the_decimals_of_the_currency(
    currency: str, net: str, *, tax: str, total: str, invoice: Callable[..., dict[str, Any]]
) -> None:
    rule = "treatment,rate_ratio,name\nstandard,0.09,VAT\n"  # 9.45 minor units
    document = invoice(net, currency=currency, files={"taxes.csv": rule})

    assert (document["net"], document["taxes"][0]["tax"], document["total"]) == (net, tax, total)


# Which rule holds


RULES: list[dict[str, object]] = [
    vat("0.01"),
    vat("0.02", tax_category="reduced"),
    vat("0.03", country="DE"),
    vat("0.04", country="DE", tax_category="reduced"),
    vat("0.05", account_id="acme"),
    vat("0.06", account_id="acme", tax_category="reduced"),
]


@pytest.mark.parametrize(
    ("rule_count", "category", "country", "percent"),
    [
        (1, "reduced", "DE", "1"),
        (2, "reduced", "FR", "2"),
        (2, "standard", "FR", "1"),
        (3, "reduced", "DE", "3"),
        (3, "reduced", None, "2"),
        (4, "reduced", "DE", "4"),
        (4, "standard", "DE", "3"),
        (5, "reduced", "DE", "5"),
        (6, "reduced", None, "6"),
        (6, "standard", "FR", "5"),
    ],
)
def test_the_most_specific_rule_holds(
    rule_count: int, category: str, *, country: str | None, percent: str
) -> None:
    found = taxed([(category, 10_000)], RULES[:rule_count], country=country)

    assert [row[1] for row in sums(found)] == [percent]


@pytest.mark.parametrize(
    ("rule", "is_known"),
    [
        ({"effective_from": date(2026, 10, 31)}, True),
        ({"effective_from": date(2026, 11, 1)}, False),
        ({"effective_to": date(2026, 11, 1)}, True),
        ({"effective_to": date(2026, 10, 31)}, False),
    ],
)
def test_the_rule_is_that_of_the_last_day_of_the_month(
    rule: dict[str, object], *, is_known: bool
) -> None:
    found = taxed([("standard", 100)], [vat("0.19", **rule)])

    assert bool(sums(found)) is is_known
    assert bool(found.blocked) is not is_known


# What is taxed


def test_each_rate_of_a_mixed_invoice_has_a_sum_of_its_own() -> None:
    reduced: dict[str, object] = {
        "treatment": "reduced",
        "name": "VAT",
        "rate_ratio": "0.07",
        "tax_category": "book",
    }
    found = taxed([("standard", 1000), ("book", 500), ("standard", 11)], [vat("0.19"), reduced])

    # 10.11 x 0.19 = 1.9209; 5.00 x 0.07 = 0.35
    assert sums(found) == [("standard", "19", 1011, 192), ("reduced", "7", 500, 35)]


def test_a_tax_is_rounded_once_on_the_sum_and_not_on_each_line() -> None:
    found = taxed([("standard", 3)] * 10, [vat("0.19")])

    # ten times 0.03 x 0.19 = 0.0057, which would be 0.01 each
    assert sums(found) == [("standard", "19", 30, 6)]


def test_a_negative_line_lowers_the_sum_of_its_rate() -> None:
    assert sums(taxed([("standard", 1000), ("standard", -400)], [vat("0.19")])) == [
        ("standard", "19", 600, 114)
    ]


@given(minor=st.integers(-(10**15), 10**15), rate=st.integers(1, 10**6))
def test_a_negative_sum_has_the_tax_of_the_positive_one_with_its_sign_turned(
    minor: int, rate: int
) -> None:
    rule = vat(str(Decimal(rate).scaleb(-6)))
    (up,), (down,) = (sums(taxed([("standard", sign * minor)], [rule])) for sign in (1, -1))

    assert up[2:] == (-down[2], -down[3])


@given(
    lines=st.lists(
        st.tuples(st.sampled_from(["standard", "book"]), st.integers(-(10**12), 10**12)),
        min_size=1,
        max_size=8,
    ),
    rates=st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)),
    currency=st.sampled_from(["JPY", "USD", "KWD", "CLF"]),
)
def test_taxes_are_those_of_a_plain_definition_and_their_bases_add_up_to_the_net(
    lines: list[tuple[str, int]], rates: tuple[int, int], currency: str
) -> None:
    standard, book = (Decimal(rate).scaleb(-6) for rate in rates)
    rules: list[dict[str, object]] = [
        vat(str(standard)),
        {**vat(str(book)), "treatment": "reduced", "tax_category": "book"},
    ]
    found = sums(taxed(lines, rules, currency=currency))

    expected = []
    for treatment, category, rate in (
        ("standard", "standard", standard),
        ("reduced", "book", book),
    ):
        amounts = [minor for name, minor in lines if name == category]
        with localcontext(prec=60):
            tax = int((sum(amounts) * rate).to_integral_value(ROUND_HALF_UP))  # away from zero
            percent = f"{rate.scaleb(2).normalize():f}"
        if amounts:
            expected.append((treatment, percent, sum(amounts), tax))
    assert found == expected
    assert sum(row[2] for row in found) == sum(minor for _, minor in lines)


def test_zero_exempt_and_out_of_scope_are_sums_without_tax() -> None:
    why = {"legal_note": "why"}
    rules: list[dict[str, object]] = [
        {"treatment": "zero"},
        {"treatment": "exempt", "tax_category": "post", **why},
        {"treatment": "outside_scope", "tax_category": "export", **why},
    ]
    found = taxed([("standard", 1), ("post", 2), ("export", 3)], rules)

    assert sums(found) == [("zero", "0", 1, 0), ("exempt", "0", 2, 0), ("outside_scope", "0", 3, 0)]
