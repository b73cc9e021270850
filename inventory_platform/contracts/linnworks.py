"""Linnworks: orders, stock, purchasing and returns as its API answers them.

Ids are GUIDs; the numbers beside them belong to one Linnworks database only and are attributes.
The all-zero GUID is a value (the default location, category or supplier) except on order lines,
where it says that nothing is linked. Linnworks declares most fields as never empty and leaves
them empty all the same: only ids are required here. It writes "never" as a date long past.

Amounts that were entered or charged are exact to six decimals; those that Linnworks works out by
dividing have as many decimals as a double and are kept so. What two streams call differently has
one name here. Which stream and field a column comes from is `docs/linnworks-mapping.md`.
"""

from typing import Annotated, Any, TypeAlias

import polars as pl

from inventory_platform.contracts.base import (
    Contract,
    Date,
    Flag,
    Integer,
    Number,
    Text,
    Timestamp,
    column,
    table,
)

Amount: TypeAlias = Annotated[pl.Decimal, 18, 6]

NOTHING_LINKED = "00000000-0000-0000-0000-000000000000"

_LONG_PAST = ("0001-01-01", "1753-01-01", "1900-01-01")
_MIDNIGHTS = ("T00:00:00", "T00:00:00.0000000")
_ZONES = ("", "Z", "+00:00")
NEVER = tuple(d + m + z for d in _LONG_PAST for m in _MIDNIGHTS for z in _ZONES)

STOCK_WHEN_READ = (
    "StockLevelsSpecified",
    "Level",
    "AvailableStock",
    "MinimumLevel",
    "InOrderBook",
    "OnOrder",
    "StockLevelIndicator",
    "CompositeAvailablity",
)
"""What an order line says of its item's stock when it is read, not when it was sold: of processed
lines it is left in the pages, as it would make a new version of every line at every reading."""

OPEN_ORDER_REST = (
    "Processed",
    "ProcessedDateTime",
    "TaxId",
    "Items",
    "Notes",
    "ExtendedProperties",
    "ORDER_NOT_FOUND_ERROR",
    "IsPostFilteredOut",
    "CanFulfil",
    "StockAllocationType",
    "HasItems",
    "TotalItemsSum",
    "TaxInfo",
    "LastUpdated",
    "GeneralInfo.LabelPrinted",
    "GeneralInfo.LabelError",
    "GeneralInfo.InvoicePrinted",
    "GeneralInfo.InvoicePrintError",
    "GeneralInfo.PickListPrinted",
    "GeneralInfo.PickListPrintError",
    "GeneralInfo.IsRuleRun",
    "GeneralInfo.Notes",
    "GeneralInfo.Identifiers",
    "GeneralInfo.HasScheduledDelivery",
    "GeneralInfo.PickwaveIds",
    "GeneralInfo.PIIRedactionDays",
    "ShippingInfo.PostalServiceId",
    "ShippingInfo.ItemWeight",
    "ShippingInfo.PackageCategoryId",
    "ShippingInfo.PackageCategory",
    "ShippingInfo.PackageTypeId",
    "ShippingInfo.PackageType",
    "ShippingInfo.PostageCost",
    "ShippingInfo.PostageCostExTax",
    "ShippingInfo.ManualAdjust",
    "CustomerInfo.ChannelBuyerName",
    "CustomerInfo.BillingAddress",
    "CustomerInfo.Address.EmailAddress",
    "CustomerInfo.Address.Address1",
    "CustomerInfo.Address.Address2",
    "CustomerInfo.Address.Address3",
    "CustomerInfo.Address.Town",
    "CustomerInfo.Address.Region",
    "CustomerInfo.Address.PostCode",
    "CustomerInfo.Address.Continent",
    "CustomerInfo.Address.FullName",
    "CustomerInfo.Address.Company",
    "CustomerInfo.Address.PhoneNumber",
    "CustomerInfo.Address.CountryId",
    "TotalsInfo.PostageCostExTax",
    "TotalsInfo.PaymentMethod",
    "TotalsInfo.PaymentMethodId",
    "TotalsInfo.ProfitMargin",
    "TotalsInfo.CountryTaxRate",
    "TotalsInfo.pkOrderId",
)
"""Of an open order only what it says about demand is taken; who ordered is known early enough
once it is processed, so that it is kept in one place."""

ORDER_STATUSES = [0, 1, 2, 3, 4]
ORDER_MARKERS = [0, 1, 2, 3, 4, 5, 6, 7]
TRACKING_TYPES = [0, 1, 2]
STOCK_ALLOCATIONS = ["NotAllocated", "Insuffient", "Partial", "Full", "OverAllocated"]
PURCHASE_ORDER_STATUSES = ["PENDING", "OPEN", "PARTIAL", "DELIVERED"]
PRICE_UPDATE_STATUSES = ["NoChange", "Pending", "SentNotConfirmed", "Success", "Error"]
TAX_INCLUDED_TYPES = [0, 1, 2]

_STATUS_MEANING = "0 unpaid, 1 paid, 2 return, 3 pending, 4 resend."
_TRACKING_MEANING = "0 none, 1 ordered by sell-by date, 2 ordered by priority."


def _optional(source: str, description: str, **options: Any) -> Any:
    return column(source, description, nullable=True, **options)


def _personal(source: str, description: str) -> Any:
    return column(source, description, nullable=True, personal=True)


def _instant(source: str, description: str) -> Any:
    return column(source, f"{description}, UTC.", nullable=True, null_values=NEVER)


def _one_of(source: str, description: str, allowed: list[Any]) -> Any:
    return column(source, description, nullable=True, isin=allowed, raise_warning=True)


# -- orders ----------------------------------------------------------------------------------


class ProcessedOrders(Contract):
    """Processed and cancelled orders as the order search lists them, without lines."""

    order_id: Text = column("pkOrderID", "Identifies the order.")
    order_number: Integer = _optional("nOrderId", "Number of the order in this Linnworks account.")
    status_code: Integer = _one_of("nStatus", f"State: {_STATUS_MEANING}", ORDER_STATUSES)
    is_cancelled: Flag = _optional(
        "HoldOrCancel", "Whether the order was cancelled; on open orders the field means on hold."
    )
    is_resend: Flag = _optional("IsResend", "Whether it repeats an earlier order, free of charge.")
    is_exchange: Flag = _optional("IsExchange", "Whether it came from an exchange.")
    received_at: Timestamp = _instant("dReceivedDate", "When the channel received the order")
    processed_at: Timestamp = _instant("dProcessedOn", "When the order was processed")
    paid_at: Timestamp = _instant("dPaidOn", "When the order was marked as paid")
    cancelled_at: Timestamp = _instant("dCancelledOn", "When the order was cancelled")
    days_to_process: Number = _optional("timeDiff", "Days from receiving to processing.")
    channel: Text = _optional("Source", "Channel the order came from, such as EBAY.")
    channel_account: Text = _optional("SubSource", "Account on the channel.")
    account_name: Text = _personal("AccountName", "Customer's account name on the channel.")
    reference_number: Text = _optional("ReferenceNum", "Number of the order on the channel.")
    secondary_reference: Text = _optional("SecondaryReference", "Further number of the order.")
    external_reference: Text = _optional("ExternalReference", "Further number, mostly of eBay.")
    fulfilment_location: Text = _optional(
        "FulfilmentLocationName", "Name of the location that sends the order."
    )
    folders: Text = _optional("FolderCollection", "Folders the order is filed in.")
    currency: Text = _optional("cCurrency", "Currency of all amounts of the order.")
    total_charge: Amount = _optional("fTotalCharge", "What the customer pays in all.")
    subtotal: Number = _optional("Subtotal", "Lines without tax.")
    tax: Number = _optional("fTax", "Tax on the order.")
    postage_cost: Amount = _optional("fPostageCost", "Postage charged, with tax.")
    postage_cost_ex_tax: Number = _optional("PostageCostExTax", "Postage charged, without tax.")
    total_discount: Number = _optional("TotalDiscount", "Discount on the order.")
    profit_margin: Number = _optional("ProfitMargin", "Profit as Linnworks works it out.")
    country_tax_rate: Number = _optional("CountryTaxRate", "Tax rate of the country, per cent.")
    courier: Text = _optional("Vendor", "Courier, such as DPD.")
    postal_service: Text = _optional("PostalServiceName", "Postal service.")
    postal_service_code: Text = _optional("PostalServiceCode", "Code of the postal service.")
    tracking_number: Text = _optional("PostalTrackingNumber", "The courier's tracking number.")
    package_category: Text = _optional("PackageCategory", "Category of the package.")
    package_type: Text = _optional("PackageTitle", "Name of the package.")
    item_weight: Number = _optional("ItemWeight", "Weight of the items, kg.")
    total_weight: Number = _optional("TotalWeight", "Weight with packaging, kg.")
    buyer_user_name: Text = _personal("ChannelBuyerName", "Buyer's name on the channel.")
    full_name: Text = _personal("cFullName", "Recipient's name.")
    company: Text = _personal("Company", "Recipient's company.")
    email: Text = _personal("cEmailAddress", "Recipient's e-mail address.")
    phone_number: Text = _personal("BuyerPhoneNumber", "Recipient's phone.")
    tax_id: Text = _personal("TaxId", "Buyer's tax number.")
    shipping_address: Text = _personal("cShippingAddress", "Delivery address in one text.")
    address_1: Text = _personal("Address1", "Delivery address, first line.")
    address_2: Text = _personal("Address2", "Delivery address, second line.")
    address_3: Text = _personal("Address3", "Delivery address, third line.")
    town: Text = _personal("Town", "Delivery town.")
    region: Text = _optional("Region", "Delivery region.")
    post_code: Text = _personal("cPostCode", "Delivery post code.")
    country: Text = _optional("cCountry", "Delivery country.")
    billing_address: Text = _personal("cBillingAddress", "Billing address in one text.")
    billing_full_name: Text = _personal("BillingName", "Name billed.")
    billing_company: Text = _personal("BillingCompany", "Company billed.")
    billing_email: Text = _personal("BillingEmailAddress", "E-mail address for the bill.")
    billing_phone_number: Text = _personal("BillingPhoneNumber", "Phone for the bill.")
    billing_address_1: Text = _personal("BillingAddress1", "Billing address, first line.")
    billing_address_2: Text = _personal("BillingAddress2", "Billing address, second line.")
    billing_address_3: Text = _personal("BillingAddress3", "Billing address, third line.")
    billing_town: Text = _personal("BillingTown", "Billing town.")
    billing_region: Text = _optional("BillingRegion", "Billing region.")
    billing_post_code: Text = _personal("BillingPostCode", "Billing post code.")
    billing_country: Text = _optional("BillingCountryName", "Billing country.")

    class Config:
        metadata = table(
            "processed_orders:ProcessedOrders.Data[]",
            key=["order_id"],
            increments=True,
            owner="team:sales",
        )


