"""The method for the history of returns, refunds and cancellations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inventory_platform.sandbox.linnworks.arguments import INVALID, Arguments, RefusedError
from inventory_platform.sandbox.linnworks.faults import Faults
from inventory_platform.sandbox.linnworks.methods import Method, paged
from inventory_platform.sandbox.linnworks.moments import DAY
from inventory_platform.sandbox.linnworks.order_documents import OrderWriter
from inventory_platform.sandbox.linnworks.purchasing import Return
from inventory_platform.sandbox.linnworks.return_documents import history_row
from inventory_platform.sandbox.linnworks.world import World

MOST_PER_PAGE = 200
MOST_DAYS = 92
_KINDS = ("RETURNS", "REFUNDS", "CANCELLATIONS")
_DATES: dict[str, Callable[[Return], int | None]] = {
    "RECEIVED": lambda back: back.order.received,
    "PROCESSED": lambda back: back.order.processed,
    "BOOKED": lambda back: back.booked,
    "ACTIONED": lambda back: back.actioned,
}


class ReturnMethods:
    """Answers about what came back."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults

    def methods(self) -> list[Method]:
        """What can be called."""
        return [Method("ReturnsRefunds/SearchReturnsRefundsPaged", self.search)]

    def search(self, arguments: Arguments) -> dict[str, Any]:
        """A page of one kind of history; by a date within three months, or of all dates."""
        kind = arguments.text("historyType", "RETURNS").upper()
        size = arguments.integer("numEntriesPerPage", MOST_PER_PAGE)
        if kind not in _KINDS or not 1 <= size <= MOST_PER_PAGE or arguments.text("searchTerm"):
            raise RefusedError(400, INVALID)
        in_time = self._in_time(arguments)
        found = [back for back in self._world.returns if _is_of(back, kind) and in_time(back)]
        rows = list(enumerate(found, start=1))
        writer = OrderWriter(self._world, self._faults)
        return paged(
            rows,
            arguments.integer("pageNum", 1),
            size,
            lambda row: history_row(row[1], kind, row[0], writer),
            self._faults.pages_when_empty,
        )

    def _in_time(self, arguments: Arguments) -> Callable[[Return], bool]:
        by = arguments.text("dateType", "ALLDATES").upper()
        if by == "ALLDATES":
            return lambda _: True
        date_of = _DATES.get(by)
        first, last = arguments.moment("from"), arguments.moment("to")
        if date_of is None or first is None or last is None:
            raise RefusedError(400, INVALID)
        if last - first > MOST_DAYS * DAY:
            raise RefusedError(400, "The maximum range is 3 months.")
        return lambda back: (when := date_of(back)) is not None and first <= when <= last


def _is_of(back: Return, kind: str) -> bool:
    """Goods that came back show as a return and as a refund."""
    return back.is_cancellation == (kind == "CANCELLATIONS")
