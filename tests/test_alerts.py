"""A look at what is wrong: failed runs, failing checks, stale data, quarantine, stock, disk."""

import logging
import shutil
from collections import namedtuple
from datetime import UTC, datetime, timedelta

import dagster as dg
import duckdb
import pytest

from inventory_platform.automation.alerts import INTERVAL_SECONDS, build_alert_sensor
from inventory_platform.cli.alerts import tell_after_run
from inventory_platform.landing.lake import LoadRecord
from inventory_platform.operations.alerts.config import read_config
from inventory_platform.operations.alerts.state import locked, read_state, save
from inventory_platform.operations.alerts.watch import look
from inventory_platform.publishing.parquet import publish
from inventory_platform.registry import Registry
from tests.receivers import Webhook, web_server

CANARY = "c4nary-in-the-coal-mine"
Usage = namedtuple("Usage", "total used free")


@dg.asset
def orders(context: dg.AssetExecutionContext) -> None:
    match context.run.tags.get("mood"):
        case "down":
            try:
                raise ConnectionError(f"no answer on try {context.run_id}")
            except ConnectionError as error:
                raise dg.Failure(description=f"The shop does not answer. {error}") from error
        case "talkative":
            raise RuntimeError(
                f"cannot reach postgresql://shop:{CANARY}@db/x with password={CANARY}, "
                f"Authorization: Bearer {CANARY}; the key is k3y-of-the-shop"
            )


@dg.asset_check(asset=orders)
def few_rows(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=context.run.tags.get("mood") != "odd",
        severity=dg.AssetCheckSeverity.WARN,
        description="Only 3 rows came.",
    )


@dg.asset_check(asset=orders, blocking=True)
def adds_up_exactly(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=context.run.tags.get("mood") != "wrong")


DEFINITIONS = dg.Definitions(
    assets=[orders],
    asset_checks=[few_rows, adds_up_exactly],
    jobs=[dg.define_asset_job("load")],
    executor=dg.in_process_executor,
)


@pytest.fixture(scope="module")
def receiver():
    with web_server() as hook:
        yield hook


class World:
    """A platform that tells a webhook."""

    def __init__(self, shop, instance: dg.DagsterInstance, hook: Webhook) -> None:
        self.shop, self.instance, self.hook = shop, instance, hook
        self.settings = shop.settings.model_copy(
            update={
                "alerts_file": shop.folder / "alerts.toml",
                "sources_file": shop.folder / "sources.toml",
            }
        )
        self.settings.sources_file.write_text("")
        self.specs: list[dg.AssetSpec] = []
        self.contracts: dict = {}
        self.configure()

    def configure(self, more: str = "") -> None:
        text = f'[routes.hook]\nurl_env = "ALERTS_HOOK"\n{more}'
        self.settings.alerts_file.write_text(text)

    @property
    def registry(self) -> Registry:
        return Registry(self.settings, {}, self.contracts)

    def look(self, now: datetime | None = None) -> list[str]:
        config = read_config(self.settings)
        found = look(self.registry, config, self.instance, self.specs, now)
        assert found.problems == []
        return [alert.headline for alert in found.told]

    def run(self, mood: str = "") -> str:
        job = DEFINITIONS.resolve_job_def("load")
        return job.execute_in_process(
            instance=self.instance, raise_on_error=False, tags={"mood": mood}
        ).run_id

    def crash(self) -> None:
        """A worker that is gone: the run is marked as failed from outside."""
        run = self.instance.create_run_for_job(DEFINITIONS.resolve_job_def("load"))
        self.instance.report_run_failed(run, "The worker ended unexpectedly.")


@pytest.fixture
def world(shop, receiver, monkeypatch):
    monkeypatch.setenv("ALERTS_HOOK", receiver.url)
    receiver.posts.clear()
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(shop, instance, receiver)


# -- runs and checks -----------------------------------------------------------------------------


