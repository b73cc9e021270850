"""One asset per source table: loading it, and what the asset page shows about the load.

A table whose source has no entry is an asset too, as models are built on it; nothing loads it.
"""

from typing import Any

import dagster as dg

from inventory_platform.assets.pages import pages_key
from inventory_platform.assets.policies import failed, fresh_within
from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import InventoryError, SandboxUnavailableError
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.views import create_views
from inventory_platform.registry import Registry
from inventory_platform.sources.catalog import Source
from inventory_platform.warehouse import Warehouse

POOL = "warehouse"


def raw_key(contract: TableContract) -> dg.AssetKey:
    """Key of the asset that loads a table."""
    return dg.AssetKey(["raw", contract.relation])


def build_raw_assets(registry: Registry) -> list[dg.AssetsDefinition]:
    """One asset for every table of every source."""
    return [_raw_asset(registry, source, contract) for source, contract in registry.tables()]


def build_dormant_assets(registry: Registry) -> list[dg.AssetSpec]:
    """The tables of sources without an entry: they hold what was loaded before, if anything."""
    return [
        dg.AssetSpec(
            key=raw_key(contract),
            description=f"{_description(contract)}, which has no entry: nothing loads it.",
            group_name=contract.source,
            kinds={"duckdb", "parquet"},
            owners=[contract.owner],
            metadata=_metadata(contract),
        )
        for contract in registry.dormant.values()
    ]


def _raw_asset(registry: Registry, source: Source, contract: TableContract) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(contract),
        deps=_pages_of(registry, source, contract),
        description=f"{_description(contract)}.",
        group_name=contract.source,
        kinds={source.kind, "duckdb", "parquet"},
        owners=[contract.owner],
        pool=POOL,
        metadata=_metadata(contract),
        freshness_policy=fresh_within(source.fresh_within_hours),
    )
    def load(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[None]:
        try:
            record = registry.loader(source).load(contract)
        except SandboxUnavailableError as error:
            # A newcomer without that program still gets everything else.
            context.log.warning("%s: not loaded. %s", contract.relation, error)
            return dg.MaterializeResult(metadata={"not_loaded": f"{error.what} {error.remedy}"})
        except InventoryError as error:
            raise failed(error, registry.settings, context.retry_number) from error
        lake = Lake.of(registry.settings)
        with warehouse.connect() as con:
            create_views(con, lake, registry.relations.values(), changed=contract)
            counted = con.execute(f"select count(*) from raw.{contract.relation}").fetchone()
        context.log.info(
            "%s: read %d, loaded %d, quarantined %d, deduplicated %d",
            contract.relation,
            record.rows_read,
            record.rows_loaded,
            record.rows_quarantined,
            record.rows_deduplicated,
        )
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": int(counted[0]) if counted else 0,
                **ledger_metadata(record),
            }
        )

    return load


def _pages_of(registry: Registry, source: Source, contract: TableContract) -> list[dg.AssetKey]:
    if not source.is_fetched:
        return []
    fetch = registry.page_reader(source).fetch_of(contract.source_table)
    return [pages_key(source.name, fetch)]


def _metadata(contract: TableContract) -> dict[str, Any]:
    return {
        "dagster/column_schema": column_schema(contract),
        "dagster/relation_identifier": f"raw.{contract.relation}",
        "source_table": contract.source_table,
        "key": ", ".join(contract.key) or "none: equal rows are counted",
        "loading": _loading(contract),
    }


def _loading(contract: TableContract) -> str:
    if contract.is_snapshot:
        return "snapshot"
    return f"incremental by {contract.cursor}" if contract.cursor else "increments"


def _description(contract: TableContract) -> str:
    return f"{contract.description}\n\nSource: `{contract.source_table}` in {contract.source}"


def column_schema(contract: TableContract) -> dg.TableSchema:
    """A contract's columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=c.name,
                type=c.raw_type,
                description=c.description
                + (" Personal data, shown as a pseudonym." if c.personal else ""),
                constraints=dg.TableColumnConstraints(
                    nullable=c.nullable,
                    unique=contract.key == (c.name,),
                    other=[f"{check.name} {dict(check.arguments)}" for check in c.checks],
                ),
            )
            for c in contract.columns
        ]
    )


def ledger_metadata(record: LoadRecord) -> dict[str, Any]:
    """A load's ledger line as asset metadata."""
    metadata: dict[str, Any] = {
        "load_id": record.load_id,
        "rows_read": record.rows_read,
        "rows_loaded": record.rows_loaded,
        "rows_quarantined": record.rows_quarantined,
        "rows_deduplicated": record.rows_deduplicated,
        "rows_vanished": record.rows_vanished,
        "loading": record.kind,
        "address": record.address,
        "contract_version": record.contract_version,
    }
    if record.cursor_column:
        metadata["cursor"] = (
            f"{record.cursor_column}: {record.cursor_from or 'start'} → {record.cursor_to}"
        )
    if record.raw_file:
        metadata["raw_file"] = record.raw_file
    if record.quarantine_file:
        metadata["quarantine_file"] = record.quarantine_file
    if record.drift:
        metadata["drift"] = dg.MetadataValue.md("\n".join(f"- {d}" for d in record.drift))
    return metadata
