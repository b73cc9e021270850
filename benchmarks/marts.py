"""What building the models costs, against the same SQL run by hand, and what a small change costs.

    python benchmarks/marts.py [--rows 1000000]

A sandbox database of that many sales is loaded by the platform. Then all models are built by dbt
(tests left out), and the SQL that dbt compiled is run once more by hand, statement by statement, in
one DuckDB connection with the same settings; dbt's own start is left out of both. At the end one
per cent more sales of the newest days are loaded, and the months they touch are built: the big
facts alone, and everything. Data and results live in a temporary folder that is removed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from inventory_platform.assets.dbt_project import prepare_manifest
from inventory_platform.registry import Registry, read_registry
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.warehouse import dbt_environment, open_warehouse, refresh

DBT = Path(sys.executable).with_name("inventory-dbt")
HAND_RATIO = 1.3
CHANGE_RATIO = 0.1
SOURCES = '[inventory_db]\naddress = "sqlite:///{data_dir}/sandbox/inventory.sqlite"\n'
MORE_SALES = """
    insert into SalesTransactions
    select 50000000 + TransactionID, CustomerID, ProductID, TransactionDate, QuantitySold,
        TotalPrice, PaymentMethod, CreatedAt, '2026-10-01 00:00:00'
    from SalesTransactions
    where TransactionDate >= '2026-09-01' and typeof(QuantitySold) = 'integer' limit ?
"""


def main() -> None:
    """Measure, print a table, and fail where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        registry = _sandbox(Path(folder), rows)
        _load(registry)
        built = _dbt(registry, "--full-refresh")
        facts = _dbt(registry, "--full-refresh", "--select", "tag:by_month")
        by_hand = _by_hand(registry)
        with closing(sqlite3.connect(registry.settings.sandbox_database)) as db:
            db.execute(MORE_SALES, [rows // 100])
            db.commit()
        _load(registry)
        window = {"INVENTORY_DAYS_FROM": "2026-09-01"}
        changed = _dbt(registry, env=window)
        changed_facts = _dbt(registry, "--select", "tag:by_month", env=window)
    print(f"{rows:,} sales, {len(os.sched_getaffinity(0))} cores\n")
    print("| what | s | of | ratio | target | |\n|---|---|---|---|---|---|")
    for what, seconds, whole, target in (
        ("all models by dbt / the same SQL by hand", built, by_hand, HAND_RATIO),
        ("1 % more sales: big facts / all months of them", changed_facts, facts, CHANGE_RATIO),
        ("1 % more sales: everything / a full build", changed, built, CHANGE_RATIO),
    ):
        verdict = "" if seconds <= target * whole else "missed"
        ratio = seconds / whole
        print(f"| {what} | {seconds:.1f} | {whole:.1f} | {ratio:.2f} | {target} | {verdict} |")


def _sandbox(folder: Path, rows: int) -> Registry:
    (folder / "sources.toml").write_text(SOURCES)
    settings = Settings(data_dir=folder / "data", sources_file=folder / "sources.toml")
    subprocess.run(
        [Path(sys.executable).with_name("inventory"), "sandbox", "generate", "--rows", str(rows)],
        env=os.environ | {"INVENTORY_DATA_DIR": str(settings.data_dir)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    registry = read_registry(settings)
    prepare_manifest(registry)
    return registry


def _load(registry: Registry) -> None:
    for contract in registry.of_source("inventory_db").values():
        registry.loader(registry.sources[contract.source]).load(contract)
    refresh(registry.settings, registry.relations)
    with open_warehouse(registry.settings) as con:
        # What is planned is not measured here; models on it are built from nothing.
        for statement in _empty_plans():
            con.execute(statement)


def _empty_plans() -> list[str]:
    manifest = json.loads((PROJECT_DIR / "dbt_project" / "target" / "manifest.json").read_text())
    statements = ["create schema if not exists planning"]
    for source in manifest["sources"].values():
        if source["schema"] == "planning":
            columns = ", ".join(f"{c['name']} {c['data_type']}" for c in source["columns"].values())
            statements.append(f"create or replace table planning.{source['name']} ({columns})")
    return statements


def _dbt(registry: Registry, *arguments: str, env: dict[str, str] | None = None) -> float:
    """Run dbt; returns the seconds its models took, its own start left out."""
    settings = registry.settings
    target = settings.data_dir / "dbt"
    result = subprocess.run(
        [
            DBT,
            *("build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"),
            *("--project-dir", settings.dbt_dir, "--profiles-dir", settings.dbt_dir),
            *("--target-path", target, *arguments),
        ],
        env=os.environ | dbt_environment(settings) | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    took = re.search(r"Finished running .* \(([\d.]+)s\)", result.stdout)
    if result.returncode != 0 or took is None:
        raise SystemExit(result.stdout[-3000:])
    return float(took[1])


def _by_hand(registry: Registry) -> float:
    """Run what dbt compiled, in the order in which it did; returns the seconds it took."""
    settings = registry.settings
    target = settings.data_dir / "dbt"
    manifest = json.loads((target / "manifest.json").read_text())
    _dbt(registry, "--full-refresh")
    results = json.loads((target / "run_results.json").read_text())["results"]
    done: list[dict[str, Any]] = [
        manifest["nodes"][r["unique_id"]]
        for r in sorted(results, key=lambda r: str(r["timing"][-1]["completed_at"]))
        if r["unique_id"].startswith("model.")
    ]
    compiled = {
        node["unique_id"]: (target / "compiled" / "inventory" / node["original_file_path"])
        for node in done
    }
    with open_warehouse(settings) as con:
        con.execute("set timezone = 'UTC'")
        con.execute(f"set file_search_path = '{settings.lake_dir}'")
        started = time.perf_counter()
        for node in done:
            _run(con, node, compiled[node["unique_id"]].read_text())
        return time.perf_counter() - started


def _run(con: duckdb.DuckDBPyConnection, node: dict[str, Any], sql: str) -> None:
    name = f"{node['schema']}.{node['name']}"
    kind = "view" if node["config"]["materialized"] == "view" else "table"
    con.execute(f"create or replace {kind} {name} as {sql}")


if __name__ == "__main__":
    main()
