"""Source tables as something to publish: their current rows, as the contract describes them.

For destinations that are given tables of a source instead of marts. What vanished at the source
is not among the rows, and columns with personal data are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal
from inventory_platform.errors import PublishError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import current_select
from inventory_platform.publishing.base import Mart, MartColumn
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
    lake = Lake(settings.lake_dir)
    loads = {c.relation: lake.load_ids(c)[-1:] for c in contracts}
    if missing := [relation for relation, ids in loads.items() if not ids]:
        raise PublishError(f"{missing[0]} has not been loaded yet.", "Run `inventory run`.")
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=settings.temp_dir) as name,
        duck.connect(settings) as con,
    ):
        folder = Path(name)
        rows = {}
        for contract in contracts:
            columns = ", ".join(map(identifier, _described(contract)))
            file = literal(str(folder / f"{contract.relation}.parquet"))
            copied = con.execute(
                f"copy (select {columns} from ({current_select(lake, contract)}) "
                f"where not _is_deleted) to {file} (format parquet, compression zstd)"
            )
            rows[contract.relation] = int(copied.fetchall()[0][0])
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
        yield folder, publication, [_mart(contract) for contract in contracts]


def _mart(contract: TableContract) -> Mart:
    columns = _described(contract)
    return Mart(
        name=contract.relation,
        description=contract.description,
        columns=columns,
        key=contract.key if set(contract.key) <= columns.keys() else (),
        references=frozenset(contract.references) & columns.keys(),
    )


def _described(contract: TableContract) -> dict[str, MartColumn]:
    """The columns that may be published."""
    found = {
        column.name: MartColumn(column.description, is_required=not column.nullable)
        for column in contract.columns
        if not column.personal
    }
    if not found:
        raise PublishError(
            f"{contract.relation} has no column without personal data.",
            "Take it out of destinations.toml.",
        )
    return found
