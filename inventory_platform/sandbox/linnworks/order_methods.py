"""The methods for orders: the search, the details by id, and the open ones."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from inventory_platform.sandbox.linnworks.arguments import INVALID, Arguments, RefusedError
from inventory_platform.sandbox.linnworks.faults import Faults
from inventory_platform.sandbox.linnworks.methods import PER_MINUTE_DETAILS, Method, paged
from inventory_platform.sandbox.linnworks.order_documents import SORT_KEYS, OrderWriter
from inventory_platform.sandbox.linnworks.orders import Order
from inventory_platform.sandbox.linnworks.world import World

MOST_PER_SEARCH = 500
LEAST_PER_SEARCH = 20
_DATE_FIELDS: dict[str, tuple[str, Callable[[Order], int | None]]] = {
    "processed": ("dProcessedOn", lambda order: order.processed),
    "received": ("dReceivedDate", lambda order: order.received),
    "payment": ("dPaidOn", lambda order: order.paid),
    "cancelled": ("dCancelledOn", lambda order: order.cancelled),
}


class OrderMethods:
    """Answers about orders."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults

    def methods(self) -> list[Method]:
        """What can be called."""
        return [
            Method("ProcessedOrders/SearchProcessedOrders", self.search),
            Method("Orders/GetOrdersById", self.by_id, PER_MINUTE_DETAILS),
            Method("Orders/GetOpenOrders", self.open_orders),
            Method("OpenOrders/GetOpenOrdersDetails", self.open_details),
        ]

    def search(self, arguments: Arguments) -> dict[str, Any]:
        """Find processed orders by one of their dates, both ends included.

        More than 500 results per page are cut to 500, less than 20 refused.
        """
        asked = arguments.nested("request")
        if asked.text("SearchTerm") or asked.items("SearchFilters"):
            raise RefusedError(400, "The sandbox searches by dates only.")
        field, date_of = _DATE_FIELDS.get(asked.text("DateField").lower(), ("", None))
        if date_of is None:
            raise RefusedError(400, INVALID)
        first, last = asked.moment("FromDate"), asked.moment("ToDate")
        found = [
            order
            for order in self._world.processed_orders
            if (when := date_of(order)) is not None
            and (first is None or first <= when)
            and (last is None or when <= last)
        ]
        self._sort(found, asked, field)
        size = min(asked.integer("ResultsPerPage", LEAST_PER_SEARCH), MOST_PER_SEARCH)
        if size < LEAST_PER_SEARCH:
            raise RefusedError(400, INVALID)
        writer = OrderWriter(self._world, self._faults)
        number = asked.integer("PageNumber", 1)
        empty = self._faults.pages_when_empty
        return {"ProcessedOrders": paged(found, number, size, writer.search_row, empty)}

    def by_id(self, arguments: Arguments) -> list[dict[str, Any]]:
        """Details of the orders there are; unknown ids are passed over."""
        asked = arguments.guids("pkOrderIds")
        known = [self._world.by_id[order_id] for order_id in asked if order_id in self._world.by_id]
        if self._faults.shuffled_details:
            Random(len(known)).shuffle(known)
        writer = OrderWriter(self._world, self._faults)
        return [writer.details(order) for order in known]

    def open_orders(self, arguments: Arguments) -> dict[str, Any]:
        """A page of open orders, of one location or, when none is given, of all."""
        if arguments.text("filters") not in ("", "null", "{}"):
            raise RefusedError(400, "The sandbox filters open orders by location only.")
        location = arguments.guid("fulfilmentCenter")
        found = [
            order
            for order in self._world.open_orders
            if location is None or order.location.id == location
        ]
        writer = OrderWriter(self._world, self._faults)
        number = arguments.integer("pageNumber", 1)
        size = arguments.integer("entriesPerPage", LEAST_PER_SEARCH)
        return paged(found, number, size, writer.details)

    def open_details(self, arguments: Arguments) -> dict[str, Any]:
        """Details of orders that are still open; others are passed over."""
        asked = arguments.nested("request") if "request" in arguments else arguments
        ids = set(asked.guids("OrderIds"))
        writer = OrderWriter(self._world, self._faults)
        found = [order for order in self._world.open_orders if order.id in ids]
        return {"Orders": [writer.details(order) for order in found]}

    def _sort(self, found: list[Order], asked: Arguments, date_field: str) -> None:
        """Sort as asked, or the latest first; equal ones by number."""
        sorting = asked.nested("SearchSorting") if "SearchSorting" in asked else Arguments({})
        key = SORT_KEYS.get(sorting.text("SortField", date_field))
        direction = sorting.text("SortDirection", "DESC").upper()
        if key is None or direction not in ("ASC", "DESC"):
            raise RefusedError(400, INVALID)
        found.sort(
            key=lambda order: (key(order), order.number),
            reverse=direction == "DESC",
        )
