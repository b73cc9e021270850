"""What runs by itself: when, in which environment, how often it is tried, how fresh it is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from inventory_platform import warehouse
from inventory_platform.assets.build_state import BuildState, Built, write_build_state
from inventory_platform.assets.dbt_project import prepare_manifest
from inventory_platform.assets.months import all_months
from inventory_platform.assets.pages import build_pages_assets
from inventory_platform.assets.policies import failed, fresh_within
from inventory_platform.automation.builds import build_builds_sensor
from inventory_platform.automation.conditions import live_sensor
from inventory_platform.automation.environments import ON, Trigger
from inventory_platform.automation.jobs import build_jobs
from inventory_platform.automation.maintenance import build_maintenance_job, remove_old_runs
from inventory_platform.automation.schedules import build_schedules
from inventory_platform.automation.sensors import build_file_sensors
from inventory_platform.errors import SettingsError, SourceError, WarehouseError
from inventory_platform.operations.freshness import Freshness, freshness
from inventory_platform.operations.runs import COMMAND, STARTED_BY, end_dead_runs
from inventory_platform.registry import Registry, read_registry
from inventory_platform.settings import Environment, Settings
from inventory_platform.sources.catalog import Source, read_catalog
from tests.misbehaving import answer, document, misbehaving

FACTS = [dg.AssetKey(["marts", "fct_orders"])]

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
    assert freshness(instance, [dg.AssetSpec("orders")], datetime.now(UTC)) == []


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


# -- in which environment --------------------------------------------------------------------


def running(environment: Environment, folder: Path) -> dict[str, bool]:
    """Every schedule and sensor of the platform, and whether it is on from the start."""
    registry = read_registry(Settings(data_dir=folder, environment=environment))
    jobs = build_jobs(registry.sources, FACTS, [])
    found = [
        *build_schedules(registry),
        *build_file_sensors(registry),
        build_builds_sensor(registry, jobs, []),
        live_sensor(FACTS, environment),
    ]
    return {each.name: each.default_status.value == "RUNNING" for each in found}


def test_the_environment_decides_what_is_on_and_nobody_clicks(tmp_path):
    laptop, server, ci = (running(environment, tmp_path) for environment in Environment)
    schedules = {"nightly", "hourly_linnworks", "weekly", "maintenance"}
    sensors = {"new_files_shop_files", "builds_after_loads", "live_models"}
    assert set(laptop) == schedules | sensors
    assert all(server.values())
    assert not any(ci.values())
    assert {name for name, is_on in laptop.items() if not is_on} == schedules


def test_the_table_speaks_of_every_environment():
    assert set(ON) == set(Environment)
    assert ON[Environment.server] == set(Trigger)


def test_a_wrong_environment_or_time_zone_stops_the_start(tmp_path):
    with pytest.raises(ValueError, match="environment"):
        Settings(data_dir=tmp_path, environment="moon")
    with pytest.raises(ValueError, match=r"no time zone of this name, such as Europe/Berlin"):
        Settings(data_dir=tmp_path, time_zone="Europe/Atlantis")


# -- when ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    drop = tmp_path_factory.mktemp("drop")
    found = read_registry(Settings(data_dir=tmp_path_factory.mktemp("data"), environment="server"))
    prepare_manifest(found)
    files = Source("shop_files", str(drop), options={"settle_seconds": 0})
    return replace(found, sources={**found.sources, "shop_files": files})


def schedules(settings: Settings) -> dict[str, dg.ScheduleDefinition]:
    return {each.name: each for each in build_schedules(read_registry(settings))}


@pytest.fixture
def on_disk(tmp_path):
    """An instance that schedules can open; they do not take one in memory."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def ask(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance):
    """What a tick of a schedule asks for."""
    with dg.build_schedule_context(instance=instance) as context:
        return schedule.evaluate_tick(context)


def a_run(instance, job, status, **tags) -> dg.DagsterRun:
    """A run, ended in the way runs end."""
    run = dg.DagsterRun(
        job,
        str(uuid.uuid4()),
        status=dg.DagsterRunStatus.STARTED,
        tags={f"inventory/{name}": value for name, value in tags.items()},
    )
    instance.add_run(run)
    if status == "FAILURE":
        instance.report_run_failed(run)
    elif status == "SUCCESS":
        instance.report_dagster_event(
            dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, job), run.run_id
        )
    return run


def test_each_schedule_asks_for_one_load_and_says_what_is_built_after_it(registry, on_disk):
    asked = {}
    for schedule in build_schedules(registry):
        (request,) = ask(schedule, on_disk).run_requests
        tags = {n.split("/")[1]: v for n, v in request.tags.items() if n.startswith("inventory/")}
        asked[schedule.name] = (schedule.cron_schedule, schedule.job_name, tags)
    assert asked == {
        "nightly": ("0 2 * * *", "load_sources", {"build_after": "in_any_case"}),
        "hourly_linnworks": ("15 * * * *", "load_linnworks", {"build_after": "if_new"}),
        "weekly": ("0 4 * * 0", "load_sources", {"build_after": "in_any_case", "months": "all"}),
        "maintenance": ("0 6 * * 0", "maintain", {}),
    }


