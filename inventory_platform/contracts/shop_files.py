"""The drop folder: files that people and programs send.

How each kind of file is written (encoding, delimiter, row of the names) stands in
`sources.toml`; how dates and numbers in it are written stands here. A file is known by its
content: sent again, even under another name, it loads nothing.
"""

from inventory_platform.contracts.base import (
    Contract,
    Date,
    Integer,
    Money,
    Text,
    Timestamp,
    column,
    table,
)


class Orders(Contract):
    """Lines of the orders that wholesale customers placed, sent once a day."""

    order_no: Text = column("OrderNo", "Number of the order.")
    line_no: Integer = column("Line", "Place of the line in the order, from 1.", ge=1)
    order_date: Date = column("OrderDate", "Day of the order.", formats=["%d/%m/%Y"])
    customer: Text = column("Customer", "Shop that ordered.")
    city: Text = column("City", "City it is delivered to.", nullable=True)
    sku: Text = column("SKU", "Product ordered.", str_matches=r"SKU-\d{5}$")
    product_name: Text = column("Product", "Name of the product as printed.", nullable=True)
    quantity: Integer = column("Quantity", "Units ordered.", decimal_mark=",", gt=0)
    unit_price: Money = column("UnitPrice", "Price of a unit.", decimal_mark=",", ge=0)
    total: Money = column("Total", "Price of the line.", decimal_mark=",", ge=0)

    class Config:
        metadata = table("orders_*.csv", key=["order_no", "line_no"], increments=True)


class Inventory(Contract):
    """Weekly stock counts, one workbook per warehouse."""

    warehouse: Text = column("Warehouse", "Code of the warehouse.")
    sku: Text = column("SKU", "Product counted.", str_matches=r"SKU-\d{5}$")
    product_name: Text = column("Product", "Name of the product as printed.", nullable=True)
    counted_on: Date = column("Counted on", "Day of the count.")
    on_hand: Integer = column("On hand", "Units counted.", ge=0)
    reserved: Integer = column("Reserved", "Units promised to customers.", nullable=True, ge=0)
    bin: Text = column("Bin", "Where they lie.", nullable=True)

    class Config:
        metadata = table(
            "inventory_*.xlsx", key=["warehouse", "sku", "counted_on"], increments=True
        )


class SupplierHistory(Contract):
    """What suppliers asked for and how long they took, over time; each file is the whole list."""

    sku: Text = column("SKU", "Product supplied.", str_matches=r"SKU-\d{5}$")
    supplier_name: Text = column("Supplier", "Supplier.")
    valid_from: Date = column("ValidFrom", "First day of these terms.")
    unit_cost: Money = column("UnitCost", "Price the shop pays for a unit.", ge=0)
    lead_days: Integer = column("LeadDays", "Days from order to delivery.", ge=0)
    minimum_order: Integer = column("MinimumOrder", "Fewest units of an order.", ge=1)

    class Config:
        metadata = table("supplier_history.csv", key=["sku", "supplier_name", "valid_from"])


class UserActivity(Contract):
    """What visitors of the web shop did, step by step."""

    event_id: Text = column("event_id", "Identifies the step: session and place in it.")
    session_id: Integer = column("session_id", "Visit the step belongs to.")
    visitor_id: Text = column("visitor_id", "Visitor, by a cookie.", personal=True)
    happened_at: Timestamp = column("at", "When, UTC.")
    event: Text = column(
        "event", "What was done.", isin=["view", "search", "cart", "checkout", "purchase"]
    )
    device: Text = column("device", "Kind of device.", nullable=True)
    sku: Text = column("sku", "Product it was about.", nullable=True)
    search_words: Text = column("query", "What was searched for.", nullable=True)
    order_value: Money = column("value", "What was paid, for a purchase.", nullable=True, ge=0)

    class Config:
        metadata = table("user_activity_*.jsonl.gz", key=["event_id"], increments=True)