class ProcessedOrderDetails(Contract):
    """Processed and cancelled orders in full: general, shipping, customer and totals."""

    order_id: Text = column("OrderId", "Identifies the order.")
    order_number: Integer = _optional(
        "NumOrderId", "Number of the order in this Linnworks account."
    )
    is_processed: Flag = _optional("Processed", "Whether the order is processed.")
    processed_at: Timestamp = _instant("ProcessedDateTime", "When the order was processed")
    paid_at: Timestamp = _instant("PaidDateTime", "When the order was marked as paid")
    tax_id: Text = _personal("TaxId", "Buyer's tax number.")
    fulfilment_location_id: Text = _optional(
        "FulfilmentLocationId", "Location that sends the order."
    )
    folders: Text = _optional("FolderName", "Folders the order is filed in, as JSON.")
    status_code: Integer = _one_of(
        "GeneralInfo.Status", f"State: {_STATUS_MEANING}", ORDER_STATUSES
    )
    is_label_printed: Flag = _optional("GeneralInfo.LabelPrinted", "Whether the label is printed.")
    label_error: Text = _optional("GeneralInfo.LabelError", "What went wrong with the label.")
    is_invoice_printed: Flag = _optional(
        "GeneralInfo.InvoicePrinted", "Whether the invoice is printed."
    )
    invoice_print_error: Text = _optional(
        "GeneralInfo.InvoicePrintError", "What went wrong with the invoice."
    )
    is_pick_list_printed: Flag = _optional(
        "GeneralInfo.PickListPrinted", "Whether the pick list is printed."
    )
    pick_list_print_error: Text = _optional(
        "GeneralInfo.PickListPrintError", "What went wrong with the pick list."
    )
    is_rule_run: Flag = _optional("GeneralInfo.IsRuleRun", "Whether a rule ran on the order.")
    note_count: Integer = _optional("GeneralInfo.Notes", "Number of notes on the order.")
    is_part_shipped: Flag = _optional("GeneralInfo.PartShipped", "Whether a part was sent.")
    marker: Integer = _one_of(
        "GeneralInfo.Marker", "0 none, 1 to 6 a tag, 7 parked.", ORDER_MARKERS
    )
    is_parked: Flag = _optional("GeneralInfo.IsParked", "Whether the order is parked.")
    reference_number: Text = _optional(
        "GeneralInfo.ReferenceNum", "Number of the order on the channel."
    )
    secondary_reference: Text = _optional(
        "GeneralInfo.SecondaryReference", "Further number of the order."
    )
    external_reference: Text = _optional(
        "GeneralInfo.ExternalReferenceNum", "Further number, mostly of eBay."
    )
    received_at: Timestamp = _instant(
        "GeneralInfo.ReceivedDate", "When the channel received the order"
    )
    channel: Text = _optional("GeneralInfo.Source", "Channel the order came from, such as EBAY.")
    channel_account: Text = _optional("GeneralInfo.SubSource", "Account on the channel.")
    channel_site: Text = _optional("GeneralInfo.SiteCode", "Site of the channel, by country.")
    is_cancelled: Flag = _optional(
        "GeneralInfo.HoldOrCancel",
        "Whether the order was cancelled; on open orders the field means on hold.",
    )
    despatch_by_at: Timestamp = _instant("GeneralInfo.DespatchByDate", "When it is due to leave")
    scheduled_delivery_from: Timestamp = _instant(
        "GeneralInfo.ScheduledDelivery.From", "Earliest delivery, before `despatch_by_at`"
    )
    scheduled_delivery_to: Timestamp = _instant(
        "GeneralInfo.ScheduledDelivery.To", "Latest delivery, before `despatch_by_at`"
    )
    has_scheduled_delivery: Flag = _optional(
        "GeneralInfo.HasScheduledDelivery", "Whether a delivery is scheduled."
    )
    location_id: Text = _optional("GeneralInfo.Location", "Location of the order.")
    item_count: Integer = _optional("GeneralInfo.NumItems", "Number of items of the order.")
    pickwave_ids: Text = _optional("GeneralInfo.PickwaveIds", "Pick waves, as JSON.")
    redaction_days: Integer = _optional(
        "GeneralInfo.PIIRedactionDays",
        "Days after processing at which Linnworks takes personal data out.",
    )
    stock_allocation: Text = _one_of(
        "GeneralInfo.StockAllocationType", "How far stock is allocated.", STOCK_ALLOCATIONS
    )
    courier: Text = _optional("ShippingInfo.Vendor", "Courier, such as DPD.")
    postal_service_id: Text = _optional(
        "ShippingInfo.PostalServiceId", "Identifies the postal service."
    )
    postal_service: Text = _optional("ShippingInfo.PostalServiceName", "Postal service.")
    total_weight: Number = _optional("ShippingInfo.TotalWeight", "Weight with packaging, kg.")
    item_weight: Number = _optional("ShippingInfo.ItemWeight", "Weight of the items, kg.")
    package_category_id: Text = _optional(
        "ShippingInfo.PackageCategoryId", "Identifies the category of the package."
    )
    package_category: Text = _optional("ShippingInfo.PackageCategory", "Category of the package.")
    package_type_id: Text = _optional("ShippingInfo.PackageTypeId", "Identifies the package.")
    package_type: Text = _optional("ShippingInfo.PackageType", "Name of the package.")
    shipping_postage_cost: Amount = _optional(
        "ShippingInfo.PostageCost", "Postage as the shipping part of the order says."
    )
    shipping_postage_cost_ex_tax: Number = _optional(
        "ShippingInfo.PostageCostExTax", "The same without tax."
    )
    tracking_number: Text = _optional(
        "ShippingInfo.TrackingNumber", "The courier's tracking number."
    )
    is_postage_adjusted: Flag = _optional(
        "ShippingInfo.ManualAdjust", "Whether postage was changed by hand."
    )
    buyer_user_name: Text = _personal(
        "CustomerInfo.ChannelBuyerName", "Buyer's name on the channel."
    )
    email: Text = _personal("CustomerInfo.Address.EmailAddress", "Recipient's e-mail address.")
    address_1: Text = _personal("CustomerInfo.Address.Address1", "Delivery address, first line.")
    address_2: Text = _personal("CustomerInfo.Address.Address2", "Delivery address, second line.")
    address_3: Text = _personal("CustomerInfo.Address.Address3", "Delivery address, third line.")
    town: Text = _personal("CustomerInfo.Address.Town", "Delivery town.")
    region: Text = _optional("CustomerInfo.Address.Region", "Delivery region.")
    post_code: Text = _personal("CustomerInfo.Address.PostCode", "Delivery post code.")
    country: Text = _optional("CustomerInfo.Address.Country", "Delivery country.")
    continent: Text = _optional("CustomerInfo.Address.Continent", "Delivery continent.")
    full_name: Text = _personal("CustomerInfo.Address.FullName", "Recipient's name.")
    company: Text = _personal("CustomerInfo.Address.Company", "Recipient's company.")
    phone_number: Text = _personal("CustomerInfo.Address.PhoneNumber", "Recipient's phone.")
    country_id: Text = _optional(
        "CustomerInfo.Address.CountryId", "Identifies the delivery country."
    )
    billing_email: Text = _personal(
        "CustomerInfo.BillingAddress.EmailAddress", "E-mail address for the bill."
    )
    billing_address_1: Text = _personal(
        "CustomerInfo.BillingAddress.Address1", "Billing address, first line."
    )
    billing_address_2: Text = _personal(
        "CustomerInfo.BillingAddress.Address2", "Billing address, second line."
    )
    billing_address_3: Text = _personal(
        "CustomerInfo.BillingAddress.Address3", "Billing address, third line."
    )
    billing_town: Text = _personal("CustomerInfo.BillingAddress.Town", "Billing town.")
    billing_region: Text = _optional("CustomerInfo.BillingAddress.Region", "Billing region.")
    billing_post_code: Text = _personal(
        "CustomerInfo.BillingAddress.PostCode", "Billing post code."
    )
    billing_country: Text = _optional("CustomerInfo.BillingAddress.Country", "Billing country.")
    billing_continent: Text = _optional(
        "CustomerInfo.BillingAddress.Continent", "Billing continent."
    )
    billing_full_name: Text = _personal("CustomerInfo.BillingAddress.FullName", "Name billed.")
    billing_company: Text = _personal("CustomerInfo.BillingAddress.Company", "Company billed.")
    billing_phone_number: Text = _personal(
        "CustomerInfo.BillingAddress.PhoneNumber", "Phone for the bill."
    )
    billing_country_id: Text = _optional(
        "CustomerInfo.BillingAddress.CountryId", "Identifies the billing country."
    )
    currency: Text = _optional("TotalsInfo.Currency", "Currency of all amounts of the order.")
    conversion_rate: Number = _optional(
        "TotalsInfo.ConversionRate", "What the amounts are multiplied by for the base currency."
    )
    total_charge: Amount = _optional("TotalsInfo.TotalCharge", "What the customer pays in all.")
    subtotal: Number = _optional("TotalsInfo.Subtotal", "Lines without tax.")
    tax: Number = _optional("TotalsInfo.Tax", "Tax on the order.")
    postage_cost: Amount = _optional("TotalsInfo.PostageCost", "Postage charged, with tax.")
    postage_cost_ex_tax: Number = _optional(
        "TotalsInfo.PostageCostExTax", "Postage charged, without tax."
    )
    total_discount: Number = _optional("TotalsInfo.TotalDiscount", "Discount on the order.")
    profit_margin: Number = _optional(
        "TotalsInfo.ProfitMargin", "Profit as Linnworks works it out."
    )
    country_tax_rate: Number = _optional(
        "TotalsInfo.CountryTaxRate", "Tax rate of the country, per cent."
    )
    payment_method: Text = _optional("TotalsInfo.PaymentMethod", "How the customer paid.")
    payment_method_id: Text = _optional(
        "TotalsInfo.PaymentMethodId", "Identifies the payment method."
    )

    class Config:
        metadata = table(
            "processed_order_details:[]",
            key=["order_id"],
            increments=True,
            references={
                "order_id": "processed_orders.order_id",
                "fulfilment_location_id": "stock_locations.stock_location_id",
            },
            elsewhere=[
                "Items",
                "Notes",
                "ExtendedProperties",
                "GeneralInfo.Identifiers",
                "TotalsInfo.pkOrderId",
            ],
            owner="team:sales",
        )


