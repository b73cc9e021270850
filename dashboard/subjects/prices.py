"""Prices: what competitors ask, where we stand among them, and where we are undercut.

Formulas are in `docs/kpis.md`.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import charts, columns, data, frame
from dashboard.frame import PRODUCT, PRODUCT_CATEGORY, Filter, Page, View

COMPETITOR = Filter(
    "competitor", "Competitor", "competitor_name in {values}",
    "select distinct competitor_name as value, competitor_name as label"
    " from marts.fct_competitor_prices where competitor_name is not null order by 1",
)  # fmt: skip
INDEX_CATEGORY = Filter("category", "Category", "category in {values}")
"""The filter of categories, for marts that hold the category themselves."""
GOODS = (PRODUCT_CATEGORY, PRODUCT)
WATCHED = "(price_date <= $last or $last = (select max(date_day) from marts.dim_dates))"
"""Days of prices up to the last one chosen. Competitors are watched after the last day of business
too: what was seen then belongs to it."""


def show(view: View) -> None:
    """Draw the page."""
    with frame.section(
        "Prices now", "As competitors were seen last, whichever days are chosen"
    ) as section:
        _figures(view, section)
    with frame.section(
        "Price index",
        "Ours against the median of crawled shops; 100 is equal, above is dearer. All competitors"
        " and products of a category",
    ) as section:
        _index(view, section)
    left, right = st.columns(2)
    with (
        left,
        frame.section(
            "Index by category",
            "On the last day shown; crawled shops, all competitors and products",
        ) as section,
    ):
        _categories(view, section)
    with (
        right,
        frame.section("Who undercuts us", "Offers more than 5 % below our price") as section,
    ):
        _competitors(view, section)
    with frame.section(
        "Undercut offers", "The largest difference first; the margin is ours at their price"
    ) as section:
        _undercut(view, section)
    with frame.section(
        "Position of every product", "The dearest against the cheapest first; all competitors"
    ) as section:
        _position(view, section)
    with frame.section("Offers of a product", "What each competitor asked, and since when") as box:
        _history(view, box)
    with frame.section(
        "Offers that belong to no product",
        "Not compared with anything until somebody reviews them; all competitors and products",
    ) as section:
        _unmatched(view, section)


def _figures(view: View, section: frame.Section) -> None:
    position = view.rows(f"""
        select count(*) as products, count(*) filter (our_rank = 1) as cheapest,
            sum(price_index) as index_sum, count(price_index) as indexed,
            count(*) filter (competitors > 0) as compared
        from marts.kpi_price_position where {view.where(*GOODS)}""").iloc[0]
    if not position["products"]:
        raise frame.NothingError("Nothing in this range. Choose fewer filters.")
    undercut = view.query(f"""
        select count(*) as offers, count(distinct product_id) as products
        from marts.kpi_undercut_alerts where {view.where(COMPETITOR, *GOODS)}""").iloc[0]
    offers = view.query(f"""
        select count(*) as offers, count(distinct competitor_name) as competitors,
            max(last_seen_at) as last_seen_at
        from marts.fct_competitor_prices where {view.where(COMPETITOR, *GOODS)}""").iloc[0]
    index = frame.ratio(position["index_sum"], position["indexed"])
    frame.tiles(
        ("Price index", frame.count(index, 1), None,
         "Mean of the products' indices, each counting once; above 100 we are dearer. All"
         " competitors."),
        ("Compared products", frame.count(position["compared"]), None,
         "Products of which at least one competitor has a comparable offer. All competitors."),
        ("We are cheapest", frame.share(frame.ratio(position["cheapest"], position["compared"])),
         None, "Share of the compared products for which nobody asks less. All competitors."),
        ("Undercut offers", frame.count(undercut["offers"]), None,
         f"More than 5 % below us, of {undercut['products']:,.0f} products."),
        ("Offers", frame.count(offers["offers"]), None,
         f"Of {offers['competitors']:,.0f} competitors."),
    )  # fmt: skip
    if not pd.isna(offers["last_seen_at"]):
        st.caption(f"The newest offer was seen on {offers['last_seen_at']:%-d %b %Y %H:%M} UTC.")
    section.offer(pd.DataFrame([{**position, "price_index": index, **undercut}]))


def _index(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select price_date, sum(price_index_sum) / nullif(sum(products), 0) as price_index,
            sum(products) as products, sum(competitor_prices) as competitor_prices
        from marts.kpi_price_index_daily
        where price_date >= $first and {WATCHED} and {view.where(INDEX_CATEGORY)}
        group by 1 order by 1""")
    newest = rows.iloc[-1]
    st.caption(
        f"On {newest['price_date']:%-d %b %Y}: {newest['products']:,.0f} products against"
        f" {newest['competitor_prices']:,.0f} prices of crawled shops. Prices from other sources"
        " have no history: they count in the price index above and not here, so the two differ."
    )
    if len(rows) == 1:
        st.caption("Competitors were watched on one day only; a trend begins with the second.")
    figure = charts.line(
        rows, "price_date", {"price_index": "our price index"}, decimals=1, height=260
    )
    section.chart(figure, rows, "Our price against the median of competitors by day")


