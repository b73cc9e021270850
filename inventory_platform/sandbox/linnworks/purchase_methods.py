"""The methods for purchase orders."""

from __future__ import annotations

from typing import Any

from inventory_platform.sandbox.linnworks.arguments import Arguments, RefusedError
from inventory_platform.sandbox.linnworks.methods import (
    PER_MINUTE_DETAILS,
    Method,
    page_count,
    page_of,
)
from inventory_platform.sandbox.linnworks.purchase_documents import header, purchase_order
from inventory_platform.sandbox.linnworks.world import World

USUAL_PAGE = 50


class PurchaseMethods:
    """Answers about purchase orders."""

    def __init__(self, world: World) -> None:
        self._world = world

    def methods(self) -> list[Method]:
        """What can be called."""
        return [
            Method("PurchaseOrder/Search_PurchaseOrders2", self.search),
            Method("PurchaseOrder/Get_PurchaseOrder", self.one, PER_MINUTE_DETAILS),
        ]

    def search(self, arguments: Arguments) -> dict[str, Any]:
        """Find purchase orders by the day of the order, both ends included, and by status.

        The values stand at the top of the request; in an object of their own they are ignored
        without a word, as Linnworks does.
        """
        first, last = arguments.moment("DateFrom"), arguments.moment("DateTo")
        status = arguments.text("Status").upper()
        found = [
            purchase
            for purchase in self._world.purchases
            if (first is None or first <= purchase.ordered)
            and (last is None or purchase.ordered <= last)
            and status in ("", purchase.status)
        ]
        number = arguments.integer("PageNumber", 1)
        size = arguments.integer("EntriesPerPage", USUAL_PAGE)
        return {
            "Result": [header(purchase) for purchase in page_of(found, number, size)],
            "TotalPages": page_count(found, size),
            "CurrentPageNumber": number,
        }

    def one(self, arguments: Arguments) -> dict[str, Any]:
        """One purchase order with its lines and deliveries."""
        asked = arguments.guid("pkPurchaseId") or arguments.guid("pkPurchaseID")
        for purchase in self._world.purchases:
            if purchase.id == asked:
                return purchase_order(purchase)
        raise RefusedError(400, "Purchase order not found.")
