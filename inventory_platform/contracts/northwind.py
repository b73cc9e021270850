"""Northwind Traders: a food wholesaler's database of 1996 to 1998, in SQLite.

It says no more than days (`7/4/1996`, month first), no currency and no tax. Every table is
compared whole: none has a time of its last change.
"""

from typing import Any

from inventory_platform.contracts.base import (
    Contract,
    Date,
    Flag,
    Integer,
    Money,
    Text,
    column,
    table,
)

_DAY = ["%m/%d/%Y"]


def _day(source: str, description: str, **options: Any) -> Any:
    return column(source, description, formats=_DAY, **options)


class Categories(Contract):
    """Kinds of food and drink that products belong to."""

    category_id: Integer = column("CategoryID", "Identifies the category.")
    category_name: Text = column("CategoryName", "Name of the category.")
    description: Text = column("Description", "What belongs to it.", nullable=True)
    picture: Text = column("Picture", "A picture; here always empty.", nullable=True)

    class Config:
        metadata = table("Categories", key=["category_id"])


class Customers(Contract):
    """Shops and restaurants that buy from Northwind."""

    customer_id: Text = column("CustomerID", "Identifies the customer: five letters.")
    company_name: Text = column("CompanyName", "Name of the company.")
    contact_name: Text = column("ContactName", "Contact person.", nullable=True, personal=True)
    contact_title: Text = column("ContactTitle", "What the contact does there.", nullable=True)
    address: Text = column("Address", "Street address.", nullable=True, personal=True)
    city: Text = column("City", "City.", nullable=True)
    region: Text = column("Region", "State or province, where there are any.", nullable=True)
    postal_code: Text = column("PostalCode", "Postal code.", nullable=True, personal=True)
    country: Text = column("Country", "Country.", nullable=True)
    phone: Text = column("Phone", "Contact's phone.", nullable=True, personal=True)
    fax: Text = column("Fax", "Contact's fax.", nullable=True, personal=True)

    class Config:
        metadata = table("Customers", key=["customer_id"], owner="team:sales")


class Employees(Contract):
    """Who takes the orders."""

    employee_id: Integer = column("EmployeeID", "Identifies the employee.")
    last_name: Text = column("LastName", "Family name.", personal=True)
    first_name: Text = column("FirstName", "Given name.", personal=True)
    job_title: Text = column("Title", "What the employee does.", nullable=True)
    title_of_courtesy: Text = column(
        "TitleOfCourtesy", "How to address the employee.", nullable=True, personal=True
    )
    birth_date: Date = _day("BirthDate", "Day of birth.", nullable=True, personal=True)
    hire_date: Date = _day("HireDate", "First day at work.", nullable=True, personal=True)
    address: Text = column("Address", "Street address.", nullable=True, personal=True)
    city: Text = column("City", "City.", nullable=True)
    region: Text = column("Region", "State or province, where there are any.", nullable=True)
    postal_code: Text = column("PostalCode", "Postal code.", nullable=True, personal=True)
    country: Text = column("Country", "Country.", nullable=True)
    home_phone: Text = column("HomePhone", "Phone at home.", nullable=True, personal=True)
    phone_extension: Text = column("Extension", "Extension.", nullable=True, personal=True)
    biography: Text = column("Notes", "What is known of the career.", nullable=True, personal=True)
    reports_to: Integer = column("ReportsTo", "The employee's manager.", nullable=True)
    photo: Text = column("Photo", "Portrait; here always empty.", nullable=True, personal=True)
    photo_path: Text = column("PhotoPath", "Where it is.", nullable=True, personal=True)

    class Config:
        metadata = table(
            "Employees",
            key=["employee_id"],
            references={"reports_to": "employees.employee_id"},
            owner="team:sales",
        )


class Orders(Contract):
    """Orders of customers."""

    order_id: Integer = column("OrderID", "Identifies the order.")
    customer_id: Text = column("CustomerID", "Who ordered.", nullable=True)
    employee_id: Integer = column("EmployeeID", "Who took the order.", nullable=True)
    order_date: Date = _day("OrderDate", "Day of the order.")
    required_date: Date = _day("RequiredDate", "Day the customer needs it.", nullable=True)
    shipped_date: Date = _day("ShippedDate", "Day it left; empty while it is open.", nullable=True)
    shipper_id: Integer = column("ShipVia", "Carrier.", nullable=True)
    freight: Money = column("Freight", "Freight charged to the customer.", ge=0)
    ship_name: Text = column("ShipName", "Who receives it.", nullable=True, personal=True)
    ship_address: Text = column("ShipAddress", "Where to, street.", nullable=True, personal=True)
    ship_city: Text = column("ShipCity", "Where to, city.", nullable=True)
    ship_region: Text = column("ShipRegion", "Where to, state or province.", nullable=True)
    ship_postal_code: Text = column(
        "ShipPostalCode", "Where to, postal code.", nullable=True, personal=True
    )
    ship_country: Text = column("ShipCountry", "Where to, country.", nullable=True)

    class Config:
        metadata = table(
            "Orders",
            key=["order_id"],
            references={
                "customer_id": "customers.customer_id",
                "employee_id": "employees.employee_id",
                "shipper_id": "shippers.shipper_id",
            },
            owner="team:sales",
        )


