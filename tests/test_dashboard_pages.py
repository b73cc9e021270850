"""The pages of prices, suppliers, data quality and health, over numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashboard import frame
from tests.test_dashboard import MARTS, Publish, figures, made_ago, opened, publish, said

__all__ = ["publish"]

PRICES = MARTS | {
    "kpi_price_position": """
        from (values
            ('P1', 10.0, 9.0, 10.0, 2, 100.0, 0.1111, 3), ('P2', 20.0, 20.0, 16.0, 1, 125.0, 0.0, 2)
        ) as t(product_id, our_price, cheapest_price, median_price, our_rank, price_index,
            gap_share, competitors)""",
    "kpi_undercut_alerts": """
        from (values
            ('o1', 'P1', 'Bazaar', 10.0, 9.0, 1.0, 0.1, 2.0, 0.2, timestamp '2026-06-30 08:00'),
            ('o2', 'P1', 'Corner', 10.0, 9.2, 0.8, 0.08, 2.2, 0.2, timestamp '2026-06-30 08:00'),
            ('o3', 'P2', 'Corner', 20.0, 18.0, 2.0, 0.1, null, null, timestamp '2026-06-30 08:00')
        ) as t(offer_id, product_id, competitor_name, our_price, competitor_price,
            undercut_amount, undercut_share, margin_amount, margin_share, last_seen_at)""",
    "fct_competitor_prices": """
        select *, 'gtin' as match_method, -10.0 as difference_percent, 'in_stock' as availability,
            last_seen_at as price_since_at
        from (values
            ('o1', 'Bazaar', 'P1', 'Mug', 9.0, 10.0, timestamp '2026-06-30 08:00'),
            ('o2', 'Corner', 'P1', 'Mug', 9.2, 10.0, timestamp '2026-06-30 09:15')
        ) as t(offer_id, competitor_name, product_id, product_name, competitor_price, our_price,
            last_seen_at)""",
    "fct_competitor_price_history": """
        from (values ('o1', 9.5), ('o1', 9.0), ('o2', 9.2)) as t(offer_id, competitor_price)""",
    "kpi_price_index_daily": """
        from (values
            (date '2026-06-29', 'Kitchen', 1, 2, 110.0),
            (date '2026-06-30', 'Kitchen', 1, 2, 100.0),
            (date '2026-06-30', 'Tools', 1, 2, 125.0)
        ) as t(price_date, category, products, competitor_prices, price_index_sum)""",
    "dim_competitor_offers": """
        select 'o9' as offer_id, 'Bazaar' as shop, 'Mugg' as offer_name, null as brand, null as sku,
            null as gtin, null as product_id, true as is_listed, 'review' as match_status,
            71.0 as match_score, 'names are alike' as match_reason, now()::timestamp as last_seen_at
        """,
}
STOCK = MARTS | {
    "dim_locations": "from (values ('NTH', 'North'), ('HUB', 'Hub'))"
    " as t(location_id, location_name)",
    "kpi_reorder_proposals": """
        select *, date '2026-07-01' as order_date, date '2026-07-09' as expected_arrival_date,
            'Alba' as supplier_name, 10.0 as order_cost, 1.0 as days_of_cover, 0 as reserved,
            0 as on_order
        from (values
            ('P1', 'Mug', 'HUB', 'order', 1, 9, 'first mug', 0.9, 50.0, 1, 1, 4),
            ('P3', 'Mug', 'HUB', 'order', 2, 7, 'other mug', 0.8, 40.0, 2, 2, 2),
            ('P8', null, 'HUB', 'wait', null, null, 'enough', 0.5, 30.0, 9, 9, 5),
            ('P9', null, 'HUB', 'wait', null, null, 'enough', 0.1, 20.0, 9, 9, null)
        ) as t(product_id, product_name, location_id, decision, urgency_rank, order_quantity,
            reason, stock_out_risk, annual_value, on_hand, position, reorder_point)""",
    "kpi_stock_products": """
        select product_id, 'HUB' as location_id, 3 as on_hand, 30.0 as cost_value,
            false as is_dead_stock, 0.0 as excess_value, 0.0 as lost_sales_value
        from (values ('P1'), ('P3')) as t(product_id)""",
    "kpi_stock_daily_totals": """
        select stock_date::date as stock_date, location_id, 5 as closing_quantity,
            50.0 as cost_value, 60.0 as retail_value
        from range(date '2026-01-01', date '2026-07-01', interval 1 day) as d(stock_date),
            (values ('NTH', date '2026-01-01'), ('HUB', date '2026-06-30'),
                ('FBA', date '2026-06-30'), ('STH', date '2026-05-01')) as l(location_id, since)
        where stock_date >= since""",
    "fct_demand_forecasts": """
        select *, 'HUB' as location_id, date '2026-07-01' as forecast_date,
            date '2026-06-30' as as_of_date, 'smooth' as demand_class, 'naive' as method,
            0.0 as lower_units, 9.0 as upper_units
        from (values ('P1', 1.0), ('P3', 3.0), ('P8', 8.0)) as t(product_id, expected_units)""",
    "fct_order_lines": """
        select 'P1' as product_id, 'HUB' as location_id, date '2026-06-30' as order_date,
            2 as quantity, true as is_sale, false as is_service""",
}
SUPPLIERS = MARTS | {
    "dim_suppliers": "from (values ('S1', 'Alba', 'Spain'), ('S2', 'Brix', 'Italy'))"
    " as t(supplier_id, supplier_name, country)",
    "kpi_suppliers": """
        from (values
            ('S1', 10, 2, 1, 6, 8, 0.75, 4.0, 1.0, 5.0, 8, 100, 90, 0.9, 110.0, 100.0, 0.1,
                50.0, 3, 2, date '2026-06-20'),
            ('S2', 5, 1, 0, 0, 2, 0.0, 10.0, 2.0, 12.0, 2, 50, 50, 1.0, 90.0, 100.0, -0.1,
                25.5, 1, 1, date '2026-06-25')
        ) as t(supplier_id, purchase_orders, open_orders, overdue_orders, on_time_orders,
            delivered_orders_due, on_time_share, lead_time_mean_days, lead_time_spread_days,
            lead_time_p90_days, lead_time_orders, ordered_quantity, delivered_quantity,
            delivered_share, compared_value, year_before_value, price_drift, open_value,
            open_lines, open_lines_with_cost, last_ordered_date)""",
    "fct_purchase_orders": """
        from (values
            ('o1', 'S1', date '2026-06-01', date '2026-06-20', true, false, null, null, 10, 4,
                50.0, 29),
            ('o2', 'S2', date '2026-06-25', null, true, false, null, null, 5, 0, 25.5, 5),
            ('o3', 'S1', date '2026-06-02', null, false, true, 6, 6, 5, 5, 9.0, null)
        ) as t(purchase_order_id, supplier_id, order_date, due_date, is_open, is_delivered,
            lead_time_days, believed_lead_time_days, quantity, delivered_quantity, total_amount,
            days_open)""",
    "kpi_supplier_prices": """
        select *, now1 - before1 as unit_cost_change, now1 / before1 - 1 as price_drift,
            now1 as unit_cost, before1 as unit_cost_year_before, date '2026-05-01'
                as valid_from_date, 1 as versions_365
        from (values ('S1', 'P1', 11.0, 10.0), ('S2', 'P2', 9.0, 10.0))
            as t(supplier_id, product_id, now1, before1)""",
}
OPERATIONS = {
    "runs": """
        from (values
            ('r1', 'refresh_all', 'success', timestamp '2026-06-29 02:00',
                timestamp '2026-06-29 02:01', 60.0, 0, null, timestamp '2026-06-29 02:01'),
            ('r2', 'refresh_all', 'failure', timestamp '2026-06-30 02:00',
                timestamp '2026-06-30 02:02', 120.0, 1, 'no room', timestamp '2026-06-30 02:02')
        ) as t(run_id, job, status, started_at, ended_at, seconds, failed_steps, error,
            updated_at)""",
    "steps": """
        from (values
            ('r1', 'models', 'staging', 'success', timestamp '2026-06-29 02:00', 40.0, null),
            ('r2', 'models', 'staging', 'failure', timestamp '2026-06-30 02:00', 100.0, 'no room')
        ) as t(run_id, step, asset_group, status, started_at, seconds, error)""",
    "materializations": """
        from (values ('r1', 'models', 'marts/fct_orders', 'marts_sales', 10, 1.5,
            timestamp '2026-06-29 02:01')) as t(run_id, step, asset, asset_group, row_count,
            seconds, materialized_at)""",
    "load_history": """
        from (values ('shop', 'orders', 'l1', timestamp '2026-06-30 02:00', 10, 7, 1, 2))
            as t(source, table_name, load_id, committed_at, rows_read, rows_loaded,
            rows_quarantined, rows_deduplicated)""",
    "freshness": made_ago({"marts/dim_dates": 1, "marts/fct_orders": 40}),
    "sizes": """
        from (values ('raw', 2, 3145728, timestamp '2026-06-30 02:02'),
            ('warehouse', 1, 1048576, timestamp '2026-06-30 02:02'))
            as t(layer, files, bytes, measured_at)""",
    "checks": """
        from (values
            ('r1', 'raw/shop__orders', 'contract', false, 'error', true, 'old', timestamp
                '2026-06-29 02:00'),
            ('r2', 'raw/shop__orders', 'contract', true, 'error', true, 'good', timestamp
                '2026-06-30 02:00'),
            ('r2', 'raw/shop__orders', 'drift', false, 'warn', false, 'a new column', timestamp
                '2026-06-30 02:00'),
            ('r2', 'marts/fct_orders', 'balance', false, 'error', true, 'sums differ', timestamp
                '2026-06-30 02:00')
        ) as t(run_id, asset, check_name, passed, severity, is_blocking, description,
            evaluated_at)""",
    "quality_scores": """
        select *, null::double as uniqueness, null::double as consistency,
            null::double as timeliness
        from (values
            ('raw.shop__orders', date '2026-06-29', 0.5, 0.5, 0.5),
            ('raw.shop__orders', date '2026-06-30', 1.0, 0.8, 0.9),
            ('marts.fct_orders', date '2026-06-30', 0.6, null, 0.6)
        ) as t(relation, score_date, completeness, validity, score)""",
    "quarantined_rows": """
        from (values
            ('shop', 'orders', 'not_a_number', 'Quantity: ''abc'' is not a number', 'open', 'l1',
                3, '{"Quantity": "abc"}', timestamp '2026-06-30 02:00'),
            ('shop', 'orders', 'missing_value', 'Id has no value', 'replayed', 'l1',
                4, '{}', timestamp '2026-06-30 02:00')
        ) as t(source, table_name, reason_code, reason, status, load_id, position, payload,
            quarantined_at)""",
}
ANOMALIES = MARTS | {
    "fct_anomalies": """
        select 'a1' as anomaly_id, date '2026-06-30' as detected_for_date, 'high' as severity,
            'stock' as subject, 'negative_stock' as rule, 'The book says -1.' as reason,
            'P1' as product_id, 'NTH' as location_id, null as source,
            'marts.fct_stock_daily' as linked_table, 'true' as linked_rows""",
}


def test_products_without_a_name_of_their_own_are_told_apart_by_number(publish: Publish) -> None:
    publish(STOCK)
    page = opened("stock")
    forecast = page.selectbox(key="forecast")
    assert forecast.options == [
        "Mug · P1 at HUB",
        "Mug · P3 at HUB",
        "P8 at HUB",
        "P9 at HUB",
    ]
    reason = next(box for box in page.selectbox if box.label == "Reason of")
    assert reason.options == ["Mug · P1 at HUB", "Mug · P3 at HUB"]
    reason.select("Mug · P3 at HUB").run()
    assert "other mug" in [text.value for text in page.text]
    risk = next(t.value for t in page.dataframe if "stock_out_risk" in t.value)
    assert risk["product_name"].tolist() == ["Mug", "Mug", "P8", "P9"]


def test_the_forecast_is_that_of_the_chosen_product(publish: Publish) -> None:
    publish(STOCK)
    page = opened("stock")
    for option, told in (("Mug · P3 at HUB", "3.0 units"), ("P8 at HUB", "8.0 units")):
        page.selectbox(key="forecast").select(option).run()
        assert any(told in caption.value for caption in page.caption)
    page.selectbox(key="forecast").select("P9 at HUB").run()
    assert not page.exception
    assert "There is no forecast for this product here." in said(page)


def test_a_location_that_begins_within_the_days_is_told(publish: Publish) -> None:
    publish(STOCK)

    def told(**address: str) -> list[str]:
        return [c.value for c in opened("stock", **address).caption if "booked since" in c.value]

    both = "2 locations are booked since 30 Jun 2026 only; 1 location is booked since 1 May 2026"
    assert told() == [f"{both} only."] * 2  # Under the value and under the units.
    assert told(period="Last 28 days") == ["2 locations are booked since 30 Jun 2026 only."] * 2
    assert not told(location="NTH · North")


def test_products_at_their_reorder_point_are_counted(publish: Publish) -> None:
    publish(STOCK)
    # P1 is below its point and P3 at it; P8 is above, and P9 has none.
    assert figures(opened("stock"))["At reorder point"] == "2"
    assert figures(opened("stock", product="P1"))["At reorder point"] == "1"


def test_an_offered_product_without_a_name_is_listed_by_its_number(publish: Publish) -> None:
    named = PRICES["fct_competitor_prices"]
    publish(PRICES | {"fct_competitor_prices": named.replace("'Mug', 9.2", "null, 9.2").replace(
        "'Corner', 'P1'", "'Corner', 'P2'")})  # fmt: skip
    assert opened("prices").selectbox(key="offered").options == ["Mug · P1", "P2"]


def test_prices_show_the_index_the_rank_and_who_undercuts(publish: Publish) -> None:
    publish(PRICES)
    page = opened("prices")
    # Indices 100 and 125; of two compared products P2 has rank 1.
    assert figures(page) == {
        "Price index": "112.5",
        "Compared products": "2",
        "We are cheapest": "50.0%",
        "Undercut offers": "3",
        "Offers": "2",
    }
    assert figures(opened("prices", competitor="Bazaar"))["Undercut offers"] == "1"
    assert figures(opened("prices", category="Tools"))["Price index"] == "125.0"


def test_the_price_index_ends_with_the_chosen_days(publish: Publish) -> None:
    publish(PRICES)
    chosen = opened("prices", period="Choose days", days=["2026-06-01", "2026-06-29"])
    told = [text.value for text in chosen.caption]
    assert any(text.startswith("On 29 Jun 2026: 1 products against 2 prices") for text in told)
    early = opened("prices", period="Choose days", days=["2026-01-01", "2026-01-31"])
    assert said(early).count(frame.NOTHING) == 2  # Over time, and by category.


def test_prices_seen_after_the_last_day_of_business_belong_to_it(publish: Publish) -> None:
    later = PRICES["kpi_price_index_daily"].replace("2026-06-30", "2026-07-09")
    publish(PRICES | {"kpi_price_index_daily": later})
    told = [text.value for text in opened("prices").caption]
    assert any(text.startswith("On 9 Jul 2026: 2 products against 4 prices") for text in told)


def test_figures_that_no_competitor_is_chosen_for_say_so(publish: Publish) -> None:
    publish(PRICES)
    page = opened("prices", competitor="Bazaar")
    every = {tile.label for tile in page.metric if tile.help.endswith("All competitors.")}
    assert every == {"Price index", "Compared products", "We are cheapest"}
    assert figures(page)["Compared products"] == figures(opened("prices"))["Compared products"]
    assert [text.value for text in page.caption if "all competitors" in text.value.lower()] == [
        "Ours against the median of crawled shops; 100 is equal, above is dearer. All competitors"
        " and products of a category",
        "On the last day shown; crawled shops, all competitors and products",
        "The dearest against the cheapest first; all competitors",
        "Not compared with anything until somebody reviews them; all competitors and products",
    ]


def test_the_offers_of_a_product_stand_beside_our_price(publish: Publish) -> None:
    publish(PRICES)
    page = opened("prices")
    assert any("€10.00" in text.value for text in page.markdown)
    offers = next(t.value for t in page.dataframe if "known_prices" in t.value)
    assert offers[["competitor_name", "known_prices", "lowest_price"]].values.tolist() == [
        ["Bazaar", 2, 9.0],
        ["Corner", 1, 9.2],
    ]


def test_an_offer_without_a_product_waits_for_review(publish: Publish) -> None:
    publish(PRICES)
    waiting = next(t.value for t in opened("prices").dataframe if "match_score" in t.value)
    assert waiting["offer_name"].tolist() == ["Mugg"]
    nothing = "select * from ({}) where product_id is not null"
    matched = nothing.format(PRICES["dim_competitor_offers"])
    publish(PRICES | {"dim_competitor_offers": matched}, version="v2")
    page = opened("prices")
    assert "Every listed offer belongs to a product." in [box.value for box in page.success]


def test_figures_of_suppliers_are_sums_and_ratios_of_sums(publish: Publish) -> None:
    publish(SUPPLIERS)
    assert figures(opened("suppliers")) == {
        "Open orders": "3",
        "Overdue": "1",
        "Open value": "€76",
        "On time": "60.0%",  # 6 + 0 of 8 + 2
        "Lead time": "5.2 days",  # 8 orders of 4 days, 2 of 10
        "Delivered": "93.3%",  # 140 of 150
        "Price drift": "0.0%",  # 200 against 200
    }
    assert figures(opened("suppliers", supplier="Brix"))["On time"] == "0.0%"
    assert figures(opened("suppliers", country="Spain"))["Lead time"] == "4.0 days"


def test_only_an_order_with_a_due_date_in_the_past_is_overdue(publish: Publish) -> None:
    publish(SUPPLIERS)
    rows = next(t.value for t in opened("suppliers").dataframe if "days_overdue" in t.value)
    late = dict(zip(rows["purchase_order_id"], rows["days_overdue"], strict=True))
    assert late["o1"] == 10
    assert pd.isna(late["o2"])  # No due date is stated.


def test_days_overdue_are_counted_to_the_last_day_of_business_whatever_days_are_chosen(
    publish: Publish,
) -> None:
    publish(SUPPLIERS)
    page = opened("suppliers", period="Choose days", days=["2026-01-01", "2026-01-31"])
    assert "1 Jan 2026 to 31 Jan 2026" in [text.value for text in page.text]
    rows = next(t.value for t in page.dataframe if "days_overdue" in t.value)
    assert rows.set_index("purchase_order_id")["days_overdue"]["o1"] == 10
    assert figures(page)["Overdue"] == "1"


def test_data_quality_counts_the_newest_result_of_each_check(publish: Publish) -> None:
    publish(OPERATIONS, below="operations")
    publish(ANOMALIES)
    page = opened("quality")
    shown = figures(page)
    assert shown["Score"] == "75.0%"  # 0.9 and 0.6
    assert (shown["Checks failed"], shown["Checks warned"]) == ("1", "1")
    assert shown["Rows in quarantine"] == "1"
    assert (shown["Completeness"], shown["Validity"]) == ("80.0%", "80.0%")
    assert shown["Uniqueness"] == frame.UNKNOWN  # Nothing to judge it by.
    failing = next(t.value for t in page.dataframe if "check_name" in t.value)
    assert failing["description"].tolist() == ["sums differ", "a new column"]


def test_data_quality_goes_down_to_the_rejected_row(publish: Publish) -> None:
    publish(OPERATIONS, below="operations")
    publish(ANOMALIES)
    page = opened("quality", table="raw.shop__orders")
    assert figures(page)["Score"] == "90.0%"
    rows = next(t.value for t in page.dataframe if "payload" in t.value)
    assert rows[["position", "status"]].values.tolist() == [[3, "open"], [4, "replayed"]]
    other = opened("quality", table="marts.fct_orders")
    assert "No row of what is shown was ever rejected." in said(other)
    assert "No row is in quarantine." in [box.value for box in other.success]


def test_health_says_how_runs_ended_and_what_failed(publish: Publish) -> None:
    publish(OPERATIONS, below="operations")
    page = opened("health")
    shown = figures(page)
    assert shown == {
        "Last run": "failure",
        "Runs": "2",
        "Succeeded": "50.0%",
        "Typical run": "90 seconds",
        "Late": "1",
        "On disk": "4 MiB",
    }
    failed = next(t.value for t in page.dataframe if "step" in t.value)
    assert failed[["step", "error"]].values.tolist() == [["models", "no room"]]
    late = next(t.value for t in page.dataframe if "fresh_within_hours" in t.value)
    assert late["asset"].tolist() == ["marts/fct_orders", "marts/dim_dates"]


def test_what_was_fresh_when_it_was_published_is_late_once_it_is_too_old(publish: Publish) -> None:
    aged = {"marts/dim_dates": 1, "marts/fct_orders": 120, "raw/shop__orders": 37, "raw/new": None}
    publish(OPERATIONS | {"freshness": made_ago(aged)}, below="operations")
    page = opened("health")
    assert figures(page)["Late"] == "3"
    rows = next(t.value for t in page.dataframe if "fresh_within_hours" in t.value)
    assert rows[["asset", "state"]].values.tolist() == [
        ["raw/new", "never"],
        ["marts/fct_orders", "stale"],
        ["raw/shop__orders", "stale"],
        ["marts/dim_dates", "fresh"],
    ]
    assert rows["age_hours"].tolist()[1:] == pytest.approx([120, 37, 1], abs=1)


def test_health_needs_no_mart_and_no_day_of_business(publish: Publish, tmp_path: Path) -> None:
    publish(OPERATIONS, below="operations")
    assert not (tmp_path / "current").exists()
    page = opened("health")
    assert figures(page)["Runs"] == "2"
    # Runs go on while business stands still.
    [told] = [text.value for text in page.caption if text.value.startswith("Data as of ")]
    assert "business" not in told


@pytest.mark.parametrize("name", ["prices", "suppliers", "quality", "health"])
def test_a_page_without_its_tables_says_what_to_do(publish: Publish, name: str) -> None:
    page = opened(name)
    assert any("make run" in text for text in said(page))
    publish(MARTS)
    page = opened(name)
    assert any("is not published yet" in text for text in said(page))
