"""Write a sample book and the logs of its month: seeded, of any size, in columns.

    python generate.py DIR --month 2026-10 --accounts 2000 --messages 200000 --seed 7

The same options give the same bytes, whatever the machine or the number of threads: each value is
cut from the md5 of (seed, purpose, row number), and each file is written in a total order. Messages
are made in chunks, so that ten million need no more memory than half a million. What depends on
the whole month (which answer is the last free one of a number, whose inbound messages are in the
log) a survey finds first, of the threads in which it can lie. The SQL lies beside this file in
`generate/`; there, `getvariable` names what is set here.
"""

import argparse
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

Connection = duckdb.DuckDBPyConnection
HERE = Path(__file__).parent
SQL = HERE / "generate"
DAY_S = 86400
MARGIN_S = 30 * 3600  # the neighbouring months, as far as any zone reaches, and some more
MEETING_GAP_S = 10 * DAY_S  # before a pair meets again: longer than any window
SLOTS = 200  # threads of a block; `scripts.csv` shares them out
CHUNK_THREADS = 20_000
STRANGERS = 200  # contacts of histories, who do not write in the month
PLANTED_BLOCKS = 500  # as many are looked at for messages to be made wrong
CHUNK_COUNT_MIN = 6  # so that a small sample has several files, too
MESSAGES_MAX = 10_000_000
FIRST_MONTH = (2025, 7)  # per-message prices begin
PAID_SERVICE_DAY = date(2026, 10, 1)  # the network charges for answers, too, in its sender's zone
LOGS = ("whatsapp", "events", "consents", "entries", "sends")
OWN_FILES = ("accounts.csv", "senders.csv", "subscriptions.csv", "add_ons.csv")


@dataclass(frozen=True)
class Sample:
    """What was asked for, checked."""

    month: tuple[int, int]
    accounts: int
    messages: int
    seed: int
    unknown: float  # share of the deliveries whose pricing no status tells
    free_tier: int  # service messages a number and month that the network does not charge
    disagreements: int  # deliveries of which the network, or the send log, says what is not so

    def __post_init__(self) -> None:
        if self.month < FIRST_MONTH:
            raise ValueError("the sample knows prices per message only: take 2025-07 or later")
        if not 1 <= self.accounts <= 99_999:
            raise ValueError(f"accounts must be 1 to 99999, not {self.accounts}")
        if not 1 <= self.messages <= MESSAGES_MAX:
            raise ValueError(f"messages must be 1 to {MESSAGES_MAX}, not {self.messages}")
        if not 0 <= self.unknown <= 1:
            raise ValueError(f"unknown is a share from 0 to 1, not {self.unknown}")
        if self.free_tier < 0:
            raise ValueError(f"a free tier is 0 or more, not {self.free_tier}")
        if self.disagreements < 0:
            raise ValueError(f"disagreements are 0 or more, not {self.disagreements}")

    @property
    def first_day(self) -> date:
        return date(*self.month, 1)

    @property
    def next_day(self) -> date:
        """The first day of the next month."""
        year, number = self.month
        return date(year + number // 12, number % 12 + 1, 1)


def generate(
    out: Path,
    *,
    month: str = "2026-10",
    accounts: int = 2000,
    messages: int = 200_000,
    seed: int = 7,
    unknown: float = 0.0,
    free_tier: int = 1000,
    disagreements: int = 36,
    truth: Path | None = None,
    threads: int | None = None,
    force: bool = False,
) -> None:
    """Write the book files and `logs/` into `out`, and what is true of them beside `truth`.

    `messages` counts what businesses send; a group message counts once and is delivered to each
    participant. `truth` is a Parquet file of all deliveries, as `generate/truth.sql` describes
    them; a file of the same name that ends in `.json` counts what else the logs hold. An existing
    `tollbook.toml` is kept. Raises `ValueError` for an option that is out of bounds, and
    `FileExistsError` if `out` has accounts or logs already, unless `force`.
    """
    sample = Sample(
        _parse_month(month), accounts, messages, seed, unknown, free_tier, disagreements
    )
    _clear(out, force=force)
    logs = out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, _connect(Path(folder), threads) as con:
        scratch = Path(folder)
        _set_up(con, sample)
        _write_book(con, out, sample)
        _survey(con)
        parts = ["entries", "sends", *(["truth"] if truth else [])]
        _write_chunks(con, logs, sample, scratch, parts=parts)
        _write_rest(con, logs, sample, scratch)
        if truth:
            _copy(con, _parts(scratch, "truth"), truth, "format parquet")
            _write_counts(con, truth.with_suffix(".json"))


def _parse_month(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", text)
    if match is None:
        raise ValueError(f"'{text}' is not a month; write 2026-10")
    return int(match[1]), int(match[2])


def _clear(out: Path, *, force: bool) -> None:
    """Remove what an earlier sample left in `out`, or refuse to touch what stands there."""
    logs = sorted(path for kind in LOGS for path in out.glob(f"logs/{kind}-*"))
    accounts = out / "accounts.csv"
    filled = accounts.exists() and len(accounts.read_text(encoding="utf-8").splitlines()) > 1
    if (logs or filled) and not force:
        raise FileExistsError(f"'{out}' has accounts or logs already; name an empty folder")
    for path in logs:
        path.unlink()


@contextmanager
def _connect(scratch: Path, threads: int | None) -> Iterator[Connection]:
    con = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(scratch)})
    try:
        con.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
        if threads:
            con.execute(f"set threads = {threads}")
        yield con
    finally:
        con.close()


