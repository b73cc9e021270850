"""The dashboard in a real browser, over the published marts of a whole run.

Numbers on a page are held against an own query of the same files. With `SCREENSHOT_DIR` set, the
pictures of the documentation are written there.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import duckdb
import httpx
import pytest
from playwright.sync_api import BrowserContext, Error, Locator, Page, expect, sync_playwright

from inventory_platform.settings import PROJECT_DIR
from tests.e2e.conftest import Platform

pytestmark = pytest.mark.slow

PAGES = ("", "stock", "prices", "suppliers", "quality", "health")
DESKTOP = {"width": 1300, "height": 1000}
PHONE = {"width": 390, "height": 844}
LAST_90_DAYS = (
    "date_day > (select max(date_day) - 90 from '{folder}/dim_dates.parquet')"
    " and date_day <= (select max(date_day) from '{folder}/dim_dates.parquet')"
)


@pytest.fixture(scope="module")
def published(platform: Platform) -> Path:
    return platform.settings.published_dir


@pytest.fixture(scope="module")
def dashboard_url(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard as `make ui` starts it, from another folder, stopped by its own process id."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", str(PROJECT_DIR / "dashboard" / "app.py")),
            *("--server.port", str(port)),
        ],
        env=os.environ | {"INVENTORY_PUBLISHED": str(published)},
        cwd=tmp_path_factory.mktemp("elsewhere"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/_stcore/health", timeout=2).raise_for_status()
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline or process.poll() is not None:
                    pytest.fail("the dashboard did not come up")
                time.sleep(0.2)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One browser for all tests: starting it takes longer than a page."""
    path = shutil.which("chromium")
    if path is None:
        message = "chromium is missing: sudo bash scripts/install-test-servers.sh"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")),
            executable_path=path,
            headless=True,
            viewport=DESKTOP,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield context
        context.close()


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    made = browser.new_page()
    made.set_viewport_size(DESKTOP)
    yield made
    made.close()


def opened(page: Page, url: str, path: str = "", **address: str) -> None:
    """Go to a page and wait until it is drawn; it must not show a stack trace."""
    page.goto(f"{url}/{path}?{urlencode(address)}")
    settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def settled(page: Page) -> None:
    """Wait until nothing is drawn any more."""
    page.get_by_text("Data as of").first.wait_for(timeout=60_000)
    page.locator('[data-test-script-state="notRunning"]').first.wait_for(timeout=60_000)
    page.wait_for_function("document.querySelectorAll('[data-stale=true]').length == 0")


def figure(page: Page, label: str) -> str:
    tile = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return tile.get_by_test_id("stMetricValue").inner_text()


def choose(page: Page, label: str, option: str) -> None:
    """Choose in a list of the sidebar, again if the page was drawn anew under the click."""
    sidebar = page.get_by_test_id("stSidebar")
    chosen = sidebar.get_by_test_id("stMultiSelect").get_by_text(option, exact=True)
    for _ in range(3):
        sidebar.get_by_label(label).click()
        page.get_by_role("option", name=option, exact=True).click()
        try:
            chosen.wait_for(timeout=5_000)
        except Error:
            continue
        return
    pytest.fail(f"{option} could not be chosen")


def number(published: Path, sql: str) -> float:
    """The answer of a query over the published files, `{folder}` in it."""
    folder = published / "current"
    sql = sql.replace("{recent}", LAST_90_DAYS).format(folder=folder)
    return float(duckdb.connect().execute(sql).fetchall()[0][0])


def box(page: Page, title: str) -> Locator:
    """The box of a section."""
    return (
        page.get_by_test_id("stVerticalBlock")
        .filter(has=page.get_by_role("heading", name=title, exact=True))
        .last
    )


def keep_picture(page: Page, name: str, height: int, width: int = 1300) -> None:
    folder = os.environ.get("SCREENSHOT_DIR")
    if folder:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(2500)
        page.screenshot(path=str(Path(folder) / f"dashboard-{name}.png"))


def test_sales_figures_equal_the_marts(dashboard_url: str, published: Path, page: Page) -> None:
    opened(page, dashboard_url)
    for label, column in (("Gross revenue", "gross_amount"), ("Net revenue", "net_amount")):
        sql = f"select sum({column}) from '{{folder}}/kpi_sales_daily.parquet' where {{recent}}"
        assert figure(page, label) == f"€{number(published, sql):,.0f}"
    sold = "select sum({0}) from '{{folder}}/kpi_orders_daily.parquet' where {{recent}}"
    orders = number(published, sold.format("order_count"))
    gross = number(published, sold.format("gross_amount"))
    assert figure(page, "Orders") == f"{orders:,.0f}"
    assert figure(page, "Average order") == f"€{gross / orders:,.2f}"
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    keep_picture(page, "kpis", 1900)


