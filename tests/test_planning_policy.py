"""Reorder points, lots, suppliers and purchase proposals."""

from datetime import date
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

from inventory_platform.planning.classes import classify
from inventory_platform.planning.demand import Demand
from inventory_platform.planning.forecast import forecast
from inventory_platform.planning.frames import PlanningError
from inventory_platform.planning.lead_time import (
    empirical_policy,
    lead_time_weights,
    reorder_point,
    safety_stock,
    stockout_risk,
)
from inventory_platform.planning.policy import (
    PolicySettings,
    chosen_terms,
    economic_order_quantity,
    stock_policy,
)
from inventory_platform.planning.proposals import propose

MONDAY = date(2026, 6, 1)
FRIDAY = date(2026, 6, 5)
Z_165 = NormalDist().cdf(1.65)


# -- formulas: values from textbooks, and from stockpyl 1.0.2 --------------------------------------


@pytest.mark.parametrize(
    ("level", "mean", "spread", "days", "days_spread", "safety", "point"),
    [
        (Z_165, 30, 5, 10, 0, 26.1, 326.1),
        (Z_165, 100, 20, 7, 2, 341.4, 1041.4),
        (0.95, 20, 6, 10, 2, 72.82, 272.82),
    ],
)
def test_safety_stock_and_reorder_point_of_the_textbooks(
    level, mean, spread, days, days_spread, safety, point
):
    arguments = (level, mean, spread, days, days_spread)
    assert safety_stock(*arguments) == pytest.approx(safety, abs=0.05)
    assert reorder_point(*arguments) == pytest.approx(point, abs=0.05)


def test_the_risk_at_the_reorder_point_is_what_the_service_level_leaves():
    point = reorder_point(0.95, 20, 6, 10, 2)
    assert stockout_risk(point, 20, 6, 10, 2) == pytest.approx(0.05)


def test_without_any_spread_the_risk_is_none_or_certain():
    assert stockout_risk([10, 9.9], 1, 0, 10, 0).tolist() == [0, 1]


def test_economic_order_quantity_of_the_textbook_and_unknown_costs():
    lots = economic_order_quantity([1200, 1200, 1200], [50, np.nan, 50], [2, 2, 0])
    assert lots[0] == pytest.approx(244.95, abs=0.005)
    assert np.isnan(lots[1:]).all()


# -- the distribution of rare demand ---------------------------------------------------------------


def empirical(units, *, level=0.95, mean=None, lead=10.0, spread=0.0, review=0, position=5.0):
    units = np.array([units], dtype=float)
    return [
        float(found[0])
        for found in empirical_policy(
            units,
            service_level=np.array([level]),
            daily_mean=np.array([np.nanmean(units) if mean is None else mean]),
            lead_days=np.array([lead]),
            lead_spread=np.array([spread]),
            review_days=np.array([review]),
            position=np.array([position]),
        )
    ]


THREE_IN_TEN = [1, 0, 0, 1, 0, 0, 1, 0, 0, 0]


def test_single_sales_give_the_binomial_distribution():
    # Binomial(10, 0.3): P(<= 4) = 0.84973, P(<= 5) = 0.95265, P(<= 6) = 0.98941.
    assert empirical(THREE_IN_TEN) == [5, pytest.approx(1 - 0.95265, abs=1e-5)]
    assert empirical(THREE_IN_TEN, level=0.96)[0] == 6
    assert empirical(THREE_IN_TEN, level=0.84)[0] == 4


def test_the_review_period_is_covered_too_but_is_no_risk_of_this_order():
    assert empirical(THREE_IN_TEN, lead=6.0, review=4)[0] == 5
    # Binomial(6, 0.3): P(<= 2) = 0.74431.
    risk = empirical(THREE_IN_TEN, lead=6.0, review=4, position=2.0)[1]
    assert risk == pytest.approx(1 - 0.74431, abs=1e-5)


