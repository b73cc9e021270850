"""What is fetched from Linnworks.

Orders and returns are read slice by slice of time, the oldest first, with a checkpoint after
each, so that a long first reading goes on where it was interrupted. Everything else is read as
a whole. How a session is kept is `client.py`, how a list is read without missing rows is
`listing.py`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources.base import Checkpoint, Fetch, FetchItem, Page
from inventory_platform.sources.linnworks.client import (
    Answer,
    Credentials,
    LinnworksClient,
    RefusedError,
)
from inventory_platform.sources.linnworks.listing import (
    Listing,
    Paged,
    TooManyRowsError,
    batches,
)

_log = logging.getLogger(__name__)

_FETCHES = {
    "orders": Fetch(
        ("processed_orders", "processed_order_details"),
        "Orders that were processed or cancelled, and everything about them.",
    ),
    "open_orders": Fetch(("open_orders",), "Orders that are not processed yet."),
    "stock": Fetch(("stock_items",), "Items with stock, suppliers, prices, texts and images."),
    "locations": Fetch(("stock_locations", "stock_location_details"), "Locations that hold stock."),
    "purchase_orders": Fetch(
        ("purchase_orders", "purchase_order_details"),
        "Purchase orders with their lines and receipts.",
    ),
    "returns": Fetch(("returns_refunds",), "Returns, refunds and cancellations."),
    "suppliers": Fetch(("suppliers",), "Suppliers."),
}

_PAGE_LIMIT = 200
"""Most rows of a page of every list but the order search."""
_DETAILS_AT_ONCE = 100
_LONGEST_SLICE = timedelta(days=31)
_LONGEST_HISTORY = timedelta(days=89)
"""Returns are given for three months at most."""
_OVERLAP = timedelta(minutes=15)
"""How far readings reach into each other, for what lists name late and clocks that differ."""
_SHORTEST_SLICE = timedelta(minutes=1)
_ORDERS_PER_SLICE = 5_000
"""What a killed fetch loses at most, and what is kept aside at a time."""
_END_OF_STOCK = "No items found with given filter."
_ALL_OF_STOCK = {
    "keyword": "",
    # These let kits and variation parents into the list; they do not add details.
    "loadCompositeParents": True,
    "loadVariationParents": True,
    # By name: the same numbers mean something else to a sibling of this method.
    "dataRequirements": [
        "StockLevels",
        "Pricing",
        "Supplier",
        "ShippingInformation",
        "ChannelTitle",
        "ChannelDescription",
        "ChannelPrice",
        "ExtendedProperties",
        "Images",
    ],
    "searchTypes": ["SKU", "Title", "Barcode"],
}
_RETURN_KINDS = ("RETURNS", "REFUNDS", "CANCELLATIONS")
_RETURN_DATES = ("BOOKED", "ACTIONED")


class LinnworksOptions(BaseModel):
    """The keys of an entry in `sources.toml`, without its address.

    Attributes:
        application_id: Id of the application in the developer portal.
        application_secret: Its secret.
        token: What installing the application gave.
        start: Day of the first order and return to read.
        orders: `v1` reads all orders of the look-back again, `v2` only those that the newer
            list of orders says were changed.
        lookback_days: How far back orders and returns are looked at again, for late changes.
        page_size: Orders on a page of the order search.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    application_id: SecretStr
    application_secret: SecretStr
    token: SecretStr
    start: date
    orders: Literal["v1", "v2"] = "v1"
    lookback_days: float = Field(default=30, ge=0)
    page_size: int = Field(default=500, ge=20, le=500)


