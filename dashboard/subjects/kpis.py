"""KPIs: how sales, orders and customers do. Formulas are in `docs/kpis.md`."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from dashboard import charts, columns, data, frame
from dashboard.frame import CATEGORY, CHANNEL, COUNTRY, Page, View

SALES = (CHANNEL, CATEGORY, COUNTRY)
SEGMENTS = {
    "champions": "bought lately and often",
    "loyal": "buy often",
    "recent": "bought lately, seldom so far",
    "promising": "bought a while ago, seldom so far",
    "at risk": "bought often, not lately",
    "sleeping": "bought seldom, not lately",
    "lost": "bought seldom, long ago",
}


def show(view: View) -> None:
    """Draw the page."""
    with frame.section("Key figures") as section:
        _figures(view, section)
    with frame.section("Revenue over time") as section:
        _revenue(view, section)
    left, right = st.columns(2)
    with left, frame.section("Top products", _window_note(view)) as section:
        _products(view, section)
    with right, frame.section("Categories", "Gross revenue and margin") as section:
        _split(view, section, "category")
    left, right = st.columns(2)
    with left, frame.section("Channels", "Gross revenue and margin") as section:
        _split(view, section, "channel")
    with right, frame.section("Countries", "Gross revenue and margin") as section:
        _split(view, section, "country")
    with frame.section(
        "Months", "All categories and countries. A month that is not whole is compared with nothing"
    ) as section:
        _months(view, section)
    with frame.section(
        "Delivery and returns", "By the month of the order, all categories and countries"
    ) as section:
        _service(view, section)
    with frame.section(
        "Retention",
        "Of the customers who first bought in a month, the share that bought again, in whole"
        " months. All channels; customers who are known",
    ) as section:
        _retention(view, section)
    left, right = st.columns(2)
    with (
        left,
        frame.section(
            "Customer segments", "By how lately, how often and for how much they bought, to date"
        ) as section,
    ):
        _segments(view, section)
    with (
        right,
        frame.section(
            "Repeat customers", "Share of a month's customers who had bought before, by channel"
        ) as section,
    ):
        _repeat(view, section)


def _sums(view: View) -> dict[str, float | None]:
    sales = view.query(f"""
        select sum(gross_amount) as gross_amount, sum(net_amount) as net_amount,
            sum(sales_amount) as sales_amount, sum(units) as units,
            sum(cost_amount) as cost_amount, sum(costed_amount) as costed_amount
        from marts.kpi_sales_daily where {view.where(*SALES, dates="date_day")}""").iloc[0]
    return {str(name): None if pd.isna(value) else value for name, value in sales.items()}


def _orders(view: View) -> dict[str, float | None]:
    if view.has(CATEGORY):
        return {"order_count": None, "gross_amount": None, "average": None}
    orders = view.query(f"""
        select sum(order_count) as order_count, sum(gross_amount) as gross_amount
        from marts.kpi_orders_daily where {view.where(CHANNEL, COUNTRY, dates="date_day")}""")
    count, gross = (None if pd.isna(value) else value for value in orders.iloc[0])
    return {"order_count": count, "gross_amount": gross, "average": frame.ratio(gross, count)}


def _figures(view: View, section: frame.Section) -> None:
    now, orders = _sums(view), _orders(view)
    if now["gross_amount"] is None:
        raise frame.NothingError(frame.NOTHING)
    then, ordered = (_sums(view.before), _orders(view.before)) if view.before else ({}, {})
    no_orders = " One order has several categories, so orders cannot be split by them."
    coverage = frame.ratio(now["costed_amount"], now["sales_amount"])
    figures = (
        ("Gross revenue", "gross_amount", frame.money(now["gross_amount"]),
         "Sold lines after discount, tax included, without postage."),
        ("Net revenue", "net_amount", frame.money(now["net_amount"]),
         "Revenue without tax, less refunds without tax."),
        ("Units", "units", frame.count(now["units"]), "Units sold; services are none."),
    )  # fmt: skip
    margin, margin_before = _margin(now), _margin(then)
    frame.tiles(
        *((label, text, frame.change(now[key], then.get(key)), explained)
          for label, key, text, explained in figures),
        ("Orders", frame.count(orders["order_count"]),
         frame.change(orders["order_count"], ordered.get("order_count")),
         "Orders that count as sales, without resends." + no_orders),
        ("Average order", frame.money(orders["average"], 2),
         frame.change(orders["average"], ordered.get("average")),
         "Gross revenue ÷ orders, without postage." + no_orders),
        ("Margin", frame.share(margin),
         None if margin is None or margin_before is None
         else f"{(margin - margin_before) * 100:+.1f} points",
         f"Of the sales whose cost is known: {frame.share(coverage)} of them."),
    )  # fmt: skip
    against = (
        f"Change against {view.before.first:%-d %b %Y} to {view.before.last:%-d %b %Y}."
        if view.before
        else "There is no period of this length before to compare with."
    )
    st.caption(f"{against} The margin speaks for {frame.share(coverage)} of the sales.")
    shown = {**now, "orders": orders["order_count"], "average_order": orders["average"]}
    shown |= {"margin_rate": margin, "cost_coverage": coverage}
    section.offer(pd.DataFrame([shown]))


def _margin(sums: dict[str, float | None]) -> float | None:
    costed, cost = sums.get("costed_amount"), sums.get("cost_amount")
    return None if costed is None or cost is None else frame.ratio(costed - cost, costed)


def _revenue(view: View, section: frame.Section) -> None:
    grain = "day" if view.days <= 100 else "week" if view.days <= 400 else "month"
    rows = _by_period(view, grain)
    if not rows.pop("lines").any():
        raise frame.NothingError(frame.NOTHING)
    series = {"gross_amount": "gross", "net_amount": "net"}
    if view.before and grain == "day":
        before = _by_period(view.before, grain)[["period", "gross_amount"]]
        before["period"] += timedelta(days=view.days)
        rows = rows.merge(before.rename(columns={"gross_amount": "gross_before"}), on="period")
        series["gross_before"] = f"gross, {view.days} days earlier"
    st.caption(f"By {grain}." + ("" if grain == "day" else " The first and the last may be cut."))
    figure = charts.line(rows, "period", series, unit=data.currency())
    section.chart(figure, rows, f"Gross and net revenue by {grain}")


def _by_period(view: View, grain: str) -> pd.DataFrame:
    """Revenue of every day, week or month; one without sales is zero, not missing."""
    rows = view.query(f"""
        select date_trunc('{grain}', d.date_day) as period,
            coalesce(sum(s.gross_amount), 0) as gross_amount,
            coalesce(sum(s.net_amount), 0) as net_amount, count(s.date_day) as lines
        from marts.dim_dates as d
        left join (select * from marts.kpi_sales_daily where {view.where(*SALES)}) as s
            on s.date_day = d.date_day
        where {view.where(dates="d.date_day")}
        group by 1 order by 1""")
    rows["period"] = pd.to_datetime(rows["period"])
    return rows


def _window(view: View) -> int:
    return next((days for days in (28, 90) if view.days <= days), 365)


def _window_note(view: View) -> str:
    return f"Gross revenue of the last {_window(view)} days of business, all channels and countries"


def _products(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select coalesce(p.product_name, k.product_id) as product, k.*
        from (select * from marts.kpi_products where window_days = $window
            and units > 0 and {view.where(CATEGORY)}) as k
        left join marts.dim_products as p using (product_id)
        order by k.sales_rank limit {frame.MOST_ROWS}""", window=_window(view))  # fmt: skip
    figure = charts.bars(rows.head(10), "product", "gross_amount", unit=data.currency())
    section.chart(figure, rows, "The ten products with the highest gross revenue")


