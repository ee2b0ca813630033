"""Corrections: what changed of a month since it was invoiced, as lines of a later document.

A month that was invoiced is rated again with what is known now, and what was invoiced for it is
taken off, line by line and cell by cell. What is invoiced is never edited. Rated again without
anything new, nothing is left. What was invoiced with another tax than holds now is taken off as
it was taxed, and stands there anew: so a change of the tax alone is a correction, too.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from metering.event import QUANTITY
from metering.period import Month
from pricing.catalog import Catalog
from pricing.charge import DETAIL
from pricing.invoice import LINE, in_plan
from pricing.line import CHARGED, ROUNDING
from pricing.money import EXACT, UNIT_PRICE, to_major, to_minor
from pricing.outcome import Blocked
from pricing.tax import AS_INVOICED
from pricing.tax_point import tax

# What a line of a document says beside what was charged; `taxed_as` is empty for the tax that holds
# now, and names any other.
OF_PERIOD = {"period": pl.String(), "is_correction": pl.Boolean(), "taxed_as": pl.String()}
CORRECTED = pl.Schema({**CHARGED, **OF_PERIOD, "payer_id": pl.String(), **AS_INVOICED})
CORRECTED_DETAIL = pl.Schema({**DETAIL, **OF_PERIOD})
INVOICED_LINE = pl.Schema({**LINE, "tax_note": pl.String()})
NAME = ("account_id", "period", "plan", "kind", "charge", "currency")
KEY = (*NAME, "taxed_as")
SUMS = ("quantity", "priced_quantity", "amount")
CELL = tuple(name for name in DETAIL if name not in (*SUMS, "position", "tax_category"))
# A document that was issued.
ISSUED = pl.Schema(
    {
        "invoice_id": pl.String(),
        "account_id": pl.String(),  # who pays
        "number": pl.String(),
        "issue_date": pl.Date(),
    }
)


@dataclass(frozen=True)
class Corrections:
    """The lines of corrections, and what goes with them."""

    lines: pl.DataFrame = field(default_factory=CORRECTED.to_frame)
    details: pl.DataFrame = field(default_factory=CORRECTED_DETAIL.to_frame)
    blocked: Blocked = field(default_factory=dict)  # by who pays
    # What a document corrects, by who pays and currency.
    numbers: Mapping[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    untaxed: Mapping[str, Set[str]] = field(default_factory=dict)  # by month: see `_untaxed`

    def payers(self) -> set[str]:
        """Name who gets a document for them."""
        return {*self.lines["payer_id"], *self.blocked}


@dataclass(frozen=True)
class Invoiced:
    """What documents say of earlier months."""

    lines: pl.DataFrame  # schema INVOICED_LINE: what counts as invoiced, on whatever document
    details: pl.DataFrame  # schema LINE_DETAIL, of these lines
    closed: Mapping[Month, Set[str]]  # who has a document of a month that no run replaces
    issued: pl.DataFrame  # schema ISSUED


@dataclass(frozen=True)
class Again:
    """A month that was invoiced, rated again."""

    lines: pl.DataFrame  # schema CHARGED
    details: pl.DataFrame  # schema DETAIL
    blocked: Blocked
    payers: Mapping[str, str]  # of that month


def correct(again: Mapping[Month, Again], invoiced: Invoiced, catalog: Catalog) -> Corrections:
    """Take what was invoiced off what is known now.

    A correction goes to who pays for the month that it is for, in the currency of that month.

    Args:
        again: The months that may have changed.
        invoiced: What was invoiced of them.
        catalog: The catalog of the book.
    """
    lines, details, untaxed = [CORRECTED.to_frame()], [CORRECTED_DETAIL.to_frame()], {}
    for month, found in again.items():
        is_closed = _is_closed(month, invoiced, found.payers)
        then = _lines_as_rated(month, found.lines, invoiced, found.payers, catalog)
        changed = _difference_of_lines(_now(month, found.lines, found.payers, is_closed), then)
        now = found.details.filter(is_closed).with_columns(**_of(month))
        of_lines = _details_as_rated(invoiced, then)
        cells = _difference_of_details(now, of_lines, changed)
        rounding = _rounding(changed, month)
        details += [cells, rounding]
        lines.append(_with_rounding(changed, rounding))
        if not_taxed := _untaxed(then, catalog):
            untaxed[str(month)] = not_taxed
    all_lines = pl.concat(lines)
    return Corrections(
        lines=all_lines,
        details=pl.concat(details),
        blocked=_blocked(again, invoiced),
        numbers=_numbers(all_lines, invoiced),
        untaxed=untaxed,
    )


def changed_lines(
    month: Month,
    lines: pl.DataFrame,
    invoiced: Invoiced,
    payers: Mapping[str, str],
    catalog: Catalog,
) -> pl.DataFrame:
    """Find how the lines of accounts whose month is closed differ: schema `CORRECTED`.

    Args:
        month: The month that was invoiced.
        lines: Schema `CHARGED`: its lines, as they are rated now.
        invoiced: What was invoiced of it.
        payers: Who pays in it.
        catalog: The catalog of the book.
    """
    now = _now(month, lines, payers, _is_closed(month, invoiced, payers))
    return _difference_of_lines(now, _lines_as_rated(month, lines, invoiced, payers, catalog))


def _of(month: Month) -> dict[str, pl.Expr]:
    return {
        "period": pl.lit(str(month)),
        "is_correction": pl.lit(value=True),
        "taxed_as": pl.lit(""),
    }


def _now(
    month: Month, lines: pl.DataFrame, payers: Mapping[str, str], is_closed: pl.Expr
) -> pl.DataFrame:
    """Write lines that were rated now: schema `CORRECTED`."""
    payer_id = pl.col("account_id").replace(dict(payers))
    nothing = {name: pl.lit(None, kind) for name, kind in AS_INVOICED.items()}
    found = lines.filter(is_closed).with_columns(**_of(month), payer_id=payer_id, **nothing)
    return found.select(CORRECTED.names())


def _is_closed(month: Month, invoiced: Invoiced, payers: Mapping[str, str]) -> pl.Expr:
    """Whether an account has a document of the month: the others still get a draft of it."""
    payer_id = pl.col("account_id").replace(dict(payers))
    return payer_id.is_in([*invoiced.closed.get(month, ())])


def _lines_as_rated(
    month: Month,
    now: pl.DataFrame,
    invoiced: Invoiced,
    payers: Mapping[str, str],
    catalog: Catalog,
) -> pl.DataFrame:
    """Write what was invoiced of a month as what a rating gives, and what its tax was.

    Schema `CORRECTED`, the `line_id`, and `tax_treatment`, which is null for what was not taxed.
    """
    named = {"charge": in_plan(), "payer_id": pl.col("account_id").replace(dict(payers))}
    nothing = {name: pl.lit(None, kind) for name, kind in AS_INVOICED.items()}
    then = (
        invoiced.lines.filter(pl.col("period") == str(month), _is_closed(month, invoiced, payers))
        .rename({"tax_note": "tax_legal_note"})
        .with_columns(**named, **nothing, note=pl.lit(None, pl.String))
        .with_columns(**_of(month))
    )
    # Taxed as its charge would be now; one that is gone, as it says itself.
    of_charge = [name for name in NAME if name != "period"]
    categories = now.select(*of_charge, now_category="tax_category")
    charged = then.join(
        categories.unique(of_charge, keep="first", maintain_order=True),
        on=of_charge,
        how="left",
        maintain_order="left",
    ).with_columns(tax_category=pl.coalesce("now_category", "tax_category"))
    rules = tax(charged, catalog).lines.select(
        "line_id", rule_treatment="tax_treatment", rule_rate_ratio="tax_rate_ratio"
    )
    ruled = charged.join(rules, on="line_id", how="left", maintain_order="left")
    is_same = pl.all_horizontal(
        pl.col(f"tax_{name}").eq_missing(pl.col(f"rule_{name}"))
        for name in ("treatment", "rate_ratio")
    )
    is_taxed = pl.lit(catalog.taxes is not None) & pl.col("tax_treatment").is_not_null()
    is_other = is_taxed & ~is_same & (pl.col("amount_minor") != 0)
    named_as = pl.format("{} {}", "tax_treatment", "tax_rate_ratio")
    own = {name: name.replace("invoiced", "tax") for name in AS_INVOICED}
    return ruled.with_columns(
        *(pl.when(is_other).then(told).alias(name) for name, told in own.items()),
        taxed_as=pl.when(is_other).then(named_as).otherwise(pl.lit("")),
    ).select(*CORRECTED, "line_id", "tax_rate_ratio", "rule_rate_ratio", "tax_treatment")


def _untaxed(then: pl.DataFrame, catalog: Catalog) -> set[str]:
    """Name who was invoiced for a month without a tax that holds by now, or with one where the
    book has none any more: no document can say both, so that this tax is not corrected.
    """
    was_taxed = pl.col("tax_treatment").is_not_null()
    gone = was_taxed & (pl.col("tax_rate_ratio") > 0) & pl.lit(catalog.taxes is None)
    come = ~was_taxed & (pl.col("rule_rate_ratio") > 0)
    sums = then.filter(gone | come).group_by("payer_id", *NAME).agg(pl.col("amount_minor").sum())
    return {*sums.filter(pl.col("amount_minor") != 0)["payer_id"]}


def _details_as_rated(invoiced: Invoiced, then: pl.DataFrame) -> pl.DataFrame:
    """Write details of documents as what a rating gives: schema `CORRECTED_DETAIL`."""
    own = (*KEY, "line_id", "tax_category", "is_correction")
    details = invoiced.details.join(then.select(own), on="line_id", maintain_order="left")
    return details.select(CORRECTED_DETAIL.names())


def _difference_of_lines(now: pl.DataFrame, then: pl.DataFrame) -> pl.DataFrame:
    signed = ("quantity", "amount_exact", "amount_minor")
    taken_off = then.with_columns(-pl.col(name) for name in signed)
    both = pl.concat([now.select(CORRECTED.names()), taken_off.select(CORRECTED.names())])
    return (
        both.group_by(*KEY, "is_correction", maintain_order=True)
        .agg(
            *(pl.col(name).sum() for name in signed),
            position=pl.col("position").min(),
            **{n: pl.col(n).first() for n in ("tax_category", "payer_id", *AS_INVOICED)},
        )
        .filter((pl.col("quantity") != 0) | (pl.col("amount_minor") != 0))
        .with_columns(note=pl.lit(None, pl.String))
        .select(pl.col(name).cast(kind) for name, kind in CORRECTED.items())
        .sort(KEY)
    )


def _difference_of_details(
    now: pl.DataFrame, then: pl.DataFrame, lines: pl.DataFrame
) -> pl.DataFrame:
    """Add up each cell of the lines that changed, those of then with the sign turned."""
    taken_off = then.with_columns(-pl.col(name) for name in SUMS)
    both = pl.concat([now.select(CORRECTED_DETAIL.names()), taken_off])
    cell = [*CELL, *OF_PERIOD]
    return (
        both.join(lines, on=KEY, how="semi", maintain_order="left")
        .group_by(cell, maintain_order=True)
        .agg(
            *(pl.col(name).sum() for name in SUMS),
            position=pl.col("position").first(),
            tax_category=pl.col("tax_category").first(),
        )
        .filter(pl.any_horizontal(pl.col(name) != 0 for name in SUMS))
        .with_columns(amount=pl.when(pl.col("unit_price").is_not_null()).then("amount"))
        .select(pl.col(name).cast(kind) for name, kind in CORRECTED_DETAIL.items())
        .sort(KEY)
    )


def _rounding(lines: pl.DataFrame, month: Month) -> pl.DataFrame:
    """Write what rounding did to a line as a cell of its own: schema `CORRECTED_DETAIL`.

    The amount of a correction is the difference of two rounded amounts, which may be another than
    that of its exact cells, rounded. Then this cell is between them, so that they add up to it.
    """
    off = to_major(pl.col("amount_minor"), pl.col("currency")) - pl.col("amount_exact")
    is_off = to_minor(pl.col("amount_exact"), pl.col("currency")) != pl.col("amount_minor")
    # A price is never negative and has twelve decimals, a quantity six: the product has all.
    has_price = off.abs() == off.abs().cast(UNIT_PRICE).cast(EXACT)
    part = pl.when(has_price).then(pl.lit(Decimal(1))).otherwise(pl.lit(Decimal("0.000001")))
    price = pl.when(has_price).then(off.abs()).otherwise(off.abs() * Decimal(1_000_000))
    empty = ("component", "meter", "market", "category", "pricing_type", "evidence", "tier")
    return (
        lines.filter(is_off)
        .with_columns(
            *(pl.lit(None, DETAIL[name]).alias(name) for name in (*empty, "sender_id")),
            version_from=pl.lit(month.first_day),
            rate_date=pl.lit(month.first_day),
            status=pl.lit("billed"),
            reason=pl.lit(None, pl.String),
            quantity=pl.lit(0, QUANTITY),
            priced_quantity=pl.when(off < 0).then(-part).otherwise(part),
            unit_price=price,
            amount=off,
            note=pl.lit(ROUNDING),
        )
        .select(pl.col(name).cast(kind) for name, kind in CORRECTED_DETAIL.items())
    )


def _with_rounding(lines: pl.DataFrame, rounding: pl.DataFrame) -> pl.DataFrame:
    """Add to the exact amount of a line what `_rounding` says of it."""
    added = rounding.select(*KEY, added="amount")
    amount_exact = pl.col("amount_exact") + pl.col("added").fill_null(0)
    return (
        lines.join(added, on=KEY, how="left", maintain_order="left")
        .with_columns(amount_exact=amount_exact.cast(EXACT))
        .select(CORRECTED.names())
    )


def _blocked(again: Mapping[Month, Again], invoiced: Invoiced) -> Blocked:
    """What keeps back a document with corrections: what is unknown of the month by now."""
    blocked: dict[str, list[dict[str, str]]] = {}
    for month, found in again.items():
        closed = invoiced.closed.get(month, ())
        for account_id, reasons in found.blocked.items():
            payer_id = found.payers.get(account_id, account_id)
            if payer_id in closed:
                whose = "" if payer_id == account_id else f"{account_id}: "
                said = [
                    {**reason, "what": f"{whose}{month}: {reason['what']}"} for reason in reasons
                ]
                blocked.setdefault(payer_id, []).extend(said)
    return blocked


def _numbers(
    changed: pl.DataFrame, invoiced: Invoiced
) -> dict[tuple[str, str], list[dict[str, str]]]:
    """Name the issued documents that lines correct, by who pays and currency.

    They are those that have lines of the account and month, and those of who pays that have any
    of the month. One that another paid says who did.
    """
    of_documents = (
        invoiced.lines.select("invoice_id", "period", "currency", line_account_id="account_id")
        .join(invoiced.issued.rename({"account_id": "paid_by"}), on="invoice_id")
        .unique()
    )
    of_lines = changed.select("account_id", "payer_id", "period", "currency").unique()
    found = pl.concat(
        [
            of_lines.join(
                of_documents,
                left_on=["account_id", "period", "currency"],
                right_on=["line_account_id", "period", "currency"],
            ).select("payer_id", "currency", "paid_by", "number", "issue_date"),
            of_lines.join(
                of_documents,
                left_on=["payer_id", "period", "currency"],
                right_on=["paid_by", "period", "currency"],
            ).select("payer_id", "currency", "number", "issue_date", paid_by="payer_id"),
        ],
        how="diagonal",
    )
    numbers: dict[tuple[str, str], list[dict[str, str]]] = {}
    ordered = found.unique().sort("payer_id", "currency", "issue_date", "number")
    for row in ordered.iter_rows(named=True):
        said = {"number": row["number"], "issue_date": row["issue_date"].isoformat()}
        if row["paid_by"] != row["payer_id"]:
            said["account_id"] = row["paid_by"]
        numbers.setdefault((row["payer_id"], row["currency"]), []).append(said)
    return numbers
