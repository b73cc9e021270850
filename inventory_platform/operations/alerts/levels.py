"""What is wrong by its present state: stale data, quarantine, stock, disk space.

Each look says everything that is wrong at the moment; what was wrong before and is not said
again is over. Nothing here opens the warehouse.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import dagster as dg

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import parquet
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.object_storage import StoragePath
from inventory_platform.operations.alerts.config import DiskLimits, QuarantineLimits
from inventory_platform.operations.alerts.model import Cause, Kind, Observation, Severity
from inventory_platform.operations.freshness import Freshness, freshness
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings

_LISTED = 20
_GIGABYTE = 1e9
_ANOMALY_DAYS = 7
_STOCK_MARTS = {"fct_anomalies", "fct_stock_daily"}
_WORST_FIRST = {"high": 1, "medium": 2, "low": 3}


@dataclass(frozen=True)
class Level:
    """What is wrong with one kind of thing at the moment.

    Attributes:
        kind: The kind.
        bad: What is wrong.
    """

    kind: Kind
    bad: list[Observation] = field(default_factory=list)

    def observations(self, known: Iterable[Cause]) -> Iterator[Observation]:
        """What is wrong, and of the causes known until now which are over."""
        yield from self.bad
        still = {observation.cause.subject for observation in self.bad}
        for cause in known:
            if cause.kind == self.kind and cause.subject not in still:
                over = Cause(kind=cause.kind, subject=cause.subject)
                yield Observation(cause=over, is_bad=False)


def stale_data(
    instance: dg.DagsterInstance, specs: Iterable[dg.AssetSpec], now: datetime, pages: str
) -> Level:
    """Assets that are older than their freshness policy allows, by group.

    What was never made is left out: a new platform has not failed at anything yet, and a source
    that cannot be read is told as the failed step it is.
    """
    specs = list(specs)
    group_of = {spec.key.to_user_string(): spec.group_name or "default" for spec in specs}
    groups: dict[str, list[Freshness]] = {}
    for found in freshness(instance, specs, now):
        if found.state == "stale":
            groups.setdefault(group_of[found.asset], []).append(found)
    return Level(Kind.stale, [_stale(name, groups[name], now, pages) for name in sorted(groups)])


def _stale(group: str, stale: list[Freshness], now: datetime, pages: str) -> Observation:
    lines = [
        f"{one.asset}: made {_hours(now - one.last_updated_at)} ago, "
        f"should be within {_hours(one.fresh_within)}"
        for one in stale
        if one.last_updated_at is not None
    ]
    return Observation(
        cause=Cause(kind=Kind.stale, subject=group, reason="stale"),
        is_bad=True,
        severity=Severity.warning,
        title=f"Stale: {len(stale)} of {group}",
        text=_listing(lines) + "\n\nLook whether the schedules run and whether runs failed; "
        "`inventory run` brings everything up to date.",
        link=f"{pages}/assets/{stale[0].asset}",
        items=tuple(one.asset for one in stale),
    )


def quarantine_rate(
    lake: Lake, contracts: Mapping[str, TableContract], limits: QuarantineLimits, pages: str
) -> Level:
    """Tables whose newest load with rows had too many of them rejected."""
    found = Level(Kind.quarantine)
    for relation, contract in contracts.items():
        record = _newest_with_rows(lake, contract)
        if record is None:
            continue
        share = record.rows_quarantined / record.rows_read
        if record.rows_quarantined >= limits.rows and share > limits.share:
            found.bad.append(_rejected(relation, record, share, limits, pages))
    return found


def _newest_with_rows(lake: Lake, contract: TableContract) -> LoadRecord | None:
    """The newest load that read something; a load that finds nothing new says nothing."""
    for load_id in reversed(lake.load_ids(contract)):
        record = lake.record(contract, load_id)
        if record.rows_read and record.kind != "replay":
            return record
    return None


def _rejected(
    relation: str, record: LoadRecord, share: float, limits: QuarantineLimits, pages: str
) -> Observation:
    return Observation(
        cause=Cause(kind=Kind.quarantine, subject=relation, reason="rate"),
        is_bad=True,
        severity=Severity.warning,
        title=f"{share:.1%} of the rows of {relation} were rejected",
        text=f"Load {record.load_id} read {record.rows_read:,} rows and put "
        f"{record.rows_quarantined:,} into quarantine; told above {limits.share:.1%}.\n\n"
        f"`inventory quarantine show {relation}` says why. Mend the source, or the contract and "
        f"then `inventory quarantine replay {relation}`.",
        link=f"{pages}/assets/raw/{relation}",
    )


def unusual_stock(settings: Settings, pages: str) -> Level | None:
    """What the published marts found unusual about stock lately, by rule; None without them."""
    published = current_publication(settings.published_dir)
    if published is None or not published[1].rows.keys() >= _STOCK_MARTS:
        return None
    by_rule: dict[str, list[tuple[str, str, str]]] = {}
    for rule, product, location, severity, reason in _stock_anomalies(settings, published[0]):
        item = " at ".join(part for part in (product, location) if part)
        by_rule.setdefault(rule, []).append((severity, item, reason))
    return Level(Kind.stock, [_unusual(rule, by_rule[rule], pages) for rule in sorted(by_rule)])


# A published version never changes, and each look asks.
@lru_cache(maxsize=1)
def _stock_anomalies(settings: Settings, version: StoragePath) -> list[tuple[Any, ...]]:
    anomalies = parquet(version / "fct_anomalies.parquet")
    days = parquet(version / "fct_stock_daily.parquet")
    with duck.connect(settings) as con:
        return con.execute(
            "select rule, product_id, location_id, severity, reason "
            f"from {anomalies} where subject = 'stock' and detected_for_date > "
            f"(select max(stock_date) - {_ANOMALY_DAYS} from {days}) "
            "order by rule, detected_for_date desc, product_id, location_id"
        ).fetchall()


def _unusual(rule: str, found: list[tuple[str, str, str]], pages: str) -> Observation:
    worst_first = sorted(found, key=lambda one: _WORST_FIRST.get(one[0], len(_WORST_FIRST)))
    is_grave = worst_first[0][0] == "high"
    return Observation(
        cause=Cause(kind=Kind.stock, subject=rule, reason="anomaly"),
        is_bad=True,
        severity=Severity.warning if is_grave else Severity.info,
        title=f"Stock: {rule.replace('_', ' ')}, {len(found)} in the last {_ANOMALY_DAYS} days",
        text=_listing([reason for _, _, reason in worst_first])
        + "\n\nCount these places, or correct the bookings. All of them: `inventory query "
        f"\"from marts.fct_anomalies where rule = '{rule}'\"`.",
        link=f"{pages}/assets/marts/fct_anomalies",
        items=tuple(sorted({item for _, item, _ in found})),
    )


def disk_space(settings: Settings, limits: DiskLimits) -> Level:
    """Whether the disk with the data is about to be full."""
    usage = shutil.disk_usage(settings.data_dir)
    free = usage.free / _GIGABYTE
    if free >= limits.free_gb:
        return Level(Kind.disk)
    is_urgent = free < limits.free_gb / 5
    return Level(
        Kind.disk,
        [
            Observation(
                cause=Cause(
                    kind=Kind.disk, subject="data folder", reason="full" if is_urgent else "low"
                ),
                is_bad=True,
                severity=Severity.critical if is_urgent else Severity.error,
                title=f"{free:.1f} GB free where the data is",
                text=f"{settings.data_dir} is on a disk of {usage.total / _GIGABYTE:.0f} GB; told "
                f"below {limits.free_gb:g} GB.\n\nFree space before it is full: a load that finds "
                "no space fails, and so does writing this state. Nothing is lost by that.",
            )
        ],
    )


def unwatched(what: str, error: Exception) -> Observation:
    """That one kind of cause could not be judged, which is a cause of its own."""
    return Observation(
        cause=Cause(kind=Kind.watch, subject=what, reason=type(error).__name__),
        is_bad=True,
        severity=Severity.error,
        title=f"Alerts cannot judge: {what}",
        text=f"{error}\n\nOther causes are watched as before.",
    )


def _listing(lines: list[str]) -> str:
    shown = [f"- {line}" for line in lines[:_LISTED]]
    if len(lines) > _LISTED:
        shown.append(f"- and {len(lines) - _LISTED} more")
    return "\n".join(shown)


def _hours(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 3600:.1f} h"
