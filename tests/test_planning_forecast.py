"""Forecasting methods, the choice among them, their intervals and their accuracy."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from inventory_platform.planning import methods
from inventory_platform.planning.accuracy import error_sums, scales, summarised, with_ratios
from inventory_platform.planning.classes import classify
from inventory_platform.planning.demand import Demand
from inventory_platform.planning.forecast import ForecastSettings, forecast

MONDAY = date(2025, 1, 6)
NAN = float("nan")

RARE = [0, 3, 0, 0, 4, 0, 2, 0, 0, 0, 5, 0, 1, 0]
LONGER = [(7 * t * t + 3 * t) % 11 * (t % 3 == 0) for t in range(60)]


def series(units):
    units = np.array(units, dtype=float)
    names = [f"P{number:03}" for number in range(len(units))]
    keys = pl.DataFrame({"product": names, "location": ["L"] * len(units)})
    return Demand(keys, MONDAY, units, pl.Series([0] * len(units)))


def shop(count=40, days=200):
    """Half smooth with a strong weekday pattern, half rare; reproducible."""
    dice = np.random.default_rng(3)
    weekday = np.array([1, 1, 1, 1, 2, 3, 0.5])[np.arange(days) % 7]
    smooth = dice.poisson(20 * weekday, (count // 2, days))
    rare = dice.poisson(0.15, (count // 2, days))
    return series(np.concatenate([smooth, rare]))


# -- methods: constants from statsforecast 2.1.1 -------------------------------------------------


@pytest.mark.parametrize(
    ("method", "rare", "longer"),
    [
        (methods.naive, 0.0, 0.0),
        (methods.historic_average, 1.07142857, 1.25),
        (methods.moving_average, 1.07142857, 1.107143),
        (methods.croston_sba, 1.253187, 1.205647),
        (methods.tsb, 0.82534029, 1.267519),
    ],
)
def test_methods_agree_with_statsforecast(method, rare, longer):
    for past, expected in ((RARE, rare), (LONGER, longer)):
        ahead = method(np.array([past], dtype=float), 3)
        assert ahead.tolist() == [pytest.approx([expected] * 3, abs=1e-6)]


def test_seasonal_naive_agrees_with_statsforecast():
    ahead = methods.seasonal_naive(np.array([LONGER], dtype=float), 9)
    assert ahead.tolist() == [[0, 4, 0, 0, 1, 0, 0, 0, 4]]


def test_exponential_smoothing_with_its_best_weight_agrees_with_statsforecast():
    # The errors one day ahead are smallest with a weight of 0.1.
    ahead = methods.exponential_smoothing(np.array([RARE], dtype=float), 1)
    assert ahead.tolist() == [[pytest.approx(0.78985644)]]


@pytest.mark.parametrize(
    "method",
    [
        methods.naive,
        methods.historic_average,
        methods.moving_average,
        methods.exponential_smoothing,
        methods.croston_sba,
        methods.tsb,
    ],
)
def test_unknown_days_are_skipped_not_counted_as_zero(method):
    gaps = [value for unit in RARE for value in (unit, NAN)]
    with_gaps = method(np.array([gaps], dtype=float), 1)
    without = method(np.array([RARE], dtype=float), 1)
    assert with_gaps.tolist() == without.tolist()


@pytest.mark.parametrize("method", methods.METHODS, ids=lambda method: method.name)
def test_nothing_known_gives_nothing_and_nothing_sold_gives_zero(method):
    past = np.array([[NAN] * 20, [0.0] * 20, [NAN] * 19 + [5.0]])
    ahead = method.forecast(past, 2)
    assert np.isnan(ahead[0]).all()
    assert ahead[1].tolist() == [0, 0]
    assert np.isfinite(ahead[2]).all()


def test_seasonal_naive_takes_an_unknown_weekday_from_the_week_before():
    past = np.array([[1, 2, 3, 4, 5, 6, 7, 11, NAN, 13, 14, 15, 16, NAN]], dtype=float)
    assert methods.seasonal_naive(past, 7).tolist() == [[11, 2, 13, 14, 15, 16, 7]]


def test_weekday_smoothing_finds_the_pattern_and_a_closed_day_stays_closed():
    week = [10, 10, 10, 10, 20, 30, 0]
    ahead = methods.weekday_exponential_smoothing(np.array([week * 10], dtype=float), 7)
    assert ahead.tolist() == [pytest.approx(week)]


def test_tsb_forgets_an_item_that_stopped_selling_and_croston_does_not():
    past = np.array([[0, 4] * 20 + [0] * 60], dtype=float)
    assert methods.croston_sba(past, 1)[0, 0] == pytest.approx(0.95 * 4 / 2)
    assert methods.tsb(past, 1)[0, 0] < 0.01


# -- accuracy -----------------------------------------------------------------------------------


def errors(**columns):
    rows = {
        "item": ["P"] * 3,
        "actual": [2, 0, 4],
        "forecast": [1.0, 1.0, 2.0],
        "lower": [0, 1, 0],
        "upper": [3, 2, 3],
        "mase_scale": [2.0] * 3,
        "rmsse_scale": [4.0] * 3,
    }
    return pl.DataFrame(rows | columns)


def test_accuracy_by_hand():
    row = with_ratios(error_sums(errors(), ["item"])).row(0, named=True)
    assert row["days"] == 3
    assert row["wape"] == pytest.approx((1 + 1 + 2) / 6)
    assert row["bias"] == pytest.approx((-1 + 1 - 2) / 6)
    assert row["mase"] == pytest.approx(4 / 3 / 2)
    assert row["rmsse"] == pytest.approx((6 / 3 / 4) ** 0.5)
    assert row["coverage"] == pytest.approx(1 / 3)


def test_ratios_without_a_denominator_are_null():
    nothing = errors(
        actual=[0, 0, 0], lower=[None] * 3, mase_scale=[None] * 3, rmsse_scale=[None] * 3
    )
    row = with_ratios(error_sums(nothing, ["item"])).row(0, named=True)
    assert [row[name] for name in ("wape", "bias", "mase", "rmsse", "coverage")] == [None] * 5
    assert row["absolute_error"] == 4


def test_days_without_known_demand_are_not_scored():
    row = error_sums(errors(actual=[2, None, 4]), ["item"]).row(0, named=True)
    assert (row["days"], row["absolute_error"], row["interval_days"]) == (2, 3, 2)


def test_over_many_series_wape_is_weighted_and_mase_is_averaged():
    rows = pl.concat([errors(), errors(item=["Q"] * 3, actual=[20, 0, 40], mase_scale=[1.0] * 3)])
    table = with_ratios(error_sums(rows, ["item"])).with_columns(method=pl.lit("naive"))
    row = summarised(table, ["method"]).row(0, named=True)
    assert row["series"] == 2
    assert row["wape"] == pytest.approx((4 + 19 + 1 + 38) / 66)
    assert row["mase"] == pytest.approx((4 / 3 / 2 + 58 / 3) / 2)


def test_scales_are_the_errors_of_the_naive_methods_over_known_days():
    absolute, squared = scales(np.array([[1.0, 3, NAN, 4, 4, 0, 1, 5, 3, 9]]))
    assert absolute[0] == pytest.approx((4 + 0) / 2)  # days 7 - 0, 8 - 1; day 2 is unknown
    assert squared[0] == pytest.approx((4 + 0 + 16 + 1 + 16 + 4 + 36) / 7)


def test_a_past_without_change_has_no_scale():
    absolute, squared = scales(np.full((1, 20), 3.0))
    assert np.isnan(absolute[0])
    assert np.isnan(squared[0])


# -- choice, intervals, table -------------------------------------------------------------------


def test_the_method_is_chosen_for_each_class_by_what_it_would_have_forecast():
    demand = shop()
    found = forecast(demand, classify(demand))
    choice = {row["demand_class"]: row for row in found.choice.to_dicts()}
    assert choice["smooth"]["method"] == "weekday_exponential_smoothing"
    assert choice["smooth"]["skill"] > 0
    assert choice["intermittent"]["method"] != "naive"
    best = found.by_class.filter(demand_class="smooth")["rmsse"].min()
    assert choice["smooth"]["rmsse"] <= best * 1.01


def test_among_equally_good_methods_the_simplest_is_chosen():
    demand = series([[5, 6] * 60])
    found = forecast(demand, classify(demand), ForecastSettings(tolerance=10))
    assert found.choice["method"].to_list() == ["naive"]


def test_baselines_are_always_in_the_result():
    demand = shop()
    found = forecast(demand, classify(demand))
    by_series = found.daily.group_by("product").agg(
        pl.col("method").unique().sort(), pl.col("date").min(), pl.col("date").max().alias("last")
    )
    baselines = {"naive", "seasonal_naive", "historic_average"}
    assert all(baselines <= set(names) for names in by_series["method"])
    assert set(by_series["date"]) == {MONDAY + timedelta(200)}
    assert set(by_series["last"]) == {MONDAY + timedelta(227)}
    chosen = found.daily.filter("is_chosen").group_by("product").agg(pl.col("method").n_unique())
    assert chosen["method"].to_list() == [1] * 40
    assert set(found.accuracy["method"]) == {method.name for method in methods.METHODS}


def test_trials_do_not_look_ahead():
    demand = shop()
    changed = demand.units.copy()
    changed[:, -28:] *= 3
    found = forecast(
        Demand(demand.keys, MONDAY, changed, demand.unrecorded_days),
        classify(demand),
        ForecastSettings(origins=2),
    )
    # The last trial meets demand three times as high and knows only what came before.
    expected = 0.0
    for origin in (144, 172):
        ahead = methods.moving_average(demand.units[:, :origin], 28)
        expected += np.abs(changed[:, origin : origin + 28] - ahead).sum()
    scored = found.accuracy.filter(method="moving_average")["absolute_error"].sum()
    assert scored == pytest.approx(expected)


def test_intervals_hold_as_often_as_they_say():
    demand = shop(count=200)
    found = forecast(demand, classify(demand))
    smooth = found.by_class.filter(demand_class="smooth", method="weekday_exponential_smoothing")
    assert smooth["interval_days"].item() == 100 * 28
    assert 0.87 <= smooth["coverage"].item() <= 0.95
    bounds = found.daily.filter("is_chosen")
    assert bounds.filter(pl.col("lower") > pl.col("upper")).is_empty()
    assert bounds["lower"].min() >= 0


def test_coverage_is_measured_on_days_the_interval_has_not_seen():
    demand = shop(count=20)
    demand.units[:, -28:] += 1000
    found = forecast(demand, classify(demand))
    assert found.by_class["interval_days"].min() > 0
    assert found.by_class["covered_days"].to_list() == [0] * len(found.by_class)


def test_a_short_past_is_forecast_without_trials():
    demand = series([[1, 2, 3]])
    found = forecast(demand, classify(demand))
    assert found.choice.row(0) == ("too new", "historic_average", None, None)
    chosen = found.daily.filter("is_chosen")
    assert chosen["forecast"].to_list() == [2.0] * 28
    assert chosen["lower"].null_count() == 28
    assert found.series.select("daily_mean", "daily_error").row(0) == (
        2,
        pytest.approx((2 / 3) ** 0.5),
    )


def test_an_item_never_in_stock_has_no_forecast_and_no_zero():
    demand = series([[NAN] * 100, [1.0] * 100])
    found = forecast(demand, classify(demand))
    assert found.series["daily_mean"].to_list() == [None, 1.0]
    assert found.daily.filter(product="P000")["forecast"].null_count() == 3 * 28


def test_no_series_give_empty_tables():
    demand = series(np.empty((0, 50)))
    found = forecast(demand, classify(demand))
    assert found.daily.is_empty()
    assert found.series.is_empty()
