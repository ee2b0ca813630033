"""The file of documents, `invoices.duckdb`: sole owner of duckdb in this package.

It lives apart from the events, so that reading and replacing documents does not wait for a load.
Drafts of a month are replaced in one transaction; whatever is no draft is never touched. What is
done with documents stands in modules of its own, which use what is public here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from metering.errors import LockedError, TollbookError, UsageError
from metering.lock import holder_in, patiently
from metering.period import Month
from metering.settings import Book
from pricing.billing import Rated
from pricing.catalog import Catalog, sha256
from pricing.invoice import INVOICE, LINE, LINE_DETAIL, Drafts
from pricing.ledger import CREDIT_LEDGER, CREDIT_USED
from pricing.state import STATE
from pricing.tax import TAX

SCHEMA_VERSION = 5
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
    actor: str = ""
    prior: bytes = b""  # what it took from runs and documents before it
    outcome: Mapping[str, Any] = field(default_factory=dict)  # counts and sums, for people
    # What the months that it rated again hand on by now: schema STATE.
    closings: Mapping[Month, pl.DataFrame] = field(default_factory=dict)


class Archive:
    """The open file of documents; made by `Archive.open`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._is_inside = False

    @classmethod
    @contextmanager
    def open(cls, book: Book, mode: Mode = "read") -> Iterator["Archive"]:
        """Open the documents of `book`; made, or migrated forward, first where that is needed.

        Raises:
            LockedError: another process writes to it.
            TollbookError: it was made by a newer version, or cannot be read.
        """
        path = book.invoices_path
        connection = _connect(path, mode) if mode == "write" or path.exists() else None
        if mode == "read" and (connection is None or _version(connection) != SCHEMA_VERSION):
            if connection is not None:
                connection.close()
            with cls.open(book, "write"):
                pass
            connection = _connect(path, mode)
        assert connection is not None, "a file that was not there is made"
        try:
            archive = cls(connection)
            if mode == "write":
                archive._migrate(path.name)
            yield archive
        finally:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of what is inside, or nothing; inside another one, be a part of it."""
        if self._is_inside:
            yield
            return
        self._connection.execute("begin")
        self._is_inside = True
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        else:
            self._connection.execute("commit")
        finally:
            self._is_inside = False

    def execute(self, statement: str, given: Mapping[str, object] | None = None) -> None:
        """Run a statement with named parameters."""
        self._connection.execute(statement, dict(given or {}))

    def frame(self, query: str, given: Mapping[str, object] | None = None) -> pl.DataFrame:
        """Answer a query with named parameters."""
        frame: pl.DataFrame = self._connection.sql(query, params=dict(given or {})).pl()
        return frame

    def value(self, query: str, given: Mapping[str, object] | None = None) -> Any:
        """Answer a query of one row and one column; None where it has no row."""
        # All rows, since a result that is not read to its end keeps the connection busy.
        rows = self._connection.execute(query, dict(given or {})).fetchall()
        return rows[0][0] if rows else None

    def apply(self, statement: str, arriving: pl.DataFrame) -> None:
        """Run a statement that reads the frame as the table `arriving`."""
        self._connection.register("arriving", arriving)
        self._connection.execute(statement)
        self._connection.unregister("arriving")

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Add rows to a table, columns by name."""
        self.apply(f"insert into {table} by name select * from arriving", frame)

    def replace_drafts(self, run: Run, rated: Rated) -> tuple[int, Drafts]:
        """Put what was rated in the place of the drafts of its month, or of `only_accounts` in it.

        The closing state of these accounts is replaced with them, and so is that of months which
        the run rated again. Documents that are no drafts stay, and keep their place; so does the
        state that they were made with.

        Returns:
            The id of the run, and what was written.
        """
        with self.transaction():
            self._forget(run)
            kept = self.kept_accounts(run.month)
            written = rated.without(kept, self.kept_corrections(run.month))
            run_id = self._record(run, written)
            drafts = written.drafts.renumbered(self._next_numbers(run.month))
            numbered = drafts.invoices.with_columns(run_id=pl.lit(run_id, pl.Int64))
            self.append("invoices", numbered)
            self.append("lines", drafts.lines)
            self.append("details", drafts.details)
            self.append("taxes", drafts.taxes)
            period = pl.lit(str(run.month)).alias("period")
            self.append("credits_used", drafts.credits)
            self.append("credit_ledger", written.ledger)
            self.append("closings", written.closing.with_columns(period))
            for month, state in run.closings.items():
                self.execute("delete from closings where period = $period", {"period": str(month)})
                self.append("closings", state.with_columns(period=pl.lit(str(month))))
        return run_id, drafts

    def closing_of(self, month: Month) -> pl.DataFrame | None:
        """Read the closing state of a month: schema `STATE`; None where it was never billed.

        A month counts as billed once a run has written it for all accounts, or another system has
        left its state.
        """
        if month not in self.closed_months():
            return None
        query = (
            f"select {', '.join(STATE.names())} from closings where period = $period"
            " order by account_id, kind, key"
        )
        return self.frame(query, {"period": str(month)}).cast(STATE)

    def closed_months(self) -> list[Month]:
        """The months whose closing state is known, the earliest first."""
        query = (
            "select period from runs where has_closing"
            " union select period from opening_states order by period"
        )
        return [Month.parse(row[0]) for row in self._connection.execute(query).fetchall()]

    def drafts_of(
        self, *, period: str | None = None, invoice_id: str | None = None, state: str | None = None
    ) -> Drafts:
        """Read the invoices of a period, in a state, one invoice, or all, in a stable order."""
        given = {"period": period, "invoice_id": invoice_id, "state": state}
        chosen = (
            "select invoice_id from invoices where ($period is null or period = $period)"
            " and ($invoice_id is null or invoice_id = $invoice_id)"
            " and ($state is null or state = $state)"
        )
        lines = f"select line_id from lines where invoice_id in ({chosen})"
        return Drafts(
            self.read(
                INVOICE, "invoices", f"invoice_id in ({chosen})", "account_id, period", given
            ),
            self.read(LINE, "lines", f"invoice_id in ({chosen})", "invoice_id, position", given),
            self.read(LINE_DETAIL, "details", f"line_id in ({lines})", "line_id, position", given),
            self.read(TAX, "taxes", f"invoice_id in ({chosen})", "invoice_id, position", given),
            self.read(
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
        return self.read(
            CREDIT_LEDGER,
            "credit_ledger",
            "($period is null or period = $period)"
            " and ($account_id is null or account_id = $account_id)",
            "account_id, credit_id, period",
            {"period": period, "account_id": account_id},
        )

    def invoice_id_of(self, name: str) -> str:
        """Find a document by its id or its number; raises `UsageError` where there is none."""
        query = "select min(invoice_id) from invoices where invoice_id = $name or number = $name"
        found = self.value(query, {"name": name})
        if found is None:
            raise UsageError(
                f"there is no invoice '{name}'",
                where="INVOICE_ID",
                hint="list them with: tollbook invoice list",
            )
        return str(found)

    def last_period(self) -> str | None:
        """Name the latest month that has documents, None if none has."""
        period: str | None = self.value("select max(period) from invoices")
        return period

    def catalog_hash_of(self, invoice_id: str) -> str | None:
        """Name the catalog that an invoice was made with."""
        found: str | None = self.value(
            "select catalog_hash from runs join invoices using (run_id)"
            " where invoice_id = $invoice_id",
            {"invoice_id": invoice_id},
        )
        return found

    def kept_accounts(self, month: Month) -> list[str]:
        """The accounts whose document of a month no run replaces."""
        query = (
            "select distinct account_id from invoices where period = $period and origin = 'run'"
            " and state in ('approved', 'issued', 'carried')"
        )
        return self.frame(query, {"period": str(month)})["account_id"].to_list()

    def kept_corrections(self, month: Month) -> list[tuple[str, str]]:
        """The corrections in another currency that no run of a month replaces."""
        query = (
            "select distinct account_id, currency from invoices where period = $period"
            " and origin = 'correction' and state in ('approved', 'issued', 'carried')"
        )
        return self.frame(query, {"period": str(month)}).rows()

    def _forget(self, run: Run) -> None:
        """Delete the drafts of a run's accounts in its month, and what came of them."""
        of_run = (
            "period = $period"
            " and (len($accounts) = 0 or account_id in (select unnest($accounts::varchar[])))"
        )
        of_runs = "origin in ('run', 'correction') and state = 'draft'"
        drafts = f"select invoice_id from invoices where {of_runs} and {of_run}"
        given = {"period": str(run.month), "accounts": [*run.only_accounts]}
        kept = {**given, "kept": self.kept_accounts(run.month)}
        is_kept = "account_id in (select unnest($kept::varchar[]))"
        for table in ("closings", "credit_ledger"):
            self.execute(f"delete from {table} where {of_run} and not {is_kept}", kept)
        of_lines = f"select line_id from lines where invoice_id in ({drafts})"
        self.execute(f"delete from details where line_id in ({of_lines})", given)
        for table in ("lines", "taxes", "credits_used", "invoices"):
            self.execute(f"delete from {table} where invoice_id in ({drafts})", given)

    def _next_numbers(self, month: Month) -> dict[str, int]:
        """The number of the next document of a month, for accounts that have others already."""
        query = (
            "select account_id, max(split_part(invoice_id, '/', 3)::bigint) + 1 from invoices"
            " where period = $period group by account_id"
        )
        return dict(self.frame(query, {"period": str(month)}).rows())

    def _record(self, run: Run, written: Rated) -> int:
        self._keep(run.catalog)
        run_id = int(self.value("select coalesce(max(run_id), 0) + 1 from runs"))
        invoices = written.drafts.invoices
        values = {
            "run_id": run_id,
            "period": str(run.month),
            "catalog_hash": run.catalog.hash,
            "engine_version": run.engine_version,
            "load_ids": [*run.load_ids],
            "only_accounts": [*run.only_accounts],
            "invoice_count": invoices.height,
            "blocked_count": int(invoices["is_blocked"].sum()),
            "unassigned": written.unassigned,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "has_closing": not run.only_accounts,
            "actor": run.actor,
            "prior_sha256": self._keep_content(run.prior),
            "outcome": json.dumps(run.outcome),
        }
        marks = ", ".join(f"${name}" for name in values)
        self.execute(f"insert into runs ({', '.join(values)}) values ({marks})", values)
        return run_id

    def _keep_content(self, content: bytes) -> str:
        digest = sha256(content)
        self._connection.execute("insert or ignore into contents values (?, ?)", [digest, content])
        return digest

    def _keep(self, catalog: Catalog) -> None:
        query = "select count(*) from catalogs where catalog_hash = $hash"
        if self.value(query, {"hash": catalog.hash}):
            return
        names = ("catalog_hash", "name", "sha256", "content")
        rows = [(catalog.hash, name, sha256(c), c) for name, c in sorted(catalog.files.items())]
        schema = {**dict.fromkeys(names, pl.String()), "content": pl.Binary()}
        files = pl.DataFrame(rows, schema, orient="row")
        self.apply("insert or ignore into contents select sha256, content from arriving", files)
        self.append("catalogs", files.drop("content"))

    def read(
        self,
        schema: pl.Schema,
        table: str,
        condition: str,
        order: str,
        given: Mapping[str, object],
    ) -> pl.DataFrame:
        """Read the rows of a table for which a condition with named parameters holds."""
        names = ", ".join(schema.names())
        query = f"select {names} from {table} where {condition} order by {order}"
        return self.frame(query, given).cast(schema)

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


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    try:
        rows = connection.execute("select schema_version from archive_facts").fetchall()
    except duckdb.CatalogException:  # a new file has no tables
        return 0
    return int(rows[0][0]) if rows else 0


def _connect(path: Path, mode: Mode) -> duckdb.DuckDBPyConnection:
    connection = patiently(lambda: _take(path, mode))
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _take(path: Path, mode: Mode) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=mode == "read")
    except duckdb.IOException as error:
        if "lock" not in str(error).lower():
            raise TollbookError(
                f"the documents cannot be opened: {str(error).partition(chr(10))[0]}",
                where=path.name,
                hint="check the disk and the rights of the folder, or restore a backup",
            ) from error
        raise LockedError(
            f"another job holds the documents{holder_in(str(error))}",
            where=path.name,
            hint="wait until it has finished, then run this again",
        ) from error
