"""Taxes: which row of `taxes.csv` holds for a line, and what is due on the sum of each rate.

No rate ships with Tollbook: every country's rule is a row that a book writes itself. The tax point
of an invoice is the last day of its month, the end of the supply: the row in force on that day is
taken, with the country and the VAT id that the account has then.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, get_args

import polars as pl
from pydantic import AfterValidator, Field, model_validator

from metering.account import FIRST_DAY, LAST_DAY, Account, Id
from metering.door import Exact, Row
from metering.errors import Problem
from metering.settings import Country
from pricing.effective import check_days, overlapping
from pricing.money import EXACT, UNIT_PRICE, to_major, to_minor

STANDARD = "standard"  # the tax category of what says nothing else
Treatment = Literal["standard", "reduced", "zero", "reverse_charge", "exempt", "outside_scope"]
TREATMENTS: tuple[Treatment, ...] = get_args(Treatment)  # in the order of an invoice
TREATMENT_WORDS: dict[str, str] = {
    **{name: name.replace("_", " ") for name in TREATMENTS},
    "standard": "",
}
WITH_RATE = ("standard", "reduced")
WITH_REASON = ("reverse_charge", "exempt", "outside_scope")  # an invoice must say why no tax is due
# What a row may name, the most specific first: the first of these with a row in force decides.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("account_id", "tax_category"),
    ("account_id",),
    ("country", "tax_category"),
    ("country",),
    ("tax_category",),
    (),
)

# One row for each treatment, name and rate on an invoice.
TAX = pl.Schema(
    {
        "invoice_id": pl.String(),
        "position": pl.Int64(),
        "treatment": pl.String(),
        "name": pl.String(),
        "rate_ratio": UNIT_PRICE,
        "taxable_minor": pl.Int64(),
        "tax_minor": pl.Int64(),
        "legal_note": pl.String(),
    }
)
# Who is invoiced, as a tax asks for it: one row for each account and tax point.
BUYER = pl.Schema(
    {
        "account_id": pl.String(),
        "tax_date": pl.Date(),
        "country": pl.String(),
        "has_vat_id": pl.Boolean(),
    }
)
# The rule that holds for a line; null where none does, or the book has no taxes.
LINE_TAX = pl.Schema(
    {
        "line_id": pl.String(),
        "tax_treatment": pl.String(),
        "tax_name": pl.String(),
        "tax_rate_ratio": UNIT_PRICE,
    }
)
# The tax that a line was invoiced with, where that of its month is another by now; else null.
AS_INVOICED = pl.Schema(
    {
        "invoiced_treatment": pl.String(),
        "invoiced_name": pl.String(),
        "invoiced_rate_ratio": UNIT_PRICE,
        "invoiced_legal_note": pl.String(),
    }
)
RULE = pl.Schema(
    {
        "account_id": pl.String(),
        "country": pl.String(),
        "tax_category": pl.String(),
        "treatment": pl.String(),
        "name": pl.String(),
        "rate_ratio": UNIT_PRICE,
        "legal_note": pl.String(),
    }
)


def _ratio(value: Decimal) -> Decimal:
    if not 0 <= value <= 1:
        raise ValueError("is no ratio from 0 to 1 | write 0.19 for 19 percent")
    return value


def _plain_word(word: str) -> str:
    if re.fullmatch("[a-z][a-z0-9_-]{0,49}", word) is None:
        raise ValueError("is no plain word | small letters, digits, - and _, like: reduced")
    return word


Ratio = Annotated[Exact, Field(decimal_places=6), AfterValidator(_ratio)]
TaxCategory = Annotated[str, AfterValidator(_plain_word)]


class Tax(Row):
    """A row of `taxes.csv`: how something is taxed from a day on; an empty key holds for any."""

    account_id: Id | None = None
    country: Country | None = None  # of the buyer
    tax_category: TaxCategory | None = None
    treatment: Treatment
    rate_ratio: Ratio = Decimal(0)
    name: Annotated[str, Field(max_length=50)] = ""
    legal_note: Annotated[str, Field(max_length=500)] = ""
    effective_from: date = FIRST_DAY
    effective_to: date = LAST_DAY

    @model_validator(mode="after")
    def _agree_with_itself(self) -> "Tax":
        check_days(self)
        if self.account_id is not None and self.country is not None:
            raise ValueError(
                "a row names an account or a country | leave one of them empty: what an account"
                " has of its own holds wherever it is"
            )
        if (self.treatment in WITH_RATE) != (self.rate_ratio > 0):
            has = "no rate_ratio" if self.treatment in WITH_RATE else "a rate_ratio"
            raise ValueError(
                f"treatment '{self.treatment}' with {has} | write a rate_ratio like 0.18 for"
                f" {' and '.join(WITH_RATE)}, and none for the others"
            )
        if self.treatment in WITH_RATE and not self.name:
            raise ValueError(f"a {self.treatment} tax without a name | write VAT or GST, for one")
        if self.treatment in WITH_REASON and not self.legal_note:
            raise ValueError(
                f"treatment '{self.treatment}' without a legal_note | write the reason that the"
                " invoice prints, like: Reverse charge, Article 196 of Directive 2006/112/EC"
            )
        return self

    def key(self) -> tuple[str, str, str]:
        """What the row is for: two rows of one key must not hold on one day."""
        return self.account_id or "", self.country or "", self.tax_category or ""


@dataclass(frozen=True)
class Taxed:
    """The taxes of a month, and the accounts whose invoices they block."""

    taxes: pl.DataFrame | None  # schema TAX; None where the book has no taxes.csv
    lines: pl.DataFrame  # schema LINE_TAX
    blocked: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)


def tax_lines(lines: pl.DataFrame, buyers: pl.DataFrame, taxes: Sequence[Tax] | None) -> Taxed:
    """Tax the lines of a month: once on the sum of each treatment, name and rate of an invoice.

    Args:
        lines: With `line_id`, `invoice_id`, `account_id` of who pays, `tax_date`, the tax point,
            `tax_category`, `amount_minor`, `currency` and maybe `AS_INVOICED`, which goes before
            any rule; negative lines lower the sum of their rate, and a negative sum has a negative
            tax.
        buyers: Schema `BUYER`: who pays, as it is at each tax point.
        taxes: The rows of the book; None where it has no `taxes.csv`, and invoices are net.
    """
    if taxes is None:
        ids = lines.select("line_id")
        return Taxed(None, pl.concat([ids, LINE_TAX.to_frame()], how="diagonal"))
    given = [pl.lit(None, kind).alias(n) for n, kind in AS_INVOICED.items() if n not in lines]
    joined = lines.with_columns(given).join(
        buyers, on=["account_id", "tax_date"], maintain_order="left"
    )
    parts = joined.partition_by("tax_date", maintain_order=True) or [joined]
    ruled = pl.concat([_rule(part, taxes, part["tax_date"].first()) for part in parts])
    ruled = _as_invoiced(ruled)
    renamed = {name: f"tax_{name}" for name in ("treatment", "name", "rate_ratio")}
    named = ruled.select("line_id", *renamed).rename(renamed)
    return Taxed(_sum_up(ruled.filter(~pl.col("is_unknown"))), named, _blocked(ruled))


def buyers_of(accounts: Iterable[tuple[Account, date]]) -> pl.DataFrame:
    """Write what a tax asks of accounts at their tax points: schema `BUYER`."""
    rows = [
        (account.account_id, day, account.country, bool(account.vat_id))
        for account, day in accounts
    ]
    return pl.DataFrame(rows, BUYER, orient="row")


def check_taxes(taxes: Sequence[Tax], known: Set[str]) -> Iterator[Problem]:
    """Yield rows of accounts that are not there, and rows that hold for the same on one day."""
    for tax in taxes:
        if tax.account_id is not None and tax.account_id not in known:
            yield Problem(
                f"taxes.csv:{tax.line} account_id",
                f"account '{tax.account_id}' is not in accounts.csv",
                "add the account, or correct the id",
            )
    for one, other in overlapping(taxes, Tax.key):
        named = ", ".join(f"'{name}'" for name in other.key() if name) or "any buyer"
        yield Problem(
            f"taxes.csv:{other.line} effective_from",
            f"two rows hold for {named} on {other.effective_from} (also in line {one.line})",
            f"end line {one.line} with effective_to {other.effective_from}, or remove one of them",
        )


def _rule(cells: pl.DataFrame, taxes: Sequence[Tax], day: object) -> pl.DataFrame:
    """Add the columns of the rule that holds for each line; `is_unknown` where there is none."""
    in_force = [
        tax
        for tax in taxes
        if isinstance(day, date) and tax.effective_from <= day < tax.effective_to
    ]
    rows = [[getattr(tax, name) for name in RULE] for tax in in_force]
    rules = pl.DataFrame(rows, RULE, orient="row").with_row_index("rule")
    found = cells
    for number, level in enumerate(LEVELS):
        found = _look_up(found, rules, level, f"rule_{number}")
    chosen = pl.coalesce(f"rule_{number}" for number in range(len(LEVELS)))
    ruled = found.with_columns(rule=chosen, is_unknown=chosen.is_null())
    said = rules.select("rule", "treatment", "name", "rate_ratio", "legal_note")
    return ruled.join(said, on="rule", how="left", maintain_order="left")


def _as_invoiced(ruled: pl.DataFrame) -> pl.DataFrame:
    """Let the tax that a line was invoiced with go before the rule that holds by now."""
    is_invoiced = pl.col("invoiced_treatment").is_not_null()
    said = {
        name: pl.when(is_invoiced).then(f"invoiced_{name}").otherwise(name)
        for name in ("treatment", "name", "rate_ratio", "legal_note")
    }
    return ruled.with_columns(
        **said,
        is_unknown=pl.col("is_unknown") & ~is_invoiced,
        has_vat_id=pl.col("has_vat_id") | is_invoiced,
    )


def _look_up(
    cells: pl.DataFrame, rules: pl.DataFrame, level: tuple[str, ...], name: str
) -> pl.DataFrame:
    """Add the number of the rule that names just the keys of `level`, null where none does."""
    named = pl.all_horizontal(
        pl.col(key).is_not_null() == pl.lit(key in level)
        for key in ("account_id", "country", "tax_category")
    )
    at_level = rules.filter(named).select(*level, pl.col("rule").alias(name))
    if level:
        return cells.join(at_level, on=level, how="left", maintain_order="left")
    return cells.with_columns(pl.lit(at_level[name].first(), pl.UInt32).alias(name))


def _sum_up(ruled: pl.DataFrame) -> pl.DataFrame:
    """Add up the lines of each treatment, name and rate and tax the sum: schema `TAX`."""
    exact = to_major(pl.col("taxable_minor"), pl.col("currency")) * pl.col("rate_ratio").cast(EXACT)
    notes = pl.col("legal_note").filter(pl.col("legal_note") != "").unique(maintain_order=True)
    return (
        ruled.group_by("invoice_id", "currency", "treatment", "name", "rate_ratio")
        .agg(taxable_minor=pl.col("amount_minor").sum(), legal_note=notes.str.join(" "))
        .with_columns(
            tax_minor=to_minor(exact, pl.col("currency")),
            order=pl.col("treatment").cast(pl.Enum(TREATMENTS)),
            legal_note=pl.when(pl.col("legal_note") != "").then("legal_note"),
        )
        .sort("invoice_id", "order", -pl.col("rate_ratio"), "name")
        .with_columns(position=pl.int_range(pl.len(), dtype=pl.Int64).over("invoice_id"))
        .select(TAX.names())
    )


def _blocked(ruled: pl.DataFrame) -> dict[str, list[dict[str, str]]]:
    """Say which invoices cannot be issued since a tax is unknown or a VAT id is missing."""
    country = pl.col("country").fill_null("unknown")
    unknown = pl.format(
        "lines whose tax is unknown: no row of taxes.csv holds for country {}, tax category {}"
        " on {}",
        country,
        "tax_category",
        "tax_date",
    )
    no_vat_id = pl.lit(
        "lines of reverse charge, and accounts.csv has no vat_id of the account: fill it in, or"
        " give the account a row of its own in taxes.csv"
    )
    is_charged_back = pl.col("treatment") == "reverse_charge"
    found = pl.concat(
        [
            ruled.filter("is_unknown").with_columns(reason=pl.lit("tax_unknown"), what=unknown),
            ruled.filter(is_charged_back & ~pl.col("has_vat_id")).with_columns(
                reason=pl.lit("vat_id_missing"), what=no_vat_id
            ),
        ]
    )
    blocked: dict[str, list[dict[str, str]]] = {}
    counts = found.group_by("account_id", "reason", "what").len()
    for account_id, reason, what, count in counts.sort(pl.all()).iter_rows():
        listed = blocked.setdefault(account_id, [])
        listed.append({"reason": reason, "quantity": str(count), "what": what})
    return blocked
