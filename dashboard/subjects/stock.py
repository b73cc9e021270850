"""Stock: what there is, what it is worth, what is about to run out and what to do.

Formulas are in `docs/kpis.md`, `docs/stock.md` and `docs/planning.md`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, columns, data, frame
from dashboard.frame import LOCATION, PRODUCT, PRODUCT_CATEGORY, Page, View

GOODS = (LOCATION, PRODUCT_CATEGORY, PRODUCT)
CAUSES = {
    "unposted_receipt": "goods came in that were not booked",
    "missed_sale": "a sale was not booked",
    "timing": "a day's movements are not in yet",
    "sensor_fault": "the sensor counts wrongly",
    "shrinkage": "goods are missing",
    "unexplained": "systems disagree, cause unknown",
}
NAMED = "concat_ws(' · ', product_name, product_id) || ' at ' || location_id"
"""A product at a location as an option. Streamlit tells options apart by their text, so that holds
the number: names are missing, or belong to several products."""
HISTORY_DAYS = 84
"""Days of sales before a forecast."""


def show(view: View) -> None:
    """Draw the page."""
    with frame.section("Stock now", "At the end of the last day of business") as section:
        _figures(view, section)
    left, right = st.columns(2)
    with left, frame.section("Value over time", "Of the units whose cost or price is known") as box:
        _over_time(view, box, {"cost_value": "at cost", "retail_value": "at our price"}, True)
    with right, frame.section("Units over time", "At the end of each day") as box:
        _over_time(view, box, {"closing_quantity": "units"}, False)
    with frame.section(
        "What to order", "The most urgent first; the reason can be checked by a buyer"
    ) as section:
        _proposals(view, section)
    with frame.section(
        "About to run out",
        "Risk that demand in the supplier's lead time exceeds what is there or on its way",
    ) as section:
        _risk(view, section)
    with frame.section(
        "Forecast", "What is expected, at least and at most, after what was sold"
    ) as section:
        _forecast(view, section)
    with frame.section(
        "How good forecasts are", "Errors by class of demand of the method that is used"
    ) as section:
        _accuracy(view, section)
    with frame.section(
        "What proposals would have saved", "The last half year, replayed; all products"
    ) as section:
        _backtest(view, section)
    with frame.section(
        "Systems that disagree", "Book, Linnworks, sensors and counts; the costliest first"
    ) as section:
        _reconciliation(view, section)
    left, right = st.columns(2)
    with left, frame.section("Locations", "Value at cost") as section:
        _locations(view, section)
    with right, frame.section("Age", "Value at cost by days since it came in") as section:
        _ageing(view, section)
    with frame.section(
        "Dead and slow",
        "Dead: nothing sold in 180 days. Slow: one or two units in 90. The costliest first",
    ) as section:
        _dead(view, section)
    with frame.section(
        "Classes", "Number of products: A to C by value, X to Z by how steadily they sell"
    ) as section:
        _classes(view, section)
    with frame.section("Live", "Book of the last closed day and what sensors saw since") as section:
        _live(view, section)


def _figures(view: View, section: frame.Section) -> None:
    stock = view.rows(f"""
        select sum(on_hand) as on_hand, sum(cost_value) as cost_value,
            count(*) filter (on_hand > 0 and cost_value is null) as without_cost,
            count(*) as positions, count(*) filter (on_hand <= 0) as out_of_stock,
            sum(cost_value) filter (is_dead_stock) as dead_value,
            sum(excess_value) as excess_value, sum(lost_sales_value) as lost_sales_value
        from marts.kpi_stock_products where {view.where(*GOODS)}""")
    if not stock["positions"].iloc[0]:
        raise frame.NothingError("Nothing in this range. Choose fewer filters.")
    row = stock.iloc[0]
    dead = frame.ratio(row["dead_value"], row["cost_value"])
    out = frame.ratio(row["out_of_stock"], row["positions"])
    low, planned = view.query(f"""
        select count(*) filter (position <= reorder_point), count(reorder_point)
        from marts.kpi_reorder_proposals where {view.where(*GOODS)}""").iloc[0]
    frame.tiles(
        ("Value at cost", frame.money(row["cost_value"]), None,
         f"{row['without_cost']:,.0f} products at a location have no known cost and do not count."),
        ("Units", frame.count(row["on_hand"]), None, "On hand, all locations shown."),
        ("Out of stock", frame.count(row["out_of_stock"]), None,
         f"Products at a location with nothing left: {frame.share(out)} of them."),
        ("At reorder point", frame.count(low if planned else None), None,
         "Products at a location whose position, on hand - reserved + on order, is at or below"
         f" their reorder point, of {frame.count(planned)} that have one."),
        ("Dead stock", frame.money(row["dead_value"]), None,
         f"Nothing sold in 180 days: {frame.share(dead)} of the value."),
        ("Excess", frame.money(row["excess_value"]), None,
         "More than 90 days of demand, at cost."),
        ("Sales lost", frame.money(row["lost_sales_value"]), None,
         "Estimate of 90 days: days out of stock, times demand, at our price."),
    )  # fmt: skip
    section.offer(stock.assign(at_reorder_point=low if planned else None))


def _over_time(view: View, section: frame.Section, series: dict[str, str], is_money: bool) -> None:
    sums = ", ".join(f"sum({column}) as {column}" for column in series)
    # Totals are ready by location; a choice of products has to be added up from their days.
    if view.has(PRODUCT_CATEGORY, PRODUCT):
        source, where = "marts.fct_stock_daily", view.where(*GOODS, dates="stock_date")
    else:
        source = "marts.kpi_stock_daily_totals"
        where = view.where(LOCATION, dates="stock_date")
    rows = view.rows(f"select stock_date, {sums} from {source} where {where} group by 1 order by 1")
    figure = charts.line(
        rows, "stock_date", series, unit=data.currency() if is_money else "units", height=280
    )
    if begun := _begun(view):
        st.caption(begun)
    section.chart(figure, rows, " and ".join(series.values()) + " by day")


def _begun(view: View) -> str:
    """Which steps are no change of stock: locations of which nothing was booked before."""
    begun = view.query(f"""
        select since, count(*) as locations
        from (select min(stock_date) as since from marts.kpi_stock_daily_totals
            where {view.where(LOCATION)} group by location_id)
        where since > $first and since <= $last group by 1 order by 1 desc""")
    if begun.empty:
        return ""
    told = [
        f"{row.locations} {'location is' if row.locations == 1 else 'locations are'} booked since"
        f" {row.since:%-d %b %Y} only"
        for row in begun.head(3).itertuples()
    ]
    rest = begun["locations"].iloc[3:].sum()
    return "; ".join([*told, f"{rest} more begin earlier in these days"] if rest else told) + "."


def _proposals(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select urgency_rank, product_id, coalesce(product_name, product_id) as product_name,
            location_id, order_quantity, order_cost, order_date, expected_arrival_date,
            supplier_name, reason, {NAMED} as named
        from marts.kpi_reorder_proposals
        where decision = 'order' and {view.where(*GOODS)}
        order by urgency_rank, product_id, location_id limit {frame.MOST_ROWS}""",
        nothing="Nothing has to be ordered.")  # fmt: skip
    total = view.query(f"""
        select count(*) as orders, sum(order_cost) as cost,
            count(*) filter (order_cost is null) as unknown
        from marts.kpi_reorder_proposals where decision = 'order' and {view.where(*GOODS)}""")
    orders, cost, unknown = total.iloc[0]
    st.markdown(
        f"**{frame.count(orders)} orders** of {frame.money(cost)}"
        + (f", without {frame.count(unknown)} whose cost is unknown" if unknown else "")
    )
    names = rows.pop("named")
    section.table(rows, {
        "urgency_rank": columns.count("Rank", "1 is the most urgent"),
        "product_name": columns.text("Product"),
        "location_id": columns.text("At"),
        "order_quantity": columns.count("Order"),
        "order_cost": columns.money("Cost"),
        "supplier_name": columns.text("From"),
        "order_date": columns.day("On"),
        "expected_arrival_date": columns.day("Arrives"),
        "reason": columns.text("Why", wide=True),
        "product_id": columns.text("Number"),
    })  # fmt: skip
    reasons = dict(zip(names, rows["reason"], strict=True))
    st.text(reasons[st.selectbox("Reason of", list(reasons))])


