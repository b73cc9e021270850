"""The simulated shop: what customers wanted, what was in stock, what was therefore sold.

Here belong demand, sales and prices, as plain numbers: products, suppliers and customers counted
from 0, seconds since 1970 and cents. The stock and its refilling belong to `stockroom`; how all
this is written down in tables belongs to `tables`, and defects belong to `dirt`.

Demand is drawn for all rows at once; only the stock is followed day by day, because what can be
sold today depends on what was sold and ordered before.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import polars as pl

from inventory_platform.sandbox.period import DAY, DAYS, END, FIRST_DAY, HOUR, START
from inventory_platform.sandbox.reference import Dice, Reference
from inventory_platform.sandbox.stockroom import PurchaseOrder, Return, Stockroom

# Monday to Sunday.
STORE_WEEK = (0.80, 0.85, 0.90, 1.00, 1.30, 1.60, 0.60)
ONLINE_WEEK = (1.10, 1.00, 0.95, 0.95, 0.90, 1.00, 1.25)
ONLINE_SHARE = 0.2
# A few wishes meet an empty shelf; this many more make up for them.
WISHES_PER_SALE = 1.03
CANCELLED_SHARE = 0.04
RETURNED_SHARE = 0.06
DISCOUNTS = [0] * 22 + [5, 10, 20]
"""Percent off; all equally likely."""
CHEAP = 1_000
PRICE_DAYS = 92
"""How long a shelf price stays; about a quarter."""


@dataclass(frozen=True)
class Business:
    """Everything that happened in the two years.

    `sales`, `orders` and `adjustments` are in order of time and have the columns product, day, cell
    (one product on one day), when and quantity, and those of their own; `prices` holds the shelf
    price in cents per product and period.
    """

    reference: Reference
    restock_levels: list[int]
    opening_stock: list[int]
    prices: pl.DataFrame
    sales: pl.DataFrame
    orders: pl.DataFrame
    adjustments: pl.DataFrame
    purchase_orders: list[PurchaseOrder]


def simulate(reference: Reference, rows: int, dice: Dice) -> Business:
    """Run the shop for two years.

    Args:
        reference: The catalogue and the suppliers.
        rows: About how many sales in the store there should be.
        dice: Where chance comes from.

    Returns:
        All that happened, adding up to the unit.
    """
    products = reference.products
    store = _store_visits(products, rows, dice)
    online = _online_orders(products, rows, dice)
    adjustments = _adjustments(reference, rows, dice)
    increases = adjustments.filter(pl.col("kind") == "Increase")
    cancelled = online.filter(pl.col("cancelled_at").is_not_null())

    outflow = _outflow(store, online, adjustments)
    stockroom = Stockroom(
        reference=reference,
        wanted=_per_cell(outflow, products.height),
        incoming=_per_cell(increases, products.height),
        returns=_returns_by_cell(outflow),
        chance=dice.stream("stockroom"),
    )
    stockroom.run()

    served = _serve(outflow, stockroom.available)
    prices = _prices(products, dice)
    return Business(
        reference=reference,
        restock_levels=stockroom.restock_levels,
        opening_stock=stockroom.opening_stock,
        prices=prices,
        sales=_charge(_in_order(_fulfilled(store, served, "store")), prices, dice, "sales"),
        orders=_charge(
            _in_order(pl.concat([_fulfilled(online, served, "online"), cancelled])),
            prices,
            dice,
            "orders",
        ),
        adjustments=_in_order(
            pl.concat([_fulfilled(adjustments, served, "adjustment"), increases])
        ),
        purchase_orders=stockroom.purchase_orders,
    )


def _wishes(
    products: pl.DataFrame, count: int, week: tuple[float, ...], dice: Dice, name: str
) -> pl.DataFrame:
    """Draw which product is wanted on which day, and how many of it.

    A cell is one product on one day; a cell's chance is popularity times weekday times season
    times growth, with some noise.
    """
    cells = pl.DataFrame({"cell": pl.int_range(products.height * DAYS, eager=True)}).with_columns(
        product=pl.col("cell") // DAYS, day=pl.col("cell") % DAYS
    )
    popularity = products["popularity"].gather(cells["product"])
    swing = products["swing"].gather(cells["product"])
    peak = products["peak_month"].gather(cells["product"])
    month = FIRST_DAY.month + cells["day"] * (12 / 365)
    season = 1 + swing * ((month - peak - 0.5) * (math.tau / 12)).cos()
    weekday = pl.Series(week).gather((cells["day"] + FIRST_DAY.weekday()) % 7)
    growth = 1 + cells["day"] * (0.12 / 365)
    noise = 0.7 + 0.6 * dice.uniform(f"{name}/noise", cells.height)
    chances = (popularity * season * weekday * growth * noise).cum_sum()

    cell = chances.search_sorted(dice.uniform(f"{name}/cell", count) * chances[-1], side="right")
    product = (cell // DAYS).cast(pl.Int64)
    # Cheap things go into the basket by the handful.
    handful = products.select(pl.when(pl.col("price") < CHEAP).then(0.9).otherwise(0.35))
    more = -(1 - dice.uniform(f"{name}/quantity", count)).log() * handful.to_series().gather(
        product
    )
    return pl.DataFrame(
        {
            "product": product,
            "day": (cell % DAYS).cast(pl.Int64),
            "cell": cell.cast(pl.Int64),
            "quantity": 1 + more.floor().cast(pl.Int64).clip(0, 11),
        }
    )


def _store_visits(products: pl.DataFrame, rows: int, dice: Dice) -> pl.DataFrame:
    """Draw what was wanted in the store: between eight and eight, mostly around two."""
    count = round(rows * WISHES_PER_SALE)
    first, second = dice.uniform("store/hour", count), dice.uniform("store/minute", count)
    seconds = ((first + second) * (6 * HOUR)).cast(pl.Int64) + 8 * HOUR
    return _wishes(products, count, STORE_WEEK, dice, "store").with_columns(
        when=START + pl.col("day") * DAY + seconds
    )


def _online_orders(products: pl.DataFrame, rows: int, dice: Dice) -> pl.DataFrame:
    """Draw the online orders, each with the instants of its later life.

    A cancellation or return after the end of the simulated time has not happened.
    """
    count = round(rows * ONLINE_SHARE * WISHES_PER_SALE)

    def wait(name: str, low_hours: int, high_hours: int) -> pl.Series:
        return dice.between(f"online/{name}", count, low_hours * HOUR, high_hours * HOUR)

    orders = _wishes(products, count, ONLINE_WEEK, dice, "online").with_columns(
        # Evenings are busier than mornings.
        when=START
        + pl.col("day") * DAY
        + (dice.uniform("online/second", count).sqrt() * DAY).cast(pl.Int64),
        fate=dice.uniform("online/fate", count),
    )
    orders = orders.with_columns(processing_at=pl.col("when") + wait("processing", 2, 60))
    orders = orders.with_columns(shipped_at=pl.col("processing_at") + wait("shipped", 4, 36))
    orders = orders.with_columns(delivered_at=pl.col("shipped_at") + wait("delivered", 24, 120))
    orders = orders.with_columns(
        cancelled_at=pl.when(pl.col("fate") < CANCELLED_SHARE).then(
            pl.col("when") + wait("cancelled", 1, 12)
        ),
        returned_at=pl.when(pl.col("fate") >= 1 - RETURNED_SHARE).then(
            pl.col("delivered_at") + wait("returned", 72, 336)
        ),
    )
    return orders.drop("fate").with_columns(
        pl.when(pl.col(name) < END).then(pl.col(name)).alias(name)
        for name in ("cancelled_at", "returned_at")
    )


def _adjustments(reference: Reference, rows: int, dice: Dice) -> pl.DataFrame:
    """Draw what stock counts found after closing time: breakage, theft, and lost things found."""
    count = max(30, rows // 40)
    day = dice.between("adjustment/day", count, 1, DAYS)
    frame = pl.DataFrame(
        {
            "product": dice.between("adjustment/product", count, 0, reference.products.height),
            "day": day,
            "quantity": dice.between("adjustment/quantity", count, 1, 7),
            "when": START
            + day * DAY
            + dice.between("adjustment/when", count, 20 * HOUR, 22 * HOUR),
            "by": dice.pick("adjustment/by", count, reference.staff),
            "reason": dice.pick(
                "adjustment/reason",
                count,
                ["Damaged", "Damaged", "Theft", "Expired", "Lost", "Found", "Count correction"],
            ),
        }
    )
    found = pl.col("reason").is_in(["Found", "Count correction"])
    return frame.with_columns(
        cell=pl.col("product") * DAYS + pl.col("day"),
        kind=pl.when(found).then(pl.lit("Increase")).otherwise(pl.lit("Decrease")),
    )


def _outflow(store: pl.DataFrame, online: pl.DataFrame, adjustments: pl.DataFrame) -> pl.DataFrame:
    """Line up all that wants to leave the shelf: who comes first is served first.

    `before` is what the same cell's earlier rows want; `source` and `row` say where a row is from.
    """
    sources = {
        "store": (store, pl.lit(True)),
        "online": (online, pl.col("cancelled_at").is_null()),
        "adjustment": (adjustments, pl.col("kind") == "Decrease"),
    }
    parts = [
        frame.with_row_index("row")
        .filter(leaves)
        .select(
            "row",
            "cell",
            "when",
            "quantity",
            source=pl.lit(source),
            returned_at=pl.col("returned_at") if source == "online" else pl.lit(None, pl.Int64),
        )
        for source, (frame, leaves) in sources.items()
    ]
    return (
        pl.concat(parts)
        .sort("cell", "when", "source", "row")
        .with_columns(before=pl.col("quantity").cum_sum().over("cell") - pl.col("quantity"))
    )


def _per_cell(frame: pl.DataFrame, product_count: int) -> list[int]:
    """Sum the quantities of every cell, empty cells included."""
    totals = [0] * (product_count * DAYS)
    for cell, quantity in frame.group_by("cell").agg(pl.col("quantity").sum()).iter_rows():
        totals[cell] = quantity
    return totals


def _returns_by_cell(outflow: pl.DataFrame) -> dict[int, list[Return]]:
    """Collect the orders that will be returned under the cell they are sold from."""
    returns: dict[int, list[Return]] = defaultdict(list)
    coming = outflow.filter(pl.col("returned_at").is_not_null()).with_columns(
        target=pl.col("cell") // DAYS * DAYS + (pl.col("returned_at") - START) // DAY
    )
    for cell, *rest in coming.select("cell", "before", "quantity", "target").iter_rows():
        returns[cell].append(Return(*rest))
    return returns


def _serve(outflow: pl.DataFrame, available: list[int]) -> pl.DataFrame:
    """Give every row what its predecessors left over, and drop the rows that got nothing."""
    left = pl.Series(available).gather(outflow["cell"]) - outflow["before"]
    served = outflow.with_columns(quantity=pl.min_horizontal("quantity", left))
    return served.filter(pl.col("quantity") > 0).select("source", "row", "quantity")


def _fulfilled(wishes: pl.DataFrame, served: pl.DataFrame, source: str) -> pl.DataFrame:
    """Return the wishes that were served, with the quantity they got."""
    mine = served.filter(pl.col("source") == source)
    return wishes[mine["row"]].with_columns(mine["quantity"])


def _in_order(events: pl.DataFrame) -> pl.DataFrame:
    return events.sort("when", "product", "quantity", maintain_order=True)


def _prices(products: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Let every price drift a little, from quarter to quarter."""
    chance = dice.stream("prices")
    rows = []
    for product, price in enumerate(products["price"]):
        current = float(price)
        for period in range(-(-DAYS // PRICE_DAYS)):
            rows.append((product, period, round(current)))
            current *= 1 + chance.uniform(-0.01, 0.025)
    return pl.DataFrame(rows, schema=["product", "period", "price"], orient="row")


def _charge(events: pl.DataFrame, prices: pl.DataFrame, dice: Dice, name: str) -> pl.DataFrame:
    """Add the total in cents: quantity times the price of the day, now and then discounted."""
    periods = prices["period"].n_unique()
    row = events["product"] * periods + events["day"] // PRICE_DAYS
    percent = dice.pick(f"{name}/discount", events.height, DISCOUNTS)
    return events.with_columns(
        total=(events["quantity"] * prices["price"].gather(row) * (100 - percent) + 50) // 100
    )
