"""Orders as Linnworks writes them: a row of the search, the details, and the newer v2 shape.

The same order says the same in all of them, under different names. Here belongs nothing but
writing: field names, ways of writing instants, and what each shape has that the others have not.
Money is written in units of the currency, weights in kilograms, tax rates in percent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from inventory_platform.sandbox.linnworks.catalogue import ZERO, Item, guid
from inventory_platform.sandbox.linnworks.channels import REDACTED, Customer
from inventory_platform.sandbox.linnworks.faults import Faults
from inventory_platform.sandbox.linnworks.moments import DAY, NEVER, write, write_or_never
from inventory_platform.sandbox.linnworks.orders import Line, Order, Status
from inventory_platform.sandbox.linnworks.world import World

Document: TypeAlias = dict[str, Any]
_DESPATCH_DAYS = 2
_GENERAL_IN_BOTH = (
    "Status",
    "LabelPrinted",
    "LabelError",
    "InvoicePrinted",
    "InvoicePrintError",
    "PickListPrinted",
    "PickListPrintError",
    "Marker",
    "ReferenceNum",
    "SecondaryReference",
    "ExternalReferenceNum",
    "ReceivedDate",
    "Source",
    "SubSource",
    "DespatchByDate",
    "ScheduledDelivery",
    "HasScheduledDelivery",
    "NumItems",
    "StockAllocationType",
)
"""What the older and the newer shape call the same."""
_NO_PURCHASE_ORDER = {
    "pkPurchaseItemId": ZERO,
    "Rowid": ZERO,
    "pkPurchaseId": ZERO,
    "ExternalInvoiceNumber": "",
    "fkSupplierId": ZERO,
    "DateOfDelivery": NEVER,
    "QuotedDeliveryDate": NEVER,
    "SupplierName": "",
    "fkLocationId": ZERO,
}


class OrderWriter:
    """Writes orders as they stand when it is made; it is made anew for every request."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._reserved = world.reserved()
        self._due = world.due()

    def search_row(self, order: Order) -> Document:
        """The flat row of SearchProcessedOrders."""
        customer = self._world.customer(order)
        style = order.number
        row: Document = {
            "pkOrderID": order.id,
            "cShippingAddress": _one_line(customer),
            "dReceivedDate": write(order.received, style),
            "dProcessedOn": write_or_never(order.processed, style),
            "timeDiff": ((order.processed or order.received) - order.received) / DAY,
            "fPostageCost": order.postage / 100,
            "fTotalCharge": order.total / 100,
            "PostageCostExTax": order.postage_net / 100,
            "Subtotal": order.subtotal / 100,
            "fTax": order.tax / 100,
            "TotalDiscount": order.discount / 100,
            "ProfitMargin": _margin(order),
            "CountryTaxRate": order.country.tax_rate / 100,
            "nOrderId": order.number,
            "nStatus": int(order.status),
            "cCurrency": order.country.currency,
            "PostalTrackingNumber": order.tracking,
            "cCountry": customer.country,
            "Source": order.channel.source,
            "PostalServiceName": order.service.name,
            "PostalServiceCode": order.service.code,
            "Vendor": order.service.vendor,
            "BillingEmailAddress": customer.email or None,
            "ReferenceNum": order.reference,
            "SecondaryReference": "",
            "ExternalReference": order.external_reference,
            **_flat_address(customer, "", order.number),
            "BuyerPhoneNumber": customer.phone,
            "Company": customer.company,
            "SubSource": order.channel.sub_source,
            "ChannelBuyerName": customer.user,
            "AccountName": "",
            "cFullName": customer.name,
            "cEmailAddress": customer.email,
            "cPostCode": customer.post_code,
            "dPaidOn": write_or_never(order.paid, style),
            "dCancelledOn": write_or_never(order.cancelled, style),
            "PackageCategory": "Parcel" if order.service.vendor else None,
            "PackageTitle": "Carton" if order.service.vendor else None,
            "ItemWeight": order.weight / 1_000,
            "TotalWeight": (order.weight + 150) / 1_000,
            "FolderCollection": order.folder or None,
            "cBillingAddress": _one_line(customer),
            "BillingName": customer.name,
            "BillingCompany": customer.company or None,
            **_flat_address(customer, "Billing", order.number),
            "BillingPostCode": customer.post_code,
            "BillingCountryName": customer.country,
            "BillingPhoneNumber": customer.phone or None,
            "HoldOrCancel": order.is_held,
            "IsResend": order.is_resend,
            "IsExchange": order.is_exchange,
            "TaxId": customer.tax_id,
            "FulfilmentLocationName": order.location.name,
        }
        if self._faults.unknown_fields:
            row["CarbonOffset"] = order.number % 3 == 0
        return row

    def details(self, order: Order) -> Document:
        """The document of GetOrdersById and of the open-order methods."""
        customer = self._world.customer(order)
        # Another way of writing the same instants than in the search.
        style = order.number + 1
        document: Document = {
            "OrderId": order.id,
            "NumOrderId": order.number,
            "Processed": order.processed is not None,
            "ProcessedDateTime": write(order.processed, style),
            "FulfilmentLocationId": order.location.id,
            "GeneralInfo": self._general(order, style),
            "ShippingInfo": {
                **_shipping(order),
                "PostageCost": order.postage / 100,
                "PostageCostExTax": order.postage_net / 100,
            },
            "CustomerInfo": _customer_info(customer, order.number),
            "TotalsInfo": {
                **_totals(order),
                "ProfitMargin": _margin(order),
                "pkOrderId": order.id,
            },
            "ExtendedProperties": [
                {
                    "RowId": guid("order property", order.number),
                    "Name": "GiftMessage",
                    "Value": "Happy birthday",
                    "Type": "Order",
                }
            ]
            if order.folder
            else [],
            "FolderName": [order.folder] if order.folder else [],
            "Items": [self._line(line, order, style) for line in order.lines],
            "Notes": self._notes(order, style, legacy=True),
            "PaidDateTime": write(order.paid, style),
            "TaxId": customer.tax_id,
        }
        if self._faults.unknown_fields:
            document["GeneralInfo"]["DeliveryPromise"] = "standard"
        return document

    def v2(self, order: Order) -> Document:
        """The order of `GET /v2/orders`, without the customer for those who may not know."""
        style = order.number + 2
        document: Document = {
            "OrderId": order.id,
            "NumOrderId": order.number,
            "Processed": order.processed is not None,
            "ProcessedOn": write(order.processed, style),
            "PaidOn": write(order.paid, style),
            "LastUpdated": write(order.updated, style),
            "FulfilmentLocationId": order.location.id,
            "GeneralInfo": self._general_v2(order, style),
            "ShippingInfo": _shipping(order),
            "TotalsInfo": _totals(order),
            "ExtendedProperties": [],
            "Folders": [order.folder] if order.folder else [],
            "TaxId": None,
            "Items": [self._line_v2(line, order, None) for line in order.lines],
        }
        if not self._faults.anonymous:
            customer = self._world.customer(order)
            document["TaxId"] = customer.tax_id or None
            document["CustomerInfo"] = {
                **_customer_info(customer, order.number),
                "TaxId": customer.tax_id or None,
            }
            document["Notes"] = self._notes(order, style, legacy=False)
        return document

    def _general(self, order: Order, style: int) -> Document:
        is_out = order.processed is not None
        return {
            "Status": int(order.status),
            "LabelPrinted": is_out,
            "LabelError": "",
            "InvoicePrinted": is_out,
            "InvoicePrintError": "",
            "PickListPrinted": is_out,
            "PickListPrintError": "",
            "IsRuleRun": True,
            "Notes": 1 if order.note else 0,
            "PartShipped": False,
            "Marker": _marker(order),
            "IsParked": order.is_parked,
            "Identifiers": [
                {
                    "IdentifierId": 1,
                    "IsCustom": False,
                    "ImageId": guid("image", "prime"),
                    "ImageUrl": "https://images.example.com/prime.png",
                    "Tag": "AMAZON_PRIME",
                    "Name": "Amazon Prime",
                }
            ]
            if order.is_prime
            else [],
            "ReferenceNum": order.reference,
            "SecondaryReference": "",
            "ExternalReferenceNum": order.external_reference,
            "ReceivedDate": write(order.received, style),
            "Source": order.channel.source,
            "SubSource": order.channel.sub_source,
            "SiteCode": order.channel.site,
            "HoldOrCancel": order.is_held,
            "DespatchByDate": write(_despatch_by(order), style),
            "ScheduledDelivery": _scheduled(order, style),
            "HasScheduledDelivery": order.is_prime,
            "Location": order.location.id,
            "NumItems": sum(line.quantity for line in order.lines),
            "PickwaveIds": [order.number // 50] if is_out else [],
            "PIIRedactionDays": order.channel.redaction_days,
            "StockAllocationType": "Full" if is_out else None,
        }

    def _general_v2(self, order: Order, style: int) -> Document:
        legacy = self._general(order, style)
        state: Document = (
            {
                "IsParked": order.is_parked,
                "IsMerged": False,
                "IsLocked": False,
                "IsRuleRun": True,
            }
            if order.processed is None
            else {"IsCancelled": order.cancelled is not None}
        )
        return {
            **{name: legacy[name] for name in _GENERAL_IN_BOTH},
            "StatusDescription": Status(order.status).name,
            "NotesCount": legacy["Notes"],
            "Identifiers": [
                {"Tag": tag["Tag"], "Name": tag["Name"]} for tag in legacy["Identifiers"]
            ],
            **state,
        }

    def _line(self, line: Line, order: Order, style: int, parent: str = ZERO) -> Document:
        shared = _shared_line(line, order)
        item = line.item
        key = (item.id if item else ZERO, order.location.id)
        shelf = item.shelves.get(order.location.id) if item else None
        level = shelf.level if shelf else 0
        return {
            **shared,
            "ItemId": shared["StockItemId"],
            "ParentItemId": parent,
            "CompositeAvailablity": level if line.children else None,
            "StockLevelsSpecified": shelf is not None,
            "OnOrder": self._due[key],
            "OnPurchaseOrder": dict(_NO_PURCHASE_ORDER),
            "InOrderBook": self._reserved[key] if item else None,
            "Level": level,
            "MinimumLevel": shelf.minimum if shelf else None,
            "AvailableStock": level - self._reserved[key],
            "Tax": line.tax / 100,
            "PartShipped": False,
            "Market": 0,
            "HasImage": item is not None,
            "ImageId": guid("image", item.sku) if item else None,
            "AdditionalInfo": _options(line, "pkOptionId"),
            "StockLevelIndicator": 0,
            "ShippingCost": 0.0,
            "PartShippedQty": 0,
            "ItemName": line.title,
            "BinRack": (shelf.bin_rack or None) if shelf else None,
            "InventoryTrackingType": 0,
            "isBatchedStockItem": False,
            "IsWarehouseManaged": False,
            "Boxes": [],
            "AddedDate": write(order.received, style),
            "OrderId": order.id,
            "StockId": ZERO,
            "CompositeSubItems": [
                self._line(child, order, style, line.row) for child in line.children
            ],
        }

    def _line_v2(self, line: Line, order: Order, parent: str | None) -> Document:
        document = {
            **_shared_line(line, order),
            "ParentItemId": parent,
            "CompositeSubItems": [self._line_v2(child, order, line.row) for child in line.children],
        }
        if not self._faults.anonymous:
            document["AdditionalInfo"] = _options(line, "OptionId")
        return document

    def _notes(self, order: Order, style: int, *, legacy: bool) -> list[Document]:
        if not order.note:
            return []
        note: Document = {
            "OrderNoteId": guid("note", order.number),
            "NoteDate": write(order.received, style),
            "Internal": False,
            "Note": REDACTED if self._world.is_redacted(order) else order.note,
            "CreatedBy": "channel",
            "NoteTypeId": None,
        }
        return [{**note, "OrderId": order.id} if legacy else note]


SORT_KEYS: dict[str, Callable[[Order], int]] = {
    "dProcessedOn": lambda order: order.processed or 0,
    "dReceivedDate": lambda order: order.received,
    "dPaidOn": lambda order: order.paid or 0,
    "dCancelledOn": lambda order: order.cancelled or 0,
    "nOrderId": lambda order: order.number,
}
"""What the search can be sorted by."""


def _shared_line(line: Line, order: Order) -> Document:
    item = line.item
    shelf = item.shelves.get(order.location.id) if item else None
    cost = _unit_cost(line)
    return {
        "RowId": line.row,
        "StockItemId": item.id if item else ZERO,
        "StockItemIntId": item.number if item else 0,
        "ItemNumber": line.channel_sku,
        "SKU": item.sku if item else None,
        "ItemSource": order.channel.source,
        "Title": line.title,
        "Quantity": line.quantity,
        "CategoryId": guid("category", item.category) if item else ZERO,
        "CategoryName": item.category if item else "Default",
        "PricePerUnit": line.unit_price / 100,
        "UnitCost": cost,
        "DespatchStockUnitCost": cost if order.processed is not None else 0.0,
        "Discount": float(line.percent_off),
        "DiscountValue": (line.quantity * line.unit_price * line.percent_off + 50) // 100 / 100,
        "TaxRate": line.tax_rate / 100,
        "Cost": line.net / 100,
        "CostIncTax": line.gross / 100,
        "SalesTax": line.tax / 100,
        "TaxCostInclusive": order.channel.tax_included,
        "IsService": line.is_service,
        "IsUnlinked": item is None and not line.is_service,
        "Weight": (item.weight if item else 0) / 1_000,
        "BarcodeNumber": item.barcode if item else "",
        "ChannelSKU": line.channel_sku,
        "ChannelTitle": line.title,
        "BatchNumberScanRequired": False,
        "SerialNumberScanRequired": False,
        "BinRacks": [
            {
                "Quantity": line.quantity,
                "BinRack": shelf.bin_rack,
                "Location": order.location.id,
                "BatchId": None,
                "OrderItemBatchId": None,
            }
        ]
        if shelf and order.processed is not None
        else [],
    }


def _shipping(order: Order) -> Document:
    is_parcel = order.service.vendor is not None
    return {
        "Vendor": order.service.vendor,
        "PostalServiceId": guid("postal service", order.service.code),
        "PostalServiceName": order.service.name,
        "TotalWeight": (order.weight + 150) / 1_000,
        "ItemWeight": order.weight / 1_000,
        "PackageCategoryId": guid("package category", "parcel") if is_parcel else ZERO,
        "PackageCategory": "Parcel" if is_parcel else None,
        "PackageTypeId": guid("package type", "carton") if is_parcel else None,
        "PackageType": "Carton" if is_parcel else "",
        "TrackingNumber": order.tracking,
        "ManualAdjust": False,
    }


def _totals(order: Order) -> Document:
    method = "Invoice" if order.channel.source == "DIRECT" else "Default"
    return {
        "Subtotal": order.subtotal / 100,
        "PostageCost": order.postage / 100,
        "PostageCostExTax": order.postage_net / 100,
        "Tax": order.tax / 100,
        "TotalCharge": order.total / 100,
        "PaymentMethod": method,
        "PaymentMethodId": guid("payment method", method),
        "TotalDiscount": order.discount / 100,
        "Currency": order.country.currency,
        "CountryTaxRate": order.country.tax_rate / 100,
        "ConversionRate": order.rate,
    }


def _customer_info(customer: Customer, number: int) -> Document:
    address = {
        "EmailAddress": customer.email,
        **_flat_address(customer, "", number),
        "PostCode": customer.post_code,
        "Country": customer.country,
        "Continent": "Europe",
        "FullName": customer.name,
        "Company": customer.company,
        "PhoneNumber": customer.phone,
        "CountryId": guid("country", customer.country),
    }
    return {
        "ChannelBuyerName": customer.user,
        "Address": address,
        "BillingAddress": dict(address),
    }


def _flat_address(customer: Customer, prefix: str, number: int) -> Document:
    """Street, town and region; some channels leave the later lines out with null."""
    nothing = None if prefix and number % 5 == 0 else ""
    return {
        f"{prefix}Address1": customer.street,
        f"{prefix}Address2": nothing,
        f"{prefix}Address3": nothing,
        f"{prefix}Town": customer.town,
        f"{prefix}Region": customer.region,
    }


def _one_line(customer: Customer) -> str:
    parts = (
        customer.name,
        customer.company,
        customer.street,
        customer.town,
        customer.post_code,
        customer.country,
    )
    return ", ".join(part for part in parts if part)


def _margin(order: Order) -> float:
    """What is left in the order's currency when tax and goods are paid."""
    return round((order.total - order.tax) / 100 - order.cost / order.rate / 100, 4)


def _marker(order: Order) -> int | None:
    if order.is_parked:
        return 7
    return None if order.number % 50 == 0 else order.number % 9 // 7


def _despatch_by(order: Order) -> int:
    return order.received + (1 if order.is_prime else _DESPATCH_DAYS) * DAY


def _scheduled(order: Order, style: int) -> Document | None:
    if not order.is_prime:
        return None
    return {
        "From": write(order.received + DAY, style),
        "To": write(order.received + 2 * DAY, style),
    }


def _unit_cost(line: Line) -> float:
    """A kit costs what its components cost; what is not known costs nothing."""
    if line.children:
        return _kit_cost(line.item) / 100
    return line.item.cost / 100 if line.item else 0.0


def _kit_cost(kit: Item | None) -> int:
    return sum(item.cost * count for item, count in kit.components) if kit else 0


def _options(line: Line, id_name: str) -> list[Document]:
    if not line.is_service:
        return []
    return [{id_name: guid("option", line.row), "Property": "Paper", "Value": "Blue"}]
