"""Returns, refunds and cancellations as Linnworks writes them: one wide row for all three.

Here belongs nothing but writing. A row repeats the order it is about, and leaves empty what its
kind does not have.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from inventory_platform.sandbox.linnworks.catalogue import ZERO
from inventory_platform.sandbox.linnworks.moments import NEVER, write_or_never
from inventory_platform.sandbox.linnworks.order_documents import OrderWriter
from inventory_platform.sandbox.linnworks.purchasing import Return

Document: TypeAlias = dict[str, Any]
_NOT_OF_THE_ORDER = (
    "dReceivedDate",
    "timeDiff",
    "ProfitMargin",
    "nStatus",
    "BillingEmailAddress",
    "dCancelledOn",
    "PackageCategory",
    "PackageTitle",
    "ItemWeight",
    "TotalWeight",
    "FolderCollection",
    "HoldOrCancel",
    "IsResend",
    "IsExchange",
    "TaxId",
    "FulfilmentLocationName",
    "CarbonOffset",
)
"""What the search says about an order and these rows do not."""


def history_row(back: Return, kind: str, row: int, writer: OrderWriter) -> Document:
    """The row of SearchReturnsRefundsPaged.

    Args:
        back: What came back, in goods or money.
        kind: RETURNS, REFUNDS or CANCELLATIONS.
        row: Its place in the whole list, from 1.
        writer: Writes the order.
    """
    order = {
        name: value
        for name, value in writer.search_row(back.order).items()
        if name not in _NOT_OF_THE_ORDER
    }
    is_return, is_refund = kind == "RETURNS", kind == "REFUNDS"
    sku = back.line.item.sku if back.line.item else None
    style = back.number
    return {
        "Row": row,
        **order,
        "cItemNumber": sku,
        "cItemName": back.line.title,
        "pkReturnId": back.number if is_return else 0,
        "RowType": {"RETURNS": "Return", "REFUNDS": "Refund"}.get(kind, "Cancellation"),
        "ReturnReference": f"RMA{back.number}" if is_return else "",
        "PendingRefundAmount": 0.0 if back.actioned else back.amount / 100,
        "LastDate": write_or_never(back.actioned or back.booked, style),
        "Reason": back.reason,
        "ChannelReason": back.reason.upper().replace(" ", "_"),
        "ChannelReasonSec": None,
        "Category": "Customer",
        "ReturnQty": back.quantity if is_return else 0,
        "fkReturnLocationId": back.location.id if is_return else ZERO,
        "Scrapped": is_return and back.is_scrapped,
        "ScrapQty": back.quantity if is_return and back.is_scrapped else None,
        "ReturnDate": write_or_never(back.booked, style) if is_return else NEVER,
        "Location": back.location.name if is_return else None,
        "ItemNumber": sku,
        "ItemTitle": back.line.title,
        "NewQty": 0,
        "RefundReference": f"RF{back.number}" if is_refund else None,
        "pkRefundRowId": back.refund_id if is_refund else ZERO,
        "Amount": 0.0 if is_return else back.amount / 100,
        "CreateDate": write_or_never(back.booked, style),
        "CancellationQuantity": 0 if is_return or is_refund else back.quantity,
        "fkOrderItemReturnId": ZERO,
        "ActionDate": write_or_never(back.actioned, style),
        "RefundStatus": "PROCESSED" if back.actioned else "OPEN",
    }
