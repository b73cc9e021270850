"""What happens in the web shop, as it happens: visitors' activity, and orders changing state.

Both are topics of one cluster. Visitors are known by a random number only.
"""

from datetime import timedelta

from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Money,
    Text,
    Timestamp,
    column,
    table,
)


class Activity(Contract):
    """What visitors do in the shop before, and instead of, ordering."""

    event_id: Text = column("event_id", "Identifies the event.")
    session_id: Text = column("session_id", "Visit during which it happened; no person.")
    event_type: Text = column(
        "event_type",
        "What was done.",
        isin=["view", "search", "add_to_cart", "remove_from_cart", "checkout"],
        raise_warning=True,
    )
    sku: Text = column("sku", "Product concerned; empty for a search.", nullable=True)
    quantity: Integer = column("quantity", "Units put into or out of the cart.", nullable=True)
    search_text: Text = column("search_text", "What was searched for.", nullable=True)
    channel: Text = column("channel", "Where the visitor came from.")
    event_at: Timestamp = column("event_time", "When it happened, UTC.")

    class Config:
        metadata = table(
            "shop-activity",
            key=["event_id"],
            cursor="event_at",
            increments=True,
            clock_tolerance=timedelta(minutes=10),
            owner="team:sales",
        )


class OrderEvents(Contract):
    """Orders of the shop being placed, paid, sent and cancelled: one row for each step."""

    event_id: Text = column("event_id", "Identifies the step.")
    order_number: Text = column("order_number", "Order it belongs to.")
    event_type: Text = column(
        "event_type",
        "The step.",
        isin=["placed", "paid", "shipped", "cancelled"],
        raise_warning=True,
    )
    sku: Text = column("sku", "Product ordered.")
    quantity: Integer = column("quantity", "Units ordered.", gt=0)
    total_amount: Money = column("total_amount", "Amount of the order.", ge=0)
    event_at: Timestamp = column("event_time", "When it happened, UTC.")

    class Config:
        metadata = table(
            "shop-orders",
            key=["event_id"],
            cursor="event_at",
            increments=True,
            clock_tolerance=timedelta(minutes=10),
            owner="team:sales",
        )
