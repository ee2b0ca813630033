"""Whatever column of whatever table is changed behind the product's back, `verify` finds it."""

import os
from collections.abc import Iterator
from contextlib import suppress

import duckdb
import pytest

from pricing.archive import SCHEMA_VERSION, SQL, Archive
from pricing.life.trail import rows_of
from pricing.life.whole import problems_of
from tests.pricing.life.office import Office

# What nothing is compared with, and why.
NOT_COVERED = {
    ("archive_facts", "schema_version"): "a file of another version is refused or migrated",
}
CHANGED = {
    "VARCHAR": "coalesce({0}, '') || ' '",
    "BIGINT": "coalesce({0}, 0) + 100",
    "BOOLEAN": "not {0}",
    "DATE": "coalesce({0}, date '2026-09-01') + 1",
    "TIMESTAMP WITH TIME ZONE": "{0} + interval 1 day",
    "BLOB": "'x'::blob",
    "BIGINT[]": "list_append({0}, 7)",
    "VARCHAR[]": "list_append({0}, 'x')",
}
OF_ISSUED = {
    "invoices": "state = 'issued'",
    "lines": "invoice_id = 'acme/2026-10/1'",
    "details": "line_id like 'acme/2026-10/1#%'",
    "taxes": "invoice_id = 'acme/2026-10/1'",
}


def columns() -> list[tuple[str, str, str]]:
    """Every column of every table of the schema: table, column, type."""
    with duckdb.connect() as connection:
        for number in range(1, SCHEMA_VERSION + 1):
            connection.execute((SQL / f"schema_{number}.sql").read_text(encoding="utf-8"))
        return connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where not internal"
            " order by all"
        ).fetchall()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A book with a row in every table."""
    root = tmp_path_factory.mktemp("tampered")
    prepaid = "credit_id,account_id,kind,amount,effective_from\nc1,acme,granted,0.25,2026-08-01\n"
    taxes = "treatment,rate_ratio,name,country\nstandard,0.2,VAT,DE\n"
    office = Office(root / "book", credits=prepaid, taxes=taxes)
    office.write("accounts.csv", "account_id,name,country\nacme,Acme,DE\nbistro,Bistro,DE\n")
    old = root / "old"
    old.mkdir()
    (old / "documents.csv").write_text(
        "number,account_id,kind,currency,total,open,issue_date,due_date\n"
        "R-17,acme,,EUR,80.00,30.00,2026-07-01,2026-07-31\n"
    )
    (old / "series.csv").write_text("series,year,last_number\ninvoice,2026,40\n")
    (old / "state.csv").write_text("month,account_id,kind,key,value\n2026-09,acme,credit,c1,0.20\n")
    office.run("openings", "import", str(old))
    office.load(office.send(10, "2026-09-10"), office.send(5, "2026-10-11"))
    office.close("2026-09")
    office.load(office.send(2, "2026-09-11"))
    office.credit_and_issue("INV-2026-00041", "--bill-again", on="2026-10-20")
    office.close("2026-10")
    office.run("payment", "add", "INV-2026-00042", "0.50")
    office.bill("2026-11", "--account", "acme")
    with Archive.open(office.book, "write") as archive:
        yield archive


def problems(archive: Archive) -> list[str]:
    return [f"{one.where}: {one.what}" for one in problems_of(archive)]


def test_a_hash_that_was_kept_is_looked_for_in_the_trail(kept: Archive) -> None:
    """Who takes rows off the end of the trail leaves a chain that is whole."""
    rows = rows_of(kept)["sha256"]

    assert problems_of(kept, rows[0]) == problems_of(kept, rows[-1]) == []
    (problem,) = problems_of(kept, "0" * 64)
    assert "rows were removed from its end" in problem.what


def test_nothing_is_wrong_with_what_nobody_touched_and_no_table_is_empty(kept: Archive) -> None:
    tables = {table for table, *_ in columns()}

    assert problems(kept) == []
    assert {t for t in tables if not kept.value(f"select count(*) from {t}")} == set()


# All of them in the deep profile; each takes a look at the whole archive.
LOOKED_AT = columns() if os.environ.get("TOLLBOOK_PROFILE") == "deep" else columns()[::3]


@pytest.mark.parametrize(("table", "column", "kind"), LOOKED_AT)
def test_every_column_of_every_table_is_looked_at(
    kept: Archive, table: str, column: str, kind: str
) -> None:
    """The few that are not are listed with the reason."""
    expression = CHANGED.get(kind, "coalesce({0}, 0) + 1").format(column)
    which = f"select min(rowid) from {table} where {OF_ISSUED.get(table, 'true')}"
    with suppress(InterruptedError), kept.transaction():
        kept.execute(f"update {table} set {column} = {expression} where rowid = ({which})")
        found = problems(kept)
        raise InterruptedError  # nothing of it stays
    is_covered = (table, column) not in NOT_COVERED

    assert bool(found) == is_covered, NOT_COVERED.get((table, column), found)