def _set_up(con: Connection, sample: Sample) -> None:
    """Make the tables that all chunks share: accounts, senders, places, scripts, months."""
    begin_s = _midnight_s(sample.first_day, "UTC") - MARGIN_S
    end_s = _midnight_s(sample.next_day, "UTC")
    con.execute(_sql("macros"))
    _set(con, "seed", sample.seed)
    _set(con, "month", _month(sample.first_day))
    _set(con, "slots", SLOTS)
    _set(con, "stranger_count", STRANGERS)
    _set(con, "account_count", sample.accounts)
    _set(con, "message_count", sample.messages)
    _set(con, "begin_s", begin_s)
    _set(con, "span_s", end_s + MARGIN_S - begin_s)
    _set(con, "month_end_s", end_s)
    _set(con, "free_tier", sample.free_tier)
    _set(con, "unknown_per_million", round(sample.unknown * 1_000_000))
    _set(con, "disagreement_count", sample.disagreements)
    _set(con, "is_service_free", sample.first_day < PAID_SERVICE_DAY)
    for table in ("home", "place", "script"):
        # A file is read in one piece: the numbers of its lines are its order.
        con.execute(
            f"create table {table} as select row_number() over () as {table}_no, *"
            f" from read_csv({_text(SQL / f'{table}s.csv')}, header = true, parallel = false)"
        )
    con.execute(_sql("accounts"))
    con.execute(_sql("lookups"))
    _set_counts(con, sample)
    _add_months(con, sample)
    con.execute(_sql("relation"))
    con.execute(_sql("notices"))


