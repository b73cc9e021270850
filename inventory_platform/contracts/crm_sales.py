"""CRM Sales Opportunities: the pipeline of a computer hardware maker's sales teams.

Four CSV files without numbers: names are the keys. Deals may name no account, and products by
another spelling than the list of products does (`GTXPro`); such a deal is a row like any other,
and which product it means is said in `seeds/reference/opportunity_products.csv`.
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


class Accounts(Contract):
    """Companies that deals are made with."""

    account: Text = column("account", "Name of the company; identifies it.")
    sector: Text = column("sector", "Industry, as it is spelled there.")
    year_established: Integer = column("year_established", "Year it was founded in.")
    revenue: Money = column("revenue", "Yearly revenue in million US dollars.", ge=0)
    employees: Integer = column("employees", "People who work there.", ge=0)
    office_location: Text = column("office_location", "Country of its head office.")
    subsidiary_of: Text = column("subsidiary_of", "Its parent company.", nullable=True)

    class Config:
        metadata = table(
            "accounts.csv",
            key=["account"],
            references={"subsidiary_of": "accounts.account"},
            owner="team:sales",
        )


class Products(Contract):
    """Products on offer."""

    product: Text = column("product", "Name of the product; identifies it.")
    series: Text = column("series", "Series it belongs to.")
    sales_price: Money = column("sales_price", "Suggested retail price in US dollars.", ge=0)

    class Config:
        metadata = table("products.csv", key=["product"], owner="team:sales")


class SalesTeams(Contract):
    """Who sells, for whom, from where."""

    sales_agent: Text = column("sales_agent", "Name of the agent; identifies them.", personal=True)
    manager: Text = column("manager", "Name of the agent's manager.", personal=True)
    regional_office: Text = column("regional_office", "Office both work in.")

    class Config:
        metadata = table("sales_teams.csv", key=["sales_agent"], owner="team:sales")


class SalesPipeline(Contract):
    """Deals, from the first talk to won or lost."""

    opportunity_id: Text = column("opportunity_id", "Identifies the deal.")
    sales_agent: Text = column("sales_agent", "Agent who works on it.", personal=True)
    product: Text = column("product", "Product it is about, as spelled by the agent.")
    account: Text = column(
        "account", "Company it is with; empty where not known yet.", nullable=True
    )
    deal_stage: Text = column(
        "deal_stage",
        "How far it is.",
        isin=["Prospecting", "Engaging", "Won", "Lost"],
        raise_warning=True,
    )
    engage_date: Date = column("engage_date", "Day the talks began.", nullable=True)
    close_date: Date = column("close_date", "Day it was won or lost.", nullable=True)
    close_value: Money = column(
        "close_value",
        "What it brings in US dollars; 0 when lost, empty while open.",
        nullable=True,
        ge=0,
    )

    class Config:
        metadata = table(
            "sales_pipeline.csv",
            key=["opportunity_id"],
            references={
                "sales_agent": "sales_teams.sales_agent",
                "product": "products.product",
                "account": "accounts.account",
            },
            owner="team:sales",
        )
