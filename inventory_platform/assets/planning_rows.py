"""Which rows of the warehouse are planned with, as the frames `planning/` asks for.

Here are the business's answers: what counts as demand, when an item was out of stock, whose lead
time is believed, what is never ordered. Names of columns are those of `docs/planning.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from inventory_platform.planning.lead_time import DAYS_LOOKED_AT
from inventory_platform.planning.policy import LONGEST_LEAD_TIME

READ = (
    ("transformed", "business_days"),
    ("transformed", "products"),
    ("transformed", "product_keys"),
    ("transformed", "location_keys"),
    ("marts", "dim_suppliers"),
    ("transformed", "supplier_terms"),
    ("transformed", "purchase_order_lines"),
    ("reference", "locations"),
    ("staging", "stg_linnworks__stock_item_levels"),
    ("marts", "fct_order_lines"),
    ("marts", "fct_stock_daily"),
    ("marts", "fct_stock_movements"),
)
"""The relations read here."""

DELIVERIES_NEEDED = 5
"""Deliveries of a supplier that are believed more than the lead time it states."""

_AS_OF = "select max(date_day) from transformed.business_days"

# Cancelled orders and those of channels that do not count are no sales. Resends are: they cost
# nothing and are consumed all the same. Kits are their components already. The row of the last
# day carries every series up to it.
_DAILY = """
    with planned as (
        select location_id from reference.locations where is_planned
    ),
    sold as (
        select product_id, location_id, order_date as day, quantity, false as is_out
        from marts.fct_order_lines
        where is_sale and not is_service
    ),
    booked as (
        select
            product_id, location_id, stock_date as day, 0 as quantity,
            opening_quantity <= 0 and closing_quantity <= 0 as is_out
        from marts.fct_stock_daily
    ),
    days as (
        select * from sold union all by name select * from booked
    ),
    recent as (
        select * from days
        where product_id is not null and location_id in (from planned)
            and day > $as_of - cast($days as integer) and day <= $as_of
    ),
    complete as (
        from recent
        union all by name
        select distinct product_id, location_id, $as_of as day, 0 as quantity, false as is_out
        from recent
    )
    select
        product_id as product,
        location_id as location,
        day as date,
        cast(sum(quantity) as double) as units_sold,
        bool_or(is_out) as was_out_of_stock
    from complete
    group by all
"""

_VALUES = """
    select product_id as product, unit_cost as unit_value from transformed.products
"""

# What a supplier did counts more than what it says, once it was seen often enough. A product
# nobody states terms for is bought from the supplier it is listed with.
_TERMS = """
    with deliveries as (
        select
            purchase_order_id,
            supplier_id,
            date_diff('day', min(ordered_date), max(delivered_date)) as days
        from transformed.purchase_order_lines
        where is_delivered and supplier_id is not null
            and ordered_date > $as_of - cast($days as integer) and delivered_date <= $as_of
        group by all
    ),
    seen as (
        select supplier_id, avg(days) as mean_days, stddev_samp(days) as spread_days
        from deliveries
        where days between 0 and $longest
        group by supplier_id
        having count(*) >= $needed
    ),
    unlisted as (
        select supplier_id, count(distinct purchase_order_id) as orders
        from transformed.purchase_order_lines
        where is_open and product_id is null
        group by supplier_id
    ),
    stated as (
        select * from transformed.supplier_terms
        where product_id is not null and supplier_id is not null
        qualify row_number() over (
            partition by product_id, supplier_id
            order by is_preferred desc nulls last, valid_from_date desc nulls last, source
        ) = 1
    ),
    listed as (
        select
            product_id, supplier_id, true as is_preferred, null as lead_time_days, unit_cost,
            null as min_order_quantity, null as pack_size
        from transformed.products
        where supplier_id is not null
            and product_id not in (select product_id from stated)
    ),
    terms as (
        select
            product_id, supplier_id, is_preferred, lead_time_days, unit_cost,
            min_order_quantity, pack_size
        from stated
        union all by name
        from listed
    )
    select
        t.product_id as product,
        t.supplier_id as supplier,
        n.supplier_name,
        t.is_preferred,
        cast(coalesce(s.mean_days, t.lead_time_days) as double) as lead_time_days,
        cast(s.spread_days as double) as lead_time_spread_days,
        cast(t.unit_cost as decimal(18, 6)) as unit_cost,
        cast(t.min_order_quantity as bigint) as min_order_quantity,
        cast(t.pack_size as bigint) as pack_size,
        cast(null as bigint[]) as order_weekdays,
        coalesce(u.orders, 0) as unlisted_orders
    from terms t
    left join seen s using (supplier_id)
    left join unlisted u using (supplier_id)
    left join marts.dim_suppliers n using (supplier_id)
