"""How one shop is to be crawled and read: the options of its entry, checked and typed.

Here belongs turning `sources.toml` into `Rules`; nothing is asked of the shop here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from inventory_platform.errors import SettingsError
from inventory_platform.sources.crawler.locales import Locale, locale_of
from inventory_platform.sources.crawler.prices import read_currency
from inventory_platform.sources.crawler.urls import absolute, local_part, origin

LISTING = "listing"
PRODUCT = "product"

_EXTRACTION = 1
"""To be raised when pages are read differently, so that every page is asked for again."""
_FIELDS = ("name", "url", "sku", "gtin", "brand", "price", "currency", "availability")
_NOT_READING = {"max_pages", "per_minute", "rest_hours", "contact", "origins", "door"}
_OPTIONS = frozenset(
    {"shop", "start", "listings", "products", "hosts", "max_pages", "per_minute", "contact"}
    | {"rest_hours", "locale", "currency", "sitemaps", "selectors", "stock_words", "public_address"}
)


@dataclass(frozen=True)
class Selector:
    """Where on a page a value stands: `css` for its text, `css@name` for an attribute."""

    css: str
    attribute: str | None

    @classmethod
    def parse(cls, text: str, where: str) -> Selector:
        """Read a selector as it is written in the settings.

        Raises:
            SettingsError: It is no CSS selector.
        """
        match = re.fullmatch(r"(.*?)(?:@([\w:-]+))?", text.strip(), re.DOTALL)
        css, attribute = (match[1].strip(), match[2]) if match else (text, None)
        try:
            if css:
                LexborHTMLParser("<p>").css(css)
        except SelectolaxError:
            raise SettingsError(
                f"{where}: {text!r} is not a CSS selector.",
                "Write it as in a style sheet, with @name behind it for an attribute.",
            ) from None
        return cls(css, attribute)


@dataclass(frozen=True)
class Rules:
    """Everything that is declared about one shop.

    Attributes:
        shop: Its name.
        start: Absolute addresses the crawl begins with.
        site: Scheme, host and port of the shop as its pages are known here.
        door: The same as it is asked, where that is another, such as a copy of the shop.
        origins: Scheme, host and port of every host pages may be on.
        listings: Patterns of paths that lead to products.
        products: Patterns of paths of single products.
        max_pages: Pages asked for in one crawl.
        per_minute: Requests a minute to each host, at most.
        rest_hours: How long a shop is left alone after a crawl of it has ended.
        contact: Where the shop can complain; part of the user agent.
        locale_name: The locale as it is declared.
        currency: Currency of prices that name none.
        sitemaps: Whether the sitemaps in robots.txt lead to pages, too.
        item: Where each product of a listing stands.
        listing_selectors: Field → where it stands within the item.
        product_selectors: Field → where it stands on a product's page.
        in_stock: Words for what can be had, besides the locale's.
        out_of_stock: Words for what cannot be had, besides the locale's.
    """

    shop: str
    start: tuple[str, ...]
    site: str
    door: str
    origins: frozenset[str]
    listings: tuple[str, ...]
    products: tuple[str, ...]
    max_pages: int
    per_minute: float
    rest_hours: float
    contact: str
    locale_name: str
    currency: str | None
    sitemaps: bool
    item: Selector | None
    listing_selectors: Mapping[str, Selector]
    product_selectors: Mapping[str, Selector]
    in_stock: tuple[str, ...]
    out_of_stock: tuple[str, ...]

    @property
    def locale(self) -> Locale:
        """How the shop writes."""
        return locale_of(self.locale_name)

    @property
    def fingerprint(self) -> str:
        """Changes with everything that decides what is read from a page."""
        reading = {name: value for name, value in asdict(self).items() if name not in _NOT_READING}
        text = json.dumps([_EXTRACTION, reading], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def is_own(self, url: str) -> bool:
        """Whether an address is on one of the shop's hosts."""
        return origin(url) in self.origins

    def kind(self, url: str) -> str | None:
        """What a page is by its address: a listing, a product, or nothing of interest."""
        if not self.is_own(url):
            return None
        path = local_part(url)
        if any(_fits(path, pattern) for pattern in self.products):
            return PRODUCT
        if url in self.start or any(_fits(path, pattern) for pattern in self.listings):
            return LISTING
        return None


