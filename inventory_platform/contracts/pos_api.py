"""The tills' API: what was sold over the counter, how it was paid, and what was counted.

Receipts are asked for since their last change, with lines and payments inside. Stores and
stock counts come whole each time.
"""

from typing import Any

from inventory_platform.contracts.base import (
    Contract,
    Date,
    Flag,
    Integer,
    Money,
    Number,
    Text,
    Timestamp,
    column,
    table,
)


def _receipt_id() -> Any:
    return column("^receipt_id", "Receipt it belongs to.")


def _changed_at() -> Any:
    return column("^updated_at", "When the receipt last changed, UTC.")


class Receipts(Contract):
    """Receipts of the tills: sales, voided sales and returns."""

    receipt_id: Text = column(description="Identifies the receipt in all stores.")
    store_code: Text = column(description="Store the till stands in.")
    till: Integer = column(description="Number of the till in its store.", ge=1)
    cashier: Text = column(description="Who sat at the till.", nullable=True, personal=True)
    loyalty_card: Text = column(
        description="Customer's loyalty card; empty without one.", nullable=True, personal=True
    )
    sold_at: Timestamp = column(description="When it was printed, UTC.")
    updated_at: Timestamp = column(description="When it last changed, UTC.")
    status: Text = column(
        description="What became of it.",
        isin=["completed", "voided", "returned"],
        raise_warning=True,
    )
    currency: Text = column(description="Currency of all amounts, ISO 4217.")
    total: Money = column(description="What the customer paid; negative for returns.")

    class Config:
        metadata = table(
            "receipts:receipts[]",
            key=["receipt_id"],
            cursor="updated_at",
            increments=True,
            elsewhere=["lines", "payments"],
            references={"store_code": "stores.store_code"},
            owner="team:sales",
        )


class ReceiptLines(Contract):
    """What was sold on a receipt, one line per product."""

    receipt_id: Text = _receipt_id()
    line_number: Integer = column("#", "Place of the line on the receipt, from 1.", ge=1)
    sku: Text = column(description="Product sold.")
    description: Text = column(description="Name of the product as printed.", nullable=True)
    quantity: Integer = column(description="Units sold; negative for returns.")
    unit_price: Money = column(description="Price per unit before the discount.", ge=0)
    discount: Money = column(description="Taken off the line; negative for returns.")
    tax_rate: Number = column(description="Share of tax in the price, as 0.19.", ge=0, le=1)
    receipt_updated_at: Timestamp = _changed_at()

    class Config:
        metadata = table(
            "receipts:receipts[].lines[]",
            key=["receipt_id", "line_number"],
            cursor="receipt_updated_at",
            increments=True,
            references={"receipt_id": "receipts.receipt_id"},
            owner="team:sales",
        )


class ReceiptPayments(Contract):
    """How a receipt was paid, one row per means of payment."""

    receipt_id: Text = _receipt_id()
    payment_number: Integer = column("#", "Place of the payment on the receipt, from 1.", ge=1)
    method: Text = column(
        description="Means of payment.", isin=["card", "cash", "voucher"], raise_warning=True
    )
    amount: Money = column(description="Amount paid; negative where it was paid back.")
    receipt_updated_at: Timestamp = _changed_at()

    class Config:
        metadata = table(
            "receipts:receipts[].payments[]",
            key=["receipt_id", "payment_number"],
            cursor="receipt_updated_at",
            increments=True,
            references={"receipt_id": "receipts.receipt_id"},
            owner="team:sales",
        )


class Stores(Contract):
    """Stores with tills."""

    store_code: Text = column(description="Identifies the store.")
    name: Text = column(description="Name of the store.")
    city: Text = column(description="City.")
    country: Text = column(description="Country.")
    opened_on: Date = column(description="Day it opened.", nullable=True)
    is_open: Flag = column(description="Whether it still sells.")

    class Config:
        metadata = table("stores:stores[]", key=["store_code"], owner="team:sales")


class StockCounts(Contract):
    """Units found on the shelf when stock was counted in a store."""

    count_id: Text = column(description="Identifies the count of one product.")
    store_code: Text = column(description="Store that was counted.")
    sku: Text = column(description="Product that was counted.")
    counted_on: Date = column(description="Day of the count.")
    quantity: Integer = column(description="Units found.", ge=0)

    class Config:
        metadata = table(
            "stock_counts:counts[]",
            key=["count_id"],
            references={"store_code": "stores.store_code"},
        )
