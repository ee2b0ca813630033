"""The VAT breakdown of EN 16931 (BG-23): one group for each category and rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pricing.document import Document, LineTax, TaxTotal
from pricing.documents.en16931_codes import CATEGORIES, EXEMPTION_CODES, percent
from pricing.money import amount_text, exact_of, minor_of


@dataclass(frozen=True)
class Group:
    """The taxes of a document that are one to EN 16931, which knows no names of taxes."""

    category: str
    rate_ratio: Decimal
    totals: tuple[TaxTotal, ...]

    @property
    def taxable(self) -> Decimal:
        return sum((total.taxable for total in self.totals), Decimal(0))

    @property
    def tax(self) -> Decimal:
        return sum((total.tax for total in self.totals), Decimal(0))

    def agrees(self, currency: str) -> bool:
        """Say whether the tax is that of the sum, as EN 16931 wants it to be."""
        expected = exact_of(minor_of(self.taxable * self.rate_ratio, currency), currency)
        return self.tax == expected

    @property
    def reason(self) -> str:
        """Why no tax is due, in the words of the book."""
        return " ".join(
            dict.fromkeys(total.legal_note for total in self.totals if total.legal_note)
        )


def groups_of(document: Document) -> Sequence[Group]:
    """Group the taxes of a document by category and rate, in their order."""
    grouped: dict[tuple[str, Decimal], list[TaxTotal]] = {}
    for total in document.taxes or ():
        grouped.setdefault((CATEGORIES[total.treatment], total.rate_ratio), []).append(total)
    return [Group(*key, tuple(totals)) for key, totals in grouped.items()]


def breakdown_terms(document: Document) -> list[dict[str, str]]:
    """Write BG-23; what is outside the scope of tax has no rate (BR-O-05)."""
    return [_group_terms(group, document.currency) for group in groups_of(document)]


def line_tax_terms(tax: LineTax) -> dict[str, str]:
    """Write BT-151 and BT-152."""
    category = CATEGORIES[tax.treatment]
    return {"BT-151": category, **({} if category == "O" else {"BT-152": percent(tax.rate_ratio)})}


def _group_terms(group: Group, currency: str) -> dict[str, str]:
    terms = {
        "BT-116": money(group.taxable, currency),
        "BT-117": money(group.tax, currency),
        "BT-118": group.category,
        "BT-119": "" if group.category == "O" else percent(group.rate_ratio),
        "BT-120": group.reason if group.category in ("AE", "E", "O") else "",
        "BT-121": EXEMPTION_CODES.get(group.category, ""),
    }
    return {name: words for name, words in terms.items() if words}


def money(amount: Decimal, currency: str) -> str:
    """Write an amount with all decimals of its currency; what has more of them stays as it is.

    Example:
        >>> money(Decimal("12.5"), "EUR"), money(Decimal("12.00"), "JPY")
        ('12.50', '12')
    """
    minor = minor_of(amount, currency)
    return amount_text(minor, currency) if exact_of(minor, currency) == amount else f"{amount:f}"