class ProcessedOrderItems(Contract):
    """Lines of processed orders. The line of a kit carries the money for its components."""

    order_item_id: Text = column("RowId", "Identifies the line.")
    order_id: Text = column("^OrderId", "Order the line belongs to.")
    parent_order_item_id: Text = _optional(
        "ParentItemId", "Line of the kit a component belongs to.", null_values=[NOTHING_LINKED]
    )
    stock_item_id: Text = _optional(
        "StockItemId",
        "Stock item of the line; empty where none is linked.",
        null_values=[NOTHING_LINKED],
    )
    stock_item_number: Integer = _optional(
        "StockItemIntId", "Number of the stock item in this Linnworks account."
    )
    item_id: Text = _optional("ItemId", "Stock item as the line names it a second time.")
    stock_id: Text = _optional("StockId", "Undocumented id of the line's stock.")
    sku: Text = _optional("SKU", "Stock keeping unit; empty where no item is linked.")
    item_number: Text = _optional("ItemNumber", "Number of the line on the channel.")
    item_source: Text = _optional("ItemSource", "Channel of the line.")
    title: Text = _optional("Title", "Title of the stock item.")
    item_name: Text = _optional("ItemName", "Name of the item.")
    channel_sku: Text = _optional("ChannelSKU", "Stock keeping unit on the channel.")
    channel_title: Text = _optional("ChannelTitle", "Title on the channel.")
    barcode: Text = _optional("BarcodeNumber", "Barcode, leading zeros kept.")
    category_id: Text = _optional("CategoryId", "Identifies the item's category.")
    category: Text = _optional("CategoryName", "The item's category.")
    market: Integer = _optional("Market", "Market of the line.")
    quantity: Integer = _optional(
        "Quantity", "Units; of a component, those of the whole line already."
    )
    part_shipped_quantity: Integer = _optional("PartShippedQty", "Units sent so far.")
    is_part_shipped: Flag = _optional("PartShipped", "Whether a part of the line was sent.")
    is_service: Flag = _optional("IsService", "Whether the line is a service, not goods.")
    is_unlinked: Flag = _optional("IsUnlinked", "Whether no stock item is linked to the line.")
    price_per_unit: Number = _optional("PricePerUnit", "Price of one unit.")
    unit_cost: Number = _optional("UnitCost", "Cost of one unit.")
    despatch_unit_cost: Number = _optional(
        "DespatchStockUnitCost", "Cost of one unit when it was sent."
    )
    discount_percent: Number = _optional("Discount", "Discount on the line, per cent.")
    discount_value: Number = _optional("DiscountValue", "Discount on the line.")
    tax: Number = _optional("Tax", "Tax on the line.")
    tax_rate: Number = _optional("TaxRate", "Tax rate of the line, per cent.")
    sales_tax: Number = _optional("SalesTax", "Sales tax on the line.")
    is_tax_included: Flag = _optional("TaxCostInclusive", "Whether the price includes tax.")
    line_total_ex_tax: Number = _optional("Cost", "Total of the line without tax.")
    line_total: Number = _optional("CostIncTax", "Total of the line with tax.")
    shipping_cost: Number = _optional("ShippingCost", "Shipping charged for the line.")
    weight: Number = _optional("Weight", "Weight of the line, kg.")
    has_image: Flag = _optional("HasImage", "Whether the item has an image.")
    image_id: Text = _optional("ImageId", "Identifies the image.")
    inventory_tracking_type: Integer = _one_of(
        "InventoryTrackingType", _TRACKING_MEANING, TRACKING_TYPES
    )
    is_batch_scan_required: Flag = _optional(
        "BatchNumberScanRequired", "Whether the batch must be scanned."
    )
    is_serial_scan_required: Flag = _optional(
        "SerialNumberScanRequired", "Whether the serial number must be scanned."
    )
    is_batched: Flag = _optional("isBatchedStockItem", "Whether the item has batches.")
    is_warehouse_managed: Flag = _optional(
        "IsWarehouseManaged", "Whether warehouse management handles the item."
    )
    bin_rack: Text = _optional("BinRack", "Bin the line was picked from.")
    added_at: Timestamp = _instant("AddedDate", "When the line was added")
    purchase_order_item_id: Text = _optional(
        "OnPurchaseOrder.pkPurchaseItemId", "Purchase order line the units come from."
    )
    purchase_order_row_id: Text = _optional(
        "OnPurchaseOrder.Rowid", "Identifies the tie to the purchase order."
    )
    purchase_order_id: Text = _optional(
        "OnPurchaseOrder.pkPurchaseId", "Purchase order the units come from."
    )
    purchase_order_reference: Text = _optional(
        "OnPurchaseOrder.ExternalInvoiceNumber", "Reference of that purchase order."
    )
    purchase_supplier_id: Text = _optional(
        "OnPurchaseOrder.fkSupplierId", "Supplier of that purchase order."
    )
    purchase_supplier: Text = _optional("OnPurchaseOrder.SupplierName", "Name of that supplier.")
    purchase_location_id: Text = _optional(
        "OnPurchaseOrder.fkLocationId", "Location that purchase order goes to."
    )
    purchase_delivered_at: Timestamp = _instant(
        "OnPurchaseOrder.DateOfDelivery", "When that purchase order was delivered"
    )
    purchase_quoted_at: Timestamp = _instant(
        "OnPurchaseOrder.QuotedDeliveryDate", "When that purchase order is expected"
    )
    additional_info: Text = _optional(
        "AdditionalInfo", "Options of the line, such as engraving, as JSON.", personal=True
    )
    boxes: Text = _optional("Boxes", "Boxes the item is packed in, as JSON.")

    class Config:
        metadata = table(
            "processed_order_details:[].Items[]",
            key=["order_item_id"],
            increments=True,
            references={
                "order_id": "processed_order_details.order_id",
                "stock_item_id": "stock_items.stock_item_id",
            },
            elsewhere=["OrderId", "CompositeSubItems", "BinRacks", *STOCK_WHEN_READ],
            owner="team:sales",
        )