def test_one_tick_of_the_sensor_tells_a_failed_run_and_a_later_one_that_it_is_over(world):
    sensor = build_alert_sensor(world.registry, list, dg.DefaultSensorStatus.RUNNING)
    assert sensor.minimum_interval_seconds == INTERVAL_SECONDS == 30
    run_id = world.run("down")
    with dg.build_sensor_context(instance=world.instance) as context:
        answer = sensor(context)
    assert isinstance(answer, dg.SkipReason)
    assert answer.skip_message == "1 open, 1 told now, 1 messages sent."
    [post] = world.hook.posts
    assert post["title"] == "[error] orders failed in load"
    assert post["type"] == "failure"
    assert "The shop does not answer." in post["message"]
    assert f"http://127.0.0.1:3000/runs/{run_id}" in post["message"]
    world.run()
    assert world.look() == ["Over: orders failed in load"]
    assert world.hook.posts[-1]["title"] == "[over] orders failed in load"


def test_a_failing_check_that_fails_no_run_is_told(world):
    world.run("odd")
    assert world.look() == ["Check few_rows fails on orders"]
    [post] = world.hook.posts
    assert post["title"] == "[warning] Check few_rows fails on orders"
    assert "Only 3 rows came." in post["message"]
    assert "/assets/orders?view=checks" in post["message"]
    world.run()
    assert world.look() == ["Over: Check few_rows fails on orders"]


def test_a_failing_blocking_check_is_told_as_the_check_and_not_as_its_step(world):
    world.run("wrong")
    assert world.look() == ["Check adds_up_exactly fails on orders"]
    assert "Marts are not published" in world.hook.posts[0]["message"]


def test_a_hundred_failures_of_one_cause_are_one_alert(world):
    titles = []
    for _ in range(10):
        for _ in range(10):
            world.crash()
        titles += world.look()
    assert titles == ["load stopped before its end"]
    assert len(world.hook.posts) == 1
    [record] = read_state(world.settings).open
    assert record.times == 100


def test_failed_runs_with_messages_of_their_own_are_one_cause(world):
    world.run("down")
    world.run("down")
    assert world.look() == ["orders failed in load"]
    [record] = read_state(world.settings).open
    assert (record.cause.key, record.times) == ("run · orders · ConnectionError", 2)


def test_more_runs_than_one_look_reads_are_told_by_the_next_in_their_order(world, monkeypatch):
    monkeypatch.setattr("inventory_platform.operations.alerts.runs._RUNS_A_LOOK", 5)
    for _ in range(6):
        world.crash()
    world.run()
    assert world.look() == ["load stopped before its end"]
    assert world.look() == ["Over: load stopped before its end"]


def test_the_first_look_reads_the_last_day_and_no_further(world):
    world.crash()
    two_days_on = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=2)
    assert world.look(two_days_on) == []
    assert world.look() == ["load stopped before its end"]


@pytest.mark.parametrize("runs_before_the_look", [0, 4])
def test_where_the_storage_of_runs_begins_anew_alerts_begin_anew(world, runs_before_the_look):
    for _ in range(3):
        world.run()
    assert world.look() == []
    read = read_state(world.settings).cursor
    with dg.DagsterInstance.ephemeral() as world.instance:
        # Whether its entries are still fewer than those read, or already more.
        for _ in range(runs_before_the_look):
            world.run()
        world.crash()
        newest = world.instance.event_log_storage.get_maximum_record_id()
        assert (newest > read) == bool(runs_before_the_look)
        assert world.look() == ["load stopped before its end"]
        assert world.look() == []


def test_a_storage_of_an_unknown_name_whose_entries_are_older_is_read_from_the_last_day_on(world):
    world.crash()
    world.look()
    with locked(world.settings, 0) as state:
        state.cursor, state.storage = 1_000_000, ""
        state.causes.clear()
        save(world.settings, state)
    assert world.look() == ["load stopped before its end"]


