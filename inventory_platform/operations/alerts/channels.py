"""How a message leaves: e-mail, Slack, Teams or a webhook through apprise; and the sign of life.

Addresses and what these libraries say about them are secret, so nothing of it reaches a log:
what went wrong comes back as a text, which the caller redacts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import apprise
import httpx

from inventory_platform.operations.alerts.model import Severity

_SECONDS = 10
_TYPES = {
    Severity.info: apprise.NotifyType.INFO,
    Severity.warning: apprise.NotifyType.WARNING,
    Severity.error: apprise.NotifyType.FAILURE,
    Severity.critical: apprise.NotifyType.FAILURE,
}
_GRAVE = {"WARNING", "ERROR", "CRITICAL"}
_DETAIL = "Socket Exception: "
_OUTSIDE = ("apprise", "httpx", "httpcore", "urllib3")


def send(url: str, subject: str, body: str, severity: Severity) -> str:
    """Send one message; returns why it failed, or nothing.

    Args:
        url: The address, as apprise writes it.
        subject: The message in one line.
        body: The message, plain text.
        severity: How urgent it is, for channels that show it by a colour.
    """
    with _unheard():
        channel = apprise.Apprise(asset=_asset())
        if not channel.add(url):
            return "The address is not one of its kind."
        result = channel.notify(
            body=body,
            title=subject,
            notify_type=_TYPES[severity],
            body_format=apprise.NotifyFormat.TEXT,
            log_level=logging.DEBUG,
        )
        return "" if result else _reason([entry.message for entry in _telling(result)])


def _telling(result: apprise.AppriseResult) -> Iterator[apprise.NotifyLogEntry]:
    for entry in result.logs():
        if entry.level in _GRAVE or entry.message.startswith(_DETAIL):
            yield entry


def _reason(messages: list[str]) -> str:
    lines = [" ".join(message.removeprefix(_DETAIL).split()) for message in messages]
    return "; ".join(dict.fromkeys(lines)) or f"No answer within {_SECONDS} seconds."


def _asset() -> apprise.AppriseAsset:
    """Apprise with all left out that reads files, keeps state or follows elsewhere."""
    return apprise.AppriseAsset(
        app_id="Inventory",
        app_desc="Inventory data platform",
        app_url="",
        # Pictures would be fetched from a public address by whoever reads the message.
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        service_timeout=_SECONDS,
        storage_mode="memory",
        allow_templates=False,
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
    )


def beat(file: Path, url: str | None, now: datetime) -> str:
    """Give a sign of life; returns why it did not arrive, or nothing.

    Args:
        file: A file whose age a watcher on this machine may look at.
        url: What a watcher elsewhere wants to be asked for, if there is one.
        now: The present, naive UTC.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{now.isoformat(sep=' ', timespec='seconds')}\n")
    if url is None:
        return ""
    try:
        with _unheard():
            answer = httpx.get(url, timeout=_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{type(error).__name__}: no answer."
    return "" if answer.is_success else f"It answers with status {answer.status_code}."


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep what these libraries log to themselves: at some levels it holds addresses."""
    loggers = [logging.getLogger(name) for name in _OUTSIDE]
    before = [(logger.level, logger.propagate) for logger in loggers]
    silent = logging.NullHandler()
    for logger in loggers:
        logger.addHandler(silent)
        logger.propagate = False
    # Why a server refused is said at this level only.
    loggers[0].setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(silent)
            logger.setLevel(level)
            logger.propagate = propagate
