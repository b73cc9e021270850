"""The rules every dbt file keeps: portable SQL, and nothing without a description and a key.

Here belong rules about how the project is written, read from its files and its manifest. What
the models compute is tested by dbt's own unit tests and data tests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
MODELS = sorted((PROJECT / "models").rglob("*.sql"))
MACROS = sorted((PROJECT / "macros").rglob("*.sql"))
TESTS = sorted((PROJECT / "tests").rglob("*.sql"))
DBT = Path(sys.executable).with_name("dbt")
ADDED_UP = {"kpi_sales_daily", "kpi_orders_daily"}

# Functions and types that only DuckDB has, or that mean something else elsewhere.
ENGINE_WORDS = re.compile(
    r"\b(strftime|date_diff|datediff|generate_series|unnest|epoch\w*|regexp_matches|string_split"
    r"|strpos|arg_max|arg_min|max_by|min_by|hugeint|isodow|isoyear|dayofweek|weekofyear|dayname"
    r"|monthname|string_agg|array_agg|list_\w+|len|md5|sha256|varchar|text|read_parquet|asof"
    r"|exclude|replace|median|at time zone)\b"
)
KEYWORDS = re.compile(
    r"\b(SELECT|FROM|WHERE|JOIN|LEFT|INNER|WITH|CASE|WHEN|THEN|ELSE|END|CAST|SUM|COUNT|OVER|AND|OR"
    r"|NOT|NULL|GROUP|ORDER|BY|UNION|ALL|AS|ON)\b"
)


def sql_of(path: Path) -> str:
    """Return a file's SQL alone: no comments, no templates, no text constants."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\{\{\s*config\(.*?\n\s*\)\s*\}\}\n", " ", text, flags=re.DOTALL)
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}", " ", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", " template ", text, flags=re.DOTALL)
    text = re.sub(r"--[^\n]*", " ", text)
    return re.sub(r"'[^']*'", "''", text)


def windows_of(sql: str) -> Iterator[str]:
    """Yield what stands between the brackets after each `over`."""
    for match in re.finditer(r"\bover\s*\(", sql):
        depth, position = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[position], 0)
            position += 1
        yield sql[match.end() : position - 1]


def order_terms(window: str) -> list[str]:
    """Return the terms a window is ordered by."""
    _, found, rest = window.partition("order by")
    rest = re.split(r"\b(?:rows|range) between\b", rest)[0]
    return [term.strip() for term in rest.split(",")] if found else []


def ids(paths: list[Path]) -> list[str]:
    """Name test cases by the file they look at."""
    return [str(path.relative_to(PROJECT)) for path in paths]


@pytest.mark.parametrize("path", MODELS + TESTS + MACROS, ids=ids(MODELS + TESTS + MACROS))
def test_sql_is_portable(path: Path) -> None:
    sql = sql_of(path)
    assert "::" not in sql, "write cast(x as type)"
    assert '"' not in sql, "quote through adapter.quote"
    assert not re.search(r"\bqualify\b", sql), "use a subquery with row_number"
    assert not KEYWORDS.search(sql), "write SQL in lower case"
    for window in windows_of(sql):
        terms = order_terms(window)
        assert terms, f"this window has no order: {window.strip()}"
        for term in terms:
            assert re.search(r"\b(asc|desc) nulls (first|last)$", term), (
                f"say asc or desc and where nulls go: {term}"
            )


@pytest.mark.parametrize("path", MODELS + TESTS, ids=ids(MODELS + TESTS))
def test_engine_differences_stay_in_macros(path: Path) -> None:
    found = ENGINE_WORDS.search(sql_of(path))
    assert not found, f"{found.group() if found else ''} belongs in macros/engine"
    assert "target.type" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MODELS, ids=ids(MODELS))
def test_models_choose_their_columns(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"\nselect \* from [a-z_]+\n$", text), "end with the model's last CTE"
    last = text.rstrip().rpartition(" ")[2]
    body = re.search(rf"\n{last} as \(\n(.*?)\n\),?\n", text, flags=re.DOTALL)
    assert body is not None
    assert "{{ ref(" not in body[1] or "select *" not in body[1], "name the columns that go out"
    for select in re.findall(r"select\b(?:(?!\bselect\b).)*?source\(", text, flags=re.DOTALL):
        assert "*" not in select, "raw tables may have more columns than their contract"