def _risk(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select product_id, coalesce(product_name, product_id) as product_name, location_id,
            stock_out_risk, days_of_cover, on_hand, reserved, on_order, position, reorder_point,
            decision
        from marts.kpi_reorder_proposals
        where stock_out_risk >= 0.05 and {view.where(*GOODS)}
        order by stock_out_risk desc, annual_value desc nulls last, product_id, location_id
        limit {frame.MOST_ROWS}""",
        nothing="Nothing is about to run out.")  # fmt: skip
    section.table(rows, {
        "product_name": columns.text("Product"),
        "location_id": columns.text("At"),
        "stock_out_risk": st.column_config.ProgressColumn(
            "Risk", format="percent", min_value=0, max_value=1),
        "days_of_cover": columns.count("Days of cover", "(On hand - reserved + on order) ÷ demand"),
        "on_hand": columns.count("On hand"),
        "reserved": columns.count("Reserved"),
        "on_order": columns.count("On order"),
        "reorder_point": columns.count("Reorder point"),
        "decision": columns.text("Decision"),
        "product_id": columns.text("Number"),
    })  # fmt: skip


def _forecast(view: View, section: frame.Section) -> None:
    known = view.rows(f"""
        select product_id || '@' || location_id as key, {NAMED} as named
        from marts.kpi_reorder_proposals where {view.where(*GOODS)}
        order by annual_value desc nulls last, product_id, location_id limit 500""")
    labels = dict(zip(known["key"], known["named"], strict=True))
    chosen = st.selectbox(
        "Product, the most valuable first", list(labels), format_func=lambda key: labels[key],
        key="forecast", bind="query-params",
    )  # fmt: skip
    product, _, location = chosen.rpartition("@")
    at: dict[str, Any] = {"product_id": product, "location_id": location}
    expected = view.rows(
        """
        select forecast_date as day, expected_units, lower_units, upper_units, as_of_date,
            method, demand_class
        from marts.fct_demand_forecasts
        where product_id = $product_id and location_id = $location_id order by 1""",
        nothing="There is no forecast for this product here.",
        **at,
    )
    as_of = expected["as_of_date"].iloc[0]
    sold = view.query(
        """
        select d.date_day as day, coalesce(sum(l.quantity), 0) as sold_units
        from marts.dim_dates as d
        left join marts.fct_order_lines as l on l.order_date = d.date_day
            and l.product_id = $product_id and l.location_id = $location_id
            and l.is_sale and not l.is_service
            and l.order_date > $since
        where d.date_day > $since group by 1 order by 1""",
        **at,
        since=(as_of - pd.Timedelta(days=HISTORY_DAYS)).date(),
    )
    rows = sold.merge(expected, on="day", how="outer").sort_values("day")
    st.caption(
        f"Demand is {expected['demand_class'].iloc[0]}; method:"
        f" {expected['method'].iloc[0].replace('_', ' ')}. Forecast on {as_of:%-d %b %Y},"
        f" {expected['expected_units'].sum():,.1f} units in {len(expected)} days."
    )
    figure = charts.line(
        rows, "day", {"sold_units": "sold", "expected_units": "expected"}, unit="units",
        decimals=1, interval=("lower_units", "upper_units"), interval_label="9 of 10 days in here",
    )  # fmt: skip
    section.chart(figure, rows, f"Units sold and expected by day: {labels[chosen]}")


def _accuracy(view: View, section: frame.Section) -> None:
    sums = """sum(absolute_error_units) / nullif(sum(actual_units), 0) as wape,
        sum(error_units) / nullif(sum(actual_units), 0) as bias,
        sum(covered_days) / nullif(sum(interval_days), 0) as coverage,
        sum(actual_units) as actual_units"""
    rows = view.query(f"""
        select demand_class, method, {sums} from marts.kpi_forecast_accuracy
        where is_chosen group by all order by actual_units desc""")
    if rows.empty:
        st.caption("No forecast's days have come yet: errors are those of trials in the past.")
        rows = view.rows(f"""
            select demand_class, method, {sums} from marts.kpi_forecast_methods
            where is_chosen group by all order by actual_units desc""")
    section.table(rows, {
        "demand_class": columns.text("Demand"),
        "method": columns.text("Method"),
        "actual_units": columns.count("Units sold"),
        "wape": columns.share("Error", "Sum of absolute errors of days ÷ units sold (WAPE)"),
        "bias": columns.share("Bias", "Forecast too high (+) or too low (-), of units sold"),
        "coverage": columns.share("Within the interval", "Days; 90 % are aimed at"),
    })  # fmt: skip


def _reconciliation(view: View, section: frame.Section) -> None:
    rows = view.query(f"""
        select r.product_id, coalesce(p.product_name, r.product_id) as product_name,
            r.location_id, r.book_quantity, r.linnworks_quantity, r.sensor_quantity,
            r.counted_quantity, r.difference, r.difference_value, r.likely_cause, r.explanation
        from (select * from marts.fct_stock_reconciliation where {view.where(*GOODS)}) as r
        left join marts.dim_products as p using (product_id)
        order by abs(r.difference_value) desc nulls last, r.product_id, r.location_id""")
    if rows.empty:
        raise frame.NothingError("Nothing to compare: at least two systems have to speak.")
    wrong = rows[rows["likely_cause"] != "none"].copy()
    agree = len(rows) - len(wrong)
    st.markdown(f"**{len(wrong):,} differ**, {agree:,} agree.")
    if wrong.empty:
        return
    wrong["cause"] = wrong["likely_cause"].map(lambda cause: CAUSES.get(cause, cause))
    section.table(wrong, {
        "product_name": columns.text("Product"),
        "location_id": columns.text("At"),
        "book_quantity": columns.count("Book"),
        "linnworks_quantity": columns.count("Linnworks"),
        "sensor_quantity": columns.count("Sensors"),
        "counted_quantity": columns.count("Last count"),
        "difference_value": columns.money("Worth", "Difference at cost"),
        "cause": columns.text("Likely cause"),
        "explanation": columns.text("Why", wide=True),
        "product_id": columns.text("Number"),
    })  # fmt: skip


def _locations(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select coalesce(l.location_name, s.location_id) as location, s.*
        from (select location_id, sum(cost_value) as cost_value, sum(on_hand) as on_hand,
                count(*) filter (on_hand <= 0) as out_of_stock, count(*) as products
            from marts.kpi_stock_products where {view.where(*GOODS)} group by 1) as s
        left join marts.dim_locations as l using (location_id)
        order by s.cost_value desc nulls last, s.location_id""")
    figure = charts.bars(rows.head(12), "location", "cost_value", unit=data.currency())
    section.chart(figure, rows, "Value of the stock at cost by location")


