"""Every public price of a reseller that is known can be written as a plan, and gives its amount.

Each row of the list of resellers' prices has its plans here: one that ships, or a text that says
what the row says. An amount that was never published is made up, and the comment says so.
"""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from metering.period import Month
from pricing.billing import rate_month
from pricing.catalog import load_catalog
from pricing.document_writer import documents
from pricing.state import no_state
from tests.scenarios.office import COST, FILES, Invoice, Row, counted, figure, lines_of, write_book

LIST = Path(__file__).parents[3] / "shared" / "whatsapp" / "reseller_plans.csv"
Rows = tuple[Row, ...]
Key = tuple[str, str, str]  # provider, item, amount

CARD = "card,effective_from,currency,rates,market,category,unit,rate,evidence\n"
INDIA: dict[str, object] = {"market": "India", "country": "IN"}
SENT: Rows = ((1000, {}),)  # of marketing to Brazil, at 0.0625


@dataclass(frozen=True)
class Written:
    """A price as a plan: some usage of a month, and what the line about it comes to."""

    plan: str  # the name of a plan that ships, or the text of one
    line: str
    amount: str
    usage: Rows = ()
    add_ons: Mapping[str, int] = field(default_factory=dict)
    currency: str = "USD"
    month: str = "2026-10"
    since: str = ""  # the first day on the plan
    is_blocked: bool = False


def text(*parts: str, currency: str = "USD", extends: str | None = None) -> str:
    """Write a plan of one version, which leaves out the network's charges or extends a plan."""
    head = f'plan = "own"\ncurrency = "{currency}"\n'
    if extends is not None:
        return f'{head}extends = "{extends}"\n\n[[version]]\n' + "\n".join(parts)
    return f'{head}\n[[version]]\nuncovered = "free"\n' + "\n".join(parts)


def fee(amount: str, name: str = "fee") -> str:
    return f'[[version.fixed_fee]]\nname = "{name}"\namount = {amount}\n'


def add_on(name: str, price: str, more: str = "") -> str:
    priced = f'price = {{ kind = "per_unit", unit_price = {price} }}'
    return f'[[version.add_on]]\nname = "{name}"\n{more}\n{priced}\n'


def limit(name: str, meter: str, most: int) -> str:
    """So many are included, and there are no more."""
    return add_on(name, "0", f'meter = "{meter}"\nincluded = {most}\nmax_quantity = {most}')


def charge(name: str, meter: str, price: str, more: str = "") -> str:
    head = f'[[version.charge]]\nname = "{name}"\ncomponent = "{name}"\nmeter = "{meter}"\n'
    return f"{head}{more}\nprice = {price}\n"


def each(price: str) -> str:
    return f'{{ kind = "per_unit", unit_price = {price} }}'


def opened(count: int, category: str, **given: object) -> Rows:
    """Conversations of 2022."""
    row = {"meter": "conversations", "category": category, "pricing_model": "CBP", **given}
    return ((count, row),)


def fees(*amounts: str) -> tuple[Written, ...]:
    return tuple(Written(text(fee(amount)), "fee", amount) for amount in amounts)


def held(plan: str, name: str, amount: str, quantity: int = 1, currency: str = "USD") -> Written:
    return Written(plan, name, amount, add_ons={name: quantity}, currency=currency)


def marked_up(ratio: str, amount: str) -> Written:
    price = f'{{ kind = "rate_card", card = "whatsapp", markup_ratio = {ratio} }}'
    return Written(text(charge("messages", "deliveries", price)), "messages", amount, SENT)


def active_users(count: int, amount: str) -> tuple[Written, ...]:
    usage = (figure(count, "active-contacts"),)
    return (Written("reseller-twilio-conversations", "active users", amount, usage),)


def over_contacts(included: int, price: str, amount: str) -> Written:
    more = f"allowance = {{ quantity = {included} }}"
    own = text(
        charge("active contacts", "active-contacts", each(price), more),
        currency="EUR",
        extends="reseller-tyntec-starter",
    )
    usage = (figure(included + 100, "active-contacts"),)
    return Written(own, "active contacts", amount, usage, currency="EUR")


def verified(tier: str, amount: str) -> tuple[Written, ...]:
    plan = f"reseller-meta-verified-indonesia-{tier}"
    return (held(plan, "verified numbers", amount, currency="IDR"),)


