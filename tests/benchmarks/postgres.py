"""The same job in plain PostgreSQL 15, where its server is installed: lines in, deliveries out."""

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

BINARIES = Path("/usr/lib/postgresql/15/bin")
USER = "postgres"  # its server refuses to run as root
JOB = """
create unlogged table lines (line jsonb);
\\copy lines from pstdin with (format csv, quote e'\\x01', delimiter e'\\x02')
create table events (
    sender_id text, message_id text, participant text, status text, occurred_at timestamptz,
    recipient text, category text, type text, billable boolean,
    unique nulls not distinct (sender_id, message_id, participant, status, occurred_at)
);
insert into events
select
    change #>> '{value,metadata,phone_number_id}', s ->> 'id', s ->> 'recipient_participant_id',
    s ->> 'status', to_timestamp((s ->> 'timestamp')::bigint), s ->> 'recipient_id',
    s #>> '{pricing,category}', s #>> '{pricing,type}', (s #>> '{pricing,billable}')::boolean
from lines,
    jsonb_array_elements(line -> 'entry') as entry,
    jsonb_array_elements(entry -> 'changes') as change,
    jsonb_array_elements(change #> '{value,statuses}') as s
on conflict do nothing;
create table deliveries as
select
    sender_id, message_id, participant,
    min(occurred_at) filter (where status in ('delivered', 'read', 'played')) as delivered_at,
    (array_agg(category order by occurred_at desc) filter (where category is not null))[1]
from events group by 1, 2, 3;
"""


def bench_postgres(folder: Path, log: Path, load_s: float) -> dict[str, object]:
    """Time the job on a server of its own, on a socket in `folder`; empty where none is there."""
    if not (BINARIES / "initdb").exists():
        return {"postgresql": "not installed"}
    home = folder / "postgres"
    home.mkdir()
    _give(folder, home)
    _as_user(BINARIES / "initdb", "-D", home / "data", "-A", "trust", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={home}"
    _as_user(
        *(BINARIES / "pg_ctl", "-D", home / "data", "-w", "-l", home / "log"),
        *("-o", options, "start"),
    )
    try:
        start = time.perf_counter()
        with log.open("rb") as lines:
            command = [str(BINARIES / "psql"), "-q", "-h", str(home), "-U", USER, "-d", USER]
            arguments = ["-v", "ON_ERROR_STOP=1", "-f", str(_script(home))]
            subprocess.run([*command, *arguments], stdin=lines, check=True)
        elapsed = time.perf_counter() - start
    finally:
        _as_user(BINARIES / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop")
    return {
        "postgresql_seconds": round(elapsed, 1),
        "times_as_fast_as_postgresql": round(elapsed / load_s, 1),
    }


def _script(home: Path) -> Path:
    script = home / "job.sql"
    script.write_text(JOB)
    return script


def _give(folder: Path, home: Path) -> None:
    folder.chmod(0o755)
    if os.getuid() == 0:
        shutil.chown(home, pwd.getpwnam(USER).pw_uid)


def _as_user(*command: str | Path) -> None:
    prefix = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
    subprocess.run([*prefix, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