def test_times_and_their_zone_are_settings(tmp_path):
    chosen = Settings(data_dir=tmp_path, nightly_cron="30 23 * * 1-5", time_zone="Europe/Berlin")
    nightly = schedules(chosen)["nightly"]
    assert (nightly.cron_schedule, nightly.execution_timezone) == ("30 23 * * 1-5", "Europe/Berlin")


def test_a_wrong_cron_expression_stops_the_start_and_is_named(tmp_path):
    with pytest.raises(SettingsError, match="INVENTORY_WEEKLY_CRON: 'on sundays'"):
        schedules(Settings(data_dir=tmp_path, weekly_cron="on sundays"))


def test_a_tick_asks_for_nothing_while_the_last_run_of_its_job_goes_on(registry, on_disk):
    hourly = {s.name: s for s in build_schedules(registry)}["hourly_linnworks"]
    run = a_run(on_disk, "load_linnworks", "STARTED", build_after="if_new")
    assert "has not finished" in ask(hourly, on_disk).skip_message
    on_disk.report_run_failed(run)
    assert len(ask(hourly, on_disk).run_requests) == 1


def test_the_weekly_build_of_everything_waits_behind_the_nightly_load_and_is_not_lost(
    registry, on_disk
):
    by_name = {s.name: s for s in build_schedules(registry)}
    a_run(on_disk, "load_sources", "STARTED", build_after="in_any_case")
    assert "has not finished" in ask(by_name["nightly"], on_disk).skip_message
    assert len(ask(by_name["weekly"], on_disk).run_requests) == 1
    a_run(on_disk, "load_sources", "STARTED", build_after="in_any_case", months="all")
    assert "has not finished" in ask(by_name["weekly"], on_disk).skip_message


# -- builds after loads ----------------------------------------------------------------------


class Builds:
    """The sensor that asks for builds, and the platform's runs."""

    def __init__(self, registry: Registry, instance: dg.DagsterInstance) -> None:
        self.registry = registry
        self.instance = instance
        jobs = build_jobs(registry.sources, FACTS, [])
        self.contract = dg.AssetCheckKey(dg.AssetKey(["raw", "t"]), "contract")
        self.sensor = build_builds_sensor(registry, jobs, [self.contract])
        self.cursor: str | None = None

    def tick(self):
        with dg.build_sensor_context(self.instance, cursor=self.cursor) as context:
            result = self.sensor.evaluate_tick(context)
        self.cursor = result.cursor
        return result

    def request(self):
        (request,) = self.tick().run_requests
        return request

    def started(self, status="SUCCESS"):
        """The daemon starts what is asked for, and it ends."""
        request = self.request()
        run = dg.DagsterRun(
            request.job_name,
            str(uuid.uuid4()),
            status=dg.DagsterRunStatus[status],
            tags=request.tags,
        )
        self.instance.add_run(run)
        return request


@pytest.fixture
def builds(registry, instance):
    write_build_state(registry.settings, BuildState())
    return Builds(registry, instance)


def skipped(builds) -> str:
    tick = builds.tick()
    assert tick.run_requests == []
    return tick.skip_message


def test_a_nightly_load_is_followed_by_one_build_also_if_a_source_failed(builds):
    assert skipped(builds) == "No load has ended since the last build."
    load = a_run(builds.instance, "load_sources", "FAILURE", build_after="in_any_case")
    request = builds.started()
    assert request.job_name == "build_models"
    assert request.tags["inventory/after_load"] == load.run_id
    # Nothing is built yet, so all months are.
    assert all_months(builds.registry.settings).tags.items() <= request.tags.items()
    assert skipped(builds) == "No load has ended since the last build."


def test_loads_that_ended_meanwhile_get_one_build_together(builds):
    """Two days without a daemon: what is caught up is one load of each kind, and one build."""
    a_run(builds.instance, "load_sources", "SUCCESS", build_after="in_any_case", months="all")
    a_run(builds.instance, "load_sources", "SUCCESS", build_after="in_any_case")
    newest = a_run(builds.instance, "load_linnworks", "SUCCESS", build_after="if_new")
    assert builds.started().tags["inventory/after_load"] == newest.run_id
    assert "No load has ended" in skipped(builds)


