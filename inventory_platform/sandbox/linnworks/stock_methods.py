"""The methods for items, locations and suppliers."""

from __future__ import annotations

from typing import Any

from inventory_platform.sandbox.linnworks.arguments import INVALID, Arguments, RefusedError
from inventory_platform.sandbox.linnworks.catalogue import Item
from inventory_platform.sandbox.linnworks.faults import Faults
from inventory_platform.sandbox.linnworks.methods import Method, page_of
from inventory_platform.sandbox.linnworks.stock_documents import (
    REQUIREMENTS,
    ItemWriter,
    full_location,
    short_location,
    supplier,
)
from inventory_platform.sandbox.linnworks.world import World

MOST_ITEMS = 200
_SEARCH_TYPES = ("SKU", "Title", "Barcode")


class StockMethods:
    """Answers about what the shop keeps, and where."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults

    def methods(self) -> list[Method]:
        """What can be called."""
        return [
            Method("Stock/GetStockItemsFull", self.items),
            Method("Inventory/GetStockLocations", self.locations),
            Method("Locations/GetLocation", self.location),
            Method("Inventory/GetSuppliers", self.suppliers),
        ]

    def items(self, arguments: Arguments) -> list[dict[str, Any]]:
        """A page of active items, without totals; past the last page it is an error."""
        size = arguments.integer("entriesPerPage", MOST_ITEMS)
        if not 1 <= size <= MOST_ITEMS:
            raise RefusedError(400, "Number must be between 1 and 200")
        wanted = {_choice(value, REQUIREMENTS) for value in arguments.items("dataRequirements")}
        searched = {_choice(value, _SEARCH_TYPES) for value in arguments.items("searchTypes")}
        keyword = arguments.text("keyword").lower()
        with_kits = arguments.boolean("loadCompositeParents")
        with_variations = arguments.boolean("loadVariationParents")
        found = [
            item
            for item in self._world.active_items
            if (with_kits or not item.is_kit)
            and (with_variations or not item.is_variation_parent)
            and (not keyword or _matches(item, keyword, searched))
        ]
        page = page_of(found, arguments.integer("pageNumber", 1), size)
        if not page:
            raise RefusedError(400, "No items found with given filter.")
        writer = ItemWriter(self._world, self._faults)
        return [writer.full(item, wanted) for item in page]

    def locations(self, _: Arguments) -> list[dict[str, Any]]:
        """All locations."""
        write = short_location if self._faults.short_locations else full_location
        return [write(location) for location in self._world.catalogue.locations]

    def location(self, arguments: Arguments) -> dict[str, Any]:
        """One location."""
        asked = arguments.guid("pkStockLocationId")
        for location in self._world.catalogue.locations:
            if location.id == asked:
                return full_location(location)
        raise RefusedError(400, "Location not found.")

    def suppliers(self, _: Arguments) -> list[dict[str, Any]]:
        """All suppliers."""
        return [supplier(who) for who in self._world.catalogue.suppliers]


def _choice(value: Any, names: tuple[str, ...]) -> str:
    """A member of an enumeration, given by name or by its place."""
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    if value in names:
        return str(value)
    raise RefusedError(400, INVALID)


def _matches(item: Item, keyword: str, searched: set[str]) -> bool:
    texts = {"SKU": item.sku, "Title": item.title, "Barcode": item.barcode}
    return any(keyword in texts[name].lower() for name in searched)
