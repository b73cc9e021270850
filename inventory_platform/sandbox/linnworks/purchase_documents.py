"""Purchase orders as Linnworks writes them.

Here belongs nothing but writing. `DateOfDelivery` repeats the day of the order until everything is
there, and `Cost` of a line is the whole line's, with tax.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from inventory_platform.sandbox.linnworks.catalogue import BASE_CURRENCY
from inventory_platform.sandbox.linnworks.moments import write
from inventory_platform.sandbox.linnworks.purchasing import (
    PURCHASE_TAX,
    Delivery,
    Purchase,
    PurchaseLine,
)

Document: TypeAlias = dict[str, Any]


def header(purchase: Purchase) -> Document:
    """The row of Search_PurchaseOrders2, and the head of Get_PurchaseOrder."""
    total = sum(line.cost for line in purchase.lines) / 100
    return {
        "pkPurchaseID": purchase.id,
        "fkSupplierId": purchase.supplier.id,
        "fkLocationId": purchase.location.id,
        "ExternalInvoiceNumber": f"PO{purchase.number:06d}",
        "Status": purchase.status,
        "Currency": BASE_CURRENCY,
        "SupplierReferenceNumber": "" if purchase.number % 3 else f"SR-{purchase.number}",
        "Locked": False,
        "LineCount": len(purchase.lines),
        "DeliveredLinesCount": sum(line.delivered == line.quantity for line in purchase.lines),
        "UnitAmountTaxIncludedType": 0,
        "DateOfPurchase": write(purchase.ordered, purchase.number),
        "DateOfDelivery": write(purchase.delivered, purchase.number),
        "QuotedDeliveryDate": write(purchase.quoted, purchase.number),
        "PostagePaid": 0.0,
        "TotalCost": total,
        "taxPaid": sum(line.tax for line in purchase.lines) / 100,
        "ShippingTaxRate": 0.0,
        "ConversionRate": 1.0,
        "ConvertedShippingCost": 0.0,
        "ConvertedShippingTax": 0.0,
        "ConvertedOtherCost": 0.0,
        "ConvertedOtherTax": 0.0,
        "ConvertedGrandTotal": total,
    }


def purchase_order(purchase: Purchase) -> Document:
    """The document of Get_PurchaseOrder."""
    return {
        "PurchaseOrderHeader": header(purchase),
        "PurchaseOrderItem": [
            _line(line, place) for place, line in enumerate(purchase.lines, start=1)
        ],
        "AdditionalCosts": [],
        "NoteCount": 0,
        "PaymentStatements": [],
        "DeliveredRecords": [
            _delivery(delivery, purchase, delivery.number) for delivery in purchase.deliveries
        ],
    }


def _line(line: PurchaseLine, place: int) -> Document:
    item = line.item
    return {
        "pkPurchaseItemId": line.row,
        "fkStockItemId": item.id,
        "StockItemIntId": item.number,
        "Quantity": line.quantity,
        "Cost": line.cost / 100,
        "Delivered": line.delivered,
        "TaxRate": PURCHASE_TAX / 100,
        "Tax": line.tax / 100,
        "PackQuantity": line.quantity,
        "PackSize": 1,
        "SKU": item.sku,
        "ItemTitle": item.title,
        "InventoryTrackingType": 0,
        "IsDeleted": False,
        "SortOrder": place,
        "DimHeight": 0.0,
        "DimWidth": 0.0,
        "BarcodeNumber": item.barcode,
        "DimDepth": 0.0,
        "BoundToOpenOrdersItems": 0,
        "BinRack": None,
        "QuantityBoundToOpenOrdersItems": 0,
        "SupplierCode": "",
        "SupplierBarcode": "",
        "SkuGroupIds": [],
    }


def _delivery(delivery: Delivery, purchase: Purchase, style: int) -> Document:
    return {
        "pkDeliveryRecordId": delivery.number,
        "fkPurchaseItemId": delivery.line.row,
        "fkStockLocationId": purchase.location.id,
        "UnitCost": delivery.line.item.cost / 100,
        "DeliveredQuantity": delivery.quantity,
        "CreatedDateTime": write(delivery.when, style),
        "ModifiedDateTime": None,
        "fkBatchInventoryId": None,
    }
