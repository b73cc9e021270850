"""Planning on the asset graph: demand, forecasts, stock policy, proposals, and how good they are.

The working out is pure functions in `planning/`; which rows they get is `planning_rows.py`. Here
is in which order they are called and where the results go: tables in the warehouse's schema
`planning`, replaced together, made after the facts and before the marts that show them. What
is forecast on a day is kept in the lake (`landing/snapshots.py`), so that it can be held
against what came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import dagster as dg
import duckdb
import polars as pl

from inventory_platform.assets.planning_rows import READ, read_rows
from inventory_platform.assets.raw import POOL
from inventory_platform.duck import literal, parquet
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.snapshots import Snapshots
from inventory_platform.planning.accuracy import scored
from inventory_platform.planning.backtest import BacktestSettings, backtest
from inventory_platform.planning.classes import classify
from inventory_platform.planning.demand import Demand, demand_series, without_spikes
from inventory_platform.planning.forecast import Forecasts, ForecastSettings, forecast
from inventory_platform.planning.frames import KEY
from inventory_platform.planning.policy import PolicySettings, stock_policy
from inventory_platform.planning.proposals import propose
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings
from inventory_platform.warehouse import Warehouse

DAYS_UNTIL_FINAL = 14
"""Days after a forecast's last day in which late data may still change what came."""

_FORECASTS = "forecasts"
_ACCURACY = "forecast_accuracy"

_SUMS = """
    cast(days as bigint) as days,
    cast(actual as double) as actual_units,
    cast(error as double) as error_units,
    cast(absolute_error as double) as absolute_error_units,
    cast(squared_error as double) as squared_error,
    cast(scaled_absolute_error as double) as scaled_absolute_error,
    cast(absolute_scaled_days as bigint) as absolute_scaled_days,
    cast(scaled_squared_error as double) as scaled_squared_error,
    cast(squared_scaled_days as bigint) as squared_scaled_days,
    cast(covered_days as bigint) as covered_days,
    cast(interval_days as bigint) as interval_days,
    cast(wape as double) as wape,
    cast(mase as double) as mase,
    cast(rmsse as double) as rmsse,
    cast(bias as double) as bias,
    cast(coverage as double) as coverage
"""

# Table → its columns, out of the frame of the same name.
_PLAN = {
    "demand_classes": """
        select
            product as product_id,
            location as location_id,
            demand_class,
            abc as abc_class,
            xyz as xyz_class,
            adi,
            cv2,
            weekly_cv,
            cast(annual_value as decimal(18, 2)) as annual_value,
            value_share
    """,
    "forecasts": """
        select
            product as product_id,
            location as location_id,
            date as forecast_date,
            as_of_date,
            demand_class,
            method,
            is_chosen,
            forecast as expected_units,
            lower as lower_units,
            upper as upper_units
    """,
    "forecast_choice": f"""
        select
            demand_class,
            method,
            is_chosen,
            cast(series as bigint) as series,
            {_SUMS},
            cast(skill as double) as skill,
            cast(coverage_goal as double) as coverage_goal,
            cast(stock_trials as bigint) as stock_trials,
            cast(served_trials as bigint) as served_trials,
            cast(stock_loss as double) as stock_loss,
            cast(service as double) as service,
            cast(service_goal as double) as service_goal
    """,
    "stock_policy": """
        select
            product as product_id,
            location as location_id,
            demand_class,
            abc as abc_class,
            xyz as xyz_class,
            supplier as supplier_id,
            service_level,
            method,
            daily_mean,
            daily_error,
            lead_time_days,
            lead_time_spread_days,
            cast(review_days as bigint) as review_days,
            basis,
            expected_demand,
            safety_stock,
            cast(reorder_point as bigint) as reorder_point,
            cast(lot as bigint) as lot,
            cast(order_up_to as bigint) as order_up_to,
            cast(min_order_quantity as bigint) as min_order_quantity,
            cast(pack_size as bigint) as pack_size,
            cast(on_hand as bigint) as on_hand,
            cast(reserved as bigint) as reserved,
            cast(on_order as bigint) as on_order,
            idle_days
    """,
    "reorder_proposals": """
        select
            product as product_id,
            location as location_id,
            as_of_date,
            decision,
            supplier as supplier_id,
            cast(quantity as bigint) as order_quantity,
            order_date,
            expected_date as expected_arrival_date,
            cast(unit_cost as decimal(18, 6)) as unit_cost,
            cast(order_value as decimal(18, 2)) as order_cost,
            cast(position as bigint) as position,
            days_of_cover,
            stockout_risk as stock_out_risk,
            reason
    """,
    "forecast_accuracy": f"""
        select
            as_of_date,
            cast(week_ahead as bigint) as week_ahead,
            demand_class,
            method,
            is_chosen,
            scored_until as scored_until_date,
            {_SUMS}
    """,
}
_REPLAY = {
    "backtest": """
        select
            product as product_id,
            location as location_id,
            policy,
            days,
            days_out_of_stock,
            demand as demand_units,
            served as served_units,
            lost as lost_units,
            cycles,
            cycles_out_of_stock,
            orders,
            ordered as ordered_units,
            average_stock as average_stock_units,
            cast(average_value as decimal(18, 2)) as average_stock_value,
            cast(lost_value as decimal(18, 2)) as lost_value
    """,
    "backtest_totals": """
        select
            policy,
            first_date,
            last_date,
            series,
            cast(left_out_series as bigint) as left_out_series,
            days,
            days_out_of_stock,
            demand as demand_units,
            served as served_units,
            lost as lost_units,
            cycles,
            cycles_out_of_stock,
            orders,
            ordered as ordered_units,
            average_stock as average_stock_units,
            cast(average_value as decimal(18, 2)) as average_stock_value,
            cast(lost_value as decimal(18, 2)) as lost_value,
            fill_rate,
            cycle_service,
            cycle_service_goal,
            in_stock_rate,
            cost_coverage
    """,
    "backtest_left_out": """
        select product as product_id, location as location_id, reason
    """,
}
MADE_OF_PLANS = tuple(f"source:planning.{name}+" for name in (*_PLAN, *_REPLAY))
"""The models made of what is planned here, as dbt selects them."""

