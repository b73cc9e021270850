"""How long a page of the dashboard takes until it can be used, with ten million order lines.

    python benchmarks/dashboard.py [--lines 10000000] [--published .data/published]

The marts that `make run` published are multiplied by DuckDB: order lines up to the number asked
for, everything that has a product by 40, customers like order lines, sales of a day by ten times as
many categories; the history of operations is as it is. The dashboard is started on them, and pages
are opened in Chromium. A page counts as usable when its script has ended and its figures stand
there. `first` is the first visit after a publication, when nothing is kept yet; `again` is any
later one; `filter` is from choosing a channel or typing a product to the new figures. `server` and
`browser` are CPU seconds of a first visit, all threads together: they hold on a busy machine too.
Data lies in a temporary folder that is removed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import duckdb
import psutil
from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[1]
TARGET = 2.0
PRODUCTS = 40
CATEGORIES = 10
ROUNDS = 5
CPU = ("server", "browser")
DATES = {"fct_order_lines": "order_date", "fct_stock_daily": "stock_date"}
READY = """() => document.querySelector('[data-test-script-state="notRunning"]')
    && document.querySelector('[data-testid=stMetricValue]')
    && !document.querySelector('[data-stale=true]')"""
CHANGED = "old => document.querySelector('[data-testid=stMetricValue]').innerText != old"


def main() -> None:
    """Make the folder, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--published", type=Path, default=PROJECT / ".data" / "published")
    options = parser.parse_args()
    if not (options.published / "current").exists():
        sys.exit(f"Nothing is published in {options.published}: run `make run` first.")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for beside in ("operations", "live"):
            shutil.copytree(options.published / beside, root / beside, symlinks=True)
        rows = multiply(options.published / "current", root, options.lines)
        for mart, number in sorted(rows.items(), key=lambda item: -item[1])[:8]:
            print(f"{mart:28}{number:>14,} rows")
        with server(root) as (url, dashboard), browser() as (page, chromium):
            measure(page, url, root, dashboard, chromium)


