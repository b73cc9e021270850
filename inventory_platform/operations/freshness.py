"""How old what people read is: every asset with a freshness policy, against its newest build.

Alerts, health and the catalogue ask here. The policies themselves stand on the assets
(`assets/policies.py`); what is done about a stale one is the business of who asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

import dagster as dg


@dataclass(frozen=True)
class Freshness:
    """How old an asset is.

    Attributes:
        asset: The asset, such as `marts/fct_orders`.
        last_updated_at: When it was made last, UTC; None before the first time.
        fresh_within: Age from which on it is stale.
        state: `fresh`, `stale`, or `never` where it was never made.
    """

    asset: str
    last_updated_at: datetime | None
    fresh_within: timedelta
    state: str


class _Window(Protocol):
    """What `dg.FreshnessPolicy.time_window` returns, whose type has no public name."""

    @property
    def fail_window(self) -> _Span: ...


class _Span(Protocol):
    def to_timedelta(self) -> timedelta: ...


def freshness(
    instance: dg.DagsterInstance, specs: Iterable[dg.AssetSpec], now: datetime
) -> list[Freshness]:
    """How old the assets are that have a policy, by name; others are left out.

    Args:
        instance: Where it is kept when assets were made.
        specs: The assets, as `definitions.resolve_all_asset_specs()` gives them.
        now: The present in UTC, without a time zone.
    """
    windows = {
        spec.key: cast(_Window, spec.freshness_policy).fail_window.to_timedelta()
        for spec in specs
        if spec.freshness_policy is not None
    }
    # Asked without keys Dagster answers with everything.
    records = instance.get_asset_records(list(windows)) if windows else []
    made = {
        record.asset_entry.asset_key: record.asset_entry.last_materialization for record in records
    }
    return [
        _judged(key.to_user_string(), _instant(made.get(key)), window, now)
        for key, window in sorted(windows.items())
    ]


def _judged(
    asset: str, last_updated_at: datetime | None, fresh_within: timedelta, now: datetime
) -> Freshness:
    if last_updated_at is None:
        state = "never"
    else:
        state = "fresh" if now - last_updated_at <= fresh_within else "stale"
    return Freshness(asset, last_updated_at, fresh_within, state)


def _instant(event: dg.EventLogEntry | None) -> datetime | None:
    return datetime.fromtimestamp(event.timestamp, UTC).replace(tzinfo=None) if event else None
