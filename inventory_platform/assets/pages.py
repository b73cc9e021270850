"""One asset per fetch: asking a source for its pages, which tables are then read out of."""

import dagster as dg

from inventory_platform.assets.policies import failed
from inventory_platform.errors import InventoryError
from inventory_platform.landing.pages import FetchRecord
from inventory_platform.registry import Registry
from inventory_platform.sources.base import Fetch
from inventory_platform.sources.catalog import Source


def pages_key(source: str, fetch: str) -> dg.AssetKey:
    """Key of the asset that fetches pages."""
    return dg.AssetKey(["pages", f"{source}__{fetch}"])


def build_pages_assets(registry: Registry) -> list[dg.AssetsDefinition]:
    """One asset for every fetch of every source that is asked for pages."""
    return [
        _pages_asset(registry, source, name, fetch)
        for source in registry.sources.values()
        if source.is_fetched
        for name, fetch in source.fetcher().fetches().items()
    ]


def _pages_asset(
    registry: Registry, source: Source, name: str, fetch: Fetch
) -> dg.AssetsDefinition:
    @dg.asset(
        key=pages_key(source.name, name),
        description=f"{fetch.description}\n\nAs it came, before any contract.",
        group_name=source.name,
        kinds={source.kind, "parquet"},
        owners=["team:inventory"],
        metadata={"streams": ", ".join(fetch.streams)},
    )
    def collect(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        try:
            records = registry.fetch(source, name)
        except InventoryError as error:
            raise failed(error, registry.settings, context.retry_number) from error
        return dg.MaterializeResult(metadata=_metadata(records))

    return collect


def _metadata(records: list[FetchRecord]) -> dict[str, int | str]:
    found: dict[str, int | str] = {
        "pages": sum(record.pages for record in records),
        "bytes": sum(record.bytes for record in records),
    }
    if records:
        found["fetch_id"] = records[-1].fetch_id
        found["fetched_at"] = records[-1].fetched_at
    return found
