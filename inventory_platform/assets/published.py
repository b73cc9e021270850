"""The published marts as assets: the last step, taken only when every check passed.

All marts are published together after a complete build; those behind a stream also by
themselves, after each build of theirs.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import dagster as dg

from inventory_platform.assets.build_state import BuildState, newest_loads, read_build_state
from inventory_platform.assets.dbt_graph import Part
from inventory_platform.assets.raw import POOL
from inventory_platform.code_version import code_version
from inventory_platform.errors import PublishError
from inventory_platform.object_storage import StoragePath
from inventory_platform.publishing.parquet import Publication, current_link, publish
from inventory_platform.registry import Registry
from inventory_platform.warehouse import Warehouse

MARTS = dg.AssetKey(["published", "marts"])
LIVE_MARTS = dg.AssetKey(["published", "live_marts"])


def build_published_asset(
    registry: Registry,
    parts: Collection[Part],
    marts: Sequence[dg.AssetKey],
    blocking: Sequence[dg.AssetCheckKey],
) -> dg.AssetsDefinition:
    """The asset that publishes all marts.

    Args:
        registry: What is loaded, for naming the loads a version contains.
        parts: The parts of the models, all of which must be built.
        marts: The models to publish.
        blocking: Checks whose latest result must not be a failure.
    """

    @dg.asset(
        key=MARTS,
        deps=list(marts),
        group_name="published",
        kinds={"parquet"},
        owners=["team:inventory"],
        pool=POOL,
        description=(
            "All marts as Parquet files below `published/current`, switched at once after every "
            "blocking check passed. Dashboard, Power BI and `inventory query` read these."
        ),
    )
    def published_marts(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[None]:
        root = registry.settings.published_dir
        try:
            state = read_build_state(registry.settings)
            _refuse_unless_good(state, parts, context.instance, blocking)
            with warehouse.connect() as con:
                publication = publish(
                    root,
                    con,
                    keep=registry.settings.published_versions,
                    run_id=context.run_id,
                    code_version=code_version(),
                    marts=[key.path[-1] for key in marts],
                    loads=state.loads,
                    inputs=state.inputs,
                )
        except PublishError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        return dg.MaterializeResult(metadata=_metadata(root, publication))

    return published_marts


def build_live_asset(
    registry: Registry,
    marts: Sequence[dg.AssetKey],
    condition: dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey],
) -> dg.AssetsDefinition:
    """The asset that publishes the marts behind streams.

    Args:
        registry: Where they are published.
        marts: The models to publish.
        condition: When that happens without anybody asking.
    """

    @dg.asset(
        key=LIVE_MARTS,
        deps=list(marts),
        group_name="published",
        kinds={"parquet"},
        owners=["team:inventory"],
        pool=POOL,
        automation_condition=condition,
        description=(
            "The marts behind streams as Parquet files below `published/live/current`, switched "
            "at once whenever they were built and passed their tests."
        ),
    )
    def live_marts(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult[None]:
        try:
            with warehouse.connect() as con:
                publication = publish(
                    registry.settings.live_dir,
                    con,
                    keep=registry.settings.published_versions,
                    run_id=context.run_id,
                    code_version=code_version(),
                    marts=[key.path[-1] for key in marts],
                    loads=newest_loads(registry),
                    inputs="",
                )
        except PublishError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        return dg.MaterializeResult(metadata=_metadata(registry.settings.live_dir, publication))

    return live_marts


def _refuse_unless_good(
    state: BuildState,
    parts: Collection[Part],
    instance: dg.DagsterInstance,
    blocking: Sequence[dg.AssetCheckKey],
) -> None:
    if problem := state.problem(parts):
        raise PublishError(
            problem,
            "Mend the cause and build the models again. Readers keep the last good version.",
        )
    refuse_failed(instance, blocking, "Mend the cause and run the checks again.")


def refuse_failed(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], remedy: str
) -> None:
    """Publish nothing that a check has refused.

    Raises:
        PublishError: A check failed with severity error the last time it ran.
    """
    if failed := failed_checks(instance, checks):
        raise PublishError(
            f"Blocking checks failed last time they ran: {names_of(failed)}.",
            f"{remedy} Readers keep the last good version.",
        )


def names_of(checks: Iterable[dg.AssetCheckKey]) -> str:
    """Checks as a person reads them."""
    return ", ".join(f"{key.name} on {key.asset_key.to_user_string()}" for key in checks)


def failed_checks(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]
) -> list[dg.AssetCheckKey]:
    """The checks whose latest evaluation failed with severity error."""
    failed = []
    for key in checks:
        record = instance.get_latest_asset_check_evaluation_record(key)
        evaluation = record.event.asset_check_evaluation if record and record.event else None
        if (
            evaluation
            and not evaluation.passed
            and evaluation.severity == dg.AssetCheckSeverity.ERROR
        ):
            failed.append(key)
    return failed


def _metadata(root: StoragePath, publication: Publication) -> dict[str, Any]:
    table = "\n".join(f"| {mart} | {rows:,} |" for mart, rows in publication.rows.items())
    return {
        "dagster/row_count": sum(publication.rows.values()),
        "dagster/uri": str(current_link(root)),
        "version": publication.version,
        "marts": dg.MetadataValue.md(f"| mart | rows |\n| --- | ---: |\n{table}"),
    }