def _ageing(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select bucket_number, age_bucket, sum(cost_value) as cost_value, sum(quantity) as quantity
        from marts.kpi_stock_ageing where {view.where(*GOODS)} group by 1, 2 order by 1""")
    rows["age"] = rows["age_bucket"].map(
        lambda age: age if age == "unknown" else f"{age} days".replace("-", " to ")
    )
    figure = charts.bars(rows, "age", "cost_value", unit=data.currency(), colour=charts.OCHRE)
    section.chart(figure, rows, "Value of the stock at cost by age")


def _dead(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select s.product_id, coalesce(p.product_name, s.product_id) as product_name,
            s.location_id, if(s.is_dead_stock, 'dead', 'slow') as state, s.on_hand, s.cost_value,
            s.units_sold_90, s.last_sale_date, s.days_of_cover
        from (select * from marts.kpi_stock_products
            where (is_dead_stock or is_slow_stock) and {view.where(*GOODS)}) as s
        left join marts.dim_products as p using (product_id)
        order by s.cost_value desc nulls last, s.product_id, s.location_id
        limit {frame.MOST_ROWS}""",
        nothing="Nothing is dead or slow.")  # fmt: skip
    section.table(rows, {
        "product_name": columns.text("Product"),
        "location_id": columns.text("At"),
        "state": columns.text("State"),
        "on_hand": columns.count("On hand"),
        "cost_value": columns.money("Value at cost"),
        "units_sold_90": columns.count("Sold in 90 days"),
        "last_sale_date": columns.day("Last sale"),
        "days_of_cover": columns.count("Days of cover"),
        "product_id": columns.text("Number"),
    })  # fmt: skip


