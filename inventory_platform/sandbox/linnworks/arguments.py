"""What a request asks for, in whichever of Linnworks' ways it was sent.

Query string, form fields and JSON are taken alike, and a form field may hold JSON text. Here
belong reading and checking values; which ones a method knows is its own affair.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from starlette.requests import Request

from inventory_platform.sandbox.linnworks import moments


class RefusedError(Exception):
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        message: What the answer says.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        super().__init__(message)


INVALID = "The request is invalid."


class Arguments:
    """The named values of a request, or of an object within it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        # One client of the past sent a name with a space at its end.
        self._values = {name.strip(): value for name, value in values.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def nested(self, name: str) -> Arguments:
        """An object.

        Raises:
            RefusedError: It is missing or something else.
        """
        value = self._structure(name)
        if not isinstance(value, dict):
            raise RefusedError(400, INVALID)
        return Arguments(value)

    def items(self, name: str) -> list[Any]:
        """A list; an empty one when it is missing.

        Raises:
            RefusedError: It is something else.
        """
        value = self._structure(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise RefusedError(400, INVALID)
        return value

    def text(self, name: str, default: str = "") -> str:
        """A text."""
        value = self._values.get(name)
        return default if value is None else str(value)

    def integer(self, name: str, default: int) -> int:
        """A whole number.

        Raises:
            RefusedError: It is something else.
        """
        value = self._values.get(name, default)
        try:
            return int(str(value))
        except ValueError:
            raise RefusedError(400, INVALID) from None

    def texts(self) -> dict[str, str]:
        """All values as texts."""
        return {name: str(value) for name, value in self._values.items()}

    def boolean(self, name: str) -> bool:
        """A switch; off when it is missing.

        Raises:
            RefusedError: It is something else.
        """
        value = str(self._values.get(name, "false")).lower()
        if value not in ("true", "false"):
            raise RefusedError(400, INVALID)
        return value == "true"

    def moment(self, name: str) -> int | None:
        """An instant in ticks, or None when it is missing, empty or `null`.

        Raises:
            RefusedError: It is something else.
        """
        value = self.text(name).strip().strip('"')
        if value in ("", "null"):
            return None
        try:
            return moments.parse(value)
        except ValueError:
            raise RefusedError(400, INVALID) from None

    def guids(self, name: str) -> list[str]:
        """A list of ids, in lower case.

        Raises:
            RefusedError: It is missing or something else.
        """
        if name not in self._values:
            raise RefusedError(400, INVALID)
        return [_guid(value) for value in self.items(name)]

    def repeated(self, name: str) -> list[str]:
        """Ids that are given by repeating a name, in lower case; none when it is missing.

        Raises:
            RefusedError: One is something else.
        """
        value = self._values.get(name, [])
        return [_guid(one) for one in (value if isinstance(value, list) else [value])]

    def guid(self, name: str) -> str | None:
        """An id in lower case, or None when it is missing or empty.

        Raises:
            RefusedError: It is something else.
        """
        value = self.text(name).strip('"')
        return _guid(value) if value else None

    def _structure(self, name: str) -> Any:
        value = self._values.get(name)
        if isinstance(value, str):
            return _loads(value) if value else None
        return value


async def read(request: Request) -> Arguments:
    """Collect the values of a request.

    Raises:
        RefusedError: The body is no JSON although it is said to be, or no object.
    """
    values: dict[str, Any] = {
        name: given[0] if len(given) == 1 else given
        for name, given in parse_qs(request.url.query, keep_blank_values=True).items()
    }
    try:
        body = (await request.body()).decode()
    except UnicodeDecodeError:
        raise RefusedError(400, INVALID) from None
    if not body:
        return Arguments(values)
    if request.headers.get("content-type", "").startswith("application/json"):
        document = _loads(body)
        if not isinstance(document, dict):
            raise RefusedError(400, INVALID)
        values.update(document)
    else:
        form = parse_qs(body, keep_blank_values=True)
        values.update({name: given[0] for name, given in form.items()})
    return Arguments(values)


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise RefusedError(400, INVALID) from None


def _guid(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise RefusedError(400, INVALID) from None
