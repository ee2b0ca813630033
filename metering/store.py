"""The store of a book: one DuckDB file. Sole owner of duckdb in this package.

SQL lives in `sql/`, one statement or a few to a file; values are bound, never formatted in. One
process writes, or several read: whoever comes second is told that another job holds the store.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from metering.errors import LockedError, TollbookError
from metering.lock import holder_in, patiently
from metering.market import HEAD_LENGTH, deep_heads, deep_length
from metering.secret import VARIABLE, find_secret, fingerprint, hash_key, read_secret
from metering.settings import Book, Settings
from metering.window_length import Length, window_lengths

SCHEMA_VERSION = 3
SQL = Path(__file__).parent / "sql"
Mode = Literal["read", "write"]
# Fields of a CloudEvent's data that name a contact: only their keyed hashes are kept.
CONTACT_KEYS = (
    *("contact", "contact_id", "phone", "phone_number", "customer_phone", "mobile", "msisdn"),
    *("wa_id", "user_id", "recipient", "recipient_id", "from", "to"),
)
CONTACT_FIELDS = rf'"(?:{"|".join(CONTACT_KEYS)})"\s*:\s*(?:"[^"]*"|[0-9]{{7,15}})'


class Store:
    """An open store; made by `Store.open`."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, *, secret: str, lengths: Sequence[Length]
    ) -> None:
        self._connection = connection
        self.secret = secret
        self._lengths = lengths

    @classmethod
    @contextmanager
    def open(cls, book: Book, settings: Settings, mode: Mode = "read") -> Iterator["Store"]:
        """Open the store of `book`, made or migrated first where that is needed.

        Raises:
            LockedError: another process has it.
            TollbookError: it was made by a newer version, or with another key.
        """
        secret = find_secret(book) if mode == "read" else read_secret(book)
        lengths = window_lengths(settings)
        path = book.store_path
        is_there = mode == "write" or path.exists()
        connection = _connect(path, settings, mode) if is_there else None
        if mode == "read" and (connection is None or not _is_current(connection, lengths)):
            if connection is not None:
                connection.close()
            with cls.open(book, settings, "write"):
                pass
            connection = _connect(path, settings, mode)
        assert connection is not None, "a store that was not there is made"
        try:
            store = cls(connection, secret=secret, lengths=lengths)
            store._prepare()
            if mode == "write":
                store._migrate()
            store._check_secret()
            yield store
        except duckdb.OutOfMemoryException as error:
            raise TollbookError(
                "the engine needs more memory than it may use",
                where=f"tollbook.toml store.memory_limit = {settings.store.memory_limit}",
                hint="raise the limit",
            ) from error
        except duckdb.IOException as error:
            raise TollbookError(
                f"the store cannot be written or read: {_first_line(error)}",
                where=book.store_path.name,
                hint="look for space on the disk, then run this again: nothing is half done",
            ) from error
        except (duckdb.InterruptException, RuntimeError) as error:
            if "interrupt" in str(error).lower():
                raise KeyboardInterrupt from error
            raise
        finally:
            connection.close()

    def run(self, name: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run the statements of `sql/<name>.sql`; parameters go to each that names them."""
        for statement in _statements(name):
            self._connection.execute(statement.query, _used(statement, parameters))

    def frame(self, query: str, parameters: Mapping[str, object] | None = None) -> pl.DataFrame:
        """Answer a query, or the last statement of `sql/<name>.sql`, as a frame."""
        text = _text(query) if " " not in query else query
        frame: pl.DataFrame = self._connection.sql(text, params=dict(parameters or {})).pl()
        return frame

    def value(self, query: str, parameters: Mapping[str, object] | None = None) -> Any:
        """Answer the first value of the first row of a query, None where there is no row."""
        rows = self._connection.execute(query, dict(parameters or {})).fetchall()
        return rows[0][0] if rows else None

    def execute(self, query: str, parameters: Mapping[str, object] | None = None) -> None:
        self._connection.execute(query, dict(parameters or {}))

    def make(self, template: str, **names: str) -> None:
        """Run a statement whose braces name tables or views of this package."""
        self._connection.execute(
            template.format(**{key: _name(name) for key, name in names.items()})
        )

    def put(self, table: str, frame: pl.DataFrame) -> None:
        """Make a temporary table of a frame."""
        self._connection.register("arriving", frame.to_arrow())
        self._connection.execute(f"create or replace temp table {_name(table)} as from arriving")
        self._connection.unregister("arriving")

    def set(self, variable: str, value: object) -> None:
        """Set a variable that SQL reads with getvariable()."""
        self._connection.execute(f"set variable {_name(variable)} = $value", {"value": value})

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what happens inside, or nothing of it."""
        self._connection.execute("begin")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    @contextmanager
    def as_written(self) -> Iterator[None]:
        """Join in the order that a statement is written in, the right side being the small one.

        The engine takes a JSON file that it has not looked into for a few rows, and would keep all
        of them in memory to look up the table that is really small.
        """
        self._connection.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
        try:
            yield
        finally:
            self._connection.execute("reset disabled_optimizers")

    @contextmanager
    def in_order(self) -> Iterator[None]:
        """Read files in the order of their lines, which costs a core."""
        self._connection.execute("set preserve_insertion_order = true")
        try:
            yield
        finally:
            self._connection.execute("set preserve_insertion_order = false")

    def load_ids(self) -> list[int]:
        return self.frame("select load_id from loads order by load_id")["load_id"].to_list()

    def need_secret(self) -> None:
        """Raise `TollbookError` where the store was opened without the key of its book."""
        if not self.secret:
            raise TollbookError(
                "no message can be found by its id without the key of the book",
                where="secret.key",
                hint=f"put the file back from a backup, or set {VARIABLE}",
            )

    def _migrate(self) -> None:
        version = self._version()
        if version > SCHEMA_VERSION:
            raise TollbookError(
                f"the store has schema {version}, this version of Tollbook knows {SCHEMA_VERSION}",
                where="tollbook.duckdb",
                hint="use the version that wrote it, or a newer one",
            )
        for number in range(version + 1, SCHEMA_VERSION + 1):
            with self.transaction():
                self.run(f"schema_{number}")
                self._connection.execute("delete from store_facts")
                self._connection.execute(
                    "insert into store_facts by name"
                    " select $version as schema_version, $fingerprint as secret_fingerprint",
                    {"version": number, "fingerprint": fingerprint(self.secret)},
                )
        if not self._is_learned():
            self._relearn()

    def _relearn(self) -> None:
        """Compute what follows from the events: their schema is new, or windows last otherwise."""
        # Imported here: what it does is done to a store, and a store is made here.
        from metering.learn import relearn  # noqa: PLC0415

        with self.transaction():
            if self.value("select count(*) from events"):
                relearn(self)
            self._connection.execute(
                "update store_facts set window_lengths = $text", {"text": str(self._lengths)}
            )

    def _is_learned(self) -> bool:
        known: bool = self.value("select window_lengths from store_facts") == str(self._lengths)
        return known

    def _version(self) -> int:
        try:
            return int(self.value("select schema_version from store_facts"))
        except duckdb.CatalogException:  # a new file has no tables
            return 0

    def _check_secret(self) -> None:
        if not self.secret:
            return  # counting needs no key; looking up, loading and erasing do
        if self.value("select secret_fingerprint from store_facts") != fingerprint(self.secret):
            raise TollbookError(
                "the store was made with another key: the same message would get another name"
                " and count twice",
                where="secret.key",
                hint="put back the key that the store was made with",
            )

    def _prepare(self) -> None:
        self.set("hash_key", hash_key(self.secret))
        self.set("contact_fields", CONTACT_FIELDS)
        self.set("head_length", HEAD_LENGTH)
        self.set("deep_heads", deep_heads())
        self.set("deep_length", deep_length())
        self.set("window_lengths", list(self._lengths))
        self.run("macros")


@contextmanager
def scratch(book: Book) -> Iterator[Path]:
    """Lend a folder inside the book for files that no longer matter after this job.

    A job that was killed leaves its folder behind with raw text in it: the next one clears it.
    """
    parent = book.root / ".scratch"
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir(mode=0o700)
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
    shutil.rmtree(parent, ignore_errors=True)


def column_names(path: Path) -> list[str]:
    """The columns of a Parquet file; raises `duckdb.Error` as `ValueError` if it is none."""
    try:
        with duckdb.connect() as connection:
            return connection.sql("from read_parquet($path)", params={"path": str(path)}).columns
    except duckdb.Error as error:
        raise ValueError(_first_line(error)) from error


def copy_database(source: Path, target: Path, settings: Settings) -> None:
    """Write a consistent copy of a DuckDB file; raises `LockedError` while a job writes to it."""
    _connect(source, settings, "read").close()
    with duckdb.connect() as connection:
        connection.execute(f"attach '{_quoted(source)}' as source (read_only)")
        connection.execute(f"attach '{_quoted(target)}' as target")
        connection.execute("copy from database source to target")


def rewrite(book: Book, settings: Settings) -> None:
    """Write the store anew, so that what was erased is not in its file any more."""
    aside = book.root / ".rewritten"
    aside.unlink(missing_ok=True)
    copy_database(book.store_path, aside, settings)
    aside.replace(book.store_path)


DataError = (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException)


def _connect(path: Path, settings: Settings, mode: Mode) -> duckdb.DuckDBPyConnection:
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.store.memory_limit,
        "preserve_insertion_order": False,
    }
    if settings.store.threads:
        options["threads"] = settings.store.threads

    def connect() -> duckdb.DuckDBPyConnection:
        return _take(path, mode, options)

    connection = patiently(connect)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _take(
    path: Path, mode: Mode, options: dict[str, str | bool | int | float | list[str]]
) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=mode == "read", config=options)
    except duckdb.IOException as error:
        if "lock" not in str(error).lower():
            raise TollbookError(
                f"the store cannot be opened: {_first_line(error)}",
                where=path.name,
                hint="check the disk and the rights of the folder, or restore a backup",
            ) from error
        raise LockedError(
            f"another job holds the store{holder_in(str(error))}",
            where=path.name,
            hint="wait until it has finished, then run this again",
        ) from error


def _is_current(connection: duckdb.DuckDBPyConnection, lengths: Sequence[Length]) -> bool:
    """Say whether a store can be read as it is; else it is migrated or computed first."""
    store = Store(connection, secret="", lengths=lengths)
    return store._version() == SCHEMA_VERSION and store._is_learned()


@cache
def _text(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


@cache
def _statements(name: str) -> Sequence[duckdb.Statement]:
    return duckdb.extract_statements(_text(name))


def _used(
    statement: duckdb.Statement, parameters: Mapping[str, object] | None
) -> dict[str, object]:
    return {name: (parameters or {})[name] for name in statement.named_parameters}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _name(word: str) -> str:
    assert word.isidentifier(), "names of tables and variables come from this package"
    return word


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
