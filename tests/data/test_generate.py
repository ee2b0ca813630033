"""The generated sample: the same for the same seed, rich in what the network does, and true."""

import json
import runpy
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests.data.reading import (
    DATA,
    DAY_S,
    Json,
    Key,
    Log,
    delivered,
    entry_points,
    read_log,
    rows_of,
    sender_of,
    service_windows,
)


def load_generate() -> Callable[..., None]:
    function: Callable[..., None] = runpy.run_path(str(DATA / "generate.py"))["generate"]
    return function


generate = load_generate()


def files_of(book: Path) -> dict[str, bytes]:
    return {
        path.relative_to(book).as_posix(): path.read_bytes()
        for path in sorted(book.rglob("*"))
        if path.is_file()
    }


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
        truth = tmp_path / name / "truth.parquet"
        generate(tmp_path / name, accounts=40, messages=1500, seed=11, threads=threads, truth=truth)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two") == files_of(tmp_path / "again")


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(tmp_path / str(seed), accounts=20, messages=300, seed=seed)
    one, other = files_of(tmp_path / "1"), files_of(tmp_path / "2")
    assert {name for name in one if one[name] == other.get(name)} == {"tollbook.toml", "taxes.csv"}


@pytest.mark.parametrize("messages", [1, 140, 142, 1000])
def test_as_many_messages_are_sent_as_were_asked_for(tmp_path: Path, messages: int) -> None:
    generate(tmp_path, accounts=10, messages=messages)
    sent = {(sender, status["id"]) for sender, status in read_log(tmp_path).statuses()}
    # A failed one may have no other report than its failure; each has one at least.
    assert len(sent) == messages


def test_the_log_tells_exactly_the_truth(sample: Path, log: Log) -> None:
    truth = pl.read_parquet(sample / "truth.parquet")
    expected = {
        key_of(row): (
            int(row["delivered_at"].timestamp()),
            row["country"],
            row["category"],
            row["pricing_type"],
        )
        for row in truth.to_dicts()
    }
    found = {
        key: (of.at_s, of.country, of.category, of.pricing_type)
        for key, of in delivered(log).items()
    }
    assert found == expected
    assert truth.height == len(expected)


def key_of(row: dict[str, Any]) -> Key:
    return row["sender_id"], row["wamid"], row["participant"]


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
        *("system", "edit", "revoke", "request_welcome"),
    }
    sources = {m["referral"]["source_type"] for m in messages if "referral" in m}
    assert sources == {"ad", "post", "page_button"}
    assert {event["data"]["entry_point"] for event in log.entries} == {"link", "website"}
    assert any("group_id" in message for message in messages)
    assert any("from" not in message and "from_user_id" in message for message in messages)


def test_payloads_are_batched_in_every_way(log: Log) -> None:
    payloads = [payload for _, payload in log.payloads]
    assert any(len(payload["entry"]) > 1 for payload in payloads)
    assert any(len(entry["changes"]) > 1 for payload in payloads for entry in payload["entry"])
    assert any(len(value.get("statuses", [])) > 1 for value in log.values())
    assert any(len(value.get("messages", [])) > 1 for value in log.values())
    assert any("statuses" in value and "messages" in value for value in log.values())
    fields = [
        {change["field"] for change in entry["changes"]} for p in payloads for entry in p["entry"]
    ]
    assert {"messages", "calls"} in fields


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
        for item in [*value.get("statuses", []), *value.get("messages", [])][:1]:
            spans[file].append(int(item["timestamp"]))
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


