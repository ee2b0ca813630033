"""Worked cases of other engines on aggregations and billing periods, where our policy admits them.

The cases are read from the folder beside the project; without it they are skipped. A case that our
written policy does not admit stands in `NOT_OURS` with the reason.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from metering.meter import Meter
from metering.period import Month, midnight
from tests.metering.builders import Desk, Json, cloud_event

CASES = Path(__file__).parents[3] / "shared" / "vectors" / "cases.json"
KINDS = ("aggregation", "window")
NOT_OURS = {
    **dict.fromkeys(
        ["fp-win-001", "fp-win-002", "fp-win-003", "fp-win-004", "fp-win-005", "fp-win-009"],
        "months are calendar months; periods from an anchor day are not offered",
    ),
    **dict.fromkeys(
        ["fp-win-010", "la-win-004", "la-win-006", "la-win-008", "la-win-011", "la-win-012"],
        "months are calendar months; periods from an anchor day are not offered",
    ),
    **dict.fromkeys(
        ["me-win-004", "me-win-005", "me-win-009", "om-window-003", "om-window-004"],
        "months are calendar months; periods from an anchor day are not offered",
    ),
    **dict.fromkeys(
        ["la-prog-002", "la-prog-004"],
        "a month is billed once, at its end; no bill is written when usage passes a threshold",
    ),
    "fp-days-006": "part of a day counts as its part, not as none",
    "fp-days-008": "part of a day counts as its part, not as none",
}


def cases(*names: str) -> list[Json]:
    if not CASES.exists():
        return []
    listed = [case for case in json.loads(CASES.read_text())["cases"] if case["kind"] in KINDS]
    return [case for case in listed if not names or case["id"] in names]


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not here")
def test_every_case_is_run_or_its_reason_is_given() -> None:
    run = {name for names in RUN for name in names}

    assert run | NOT_OURS.keys() == {case["id"] for case in cases()}
    assert not run & NOT_OURS.keys()


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if case["id"] not in NOT_OURS],
    ids=lambda case: case["id"],
)
def test_a_case_gives_what_it_says(desk: Desk, case: Json) -> None:
    (check,) = (check for names, check in RUN.items() if case["id"] in names)

    check(desk, case["inputs"], case["expected"])


# Aggregations


def meter_of(kind: str, **given: Any) -> Meter:
    source = {"kind": "cloud_events", "type": "used"}
    aggregation = {"kind": kind} | ({} if kind == "count" else given)
    return Meter.model_validate(
        {
            **{"meter": "m", "unit": "units", "source": source, "aggregation": aggregation},
            "without_value": "skip",  # as all of them do with a null
        }
    )


def tell(desk: Desk, number: int, data: Json, at: datetime | None = None) -> None:
    time = at or datetime(2026, 10, 5, tzinfo=UTC) + timedelta(seconds=number)
    desk.load(cloud_event(f"e{number}", type="used", time=time.isoformat(), data=data))


def check_running_values(desk: Desk, inputs: Json, expected: Json) -> None:
    meter = meter_of(inputs["aggregation"], of="data.value")
    amounts = zip(expected["running_values"], expected["running_amounts"], strict=True)
    for number, (event, (value, amount)) in enumerate(zip(inputs["events"], amounts, strict=True)):
        tell(desk, number, {"value": event})
        found: Any = desk.usage("2026-10", meter=meter)[()]
        assert (found, found * Decimal(inputs["unit_price"])) == (Decimal(value), Decimal(amount))


def check_sum(desk: Desk, inputs: Json, expected: Json) -> None:
    for number, value in enumerate(inputs["units"]):
        tell(desk, number, {"value": value})

    assert desk.usage("2026-10", meter=meter_of("sum", of="data.value")) == {
        (): Decimal(expected["value"])
    }


def check_value(desk: Desk, inputs: Json, expected: Json) -> None:
    """Our quantities have six decimals: an expected value is rounded to them."""
    kind = "average" if inputs["aggregation"] == "avg" else str(inputs["aggregation"])
    for number, event in enumerate(inputs["events"]):
        tell(desk, number, {"value": event["value"], "name": event["name"]})
    found = desk.usage("2026-10", meter=meter_of(kind, of=f"data.{inputs.get('field') or 'value'}"))

    if expected["value"] is None:
        assert found == {}
    else:
        assert found == {(): round(Decimal(expected["value"]), 6)}


def check_groups(desk: Desk, inputs: Json, expected: Json) -> None:
    """The groups of this case are days, which is a dimension of ours."""
    for number, event in enumerate(inputs["events"]):
        day = datetime.strptime(event["group"], "%Y/%b/%d").replace(hour=12, tzinfo=UTC)
        tell(desk, number, {"item": event["item"]}, day)

    found = desk.usage("2024-02", "day", meter=meter_of("unique_count", of="data.item"))
    assert sum(found.values()) * Decimal(inputs["unit_price"]) == Decimal(expected["amount"])


def check_weighted(desk: Desk, inputs: Json, expected: Json) -> None:
    """Their weight is the part of the month, which is ours with `per = "month"`."""
    for number, event in enumerate(inputs["events"]):
        tell(desk, number, {"change": event["v"]}, datetime.fromisoformat(event["t"]))
    meter = meter_of("time_weighted", change="data.change", per="month")

    found = desk.usage("2023-03", meter=meter, accounts=in_zone(desk, "UTC"))[()]
    assert found == round(Decimal(expected["value"]), 6)
    assert round(found * Decimal(inputs["unit_price"]), 2) == Decimal(expected["amount"])


# Periods


def in_zone(desk: Desk, zone: str) -> Any:
    return desk.accounts(
        accounts=f"account_id,name,time_zone\nacme,Acme,{zone}\n",
        senders="sender_id,account_id\n1,acme\n",
    )


def check_days(desk: Desk, inputs: Json, expected: Json) -> None:
    """From local midnight to local midnight, a device is there for whole days."""
    first, end = (date.fromisoformat(inputs[key]) for key in ("from", "to"))
    for number, (day, change) in enumerate(((first, 1), (end, -1))):
        tell(desk, number, {"change": change}, midnight(day, inputs["timezone"]))
    accounts = in_zone(desk, inputs["timezone"])
    meter = meter_of("time_weighted", change="data.change")

    assert desk.usage(f"{first:%Y-%m}", meter=meter, accounts=accounts) == {(): expected["days"]}


def check_boundary(desk: Desk, inputs: Json, expected: Json) -> None:
    start = datetime.fromisoformat(inputs["event_at"])
    tell(desk, 1, {}, start)
    accounts = in_zone(desk, "UTC")
    counted = [
        desk.usage(month, meter=meter_of("count"), accounts=accounts)[()] == 1
        for month in (f"{start:%Y-%m}", f"{start - timedelta(days=1):%Y-%m}")
    ]

    keys = ("counted_in_current_period", "counted_in_carried")
    assert counted == [expected[key] for key in keys]


def check_calendar_month(desk: Desk, inputs: Json, expected: Json) -> None:
    """Their period ends at its last second, ours at the instant after it."""
    billed = date.fromisoformat(inputs["billing_at"])
    before = billed if inputs.get("payment") == "in_advance" else billed - timedelta(days=1)
    start, end = Month(before.year, before.month).bounds("UTC")

    assert [start, end - timedelta(seconds=1)] == [
        datetime.fromisoformat(expected[key]) for key in ("from", "to")
    ]


def check_end_of_year(desk: Desk, inputs: Json, expected: Json) -> None:
    zone = inputs["timezone"]
    year = datetime.fromisoformat(inputs["at"]).astimezone(ZoneInfo(zone)).year
    _, end = Month(year, 12).bounds(zone)

    assert end - timedelta(seconds=1) == datetime.fromisoformat(expected["to"])


def check_elapsed(desk: Desk, inputs: Json, expected: Json) -> None:
    start, target = (date.fromisoformat(inputs[key]) for key in ("billing_start", "target"))
    month, elapsed = Month(start.year, start.month), 0
    while month.bounds("UTC")[1] <= midnight(target, "UTC"):
        month, elapsed = month.next(), elapsed + 1

    assert elapsed == expected["elapsed_cycles"]


RUN: dict[Sequence[str], Callable[[Desk, Json, Json], None]] = {
    ("la-latest-001", "la-max-001"): check_running_values,
    ("la-pagg-003",): check_sum,
    (
        *("om-agg-002", "om-agg-003", "om-agg-005", "om-agg-006"),
        *("om-agg-008", "om-agg-009", "om-agg-012"),
    ): check_value,
    ("la-uniq-001",): check_groups,
    ("la-wsum-001",): check_weighted,
    ("fp-days-003", "fp-days-007"): check_days,
    ("la-pagg-002",): check_boundary,
    ("la-win-001", "la-win-003"): check_calendar_month,
    ("la-win-014", "la-win-015"): check_end_of_year,
    ("me-win-006", "me-win-007", "me-win-010"): check_elapsed,
}
