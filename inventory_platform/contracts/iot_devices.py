"""The sensors at shelves and gates: what they count, as messages of one broker.

A sensor sends a message again when it is not sure that it arrived, later than others when its
network was away, and by its own clock. So the event's id is the key, and its time only says
which of two versions is the newer.
"""

from datetime import timedelta

from inventory_platform.contracts.base import Contract, Integer, Text, Timestamp, column, table


class StockEvents(Contract):
    """Goods counted going in or out at a location, by the sensor that saw them."""

    event_id: Text = column("event_id", "Identifies the event, whoever sends it how often.")
    device_id: Text = column("device_id", "Sensor that counted.")
    sequence: Integer = column(
        "sequence", "Number the sensor gives its events, without gaps.", ge=1
    )
    sku: Text = column("sku", "Stock keeping unit of the product recognised.")
    location: Text = column("location", "Where the sensor stands.")
    event_type: Text = column(
        "event_type", "Direction of the movement.", isin=["Stock In", "Stock Out"]
    )
    quantity: Integer = column("quantity", "Units counted.", gt=0)
    event_at: Timestamp = column("event_time", "When it happened by the sensor's clock, UTC.")

    class Config:
        metadata = table(
            "devices/+/stock",
            key=["event_id"],
            cursor="event_at",
            increments=True,
            clock_tolerance=timedelta(minutes=10),
            owner="team:warehouse",
        )