class ProcessedOrderItemComponents(ProcessedOrderItems):
    """Components of the kits in processed orders: quantities, while the money is on the kit."""

    order_id: Text = column("^^OrderId", "Order the component belongs to.")
    kit_order_item_id: Text = column("^RowId", "Line of the kit.")
    composite_sub_items: Text = _optional(
        "CompositeSubItems", "Components of a component, as JSON."
    )
    bin_racks: Text = _optional("BinRacks", "Bins the component was picked from, as JSON.")

    class Config:
        metadata = table(
            "processed_order_details:[].Items[].CompositeSubItems[]",
            key=["order_item_id"],
            increments=True,
            references={
                "order_id": "processed_order_details.order_id",
                "kit_order_item_id": "processed_order_items.order_item_id",
                "stock_item_id": "stock_items.stock_item_id",
            },
            elsewhere=["OrderId", *STOCK_WHEN_READ],
            owner="team:sales",
        )


class ProcessedOrderItemBinRacks(Contract):
    """Bins the lines of processed orders were picked from, and how many units from each."""

    order_item_id: Text = column("^RowId", "Line of the order.")
    bin_position: Integer = column("#", "Place of the bin in the line's list, from 1.")
    order_id: Text = column("^^OrderId", "Order the line belongs to.")
    bin_rack: Text = _optional("BinRack", "The bin.")
    stock_location_id: Text = _optional("Location", "Location of the bin.")
    quantity: Integer = _optional("Quantity", "Units picked from the bin.")
    batch_id: Integer = _optional("BatchId", "Number of the batch.")
    order_item_batch_id: Integer = _optional(
        "OrderItemBatchId", "Identifies line and batch together."
    )

    class Config:
        metadata = table(
            "processed_order_details:[].Items[].BinRacks[]",
            key=["order_item_id", "bin_position"],
            increments=True,
            references={"order_item_id": "processed_order_items.order_item_id"},
            owner="team:sales",
        )


class ProcessedOrderNotes(Contract):
    """Notes on processed orders."""

    order_note_id: Text = column("OrderNoteId", "Identifies the note.")
    order_id: Text = column("^OrderId", "Order the note is on.")
    noted_at: Timestamp = _instant("NoteDate", "When the note was written")
    is_internal: Flag = _optional("Internal", "Whether the customer does not see it.")
    note: Text = _personal("Note", "Text of the note.")
    created_by: Text = _personal("CreatedBy", "Who wrote it.")
    note_type_id: Integer = _optional("NoteTypeId", "Type of the note.")

    class Config:
        metadata = table(
            "processed_order_details:[].Notes[]",
            key=["order_note_id"],
            increments=True,
            references={"order_id": "processed_order_details.order_id"},
            elsewhere=["OrderId"],
            owner="team:sales",
        )


class ProcessedOrderExtendedProperties(Contract):
    """Properties that were added to processed orders."""

    property_id: Text = column("RowId", "Identifies the property.")
    order_id: Text = column("^OrderId", "Order it belongs to.")
    property_name: Text = _optional("Name", "Name of the property.")
    property_value: Text = _personal("Value", "Its value, which may be anything.")
    property_type: Text = _optional("Type", "Type of the property.")

    class Config:
        metadata = table(
            "processed_order_details:[].ExtendedProperties[]",
            key=["property_id"],
            increments=True,
            references={"order_id": "processed_order_details.order_id"},
            owner="team:sales",
        )


class ProcessedOrderIdentifiers(Contract):
    """Marks on processed orders, such as Prime or Scheduled."""

    order_id: Text = column("^OrderId", "Order the mark is on.")
    identifier_id: Integer = column("IdentifierId", "Identifies the mark.")
    tag: Text = _optional("Tag", "The mark.")
    name: Text = _optional("Name", "Name of the mark.")
    is_custom: Flag = _optional("IsCustom", "Whether the mark was defined by a user.")
    image_id: Text = _optional("ImageId", "Identifies its picture.")
    image_url: Text = _optional("ImageUrl", "Address of its picture.")

    class Config:
        metadata = table(
            "processed_order_details:[].GeneralInfo.Identifiers[]",
            key=["order_id", "identifier_id"],
            increments=True,
            references={"order_id": "processed_order_details.order_id"},
            owner="team:sales",
        )


class OpenOrders(Contract):
    """Orders that are not processed yet, as they stand now."""

    order_id: Text = column("OrderId", "Identifies the order.")
    order_number: Integer = _optional(
        "NumOrderId", "Number of the order in this Linnworks account."
    )
    paid_at: Timestamp = _instant("PaidDateTime", "When the order was marked as paid")
    fulfilment_location_id: Text = _optional(
        "FulfilmentLocationId", "Location that sends the order."
    )
    status_code: Integer = _one_of(
        "GeneralInfo.Status", f"State: {_STATUS_MEANING}", ORDER_STATUSES
    )
    is_on_hold: Flag = _optional("GeneralInfo.HoldOrCancel", "Whether the order is on hold.")
    is_parked: Flag = _optional("GeneralInfo.IsParked", "Whether the order is parked.")
    marker: Integer = _one_of(
        "GeneralInfo.Marker", "0 none, 1 to 6 a tag, 7 parked.", ORDER_MARKERS
    )
    is_part_shipped: Flag = _optional("GeneralInfo.PartShipped", "Whether a part was sent.")
    stock_allocation: Text = _one_of(
        "GeneralInfo.StockAllocationType", "How far stock is allocated.", STOCK_ALLOCATIONS
    )
    reference_number: Text = _optional(
        "GeneralInfo.ReferenceNum", "Number of the order on the channel."
    )
    secondary_reference: Text = _optional(
        "GeneralInfo.SecondaryReference", "Further number of the order."
    )
    external_reference: Text = _optional(
        "GeneralInfo.ExternalReferenceNum", "Further number, mostly of eBay."
    )
    received_at: Timestamp = _instant(
        "GeneralInfo.ReceivedDate", "When the channel received the order"
    )
    channel: Text = _optional("GeneralInfo.Source", "Channel the order came from, such as EBAY.")
    channel_account: Text = _optional("GeneralInfo.SubSource", "Account on the channel.")
    channel_site: Text = _optional("GeneralInfo.SiteCode", "Site of the channel, by country.")
    despatch_by_at: Timestamp = _instant("GeneralInfo.DespatchByDate", "When it is due to leave")
    scheduled_delivery_from: Timestamp = _instant(
        "GeneralInfo.ScheduledDelivery.From", "Earliest delivery, before `despatch_by_at`"
    )
    scheduled_delivery_to: Timestamp = _instant(
        "GeneralInfo.ScheduledDelivery.To", "Latest delivery, before `despatch_by_at`"
    )
    location_id: Text = _optional("GeneralInfo.Location", "Location of the order.")
    item_count: Integer = _optional("GeneralInfo.NumItems", "Number of items of the order.")
    folders: Text = _optional("FolderName", "Folders the order is filed in, as JSON.")
    courier: Text = _optional("ShippingInfo.Vendor", "Courier, such as DPD.")
    postal_service: Text = _optional("ShippingInfo.PostalServiceName", "Postal service.")
    total_weight: Number = _optional("ShippingInfo.TotalWeight", "Weight with packaging, kg.")
    tracking_number: Text = _optional(
        "ShippingInfo.TrackingNumber", "The courier's tracking number."
    )
    country: Text = _optional("CustomerInfo.Address.Country", "Delivery country.")
    currency: Text = _optional("TotalsInfo.Currency", "Currency of all amounts of the order.")
    conversion_rate: Number = _optional(
        "TotalsInfo.ConversionRate", "What the amounts are multiplied by for the base currency."
    )
    total_charge: Amount = _optional("TotalsInfo.TotalCharge", "What the customer pays in all.")
    subtotal: Number = _optional("TotalsInfo.Subtotal", "Lines without tax.")
    tax: Number = _optional("TotalsInfo.Tax", "Tax on the order.")
    postage_cost: Amount = _optional("TotalsInfo.PostageCost", "Postage charged, with tax.")
    total_discount: Number = _optional("TotalsInfo.TotalDiscount", "Discount on the order.")

    class Config:
        metadata = table(
            "open_orders:Data[]",
            key=["order_id"],
            references={"fulfilment_location_id": "stock_locations.stock_location_id"},
            elsewhere=OPEN_ORDER_REST,
            may_be_empty=True,
            owner="team:sales",
        )


