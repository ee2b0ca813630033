"""The app in a real browser: links, filters, files, clicks on charts, accessibility, small screens.

They want Playwright and a Chromium (`/usr/bin/chromium`, or what TOLLBOOK_CHROMIUM names), and for
accessibility `npm`, which fetches axe-core; what is missing is skipped, and said.
"""

import csv
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import pytest

from dashboards.app import VIEWS
from dashboards.commands import APP, HOST, OPTIONS
from dashboards.words import text
from metering.settings import Book
from tests.dashboards.test_commands import free_port

CHROMIUM = os.environ.get("TOLLBOOK_CHROMIUM", "/usr/bin/chromium")
PATIENCE_MS = 40_000
Page = Any  # of playwright, which may not be there


@pytest.fixture(scope="module")
def address(sample: Book) -> Iterator[str]:
    """The app on the sample, in a process of its own."""
    port = free_port()
    options = {**OPTIONS, "server.address": HOST, "server.port": str(port)}
    options["server.headless"] = "true"
    command = [sys.executable, "-m", "streamlit", "run", str(APP)]
    command += [f"--{name}={value}" for name, value in options.items()]
    environment = {**os.environ, "TOLLBOOK": str(sample.root)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as app:
        try:
            _wait_for(f"http://{HOST}:{port}/_stcore/health")
            yield f"http://{HOST}:{port}"
        finally:
            app.terminate()


def _wait_for(url: str) -> None:
    end = monotonic() + 60
    while monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.URLError:
            sleep(0.2)
    raise AssertionError("the app does not answer")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="wants playwright: pip install")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"wants a browser at {CHROMIUM}: apt-get install chromium")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, fetched by npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("wants npm, to fetch axe-core")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "install", "--silent", "--no-audit", "--prefix", str(folder), "axe-core@4"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    path = folder / "node_modules" / "axe-core" / "axe.min.js"
    if done.returncode or not path.is_file():
        pytest.skip("wants axe-core, which npm could not fetch")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1440, "height": 1000}, reduced_motion="reduce", accept_downloads=True
    )
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    context.close()


def visit(page: Page, address: str, **asked: str) -> None:
    """Open an address and wait until the page is drawn as a whole."""
    query = "&".join(f"{name}={quote(value)}" for name, value in asked.items())
    page.goto(f"{address}/?{query}")
    settle(page)


def settle(page: Page) -> None:
    page.wait_for_selector("h1")
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_function("!document.querySelector('[data-stale=true]')")


def test_the_list_of_views_leads_to_each_and_the_address_follows(page: Page, address: str) -> None:
    visit(page, address)
    page.get_by_role("button", name="Markets").click()
    page.wait_for_selector("h1:has-text('Markets, October 2026')")

    assert "view=Markets" in page.url
    visit(page, page.url.partition("?")[0].rstrip("/"), view=text.MARKETS)
    assert page.inner_text("h1") == "Markets, October 2026"


def test_a_choice_goes_into_the_address_and_the_address_brings_it_back(
    page: Page, address: str
) -> None:
    visit(page, address, view=text.USAGE)
    page.get_by_role("radio", name="Market", exact=True).click()
    page.wait_for_selector("text=Deliveries each day, by market")
    assert "by=Market" in page.url
    page.reload()
    settle(page)
    page.wait_for_selector("text=Deliveries each day, by market")


def test_a_file_holds_what_the_page_shows(page: Page, address: str, tmp_path: Path) -> None:
    visit(page, address, view=text.MARKETS)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").first.click()
    path = tmp_path / "markets.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))

    said = page.inner_text("[data-testid=stMain]")
    assert f"{rows[0][text.MARKET]} leads with {int(rows[0][text.DELIVERIES]):,}" in said
    assert len({row[text.MARKET] for row in rows}) == len(rows) > 10


def test_a_click_on_a_bar_narrows_the_page_to_its_group(page: Page, address: str) -> None:
    visit(page, address, view=text.USAGE)
    page.locator("[data-testid=stVegaLiteChart] g.mark-rect path").first.click()
    page.wait_for_selector("text=/Only Category: /")

    assert "category=" in page.url


def test_a_click_on_a_margin_shows_what_it_is_made_of(page: Page, address: str) -> None:
    visit(page, address, view=text.MARGIN)
    page.locator("[data-testid=stVegaLiteChart] g.mark-rect path").first.click()
    page.wait_for_selector("text=/Only Account: /")

    assert "margin_account=acct-" in page.url
    assert page.get_by_role("radio", name="Market", exact=True).is_checked()


def test_a_click_on_an_hour_shows_whose_it_is(page: Page, address: str) -> None:
    visit(page, address, view=text.HOURS)
    page.locator("[data-testid=stVegaLiteChart] g.mark-rect path").first.click()
    page.wait_for_selector("text=/Monday 0:00: .* of all, by account/")

    assert "hour=Monday+0%3A00" in page.url


def test_a_saved_view_brings_the_filters_back(page: Page, address: str) -> None:
    visit(page, address, view=text.USAGE)
    page.get_by_role("radio", name="Market", exact=True).click()
    page.wait_for_selector("text=Deliveries each day, by market")
    settle(page)  # a rerun that ends while somebody types draws the list on the left anew
    page.get_by_text("Saved views").click()
    page.get_by_label(text.SAVE_AS).fill("By market")
    page.get_by_role("button", name=text.SAVE_VIEW).click()
    page.get_by_role("link", name="By market").wait_for()
    visit(page, address, view=text.FUNNEL)
    page.get_by_text("Saved views").click()
    page.get_by_role("link", name="By market").click()
    page.wait_for_selector("text=Deliveries each day, by market")

    assert "view=Usage" in page.url
    assert "by=Market" in page.url


@pytest.mark.parametrize(
    ("scheme", "names"),
    [("light", [*VIEWS]), ("dark", [text.OVERVIEW, text.INVOICES, text.MARGIN])],
)
def test_no_view_has_a_serious_accessibility_violation(
    browser: Any, address: str, axe: str, scheme: str, names: list[str]
) -> None:
    context = browser.new_context(
        viewport={"width": 1440, "height": 1200}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    found: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        visit(page, address, view=name)
        page.evaluate(axe)
        found |= {name: serious} if (serious := serious_violations(page)) else {}
    context.close()

    assert not found


def serious_violations(page: Page) -> list[tuple[str, str]]:
    # The small chart of a tile has no words of its own in the framework; its figure is beside it.
    without = "{exclude: [['[data-testid=stMetricChart]']]}"
    page.wait_for_timeout(500)  # what fades in has its colours only then
    results = page.evaluate(f"axe.run({without}, {{resultTypes: ['violations']}})")
    return [
        (violation["id"], node["html"][:200])
        for violation in results["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"][:3]
    ]


def test_a_small_screen_scrolls_down_and_never_sideways(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    wide = {}
    names = (text.OVERVIEW, text.USAGE, text.CONVERSATIONS, text.INVOICES, text.LOADS)
    for name in (*names, text.MARGIN, text.UNBILLED, text.QUARANTINE):
        visit(page, address, view=name)
        width = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        if width > 390:
            wide[name] = width
    visit(page, address, view=text.MARKETS)
    world = page.locator("[data-testid=stVegaLiteChart] svg").bounding_box()
    context.close()

    assert not wide
    assert world["height"] < world["width"], "no empty stretches above and below the map"


def test_the_browser_asks_nobody_but_the_app(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name in (text.OVERVIEW, text.MARKETS, text.INVOICES):
        visit(page, address, view=name)

    others = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert asked
    assert not others
