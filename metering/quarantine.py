"""Quarantine: rows that were refused, listed, shown and tried again.

Raw text stays restorable for a retry and is masked for people; after the days of the setting it is
cleared, and only the place and the reason remain.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl

from metering.errors import UsageError
from metering.store import Store

# Values that name no person; any other text of a refused row is masked.
PLAIN_KEYS = frozenset(
    "object field messaging_product status timestamp type billable pricing_model category subtype"
    " recipient_type code expiration_timestamp specversion time".split()
)


def list_rows(store: Store, *, reason: str | None = None) -> pl.DataFrame:
    """List what is in quarantine: its id, place, reason, sender, and whether its text is kept."""
    return store.frame(
        """
        select
            quarantine_id, load_id, name as file, line, position, reason, sender_id,
            raw is not null as has_text, quarantined_at at time zone 'UTC' as quarantined_at
        from quarantine
        where $reason is null or reason = $reason
        order by quarantine_id
        """,
        {"reason": reason},
    )


def refused_by_sender(store: Store) -> pl.DataFrame:
    """Count the rows in quarantine whose sender is known: sender_id, waba_id, row_count."""
    return store.frame(
        """
        select sender_id, any_value(waba_id) as waba_id, count(distinct quarantine_id) as row_count
        from quarantine
        left join (select distinct sender_id, max(waba_id) as waba_id from deliveries group by all)
            using (sender_id)
        where sender_id is not null
        group by sender_id
        order by sender_id
        """
    )


def text_of(store: Store, quarantine_id: int) -> str:
    """The text of a refused row as it came; raises `UsageError` if there is none."""
    rows = store.frame(
        "select raw from quarantine where quarantine_id = $id", {"id": quarantine_id}
    )["raw"].to_list()
    if not rows or rows[0] is None:
        what = "its text was cleared" if rows else "there is no such row"
        raise UsageError(
            f"row {quarantine_id}: {what}",
            where="QUARANTINE_ID",
            hint="tollbook quarantine list says what there is",
        )
    return str(rows[0])


def masked(text: str) -> str:
    """Mask what may name a person: texts beyond the plain keys, and digits outside of JSON.

    Example:
        >>> masked('{"status":"sent","recipient_id":"5511987654321"}')
        '{"status": "sent", "recipient_id": "55…21"}'
        >>> masked("not JSON 5511987654321")
        'not JSON 55…21'
    """
    try:
        return json.dumps(
            _masked_value("", json.loads(text, parse_float=Decimal)),
            ensure_ascii=False,
            default=str,
        )
    except (ValueError, RecursionError):
        # What stands between quotes and not before a colon, long words, and digits however written.
        words = re.sub(r'"([^"]*)"(?!\s*:)', lambda word: f'"{_short(word[1])}"', text[:2000])
        words = re.sub(r"[A-Za-z0-9+/=_.]{16,}", lambda word: _short(word[0]), words)
        return re.sub(r"\d(?:[ ().-]*\d){4,}", lambda digits: _short(digits[0]), words)


def replace_text(store: Store, quarantine_id: int, text: str) -> None:
    """Put a repaired text in place of a refused one; raises `UsageError` if it is not JSON."""
    text_of(store, quarantine_id)
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the repaired text is not JSON: {error}", where="--with", hint="repair it first"
        ) from error
    store.execute(
        "update quarantine set raw = $raw where quarantine_id = $id",
        {"raw": text.strip(), "id": quarantine_id},
    )


def clear_old(store: Store, keep_days: int) -> None:
    """Clear the texts that are older than the setting allows; place and reason stay."""
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=keep_days)
    store.execute(
        "update quarantine set raw = null where raw is not null and quarantined_at < $before",
        {"before": before},
    )


def _masked_value(key: str, value: object) -> object:
    match value:
        case dict():
            return {re.sub(r"\d{5,}", "…", k): _masked_value(k, v) for k, v in value.items()}
        case list():
            return [_masked_value(key, v) for v in value]
        case str() if key not in PLAIN_KEYS:
            return _short(value)
        case int() | Decimal() if key not in PLAIN_KEYS:
            return _short(str(value))
        case _:
            return value


def _short(text: str) -> str:
    return text if len(text) < 5 else f"{text[:2]}…{text[-2:]}"