def test_macros_refuse_engines_nobody_has_run() -> None:
    dispatched = set()
    for path in sorted((PROJECT / "macros" / "engine").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"adapter\.dispatch\('(\w+)'\)", text):
            dispatched.add(name)
            default = re.search(
                rf"macro default__{name}\(.*?%\}}(.*?)\{{%-? endmacro", text, flags=re.DOTALL
            )
            assert default is not None, name
            assert default[1].strip() == f"{{{{ unsupported_engine('{name}') }}}}"
            assert f"macro duckdb__{name}(" in text
    assert 0 < len(dispatched) <= 12


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The project as dbt reads it, with every deprecation an error."""
    folder = tmp_path_factory.mktemp("dbt")
    result = subprocess.run(
        [
            DBT,
            "--warn-error-options",
            '{"error": ["Deprecations", "NoNodesForSelectionCriteria"]}',
            "parse",
            "--no-partial-parse",
            "--project-dir",
            PROJECT,
            "--profiles-dir",
            PROJECT,
        ],
        env=os.environ
        | {
            "INVENTORY_WAREHOUSE": str(folder / "none.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "deprecat" not in result.stdout.lower(), result.stdout
    content: dict[str, Any] = json.loads((folder / "target" / "manifest.json").read_text())
    return content


def nodes(manifest: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the nodes of one kind."""
    return [node for node in manifest["nodes"].values() if node["resource_type"] == kind]


def layer(node: dict[str, Any]) -> str:
    """Return the folder directly under `models` that a model is in."""
    return str(node["fqn"][1])


@pytest.mark.slow
def test_every_model_is_described_with_its_grain(manifest: dict[str, Any]) -> None:
    for node in nodes(manifest, "model") + nodes(manifest, "seed"):
        grain = re.search(r"Grain: one row per `[^`]+`", node["description"])
        assert grain, f"{node['name']} does not say what one row is"


@pytest.mark.slow
def test_every_model_has_a_tested_key(manifest: dict[str, Any]) -> None:
    filled = {
        (node["unique_id"], column["name"])
        for node in nodes(manifest, "model")
        for column in node["columns"].values()
        # A mart's constraint is held by the engine itself while the table is built.
        if any(c["type"] == "not_null" for c in column["constraints"])
    }
    tested = set()
    for test in nodes(manifest, "test"):
        kind = (test.get("test_metadata") or {}).get("name")
        where = test.get("attached_node")
        if test["config"]["severity"].lower() == "error" and (
            kind == "primary_key" or (kind == "unique" and (where, test["column_name"]) in filled)
        ):
            tested.add(where)
    for node in nodes(manifest, "model") + nodes(manifest, "seed"):
        # A view between two layers is tested where it becomes a table.
        passes_on = layer(node) == "transformed" and node["config"]["materialized"] == "view"
        assert passes_on or node["unique_id"] in tested, (
            f"{node['name']} has no key that is tested to be unique and filled"
        )


@pytest.mark.slow
def test_marts_keep_a_contract_and_the_rest_is_private(manifest: dict[str, Any]) -> None:
    for node in nodes(manifest, "model"):
        is_mart = layer(node) == "marts"
        assert node["access"] == ("public" if is_mart else "private"), node["name"]
        assert node["config"]["contract"]["enforced"] is is_mart, node["name"]
        by_month = "by_month" in node["tags"]
        assert (
            node["config"]["materialized"]
            in {
                "staging": {"view"},
                "transformed": {"view", "table"},
                "marts": {"incremental" if by_month else "table"},
            }[layer(node)]
        ), node["name"]
        assert node["config"]["schema"] == layer(node)
        assert node["config"]["meta"]["dagster"]["owners"], node["name"]