def _split(view: View, section: frame.Section, by: str) -> None:
    rows = view.rows(f"""
        select {by}, sum(gross_amount) as gross_amount,
            (sum(costed_amount) - sum(cost_amount)) / nullif(sum(costed_amount), 0) as margin_rate,
            sum(costed_amount) / nullif(sum(sales_amount), 0) as cost_coverage,
            sum(units) as units, sum(refund_amount) as refund_amount
        from marts.kpi_sales_daily where {view.where(*SALES, dates="date_day")}
        group by 1 order by 2 desc nulls last, 1""")
    top = rows.head(10).assign(
        named=lambda f: [
            f"{name} · {frame.share(rate, 0)}"
            for name, rate in zip(f[by], f["margin_rate"], strict=True)
        ]
    )
    figure = charts.bars(top, "named", "gross_amount", unit=data.currency(), colour=charts.GREEN)
    section.chart(figure, rows, f"Gross revenue by {by}, with the margin after the name")


def _months(view: View, section: frame.Section) -> None:
    every_channel = "true" if view.has(CHANNEL) else "channel = 'all'"
    rows = view.rows(f"""
        select period_start_date, bool_and(is_complete) as is_complete,
            sum(order_count) as order_count, sum(gross_amount) as gross_amount,
            sum(net_amount) as net_amount,
            if(count(net_growth_rate) > 0,
                (sum(net_amount) - sum(previous_net_amount))
                / nullif(sum(previous_net_amount), 0), null) as net_growth_rate,
            if(count(yearly_net_growth_rate) > 0,
                (sum(net_amount) - sum(year_earlier_net_amount))
                / nullif(sum(year_earlier_net_amount), 0), null) as yearly_net_growth_rate
        from marts.kpi_sales_periods
        where period_type = 'month' and {every_channel} and {view.where(CHANNEL)}
            and period_end_date >= $first and period_start_date <= $last
        group by 1 order by 1 desc""")
    rows.loc[~rows["is_complete"], ["net_growth_rate", "yearly_net_growth_rate"]] = None
    section.table(rows, {
        "period_start_date": st.column_config.DateColumn("Month", format="MMM YYYY"),
        "order_count": columns.count("Orders"),
        "gross_amount": columns.money("Gross revenue"),
        "net_amount": columns.money("Net revenue"),
        "net_growth_rate": columns.share("Against the month before", "Net revenue"),
        "yearly_net_growth_rate": columns.share("Against a year earlier", "Net revenue"),
        "is_complete": st.column_config.CheckboxColumn("Whole month"),
    })  # fmt: skip


