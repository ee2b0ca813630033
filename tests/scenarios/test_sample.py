"""The sample, from generated logs to invoices, against what is known to be true of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import polars as pl
import pytest

from metering.facts import data_path
from metering.files import find_files
from metering.ingest import ingest
from metering.period import Month
from metering.secret import ensure_secret
from metering.settings import Book
from metering.store import Store, scratch
from pricing.invoice import documents
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
    command = [
        *(sys.executable, str(data_path("generate.py")), str(root / "book")),
        *("--accounts", "120", "--messages", "6000", "--seed", "11"),
        *("--truth", str(root / "truth.parquet")),
    ]
    subprocess.run(command, check=True)
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


def test_every_invoice_is_the_sum_of_its_lines_and_every_line_of_its_details(
    sample: Sample,
) -> None:
    made = bill(sample.book, OCTOBER)
    invoices = list(documents(made.drafts))

    assert len(invoices) == 120
    for invoice in invoices:
        assert Decimal(invoice["total"]) == sum(
            Decimal(line["amount"]) for line in invoice["lines"]
        )
        for line in invoice["lines"]:
            exact = sum(Decimal(detail["amount"]) for detail in line["details"])
            assert abs(exact - Decimal(line["amount"])) <= Decimal("0.005")
    assert made.drafts.invoices["is_blocked"].sum() == 0
    assert sample.truth.height > 0
