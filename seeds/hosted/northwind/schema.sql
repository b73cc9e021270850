-- Tables as Northwind's published database has them: days are text, one name has a blank.
create table Categories (
    CategoryID integer primary key, CategoryName nvarchar(15) not null, Description ntext, Picture image
);
create table Customers (
    CustomerID nchar(5) primary key, CompanyName nvarchar(40) not null, ContactName nvarchar(30),
    ContactTitle nvarchar(30), Address nvarchar(60), City nvarchar(15), Region nvarchar(15),
    PostalCode nvarchar(10), Country nvarchar(15), Phone nvarchar(24), Fax nvarchar(24)
);
create table Employees (
    EmployeeID integer primary key, LastName nvarchar(20) not null, FirstName nvarchar(10) not null,
    Title nvarchar(30), TitleOfCourtesy nvarchar(25), BirthDate datetime, HireDate datetime,
    Address nvarchar(60), City nvarchar(15), Region nvarchar(15), PostalCode nvarchar(10),
    Country nvarchar(15), HomePhone nvarchar(24), Extension nvarchar(4), Photo image, Notes ntext,
    ReportsTo int, PhotoPath nvarchar(255)
);
create table Shippers (
    ShipperID integer primary key, CompanyName nvarchar(40) not null, Phone nvarchar(24)
);
create table Suppliers (
    SupplierID integer primary key, CompanyName nvarchar(40) not null, ContactName nvarchar(30),
    ContactTitle nvarchar(30), Address nvarchar(60), City nvarchar(15), Region nvarchar(15),
    PostalCode nvarchar(10), Country nvarchar(15), Phone nvarchar(24), Fax nvarchar(24),
    HomePage ntext
);
create table Products (
    ProductID integer primary key, ProductName nvarchar(40) not null, SupplierID int, CategoryID int,
    QuantityPerUnit nvarchar(20), UnitPrice money, UnitsInStock smallint, UnitsOnOrder smallint,
    ReorderLevel smallint, Discontinued bit not null
);
create table Orders (
    OrderID integer primary key, CustomerID nchar(5), EmployeeID int, OrderDate datetime,
    RequiredDate datetime, ShippedDate datetime, ShipVia int, Freight money, ShipName nvarchar(40),
    ShipAddress nvarchar(60), ShipCity nvarchar(15), ShipRegion nvarchar(15),
    ShipPostalCode nvarchar(10), ShipCountry nvarchar(15)
);
create table "Order Details" (
    OrderID int not null, ProductID int not null, UnitPrice money not null,
    Quantity smallint not null, Discount real not null, primary key (OrderID, ProductID)
);
create table Territories (
    TerritoryID nvarchar(20) not null, TerritoryDescription nchar(50) not null, RegionID int not null
);
create table EmployeeTerritories (EmployeeID int not null, TerritoryID nvarchar(20) not null);
