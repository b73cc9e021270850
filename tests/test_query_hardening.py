"""A person's SQL reads what is published, and nothing else: attacks that must fail."""

from __future__ import annotations

import time
from collections.abc import Iterator

import duckdb
import pytest

from inventory_platform.operations.query import TABLE_FUNCTIONS, QueryError, query, reader, rows_of
from inventory_platform.publishing.parquet import publish
from inventory_platform.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "secret.csv").write_text("word\nsesame\n")
    made = Settings(data_dir=folder / "data", threads=1, memory_limit="100MB")
    made.lake_dir.mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute("create schema marts")
        con.execute("create table marts.dim_things as select 1 as thing_id, 'Mug' as name")
        publish(
            made.published_dir,
            con,
            keep=2,
            marts=["dim_things"],
            run_id="run",
            code_version="1",
            loads={},
            inputs="",
        )
    return made


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with reader(settings, {}) as opened:
        yield opened


def test_what_is_published_can_be_read_and_explained(con: duckdb.DuckDBPyConnection) -> None:
    assert query(con, "select name from marts.dim_things").fetchall() == [("Mug",)]
    assert query(con, "from marts.dim_things limit 1").fetchall() == [(1, "Mug")]
    for explained in (
        "explain from marts.dim_things",
        "/* für uns */ explain analyze from marts.dim_things",
        "explain (analyze, format json) select 'ü' from marts.dim_things",
    ):
        assert query(con, explained).fetchall(), explained


@pytest.mark.parametrize(
    "sql",
    [
        "from read_csv('/etc/passwd')",
        "from read_text('/etc/passwd')",
        "from read_blob('/etc/*')",
        "from '{secret}'",
        "from read_csv('{lake}/../../secret.csv')",
        "from read_csv('file://{secret}')",
        "from sniff_csv('{secret}')",
        "from glob('/*')",
        "from glob('{lake}/../../*')",
        "from read_parquet('http://127.0.0.1:1/x.parquet')",
        "from read_parquet('s3://bucket/x.parquet')",
        "from read_csv('/proc/self/environ')",
        "select getenv('HOME')",
        "from query('from read_csv(''/etc/passwd'')')",
        "from duckdb_secrets(redact => false)",
        "from enable_logging(storage => 'file', storage_path => '{lake}')",
        "from query('from enable_logging()')",
        "explain analyze from enable_logging(storage => 'file', storage_path => '/tmp')",
        "select (select count(*) from system.main.Enable_Logging(storage => 'stdout'))",
        "with x as (from checkpoint()) from x",
        "from arrow_scan(1, 2, 3)",
        "call enable_logging(storage => 'file', storage_path => '{lake}')",
        "call enable_profiling()",
    ],
)
def test_nothing_outside_is_read(
    settings: Settings, con: duckdb.DuckDBPyConnection, sql: str
) -> None:
    secret = settings.data_dir.parent / "secret.csv"
    with pytest.raises(QueryError) as caught:
        query(con, sql.format(secret=secret, lake=settings.lake_dir)).fetchall()
    assert "sesame" not in str(caught.value)


def test_only_functions_that_were_looked_at_stand_in_the_place_of_a_table(
    con: duckdb.DuckDBPyConnection,
) -> None:
    kinds = "'table', 'table_macro'"
    asked = (
        f"select distinct function_name from duckdb_functions() where function_type in ({kinds})"
    )
    named = [name for (name,) in query(con, asked).fetchall()]
    assert {"arrow_scan", "enable_logging", "query", "read_csv", "range"} < set(named)
    for name in named:
        if name not in TABLE_FUNCTIONS:
            with pytest.raises(QueryError, match=f"may not use the function {name}"):
                query(con, f"from {name}(1)")


