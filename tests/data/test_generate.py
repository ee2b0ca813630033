"""The generated sample: the same for the same seed, rich in what the network does, and true.

The reader below is slow and plain on purpose: it shares nothing with the generator but the shapes.
"""

import csv
import gzip
import io
import json
import runpy
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import zstandard

DATA = Path(__file__).parents[2] / "data"
ARRIVED = ("delivered", "read", "played")
DAY_S = 86400

Json = dict[str, Any]
Key = tuple[str, str, str | None]


def load_generate() -> Callable[..., None]:
    function: Callable[..., None] = runpy.run_path(str(DATA / "generate.py"))["generate"]
    return function


generate = load_generate()


@dataclass
class Log:
    """All that a folder of logs holds, read line by line."""

    payloads: list[tuple[str, Json]] = field(default_factory=list)  # file, payload
    lines: list[str] = field(default_factory=list)

    def values(self) -> Iterator[Json]:
        for _, payload in self.payloads:
            for entry in payload["entry"]:
                for change in entry["changes"]:
                    yield change["value"]

    def statuses(self) -> Iterator[tuple[str, Json]]:
        for value in self.values():
            for status in value.get("statuses", []):
                yield value["metadata"]["phone_number_id"], status

    def messages(self) -> Iterator[tuple[str, Json]]:
        for value in self.values():
            for message in value.get("messages", []):
                yield value["metadata"]["phone_number_id"], message


def read_log(book: Path) -> Log:
    log = Log()
    for path in sorted((book / "logs").glob("whatsapp-*")):
        text = read_text(path)
        if path.suffix == ".json":
            content = json.loads(text)
            payloads = content if isinstance(content, list) else [content]
        else:
            payloads = [json.loads(line) for line in text.splitlines()]
            log.lines += text.splitlines()
        log.payloads += [(path.name, payload) for payload in payloads]
    return log


def read_text(path: Path) -> str:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    if path.suffix == ".zst":
        with zstandard.open(path, "rt", encoding="utf-8") as file:
            return io.StringIO(file.read()).read()
    return path.read_text(encoding="utf-8")


