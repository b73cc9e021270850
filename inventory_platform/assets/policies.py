"""What holds for assets whatever they are made of: how long they are fresh, what is tried again.

Which assets must be fresh within how many hours is said elsewhere: by an area of marts in
`dbt_project.yml`, by a source in `sources.toml`. How old something is right now is worked out in
`operations/freshness.py`. Which failures may be over in a moment is known where they are raised
(`InventoryError.is_transient`).
"""

from __future__ import annotations

import random
from datetime import timedelta

import dagster as dg

from inventory_platform.errors import InventoryError
from inventory_platform.settings import Settings

_WARN_SHARE = 0.75
_JITTER = 0.25


def fresh_within(hours: float | None) -> dg.FreshnessPolicy | None:
    """The policy of an asset that must be made anew every so many hours.

    It warns from three quarters of that time on.

    Args:
        hours: Age from which on the asset is stale; None where nobody asks for an age.
    """
    if hours is None:
        return None
    window = timedelta(hours=hours)
    return dg.FreshnessPolicy.time_window(fail_window=window, warn_window=window * _WARN_SHARE)


def failed(
    error: InventoryError, settings: Settings, retries_so_far: int
) -> dg.Failure | dg.RetryRequested:
    """What a step raises for an error: a repeat in a while where that may help, else the end.

    Waits double each time and differ by up to a quarter, so that steps which failed together do
    not come back together.
    """
    if error.is_transient and retries_so_far < settings.retries:
        wait = settings.retry_seconds * 2**retries_so_far * random.uniform(1 - _JITTER, 1 + _JITTER)
        return dg.RetryRequested(max_retries=settings.retries, seconds_to_wait=wait)
    return dg.Failure(description=str(error), allow_retries=False)
