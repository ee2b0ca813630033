"""A month without lines is a month like any other, whatever files the book has."""

import os
from pathlib import Path

import pytest

from tests.pricing.life.office import FILES, SETTINGS, Office

IS_DEEP = os.environ.get("TOLLBOOK_PROFILE") == "deep"
# Every file that a book may have beside those that it must: its heading, and a row.
OPTIONAL = {
    "taxes.csv": "country,treatment,rate_ratio,name\nDE,standard,0.19,VAT\n",
    "credits.csv": "credit_id,account_id,kind,amount,effective_from\nc1,acme,bought,5,2026-07-01\n",
    "add_ons.csv": "account_id,add_on,quantity,effective_from\nacme,seat,2,2026-12-01\n",
    "coupons.csv": "account_id,coupon,effective_from\nacme,tenth,2026-01-01\n",
    "fx_rates.csv": "from_currency,to_currency,effective_from,rate,source\n"
    "USD,EUR,2026-01-01,0.9,the bank\n",
}
COUPONS = '[[coupon]]\nname = "tenth"\nratio = 0.1\n'
ADD_ON = (
    'plan = "plain"\ncurrency = "EUR"\n[[version]]\n'
    '[[version.charge]]\nname = "messages"\nmeter = "deliveries"\n'
    'price = { kind = "per_unit", unit_price = 0.10 }\n'
    '[[version.add_on]]\nname = "seat"\nprice = { kind = "per_unit", unit_price = 5 }\n'
)
ASKED = (
    ("check",),
    ("bill", "2026-09", "--dry-run"),
    ("bill", "2026-09"),
    ("bill", "2026-09", "--side", "cost"),
    ("bill", "2026-10"),
    ("invoice", "list"),
    ("invoice", "approve", "2026-09"),
    ("invoice", "issue", "2026-09", "--date", "2026-10-03"),
    ("credits", "2026-10"),
    ("runs",),
    ("receivables",),
    ("revenue", "2026-09"),
    ("accrual", "2026-10-15"),
    ("verify",),
)
OF_DOCUMENTS = (
    ("variance", "2026-10"),
    ("reconcile", "2026-09"),
    ("export", "lines", "2026-09"),
    ("export", "journal", "2026-09"),
)


def first_line(text: str) -> str:
    return text.partition("\n")[0] + "\n"


@pytest.mark.parametrize(
    ("has_accounts", "is_filled"),
    [(True, True), (False, False), *([(True, False), (False, True)] if IS_DEEP else [])],
    ids=lambda has: "yes" if has else "no",
)
def test_a_month_without_lines_is_billed_with_every_file_that_a_book_may_have(
    tmp_path: Path, *, is_filled: bool, has_accounts: bool
) -> None:
    office = Office(tmp_path / "book")
    office.write("plans/plain.toml", ADD_ON)
    office.write("tollbook.toml", f'{SETTINGS}[cost]\nplan = "plain"\ncurrency = "EUR"\n')
    office.write("coupons.toml", COUPONS if is_filled else "")
    for name, content in OPTIONAL.items():
        is_of_account = "account_id" in first_line(content) and not has_accounts
        office.write(name, content if is_filled and not is_of_account else first_line(content))
    if not has_accounts:
        for name in ("accounts.csv", "senders.csv", "subscriptions.csv"):
            office.write(name, first_line(FILES[name]))

    for asked in ASKED:
        office.run(*asked)
    if has_accounts:  # these read documents, and say where there are none
        for asked in OF_DOCUMENTS:
            office.run(*asked)
    assert len(office.documents()) == (4 if has_accounts else 0)
    assert {total for *_, total in office.documents().values()} <= {0}
