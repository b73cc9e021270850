"""What an API's answers have in common: they are JSON, with values at paths like `meta.next`."""

from __future__ import annotations

from typing import Any

import orjson

from inventory_platform.sources.http import Response


def json_problem(response: Response) -> str | None:
    """What is wrong with an answer that should be JSON; None when it is."""
    try:
        orjson.loads(response.text)
    except orjson.JSONDecodeError as error:
        return not_json(response, error)
    return None


def not_json(response: Response, error: orjson.JSONDecodeError) -> str:
    """Say that an answer is not JSON, and what it claims to be."""
    kind = response.headers.get("content-type", "text without a type")
    return f"answered {response.status} with {kind} that is not JSON ({error})"


def value_at(content: Any, path: str) -> Any:
    """The value at a path such as `meta.next`; None where there is none."""
    for step in path.split(".") if path else ():
        content = content.get(step) if isinstance(content, dict) else None
    return content
