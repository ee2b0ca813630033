"""The network's files of rates: each is read to the card that it shows, or refused by place."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metering.door import read_rows
from metering.market import markets
from pricing.cards.file import Said, read_card_files
from pricing.cards.new_card import card_text
from pricing.cards.table import Reading
from pricing.cards.words import number
from pricing.rate_card import RateRow
from tests.pricing.network_files import (
    HEADINGS,
    TIERED,
    TITLE,
    Cells,
    as_csv,
    as_xlsx,
    padded,
    rate_file,
    tier_file,
)

NEW_YEAR = date(2027, 1, 1)
MARKETS = sorted(set(markets().filter(valid_to=date(9999, 12, 31))["market"]))
Read = Callable[..., Reading]


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Write bytes under a name and read them as a file of the network."""

    def make(*contents: bytes, name: str = "rates.csv", **said: object) -> Reading:
        folder = tmp_path_factory.mktemp("network")
        paths = []
        for position, content in enumerate(contents):
            paths.append(folder / (f"{position}-{name}" if position else name))
            paths[-1].write_bytes(content)
        return read_card_files(paths, Said(**said))  # type: ignore[arg-type]

    return make


def rates_of(reading: Reading) -> dict[tuple[str, str], Decimal]:
    assert reading.problems == []
    return {(row.market, row.category): row.rate for row in reading.rows}


def said_of(reading: Reading) -> list[str]:
    return [f"{one.where}: {one.what} ({one.hint})" for one in reading.problems]


# Round trips

decimals = st.integers(0, 20_000_000).map(lambda units: Decimal(units).scaleb(-4))
lists = st.dictionaries(
    st.sampled_from(MARKETS),
    st.dictionaries(st.sampled_from(sorted(HEADINGS)), decimals, min_size=1),
    min_size=1,
)
spellings = st.sampled_from(("{:f}", "{:,f}", "{:E}"))


@given(card=lists, spelling=spellings, is_workbook=st.booleans(), empty_rows=st.integers(0, 400))
def test_a_list_that_is_written_as_a_file_of_the_network_is_read_as_it_was(
    *,
    card: dict[str, dict[str, Decimal]],
    spelling: str,
    is_workbook: bool,
    empty_rows: int,
    read: Read,
) -> None:
    texts = {
        market: {category: spelling.format(rate) for category, rate in rates.items()}
        for market, rates in card.items()
    }
    cells = rate_file(texts, empty_rows=empty_rows)
    reading = read(as_xlsx(cells) if is_workbook else as_csv(cells))

    whole = {(m, c): rate for m, rates in card.items() for c, rate in rates.items()}
    assert rates_of(reading) == whole
    assert {(row.effective_from, row.currency, row.rates) for row in reading.rows} == {
        (NEW_YEAR, "USD", "list")
    }


@st.composite
def tiers(draw: st.DrawFn) -> list[tuple[int | None, Decimal]]:
    bounds = sorted(draw(st.sets(st.integers(1, 10**9), max_size=5)))
    return [(bound, draw(decimals)) for bound in [*bounds, None]]


@given(
    card=st.dictionaries(
        st.sampled_from(MARKETS),
        st.dictionaries(st.sampled_from(TIERED), tiers(), min_size=1),
        min_size=1,
        max_size=5,
    ),
    is_workbook=st.booleans(),
)
def test_tiers_that_are_written_as_a_file_of_the_network_are_read_as_they_were(
    card: dict[str, dict[str, list[tuple[int | None, Decimal]]]], is_workbook: bool, read: Read
) -> None:
    cells = tier_file(card)
    reading = read(as_xlsx(cells) if is_workbook else as_csv(cells))

    found: dict[str, dict[str, list[tuple[Decimal | None, Decimal]]]] = {}
    for row in reading.rows:
        assert row.rates == "tiered"
        of_market = found.setdefault(row.market, {})
        of_market.setdefault(row.category, []).append((row.up_to, row.rate))
    assert reading.problems == []
    assert found == card