def test_stock_figures_equal_the_marts(dashboard_url: str, published: Path, page: Page) -> None:
    opened(page, dashboard_url, "stock")
    stock = "select sum({0}) from '{{folder}}/kpi_stock_products.parquet'"
    assert figure(page, "Value at cost") == (
        f"€{number(published, stock.format('cost_value')):,.0f}"
    )
    assert figure(page, "Units") == f"{number(published, stock.format('on_hand')):,.0f}"
    proposals = "from '{folder}/kpi_reorder_proposals.parquet' where decision = 'order'"
    orders = number(published, f"select count(*) {proposals}")
    cost = number(published, f"select sum(order_cost) {proposals}")
    expect(page.get_by_text(f"{orders:,.0f} orders of €{cost:,.0f}")).to_be_visible()
    differ = number(
        published,
        "select count(*) from '{folder}/fct_stock_reconciliation.parquet'"
        " where likely_cause <> 'none'",
    )
    expect(page.get_by_text(f"{differ:,.0f} differ")).to_be_visible()
    keep_picture(page, "stock", 2050)


def test_a_filter_changes_the_figures_and_can_be_shared(
    dashboard_url: str, published: Path, page: Page
) -> None:
    opened(page, dashboard_url)
    before = figure(page, "Gross revenue")
    choose(page, "Channel", "pos")
    sql = (
        "select sum(gross_amount) from '{folder}/kpi_sales_daily.parquet'"
        " where channel = 'pos' and {recent}"
    )
    expected = f"€{number(published, sql):,.0f}"
    assert expected != before
    tile = page.get_by_test_id("stMetric").filter(has_text="Gross revenue")
    expect(tile).to_contain_text(expected, timeout=30_000)
    assert "channel=pos" in page.url
    shared = page.url
    page.goto("about:blank")
    page.goto(shared)
    settled(page)
    expect(tile).to_contain_text(expected)
    expect(page.get_by_text("Channel: pos")).to_be_visible()


def test_a_download_holds_what_is_shown(dashboard_url: str, published: Path, page: Page) -> None:
    opened(page, dashboard_url)
    with page.expect_download() as waiting:
        box(page, "Channels").get_by_test_id("stDownloadButton").get_by_role("button").click()
    assert waiting.value.suggested_filename == "channels.csv"
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    rows = {row["channel"]: float(row["gross_amount"]) for row in csv.DictReader(io.StringIO(text))}
    folder = published / "current"
    sql = (
        "select channel, sum(gross_amount)::double from '{folder}/kpi_sales_daily.parquet'"
        " where {recent} group by 1"
    )
    sql = sql.replace("{recent}", LAST_90_DAYS).format(folder=folder)
    assert rows == pytest.approx(dict(duckdb.connect().execute(sql).fetchall()))


def test_figures_of_prices_and_suppliers_equal_the_marts(
    dashboard_url: str, published: Path, page: Page
) -> None:
    opened(page, dashboard_url, "prices")
    undercut = number(published, "select count(*) from '{folder}/kpi_undercut_alerts.parquet'")
    assert figure(page, "Undercut offers") == f"{undercut:,.0f}"
    keep_picture(page, "prices", 1900)
    page.set_viewport_size(DESKTOP)
    opened(page, dashboard_url, "suppliers")
    suppliers = "select sum({0}) from '{{folder}}/kpi_suppliers.parquet'"
    assert (
        figure(page, "Open orders") == f"{number(published, suppliers.format('open_orders')):.0f}"
    )
    assert figure(page, "Open value") == (
        f"€{number(published, suppliers.format('open_value')):,.0f}"
    )
    keep_picture(page, "suppliers", 1900)


def test_quality_and_health_show_the_run_and_what_it_rejected(
    dashboard_url: str, published: Path, page: Page
) -> None:
    operations = published / "operations" / "current"
    opened(page, dashboard_url, "quality")
    rejected = duckdb.sql(f"select count(*) from '{operations}/quarantined_rows.parquet'")
    assert figure(page, "Rows in quarantine") == str(rejected.fetchall()[0][0])
    assert figure(page, "Checks failed") == "0"
    keep_picture(page, "quality", 2300)
    page.set_viewport_size(DESKTOP)
    opened(page, dashboard_url, "health")
    assert figure(page, "Last run") == "success"
    assert figure(page, "Runs") == "1"
    keep_picture(page, "health", 2000)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone_and_asks_no_other_machine(
    dashboard_url: str, page: Page, path: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size(PHONE)
    opened(page, dashboard_url, path)
    wider = page.evaluate(
        "[document.scrollingElement, document.querySelector('[data-testid=stMain]')]"
        ".map(element => element.scrollWidth - element.clientWidth)"
    )
    assert wider == [0, 0]
    expect(page.get_by_test_id("stMetric").first).to_be_in_viewport()
    own = (f"{dashboard_url}/", "data:", "blob:")
    assert asked
    assert not [address for address in asked if not address.startswith(own)]
    keep_picture(page, f"phone-{path or 'kpis'}", PHONE["height"], PHONE["width"])
