"""Every limit a check compares with, in one typed place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Limits of the checks.

    Attributes:
        sample_rows: Rows of the newest load that are validated by pandera itself.
        listed: How many offending rows a result lists.
        quarantine_min_rows: Fewer rejected rows than this do not fail a table by their share.
        snapshot_drop: Share of rows a snapshot may lose before the check fails.
        volume_deviations: Robust deviations from the same weekday's median that are unusual.
        volume_weeks: Weeks of history the median is taken over.
        volume_min_weeks: Fewer weeks than this are too few to judge.
        feed_fewest_rows: Rows a weekday usually has, for a day without any to be missing.
        anomaly_days: How many of the last days of business are looked at for anomalies.
        anomalies: How many anomalies of a subject in them are nothing to warn about.
    """

    sample_rows: int = 20_000
    listed: int = 20
    quarantine_min_rows: int = 10
    snapshot_drop: float = 0.5
    volume_deviations: float = 6.0
    volume_weeks: int = 12
    volume_min_weeks: int = 4
    feed_fewest_rows: int = 3
    anomaly_days: int = 7
    anomalies: int = 0


THRESHOLDS = Thresholds()