# What the network says follows from the rules, and the log


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of a month in which utility was free inside the service window."""
    book = tmp_path_factory.mktemp("earlier") / "book"
    generate(book, month="2026-08", accounts=60, messages=6000, truth=book / "truth.parquet")
    return book


@pytest.fixture(params=["sample", "earlier"])
def either(request: pytest.FixtureRequest) -> Path:
    book: Path = request.getfixturevalue(request.param)
    return book


def test_the_truth_knows_the_windows_that_the_log_shows(either: Path) -> None:
    log = read_log(either)
    deliveries = delivered(log)
    services, entries = service_windows(log), entry_points(log, deliveries)
    checked: Counter[tuple[bool, bool]] = Counter()
    for row in pl.read_parquet(either / "truth.parquet").to_dicts():
        delivery = deliveries[key_of(row)]
        service = [w for w in services.get(delivery.peer, []) if w.holds(delivery.at_s)]
        entry = [w for w in entries.get(delivery.peer, []) if w.holds(delivery.at_s)]
        told = (row["in_service_window"], row["in_free_entry_point"], row["entry_point"])
        source = [*(w.source for w in [*entry, *service]), "none"][0]
        assert told == (bool(service), bool(entry), source), row
        checked[bool(service), bool(entry)] += 1
    assert min(checked[one, other] for one in (True, False) for other in (True, False)) > 20


def test_the_network_is_wrong_where_it_was_planted_and_nowhere_else(either: Path) -> None:
    truth = pl.read_parquet(either / "truth.parquet").sort("delivered_at", "wamid")
    zones = sender_zones(either)
    free_tier = 60 if either.parent.name.startswith("sample") else 1000
    used: Counter[tuple[str, int]] = Counter()
    wrong: Counter[str | None] = Counter()
    for row in truth.filter("is_audited").to_dicts():
        local = row["delivered_at"].astimezone(zones[row["sender_id"]])
        is_counted = row["category"] in ("service", "group_service")
        if is_counted and not row["in_free_entry_point"] and local.date() >= PAID_SERVICE_DAY:
            used[row["sender_id"], local.month] += 1
        is_used_up = used[row["sender_id"], local.month] > free_tier
        expected = derived_type(row, local.date(), is_used_up=is_used_up)
        if expected != row["pricing_type"]:
            wrong[row["planted"]] += 1
            assert row["planted"] in ("free_outside", "charged_inside"), row
            is_charged = row["pricing_type"] == "regular"
            assert is_charged == (row["planted"] == "charged_inside")
    assert wrong == {"free_outside": 12, "charged_inside": 12}


PAID_SERVICE_DAY = date(2026, 10, 1)
FREE = "free_customer_service"


def derived_type(row: dict[str, Any], day: date, *, is_used_up: bool) -> str:
    """The type of a delivery by the rules of the network's pages, from what the log shows."""
    _, group, category = row["category"].rpartition("group_")
    free = "free_group_customer_service" if group else FREE
    if row["in_free_entry_point"]:
        return "free_entry_point"
    if category == "service":
        return "regular" if is_used_up else free
    if category == "utility" and row["in_service_window"] and day < PAID_SERVICE_DAY:
        return free
    return "regular"


def test_a_number_has_as_many_free_answers_a_month_as_its_free_tier(sample: Path) -> None:
    zones = sender_zones(sample)
    truth = pl.read_parquet(sample / "truth.parquet").filter(
        pl.col("category").is_in(["service", "group_service"])
        & (pl.col("pricing_type") != "free_entry_point")
    )
    free: Counter[tuple[str, int]] = Counter()
    last_free: dict[tuple[str, int], datetime] = {}
    first_paid: dict[tuple[str, int], datetime] = {}
    for row in truth.sort("delivered_at", descending=True).to_dicts():
        local = row["delivered_at"].astimezone(zones[row["sender_id"]])
        cell = row["sender_id"], local.month
        if row["pricing_type"] == "regular":
            first_paid[cell] = local
        elif local.date() >= PAID_SERVICE_DAY:
            free[cell] += 1
            last_free.setdefault(cell, local)
    assert first_paid
    assert all(free[cell] == 60 for cell in first_paid)
    assert all(last_free[cell] < at for cell, at in first_paid.items())
    assert max(free.values()) == 60


def sender_zones(book: Path) -> dict[str, ZoneInfo]:
    accounts = {row["account_id"]: row["time_zone"] for row in rows_of(book / "accounts.csv")}
    by_owner = {
        row["sender_id"] or row["waba_id"]: row["time_zone"] or accounts[row["account_id"]]
        for row in rows_of(book / "senders.csv")
    }
    wabas = {
        sender_of(value): entry["id"]
        for entry, _, value in read_log(book).changes()
        if "metadata" in value
    }
    return {
        sender: ZoneInfo(by_owner.get(sender) or by_owner[waba]) for sender, waba in wabas.items()
    }


def test_some_senders_report_nothing_that_they_receive(sample: Path, log: Log) -> None:
    truth = pl.read_parquet(sample / "truth.parquet")
    heard = {sender for sender, _ in log.messages()} | {
        sender for sender, _ in log.items("calls", "calls")
    }
    silent = truth.filter(~pl.col("sender_id").is_in(list(heard)))
    assert silent["is_audited"].sum() == 0
    assert silent["in_service_window"].sum() == 0
    # The network goes on as if nothing were amiss.
    assert {FREE, "free_entry_point"} <= set(silent["pricing_type"])
    assert 0.5 < truth["is_audited"].mean() < 0.99  # type: ignore[operator]


