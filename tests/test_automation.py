"""What runs by itself: when, in which environment, how often it is tried, how fresh it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from inventory_platform.assets.policies import fresh_within
from inventory_platform.errors import SettingsError
from inventory_platform.operations.freshness import Freshness, freshness
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import read_catalog

# -- how fresh ------------------------------------------------------------------------------


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def asset(name: str, hours: float | None) -> dg.AssetSpec:
    return dg.AssetSpec(dg.AssetKey(["marts", name]), freshness_policy=fresh_within(hours))


def test_an_asset_is_fresh_until_its_window_is_over_then_stale_and_never_before_the_first(instance):
    specs = [asset("orders", 36), asset("never_built", 36), asset("nobody_asks", None)]
    for name in ("orders", "nobody_asks"):
        key = dg.AssetKey(["marts", name])
        instance.report_runless_asset_event(dg.AssetMaterialization(key))
    built_at = datetime.now(UTC).replace(tzinfo=None)

    def states(after: timedelta) -> dict[str, str]:
        return {f.asset: f.state for f in freshness(instance, specs, built_at + after)}

    assert states(timedelta(hours=35)) == {"marts/never_built": "never", "marts/orders": "fresh"}
    assert states(timedelta(hours=37)) == {"marts/never_built": "never", "marts/orders": "stale"}
    (never, orders) = freshness(instance, specs, built_at)
    assert never == Freshness("marts/never_built", None, timedelta(hours=36), "never")
    assert abs(orders.last_updated_at - built_at) < timedelta(seconds=5)


def test_the_newest_build_counts(instance):
    spec = asset("orders", 1)
    for _ in range(2):
        instance.report_runless_asset_event(dg.AssetMaterialization(spec.key))
    newest = instance.get_latest_materialization_event(spec.key).timestamp
    (found,) = freshness(instance, [spec], datetime.now(UTC).replace(tzinfo=None))
    assert found.last_updated_at == datetime.fromtimestamp(newest, UTC).replace(tzinfo=None)


def test_nothing_is_asked_where_nothing_has_a_policy(instance):
    instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    assert (
        freshness(instance, [dg.AssetSpec("orders")], datetime.now(UTC).replace(tzinfo=None)) == []
    )


def test_dagster_warns_from_three_quarters_of_the_window_on():
    assert fresh_within(36) == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=36), warn_window=timedelta(hours=27)
    )
    assert fresh_within(None) is None


def catalog(folder, line):
    file = folder / "sources.toml"
    file.write_text(f'[shop]\naddress = "sqlite:///shop.db"\n{line}\n')
    return read_catalog(Settings(data_dir=folder, sources_file=file))


@pytest.mark.parametrize(("line", "hours"), [("", None), ("fresh_within_hours = 36", 36)])
def test_a_source_says_within_how_many_hours_it_must_be_loaded(tmp_path, line, hours):
    assert catalog(tmp_path, line)["shop"].fresh_within_hours == hours


@pytest.mark.parametrize("value", ['"a day"', "0", "-1", "true", "inf", "nan", "[36]"])
def test_hours_that_are_none_stop_the_start_and_are_named(tmp_path, value):
    with pytest.raises(SettingsError, match=r"\[shop\]: fresh_within_hours is"):
        catalog(tmp_path, f"fresh_within_hours = {value}")