class OrderDetails(Contract):
    """Products of orders; an order has a product once."""

    order_id: Integer = column("OrderID", "Order the line belongs to.")
    product_id: Integer = column("ProductID", "Product ordered.")
    unit_price: Money = column("UnitPrice", "Price per unit on the day of the order.", ge=0)
    quantity: Integer = column("Quantity", "Units ordered.", gt=0)
    discount: Money = column("Discount", "Share of the price taken off: 0.15 is 15 %.", ge=0, le=1)

    class Config:
        metadata = table(
            "Order Details",
            key=["order_id", "product_id"],
            references={"order_id": "orders.order_id", "product_id": "products.product_id"},
            owner="team:sales",
        )


class Products(Contract):
    """Products Northwind sells, with their stock as the database states it."""

    product_id: Integer = column("ProductID", "Identifies the product.")
    product_name: Text = column("ProductName", "Name of the product.")
    supplier_id: Integer = column("SupplierID", "Who it is bought from.", nullable=True)
    category_id: Integer = column("CategoryID", "Category it belongs to.", nullable=True)
    quantity_per_unit: Text = column("QuantityPerUnit", "What a unit holds.", nullable=True)
    unit_price: Money = column("UnitPrice", "Selling price per unit now.", nullable=True, ge=0)
    units_in_stock: Integer = column("UnitsInStock", "Units in stock.", ge=0)
    units_on_order: Integer = column("UnitsOnOrder", "Units on order at the supplier.", ge=0)
    reorder_level: Integer = column("ReorderLevel", "Units at which to reorder.", ge=0)
    is_discontinued: Flag = column("Discontinued", "Whether it is sold no longer.")

    class Config:
        metadata = table(
            "Products",
            key=["product_id"],
            references={
                "supplier_id": "suppliers.supplier_id",
                "category_id": "categories.category_id",
            },
        )


class Shippers(Contract):
    """Carriers that take orders to customers."""

    shipper_id: Integer = column("ShipperID", "Identifies the carrier.")
    company_name: Text = column("CompanyName", "Name of the company.")
    phone: Text = column("Phone", "Phone.", nullable=True, personal=True)

    class Config:
        metadata = table("Shippers", key=["shipper_id"])


class Suppliers(Contract):
    """Who Northwind buys from."""

    supplier_id: Integer = column("SupplierID", "Identifies the supplier.")
    company_name: Text = column("CompanyName", "Name of the company.")
    contact_name: Text = column("ContactName", "Contact person.", nullable=True, personal=True)
    contact_title: Text = column("ContactTitle", "What the contact does there.", nullable=True)
    address: Text = column("Address", "Street address.", nullable=True)
    city: Text = column("City", "City.", nullable=True)
    region: Text = column("Region", "State or province, where there are any.", nullable=True)
    postal_code: Text = column("PostalCode", "Postal code.", nullable=True)
    country: Text = column("Country", "Country.", nullable=True)
    phone: Text = column("Phone", "Contact's phone.", nullable=True, personal=True)
    fax: Text = column("Fax", "Contact's fax.", nullable=True, personal=True)
    home_page: Text = column("HomePage", "Page on the web.", nullable=True)

    class Config:
        metadata = table("Suppliers", key=["supplier_id"], owner="team:purchasing")


class Territories(Contract):
    """Places that employees sell in; two zip codes may have one name."""

    territory_id: Text = column("TerritoryID", "Identifies the territory: a zip code.")
    territory_name: Text = column("TerritoryDescription", "Name of the place.")
    region_id: Integer = column("RegionID", "Region it belongs to; regions have no table.")

    class Config:
        metadata = table("Territories", key=["territory_id"], owner="team:sales")


class EmployeeTerritories(Contract):
    """Who sells where."""

    employee_id: Integer = column("EmployeeID", "Employee.")
    territory_id: Text = column("TerritoryID", "Territory the employee sells in.")

    class Config:
        metadata = table(
            "EmployeeTerritories",
            key=["employee_id", "territory_id"],
            references={
                "employee_id": "employees.employee_id",
                "territory_id": "territories.territory_id",
            },
            owner="team:sales",
        )
