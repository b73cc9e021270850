"""Demand series and their classes."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from inventory_platform.planning.classes import Cutoffs, classify
from inventory_platform.planning.demand import (
    Demand,
    completed,
    demand_series,
    without_spikes,
)
from inventory_platform.planning.frames import PlanningError

MONDAY = date(2026, 6, 1)
NAN = float("nan")


def daily(*rows):
    """Rows of (product, day number, units, was out of stock) at one location."""
    return pl.DataFrame(
        [(p, "L", MONDAY + timedelta(day), units, out) for p, day, units, out in rows],
        schema={
            "product": pl.String,
            "location": pl.String,
            "date": pl.Date,
            "units_sold": pl.Int64,
            "was_out_of_stock": pl.Boolean,
        },
        orient="row",
    )


def series(*units, names=None):
    """Demand of series given as lists, NaN for unknown; shorter ones began later."""
    names = names or [f"P{number}" for number in range(len(units))]
    longest = max(map(len, units))
    units = [[NAN] * (longest - len(one)) + list(one) for one in units]
    return Demand(
        pl.DataFrame({"product": names, "location": ["L"] * len(units)}),
        MONDAY,
        np.array(units, dtype=float),
        pl.Series([0] * len(units)),
    )


def units_of(demand):
    return [[None if np.isnan(value) else value for value in row] for row in demand.units]


def test_a_day_out_of_stock_is_unknown_and_not_zero():
    demand = demand_series(daily(("P", 0, 3, False), ("P", 1, 0, True), ("P", 2, 1, False)))
    assert units_of(demand) == [[3, None, 1]]


def test_a_day_that_sold_out_keeps_what_it_sold():
    demand = demand_series(daily(("P", 0, 0, False), ("P", 1, 2, True)))
    assert units_of(demand) == [[0, 2]]


def test_a_day_without_a_row_is_a_day_without_sales_and_counted():
    demand = demand_series(daily(("P", 0, 3, False), ("P", 3, 1, False), ("Q", 2, 1, False)))
    assert units_of(demand) == [[3, 0, 0, 1], [None, None, 1, 0]]
    assert demand.unrecorded_days.to_list() == [2, 1]


def test_returns_are_no_demand_and_unknown_units_stay_unknown():
    demand = demand_series(
        daily(("P", 0, -2, False), ("P", 1, None, False), ("P", 2, 4, None), ("P", 2, 1, False))
    )
    assert units_of(demand) == [[0, None, 5]]


def test_rows_of_no_product_are_left_out():
    demand = demand_series(daily(("P", 0, 3, False), (None, 0, 9, False)))
    assert units_of(demand) == [[3]]
    assert demand.keys["product"].to_list() == ["P"]


def test_demand_as_rows_names_every_day():
    rows = demand_series(daily(("P", 0, 3, False), ("P", 1, 0, True))).frame()
    assert rows.rows() == [
        ("P", "L", MONDAY, 3.0),
        ("P", "L", MONDAY + timedelta(1), None),
    ]


def test_no_rows_give_no_series():
    demand = demand_series(daily())
    assert demand.keys.is_empty()
    assert classify(demand).is_empty()


def test_a_frame_without_a_needed_column_is_refused_by_name():
    with pytest.raises(PlanningError, match="no column was_out_of_stock"):
        demand_series(daily().drop("was_out_of_stock"))


def test_a_placeholder_date_is_refused_instead_of_a_series_of_centuries():
    rows = daily(("P", 0, 1, False)).vstack(
        daily(("Q", 0, 1, False)).with_columns(date=pl.lit(date(1, 1, 1)))
    )
    with pytest.raises(PlanningError, match="reaches from 0001-01-01 to 2026-06-01"):
        demand_series(rows)


def test_one_extraordinary_day_is_capped_at_ten_usual_ones():
    usual = [2, 0, 2, 2, 2, 2, 2, 2, NAN, 1000]
    assert units_of(without_spikes(series(usual))) == [[2, 0, 2, 2, 2, 2, 2, 2, None, 20]]


def test_too_few_sales_have_no_usual_size_and_are_not_capped():
    assert units_of(without_spikes(series([1, 1, 1, 0, 1000]))) == [[1, 1, 1, 0, 1000]]


def test_replaying_fills_a_day_from_the_same_weekday_of_the_nearest_earlier_week():
    week = [1, 2, 3, 4, 5, 6, 7]
    demand = series([NAN, *week[1:], 8, NAN, 10])
    assert units_of(completed(demand)) == [[8, 2, 3, 4, 5, 6, 7, 8, 2, 10]]


def test_demand_classes_follow_interval_and_variation():
    smooth = [4, 5, 4, 5, 4, 5, 4, 5] * 2
    erratic = [1, 1, 1, 1, 1, 1, 1, 20] * 2
    intermittent = [0, 2, 0, 2, 0, 2, 0, 2] * 2
    lumpy = [0, 1, 0, 0, 0, 20, 0, 1] * 2
    nothing = [0] * 16
    found = classify(series(smooth, erratic, intermittent, lumpy, nothing))
    assert found["demand_class"].to_list() == [
        "smooth",
        "erratic",
        "intermittent",
        "lumpy",
        "no demand",
    ]
    assert found["adi"].to_list() == [1, 1, 2, pytest.approx(8 / 3), None]
    # Sizes 1, 20, 1: mean 22/3, population variance 722/9, so CV² = 722/484.
    assert found["cv2"][3] == pytest.approx(722 / 484)


def test_unknown_days_do_not_lengthen_the_interval_between_demands():
    found = classify(series([2, NAN] * 14))
    assert found.select("adi", "demand_class").row(0) == (1.0, "smooth")


def test_what_sold_on_too_few_days_is_not_classified_unless_it_has_long_been_rare():
    once, twice = [0] * 13 + [5], [0] * 12 + [5, 5]
    found = classify(
        series(
            [1] * 13,  # not every weekday twice yet
            [1] * 14,
            [NAN] * 90 + once,
            [NAN] * 90 + twice,
            [NAN] * 90 + [1, *twice],
            [0] * 77 + once,  # one sale in 91 days: known to be rare
            [0] * 76 + once,
            [0] * 5,
            [NAN] * 5,
        )
    )
    assert found["demand_class"].to_list() == [
        "too new",
        "smooth",
        "too new",
        "too new",
        "intermittent",
        "intermittent",
        "too new",
        "no demand",
        "no demand",
    ]
    assert found["known_days"].to_list() == [13, 14, 14, 14, 15, 91, 90, 5, 0]
    assert found["demand_days"].to_list() == [13, 14, 1, 2, 3, 1, 1, 0, 0]


def test_the_sales_of_a_first_day_take_no_share_of_the_years_value():
    values = pl.DataFrame({"product": ["P0", "P1"], "unit_value": [1.0, 1.0]})
    # Five units on the only known day are no 1,825 a year.
    found = classify(series([NAN] * 13 + [5], [1] * 14), values)
    assert found["abc"].to_list() == ["unclassified", "A"]
    assert found["value_share"].to_list() == [None, 1.0]


def test_the_item_that_crosses_eighty_percent_is_an_a_item():
    demand = series([5] * 14, [3] * 14, [1] * 14, [1] * 14)
    values = pl.DataFrame({"product": ["P0", "P1", "P2", "P3"], "unit_value": [10, 10, 15, 5]})
    # Shares: 50, 30, 15, 5 of 100: the second reaches 80 %, the third 95 %.
    found = classify(demand, values)
    assert found["abc"].to_list() == ["A", "A", "B", "C"]
    assert found["value_share"].to_list() == pytest.approx([0.5, 0.8, 0.95, 1.0])
    assert found["annual_value"][0] == pytest.approx(5 * 365 * 10)
    crossing = classify(demand, values, Cutoffs(a_share=0.79, b_share=0.9))
    assert crossing["abc"].to_list() == ["A", "A", "B", "C"]


def test_an_item_of_unknown_value_has_no_abc_class_and_takes_no_share():
    values = pl.DataFrame({"product": ["P0"], "unit_value": [2.0]})
    found = classify(series([1] * 14, [100] * 14), values)
    assert found["abc"].to_list() == ["A", "unclassified"]
    assert found["value_share"].to_list() == [1.0, None]


def test_without_any_value_nothing_is_classified():
    values = pl.DataFrame({"product": ["P0"], "unit_value": [0.0]})
    found = classify(series([1] * 14), values)
    assert found.select("abc", "value_share").row(0) == ("unclassified", None)


def test_one_value_for_each_product_or_none():
    values = pl.DataFrame({"product": ["P0", "P0"], "unit_value": [1, 2]})
    with pytest.raises(PlanningError, match="2 rows with a repeated key, such as P0"):
        classify(series([1]), values)


def test_xyz_is_the_variation_of_weekly_demand_with_empty_weeks():
    weekly = [[7, 7, 7, 7], [0, 7, 7, 14], [0, 0, 0, 28], [0, 0, 0, 0]]
    demand = series(*[[units for week in weeks for units in [week, 0, 0, 0, 0, 0, 0]]
                      for weeks in weekly])  # fmt: skip
    found = classify(demand)
    assert found["xyz"].to_list() == ["X", "Y", "Z", "unclassified"]
    # Weeks of 0, 7, 7, 14: mean 7, population deviation sqrt(24.5).
    assert found["weekly_cv"].to_list() == [
        0,
        pytest.approx(24.5**0.5 / 7),
        pytest.approx(3**0.5),
        None,
    ]


def test_a_week_with_unknown_days_is_scaled_up_from_the_known_ones():
    full, partly = [2] * 7, [2, 2, 2, 2, NAN, NAN, NAN]
    assert classify(series([*full, *partly]))["weekly_cv"].to_list() == [0.0]