class OpenOrderItems(ProcessedOrderItems):
    """Lines of orders that are not processed yet, as they and their stock stand now."""

    stock_level: Integer = _optional("Level", "Units at the order's location.")
    stock_available: Integer = _optional("AvailableStock", "Units not in any open order.")
    stock_minimum: Integer = _optional("MinimumLevel", "Minimum level; -1 where none is kept.")
    stock_in_open_orders: Integer = _optional("InOrderBook", "Units in open orders.")
    stock_on_order: Integer = _optional("OnOrder", "Units in purchase orders.")
    has_stock_levels: Flag = _optional("StockLevelsSpecified", "Whether the levels were filled in.")
    stock_level_indicator: Integer = _optional("StockLevelIndicator", "Indicator of the level.")
    composite_availability: Integer = _optional(
        "CompositeAvailablity", "Kits that can be made from what there is."
    )
    composite_sub_items: Text = _optional("CompositeSubItems", "Components of a kit, as JSON.")
    bin_racks: Text = _optional("BinRacks", "Bins the line is picked from, as JSON.")

    class Config:
        metadata = table(
            "open_orders:Data[].Items[]",
            key=["order_item_id"],
            references={
                "order_id": "open_orders.order_id",
                "stock_item_id": "stock_items.stock_item_id",
            },
            elsewhere=["OrderId"],
            may_be_empty=True,
            owner="team:sales",
        )


# -- stock -----------------------------------------------------------------------------------


class StockItems(Contract):
    """Items in stock, kits and variation parents; archived and deleted ones are not listed.

    An item that is no longer listed is marked as deleted: it was archived or deleted.
    """

    stock_item_id: Text = column("StockItemId", "Identifies the item.")
    stock_item_number: Integer = _optional(
        "StockItemIntId", "Number of the item in this Linnworks account."
    )
    sku: Text = _optional("ItemNumber", "Stock keeping unit.")
    title: Text = _optional("ItemTitle", "Title of the item.")
    barcode: Text = _optional("BarcodeNumber", "Barcode, leading zeros kept.")
    description: Text = _optional("MetaData", "Description of the item.")
    is_variation_parent: Flag = _optional(
        "IsVariationParent", "Whether it only holds variations together."
    )
    is_batched: Flag = _optional("isBatchedStockType", "Whether the item has batches.")
    category_id: Text = _optional("CategoryId", "Identifies the category.")
    category: Text = _optional("CategoryName", "Category.")
    purchase_price: Amount = _optional("PurchasePrice", "What one unit is bought for.")
    retail_price: Amount = _optional("RetailPrice", "What one unit is sold for.")
    tax_rate: Number = _optional("TaxRate", "Tax rate, per cent; -1 for the country's.")
    postal_service_id: Text = _optional("PostalServiceId", "Identifies the postal service.")
    postal_service: Text = _optional("PostalServiceName", "Postal service.")
    package_group_id: Text = _optional("PackageGroupId", "Identifies the package group.")
    package_group: Text = _optional("PackageGroupName", "Package group.")
    height: Number = _optional("Height", "Height.")
    width: Number = _optional("Width", "Width.")
    depth: Number = _optional("Depth", "Depth.")
    weight: Number = _optional("Weight", "Weight.")
    item_created_at: Timestamp = _instant("CreationDate", "When the item was created")
    inventory_tracking_type: Integer = _one_of(
        "InventoryTrackingType", _TRACKING_MEANING, TRACKING_TYPES
    )
    is_batch_scan_required: Flag = _optional(
        "BatchNumberScanRequired", "Whether the batch must be scanned."
    )
    is_serial_scan_required: Flag = _optional(
        "SerialNumberScanRequired", "Whether the serial number must be scanned."
    )

    class Config:
        metadata = table(
            "stock_items:[]",
            key=["stock_item_id"],
            elsewhere=[
                "Suppliers",
                "StockLevels",
                "ItemChannelDescriptions",
                "ItemExtendedProperties",
                "ItemChannelTitles",
                "ItemChannelPrices",
                "Images",
            ],
        )


class StockItemLevels(Contract):
    """Stock of every item at every location as it stands now."""

    stock_item_id: Text = column("^StockItemId", "The item.")
    stock_location_id: Text = column("Location.StockLocationId", "The location.")
    level_row_id: Text = _optional("rowid", "Identifies item and location together.")
    sku: Text = _optional("SKU", "Stock keeping unit.")
    stock_location_number: Integer = _optional(
        "Location.StockLocationIntId", "Number of the location in this Linnworks account."
    )
    location_name: Text = _optional("Location.LocationName", "Name of the location.")
    location_tag: Text = _optional("Location.LocationTag", "Tag of the location.")
    is_fulfilment_center: Flag = _optional(
        "Location.IsFulfillmentCenter", "Whether somebody else sends from there."
    )
    is_warehouse_managed: Flag = _optional(
        "Location.IsWarehouseManaged", "Whether warehouse management runs the location."
    )
    bin_rack: Text = _optional("Location.BinRack", "Bin of the item.")
    stock_level: Integer = _optional("StockLevel", "Units there.")
    stock_value: Number = _optional("StockValue", "Value of the units, a running valuation.")
    unit_cost: Number = _optional(
        "UnitCost", "Value of one unit; the purchase price where there is none."
    )
    purchase_price: Amount = _optional("StockItemPurchasePrice", "Purchase price of the item.")
    minimum_level: Integer = _optional("MinimumLevel", "Minimum level; -1 where none is kept.")
    in_order_book: Integer = _optional("InOrderBook", "Units in open orders.")
    in_orders: Integer = _optional("InOrders", "Units in open orders.")
    due: Integer = _optional("Due", "Units in purchase orders.")
    available: Integer = _optional("Available", "Units not in open orders; may be below zero.")
    is_just_in_time: Flag = _optional("JIT", "Whether the item is bought when it is ordered.")
    is_auto_adjusted: Flag = _optional("AutoAdjust", "Whether the level is adjusted by itself.")
    is_update_pending: Flag = _optional("PendingUpdate", "Whether an update is pending.")
    changed_at: Timestamp = _instant("LastUpdateDate", "When the level last changed")
    changed_by: Text = _optional("LastUpdateOperation", "What changed the level.")

    class Config:
        metadata = table(
            "stock_items:[].StockLevels[]",
            key=["stock_item_id", "stock_location_id"],
            references={
                "stock_item_id": "stock_items.stock_item_id",
                "stock_location_id": "stock_locations.stock_location_id",
            },
            elsewhere=["StockItemId", "StockItemIntId"],
        )