def test_a_lead_time_between_two_days_is_one_or_the_other():
    # Binomial(9, 0.3): P(<= 4) = 0.90119.
    risk = empirical(THREE_IN_TEN, lead=9.5, position=4.0)[1]
    assert risk == pytest.approx(1 - (0.90119 + 0.84973) / 2, abs=1e-5)


def test_a_lower_forecast_makes_demand_rarer_and_not_smaller():
    # Binomial(10, 0.1): P(<= 2) = 0.92981, P(<= 3) = 0.98720.
    assert empirical(THREE_IN_TEN, mean=0.1)[0] == 3
    fives = [5 * units for units in THREE_IN_TEN]
    assert empirical(fives, mean=0.5)[0] == 15


def test_where_every_day_sells_a_higher_forecast_makes_sizes_grow():
    assert empirical([2, 2, 2, 2], mean=3.0, lead=4.0)[0] == pytest.approx(12, abs=0.05)


def test_demand_in_large_numbers_is_binned_and_still_right():
    thousands = [1000 * units for units in THREE_IN_TEN]
    assert empirical(thousands, position=5000.0) == [
        pytest.approx(5000, rel=0.01),
        pytest.approx(1 - 0.95265, abs=1e-3),
    ]


def test_unknown_positions_have_an_unknown_risk_and_backorders_a_certain_one():
    assert np.isnan(empirical(THREE_IN_TEN, position=float("nan"))[1])
    assert empirical(THREE_IN_TEN, position=-1.0)[1] == 1


def test_no_expected_demand_needs_no_stock():
    assert empirical([0, 0, 0]) == [0, 0]
    assert empirical(THREE_IN_TEN, mean=0.0) == [0, 0]


def test_lead_times_have_the_mean_and_spread_that_were_given():
    weights = lead_time_weights(np.array([10.0, 3.0, 7.5]), np.array([3.0, 1.0, 0.0]))
    days = np.arange(weights.shape[1])
    mean = weights @ days
    assert weights.sum(axis=1) == pytest.approx([1, 1, 1])
    assert mean == pytest.approx([10, 3, 7.5], abs=0.01)
    assert np.sqrt(weights @ days**2 - mean**2) == pytest.approx([3, 1, 0.5], abs=0.01)


@pytest.mark.parametrize(
    ("mean", "spread"),
    [(1, 0.6), (1, 1), (1.5, 1), (2, 2), (2, 3), (1, 3), (3.8, 2.5), (5, 8), (10, 15), (300, 40)],
)
def test_short_and_very_variable_lead_times_keep_their_mean_and_spread_too(mean, spread):
    weights = lead_time_weights(np.array([mean], dtype=float), np.array([spread], dtype=float))[0]
    days = np.arange(len(weights))
    assert weights @ days == pytest.approx(mean, rel=0.02)
    assert np.sqrt(weights @ (days - mean) ** 2) == pytest.approx(spread, rel=0.03, abs=0.05)


def test_an_exponential_lead_time_is_divided_among_whole_days_as_by_hand():
    # Mean and deviation are equal once the interpolation's sixth of a day² is added. Day k gets
    # the integral of (1 - |t - k|) * exp(-t / 2) / 2, which is 1 - 2 * (1 - exp(-1 / 2)) for day 0
    # and 2 * exp(-k / 2) * (exp(1 / 2) + exp(-1 / 2) - 2) for the others.
    weights = lead_time_weights(np.array([2.0]), np.array([(4 + 1 / 6) ** 0.5]))[0]
    assert weights[:4] == pytest.approx([0.21306, 0.30964, 0.18780, 0.11391], abs=0.0005)


def test_each_series_gets_the_lead_time_of_its_own_supplier():
    mean, spread = np.array([9.0, 3.0, 9.0, 4.0]), np.array([2.0, 1.0, 2.0, 0.0])
    weights = lead_time_weights(mean, spread)
    assert weights @ np.arange(weights.shape[1]) == pytest.approx(mean, abs=0.01)


# -- suppliers ------------------------------------------------------------------------------------