def _classes(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select abc_class, xyz_class, count(*) as products, sum(annual_value) as annual_value
        from marts.kpi_abc_xyz where {view.where(PRODUCT_CATEGORY, PRODUCT)}
        group by 1, 2 order by 1, 2""")
    figure = charts.heat_map(
        rows, "xyz_class", "abc_class", "products", unit="products",
        x_title="class by steadiness", height=300,
    )  # fmt: skip
    section.chart(figure, rows, "Number of products by ABC and XYZ class")


def _backtest(view: View, section: frame.Section) -> None:
    rows = view.rows("""
        select if(policy = 'current', 'present minimum and maximum', 'proposals') as policy,
            lost_units, lost_value, served_units / nullif(demand_units, 0) as fill_rate,
            average_stock_value, orders, first_date, last_date
        from marts.kpi_planning_backtest as b order by b.policy""")
    section.table(rows, {
        "policy": columns.text("With"),
        "lost_units": columns.count("Units lost"),
        "lost_value": columns.money("Worth", "Units lost, at cost"),
        "fill_rate": columns.share("Served", "Units served ÷ units wanted"),
        "average_stock_value": columns.money("Average stock", "At cost"),
        "orders": columns.count("Orders"),
    })  # fmt: skip


def _live(view: View, section: frame.Section) -> None:
    where = view.where(*GOODS)
    rows = view.rows(f"""
        select coalesce(p.product_name, l.sku) as product_name, l.sku, l.location,
            l.quantity_on_hand, l.closing_quantity, l.quantity_change, l.closed_date,
            l.last_event_at
        from (select * from live.fct_live_stock where {where}) as l
        left join marts.dim_products as p using (product_id)
        order by l.last_event_at desc, l.sku, l.location limit {frame.MOST_ROWS}""")
    total = view.query(f"""
        select max(last_event_at) as newest, count(*) as places, count(closing_quantity) as booked,
            coalesce(sum(quantity_change) filter (closing_quantity is not null), 0) as change
        from live.fct_live_stock where {where}""").iloc[0]
    unbooked = total["places"] - total["booked"]
    st.markdown(
        f"Newest event {total['newest']:%-d %b %Y %H:%M} UTC,"
        f" **{total['change']:+,.0f} units** since the last closed day"
        " where the book knows the product."
        + (f" {unbooked:,} of {total['places']:,} rows have no book." if unbooked else "")
    )
    section.table(rows, {
        "product_name": columns.text("Product"),
        "location": columns.text("At"),
        "quantity_on_hand": columns.count("Now"),
        "quantity_change": columns.count("Since closing"),
        "closing_quantity": columns.count("At closing"),
        "closed_date": columns.day("Closed on"),
        "last_event_at": columns.instant("Last event", "UTC"),
        "sku": columns.text("Number"),
    })  # fmt: skip


PAGE = Page(
    title="Stock",
    path="stock",
    icon=":material/warehouse:",
    question="What is there, what is it worth, what runs out, and what is to be ordered?",
    show=show,
    filters=GOODS,
    schemas=("marts", "live", "ops"),
)