@pytest.mark.slow
def test_every_mart_says_what_it_answers_and_who_reads_it(manifest: dict[str, Any]) -> None:
    marts = {n["unique_id"]: n for n in nodes(manifest, "model") if layer(n) == "marts"}
    for node in marts.values():
        assert node["config"]["meta"]["question"].endswith("?"), node["name"]
        assert node["config"]["meta"]["fresh_within_hours"] > 0, node["name"]
    exposed = {e["name"]: set(e["depends_on"]["nodes"]) for e in manifest["exposures"].values()}
    assert exposed["power_bi"] < set(marts)
    assert exposed["dashboard"] < set(marts)


@pytest.mark.slow
def test_every_column_is_described_and_typed_by_its_name(manifest: dict[str, Any]) -> None:
    for node in nodes(manifest, "model"):
        for column in node["columns"].values():
            where = f"{node['name']}.{column['name']}"
            assert column["description"], where
            assert column["data_type"], where
            if layer(node) == "staging":
                continue
            if re.search(r"_(amount|price|value)$", column["name"]):
                # Discounts and currencies give lines and orders more than two decimals, and sums
                # that are added up further keep them; what is read as it stands is rounded.
                if node["name"] in ADDED_UP and not column["name"].startswith("average_"):
                    sums = {"decimal(18,4)"}
                elif node["name"].startswith("kpi_"):
                    sums = {"decimal(18,2)"}
                else:
                    sums = {"decimal(18,2)", "decimal(18,4)"}
                assert column["data_type"] in sums, where
            if column["name"].endswith("_at"):
                assert column["data_type"] == "timestamp", where
            if re.search(r"_(date|day)$", column["name"]):
                assert column["data_type"] == "date", where
            if re.match(r"(is|has)_", column["name"]):
                assert column["data_type"] == "boolean", where


@pytest.mark.slow
def test_personal_columns_are_not_published(manifest: dict[str, Any]) -> None:
    personal = {
        column["name"]
        for source in manifest["sources"].values()
        for column in source["columns"].values()
        if column["config"]["meta"].get("personal")
    }
    assert "email" in personal
    for node in nodes(manifest, "model"):
        if layer(node) == "marts":
            assert not personal & set(node["columns"]), node["name"]


@pytest.mark.slow
def test_only_staging_reads_sources(manifest: dict[str, Any]) -> None:
    for node in nodes(manifest, "model"):
        if layer(node) == "staging":
            source = node["fqn"][2]
            assert node["name"].startswith(f"stg_{source}__"), node["name"]
            assert all(found[0] == source for found in node["sources"])
            assert not [r for r in node["refs"] if r["name"].startswith("stg_")]
        else:
            assert not node["sources"], f"{node['name']} reads raw tables past staging"
            assert not node["name"].startswith("stg_")
        if layer(node) == "marts":
            assert re.match(r"(dim|fct|kpi)_", node["name"]), node["name"]


@pytest.mark.slow
def test_each_model_has_its_properties_beside_it(manifest: dict[str, Any]) -> None:
    for node in nodes(manifest, "model"):
        beside = Path(node["original_file_path"]).with_suffix(".yml")
        assert node["patch_path"].partition("://")[2] == beside.as_posix()


@pytest.mark.slow
def test_what_depends_on_the_source_only_warns(manifest: dict[str, Any]) -> None:
    for test in nodes(manifest, "test"):
        metadata = test.get("test_metadata") or {}
        # What is kept by hand in seeds is ours to keep right.
        of_a_seed = str(test.get("attached_node")).startswith("seed.")
        if metadata.get("name") == "relationships" and not of_a_seed:
            assert test["config"]["severity"] == "warn", test["name"]


@pytest.mark.slow
def test_singular_tests_name_the_asset_they_check(manifest: dict[str, Any]) -> None:
    for test in nodes(manifest, "test"):
        if "test_metadata" not in test:
            named = test["config"]["meta"]["dagster"]["ref"]["name"]
            assert named in {ref["name"] for ref in test["refs"]}, test["name"]


def test_singular_tests_say_why() -> None:
    singular = [path for path in TESTS if path.parent == PROJECT / "tests"]
    assert singular
    for path in singular:
        assert path.name.startswith("assert_")
        assert path.read_text(encoding="utf-8").startswith("-- "), path.name