def terms(**columns):
    row = {
        "product": "P0",
        "supplier": "S",
        "supplier_name": None,
        "is_preferred": True,
        "lead_time_days": 10,
        "lead_time_spread_days": 0.0,
        "unit_cost": Decimal("2.50"),
        "min_order_quantity": None,
        "pack_size": None,
        "order_weekdays": None,
        "unlisted_orders": 0,
    } | columns
    schema = {
        "supplier_name": pl.String,
        "lead_time_days": pl.Int64,
        "lead_time_spread_days": pl.Float64,
        "unit_cost": pl.Decimal(18, 4),
        "min_order_quantity": pl.Int64,
        "pack_size": pl.Int64,
        "order_weekdays": pl.List(pl.Int64),
    }
    return pl.DataFrame([row], schema_overrides=schema)


def test_the_preferred_supplier_comes_first_then_a_known_lead_time_then_the_price():
    offers = pl.concat(
        [
            terms(product="A", supplier="cheap", is_preferred=False, unit_cost=Decimal(1)),
            terms(product="A", supplier="preferred", unit_cost=Decimal(2)),
            terms(product="B", supplier="a no price", is_preferred=None, unit_cost=None),
            terms(product="B", supplier="z cheap", is_preferred=False, unit_cost=Decimal(1)),
            terms(product="C", supplier="cheap", lead_time_days=None, unit_cost=Decimal(1)),
            terms(product="C", supplier="dear"),
        ]
    )
    chosen = chosen_terms(offers.reverse())
    assert chosen.select("product", "supplier").rows() == [
        ("A", "preferred"),
        ("B", "z cheap"),
        ("C", "dear"),
    ]


def test_a_supplier_named_twice_for_a_product_is_refused():
    with pytest.raises(PlanningError, match="repeated key, such as P0, S"):
        chosen_terms(pl.concat([terms(), terms(lead_time_days=3)]))


# -- policy and proposals -------------------------------------------------------------------------


def stock(on_hand=0, reserved=0, on_order=0):
    return pl.DataFrame(
        {
            "product": ["P0"],
            "location": ["L"],
            "on_hand": [on_hand],
            "reserved": [reserved],
            "on_order": [on_order],
        },
        schema_overrides={"on_hand": pl.Int64, "reserved": pl.Int64, "on_order": pl.Int64},
    )


def steady(units=2.0, days=100):
    """Demand of exactly so many units a day, so that every number can be reckoned by hand."""
    keys = pl.DataFrame({"product": ["P0"], "location": ["L"]})
    return Demand(keys, MONDAY, np.full((1, days), units), pl.Series([0]))


def planned(demand=None, offers=None, held=None, settings=None):
    demand = demand or steady()
    classes = classify(demand)
    policy = stock_policy(
        demand,
        forecast(demand, classes),
        classes,
        terms() if offers is None else offers,
        stock() if held is None else held,
        settings,
    )
    return policy.row(0, named=True), propose(policy, FRIDAY).row(0, named=True)


def test_the_reorder_point_covers_lead_time_and_review_and_the_target_a_review_more():
    policy, proposal = planned(held=stock(on_hand=20))
    assert policy["reorder_point"] == 2 * (10 + 7)
    assert policy["order_up_to"] == 34 + 2 * 7
    assert (policy["safety_stock"], policy["basis"]) == (0, "normal")
    assert proposal["quantity"] == 28
    assert (proposal["order_date"], proposal["expected_date"]) == (FRIDAY, date(2026, 6, 15))
    assert proposal["order_value"] == Decimal("70.00")
    assert proposal["days_of_cover"] == 10


def test_the_reason_is_a_sentence_with_its_numbers():
    _, proposal = planned(
        offers=terms(pack_size=12), held=stock(on_hand=20, reserved=8, on_order=6)
    )
    assert proposal["reason"] == (
        "Order 36 from S: the position of 18 (20 on hand - 8 reserved + 6 on order) has reached "
        "the reorder point of 34 (34 expected in 17 days of lead time and review, 0 safety for a "
        "service level of 95 %); 30 bring it up to 48, rounded up to whole packs of 12."
    )


