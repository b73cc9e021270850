"""What contracts turn into for dbt: sources, staging models and their properties.

The last test lets dbt build what was written, over tables as awkward as a source can make them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from inventory_platform.contracts.base import (
    Binary,
    Contract,
    Flag,
    Integer,
    Money,
    Number,
    TableContract,
    Text,
    Timestamp,
    column,
    contracts_of,
    describe,
    table,
)
from inventory_platform.contracts.dbt_files import (
    RESERVED_WORDS,
    sources_yml,
    staging_sql,
    staging_yml,
    stale_dbt_files,
    write_dbt_files,
)

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
DBT = Path(sys.executable).with_name("dbt")


class Shelves(Contract):
    """Shelves: "as they stand" # {{ not a template }} {% nor this %}."""

    order: Text = column("Order", "Identifies the shelf: even as {{ text }}.")
    group: Text = column("Group", "Group, with a 'quote' and a # sign.", nullable=True)
    label: Text = column("Label", "yes", personal=True)
    kind: Text = column(
        "Kind",
        "Kind of shelf.",
        isin=["O'Brien", "null", "a, b", "007"],
        raise_warning=True,
        nullable=True,
    )
    level: Integer = column("Level", "Height.", isin=[1, 2], raise_warning=True)
    width: Money = column("Width", "Width.", nullable=True)
    timestamp: Timestamp = column("Timestamp", "When it changed.")

    class Config:
        metadata = table("Shelves", key=["order"], cursor="timestamp")


class Boxes(Contract):
    """Boxes on shelves."""

    shelf: Text = column("Shelf", "Where the box stands.")
    box: Integer = column("Box", "Number on the shelf.")
    full: Flag = column("Full", "Whether it is full.")

    class Config:
        metadata = table("Boxes", key=["shelf", "box"], references={"shelf": "shelves.order"})


def wide_contract() -> TableContract:
    """A table without a key: sixty columns, every kind of value, and a taken name."""
    kinds = (Text, Integer, Number, Money, Flag, Timestamp)
    fields: dict[str, tuple[object, object]] = {
        f"column_{n}": (kinds[n % 6], column(f"C{n}", nullable=True)) for n in range(58)
    }
    fields["photo"] = (Binary, column("Photo", "Photograph.", nullable=True))
    fields["left"] = (Text, column("Left", "What is left.", nullable=True))
    namespace = {name: field for name, (_, field) in fields.items()} | {
        "__annotations__": {name: kind for name, (kind, _) in fields.items()},
        "__module__": __name__,
        "__doc__": "Sixty columns and no key.",
        "Config": type("Config", (Contract.Config,), {"metadata": table("Wide")}),
    }
    return describe(type("Wide", (Contract,), namespace), "odd")


def odd_contracts() -> dict[str, TableContract]:
    found = [describe(Shelves, "odd"), describe(Boxes, "odd"), wide_contract()]
    return {contract.name: contract for contract in found}


def test_committed_sources_say_what_the_contracts_say() -> None:
    assert stale_dbt_files(contracts_of("inventory_db"), PROJECT) == []


def test_every_contract_has_its_staging_model() -> None:
    for contract in contracts_of("inventory_db").values():
        folder = PROJECT / "models" / "staging" / "inventory_db"
        assert (folder / f"stg_{contract.relation}.sql").exists()
        assert (folder / f"stg_{contract.relation}.yml").exists()


def test_sources_are_overwritten_and_models_belong_to_people(tmp_path: Path) -> None:
    contracts = odd_contracts()
    written = write_dbt_files(contracts, tmp_path)
    folder = tmp_path / "models" / "staging" / "odd"
    assert len(written) == 1 + 2 * len(contracts)
    sources, model = folder / "_odd__sources.yml", folder / "stg_odd__boxes.sql"
    generated = sources.read_text(encoding="utf-8")
    assert generated.startswith("# Generated from inventory_platform/contracts/odd.py")

    sources.write_text("sources: []\n", encoding="utf-8")
    model.write_text("-- mine\n", encoding="utf-8")
    (folder / "stg_odd__wide.yml").unlink()
    assert stale_dbt_files(contracts, tmp_path) == [sources]
    assert write_dbt_files(contracts, tmp_path) == [sources, folder / "stg_odd__wide.yml"]
    assert sources.read_text(encoding="utf-8") == generated
    assert model.read_text(encoding="utf-8") == "-- mine\n"
    assert stale_dbt_files(contracts, tmp_path) == []


def test_missing_sources_are_stale(tmp_path: Path) -> None:
    assert [path.name for path in stale_dbt_files(odd_contracts(), tmp_path)] == [
        "_odd__sources.yml"
    ]


def test_output_is_repeatable() -> None:
    first, second = odd_contracts(), odd_contracts()
    assert sources_yml("odd", first.values()) == sources_yml("odd", second.values())
    assert [staging_sql(c) for c in first.values()] == [staging_sql(c) for c in second.values()]
    assert [staging_yml(c) for c in first.values()] == [staging_yml(c) for c in second.values()]


