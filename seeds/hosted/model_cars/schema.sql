-- Tables as Model Cars' published dump was converted: every value is text, no table names a key.
create table warehouses (warehouseCode, warehouseName, warehousePctCap);
create table productlines (productLine, textDescription, htmlDescription, image);
create table products (
    productCode, productName, productLine, productScale, productVendor, productDescription,
    quantityInStock, warehouseCode, buyPrice, MSRP
);
create table offices (
    officeCode, city, phone, addressLine1, addressLine2, state, country, postalCode, territory
);
create table employees (
    employeeNumber, lastName, firstName, extension, email, officeCode, reportsTo, jobTitle
);
create table customers (
    customerNumber, customerName, contactLastName, contactFirstName, phone, addressLine1,
    addressLine2, city, state, postalCode, country, salesRepEmployeeNumber, creditLimit
);
create table orders (
    orderNumber, orderDate, requiredDate, shippedDate, status, comments, customerNumber
);
create table orderdetails (orderNumber, productCode, quantityOrdered, priceEach, orderLineNumber);
create table payments (customerNumber, checkNumber, paymentDate, amount);
