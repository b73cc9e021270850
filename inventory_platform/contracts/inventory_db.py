"""The inventory database: the shop's old system of record, eleven tables.

It declares no keys or constraints of its own, so these contracts are the first place
that does. Master data is compared whole, so vanished rows are noticed; everything that
only ever grows is read from `UpdatedAt` on.
"""

from typing import Any

from inventory_platform.contracts.base import (
    Contract,
    Date,
    Integer,
    Money,
    Text,
    Timestamp,
    column,
    table,
)


def _created() -> Any:
    return column("CreatedAt", "When the row was created, UTC.")


def _updated() -> Any:
    return column("UpdatedAt", "When the row last changed, UTC.")


class Products(Contract):
    """Products the shop stocks, with the quantity the old system believes is available."""

    product_id: Integer = column("ProductID", "Identifies the product.")
    product_name: Text = column("ProductName", "Name the product is sold under.")
    category: Text = column("Category", "Category the product belongs to.", nullable=True)
    quantity_available: Integer = column(
        "QuantityAvailable", "Units on hand according to the old system."
    )
    unit_price: Money = column("UnitPrice", "Current selling price per unit.", ge=0)
    supplier_id: Integer = column(
        "SupplierID", "Supplier the product is ordered from.", nullable=True
    )
    restock_level: Integer = column(
        "RestockLevel", "Units at which the product is reordered.", nullable=True, ge=0
    )
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table(
            "Products", key=["product_id"], references={"supplier_id": "suppliers.supplier_id"}
        )


class Suppliers(Contract):
    """Suppliers the shop buys from."""

    supplier_id: Integer = column("SupplierID", "Identifies the supplier.")
    supplier_name: Text = column("SupplierName", "Name of the company.")
    contact_name: Text = column("ContactName", "Contact person.", nullable=True, personal=True)
    phone_number: Text = column("PhoneNumber", "Contact's phone.", nullable=True, personal=True)
    email: Text = column("Email", "Contact's e-mail address.", nullable=True, personal=True)
    address: Text = column("Address", "Street address.", nullable=True)
    city: Text = column("City", "City.", nullable=True)
    country: Text = column("Country", "Country.", nullable=True)
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table("Suppliers", key=["supplier_id"], owner="team:purchasing")


class PurchaseOrders(Contract):
    """Orders placed with suppliers; the old system keeps no lines for them."""

    purchase_order_id: Integer = column("PurchaseOrderID", "Identifies the purchase order.")
    supplier_id: Integer = column("SupplierID", "Supplier the order was placed with.")
    order_date: Date = column("OrderDate", "Day the order was placed.")
    delivery_date: Date = column(
        "DeliveryDate", "Day the goods arrived; empty while the order is open.", nullable=True
    )
    total_amount: Money = column("TotalAmount", "Cost of the whole order.", ge=0)
    status: Text = column(
        "Status",
        "State of the order.",
        isin=["Pending", "Ordered", "Delivered", "Cancelled"],
        raise_warning=True,
    )
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table(
            "PurchaseOrders",
            key=["purchase_order_id"],
            cursor="updated_at",
            references={"supplier_id": "suppliers.supplier_id"},
            owner="team:purchasing",
        )


class SalesTransactions(Contract):
    """Sales at the till, one row per product sold."""

    transaction_id: Integer = column("TransactionID", "Identifies the sale.")
    customer_id: Integer = column(
        "CustomerID", "Customer, where the till knew them.", nullable=True
    )
    product_id: Integer = column("ProductID", "Product sold.")
    transaction_date: Timestamp = column("TransactionDate", "Instant of the sale, UTC.")
    quantity_sold: Integer = column("QuantitySold", "Units sold.", gt=0)
    total_price: Money = column("TotalPrice", "Price of all units together.", ge=0)
    payment_method: Text = column("PaymentMethod", "How the customer paid.", nullable=True)
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table(
            "SalesTransactions",
            key=["transaction_id"],
            cursor="updated_at",
            references={
                "product_id": "products.product_id",
                "customer_id": "customers.customer_id",
            },
            owner="team:sales",
        )


class Customers(Contract):
    """Customers known to the shop."""

    customer_id: Integer = column("CustomerID", "Identifies the customer.")
    customer_name: Text = column("CustomerName", "Full name.", personal=True)
    email: Text = column("Email", "E-mail address.", nullable=True, personal=True)
    phone_number: Text = column("PhoneNumber", "Phone number.", nullable=True, personal=True)
    address: Text = column("Address", "Street address.", nullable=True, personal=True)
    city: Text = column("City", "City.", nullable=True)
    country: Text = column("Country", "Country.", nullable=True)
    loyalty_points: Integer = column("LoyaltyPoints", "Points collected.", nullable=True, ge=0)
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table("Customers", key=["customer_id"], owner="team:sales")


