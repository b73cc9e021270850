"""`inventory export`: published rows as a file, from a connection that can do nothing else."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import fastexcel
import pytest
from typer.testing import CliRunner

from inventory_platform.cli import app
from inventory_platform.errors import InventoryError, PublishError
from inventory_platform.operations.export import export_mart, export_query
from inventory_platform.operations.query import QueryError
from inventory_platform.publishing.marts import Mart, MartColumn
from inventory_platform.publishing.parquet import Publication, publish
from inventory_platform.publishing.spreadsheets import FileFormat
from inventory_platform.settings import Settings

CSV, XLSX, PARQUET = FileFormat.csv, FileFormat.xlsx, FileFormat.parquet
THINGS = Mart(
    "dim_things",
    "Things. Grain: one row per `thing_id`.",
    {"thing_id": MartColumn("The thing."), "name": MartColumn("Its name.")},
    question="Which things are there?",
    is_public=True,
    is_contracted=True,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", threads=1)


@pytest.fixture
def published(settings: Settings) -> Publication:
    with duckdb.connect() as con:
        con.execute("create schema marts")
        con.execute(
            "create table marts.dim_things as select * "
            "from (values (1, 'Mug'), (2, '=1+1'), (3, null)) t(thing_id, name)"
        )
        return publish(
            settings.published_dir,
            con,
            keep=2,
            marts=["dim_things"],
            run_id="run",
            code_version="1",
            loads={},
            inputs="",
        )


def test_a_mart_goes_out_as_csv(settings: Settings, published: Publication, tmp_path: Path) -> None:
    file = tmp_path / "things.csv"
    assert export_mart(settings, {}, THINGS, file, CSV) == 3
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.reader(text))
    assert rows == [["thing_id", "name"], ["1", "Mug"], ["2", "'=1+1"], ["3", ""]]


def test_a_workbook_tells_version_question_and_meanings(
    settings: Settings, published: Publication, tmp_path: Path
) -> None:
    file = tmp_path / "things.xlsx"
    assert export_mart(settings, {}, THINGS, file, XLSX) == 3
    sheet = fastexcel.read_excel(file).load_sheet("about", header_row=None)
    about = dict(sheet.to_polars().rows())
    assert about.pop("exported_at")
    assert about == {
        "mart": "dim_things",
        "answers": "Which things are there?",
        "is": "Things. Grain: one row per `thing_id`.",
        "version": published.version,
        "published_at": published.published_at,
        "rows": "3",
        "thing_id": "The thing.",
        "name": "Its name.",
    }


def test_a_query_goes_out_as_parquet(
    settings: Settings, published: Publication, tmp_path: Path
) -> None:
    file = tmp_path / "names.parquet"
    sql = "select name from marts.dim_things where thing_id = 2; -- the second"
    assert export_query(settings, {}, sql, file, PARQUET) == 1
    assert duckdb.sql(f"from '{file}'").fetchall() == [("=1+1",)]


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '{other}'",
        "select 1; select 2",
        "from read_csv('{other}')",
        "from read_csv('{file}')",
        "from marts.dim_unknown",
        "select name::integer from marts.dim_things",
        "not a query",
        "",
    ],
)
def test_what_is_no_query_over_published_data_writes_nothing(
    settings: Settings, published: Publication, tmp_path: Path, sql: str
) -> None:
    other, file = tmp_path / "other.csv", tmp_path / "out.csv"
    other.write_text("a\n1\n")
    file.write_text("before")
    with pytest.raises(QueryError):
        export_query(settings, {}, sql.format(other=other, file=file), file, CSV)
    assert other.read_text() == "a\n1\n"
    assert file.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "other.csv", "out.csv"]


def test_before_anything_is_published_the_mart_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="dim_things"):
        export_mart(settings, {}, THINGS, tmp_path / "things.csv", CSV)


def test_a_folder_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"There is no folder .*missing"):
        export_query(settings, {}, "select 1", tmp_path / "missing" / "out.csv", CSV)


def test_a_path_with_a_quote_is_a_path(
    settings: Settings, published: Publication, tmp_path: Path
) -> None:
    file = tmp_path / "Ann's things.csv"
    assert export_mart(settings, {}, THINGS, file, CSV) == 3
    assert file.exists()


@pytest.mark.parametrize("arguments", [[], ["dim_things", "--sql", "select 1"]])
def test_the_command_wants_a_mart_or_a_query(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["export", *arguments])
    assert result.exit_code == 2
    assert not isinstance(result.exception, InventoryError)
    assert "Name a mart, or a query with --sql." in result.output
