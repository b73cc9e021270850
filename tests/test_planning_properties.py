"""What holds for any demand, supplier and stock."""

from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from inventory_platform.planning import methods
from inventory_platform.planning.classes import classify
from inventory_platform.planning.demand import demand_series, without_spikes
from inventory_platform.planning.forecast import ForecastSettings, forecast
from inventory_platform.planning.lead_time import reorder_point
from inventory_platform.planning.policy import PolicySettings, stock_policy
from inventory_platform.planning.proposals import propose

FIRST = date(2026, 1, 1)
FEW = settings(max_examples=40, deadline=None)

units = st.one_of(st.none(), st.just(0), st.integers(-3, 30), st.just(5000))
histories = st.lists(
    st.lists(st.tuples(units, st.booleans()), min_size=1, max_size=60), min_size=1, max_size=4
)
offers = st.fixed_dictionaries(
    {
        "lead_time_days": st.one_of(st.none(), st.integers(-1, 60)),
        "lead_time_spread_days": st.one_of(st.none(), st.floats(0, 20)),
        "unit_cost": st.one_of(st.none(), st.floats(0, 500)),
        "min_order_quantity": st.one_of(st.none(), st.integers(-1, 200)),
        "pack_size": st.one_of(st.none(), st.integers(-1, 24)),
        "order_weekdays": st.one_of(st.none(), st.lists(st.integers(0, 8), max_size=4)),
        "on_hand": st.one_of(st.none(), st.integers(-50, 500)),
        "reserved": st.one_of(st.none(), st.integers(0, 50)),
        "on_order": st.one_of(st.none(), st.integers(0, 200)),
    }
)


def daily(series):
    return pl.DataFrame(
        [
            (f"P{number}", "L", FIRST + timedelta(day), sold, out)
            for number, days in enumerate(series)
            for day, (sold, out) in enumerate(days)
        ],
        schema={
            "product": pl.String,
            "location": pl.String,
            "date": pl.Date,
            "units_sold": pl.Int64,
            "was_out_of_stock": pl.Boolean,
        },
        orient="row",
    )


def terms_and_stock(offered, count):
    schema = dict.fromkeys(offered, pl.Float64) | {"order_weekdays": pl.List(pl.Int64)}
    rows = pl.DataFrame([offered] * count, schema=schema).with_columns(
        product=pl.Series([f"P{number}" for number in range(count)]),
        location=pl.lit("L"),
        supplier=pl.lit("S"),
        supplier_name=pl.lit(None, pl.String),
        unlisted_orders=pl.lit(0),
        is_preferred=pl.lit(value=True),
    )
    return rows.drop("location", "on_hand", "reserved", "on_order"), rows.select(
        "product", "location", "on_hand", "reserved", "on_order"
    )


def planned(rows, terms, stock, level=0.95):
    demand = without_spikes(demand_series(rows))
    classes = classify(demand, terms.select("product", unit_value="unit_cost"))
    forecasts = forecast(demand, classes, ForecastSettings(horizon=7))
    wanted = PolicySettings(service_levels={}, other_service_level=level)
    policy = stock_policy(demand, forecasts, classes, terms, stock, wanted)
    return forecasts, policy, propose(policy, FIRST)


def assert_sound(frame, columns, *, negative=False):
    for column in columns:
        known = frame[column].drop_nulls()
        assert known.is_finite().all(), column
        assert negative or (known >= 0).all(), column


@FEW
@given(histories, offers)
def test_forecasts_and_reorder_points_are_never_nan_or_negative(series, offered):
    terms, stock = terms_and_stock(offered, len(series))
    forecasts, policy, proposals = planned(daily(series), terms, stock)
    assert_sound(forecasts.daily, ["forecast", "lower", "upper"])
    assert_sound(forecasts.series, ["daily_mean", "daily_error"])
    assert_sound(policy, ["reorder_point", "lot", "order_up_to", "stockout_risk"])
    assert_sound(policy, ["safety_stock"], negative=True)
    assert (policy["stockout_risk"].drop_nulls() <= 1).all()
    assert_sound(proposals, ["quantity", "days_of_cover"])
    assert len(proposals) == len(series)
    assert proposals["reason"].null_count() == 0


@FEW
@given(histories, offers, st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_more_safety_never_means_a_lower_reorder_point(series, offered, one, other):
    terms, stock = terms_and_stock(offered, len(series))
    _, less, _ = planned(daily(series), terms, stock, min(one, other))
    _, more, _ = planned(daily(series), terms, stock, max(one, other))
    assert (more["reorder_point"] >= less["reorder_point"]).drop_nulls().all()
    assert (more["order_up_to"] >= less["order_up_to"]).drop_nulls().all()


@given(
    st.floats(0.5, 0.999),
    st.floats(0, 1e4),
    st.floats(0, 1e3),
    st.floats(0, 300),
    st.floats(0, 50),
    st.floats(0, 50),
)
def test_more_uncertain_lead_times_never_mean_a_lower_reorder_point(
    level, mean, spread, days, one, other
):
    less = reorder_point(level, mean, spread, days, min(one, other))
    assert reorder_point(level, mean, spread, days, max(one, other)) >= less


@FEW
@given(histories, offers)
def test_proposals_keep_the_minimum_order_and_whole_packs(series, offered):
    terms, stock = terms_and_stock(offered, len(series))
    _, policy, proposals = planned(daily(series), terms, stock)
    ordered = proposals.join(policy.select("product", "pack_size"), on="product").filter(
        pl.col("quantity") > 0
    )
    least = offered["min_order_quantity"] or 0
    assert (ordered["quantity"] >= least).all()
    assert (ordered["quantity"] % ordered["pack_size"] == 0).all()
    assert (ordered["position"] + ordered["quantity"] >= ordered["order_up_to"] - 1e-6).all()
    assert (ordered["decision"] == "order").all()


@FEW
@given(histories, offers, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(series, offered, dice):
    rows = daily(series)
    terms, stock = terms_and_stock(offered, len(series))
    forecasts, policy, proposals = planned(rows, terms, stock)
    shuffled = [frame[dice.sample(range(len(frame)), len(frame))] for frame in (rows, terms, stock)]
    again = planned(*shuffled)
    assert_frame_equal(again[0].daily, forecasts.daily, check_exact=True)
    assert_frame_equal(again[0].accuracy, forecasts.accuracy, check_exact=True)
    assert_frame_equal(again[0].choice, forecasts.choice, check_exact=True)
    assert_frame_equal(again[1], policy, check_exact=True)
    assert_frame_equal(again[2], proposals, check_exact=True)


@FEW
@given(histories)
def test_every_method_answers_with_numbers_where_a_day_is_known(series):
    demand = demand_series(daily(series))
    has_known = ~np.isnan(demand.units).all(axis=1)
    for method in methods.METHODS:
        ahead = method.forecast(demand.units, 3)
        assert np.isfinite(ahead[has_known]).all()
        assert (ahead[has_known] >= 0).all()
        assert np.isnan(ahead[~has_known]).all()
