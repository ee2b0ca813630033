"""The file of documents, `invoices.duckdb`: sole owner of duckdb in this package.

It lives apart from the events, so that reading and replacing documents does not wait for a load.
Drafts of a month are replaced in one transaction; whatever is no draft is never touched.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from metering.errors import LockedError, TollbookError
from metering.period import Month
from metering.settings import Book
from pricing.billing import Rated
from pricing.catalog import Catalog, sha256
from pricing.invoice import INVOICE, LINE, LINE_DETAIL, Drafts
from pricing.ledger import CREDIT_LEDGER, CREDIT_USED
from pricing.state import STATE
from pricing.tax import TAX

SCHEMA_VERSION = 2
SQL = Path(__file__).parent / "sql"
Mode = Literal["read", "write"]


@dataclass(frozen=True)
class Run:
    """What a run of `tollbook bill` went by."""

    month: Month
    catalog: Catalog
    engine_version: str
    load_ids: Sequence[int]
    only_accounts: Sequence[str]
    started_at: datetime
    finished_at: datetime


class Archive:
    """The open file of documents; made by `Archive.open`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, book: Book, mode: Mode = "read") -> Iterator["Archive"]:
        """Open the documents of `book`; made, or migrated forward, first where that is needed.

        Raises:
            LockedError: another process writes to it.
            TollbookError: it was made by a newer version, or cannot be read.
        """
        path = book.invoices_path
        if mode == "read" and not (path.exists() and _version_at(path) == SCHEMA_VERSION):
            with cls.open(book, "write"):
                pass
        connection = _connect(path, mode)
        try:
            archive = cls(connection)
            if mode == "write":
                archive._migrate(path.name)
            yield archive
        finally:
            connection.close()

    def replace_drafts(self, run: Run, rated: Rated) -> int:
        """Put what was rated in the place of the drafts of its month, or of `only_accounts` in it.

        The closing state of these accounts is replaced with them. Documents that are no drafts
        stay, and keep their place; so does the state that they were made with.

        Returns:
            The id of the run.
        """
        self._connection.execute("begin")
        try:
            self._forget(run)
            written = rated.without(self._kept_accounts(run.month))
            run_id = self._record(run, written)
            drafts = written.drafts
            numbered = drafts.invoices.with_columns(run_id=pl.lit(run_id, pl.Int64))
            self._append("invoices", numbered)
            self._append("lines", drafts.lines)
            self._append("details", drafts.details)
            self._append("taxes", drafts.taxes)
            period = pl.lit(str(run.month)).alias("period")
            self._append("credits_used", drafts.credits)
            self._append("credit_ledger", written.ledger)
            self._append("closings", written.closing.with_columns(period))
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")
        return run_id

    def closing_of(self, month: Month) -> pl.DataFrame | None:
        """Read the closing state of a month: schema `STATE`; None where it was never billed.

        A month counts as billed once a run has written it for all accounts.
        """
        if month not in self.closed_months():
            return None
        query = (
            f"select {', '.join(STATE.names())} from closings where period = $period"
            " order by account_id, kind, key"
        )
        return self._frame(query, {"period": str(month)}).cast(STATE)

    def closed_months(self) -> list[Month]:
        """The months whose closing state is known, the earliest first."""
        query = "select distinct period from runs where has_closing order by period"
        return [Month.parse(row[0]) for row in self._connection.execute(query).fetchall()]

    def drafts_of(self, *, period: str | None = None, invoice_id: str | None = None) -> Drafts:
        """Read the invoices of a period, one invoice, or all, in a stable order."""
        given = {"period": period, "invoice_id": invoice_id}
        chosen = (
            "select invoice_id from invoices where ($period is null or period = $period)"
            " and ($invoice_id is null or invoice_id = $invoice_id)"
        )
        lines = f"select line_id from lines where invoice_id in ({chosen})"
        return Drafts(
            self._read(
                INVOICE, "invoices", f"invoice_id in ({chosen})", "account_id, period", given
            ),
            self._read(LINE, "lines", f"invoice_id in ({chosen})", "invoice_id, position", given),
            self._read(LINE_DETAIL, "details", f"line_id in ({lines})", "line_id, position", given),
            self._read(TAX, "taxes", f"invoice_id in ({chosen})", "invoice_id, position", given),
            self._read(
                CREDIT_USED,
                "credits_used",
                f"invoice_id in ({chosen})",
                "invoice_id, position",
                given,
            ),
        )

    def ledger_of(
        self, *, period: str | None = None, account_id: str | None = None
    ) -> pl.DataFrame:
        """Read the ledger of credits of a period, of an account, or all: schema `CREDIT_LEDGER`."""
        return self._read(
            CREDIT_LEDGER,
            "credit_ledger",
            "($period is null or period = $period)"
            " and ($account_id is null or account_id = $account_id)",
            "account_id, credit_id, period",
            {"period": period, "account_id": account_id},
        )

    def last_period(self) -> str | None:
        """Name the latest month that has documents, None if none has."""
        row = self._connection.execute("select max(period) from invoices").fetchone()
        return None if row is None or row[0] is None else str(row[0])

    def catalog_hash_of(self, invoice_id: str) -> str | None:
        """Name the catalog that an invoice was made with."""
        row = self._connection.execute(
            "select catalog_hash from runs join invoices using (run_id)"
            " where invoice_id = $invoice_id",
            {"invoice_id": invoice_id},
        ).fetchone()
        return None if row is None else str(row[0])

    def _forget(self, run: Run) -> None:
        """Delete the drafts of a run's accounts in its month, and what came of them."""
        of_run = (
            "period = $period"
            " and (len($accounts) = 0 or account_id in (select unnest($accounts::varchar[])))"
        )
        drafts = f"select invoice_id from invoices where state = 'draft' and {of_run}"
        kept = "select account_id from invoices where state <> 'draft' and period = $period"
        given = {"period": str(run.month), "accounts": [*run.only_accounts]}
        for table, condition in (
            ("closings", f"{of_run} and account_id not in ({kept})"),
            ("credit_ledger", f"{of_run} and account_id not in ({kept})"),
            ("details", f"line_id in (select line_id from lines where invoice_id in ({drafts}))"),
            ("lines", f"invoice_id in ({drafts})"),
            ("taxes", f"invoice_id in ({drafts})"),
            ("credits_used", f"invoice_id in ({drafts})"),
            ("invoices", f"invoice_id in ({drafts})"),
        ):
            self._connection.execute(f"delete from {table} where {condition}", given)

    def _kept_accounts(self, month: Month) -> list[str]:
        """The accounts whose document of a month is there, once its drafts are forgotten."""
        query = "select distinct account_id from invoices where period = $period"
        return self._frame(query, {"period": str(month)})["account_id"].to_list()

    def _record(self, run: Run, written: Rated) -> int:
        self._keep(run.catalog)
        row = self._connection.execute("select coalesce(max(run_id), 0) + 1 from runs").fetchone()
        assert row is not None, "an aggregate has a row"
        invoices = written.drafts.invoices
        values = (
            *(int(row[0]), str(run.month), run.catalog.hash, run.engine_version),
            *([*run.load_ids], [*run.only_accounts], invoices.height),
            *(int(invoices["is_blocked"].sum()), written.unassigned),
            *(run.started_at, run.finished_at, not run.only_accounts),
        )
        marks = ", ".join("?" * len(values))
        self._connection.execute(f"insert into runs values ({marks})", values)
        return int(row[0])

    def _keep(self, catalog: Catalog) -> None:
        for name, content in sorted(catalog.files.items()):
            digest = sha256(content)
            self._connection.execute(
                "insert or ignore into contents values (?, ?)", [digest, content]
            )
            self._connection.execute(
                "insert or ignore into catalogs values (?, ?, ?)", [catalog.hash, name, digest]
            )

    def _append(self, table: str, frame: pl.DataFrame) -> None:
        self._connection.register("arriving", frame)
        self._connection.execute(f"insert into {table} by name select * from arriving")
        self._connection.unregister("arriving")

    def _read(
        self,
        schema: pl.Schema,
        table: str,
        condition: str,
        order: str,
        given: Mapping[str, str | None],
    ) -> pl.DataFrame:
        names = ", ".join(schema.names())
        query = f"select {names} from {table} where {condition} order by {order}"
        return self._frame(query, given).cast(schema)

    def _frame(self, query: str, given: Mapping[str, object]) -> pl.DataFrame:
        frame: pl.DataFrame = self._connection.sql(query, params=dict(given)).pl()
        return frame

    def _migrate(self, name: str) -> None:
        version = _version(self._connection)
        if version > SCHEMA_VERSION:
            raise TollbookError(
                f"the documents have schema {version}, this version of Tollbook knows"
                f" {SCHEMA_VERSION}",
                where=name,
                hint="use the version that wrote them, or a newer one",
            )
        for number in range(version + 1, SCHEMA_VERSION + 1):
            self._connection.execute("begin")
            self._connection.execute((SQL / f"schema_{number}.sql").read_text(encoding="utf-8"))
            self._connection.execute("delete from archive_facts")
            self._connection.execute("insert into archive_facts values (?)", [number])
            self._connection.execute("commit")


def _version_at(path: Path) -> int:
    connection = _connect(path, "read")
    try:
        return _version(connection)
    finally:
        connection.close()


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    query = "select count(*) from duckdb_tables() where table_name = 'archive_facts'"
    found = connection.execute(query).fetchone()
    if not found or not found[0]:
        return 0
    row = connection.execute("select schema_version from archive_facts").fetchone()
    return int(row[0]) if row else 0


def _connect(path: Path, mode: Mode) -> duckdb.DuckDBPyConnection:
    try:
        connection = duckdb.connect(str(path), read_only=mode == "read")
    except duckdb.IOException as error:
        if "lock" not in str(error).lower():
            raise TollbookError(
                f"the documents cannot be opened: {str(error).partition(chr(10))[0]}",
                where=path.name,
                hint="check the disk and the rights of the folder, or restore a backup",
            ) from error
        raise LockedError(
            "another job holds the store",
            where=path.name,
            hint="wait until it has finished, then run this again",
        ) from error
    connection.execute("set TimeZone = 'UTC'")
    return connection