def test_no_secret_is_in_a_message_the_state_or_a_log(world, monkeypatch, caplog):
    path = "/hook/t0ken-of-the-channel"
    monkeypatch.setenv("ALERTS_HOOK", f"json://user:pa55-of-it@127.0.0.1:{world.hook.port}{path}")
    monkeypatch.setenv("SHOP_KEY_THING", "k3y-of-the-shop")
    world.settings.sources_file.write_text('[shop]\naddress = "postgresql://${SHOP_KEY_THING}"')
    world.run("talkative")
    with caplog.at_level(logging.DEBUG):
        world.look()
        world.hook.status = 500
        world.crash()
        config = read_config(world.settings)
        failed = look(world.registry, config, world.instance, [])
        world.hook.status = 200
    assert "status" in failed.problems[0] or "500" in failed.problems[0]
    everything = "\n".join(
        [
            str(world.hook.posts),
            caplog.text,
            str(failed),
            *(p.read_text() for p in (world.settings.data_dir / "alerts").iterdir()),
        ]
    )
    assert "cannot reach postgresql://shop:***@db/x with password=***" in everything
    for secret in (CANARY, "pa55-of-it", "t0ken-of-the-channel", "k3y-of-the-shop"):
        assert secret not in everything


# -- what is wrong by its present state -----------------------------------------------------------


def test_stale_data_is_told_by_group_and_again_when_it_is_fresh(world):
    policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26))
    keys = [dg.AssetKey(["raw", name]) for name in ("a", "b", "never_made")]
    world.specs = [dg.AssetSpec(k, group_name="shop", freshness_policy=policy) for k in keys]
    for key in keys[:2]:
        world.instance.report_runless_asset_event(dg.AssetMaterialization(key))
    assert world.look() == []
    now = datetime.now(UTC).replace(tzinfo=None)
    assert world.look(now + timedelta(hours=27)) == ["Stale: 2 of shop"]
    message = world.hook.posts[0]["message"]
    assert "raw/a: made 27.0 h ago, should be within 26.0 h" in message
    assert "never_made" not in message
    assert world.look() == ["Over: Stale: 2 of shop"]


@pytest.mark.parametrize(
    ("read", "rejected", "told"),
    [
        (1000, 21, ["2.1% of the rows of shop__items were rejected"]),
        (1000, 20, []),
        (9, 9, []),
    ],
)
def test_a_load_with_too_many_rejected_rows_is_told(world, items, read, rejected, told):
    world.contracts = {items.relation: items}
    commit(world, items, "20261121T080000000000", read, rejected)
    # Nothing new came since, which says nothing about what was rejected.
    commit(world, items, "20261121T090000000000", 0, 0)
    assert world.look() == told
    if told:
        commit(world, items, "20261121T100000000000", read, 0)
        assert world.look() == [f"Over: {told[0]}"]


def commit(world, contract, load_id: str, read: int, rejected: int) -> None:
    record = LoadRecord(
        load_id=load_id,
        source=contract.source,
        table_name=contract.name,
        kind="snapshot",
        address="",
        code_version="",
        contract_version="",
        started_at="",
        committed_at="",
        rows_read=read,
        rows_loaded=read - rejected,
        rows_quarantined=rejected,
        rows_deduplicated=0,
        rows_vanished=0,
    )
    world.shop.lake.commit(contract, record, {})


ANOMALY = (
    "('stock', 'negative_stock', '{0}', 'S01', 'high', date '2026-09-{1:02}', '{0} is at -3.')"
)


def publish_stock(world, *anomalies: str) -> None:
    with duckdb.connect() as con:
        con.execute("create schema marts")
        con.execute(
            "create table marts.fct_anomalies (subject text, rule text, product_id text, "
            "location_id text, severity text, detected_for_date date, reason text)"
        )
        if anomalies:
            con.execute(f"insert into marts.fct_anomalies values {', '.join(anomalies)}")
        con.execute("create table marts.fct_stock_daily as select date '2026-09-30' as stock_date")
        publish(
            world.settings.published_dir,
            con,
            keep=2,
            marts=["fct_anomalies", "fct_stock_daily"],
            run_id="",
            code_version="",
            loads={},
            inputs="",
        )