@pytest.mark.parametrize(
    "sql",
    [
        "from range(3)",
        "show all tables",
        "describe marts.dim_things",
        "summarize marts.dim_things",
        "pivot marts.dim_things on name in ('Mug') using count(*)",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 3) from r",
        "values (1)",
        "-- what is there\nfrom marts.dim_things, lateral (select unnest([1, 2]));",
        "select column_name from duckdb_columns() where table_name = 'dim_things'",
    ],
)
def test_what_analysts_write_works(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert query(con, sql).fetchall()
    assert rows_of(con, sql).fetchall()


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '{lake}/new.parquet'",
        "explain copy (select 1) to '{lake}/new.parquet'",
        "explain analyze copy (select 1) to '{lake}/new.parquet'",
        "/* ü */ explain analyze copy (select 1) to '{lake}/new.parquet'",
        "explain (analyze) copy (select 1) to '{lake}/new.parquet'",
        "explain analyze create table t as select 1",
        "explain analyze drop schema marts cascade",
        "export database '{lake}/new'",
        "attach '{lake}/new.db'",
        "attach ':memory:' as other",
        "create table t as select 1",
        "create macro f() as 1",
        "insert into marts.dim_things values (2, 'x')",
        "update marts.dim_things set name = 'x'",
        "drop view marts.dim_things",
        "install httpfs",
        "load httpfs",
        "install spatial from community",
        "pragma enable_object_cache",
        "pragma memory_limit = '100GB'",
        "set enable_external_access = true",
        "set memory_limit = '100GB'",
        "reset lock_configuration",
        "create secret (type s3)",
        "begin",
        "checkpoint",
        "select 1; drop schema marts cascade",
        "prepare p as select 1",
        "",
    ],
)
def test_nothing_is_changed(settings: Settings, con: duckdb.DuckDBPyConnection, sql: str) -> None:
    before = sorted(settings.data_dir.rglob("*"))
    for run in (query, rows_of):
        with pytest.raises(QueryError):
            run(con, sql.format(lake=settings.lake_dir)).fetchall()
    assert sorted(settings.data_dir.rglob("*")) == before
    assert query(con, "select name from marts.dim_things").fetchall() == [("Mug",)]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("enable_external_access", "false"),
        ("lock_configuration", "true"),
        ("allow_community_extensions", "false"),
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("allow_unsigned_extensions", "false"),
        ("allow_persistent_secrets", "false"),
        ("max_temp_directory_size", "9.3 GiB"),
    ],
)
def test_the_connection_is_closed_by_its_settings_too(
    con: duckdb.DuckDBPyConnection, setting: str, value: str
) -> None:
    asked = f"select value from duckdb_settings() where name = '{setting}'"
    assert query(con, asked).fetchall() == [(value,)]


ENDLESS = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"


@pytest.mark.parametrize("run", [query, rows_of])
def test_a_query_that_takes_too_long_is_stopped(settings: Settings, run) -> None:
    hasty = settings.model_copy(update={"query_seconds": 0.3})
    started = time.monotonic()
    with (
        pytest.raises(QueryError, match=r"took too long.*\n.*INVENTORY_QUERY_SECONDS"),
        reader(hasty, {}) as con,
    ):
        run(con, ENDLESS).fetchall()
    assert time.monotonic() - started < 30
    with reader(hasty, {}) as con:
        assert query(con, "select 1").fetchall() == [(1,)]


def test_a_query_that_needs_too_much_memory_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError, match=r"(?i)memory"):
        query(con, "select len(list(range)) from range(100000000)")


def test_a_filter_of_the_dashboard_is_a_value_and_never_sql(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard.data import current_snapshot

    monkeypatch.setenv("INVENTORY_PUBLISHED", str(settings.published_dir))
    snapshot = current_snapshot()
    asked = "select thing_id from marts.dim_things where name = $name"
    assert snapshot.query(asked, {"name": "Mug"})["thing_id"].tolist() == [1]
    for attack in ("' or 1=1 --", "x'; copy (select 1) to '/tmp/x'; --", "marts.dim_things"):
        assert snapshot.query(asked, {"name": attack}).empty
