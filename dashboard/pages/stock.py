"""Stock: what there is, what it is worth, what is about to run out and what to do."""

from __future__ import annotations

from dashboard import charts, data, frame
from dashboard.frame import LOCATION, PRODUCT, PRODUCT_CATEGORY, Page, View


def show(view: View) -> None:
    """Draw the page."""
    with frame.section("Stock over time") as section:
        rows = view.rows(f"""
            select stock_date, sum(cost_value) as cost_value
            from marts.kpi_stock_daily_totals
            where {view.where(LOCATION, dates="stock_date")} group by 1 order by 1""")
        section.chart(
            charts.line(rows, "stock_date", {"cost_value": "at cost"}, unit=data.currency()),
            rows,
            "Value of the stock at cost per day",
        )


PAGE = Page(
    title="Stock",
    path="stock",
    icon=":material/warehouse:",
    question="What is there, what is it worth, what runs out, and what is to be ordered?",
    show=show,
    filters=(LOCATION, PRODUCT_CATEGORY, PRODUCT),
    schemas=("marts", "live", "ops"),
)