def test_unusual_stock_of_the_last_week_is_told_and_when_it_is_gone(world):
    assert world.look() == []
    publish_stock(world, ANOMALY.format("LATE", 29), ANOMALY.format("OLD", 20))
    assert world.look() == ["Stock: negative stock, 1 in the last 7 days"]
    assert "LATE is at -3." in world.hook.posts[0]["message"]
    assert "OLD" not in world.hook.posts[0]["message"]
    publish_stock(world)
    assert world.look() == ["Over: Stock: negative stock, 1 in the last 7 days"]


def test_a_published_mart_that_cannot_be_read_is_told_and_the_rest_is_watched(world):
    publish_stock(world)
    (world.settings.published_dir / "current" / "fct_anomalies.parquet").write_text("torn")
    world.crash()
    assert world.look() == ["load stopped before its end", "Alerts cannot judge: stock"]
    publish_stock(world)
    assert world.look() == ["Over: Alerts cannot judge: stock"]


def test_a_disk_that_fills_is_told_and_told_again_when_it_is_nearly_full(world, monkeypatch):
    free = 6.0
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda _path: Usage(int(100e9), int((100 - free) * 1e9), int(free * 1e9)),
    )
    assert world.look() == []
    free = 4.0
    assert world.look() == ["4.0 GB free where the data is"]
    free = 0.9
    assert world.look() == ["0.9 GB free where the data is"]
    assert world.hook.posts[-1]["title"].startswith("[critical]")
    free = 60.0
    assert world.look() == ["Over: 0.9 GB free where the data is"]


@pytest.mark.parametrize("severity", ["error", "critical"])
def test_who_was_told_that_it_began_is_told_that_it_is_over_also_when_it_got_worse(
    world, monkeypatch, severity
):
    world.configure(f'severities = ["{severity}"]\n')
    free = 4.0
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda _path: Usage(int(100e9), int((100 - free) * 1e9), int(free * 1e9)),
    )
    for free in (4.0, 0.9, 60.0):  # noqa: B007  what the disk has free
        world.look()
    assert [post["title"] for post in world.hook.posts] == {
        "error": [
            "[error] 4.0 GB free where the data is",
            "[over] 0.9 GB free where the data is",
        ],
        "critical": [
            "[critical] 0.9 GB free where the data is",
            "[over] 0.9 GB free where the data is",
        ],
    }[severity]


def test_without_alerts_toml_causes_are_kept_and_nobody_is_told(world):
    world.settings = world.shop.settings
    world.crash()
    assert world.look() == ["load stopped before its end"]
    assert world.hook.posts == []
    assert [r.title for r in read_state(world.settings).open] == ["load stopped before its end"]


def test_a_run_from_the_command_line_tells_when_it_has_ended(world, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with dg.DagsterInstance.get() as world.instance:
        world.crash()
    tell_after_run(world.registry, DEFINITIONS)
    assert [post["title"] for post in world.hook.posts] == ["[error] load stopped before its end"]
    assert "Alert: load stopped before its end" in capsys.readouterr().out


def test_a_run_from_the_command_line_ends_well_while_another_process_tells(
    world, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr("inventory_platform.operations.alerts.watch._LOCK_SECONDS", 0)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with locked(world.settings, 0):
        tell_after_run(world.registry, DEFINITIONS)
    assert "alerts' state" in capsys.readouterr().err


def test_severities_and_kinds_decide_which_route_is_told(world, monkeypatch):
    monkeypatch.setenv("ALERTS_NIGHT", world.hook.url.replace("hook", "night"))
    world.configure(
        'severities = ["warning"]\n'
        '[routes.night]\nurl_env = "ALERTS_NIGHT"\n'
        'severities = ["error", "critical"]\ncauses = ["run"]\n'
    )
    world.hook.paths.clear()
    world.run("odd")
    world.look()
    assert world.hook.paths == ["/hook"]
    world.run("wrong")
    world.look()
    assert world.hook.paths == ["/hook", "/hook"]
    world.run("down")
    world.look()
    assert world.hook.paths[2:] == ["/night"]
