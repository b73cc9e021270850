"""The jobs people start: selections of the asset graph with a name and a purpose."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

REFRESH = "refresh_all"
LOAD = "load_sources"
BUILD = "build_models"


def build_jobs(sources: Iterable[str]) -> list[dg.UnresolvedAssetJobDefinition]:
    """The whole graph, its two halves, and one job per source for loading it alone."""
    sources = list(sources)
    loading = dg.AssetSelection.groups(*sources)
    return [
        dg.define_asset_job(
            REFRESH,
            selection=dg.AssetSelection.all(),
            description="Loads every source, builds and checks every model, publishes the marts.",
        ),
        dg.define_asset_job(
            LOAD,
            selection=loading,
            description="Loads every source and checks what was loaded; builds nothing.",
        ),
        dg.define_asset_job(
            BUILD,
            selection=dg.AssetSelection.all() - loading,
            description="Builds and checks every model from what is loaded, publishes the marts.",
        ),
        *(
            dg.define_asset_job(
                f"load_{source}",
                selection=dg.AssetSelection.groups(source),
                description=f"Loads the tables of {source} and checks them; builds nothing.",
            )
            for source in sources
        ),
    ]
