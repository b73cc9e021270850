"""Suppliers: who delivers on time, how long it takes, what is still to come, what got dearer.

Formulas are in `docs/kpis.md`.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import charts, columns, frame
from dashboard.frame import Filter, Page, View

SUPPLIER = Filter(
    "supplier", "Supplier", "supplier_id in {values}",
    "select supplier_id as value, coalesce(supplier_name, supplier_id) as label"
    " from marts.dim_suppliers order by 2, 1",
)  # fmt: skip
COUNTRY = Filter(
    "country", "Country",
    "supplier_id in (select s.supplier_id from marts.dim_suppliers as s"
    " where s.country in {values})",
    "select distinct country as value, country as label from marts.dim_suppliers"
    " where country is not null order by 1",
)  # fmt: skip
THEM = (SUPPLIER, COUNTRY)


def show(view: View) -> None:
    """Draw the page."""
    with frame.section("Purchasing now", "All orders to date") as section:
        _figures(view, section)
    left, right = st.columns(2)
    with left, frame.section("On time", "Of the delivered orders that state a due date") as box:
        _on_time(view, box)
    with right, frame.section("Lead time", "Days from order to last delivery: mean and p90") as box:
        _lead_times(view, box)
    with frame.section("Lead time by month", "Of the orders placed in the days chosen") as section:
        _by_month(view, section)
    with frame.section("Every supplier", "The largest open value first") as section:
        _suppliers(view, section)
    with frame.section("Still to come", "All open orders, the latest first") as section:
        _open(view, section)
    with frame.section(
        "Prices that moved", "Cost now against a year before, the largest rise first"
    ) as section:
        _drift(view, section)


def _figures(view: View, section: frame.Section) -> None:
    sums = view.rows(f"""
        select sum(purchase_orders) as purchase_orders, sum(open_orders) as open_orders,
            sum(overdue_orders) as overdue_orders, sum(on_time_orders) as on_time_orders,
            sum(delivered_orders_due) as delivered_orders_due, sum(open_value) as open_value,
            sum(open_lines) as open_lines, sum(open_lines_with_cost) as open_lines_with_cost,
            sum(lead_time_mean_days * lead_time_orders) as lead_days,
            sum(lead_time_orders) as lead_time_orders, sum(delivered_quantity) as delivered,
            sum(ordered_quantity) as ordered, sum(compared_value) as compared_value,
            sum(year_before_value) as year_before_value
        from marts.kpi_suppliers where {view.where(*THEM)}""")
    row = sums.iloc[0]
    drift = frame.ratio(row["compared_value"], row["year_before_value"])
    without = row["open_lines"] - row["open_lines_with_cost"]
    frame.tiles(
        ("Open orders", frame.count(row["open_orders"]), None,
         f"{row['overdue_orders']:,.0f} of them past their due date."),
        ("Overdue", frame.count(row["overdue_orders"]), None, "Open orders past their due date."),
        ("Open value", frame.money(row["open_value"]), None,
         f"Of what has not arrived; {without:,.0f} lines without a known cost do not count."),
        ("On time", frame.share(frame.ratio(row["on_time_orders"], row["delivered_orders_due"])),
         None, f"Of {row['delivered_orders_due']:,.0f} delivered orders that state a due date."),
        ("Lead time", frame.with_unit(frame.ratio(row["lead_days"], row["lead_time_orders"]),
                                      "days", 1), None, "Mean of all delivered orders."),
        ("Delivered", frame.share(frame.ratio(row["delivered"], row["ordered"])), None,
         "Units delivered ÷ units ordered, of delivered orders that state both."),
        ("Price drift", frame.share(None if drift is None else drift - 1), None,
         "What was bought in a year, at the cost of now against a year before."),
    )  # fmt: skip
    section.offer(sums)


def _named(view: View, wanted: str) -> pd.DataFrame:
    return view.rows(f"""
        select coalesce(s.supplier_name, k.supplier_id) as supplier, s.country, k.*
        from (select * from marts.kpi_suppliers where {view.where(*THEM)}) as k
        left join marts.dim_suppliers as s using (supplier_id)
        where {wanted} order by supplier, k.supplier_id""")


def _on_time(view: View, section: frame.Section) -> None:
    rows = _named(view, "k.on_time_share is not null")
    rows = rows.sort_values(["on_time_share", "supplier"], ascending=[True, True])
    labels = rows["supplier"] + " · " + rows["delivered_orders_due"].map("{:,.0f} orders".format)
    figure = charts.bars(
        rows.assign(named=labels), "named", "on_time_share", unit="%", colour=charts.GREEN
    )
    section.chart(figure, rows, "Share of orders delivered on time by supplier, the worst first")


def _lead_times(view: View, section: frame.Section) -> None:
    rows = _named(view, "k.lead_time_mean_days is not null")
    figure = charts.columns(
        rows, "supplier", {"lead_time_mean_days": "mean", "lead_time_p90_days": "nine in ten"},
        unit="days", decimals=1, stacked=False, height=380,
    )  # fmt: skip
    section.chart(figure, rows, "Lead time by supplier")


def _by_month(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select date_trunc('month', order_date) as month, count(*) as orders,
            avg(believed_lead_time_days) as lead_time_days, sum(total_amount) as total_amount
        from marts.fct_purchase_orders
        where believed_lead_time_days is not null
            and {view.where(*THEM, dates="order_date")}
        group by 1 order by 1""")
    figure = charts.line(
        rows, "month", {"lead_time_days": "lead time"}, unit="days", decimals=1, height=250
    )
    section.chart(figure, rows, "Mean lead time by month of the order")


