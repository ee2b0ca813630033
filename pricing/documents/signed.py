"""Documents with the signs of a ledger: what a credit note gives back is negative."""

from decimal import Decimal

from pricing.document import CreditUsed, Detail, Document, Line, TaxTotal

NOT_OWED = ("void", "carried")  # states of documents that nobody has to pay


def signed(document: Document) -> Document:
    """Write a document so that amounts and quantities of several can be added up.

    An invoice stays as it is. On a credit note, whose reader wants positive amounts, all that is
    counted or paid gets the other sign; unit prices and rates keep theirs.
    """
    if document.kind == "invoice":
        return document
    return document.model_copy(
        update={
            "net": _turned(document.net),
            "taxes": document.taxes and tuple(_tax(tax) for tax in document.taxes),
            "total": _turned(document.total),
            "credits": tuple(_credit(credit) for credit in document.credits),
            "due": _turned(document.due),
            "lines": tuple(_line(line) for line in document.lines),
        }
    )


def _line(line: Line) -> Line:
    return line.model_copy(
        update={
            "quantity": _turned(line.quantity),
            "amount": _turned(line.amount),
            "details": tuple(_detail(detail) for detail in line.details),
        }
    )


def _detail(detail: Detail) -> Detail:
    return detail.model_copy(
        update={
            "quantity": _turned(detail.quantity),
            "priced_quantity": _turned(detail.priced_quantity),
            "amount": None if detail.amount is None else _turned(detail.amount),
        }
    )


def _tax(tax: TaxTotal) -> TaxTotal:
    return tax.model_copy(update={"taxable": _turned(tax.taxable), "tax": _turned(tax.tax)})


def _credit(credit: CreditUsed) -> CreditUsed:
    return credit.model_copy(update={"amount": _turned(credit.amount)})


def _turned(number: Decimal) -> Decimal:
    return number.copy_negate() if number else number  # there is no -0 in a ledger
