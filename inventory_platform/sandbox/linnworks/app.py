"""The sandbox's Linnworks server: the application, its addresses and how answers are sent.

Here belongs what is the same for every method; what a method answers stands in `order_methods`,
`stock_methods` and their neighbours.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inventory_platform.sandbox.linnworks.arguments import Arguments, RefusedError, read
from inventory_platform.sandbox.linnworks.catalogue import ZERO
from inventory_platform.sandbox.linnworks.control import Control
from inventory_platform.sandbox.linnworks.faults import Faults
from inventory_platform.sandbox.linnworks.gate import Credentials, Gate
from inventory_platform.sandbox.linnworks.methods import PER_MINUTE, Method
from inventory_platform.sandbox.linnworks.order_methods import OrderMethods
from inventory_platform.sandbox.linnworks.purchase_methods import PurchaseMethods
from inventory_platform.sandbox.linnworks.return_methods import ReturnMethods
from inventory_platform.sandbox.linnworks.stock_methods import StockMethods
from inventory_platform.sandbox.linnworks.v2_methods import OrderList
from inventory_platform.sandbox.linnworks.world import World

AUTHORIZE = "Auth/AuthorizeByApplication"
ORDER_LIST = "v2/orders"
_CREDENTIALS = Credentials()
_FAULTS = Faults()


def create_app(
    rows: int = 2_000,
    *,
    seed: int = 11,
    credentials: Credentials = _CREDENTIALS,
    session_seconds: float = 1_200,
    quota_factor: float = 1.0,
    faults: Faults = _FAULTS,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """Make a Linnworks server with a shop of its own.

    Args:
        rows: About how many processed orders there are; everything else grows with them.
        seed: Where chance comes from.
        credentials: What an application has to show.
        session_seconds: Seconds without a call after which a session ends.
        quota_factor: What the calls per minute of every method are multiplied with.
        faults: Which odd behaviours the server shows.
        clock: Seconds, for sessions and quotas.
    """
    world = World(rows, seed)
    gate = Gate(
        credentials, faults, clock, session_seconds=session_seconds, quota_factor=quota_factor
    )
    methods = [
        *OrderMethods(world, faults).methods(),
        *StockMethods(world, faults).methods(),
        *PurchaseMethods(world).methods(),
        *ReturnMethods(world, faults).methods(),
    ]
    newer = OrderList(world, faults)
    return Starlette(
        routes=[
            Route(
                f"/api/{AUTHORIZE}",
                _guarded(gate, AUTHORIZE, partial(_login, gate), _error),
                methods=["POST"],
            ),
            *(
                Route(
                    f"/api/{method.name}",
                    _guarded(gate, method.name, partial(_call, gate, method), _error),
                    methods=["GET", "POST"],
                )
                for method in methods
            ),
            Route(
                f"/{ORDER_LIST}",
                _guarded(gate, ORDER_LIST, partial(_list_orders, gate, newer), _problem),
            ),
            *Control(world, gate).routes(),
        ]
    )


def _guarded(
    gate: Gate,
    name: str,
    act: Callable[[Request, Arguments], Any],
    refuse: Callable[[RefusedError], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint that counts its calls, fails when it was told to, and words refusals."""

    async def answer(request: Request) -> Response:
        if failure := gate.planned(name):
            return Response(failure.body, failure.status, failure.headers)
        try:
            return _json(act(request, await read(request)))
        except RefusedError as refused:
            return refuse(refused)

    return answer


def _login(gate: Gate, request: Request, arguments: Arguments) -> dict[str, Any]:
    gate.check_quota(AUTHORIZE, PER_MINUTE)
    shown = arguments.nested("request") if "request" in arguments else arguments
    return _session(gate.login(shown), gate.session_seconds, str(request.base_url).rstrip("/"))


def _call(gate: Gate, method: Method, request: Request, arguments: Arguments) -> Any:
    gate.check_session(request.headers.get("authorization", ""))
    gate.check_quota(method.name, method.per_minute)
    gate.check_luck(method.name, method.per_minute)
    return method.answer(arguments)


def _list_orders(gate: Gate, orders: OrderList, request: Request, arguments: Arguments) -> Any:
    """No quota of the newer list is known."""
    gate.check_session(request.headers.get("authorization", ""))
    return orders.answer(arguments)


def _json(document: Any, status: int = 200, media_type: str = "application/json") -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, media_type=media_type)


def _error(refused: RefusedError) -> Response:
    response = _json({"Code": "-", "Message": refused.message}, refused.status)
    response.headers.update(refused.headers)
    return response


def _problem(refused: RefusedError) -> Response:
    """The newer list words its errors in a standard way."""
    problem = {
        "type": f"https://httpstatuses.io/{refused.status}",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "detail": refused.message,
        "instance": f"/{ORDER_LIST}",
    }
    return _json(problem, refused.status, "application/problem+json")


def _session(token: str, seconds: float, server: str) -> dict[str, Any]:
    """The answer to a login, with the fields that nobody should keep."""
    return {
        "Id": ZERO,
        "EntityId": ZERO,
        "DatabaseName": "sandbox",
        "DatabaseServer": "sandbox",
        "PrivateDatabaseServer": "sandbox",
        "DatabaseUser": "sandbox",
        "DatabasePassword": "never-keep-this",
        "AppName": "Sandbox",
        "sid_registration": "",
        "UserName": "sandbox@example.com",
        "Md5Hash": "",
        "Locality": "EU",
        "SuperAdmin": False,
        "TTL": int(seconds),
        "Token": token,
        "AccessToken": None,
        "GroupName": "",
        "Device": "",
        "DeviceType": "",
        "UserType": "Application",
        "Status": {"State": "AVAILABLE", "Reason": "", "Parameters": {}},
        "UserId": ZERO,
        "Properties": {},
        "Email": "sandbox@example.com",
        "Server": server,
        "PushServer": server,
    }
