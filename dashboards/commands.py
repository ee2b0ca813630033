"""The commands that show a book: reports, dashboard."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType

import click

from dashboards.reports import pointed_at, publish
from metering.errors import LockedError, UsageError
from metering.output import book_option, errors_for_people, say
from metering.settings import Book

APP = Path(__file__).parent / "app.py"
HOST = "127.0.0.1"  # nobody logs in: the app is for this machine alone
PORT = 8501
HOSTS = (HOST, "localhost")  # no other name may lead here
OPTIONS = {
    "server.address": HOST,
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
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
    """Show the invoices and the usage of the book in a browser, on this machine alone."""
    with errors_for_people():
        book = Book.at(book_path)
        _check_free(port)
        refresh(book)
        say(f"the dashboard is at http://{HOST}:{port}, for this machine alone; Ctrl+C ends it")
        code = _serve(book, port, is_headless=no_browser)
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


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UsageError(
                f"port {port} is in use or not allowed",
                where="--port",
                hint=f"give another one, like --port {min(port + 1, 65535)}",
            ) from error


def _serve(book: Book, port: int, *, is_headless: bool) -> int:
    """Run Streamlit until it ends or is interrupted; answer the exit code."""
    options = {
        **OPTIONS,
        "server.port": str(port),
        "server.headless": str(is_headless).lower(),
    }
    command = [sys.executable, "-m", "streamlit", "run", str(APP)]
    command += [f"--{name}={value}" for name, value in options.items()]
    command += [f"--server.allowedHosts={host}" for host in HOSTS]
    environment = {**os.environ, "TOLLBOOK": str(book.root.resolve())}
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