VERIFIED = "Meta Verified for Business on WhatsApp"
AIRCALL = "Rest of Asia Pacific"
AIRCALL_CARD = CARD + "".join(
    f"meta,2026-10-01,USD,list,{AIRCALL},{category},message,{rate},assumed\n"
    for category, rate in (("marketing", "0.0732"), ("utility", "0.0113"), ("service", "0.0212"))
)
A_FIFTH = '{ kind = "rate_card", card = "meta", rate_ratio = 0.2, round = { decimals = 4 } }'
MORE_CONTACTS = text(
    fee("2499.00", "growth"),
    limit("active contacts", "active-contacts", 3500),
    currency="INR",
    extends="reseller-interakt-starter",
).replace("[[version]]\n", '[[version]]\nwithout = ["starter"]\n', 1)

EXPRESSED: Mapping[Key, tuple[Written, ...]] = {
    ("Twilio", "message inbound or outbound", "0.005"): (
        Written("reseller-twilio", "messages to users", "5.00", SENT),
        Written(
            "reseller-twilio", "messages from users", "2.00", (counted(400, "inbound-messages"),)
        ),
    ),
    ("Twilio", "failed message processing fee", "0.001"): (
        Written("reseller-twilio", "failed messages", "1.00", (counted(1000, "failed-messages"),)),
    ),
    ("Twilio", "link shortening", "0.015"): (
        Written("reseller-twilio", "short links", "0.02", (counted(1001, "link-clicks"),)),
    ),
    ("Twilio", "Conversations active user", "0"): active_users(200, "0.00"),
    ("Twilio", "Conversations active user", "0.05"): active_users(5000, "240.00"),
    ("Twilio", "Conversations active user", "0.0475"): active_users(10_000, "477.50"),
    ("Twilio", "Conversations active user", "0.045"): active_users(20_000, "927.50"),
    ("360dialog", "channel licence Regular", "25"): (
        held("reseller-360dialog", "regular licence", "75.00", 3),
    ),
    ("360dialog", "channel licence Premium", "49"): (
        held("reseller-360dialog", "premium licence", "49.00"),
    ),
    ("360dialog", "channel licence high throughput", "249"): (
        held("reseller-360dialog", "high throughput licence", "249.00"),
    ),
    ("360dialog", "partner platform fee Growth", "500"): fees("500.00"),
    ("360dialog", "partner platform fee Premium", "1000"): fees("1000.00"),
    ("SleekFlow", "entry paid plan", "149"): fees("149.00"),
    ("SleekFlow", "Premium plan (annual billing)", "349"): (
        Written("reseller-sleekflow-premium", "premium", "349.00"),
    ),
    ("SleekFlow", "extra staff seat", "19"): (
        held(text(fee("149.00"), add_on("extra seats", "19.00")), "extra seats", "38.00", 2),
        held("reseller-sleekflow-premium", "extra seats", "78.00", 2),
    ),
    ("SleekFlow", "extra WhatsApp number", "29"): (
        held("reseller-sleekflow-premium", "extra numbers", "29.00"),
    ),
    ("SleekFlow", "extra 2,000 contacts", "49"): (
        held("reseller-sleekflow-premium", "extra contacts", "98.00", 2001),
    ),
    ("SleekFlow", "message markup", "1.15"): (
        Written("reseller-sleekflow-premium", "messages", "71.88", SENT),
    ),
    ("ManyChat", "message markup", "1.15"): (
        Written("reseller-manychat", "messages", "71.80", SENT),
        Written("reseller-manychat", "messages", "7.80", ((1000, {"category": "utility"}),)),
    ),
    ("Eazybe", "message markup", "1.10"): (Written("reseller-eazybe", "messages", "68.75", SENT),),
    ("Chatalog", "conversation markup", "1.20"): (
        Written(
            *("reseller-chatalog-2022", "conversations", "60.00"),  # 1,000 x 0.05 x 1.2
            opened(1000, "business_initiated"),
            month="2022-03",
        ),
    ),
    ("Aircall", "usage fee per delivered template", "20"): (
        Written("reseller-aircall", "usage fee", "12.50", SENT),
        # 1,000 each at 0.0146, 0.0023 and 0.0042
        Written(
            *(text(charge("usage fee", "deliveries", A_FIFTH)), "usage fee", "21.10"),
            tuple(
                (1000, {"market": AIRCALL, "category": category})
                for category in ("marketing", "utility", "service")
            ),
        ),
    ),
    (
        "AiSensy",
        "India marketing / utility / authentication all-in",
        "1.09 / 0.145 / 0.145",
    ): tuple(
        Written(
            *("reseller-aisensy-india", "messages", amount),
            ((1000, {"category": category, **INDIA}),),
            currency="INR",
        )
        for category, amount in (
            ("marketing", "1090.00"),
            ("utility", "145.00"),
            ("authentication", "145.00"),
        )
    ),
    ("AiSensy", "India 2022 conversations", "0.35 UIC / 0.55 BIC"): tuple(
        Written(
            *("reseller-aisensy-india", "conversations", amount),
            opened(100, category, **INDIA),
            currency="INR",
            month="2022-03",
        )
        for category, amount in (("user_initiated", "35.00"), ("business_initiated", "55.00"))
    ),
    ("Interakt", "Starter", "999"): (
        Written("reseller-interakt-starter", "starter", "999.00", currency="INR"),
    ),
    ("Interakt", "Growth", "2499"): (
        Written(
            *(MORE_CONTACTS, "growth", "2499.00"),
            (figure(3500, "active-contacts"),),
            currency="INR",
        ),
        Written(
            *(MORE_CONTACTS, "growth", "2499.00"),
            (figure(3501, "active-contacts"),),
            currency="INR",
            is_blocked=True,
        ),
    ),
    # The price of a further seat was not found: 10.00 is made up.
    ("Wati", "Growth plan included users", ""): (
        Written(
            *(text(add_on("seats", "10.00", 'meter = "seats"\nincluded = 3')), "seats", "20.00"),
            (figure(5, "seats"),),
        ),
    ),
    ("Wati", "pay-as-you-go activation", "999"): (
        Written(
            *("reseller-wati-pay-as-you-go", "activation", "999.00"),
            currency="INR",
            since="2026-10-01",
        ),
    ),
    ("tyntec", "Starter overage", "0.09"): (over_contacts(1000, "0.09", "9.00"),),
    ("tyntec", "Growth overage", "0.05"): (over_contacts(3500, "0.05", "5.00"),),
    ("tyntec", "Enterprise overage", "0.03"): (over_contacts(6000, "0.03", "3.00"),),
    # Both prices were never published and are made up; an account goes from one plan to the other.
    ("MessengerPeople", "per message or per monthly active user, switchable", ""): (
        Written(
            text(charge("messages", "deliveries", each("0.02")), currency="EUR"),
            *("messages", "20.00", SENT),
            currency="EUR",
        ),
        Written(
            text(charge("active users", "active-contacts", each("0.5")), currency="EUR"),
            *("active users", "150.00", (figure(300, "active-contacts"),)),
            currency="EUR",
        ),
    ),
    ("Gupshup", "platform fee, session and template messages", "0.001"): (
        Written("reseller-gupshup", "platform fee", "1.00", SENT),
    ),
    ("Chative", "WhatsApp add-on", "19"): (
        Written("reseller-chative", "numbers", "19.00", (figure(1, "phone-numbers"),)),
        Written("reseller-chative", "numbers", "38.00", (figure(2, "phone-numbers"),)),
    ),
    ("1msg", "channel", "39"): (
        held("reseller-1msg", "channels", "39.00"),
        held("reseller-1msg", "channels for a year", "30.00"),
    ),
    ("SaleSmartly", "number rental", "12"): tuple(
        Written("reseller-salesmartly", "numbers", amount, (figure(count, "phone-numbers"),))
        for count, amount in ((2, "12.00"), (3, "24.00"))
    ),
    ("Hapana", "WhatsApp subscription", "80"): fees("80.00"),
    ("AesthetixCRM", "WhatsApp subscription", "29.99"): (
        held(text(add_on("locations", "29.99")), "locations", "59.98", 2),
    ),
    ("Unifonic", "plans", "499 / 999"): fees("499.00", "999.00"),
    # The quotas were not found: 100,000 tokens are made up.
    ("Watsy", "plans with token quota", "12 / 39 / 79 / 199"): tuple(
        Written(
            *(text(fee(amount), limit("tokens", "agent-tokens", 100_000)), "fee", amount),
            (counted(tokens, "agent-tokens"),),
            is_blocked=tokens > 100_000,
        )
        for amount in ("12.00", "39.00", "79.00", "199.00")
        for tokens in (100_000, 100_001)
    ),
    ("Intelli", "broadcast packages", "20 / 35 / 55 / 75 / 86 / 108 / 214"): (
        Written("reseller-intelli-20", "broadcasts", "20.00", (figure(2000, "reached-contacts"),)),
        *fees("35.00", "55.00", "75.00", "86.00", "108.00", "214.00"),
    ),
    ("Meta", "Meta Business Agent usage", "2.00"): (
        Written(
            *("reseller-meta-business-agent", "agent tokens", "0.05"),
            (counted(25_000, "agent-tokens"),),
        ),
    ),
    ("Meta", f"{VERIFIED} Standard (Indonesia)", "111000"): verified("standard", "111000.00"),
    ("Meta", f"{VERIFIED} Plus (Indonesia)", "225000"): verified("plus", "225000.00"),
    ("Meta", f"{VERIFIED} Premium (Indonesia)", "605000"): verified("premium", "605000.00"),
    ("Meta", f"{VERIFIED} Max (Indonesia)", "1759000"): verified("max", "1759000.00"),
    ("Meta", "Meta Verified for Business (from)", "14.99"): (
        held(text(add_on("verified numbers", "14.99")), "verified numbers", "29.98", 2),
    ),
    # Its price was never published: 5.00 is made up. How often a link may change is no price.
    ("Meta", "WhatsApp Premium (beta)", ""): tuple(
        Written(
            text(
                fee("5.00"),
                limit("linked devices", "linked-devices", 10),
                limit("links", "active-links", 1),
            ),
            *("fee", "5.00"),
            (figure(devices, "linked-devices"), figure(1, "active-links")),
            is_blocked=devices > 10,
        )
        for devices in (10, 11)
    ),
    # The fee of the reseller was not found: 0.005 is made up. Two lines for each message.
    ("AWS End User Messaging", "Meta fee + AWS fee as two lines", ""): tuple(
        Written(
            text(charge("message fee", "deliveries", each("0.005")), extends="whatsapp"),
            *(line, amount, SENT),
        )
        for line, amount in (("marketing", "62.50"), ("message fee", "5.00"))
    ),
    ("Autocalls", "white-label reseller markup", "0-200 and 0-100"): (
        marked_up("0", "62.50"),
        marked_up("1", "125.00"),
        marked_up("2", "187.50"),
    ),
}


