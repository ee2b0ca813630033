"""State: what a month hands on to the next one, as rows of one small frame.

Prior state enters a period only as the recorded closing state of the one before, so that rating a
month stays a pure function. Each kind of state is a word, with keys and values of its own.
"""

from collections.abc import Iterable
from io import BytesIO

import polars as pl

from pricing.money import EXACT

# One row for each account, kind and key; what is zero has no row.
STATE = pl.Schema(
    {
        "account_id": pl.String(),
        "kind": pl.String(),
        "key": pl.String(),
        "value": EXACT,  # an amount in major units, or a count
    }
)
STATE_KEY = ("account_id", "kind", "key")


def no_state() -> pl.DataFrame:
    """The state before the first month: schema `STATE`, no rows."""
    return STATE.to_frame()


def of_kind(state: pl.DataFrame, kind: str, *, key: str, value: str) -> pl.DataFrame:
    """Take the rows of a kind, with columns `account_id` and those that `key` and `value` name."""
    rows = state.filter(pl.col("kind") == kind)
    return rows.select("account_id", pl.col("key").alias(key), pl.col("value").alias(value))


def as_state(frame: pl.DataFrame, kind: str, *, key: str, value: str) -> pl.DataFrame:
    """Write columns of `frame` as rows of a kind: schema `STATE`; the reverse of `of_kind`."""
    return frame.select(
        "account_id",
        kind=pl.lit(kind),
        key=pl.col(key),
        value=pl.col(value).cast(EXACT),
    )


def closing_state(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Put the parts of a closing state together: schema `STATE`, sorted, without zeros."""
    state = pl.concat([no_state(), *parts]).filter(pl.col("value") != 0).sort(STATE_KEY)
    assert not state.select(STATE_KEY).is_duplicated().any(), "a key has one value"
    return state


def state_bytes(state: pl.DataFrame) -> bytes:
    """Write a state as text that says each value exactly: the same state, the same bytes."""
    return state.sort(STATE_KEY).with_columns(pl.col("value").cast(pl.String)).write_csv().encode()


def state_of(content: bytes) -> pl.DataFrame:
    """Read what `state_bytes` wrote: schema `STATE`."""
    texts = pl.read_csv(BytesIO(content), schema=dict.fromkeys(STATE, pl.String()))
    return texts.cast(STATE)