def files_of(book: Path) -> dict[str, bytes]:
    return {
        path.relative_to(book).as_posix(): path.read_bytes()
        for path in sorted(book.rglob("*"))
        if path.is_file()
    }


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of moderate size, with its truth beside it."""
    book = tmp_path_factory.mktemp("sample") / "book"
    generate(book, accounts=120, messages=9000, free_tier=60, truth=book / "truth.parquet")
    return book


@pytest.fixture(scope="module")
def log(sample: Path) -> Log:
    return read_log(sample)


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    for name, threads in (("one", 1), ("two", 2), ("again", None)):
        generate(tmp_path / name, accounts=40, messages=1500, seed=11, threads=threads)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two") == files_of(tmp_path / "again")


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(tmp_path / str(seed), accounts=20, messages=300, seed=seed)
    one, other = files_of(tmp_path / "1"), files_of(tmp_path / "2")
    assert {name for name in one if one[name] == other.get(name)} == {"tollbook.toml"}


@pytest.mark.parametrize("messages", [1, 140, 142, 1000])
def test_as_many_messages_are_sent_as_were_asked_for(tmp_path: Path, messages: int) -> None:
    generate(tmp_path, accounts=10, messages=messages)
    sent = {(sender, status["id"]) for sender, status in read_log(tmp_path).statuses()}
    # A failed one may have no other report than its failure; each has one at least.
    assert len(sent) == messages


def test_the_log_tells_exactly_the_truth(sample: Path, log: Log) -> None:
    found = delivered(log)
    truth = pl.read_parquet(sample / "truth.parquet")
    expected = {
        (row["sender_id"], row["wamid"], row["participant"]): (
            int(row["delivered_at"].timestamp()),
            row["country"],
            row["category"],
            row["pricing_type"],
        )
        for row in truth.to_dicts()
    }
    assert found == expected
    assert truth.height == len(expected)


def delivered(log: Log) -> dict[Key, tuple[int, str, str | None, str | None]]:
    """Read deliveries as a person would: earliest arrival, latest pricing, longest prefix."""
    reports: dict[Key, list[Json]] = defaultdict(list)
    for sender, status in log.statuses():
        if status["status"] in ("sent", *ARRIVED):
            key = (sender, status["id"], status.get("recipient_participant_id"))
            reports[key].append(status)
    countries = prefixes()
    found = {}
    for key, statuses in reports.items():
        arrived = [int(s["timestamp"]) for s in statuses if s["status"] in ARRIVED]
        if arrived:
            category, kind = priced(statuses)
            found[key] = (min(arrived), country_of(statuses[0], countries), category, kind)
    return found


def priced(statuses: list[Json]) -> tuple[str | None, str | None]:
    told = [(int(s["timestamp"]), s["pricing"]) for s in statuses if "pricing" in s]
    if not told:
        return None, None
    pricing = max(told, key=lambda item: item[0])[1]
    kind = pricing.get("type") or ("regular" if pricing["billable"] else None)
    return pricing["category"].replace("-", "_"), kind


def prefixes() -> dict[str, str]:
    rows = rows_of(DATA / "markets.csv")
    return {row["calling_code"] + row["area_prefix"]: row["country"] for row in rows}


def country_of(status: Json, countries: dict[str, str]) -> str:
    number = status.get("recipient_participant_id") or status.get("recipient_id")
    if not number:
        return str(status["recipient_user_id"].split(".")[0])
    return next(
        countries[number[:length]]
        for length in range(len(number), 0, -1)
        if number[:length] in countries
    )


def test_no_marketing_reaches_a_number_in_the_united_states(sample: Path) -> None:
    truth = pl.read_parquet(sample / "truth.parquet")
    marketing = truth.filter(pl.col("category").str.contains("marketing"))
    assert "US" not in marketing["country"].to_list()
    assert "US" in truth["country"].to_list()


def test_all_categories_types_and_dozens_of_countries_occur(sample: Path) -> None:
    truth = pl.read_parquet(sample / "truth.parquet")
    assert set(truth["category"]) == {
        "marketing",
        "marketing_lite",
        "group_marketing",
        "utility",
        "group_utility",
        "authentication",
        "authentication_international",
        "service",
        "group_service",
    }
    assert set(truth["pricing_type"]) == {
        "regular",
        "free_customer_service",
        "free_entry_point",
        "free_group_customer_service",
    }
    assert truth["country"].n_unique() > 36


STATUS_FEATURES: dict[str, Callable[[Json], bool]] = {
    "sent": lambda s: s["status"] == "sent",
    "read": lambda s: s["status"] == "read",
    "played": lambda s: s["status"] == "played",
    "failed with a code": lambda s: s["status"] == "failed" and s["errors"][0]["code"] > 130000,
    "failed with pricing": lambda s: s["status"] == "failed" and "pricing" in s,
    "delivered without pricing": lambda s: s["status"] == "delivered" and "pricing" not in s,
    "lite without a type": lambda s: (
        s.get("pricing", {}).get("category") == "marketing_lite" and "type" not in s["pricing"]
    ),
    "hyphen": lambda s: s.get("pricing", {}).get("category") == "authentication-international",
    "underscore": lambda s: s.get("pricing", {}).get("category") == "authentication_international",
    "empty recipient": lambda s: s.get("recipient_id") == "" and "recipient_user_id" in s,
    "no recipient": lambda s: "recipient_id" not in s and "recipient_user_id" in s,
    "participant": lambda s: s.get("recipient_type") == "group" and "recipient_participant_id" in s,
    "conversation up to v23": lambda s: (
        s.get("conversation", {}).get("origin", {}).get("type") == "utility"
    ),
    "no conversation from v24": lambda s: "pricing" in s and "conversation" not in s,
    "entry point": lambda s: (
        s.get("pricing", {}).get("type") == "free_entry_point"
        and s["conversation"]["origin"]["type"] == "referral_conversion"
    ),
}


@pytest.mark.parametrize("feature", sorted(STATUS_FEATURES))
def test_statuses_have_the_shapes_that_the_network_sends(log: Log, feature: str) -> None:
    assert any(STATUS_FEATURES[feature](status) for _, status in log.statuses())


def test_inbound_messages_are_of_many_types_and_some_come_from_ads_and_groups(log: Log) -> None:
    messages = [message for _, message in log.messages()]
    assert {message["type"] for message in messages} == {
        *("text", "image", "audio", "video", "document", "sticker", "location", "contacts"),
        *("interactive", "order", "unsupported", "button", "reaction"),
    }
    assert any("referral" in message for message in messages)
    assert any("group_id" in message for message in messages)
    assert any("from" not in message and "from_user_id" in message for message in messages)


def test_payloads_are_batched_in_every_way(log: Log) -> None:
    payloads = [payload for _, payload in log.payloads]
    assert any(len(payload["entry"]) > 1 for payload in payloads)
    assert any(len(entry["changes"]) > 1 for payload in payloads for entry in payload["entry"])
    assert any(len(value.get("statuses", [])) > 1 for value in log.values())
    assert any(len(value.get("messages", [])) > 1 for value in log.values())
    assert any("statuses" in value and "messages" in value for value in log.values())


def test_lines_and_events_repeat_and_some_deliveries_are_known_from_read_alone(log: Log) -> None:
    assert len(set(log.lines)) < len(log.lines)
    events = Counter((sender, json.dumps(status)) for sender, status in log.statuses())
    assert any(count > 1 for count in events.values())
    statuses: dict[Key, set[str]] = defaultdict(set)
    for sender, status in log.statuses():
        key = (sender, status["id"], status.get("recipient_participant_id"))
        statuses[key].add(status["status"])
    assert any("read" in names and "delivered" not in names for names in statuses.values())


def test_files_are_of_every_kind_and_out_of_order_inside_and_across(log: Log) -> None:
    spans: dict[str, list[int]] = defaultdict(list)
    for file, payload in log.payloads:
        value = payload["entry"][0]["changes"][0]["value"]
        spans[file].append(
            int([*value.get("statuses", []), *value.get("messages", [])][0]["timestamp"])
        )
    endings = {"".join(Path(name).suffixes) for name in spans}
    assert endings == {".ndjson", ".ndjson.gz", ".ndjson.zst", ".json"}
    files = [times for name, times in sorted(spans.items()) if ".ndjson" in name]
    assert all(times != sorted(times) for times in files)
    assert any(max(one) > min(other) for one, other in pairwise(files))


def test_a_file_of_the_next_month_holds_messages_of_the_last_day(log: Log) -> None:
    last_day = datetime(2026, 10, 31, tzinfo=UTC).timestamp()
    late = [
        int(status["timestamp"])
        for file, payload in log.payloads
        if file.startswith("whatsapp-2026-11")
        for entry in payload["entry"]
        for change in entry["changes"]
        for status in change["value"].get("statuses", [])
    ]
    assert any(last_day <= at < last_day + DAY_S for at in late)


def test_neighbouring_months_are_there_near_midnight(sample: Path) -> None:
    times = pl.read_parquet(sample / "truth.parquet")["delivered_at"]
    assert times.min() < datetime(2026, 10, 1, tzinfo=UTC)  # type: ignore[operator]
    assert times.max() > datetime(2026, 11, 1, tzinfo=UTC)  # type: ignore[operator]


def test_a_number_has_as_many_free_answers_a_month_as_its_free_tier(sample: Path) -> None:
    zones = sender_zones(sample)
    truth = pl.read_parquet(sample / "truth.parquet").filter(
        pl.col("category").is_in(["service", "group_service"])
        & (pl.col("pricing_type") != "free_entry_point")
    )
    free: Counter[tuple[str, int]] = Counter()
    paid: set[tuple[str, int]] = set()
    for row in truth.to_dicts():
        month = row["delivered_at"].astimezone(zones[row["sender_id"]]).month
        if row["pricing_type"] == "regular":
            paid.add((row["sender_id"], month))
        else:
            free[row["sender_id"], month] += 1
    assert paid
    assert all(free[cell] == 60 for cell in paid)
    assert max(free.values()) == 60


def sender_zones(book: Path) -> dict[str, ZoneInfo]:
    accounts = {row["account_id"]: row["time_zone"] for row in rows_of(book / "accounts.csv")}
    by_owner = {
        row["sender_id"] or row["waba_id"]: row["time_zone"] or accounts[row["account_id"]]
        for row in rows_of(book / "senders.csv")
    }
    wabas = {
        value["metadata"]["phone_number_id"]: entry["id"]
        for _, payload in read_log(book).payloads
        for entry in payload["entry"]
        for change in entry["changes"]
        for value in [change["value"]]
    }
    return {
        sender: ZoneInfo(by_owner.get(sender) or by_owner[waba]) for sender, waba in wabas.items()
    }


def test_before_october_2026_utility_is_free_exactly_inside_the_service_window(
    tmp_path: Path,
) -> None:
    generate(tmp_path, month="2026-08", accounts=60, messages=6000)
    log = read_log(tmp_path)
    heard: dict[tuple[str, str], list[int]] = defaultdict(list)
    for sender, message in log.messages():
        contact = message.get("group_id") or message.get("from") or message["from_user_id"]
        heard[sender, contact].append(int(message["timestamp"]))
    contacts = {
        (sender, status["id"], status.get("recipient_participant_id")): (
            sender,
            status.get("recipient_id") or status["recipient_user_id"],
        )
        for sender, status in log.statuses()
    }
    checked: Counter[bool] = Counter()
    for key, (at, _, category, kind) in delivered(log).items():
        if category in ("utility", "group_utility") and kind != "free_entry_point":
            is_open = any(since <= at < since + DAY_S for since in heard[contacts[key]])
            assert (kind != "regular") == is_open
            checked[is_open] += 1
        if category == "service":
            assert kind != "regular"
    assert min(checked[True], checked[False]) > 100


def test_pricing_is_unknown_only_where_it_was_asked_for(tmp_path: Path, sample: Path) -> None:
    assert pl.read_parquet(sample / "truth.parquet")["category"].null_count() == 0
    generate(tmp_path, accounts=20, messages=2000, unknown=0.02, truth=tmp_path / "truth.parquet")
    truth = pl.read_parquet(tmp_path / "truth.parquet")
    assert 10 < truth["category"].null_count() < 120
    found = delivered(read_log(tmp_path))
    assert sum(category is None for _, _, category, _ in found.values()) == (
        truth["category"].null_count()
    )


def test_cloudevents_are_whole_and_name_accounts(sample: Path) -> None:
    accounts = {row["account_id"] for row in rows_of(sample / "accounts.csv")}
    (path,) = (sample / "logs").glob("events-*.ndjson")
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {event["type"] for event in events} == {
        "com.tollbook.device.linked",
        "com.tollbook.device.unlinked",
        "com.tollbook.link.clicked",
        "com.tollbook.seat.added",
        "com.tollbook.seat.removed",
    }
    assert all(event["specversion"] == "1.0" for event in events)
    assert {event["subject"] for event in events} <= accounts
    assert len({event["id"] for event in events}) < len(events)
    assert [event["time"] for event in events] != sorted(event["time"] for event in events)


def test_the_book_has_every_sender_of_the_log_and_a_plan_for_each_account(
    sample: Path, log: Log
) -> None:
    owners = rows_of(sample / "senders.csv")
    known = {row["sender_id"] for row in owners} | {row["waba_id"] for row in owners}
    for _, payload in log.payloads:
        for entry in payload["entry"]:
            for change in entry["changes"]:
                assert {entry["id"], change["value"]["metadata"]["phone_number_id"]} & known
    accounts = rows_of(sample / "accounts.csv")
    currencies = {row["account_id"]: row["currency"] for row in accounts}
    plans = {path.stem for path in (DATA / "plans").glob("*.toml")}
    subscribed = rows_of(sample / "subscriptions.csv")
    assert {row["account_id"] for row in subscribed} == set(currencies)
    assert {row["plan"] for row in subscribed} == plans
    for row in subscribed:
        is_european = row["plan"] == "sample-europe"
        assert is_european == (currencies[row["account_id"]] == "EUR")
    assert {row["add_on"] for row in rows_of(sample / "add_ons.csv")} == {
        "linked devices",
        "click-to-chat links",
    }


def test_accounts_are_small_and_large_in_many_zones_and_share_portfolios(sample: Path) -> None:
    accounts = rows_of(sample / "accounts.csv")
    sizes = [int(row["employee_count"]) for row in accounts]
    assert min(sizes) < 10
    assert max(sizes) > 1000
    day = datetime.combine(date(2026, 10, 1), datetime.min.time())
    offsets = [ZoneInfo(row["time_zone"]).utcoffset(day) for row in accounts]
    assert any(offset and offset.total_seconds() % 3600 for offset in offsets)
    assert len({row["time_zone"] for row in accounts}) > 12
    portfolios = Counter(row["portfolio_id"] for row in accounts if row["portfolio_id"])
    assert max(portfolios.values()) > 1


def test_few_accounts_send_most_of_the_messages(sample: Path) -> None:
    counts = pl.read_parquet(sample / "truth.parquet")["sender_id"].value_counts(sort=True)
    top = sum(counts["count"].to_list()[: counts.height // 5])
    assert top > 0.4 * sum(counts["count"].to_list())


def test_a_book_that_has_accounts_is_not_overwritten_unless_told(tmp_path: Path) -> None:
    generate(tmp_path, accounts=5, messages=10)
    with pytest.raises(FileExistsError, match="accounts or logs already"):
        generate(tmp_path, accounts=5, messages=10)
    generate(tmp_path, accounts=5, messages=20, force=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"month": "2025-06"}, "2025-07 or later"),
        ({"month": "2026-13"}, "not a month"),
        ({"messages": 0}, "messages must be 1"),
        ({"accounts": 0}, "accounts must be 1"),
        ({"unknown": 2}, "a share"),
    ],
)
def test_an_option_out_of_bounds_is_refused_with_its_value(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        generate(tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_it_runs_as_a_script(tmp_path: Path) -> None:
    script = [sys.executable, str(DATA / "generate.py"), str(tmp_path / "book")]
    options = ["--month", "2026-10", "--accounts", "5", "--messages", "20", "--seed", "7"]
    subprocess.run([*script, *options], check=True, cwd=tmp_path)
    assert (tmp_path / "book" / "accounts.csv").is_file()
    refused = subprocess.run(
        [*script, "--messages", "0"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "messages must be 1" in refused.stderr
