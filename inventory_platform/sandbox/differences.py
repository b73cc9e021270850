"""The differences planted between systems that keep the same stock.

Here belongs which there are; who says what is theirs: `ledger` lets sensors see wrongly, `files`
miscounts, and Linnworks' `catalogue` has levels of its own. Wherever nothing is planted, all of
them agree with the inventory database to the unit. The quantities hold for its usual size and
seed, since a sale forgotten must have been made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Cause(StrEnum):
    """Why two systems disagree."""

    UNPOSTED_RECEIPT = "unposted_receipt"
    """Goods came, and one system was not told."""
    MISSED_SALE = "missed_sale"
    """Linnworks did not hear of a sale."""
    TIMING = "timing"
    """Linnworks is a day behind."""
    SENSOR_FAULT = "sensor_fault"
    """A gate saw what did not happen, or did not see what did."""
    SHRINKAGE = "shrinkage"
    """Fewer were counted than there should have been."""


class Sight(StrEnum):
    """What sensors make of one product on one day."""

    UNBOOKED = "unbooked"
    """Goods come in that the inventory database never hears of."""
    TWICE = "twice"
    """Everything is seen twice."""
    NOTHING = "nothing"
    """Nothing is seen."""


@dataclass(frozen=True)
class Difference:
    """One planted difference.

    Attributes:
        product: Number of the product, as in the inventory database.
        location: Code of where it lies.
        cause: Why there is a difference.
        quantity: How many units it is about.
        note: What happened, in words.
        linnworks: Units Linnworks has more than the inventory database when the time ends.
        sensors: Units one would have more by what sensors saw since the last count.
        counted: Units more in the last count than in the books of that evening.
        day: The day on which sensors are wrong.
        sight: How they are.
    """

    product: int
    location: str
    cause: Cause
    quantity: int
    note: str
    linnworks: int = 0
    sensors: int = 0
    counted: int = 0
    day: date | None = None
    sight: Sight | None = None


_MONDAY, _TUESDAY, _WEDNESDAY = (date(2026, 9, day) for day in (28, 29, 30))

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        22, "STH", Cause.UNPOSTED_RECEIPT, 24,
        "four packs arrived on Tuesday; the inventory database was not told",
        linnworks=24, sensors=24, day=_TUESDAY, sight=Sight.UNBOOKED,
    ),
    Difference(
        2, "STH", Cause.UNPOSTED_RECEIPT, 12,
        "two packs arrived on Wednesday; the inventory database was not told",
        linnworks=12, sensors=12, day=_WEDNESDAY, sight=Sight.UNBOOKED,
    ),
    Difference(
        14, "STH", Cause.UNPOSTED_RECEIPT, 18,
        "Linnworks was not told of Monday's delivery; the product has no tag",
        linnworks=-18,
    ),
    Difference(
        26, "STH", Cause.MISSED_SALE, 2,
        "Linnworks did not hear of Monday's sale of two",
        linnworks=2,
    ),
    Difference(
        18, "STH", Cause.MISSED_SALE, 1,
        "Linnworks did not hear of Monday's sale",
        linnworks=1,
    ),
    Difference(
        6, "STH", Cause.TIMING, 1,
        "Linnworks has not had Wednesday's sale yet",
        linnworks=1,
    ),
    Difference(
        10, "STH", Cause.TIMING, 5,
        "Linnworks has not had Wednesday's five sales yet; the product has no tag",
        linnworks=5,
    ),
    Difference(
        42, "STH", Cause.SENSOR_FAULT, 1,
        "the gates saw nothing on Tuesday, when one was sold",
        sensors=1, day=_TUESDAY, sight=Sight.NOTHING,
    ),
    Difference(
        1, "NTH", Cause.SENSOR_FAULT, 2,
        "the gates counted Wednesday's two sales twice",
        sensors=-2, day=_WEDNESDAY, sight=Sight.TWICE,
    ),
    Difference(
        8, "CTR", Cause.SENSOR_FAULT, 5,
        "the gates saw nothing on Tuesday, when five were sold",
        sensors=5, day=_TUESDAY, sight=Sight.NOTHING,
    ),
    Difference(
        46, "STH", Cause.SHRINKAGE, 3, "three were missing on Sunday", counted=-3
    ),
    Difference(
        13, "NTH", Cause.SHRINKAGE, 4, "four were missing on Sunday", counted=-4
    ),
    Difference(
        31, "EST", Cause.SHRINKAGE, 2, "two were missing on Sunday", counted=-2
    ),
)  # fmt: skip
"""At most one per product, and only where the product lies."""

BY_PRODUCT = {difference.product: difference for difference in DIFFERENCES}
