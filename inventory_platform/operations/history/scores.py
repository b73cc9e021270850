"""Quality scores of every table and day: how much of what could be judged was good.

Five shares, each with what it is made of beside it, so that anybody can check the sum; formulas
are told in `docs/health.md`.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from inventory_platform.duck import literal

DIMENSIONS = ("completeness", "uniqueness", "validity", "consistency", "timeliness")

_REASONS = """case reason_code
    when 'missing_value' then 'completeness' when 'duplicate_key' then 'uniqueness'
    else 'validity' end"""

# Anomalies are about the business, not about the data. What `contract` and `quarantine_rate`
# say of a raw table is counted row by row already.
_CHECKS = """case
    when check_name like '%\\_anomalies' escape '\\' then null
    when asset like 'raw/%' and check_name in ('contract', 'quarantine_rate') then null
    when asset like 'raw/%' then 'consistency'
    when regexp_matches(check_name, '^(not_null|no_gaps)') or check_name = 'late_data'
        then 'completeness'
    when regexp_matches(check_name, '^(unique|primary_key)') then 'uniqueness'
    when regexp_matches(check_name, '^(accepted_values|expression_is_true)') then 'validity'
    else 'consistency' end"""


def create_scores(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Make `ops.quality_scores` of the history's other tables in the same connection.

    Args:
        con: Sees `ops.load_history`, `ops.rejects` (load and reason of every rejected row),
            `ops.checks`, `ops.materializations` and `ops.freshness`.
        now: The present, naive UTC; the day that is not over counts up to here.
    """
    shares = ", ".join(_share(name) for name in DIMENSIONS)
    counts = ", ".join(f"{name}_good, {name}_all" for name in DIMENSIONS)
    measured = " + ".join(f"if({name} is null, 0, 1)" for name in DIMENSIONS)
    total = " + ".join(f"coalesce({name}, 0)" for name in DIMENSIONS)
    con.execute(
        f"""create or replace table ops.quality_scores as
        with parts as (
            {_rows_sql()} union all {_checks_sql()} union all {_timeliness_sql(now)}
        ),
        shares as (select relation, score_date, {shares} from parts group by all)
        select relation, cast(score_date as date) as score_date, {", ".join(DIMENSIONS)},
            ({total}) / nullif({measured}, 0) as score, {counts}
        from shares order by relation, score_date"""
    )


def _share(name: str) -> str:
    is_it = f"filter (dimension = '{name}')"
    return (
        f"sum(good) {is_it} as {name}_good, sum(judged) {is_it} as {name}_all, "
        f"{name}_good / nullif({name}_all, 0) as {name}"
    )


def _rows_sql() -> str:
    """Of the rows that newly arrived in a raw table on a day, those that were not rejected."""
    return f"""select relation, score_date, dimension, arrived - coalesce(rejected, 0) as good,
            arrived as judged
        from (
            select 'raw.' || source || '__' || table_name as relation,
                cast(committed_at as date) as score_date,
                cast(sum(rows_loaded + rows_quarantined) as double) as arrived
            from ops.load_history where kind <> 'replay' group by all
        )
        cross join (select unnest(['completeness', 'uniqueness', 'validity']) as dimension)
        left join (
            select 'raw.' || l.source || '__' || l.table_name as relation,
                cast(l.committed_at as date) as score_date, {_REASONS} as dimension,
                count(*) as rejected
            from ops.rejects r
            join ops.load_history l using (source, table_name, load_id)
            where l.kind <> 'replay' group by all
        ) using (relation, score_date, dimension)
        where arrived > 0"""


def _checks_sql() -> str:
    """Of the checks of a table that ran on a day, those that passed the last time they did."""
    return f"""select relation, score_date, dimension,
            cast(count(*) filter (passed) as double) as good, cast(count(*) as double) as judged
        from (
            select replace(asset, '/', '.') as relation, cast(evaluated_at as date) as score_date,
                {_CHECKS} as dimension, check_name, arg_max(passed, evaluated_at) as passed
            from ops.checks group by all
        )
        where dimension is not null group by all"""


def _timeliness_sql(now: datetime) -> str:
    """Of the hours of a day since a table was first made, those in which it was fresh."""
    present = f"cast({literal(now.isoformat(sep=' '))} as timestamp)"
    return f"""select replace(asset, '/', '.') as relation, cast(day as date) as score_date,
            'timeliness' as dimension,
            cast(sum(greatest(0, epoch(least(fresh_until, ended_at))
                - epoch(greatest(made_at, day)))) as double) / 3600 as good,
            cast(max(epoch(ended_at) - epoch(greatest(first_at, day))) as double) / 3600 as judged
        from (
            select asset, made_at, min(made_at) over (partition by asset) as first_at,
                least(
                    made_at + to_microseconds(cast(fresh_within_hours * 3600000000 as bigint)),
                    lead(made_at, 1, {present}) over (partition by asset order by made_at)
                ) as fresh_until
            from (
                select asset, materialized_at as made_at from ops.materializations
                where asset not like 'raw/%'
                union
                select 'raw/' || source || '__' || table_name, committed_at from ops.load_history
            ) join ops.freshness using (asset)
        )
        join (
            select day, least(day + interval 1 day, {present}) as ended_at
            from unnest(generate_series(
                (select date_trunc('day', least(
                    (select min(materialized_at) from ops.materializations),
                    (select min(committed_at) from ops.load_history)))),
                date_trunc('day', {present}), interval 1 day)) as days(day)
        ) on first_at < ended_at
        group by all"""