@given(card=lists)
def test_what_is_written_into_the_book_is_read_as_the_same_rows(
    card: dict[str, dict[str, Decimal]], read: Read, tmp_path_factory: pytest.TempPathFactory
) -> None:
    texts = {
        market: {c: f"{rate:f}" for c, rate in rates.items()} for market, rates in card.items()
    }
    rows = read(as_csv(rate_file(texts))).rows
    path = tmp_path_factory.mktemp("book") / "card.csv"
    path.write_text(card_text(rows), encoding="utf-8")
    again, problems = read_rows(path, RateRow)

    assert problems == []
    assert [row.model_dump(exclude={"line"}) for row in again] == [
        row.model_dump(exclude={"line"}) for row in rows
    ]


@given(units=st.integers(0, 10**15 - 1), scale=st.integers(0, 8))
def test_a_number_of_15_digits_survives_the_binary_fraction_of_a_workbook(
    units: int, scale: int, read: Read
) -> None:
    value = Decimal(units).scaleb(-scale)
    assume(value <= 10**9)
    cells = rate_file({"Brazil": {"marketing": f"{value:f}"}})

    assert rates_of(read(as_xlsx(cells))) == {("Brazil", "marketing"): value}


# Traps


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("$US", "USD"),
        ("USD", "USD"),
        ("usd", "USD"),
        ("₹", "INR"),
        ("£", "GBP"),
        ("GBD", "GBP"),
        ("A$", "AUD"),
        ("RP", "IDR"),
        ("EUR", "EUR"),
    ],
)
def test_each_spelling_of_a_currency_means_one(text: str, code: str, read: Read) -> None:
    reading = read(as_csv(rate_file({"Brazil": {"marketing": "0.0625"}}, currency=text)))

    assert [row.currency for row in reading.rows] == [code]


@pytest.mark.parametrize(
    ("text", "value"),
    [("9.0E-4", "0.0009"), ("1,234.5", "1234.5"), ("0.0100", "0.01"), ("0", "0"), ("7", "7")],
)
def test_a_rate_is_read_however_it_is_printed(text: str, value: str, read: Read) -> None:
    reading = read(as_csv(rate_file({"Brazil": {"marketing": text}})))

    assert rates_of(reading) == {("Brazil", "marketing"): Decimal(value)}


@pytest.mark.parametrize("text", ["0,0625", "1,23.4", "-0.01", "$0.01", "5%", "٣", "", "1e400"])
def test_a_rate_that_may_mean_something_else_is_refused(text: str, read: Read) -> None:
    (problem,) = read(as_csv(rate_file({"Brazil": {"marketing": text}}))).problems

    assert problem.where == "rates.csv row 7 marketing"
    assert f"'{text}' is no number" in problem.what


def test_n_a_is_not_zero(read: Read) -> None:
    cells = rate_file({"Brazil": {"marketing": "0.0625", "service": "0"}})

    assert rates_of(read(as_csv(cells))) == {
        ("Brazil", "marketing"): Decimal("0.0625"),
        ("Brazil", "service"): Decimal(0),
    }


@pytest.mark.parametrize("name", ["rates.csv", "rates.xlsx", "rates"])
def test_what_a_file_is_its_content_says_and_not_its_name(name: str, read: Read) -> None:
    cells = rate_file({"Brazil": {"marketing": "0.0625"}})

    for content in (as_csv(cells), as_xlsx(cells)):
        assert rates_of(read(content, name=name)) == {("Brazil", "marketing"): Decimal("0.0625")}


def test_each_sheet_of_a_workbook_is_read_and_empty_ones_are_left_out(read: Read) -> None:
    dollars = rate_file({"Brazil": {"marketing": "0.0625"}})
    euros = rate_file({"Brazil": {"marketing": "0.0518"}}, currency="EUR")
    reading = read(as_xlsx(dollars, euros, [[""]]))

    assert reading.problems == []
    assert [(row.currency, row.note) for row in reading.rows] == [
        ("USD", "rates.csv Sheet1 row 7"),
        ("EUR", "rates.csv Sheet2 row 7"),
    ]


def test_a_file_of_conversations_has_rates_of_conversations(read: Read) -> None:
    title = "Cost per conversation in USD, effective June 1, 2023"
    (row,) = read(as_csv(rate_file({"Brazil": {"marketing": "0.0625"}}, title=title))).rows

    assert (row.unit, row.effective_from) == ("conversation", date(2023, 6, 1))


# What the file does not say