def test_a_send_log_denies_the_category_where_it_was_planted_and_nowhere_else(
    sample: Path, log: Log
) -> None:
    truth = pl.read_parquet(sample / "truth.parquet")
    (path,) = (sample / "logs").glob("sends-*.csv")
    rows = rows_of(path)
    assert list(rows[0]) == ["message_id", "sender_id", "template", "category", "sent_at"]
    sent = {(row["sender_id"], row["message_id"]): row for row in rows}
    assert len(sent) == len(rows)
    assert {row["category"] for row in rows} == {"marketing", "utility", "authentication"}
    logged, wrong = {row["sender_id"] for row in rows}, 0
    for row in truth.to_dicts():
        found = sent.get((row["sender_id"], row["wamid"]))
        is_template = "service" not in row["category"]
        assert (found is not None) == (is_template and row["sender_id"] in logged)
        if found:
            assert found["category"] == row["sent_category"]
            assert datetime.fromisoformat(found["sent_at"]) <= row["delivered_at"]
            is_denied = found["category"] != row["category"].split("_international")[0].replace(
                "group_", ""
            ).replace("_lite", "")
            assert is_denied == (row["planted"] == "category")
            wrong += is_denied
    assert wrong == 12
    assert 1 < len(logged) < truth["sender_id"].n_unique()
    # A template whose category changed is of each where it was.
    assert {row["category"] for row in rows if row["template"] == "winback_offer"} == {
        "marketing",
        "utility",
    }


def test_as_many_disagreements_are_planted_as_were_asked_for(tmp_path: Path) -> None:
    for count in (0, 7):
        book = tmp_path / str(count)
        truth = book / "truth.parquet"
        generate(book, accounts=60, messages=3000, disagreements=count, truth=truth)
        assert pl.read_parquet(truth)["planted"].is_not_null().sum() == count


# What is about no message


def test_calls_have_all_their_reports_and_a_length_where_somebody_took_them(log: Log) -> None:
    reports: dict[str, set[str]] = defaultdict(set)
    for array, name in (("calls", "event"), ("statuses", "status")):
        for _, call in log.items("calls", array):
            reports[call["id"]].add(call[name])
    assert {frozenset(names) for names in reports.values()} == {
        frozenset({"connect", "terminate"}),
        frozenset({"RINGING", "ACCEPTED", "connect", "terminate"}),
        frozenset({"RINGING", "REJECTED", "terminate"}),
    }
    ended = [call for _, call in log.items("calls", "calls") if call["event"] == "terminate"]
    assert {call["direction"] for call in ended} == {"USER_INITIATED", "BUSINESS_INITIATED"}
    for call in ended:
        assert ("duration" in call) == (call["status"] == "COMPLETED")
        if "duration" in call:
            assert call["duration"] == int(call["end_time"]) - int(call["start_time"]) > 0


def test_a_contact_is_written_to_under_its_new_number_or_user_id(log: Log) -> None:
    for changes in (
        [
            (sender, m["from"], m["system"].get("wa_id") or m["system"]["new_wa_id"], m)
            for sender, m in log.messages()
            if m.get("system", {}).get("type") == "user_changed_number"
        ],
        [
            (sender, update["user_id"]["previous"], update["user_id"]["current"], update)
            for sender, update in log.items("user_id_update", "user_id_update")
        ],
    ):
        assert changes
        written: dict[tuple[str, str], list[int]] = defaultdict(list)
        for sender, status in log.statuses():
            for name in ("recipient_id", "recipient_user_id"):
                if status["status"] == "sent" and name in status:
                    written[sender, status[name]].append(int(status["timestamp"]))
        for sender, old, new, item in changes:
            at_s = int(item["timestamp"])
            assert all(sent_s < at_s for sent_s in written[sender, old])
            assert all(sent_s > at_s for sent_s in written[sender, new])
        assert any(written[sender, old] for sender, old, _, _ in changes)
        assert any(written[sender, new] for sender, _, new, _ in changes)


def test_numbers_with_a_phone_app_echo_it_and_some_sync_their_history(log: Log) -> None:
    echoes = [echo for _, echo in log.items("smb_message_echoes", "message_echoes")]
    assert {echo["type"] for echo in echoes} == {"text", "image", "revoke"}
    known = {status["id"] for _, status in log.statuses()}
    assert not known & {echo["id"] for echo in echoes}
    messages = [
        (sender_of(value), thread["id"], message)
        for value in log.values("history")
        for part in value["history"]
        for thread in part["threads"]
        for message in thread["messages"]
    ]
    assert {name == message["from"] for _, name, message in messages} == {True, False}
    begin = datetime(2026, 9, 20, tzinfo=UTC).timestamp()
    assert all(int(message["timestamp"]) < begin for _, _, message in messages)
    contacts = {(sender, message.get("from")) for sender, message in log.messages()}
    assert contacts & {(sender, name) for sender, name, _ in messages}