def _set_counts(con: Connection, sample: Sample) -> None:
    """Derive how many threads and pairs it takes for the messages that were asked for."""
    a_block = _number(con, "select count(*) from step_at where direction = 'out'")
    span_s = _number(con, "select getvariable('span_s')")
    blocks = -(-sample.messages // a_block)
    threads = blocks * SLOTS
    # One more than a multiple of the slots: a pair that meets again plays another script.
    pairs = threads * MEETING_GAP_S // span_s // SLOTS * SLOTS + SLOTS + 1
    _set(con, "messages_a_block", a_block)
    _set(con, "thread_count", threads)
    _set(con, "planted_block_step", -(-blocks // PLANTED_BLOCKS))
    _set(con, "relation_count", pairs)
    _set(con, "event_count", min(sample.accounts * 5, sample.messages // 20 + 20))


def _add_months(con: Connection, sample: Sample) -> None:
    """Tell DuckDB when days begin in each zone, for Python knows the zones better."""
    zones = [zone for (zone,) in con.sql("select distinct time_zone from sender").fetchall()]
    con.execute(
        "create table zone_month"
        " (time_zone varchar, month_begin_s bigint, month_end_s bigint, paid_s bigint)"
    )
    days = (sample.first_day, sample.next_day, PAID_SERVICE_DAY)
    con.executemany(
        "insert into zone_month values (?, ?, ?, ?)",
        [(zone, *(_midnight_s(day, zone) for day in days)) for zone in sorted(zones)],
    )


def _midnight_s(day: date, zone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def _write_book(con: Connection, out: Path, sample: Sample) -> None:
    """Write the settings and the taxes if there are none, and the four CSV files."""
    for name, written in (("tollbook.toml", "book_settings.toml"), ("taxes.csv", "book_taxes.csv")):
        if not (out / name).exists():
            shutil.copyfile(SQL / written, out / name)
    con.execute("set variable first_day = $day", {"day": sample.first_day})
    for name in OWN_FILES:
        _copy(con, _sql(f"book_{name.removesuffix('.csv')}"), out / name, "format csv, header true")


def _chunks(con: Connection) -> Iterator[tuple[int, int]]:
    """Cut the threads into chunks; they are in order of time, so each is a stretch of the month."""
    count = _number(con, "select getvariable('thread_count')")
    size = max(1, min(CHUNK_THREADS, -(-count // CHUNK_COUNT_MIN)))
    for first in range(0, count, size):
        yield first, min(first + size, count)


def _survey(con: Connection) -> None:
    """Look at the threads in which a contact writes or calls, before anything is written."""
    _set(con, "is_survey", True)
    for number, chunk in enumerate(_chunks(con), start=1):
        con.execute(f"create schema survey_{number}")
        _enter_chunk(con, f"survey_{number}", chunk)
        for step in ("chunk", "fates", "windows", "survey"):
            con.execute(_sql(step))
        con.execute(f"drop schema survey_{number} cascade")
    con.execute("set search_path = 'main'")
    con.execute(_sql("settle_survey"))
    _set(con, "is_survey", False)


def _write_chunks(
    con: Connection, logs: Path, sample: Sample, scratch: Path, *, parts: Sequence[str]
) -> None:
    """Write a file for each chunk: one is wrapped into lines while the next is made.

    Each half runs in order of the chunks, for it carries something over to the next one. A chunk
    has a schema of its own, so that the halves do not meet.
    """
    second = con.cursor()
    _share_variables(con, second)
    with ThreadPoolExecutor(max_workers=1) as writer:
        writing: Future[None] | None = None
        for number, chunk in enumerate(_chunks(con), start=1):
            con.execute(f"create schema chunk_{number}")
            _enter_chunk(con, f"chunk_{number}", chunk)
            for step in ("chunk", "fates", "windows", "deliveries", "statuses", "tally"):
                con.execute(_sql(step))
            for part in parts:
                _copy(con, _sql(part), scratch / f"{part}-{number:04}.parquet", "format parquet")
            if writing:
                writing.result()  # two chunks at a time bound the memory
            writing = writer.submit(_write_chunk, second, logs, sample, number, chunk)
        if writing:
            writing.result()
    con.execute("set search_path = 'main'")


def _write_chunk(
    con: Connection, logs: Path, sample: Sample, number: int, chunk: tuple[int, int]
) -> None:
    _enter_chunk(con, f"chunk_{number}", chunk)
    for step in ("inbound", "others", "payloads", "lines"):
        con.execute(_sql(step))
    if number == 1:
        _write_json_files(con, logs, sample)
    # One file of each kind that a collector may have made of them.
    suffix, compression = {3: (".gz", "gzip"), 5: (".zst", "zstd")}.get(number, ("", "none"))
    path = logs / f"whatsapp-{_month(sample.first_day)}-{number:04}.ndjson{suffix}"
    _copy_lines(con, "select line from line_now order by arrival, tie", path, compression)
    con.execute(f"drop schema chunk_{number} cascade")


def _enter_chunk(con: Connection, schema: str, chunk: tuple[int, int]) -> None:
    con.execute(f"set search_path = '{schema},main'")
    _set(con, "first_thread", chunk[0])
    _set(con, "last_thread", chunk[1])


def _share_variables(source: Connection, target: Connection) -> None:
    for name, kind in source.sql("select name, type from duckdb_variables()").fetchall():
        ((value,),) = source.sql(f"select getvariable('{name}')").fetchall()
        target.execute(f"set variable {name} = $value::{kind}", {"value": value})


def _write_json_files(con: Connection, logs: Path, sample: Sample) -> None:
    """Move a few payloads into a file of one that is easy to read, and into a JSON array."""
    first = "from line_now order by arrival, tie limit 21"
    lines = [line for (line,) in con.sql(f"select line {first}").fetchall()]
    name = f"whatsapp-{_month(sample.first_day)}"
    pretty = json.dumps(json.loads(lines[0]), indent=2) + "\n"
    (logs / f"{name}-payload.json").write_text(pretty, encoding="utf-8", newline="\n")
    array = "[" + ",\n".join(lines[1:]) + "]\n"
    (logs / f"{name}-array.json").write_text(array, encoding="utf-8", newline="\n")
    con.execute(f"delete from line_now where (arrival, tie) in (select (arrival, tie) {first})")


def _write_rest(con: Connection, logs: Path, sample: Sample, scratch: Path) -> None:
    """Write what came late, the CloudEvents, and the send log."""
    late = "select line from (from held union all from late) order by arrival, tie, line"
    _copy_lines(con, late, logs / f"whatsapp-{_month(sample.next_day)}-0001-late.ndjson", "none")
    month = _month(sample.first_day)
    for kind, query in (("events", "cloudevents"), ("consents", "consents")):
        con.execute(f"create table {kind}_line as {_sql(query)}")
        _copy_lines(con, f"from {kind}_line", logs / f"{kind}-{month}-0001.ndjson", "none")
    entries = f"select line {_parts(scratch, 'entries')} order by at_s, item_no"
    _copy_lines(con, entries, logs / f"entries-{month}-0001.ndjson", "none")
    rows = f"select * exclude delivery_no {_parts(scratch, 'sends')} order by sent_at, delivery_no"
    _copy(con, rows, logs / f"sends-{month}-0001.csv", "format csv, header true")


def _write_counts(con: Connection, path: Path) -> None:
    """Write how many of each thing the logs hold, whatever they repeat."""
    con.execute(_sql("tally_rest"))
    counts = con.sql("select what, sum(number)::bigint from tally group by what order by what")
    path.write_text(json.dumps(dict(counts.fetchall()), indent=2) + "\n", encoding="utf-8")


def _parts(scratch: Path, name: str) -> str:
    """The SQL of what all chunks have put into files of one name, in their order."""
    return f"from read_parquet({_text(scratch / f'{name}-*.parquet')})"


def _copy_lines(con: Connection, query: str, path: Path, compression: str) -> None:
    """Write one column of text as lines, unquoted: JSON escapes line ends and controls itself."""
    raw = "format csv, header false, quote '', escape '', delimiter e'\\x01'"
    _copy(con, query, path, f"{raw}, compression {compression}")


def _copy(con: Connection, query: str, path: Path, options: str) -> None:
    con.execute(f"copy ({query}) to {_text(path)} ({options})")


def _set(con: Connection, name: str, value: int | bool | str) -> None:
    """Name a value for the SQL; whole numbers are 64 bits wide, so that products fit."""
    wide = "::bigint" if type(value) is int else ""
    con.execute(f"set variable {name} = $value{wide}", {"value": value})


def _number(con: Connection, query: str) -> int:
    ((value,),) = con.sql(query).fetchall()
    return int(value)


def _month(day: date) -> str:
    return day.strftime("%Y-%m")


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def _text(path: Path) -> str:
    """Write a path as text in SQL, where a parameter cannot stand."""
    return "'" + os.fspath(path).replace("'", "''") + "'"


def main() -> None:
    """Read the command line and write the sample."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="the folder of the book, or an empty one")
    parser.add_argument("--month", default="2026-10")
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--messages", type=int, default=200_000, help="up to 10 million")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--unknown", type=float, default=0.0, help="share without any pricing")
    parser.add_argument("--free-tier", type=int, default=1000, help="per number and month")
    parser.add_argument("--disagreements", type=int, default=36, help="planted; 0 for none")
    parser.add_argument("--truth", type=Path, help="a Parquet file of what was delivered")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--force", action="store_true", help="replace an earlier sample")
    options = vars(parser.parse_args())
    try:
        generate(options.pop("out"), **options)
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
