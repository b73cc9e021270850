"""Structured logs: one JSON object a line, with run, step, asset and load, without secrets.

`PlatformLog` is named in `dagster.yaml`, so every run writes here, whoever started it; commands
that load without a run use `log_to_file`. How lines are read again is `log_reader.py`.

    logs/platform.jsonl       the newest lines
    logs/platform.1.jsonl …   older ones; the oldest file is removed when a new one begins
"""

from __future__ import annotations

import fcntl
import json
import logging
import logging.handlers
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from inventory_platform.operations.alerts.config import read_config
from inventory_platform.operations.alerts.redaction import redactor
from inventory_platform.operations.history.dagster_log import failure_reason
from inventory_platform.settings import Settings, get_settings

EXTRAS = ("asset", "load_id", "check")
"""What a line may carry besides; `extra={"asset": …}` of a logging call sets it."""

_MEGABYTE = 1_000_000
# What Dagster itself tells at DEBUG and people want to find again.
_TOLD = {
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.RUN_START,
    dg.DagsterEventType.RUN_SUCCESS,
}


def log_file(settings: Settings) -> Path:
    """The file the newest lines are in."""
    return settings.data_dir / "logs" / "platform.jsonl"


def log_to_file(settings: Settings) -> None:
    """Write what the platform's own modules log, where no run does that."""
    logger = logging.getLogger("inventory_platform")
    logger.setLevel(logging.INFO)
    logger.addHandler(PlatformLog(settings))


class PlatformLog(logging.handlers.WatchedFileHandler):
    """Appends lines to the platform's log; several processes may do so at once.

    Args:
        settings: Where the log is and how large it may become; the environment's when omitted,
            since `dagster.yaml` names this class without arguments.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or get_settings()
        self._limit = settings.log_megabytes * _MEGABYTE
        self._files = settings.log_files
        path = log_file(settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, encoding="utf-8", delay=True)
        self.setFormatter(JsonLines(redactor(settings, read_config(settings))))

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is worth a line."""
        event = _meta(record).get("dagster_event")
        is_told = event is not None and event.event_type in _TOLD
        return (is_told or record.levelno >= logging.INFO) and bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; a full disk is told on the error stream and stops nothing."""
        try:
            self._make_room()
            super().emit(record)
        except OSError:
            self.handleError(record)

    def _make_room(self) -> None:
        path = Path(self.baseFilename)
        if not _is_full(path, self._limit):
            return
        with path.with_name(".platform.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another process may have been faster.
            if _is_full(path, self._limit):
                for number in range(self._files - 1, 0, -1):
                    older = path if number == 1 else _numbered(path, number - 1)
                    if older.exists():
                        older.replace(_numbered(path, number))


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


def log_files(settings: Settings) -> list[Path]:
    """The files of the log, oldest first."""
    newest = log_file(settings)
    numbers = range(settings.log_files - 1, 0, -1)
    return [p for p in [*(_numbered(newest, n) for n in numbers), newest] if p.exists()]


def _is_full(path: Path, limit: int) -> bool:
    try:
        return path.stat().st_size >= limit
    except FileNotFoundError:
        return False


class JsonLines(logging.Formatter):
    """A record as one line of JSON, secrets taken out.

    Args:
        hide: Takes secrets out of a text.
    """

    def __init__(self, hide: Callable[[str], str]) -> None:
        super().__init__()
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        meta = _meta(record)
        event = meta.get("dagster_event")
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname,
            "message": str(meta.get("orig_message") or record.getMessage()),
            "run_id": meta.get("run_id"),
            "job": meta.get("job_name"),
            "step": meta.get("step_key"),
            "asset": None,
            "load_id": None,
        }
        line |= {name: value for name in EXTRAS if (value := getattr(record, name, None))}
        if event is not None:
            line["level"] = logging.getLevelName(max(record.levelno, logging.INFO))
            line |= _of_event(event)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps({n: self._shown(v) for n, v in line.items()}, ensure_ascii=False)

    def _shown(self, value: Any) -> Any:
        return self._hide(value) if isinstance(value, str) else value


def _meta(record: logging.LogRecord) -> Mapping[str, Any]:
    """What Dagster says of a record; nothing outside of runs."""
    found: Mapping[str, Any] = getattr(record, "dagster_meta", None) or {}
    return found


def _of_event(event: dg.DagsterEvent) -> dict[str, Any]:
    kind = dg.DagsterEventType
    told: dict[str, Any] = {"event": event.event_type_value}
    match event.event_type:
        case kind.ASSET_MATERIALIZATION:
            made = event.step_materialization_data.materialization
            told["asset"] = made.asset_key.to_user_string()
            if "load_id" in made.metadata:
                told["load_id"] = str(made.metadata["load_id"].value)
        case kind.ASSET_CHECK_EVALUATION:
            result = event.asset_check_evaluation_data
            told["asset"] = result.asset_key.to_user_string()
            told["check"] = result.check_name
            if not result.passed:
                is_error = result.severity == dg.AssetCheckSeverity.ERROR
                told["level"] = "ERROR" if is_error else "WARNING"
        case kind.STEP_FAILURE:
            told["error"] = failure_reason(event)
    return told
