"""What holds for assets whatever they are made of: how long they count as fresh.

Who says how long is elsewhere: an area of marts in `dbt_project.yml`, a source in `sources.toml`.
How old something is right now is worked out in `operations/freshness.py`.
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

_WARN_SHARE = 0.75


def fresh_within(hours: float | None) -> dg.FreshnessPolicy | None:
    """The policy of an asset that must be made anew every so many hours; it warns a quarter before.

    Args:
        hours: Age from which on the asset is stale; None where nobody asks for an age.
    """
    if hours is None:
        return None
    window = timedelta(hours=hours)
    return dg.FreshnessPolicy.time_window(fail_window=window, warn_window=window * _WARN_SHARE)