"""

# As in `fct_stock_position`, which is built after planning; a test of the proposals holds the two
# together. An open order reserves what has not left, unless it has left the book already.
_STOCK = """
    with taken as (
        select distinct order_line_id from marts.fct_stock_movements
        where order_line_id is not null
    ),
    quantities as (
        select product_id, location_id, closing_quantity as on_hand, 0 as reserved, 0 as on_order
        from marts.fct_stock_daily
        where stock_date = $as_of
        union all
        select product_id, location_id, 0, quantity - coalesce(despatched_quantity, 0), 0
        from marts.fct_order_lines
        where order_state = 'open' and is_sale and not is_service
            and quantity > coalesce(despatched_quantity, 0)
            and order_line_id not in (from taken)
        union all
        select product_id, location_id, 0, 0, quantity - delivered_quantity
        from transformed.purchase_order_lines
        where is_open and quantity > delivered_quantity
    )
    select
        product_id as product,
        location_id as location,
        cast(sum(on_hand) as bigint) as on_hand,
        cast(sum(reserved) as bigint) as reserved,
        cast(sum(on_order) as bigint) as on_order
    from quantities
    where product_id is not null and location_id is not null
    group by all
"""

# The minimum of the system that keeps the location's book; none is set where it is not above
# zero. Nobody states a maximum: the shops order twice the minimum.
_LIMITS = """
    with minima as (
        select k.product_id, l.location_id, max(s.minimum_level) as minimum
        from staging.stg_linnworks__stock_item_levels s
        join transformed.product_keys k
            on k.source = 'linnworks' and k.source_product_key = s.stock_item_id
        join transformed.location_keys l
            on l.source = 'linnworks' and l.source_location_key = s.stock_location_id
        join reference.locations o on o.location_id = l.location_id
        where o.book_source = 'linnworks'
        group by all
        union all
        select p.product_id, o.location_id, p.restock_level as minimum
        from transformed.products p
        join reference.locations o on o.book_source = 'inventory_db'
    )
    select
        product_id as product, location_id as location, minimum, 2 * minimum as maximum
    from minima
    where minimum > 0
"""

_EXCLUDED = """
    select
        product_id as product,
        case
            when is_kit then 'the product is a kit, whose components are planned'
            else 'the product is discontinued'
        end as why
    from transformed.products
    where is_kit or is_discontinued
"""


@dataclass(frozen=True)
class PlanningRows:
    """What is planned with.

    Attributes:
        as_of: The last day of business; the first day of the calendar where there is none.
        daily: product, location, date, units_sold, was_out_of_stock of the last two years.
        values: product, unit_value (null where no cost is known).
        terms: What suppliers ask for, one row for each product and supplier.
        stock: product, location, on_hand, reserved, on_order.
        limits: product, location, minimum, maximum of the present rule.
        excluded: product, why: what is never ordered.
    """

    as_of: date
    daily: pl.DataFrame
    values: pl.DataFrame
    terms: pl.DataFrame
    stock: pl.DataFrame
    limits: pl.DataFrame
    excluded: pl.DataFrame


def read_rows(con: duckdb.DuckDBPyConnection) -> PlanningRows:
    """Read what is planned with from the finished models."""
    found = con.execute(_AS_OF).fetchone()
    as_of = (found and found[0]) or date.min
    window = {"as_of": as_of, "days": DAYS_LOOKED_AT}
    terms = {**window, "needed": DELIVERIES_NEEDED, "longest": LONGEST_LEAD_TIME}
    return PlanningRows(
        as_of=as_of,
        daily=con.execute(_DAILY, window).pl(),
        values=con.execute(_VALUES).pl(),
        terms=con.execute(_TERMS, terms).pl(),
        stock=con.execute(_STOCK, {"as_of": as_of}).pl(),
        limits=con.execute(_LIMITS).pl(),
        excluded=con.execute(_EXCLUDED).pl(),
    )
