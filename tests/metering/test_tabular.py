"""Tables of message events of any other channel, read by a mapping that is checked first."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from metering.errors import BookError
from metering.quarantine import text_of
from metering.sources.tabular import read_mapping
from tests.metering.builders import GERMANY, Desk, counts

COLUMNS = {
    "message_id": "id",
    "sender_id": "from",
    "recipient": "to",
    "status": "state",
    "occurred_at": "at",
}
HEAD = "id,from,to,state,at\n"
NOON_UTC = datetime(2026, 10, 1, 12)  # noqa: DTZ001 - the store's UTC
NO_FORMAT = "timestamp is not in the format of the mapping"


def mapping(columns: Mapping[str, str] = COLUMNS, more: str = "", top: str = "") -> str:
    """Write a mapping file."""
    pairs = "".join(f"{ours} = '{theirs}'\n" for ours, theirs in columns.items())
    return f"channel = 'sms'\n{top}\n[columns]\n{pairs}\n{more}\n"


def row(
    name: object, at: str = "2026-10-01T12:00:00Z", to: str = GERMANY, state: str = "delivered"
) -> str:
    return f"{name},1,{to},{state},{at}\n"


def parquet(desk: Desk, frame: pl.DataFrame) -> bytes:
    path = desk.scratch.parent / "made.parquet"
    frame.write_parquet(path)
    return path.read_bytes()


def table(times: list[Any], **given: Any) -> pl.DataFrame:
    count = len(times)
    plain: dict[str, Any] = {
        "id": [f"m{n}" for n in range(count)],
        "from": ["1"] * count,
        "to": [GERMANY] * count,
        "state": ["delivered"] * count,
        "at": times,
    }
    return pl.DataFrame({**plain, **given})


def instants(desk: Desk) -> list[str]:
    return [row[0].isoformat() for row in desk.rows("select occurred_at from events order by 1")]


# The mapping


def test_every_mistake_of_a_mapping_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(
        "channel = 'S M S'\nextra = 1\n[columns]\nmesage_id = 'x'\n[time]\nzone = 'Mars/Base'\n"
    )

    with pytest.raises(BookError) as caught:
        read_mapping(path)

    said = str(caught.value)
    for what in ("channel", "extra", "mesage_id", "Mars/Base"):
        assert what in said
    assert all(problem.hint for problem in caught.value.problems)


@pytest.mark.parametrize("missing", ["message_id", "sender_id", "status", "occurred_at"])
def test_a_mapping_says_what_identifies_a_message(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(mapping({k: v for k, v in COLUMNS.items() if k != missing}))

    with pytest.raises(BookError, match=missing):
        read_mapping(path)


def test_a_tab_may_be_the_delimiter(tmp_path: Path, desk: Desk) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(mapping(top='delimiter = "\\t"'))

    assert read_mapping(path).delimiter == "\t"


def test_a_column_that_is_not_there_refuses_the_file_and_names_the_nearest(desk: Desk) -> None:
    wrong = mapping({**COLUMNS, "status": "stat", "occurred_at": "time"})

    load = desk.load_file(HEAD + row("a"), "log.csv", mapping=wrong)

    assert load.state == "refused"
    assert "'stat'" in load.why
    assert "'time'" in load.why
    assert "did you mean 'state'?" in load.hint
    assert desk.rows("select * from events") == []


def test_one_column_may_mean_two_things(desk: Desk) -> None:
    load = desk.load_file(HEAD + row("a"), "log.csv", mapping=mapping({**COLUMNS, "user_id": "to"}))

    assert counts(load) == {"accepted": 1}


def test_another_mapping_makes_the_same_file_another_content(desk: Desk) -> None:
    content = HEAD + row("a")
    first = desk.load_file(content, "log.csv", mapping=mapping())
    again = desk.load_file(content, "log.csv", mapping=mapping())
    other = desk.load_file(
        content, "log.csv", mapping=mapping(more="[values.status]\ndelivered = 'read'")
    )

    assert [load.state for load in (first, again, other)] == ["loaded", "already loaded", "loaded"]


def test_values_are_translated_and_constants_filled_in(desk: Desk) -> None:
    columns = {k: v for k, v in COLUMNS.items() if k != "sender_id"}
    more = (
        "[values.status]\nDLR = 'delivered'\n[constants]\nsender_id = '2'\ncategory = 'sms-text'\n"
    )

    desk.load_file(HEAD + row("a", state="DLR"), "log.csv", mapping=mapping(columns, more))

    assert desk.deliveries("channel, sender_id") == [("sms", "2")]
    assert desk.rows("select category from events") == [("sms_text",)]


# CSV


@pytest.mark.parametrize(
    ("content", "top"),
    [
        (HEAD + row("a") + row("b"), ""),
        ((HEAD + row("a") + row("b")).replace("\n", "\r\n"), ""),
        ("\ufeff" + HEAD + row("a") + row("b"), ""),
        ((HEAD + row("a") + row("b")).rstrip("\n"), ""),
        ((HEAD + row("a") + row("b")).replace(",", ";"), "delimiter = ';'"),
        (HEAD + row('"a ""x"", y"') + row('"b\nb"'), ""),
        (HEAD + row("#a") + row("b"), ""),
        (HEAD + row("0012") + row("12"), ""),
        ("extra," + HEAD + "".join(f"x,{row(n)}" for n in "ab"), ""),
    ],
)
def test_a_table_in_any_dialect_gives_two_deliveries(desk: Desk, content: str, top: str) -> None:
    load = desk.load_file(content, "log.csv", mapping=mapping(top=top))

    assert counts(load) == {"accepted": 2}
    assert desk.deliveries("place, channel") == [("2|49|DE", "sms")] * 2


def test_a_header_alone_holds_nothing(desk: Desk) -> None:
    load = desk.load_file(HEAD, "log.csv", mapping=mapping())

    assert (load.state, load.read) == ("loaded", 0)


@pytest.mark.parametrize("name", ["line", "problem", "row_text", "cells", "Line"])
def test_a_column_may_have_any_name(desk: Desk, name: str) -> None:
    content = HEAD.replace("id,", f"{name},", 1)
    known = mapping({**COLUMNS, "message_id": name})
    first = desk.load_file(content + row("a"), "1.csv", mapping=known)
    second = desk.load_file(content + row("b"), "2.csv", mapping=known)

    assert [counts(first), counts(second)] == [{"accepted": 1}, {"accepted": 1}]


def test_bad_rows_are_set_aside_with_their_lines(desk: Desk) -> None:
    content = (
        HEAD
        + row("a")
        + "too,short\n"
        + row("b", at="bad")
        + row("c")
        + "this,row,is,far,too,long\n"
        + row("", to="")
        + row("d", at="")
    )

    load = desk.load_file(content, "log.csv", mapping=mapping())

    assert load.read == 7
    assert load.accepted == 2
    width = "row does not fit the header"
    assert [(place[0], place[2]) for place in sorted(desk.refused())] == [
        (3, width),
        (4, NO_FORMAT),
        (6, width),
        (7, "message id is missing"),
        (8, "timestamp is missing"),
    ]


def test_a_row_that_is_not_utf_8_is_set_aside(desk: Desk) -> None:
    content = (HEAD + row("a")).encode() + b"\xe9" + row("x").encode() + row("b").encode()

    load = desk.load_file(content, "log.csv", mapping=mapping())

    assert counts(load) == {"accepted": 2, "quarantined": {"line is not UTF-8": 1}}
    assert desk.refused() == [(3, None, "line is not UTF-8")]


def test_inbound_rows_need_no_status(desk: Desk) -> None:
    head = "id,from,to,state,at,way\n"
    rows = [
        f"a,1,{GERMANY},,2026-10-01T12:00:00Z,inbound\n",
        f"a,1,{GERMANY},delivered,2026-10-01T12:00:00Z,OUTBOUND\n",
        f"b,1,{GERMANY},delivered,2026-10-01T12:00:00Z,sideways\n",
    ]

    load = desk.load_file(
        head + "".join(rows), "log.csv", mapping=mapping({**COLUMNS, "direction": "way"})
    )

    reason = "direction is not one that is known"
    assert counts(load) == {"accepted": 2, "quarantined": {reason: 1}}
    assert desk.rows("select direction, status from events order by all") == [
        ("inbound", "received"),
        ("outbound", "delivered"),
    ]


def test_a_number_in_another_spelling_is_never_placed_in_another_market(desk: Desk) -> None:
    spellings = ["00" + GERMANY, "0151" + GERMANY[5:], "+49 151 12345678"]
    desk.load_file(
        HEAD + "".join(row(n, to=to) for n, to in enumerate(spellings)),
        "log.csv",
        mapping=mapping(),
    )

    assert {place for (place,) in desk.deliveries("place")} <= {None, "2|49|DE"}


# Times


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-10-01T00:00:00Z", "2026-10-01T00:00:00"),
        ("2026-10-01T00:00:00+05:30", "2026-09-30T18:30:00"),
        ("2026-10-01T00:00:00-0300", "2026-10-01T03:00:00"),
        ("2026-10-01 00:00:00", "2026-09-30T18:30:00"),
        ("2026-10-01T00:00", "2026-09-30T18:30:00"),
        ("2026-10-01", "2026-09-30T18:30:00"),
    ],
)
def test_a_time_without_a_zone_is_in_that_of_the_mapping(
    desk: Desk, written: str, instant: str
) -> None:
    known = mapping(more="[time]\nzone = 'Asia/Kolkata'")
    desk.load_file(HEAD + row("a", at=written), "log.csv", mapping=known)

    assert instants(desk) == [instant]


def test_clock_changes_give_each_local_time_one_instant(desk: Desk) -> None:
    more = "[time]\nformat = '%d/%m/%Y %H:%M'\nzone = 'Europe/Berlin'"
    times = ["29/03/2026 01:59", "29/03/2026 02:30", "29/03/2026 03:00", "25/10/2026 02:30"]
    desk.load_file(
        HEAD + "".join(row(n, at=at) for n, at in enumerate(times)),
        "log.csv",
        mapping=mapping(more=more),
    )

    found = instants(desk)
    assert found[0] == "2026-03-29T00:59:00"
    assert "2026-03-29T01:00:00" in found
    assert "2026-03-29T01:30:00" in found or "2026-03-29T00:30:00" in found  # 02:30 was skipped
    assert found[-1] in {"2026-10-25T00:30:00", "2026-10-25T01:30:00"}  # 02:30 came twice


def test_a_format_may_hold_the_offset(desk: Desk) -> None:
    more = "[time]\nformat = '%d.%m.%Y %H:%M %z'\nzone = 'Asia/Kolkata'"
    desk.load_file(
        HEAD + row("a", at="01.10.2026 12:00 +0200"), "log.csv", mapping=mapping(more=more)
    )

    assert instants(desk) == ["2026-10-01T10:00:00"]


@pytest.mark.parametrize(
    ("form", "written", "reason"),
    [
        ("iso", "01/10/2026", NO_FORMAT),
        ("iso", "2026-02-30T00:00:00Z", NO_FORMAT),
        ("iso", "1970-01-01T00:00:00Z", "timestamp is before 2009"),
        ("iso", "2100-01-01T00:00:00Z", "timestamp is after 2099"),
        ("iso", "infinity", "timestamp is after 2099"),
        ("epoch", "1790856000000", "timestamp is in milliseconds"),
        ("epoch", "0", "timestamp is before 2009"),
        ("epoch", "noon", "timestamp is not a number of seconds"),
        ("%d/%m/%Y", "31/02/2026", NO_FORMAT),
        ("%d/%m/%Y", "2026-10-01", NO_FORMAT),
    ],
)
def test_a_time_that_cannot_be_read_is_refused_with_the_reason_that_helps(
    desk: Desk, form: str, written: str, reason: str
) -> None:
    known = mapping(more=f"[time]\nformat = '{form}'")

    load = desk.load_file(HEAD + row("a", at=written), "log.csv", mapping=known)

    assert counts(load) == {"quarantined": {reason: 1}}


def test_a_format_that_is_none_refuses_the_file(desk: Desk) -> None:
    known = mapping(more="[time]\nformat = '%Q'")

    assert desk.load_file(HEAD + row("a"), "log.csv", mapping=known).state == "refused"


# Parquet


@pytest.mark.parametrize(
    ("times", "more"),
    [
        (["2026-10-01T12:00:00Z"], ""),
        ([NOON_UTC], ""),
        (pl.Series([NOON_UTC], dtype=pl.Datetime("ns")), ""),
        (pl.Series([NOON_UTC]).dt.replace_time_zone("UTC"), "[time]\nzone = 'Asia/Kolkata'"),
        (
            pl.Series([datetime(2026, 10, 1, 8)]).dt.replace_time_zone("America/New_York"),  # noqa: DTZ001 - the zone comes with the column
            "[time]\nzone = 'Asia/Kolkata'",
        ),
        (
            [datetime(2026, 10, 1, 17, 30)],  # noqa: DTZ001 - the mapping says the zone
            "[time]\nzone = 'Asia/Kolkata'",
        ),
        ([1_790_856_000], "[time]\nformat = 'epoch'"),
        (["1790856000"], "[time]\nformat = 'epoch'"),
    ],
)
def test_a_parquet_column_of_times_may_be_native_text_or_integers(
    desk: Desk, times: Any, more: str
) -> None:
    content = parquet(desk, table(times, to=[int(GERMANY)]))

    load = desk.load_file(content, "log.parquet", mapping=mapping(more=more))

    assert (load.format, counts(load)) == ("parquet", {"accepted": 1})
    assert desk.deliveries("delivered_at, place") == [(NOON_UTC, "2|49|DE")]


def test_an_integer_id_is_the_same_message_in_csv_and_parquet(desk: Desk) -> None:
    desk.load_file(HEAD + row("17"), "log.csv", mapping=mapping())

    content = parquet(desk, table([NOON_UTC], id=[17]))
    load = desk.load_file(content, "log.parquet", mapping=mapping())

    assert counts(load) == {"duplicates": 1}


def test_rows_of_parquet_are_named_by_their_number(desk: Desk) -> None:
    content = parquet(desk, table([NOON_UTC, None, NOON_UTC], id=["a", "b", None]))

    desk.load_file(content, "log.parquet", mapping=mapping())

    assert desk.refused() == [
        (2, None, "timestamp is missing"),
        (3, None, "message id is missing"),
    ]


# Retry


@pytest.mark.parametrize(
    ("wrong", "right", "written"),
    [
        ("%d/%m/%Y", "iso", "2026-10-01T12:00:00Z"),
        ("iso", "%d/%m/%Y %H:%M", "01/10/2026 17:30"),
        ("iso", "epoch", "1790856000"),
    ],
)
def test_a_repaired_mapping_gives_what_it_would_have_given_at_first(
    desk: Desk, wrong: str, right: str, written: str
) -> None:
    names = ["0012", "B0A1EEBC-9C0B-4EF8-BB6D-6BB9BD380A11", "2026-10-01", "true"]
    content = HEAD + "".join(row(name, at=written) for name in names)
    zone = "zone = 'Asia/Kolkata'"
    events = "select * exclude (load_id) from events order by message_key"
    known = mapping(more=f"[time]\nformat = '{right}'\n{zone}")
    desk.load_file(content, "log.csv", mapping=known)
    direct = desk.rows(events)
    desk.clear()
    desk.load_file(content, "log.csv", mapping=mapping(more=f"[time]\nformat = '{wrong}'\n{zone}"))
    assert len(desk.refused()) == 4

    (load,) = desk.retry(mapping=known)

    assert counts(load) == {"accepted": 4}
    assert desk.rows(events) == direct


def test_a_row_that_is_refused_again_keeps_its_sender_and_place(desk: Desk) -> None:
    rows = "select * exclude (load_id, quarantined_at) from quarantine"
    desk.load_file(HEAD + row("a") + row("b", at="bad"), "log.csv", mapping=mapping())
    before = desk.rows(rows)

    desk.retry()

    assert desk.rows(rows) == before


def test_a_repaired_mapping_may_name_another_column(desk: Desk) -> None:
    content = "id,from,to,state,at,at2\n" + row("a", at="bad,2026-10-01T12:00:00Z")
    desk.load_file(content, "log.csv", mapping=mapping())

    (load,) = desk.retry(mapping=mapping({**COLUMNS, "occurred_at": "at2"}))

    assert counts(load) == {"accepted": 1}


def test_a_mapping_that_does_not_fit_refuses_the_retry_and_keeps_the_rows(desk: Desk) -> None:
    desk.load_file(HEAD + row("a", at="bad"), "log.csv", mapping=mapping())

    (load,) = desk.retry(mapping=mapping({**COLUMNS, "occurred_at": "missing"}))

    assert load.state == "refused"
    assert len(desk.refused()) == 1


def test_a_short_row_that_looks_like_json_does_not_stop_a_retry(desk: Desk) -> None:
    content = HEAD + "5\n" + row("a", at="bad")
    desk.load_file(content, "log.csv", mapping=mapping())

    desk.retry()

    assert len(desk.refused()) == 2


def test_the_text_of_a_refused_row_is_shown_as_it_came(desk: Desk) -> None:
    desk.load_file(HEAD + row("a") + "too,short\n", "log.csv", mapping=mapping())

    assert text_of(desk.store, 1) == "too,short"