def test_a_build_waits_for_loads_that_go_on_and_for_the_build_before(builds):
    a_run(builds.instance, "load_sources", "SUCCESS", build_after="in_any_case")
    going_on = a_run(builds.instance, "load_linnworks", "STARTED", build_after="if_new")
    assert "still going on" in skipped(builds)
    builds.instance.report_run_failed(going_on)
    builds.started("STARTED")
    a_run(builds.instance, "load_sources", "SUCCESS", build_after="in_any_case")
    assert "still going on" in skipped(builds)


def test_a_failed_build_is_not_asked_for_again_until_there_is_another_load(builds):
    a_run(builds.instance, "load_sources", "SUCCESS", build_after="in_any_case")
    builds.started("FAILURE")
    assert "No load has ended" in skipped(builds)
    a_run(builds.instance, "load_sources", "SUCCESS", build_after="in_any_case")
    assert builds.request()


def test_other_runs_and_those_that_a_person_ended_are_followed_by_nothing(builds):
    a_run(builds.instance, "load_sources", "SUCCESS")
    run = a_run(builds.instance, "load_sources", "STARTED", build_after="in_any_case")
    builds.instance.report_run_canceled(run)
    assert "No load has ended" in skipped(builds)


def test_new_rows_are_built_once_something_was_built_and_not_more_often_than_allowed(
    builds, monkeypatch
):
    settings = builds.registry.settings
    drop = Path(builds.registry.sources["shop_files"].address)
    orders = builds.registry.contracts["shop_files__orders"]
    header = "OrderNo,Line,OrderDate,Customer,City,SKU,Product,Quantity,UnitPrice,Total"

    def load_a_file(number: int) -> None:
        row = f"W-{number},1,01/09/2026,A,B,SKU-00001,Mug,6,1,6"
        (drop / f"orders_{number}.csv").write_text(f"{header}\n{row}\n")
        loaded = builds.registry.loader(builds.registry.sources["shop_files"]).load(orders)
        a_run(builds.instance, "load_shop_files", "SUCCESS", build_after="if_new")
        assert loaded.rows_loaded == 1
        loads[orders.relation] = loaded.load_id

    loads: dict[str, str] = {}
    load_a_file(1)
    assert skipped(builds).startswith("Nothing was built yet")
    write_build_state(settings, BuildState(models=Built(True, "a run"), loads=loads))
    assert skipped(builds) == "The loads since the last build brought nothing new."
    before = dict(loads)
    load_a_file(2)
    write_build_state(settings, BuildState(models=Built(True, "a run"), loads=before))
    builds.started()
    load_a_file(3)
    assert skipped(builds) == "The last build began less than 15 minutes ago."
    later = time.time() + 15 * 60 + 1
    monkeypatch.setattr("inventory_platform.automation.builds.time.time", lambda: later)
    assert builds.request()


def test_nothing_is_built_from_loads_that_failed_a_blocking_check(builds):
    def judge(passed: bool) -> None:
        builds.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(builds.contract.asset_key, "contract", passed=passed)
        )

    judge(passed=False)
    a_run(builds.instance, "load_sources", "FAILURE", build_after="in_any_case")
    assert skipped(builds).endswith("blocking checks failed: contract on raw/t.")
    assert skipped(builds) == "The last load failed a blocking check; the next one decides."
    judge(passed=True)
    a_run(builds.instance, "load_sources", "SUCCESS", build_after="in_any_case")
    assert builds.request()


# -- what is tried again ---------------------------------------------------------------------


def fetched(server, folder: Path, **settings):
    """A run of a fetch, from a server."""
    options = {"fetch": {"things": {"path": "/things"}}}
    source = Source("till", f"rest+{server.url}/v1", options=options)
    chosen = Settings(data_dir=folder, retry_seconds=0.05, **settings)
    (asset,) = build_pages_assets(Registry(chosen, {"till": source}, {}))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([asset], instance=instance, raise_on_error=False)
        again = [e for e in result.all_events if e.event_type.value == "STEP_UP_FOR_RETRY"]
        failures = [e for e in result.all_events if e.is_step_failure]
        reasons = [e.step_failure_data.user_failure_data.description for e in failures]
    return result.success, len(again), reasons


AWAY = answer(503, "later", {"Retry-After": "600"})
"""The client itself does not wait that long, so it gives up at once."""


def test_a_server_that_fails_twice_is_asked_a_third_time(tmp_path):
    def behave(request, number):
        return AWAY if number <= 2 else document([{"id": 1}])

    with misbehaving(behave) as server:
        assert fetched(server, tmp_path) == (True, 2, [])


def test_repeats_are_bounded_and_the_last_reason_is_told(tmp_path):
    with misbehaving(lambda request, number: AWAY) as server:
        success, again, (reason,) = fetched(server, tmp_path, retries=1)
    assert (success, again) == (False, 1)
    assert "answered 503" in reason
    assert len(server.asked) == 2