@pytest.mark.parametrize(("orders", "named"), [(1, "1 open order"), (2, "2 open orders")])
def test_orders_of_which_nobody_kept_the_lines_are_told(orders, named):
    _, proposal = planned(offers=terms(unlisted_orders=orders))
    assert proposal["quantity"] == 48
    assert proposal["reason"].endswith(
        f"up to 48, not counting {named} with the supplier whose lines are unknown."
    )


def test_open_orders_are_counted_so_that_nothing_is_ordered_twice():
    _, proposal = planned(held=stock(on_hand=2, on_order=40))
    assert (proposal["decision"], proposal["quantity"]) == ("wait", 0)
    assert proposal["order_date"] is None
    assert proposal["reason"] == (
        "Wait: the position of 42 (2 on hand - 0 reserved + 40 on order) is above the reorder "
        "point of 34; at 2.0 a day it gets there in about 4 days."
    )


def test_reserved_units_are_not_available():
    _, proposal = planned(held=stock(on_hand=60, reserved=30))
    assert (proposal["decision"], proposal["position"], proposal["quantity"]) == ("order", 30, 18)


def test_a_minimum_order_is_kept_in_whole_packs():
    offers = terms(min_order_quantity=50, pack_size=12)
    _, proposal = planned(offers=offers, held=stock(on_hand=34))
    assert proposal["quantity"] == 60
    assert proposal["reason"].endswith("50 bring it up to 84, rounded up to whole packs of 12.")
    _, owed = planned(demand=steady(units=0.0), offers=offers, held=stock(reserved=3))
    assert owed["quantity"] == 60
    assert owed["reason"].endswith(
        "3 bring it up to 0, raised to the minimum order of 50 in packs of 12."
    )


def test_a_nonsense_pack_size_counts_as_one():
    _, proposal = planned(offers=terms(pack_size=0), held=stock(on_hand=20))
    assert proposal["quantity"] == 28


def test_an_order_waits_for_the_suppliers_day_and_stock_must_last_until_the_next():
    policy, proposal = planned(
        offers=terms(order_weekdays=[1, 4]), settings=PolicySettings(review_days=1)
    )
    assert policy["review_days"] == 4  # from Thursday to Monday
    assert policy["reorder_point"] == 2 * 14
    assert (proposal["order_date"], proposal["expected_date"]) == (
        date(2026, 6, 8),
        date(2026, 6, 18),
    )
    assert "on 2026-06-08, the supplier's next order day" in proposal["reason"]
    once_a_week, _ = planned(
        offers=terms(order_weekdays=[3]), settings=PolicySettings(review_days=1)
    )
    assert once_a_week["review_days"] == 7


def test_an_unknown_cost_stays_unknown():
    policy, proposal = planned(
        offers=terms(unit_cost=None), settings=PolicySettings(order_cost=20, holding_rate=0.25)
    )
    assert (proposal["unit_cost"], proposal["order_value"]) == (None, None)
    assert policy["lot"] == 14  # the demand of a review period; no economic quantity without cost
    assert proposal["reason"].endswith("at unknown cost.")


def test_known_costs_give_the_economic_lot():
    policy, _ = planned(settings=PolicySettings(order_cost=20, holding_rate=0.25))
    # sqrt(2 * 730 * 20 / (0.25 * 2.5)) = 216.15
    assert policy["lot"] == 217
    cheap, _ = planned(
        offers=terms(unit_cost=Decimal("0.01")),
        settings=PolicySettings(order_cost=20, holding_rate=0.25),
    )
    assert cheap["lot"] == 180 * 2  # never more than half a year, however cheap


