"""Declarative automation carries a stream's loads to its models, and takes several together."""

import dagster as dg
import pytest

from inventory_platform.assets.dbt import LIVE_TAG
from inventory_platform.automation.conditions import live, live_sensor
from inventory_platform.settings import Environment

RAW = dg.AssetKey(["raw", "iot_devices__stock_events"])
STAGED = dg.AssetKey(["staging", "stg_iot_devices__stock_events"])
MART = dg.AssetKey(["marts", "fct_live_stock"])
BOOK = dg.AssetKey(["marts", "fct_stock_daily"])
CONDITION = live(["iot_devices"])


class Platform:
    """A raw asset that a stream loads, the models behind it, and a book that they read."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        @dg.asset(key=RAW, group_name="iot_devices")
        def raw() -> None: ...

        @dg.asset(key=BOOK)
        def book() -> None: ...

        @dg.asset(key=STAGED, deps=[RAW], automation_condition=CONDITION, tags={LIVE_TAG: ""})
        def staged() -> None: ...

        @dg.asset(key=MART, deps=[STAGED, BOOK], automation_condition=CONDITION)
        def mart() -> None: ...

        self.models = [staged, mart]
        self.instance = instance
        self.definitions = dg.Definitions([raw, book, *self.models])
        self.cursor = None

    def land(self) -> None:
        self.instance.report_runless_asset_event(dg.AssetMaterialization(RAW))

    def keep_book(self) -> None:
        self.instance.report_runless_asset_event(dg.AssetMaterialization(BOOK))

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
        platform = Platform(instance)
        platform.keep_book()
        yield platform


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


def test_a_book_that_is_written_anew_builds_nothing_by_itself(platform):
    platform.tick()
    platform.land()
    assert [platform.tick(), platform.tick()] == [{STAGED, MART}, set()]
    platform.keep_book()
    assert platform.tick() == set()
    platform.land()
    assert platform.tick() == {STAGED, MART}


def test_without_a_book_only_what_does_not_need_it_is_built():
    with dg.DagsterInstance.ephemeral() as instance:
        platform = Platform(instance)
        platform.tick()
        platform.land()
        assert platform.tick() == {STAGED}


def test_the_sensor_looks_after_the_live_models_only(platform):
    sensor = live_sensor([STAGED, MART], Environment.laptop)
    graph = platform.definitions.resolve_asset_graph()
    assert sensor.asset_selection.resolve(graph) == {STAGED, MART}
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