def multiply(source: Path, root: Path, lines: int) -> dict[str, int]:
    """Write the multiplied marts as the first version of a published folder."""
    folder = root / "versions" / "0"
    folder.mkdir(parents=True)
    rows = {}
    with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(root)}) as con:
        count = f"select count(*) from '{source}/fct_order_lines.parquet'"
        copies = -(-lines // con.execute(count).fetchall()[0][0])
        for path in sorted(source.glob("*.parquet")):
            columns = {c[0] for c in con.execute(f"describe from '{path}'").fetchall()}
            select = multiplied(path, columns, copies)
            con.execute(f"copy ({select}) to '{folder / path.name}' (compression zstd)")
            rows[path.stem] = con.execute(f"select count(*) from '{folder / path.name}'").fetchall()
    publish(root, 0)
    return {mart: found[0][0] for mart, found in rows.items()}


def multiplied(path: Path, columns: set[str], copies: int) -> str:
    """A mart with as many rows as the business would have that is so much larger."""
    mart = path.stem
    if mart == "fct_order_lines":
        times, suffixed = copies, {"order_line_id": "n", "order_id": "n", "customer_id": "n"}
        suffixed["product_id"] = f"n % {PRODUCTS}"
    elif mart == "kpi_customers":
        times, suffixed = copies, {"customer_id": "n"}
    elif mart == "kpi_sales_daily":
        times, suffixed = CATEGORIES, {"category": "n"}
    elif "product_id" in columns and not mart.startswith(("fct_order", "fct_returns")):
        times, suffixed = PRODUCTS, {"product_id": "n"}
    else:
        return f"from '{path}'"
    replaced = ", ".join(
        f"if({by} = 0, {column}, {column} || '-' || ({by})) as {column}"
        for column, by in suffixed.items()
        if column in columns
    )
    order = f" order by {DATES[mart]}" if mart in DATES else ""
    return f"select * exclude (n) replace ({replaced}) from '{path}', range({times}) as t(n){order}"


def publish(root: Path, version: int) -> None:
    """Make the files a new version, so that nothing that was kept of them counts."""
    versions = root / "versions"
    folder = versions / str(version)
    if version:
        (versions / str(version - 1)).rename(folder)
    now = datetime.now(UTC).replace(tzinfo=None)
    (folder / "manifest.json").write_text(json.dumps({"published_at": str(now)}))
    (root / "current").unlink(missing_ok=True)
    (root / "current").symlink_to(folder)


@contextmanager
def server(root: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The dashboard as a process of its own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(PROJECT / "dashboard" / "app.py")]
    process = subprocess.Popen(
        [*command, "--server.port", str(port)],
        env=os.environ | {"INVENTORY_PUBLISHED": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urlopen(f"{url}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def browser() -> Iterator[tuple[Page, psutil.Process]]:
    """A page of Chromium."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=shutil.which("chromium"),
            headless=True,
            viewport={"width": 1300, "height": 1000},
            args=["--no-sandbox", "--disable-gpu", "--no-first-run"],
        )
        commands = ((p, p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"]))
        chromium = next(p for p, words in commands if f"--user-data-dir={profile}" in words)
        yield context.new_page(), chromium
        context.close()


def measure(
    page: Page, url: str, root: Path, dashboard: psutil.Process, chromium: psutil.Process
) -> None:
    """Open every page of the navigation and print how long that takes."""
    page.goto(url)
    page.wait_for_function(READY, timeout=120_000)
    links = page.get_by_test_id("stSidebarNavLink").all()
    pages = [
        (link.inner_text().split("\n")[-1], link.get_attribute("href") or "") for link in links
    ]
    print(
        f"\nmedian of {ROUNDS}, target {TARGET} s; others keep {os.getloadavg()[0]:.0f} CPUs busy"
    )
    print(f"{'page':20}" + "".join(f"{name:>9}" for name in ("first", "again", "filter", *CPU)))
    version = 0
    for name, address in pages:
        times: dict[str, list[float]] = {"first": [], "again": [], "filter": []}
        cpu: dict[str, list[float]] = {which: [] for which in CPU}
        for _ in range(ROUNDS):
            version += 1
            publish(root, version)
            before = cpu_seconds(dashboard), cpu_seconds(chromium)
            times["first"].append(visit(page, url, address))
            cpu["server"].append(cpu_seconds(dashboard) - before[0])
            cpu["browser"].append(cpu_seconds(chromium) - before[1])
            times["again"].append(visit(page, url, address))
            times["filter"] += choose(page)
        told = [shown(found, TARGET) for found in times.values()]
        print(f"{name:20}" + "".join(told + [shown(found) for found in cpu.values()]))


def cpu_seconds(process: psutil.Process) -> float:
    """What a process and its children used so far."""
    used = (p.cpu_times() for p in (process, *process.children(recursive=True)))
    return sum(times.user + times.system for times in used)


def visit(page: Page, url: str, address: str) -> float:
    """Seconds from asking for a page until it can be used."""
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(url + address if address.startswith("/") else address)
    page.wait_for_function(READY, timeout=120_000, polling=20)
    return time.perf_counter() - started


def choose(page: Page) -> list[float]:
    """Seconds from a choice to other figures, on a page with a filter for channel or product."""
    before = page.get_by_test_id("stMetricValue").first.inner_text()
    sidebar = page.get_by_test_id("stSidebar")
    channel, product = sidebar.get_by_label("Channel"), sidebar.get_by_label("Product")
    if channel.count():
        channel.click()
        started = time.perf_counter()
        page.get_by_role("option", name="pos", exact=True).click()
    elif product.count():
        product.fill("mug")
        started = time.perf_counter()
        product.press("Enter")
    else:
        return []
    page.wait_for_function(CHANGED, arg=before, timeout=120_000, polling=20)
    page.wait_for_function(READY, timeout=120_000, polling=20)
    return [time.perf_counter() - started]


def shown(times: list[float], target: float = float("inf")) -> str:
    """The median, with a mark where the target is missed."""
    if not times:
        return f"{'-':>9}"
    median = statistics.median(times)
    return f"{median:8.2f}{'!' if median > target else ' '}"


if __name__ == "__main__":
    main()