class StockAdjustments(Contract):
    """Corrections of stock made by hand, with their reason."""

    adjustment_id: Integer = column("AdjustmentID", "Identifies the adjustment.")
    product_id: Integer = column("ProductID", "Product corrected.")
    adjustment_type: Text = column(
        "AdjustmentType", "Direction of the correction.", isin=["Increase", "Decrease"]
    )
    quantity_adjusted: Integer = column("QuantityAdjusted", "Units, without a sign.", gt=0)
    reason: Text = column("Reason", "Why stock was corrected.", nullable=True)
    adjusted_by: Text = column("AdjustedBy", "Who corrected it.", nullable=True, personal=True)
    adjustment_date: Timestamp = column("AdjustmentDate", "When it was corrected, UTC.")
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table(
            "StockAdjustments",
            key=["adjustment_id"],
            cursor="updated_at",
            references={"product_id": "products.product_id"},
        )


class InventoryLogs(Contract):
    """The old system's own journal of stock: quantity before and after each change."""

    log_id: Integer = column("LogID", "Identifies the entry.")
    product_id: Integer = column("ProductID", "Product whose stock changed.")
    quantity_before: Integer = column("QuantityBefore", "Units before the change.")
    quantity_after: Integer = column("QuantityAfter", "Units after the change.")
    action_type: Text = column(
        "ActionType",
        "What changed the stock.",
        isin=["Opening", "Sale", "Restock", "Adjustment", "Return"],
        raise_warning=True,
    )
    action_date: Timestamp = column("ActionDate", "When stock changed, UTC.")
    performed_by: Text = column(
        "PerformedBy", "Who or what changed it.", nullable=True, personal=True
    )
    notes: Text = column("Notes", "The document behind the change, in words.", nullable=True)
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table(
            "InventoryLogs",
            key=["log_id"],
            cursor="updated_at",
            references={"product_id": "products.product_id"},
        )


class EcommerceOrders(Contract):
    """Orders from marketplaces and the web shop, one row per product ordered."""

    order_id: Integer = column("OrderID", "Identifies the order.")
    platform: Text = column("Platform", "Marketplace or shop the order came from.")
    customer_id: Integer = column("CustomerID", "Customer who ordered.", nullable=True)
    product_id: Integer = column("ProductID", "Product ordered.")
    order_date: Timestamp = column("OrderDate", "Instant of the order, UTC.")
    quantity_ordered: Integer = column("QuantityOrdered", "Units ordered.", gt=0)
    total_price: Money = column("TotalPrice", "Price of all units together.", ge=0)
    order_status: Text = column(
        "OrderStatus",
        "State of the order.",
        isin=["Pending", "Processing", "Shipped", "Delivered", "Cancelled", "Returned"],
        raise_warning=True,
    )
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table(
            "ECommerceOrders",
            key=["order_id"],
            cursor="updated_at",
            references={
                "product_id": "products.product_id",
                "customer_id": "customers.customer_id",
            },
            owner="team:sales",
        )


class IotDeviceLogs(Contract):
    """What shelf and gate sensors counted going in and out."""

    log_id: Integer = column("LogID", "Identifies the reading.")
    device_id: Text = column("DeviceID", "Sensor that made the reading.")
    product_id: Integer = column("ProductID", "Product recognised.")
    event_type: Text = column(
        "EventType", "Direction of the movement.", isin=["Stock In", "Stock Out"]
    )
    quantity: Integer = column("Quantity", "Units counted.", gt=0)
    recorded_at: Timestamp = column("Timestamp", "Instant of the reading, UTC.")
    location: Text = column("Location", "Where the sensor stands.", nullable=True)
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table(
            "IoTDeviceLogs",
            key=["log_id"],
            cursor="updated_at",
            references={"product_id": "products.product_id"},
        )


class CompetitorData(Contract):
    """Prices of the same product in other shops, the latest observation of each."""

    competitor_id: Integer = column("CompetitorID", "Identifies the competitor.")
    competitor_name: Text = column("CompetitorName", "Name of the competitor.")
    product_id: Integer = column("ProductID", "Our product the price compares with.")
    competitor_price: Money = column("CompetitorPrice", "Price asked there.", ge=0)
    stock_availability: Text = column(
        "StockAvailability", "Availability stated there.", nullable=True
    )
    last_updated_at: Timestamp = column("LastUpdated", "When the price was seen, UTC.")
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table(
            "CompetitorData",
            key=["competitor_id", "product_id"],
            references={"product_id": "products.product_id"},
            owner="team:pricing",
        )


class Payments(Contract):
    """Payments for e-commerce orders, failed attempts and refunds included."""

    payment_id: Integer = column("PaymentID", "Identifies the payment.")
    order_id: Integer = column("OrderID", "Order the payment belongs to.")
    payment_date: Timestamp = column("PaymentDate", "Instant of the payment, UTC.")
    amount: Money = column("Amount", "Amount paid or refunded.", ge=0)
    method: Text = column("Method", "How it was paid.", nullable=True)
    status: Text = column(
        "Status",
        "State of the payment.",
        isin=["Completed", "Pending", "Failed", "Refunded"],
        raise_warning=True,
    )
    created_at: Timestamp = _created()
    updated_at: Timestamp = _updated()

    class Config:
        metadata = table(
            "Payments",
            key=["payment_id"],
            cursor="updated_at",
            references={"order_id": "ecommerce_orders.order_id"},
            owner="team:finance",
        )
