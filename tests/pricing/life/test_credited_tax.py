"""However an invoice is credited, bit by bit: in the end all of it is, and all of its tax."""

import os
from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from metering.errors import UsageError
from pricing.catalog import Catalog
from pricing.document_writer import documents
from pricing.life.credit_note import Wish, draft_credit_note, write_again
from pricing.life.issued import document_of
from pricing.life.lifecycle import approve, content_hash, issue
from pricing.plan import Plan
from pricing.tax import Tax
from tests.pricing.life.small_office import PLAIN, SEPTEMBER, Files, SmallOffice, opened

IS_DEEP = os.environ.get("TOLLBOOK_PROFILE") == "deep"
cents = st.integers(1, 1999).map(lambda minor: Decimal(minor) / 100)
steps = st.tuples(st.integers(0, 3), st.one_of(st.none(), cents))


@dataclass(frozen=True)
class Fees(Files):
    """Fees at two rates of tax and a discount."""

    amounts: tuple[Decimal, ...] = ()

    def catalog(self) -> Catalog:
        categories = ("standard", "reduced", "standard")
        fees = [
            {"name": f"fee {number}", "amount": amount, "tax_category": category}
            for number, (amount, category) in enumerate(zip(self.amounts, categories, strict=True))
        ]
        version = {"fixed_fee": fees, "discount": [{"name": "rebate", "ratio": "0.07"}]}
        base = super().catalog()
        plans = {
            name: Plan.model_validate({"plan": name, "currency": "USD", "version": [version]})
            for name in base.plans
        }
        rates = {"standard": "0.19", "reduced": "0.07"}
        taxes = tuple(
            Tax.model_validate(
                {"line": line, "treatment": "standard", "name": "VAT", "rate_ratio": rate}
                | {"tax_category": category}
            )
            for line, (category, rate) in enumerate(rates.items(), start=2)
        )
        return replace(base, plans=plans, taxes=taxes)


def credit(office: SmallOffice, wish: Wish) -> bool:
    """Credit the invoice of bistro; answer whether that could be done."""
    try:
        note_id = draft_credit_note(office.archive, "bistro/2026-09/1", wish, actor="ann")
    except UsageError:
        return False
    for act in (approve, lambda *a, **k: issue(*a, issue_date=office.today, **k)):
        act(office.archive, office.archive.drafts_of(invoice_id=note_id), PLAIN, actor="ben")
    return True


@given(st.tuples(cents, cents, cents), st.lists(steps, max_size=5))
@settings(max_examples=100 if IS_DEEP else 3)
def test_credit_notes_of_the_whole_take_off_its_tax_to_the_cent(
    amounts: tuple[Decimal, ...], listed: list[tuple[int, Decimal | None]]
) -> None:
    with opened() as office:
        office.files = Fees(amounts=amounts)
        office.bill(SEPTEMBER)
        drafts = office.archive.drafts_of(period="2026-09")
        approve(office.archive, drafts, PLAIN, actor="ben")
        drafts = office.archive.drafts_of(period="2026-09")
        issue(office.archive, drafts, PLAIN, issue_date=office.today, actor="ben")
        lines = office.archive.drafts_of(invoice_id="bistro/2026-09/1").lines["line_id"].to_list()

        for place, amount in listed:
            line_id = lines[place] if place < len(lines) else None
            credit(office, Wish("a complaint", line_id, amount))
        credit(office, Wish("the rest"))

        assert not credit(office, Wish("nothing is left"))
        left = office.archive.frame(
            "select rate_ratio, sum(taxable_minor)::bigint, sum(tax_minor)::bigint from taxes"
            " where invoice_id like 'bistro/%' group by rate_ratio"
        ).rows()
        assert {row[1:] for row in left} <= {(0, 0)}
        of_notes = office.archive.frame(
            "select note.net_minor = sum(lines.amount_minor) and note.total_minor ="
            " note.net_minor + note.tax_minor from invoices as note join lines using (invoice_id)"
            " where note.kind = 'credit_note' group by note.invoice_id, note.net_minor,"
            " note.total_minor, note.tax_minor"
        ).rows()
        assert {row[0] for row in of_notes} <= {True}
        notes = office.archive.frame("select invoice_id from invoices where origin = 'credit'")
        for note_id in notes["invoice_id"]:
            (again,) = documents(write_again(office.archive, note_id))
            assert content_hash(again) == content_hash(document_of(office.archive, note_id))
