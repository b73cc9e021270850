"""How a method of the server is declared, and what several of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from inventory_platform.sandbox.linnworks.arguments import INVALID, Arguments, RefusedError

PER_MINUTE = 150
PER_MINUTE_DETAILS = 250
T = TypeVar("T")


@dataclass(frozen=True)
class Method:
    """One method below `/api/`.

    Attributes:
        name: Controller and method, such as `Orders/GetOrdersById`.
        answer: Makes the answer.
        per_minute: Calls that are let through in a minute.
    """

    name: str
    answer: Callable[[Arguments], Any]
    per_minute: int = PER_MINUTE


def page_of(entries: Sequence[T], number: int, size: int) -> list[T]:
    """One page; the first is number 1.

    Raises:
        RefusedError: There can be no such page.
    """
    if number < 1 or size < 1:
        raise RefusedError(400, INVALID)
    return list(entries[(number - 1) * size : number * size])


def page_count(entries: Sequence[Any], size: int) -> int:
    """How many pages there are; none when there is nothing."""
    return -(-len(entries) // size)


def paged(
    entries: Sequence[T],
    number: int,
    size: int,
    write: Callable[[T], Any],
    pages_when_empty: int = 0,
) -> dict[str, Any]:
    """A page with its totals, as most lists are answered.

    Raises:
        RefusedError: There can be no such page.
    """
    return {
        "PageNumber": number,
        "EntriesPerPage": size,
        "TotalEntries": len(entries),
        "TotalPages": page_count(entries, size) if entries else pages_when_empty,
        "Data": [write(entry) for entry in page_of(entries, number, size)],
    }
