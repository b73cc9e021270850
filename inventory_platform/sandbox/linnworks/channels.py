"""Where the invented shop's customers are and what they order through.

Countries with their currency and tax, sales channels with their habits, and the carriers. Tax
rates are in hundredths of a percent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Country:
    """A customer's country.

    Attributes:
        currency: What its customers pay in.
        rate: Base currency for one unit of it, when the sandbox's time begins.
        tax_rate: Tax on what is sold there.
        amazon: Ending of its Amazon site, where there is one.
    """

    currency: str
    rate: float
    tax_rate: int
    amazon: str = ""


COUNTRIES: Mapping[str, Country] = {
    "Germany": Country("EUR", 1.0, 1900, "de"),
    "Austria": Country("EUR", 1.0, 2000, "de"),
    "France": Country("EUR", 1.0, 2000, "fr"),
    "Spain": Country("EUR", 1.0, 2100, "es"),
    "Italy": Country("EUR", 1.0, 2200, "it"),
    "Netherlands": Country("EUR", 1.0, 2100, "nl"),
    "Ireland": Country("EUR", 1.0, 2300),
    "Portugal": Country("EUR", 1.0, 2300),
    "Denmark": Country("DKK", 0.134, 2500),
    "Poland": Country("PLN", 0.2325, 2300, "pl"),
    "Hungary": Country("HUF", 0.0025, 2700),
    "United Kingdom": Country("GBP", 1.17, 2000, "co.uk"),
}


@dataclass(frozen=True, slots=True)
class Channel:
    """A way orders come in.

    Attributes:
        source: The channel's kind.
        sub_source: The account on it.
        site: Ending of the channel's site, where it has one per country.
        redaction_days: Days after which personal data is taken out of processed orders.
        tax_included: Whether its prices include tax.
    """

    source: str
    sub_source: str
    site: str = ""
    redaction_days: int | None = None
    tax_included: bool = True


AMAZON_DAYS = 30
_AMAZON = {
    site: Channel("AMAZON", f"Amazon {site.upper()[-2:]}", f"Amazon.{site}", AMAZON_DAYS)
    for site in {country.amazon for country in COUNTRIES.values()} - {""}
}
_WEB_SHOP = Channel("SHOPIFY", "Main shop")
_AUCTIONS = Channel("EBAY", "EBAY0", "Germany")
_TELEPHONE = Channel("DIRECT", "", tax_included=False)


def channel_for(country: Country, chance: float) -> Channel:
    """The channel a customer of a country orders through; `chance` is in [0, 1)."""
    if chance < 0.40:
        return _AMAZON.get(country.amazon, _WEB_SHOP)
    if chance < 0.55:
        return _AUCTIONS
    return _WEB_SHOP if chance < 0.94 else _TELEPHONE


@dataclass(frozen=True, slots=True)
class PostalService:
    """A way orders go out; the price is in cents of the base currency."""

    name: str
    code: str
    vendor: str | None
    price: int


POSTAL_SERVICES = (
    PostalService("Standard parcel", "STD", "DHL", 490),
    PostalService("Express parcel", "EXP", "DPD", 990),
    PostalService("Collection", "COL", None, 0),
)


@dataclass(frozen=True, slots=True)
class Customer:
    """Who ordered, with all the fields in which a person can be recognised."""

    name: str
    company: str
    email: str
    phone: str
    street: str
    town: str
    post_code: str
    country: str
    user: str
    tax_id: str = ""
    region: str = ""


REDACTED = "Redacted"
"""What stands in a personal field after the channel's days are over."""


def redacted(customer: Customer) -> Customer:
    """What is left of a customer: the country."""
    return Customer(
        name=REDACTED,
        company=REDACTED,
        email=REDACTED,
        phone=REDACTED,
        street=REDACTED,
        town=REDACTED,
        post_code=REDACTED,
        country=customer.country,
        user=REDACTED,
        tax_id=REDACTED if customer.tax_id else "",
        region=REDACTED,
    )