class StockLevelSnapshots(Contract):
    """Stock of every item at every location on every day it was read: the history of stock.

    Linnworks itself keeps no history that can be read in bulk. Of several readings on one day
    the last one counts.
    """

    snapshot_date: Date = column("@fetched_on", "Day of the reading.")
    stock_item_id: Text = column("^StockItemId", "The item.")
    stock_location_id: Text = column("Location.StockLocationId", "The location.")
    fetched_at: Timestamp = column("@fetched_at", "Instant of the reading, UTC.")
    sku: Text = _optional("^ItemNumber", "Stock keeping unit.")
    stock_level: Integer = _optional("StockLevel", "Units there.")
    stock_value: Number = _optional("StockValue", "Value of the units, a running valuation.")
    unit_cost: Number = _optional(
        "UnitCost", "Value of one unit; the purchase price where there is none."
    )
    minimum_level: Integer = _optional("MinimumLevel", "Minimum level; -1 where none is kept.")
    in_orders: Integer = _optional("InOrders", "Units in open orders.")
    due: Integer = _optional("Due", "Units in purchase orders.")
    available: Integer = _optional("Available", "Units not in open orders; may be below zero.")
    is_just_in_time: Flag = _optional("JIT", "Whether the item is bought when it is ordered.")

    class Config:
        metadata = table(
            "stock_items:[].StockLevels[]",
            key=["snapshot_date", "stock_item_id", "stock_location_id"],
            cursor="fetched_at",
            increments=True,
            references={"stock_location_id": "stock_locations.stock_location_id"},
            elsewhere=[
                "StockItemId",
                "StockItemIntId",
                "SKU",
                "rowid",
                "InOrderBook",
                "StockItemPurchasePrice",
                "AutoAdjust",
                "PendingUpdate",
                "LastUpdateDate",
                "LastUpdateOperation",
                *(
                    f"Location.{name}"
                    for name in (
                        "StockLocationIntId",
                        "LocationName",
                        "LocationTag",
                        "IsFulfillmentCenter",
                        "IsWarehouseManaged",
                        "BinRack",
                    )
                ),
            ],
        )


class StockItemSuppliers(Contract):
    """Suppliers of every item, with prices and lead times."""

    stock_item_id: Text = column("^StockItemId", "The item.")
    supplier_id: Text = column("SupplierID", "The supplier.")
    supplier: Text = _optional("Supplier", "Name of the supplier.")
    is_default: Flag = _optional("IsDefault", "Whether the item is bought there by default.")
    supplier_code: Text = _optional("Code", "The supplier's code of the item.")
    supplier_barcode: Text = _optional("SupplierBarcode", "The supplier's barcode of the item.")
    lead_time_days: Integer = _optional("LeadTime", "Days from order to delivery, as entered.")
    average_lead_time_days: Number = _optional(
        "AverageLeadTime", "Days from order to delivery on average; is known to go stale."
    )
    purchase_price: Amount = _optional("PurchasePrice", "Price of one unit.")
    minimum_price: Amount = _optional("MinPrice", "Lowest price paid.")
    maximum_price: Amount = _optional("MaxPrice", "Highest price paid.")
    average_price: Number = _optional("AveragePrice", "Average price paid.")
    minimum_order_quantity: Integer = _optional(
        "SupplierMinOrderQty", "Units that must be ordered at least."
    )
    pack_size: Integer = _optional("SupplierPackSize", "Units in a pack.")
    currency: Text = _optional("SupplierCurrency", "Currency of the prices.")

    class Config:
        metadata = table(
            "stock_items:[].Suppliers[]",
            key=["stock_item_id", "supplier_id"],
            references={
                "stock_item_id": "stock_items.stock_item_id",
                "supplier_id": "suppliers.supplier_id",
            },
            elsewhere=["StockItemId", "StockItemIntId"],
            owner="team:purchasing",
        )


class StockItemExtendedProperties(Contract):
    """Properties that were added to items."""

    property_id: Text = column("pkRowId", "Identifies the property.")
    stock_item_id: Text = column("^StockItemId", "The item.")
    property_name: Text = _optional("ProperyName", "Name; Linnworks spells the field like this.")
    property_value: Text = _optional("PropertyValue", "Value.")
    property_type: Text = _optional("PropertyType", "Type of the property.")

    class Config:
        metadata = table(
            "stock_items:[].ItemExtendedProperties[]",
            key=["property_id"],
            references={"stock_item_id": "stock_items.stock_item_id"},
            elsewhere=["fkStockItemId"],
        )


class StockItemChannelTitles(Contract):
    """Titles of items on the channels they are sold on."""

    title_id: Text = column("pkRowId", "Identifies the title.")
    stock_item_id: Text = column("^StockItemId", "The item.")
    channel: Text = _optional("Source", "The channel.")
    channel_account: Text = _optional("SubSource", "Account on the channel.")
    title: Text = _optional("Title", "The title.")

    class Config:
        metadata = table(
            "stock_items:[].ItemChannelTitles[]",
            key=["title_id"],
            references={"stock_item_id": "stock_items.stock_item_id"},
            elsewhere=["StockItemId", "StockItemIntId"],
        )


class StockItemChannelDescriptions(Contract):
    """Descriptions of items on the channels they are sold on."""

    description_id: Text = column("pkRowId", "Identifies the description.")
    stock_item_id: Text = column("^StockItemId", "The item.")
    channel: Text = _optional("Source", "The channel.")
    channel_account: Text = _optional("SubSource", "Account on the channel.")
    description: Text = _optional("Description", "The description, often HTML.")

    class Config:
        metadata = table(
            "stock_items:[].ItemChannelDescriptions[]",
            key=["description_id"],
            references={"stock_item_id": "stock_items.stock_item_id"},
            elsewhere=["StockItemId", "StockItemIntId"],
        )


class StockItemChannelPrices(Contract):
    """Prices of items on the channels they are sold on."""

    price_id: Text = column("pkRowId", "Identifies the price.")
    stock_item_id: Text = column("^StockItemId", "The item.")
    channel: Text = _optional("Source", "The channel.")
    channel_account: Text = _optional("SubSource", "Account on the channel.")
    price: Amount = _optional("Price", "The price.")
    tag: Text = _optional("Tag", "Tag of the price.")
    update_status: Text = _one_of(
        "UpdateStatus", "Whether the channel has the price.", PRICE_UPDATE_STATUSES
    )
    starts_at: Timestamp = _instant("StartDate", "When a sale price begins")
    ends_at: Timestamp = _instant("EndDate", "When a sale price ends")
    rules: Text = _optional("Rules", "Prices from a quantity on, as JSON.")

    class Config:
        metadata = table(
            "stock_items:[].ItemChannelPrices[]",
            key=["price_id"],
            references={"stock_item_id": "stock_items.stock_item_id"},
            elsewhere=["StockItemId", "StockItemIntId"],
        )


class StockItemImages(Contract):
    """Images of items."""

    image_id: Text = column("pkRowId", "Identifies the image.")
    stock_item_id: Text = column("^StockItemId", "The item.")
    thumbnail_url: Text = _optional("Source", "Address of the small image.")
    image_url: Text = _optional("FullSource", "Address of the image.")
    is_main: Flag = _optional("IsMain", "Whether it is the main image.")
    sort_order: Integer = _optional("SortOrder", "Place among the item's images.")
    image_checksum: Text = _optional("CheckSumValue", "Checksum of the image.")
    internal_checksum: Text = _optional(
        "./ChecksumValue", "Linnworks' internal checksum, which differs in name by one capital."
    )
    raw_checksum: Text = _optional("RawChecksum", "Checksum of the file as it was sent.")

    class Config:
        metadata = table(
            "stock_items:[].Images[]",
            key=["image_id"],
            references={"stock_item_id": "stock_items.stock_item_id"},
            elsewhere=["StockItemId", "StockItemIntId"],
        )


