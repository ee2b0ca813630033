"""Bill, load late, approve, issue, credit, void, rate again, in any order: the sums agree."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from metering.errors import UsageError
from metering.period import Month
from metering.settings import Invoicing
from pricing.life.credit_note import Wish, discard, draft_credit_note
from pricing.life.issued import broken_documents
from pricing.life.lifecycle import approve, issue, reopen, void
from pricing.life.trail import broken_links, rows_of
from pricing.money import minor_of
from tests.pricing.life.small_office import MEMBERS, PLAIN, SEPTEMBER, Billed, opened

IS_DEEP = os.environ.get("TOLLBOOK_PROFILE") == "deep"
MONTHS = (SEPTEMBER, SEPTEMBER.next(), SEPTEMBER.next().next())
CARRYING = Invoicing.model_validate({"may_void": True, "carry_below": {"USD": Decimal("4.00")}})
months = st.sampled_from(MONTHS)
senders = st.sampled_from([*MEMBERS])


class Life(RuleBasedStateMachine):
    """Documents of three accounts and three months, whatever people do with them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.office = self.stack.enter_context(opened())
        self.archive = self.office.archive
        self.issued: dict[str, bytes] = {}
        self.owed: dict[int, Billed] = {}  # by each run, as it was known then

    @initialize(sender=senders, number=st.integers(1, 5), is_carrying=st.booleans())
    def begin(self, sender: str, number: int, *, is_carrying: bool) -> None:
        """September is issued: what follows is the life that is hard."""
        if is_carrying:
            self.office.files = replace(self.office.files, invoicing=CARRYING)
        self.office.load(sender, SEPTEMBER.first_day, number)
        self.bill(SEPTEMBER)
        self.approve(SEPTEMBER)
        self.issue(SEPTEMBER)

    # What becomes known

    @rule(sender=senders, month=months, day=st.sampled_from([1, 14, 28]), number=st.integers(1, 4))
    def load(self, sender: str, month: Month, day: int, number: int) -> None:
        self.office.load(sender, month.first_day.replace(day=day), number)

    @rule(unit_price=st.sampled_from(["1.00", "0.80", "1.25"]))
    def correct_the_price(self, unit_price: str) -> None:
        self.office.files = replace(self.office.files, unit_price=unit_price)

    @rule(tax_ratio=st.sampled_from(["0.19", "0.16"]))
    def correct_the_tax(self, tax_ratio: str) -> None:
        self.office.files = replace(self.office.files, tax_ratio=tax_ratio)

    @rule(day=st.sampled_from([None, date(2026, 9, 10), date(2026, 10, 10)]))
    def move_a_sender(self, day: date | None) -> None:
        self.office.files = replace(self.office.files, moved_from=day)

    # What people do

    @rule(month=months)
    def bill(self, month: Month) -> None:
        run_id = self.office.bill(month).run_id
        assert run_id is not None
        self.owed[run_id] = self.office.owed(month)

    @rule(month=months)
    def bill_twice(self, month: Month) -> None:
        self.bill(month)
        first, second = self.office.bill(month), self.office.bill(month)
        self.owed |= {made.run_id or 0: self.office.owed(month) for made in (first, second)}

        assert first.drafts.lines.equals(second.drafts.lines)
        assert first.drafts.invoices.equals(second.drafts.invoices)

    @rule(month=months)
    def approve(self, month: Month) -> None:
        chosen = self.archive.drafts_of(period=str(month), state="draft")
        approve(self.archive, chosen, self.invoicing, actor="ben")

    @rule(month=months)
    def approve_one(self, month: Month) -> None:
        chosen = self.archive.drafts_of(period=str(month), state="draft")
        first = chosen.of_invoices(chosen.invoices["invoice_id"].head(1))
        approve(self.archive, first, self.invoicing, actor="ben")

    @rule(month=months, days=st.integers(0, 2))
    def issue(self, month: Month, days: int = 0) -> None:
        self.issue_of([month], days)

    @rule(days=st.integers(0, 2))
    def issue_all(self, days: int) -> None:
        self.issue_of(MONTHS, days)

    def issue_of(self, chosen_months: Sequence[Month], days: int) -> None:
        self.office.today += timedelta(days=days)
        self.office.today = max(self.office.today, chosen_months[-1].next().first_day)
        approved = self.archive.drafts_of(state="approved")
        asked = pl.col("period").is_in([*map(str, chosen_months)])
        chosen = approved.with_invoices(approved.invoices.filter(asked))
        today = self.office.today
        steps = issue(self.archive, chosen, self.invoicing, issue_date=today, actor="ben")
        self.keep()
        self.nothing_is_billed_twice([step.invoice_id for step in steps if step.number])

    def nothing_is_billed_twice(self, names: Sequence[str]) -> None:
        """What was issued corrects to what its run knew, with all that was issued before."""
        corrected = self.archive.frame(
            "select distinct lines.account_id, lines.period"
            " from lines join invoices using (invoice_id) where is_correction and origin = 'run'"
            " and invoice_id in (select unnest($names::varchar[]))",
            {"names": [*names]},
        )
        billed = self.office.billed()
        for pair in corrected.rows():
            run_id = self.archive.value(
                "select max(run_id) from lines join invoices using (invoice_id) where state ="
                " 'issued' and origin = 'run' and lines.account_id = $account_id"
                " and lines.period = $period",
                {"account_id": pair[0], "period": pair[1]},
            )
            now = {key: cents for key, cents in billed.items() if key[:2] == pair}
            then = {key: cents for key, cents in self.owed[run_id].items() if key[:2] == pair}
            assert now == then, (pair, names)

    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        for name in self.some(data, "state = 'approved'"):
            found = self.archive.drafts_of(invoice_id=name).invoices.row(0, named=True)
            reopen(self.archive, found, actor="ben", reason="a mistake")

    @rule(
        data=st.data(),
        amount=st.sampled_from([None, Decimal("0.01"), Decimal("1.37")]),
        bills_again=st.booleans(),
    )
    def credit(self, data: st.DataObject, amount: Decimal | None, *, bills_again: bool) -> None:
        for name in self.some(data, "state = 'issued' and kind = 'invoice'"):
            lines = self.archive.drafts_of(invoice_id=name).lines["line_id"].to_list()
            line_id = data.draw(st.sampled_from([None, *lines]))
            wish = Wish("a complaint", line_id, amount, bills_again)
            self.attempt(partial(draft_credit_note, self.archive, name, wish, actor="ann"))

    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        for name in self.some(data, "state = 'draft' and origin = 'credit'"):
            discard(self.archive, name, actor="ann", reason="it was right")

    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        for name in self.some(data, "state = 'issued'"):
            found = self.archive.drafts_of(invoice_id=name).invoices.row(0, named=True)
            act = partial(void, self.archive, found, self.invoicing, actor="ben", reason="wrong")
            self.attempt(act)

    @rule(data=st.data())
    def compute_again(self, data: st.DataObject) -> None:
        for name in self.some(data, "state in ('issued', 'carried') and origin = 'run'"):
            assert self.office.verify(name) == "same bytes"

    # What holds

    @precondition(lambda self: hasattr(self, "issued"))
    @invariant()
    def what_is_issued_never_changes(self) -> None:
        now = self.office.contents()

        assert {name: now.get(name) for name in self.issued} == self.issued

    def teardown(self) -> None:
        try:
            if self.issued or self.office.loads:
                self.what_is_billed_is_what_is_owed()
        finally:
            self.stack.close()
            del self.office, self.archive

    def what_is_billed_is_what_is_owed(self) -> None:
        """After all is billed again in order and issued, and a later month that brings the late."""
        self.office.files = replace(self.office.files, invoicing=PLAIN)
        self.bill_approved_again()
        last = MONTHS[-1].next().next()
        for month in (*MONTHS, MONTHS[-1].next(), last):
            self.bill(month)
            self.approve(month)
            self.issue(month)

        assert self.office.billed() == self.office.owed(last)
        assert self.office.billed_at_other_taxes() == {}
        self.lines_are_their_details_rounded_once()
        assert [*broken_links(rows_of(self.archive))] == []
        assert [*broken_documents(self.archive)] == []
        self.numbers_have_no_gap()
        self.credit_notes_take_no_more_than_there_is()

    def lines_are_their_details_rounded_once(self) -> None:
        """Corrections, too, but for what a person credits: that is an amount as it is."""
        rows = self.archive.frame(
            "select line_id, amount_exact, amount_minor, sum(details.amount) as added"
            " from lines join details using (line_id) join invoices using (invoice_id)"
            " where origin <> 'credit' group by all"
        ).rows()
        for line_id, exact, cents, added in rows:
            assert added == exact, line_id
            assert minor_of(exact, "USD") == cents, line_id

    def bill_approved_again(self) -> None:
        query = "select invoice_id from invoices where state = 'approved' and origin = 'run'"
        for (name,) in self.archive.frame(query).rows():
            found = self.archive.drafts_of(invoice_id=name).invoices.row(0, named=True)
            reopen(self.archive, found, actor="ben", reason="all is billed again")

    def numbers_have_no_gap(self) -> None:
        rows = self.archive.frame("select series, year, sequence, number from issued").rows()
        in_series: dict[tuple[str, int], list[int]] = {}
        for series, year, sequence, _ in rows:
            in_series.setdefault((series, year), []).append(sequence)

        assert len({number for *_, number in rows}) == len(rows)
        assert all(sorted(found) == [*range(1, len(found) + 1)] for found in in_series.values())

    def credit_notes_take_no_more_than_there_is(self) -> None:
        """And where they take the whole, they take its whole tax."""
        rows = self.archive.frame(
            "select one.net_minor, one.tax_minor, sum(note.net_minor)::bigint,"
            " sum(note.tax_minor)::bigint from invoices as one join invoices as note"
            " on note.credits_invoice_id = one.invoice_id where note.state <> 'void'"
            " group by one.invoice_id, one.net_minor, one.tax_minor"
        ).rows()
        for net, tax, credited, taxed in rows:
            assert 0 <= -credited <= net
            assert 0 <= -taxed <= tax
            assert credited != -net or taxed == -tax

    # Helpers

    @property
    def invoicing(self) -> Invoicing:
        return self.office.files.invoicing

    def keep(self) -> None:
        for number, content in self.office.contents().items():
            self.issued.setdefault(number, content)

    def some(self, data: st.DataObject, condition: str) -> list[str]:
        """Choose a document for which a condition holds, if there is one."""
        found = self.archive.frame(
            f"select invoice_id from invoices where {condition} order by invoice_id"
        )["invoice_id"].to_list()
        return [data.draw(st.sampled_from(found))] if found else []

    def attempt(self, act: Callable[[], object]) -> None:
        """Do what may be refused."""
        with suppress(UsageError):
            act()


def test_whatever_people_do_what_is_billed_is_what_is_owed() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=200 if IS_DEEP else 2,
            stateful_step_count=30 if IS_DEEP else 7,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