@pytest.mark.parametrize(
    ("offers", "held", "reason"),
    [
        (terms(product="other"), stock(), "no supplier is known for the product."),
        (terms(lead_time_days=None), stock(), "no usable lead time is known for supplier S."),
        (terms(lead_time_days=-3), stock(), "no usable lead time is known for supplier S."),
        (terms(lead_time_days=99_999), stock(), "no usable lead time is known for supplier S."),
        (terms(order_weekdays=[]), stock(), "supplier S takes orders on no weekday."),
        (terms(order_weekdays=[0, 9]), stock(), "supplier S takes orders on no weekday."),
        (terms(), stock(on_hand=None), "the stock on hand is unknown."),
    ],
)
def test_what_cannot_be_planned_comes_back_with_its_reason(offers, held, reason):
    _, proposal = planned(offers=offers, held=held)
    assert (proposal["decision"], proposal["quantity"]) == ("unknown", None)
    assert proposal["reason"] == f"Not planned: {reason}"


def test_demand_that_was_never_seen_cannot_be_planned():
    _, proposal = planned(demand=steady(units=float("nan")))
    assert proposal["decision"] == "unknown"
    assert "never in stock" in proposal["reason"]


def first_day(units=5.0, days=1):
    """An item that came in and sold on its only day."""
    return steady(units=units, days=days)


def test_one_good_day_is_no_reason_to_order_a_stock():
    policy, proposal = planned(demand=first_day())
    assert [policy[name] for name in ("reorder_point", "order_up_to", "lot")] == [None] * 3
    assert (proposal["decision"], proposal["quantity"]) == ("unknown", None)
    assert proposal["stockout_risk"] is None
    assert proposal["reason"] == (
        "Not planned: too new, sold on 1 of 1 known days; a proposal takes 3 days with sales in "
        "at least 14 known days, or 91 known days."
    )


def test_of_a_new_item_what_customers_wait_for_is_ordered_and_no_more():
    held = stock(on_hand=4, reserved=9, on_order=2)
    _, proposal = planned(demand=first_day(), offers=terms(pack_size=2), held=held)
    assert (proposal["decision"], proposal["quantity"]) == ("order", 4)
    assert proposal["stockout_risk"] == 1
    assert proposal["reason"] == (
        "Order 4 from S: customers wait for more than there is, the position is -3 (4 on hand - 9 "
        "reserved + 2 on order); the item is too new to be kept in stock by rule, sold on 1 of 1 "
        "known days; 3 bring it up to 0, rounded up to whole packs of 2."
    )
    _, served = planned(demand=first_day(), held=stock(on_hand=4, reserved=4))
    assert served["decision"] == "unknown"
    _, from_nobody = planned(demand=first_day(), offers=terms(lead_time_days=None), held=held)
    assert from_nobody["reason"] == "Not planned: no usable lead time is known for supplier S."


def test_two_weeks_of_sales_are_enough_for_a_proposal():
    assert planned(demand=first_day(days=13))[1]["decision"] == "unknown"
    assert planned(demand=first_day(days=14))[1]["decision"] == "order"


def test_without_demand_nothing_is_ordered_except_what_customers_wait_for():
    _, idle = planned(demand=steady(units=0.0), offers=terms(min_order_quantity=10))
    assert (idle["decision"], idle["quantity"], idle["days_of_cover"]) == ("wait", 0, None)
    assert idle["reason"].startswith("Wait: no demand is expected")
    _, owed = planned(demand=steady(units=0.0), held=stock(on_hand=1, reserved=3))
    assert (owed["decision"], owed["quantity"], owed["stockout_risk"]) == ("order", 2, 1)


def test_service_levels_follow_the_class_and_impossible_ones_are_refused():
    demand = steady()
    classes = classify(demand, pl.DataFrame({"product": ["P0"], "unit_value": [1.0]}))
    policy = stock_policy(demand, forecast(demand, classes), classes, terms(), stock())
    assert policy.select("abc", "xyz", "service_level").row(0) == ("A", "X", 0.98)
    with pytest.raises(PlanningError, match="service level of 95"):
        PolicySettings(other_service_level=95)
    with pytest.raises(PlanningError, match="review period of -1 days"):
        PolicySettings(review_days=-1)


def test_stock_that_is_stated_twice_is_refused():
    with pytest.raises(PlanningError, match="repeated key, such as P0, L"):
        planned(held=pl.concat([stock(1), stock(2)]))
