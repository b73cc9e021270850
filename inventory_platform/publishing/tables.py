"""Source tables as something to publish: their current rows, as the contract describes them.

For destinations that are given tables of a source instead of marts, where columns with personal
data are left out, and for the schema of a database that shows these to some people. What vanished
at the source is not among the rows. They come straight from the raw zone and are written to the
temporary folder only, for as long as it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal
from inventory_platform.errors import PublishError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import current_select
from inventory_platform.publishing.marts import Mart, MartColumn
from inventory_platform.publishing.parquet import Publication
from inventory_platform.settings import Settings


@contextmanager
def tables_to_publish(
    settings: Settings, contracts: Sequence[TableContract]
) -> Iterator[tuple[Path, Publication, list[Mart]]]:
    """Write the current rows of source tables as Parquet, for as long as the block runs.

    The version is the newest load of all of them.

    Args:
        settings: Where the lake is, and room for the files.
        contracts: The tables.

    Yields:
        The folder, what the version is, and what the contracts say.

    Raises:
        PublishError: A table was never loaded, or has no column to publish.
    """
    lake = Lake.of(settings)
    loads = {c.relation: lake.load_ids(c)[-1:] for c in contracts}
    if missing := [relation for relation, ids in loads.items() if not ids]:
        raise PublishError(f"{missing[0]} has not been loaded yet.", "Run `inventory run`.")
    tables = [_mart(contract, is_clear=False) for contract in contracts]
    with _written(settings, lake, contracts, tables) as (folder, rows):
        records = [lake.record(c, loads[c.relation][0]) for c in contracts]
        newest = max(records, key=lambda record: record.load_id)
        publication = Publication(
            version=newest.load_id,
            published_at=newest.committed_at,
            run_id="",
            code_version=newest.code_version,
            rows=rows,
            loads={relation: ids[0] for relation, ids in loads.items()},
            inputs="",
        )
        yield folder, publication, tables


@contextmanager
def clear_tables(
    settings: Settings, contracts: Sequence[TableContract], publication: Publication
) -> Iterator[tuple[Path, Publication, list[Mart]]]:
    """The same with personal columns, in clear, beside a published version.

    Args:
        settings: Where the lake is, and room for the files.
        contracts: The tables.
        publication: The version they go with.

    Yields:
        A folder only this user may open; the version, with these tables' rows; and what the
        contracts say.
    """
    tables = [_mart(contract, is_clear=True) for contract in contracts]
    with _written(settings, Lake.of(settings), contracts, tables) as (folder, rows):
        yield folder, replace(publication, rows=rows), tables


@contextmanager
def _written(
    settings: Settings, lake: Lake, contracts: Sequence[TableContract], tables: Sequence[Mart]
) -> Iterator[tuple[Path, dict[str, int]]]:
    """A folder with a Parquet file for each table, and their numbers of rows."""
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.temp_dir, prefix="tables-") as name:
        rows = {}
        with duck.connect(settings) as con:
            for contract, table in zip(contracts, tables, strict=True):
                columns = ", ".join(map(identifier, table.columns))
                file = literal(str(Path(name, f"{table.name}.parquet")))
                copied = con.execute(
                    f"copy (select {columns} from ({current_select(con, lake, contract)}) "
                    f"where not _is_deleted) to {file} (format parquet, compression zstd)"
                )
                rows[table.name] = int(copied.fetchall()[0][0])
        yield Path(name), rows


def _mart(contract: TableContract, *, is_clear: bool) -> Mart:
    # What is personal is empty once its person was erased.
    columns = {
        column.name: MartColumn(
            column.description, is_required=not (column.nullable or column.personal)
        )
        for column in contract.columns
        if is_clear or not column.personal
    }
    if not columns:
        raise PublishError(
            f"{contract.relation} has no column without personal data.",
            "Take it out of destinations.toml.",
        )
    return Mart(
        name=contract.relation,
        description=contract.description,
        columns=columns,
        key=contract.key if set(contract.key) <= columns.keys() else (),
        references=frozenset(contract.references) & columns.keys(),
    )
