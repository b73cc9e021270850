"""Structured logs: every line JSON, bounded, without secrets; damaged lines stop nobody."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from inventory_platform.cli import app
from inventory_platform.errors import InventoryError
from inventory_platform.operations.log_reader import Filter, LogReader, level_of, since
from inventory_platform.operations.logs import PlatformLog, log_file, log_files
from inventory_platform.settings import PROJECT_DIR, Settings, get_settings

CANARY = "kettle-drum-battery-41"


@dg.asset(key=["raw", "shop__items"])
def items(context):
    context.log.info("signed in with %s", CANARY)
    logging.getLogger("inventory_platform.landing").warning("late", extra={"load_id": "L7"})
    logging.getLogger("elsewhere").warning("not ours")
    return dg.MaterializeResult(metadata={"load_id": "L7"})


@dg.asset_check(asset=items, name="volume")
def volume() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False, severity=dg.AssetCheckSeverity.WARN, description="half of it"
    )


@dg.asset(deps=[items])
def broken() -> None:
    raise ValueError(f"refused: password={CANARY}")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SHOP_PASSWORD", CANARY)
    get_settings.cache_clear()
    yield get_settings()
    get_settings.cache_clear()


@pytest.fixture
def lines(settings: Settings, tmp_path: Path) -> list[dict[str, Any]]:
    """What a run with the shipped `dagster.yaml` logs."""
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(PROJECT_DIR / "dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        dg.materialize([items, broken, volume], instance=instance, raise_on_error=False)
    return [json.loads(line) for line in log_file(settings).read_text().splitlines()]


def test_a_run_is_logged_with_run_step_asset_and_load(lines: list[dict[str, Any]]) -> None:
    assert len({line["run_id"] for line in lines}) == 1
    [made] = [line for line in lines if line.get("event") == "ASSET_MATERIALIZATION"]
    assert made["step"] == "raw__shop__items"
    assert (made["asset"], made["load_id"], made["level"]) == ("raw/shop__items", "L7", "INFO")
    [late] = [line for line in lines if line["message"] == "late"]
    assert (late["level"], late["step"], late["load_id"]) == ("WARNING", "raw__shop__items", "L7")
    [check] = [line for line in lines if line.get("check")]
    assert (check["check"], check["level"]) == ("volume", "WARNING")
    [failed] = [line for line in lines if line.get("event") == "STEP_FAILURE"]
    assert (failed["step"], failed["level"]) == ("broken", "ERROR")
    assert failed["error"].startswith("ValueError: refused")
    assert not [line for line in lines if line["message"] == "not ours"]


def test_no_secret_reaches_a_line(lines: list[dict[str, Any]], settings: Settings) -> None:
    assert "signed in with ***" in [line["message"] for line in lines]
    assert CANARY not in log_file(settings).read_text()


def test_lines_are_asked_for_on_the_command_line(
    lines: list[dict[str, Any]], settings: Settings
) -> None:
    with log_file(settings).open("a") as file:
        file.write('{"timestamp": "2026-01-\n[1]\n')

    def ask(*arguments: str) -> list[str]:
        result = CliRunner().invoke(app, ["logs", *arguments])
        assert result.exit_code == 0
        assert "2 damaged lines are left out." in result.output
        return [line for line in result.stdout.splitlines() if line and "damaged" not in line]

    run_id = lines[0]["run_id"]
    assert len(ask("--run", run_id[:8])) == len(lines)
    assert ask("--run", "ffffffff-none") == []
    errors = ask("--level", "error", "--json", "--since", "1h")
    assert [json.loads(line)["level"] for line in errors] == ["ERROR"] * len(errors)
    assert any("password=***" in line for line in errors)
    assert {json.loads(line)["asset"] for line in ask("--asset", "raw/shop__items", "--json")} == {
        "raw/shop__items"
    }
    assert len(ask("--limit", "2")) == 2
    assert "There is no level" in str(CliRunner().invoke(app, ["logs", "--level", "x"]).exception)


def test_a_length_of_time_is_read_as_it_is_written() -> None:
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert since("30m", now) == now - timedelta(minutes=30)
    assert since("2h", now) == now - timedelta(hours=2)
    assert since("7d", now) == now - timedelta(days=7)
    assert since("2026-05-04 10:00", now) == now - timedelta(hours=2)
    with pytest.raises(InventoryError, match="no length of time"):
        since("yesterday", now)
    with pytest.raises(InventoryError, match="no length of time"):
        since("99999999999d", now)
    assert level_of("warning") == logging.WARNING


def test_the_log_stays_within_its_bounds_with_several_writers(settings: Settings) -> None:
    small = settings.model_copy(update={"log_megabytes": 1, "log_files": 3})
    loggers = []
    for number in range(2):
        logger = logging.Logger(f"writer-{number}")
        logger.addHandler(PlatformLog(small))
        loggers.append(logger)
    text = "x" * 100_000
    for number in range(50):
        for logger in loggers:
            logger.info("%d %s", number, text)
    files = log_files(small)
    assert [path.name for path in files] == [
        "platform.2.jsonl",
        "platform.1.jsonl",
        "platform.jsonl",
    ]
    assert max(path.stat().st_size for path in files) < 1_300_000
    reader = LogReader(Filter())
    kept = [int(line["message"].split()[0]) for line in reader.read(files)]
    # The newest lines of both writers, in order and none lost between the files.
    first = kept[0]
    whole = [number for number in range(first, 50) for _ in loggers]
    assert kept == whole[len(whole) - len(kept) :]
    assert reader.damaged == 0


def test_following_shows_new_lines_also_after_the_file_was_replaced(settings: Settings) -> None:
    logger = logging.Logger("follower")
    logger.addHandler(PlatformLog(settings))
    logger.info("before")
    path = log_file(settings)
    done = threading.Event()
    found: list[str] = []
    reader = LogReader(Filter())

    def follow() -> None:
        for line in reader.follow(path, done.is_set):
            found.append(line["message"])
            if line["message"] == "last":
                done.set()

    began = threading.Event()
    thread = threading.Thread(target=lambda: (began.set(), follow()))
    thread.start()
    began.wait()
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while "first" not in found and datetime.now(UTC) < deadline:
        logger.info("first")
        thread.join(0.1)
    path.replace(path.with_name("platform.1.jsonl"))
    logger.info("last")
    thread.join(20)
    done.set()
    assert "before" not in found
    assert found[-1] == "last"


def test_a_log_that_cannot_be_written_stops_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.Logger("hindered")
    logger.addHandler(PlatformLog(settings))
    log_file(settings).mkdir()
    logger.info("nobody reads this")
    assert "Logging error" in capsys.readouterr().err
