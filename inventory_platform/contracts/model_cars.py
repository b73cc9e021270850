"""Model Cars: a trader of scale models with four warehouses, 2003 to 2005, in SQLite.

Every column of its tables is text and none is declared a key. It says no more than days, no
currency and no tax. Every table is compared whole: none has a time of its last change.
"""

from inventory_platform.contracts.base import (
    Contract,
    Date,
    Integer,
    Money,
    Text,
    column,
    table,
)


class Warehouses(Contract):
    """Where the models are stored."""

    warehouse_code: Text = column("warehouseCode", "Identifies the warehouse: a letter.")
    warehouse_name: Text = column("warehouseName", "Name of the warehouse.")
    used_percent: Integer = column("warehousePctCap", "Share of it in use, in percent.", ge=0)

    class Config:
        metadata = table("warehouses", key=["warehouse_code"])


class ProductLines(Contract):
    """Kinds of models."""

    product_line: Text = column("productLine", "Identifies the kind: its name.")
    text_description: Text = column("textDescription", "Advertisement for it.", nullable=True)
    html_description: Text = column(
        "htmlDescription", "The same as a page; here always empty.", nullable=True
    )
    image: Text = column("image", "A picture; here always empty.", nullable=True)

    class Config:
        metadata = table("productlines", key=["product_line"])


class Products(Contract):
    """Models on sale, each stored in one warehouse."""

    product_code: Text = column("productCode", "Identifies the product.")
    product_name: Text = column("productName", "Name of the model.")
    product_line: Text = column("productLine", "Kind of model.")
    product_scale: Text = column("productScale", "Scale, for example 1:18.", nullable=True)
    product_vendor: Text = column("productVendor", "Name of the supplier.")
    product_description: Text = column("productDescription", "Advertisement.", nullable=True)
    quantity_in_stock: Integer = column("quantityInStock", "Units in stock.", ge=0)
    warehouse_code: Text = column("warehouseCode", "Warehouse it is stored in.")
    buy_price: Money = column("buyPrice", "What a unit costs the trader.", ge=0)
    msrp: Money = column("MSRP", "Retail price the vendor suggests.", ge=0)

    class Config:
        metadata = table(
            "products",
            key=["product_code"],
            references={
                "product_line": "product_lines.product_line",
                "warehouse_code": "warehouses.warehouse_code",
            },
        )


class Offices(Contract):
    """The trader's own offices."""

    office_code: Text = column("officeCode", "Identifies the office.")
    city: Text = column("city", "City.")
    phone: Text = column("phone", "Phone.", nullable=True, personal=True)
    address_line_1: Text = column("addressLine1", "Street address.", nullable=True)
    address_line_2: Text = column("addressLine2", "Second line of it.", nullable=True)
    state: Text = column("state", "State, where there are any.", nullable=True)
    country: Text = column("country", "Country.")
    postal_code: Text = column("postalCode", "Postal code.", nullable=True)
    territory: Text = column("territory", "Part of the world it serves.", nullable=True)

    class Config:
        metadata = table("offices", key=["office_code"], owner="team:sales")


class Employees(Contract):
    """Who works in the offices; an e-mail address may be shared."""

    employee_number: Integer = column("employeeNumber", "Identifies the employee.")
    last_name: Text = column("lastName", "Family name.", personal=True)
    first_name: Text = column("firstName", "Given name.", personal=True)
    phone_extension: Text = column("extension", "Extension.", nullable=True, personal=True)
    email: Text = column("email", "E-mail address.", nullable=True, personal=True)
    office_code: Text = column("officeCode", "Office the employee works in.")
    reports_to: Integer = column("reportsTo", "The employee's manager.", nullable=True)
    job_title: Text = column("jobTitle", "What the employee does.", nullable=True)

    class Config:
        metadata = table(
            "employees",
            key=["employee_number"],
            references={
                "office_code": "offices.office_code",
                "reports_to": "employees.employee_number",
            },
            owner="team:sales",
        )


class Customers(Contract):
    """Shops that buy models."""

    customer_number: Integer = column("customerNumber", "Identifies the customer.")
    company_name: Text = column("customerName", "Name of the company.")
    contact_last_name: Text = column("contactLastName", "Contact's family name.", personal=True)
    contact_first_name: Text = column("contactFirstName", "Contact's given name.", personal=True)
    phone: Text = column("phone", "Contact's phone.", nullable=True, personal=True)
    address_line_1: Text = column("addressLine1", "Street address.", nullable=True, personal=True)
    address_line_2: Text = column(
        "addressLine2", "Second line of it.", nullable=True, personal=True
    )
    city: Text = column("city", "City.", nullable=True)
    state: Text = column("state", "State, where there are any.", nullable=True)
    postal_code: Text = column("postalCode", "Postal code.", nullable=True, personal=True)
    country: Text = column("country", "Country.", nullable=True)
    sales_employee_number: Integer = column(
        "salesRepEmployeeNumber", "Who looks after the customer.", nullable=True
    )
    credit_limit: Money = column("creditLimit", "What the customer may owe.", nullable=True, ge=0)

    class Config:
        metadata = table(
            "customers",
            key=["customer_number"],
            references={"sales_employee_number": "employees.employee_number"},
            owner="team:sales",
        )


class Orders(Contract):
    """Orders of customers; the database keeps their present status only."""

    order_number: Integer = column("orderNumber", "Identifies the order.")
    order_date: Date = column("orderDate", "Day of the order.")
    required_date: Date = column("requiredDate", "Day the customer needs it.", nullable=True)
    shipped_date: Date = column("shippedDate", "Day it left, where it did.", nullable=True)
    status: Text = column(
        "status",
        "State of the order.",
        isin=["In Process", "On Hold", "Shipped", "Disputed", "Resolved", "Cancelled"],
        raise_warning=True,
    )
    comments: Text = column("comments", "What was noted about it.", nullable=True)
    customer_number: Integer = column("customerNumber", "Who ordered.")

    class Config:
        metadata = table(
            "orders",
            key=["order_number"],
            references={"customer_number": "customers.customer_number"},
            owner="team:sales",
        )


class OrderDetails(Contract):
    """Products of orders; an order has a product once."""

    order_number: Integer = column("orderNumber", "Order the line belongs to.")
    product_code: Text = column("productCode", "Product ordered.")
    quantity_ordered: Integer = column("quantityOrdered", "Units ordered.", gt=0)
    price_each: Money = column("priceEach", "Price per unit.", ge=0)
    order_line_number: Integer = column("orderLineNumber", "Place in the order, from 1.", ge=1)

    class Config:
        metadata = table(
            "orderdetails",
            key=["order_number", "product_code"],
            references={
                "order_number": "orders.order_number",
                "product_code": "products.product_code",
            },
            owner="team:sales",
        )


class Payments(Contract):
    """Cheques of customers; they do not say which order they are for."""

    customer_number: Integer = column("customerNumber", "Who paid.")
    check_number: Text = column("checkNumber", "Number on the cheque.")
    payment_date: Date = column("paymentDate", "Day of the payment.")
    amount: Money = column("amount", "Amount paid.")

    class Config:
        metadata = table(
            "payments",
            key=["customer_number", "check_number"],
            references={"customer_number": "customers.customer_number"},
            owner="team:sales",
        )
