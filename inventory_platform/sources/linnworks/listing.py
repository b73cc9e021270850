"""Lists that are answered in pages by number, read so that no row is missed.

A list may change between two pages, and what moves to a page that was read already is not seen.
So a list is kept aside until it is certain that its pages belong together: as many rows as it
says it has, none of them twice; where it does not say how many there are, two readings in a row
must give the same rows in the same order. Otherwise the whole list is read once more.

Which lists there are is `fetcher.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any

import orjson

from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Page
from inventory_platform.sources.linnworks.client import Answer

_log = logging.getLogger(__name__)

_READINGS = 3
_IN_MEMORY = 8 << 20


class TooManyRowsError(Exception):
    """A list is longer than it was to be."""


@dataclass(frozen=True)
class Paged:
    """How to read one list.

    Attributes:
        stream: What its pages belong to.
        ask: Asks for a page, the first of which is number 1; None past the last one, for lists
            that do not say how many pages there are.
        rows: Where in an answer the rows are; how many there are stands beside them.
        identity: Fields that together no other row of the list has.
        ask_briefly: Asks for the same page with little else than those fields, where that is
            possible.
    """

    stream: str
    ask: Callable[[int], Answer | None]
    rows: Sequence[str]
    identity: Sequence[str]
    ask_briefly: Callable[[int], Answer | None] | None = None

    def read(self, most: int | None = None) -> Listing:
        """Read the list until its pages belong together.

        Args:
            most: Rows above which the list is not read.

        Returns:
            The list; its pages are to be taken, or it is to be closed.

        Raises:
            TooManyRowsError: It has more rows than that.
            SourceError: It changed each time while it was read.
        """
        before: list[tuple[Any, ...]] | None = None
        for _ in range(_READINGS):
            with ExitStack() as stack:
                listing = stack.enter_context(closing(Listing(self.stream)))
                is_proven = self._read_once(listing, most)
                if listing.is_whole and not is_proven and before != listing.identities:
                    before = self._identities_again()
                    listing.is_whole = before == listing.identities
                if listing.is_whole:
                    stack.pop_all()
                    return listing
            _log.info("%s changed while it was read; reading it again", self.stream)
        raise SourceError(
            f"The list {self.stream} changed while it was read, {_READINGS} times in a row.",
            "Load again later, when less is being changed. Nothing of this list was kept, and "
            "what was committed before stays.",
            is_transient=True,
        )

    def _read_once(self, listing: Listing, most: int | None) -> bool:
        """Keep all pages; returns whether they show by themselves if they belong together."""
        totals: set[int] = set()
        number = 0
        is_one_answer = False
        for answer, found in self._answers(self.ask):
            total = self._beside(answer, "TotalEntries")
            if most is not None and not number and total is not None and total > most:
                raise TooManyRowsError
            if total is not None:
                totals.add(total)
            pages = self._beside(answer, "TotalPages")
            if found or pages is not None:
                number += 1
                listing.add(answer, found)
                is_one_answer = number == 1 and pages is not None and pages <= 1
        if not number:
            listing.add_nothing()
        elif totals:
            listing.is_whole &= totals == {listing.rows}
        return bool(totals) or not number or is_one_answer

    def _identities_again(self) -> list[tuple[Any, ...]]:
        return [i for _, found in self._answers(self.ask_briefly or self.ask) for i in found]

    def _answers(
        self, ask: Callable[[int], Answer | None]
    ) -> Iterator[tuple[Answer, list[tuple[Any, ...]]]]:
        number = 1
        while (answer := ask(number)) is not None:
            pages, found = self._beside(answer, "TotalPages"), self._identities(answer)
            yield answer, found
            # A list that does not say where it ends would have no end.
            if number >= pages if pages is not None else not found:
                break
            number += 1

    def _beside(self, answer: Answer, name: str) -> int | None:
        value = answer.at([*self.rows[:-1], name])
        return int(value) if isinstance(value, int) else None

    def _identities(self, answer: Answer) -> list[tuple[Any, ...]]:
        return [tuple(row.get(name) for name in self.identity) for row in answer.rows(self.rows)]


class Listing:
    """The pages of a list, kept aside.

    Attributes:
        rows: How many rows there are.
        is_whole: Whether the pages belong together.
    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.rows = 0
        self.is_whole = True
        self._identities: dict[tuple[Any, ...], None] = {}
        self._pages = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `close`

    def add(self, answer: Answer, identities: Sequence[tuple[Any, ...]]) -> None:
        """Keep a page; rows that were on an earlier page mean that the list moved."""
        self._write(answer.request, answer.body)
        self.rows += len(identities)
        self._identities.update(dict.fromkeys(identities))
        self.is_whole = len(self._identities) == self.rows

    def add_nothing(self) -> None:
        """Keep that the list is empty, where the answer was a refusal."""
        self._write(f"{self.stream}: no rows", "[]")

    @property
    def identities(self) -> list[tuple[Any, ...]]:
        """The identifying fields of every row, in the order of the list."""
        return list(self._identities)

    def first_fields(self) -> list[Any]:
        """The first of the identifying fields of every row."""
        return [identity[0] for identity in self._identities]

    def pages(self) -> Iterator[Page]:
        """Hand out the pages, once, and close the list."""
        with closing(self):
            self._pages.seek(0)
            for line in self._pages:
                request, body = orjson.loads(line)
                yield Page(self.stream, request, body)

    def close(self) -> None:
        """Let go of the pages."""
        self._pages.close()

    def _write(self, request: str, body: str) -> None:
        self._pages.write(orjson.dumps([request, body]) + b"\n")


def batches(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Split values into lists of a size, the last one shorter.

    >>> list(batches([1, 2, 3], 2))
    [[1, 2], [3]]
    """
    for start in range(0, len(values), size):
        yield values[start : start + size]
