"""Dagster's pages in a real browser: the graph, and a table's checks.

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
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

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


@pytest.fixture(scope="module")
def dagster_url(platform: Platform) -> Iterator[str]:
    """Dagster as `make ui` starts it, stopped by its own process id."""
    port = free_port()
    process = subprocess.Popen(
        platform.command("ui", "--port", str(port)),
        env=platform.env,
        cwd=PROJECT_DIR,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{url}/server_info", timeout=2).raise_for_status()
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline or process.poll() is not None:
                    pytest.fail("Dagster's pages did not come up")
                time.sleep(0.5)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, "Dagster did not stop when told to"


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
