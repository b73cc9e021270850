"""The warehouse: the one DuckDB file dbt builds in, as a Dagster resource.

One writer at a time, one process. Nobody outside the pipeline opens the file: readers use
the published marts (`publishing/`), `inventory query` the lake and those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg
import duckdb

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import WarehouseError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_views
from inventory_platform.settings import Settings, get_settings


class Warehouse(dg.ConfigurableResource[None]):
    """Opens the warehouse file for a step and closes it whatever happens."""

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse for reading and writing.

        Raises:
            WarehouseError: Another process holds the file, or it cannot be opened.
        """
        with open_warehouse(get_settings()) as con:
            yield con


@contextmanager
def open_warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse file.

    Raises:
        WarehouseError: Another process holds the file, or it cannot be opened.
    """
    file = settings.warehouse_file
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with duck.connect(settings, file) as con:
            yield con
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise WarehouseError(
                f"{file} is in use by another process.",
                "Wait for the running pipeline to finish; to look at data meanwhile use "
                "`inventory query` or the published marts.",
            ) from error
        raise WarehouseError(
            f"{file} cannot be opened: {str(error).splitlines()[0]}",
            "Free disk space or mend permissions; `inventory rebuild` makes the file anew from "
            "the raw zone.",
        ) from error


def refresh(
    settings: Settings, contracts: Mapping[str, TableContract], as_of: str | None = None
) -> None:
    """Show the lake's committed state in the warehouse's schemas `raw` and `ops`."""
    with open_warehouse(settings) as con:
        create_views(con, Lake(settings.lake_dir), contracts.values(), as_of)


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What dbt's profile reads from the environment."""
    return {
        "INVENTORY_WAREHOUSE": str(settings.warehouse_file),
        "INVENTORY_LAKE": str(settings.lake_dir),
        "INVENTORY_MEMORY_LIMIT": settings.memory_limit,
        "DBT_USE_COLORS": "false",
        "DO_NOT_TRACK": "1",
    }
