"""`alerts.toml`: who is told what, how often, and from which limits on.

Addresses of channels hold passwords, so the file only names the secret each is kept as
(`secret_values.py`). What is wrong in it stops the start and is named; secrets are never shown.
How a message gets to an address is `channels.py`.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from inventory_platform.errors import SettingsError
from inventory_platform.operations.alerts.model import Alert, Cause, Kind, Severity
from inventory_platform.secret_values import require_secret
from inventory_platform.settings import Settings
from inventory_platform.sources.clear_text import check_encrypted

SCHEMES = frozenset({"mailto", "mailtos", "slack", "workflows", "json", "jsons"})
"""Kinds of channels an address may name: e-mail, Slack, Teams, webhook."""


def _not_a_setting(name: str) -> str:
    if name.startswith("INVENTORY_"):
        raise ValueError("names that begin with INVENTORY_ are settings")
    return name


_Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$"), AfterValidator(_not_a_setting)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Route(_Table):
    """Who is told: an address, and what goes there.

    Attributes:
        url_env: Name of the secret with the address.
        severities: What is told there, by urgency.
        causes: What is told there, by kind.
    """

    url_env: _Variable
    severities: frozenset[Severity] = frozenset(Severity)
    causes: frozenset[Kind] = frozenset(Kind)

    def takes(self, alert: Alert) -> bool:
        """Whether an alert goes there."""
        severities = {alert.severity, *alert.told_as}
        return bool(severities & self.severities) and alert.cause.kind in self.causes


class Policy(_Table):
    """How often the same is told.

    Attributes:
        cooldown_minutes: A cause that comes back is not told again sooner.
        repeat_hours: A cause that stays is told again after this time.
        forget_days: A failed step or check that nothing was heard of for so long is forgotten.
    """

    cooldown_minutes: float = Field(default=60, ge=0)
    repeat_hours: float = Field(default=24, gt=0)
    forget_days: float = Field(default=30, gt=0)

    @property
    def cooldown(self) -> timedelta:
        """The cool-down as a duration."""
        return timedelta(minutes=self.cooldown_minutes)

    @property
    def repeat(self) -> timedelta:
        """The time to the next reminder."""
        return timedelta(hours=self.repeat_hours)

    @property
    def forget(self) -> timedelta:
        """The time after which a cause nobody hears of is forgotten."""
        return timedelta(days=self.forget_days)


class Limits(_Table):
    """When a kind of cause is told.

    Attributes:
        after: How many times in a row it must be seen. What is looked at with every tick of
            the sensor counts ticks, failed runs and checks count runs.
        ignore: Subjects that are not told, as patterns such as `marts/* relationships_*`.
    """

    after: int = Field(default=1, ge=1)
    ignore: tuple[str, ...] = ()


class QuarantineLimits(Limits):
    """Rejected rows: told when a load has at least `rows` and more than this share of them."""

    share: float = Field(default=0.02, ge=0, lt=1)
    rows: int = Field(default=10, ge=1)


class DiskLimits(Limits):
    """Disk space: told when less is free where the data is."""

    free_gb: float = Field(default=5, gt=0)


class CauseLimits(_Table):
    """The limits of every kind of cause."""

    run: Limits = Limits()
    check: Limits = Limits()
    stale: Limits = Limits()
    quarantine: QuarantineLimits = QuarantineLimits()
    stock: Limits = Limits()
    disk: DiskLimits = DiskLimits()
    watch: Limits = Limits()
    other: Limits = Limits()

    def of(self, kind: Kind) -> Limits:
        """The limits of one kind."""
        found: Limits = getattr(self, kind.value)
        return found

    def ignores(self, cause: Cause) -> bool:
        """Whether a cause is not to be told."""
        return any(fnmatchcase(cause.subject, pattern) for pattern in self.of(cause.kind).ignore)


class Heartbeat(_Table):
    """Who is told, with every tick, that the platform lives; see `Route.url_env`."""

    url_env: _Variable | None = None


class AlertConfig(_Table):
    """All of `alerts.toml`."""

    routes: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Route] = {}
    policy: Policy = Policy()
    causes: CauseLimits = CauseLimits()
    heartbeat: Heartbeat = Heartbeat()


def read_config(settings: Settings) -> AlertConfig:
    """Read `alerts.toml`; without one, nobody is told and everything has its default.

    Raises:
        SettingsError: The file is wrong, was named and is missing, or an address it names is
            not there or not usable.
    """
    path = settings.alerts_file
    if not path.exists() and "alerts_file" not in settings.model_fields_set:
        return AlertConfig()
    try:
        config = AlertConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}.",
            "Write it, or unset INVENTORY_ALERTS_FILE; docs/alerts.md shows one.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read: {error}.", "Correct it.") from None
    except ValidationError as error:
        raise SettingsError(
            f"{path.name} is wrong. {_explain(error)}", "docs/alerts.md lists every key."
        ) from None
    for name, route in config.routes.items():
        url = address(settings, route.url_env, f"Route {name!r}")
        _require_scheme(url, route.url_env, name)
        check_encrypted(settings, url, f"Route {name!r} of alerts.toml")
    if variable := config.heartbeat.url_env:
        url = address(settings, variable, "The heartbeat")
        check_encrypted(settings, url, "The heartbeat of alerts.toml")
    return config


def address(settings: Settings, variable: str, what: str) -> str:
    """An address that is kept as a secret.

    Args:
        settings: Where secrets are looked for.
        variable: Name of the secret.
        what: Whose address it is, for an error.

    Raises:
        SettingsError: It is nowhere to be found, or where it is cannot be read.
    """
    named = f"{what} of alerts.toml"
    return require_secret(settings, variable, named, "remove the entry.").strip()


def _require_scheme(url: str, variable: str, route: str) -> None:
    scheme, found, _ = url.partition("://")
    if not found or scheme.lower() not in SCHEMES:
        raise SettingsError(
            f"Route {route!r} of alerts.toml: the address in {variable} is of no known kind.",
            f"It must begin with one of {', '.join(f'{s}://' for s in sorted(SCHEMES))}.",
        )


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'] if part != '[key]')}: {item['msg']}"
        for item in error.errors(include_input=False, include_context=False, include_url=False)
    )