def _service(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select month_start_date,
            sum(on_time_order_count) / nullif(sum(due_order_count), 0) as on_time_rate,
            sum(despatched_units) / nullif(sum(tracked_units), 0) as fill_rate,
            sum(return_units) filter (return_rate is not null)
                / nullif(sum(units) filter (return_rate is not null), 0) as return_rate,
            sum(order_count) as order_count, sum(open_order_count) as open_order_count
        from marts.kpi_order_service
        where {view.where(CHANNEL)} and month_start_date between date_trunc('month', $first::date)
            and $last
        group by 1 order by 1 desc""")
    section.table(rows, {
        "month_start_date": st.column_config.DateColumn("Month", format="MMM YYYY"),
        "order_count": columns.count("Orders"),
        "open_order_count": columns.count("Still open"),
        "on_time_rate": columns.share("On time", "Despatched by the time promised ÷ due orders"),
        "fill_rate": columns.share("Filled", "Units despatched ÷ units ordered"),
        "return_rate": columns.share("Returned", "Units that came back, at any time ÷ units sold;"
                                     " grows for recent months"),
    })  # fmt: skip


def _retention(view: View, section: frame.Section) -> None:
    rows = view.rows(
        """
        select strftime(cohort_month_date, '%Y-%m') as cohort, months_since_first_order as months,
            customer_count, active_customer_count,
            active_customer_count / nullif(customer_count, 0) as retention_rate
        from marts.kpi_customer_retention
        where is_complete and months_since_first_order between 1 and 12
            and cohort_month_date between $from_month and $last
        order by 1, 2""",
        from_month=(view.last.replace(day=1) - timedelta(days=396)).replace(day=1),
    )
    figure = charts.heat_map(
        rows, "months", "cohort", "retention_rate", x_title="months after the first order"
    )
    section.chart(figure, rows, "Retention by month of the first order and months since")


def _segments(view: View, section: frame.Section) -> None:
    rows = view.rows("""
        select segment, count(*) as customers, sum(lifetime_value) as lifetime_value,
            sum(gross_amount) / nullif(sum(order_count), 0) as average_order
        from marts.kpi_customers group by 1 order by 3 desc""")
    rows.insert(1, "meaning", rows["segment"].map(SEGMENTS))
    section.table(rows, {
        "segment": columns.text("Segment"),
        "meaning": columns.text("Who"),
        "customers": columns.count("Customers"),
        "lifetime_value": columns.money("Lifetime value", "Net revenue to date"),
        "average_order": columns.money("Average order"),
    })  # fmt: skip


def _repeat(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select month_start_date,
            sum(repeat_customer_count) / nullif(sum(customer_count), 0) as repeat_rate,
            sum(repeat_customer_count) as repeat_customers, sum(customer_count) as customers
        from marts.kpi_repeat_rate
        where {view.where(CHANNEL)} and month_start_date <= $last
            and month_start_date >= date_trunc('month', $last::date) - interval 12 month
        group by 1 order by 1""")
    st.caption("A customer of two channels counts in each.")
    figure = charts.line(rows, "month_start_date", {"repeat_rate": "repeat"}, unit="%", height=250)
    section.chart(figure, rows, "Repeat rate by month")


PAGE = Page(
    title="KPIs",
    path="",
    icon=":material/monitoring:",
    question="How do sales, orders and customers do?",
    show=show,
    filters=SALES,
)