def test_a_refusal_is_not_repeated(tmp_path):
    with misbehaving(lambda request, number: answer(403, "no")) as server:
        success, again, (reason,) = fetched(server, tmp_path)
    assert (success, again) == (False, 0)
    assert "403" in reason
    assert len(server.asked) == 1


def test_waits_double_and_differ_by_a_quarter_at_most():
    settings = Settings(retry_seconds=8, retries=3)
    error = SourceError("away", is_transient=True)
    for number, expected in enumerate((8, 16, 32)):
        asked = failed(error, settings, number)
        assert isinstance(asked, dg.RetryRequested)
        assert 0.75 * expected <= asked.seconds_to_wait <= 1.25 * expected
    assert isinstance(failed(error, settings, 3), dg.Failure)
    assert isinstance(failed(SourceError("wrong password"), settings, 0), dg.Failure)


# -- one run at a time -----------------------------------------------------------------------

_HOLD = """
import sys, time
from inventory_platform.settings import Settings
from inventory_platform.warehouse import only_run
with only_run(Settings(data_dir=sys.argv[1]), 0):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_run_waits_for_the_one_of_another_process_and_then_says_who_it_is(tmp_path):
    settings = Settings(data_dir=tmp_path)
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(WarehouseError, match=f"Another run is writing.* {other.pid}") as found,
            warehouse.only_run(settings, 0.2),
        ):
            pass
        assert found.value.is_transient
    finally:
        other.kill()
        other.wait()
    # A killed process holds nothing.
    with warehouse.only_run(settings, 5):
        pass


def test_a_process_that_runs_alone_may_run_within_its_run(tmp_path):
    settings = Settings(data_dir=tmp_path)
    with warehouse.only_run(settings, 0), warehouse.only_run(settings, 0):
        lock = tmp_path / "lake" / ".locks" / "run.lock"
        assert lock.read_text() == str(os.getpid())


def test_the_run_of_a_killed_command_is_ended_and_others_are_left_alone(instance):
    command, daemon = (
        instance.add_run(
            dg.DagsterRun("load", str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED, tags=tags)
        )
        for tags in ({STARTED_BY: COMMAND}, {})
    )
    end_dead_runs(instance)
    assert instance.get_run_by_id(command.run_id).status == dg.DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(daemon.run_id).status == dg.DagsterRunStatus.STARTED


# -- maintenance -----------------------------------------------------------------------------


def test_old_runs_go_and_those_that_made_what_is_current_stay(instance, monkeypatch):
    @dg.asset
    def orders() -> None: ...

    first, second = (dg.materialize([orders], instance=instance).run_id for _ in range(2))
    window = {
        "dagster/asset_partition_range_start": "2026-01-01",
        "dagster/asset_partition_range_end": "2026-03-01",
    }
    months = dg.DagsterRun("build", str(uuid.uuid4()), status=dg.DagsterRunStatus.SUCCESS)
    months = instance.add_run(months.with_tags(window))
    going_on = a_run(instance, "load", "STARTED")
    assert remove_old_runs(instance, days=60) == 0
    later = time.time() + 61 * 24 * 3600
    monkeypatch.setattr("inventory_platform.automation.maintenance.time.time", lambda: later)
    assert remove_old_runs(instance, days=60) == 1
    assert not instance.has_run(first)
    assert all(instance.has_run(r) for r in (second, months.run_id, going_on.run_id))
    assert instance.get_latest_materialization_event(orders.key) is not None


def test_maintenance_removes_old_logs_and_leftovers_and_nothing_else(tmp_path, instance):
    settings = Settings(data_dir=tmp_path / "data", dbt_dir=tmp_path / "dbt")
    old = time.time() - 91 * 24 * 3600
    kept, gone = [], []
    for name, seconds, stays in (
        ("data/logs/load_sources.log", old, False),
        ("data/logs/refresh_all.log", time.time(), True),
        ("data/lake/raw/t/a.parquet", old, True),
        ("data/tmp/spill/duckdb_temp_1.tmp", old, False),
        ("data/tmp/tables-1/orders.parquet", old, False),
        ("data/tmp/.backup-1/copy", old, False),
        ("data/tmp/tables-2/orders.parquet", time.time(), True),
        ("data/published/versions/.20260501T000000000000/a.parquet", old, False),
        ("data/published/live/versions/.20260502T000000000000/a.parquet", time.time(), True),
        ("data/published/versions/20260501T000000000000/a.parquet", old, True),
        ("dbt/target/manifest.json", old, True),
        ("dbt/target/models-1234/dbt.log", old, False),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        os.utime(path, (seconds, seconds))
        if seconds == old and path.parent.name not in ("logs", "spill", "target"):
            os.utime(path.parent, (seconds, seconds))
        (kept if stays else gone).append(path)
    assert build_maintenance_job(settings).execute_in_process(instance=instance).success
    assert [p for p in gone if p.exists()] == []
    assert [p for p in kept if not p.exists()] == []
