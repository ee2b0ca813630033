"""The sample, from generated logs to invoices, against what is known to be true of it."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from metering.account import load_accounts
from metering.audit import audit
from metering.facts import data_path
from metering.files import find_files
from metering.ingest import ingest
from metering.period import Month
from metering.secret import ensure_secret
from metering.settings import Book
from metering.store import Store, scratch
from pricing.document_writer import documents
from pricing.run import bill

OCTOBER = Month(2026, 10)
FACTS = ["sender_id", "delivered_at", "country", "category", "pricing_type"]


@dataclass(frozen=True)
class Sample:
    """A sample book whose logs are loaded, and what it was made from."""

    book: Book
    truth: pl.DataFrame  # a row for each delivery
    counts: dict[str, int]  # of everything else


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    root = tmp_path_factory.mktemp("sample")
    return loaded_sample(root, "--accounts", "120", "--messages", "6000", "--seed", "11")


def loaded_sample(root: Path, *options: str) -> Sample:
    script = (sys.executable, str(data_path("generate.py")), str(root / "book"))
    subprocess.run([*script, *options, "--truth", str(root / "truth.parquet")], check=True)
    book = Book(root / "book")
    ensure_secret(book)
    with Store.open(book, book.settings(), "write") as store, scratch(book) as folder:
        loads = list(ingest(store, find_files([str(book.root / "logs")]), scratch=folder))
    assert not [load for load in loads if load.quarantined or load.state == "refused"]
    assert {kind for load in loads for kind in load.ignored} <= {"business_capability_update"}
    assert not [load for load in loads if load.unknown_fields]
    truth = pl.read_parquet(root / "truth.parquet").with_columns(
        pl.col("delivered_at").dt.replace_time_zone(None).cast(pl.Datetime("us"))
    )
    return Sample(book, truth, json.loads((root / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture
def store(sample: Sample) -> Iterator[Store]:
    with Store.open(sample.book, sample.book.settings()) as opened:
        yield opened


def test_the_store_holds_exactly_the_messages_that_were_delivered(
    sample: Sample, store: Store
) -> None:
    found = store.frame(
        """
        select
            sender_id, delivered_at, split_part(place, '|', 3) as country,
            pricing.category as category, pricing.pricing_type as pricing_type
        from deliveries where delivered_at is not null and not is_echo
        """
    )

    assert found.sort(FACTS).equals(sample.truth.select(FACTS).sort(FACTS))


def test_the_store_knows_in_which_windows_each_message_was_delivered(
    sample: Sample, store: Store
) -> None:
    store.put("truth", sample.truth)
    wrong = store.frame(
        """
        select truth.*, deliveries.in_service_window, deliveries.in_free_entry_point
        from truth
        join deliveries on deliveries.message_key = message_key_of(
            'whatsapp', 'outbound', truth.sender_id, truth.wamid, truth.participant)
        where
            deliveries.in_service_window is distinct from truth.in_service_window
            or deliveries.in_free_entry_point is distinct from truth.in_free_entry_point
            or deliveries.entry_point is distinct from truth.entry_point
        """
    )

    assert wrong.is_empty(), wrong
    assert set(sample.truth["entry_point"]) == {"none", "ad", "page_button", "link", "website"}


def test_the_store_holds_every_other_event_once(sample: Sample, store: Store) -> None:
    """What is reported twice with one content is a duplicate; a call has some reports."""
    found = dict(
        store.frame(
            """
            select
                case
                    when direction = 'history' then 'history_messages'
                    when direction = 'inbound' and message_type in ('edit', 'revoke')
                        then concat(message_type, 's')
                    when direction = 'inbound' and message_type = 'system'
                        then case when linked_key is null then 'identity_changes'
                            else 'number_changes' end
                    when direction = 'identity' then 'user_id_changes'
                    else concat(direction, 's')
                end as what,
                count(distinct message_key)
            from events
            where direction not in ('outbound', 'account', 'consent')
            group by all
            """
        ).rows()
    )
    counts = sample.counts
    expected = {
        name: counts[name]
        for name in (
            *("history_messages", "edits", "revokes", "number_changes", "identity_changes"),
            *("user_id_changes", "sends"),
        )
    }
    expected["echos"] = counts["echoes"]
    expected["inbounds"] = counts["inbound"]
    expected["calls"] = sum(counts[name] for name in counts if name.startswith("calls_"))

    assert found == expected
    seconds = "select sum(duration_seconds) from events where direction = 'call'"
    assert store.value(seconds) == counts["call_seconds"]


def test_the_store_holds_every_consent_once(sample: Sample, store: Store) -> None:
    found = store.frame(
        """
        select concat('consents_', split_part(type, '.', 4)) as what, count(*)
        from cloud_events where starts_with(type, 'com.tollbook.consent.') group by all
        """
    )

    consents = {name: n for name, n in sample.counts.items() if name.startswith("consents_")}
    assert len(consents) == 2
    assert dict(found.rows()) == consents


REASONS = {
    "category differs from the send log": "category",
    "free, but outside any service window": "free_outside",
    "free entry point, but none is known": "free_outside",
    "charged, but inside a free entry point": "charged_inside",
    "charged, but inside a service window": "charged_inside",
}


def test_the_audit_finds_what_was_planted_and_nothing_else(sample: Sample) -> None:
    found = differences(sample, OCTOBER)

    assert found == planted(sample)
    assert Counter(found.values()) == {"category": 12, "free_outside": 12, "charged_inside": 12}


def test_the_audit_of_an_earlier_month_goes_by_its_rules(tmp_path: Path) -> None:
    month = ("--month", "2026-08", "--disagreements", "24")
    earlier = loaded_sample(tmp_path, "--accounts", "60", "--messages", "4000", *month)
    found = differences(earlier, Month(2026, 8))

    assert found == planted(earlier)
    assert set(found.values()) == set(REASONS.values())


def test_the_audit_counts_the_free_tier_of_a_large_sender(tmp_path: Path) -> None:
    size = ("--accounts", "2", "--messages", "16000", "--disagreements", "0")
    large = loaded_sample(tmp_path, *size)

    paid = large.truth.filter(pricing_type="regular", category="service")
    assert paid.height > 100
    assert differences(large, OCTOBER) == {}


def differences(sample: Sample, month: Month) -> dict[str, str]:
    """The kind of each difference that the audit of a month finds, by the key of its message."""
    settings = sample.book.settings()
    with Store.open(sample.book, settings) as store:
        accounts = load_accounts(sample.book, settings)
        cells = audit(store, accounts, month, example_count=sample.truth.height)
    differing = cells.filter(state="differs").explode("examples")
    assert differing.height == cells.filter(state="differs")["delivery_count"].sum()
    return {key: REASONS[why] for key, why in differing.select("examples", "reason").rows()}


def planted(sample: Sample) -> dict[str, str]:
    with Store.open(sample.book, sample.book.settings()) as store:
        store.put("planted", sample.truth.drop_nulls("planted"))
        return dict(
            store.frame(
                """
                select printf('%032x', message_key_of(
                    'whatsapp', 'outbound', sender_id, wamid, participant)) as key, planted
                from planted
                """
            ).rows()
        )


def test_every_invoice_is_the_sum_of_its_lines_and_every_line_of_its_details(
    sample: Sample,
) -> None:
    made = bill(sample.book, OCTOBER)
    invoices = list(documents(made.drafts))

    assert len(invoices) == 120
    for invoice in invoices:
        assert Decimal(invoice["net"]) == sum(Decimal(line["amount"]) for line in invoice["lines"])
        for line in invoice["lines"]:
            exact = sum(Decimal(detail["amount"]) for detail in line["details"])
            assert abs(exact - Decimal(line["amount"])) <= Decimal("0.005")
    assert made.drafts.invoices["is_blocked"].sum() == 0
    assert sample.truth.height > 0
