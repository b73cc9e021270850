"""Items, locations and suppliers as Linnworks writes them.

Here belongs nothing but writing: field names, spelling mistakes that are there to stay, and which
lists come only when they are asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import md5
from typing import Any, TypeAlias

from inventory_platform.sandbox.linnworks.catalogue import (
    BASE_CURRENCY,
    COUNTRY_RATE,
    ZERO,
    Item,
    Location,
    Shelf,
    Supplier,
    guid,
)
from inventory_platform.sandbox.linnworks.faults import Faults
from inventory_platform.sandbox.linnworks.moments import write
from inventory_platform.sandbox.linnworks.world import World

Document: TypeAlias = dict[str, Any]
REQUIREMENTS = (
    "StockLevels",
    "Pricing",
    "Supplier",
    "ShippingInformation",
    "ChannelTitle",
    "ChannelDescription",
    "ChannelPrice",
    "ExtendedProperties",
    "Images",
)
"""What GetStockItemsFull fills on demand; older clients send the place in this list."""


class ItemWriter:
    """Writes items as they stand when it is made; it is made anew for every request."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._faults = faults
        self._reserved = world.reserved()
        self._due = world.due()

    def full(self, item: Item, wanted: Collection[str]) -> Document:
        """The document of GetStockItemsFull, with the lists of `wanted` filled."""
        lists = {
            "Suppliers": ("Supplier", self._suppliers),
            "StockLevels": ("StockLevels", self._levels),
            "ItemChannelDescriptions": ("ChannelDescription", self._descriptions),
            "ItemExtendedProperties": ("ExtendedProperties", self._properties),
            "ItemChannelTitles": ("ChannelTitle", self._titles),
            "ItemChannelPrices": ("ChannelPrice", self._prices),
            "Images": ("Images", self._images),
        }
        document: Document = {
            **{
                name: fill(item) if requirement in wanted else []
                for name, (requirement, fill) in lists.items()
            },
            "ItemNumber": item.sku,
            "ItemTitle": item.title,
            "BarcodeNumber": item.barcode,
            "MetaData": f"{item.title}.",
            "IsVariationParent": item.is_variation_parent,
            "isBatchedStockType": False,
            "PurchasePrice": item.cost / 100,
            "RetailPrice": item.price / 100 if item.price else None,
            "TaxRate": _tax_rate(item),
            "PostalServiceId": guid("postal service", "STD"),
            "PostalServiceName": "Standard parcel",
            "CategoryId": guid("category", item.category),
            "CategoryName": item.category,
            "PackageGroupId": ZERO,
            "PackageGroupName": None if item.number % 4 == 0 else "Default",
            "Height": 5.0 + item.number % 20,
            "Width": 8.0 + item.number % 15,
            "Depth": 3.5 + item.number % 10,
            "Weight": item.weight / 1_000,
            "CreationDate": write(item.created, item.number),
            "InventoryTrackingType": 0,
            "BatchNumberScanRequired": False,
            "SerialNumberScanRequired": False,
            **_identity(item),
        }
        if self._faults.unknown_fields:
            document["CountryOfOrigin"] = item.supplier.country if item.supplier else None
        return document

    def _suppliers(self, item: Item) -> list[Document]:
        supplier = item.supplier
        if supplier is None:
            return []
        return [
            {
                "IsDefault": True,
                "Supplier": supplier.name,
                "SupplierID": supplier.id,
                "Code": f"{supplier.name[:3].upper()}-{item.number}",
                "SupplierBarcode": "",
                "LeadTime": supplier.lead_days,
                "PurchasePrice": item.cost / 100,
                "MinPrice": item.cost * 95 // 100 / 100,
                "MaxPrice": item.cost * 110 // 100 / 100,
                "AveragePrice": item.cost / 100,
                "AverageLeadTime": supplier.lead_days + 0.5,
                "SupplierMinOrderQty": 10,
                "SupplierPackSize": 5 if item.number % 2 else 1,
                "SupplierCurrency": BASE_CURRENCY,
                **_identity(item),
            }
        ]

    def _levels(self, item: Item) -> list[Document]:
        return [self._level(item, shelf) for shelf in item.shelves.values()]

    def _level(self, item: Item, shelf: Shelf) -> Document:
        key = (item.id, shelf.location.id)
        in_orders = self._reserved[key]
        return {
            "Location": short_location(shelf.location) | {"BinRack": shelf.bin_rack or None},
            "StockLevel": shelf.level,
            "StockValue": shelf.level * item.cost / 100,
            "MinimumLevel": shelf.minimum,
            "InOrderBook": in_orders,
            "Due": self._due[key],
            "JIT": False,
            "InOrders": in_orders,
            "Available": shelf.level - in_orders,
            "UnitCost": item.cost / 100,
            "SKU": None if item.number % 10 == 0 else item.sku,
            "AutoAdjust": True,
            "LastUpdateDate": write(shelf.updated, item.number),
            "LastUpdateOperation": "Stock take" if item.number % 3 else "Order processed",
            "rowid": guid("stock level", key),
            "PendingUpdate": False,
            "StockItemPurchasePrice": item.cost / 100,
            **_identity(item),
        }

    def _descriptions(self, item: Item) -> list[Document]:
        return [
            {
                "pkRowId": guid("description", item.sku),
                **_shop(),
                "Description": f"<p>{item.title}</p>",
                **_identity(item),
            }
        ]

    def _properties(self, item: Item) -> list[Document]:
        values = {"Material": "mixed", "Season": "all year" if item.number % 2 else "winter"}
        return [
            {
                "pkRowId": guid("property", f"{item.sku}/{name}"),
                "fkStockItemId": item.id,
                # Spelled like this by Linnworks.
                "ProperyName": name,
                "PropertyValue": value,
                "PropertyType": "Attribute",
            }
            for name, value in values.items()
        ]

    def _titles(self, item: Item) -> list[Document]:
        return [
            {
                "pkRowId": guid("title", item.sku),
                **_shop(),
                "Title": f"{item.title} | Main shop",
                **_identity(item),
            }
        ]

    def _prices(self, item: Item) -> list[Document]:
        row = guid("price", item.sku)
        return [
            {
                "Rules": [
                    {
                        "pkRowId": item.number,
                        "fkStockPricingId": row,
                        "Type": "Fixed",
                        "LowerBound": 10,
                        "Value": item.price * 95 // 100 / 100,
                    }
                ],
                "pkRowId": row,
                **_shop(),
                "Price": item.price / 100,
                "Tag": "",
                "UpdateStatus": "Success" if item.number % 6 else "Pending",
                "StartDate": None,
                "EndDate": None,
                **_identity(item),
            }
        ]

    def _images(self, item: Item) -> list[Document]:
        checksum = md5(item.sku.encode(), usedforsecurity=False).hexdigest()
        address = f"https://images.example.com/{item.sku}"
        return [
            {
                "Source": f"{address}_small.jpg",
                "FullSource": f"{address}.jpg",
                # Both spellings come, and differ in case only.
                "CheckSumValue": checksum,
                "pkRowId": guid("image", item.sku),
                "IsMain": True,
                "SortOrder": 1,
                "ChecksumValue": checksum if item.number % 2 else None,
                "RawChecksum": None,
                **_identity(item),
            }
        ]


