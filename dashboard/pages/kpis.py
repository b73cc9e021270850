"""KPIs: how sales, orders and customers do."""

from __future__ import annotations

from dashboard import charts, data, frame
from dashboard.frame import CATEGORY, CHANNEL, COUNTRY, Page, View

SALES = (CHANNEL, CATEGORY, COUNTRY)


def show(view: View) -> None:
    """Draw the page."""
    with frame.section("Revenue over time") as section:
        rows = view.rows(f"""
            select date_day, sum(gross_amount) as gross_amount
            from marts.kpi_sales_daily where {view.where(*SALES, dates="date_day")}
            group by 1 order by 1""")
        section.chart(
            charts.line(rows, "date_day", {"gross_amount": "gross"}, unit=data.currency()),
            rows,
            "Gross revenue per day",
        )


PAGE = Page(
    title="KPIs",
    path="kpis",
    icon=":material/monitoring:",
    question="How do sales, orders and customers do?",
    show=show,
    filters=SALES,
)
