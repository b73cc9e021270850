"""The eleven tables of the inventory database, written down from the simulated business.

Here belong ids, names, statuses and time stamps, all of it clean. The tables that follow the goods
are in `ledger`; what happened in the shop is decided in `business`; defects are added by `dirt`.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from inventory_platform.sandbox.business import PRICE_DAYS, Business
from inventory_platform.sandbox.columns import ids, money, time
from inventory_platform.sandbox.ledger import (
    inventory_logs,
    numbered,
    purchases_and_deliveries,
    sensor_logs,
    stock_ledger,
    with_status,
)
from inventory_platform.sandbox.period import DAY, DAYS, END, HOUR, START
from inventory_platform.sandbox.reference import Dice, Reference

PAYMENT_METHODS = ["Card", "Card", "Card", "PayPal", "PayPal", "Bank Transfer", "Gift Card"]
STORE_METHODS = ["Card", "Card", "Card", "Cash", "Cash", "Mobile", "Voucher"]
PLATFORMS = ["Shopify", "Shopify", "Amazon", "Amazon", "Amazon", "eBay", "Etsy"]
WALK_IN_SHARE = 0.3
FAILED_SHARE = 0.04
CANCELLED_FOR_FAILED_PAYMENT_SHARE = 0.3
PENDING_WITH_PAYMENT_SHARE = 0.6
COMPETITOR_OFFER_SHARE = 0.7


def build_tables(business: Business, rows: int, dice: Dice) -> Iterator[tuple[str, pl.DataFrame]]:
    """Write the business down, one table after another.

    Tables are built when they are asked for, so that only one of the large ones is held at a time.

    Args:
        business: What happened.
        rows: The size asked for; the number of customers follows it.
        dice: Where chance comes from.

    Yields:
        The name and the content of each table. Columns are named and ordered as in the database;
        dates and times are real ones.
    """
    customer_count = max(50, rows // 12)
    sales = numbered(business.sales).with_columns(
        customer=_customers_of(business.sales, customer_count, dice, "sales").set(
            dice.uniform("sales/walk in", business.sales.height) < WALK_IN_SHARE, None
        ),
    )
    orders = with_status(numbered(business.orders)).with_columns(
        customer=_customers_of(business.orders, customer_count, dice, "orders"),
    )
    purchases, restocks = purchases_and_deliveries(business, dice)
    ledger = stock_ledger(business, restocks, dice)

    yield "Suppliers", _suppliers(business.reference, dice)
    yield "Products", _products(business, ledger)
    yield "Customers", _customers(business.reference, customer_count, sales, orders, dice)
    yield "PurchaseOrders", purchases
    yield "StockAdjustments", _adjustments(numbered(business.adjustments))
    yield "CompetitorData", _competitors(business, dice)
    yield "ECommerceOrders", _orders(orders, dice)
    yield "Payments", _payments(orders, dice)
    yield "SalesTransactions", _sales(sales, dice)
    yield "IoTDeviceLogs", sensor_logs(business.reference, ledger, dice)
    yield "InventoryLogs", inventory_logs(ledger)


def _customers_of(events: pl.DataFrame, count: int, dice: Dice, name: str) -> pl.Series:
    """Draw a customer who already existed on that day; long-standing customers buy more often."""
    known = count // 2 + (count - count // 2) * events["day"] // DAYS
    chance = dice.uniform(f"{name}/customer", events.height)
    return (chance * chance * known).floor().cast(pl.Int64) + 1


def _customer_since(count: int, dice: Dice) -> pl.Series:
    """Return when each customer became one.

    One half was there before the first day, the other half joins evenly, each on the day before
    the first one on which `_customers_of` may draw that customer.
    """
    half = count // 2
    seconds = dice.between("customers/since", count, 0, DAY)
    days = dice.between("customers/before", half, -DAYS, 0).to_list()
    days += [-(-(place * DAYS) // (count - half)) - 1 for place in range(1, count - half + 1)]
    return START + pl.Series(days) * DAY + seconds


def _suppliers(reference: Reference, dice: Dice) -> pl.DataFrame:
    suppliers = reference.suppliers
    created = START - dice.between("suppliers/created", suppliers.height, 30 * DAY, 900 * DAY)
    codes = dict(reference.cities.select("Country", "DialCode").iter_rows())
    return suppliers.with_columns(
        created=created,
        updated=created + dice.between("suppliers/updated", suppliers.height, 0, 700 * DAY),
        dial=pl.col("Country").replace_strict(codes),
        line=dice.between("suppliers/line", suppliers.height, 100_000, 999_999),
        street=dice.pick("suppliers/street", suppliers.height, reference.streets),
        house=dice.between("suppliers/house", suppliers.height, 1, 120),
        mailbox=pl.col("ContactName").str.to_lowercase().str.replace_all(" ", "."),
    ).select(
        "SupplierID",
        "SupplierName",
        "ContactName",
        PhoneNumber=pl.format("+{} 555 {}", "dial", "line"),
        Email=pl.format("{}@supplier{}.example", "mailbox", "SupplierID"),
        Address=pl.format("{} {}", "street", "house"),
        City="City",
        Country="Country",
        CreatedAt=time("created"),
        UpdatedAt=time(pl.min_horizontal("updated", pl.lit(END - DAY))),
    )


def _products(business: Business, ledger: pl.DataFrame) -> pl.DataFrame:
    last = ledger.group_by("product").agg(pl.col("after", "when").last()).sort("product")
    products = (
        business.reference.products.drop("price")
        .hstack(last)
        .with_columns(_last_prices(business)["price"], level=pl.Series(business.restock_levels))
    )
    repriced = START + (DAYS - 1) // PRICE_DAYS * PRICE_DAYS * DAY
    return products.select(
        ProductID=pl.col("product") + 1,
        ProductName="name",
        Category="category",
        QuantityAvailable="after",
        UnitPrice=money("price"),
        SupplierID=pl.col("supplier") + 1,
        RestockLevel="level",
        CreatedAt=time(pl.lit(START)),
        UpdatedAt=time(pl.max_horizontal("when", pl.lit(repriced))),
    )


def _last_prices(business: Business) -> pl.DataFrame:
    return business.prices.group_by("product").agg(pl.col("price").last()).sort("product")


def _customers(
    reference: Reference, count: int, sales: pl.DataFrame, orders: pl.DataFrame, dice: Dice
) -> pl.DataFrame:
    """Name the customers; one loyalty point for every ten spent, none for cancelled orders."""
    spent = (
        pl.concat(
            frame.filter(pl.col("customer").is_not_null()).select("customer", "total", "when")
            for frame in (sales, orders.filter(pl.col("status") != "Cancelled"))
        )
        .group_by("customer")
        .agg(pl.col("total").sum(), pl.col("when").max())
    )
    city = dice.between("customers/city", count, 0, reference.cities.height)
    customers = pl.DataFrame(
        {
            "customer": ids(count),
            "first": dice.pick("customers/first", count, reference.first_names),
            "last": dice.pick("customers/last", count, reference.last_names),
            "line": dice.between("customers/line", count, 100_000, 999_999),
            "street": dice.pick("customers/street", count, reference.streets),
            "house": dice.between("customers/house", count, 1, 200),
            "since": _customer_since(count, dice),
        }
    )
    customers = pl.concat([customers, reference.cities[city]], how="horizontal")
    return customers.join(spent, on="customer", how="left", maintain_order="left").select(
        CustomerID="customer",
        CustomerName=pl.format("{} {}", "first", "last"),
        Email=pl.format(
            "{}.{}{}@example.com",
            pl.col("first").str.to_lowercase(),
            pl.col("last").str.to_lowercase(),
            "customer",
        ),
        PhoneNumber=pl.format("+{} 555 {}", "DialCode", "line"),
        Address=pl.format("{} {}", "street", "house"),
        City="City",
        Country="Country",
        LoyaltyPoints=(pl.col("total") // 1_000).fill_null(0),
        CreatedAt=time("since"),
        UpdatedAt=time(pl.max_horizontal("since", "when")),
    )


def _adjustments(adjustments: pl.DataFrame) -> pl.DataFrame:
    return adjustments.select(
        AdjustmentID="id",
        ProductID=pl.col("product") + 1,
        AdjustmentType="kind",
        QuantityAdjusted="quantity",
        Reason="reason",
        AdjustedBy="by",
        AdjustmentDate=time("when"),
        CreatedAt=time("when"),
        UpdatedAt=time("when"),
    )


def _competitors(business: Business, dice: Dice) -> pl.DataFrame:
    """Give most pairs of competitor and product one current row."""
    pairs = business.reference.competitors.join(
        _last_prices(business), how="cross", maintain_order="left_right"
    )
    count = pairs.height
    return (
        pairs.with_columns(
            seen=END - dice.between("competitors/seen", count, 1, 14 * DAY),
            first_seen=START + dice.between("competitors/first", count, 0, 300 * DAY),
            asked=pl.col("price")
            * pl.col("PriceLevel")
            * (0.92 + 0.16 * dice.uniform("competitors/price", count)),
            stock=dice.pick(
                "competitors/stock", count, ["In Stock"] * 7 + ["Limited"] * 2 + ["Out of Stock"]
            ),
        )
        .filter(dice.uniform("competitors/offers", count) < COMPETITOR_OFFER_SHARE)
        .select(
            "CompetitorID",
            "CompetitorName",
            ProductID=pl.col("product") + 1,
            CompetitorPrice=money("asked"),
            StockAvailability="stock",
            LastUpdated=time("seen"),
            CreatedAt=time("first_seen"),
            UpdatedAt=time("seen"),
        )
    )


def _orders(orders: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    return orders.select(
        OrderID="id",
        Platform=dice.pick("orders/platform", orders.height, PLATFORMS),
        CustomerID="customer",
        ProductID=pl.col("product") + 1,
        OrderDate=time("when"),
        QuantityOrdered="quantity",
        TotalPrice=money("total"),
        OrderStatus="status",
        CreatedAt=time("when"),
        UpdatedAt=time("updated"),
    )


def _payments(orders: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Return one row per attempt to pay.

    A paid order has exactly one payment that went through: Completed, or Refunded once the money
    of a returned order has been sent back. It may have a Failed attempt before that one.
    """
    count = orders.height
    orders = orders.with_columns(
        luck=dice.uniform("payments/luck", count),
        first_try=pl.col("when") + dice.between("payments/first", count, 5, 55),
        paid_at=pl.col("when") + dice.between("payments/paid", count, 60, 1_800),
        refunded_at=pl.col("returned_at") + dice.between("payments/refund", count, HOUR, 72 * HOUR),
        method=dice.pick("payments/method", count, PAYMENT_METHODS),
    )
    paid = ~pl.col("status").is_in(["Pending", "Cancelled"])
    refunded = (pl.col("refunded_at") < END).fill_null(value=False)
    attempts = [
        (paid & ~refunded, "Completed", "paid_at", "paid_at"),
        (paid & refunded, "Refunded", "paid_at", "refunded_at"),
        (paid & (pl.col("luck") < FAILED_SHARE), "Failed", "first_try", "first_try"),
        (
            (pl.col("status") == "Cancelled")
            & (pl.col("luck") < CANCELLED_FOR_FAILED_PAYMENT_SHARE),
            "Failed",
            "first_try",
            "first_try",
        ),
        (
            (pl.col("status") == "Pending") & (pl.col("luck") < PENDING_WITH_PAYMENT_SHARE),
            "Pending",
            "first_try",
            "first_try",
        ),
    ]
    payments = pl.concat(
        orders.filter(which).select(
            "id",
            "total",
            "method",
            outcome=pl.lit(outcome),
            made=pl.col(made),
            updated=pl.col(updated),
        )
        for which, outcome, made, updated in attempts
    )
    return (
        payments.filter(pl.col("made") < END)
        .sort("made", "id")
        .select(
            PaymentID=pl.int_range(1, pl.len() + 1),
            OrderID="id",
            PaymentDate=time("made"),
            Amount=money("total"),
            Method="method",
            Status="outcome",
            CreatedAt=time("made"),
            UpdatedAt=time("updated"),
        )
    )


def _sales(sales: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    return sales.select(
        TransactionID="id",
        CustomerID="customer",
        ProductID=pl.col("product") + 1,
        TransactionDate=time("when"),
        QuantitySold="quantity",
        TotalPrice=money("total"),
        PaymentMethod=dice.pick("sales/method", sales.height, STORE_METHODS),
        CreatedAt=time("when"),
        UpdatedAt=time("when"),
    )
