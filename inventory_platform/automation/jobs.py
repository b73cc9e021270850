"""The jobs people start: selections of the asset graph with a name and a purpose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import dagster as dg

from inventory_platform.assets.months import Window

REFRESH = "refresh_all"
LOAD = "load_sources"
BUILD = "build_models"
BUILD_KEEPING_FACTS = "build_models_but_facts"


def job_to_build(window: Window | None) -> str:
    """The job that builds the models, with the big facts where some months are to be built."""
    return BUILD if window else BUILD_KEEPING_FACTS


def build_jobs(
    sources: Iterable[str],
    facts: Sequence[dg.AssetKey],
    always: Sequence[dg.AssetCheckKey],
) -> list[dg.UnresolvedAssetJobDefinition]:
    """The whole graph, its two halves, and one job per source for loading it alone.

    Args:
        sources: The sources that are loaded.
        facts: The big facts; jobs with them are started for a range of months.
        always: Checks on big facts that say something also when these are not built.
    """
    sources = list(sources)
    loading = dg.AssetSelection.groups(*sources)
    building = dg.AssetSelection.all() - loading
    keeping_facts = building - dg.AssetSelection.assets(*facts)
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
            selection=building,
            description="Builds and checks every model from what is loaded, publishes the marts.",
        ),
        dg.define_asset_job(
            BUILD_KEEPING_FACTS,
            selection=keeping_facts | dg.AssetSelection.checks(*always),
            description="The same without the big facts, for loads that touch no month of theirs.",
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