_DESCRIPTIONS = {
    "demand_classes": "How demand comes (ADI, CV²), what it is worth (ABC), how steady (XYZ).",
    "forecasts": "What is expected of each product, location and day, with the baselines.",
    "forecast_choice": "For each class of demand the errors of every method and which was chosen.",
    "stock_policy": "When to order and up to where, with what it was computed from.",
    "reorder_proposals": "What to order, how much, when, from whom, at what cost, and why.",
    "forecast_accuracy": "What was forecast on earlier days, held against what came.",
    "backtest": "History replayed under the present rule and the proposals, for each series.",
    "backtest_totals": "History replayed under the present rule and the proposals, in all.",
    "backtest_left_out": "What could not be replayed, with the reason.",
}


@dataclass(frozen=True)
class PlanningSettings:
    """How the business plans; money in the base currency.

    Attributes:
        forecasting: How to forecast.
        policy: How to keep stock.
        replay_days: Days of history to replay; fewer if half the history is shorter.
    """

    forecasting: ForecastSettings = field(default_factory=ForecastSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    replay_days: int = 26 * 7


def build_planning_assets(registry: Registry) -> list[dg.AssetsDefinition]:
    """The plan and the replay of history, one step each."""
    settings = registry.settings

    @dg.multi_asset(name="plan", specs=_specs(_PLAN), pool=POOL)
    def plan(warehouse: dg.ResourceParam[Warehouse]) -> Iterator[dg.MaterializeResult[None]]:
        with warehouse.connect() as con:
            counts = replace_plan(con, settings)
        yield from _results(counts)

    @dg.multi_asset(name="replay", specs=_specs(_REPLAY), pool=POOL)
    def replay(warehouse: dg.ResourceParam[Warehouse]) -> Iterator[dg.MaterializeResult[None]]:
        with warehouse.connect() as con:
            counts = replace_backtest(con)
        yield from _results(counts)

    return [plan, replay]


def replace_plan(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    planning: PlanningSettings | None = None,
    is_past: bool = False,
) -> dict[str, int]:
    """Plan anew from the finished facts, and keep what was forecast.

    Args:
        con: The warehouse.
        settings: Where the lake is.
        planning: How to plan.
        is_past: Whether the warehouse shows an earlier state; then nothing is kept.

    Returns:
        Table → rows.
    """
    planning = planning or PlanningSettings()
    rows = read_rows(con)
    demand = demand_series(rows.daily)
    usual = without_spikes(demand)
    classes = classify(usual, rows.values)
    forecasts = forecast(usual, classes, planning.forecasting)
    policy = stock_policy(usual, forecasts, classes, rows.terms, rows.stock, planning.policy)
    proposals = propose(policy, rows.as_of, rows.excluded)
    as_of = pl.lit(rows.as_of).alias("as_of_date")
    expected = _expected(forecasts).with_columns(as_of)
    lake = Lake.of(settings)
    if len(expected) and not is_past:
        Snapshots(lake, _FORECASTS).keep(rows.as_of, expected)
    settled = timedelta(planning.forecasting.horizon + DAYS_UNTIL_FINAL)
    accuracy, new = _accuracy(lake, expected, demand, rows.as_of, settled)
    if not is_past:
        for day, of_day in new.items():
            Snapshots(lake, _ACCURACY).keep(day, of_day)
    frames = {
        "demand_classes": classes,
        "forecasts": expected,
        "forecast_choice": _choice(forecasts, planning.forecasting),
        "stock_policy": policy,
        "reorder_proposals": proposals.with_columns(as_of),
        "forecast_accuracy": accuracy,
    }
    counts = _replace(con, _PLAN, frames)
    _show_history(con, Snapshots(lake, _FORECASTS), rows.as_of)
    return counts


def replace_backtest(
    con: duckdb.DuckDBPyConnection, *, planning: PlanningSettings | None = None
) -> dict[str, int]:
    """Replay history anew from the finished facts.

    Args:
        con: The warehouse.
        planning: How to plan.

    Returns:
        Table → rows.
    """
    planning = planning or PlanningSettings()
    rows = read_rows(con)
    demand = demand_series(rows.daily)
    # As much is learnt from as is replayed, where history is short.
    days = min(planning.replay_days, demand.days // 2)
    replay = BacktestSettings(days=days, forecasting=planning.forecasting, policy=planning.policy)
    result = backtest(demand, rows.limits, rows.terms, replay)
    frames = {
        "backtest": result.series,
        "backtest_totals": result.totals.with_columns(
            first_date=pl.lit(rows.as_of - timedelta(max(days - 1, 0))),
            last_date=pl.lit(rows.as_of),
            left_out_series=pl.lit(len(result.left_out)),
        ),
        "backtest_left_out": result.left_out,
    }
    return _replace(con, _REPLAY, frames)


def _show_history(con: duckdb.DuckDBPyConnection, kept: Snapshots, as_of: date) -> None:
    """Show all forecasts that were kept until a day as `planning.forecast_history`."""
    if kept.days():
        con.execute(f"""
            create or replace view planning.forecast_history as
            {_PLAN["forecasts"]}
            from {parquet(kept.pattern)}
            where as_of_date <= {literal(as_of.isoformat())}
        """)


def _expected(forecasts: Forecasts) -> pl.DataFrame:
    """The forecasts with all that scoring them later needs."""
    series = forecasts.series.select(*KEY, "demand_class", "mase_scale", "rmsse_scale")
    return forecasts.daily.join(series, on=KEY, how="left", maintain_order="left")


def _choice(forecasts: Forecasts, goals: ForecastSettings) -> pl.DataFrame:
    """The errors of every method in every class, and which was chosen."""
    chosen = forecasts.choice.select("demand_class", pl.col("method").alias("chosen"))
    return forecasts.by_class.join(
        chosen, on="demand_class", how="left", maintain_order="left"
    ).with_columns(
        is_chosen=pl.col("method") == pl.col("chosen"),
        coverage_goal=pl.lit(goals.coverage),
        service_goal=pl.lit(goals.service_level),
    )


def _accuracy(
    lake: Lake, expected: pl.DataFrame, demand: Demand, as_of: date, settled: timedelta
) -> tuple[pl.DataFrame, dict[date, pl.DataFrame]]:
    """Every forecast that was kept until `as_of`, held against what came.

    A day's accuracy is worked out anew until its last forecast is `settled` days old.

    Returns:
        The accuracy of all days, and those of them that are new.
    """
    forecasts, accuracy = Snapshots(lake, _FORECASTS), Snapshots(lake, _ACCURACY)
    kept = set(accuracy.days())
    nothing = scored(expected.clear(), demand).with_columns(scored_until=pl.lit(as_of))
    found, new = [nothing], {}
    for day in (day for day in forecasts.days() if day <= as_of):
        if day in kept:
            of_day = accuracy.read(day)
            if len(of_day.filter(pl.col("scored_until").is_between(day + settled, as_of))):
                found.append(of_day)
                continue
        of_day = scored(forecasts.read(day), demand).with_columns(scored_until=pl.lit(as_of))
        if len(of_day):
            new[day] = of_day
            found.append(of_day)
    return pl.concat(found), new


def _replace(
    con: duckdb.DuckDBPyConnection, tables: Mapping[str, str], frames: Mapping[str, pl.DataFrame]
) -> dict[str, int]:
    """Put the frames in place of the tables, all at once."""
    con.execute("create schema if not exists planning")
    con.begin()
    for name, select in tables.items():
        con.register("planned", frames[name].to_arrow())
        con.execute(f"create or replace table planning.{name} as {select} from planned")
        con.unregister("planned")
    con.commit()
    return {name: len(frames[name]) for name in tables}


def _specs(tables: Mapping[str, str]) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            ["planning", name],
            deps=[dg.AssetKey(list(relation)) for relation in READ],
            description=_DESCRIPTIONS[name],
            group_name="planning",
            kinds={"polars", "duckdb"},
            owners=["team:purchasing"],
            metadata={"dagster/relation_identifier": f"planning.{name}"},
        )
        for name in tables
    ]


def _results(counts: Mapping[str, int]) -> Iterator[dg.MaterializeResult[None]]:
    for name, rows in counts.items():
        yield dg.MaterializeResult(
            asset_key=["planning", name], metadata={"dagster/row_count": rows}
        )