def test_the_current_row_has_the_greatest_cursor_then_the_latest_load() -> None:
    sql = staging_sql(odd_contracts()["shelves"])
    assert (
        "partition by {{ adapter.quote('order') }}\n            "
        "order by {{ adapter.quote('timestamp') }} desc nulls last, _load_id desc nulls last"
    ) in sql
    assert "order by _load_id desc nulls last" in staging_sql(odd_contracts()["boxes"])


def test_reserved_words_are_all_known() -> None:
    with duckdb.connect() as con:
        rows = con.execute(
            "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
        ).fetchall()
    unquoted = {name for (name,) in rows} - RESERVED_WORDS
    # What is not on the list must at least work as it is.
    with duckdb.connect() as con:
        for name in sorted(unquoted):
            con.execute(f"select {name} from (select 1 as {name})")


def build_odd_project(folder: Path) -> subprocess.CompletedProcess[str]:
    """Write the odd source's files into a project of their own and let dbt build it."""
    project = folder / "project"
    for name in ("macros", "tests/generic"):
        shutil.copytree(PROJECT / name, project / name)
    (project / "models").mkdir()
    for name in ("dbt_project.yml", "profiles.yml", "models/_groups.yml"):
        shutil.copy(PROJECT / name, project / name)
    write_dbt_files(odd_contracts(), project)
    return subprocess.run(
        [DBT, "build", "--project-dir", project, "--profiles-dir", project],
        env=os.environ | {"INVENTORY_WAREHOUSE": str(folder / "odd.duckdb")},
        capture_output=True,
        text=True,
        check=False,
    )


def fill_raw_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create the raw tables of the odd source, with a column that no contract knows."""
    con.execute("create schema raw")
    for contract in odd_contracts().values():
        columns = [f'"{c.name}" {c.type}' for c in contract.columns]
        columns += ["_load_id varchar", "_loaded_at timestamp", "_is_deleted boolean"]
        columns += [] if contract.key else ["_occurrence bigint"]
        con.execute(f"create table raw.{contract.relation} ({', '.join(columns)}, extra varchar)")
    con.execute(
        """
        insert into raw.odd__shelves by name
        select
            unnest(['A', 'A', ' A', 'B']) as "order",
            unnest(['  ', e' \\tx\\n', 'y', null]) as "group",
            unnest(['old', 'new', ' ', 'B']) as label,
            unnest(['null', 'O''Brien', 'a, b', 'neither']) as kind,
            unnest([1, 2, 1, 3]) as level,
            timestamp '2026-01-01' + to_days(cast(unnest([1, 2, 1, 1]) as integer)) as "timestamp",
            unnest(['b', 'a', 'a', 'a']) as _load_id,
            timestamp '2026-01-01' as _loaded_at,
            false as _is_deleted
        """
    )
    con.execute(
        """
        insert into raw.odd__boxes by name
        select
            unnest(['A', 'A', 'A', 'Z']) as shelf,
            unnest([1, 1, 2, 1]) as box,
            true as full,
            unnest(['a', 'b', 'a', 'a']) as _load_id,
            timestamp '2026-01-01' as _loaded_at,
            unnest([false, true, false, false]) as _is_deleted
        """
    )
    con.execute(
        """
        insert into raw.odd__wide by name
        select
            unnest(['a', 'a', 'ab', '', null]) as column_0,
            unnest(['b', 'b', 'b', 'b', 'b']) as column_6,
            unnest(['\\x00\\xFF'::blob, '\\x00\\xFF'::blob, null, null, null]) as photo,
            ' l ' as "left",
            unnest([1, 2, 1, 1, 1]) as _occurrence,
            'a' as _load_id,
            timestamp '2026-01-01' as _loaded_at,
            false as _is_deleted
        """
    )
    con.execute(
        """
        insert into raw.odd__wide by name
        select * replace ('b' as _load_id, true as _is_deleted)
        from raw.odd__wide where _occurrence = 2
        """
    )


@pytest.mark.slow
def test_dbt_builds_what_was_written(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "odd.duckdb") as con:
        fill_raw_tables(con)
    result = build_odd_project(tmp_path)
    assert result.returncode == 0, result.stdout
    assert "ERROR=0" in result.stdout
    assert "WARN=0" in result.stdout, result.stdout

    with duckdb.connect(tmp_path / "odd.duckdb", read_only=True) as con:
        shelves = con.execute(
            'select "order", "group", label, kind from staging.stg_odd__shelves order by "order"'
        ).fetchall()
        boxes = con.execute("select shelf, box from staging.stg_odd__boxes order by all").fetchall()
        wide = con.execute(
            'select column_0, "left", photo from staging.stg_odd__wide order by all'
        ).fetchall()
        keys = con.execute("select count(distinct row_key) from staging.stg_odd__wide").fetchone()
        columns = {row[0] for row in con.execute("describe staging.stg_odd__wide").fetchall()}
    assert shelves == [
        (" A", "y", None, "a, b"),
        ("A", "x", "new", "O'Brien"),
        ("B", None, "B", "neither"),
    ]
    assert boxes == [("A", 2), ("Z", 1)]
    assert wide == [
        ("a", "l", b"\x00\xff"),
        ("ab", "l", None),
        (None, "l", None),
        (None, "l", None),
    ]
    assert keys == (4,)
    assert "extra" not in columns