def read_rules(address: str, options: Mapping[str, Any]) -> Rules:
    """Check and type the options of a shop's entry.

    Args:
        address: `shop+https://www.shop.example`.
        options: The other keys of the entry.

    Raises:
        SettingsError: An option is unknown, missing or wrong; says which.
    """
    site = address.removeprefix("shop+")
    door = absolute(site, "/")
    root = absolute(str(options.get("public_address", site)), "/")
    if door is None or root is None:
        raise SettingsError(
            f"{address!r} is not the address of a shop.", "Write shop+https://www.shop.example."
        )
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise SettingsError(
            f"{site}: unknown option {', '.join(unknown)}.",
            f"Known options: {', '.join(sorted(_OPTIONS))}.",
        )
    read = _Options(site, options)
    contact = read.text("contact")
    if not re.fullmatch(r"(mailto:|https?://)\S+", contact or ""):
        raise SettingsError(
            f"{site}: contact = {contact!r} does not say where the shop can reach us.",
            'Write contact = "mailto:…" or the address of a page about this crawler; it is '
            "sent with every request.",
        )
    currency = read.text("currency")
    if currency is not None and read_currency(currency) is None:
        raise SettingsError(
            f"{site}: currency = {currency!r} is not known.", "Write an ISO 4217 code such as EUR."
        )
    locale_name = read.text("locale") or "en"
    words = locale_of(locale_name).words
    item, listing_selectors = read.selectors("listing")
    _, product_selectors = read.selectors("product")
    stock_words = read.table("stock_words", ("in_stock", "out_of_stock"))
    start = tuple(absolute(root, path) or "" for path in read.texts("start") or ("/",))
    scheme = urlsplit(root).scheme
    origins = frozenset({origin(root), *(f"{scheme}://{h.lower()}" for h in read.texts("hosts"))})
    strangers = [url for url in start if origin(url) not in origins]
    if strangers:
        raise SettingsError(
            f"{site}: start page {strangers[0]} is on another host.",
            "Start on the shop's own host, or name the host in hosts.",
        )
    return Rules(
        shop=read.text("shop") or str(urlsplit(root).hostname),
        start=start,
        site=origin(root),
        door=origin(door),
        origins=origins,
        listings=read.texts("listings"),
        products=read.texts("products"),
        max_pages=int(read.number("max_pages", 1000)),
        per_minute=read.number("per_minute", 30),
        rest_hours=read.number("rest_hours", 0),
        contact=str(contact),
        locale_name=locale_name,
        currency=read_currency(currency),
        sitemaps=read.flag("sitemaps"),
        item=item,
        listing_selectors=listing_selectors,
        product_selectors=product_selectors,
        in_stock=(*words.in_stock, *_Options(site, stock_words).texts("in_stock")),
        out_of_stock=(*words.out_of_stock, *_Options(site, stock_words).texts("out_of_stock")),
    )


@dataclass(frozen=True)
class _Options:
    """Typed access to a table of options."""

    site: str
    values: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, Sequence) or not all(isinstance(v, str) for v in values):
            raise self._wrong(name, "a list of texts")
        return tuple(values)

    def number(self, name: str, default: float) -> float:
        """A number above 0, as far as one is given."""
        if name not in self.values:
            return default
        value = self.values[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise self._wrong(name, "a number above 0")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def table(self, name: str, known: Sequence[str]) -> Mapping[str, Any]:
        value = self.values.get(name, {})
        if not isinstance(value, Mapping) or set(value) - set(known):
            raise self._wrong(name, f"a table with {', '.join(known)}")
        return value

    def selectors(self, kind: str) -> tuple[Selector | None, dict[str, Selector]]:
        """The selectors for one kind of page: where its items are, and their fields."""
        both = self.table("selectors", (LISTING, PRODUCT))
        known = ("item", *_FIELDS) if kind == LISTING else _FIELDS
        texts = _Options(self.site, both).table(kind, known)
        found = dict(self._parsed(kind, texts))
        item = found.pop("item", None)
        if found and kind == LISTING and (item is None or "url" not in found):
            raise self._wrong("selectors.listing", "a table with at least item and url")
        return item, found

    def _parsed(self, kind: str, texts: Mapping[str, Any]) -> Iterator[tuple[str, Selector]]:
        for name in texts:
            where = f"{self.site}: selectors.{kind}.{name}"
            yield name, Selector.parse(_Options(self.site, texts).text(name) or "", where)

    def _wrong(self, name: str, wanted: str) -> SettingsError:
        return SettingsError(
            f"{self.site}: {name} = {self.values.get(name)!r} is not {wanted}.",
            "Correct the source's entry.",
        )


def _fits(path: str, pattern: str) -> bool:
    """Whether a path matches a pattern, in which `*` stands for anything."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), path) is not None