def test_no_price_of_the_list_is_left_out() -> None:
    if not LIST.is_file():
        pytest.skip(f"the list of resellers' prices is not here: {LIST}")
    with LIST.open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]

    assert {(row["provider"], row["item"], row["amount"]) for row in rows} == set(EXPRESSED)
    assert len(rows) == len(EXPRESSED)


PLANS = {
    f"{key[0]} {key[1]} {key[2]} {number}": written
    for key, written_plans in EXPRESSED.items()
    for number, written in enumerate(written_plans)
}


@pytest.fixture(scope="module")
def rated(
    tmp_path_factory: pytest.TempPathFactory,
    usage_row: Callable[..., Any],
    usage_frame: Callable[..., pl.DataFrame],
    in_row_order: Callable[..., Any],
) -> dict[str, Invoice]:
    """The invoice of each plan: every one has an account of its own, and all are rated at once."""
    names = {name: f"a{number}" for number, name in enumerate(PLANS)}
    book = write_book(tmp_path_factory.mktemp("prices"), book_of(names))
    catalog = load_catalog(book)
    found: dict[str, Invoice] = {}
    for month in sorted({written.month for written in PLANS.values()}):
        asked = Month.parse(month)
        usage = usage_frame(
            [
                usage_row(names[name], count, **{"rate_date": asked.first_day, **cell})
                for name, written in PLANS.items()
                for count, cell in written.usage
                if written.month == month
            ]
        )
        drafts = rate_month(catalog, asked, usage, in_row_order(usage), no_state()).drafts
        by_account = {one["account_id"]: one for one in documents(drafts)}
        found |= {
            name: by_account[names[name]]
            for name, written in PLANS.items()
            if written.month == month
        }
    return found