@dataclass(frozen=True)
class _Span:
    """A range of time, both ends included."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{_instant(self.start)} to {_instant(self.end)}"


@dataclass(frozen=True)
class _Progress:
    """How far orders or returns are read.

    Attributes:
        until: Everything up to here was read; None before the first slice.
        changes_from: Instant from which changes have not been asked for yet.
    """

    until: datetime | None
    changes_from: datetime

    @classmethod
    def read(cls, resume: str | None, now: datetime) -> _Progress:
        """Take up the text of a checkpoint."""
        if resume is None:
            return cls(None, now)
        known = orjson.loads(resume)
        until = datetime.fromisoformat(known["until"])
        return cls(until, datetime.fromisoformat(known["changes_from"]))

    def checkpoint(self) -> Checkpoint:
        """Write it down."""
        until = self.until or self.changes_from
        known = {"until": _instant(until), "changes_from": _instant(self.changes_from)}
        return Checkpoint(orjson.dumps(known).decode())

    def reached(self, end: datetime) -> _Progress:
        """The progress after a slice; looking back does not take it back."""
        return replace(self, until=max(self.until, end) if self.until else end)


class LinnworksFetcher:
    """Fetches orders, stock, purchase orders and returns of one Linnworks account.

    Args:
        address: `linnworks://api.linnworks.net`, or `linnworks+http://host` for a sandbox.
        options: The entry's other keys, as in `LinnworksOptions`, with secrets filled in.
        sleep: Waits some seconds.
        clock: A clock in seconds that never goes back.
        now: The present instant, UTC.

    Raises:
        SettingsError: A key is missing, unknown or wrong; names each, shows no value.
    """

    def __init__(
        self,
        address: str,
        options: Mapping[str, Any],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._address = address
        try:
            self._options = LinnworksOptions.model_validate(dict(options))
        except ValidationError as error:
            raise SettingsError(
                f"The entry of a Linnworks source is wrong. {_explain(error)}.",
                f"Correct it in sources.toml; the keys are "
                f"{', '.join(LinnworksOptions.model_fields)}.",
            ) from None
        self._sleep = sleep
        self._clock = clock
        self._now = now

    def fetches(self) -> Mapping[str, Fetch]:
        """What can be fetched, by name."""
        return _FETCHES

    def fetch(self, name: str, resume: str | None) -> Iterator[FetchItem]:
        """Ask for everything that is new since a checkpoint, or for everything.

        Raises:
            SettingsError: The address is not of the right form.
            SourceError: Linnworks does not answer, or refuses, or a list never stood still.
        """
        options = self._options
        credentials = Credentials(options.application_id, options.application_secret, options.token)
        now = self._now().replace(microsecond=0)
        with LinnworksClient(
            self._address, credentials, sleep=self._sleep, clock=self._clock
        ) as client:
            # By either clock: what is read up to a moment that has not come is never read.
            now = min(now, client.server_time() or now)
            reading = _Reading(client, options, now)
            match name:
                case "orders":
                    yield from reading.orders(resume)
                case "returns":
                    yield from reading.returns(resume)
                case _:
                    yield from _WHOLE[name](reading)
                    yield Checkpoint(_instant(now))


@dataclass
class _Reading:
    """One fetch under way.

    Attributes:
        client: Asks Linnworks.
        options: The source's entry.
        now: The instant up to which is read.
        has_details: Whether details came of any order; None as long as none were asked for.
    """

    client: LinnworksClient
    options: LinnworksOptions
    now: datetime
    has_details: bool | None = None

    @property
    def page_size(self) -> int:
        """Rows on a page of every list but the order search."""
        return min(self.options.page_size, _PAGE_LIMIT)

    @property
    def look_back(self) -> timedelta:
        """How far back orders and returns are read again."""
        return max(timedelta(days=self.options.lookback_days), _OVERLAP)

    def progress(self, resume: str | None) -> _Progress:
        """Where to go on; before now, whatever a clock that was ahead left behind."""
        known = _Progress.read(resume, self.now)
        if known.until is None or max(known.until, known.changes_from) <= self.now:
            return known
        # When it was really read is not known; what is within the look-back is taken for new.
        back = self.now - self.look_back
        _log.warning(
            "the last reading reached %s, which is in the future: a clock was ahead; "
            "everything from %s on is read again",
            _instant(max(known.until, known.changes_from)),
            _instant(back),
        )
        return _Progress(back, back)

    # -- orders ----------------------------------------------------------------------------

    def orders(self, resume: str | None) -> Iterator[FetchItem]:
        """Orders by the instants they were processed and cancelled at, then late changes."""
        progress = self.progress(resume)
        reads_changes = self.options.orders == "v2" and resume is not None
        for span, is_new in self._spans(progress):
            for slice_, listings in self._order_slices(span):
                ids: dict[str, None] = {}
                for listing in listings:
                    ids.update(dict.fromkeys(listing.first_fields()))
                    yield from listing.pages()
                if is_new or not reads_changes:
                    yield from self._details(list(ids), str(slice_))
                progress = progress.reached(slice_.end)
                if self.has_details is not False:
                    yield progress.checkpoint()
        if reads_changes:
            since = progress.changes_from - _OVERLAP
            yield from self._details(self._changed_since(since), f"changed since {_instant(since)}")
        if self.has_details is False:
            raise _no_details("the only order", "it")
        if reads_changes:
            yield replace(progress, changes_from=self.now).checkpoint()

    def _spans(self, progress: _Progress) -> Iterator[tuple[_Span, bool]]:
        """What to read: once more what is within the look-back, then what is new."""
        start = datetime.combine(self.options.start, datetime.min.time(), UTC)
        if progress.until is None:
            yield _Span(start, self.now), True
            return
        yield _Span(max(start, progress.until - self.look_back), progress.until), False
        if progress.until < self.now:
            yield _Span(progress.until, self.now), True

    def _order_slices(self, span: _Span) -> Iterator[tuple[_Span, list[Listing]]]:
        """Slices of a span, shorter where there are many orders."""
        width, at = _LONGEST_SLICE, span.start
        while at < span.end:
            slice_ = _Span(at, min(at + width, span.end))
            most = _ORDERS_PER_SLICE if slice_.end - at > _SHORTEST_SLICE else None
            try:
                processed = self._search("processed", slice_).read(most)
            except TooManyRowsError:
                width = (slice_.end - at) / 2
                continue
            yield slice_, [processed, self._search("cancelled", slice_).read()]
            at = slice_.end
            if processed.rows < _ORDERS_PER_SLICE // 4:
                width = min(2 * width, _LONGEST_SLICE)

    def _search(self, date_field: str, span: _Span) -> Paged:
        sort_field = {"processed": "dProcessedOn", "cancelled": "dCancelledOn"}[date_field]

        def ask(number: int) -> Answer:
            request = {
                "DateField": date_field,
                "FromDate": _instant(span.start),
                "ToDate": _instant(span.end),
                "PageNumber": number,
                "ResultsPerPage": self.options.page_size,
                # Oldest first: what is added meanwhile comes after what was read.
                "SearchSorting": {"SortField": sort_field, "SortDirection": "ASC"},
            }
            return self.client.call(
                "POST",
                "ProcessedOrders/SearchProcessedOrders",
                {"request": request},
                rows=("ProcessedOrders", "Data"),
            )

        return Paged("processed_orders", ask, ("ProcessedOrders", "Data"), ("pkOrderID",))

    def _details(self, ids: Sequence[str], what: str) -> Iterator[Page]:
        for number, batch in enumerate(batches(ids, _DETAILS_AT_ONCE), start=1):
            note = f"{what}, {len(batch)} orders, part {number}"
            answer, missing = self._ask_details(batch, note)
            yield Page("processed_order_details", answer.request, answer.body)
            if missing:
                # An order that was merged or deleted a moment ago is a reason to ask again;
                # quota and session are looked after below, so that it is never one of these.
                again, missing = self._ask_details(missing, f"{note}, again")
                yield Page("processed_order_details", again.request, again.body)
            self.has_details = bool(self.has_details) or len(missing) < len(batch)
            # One order alone may be gone; the ones after it will tell.
            if not self.has_details and len(batch) > 1:
                raise _no_details(f"{len(batch)} orders", "any of them")
            if missing:
                _log.warning(
                    "%d listed orders have no details, such as %s", len(missing), missing[0]
                )

    def _ask_details(self, ids: Sequence[str], note: str) -> tuple[Answer, list[str]]:
        answer = self.client.call(
            "POST", "Orders/GetOrdersById", {"pkOrderIds": list(ids)}, note=note
        )
        found = {str(row.get("OrderId")).lower() for row in answer.rows(())}
        return answer, [i for i in ids if i.lower() not in found]

    def _changed_since(self, since: datetime) -> list[str]:
        """Ids of processed orders that changed; what they are now is asked for by id."""
        arguments: dict[str, Any] = {
            "fromDate": _instant(since),
            "includeProcessed": "true",
            "entriesPerPage": _PAGE_LIMIT,
        }
        ids: dict[str, None] = {}
        tokens: set[str] = set()
        read = 0
        answer = self.client.changed_orders(arguments)
        total = answer.at(("TotalOrders",))
        while True:
            processed = answer.rows(("ProcessedOrders",))
            ids.update(dict.fromkeys(str(row["OrderId"]) for row in processed))
            found = len(processed) + len(answer.at(("OpenOrders",)) or [])
            read += found
            token = answer.at(("NextSearchToken",))
            if not token or not found:
                break
            if token in tokens:
                raise SourceError(
                    "The list of changed orders goes in circles: its NextSearchToken "
                    f"{str(token)[:100]!r} came before.",
                    'Load again. If it stays, set orders = "v1" in the source\'s entry.',
                    is_transient=True,
                )
            tokens.add(token)
            answer = self.client.changed_orders({**arguments, "searchToken": token})
        if isinstance(total, int) and read < total:
            raise SourceError(
                f"Linnworks says that {total} orders were changed and gave {read} of them.",
                "Load again. Nothing of these changes was kept; they are asked for again then.",
                is_transient=True,
            )
        return list(ids)

    # -- returns ---------------------------------------------------------------------------

    def returns(self, resume: str | None) -> Iterator[FetchItem]:
        """Returns, refunds and cancellations by the instants they were booked and actioned at."""
        progress = self.progress(resume)
        for span, _ in self._spans(progress):
            at = span.start
            while at < span.end:
                slice_ = _Span(at, min(at + _LONGEST_HISTORY, span.end))
                for kind in _RETURN_KINDS:
                    for by in _RETURN_DATES:
                        yield from self._history(kind, by, slice_).read().pages()
                progress = progress.reached(slice_.end)
                yield progress.checkpoint()
                at = slice_.end

    def _history(self, kind: str, by: str, span: _Span) -> Paged:
        def ask(number: int) -> Answer:
            arguments = {
                "from": f"{span.start:%Y-%m-%d %H:%M:%S}",
                "to": f"{span.end:%Y-%m-%d %H:%M:%S}",
                "dateType": by,
                "searchField": "",
                "exactMatch": "false",
                "searchTerm": "",
                "pageNum": number,
                "numEntriesPerPage": self.page_size,
                "historyType": kind,
            }
            return self.client.call(
                "GET", "ReturnsRefunds/SearchReturnsRefundsPaged", arguments, rows=("Data",)
            )

        identity = ("pkOrderID", "pkReturnId", "pkRefundRowId", "fkOrderItemReturnId")
        return Paged("returns_refunds", ask, ("Data",), identity)

    # -- read as a whole -------------------------------------------------------------------

    def open_orders(self) -> Iterator[Page]:
        """Orders that are not processed yet, location by location."""
        for location in self._locations().rows(()):

            def ask(number: int, where: str = location["StockLocationId"]) -> Answer:
                arguments = {
                    "entriesPerPage": self.page_size,
                    "pageNumber": number,
                    "filters": {},
                    "sorting": [],
                    "fulfilmentCenter": where,
                    "additionalFilter": "",
                }
                return self.client.call("POST", "Orders/GetOpenOrders", arguments, rows=("Data",))

            yield from Paged("open_orders", ask, ("Data",), ("OrderId",)).read().pages()

    def stock(self) -> Iterator[Page]:
        """All active items."""

        def ask(number: int, **less: Any) -> Answer | None:
            arguments = {
                **_ALL_OF_STOCK,
                "entriesPerPage": self.page_size,
                "pageNumber": number,
                **less,
            }
            try:
                return self.client.call("POST", "Stock/GetStockItemsFull", arguments)
            except RefusedError as error:
                # Any other refusal would end the list too early, and all items behind it
                # would be taken for deleted.
                if error.message == _END_OF_STOCK:
                    return None
                raise

        bare = partial(ask, dataRequirements=[])
        yield from Paged("stock_items", ask, (), ("StockItemId",), bare).read().pages()

    def locations(self) -> Iterator[Page]:
        """The list of locations, and each one with its address."""
        answer = self._locations()
        yield Page("stock_locations", answer.request, answer.body)
        for location in answer.rows(()):
            where = location["StockLocationId"]
            details = self.client.call(
                "GET",
                "Locations/GetLocation",
                {"pkStockLocationId": where},
                one=(("StockLocationId",), where),
            )
            yield Page("stock_location_details", details.request, details.body)

    def _locations(self) -> Answer:
        return self.client.call("GET", "Inventory/GetStockLocations")

    def purchase_orders(self) -> Iterator[Page]:
        """All purchase orders: lines may go as well as come until the goods are there."""

        def ask(number: int) -> Answer:
            # Not in an object of its own: then every argument would be ignored.
            arguments = {"PageNumber": number, "EntriesPerPage": self.page_size}
            return self.client.call(
                "POST", "PurchaseOrder/Search_PurchaseOrders2", arguments, rows=("Result",)
            )

        listing = Paged("purchase_orders", ask, ("Result",), ("pkPurchaseID",)).read()
        ids = listing.first_fields()
        yield from listing.pages()
        for purchase_id in ids:
            answer = self.client.call(
                "POST",
                "PurchaseOrder/Get_PurchaseOrder",
                {"pkPurchaseId": purchase_id},
                one=(("PurchaseOrderHeader", "pkPurchaseID"), purchase_id),
            )
            yield Page("purchase_order_details", answer.request, answer.body)

    def suppliers(self) -> Iterator[Page]:
        """All suppliers."""
        answer = self.client.call("GET", "Inventory/GetSuppliers")
        yield Page("suppliers", answer.request, answer.body)


_WHOLE: Mapping[str, Callable[[_Reading], Iterator[Page]]] = {
    "open_orders": _Reading.open_orders,
    "stock": _Reading.stock,
    "locations": _Reading.locations,
    "purchase_orders": _Reading.purchase_orders,
    "suppliers": _Reading.suppliers,
}


def _no_details(listed: str, of_what: str) -> SourceError:
    return SourceError(
        f"Linnworks lists {listed} and gives no details of {of_what}.",
        "Grant the application the permission to view order details.",
    )


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_input=False, include_context=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)