def _suppliers(view: View, section: frame.Section) -> None:
    rows = _named(view, "true").sort_values(
        ["open_value", "supplier"], ascending=[False, True], na_position="last"
    )
    section.table(rows, {
        "supplier": columns.text("Supplier"),
        "country": columns.text("Country"),
        "purchase_orders": columns.count("Orders"),
        "open_orders": columns.count("Open"),
        "overdue_orders": columns.count("Overdue"),
        "open_value": columns.money("Open value"),
        "on_time_share": columns.share("On time"),
        "lead_time_mean_days": columns.count("Lead time", "Mean, days", decimals=1),
        "lead_time_spread_days": columns.count("Spread", "Standard deviation, days", decimals=1),
        "lead_time_p90_days": columns.count("Nine in ten", "Days", decimals=1),
        "delivered_share": columns.share("Delivered", "Units delivered ÷ units ordered"),
        "price_drift": columns.share("Price drift", "Against a year before"),
        "last_ordered_date": columns.day("Last order"),
    })  # fmt: skip


def _open(view: View, section: frame.Section) -> None:
    rows = view.query(f"""
        select coalesce(s.supplier_name, o.supplier_id) as supplier, o.*,
            if(o.due_date < today.day, date_diff('day', o.due_date, today.day), null)
                as days_overdue
        from (select * from marts.fct_purchase_orders
            where is_open and {view.where(*THEM)}) as o
        cross join (select max(date_day)::date as day from marts.dim_dates) as today
        left join marts.dim_suppliers as s using (supplier_id)
        order by days_overdue desc nulls last, o.order_date, o.purchase_order_id limit 1000""")
    if rows.empty:
        st.success("Nothing is still to come.", icon=":material/check_circle:")
        return
    section.table(rows, {
        "supplier": columns.text("Supplier"),
        "purchase_order_id": columns.text("Order"),
        "order_date": columns.day("Ordered"),
        "due_date": columns.day("Due"),
        "days_overdue": columns.count(
            "Days overdue", "From the due date to the last day of business, where it has passed"
        ),
        "days_open": columns.count("Days open"),
        "quantity": columns.count("Units"),
        "delivered_quantity": columns.count("Arrived"),
        "total_amount": columns.money("Amount"),
        "location_id": columns.text("To"),
        "order_status": columns.text("Status"),
    })  # fmt: skip


def _drift(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select coalesce(s.supplier_name, k.supplier_id) as supplier,
            coalesce(p.product_name, k.product_id) as product_name, k.*
        from (select * from marts.kpi_supplier_prices
            where price_drift is not null and {view.where(*THEM)}) as k
        left join marts.dim_suppliers as s using (supplier_id)
        left join marts.dim_products as p using (product_id)
        order by k.price_drift desc, k.supplier_id, k.product_id limit 1000""")
    st.caption(f"{(rows['price_drift'] > 0).sum():,} of {len(rows):,} prices rose.")
    section.table(rows, {
        "supplier": columns.text("Supplier"),
        "product_name": columns.text("Product"),
        "unit_cost_year_before": columns.money("A year before"),
        "unit_cost": columns.money("Now"),
        "unit_cost_change": columns.money("Change"),
        "price_drift": columns.share("Drift"),
        "valid_from_date": columns.day("Since"),
        "versions_365": columns.count("Changes", "Prices within a year"),
    })  # fmt: skip


PAGE = Page(
    title="Suppliers",
    path="suppliers",
    icon=":material/local_shipping:",
    question="Who delivers when, what is still to come, and what got dearer?",
    show=show,
    filters=THEM,
)
