"""Worked cases of other engines: each passes, or stands in left_out.csv with the reason.

The cases are read from the folder beside the project; without it they are skipped. Those on
aggregations and periods are run by tests/metering/test_vectors.py, which has its own reasons.
"""

import csv
import json
from pathlib import Path

import pytest

from tests.metering import test_vectors as of_metering
from tests.vectors.adapter import answer
from tests.vectors.bill import Json

CASES = Path(__file__).parents[3] / "shared" / "vectors" / "cases.json"
LEFT_OUT = Path(__file__).with_name("left_out.csv")
REASONS = ("not priced by Tollbook: ", "policy: ")


def cases() -> list[Json]:
    listed: list[Json] = json.loads(CASES.read_text())["cases"] if CASES.exists() else []
    return [case for case in listed if case["kind"] not in of_metering.KINDS]


def left_out() -> list[dict[str, str]]:
    with LEFT_OUT.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


LISTED = {row["id"] for row in left_out()}
needs_cases = pytest.mark.skipif(
    not CASES.exists(), reason="wants ../shared/vectors/cases.json, the worked cases"
)


@pytest.mark.parametrize(
    "case", [case for case in cases() if case["id"] not in LISTED], ids=lambda case: case["id"]
)
def test_a_case_that_our_policy_admits_gives_what_it_says(case: Json) -> None:
    answers = answer(case)

    assert answers
    assert {key: found for key, found, _ in answers} == {key: said for key, _, said in answers}


@needs_cases
def test_what_is_left_out_is_a_case_that_no_plan_can_say_or_that_differs() -> None:
    by_id = {case["id"]: case for case in cases()}
    assert by_id.keys() >= LISTED

    for name in sorted(LISTED):
        answers = answer(by_id[name])
        assert answers is None or any(found != said for _, found, said in answers), name


@needs_cases
def test_every_case_is_run_or_left_out_with_its_reason() -> None:
    listed = json.loads(CASES.read_text())["cases"]
    run = {name for names in of_metering.RUN for name in names}
    ours = {case["id"] for case in cases()}

    assert ours | run | of_metering.NOT_OURS.keys() == {case["id"] for case in listed}


def test_each_reason_says_whose_it_is_and_stands_once() -> None:
    rows = left_out()

    assert len(LISTED) == len(rows)
    assert all(row["reason"].startswith(REASONS) for row in rows)
    assert [*rows] == sorted(rows, key=lambda row: (row["kind"], row["id"]))
