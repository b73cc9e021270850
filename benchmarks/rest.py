"""What fetching over HTTP costs with contract, raw zone and ledger, against a plain download.

    python benchmarks/rest.py [--pages 200] [--rows 1000] [--rounds 3]

A server on a loopback port answers the same pages of sales to both. The plain way downloads
them with four threads, writes the bodies to disk and lets DuckDB take them apart into a typed
Parquet file. The platform fetches them with its REST source into the lake and loads the table.
Each measurement is a process of its own, the server is another; rounds are interleaved and the
median is shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb

from inventory_platform import duck
from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Money,
    Text,
    Timestamp,
    column,
    describe,
    table,
)
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.pages import PageReader, PageStore
from inventory_platform.landing.views import create_views
from inventory_platform.settings import Settings
from inventory_platform.sources.rest import RestFetcher

TARGET = 1.4
THREADS = 4
SHAPE = {
    "transaction_id": "BIGINT",
    "customer_id": "BIGINT",
    "sku": "VARCHAR",
    "sold_at": "TIMESTAMP",
    "quantity": "BIGINT",
    "total": "DECIMAL(18,2)",
    "payment_method": "VARCHAR",
    "updated_at": "TIMESTAMP",
}


class Sales(Contract):
    """Sales as the server answers them."""

    transaction_id: Integer = column(description="Identifies the sale.")
    customer_id: Integer = column(description="Who bought.", nullable=True)
    sku: Text = column(description="What was sold.")
    sold_at: Timestamp = column(description="When, UTC.")
    quantity: Integer = column(description="Units.", ge=1)
    total: Money = column(description="Amount.", ge=0)
    payment_method: Text = column(description="How it was paid.")
    updated_at: Timestamp = column(description="Last change, UTC.")

    class Config:
        """Where the rows are."""

        metadata = table(
            "sales:data[]", key=["transaction_id"], cursor="updated_at", increments=True
        )


# -- the server --------------------------------------------------------------------------------


def page_bodies(pages: int, rows: int) -> list[bytes]:
    """Reproducible pages, all of the same size."""
    bodies = []
    for page in range(pages):
        data = [
            {
                "transaction_id": i + 1,
                "customer_id": i * 7919 % 200_000 + 1,
                "sku": f"SKU-{i * 104_729 % 5000:05d}",
                "sold_at": f"2026-{i % 12 + 1:02d}-{i % 28 + 1:02d}T{i % 24:02d}:{i % 60:02d}:00Z",
                "quantity": 1 + i * 31 % 9,
                "total": f"{(1 + i * 31 % 9) * (i * 37 % 9999 + 100) / 100:.2f}",
                "payment_method": ("Card", "Cash", "PayPal", "Voucher")[i % 4],
                "updated_at": f"2026-09-{i % 30 + 1:02d}T{i % 24:02d}:{i % 60:02d}:00Z",
            }
            for i in range(page * rows, (page + 1) * rows)
        ]
        bodies.append(json.dumps({"total": pages * rows, "data": data}).encode())
    return bodies


def serve(pages: int, rows: int) -> None:
    """Answer pages until the standard input is closed; prints `host:port` first."""
    bodies = page_bodies(pages, rows)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            place = int(parse_qs(urlsplit(self.path).query)["page"][0]) - 1
            body = bodies[place] if place < pages else b'{"total": 0, "data": []}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, ThreadPoolExecutor(1) as thread:
        thread.submit(server.serve_forever)
        print(f"127.0.0.1:{server.server_address[1]}", flush=True)
        sys.stdin.read()
        server.shutdown()


@contextmanager
def served(pages: int, rows: int) -> Iterator[str]:
    command = [sys.executable, __file__, "--serve", str(pages), str(rows)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


# -- one measurement, in a process of its own --------------------------------------------------


def measure(way: str, host: str, pages: int, folder: Path) -> None:
    """Fetch and load once; print what it cost and how many rows there were."""
    run = {"plain": plain, "platform": platform}[way]
    started, cpu = time.perf_counter(), time.process_time()
    rows = run(host, pages, folder)
    print(json.dumps([time.process_time() - cpu, time.perf_counter() - started, rows]))


def plain(host: str, pages: int, folder: Path) -> int:
    """Download with four threads, then let DuckDB take the pages apart."""

    def download(first: int) -> None:
        connection = HTTPConnection(host)
        for page in range(first, pages + 1, THREADS):
            connection.request("GET", f"/sales?page={page}")
            (folder / f"{page}.json").write_bytes(connection.getresponse().read())
        connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(download, range(1, THREADS + 1)))
    shape = ", ".join(f"{name} {kind}" for name, kind in SHAPE.items())
    target = folder / "sales.parquet"
    with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}) as con:
        con.execute(
            f"copy (select unnest(data, max_depth := 2) from read_json('{folder}/*.json', "
            f"columns = {{total: 'BIGINT', data: 'STRUCT({shape})[]'}})) "
            f"to '{target}' (format parquet, compression zstd)"
        )
        return con.execute(f"select count(*) from '{target}'").fetchone()[0]


def platform(host: str, pages: int, folder: Path) -> int:
    """Fetch into the lake, load with contract, ledger and views."""
    del pages
    settings = Settings(data_dir=folder)
    lake = Lake(settings.lake_dir)
    fetch = {
        "path": "sales", "records": "data", "total": "total", "pagination": {"kind": "page"},
    }  # fmt: skip
    fetcher = RestFetcher(f"rest+http://{host}", {"fetch": {"sales": fetch}})
    PageStore(lake, "bench", "sales").collect(fetcher, timeout_seconds=5)
    reader = PageReader(lake, "bench", fetcher.fetches())
    contract = describe(Sales, "bench")
    record = Loader(settings, reader, address="rest").load(contract)
    with duck.connect(settings) as con:
        create_views(con, lake, [contract])
    return record.rows_loaded


def run(*arguments: object) -> list[float]:
    done = subprocess.run(
        [sys.executable, __file__, "--measure", *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


# -- the comparison ----------------------------------------------------------------------------


def compare(pages: int, rows: int, rounds: int) -> list[str]:
    """Measure both ways and print the table; returns the targets that were missed."""
    results: dict[str, list[list[float]]] = {"plain": [], "platform": []}
    with served(pages, rows) as host, tempfile.TemporaryDirectory(prefix="bench-rest-") as name:
        for nth in range(rounds):
            for way, costs in results.items():
                print(f"Round {nth + 1}: {way}", file=sys.stderr)
                with tempfile.TemporaryDirectory(dir=name) as folder:
                    costs.append(run(way, host, pages, folder))
                if costs[-1][2] != pages * rows:
                    raise SystemExit(f"{way}: {costs[-1][2]} of {pages * rows} rows")
    median = {
        way: [statistics.median(column) for column in zip(*costs, strict=True)]
        for way, costs in results.items()
    }
    ratio = median["platform"][0] / median["plain"][0]
    print(f"\n{pages} pages of {rows:,} rows over loopback HTTP, median of {rounds}\n")
    print("| source | plain CPU s | platform CPU s | ratio | target | plain wall s "
          "| platform wall s |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    print(
        f"| REST, pages by number | {median['plain'][0]:.2f} | {median['platform'][0]:.2f} "
        f"| **{ratio:.2f}** | {TARGET} | {median['plain'][1]:.2f} | {median['platform'][1]:.2f} |"
    )
    return [f"REST: {ratio:.2f} against {TARGET}"] if ratio > TARGET else []


def main() -> list[str]:
    """Run the comparison; returns the targets that were missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", nargs=2, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(*arguments.serve)
        return []
    if arguments.measure:
        way, host, pages, folder = arguments.measure
        measure(way, host, int(pages), Path(folder))
        return []
    missed = compare(arguments.pages, arguments.rows, arguments.rounds)
    for each in missed:
        print(f"missed: {each}")
    return missed


if __name__ == "__main__":
    main()
