"""The views of the dashboard on reports of many accounts, beside a 20 times smaller book.

What is timed is what the server does for one request: the whole script of the page, by the test
driver of the framework, without a browser. Each view is asked about months that it was not asked
about before, so that no figure is in a cache; and then once more about the same.
"""

import os
import time
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from unittest.mock import patch

from streamlit import logger
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

from dashboards.app import VIEWS
from dashboards.words import text
from metering.period import Month
from metering.settings import Book
from tests.benchmarks.books import Figures
from tests.dashboards.generations import invent

APP = Path(__file__).parents[2] / "dashboards" / "app.py"
SMALLER = 20  # times
LAST = date(2026, 10, 19)
# These ask the store or the archive, or the catalog, whose size is another matter.
OTHERS = (text.RECEIVABLES, text.UNBILLED, text.PRICES, text.QUARANTINE)
ACCOUNT = "acct-00007"
# What is asked of each view beside the month: as it opens, and what takes it longer.
PAGES: dict[str, dict[str, str]] = {
    **{name: {"view": name} for name in VIEWS if name not in OTHERS},
    "Usage by account": {"view": text.USAGE, "by": "Account"},
    "Usage by sender": {"view": text.USAGE, "by": "Sender"},
    "Usage of an account": {"view": text.USAGE, "account": ACCOUNT, "by": "Market"},
    "Usage of a market by account": {"view": text.USAGE, "market": "Germany", "by": "Account"},
    "Overview of a market": {"view": text.OVERVIEW, "market": "Germany"},
    "Funnel by account": {"view": text.FUNNEL, "by": "Account"},
    "Margin by market": {"view": text.MARGIN, "margin_by": "Market"},
    "One invoice": {"view": text.INVOICES, "q": ACCOUNT},
}
Samples = dict[str, list[float]]  # seconds, by page


def bench_views(folder: Path, *, accounts: int, months: int, rows: int, rounds: int) -> Figures:
    """Time each view on a large and on a small book of the same months."""
    logger.set_log_level("ERROR")  # it warns at each page that there is no browser
    large = _made(folder / "large", accounts, months, rows)
    small = _made(folder / "small", accounts // SMALLER, months, rows // SMALLER)
    asked = [str(Month.of(LAST).back(number + 1)) for number in range(rounds)]
    cold, warm = _times(large, asked)
    cold_small, warm_small = _times(small, asked)
    per_page = {
        name: {
            "milliseconds": _ms(median(cold[name])),
            "most": _ms(max(cold[name])),
            "again": _ms(median(warm[name])),
            "on_the_small_book": _ms(median(cold_small[name])),
            "growth": round(median(cold[name]) / median(cold_small[name]), 1),
        }
        for name in PAGES
    }
    return {
        "accounts": accounts,
        "months": months,
        "usage_rows_million": round(rows * months / 1e6, 1),
        **_summary("cold", cold, cold_small),
        **_summary("warm", warm, warm_small),
        "growth_most": max(page["growth"] for page in per_page.values()),
        "pages": per_page,
    }


def _made(root: Path, accounts: int, months: int, rows: int) -> Book:
    return invent(root, accounts=accounts, months=months, rows=rows, last=LAST, billed=months)


def _times(book: Book, months: list[str]) -> tuple[Samples, Samples]:
    """Ask each view about each month, first when nothing of it is known, and again."""
    cold: Samples = {name: [] for name in PAGES}
    warm: Samples = {name: [] for name in PAGES}
    # A server looks for components when it starts, and the driver at the first run of each page.
    starting = patch.object(BidiComponentManager, "discover_and_register_components")
    with starting, patch.dict(os.environ, {"TOLLBOOK": str(book.root)}):
        for name in PAGES:
            _open(name, "2026-10").run()  # what every page needs once: imports, the map, the list
        for month in months:
            for name in PAGES:
                app = _open(name, month)
                cold[name].append(_seconds(app))
                warm[name].append(_seconds(app))
    return cold, warm


def _open(name: str, month: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=300)
    for key, value in {**PAGES[name], "period": month, "month": month}.items():
        app.query_params[key] = value
    if name == "One invoice":
        app.query_params["invoice"] = f"{ACCOUNT}/{month}/1"
    return app


def _seconds(app: AppTest) -> float:
    start = time.perf_counter()
    app.run()
    elapsed = time.perf_counter() - start
    assert not app.exception, app.exception[0].message
    return elapsed


def _summary(kind: str, large: Samples, small: Samples) -> Figures:
    every, fewer = (
        [one for samples in some.values() for one in samples] for some in (large, small)
    )
    p95, p95_small = (quantiles(samples, n=20)[-1] for samples in (every, fewer))
    return {
        f"{kind}_p50_ms": _ms(median(every)),
        f"{kind}_p95_ms": _ms(p95),
        f"{kind}_p95_ms_on_the_small_book": _ms(p95_small),
        f"{kind}_growth_of_p95": round(p95 / p95_small, 1),
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
