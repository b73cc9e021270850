"""The warehouse: the one DuckDB file dbt builds in, as a Dagster resource.

One writer at a time, one process. Nobody outside the pipeline opens the file: readers use
the published marts (`publishing/`), `inventory query` the lake and those.

A run holds the right to write from its first step to its last, whoever started it: the daemon
and the command line take turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import duckdb

from inventory_platform import duck, encryption
from inventory_platform.contracts.base import TableContract
from inventory_platform.encryption import attach_encrypted, refused_without_key, warehouse_key
from inventory_platform.errors import LandingError, WarehouseError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_views
from inventory_platform.pseudonyms import KEY_VARIABLE, give_key, pseudonym_key
from inventory_platform.settings import Settings


class Warehouse:
    """Opens the warehouse file for the steps of a run.

    Opening the file reads its whole catalogue, for some steps longer than their work. While one
    connection stays open in the process, further ones cost nothing; so one stays until `release`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept = ExitStack()
        self._is_kept = False

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse for reading and writing.

        Raises:
            WarehouseError: Another process holds the file, or it cannot be opened.
        """
        if not self._is_kept:
            self._kept.enter_context(open_warehouse(self._settings))
            self._is_kept = True
        with open_warehouse(self._settings) as con:
            yield con

    def release(self) -> None:
        """Close the file, so that another process, such as dbt, can write."""
        self._kept.close()
        self._is_kept = False


def warehouse_resource(settings: Settings) -> dg.ResourceDefinition:
    """The warehouse for Dagster: as long as a run goes on, no other run of the platform begins.

    A run that waits longer than `lock_timeout_seconds` for another fails with a WarehouseError.
    """

    @contextmanager
    def held(context: dg.InitResourceContext) -> Iterator[Warehouse]:
        del context
        warehouse = Warehouse(settings)
        with only_run(settings, settings.lock_timeout_seconds):
            try:
                yield warehouse
            finally:
                warehouse.release()

    return dg.ResourceDefinition(held, description="The DuckDB file that dbt builds in.")


_held: set[str] = set()


@contextmanager
def only_run(settings: Settings, timeout_seconds: float) -> Iterator[None]:
    """Be the only run of the platform; the system ends that when a process dies.

    A process that has the right already has it once more.

    Raises:
        WarehouseError: Another process still has it after the time given.
    """
    file = str(settings.warehouse_file)
    if file in _held:
        yield
        return
    lake = Lake(settings.lake_dir)
    with ExitStack() as stack:
        try:
            stack.enter_context(lake.lock_named("run", "The warehouse", timeout_seconds))
        except LandingError as error:
            raise WarehouseError(
                f"Another run is writing. {error.what}",
                "Wait until it has finished, or cancel it in Dagster's pages, and run again.",
                is_transient=True,
            ) from None
        _held.add(file)
        stack.callback(_held.discard, file)
        yield


@contextmanager
def open_warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse file.

    Raises:
        WarehouseError: Another process holds the file, or it cannot be opened.
    """
    file = settings.warehouse_file
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _connection(settings, file) as con:
            give_key(con, pseudonym_key(settings))
            yield con
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise WarehouseError(
                f"{file} is in use by another process.",
                "Wait for the running pipeline to finish; to look at data meanwhile use "
                "`inventory query` or the published marts.",
                is_transient=True,
            ) from error
        raise WarehouseError(
            f"{file} cannot be opened: {str(error).splitlines()[0]}",
            "Free disk space or mend permissions; `inventory rebuild` makes the file anew from "
            "the raw zone.",
        ) from error


def drop_warehouse(settings: Settings) -> None:
    """Remove the warehouse file; the caller is the only run.

    Raises:
        WarehouseError: Another program, such as dbt started by hand, has it open.
    """
    with open_warehouse(settings):
        pass
    for suffix in ("", ".wal"):
        Path(f"{settings.warehouse_file}{suffix}").unlink(missing_ok=True)


@contextmanager
def _connection(settings: Settings, file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    key = warehouse_key(settings)
    if key is None:
        with refused_without_key(file), duck.connect(settings, file) as con:
            yield con
        return
    with duck.connect(settings, Path(f":memory:{file}")) as con:
        attach_encrypted(con, file, key)
        yield con


def refresh(
    settings: Settings, contracts: Mapping[str, TableContract], as_of: str | None = None
) -> None:
    """Show the lake's committed state in the warehouse's schemas `raw` and `ops`."""
    with open_warehouse(settings) as con:
        create_views(con, Lake.of(settings), contracts.values(), as_of)


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What dbt's profile and plugin read from the environment."""
    key = warehouse_key(settings)
    return {
        "INVENTORY_WAREHOUSE": str(settings.warehouse_file),
        "INVENTORY_LAKE": str(settings.lake_dir),
        "INVENTORY_DBT_STORAGE": settings.lake_address,
        "INVENTORY_DBT_EXTENSIONS": str(settings.extension_dir),
        "INVENTORY_MEMORY_LIMIT": settings.memory_limit,
        "INVENTORY_THREADS": str(settings.threads),
        "INVENTORY_DBT_TARGET": "duckdb" if key is None else "encrypted",
        KEY_VARIABLE: pseudonym_key(settings),
        encryption.KEY_VARIABLE: key or "",
        "DBT_USE_COLORS": "false",
        # Dagster keeps what dbt prints; dbt's own file, a fifth of its time, nobody keeps.
        "DBT_LOG_LEVEL_FILE": "none",
        "DO_NOT_TRACK": "1",
    }
