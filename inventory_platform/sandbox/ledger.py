"""The tables that follow the goods: purchase orders, the stock ledger and what sensors saw of it.

The ledger chains every change of stock there is; the changes themselves are decided in `business`
and `stockroom`.
"""

from __future__ import annotations

import polars as pl

from inventory_platform.sandbox.business import Business
from inventory_platform.sandbox.columns import ids, money, time
from inventory_platform.sandbox.differences import DIFFERENCES, Sight
from inventory_platform.sandbox.period import (
    DAY,
    DAYS,
    END,
    HOUR,
    LAST_COUNT,
    START,
    start_of,
)
from inventory_platform.sandbox.reference import Dice, Reference

SENSOR_MISSED_SHARE = 0.02
SENSOR_MISCOUNT_SHARE = 0.01


def purchases_and_deliveries(business: Business, dice: Dice) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the purchase orders, and the deliveries made on them."""
    chance = dice.stream("purchases")
    costs = business.reference.products["cost"].to_list()
    purchases, restocks = [], []
    for number, order in enumerate(business.purchase_orders, start=1):
        ordered = START + order.order_day * DAY + 15 * HOUR + chance.randrange(2 * HOUR)
        closed = START + order.closing_day * DAY + 7 * HOUR + chance.randrange(8 * HOUR)
        status = "Pending" if order.order_day >= DAYS - 3 else "Ordered"
        if order.delivered:
            status = "Delivered"
            restocks += [(number, product, closed, units) for product, units in order.lines]
        elif order.cancelled and closed < END:
            status = "Cancelled"
        purchases.append(
            (
                number,
                order.supplier + 1,
                ordered,
                closed if order.delivered else None,
                sum(quantity * costs[product] for product, quantity in order.lines),
                status,
                closed if closed < END else ordered,
            )
        )
    names = ["id", "supplier", "ordered", "delivered", "total", "status", "updated"]
    table = pl.DataFrame(purchases, schema=names, orient="row").select(
        PurchaseOrderID="id",
        SupplierID="supplier",
        OrderDate=time("ordered").dt.date(),
        DeliveryDate=time("delivered").dt.date(),
        TotalAmount=money("total"),
        Status="status",
        CreatedAt=time("ordered"),
        UpdatedAt=time("updated"),
    )
    columns = ["id", "product", "when", "quantity"]
    return table, pl.DataFrame(restocks, schema=dict.fromkeys(columns, pl.Int64), orient="row")


def numbered(events: pl.DataFrame) -> pl.DataFrame:
    """Add the ids under which events stand in their table."""
    return events.with_columns(id=ids(events.height))


def with_status(orders: pl.DataFrame) -> pl.DataFrame:
    """Add how far each order has come by the end, and since when."""
    stages = {
        "Cancelled": "cancelled_at",
        "Returned": "returned_at",
        "Delivered": "delivered_at",
        "Shipped": "shipped_at",
        "Processing": "processing_at",
    }
    reached = [
        (pl.when(pl.col(instant) < END), status, instant) for status, instant in stages.items()
    ]
    return orders.with_columns(
        status=pl.coalesce(
            *(when.then(pl.lit(name)) for when, name, _ in reached), pl.lit("Pending")
        ),
        updated=pl.coalesce(*(when.then(pl.col(at)) for when, _, at in reached), pl.col("when")),
    )


def stock_ledger(business: Business, restocks: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Chain every change of stock, product by product, in order of time."""
    sales, adjustments = numbered(business.sales), numbered(business.adjustments)
    orders = with_status(numbered(business.orders))
    openings = pl.DataFrame(
        {"quantity": business.opening_stock, "when": START, "id": None}
    ).with_columns(product=pl.int_range(pl.len()))
    left_the_shelf = orders.filter(pl.col("status") != "Cancelled")
    returned = orders.filter(pl.col("status") == "Returned").with_columns(when="returned_at")
    cashiers = dice.pick("ledger/cashier", sales.height, business.reference.staff)
    up, down = pl.col("quantity"), -pl.col("quantity")
    adjusted = pl.when(pl.col("kind") == "Increase").then(up).otherwise(down)
    # The order of these parts decides between changes in the same second.
    parts = [
        (openings, "Opening", up, pl.lit("Warehouse"), "opening stock"),
        (restocks, "Restock", up, pl.lit("Warehouse"), "purchase order"),
        (returned, "Return", up, pl.lit("Warehouse"), "return of order"),
        (sales.with_columns(by=cashiers), "Sale", down, pl.col("by"), "transaction"),
        (left_the_shelf, "Sale", down, pl.lit("Web Shop"), "order"),
        (adjustments, "Adjustment", adjusted, pl.col("by"), "adjustment"),
    ]
    return (
        pl.concat(
            frame.select(
                pl.col("product", "when", "id").cast(pl.Int64),
                change=change,
                action=pl.lit(action),
                by=by,
                reference=pl.lit(reference),
                rank=pl.lit(rank),
            )
            for rank, (frame, action, change, by, reference) in enumerate(parts)
        )
        .sort("when", "product", "rank", "id")
        .drop("rank")
        .with_columns(after=pl.col("change").cum_sum().over("product"))
    )