def book_of(names: Mapping[str, str]) -> dict[str, str]:
    """The files of a book in which each plan has an account."""
    files = {**FILES, **COST, "senders.csv": "sender_id,account_id\n"}
    rows: dict[str, list[str]] = {
        "accounts.csv": ["account_id,name,currency"],
        "subscriptions.csv": ["account_id,plan,effective_from"],
        "add_ons.csv": ["account_id,add_on,quantity"],
    }
    for name, written in PLANS.items():
        account, plan = names[name], written.plan
        if plan.startswith("plan ="):
            files[f"plans/{account}.toml"] = plan.replace('"own"', f'"own-{account}"', 1)
            plan = f"own-{account}"
        rows["accounts.csv"].append(f"{account},{account},{written.currency}")
        rows["subscriptions.csv"].append(f"{account},{plan},{written.since}")
        rows["add_ons.csv"] += [f"{account},{n},{count}" for n, count in written.add_ons.items()]
    files |= {file: "\n".join(lines) + "\n" for file, lines in rows.items()}
    return {**files, "rate_cards/meta.csv": AIRCALL_CARD}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_can_say_the_price_and_gives_its_amount(
    name: str, rated: dict[str, Invoice]
) -> None:
    written, invoice = PLANS[name], rated[name]

    assert lines_of(invoice)[written.line][1] == written.amount
    assert bool(invoice["blocked"]) == written.is_blocked, invoice["blocked"]
