"""The checks on the anomalies' mart: what is recent, what is listed, and that they only warn.

What the rules find is tested beside them, in dbt's unit tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import duckdb
import pytest

from asset_checks import anomalies
from asset_checks.anomalies import check_recent_anomalies
from asset_checks.assemble import to_result
from asset_checks.base import Verdict


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse whose last day of business is 10 March, with an old and two new anomalies."""
    with duckdb.connect() as con:
        con.execute("create schema marts")
        con.execute("create schema transformed")
        con.execute(
            "create table transformed.business_days as "
            "select cast(unnest(range(date '2026-01-01', date '2026-03-11', interval 1 day)) "
            "as date) as date_day"
        )
        con.execute(
            "create table marts.fct_anomalies as select * from (values "
            "(date '2026-03-03', 'stock', 'high', 'negative_stock', 'too old', 't', 'r1'), "
            "(date '2026-03-10', 'stock', 'medium', 'phantom_stock', 'does not sell', 't', 'r2'), "
            "(date '2026-03-04', 'stock', 'high', 'negative_stock', 'below zero', 't', 'r3')) "
            "found(detected_for_date, subject, severity, rule, reason, linked_table, linked_rows)"
        )
        yield con


def listed(verdict: Verdict) -> str:
    """The Markdown table a verdict shows."""
    value = verdict.metadata["anomalies"]
    assert isinstance(value, dg.MarkdownMetadataValue)
    return value.md_str or ""


def test_anomalies_of_the_last_seven_days_warn(con: duckdb.DuckDBPyConnection) -> None:
    verdict = check_recent_anomalies(con, "stock")
    assert not verdict.passed
    assert verdict.warn
    assert verdict.summary == "2 in the last 7 days: 1 negative_stock, 1 phantom_stock."
    assert verdict.metadata["found"] == 2


def test_the_gravest_are_listed_first_and_the_old_not_at_all(
    con: duckdb.DuckDBPyConnection,
) -> None:
    table = listed(check_recent_anomalies(con, "stock"))
    assert table.index("below zero") < table.index("does not sell")
    assert "too old" not in table


def test_a_subject_without_recent_anomalies_passes(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into marts.fct_anomalies select date '2026-03-03', 'cost', 'high', "
                "'cost_jump', 'long ago', 't', 'r4'")  # fmt: skip
    verdict = check_recent_anomalies(con, "cost")
    assert verdict.passed
    assert verdict.metadata == {"found": 0}


def test_a_price_seen_after_the_last_day_of_business_is_recent(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute("insert into marts.fct_anomalies select date '2026-04-01', 'price', 'medium', "
                "'price_jump', 'doubled', 't', 'r5'")  # fmt: skip
    assert "doubled" in listed(check_recent_anomalies(con, "price"))


def test_every_subject_has_a_check_that_stops_nothing(con: duckdb.DuckDBPyConnection) -> None:
    rules = list(anomalies.rules())
    assert [rule.name for rule in rules] == [
        "volume_anomalies",
        "stock_anomalies",
        "price_anomalies",
        "cost_anomalies",
    ]
    for rule in rules:
        assert not rule.blocking
        result = to_result(rule, rule.evaluate(con))
        assert result.passed == (rule.name != "stock_anomalies")
    assert to_result(rules[1], rules[1].evaluate(con)).severity == dg.AssetCheckSeverity.WARN
