"""Replaying history under the present rules and under the proposals."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from inventory_platform.planning.backtest import BacktestSettings, backtest
from inventory_platform.planning.demand import Demand
from inventory_platform.planning.frames import PlanningError
from inventory_platform.planning.policy import PolicySettings

MONDAY = date(2026, 1, 5)
NAN = float("nan")


def history(*units):
    names = [f"P{number}" for number in range(len(units))]
    keys = pl.DataFrame({"product": names, "location": ["L"] * len(units)})
    return Demand(keys, MONDAY, np.array(units, dtype=float), pl.Series([0] * len(units)))


def limits(*pairs):
    return pl.DataFrame(
        {
            "product": [f"P{number}" for number in range(len(pairs))],
            "location": ["L"] * len(pairs),
            "minimum": [low for low, _ in pairs],
            "maximum": [high for _, high in pairs],
        },
        schema_overrides={"minimum": pl.Int64, "maximum": pl.Int64},
    )


def terms(count=1, **columns):
    given = {
        "supplier": "S",
        "supplier_name": None,
        "is_preferred": True,
        "lead_time_days": 2,
        "lead_time_spread_days": 0.0,
        "unit_cost": 3.0,
        "min_order_quantity": 1,
        "pack_size": 1,
        "order_weekdays": None,
        "unlisted_orders": 0,
    } | columns
    rows = [{"product": f"P{number}"} | given for number in range(count)]
    overrides = {"order_weekdays": pl.List(pl.Int64), "unit_cost": pl.Float64}
    return pl.DataFrame(rows, schema_overrides=overrides)


def of_policy(result, policy):
    return result.series.filter(policy=policy).row(0, named=True)


DAILY = BacktestSettings(days=10, policy=PolicySettings(review_days=1))


def test_a_replay_reckoned_by_hand():
    # One a day; 4 on the shelf; at 1 order up to 4; delivery after two full days.
    # Stock in the evening: 3, 2, 1 (order 3), 0, 0 (lost); 2, 1 (order 3), 0, 0 (lost); 2.
    result = backtest(history([1] * 40), limits((1, 4)), terms(), DAILY)
    row = of_policy(result, "current")
    assert (row["demand"], row["served"], row["lost"]) == (10, 8, 2)
    assert (row["orders"], row["ordered"]) == (2, 6)
    assert (row["days"], row["days_out_of_stock"]) == (10, 2)
    assert (row["cycles"], row["cycles_out_of_stock"]) == (3, 2)
    assert row["average_stock"] == pytest.approx((3 + 2 + 1 + 0 + 0 + 2 + 1 + 0 + 0 + 2) / 10)
    assert row["average_value"] == pytest.approx(1.1 * 3)
    assert row["lost_value"] == pytest.approx(6)


def test_proposed_levels_serve_steady_demand_in_full():
    result = backtest(history([1] * 40), limits((1, 4)), terms(), DAILY)
    row = of_policy(result, "proposed")
    # The reorder point is 3 (two days of lead time, one of review), reached on the first evening.
    assert (row["lost"], row["orders"], row["cycles_out_of_stock"]) == (0, 10, 0)
    totals = {row["policy"]: row for row in result.totals.to_dicts()}
    assert totals["proposed"]["fill_rate"] == 1
    assert totals["current"]["fill_rate"] == pytest.approx(0.8)
    assert totals["current"]["cycle_service"] == pytest.approx(1 / 3)
    assert totals["current"]["in_stock_rate"] == pytest.approx(0.8)


def test_the_service_of_a_replay_stands_beside_the_one_that_was_aimed_at():
    # One a day at 3.00 and one at 0.10 a piece: AX and CX, of which the second takes twice as long.
    offers = pl.concat(
        [terms(), terms(unit_cost=0.1, lead_time_days=4).with_columns(product=pl.lit("P1"))]
    )
    result = backtest(history([1] * 40, [1] * 40), limits((1, 4), (1, 6)), offers, DAILY)
    for name in ("current", "proposed"):
        cycles = dict(result.series.filter(policy=name).select("product", "cycles").rows())
        assert cycles["P0"] != cycles["P1"]
        goal = (0.98 * cycles["P0"] + 0.95 * cycles["P1"]) / (cycles["P0"] + cycles["P1"])
        found = result.totals.filter(policy=name)["cycle_service_goal"].item()
        assert found == pytest.approx(goal)


def test_orders_go_out_only_on_the_suppliers_days_in_whole_packs():
    offers = terms(order_weekdays=[1], pack_size=6, min_order_quantity=5)
    result = backtest(history([1] * 38), limits((20, 21)), offers, DAILY)
    # The ten days begin on Monday: two Mondays, at 20 and at 21 - 8 + 6 = 19.
    assert of_policy(result, "current")["orders"] == 2
    assert of_policy(result, "current")["ordered"] == 12


def test_days_out_of_stock_are_replayed_with_the_demand_of_another_week():
    units = [2.0] * 40
    units[35:38] = [NAN] * 3
    result = backtest(history(units), limits((50, 60)), terms(), DAILY)
    assert of_policy(result, "current")["demand"] == 20


def test_what_cannot_be_replayed_is_named_with_its_reason():
    result = backtest(
        history([1] * 40, [1] * 40, [1] * 40, [NAN] * 40, [1] * 40),
        limits((1, 4), (None, 4), (-1, 4), (1, 4)),
        terms(5),
        DAILY,
    )
    assert result.series["product"].unique().to_list() == ["P0"]
    assert dict(result.left_out.select("product", "reason").rows()) == {
        "P1": "it has no minimum and maximum",
        "P2": "its minimum is negative or above its maximum",
        "P3": "no reorder point could be proposed at the beginning of the replay",
        "P4": "it has no minimum and maximum",
    }


def test_items_of_unknown_cost_are_replayed_and_left_out_of_the_values():
    offers = pl.concat([terms(), terms(unit_cost=None).with_columns(product=pl.lit("P1"))])
    result = backtest(history([1] * 40, [1] * 40), limits((1, 4), (1, 4)), offers, DAILY)
    row = result.totals.filter(policy="current").row(0, named=True)
    assert (row["series"], row["cost_coverage"]) == (2, 0.5)
    assert row["average_stock"] == pytest.approx(2.2)
    assert row["average_value"] == pytest.approx(3.3)


def test_no_series_leave_rates_unknown():
    result = backtest(history([1] * 40), limits((None, None)), terms(), DAILY)
    assert result.series.is_empty()
    assert result.totals.is_empty()


def test_a_replay_longer_than_history_is_refused():
    with pytest.raises(PlanningError, match="10 days cannot be replayed from a history of 10"):
        backtest(history([1] * 10), limits((1, 4)), terms(), DAILY)


def test_proposals_learn_only_from_what_was_known_by_then():
    # Demand jumps on the day of the second plan, which cannot know it.
    calm, busy = [1] * 74, [50] * 14
    settings = BacktestSettings(days=28, replan_days=14)
    result = backtest(history(calm + busy), limits((5, 9)), terms(lead_time_days=7), settings)
    row = of_policy(result, "proposed")
    # Up to 21 (14 days of lead time and review, and 7 more): four looks order at most 21 each.
    assert row["ordered"] <= 4 * 21
    assert row["lost"] > 0


def test_service_on_random_demand_reaches_the_level_that_was_aimed_at():
    dice = np.random.default_rng(2)
    smooth, rare = dice.poisson(8, (60, 400)), dice.poisson(0.2, (60, 400))
    settings = BacktestSettings(policy=PolicySettings(other_service_level=0.9, service_levels={}))
    result = backtest(
        history(*smooth, *rare),
        limits(*[(1, 150)] * 120),
        terms(120, lead_time_days=10, lead_time_spread_days=2.0),
        settings,
    )
    totals = {row["policy"]: row for row in result.totals.to_dicts()}
    assert totals["proposed"]["cycle_service"] >= 0.9
    assert totals["proposed"]["fill_rate"] >= 0.97
    assert totals["proposed"]["fill_rate"] > totals["current"]["fill_rate"]
