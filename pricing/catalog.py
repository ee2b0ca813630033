"""The catalog: everything of a book that a bill depends on beside usage, read and checked at once.

Plans and cards of the book stand beside those that ship with Tollbook; a plan of the book takes the
place of a shipped one of the same name, a card from its first day on.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from metering.account import Account, Accounts, read_accounts
from metering.door import Row, read_rows, read_toml
from metering.errors import BookError, Problem
from metering.facts import data_path
from metering.market import markets
from metering.meter import Meter, meter_paths, read_meters
from metering.period import Month
from metering.settings import SETTINGS, Book, Seller, Settings
from pricing.cards.checks import (
    card_charges,
    card_gaps,
    currencies_in_use,
    unknown_cards,
    unknown_costs,
    unknown_currencies,
    unpriced_currencies,
    wrong_currencies,
)
from pricing.cards.family import read_cards
from pricing.checks import check_charges
from pricing.coupon import (
    COUPONS,
    REDEMPTIONS,
    Coupon,
    Redemption,
    check_redemptions,
    read_coupons,
)
from pricing.credit import Credit, check_credits, unknown_owners
from pricing.extension import extend_plans
from pricing.fx import FX_FILE, read_fx
from pricing.plan import Plan, check_dates, check_plan
from pricing.price import NetworkCost
from pricing.rate_card import read_categories
from pricing.reach import gaps_in_use, uncovered_cells, unknown_words, unreachable_cells
from pricing.subscription import (
    Holding,
    Subscription,
    check_holdings,
    check_subscriptions,
    trial_end,
)
from pricing.tax import Tax, check_taxes

BOOK_FILES = (
    *(SETTINGS, "accounts.csv", "senders.csv", "subscriptions.csv", "add_ons.csv"),
    *("taxes.csv", "credits.csv", FX_FILE, COUPONS, REDEMPTIONS),
)
SHIPPED_FILES = (
    *("markets.csv", "card_categories.csv"),
    *("pricing_types.csv", "window_lengths.csv"),
)
GAPS = "GAPS.csv"  # lists what the shipped cards lack; it is no card


# In place of settings that cannot be read, so that the other files are checked all the same.
STAND_IN = Settings(seller=Seller(name="?", country="DE", time_zone="UTC", currency="USD"))


@dataclass(frozen=True)
class Catalog:
    """What the files of a book say, checked."""

    settings: Settings
    accounts: Accounts
    meters: Mapping[str, Meter]
    plans: Mapping[str, Plan]
    rates: pl.DataFrame  # schema RATES
    categories: pl.DataFrame  # schema CARD_CATEGORIES
    fx: pl.DataFrame  # schema FX_RATES
    coupons: Mapping[str, Coupon]
    redemptions: tuple[Redemption, ...]
    subscriptions: tuple[Subscription, ...]
    holdings: tuple[Holding, ...]
    taxes: tuple[Tax, ...] | None  # None where the book has no taxes.csv: invoices are net
    credits: tuple[Credit, ...]
    files: Mapping[str, bytes]  # the content of each file that the rest was read from

    @property
    def hash(self) -> str:
        """One sha256 for the content of all files."""
        return _hash_of(self.files)

    def facts(self, month: Month) -> dict[str, Account]:
        """The facts of each account that a bill of `month` goes by.

        They are those of the month's first day, or of an account's first day if that is later.
        """
        first_rows = {a.account_id: a for a in reversed(self.accounts.accounts)}
        return {**first_rows, **self.accounts.as_of(month.first_day)}

    def first_days(self) -> dict[str, date]:
        """The first day of each account in `accounts.csv`."""
        return {a.account_id: a.effective_from for a in reversed(self.accounts.accounts)}

    def changes(self, month: Month) -> list[date]:
        """The days inside `month` on which a plan, a subscription or a rate begins or ends."""
        plans = [self.plans[name] for name in sorted({s.plan for s in self.subscriptions})]
        cards = {price.card for _, _, price in card_charges(plans)}
        passes_cost = any(
            isinstance(charge.price, NetworkCost)
            for plan in plans
            for version in plan.version
            for charge in version.charge
        )
        if passes_cost and self.settings.cost is not None:
            cards |= {p.card for _, _, p in card_charges([self.plans[self.settings.cost.plan]])}
        rates = self.rates.filter(pl.col("card").is_in(cards))
        days = {
            *(version.effective_from for plan in plans for version in plan.version),
            *(day for subscription in self.subscriptions for day in subscription.days()),
            *(day for s in self.subscriptions if (day := trial_end(s, self.plans)) is not None),
            *(self.fx["fx_from"] if cards else ()),
            *rates["card_from"],
            *rates["card_to"],
            *(self.categories["valid_from"] if cards else ()),
        }
        return sorted(day for day in days if month.first_day < day <= month.last_day)


def load_catalog(book: Book) -> Catalog:
    """Read the catalog of a book; raises `BookError` with every mistake in it."""
    catalog, problems, _ = read_catalog(book)
    if problems:
        raise BookError(problems)
    return catalog


def check_book(book: Book) -> tuple[list[Problem], list[Problem]]:
    """Find every mistake in the files of a book, and what is no mistake but may surprise."""
    _, problems, warnings = read_catalog(book)
    return problems, warnings


def read_catalog(book: Book) -> tuple[Catalog, list[Problem], list[Problem]]:
    """Read the catalog of a book with all problems and all warnings, each sorted by place."""
    settings, problems = book.read_settings()
    has_settings = settings is not None
    settings = settings or STAND_IN
    accounts, account_problems = read_accounts(book, settings)
    problems += account_problems
    meters, meter_problems, warnings = read_meters(book)
    plans, own_plans, refused, plan_problems, plan_warnings = _read_plans(book, meters)
    shipped_cards, own_cards = card_paths(book)
    rates, card_problems, card_warnings = read_cards(shipped_cards, own_cards)
    categories, category_problems = read_categories(data_path("card_categories.csv"))
    subscriptions, subscription_problems = read_rows(book.root / "subscriptions.csv", Subscription)
    fx, fx_problems = read_fx(book.root / FX_FILE)
    coupons, redemptions, coupon_problems = read_coupons(book)
    holdings, holding_problems = read_rows(book.root / "add_ons.csv", Holding)
    taxes, tax_problems = read_rows(book.root / "taxes.csv", Tax)
    credit_rows, credit_problems = read_rows(book.root / "credits.csv", Credit)
    known = set(accounts.ids())
    if account_problems:  # else an account may be missing only because its row could not be read
        known |= _named_accounts(subscriptions, holdings, credit_rows, redemptions, taxes)
    catalog = Catalog(
        settings=settings,
        accounts=accounts,
        meters=meters,
        plans=plans,
        rates=rates,
        categories=categories,
        fx=fx,
        coupons=coupons,
        redemptions=tuple(redemptions),
        subscriptions=tuple(subscriptions),
        holdings=tuple(holdings),
        taxes=tuple(taxes) if (book.root / "taxes.csv").exists() else None,
        credits=tuple(credit_rows),
        files=_contents(book),
    )
    problems += [*meter_problems, *plan_problems, *card_problems, *category_problems]
    problems += [*subscription_problems, *holding_problems, *tax_problems, *credit_problems]
    problems += [*fx_problems, *coupon_problems]
    if not coupon_problems:  # else a coupon may be missing only because it could not be read
        problems += check_redemptions(redemptions, coupons, accounts, known)
    problems += check_subscriptions(subscriptions, plans, known, refused)
    problems += check_holdings(holdings, subscriptions, plans, known, refused)
    problems += [*check_taxes(taxes, known), *unknown_owners(credit_rows, known)]
    if has_settings:  # which say what an account has that names no currency
        if settings.cost is None or settings.cost.plan not in refused:
            problems += unknown_costs(subscriptions, plans, settings.cost)
        problems += [*unknown_currencies(accounts)]
        problems += wrong_currencies(accounts, subscriptions, plans)
        problems += unpriced_currencies(accounts, subscriptions, plans, rates)
        if not credit_problems:  # else a credit may be missing only as its row cannot be read
            problems += check_credits(credit_rows, accounts)
    found, warned = _check_plans(catalog, own_plans)
    problems += found
    warnings += [*plan_warnings, *card_warnings, *warned]
    return catalog, sorted({*problems}), sorted({*warnings})


def _named_accounts(*files: Sequence[Row]) -> set[str]:
    return {name for rows in files for row in rows if (name := getattr(row, "account_id", None))}


def _check_plans(catalog: Catalog, own_plans: Set[str]) -> tuple[list[Problem], list[Problem]]:
    """Find what is wrong between the plans, the cards and who is on them.

    Shipped plans that nobody is on are left out: they are checked before they ship.
    """
    rates, cost = catalog.rates, catalog.settings.cost
    on_plans = sorted({s.plan for s in catalog.subscriptions} & catalog.plans.keys())
    looked_at = {*own_plans, *on_plans, *([] if cost is None else [cost.plan])}
    plans = {name: plan for name, plan in catalog.plans.items() if name in looked_at}
    uncovered, known_gaps = uncovered_cells(plans.values(), rates, catalog.categories)
    problems = [
        *unknown_cards(plans.values(), rates),
        *unreachable_cells(plans.values(), markets()["market"]),
        *uncovered,
    ]
    used = currencies_in_use(catalog.accounts, catalog.subscriptions, plans)
    gaps = [gap for gap in known_gaps if any(f"'{name}'" in gap.where for name in on_plans)]
    gaps += [*card_gaps(used, rates), *gaps_in_use(used, rates, catalog.categories)]
    return problems, [*gaps, *unknown_words(plans.values(), rates)]


def _plan_paths(book: Book) -> list[Path]:
    shipped = sorted(data_path("plans").glob("*.toml"))
    return [*shipped, *sorted((book.root / "plans").glob("*.toml"))]


def card_paths(book: Book) -> tuple[list[Path], list[Path]]:
    """Name the files of rate cards: those that ship, and those of the book."""
    shipped = sorted(data_path("rate_cards").rglob("*.csv"))
    own = sorted((book.root / "rate_cards").glob("*.csv"))
    cards, own_cards = ([p for p in paths if p.name != GAPS] for paths in (shipped, own))
    return cards, own_cards


def sha256(content: bytes) -> str:
    """Name some bytes by their sha256."""
    return hashlib.sha256(content).hexdigest()


def hash_of_files(book: Book) -> str:
    """The hash of the catalog of a book, which may have mistakes."""
    return _hash_of(_contents(book))


def _hash_of(files: Mapping[str, bytes]) -> str:
    digests = {name: sha256(content) for name, content in files.items()}
    return sha256("".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode())


def _contents(book: Book) -> dict[str, bytes]:
    """Read each file under a name that does not depend on where the book or the wheel lies."""
    shipped_cards, own_cards = card_paths(book)
    paths = [book.root / name for name in BOOK_FILES]
    paths += [*map(data_path, SHIPPED_FILES), *shipped_cards, *own_cards]
    paths += [*_plan_paths(book), *meter_paths(book)]
    roots = ((book.root, ""), (data_path(), "shipped/"))
    return {
        prefix + path.relative_to(root).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file()
        for root, prefix in roots
        if path.is_relative_to(root)
    }


def _read_plans(
    book: Book, meters: Mapping[str, Meter]
) -> tuple[dict[str, Plan], set[str], set[str], list[Problem], list[Problem]]:
    """Read all plans; the first set names those of the book, the second what could not be read."""
    plans: dict[str, Plan] = {}
    places: dict[str, Path] = {}
    refused: set[str] = set()
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for path in _plan_paths(book):
        plan, found = read_toml(path, Plan)
        problems += found
        if plan is None:
            refused |= _names_in(path)
            continue
        problems += check_dates(plan, path.name)
        earlier = places.get(plan.plan)
        if earlier is not None and earlier.parent == path.parent:
            what = f"the plan '{plan.plan}' is also in {earlier.name}"
            problems.append(Problem(f"{path.name} plan", what, "give one of them another name"))
        elif earlier is not None:
            what = f"takes the place of the plan '{plan.plan}' that ships with Tollbook"
            warnings.append(Problem(f"{path.name} plan", what, "rename it if you did not mean to"))
        plans[plan.plan], places[plan.plan] = plan, path
    # What a refused file meant is not known: neither is anything that stands on it judged.
    while broken := {n for n, plan in plans.items() if {n, plan.extends} & refused}:
        refused |= broken
        plans = {name: plan for name, plan in plans.items() if name not in refused}
    files = {name: path.name for name, path in places.items()}
    written, found = extend_plans(plans, files)
    problems += found
    for name, plan in written.items():
        problems += [*check_plan(plan, files[name]), *check_charges(plan, meters, files[name])]
    own = {name for name, path in places.items() if path.is_relative_to(book.root)}
    return written, own, refused, problems, warnings


def _names_in(path: Path) -> set[str]:
    """Name the plan that a file which cannot be used is about, by its text and its own name."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return {path.stem, *re.findall(r"""^\s*plan\s*=\s*["']([^"'\n]+)["']""", text, re.MULTILINE)}
