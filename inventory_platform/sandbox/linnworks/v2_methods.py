"""The newer list of orders: by the instant of the last change, with a cursor.

It is not one of the older methods: it has its own address, errors and parameters, and a page is
continued by the token of the page before, which also remembers what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from inventory_platform.sandbox.linnworks.arguments import Arguments, RefusedError
from inventory_platform.sandbox.linnworks.catalogue import guid
from inventory_platform.sandbox.linnworks.faults import Faults
from inventory_platform.sandbox.linnworks.order_documents import OrderWriter
from inventory_platform.sandbox.linnworks.orders import Order
from inventory_platform.sandbox.linnworks.world import World

MOST_PER_PAGE = 200


@dataclass(frozen=True)
class _Search:
    """What is looked for, and the last change (with the order's number) already answered."""

    first: int
    with_processed: bool
    only_paid: bool
    location: str | None
    after: tuple[int, int] = (-1, 0)

    def finds(self, order: Order) -> bool:
        return (
            order.updated >= self.first
            and (self.with_processed or order.processed is None)
            and (order.paid is not None or not self.only_paid)
            and self.location in (None, order.location.id)
        )


class OrderList:
    """Answers `GET /v2/orders`."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._searches: dict[str, _Search] = {}

    def answer(self, arguments: Arguments) -> dict[str, Any]:
        """A page of orders in the order of their last change.

        Raises:
            RefusedError: A parameter is wrong, or the token is not known.
        """
        if chosen := arguments.repeated("id"):
            return self._page([order for order in self._world.orders if order.id in chosen], None)
        size = min(arguments.integer("entriesPerPage", MOST_PER_PAGE), MOST_PER_PAGE)
        if size < 1:
            raise RefusedError(400, "entriesPerPage must be positive.")
        search = self._search(arguments)
        matching = [order for order in self._world.orders if search.finds(order)]
        left = sorted(
            (order for order in matching if _place(order) > search.after),
            key=_place,
        )
        token = None
        if len(left) > size:
            token = guid("search", len(self._searches))
            self._searches[token] = replace(search, after=_place(left[size - 1]))
        return self._page(left[:size], token, len(matching))

    def _search(self, arguments: Arguments) -> _Search:
        token = arguments.guid("searchToken")
        if token is None:
            return _Search(
                first=arguments.moment("fromDate") or 0,
                with_processed=arguments.boolean("includeProcessed"),
                only_paid=arguments.boolean("onlyPaid"),
                location=arguments.guid("locationId"),
            )
        if token not in self._searches:
            raise RefusedError(404, "The search token is not known.")
        return self._searches[token]

    def _page(
        self, orders: list[Order], token: str | None, total: int | None = None
    ) -> dict[str, Any]:
        writer = OrderWriter(self._world, self._faults)
        return {
            "OpenOrders": [writer.v2(order) for order in orders if order.processed is None],
            "ProcessedOrders": [writer.v2(order) for order in orders if order.processed],
            "TotalOrders": len(orders) if total is None else total,
            "NextSearchToken": token,
        }


def _place(order: Order) -> tuple[int, int]:
    return order.updated, order.number
