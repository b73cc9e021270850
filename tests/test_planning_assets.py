"""Planning in a warehouse: which rows count, and what becomes of the results."""

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from inventory_platform import duck
from inventory_platform.assets.planning import replace_backtest, replace_plan
from inventory_platform.assets.planning_rows import read_rows
from inventory_platform.planning.policy import LONGEST_LEAD_TIME
from inventory_platform.settings import Settings

FRIDAY = date(2026, 6, 5)
HISTORY = 140
PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"

EMPTY = """
    create schema reference;
    create schema transformed;
    create schema staging;
    create schema marts;
    create table reference.locations (location_id text, book_source text, is_planned boolean);
    create table transformed.business_days (date_day date);
    create table transformed.products (
        product_id text, unit_cost decimal(18, 6), supplier_id text, restock_level bigint,
        is_kit boolean, is_discontinued boolean
    );
    create table transformed.product_keys (
        source text, source_product_key text, product_id text, match_rule text
    );
    create table transformed.location_keys (
        source text, source_location_key text, location_id text, match_rule text
    );
    create table transformed.supplier_terms (
        product_id text, supplier_id text, source text, is_preferred boolean,
        lead_time_days bigint, unit_cost decimal(18, 6), min_order_quantity bigint,
        pack_size bigint, valid_from_date date
    );
    create table transformed.purchase_order_lines (
        purchase_order_id text, supplier_id text, product_id text, location_id text,
        ordered_date date, delivered_date date, is_delivered boolean, is_open boolean,
        quantity bigint, delivered_quantity bigint
    );
    create table staging.stg_linnworks__stock_item_levels (
        stock_item_id text, stock_location_id text, minimum_level bigint
    );
    create table marts.dim_suppliers (supplier_id text, supplier_name text);
    create table marts.fct_order_lines (
        product_id text, kit_product_id text, location_id text, order_date date,
        quantity bigint, is_sale boolean, is_resend boolean, is_service boolean, order_state text,
        order_line_id text, despatched_quantity bigint
    );
    create table marts.fct_stock_movements (order_line_id text);
    create table marts.fct_stock_daily (
        product_id text, location_id text, stock_date date,
        opening_quantity bigint, closing_quantity bigint
    );
"""