def _categories(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select category, sum(price_index_sum) / nullif(sum(products), 0) as price_index,
            sum(products) as products
        from marts.kpi_price_index_daily
        where price_date = (
                select max(price_date) from marts.kpi_price_index_daily where {WATCHED})
            and {view.where(INDEX_CATEGORY)}
        group by 1 order by 2 desc nulls last, 1""")
    figure = charts.bars(rows, "category", "price_index", decimals=1)
    section.chart(figure, rows, "Price index by category")


def _competitors(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select competitor_name, count(*) as offers, avg(undercut_amount) as mean_undercut_amount
        from marts.kpi_undercut_alerts where {view.where(COMPETITOR, *GOODS)}
        group by 1 order by 2 desc, 1""")
    figure = charts.bars(rows, "competitor_name", "offers", unit="offers", colour=charts.ORANGE)
    section.chart(figure, rows, "Undercut offers by competitor")


def _undercut(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select coalesce(p.product_name, u.product_id) as product_name, u.*
        from (select * from marts.kpi_undercut_alerts
            where {view.where(COMPETITOR, *GOODS)}) as u
        left join marts.dim_products as p using (product_id)
        order by u.undercut_share desc, u.offer_id limit 1000""")
    section.table(rows, {
        "product_name": columns.text("Product"),
        "competitor_name": columns.text("Competitor"),
        "our_price": columns.money("Our price"),
        "competitor_price": columns.money("Theirs"),
        "undercut_amount": columns.money("Below us"),
        "undercut_share": columns.share("Below us", "Of our price"),
        "margin_amount": columns.money("Margin at theirs", "Their price without tax - our cost"),
        "margin_share": columns.share("Margin rate at theirs"),
        "last_seen_at": columns.instant("Last seen", "UTC"),
        "product_id": columns.text("Number"),
    })  # fmt: skip


def _position(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select coalesce(p.product_name, k.product_id) as product_name, p.category, k.*
        from (select * from marts.kpi_price_position where {view.where(*GOODS)}) as k
        left join marts.dim_products as p using (product_id)
        order by k.gap_share desc nulls last, k.product_id limit 5000""")
    section.table(rows, {
        "product_name": columns.text("Product"),
        "category": columns.text("Category"),
        "our_price": columns.money("Our price"),
        "cheapest_price": columns.money("Cheapest"),
        "median_price": columns.money("Median"),
        "our_rank": columns.count("Our rank", "1: nobody asks less"),
        "competitors": columns.count("Competitors"),
        "price_index": columns.count("Index", "Our price ÷ the median, times 100", decimals=1),
        "gap_share": columns.share("Above the cheapest", "(Our price - cheapest) ÷ cheapest"),
        "product_id": columns.text("Number"),
    })  # fmt: skip


def _history(view: View, section: frame.Section) -> None:
    known = view.rows(f"""
        select product_id, concat_ws(' · ', any_value(product_name), product_id) as named,
            count(*) as offers
        from marts.fct_competitor_prices
        where product_id is not null and {view.where(COMPETITOR, *GOODS)}
        group by 1 order by offers desc, product_id limit 1000""")
    labels = dict(zip(known["product_id"], known["named"], strict=True))
    chosen = st.selectbox(
        "Product, the most offered first", list(labels),
        format_func=lambda key: labels[key], key="offered", bind="query-params",
    )  # fmt: skip
    rows = view.rows(
        f"""
        select c.competitor_name, c.competitor_price, c.our_price, c.difference_percent,
            c.availability, c.price_since_at, c.last_seen_at, c.match_method, c.offer_id,
            count(h.offer_id) as known_prices, min(h.competitor_price) as lowest_price,
            max(h.competitor_price) as highest_price
        from (select * from marts.fct_competitor_prices
            where product_id = $chosen and {view.where(COMPETITOR)}) as c
        left join marts.fct_competitor_price_history as h using (offer_id)
        group by all order by c.competitor_price, c.offer_id""",
        chosen=chosen,
    )
    figure = charts.bars(
        rows.head(15), "competitor_name", "competitor_price", unit=data.currency(), decimals=2,
        colour=charts.PURPLE,
    )  # fmt: skip
    ours = rows["our_price"].dropna()
    if len(ours):
        st.markdown(f"Our price is **{frame.money(float(ours.iloc[0]), 2)}**.")
    section.chart(figure, rows, "Price of each competitor")
    section.table(rows, {
        "competitor_name": columns.text("Competitor"),
        "competitor_price": columns.money("Price"),
        "difference_percent": columns.count("Against ours, %", decimals=1),
        "availability": columns.text("Available"),
        "price_since_at": columns.instant("Since", "First seen at this price, UTC"),
        "last_seen_at": columns.instant("Last seen", "UTC"),
        "known_prices": columns.count("Prices seen", "How many the history knows"),
        "lowest_price": columns.money("Lowest"),
        "highest_price": columns.money("Highest"),
        "match_method": columns.text("Matched by"),
    })  # fmt: skip


def _unmatched(view: View, section: frame.Section) -> None:
    rows = view.query("""
        select shop, offer_name, brand, sku, gtin, match_status, match_score, match_reason,
            last_seen_at
        from marts.dim_competitor_offers where product_id is null and is_listed
        order by match_score desc nulls last, offer_id limit 1000""")
    if rows.empty:
        st.success("Every listed offer belongs to a product.", icon=":material/check_circle:")
        return
    section.table(rows, {
        "shop": columns.text("Shop"),
        "offer_name": columns.text("Offer"),
        "brand": columns.text("Brand"),
        "sku": columns.text("Their number"),
        "gtin": columns.text("GTIN"),
        "match_status": columns.text("State"),
        "match_score": columns.count("Score", "How alike the names are, of 100"),
        "match_reason": columns.text("Why", wide=True),
    })  # fmt: skip


PAGE = Page(
    title="Prices",
    path="prices",
    icon=":material/sell:",
    question="Where do we stand among competitors, and who undercuts us?",
    show=show,
    filters=(COMPETITOR, *GOODS),
)