def test_a_day_that_the_file_does_not_say_must_be_given(read: Read) -> None:
    content = as_csv(rate_file({"Brazil": {"marketing": "0.0625"}}, title="Rates"))

    assert said_of(read(content)) == [
        "rates.csv: does not say from which day it holds"
        " (give --effective-from 2027-01-01, for one)"
    ]
    (row,) = read(content, effective_from=date(2027, 4, 1)).rows
    assert row.effective_from == date(2027, 4, 1)


def test_of_several_days_none_is_guessed(read: Read) -> None:
    title = f"{TITLE}. Some are effective April 1, 2027"
    reading = read(as_csv(rate_file({"Brazil": {"marketing": "0.0625"}}, title=title)))

    assert [problem.what for problem in reading.problems] == [
        "says that it is effective 2027-01-01 and 2027-04-01"
    ]


def test_a_day_that_is_given_wins_and_the_difference_is_said(read: Read) -> None:
    content = as_csv(rate_file({"Brazil": {"marketing": "0.0625"}}))
    reading = read(content, effective_from=date(2027, 4, 1))

    assert [row.effective_from for row in reading.rows] == [date(2027, 4, 1)]
    assert reading.notes == [
        "rates.csv says that it is effective 2027-01-01; it is taken as of 2027-04-01, as"
        " --effective-from says"
    ]


def test_a_currency_that_is_not_clear_must_be_given_and_one_that_is_may_not_differ(
    read: Read,
) -> None:
    unclear = as_csv(rate_file({"Brazil": {"marketing": "0.0625"}}, currency="$"))
    clear = as_csv(rate_file({"Brazil": {"marketing": "0.0625"}}, currency="£"))

    assert said_of(read(unclear)) == [
        "rates.csv row 7 Currency: '$' is no currency that is known (give --currency USD, for one)"
    ]
    assert [row.currency for row in read(unclear, currency="MXN").rows] == ["MXN"]
    assert said_of(read(clear, currency="USD")) == [
        "rates.csv row 7 Currency: '£' is GBP, and --currency is USD (leave out --currency)"
    ]


# Refusals


def test_every_mistake_of_a_file_is_said_at_once_with_its_place(read: Read) -> None:
    cells = rate_file(
        {
            "Brasil": {"marketing": "0.0625"},
            "India": {"marketing": "0,0118", "utility": ""},
            "Chile": {"marketing": "0.123456789"},
        },
        empty_rows=0,
    )
    cells += [["India", "$", "0.01", *["n/a"] * 4], ["Peru", "USD", *["n/a"] * 5, "see below"]]
    more = "; a new market comes with a newer Tollbook"

    assert said_of(read(as_csv(padded(cells)))) == [
        f"rates.csv row 7 Market: 'Brasil' is no market on 2027-01-01 "
        f"(did you mean 'Brazil'?{more})",
        "rates.csv row 8 marketing: '0,0118' is no number (write 0.0125, with a point, or n/a)",
        "rates.csv row 8 utility: '' is no number (write 0.0125, with a point, or n/a)",
        "rates.csv row 9 marketing rate: has more than 8 digits after the point,"
        " got '0.123456789' (write 8 or fewer)",
        "rates.csv row 10 Currency: '$' is no currency that is known"
        " (give --currency USD, for one)",
        "rates.csv row 11 column 8: 'see below' has no heading"
        " (empty the cell, or write a heading over it)",
    ]


def test_a_market_is_known_by_the_day_of_the_card(read: Read) -> None:
    content = as_csv(rate_file({"Bangladesh": {"marketing": "0.07"}}))

    assert read(content, effective_from=date(2026, 10, 1)).problems == []
    (problem,) = read(content, effective_from=date(2026, 9, 30)).problems
    assert problem.what == "'Bangladesh' is no market on 2026-09-30"


@pytest.mark.parametrize(
    ("bounds", "what"),
    [
        ([100], "Brazil: the last tier ends at 100"),
        ([None, None], "Brazil: a tier begins at 1, after one that ends at --"),
        ([100, 50, None], "Brazil: a tier from 101 ends at 50"),
    ],
)
def test_tiers_that_are_not_whole_are_refused(
    bounds: list[int | None], what: str, read: Read
) -> None:
    rows = [(bound, Decimal(1)) for bound in bounds]
    reading = read(as_csv(tier_file({"Brazil": {"utility": rows}})))

    assert what in [problem.what for problem in reading.problems]