class Shop:
    """A warehouse made by hand."""

    def __init__(self, con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        self.con = con
        self.settings = settings
        con.execute(EMPTY)
        con.execute("insert into reference.locations values ('NTH', 'inventory_db', true)")
        con.execute("insert into marts.dim_suppliers values ('S1', 'Northern Tools')")
        self.live_until(FRIDAY)

    def live_until(self, last):
        self.last = last
        self.con.execute("delete from transformed.business_days")
        self.con.execute("insert into transformed.business_days values (?)", [last])

    def product(self, product="P", cost="2.50", supplier="S1", restock=20, **flags):
        is_kit, is_old = flags.get("is_kit", False), flags.get("is_discontinued", False)
        values = [product, cost, supplier, restock, is_kit, is_old]
        self.con.execute("insert into transformed.products values (?, ?, ?, ?, ?, ?)", values)

    def terms(self, product="P", supplier="S1", lead=10, cost="2.50", minimum=None, pack=None):
        values = [product, supplier, lead, cost, minimum, pack]
        self.con.execute(
            "insert into transformed.supplier_terms values "
            "(?, ?, 'linnworks', true, ?, ?, ?, ?, null)",
            values,
        )

    def sold(self, product="P", quantity=2, first=None, last=None, **given):
        """So many units on each day."""
        line = {
            "kit": None, "location": "NTH", "is_sale": True, "is_resend": False,
            "is_service": False, "state": "despatched",
        } | given  # fmt: skip
        self.con.execute(
            "insert into marts.fct_order_lines "
            "select ?, ?, ?, cast(day as date), ?, ?, ?, ?, ?, cast(uuid() as text), 0 "
            "from range(cast(? as timestamp), cast(? as timestamp) + interval 1 day, "
            "interval 1 day) days (day)",
            [
                product, line["kit"], line["location"], quantity, line["is_sale"],
                line["is_resend"], line["is_service"], line["state"],
                first or self.last - timedelta(HISTORY - 1), last or self.last,
            ],
        )  # fmt: skip

    def booked(self, opening, closing, day, product="P", location="NTH"):
        values = [product, location, day, opening, closing]
        self.con.execute("insert into marts.fct_stock_daily values (?, ?, ?, ?, ?)", values)

    def position(self, on_hand, reserved=0, on_order=0, product="P"):
        """Stock on the evening of the last day, sold (two a day) but not sent yet, ordered."""
        self.booked(on_hand + 1, on_hand, self.last, product=product)
        if reserved:
            self.con.execute(
                "update marts.fct_order_lines set order_state = 'open' "
                "where product_id = ? and order_date > ?",
                [product, self.last - timedelta(reserved // 2)],
            )
        if on_order:
            self.con.execute(
                "insert into transformed.purchase_order_lines values "
                "('o', 'S1', ?, 'NTH', ?, null, false, true, ?, 0)",
                [product, self.last, on_order],
            )

    def delivered(self, *days, supplier="S1"):
        """Orders that took so many days each, and one that has not come."""
        for number, taken in enumerate(days):
            ordered = self.last - timedelta(100)
            self.con.execute(
                "insert into transformed.purchase_order_lines values "
                "(?, ?, 'P', 'NTH', ?, ?, true, false, 1, 1)",
                [f"{supplier}-{number}", supplier, ordered, ordered + timedelta(taken)],
            )
        self.con.execute(
            "insert into transformed.purchase_order_lines values "
            "('open', ?, 'P', 'NTH', ?, null, false, true, 1, 0)",
            [supplier, self.last],
        )

    def plan(self, **options):
        return replace_plan(self.con, self.settings, **options)

    def rows(self, sql):
        return self.con.sql(sql).pl().to_dicts()

    def row(self, sql):
        (found,) = self.rows(sql)
        return found


@pytest.fixture
def shop(tmp_path):
    settings = Settings(data_dir=tmp_path)
    settings.lake_dir.mkdir()
    with duck.connect(settings, settings.warehouse_file) as con:
        yield Shop(con, settings)


# -- a proposal from end to end --------------------------------------------------------------------


def test_a_proposal_reckoned_by_hand(shop):
    shop.product()
    shop.terms(pack=12)
    shop.sold()
    shop.position(20, reserved=8, on_order=6)
    shop.plan()
    # 2 a day for 10 days of lead time and 7 of review: 34; a week's demand more: 48; 48 - 18 = 30.
    assert shop.row("from planning.reorder_proposals") == {
        "product_id": "P",
        "location_id": "NTH",
        "as_of_date": FRIDAY,
        "decision": "order",
        "supplier_id": "S1",
        "order_quantity": 36,
        "order_date": FRIDAY,
        "expected_arrival_date": date(2026, 6, 15),
        "unit_cost": Decimal("2.50"),
        "order_cost": Decimal("90.00"),
        "position": 18,
        "days_of_cover": 9.0,
        "stock_out_risk": 1.0,
        "reason": (
            "Order 36 from Northern Tools: the position of 18 (20 on hand - 8 reserved + 6 on "
            "order) has reached the reorder point of 34 (34 expected in 17 days of lead time and "
            "review, 0 safety for a service level of 98 %); 30 bring it up to 48, rounded up to "
            "whole packs of 12."
        ),
    }
    policy = shop.row("from planning.stock_policy")
    assert (policy["abc_class"], policy["xyz_class"]) == ("A", "X")
    assert (policy["reorder_point"], policy["order_up_to"]) == (34, 48)
    assert shop.rows("select distinct expected_units, lower_units, upper_units, as_of_date "
                     "from planning.forecasts where is_chosen") == [
        {"expected_units": 2, "lower_units": 2, "upper_units": 2, "as_of_date": FRIDAY}
    ]  # fmt: skip
    first, last = FRIDAY + timedelta(1), FRIDAY + timedelta(28)
    assert shop.row(
        "select min(forecast_date) as first, max(forecast_date) as last from planning.forecasts"
    ) == {"first": first, "last": last}


def test_an_unknown_cost_stays_unknown(shop):
    shop.product(cost=None)
    shop.terms(cost=None)
    shop.sold()
    shop.position(0)
    shop.plan()
    proposal = shop.row("from planning.reorder_proposals")
    assert (proposal["decision"], proposal["order_quantity"]) == ("order", 48)
    assert (proposal["unit_cost"], proposal["order_cost"]) == (None, None)
    assert shop.row("from planning.demand_classes")["annual_value"] is None


def test_stock_that_no_book_knows_is_unknown_and_not_zero(shop):
    shop.product()
    shop.terms()
    shop.sold()
    shop.plan()
    proposal = shop.row("from planning.reorder_proposals")
    assert (proposal["decision"], proposal["order_quantity"]) == ("unknown", None)
    assert proposal["reason"] == "Not planned: the stock on hand is unknown."


def test_the_position_counts_what_is_promised_and_what_is_coming(shop):
    shop.sold()
    shop.position(20, reserved=8, on_order=6)
    one = {"first": FRIDAY, "last": FRIDAY}
    # Taken out of the book already, despatched, or a service: nothing more will leave for these.
    shop.sold(quantity=100, state="open", **one)
    shop.con.execute(
        "insert into marts.fct_stock_movements "
        "select order_line_id from marts.fct_order_lines where quantity = 100"
    )
    shop.sold(quantity=1_000, state="open", is_service=True, **one)
    shop.sold(quantity=10_000, state="despatched", **one)
    # Of a channel whose orders do not count: no sale, and nothing is kept for it.
    shop.sold(quantity=100_000, state="open", is_sale=False, is_resend=True, **one)
    shop.con.execute("update transformed.purchase_order_lines set delivered_quantity = 1")
    stock = read_rows(shop.con).stock.row(0, named=True)
    assert (stock["on_hand"], stock["reserved"], stock["on_order"]) == (20, 8, 5)


# -- what counts as demand -------------------------------------------------------------------------


def units(shop, product="P"):
    rows = read_rows(shop.con).daily.filter(product=product).sort("date")
    return list(rows.select("date", "units_sold", "was_out_of_stock").rows())


def test_days_out_of_stock_are_unknown_and_no_zero_demand(shop):
    shop.product()
    shop.sold(last=FRIDAY - timedelta(14))
    for ago in range(14):
        shop.booked(0, 0, FRIDAY - timedelta(ago))
    shop.plan()
    # Sold 2 on each of the days in stock; the 14 days without stock say nothing.
    assert shop.row("from planning.stock_policy")["daily_mean"] == 2
    assert shop.row("from planning.demand_classes")["demand_class"] == "smooth"


def test_a_day_is_out_of_stock_only_if_nothing_was_there_from_morning_to_evening(shop):
    days = [FRIDAY - timedelta(ago) for ago in (3, 2, 1, 0)]
    for day, (opening, closing) in zip(days, [(5, 0), (0, 0), (0, 9), (9, 9)], strict=True):
        shop.booked(opening, closing, day)
    assert [out for _, _, out in units(shop)] == [False, True, False, False]


def test_resends_count_and_cancelled_orders_services_and_other_places_do_not(shop):
    shop.con.execute("insert into reference.locations values ('S01', 'pos_api', false)")
    one = {"first": FRIDAY, "last": FRIDAY}
    shop.sold(quantity=1, **one)
    shop.sold(quantity=10, is_resend=True, **one)
    shop.sold(quantity=100, is_sale=False, state="cancelled", **one)
    shop.sold(quantity=1_000, is_sale=False, is_resend=True, state="cancelled", **one)
    # Of a channel whose orders do not count.
    shop.sold(quantity=2_000, is_sale=False, is_resend=True, state="open", **one)
    shop.sold(quantity=10_000, is_service=True, **one)
    shop.sold(quantity=100_000, location="S01", **one)
    shop.sold(quantity=1_000_000, location=None, **one)
    assert units(shop) == [(FRIDAY, 11, False)]


def test_every_series_reaches_to_the_last_day_of_business_and_none_beyond(shop):
    shop.sold(first=FRIDAY - timedelta(9), last=FRIDAY - timedelta(9))
    shop.sold(first=FRIDAY + timedelta(1), last=FRIDAY + timedelta(1))
    assert units(shop) == [(FRIDAY - timedelta(9), 2, False), (FRIDAY, 0, False)]


def test_a_kit_is_planned_by_its_components(shop):
    shop.product("kit", is_kit=True)
    shop.product("P")
    shop.terms("P")
    shop.terms("kit")
    # Two units of P in each kit; the kit itself is no line, but somebody once counted one.
    shop.sold("P", quantity=2, kit="kit")
    shop.position(0, product="P")
    shop.position(0, product="kit")
    shop.plan()
    found = {row["product_id"]: row for row in shop.rows("from planning.reorder_proposals")}
    assert (found["P"]["decision"], found["P"]["order_quantity"]) == ("order", 48)
    assert (found["kit"]["decision"], found["kit"]["order_quantity"]) == ("wait", 0)
    assert found["kit"]["reason"] == (
        "Wait: the product is a kit, whose components are planned, so it is not ordered."
    )


def test_discontinued_products_are_not_ordered(shop):
    shop.product(is_discontinued=True)
    shop.terms()
    shop.sold()
    shop.plan()
    proposal = shop.row("from planning.reorder_proposals")
    assert (proposal["decision"], proposal["order_quantity"]) == ("wait", 0)
    assert proposal["reason"] == "Wait: the product is discontinued, so it is not ordered."


def test_what_nobody_wants_any_more_is_not_ordered_unless_a_customer_waits(shop):
    shop.product()
    shop.terms()
    day = FRIDAY - timedelta(181)
    shop.sold(quantity=40, first=day, last=day)
    shop.position(0)
    shop.plan()
    proposal = shop.row("from planning.reorder_proposals")
    assert (proposal["decision"], proposal["order_quantity"]) == ("wait", 0)
    assert proposal["reason"] == (
        "Wait: nothing was sold in the last 181 days in stock; the position is 0 (0 on hand - 0 "
        "reserved + 0 on order)."
    )
    shop.sold(quantity=3, first=day, last=day, state="open")
    shop.plan()
    assert shop.row("from planning.reorder_proposals")["decision"] == "order"


# -- terms -----------------------------------------------------------------------------------------


def test_a_supplier_is_believed_by_its_deliveries_once_there_are_five(shop):
    shop.product()
    shop.terms(lead=10)
    shop.delivered(12, 12, 12, 12)
    assert read_rows(shop.con).terms["lead_time_days"].to_list() == [10]
    shop.con.execute("delete from transformed.purchase_order_lines")
    # An order that came before it was placed is a mistake and does not count.
    shop.delivered(10, 12, 14, 16, 18, -400)
    terms = read_rows(shop.con).terms.row(0, named=True)
    assert terms["lead_time_days"] == 14
    assert terms["lead_time_spread_days"] == pytest.approx(10**0.5)  # (16+4+0+4+16) / 4


def test_a_delivery_that_took_more_than_a_year_is_believed(shop):
    shop.product()
    shop.terms(lead=10)
    shop.delivered(20, 20, 20, 20, 520)
    shop.con.execute(
        "update transformed.purchase_order_lines set "
        "ordered_date = ordered_date - 500, delivered_date = delivered_date - 500 "
        "where is_delivered"
    )
    assert read_rows(shop.con).terms["lead_time_days"].to_list() == [120]


def test_the_marts_believe_the_same_lead_times_as_planning():
    macro = (PROJECT / "macros" / "believed_lead_time.sql").read_text()
    assert re.findall(r"between (\d+) and (\d+)", macro) == [("0", str(LONGEST_LEAD_TIME))]


def test_an_order_has_arrived_when_its_last_line_has(shop):
    shop.product()
    shop.terms()
    shop.delivered(4, 4, 4, 4, 4)
    shop.con.execute(
        "insert into transformed.purchase_order_lines "
        "select * replace (delivered_date + 5 as delivered_date) "
        "from transformed.purchase_order_lines where is_delivered"
    )
    assert read_rows(shop.con).terms["lead_time_days"].to_list() == [9]


def test_without_stated_terms_the_listed_supplier_is_asked(shop):
    shop.product(cost="3.00")
    shop.delivered(7, 7, 7, 7, 7)
    terms = read_rows(shop.con).terms.row(0, named=True)
    assert (terms["supplier"], terms["supplier_name"]) == ("S1", "Northern Tools")
    assert (terms["lead_time_days"], terms["unit_cost"]) == (7, Decimal(3))
    shop.terms(supplier="S2")
    assert read_rows(shop.con).terms["supplier"].to_list() == ["S2"]


def test_open_orders_without_lines_are_told_to_the_buyer(shop):
    shop.product()
    shop.terms()
    shop.sold()
    shop.position(0)
    shop.con.execute(
        "insert into transformed.purchase_order_lines values "
        "('old', 'S1', null, null, ?, null, false, true, null, null)",
        [FRIDAY],
    )
    shop.plan()
    proposal = shop.row("from planning.reorder_proposals")
    assert proposal["reason"].endswith(
        ", not counting 1 open order with the supplier whose lines are unknown."
    )


def test_terms_stated_by_two_systems_count_once(shop):
    shop.product()
    shop.terms(lead=10)
    shop.terms(lead=20)
    shop.con.execute(
        "update transformed.supplier_terms set is_preferred = false where lead_time_days = 10"
    )
    assert read_rows(shop.con).terms["lead_time_days"].to_list() == [20]


# -- what is forecast is remembered ---------------------------------------------------------------


def test_a_repeated_plan_replaces_what_was_kept_for_the_day(shop):
    shop.product()
    shop.sold()
    shop.plan()
    count = "select count(*) as rows, min(as_of_date) as day from planning.forecast_history"
    once = shop.row(count)
    shop.plan()
    assert shop.row(count) == once
    assert once["day"] == FRIDAY
    folder = shop.settings.lake_dir / "planning" / "forecasts"
    assert [path.name for path in folder.iterdir()] == ["as_of=2026-06-05"]


def test_forecasts_are_held_against_what_came_once_their_days_have_passed(shop):
    shop.product()
    shop.sold()
    shop.plan()
    assert shop.rows("from planning.forecast_accuracy") == []
    came = FRIDAY + timedelta(1)
    shop.live_until(FRIDAY + timedelta(9))
    # 2 a day were expected; 3 came on seven days, then one day without stock, then 2.
    shop.sold(quantity=3, first=came, last=came + timedelta(6))
    shop.booked(0, 0, came + timedelta(7))
    shop.sold(quantity=2, first=came + timedelta(8), last=came + timedelta(8))
    shop.plan()
    of_chosen = shop.rows(
        "select as_of_date, week_ahead, days, actual_units, error_units, absolute_error_units, "
        "wape, bias, covered_days from planning.forecast_accuracy where is_chosen "
        f"and as_of_date = date '{FRIDAY}' order by week_ahead"
    )
    assert of_chosen == [
        {
            "as_of_date": FRIDAY, "week_ahead": 1, "days": 7, "actual_units": 21,
            "error_units": -7, "absolute_error_units": 7, "wape": pytest.approx(1 / 3),
            "bias": pytest.approx(-1 / 3), "covered_days": 0,
        },
        {
            "as_of_date": FRIDAY, "week_ahead": 2, "days": 1, "actual_units": 2,
            "error_units": 0, "absolute_error_units": 0, "wape": 0, "bias": 0, "covered_days": 1,
        },
    ]  # fmt: skip
    days = shop.rows("select distinct as_of_date as day from planning.forecast_history order by 1")
    assert [row["day"] for row in days] == [FRIDAY, FRIDAY + timedelta(9)]


def accuracy_of_friday(shop):
    return shop.row(
        "select sum(days) as days, sum(actual_units) as units, max(scored_until_date) as until "
        f"from planning.forecast_accuracy where is_chosen and as_of_date = date '{FRIDAY}'"
    )


def test_late_data_changes_an_accuracy_until_it_is_settled(shop):
    shop.product()
    shop.sold()
    shop.plan()
    first, last = FRIDAY + timedelta(1), FRIDAY + timedelta(28)
    shop.live_until(last)
    shop.sold(first=first, last=last)
    shop.plan()
    assert accuracy_of_friday(shop) == {"days": 28, "units": 56, "until": last}
    shop.sold(quantity=1, first=last, last=last)
    settled = last + timedelta(14)
    shop.live_until(settled)
    shop.plan()
    assert accuracy_of_friday(shop) == {"days": 28, "units": 57, "until": settled}
    shop.sold(quantity=1, first=last, last=last)
    shop.live_until(settled + timedelta(1))
    shop.plan()
    assert accuracy_of_friday(shop) == {"days": 28, "units": 57, "until": settled}


def test_the_past_is_planned_without_being_kept_and_without_looking_ahead(shop):
    shop.product()
    shop.sold()
    shop.plan()
    shop.live_until(FRIDAY - timedelta(7))
    shop.plan(is_past=True)
    assert shop.rows("from planning.forecast_history") == []
    assert shop.rows("from planning.forecast_accuracy") == []
    assert shop.row("from planning.reorder_proposals")["as_of_date"] == FRIDAY - timedelta(7)
    folder = shop.settings.lake_dir / "planning" / "forecasts"
    assert [path.name for path in folder.iterdir()] == ["as_of=2026-06-05"]


def test_a_new_warehouse_gets_its_history_back_from_the_lake(shop, tmp_path):
    shop.product()
    shop.sold()
    shop.plan()
    shop.live_until(FRIDAY + timedelta(1))
    shop.plan()
    again = tmp_path / "again.duckdb"
    with duck.connect(shop.settings, again) as con:
        anew = Shop(con, shop.settings)
        anew.live_until(FRIDAY + timedelta(1))
        anew.product()
        anew.sold()
        anew.plan()
        days = anew.rows("select distinct as_of_date as day from planning.forecast_history")
        scored = anew.rows("select distinct as_of_date as day from planning.forecast_accuracy")
    assert sorted(row["day"] for row in days) == [FRIDAY, FRIDAY + timedelta(1)]
    assert [row["day"] for row in scored] == [FRIDAY]


# -- the rest -------------------------------------------------------------------------------------


def test_every_candidate_method_is_published_with_its_errors(shop):
    shop.product()
    shop.sold()
    shop.plan()
    choice = shop.rows("from planning.forecast_choice")
    assert len(choice) == 8
    assert [row["method"] for row in choice if row["is_chosen"]] == ["historic_average"]
    assert {row["coverage_goal"] for row in choice} == {0.9}
    assert {row["service_goal"] for row in choice} == {0.95}
    assert {row["service"] for row in choice} == {None}


def test_of_rare_demand_the_service_of_the_stock_is_published(shop):
    shop.product()
    for ago in range(0, HISTORY, 4):
        shop.sold(first=FRIDAY - timedelta(ago), last=FRIDAY - timedelta(ago))
    shop.plan()
    tried = shop.rows("from planning.forecast_choice where stock_trials > 0 order by method")
    assert [row["method"] for row in tried] == ["croston_sba", "historic_average"]
    for row in tried:
        # Seven days of demand in each of the three trials, for which more than seven were kept.
        assert (row["demand_class"], row["stock_trials"]) == ("intermittent", 3)
        assert (row["served_trials"], row["service"], row["service_goal"]) == (3, 1.0, 0.95)
        assert row["stock_loss"] > 0


def test_history_is_replayed_under_the_minimum_of_the_system_that_keeps_the_book(shop):
    shop.con.execute("insert into reference.locations values ('HUB', 'linnworks', true)")
    shop.con.execute("insert into transformed.product_keys values ('linnworks', 'i', 'P', 'sku')")
    shop.con.execute("insert into transformed.location_keys values ('linnworks', '0', 'HUB', '')")
    shop.con.execute("insert into staging.stg_linnworks__stock_item_levels values ('i', '0', 3)")
    shop.product(restock=20)
    limits = read_rows(shop.con).limits.sort("location")
    assert limits.rows() == [("P", "HUB", 3, 6), ("P", "NTH", 20, 40)]
    shop.con.execute("update staging.stg_linnworks__stock_item_levels set minimum_level = -1")
    assert read_rows(shop.con).limits["location"].to_list() == ["NTH"]


def test_a_replay_compares_the_present_rule_with_the_proposals(shop):
    shop.product(restock=20)
    shop.product("Q", restock=None)
    shop.terms(lead=10)
    shop.sold()
    shop.sold("Q")
    replace_backtest(shop.con)
    totals = {row["policy"]: row for row in shop.rows("from planning.backtest_totals")}
    assert totals["current"]["demand_units"] == totals["proposed"]["demand_units"] == 140
    assert totals["current"]["fill_rate"] < totals["proposed"]["fill_rate"] == 1
    assert totals["current"]["left_out_series"] == 1
    assert totals["current"]["first_date"] == FRIDAY - timedelta(69)
    assert shop.rows("from planning.backtest_left_out") == [
        {"product_id": "Q", "location_id": "NTH", "reason": "it has no minimum and maximum"}
    ]


def test_a_warehouse_without_rows_has_empty_plans(shop):
    shop.con.execute("delete from transformed.business_days")
    counts = shop.plan() | replace_backtest(shop.con)
    assert set(counts.values()) == {0}
    types = {
        row["column_name"]: row["column_type"]
        for row in shop.rows("describe planning.reorder_proposals")
    }
    assert types["product_id"] == "VARCHAR"
    assert types["order_cost"] == "DECIMAL(18,2)"
    assert not (shop.settings.lake_dir / "planning").exists()


@pytest.mark.parametrize(
    ("days", "decision"),
    [(1, "unknown"), (2, "unknown"), (13, "unknown"), (14, "order"), (40, "order")],
)
def test_a_young_business_can_be_planned_too(shop, days, decision):
    shop.product()
    shop.terms()
    shop.sold(first=FRIDAY - timedelta(days - 1))
    shop.position(0)
    shop.plan()
    replace_backtest(shop.con)
    assert shop.row("from planning.reorder_proposals")["decision"] == decision
