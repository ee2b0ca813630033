"""What comes back to prepaid credits: what they paid of documents that are void or credited by now.

The ledger of a month says what its run used; documents say what still counts. The difference is
restored by the next month that is billed, so that nothing is lost however months are billed again.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from metering.period import Month
from pricing.archive import Archive
from pricing.ledger import MAY_RESTORE, RESTORED
from pricing.money import to_major
from pricing.state import as_state, closing_state

OWNERS = (
    "select credit_id, any_value(account_id) as account_id, any_value(currency) as currency"
    " from credit_ledger group by credit_id"
)
BY_LEDGER = (
    "select credit_id, used_minor - restored_minor as minor from credit_ledger"
    " where period < $period"
)
# A credit note that a person made counts once it is issued, and so do its negative amounts.
BY_DOCUMENTS = (
    "select credit_id, amount_minor as minor from credits_used join invoices using (invoice_id)"
    " where period < $period and state <> 'void' and (origin = 'run' or state = 'issued')"
)
OF_CORRECTED = (
    "select credit_id, amount_minor as minor from credits_used join invoices using (invoice_id)"
    " where state = 'issued' and list_contains($periods, period)"
)


def given_back(archive: Archive, month: Month, corrected: Sequence[Month]) -> pl.DataFrame:
    """Say what comes back to credits in a month, and what may: schema `STATE`.

    Args:
        archive: The documents.
        month: The month that is billed.
        corrected: The months that a credit note of its run may correct.
    """
    before = {"period": str(month)}
    restored = (
        f"select credit_id, minor from ({BY_LEDGER})"
        f" union all select credit_id, -minor from ({BY_DOCUMENTS})"
    )
    periods = {"periods": [str(one) for one in corrected if one < month]}
    return closing_state(
        [
            _as_state(archive, restored, before, RESTORED),
            _as_state(archive, OF_CORRECTED, periods, MAY_RESTORE),
        ]
    )


def _as_state(archive: Archive, moves: str, given: Mapping[str, object], kind: str) -> pl.DataFrame:
    query = (
        "select account_id, credit_id, currency, sum(minor)::bigint as minor"
        f" from ({moves}) join ({OWNERS}) using (credit_id) group by all"
    )
    found = archive.frame(query, given)
    exact = to_major(pl.col("minor"), pl.col("currency"))
    return as_state(found.with_columns(exact.alias(kind)), kind, key="credit_id", value=kind)
