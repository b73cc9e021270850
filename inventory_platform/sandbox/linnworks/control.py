"""The control endpoints: what a test lets happen to the shop or the server.

All take and give JSON, need no session and are not counted. Instants are ISO texts. An order is
named by its id.

    GET  /sandbox/calls            calls so far: {"Orders/GetOrdersById": 3, ...}
    POST /sandbox/expire-session   ends all sessions
    POST /sandbox/fail             {"method": "Orders/GetOrdersById", "times": 2, "status": 503,
                                   "body": "...", "headers": {...}}: the next calls answer that;
                                   `times` is 1, `body` empty and `headers` none if not given
    POST /sandbox/clock            {"now": "..."}: the day in this world, by which personal data is
                                   taken out of orders
    POST /sandbox/late-change      {"order": "...", "change": "cancel" | "refund" | "track" |
                                   "process", "now": "..."}: what happens to an order at `now`;
                                   "process" sends an open one out, "track" gives it the tracking
                                   number of `tracking`
    POST /sandbox/insert-order     {"processed": "..."}: one more order, processed at an instant;
                                   answers {"OrderId": "..."}
    POST /sandbox/archive-item     {"sku": "..."}: takes an item out of the lists
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inventory_platform.sandbox.linnworks.arguments import Arguments, RefusedError, read
from inventory_platform.sandbox.linnworks.gate import Failure, Gate
from inventory_platform.sandbox.linnworks.orders import Order
from inventory_platform.sandbox.linnworks.world import World


class Control:
    """Lets things happen."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[Route]:
        """The addresses below `/sandbox/`."""
        posts = {
            "expire-session": self.expire_session,
            "fail": self.fail,
            "clock": self.clock,
            "late-change": self.late_change,
            "insert-order": self.insert_order,
            "archive-item": self.archive_item,
        }
        return [
            Route("/sandbox/calls", _endpoint(self.calls), methods=["GET"]),
            *(
                Route(f"/sandbox/{name}", _endpoint(act), methods=["POST"])
                for name, act in posts.items()
            ),
        ]

    def calls(self, _: Arguments) -> dict[str, object]:
        """How often each method was called, refused calls included."""
        return dict(self._gate.calls)

    def expire_session(self, _: Arguments) -> dict[str, object]:
        """End all sessions."""
        self._gate.expire_sessions()
        return {}

    def fail(self, arguments: Arguments) -> dict[str, object]:
        """Let the next calls of a method fail."""
        headers = arguments.nested("headers").texts() if "headers" in arguments else {}
        failure = Failure(arguments.integer("status", 500), arguments.text("body"), headers)
        self._gate.plan(arguments.text("method"), arguments.integer("times", 1), failure)
        return {}

    def clock(self, arguments: Arguments) -> dict[str, object]:
        """Let it be another day."""
        self._world.now = _required(arguments, "now")
        return {}

    def late_change(self, arguments: Arguments) -> dict[str, object]:
        """Change one order."""
        order, now = self._order(arguments), _required(arguments, "now")
        change = arguments.text("change")
        if change == "cancel":
            self._world.cancel(order, now)
        elif change == "refund":
            self._world.refund(order, now)
        elif change == "track":
            order.track(now, arguments.text("tracking"))
        elif change == "process" and order.processed is None:
            order.process(now)
        else:
            raise RefusedError(400, f"An order cannot be changed by {change!r}.")
        return {}

    def insert_order(self, arguments: Arguments) -> dict[str, object]:
        """Let there be one more order."""
        return {"OrderId": self._world.insert_order(_required(arguments, "processed")).id}

    def archive_item(self, arguments: Arguments) -> dict[str, object]:
        """Take an item out of the lists."""
        sku = arguments.text("sku")
        for item in self._world.active_items:
            if item.sku == sku:
                item.is_archived = True
                return {}
        raise RefusedError(404, f"There is no active item {sku!r}.")

    def _order(self, arguments: Arguments) -> Order:
        order = self._world.by_id.get(arguments.text("order"))
        if order is None:
            raise RefusedError(404, "There is no such order.")
        return order


def _required(arguments: Arguments, name: str) -> int:
    moment = arguments.moment(name)
    if moment is None:
        raise RefusedError(400, f"{name} is missing.")
    return moment


def _endpoint(
    act: Callable[[Arguments], dict[str, object]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(act(await read(request)))
        except RefusedError as refused:
            return JSONResponse({"Message": refused.message}, refused.status)

    return answer