class StockLocations(Contract):
    """Locations that hold stock. The older, shorter list has no address."""

    stock_location_id: Text = column("StockLocationId", "Identifies it; all zeros: the default.")
    stock_location_number: Integer = _optional(
        "StockLocationIntId", "Number of the location in this Linnworks account."
    )
    location_name: Text = _optional("LocationName", "Name.")
    location_tag: Text = _optional("LocationTag", "Tag.")
    bin_rack: Text = _optional("BinRack", "Bin; only in the shorter list.")
    is_fulfilment_center: Flag = _optional(
        "IsFulfillmentCenter", "Whether somebody else sends from there."
    )
    is_warehouse_managed: Flag = _optional(
        "IsWarehouseManaged", "Whether warehouse management runs the location."
    )

    class Config:
        metadata = table(
            "stock_locations:[]",
            key=["stock_location_id"],
            elsewhere=[
                "Address1",
                "Address2",
                "City",
                "County",
                "Country",
                "ZipCode",
                "IsNotTrackable",
                "CountInOrderUntilAcknowledgement",
                "FulfilmentCenterDeductStockWhenProcessed",
            ],
        )


class StockLocationDetails(Contract):
    """Locations that hold stock, with address and settings."""

    stock_location_id: Text = column("StockLocationId", "Identifies it; all zeros: the default.")
    stock_location_number: Integer = _optional(
        "StockLocationIntId", "Number of the location in this Linnworks account."
    )
    location_name: Text = _optional("LocationName", "Name.")
    location_tag: Text = _optional("LocationTag", "Tag.")
    address_1: Text = _optional("Address1", "Address, first line.")
    address_2: Text = _optional("Address2", "Address, second line.")
    city: Text = _optional("City", "City.")
    county: Text = _optional("County", "Region.")
    country: Text = _optional("Country", "Country.")
    post_code: Text = _optional("ZipCode", "Post code.")
    is_fulfilment_center: Flag = _optional(
        "IsFulfillmentCenter", "Whether somebody else sends from there."
    )
    is_warehouse_managed: Flag = _optional(
        "IsWarehouseManaged", "Whether warehouse management runs the location."
    )
    is_not_trackable: Flag = _optional("IsNotTrackable", "Whether stock is not tracked there.")
    counts_until_acknowledged: Flag = _optional(
        "CountInOrderUntilAcknowledgement",
        "Whether orders count as open until they are acknowledged.",
    )
    deducts_when_processed: Flag = _optional(
        "FulfilmentCenterDeductStockWhenProcessed",
        "Whether stock goes down when an order is processed.",
    )

    class Config:
        metadata = table(
            "stock_location_details",
            key=["stock_location_id"],
            references={"stock_location_id": "stock_locations.stock_location_id"},
        )


# -- purchasing ------------------------------------------------------------------------------


class Suppliers(Contract):
    """Suppliers; the all-zero id is the default one."""

    supplier_id: Text = column("pkSupplierID", "Identifies the supplier.")
    supplier_name: Text = _optional("SupplierName", "Name of the company.")
    contact_name: Text = _personal("ContactName", "Contact person.")
    address: Text = _optional("Address", "Address, first line.")
    alternative_address: Text = _optional("AlternativeAddress", "Address, second line.")
    city: Text = _optional("City", "City.")
    region: Text = _optional("Region", "Region.")
    country: Text = _optional("Country", "Country.")
    post_code: Text = _optional("PostCode", "Post code.")
    phone_number: Text = _personal("TelephoneNumber", "Contact's phone.")
    second_phone_number: Text = _personal("SecondaryTelNumber", "Contact's second phone.")
    fax_number: Text = _personal("FaxNumber", "Contact's fax.")
    email: Text = _personal("Email", "Contact's e-mail address.")
    web_page: Text = _optional("WebPage", "Web page.")
    currency: Text = _optional("Currency", "Currency the supplier is paid in.")

    class Config:
        metadata = table("suppliers:[]", key=["supplier_id"], owner="team:purchasing")


class PurchaseOrders(Contract):
    """Orders placed with suppliers. Drafts are PENDING and do not count as due."""

    purchase_order_id: Text = column("pkPurchaseID", "Identifies the purchase order.")
    supplier_id: Text = _optional("fkSupplierId", "Supplier it was placed with.")
    stock_location_id: Text = _optional("fkLocationId", "Location it goes to.")
    status: Text = _one_of("Status", "State of the order.", PURCHASE_ORDER_STATUSES)
    reference_number: Text = _optional("ExternalInvoiceNumber", "Reference of the order.")
    supplier_reference: Text = _optional(
        "SupplierReferenceNumber", "The supplier's reference of the order."
    )
    is_locked: Flag = _optional("Locked", "Whether another application locked it.")
    line_count: Integer = _optional("LineCount", "Number of lines.")
    delivered_line_count: Integer = _optional(
        "DeliveredLinesCount", "Number of lines that are delivered in full."
    )
    tax_included_type: Integer = _one_of(
        "UnitAmountTaxIncludedType",
        "Unit costs: 0 without tax, 1 with tax, 2 no tax.",
        TAX_INCLUDED_TYPES,
    )
    purchased_at: Timestamp = _instant("DateOfPurchase", "When it was placed")
    delivered_at: Timestamp = _instant(
        "DateOfDelivery",
        "When all was delivered; until then the day it was placed: see the delivered records",
    )
    quoted_delivery_at: Timestamp = _instant("QuotedDeliveryDate", "When delivery is expected")
    currency: Text = _optional("Currency", "Currency of the amounts.")
    conversion_rate: Number = _optional(
        "ConversionRate", "What the amounts are multiplied by for the base currency."
    )
    total_cost: Amount = _optional("TotalCost", "Cost of all lines, with tax and postage.")
    tax_paid: Number = _optional("taxPaid", "Tax on all lines.")
    postage_paid: Amount = _optional("PostagePaid", "Postage; superseded by additional costs.")
    shipping_tax_rate: Number = _optional("ShippingTaxRate", "Tax rate on postage, per cent.")
    converted_shipping_cost: Number = _optional(
        "ConvertedShippingCost", "Postage in the base currency."
    )
    converted_shipping_tax: Number = _optional(
        "ConvertedShippingTax", "Tax on postage in the base currency."
    )
    converted_other_cost: Number = _optional(
        "ConvertedOtherCost", "Additional costs in the base currency."
    )
    converted_other_tax: Number = _optional(
        "ConvertedOtherTax", "Tax on additional costs in the base currency."
    )
    converted_grand_total: Number = _optional("ConvertedGrandTotal", "Total in the base currency.")

    class Config:
        metadata = table(
            "purchase_orders:Result[]",
            key=["purchase_order_id"],
            references={
                "supplier_id": "suppliers.supplier_id",
                "stock_location_id": "stock_locations.stock_location_id",
            },
            owner="team:purchasing",
        )


class PurchaseOrderItems(Contract):
    """Lines of purchase orders; one item may stand on several lines of an order."""

    purchase_order_item_id: Text = column("pkPurchaseItemId", "Identifies the line.")
    purchase_order_id: Text = column(
        "^PurchaseOrderHeader.pkPurchaseID", "Purchase order the line belongs to."
    )
    stock_item_id: Text = _optional("fkStockItemId", "Item that is bought.")
    stock_item_number: Integer = _optional(
        "StockItemIntId", "Number of the item in this Linnworks account."
    )
    sku: Text = _optional("SKU", "Stock keeping unit.")
    title: Text = _optional("ItemTitle", "Title of the item.")
    barcode: Text = _optional("BarcodeNumber", "Barcode, leading zeros kept.")
    supplier_code: Text = _optional("SupplierCode", "The supplier's code of the item.")
    supplier_barcode: Text = _optional("SupplierBarcode", "The supplier's barcode of the item.")
    quantity: Integer = _optional("Quantity", "Units ordered.")
    delivered_quantity: Integer = _optional("Delivered", "Units delivered so far.")
    pack_quantity: Integer = _optional("PackQuantity", "Packs ordered, for information.")
    pack_size: Integer = _optional("PackSize", "Units in a pack, for information.")
    line_total: Amount = _optional("Cost", "Total of the line, with tax.")
    tax: Number = _optional("Tax", "Tax on the line.")
    tax_rate: Number = _optional("TaxRate", "Tax rate, per cent.")
    bin_rack: Text = _optional("BinRack", "Bin of the item.")
    sort_order: Integer = _optional("SortOrder", "Place among the lines, from 0.")
    inventory_tracking_type: Integer = _one_of(
        "InventoryTrackingType", _TRACKING_MEANING, TRACKING_TYPES
    )
    is_item_deleted: Flag = _optional("IsDeleted", "Whether the stock item was deleted since.")
    height: Number = _optional("DimHeight", "Height.")
    width: Number = _optional("DimWidth", "Width.")
    depth: Number = _optional("DimDepth", "Depth.")
    bound_order_item_count: Integer = _optional(
        "BoundToOpenOrdersItems", "Lines of open orders that wait for it."
    )
    bound_quantity: Integer = _optional(
        "QuantityBoundToOpenOrdersItems", "Units that open orders wait for."
    )
    sku_group_ids: Text = _optional("SkuGroupIds", "Groups of the item, as JSON.")

    class Config:
        metadata = table(
            "purchase_order_details:PurchaseOrderItem[]",
            key=["purchase_order_item_id"],
            references={
                "purchase_order_id": "purchase_orders.purchase_order_id",
                "stock_item_id": "stock_items.stock_item_id",
            },
            owner="team:purchasing",
        )


