"""The pages people open in a real browser: the portal, the graph, and a table's checks.

With `SCREENSHOT_DIR` set, the pictures of the documentation are written there.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from inventory_platform.operations.processes import State, read_states
from inventory_platform.operations.programs import DAEMON, state_file
from inventory_platform.settings import PROJECT_DIR
from tests.e2e.conftest import Platform

pytestmark = pytest.mark.slow

GROUPS = (
    "inventory_db",
    "staging",
    "transformed",
    "marts_core",
    "marts_sales",
    "marts_stock",
    "marts_purchasing",
    "published",
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Pages:
    """Where the pages are, and the file that tells how their programs are."""

    dagster: str
    dashboard: str
    portal: str
    states: Path

    def state(self, name: str) -> State | None:
        return next((s for s in read_states(self.states) if s.name == name), None)


@pytest.fixture(scope="module")
def pages(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Everything as `make ui` starts it, stopped by its own process id."""
    ports = {name: free_port() for name in ("dagster", "dashboard", "portal")}
    output = tmp_path_factory.mktemp("ui") / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            platform.command("ui"),
            env=platform.env | {f"INVENTORY_{n.upper()}_PORT": str(p) for n, p in ports.items()},
            cwd=PROJECT_DIR,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 150
        while "Open http" not in output.read_text():
            if time.monotonic() > deadline or process.poll() is not None:
                pytest.fail(f"The pages did not come up:\n{output.read_text()}")
            time.sleep(0.5)
        yield Pages(
            **{name: f"http://127.0.0.1:{port}" for name, port in ports.items()},
            states=state_file(platform.settings, read_only=False),
        )
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, "The pages did not stop when told to"


@pytest.fixture
def dagster_url(pages: Pages) -> str:
    return pages.dagster


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    browser_path = shutil.which("chromium")
    if browser_path is None:
        message = "chromium is missing: sudo bash scripts/install-test-servers.sh"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"),
            executable_path=browser_path,
            headless=True,
            viewport={"width": 1900, "height": 1100},
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
        yield context.new_page()
        context.close()


def keep_picture(page: Page, name: str) -> None:
    folder = os.environ.get("SCREENSHOT_DIR")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_the_lineage_graph_shows_every_layer_as_materialised(dagster_url: str, page: Page) -> None:
    page.goto(f"{dagster_url}/asset-groups")
    page.get_by_text("marts_purchasing").first.wait_for(timeout=60_000)
    for group in GROUPS:
        expect(page.get_by_text(group, exact=True).first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(3000)
    keep_picture(page, "lineage")


def test_the_lineage_of_a_mart_shows_the_checks_on_its_way(dagster_url: str, page: Page) -> None:
    page.goto(
        f"{dagster_url}/assets/marts/dim_locations?view=lineage&lineageScope=upstream&lineageDepth=3"
    )
    page.get_by_text("pos_api__stores").first.wait_for(timeout=60_000)
    for _ in range(4):
        page.get_by_role("img", name="zoom_in").click()
    # A mart, a model, two seeds, two staging models and the two raw tables under them.
    expect(page.get_by_text("Materialized", exact=True)).to_have_count(8, timeout=30_000)
    page.wait_for_timeout(1000)
    text = page.inner_text("body")
    assert "location_keys" in text
    assert text.count("Asset checks") >= 3
    keep_picture(page, "lineage_of_a_mart")


def test_a_tables_checks_show_their_results(dagster_url: str, page: Page) -> None:
    page.goto(f"{dagster_url}/assets/raw/inventory_db__sales_transactions?view=checks")
    page.get_by_text("orphans_product_id").first.wait_for(timeout=60_000)
    for check in ("contract", "ledger", "quarantine_rate", "volume", "drift"):
        expect(page.get_by_text(check, exact=True).first).to_be_visible(timeout=30_000)
    page.get_by_text("orphans_product_id").first.click()
    page.get_by_text("refer to a products row that does not exist").first.wait_for(timeout=30_000)
    page.wait_for_timeout(1000)
    keep_picture(page, "checks")


def test_a_tables_page_shows_its_ledger_line_and_columns(dagster_url: str, page: Page) -> None:
    page.goto(f"{dagster_url}/assets/raw/inventory_db__sales_transactions?view=overview")
    page.get_by_text("rows_quarantined").first.wait_for(timeout=60_000)
    for text in ("total_price", "DECIMAL(18,2)", "Price of all units together."):
        expect(page.get_by_text(text, exact=False).first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1000)
    keep_picture(page, "table")


def test_the_portal_links_everything_and_every_link_answers(pages: Pages, page: Page) -> None:
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.set_viewport_size({"width": 1280, "height": 1040})
    page.goto(pages.portal)
    expect(page.locator(".tag.up")).to_have_count(5, timeout=10_000)
    hrefs = {link.get_attribute("href") or "" for link in page.get_by_role("link").all()}
    assert {f"{pages.dagster}/asset-groups", f"{pages.dashboard}/"} <= hrefs
    assert {"/docs/dbt/static_index.html", "/metrics", "/healthz"} <= hrefs
    for href in sorted(hrefs):
        answer = httpx.get(href if href.startswith("http") else f"{pages.portal}{href}", timeout=20)
        assert answer.status_code == 200, href
    keep_picture(page, "portal")
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert {url for url in asked if not url.startswith(f"{pages.portal}/")} == set()
    assert complaints == []


def test_a_killed_daemon_shows_on_the_portal_and_comes_back(pages: Pages, page: Page) -> None:
    page.goto(pages.portal)
    before = pages.state(DAEMON)
    assert before is not None
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    # The page finds out by itself.
    expect(page.get_by_text("started again 1 time")).to_be_visible(timeout=30_000)
    after = pages.state(DAEMON)
    assert after is not None
    assert after.pid not in {None, before.pid}
    assert httpx.get(f"{pages.dagster}/server_info").status_code == 200