def short_location(location: Location) -> Document:
    """A location in the older shape of seven fields."""
    return {
        "StockLocationId": location.id,
        "StockLocationIntId": location.number,
        "LocationName": location.name,
        "IsFulfillmentCenter": location.is_fulfilment_centre,
        "LocationTag": location.tag,
        "BinRack": None,
        "IsWarehouseManaged": None if location.is_fulfilment_centre else False,
    }


def full_location(location: Location) -> Document:
    """A location with its address, in the present shape of fifteen fields."""
    return {
        "Address1": "1 Dock Road",
        "Address2": "",
        "City": location.city,
        "County": "",
        "Country": location.country,
        "ZipCode": f"{10_000 + location.number}",
        "IsNotTrackable": False,
        "LocationTag": location.tag,
        "CountInOrderUntilAcknowledgement": False,
        "FulfilmentCenterDeductStockWhenProcessed": location.is_fulfilment_centre,
        "IsWarehouseManaged": False,
        "StockLocationId": location.id,
        "LocationName": location.name,
        "IsFulfillmentCenter": location.is_fulfilment_centre,
        "StockLocationIntId": location.number,
    }


def supplier(who: Supplier) -> Document:
    """A supplier of GetSuppliers."""
    return {
        "pkSupplierID": who.id,
        "SupplierName": who.name,
        "ContactName": who.contact,
        "Address": "2 Mill Street",
        "AlternativeAddress": "",
        "City": who.city,
        "Region": "",
        "Country": who.country,
        "PostCode": "",
        "TelephoneNumber": "",
        "SecondaryTelNumber": "",
        "FaxNumber": "",
        "Email": f"orders@{who.name.split()[0].lower()}.example.com",
        "WebPage": "",
        "Currency": BASE_CURRENCY,
    }


def _identity(item: Item) -> Document:
    return {"StockItemId": item.id, "StockItemIntId": item.number}


def _shop() -> Document:
    return {"Source": "SHOPIFY", "SubSource": "Main shop"}


def _tax_rate(item: Item) -> float:
    """Percent; -1 for the rate of the customer's country."""
    return -1.0 if item.tax_rate == COUNTRY_RATE else item.tax_rate / 100
