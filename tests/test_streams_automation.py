"""Declarative automation carries a stream's loads to its models, and takes several together."""

import dagster as dg
import pytest

from inventory_platform.automation.conditions import live, live_sensor

RAW = dg.AssetKey(["raw", "iot_devices__stock_events"])
STAGED = dg.AssetKey(["staging", "stg_iot_devices__stock_events"])
MART = dg.AssetKey(["marts", "fct_live_stock"])


class Platform:
    """A raw asset that a stream loads, and the models behind it."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        @dg.asset(key=RAW)
        def raw() -> None: ...

        @dg.asset(key=STAGED, deps=[RAW], automation_condition=live())
        def staged() -> None: ...

        @dg.asset(key=MART, deps=[STAGED], automation_condition=live())
        def mart() -> None: ...

        self.models = [staged, mart]
        self.instance = instance
        self.definitions = dg.Definitions([raw, *self.models])
        self.cursor = None

    def land(self) -> None:
        self.instance.report_runless_asset_event(dg.AssetMaterialization(RAW))

    def tick(self) -> set[dg.AssetKey]:
        """What automation asks for; it is built at once."""
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, cursor=self.cursor
        )
        self.cursor = result.cursor
        asked = {key for key in (STAGED, MART) if result.get_num_requested(key)}
        if asked:
            dg.materialize(self.models, instance=self.instance, selection=list(asked))
        return asked


@pytest.fixture
def platform():
    with dg.DagsterInstance.ephemeral() as instance:
        yield Platform(instance)


def test_a_load_of_a_stream_builds_every_model_behind_it(platform):
    assert platform.tick() == set()
    platform.land()
    assert platform.tick() == {STAGED, MART}


def test_without_a_load_nothing_is_built_again(platform):
    platform.land()
    platform.tick()
    assert platform.tick() == set()


def test_many_loads_are_taken_together(platform):
    platform.tick()
    for _ in range(5):
        platform.land()
    assert [platform.tick(), platform.tick()] == [{STAGED, MART}, set()]
    platform.land()
    assert platform.tick() == {STAGED, MART}


def test_the_sensor_looks_after_the_live_models_only(platform):
    sensor = live_sensor([STAGED, MART])
    graph = platform.definitions.resolve_asset_graph()
    assert sensor.asset_selection.resolve(graph) == {STAGED, MART}
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