def test_the_network_tells_of_accounts(log: Log) -> None:
    told: dict[str, list[Json]] = defaultdict(list)
    for entry, name, value in log.changes():
        if name == "account_update":
            told[value["event"]].append({**entry, **value})
        elif "metadata" not in value:
            told[name].append({**entry, **value})
    assert set(told) == {
        "VOLUME_BASED_PRICING_TIER_UPDATE",
        "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE",
        "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
        "PARTNER_REMOVED",
        "DISABLED_UPDATE",
        "template_category_update",
        "business_capability_update",
    }
    late = datetime(2026, 10, 20, tzinfo=UTC).timestamp()
    assert all(event["time"] > late for event in told["PARTNER_REMOVED"])
    wabas = {entry["id"] for entry, _, value in log.changes() if "metadata" in value}
    removed = {event["waba_info"]["waba_id"] for event in told["PARTNER_REMOVED"]}
    assert removed <= wabas


def test_the_counts_are_those_of_the_log(sample: Path, log: Log) -> None:
    counts = json.loads((sample / "truth.json").read_text(encoding="utf-8"))
    messages = {message["id"]: message for _, message in log.messages()}
    types = Counter(message["type"] for message in messages.values())
    calls: dict[str, Json] = {}
    for _, call in log.items("calls", "calls"):
        if call["event"] == "terminate":
            calls[call["id"]] = call
    directions = Counter(call["direction"] for call in calls.values())
    assert (
        sum(counts[name] for name in counts if name.startswith("calls_user"))
        == (directions["USER_INITIATED"])
    )
    assert (
        sum(counts[name] for name in counts if name.startswith("calls_business"))
        == (directions["BUSINESS_INITIATED"])
    )
    echoes = {echo["id"] for _, echo in log.items("smb_message_echoes", "message_echoes")}
    updates = {json.dumps(update) for _, update in log.items("user_id_update", "user_id_update")}
    history = [m for v in log.values("history") for h in v["history"] for m in h["threads"]]
    statuses: dict[str, set[Key]] = defaultdict(set)
    for key, reports in log.reports.items():
        for report in reports:
            statuses[report["status"]].add(key)
    expected = {
        "call_seconds": sum(call.get("duration", 0) for call in calls.values()),
        "echoes": len(echoes),
        "entries": len(log.entries),
        "edits": types["edit"],
        "revokes": types["revoke"],
        "user_id_changes": len(updates),
        "failed": len(statuses["failed"]),
        "deleted": len(statuses["deleted"]),
        "deliveries": len(delivered(log)),
        "history_messages": sum(len(thread["messages"]) for thread in history),
        "inbound": sum(types.values()) - types["edit"] - types["revoke"] - types["system"],
    }
    assert {name: counts[name] for name in expected} == expected
    assert counts["number_changes"] + counts["identity_changes"] == types["system"]
    assert sum(counts[n] for n in counts if n.startswith("planted_")) == 36


def test_pricing_is_unknown_only_where_it_was_asked_for(tmp_path: Path, sample: Path) -> None:
    assert pl.read_parquet(sample / "truth.parquet")["category"].null_count() == 0
    generate(tmp_path, accounts=20, messages=2000, unknown=0.02, truth=tmp_path / "truth.parquet")
    truth = pl.read_parquet(tmp_path / "truth.parquet")
    assert 10 < truth["category"].null_count() < 120
    found = delivered(read_log(tmp_path))
    assert sum(of.category is None for of in found.values()) == truth["category"].null_count()


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


def test_consent_is_given_and_taken_back_by_contacts_of_the_log(sample: Path, log: Log) -> None:
    (path,) = (sample / "logs").glob("consents-*.ndjson")
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    by_type: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for event in events:
        contact = (event["subject"], event["data"]["contact"].lstrip("+"))
        by_type[event["type"].removeprefix("com.tollbook.consent.")].add(contact)
    assert set(by_type) == {"opted_in", "opted_out"}
    assert by_type["opted_out"] < by_type["opted_in"]
    written = {(sender, status.get("recipient_id")) for sender, status in log.statuses()}
    recording = {sender for sender, _ in by_type["opted_in"]}
    assert len(by_type["opted_in"] & written) > 0.8 * len(by_type["opted_in"])
    assert {pair for pair in written if pair[0] in recording} - by_type["opted_in"]


def test_the_book_has_every_sender_of_the_log_and_a_plan_for_each_account(
    sample: Path, log: Log
) -> None:
    owners = rows_of(sample / "senders.csv")
    known = {row["sender_id"] for row in owners} | {row["waba_id"] for row in owners}
    for entry, _, value in log.changes():
        if "metadata" in value:
            assert {entry["id"], sender_of(value)} & known
    accounts = rows_of(sample / "accounts.csv")
    currencies = {row["account_id"]: row["currency"] for row in accounts}
    plans = {path.stem for path in (DATA / "plans").glob("sample-*.toml")}
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
        ({"free_tier": -1}, "0 or more"),
        ({"disagreements": -1}, "0 or more"),
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