def sensor_logs(reference: Reference, ledger: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Return what the sensors saw of the ledger.

    Three products in five carry a tag. Sensors see goods pass, not stock counts, and only where
    the product lies. Up to the last count they miss a few movements and sometimes count one unit
    too many; since then only the planted differences are wrong.
    """
    tagged = ledger.filter(
        pl.col("product") % 5 < 3, pl.col("action").is_in(["Sale", "Restock", "Return"])
    ).select("product", "when", "change")
    count = tagged.height
    unreliable = tagged["when"] < start_of(LAST_COUNT) + DAY
    missed = unreliable & (dice.uniform("sensors/missed", count) < SENSOR_MISSED_SHARE)
    miscounted = unreliable & (dice.uniform("sensors/miscount", count) < SENSOR_MISCOUNT_SHARE)
    midnight = (pl.col("when") // DAY + 1) * DAY
    seen = tagged.with_columns(
        gate=dice.between("sensors/gate", count, 1, 4),
        # Late, but on the same day, so that the days of sensors and of the ledger agree.
        when=pl.min_horizontal(
            pl.col("when") + dice.between("sensors/delay", count, 0, 90), midnight - 1
        ),
        quantity=pl.col("change").abs() + miscounted,
    ).filter(~missed)
    seen = _with_differences(seen).sort("when", maintain_order=True)
    return pl.concat([seen, reference.homes[seen["product"]]], how="horizontal").select(
        LogID=pl.int_range(1, pl.len() + 1),
        DeviceID=pl.format("GATE-{}-{}", "LocationCode", "gate"),
        ProductID=pl.col("product") + 1,
        EventType=pl.when(pl.col("change") > 0)
        .then(pl.lit("Stock In"))
        .otherwise(pl.lit("Stock Out")),
        Quantity="quantity",
        Timestamp=time("when"),
        Location="Location",
        CreatedAt=time("when"),
        UpdatedAt=time("when"),
    )


def _with_differences(seen: pl.DataFrame) -> pl.DataFrame:
    """Let sensors be wrong where a difference was planted."""
    for planted in DIFFERENCES:
        if planted.day is None:
            continue
        morning, product = start_of(planted.day), planted.product - 1
        then = (pl.col("product") == product) & (pl.col("when") // DAY == morning // DAY)
        if planted.sight is Sight.NOTHING:
            seen = seen.filter(~then)
        elif planted.sight is Sight.TWICE:
            seen = pl.concat([seen, seen.filter(then)])
        else:
            units = planted.quantity
            goods = {"product": product, "when": morning + 10 * HOUR, "change": units}
            goods |= {"gate": 1, "quantity": units}
            seen = pl.concat([seen, pl.DataFrame([goods], schema=seen.schema)])
    return seen


def inventory_logs(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the ledger as the table InventoryLogs."""
    note = pl.concat_str(
        "reference", pl.col("id").cast(pl.String), separator=" ", ignore_nulls=True
    )
    return ledger.select(
        LogID=ids(ledger.height),
        ProductID=pl.col("product") + 1,
        QuantityBefore=pl.col("after") - pl.col("change"),
        QuantityAfter="after",
        ActionType="action",
        ActionDate=time("when"),
        PerformedBy="by",
        Notes=note,
        CreatedAt=time("when"),
        UpdatedAt=time("when"),
    )
