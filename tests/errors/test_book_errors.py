"""Every mistake in a book is refused with its place and a remedy; the text is part of the product.

Each file here is put into a small book that is right without it; the `.txt` beside it is what
`tollbook check` says then. The part of its name before the dash tells where it goes.
"""

from pathlib import Path

import pytest

from metering.settings import SETTINGS, Book
from pricing.catalog import check_book

HERE = Path(__file__).parent
CASES = sorted(path for path in HERE.iterdir() if path.suffix in (".toml", ".csv"))
BOOK = {
    "tollbook.toml": """\
[seller]
name = "Seller"
country = "DE"
time_zone = "Europe/Berlin"
currency = "USD"
""",
    "accounts.csv": "account_id,name\nacme,Acme\nbistro,Bistro\n",
    "senders.csv": "sender_id,account_id\n1,acme\n",
    "subscriptions.csv": "account_id,plan,effective_to\nacme,growth,\nbistro,growth,2030-01-01\n",
    "plans/growth.toml": """\
plan = "growth"
currency = "USD"
[[version]]
uncovered = "free"
[[version.add_on]]
name = "linked devices"
max_quantity = 10
price = { kind = "per_unit", unit_price = 5.00 }
""",
    "plans/yearly.toml": (
        'plan = "yearly"\ncurrency = "USD"\n[[version]]\n[[version.fixed_fee]]\n'
        'name = "licence"\namount = 100\nevery = "year"\n'
    ),
    "plans/euros.toml": 'plan = "euros"\ncurrency = "EUR"\n[[version]]\n',
    "rate_cards/mine.csv": (
        "card,effective_from,effective_to,currency,rates,market,category,unit,up_to,rate,evidence,"
        "note\nmine,2026-10-01,,USD,list,Brazil,marketing,message,,0.06,published,\n"
    ),
}


@pytest.fixture
def book(tmp_path: Path) -> Book:
    for name, content in BOOK.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    return Book.at(tmp_path)


def test_the_book_is_right_without_them(book: Book) -> None:
    assert check_book(book)[0] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_mistake_is_refused_with_its_place_and_a_remedy(case: Path, book: Book) -> None:
    kind = case.name.partition("-")[0]
    place = {
        "plan": f"plans/{case.name}",
        "meters": f"meters/{case.name}",
        "rate_cards": f"rate_cards/{case.name}",
        "tollbook": SETTINGS,
    }
    target = book.root / place.get(kind, f"{kind}.csv")
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(case.read_bytes())
    problems, _ = check_book(book)

    said = "\n\n".join(map(str, problems)) + "\n"
    assert said == case.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ['plan = "growth"\ncurrency = "dollars"\n', "plan = growth", ""])
def test_of_a_plan_whose_file_is_refused_nothing_else_is_said(book: Book, text: str) -> None:
    """Neither of who is on it or holds an add-on of it, nor of what extends it or costs by it."""
    (book.root / "plans" / "growth.toml").write_text(text, encoding="utf-8")
    (book.root / "plans" / "more.toml").write_text(
        'plan = "more"\nextends = "growth"\n[[version]]\nwithout = ["linked devices"]\n'
    )
    (book.root / "subscriptions.csv").write_text("account_id,plan\nacme,growth\nbistro,more\n")
    (book.root / "add_ons.csv").write_text("account_id,add_on,quantity\nacme,linked devices,5\n")
    settings = (book.root / SETTINGS).read_text()
    (book.root / SETTINGS).write_text(f'{settings}\n[cost]\nplan = "growth"\ncurrency = "USD"\n')

    assert {problem.where.split()[0] for problem in check_book(book)[0]} == {"growth.toml"}


WORDS = """\
plan = "words"
currency = "USD"
[[version]]
uncovered = "free"
[[version.allowance]]
name = "shared"
quantity = 5
where = { category = ["utilty"] }
[[version.charge]]
name = "network"
meter = "deliveries"
where = { category = ["markting", "otp"], pricing_type = ["regularr"] }
price = { kind = "per_unit", unit_price = 1 }
[[version.charge]]
name = "platform"
component = "platform"
meter = "deliveries"
allowance = "shared"
price = { kind = "matrix", cells = [{ category = "servce", unit_price = 1 }, { unit_price = 2 }] }
[[version.charge]]
name = "texts"
component = "texts"
meter = "deliveries"
where = { channel = ["sms"], category = ["alert"] }
price = { kind = "per_unit", unit_price = 1 }
"""