class PurchaseOrderDeliveredRecords(Contract):
    """Goods that came in on purchase orders: the receipts that lead times are worked out from."""

    delivery_record_id: Integer = column("pkDeliveryRecordId", "Identifies the receipt.")
    purchase_order_id: Text = column(
        "^PurchaseOrderHeader.pkPurchaseID", "Purchase order the goods came on."
    )
    purchase_order_item_id: Text = _optional("fkPurchaseItemId", "Line the goods came on.")
    delivery_id: Integer = _optional("fkDeliveryId", "Delivery the receipt belongs to.")
    stock_location_id: Text = _optional("fkStockLocationId", "Location the goods came to.")
    delivered_quantity: Integer = _optional("DeliveredQuantity", "Units that came in.")
    unit_cost: Number = _optional("UnitCost", "Cost of one unit.")
    delivered_at: Timestamp = _instant("CreatedDateTime", "When the goods came in")
    modified_at: Timestamp = _instant("ModifiedDateTime", "When the receipt was changed")
    batch_id: Integer = _optional("fkBatchInventoryId", "Number of the batch.")

    class Config:
        metadata = table(
            "purchase_order_details:DeliveredRecords[]",
            key=["delivery_record_id"],
            references={
                "purchase_order_id": "purchase_orders.purchase_order_id",
                "purchase_order_item_id": "purchase_order_items.purchase_order_item_id",
            },
            owner="team:purchasing",
        )


# -- returns ---------------------------------------------------------------------------------


class ReturnsRefunds(Contract):
    """Returns, refunds and cancellations, each repeating the order it is about.

    Goods that came back and were paid for stand here twice, as a return and as a refund. A
    refund counts once it is actioned.
    """

    order_id: Text = column("pkOrderID", "Order it is about.")
    return_id: Integer = column("pkReturnId", "Identifies the return; 0 for other rows.")
    refund_row_id: Text = column("pkRefundRowId", "Identifies the refund; zeros for other rows.")
    returned_item_id: Text = column(
        "fkOrderItemReturnId", "Identifies the returned item; zeros where there is none."
    )
    row_type: Text = _optional("RowType", "Kind of the row.")
    return_reference: Text = _optional("ReturnReference", "Reference of the return.")
    refund_reference: Text = _optional("RefundReference", "Reference of the refund.")
    refund_status: Text = _optional("RefundStatus", "State of the refund.")
    returned_at: Timestamp = _instant("ReturnDate", "When the goods were returned")
    booked_at: Timestamp = _instant("CreateDate", "When it was booked")
    actioned_at: Timestamp = _instant("ActionDate", "When the refund was actioned")
    changed_at: Timestamp = _instant("LastDate", "When it last changed")
    reason: Text = _optional("Reason", "Reason, in the shop's words.")
    channel_reason: Text = _optional("ChannelReason", "Reason, in the channel's words.")
    channel_second_reason: Text = _optional("ChannelReasonSec", "The channel's second reason.")
    category: Text = _optional("Category", "Category of the reason.")
    sku: Text = _optional("cItemNumber", "Stock keeping unit of the item.")
    title: Text = _optional("cItemName", "Title of the item.")
    item_number: Text = _optional("ItemNumber", "The stock keeping unit once more.")
    item_title: Text = _optional("ItemTitle", "The title once more.")
    returned_quantity: Integer = _optional("ReturnQty", "Units that came back.")
    scrapped_quantity: Integer = _optional("ScrapQty", "Units of them that were scrapped.")
    is_scrapped: Flag = _optional("Scrapped", "Whether they were scrapped.")
    exchanged_quantity: Integer = _optional("NewQty", "Units that were sent instead.")
    cancelled_quantity: Integer = _optional("CancellationQuantity", "Units that were cancelled.")
    return_location_id: Text = _optional("fkReturnLocationId", "Location they came back to.")
    return_location: Text = _optional("Location", "Name of that location.")
    amount: Amount = _optional("Amount", "Amount refunded, in the order's currency.")
    pending_amount: Amount = _optional("PendingRefundAmount", "Amount still to be refunded.")
    order_number: Integer = _optional("nOrderId", "Number of the order in this Linnworks account.")
    processed_at: Timestamp = _instant("dProcessedOn", "When the order was processed")
    paid_at: Timestamp = _instant("dPaidOn", "When the order was marked as paid")
    channel: Text = _optional("Source", "Channel the order came from, such as EBAY.")
    channel_account: Text = _optional("SubSource", "Account on the channel.")
    account_name: Text = _personal("AccountName", "Customer's account name on the channel.")
    reference_number: Text = _optional("ReferenceNum", "Number of the order on the channel.")
    secondary_reference: Text = _optional("SecondaryReference", "Further number of the order.")
    external_reference: Text = _optional("ExternalReference", "Further number, mostly of eBay.")
    currency: Text = _optional("cCurrency", "Currency of all amounts.")
    total_charge: Amount = _optional("fTotalCharge", "What the customer paid in all.")
    subtotal: Number = _optional("Subtotal", "Lines of the order without tax.")
    tax: Number = _optional("fTax", "Tax on the order.")
    postage_cost: Amount = _optional("fPostageCost", "Postage charged, with tax.")
    postage_cost_ex_tax: Number = _optional("PostageCostExTax", "Postage charged, without tax.")
    total_discount: Number = _optional("TotalDiscount", "Discount on the order.")
    country_tax_rate: Number = _optional("CountryTaxRate", "Tax rate of the country, per cent.")
    courier: Text = _optional("Vendor", "Courier of the order.")
    postal_service: Text = _optional("PostalServiceName", "Postal service of the order.")
    postal_service_code: Text = _optional("PostalServiceCode", "Code of the postal service.")
    tracking_number: Text = _optional("PostalTrackingNumber", "The courier's tracking number.")
    buyer_user_name: Text = _personal("ChannelBuyerName", "Buyer's name on the channel.")
    full_name: Text = _personal("cFullName", "Recipient's name.")
    company: Text = _personal("Company", "Recipient's company.")
    email: Text = _personal("cEmailAddress", "Recipient's e-mail address.")
    phone_number: Text = _personal("BuyerPhoneNumber", "Recipient's phone.")
    shipping_address: Text = _personal("cShippingAddress", "Delivery address in one text.")
    address_1: Text = _personal("Address1", "Delivery address, first line.")
    address_2: Text = _personal("Address2", "Delivery address, second line.")
    address_3: Text = _personal("Address3", "Delivery address, third line.")
    town: Text = _personal("Town", "Delivery town.")
    region: Text = _optional("Region", "Delivery region.")
    post_code: Text = _personal("cPostCode", "Delivery post code.")
    country: Text = _optional("cCountry", "Delivery country.")
    billing_address: Text = _personal("cBillingAddress", "Billing address in one text.")
    billing_full_name: Text = _personal("BillingName", "Name billed.")
    billing_company: Text = _personal("BillingCompany", "Company billed.")
    billing_phone_number: Text = _personal("BillingPhoneNumber", "Phone for the bill.")
    billing_address_1: Text = _personal("BillingAddress1", "Billing address, first line.")
    billing_address_2: Text = _personal("BillingAddress2", "Billing address, second line.")
    billing_address_3: Text = _personal("BillingAddress3", "Billing address, third line.")
    billing_town: Text = _personal("BillingTown", "Billing town.")
    billing_region: Text = _optional("BillingRegion", "Billing region.")
    billing_post_code: Text = _personal("BillingPostCode", "Billing post code.")
    billing_country: Text = _optional("BillingCountryName", "Billing country.")

    class Config:
        metadata = table(
            "returns_refunds:Data[]",
            key=["order_id", "return_id", "refund_row_id", "returned_item_id"],
            increments=True,
            references={"order_id": "processed_orders.order_id"},
            # Its place in the list it was found in, which says nothing about it.
            elsewhere=["Row"],
            owner="team:sales",
        )
