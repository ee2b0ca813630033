"""The commands that show a book: reports, dashboard."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import click

from dashboards.access import (
    LOOPBACK,
    NEEDS_LOGIN,
    DashboardSettings,
    login_file,
    read_dashboard_settings,
)
from dashboards.reports import pointed_at, publish
from metering.errors import LockedError, UsageError
from metering.output import book_option, errors_for_people, say
from metering.settings import SETTINGS, Book

APP = Path(__file__).parent / "app.py"
HOST = LOOPBACK  # where nobody logs in, the app is for this machine alone
PORT = 8501
HOSTS = (HOST, "localhost")  # no other name may lead here, but those of the settings
OPTIONS = {
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.disableDataExport": "true",  # its files hold formulas as they are; ours do not
    "global.disableWidgetStateDuplicationWarning": "true",  # a click may set what a control has
    "logger.hideWelcomeMessage": "true",  # and hints for those who develop apps
    "client.showErrorDetails": "none",
    "theme.metricValueFontSize": "1.6rem",
    "theme.light.primaryColor": "#0b66a3",
    "theme.dark.primaryColor": "#5fb3e8",
}


@click.command()
@book_option
def reports(book_path: Path) -> None:
    """Publish the figures of the book for the dashboard, after a load or a bill."""
    with errors_for_people():
        generation = publish(Book.at(book_path))
        click.echo(f"generation {generation} is published")


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
@click.option("--no-browser", is_flag=True, help="Only say the address.")
@book_option
def dashboard(port: int, *, no_browser: bool, book_path: Path) -> None:
    """Show the book in a browser, on this machine alone unless [dashboard] names a login."""
    with errors_for_people():
        book = Book.at(book_path)
        settings = read_dashboard_settings(book)
        options = access_options(book, settings)
        _check_free(options["server.address"], port)
        refresh(book)
        say(_where(settings, port))
        code = _serve(book, port, settings, options, is_headless=no_browser)
    sys.exit(code)


COMMANDS: list[click.Command] = [dashboard, reports]


def refresh(book: Book) -> None:
    """Publish a generation, or say why the page goes on with the one that is there."""
    try:
        publish(book)
    except LockedError as error:
        say(f"{error.problems[0].what}: showing the figures that were published before")
        if not pointed_at(book.reports):
            say("there are none yet; when the job has finished, run: tollbook reports")


def access_options(book: Book, settings: DashboardSettings) -> dict[str, str]:
    """The options that say who is listened to; raises `UsageError` where the login is not there."""
    secrets = login_file(book, settings)
    if secrets is None:
        return {"server.address": HOST}
    if not secrets.is_file():
        raise UsageError(
            f"there is no file {secrets.name} with the login",
            where=f"{SETTINGS} dashboard.login",
            hint="write Streamlit's table [auth] there, or take the login out",
        )
    return {"server.address": settings.address, "secrets.files": str(secrets.resolve())}


def _where(settings: DashboardSettings, port: int) -> str:
    if settings.login is None:
        return f"the dashboard is at http://{HOST}:{port}, for this machine alone; Ctrl+C ends it"
    names = ", ".join(settings.hosts or (settings.address,))
    return f"the dashboard is at port {port} of {names}, for those who log in; Ctrl+C ends it"


def _check_free(address: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise UsageError(
                f"port {port} is in use or not allowed",
                where="--port",
                hint=f"give another one, like --port {min(port + 1, 65535)}",
            ) from error


def _serve(
    book: Book,
    port: int,
    settings: DashboardSettings,
    access: Mapping[str, str],
    *,
    is_headless: bool,
) -> int:
    """Run Streamlit until it ends or is interrupted; answer the exit code."""
    options = {
        **OPTIONS,
        **access,
        "server.port": str(port),
        "server.headless": str(is_headless).lower(),
    }
    command = [sys.executable, "-m", "streamlit", "run", str(APP)]
    command += [f"--{name}={value}" for name, value in options.items()]
    command += [f"--server.allowedHosts={host}" for host in (*HOSTS, *settings.hosts)]
    environment = {**os.environ, "TOLLBOOK": str(book.root.resolve())}
    environment[NEEDS_LOGIN] = settings.login or ""
    signal.signal(signal.SIGTERM, _interrupt)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        process.terminate()
        process.wait()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End the app with the command that started it, whoever asks for it."""
    raise KeyboardInterrupt