def test_a_word_that_no_message_ever_had_is_warned_of(book: Book) -> None:
    """Such a charge takes nothing, which nobody would notice; a card's own categories are known."""
    (book.root / "plans" / "words.toml").write_text(WORDS)
    (book.root / "meters").mkdir()
    (book.root / "meters" / "some.toml").write_text(
        'meter = "some"\nunit = "message"\nsource = { kind = "deliveries" }\n'
        'where = { category = ["utilities", "utility"] }\n'
    )
    card = (book.root / "rate_cards" / "mine.csv").read_text()
    (book.root / "rate_cards" / "mine.csv").write_text(card.replace("marketing", "otp"))
    problems, warnings = check_book(book)

    assert problems == []
    assert [(w.where, w.what, w.hint.partition("?")[0]) for w in warnings] == [
        (
            "plan 'words' charge 'network'",
            "takes the category 'markting', unknown so far",
            "did you mean 'marketing'",
        ),
        (
            "plan 'words' charge 'network'",
            "takes the pricing_type 'regularr', unknown so far",
            "did you mean 'regular'",
        ),
        (
            "plan 'words' charge 'platform'",
            "has a price for the category 'servce', unknown so far",
            "did you mean 'service'",
        ),
        (
            "plan 'words' charge 'platform'",
            "includes units of the category 'utilty', unknown so far",
            "did you mean 'utility'",
        ),
        (
            "some.toml where.category",
            "'utilities' is no category that is known",
            "did you mean 'utility'",
        ),
    ]


def test_a_country_that_is_none_is_refused(book: Book) -> None:
    text = WORDS.replace('channel = ["sms"]', 'country = ["DE", "XK", "AX", "XX"]')
    (book.root / "plans" / "words.toml").write_text(text)

    (problem,) = check_book(book)[0]
    assert problem.what == "names the country 'XX', which is none of ISO 3166-1"


def test_what_a_shipped_card_in_use_lacks_is_warned_of(book: Book) -> None:
    """For who is on it, in the currency of theirs; until a card of the book has it."""
    assert check_book(book)[1] == []
    (book.root / "subscriptions.csv").write_text("account_id,plan\nacme,whatsapp\n")
    (book.root / "accounts.csv").write_text("account_id,name,currency\nacme,Acme,AED\n")
    (book.root / "senders.csv").write_text("sender_id,account_id\n1,acme\n")
    cells = {w.where.split("charge ")[1]: w.what for w in check_book(book)[1]}

    assert cells["'utility'"] == (
        "card 'whatsapp' has no AED rate from 2026-10-01 on for 41 cells of market and category,"
        " like France, utility"
    )
    assert "'conversations'" not in cells  # which that plan charges no more then
    card = (book.root / "rate_cards" / "mine.csv").read_text().splitlines()[0]
    row = "whatsapp,2026-10-01,,AED,list,France,utility,message,,0.06,published,"
    (book.root / "rate_cards" / "mine.csv").write_text(f"{card}\n{row}\n")
    assert any(
        "for 40 cells of market and category, like Germany, utility" in w.what
        for w in check_book(book)[1]
    )


def test_of_many_plans_only_the_nearest_are_named(book: Book) -> None:
    (book.root / "subscriptions.csv").write_text("account_id,plan\nacme,xyz\n")
    (problem,) = check_book(book)[0]

    assert problem.what == "there is no plan 'xyz'"
    assert problem.hint.startswith("the nearest of ")
    assert problem.hint.count(",") == 4


def test_mistakes_in_several_files_are_all_said_and_nothing_that_follows_from_them(
    book: Book,
) -> None:
    (book.root / SETTINGS).write_text('[seller]\nname = ""\ncolour = "red"\n', encoding="utf-8")
    (book.root / "accounts.csv").write_text("account_id,curency\nacme,USD\n", encoding="utf-8")
    (book.root / "plans" / "other.toml").write_text("plan = 'other'\n", encoding="utf-8")

    places = {problem.where for problem in check_book(book)[0]}

    assert {where for where in places if where.startswith("accounts.csv")} == {"accounts.csv:1"}
    assert {f"{SETTINGS} seller.{key}" for key in ("name", "colour", "country")} <= places
    assert any(where.startswith("other.toml") for where in places)
    assert not [where for where in places if where.startswith(("senders", "subscriptions"))]
