"""Contracts of a competitor's shop, as its pages show it.

Another shop gets a module of its own that imports these classes: what a crawl brings is the
same everywhere.
"""

from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Money,
    Text,
    Timestamp,
    column,
    table,
)


class Products(Contract):
    """Products as a page of the shop showed them, each time the page said something new."""

    page_url: Text = column("^page_url", "Address of the page that was asked for.")
    product_url: Text = column(
        "product_url", "Address of the product's own page; identifies the product in the shop."
    )
    seen_at: Timestamp = column("^fetched_at", "Instant the page was read, UTC.")
    shop: Text = column("shop", "Name of the shop.")
    page_kind: Text = column(
        "^kind", "What kind of page it was.", isin=["listing", "product"], raise_warning=True
    )
    listing_position: Integer = column("position", "Place on a listing, from 1.", nullable=True)
    sku: Text = column("sku", "The shop's own number of the product.", nullable=True)
    gtin: Text = column("gtin", "Barcode of the product, as written.", nullable=True)
    name: Text = column("name", "Name of the product, in full.")
    brand: Text = column("brand", "Brand of the product.", nullable=True)
    price_text: Text = column("price_text", "The price as written.", nullable=True)
    price: Money = column(
        "price",
        "Price asked, the lowest where it is a range; empty where the text does not say it "
        "clearly.",
        nullable=True,
        ge=0,
    )
    highest_price: Money = column(
        "highest_price", "Upper end, where the price is a range.", nullable=True, ge=0
    )
    price_problem: Text = column("price_problem", "Why there is no price.", nullable=True)
    currency: Text = column(
        "currency",
        "ISO 4217 code of the currency, stated or declared.",
        nullable=True,
        str_matches=r"^[A-Z]{3}$",
    )
    availability: Text = column(
        "availability",
        "Whether it can be had now.",
        isin=["in_stock", "out_of_stock", "unknown"],
    )
    availability_text: Text = column(
        "availability_text", "What the page says about it.", nullable=True
    )
    method: Text = column(
        "method",
        "Where on the page the product was found.",
        isin=["json-ld", "microdata", "opengraph", "selectors"],
    )

    class Config:
        metadata = table(
            "pages:products[]",
            key=["page_url", "product_url", "seen_at"],
            increments=True,
            owner="team:pricing",
        )


class Visits(Contract):
    """What became of every page of the shop, each time it was due."""

    page_url: Text = column("page_url", "Address of the page.")
    visited_at: Timestamp = column("visited_at", "Instant of the visit, UTC.")
    page_kind: Text = column(
        "page_kind",
        "What kind of page it is.",
        isin=["listing", "product", "sitemap"],
        raise_warning=True,
    )
    outcome: Text = column(
        "outcome",
        "What became of it; only `changed` pages bring products, an `unchanged` page keeps its "
        "last ones.",
        isin=[
            "changed",
            "unchanged",
            "gone",
            "refused",
            "disallowed",
            "not_html",
            "failed",
            "left_out",
        ],
    )
    status: Integer = column("status", "HTTP status, where there was one.", nullable=True)
    products: Integer = column("products", "Products on the page.", nullable=True, ge=0)
    detail: Text = column("detail", "What else is to be said.", nullable=True)

    class Config:
        metadata = table(
            "visits:[]",
            key=["page_url", "visited_at"],
            increments=True,
            owner="team:pricing",
        )