def test_a_market_of_tiers_that_is_not_known_is_said_once(read: Read) -> None:
    rows = [(100, Decimal(3)), (200, Decimal(2)), (None, Decimal(1))]
    reading = read(as_csv(tier_file({"Brasil": {"utility": rows}, "Chile": {"utility": rows}})))

    assert [problem.where for problem in reading.problems] == ["rates.csv row 6 Market"]


@pytest.mark.parametrize(("old", "new"), [("101", "102"), ("101", "100"), ("0", "2")])
def test_a_unit_that_no_tier_or_two_tiers_take_is_refused(old: str, new: str, read: Read) -> None:
    cells = tier_file({"Brazil": {"utility": [(100, Decimal(2)), (None, Decimal(1))]}})
    for row in cells:
        row[2] = new if row[2] == old else row[2]
    (problem,) = read(as_csv(cells)).problems

    assert problem.where in ("rates.csv row 6 utility", "rates.csv row 7 utility")
    assert f"begins at {new}" in problem.what


def test_a_market_that_stands_twice_is_refused_in_one_file_or_two(read: Read) -> None:
    one = rate_file({"Brazil": {"marketing": "0.06"}}, empty_rows=0)
    twice = as_csv([*one, ["brazil", "USD", "0.07", *["n/a"] * 4]])

    assert said_of(read(twice)) == [
        "rates.csv row 8 marketing: Brazil in USD also stands in rates.csv row 7 (keep one of them)"
    ]
    (problem,) = read(as_csv(one), as_csv(one)).problems
    assert problem.where == "1-rates.csv row 7 marketing"


def _without(cells: Cells, text: str, instead: str) -> Cells:
    return [[instead if cell == text else cell for cell in row] for row in cells]


LISTED = rate_file({"Brazil": {"marketing": "0.06"}})
TIERS = tier_file({"Brazil": {"utility": [(None, Decimal(1))]}})


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "has no content"),
        (b"\n,,\n", "has no content"),
        (b"a,b\n1,2\n", "has no heading with Market and Currency"),
        (
            b"card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate\n"
            b"mine,2027-01-01,,USD,list,Brazil,marketing,message,,0.06\n",
            "is a finished card, in the form of a book",
        ),
        (b"\xff\xfe", "is not UTF-8 at byte 0"),
        (b'a,"b\n', "is not CSV: unexpected end of data"),
        (b"\xd0\xcf\x11\xe0 old", "is a workbook of the format before XLSX"),
        (b"PK\x03\x04 torn", "cannot be read as a workbook: File is not a zip file"),
        (as_csv(_without(LISTED, "Utility", "Utilities")), "unknown column 'utilities'"),
        (as_csv(_without(LISTED, "Utility", "Service")), "the category 'service' stands twice"),
        (as_csv(_without(TIERS, "Utility", "")), "no category stands over 'From' in column 3"),
        (
            as_csv(_without(TIERS, "To", "Until")),
            "the columns of utility are from, until, rate type, rate, vs. list rate",
        ),
        (as_csv(rate_file({})), "has no rates below its heading"),
    ],
    ids=lambda value: value if isinstance(value, str) else "content",
)
def test_a_file_that_is_none_of_the_network_s_is_refused(
    content: bytes, what: str, read: Read
) -> None:
    assert [problem.what for problem in read(content).problems] == [what]


def test_a_file_that_is_not_there_is_a_problem_among_others(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"a,b\n")
    reading = read_card_files([tmp_path / "a.csv", tmp_path / "b.csv"], Said())

    assert [problem.where for problem in reading.problems] == ["a.csv", "b.csv"]


@pytest.mark.parametrize("text", ["1234567890123456", "0.30000000000000004"])
def test_more_digits_than_a_workbook_keeps_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than 15 digits"):
        number(text)


def test_every_market_is_known_by_its_name(read: Read) -> None:
    cells = rate_file({market: {"marketing": "0.01"} for market in MARKETS})

    assert {market for market, _ in rates_of(read(as_csv(cells)))} == set(MARKETS)
