"""Markets: from a recipient's number, or the country of a user id, to where the network prices it.

`data/markets.csv` says which prefixes and countries belong to a market from a date to a date. A
number belongs to the longest prefix that it begins with; the store keeps that prefix and the
country, and the market follows from them and the date whenever usage is asked for, so that a
corrected file can be rated again. Source: the network's price list, see data/README.md.
"""

import csv
from datetime import date
from functools import cache

import polars as pl

from metering.account import FIRST_DAY, LAST_DAY
from metering.facts import data_path

ANY = "*"  # the prefix of a number that no listed prefix begins
OTHER = "Other"  # the market of such a number, and of a country that is not listed
HEAD_LENGTH = 4
MARKET = pl.Schema(
    {
        "prefix": pl.String(),  # calling code and area prefix, or ANY
        "country": pl.String(),
        "market": pl.String(),
        "valid_from": pl.Date(),
        "valid_to": pl.Date(),  # exclusive
    }
)


@cache
def markets() -> pl.DataFrame:
    """Read the shipped markets, schema `MARKET`."""
    with data_path("markets.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            (
                row["calling_code"] + row["area_prefix"],
                row["country"] or None,
                row["market"],
                date.fromisoformat(row["valid_from"]) if row["valid_from"] else FIRST_DAY,
                date.fromisoformat(row["valid_to"]) if row["valid_to"] else LAST_DAY,
            )
            for row in csv.DictReader(file)
        ]
    return pl.DataFrame(rows, MARKET, orient="row")


def change_dates() -> list[date]:
    """The days from which a prefix or country belongs to another market."""
    return sorted(set(markets()["valid_from"].to_list()) - {FIRST_DAY})


@cache
def heads() -> pl.DataFrame:
    """Every beginning of a number that decides its prefix; `sql/macros.sql` cuts it from a number.

    Most prefixes are decided by the first `HEAD_LENGTH` digits. Where a longer prefix begins with
    these, `deep` heads of `deep_length()` digits decide.

    Returns:
        head, prefix, country; a head that no prefix begins is absent.
    """
    prefixes = (
        markets().filter(pl.col("prefix") != ANY).unique("prefix").select("prefix", "country")
    )
    short = pl.DataFrame({"head": [f"{n:0{HEAD_LENGTH}}" for n in range(10**HEAD_LENGTH)]})
    more = deep_length() - HEAD_LENGTH
    tails = pl.DataFrame({"tail": [f"{n:0{more}}" for n in range(10**more)] if more else [""]})
    deep = pl.DataFrame({"head": deep_heads()}, {"head": pl.String}).join(tails, how="cross")
    every_head = pl.concat(
        [
            short.filter(~pl.col("head").is_in(deep_heads())),
            deep.select(pl.col("head") + pl.col("tail")),
        ]
    )
    found = [
        every_head.with_columns(prefix=pl.col("head").str.head(size)).join(prefixes, on="prefix")
        for size in sorted(set(prefixes["prefix"].str.len_chars()))
    ]
    return pl.concat(found).unique("head", keep="last", maintain_order=True).sort("head")


@cache
def deep_heads() -> list[str]:
    """The first `HEAD_LENGTH` digits of the prefixes that are longer than that."""
    prefixes = markets()["prefix"]
    longer = prefixes.filter(prefixes.str.len_chars() > HEAD_LENGTH)
    return sorted(set(longer.str.head(HEAD_LENGTH)))


@cache
def deep_length() -> int:
    """How many digits decide where the first `HEAD_LENGTH` do not."""
    longest = max(map(len, markets()["prefix"]))
    assert longest <= 7, "a number has at least 7 digits, and the table of heads must stay small"
    return max(longest, HEAD_LENGTH)


@cache
def places() -> pl.DataFrame:
    """The market of each prefix, and of each country for recipients without a number, by date.

    Returns:
        place (a prefix or a country), is_prefix, market, valid_from, valid_to (exclusive).
    """
    columns = ("place", "is_prefix", "market", "valid_from", "valid_to")
    by_prefix = markets().with_columns(place="prefix", is_prefix=pl.lit(value=True)).select(columns)
    by_country = (
        markets()
        .filter(pl.col("country").is_not_null())
        # A country of several prefixes is in the market of its shortest: its own calling code.
        .sort(pl.col("prefix").str.len_chars(), "prefix")
        .unique(["country", "valid_from"], keep="first", maintain_order=True)
        .with_columns(place="country", is_prefix=pl.lit(value=False))
        .select(columns)
    )
    return pl.concat([by_prefix, by_country]).sort(columns)
