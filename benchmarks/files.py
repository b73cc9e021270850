"""What reading workbooks and JSON lines costs, against the shortest way to Parquet there is.

    python benchmarks/files.py [--rows 200000] [--lines 1500000] [--rounds 3] [--memory 512MB]

A workbook of 14 columns is held against `fastexcel` to Arrow to Parquet, JSON lines against
DuckDB's `read_json` to Parquet, both with every value as text, because that is what the platform
reads: types that are guessed change values without a word. What the same costs with types stands
beside it. The reader alone is its relation copied to Parquet: fingerprint, formulas without a
value and names nobody declared are looked for on the way. The load is contract, quarantine and
ledger as well. Each measurement is a process of its own; rounds are interleaved and the median is
shown. Everything lies in a temporary folder that is removed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import duckdb

# Case → the way it is held against, the ways measured, and how much the reader may cost.
CASES = {
    "XLSX": ("copy as text", ("copy typed", "copy as text", "reader", "load"), 1.5),
    "JSON lines": ("copy as text", ("copy typed", "copy as text", "reader", "load"), 1.4),
}
FILES = {"XLSX": "counts.xlsx", "JSON lines": "events.jsonl"}
TYPES = {
    "event_id": "BIGINT",
    "session_id": "VARCHAR",
    "happened_at": "TIMESTAMP",
    "user_id": "BIGINT",
    "page": "VARCHAR",
    "sku": "VARCHAR",
    "action": "VARCHAR",
    "amount": "DOUBLE",
    "mobile": "BOOLEAN",
    "referrer": "VARCHAR",
    "quantity": "BIGINT",
}


# -- the data ----------------------------------------------------------------------------------


def write_workbook(path: Path, rows: int) -> None:
    """Stock counts: texts, an instant, whole numbers, money, a flag."""
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Counts")
        dated = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_row(0, 0, ["row_id", "sku", "place", "seen", *(f"n{i}" for i in range(10))])
        start = datetime(2026, 1, 1)  # noqa: DTZ001
        for i in range(rows):
            sheet.write_row(i + 1, 0, [i + 1, f"SKU-{i % 500:05d}", f"Warehouse {i % 7}"])
            sheet.write_datetime(i + 1, 3, start.replace(hour=i % 24, minute=i % 60), dated)
            sheet.write_row(i + 1, 4, [(i * k) % 997 for k in range(1, 7)])
            sheet.write_row(i + 1, 10, [(i * k) % 99_999 / 100 for k in range(1, 4)])
            sheet.write(i + 1, 13, i % 2 == 0)


def write_lines(path: Path, rows: int) -> None:
    """What visitors did: ids, an instant, texts, an amount, a flag."""
    with duckdb.connect() as con:
        con.execute(
            "copy (select i + 1 as event_id, 's-' || lpad((i // 5)::varchar, 10, '0') as "
            "session_id, strftime(timestamp '2026-01-01' + to_seconds(i), '%Y-%m-%d %H:%M:%S') "
            "as happened_at, (i * 7919) % 200000 as user_id, '/products/' || (i % 500) as page, "
            "case when i % 3 = 0 then 'SKU-' || lpad((i % 500)::varchar, 5, '0') end as sku, "
            "['view', 'cart', 'buy'][1 + i % 3] as action, ((i * 37) % 9999) / 100.0 as amount, "
            "i % 2 = 0 as mobile, 'https://example.com/path/' || (i % 1000) as referrer, "
            f"i % 5 as quantity from range({rows}) t(i)) to '{path}' (format json)"
        )


# -- one measurement, in a process of its own --------------------------------------------------


def contract(case: str):
    from inventory_platform.contracts import base

    kinds = {"BIGINT": base.Integer, "VARCHAR": base.Text, "TIMESTAMP": base.Timestamp,
             "DOUBLE": base.Number, "BOOLEAN": base.Flag, "MONEY": base.Money}  # fmt: skip
    types = TYPES
    if case == "XLSX":
        types = {"row_id": "BIGINT", "sku": "VARCHAR", "place": "VARCHAR", "seen": "TIMESTAMP"}
        types |= {f"n{i}": "BIGINT" if i < 6 else "MONEY" for i in range(9)} | {"n9": "BOOLEAN"}
    key = next(iter(types))
    config = type("Config", (), {"metadata": base.table(FILES[case], key=[key], increments=True)})
    body = {"__doc__": "Rows of a file.", "Config": config, "__module__": __name__}
    body["__annotations__"] = {name: kinds[kind] for name, kind in types.items()}
    body |= {name: base.column(name, name, nullable=name != key) for name in types}
    return base.describe(type("Rows", (base.Contract,), body), "bench")


def measure(case: str, way: str, folder: str, data: str, memory: str) -> None:
    """Read the file once and print what it cost."""
    import fastexcel
    import pyarrow as pa
    from pyarrow import parquet

    from inventory_platform import duck
    from inventory_platform.landing.loader import Loader
    from inventory_platform.settings import Settings
    from inventory_platform.sources.base import Request
    from inventory_platform.sources.files import FileReader

    settings = Settings(data_dir=Path(data), memory_limit=memory)
    described = contract(case)
    path = Path(folder) / FILES[case]
    target = settings.data_dir / "plain.parquet"
    to = f"to {duck.literal(str(target))} (format parquet, compression zstd)"
    started, cpu = time.perf_counter(), time.process_time()
    if way == "load":
        reader = FileReader(folder, {})
        rows = Loader(settings, reader, address=case).load(described).rows_loaded
    elif way == "reader":
        columns = tuple(c.source for c in described.columns)
        request = Request(described.source_table, columns, is_whole=False)
        with duck.connect(settings) as con:
            relation = next(FileReader(folder, {}).relations(con, request))
            listed = ", ".join(duck.identifier(c) for c in columns)
            rows = con.execute(f"copy (select {listed} from ({relation.sql})) {to}").fetchall()[0][
                0
            ]
    elif case == "XLSX":
        chosen = {"dtypes": "string"} if way == "copy as text" else {}
        batch = fastexcel.read_excel(path).load_sheet(0, **chosen).to_arrow()
        parquet.write_table(pa.Table.from_batches([batch]), target, compression="zstd")
        rows = batch.num_rows
    else:
        as_text = way == "copy as text"
        listed = ", ".join(f"{n}: '{'VARCHAR' if as_text else k}'" for n, k in TYPES.items())
        with duck.connect(settings) as con:
            rows = con.execute(
                f"copy (from read_json({duck.literal(str(path))}, format = 'newline_delimited', "
                f"columns = {{{listed}}})) {to}"
            ).fetchall()[0][0]
    spent = time.process_time() - cpu, time.perf_counter() - started
    print(json.dumps([*spent, peak_mb(), rows]))


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


# -- the comparison ----------------------------------------------------------------------------


def compare(sizes: dict[str, int], rounds: int, memory: str) -> list[str]:
    """Measure every case all ways and print the table; returns the targets that were missed."""
    with tempfile.TemporaryDirectory(prefix="bench-files-") as name:
        folder = Path(name) / "drop"
        folder.mkdir()
        print("Writing the files …", file=sys.stderr)
        write_workbook(folder / FILES["XLSX"], sizes["XLSX"])
        write_lines(folder / FILES["JSON lines"], sizes["JSON lines"])
        for path in folder.iterdir():
            # Files that were just written are left for the next time.
            os.utime(path, (time.time() - 60,) * 2)
        results: dict[tuple[str, str], list[list[float]]] = {}
        for nth in range(rounds):
            for case, (_, ways, _) in CASES.items():
                for way in ways:
                    print(f"Round {nth + 1}: {case}, {way}", file=sys.stderr)
                    with tempfile.TemporaryDirectory(dir=name) as data:
                        cost = run(case, way, str(folder), data, memory)
                    results.setdefault((case, way), []).append(cost)
    return report(results, sizes, rounds, memory)


def report(
    results: dict[tuple[str, str], list[list[float]]],
    sizes: dict[str, int],
    rounds: int,
    memory: str,
) -> list[str]:
    print(f"Median of {rounds}, INVENTORY_MEMORY_LIMIT={memory}, 2 threads\n")
    print("| file | rows | way | CPU s | ratio | target | wall s | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    missed = []
    for case, (base, ways, target) in CASES.items():
        held = statistics.median(cost[0] for cost in results[case, base])
        for way in ways:
            cpu, wall, peak, rows = (
                statistics.median(column) for column in zip(*results[case, way], strict=True)
            )
            if rows != sizes[case]:
                raise SystemExit(f"{case}, {way}: {rows} of {sizes[case]} rows")
            ratio = cpu / held
            aimed = f"{target}" if way == "reader" else ""
            if way == "reader" and ratio > target:
                missed.append(f"{case}: {ratio:.2f} against {target}")
            print(
                f"| {case} | {sizes[case]:,} | {way} | {cpu:.2f} | {ratio:.2f} | {aimed} "
                f"| {wall:.2f} | {peak:.0f} |"
            )
    return missed


def main() -> list[str]:
    """Run the comparison; returns the targets that were missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the workbook")
    parser.add_argument("--lines", type=int, default=1_500_000, help="lines of the JSON file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="512MB", help="INVENTORY_MEMORY_LIMIT of each process")
    parser.add_argument("--measure", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
        return []
    sizes = {"XLSX": arguments.rows, "JSON lines": arguments.lines}
    missed = compare(sizes, arguments.rounds, arguments.memory)
    for each in missed:
        print(f"missed: {each}")
    return missed


if __name__ == "__main__":
    main()
