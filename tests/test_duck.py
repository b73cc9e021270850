"""What is read over DuckDB's connections is what was written, wherever the files lie."""

from pathlib import Path

import duckdb

from inventory_platform.duck import columns_of, parquet
from inventory_platform.publishing.contents import read_contents


def test_a_folder_that_is_called_like_a_partition_is_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "env=prod" / "it's"
    folder.mkdir(parents=True)
    file = folder / "mart.parquet"
    with duckdb.connect() as con:
        pattern = str(file).replace("'", "''")
        con.execute(f"copy (select 1 as id) to '{pattern}' (format parquet)")
        assert columns_of(con, f"select * from {parquet(file)}") == {"id": "INTEGER"}
        assert read_contents(con, file).columns == {"id": "INTEGER"}


def test_files_are_read_by_name_only_where_that_is_asked_for(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        for number, columns in enumerate(("1 as id", "2 as id, 'x' as more"), start=1):
            con.execute(
                f"copy (select {columns}) to '{tmp_path}/{number}.parquet' (format parquet)"
            )
        files = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
        by_name = con.execute(f"from {parquet(*files, by_name=True)} order by id").fetchall()
        assert by_name == [(1, None), (2, "x")]
        assert con.execute(f"from {parquet(*files)} order by id").fetchall() == [(1,), (2,)]
