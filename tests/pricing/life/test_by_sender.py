"""Lines by sender: whose message cost what, and not a cent more or less than by charge."""

import pytest

from pricing.document import Document
from pricing.documents.shown_line import shown_lines
from tests.pricing.life.office import Office, plan

MESSAGES = 'name = "messages"\nmeter = "deliveries"\n'
TIERS = "tiers = [{ up_to = 5, unit_price = 0.105 }, { unit_price = 0.031 }]"
PRICES = {
    "per unit": 'price = { kind = "per_unit", unit_price = 0.0333 }',
    "graduated": f'price = {{ kind = "graduated", {TIERS} }}',
    "volume": f'price = {{ kind = "volume", {TIERS} }}',
    "package": 'price = { kind = "package", package_size = 3, package_price = 0.25 }',
    "included": 'allowance = { quantity = 4 }\nprice = { kind = "per_unit", unit_price = 0.0333 }',
}


def two_senders(office: Office) -> None:
    office.write("senders.csv", "sender_id,account_id\n1,acme\n2,acme\n3,bistro\n")
    first, second = office.send(4, "2026-10-04"), office.send(7, "2026-10-05", sender="2")
    office.load(first, second, office.send(2, "2026-10-06"))


@pytest.mark.parametrize("price", PRICES)
def test_a_sender_has_its_part_of_each_charge_and_the_total_stays(
    office: Office, price: str
) -> None:
    fee = '[[version.fixed_fee]]\nname = "fee"\namount = 2.50\n'
    office.write("plans/plain.toml", plan(MESSAGES + PRICES[price], tail=fee))
    two_senders(office)
    office.bill("2026-10")
    by_charge = office.document("acme/2026-10/1")
    assert all("sender_id" not in one for li in by_charge["lines"] for one in li["details"])
    office.invoicing('lines = "by_sender"\n')
    office.bill("2026-10")
    by_sender = office.document("acme/2026-10/1")

    assert by_sender["total"] == by_charge["total"]
    assert [(li["charge"], li["amount"], li["quantity"]) for li in by_sender["lines"]] == [
        (li["charge"], li["amount"], li["quantity"]) for li in by_charge["lines"]
    ]
    shown = shown_lines(Document.of(by_sender))
    assert str(sum(one.amount for one in shown)) == by_sender["net"]
    of_fee, *of_senders = [(one.charge, one.sender_id, int(one.quantity)) for one in shown]
    assert of_fee == ("fee", None, 1)
    assert [one[:2] for one in of_senders] == [("messages", "1"), ("messages", "2")]
    if price != "package":
        assert [one[2] for one in of_senders] == [6, 7]


def test_who_came_first_is_in_the_first_tier(office: Office) -> None:
    office.write("plans/plain.toml", plan(MESSAGES + PRICES["graduated"]))
    office.invoicing('lines = "by_sender"\n')
    two_senders(office)
    office.close("2026-10")

    # Four of sender 1 and one of sender 2 are below the bound; six and two are above it.
    details = office.document("acme/2026-10/1")["lines"][0]["details"]
    found = {(one["sender_id"], one["tier"]): one["quantity"] for one in details}
    assert found == {("1", 1): "4", ("2", 1): "1", ("1", 2): "2", ("2", 2): "6"}
    assert office.verdict("acme/2026-10/1") == "same bytes"
    assert office.rows("verify") == []


def test_what_is_late_of_one_sender_is_a_correction_of_that_sender(office: Office) -> None:
    office.invoicing('lines = "by_sender"\n')
    two_senders(office)
    office.close("2026-10")
    office.load(office.send(3, "2026-10-09", sender="2"))
    office.close("2026-11")

    (line,) = office.document("acme/2026-11/1")["lines"]
    assert [(one["sender_id"], one["quantity"]) for one in line["details"]] == [("2", "3")]
