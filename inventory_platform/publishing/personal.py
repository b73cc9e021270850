"""Clear personal values on their way to a database that may show them to some people.

Here belongs handing the current rows of source tables to a destination, as if they were marts.
They come straight from the raw zone and are written to the temporary folder only, for as long
as it takes. Who may read them there is `postgres_roles.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract, contracts_of
from inventory_platform.duck import identifier, literal
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import current_select
from inventory_platform.publishing.base import Mart, MartColumn
from inventory_platform.publishing.parquet import Publication
from inventory_platform.settings import Settings


@contextmanager
def clear_rows(
    settings: Settings, tables: Sequence[str], publication: Publication
) -> Iterator[tuple[Path, Publication, list[Mart]]]:
    """The current rows of source tables in clear, for as long as the context is open.

    Args:
        settings: Where the lake is.
        tables: The tables, as `<source>__<table>`.
        publication: The published version they go with.

    Yields:
        A folder only this user may open, with a Parquet file for each table; what it holds; and
        what the contracts say.
    """
    lake = Lake.of(settings)
    contracts = [_contract(table) for table in tables]
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.temp_dir, prefix="personal-") as name:
        with duck.connect(settings) as con:
            rows = {c.relation: _write(con, lake, c, Path(name)) for c in contracts}
        yield Path(name), replace(publication, rows=rows), [_described(c) for c in contracts]


def _contract(table: str) -> TableContract:
    source, _, name = table.partition("__")
    return contracts_of(source)[name]


def _write(
    con: duckdb.DuckDBPyConnection, lake: Lake, contract: TableContract, folder: Path
) -> int:
    columns = ", ".join(identifier(c.name) for c in contract.columns)
    file = literal(str(folder / f"{contract.relation}.parquet"))
    written = con.execute(
        f"copy (select {columns} from ({current_select(lake, contract)}) where not _is_deleted) "
        f"to {file} (format parquet)"
    ).fetchone()
    return int(written[0]) if written else 0


def _described(contract: TableContract) -> Mart:
    return Mart(
        name=contract.relation,
        description=contract.description,
        columns={
            c.name: MartColumn(c.description, is_required=c.name in contract.key)
            for c in contract.columns
        },
        key=contract.key,
        references=frozenset(),
    )
