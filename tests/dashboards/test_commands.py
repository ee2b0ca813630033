"""The command `tollbook dashboard`: it serves this machine alone, and ends cleanly."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboards import commands
from dashboards.access import read_dashboard_settings
from dashboards.reports import pointed_at
from metering.errors import UsageError
from metering.settings import Book
from tests.dashboards.test_access import SETTINGS_TEXT, with_settings

START = "import sys; from dashboards.commands import dashboard; dashboard(sys.argv[1:])"
SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((commands.HOST, 0))
        return int(probe.getsockname()[1])


def answer_of(url: str, job: subprocess.Popen[str]) -> str:
    """Ask until the app answers; one that ended without is a failure."""
    for _ in range(SECONDS * 5):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            assert job.poll() is None, job.communicate()
            time.sleep(0.2)
    raise AssertionError("the app does not answer")


def test_the_dashboard_answers_on_the_loopback_address_and_ends_when_it_is_told(own: Book) -> None:
    published = own.reports / "CURRENT"
    published.unlink()
    port = free_port()
    arguments = ["--book", str(own.root), "--port", str(port), "--no-browser"]
    command = [sys.executable, "-c", START, *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as job:
        try:
            assert answer_of(f"http://127.0.0.1:{port}/_stcore/health", job) == "ok"
            assert pointed_at(own.reports), "it published before it started"
        finally:
            job.terminate()
        try:
            _, said = job.communicate(timeout=SECONDS)
        finally:
            job.kill()

    assert job.returncode == 0
    assert f"http://127.0.0.1:{port}" in said
    with socket.socket() as probe:
        assert probe.connect_ex((commands.HOST, port)) != 0, "nothing is left running"


def test_a_port_in_use_is_refused_with_another_to_try(sample: Book) -> None:
    with socket.socket() as taken:
        taken.bind((commands.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = ["--book", str(sample.root), "--port", str(port), "--no-browser"]
        result = CliRunner().invoke(commands.dashboard, arguments)

    assert result.exit_code == 2
    assert f"port {port} is in use" in result.stderr
    assert "Hint: give another one" in result.stderr


def test_a_folder_without_a_book_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(commands.dashboard, ["--book", str(tmp_path)])

    assert result.exit_code == 2
    assert "there is no book" in result.stderr


def test_the_app_listens_on_this_machine_alone_unless_there_is_a_login(own: Book) -> None:
    options = commands.access_options(own, read_dashboard_settings(own))
    assert options["server.address"] == "127.0.0.1"
    with_settings(own, SETTINGS_TEXT)
    settings = read_dashboard_settings(own)
    with pytest.raises(UsageError, match=r"no file oidc\.toml"):
        commands.access_options(own, settings)
    (own.root / "oidc.toml").write_text("[auth]\n", encoding="utf-8")
    options = commands.access_options(own, settings)
    assert options["server.address"] == "0.0.0.0"
    assert options["secrets.files"] == str((own.root / "oidc.toml").resolve())
    assert commands.OPTIONS["browser.gatherUsageStats"] == "false"
    assert commands.APP.is_file()


def test_the_command_line_does_not_wait_for_the_framework() -> None:
    code = "import json, sys, dashboards.commands; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert not {"streamlit", "altair", "pandas"} & set(json.loads(done.stdout))
