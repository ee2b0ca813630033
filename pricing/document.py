"""The document that is made of an invoice or a credit note: what every format is written from.

Amounts are in major units of `currency` and as a reader of the document wants them: those of a
credit note are positive. An issued document is kept as these bytes and never made anew.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from metering.period import Month

SCHEMA = "tollbook.invoice/1"
Kind = Literal["invoice", "credit_note"]


class Part(BaseModel):
    """A part of a document: frozen, and nothing in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Party(Part):
    """Who sells or buys; what is not known is empty."""

    name: str  # as the law knows it
    address_lines: tuple[str, ...] = ()
    postal_code: str = ""
    city: str = ""
    country: str = ""  # ISO 3166-1
    vat_id: str = ""
    email: str = ""
    electronic_address: str = ""
    electronic_address_scheme: str = ""


class Seller(Party):
    """The business that issues the document."""

    tax_number: str = ""
    registration_number: str = ""
    phone: str = ""
    iban: str = ""
    bic: str = ""


class Buyer(Party):
    """The account that pays."""

    buyer_reference: str = ""
    purchase_order: str = ""


class Style(Part):
    """How the document is shown."""

    language: str = "en"  # of its words and numbers, as in pt-BR
    lines: Literal["by_charge", "by_price", "by_sender"] = "by_charge"
    color: str = "#0b5d4b"
    logo: str = ""  # a file of the book


class LineTax(Part):
    """How a line is taxed; its tax is in the total of that treatment, name and rate."""

    treatment: str  # standard, reduced, zero, reverse_charge, exempt or outside_scope
    name: str
    rate_ratio: Decimal


class Detail(Part):
    """One price cell of a line, exact: `priced_quantity` x `unit_price` = `amount`."""

    meter: str | None
    market: str | None
    category: str | None
    pricing_type: str | None
    tier: int | None  # 1 is the first
    quantity: Decimal
    priced_quantity: Decimal
    unit_price: Decimal | None  # None where the price is unknown, and then `amount` is
    amount: Decimal | None
    rate_date: date
    evidence: str | None
    status: str  # billed, free, in_conversation, ...
    note: str | None
    sender_id: str | None = None  # where lines are shown by sender, and a sender caused it


class Line(Part):
    """A charge, fee or add-on, or what is taken off or put on: its details, rounded once.

    The line of a correction says what changed since its `period` was invoiced: its details are
    those of now and, with the sign turned, those of then; its amount is the difference of two
    rounded amounts.
    """

    line_id: str
    account_id: str  # whose usage it is
    account_name: str = ""  # empty for the account that pays
    cost_centre: str = ""
    charge: str
    plan: str
    kind: str  # usage, fixed_fee, add_on; discount, maximum, minimum, commitment; carried, credit
    period: str  # the month that it is for
    is_correction: bool
    quantity: Decimal
    amount: Decimal
    currency: str
    tax: LineTax | None  # None where the book has no taxes.csv
    details: tuple[Detail, ...]


class TaxTotal(Part):
    """The tax on the sum of the lines of one treatment, name and rate."""

    treatment: str
    name: str
    rate_ratio: Decimal
    taxable: Decimal
    tax: Decimal
    legal_note: str | None


class CreditUsed(Part):
    """A prepaid credit that pays a part of the total."""

    credit_id: str
    amount: Decimal


class Reference(Part):
    """An issued document that this one corrects."""

    number: str
    issue_date: date
    account_id: str = ""  # who paid it, where that is another than who gets this one


class Day(Part):
    """How many deliveries a day of the month had, in the zone of the account."""

    day: date
    quantity: int


class Document(Part):
    """An invoice or a credit note. A draft has no number and no dates."""

    schema_: Literal["tollbook.invoice/1"] = Field(alias="schema")
    invoice_id: str
    account_id: str
    name: str
    purpose: str
    period: str
    period_start_at: datetime
    period_end_at: datetime  # exclusive
    period_first_day: date
    period_last_day: date
    kind: Kind
    state: str
    number: str | None
    issue_date: date | None
    due_date: date | None
    payment_terms_days: int
    corrects: tuple[Reference, ...]
    reason: str | None  # of a credit note that a person made
    seller: Seller
    buyer: Buyer
    style: Style
    currency: str
    net: Decimal
    taxes: tuple[TaxTotal, ...] | None  # None where the book has no taxes.csv
    total: Decimal
    credits: tuple[CreditUsed, ...]
    due: Decimal
    lines: tuple[Line, ...]
    days: tuple[Day, ...]  # empty where usage by day is not known
    coverage: Mapping[str, Any]
    blocked: tuple[Mapping[str, str], ...]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Document":
        """Read what `tollbook invoice show --format json` prints."""
        return cls.model_validate(content)

    @property
    def counts_in(self) -> str:
        """The month in which its amounts count: that of a credit note's issue, else its own."""
        if self.reason is None or self.issue_date is None:
            return self.period
        return str(Month.of(self.issue_date))
