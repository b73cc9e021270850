"""From a page to the products on it and the pages it leads to.

Structured data is believed first, JSON-LD before microdata before OpenGraph; the selectors
declared for the shop say what is still missing. A field that cannot be read is left empty
with the reason beside it; the product is kept. Nothing is asked over the network here.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from inventory_platform.sources.crawler.prices import (
    IN_STOCK,
    OUT_OF_STOCK,
    UNKNOWN,
    Price,
    combine,
    read_availability,
    read_currency,
    read_price,
    read_stated_price,
)
from inventory_platform.sources.crawler.rules import PRODUCT, Rules, Selector
from inventory_platform.sources.crawler.structured import (
    Item,
    json_ld,
    microdata,
    open_graph,
)
from inventory_platform.sources.crawler.urls import absolute

_SELECTORS = "selectors"
_GTIN_NAMES = ("gtin", "gtin13", "gtin14", "gtin12", "gtin8", "isbn")
_NOT_ASKED = re.compile(r"listprice|strikethroughprice|srp|msrp|regularprice", re.IGNORECASE)
_LONGEST_TEXT = 1000
_BEST_FIRST = (IN_STOCK, OUT_OF_STOCK, UNKNOWN)


@dataclass(frozen=True)
class Product:
    """A product as one page shows it; what the page does not say is None.

    Attributes:
        shop: Name of the shop.
        product_url: Address of the product's own page, which identifies it.
        position: Place on a listing, from 1.
        sku: The shop's number of it.
        gtin: Its barcode, as written.
        name: Its name, in full where the page holds the full name.
        brand: Its brand.
        price_text: The price as written.
        price: The price as a decimal; the lowest where it is a range.
        highest_price: The upper end of a range.
        price_problem: Why there is no price.
        currency: ISO 4217 code.
        availability: `in_stock`, `out_of_stock` or `unknown`.
        availability_text: What the page says about it.
        method: Where on the page the product was found: `json-ld`, `microdata`, `opengraph`
            or `selectors`.
    """

    shop: str
    product_url: str
    position: int | None = None
    sku: str | None = None
    gtin: str | None = None
    name: str | None = None
    brand: str | None = None
    price_text: str | None = None
    price: str | None = None
    highest_price: str | None = None
    price_problem: str | None = None
    currency: str | None = None
    availability: str = UNKNOWN
    availability_text: str | None = None
    method: str = _SELECTORS


@dataclass(frozen=True)
class Extracted:
    """What was read from one page.

    Attributes:
        products: The products, in the order shown.
        links: Pages of interest it leads to, on the shop's own hosts.
        problems: What could not be read, as sentences.
    """

    products: list[dict[str, Any]]
    links: list[str]
    problems: list[str]


def extract(page: str, url: str, kind: str, rules: Rules) -> Extracted:
    """Read one page.

    Args:
        page: Its HTML.
        url: Where it came from.
        kind: Whether it is a listing or the page of a product.
        rules: What is declared about the shop.
    """
    tree = LexborHTMLParser(page)
    base = _base(tree, url)
    problems: list[str] = []
    reader = _Reader(rules, base, problems)
    ways: dict[str, Iterable[Item]] = {
        "json-ld": json_ld(tree, problems),
        "microdata": microdata(tree),
    }
    if kind == PRODUCT:
        ways["opengraph"] = open_graph(tree)
        ways[_SELECTORS] = [_selected(tree.root, rules.product_selectors)]
        products = reader.single(ways, _canonical(tree, url, base, rules), url)
    else:
        ways[_SELECTORS] = _selected_items(tree, rules)
        products = reader.several(ways)
    return Extracted([asdict(p) for p in products], _links(tree, base, url, rules), problems)


def extract_again(body: str, rules: Rules) -> str:
    """Read a stored page once more, as when its products were read wrongly.

    Args:
        body: The body of a page as the crawler kept it.
        rules: What is now declared about the shop.

    Returns:
        The body with the products that are now read; all else as it was.
    """
    document = json.loads(body)
    found = extract(document["html"], document["url"], document["kind"], rules)
    return json.dumps(
        {**document, "products": found.products, "problems": found.problems}, ensure_ascii=False
    )


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return (absolute(url, node.attributes["href"] or "") if node else None) or url


def _canonical(tree: LexborHTMLParser, url: str, base: str, rules: Rules) -> str:
    """The address that identifies a product; only believed when it is a product of the shop."""
    node = tree.css_first('link[rel="canonical"][href]')
    named = absolute(base, node.attributes["href"] or "") if node else None
    return named if named and rules.kind(named) == PRODUCT else url


def _links(tree: LexborHTMLParser, base: str, url: str, rules: Rules) -> list[str]:
    targets = (absolute(base, node.attributes["href"] or "") for node in tree.css("a[href]"))
    wanted = dict.fromkeys(t for t in targets if t and rules.kind(t))
    return [target for target in wanted if target != url]


def _selected(scope: LexborNode | None, selectors: Mapping[str, Selector]) -> Item:
    """What the declared selectors find within a part of the page."""
    values: dict[str, Any] = {}
    for name, selector in selectors.items():
        node = scope.css_first(selector.css) if scope and selector.css else scope
        if node is not None:
            attribute = selector.attribute
            values[name] = node.attributes.get(attribute) if attribute else node.text()
    offer = {
        "price": values.pop("price", None),
        "priceCurrency": values.pop("currency", None),
        "availability": values.pop("availability", None),
    }
    return {**values, "offers": offer}


def _selected_items(tree: LexborHTMLParser, rules: Rules) -> Iterator[Item]:
    if rules.item is not None:
        for node in tree.css(rules.item.css):
            yield _selected(node, rules.listing_selectors)


@dataclass(frozen=True)
class _Reader:
    """Turns schema.org's words into products of one page."""

    rules: Rules
    base: str
    problems: list[str]

    def single(self, ways: Mapping[str, Iterable[Item]], url: str, asked: str) -> list[Product]:
        """The product whose page this is.

        Args:
            ways: Where products were found → what was found there.
            url: The address that identifies the product.
            asked: The address the page came from.
        """
        best: Product | None = None
        for method, items in ways.items():
            candidates = [(self._address(item), item) for item in items]
            own = [item for address, item in candidates if address in {url, asked}]
            own = own or [item for address, item in candidates if not self._is_elsewhere(address)]
            if candidates and not own:
                self.problems.append(f"only products of other pages: {method}")
            for item in own[:1]:
                best = _filled(best, self._product(item, url, method))
        return self._named([best] if best is not None else [])

    def _is_elsewhere(self, address: str | None) -> bool:
        """Whether a product with this address is not the one of this page, but a related one.

        The shop's front page or a category, which some name in its stead, is no product's own.
        """
        if address is None:
            return False
        return not self.rules.is_own(address) or self.rules.kind(address) == PRODUCT

    def several(self, ways: Mapping[str, Iterable[Item]]) -> list[Product]:
        """The products of a listing, each with an address of its own."""
        found: dict[str, Product] = {}
        for method, items in ways.items():
            strangers = 0
            for item in items:
                url = self._address(item)
                if url is None or not self.rules.is_own(url):
                    strangers += 1
                    continue
                found[url] = _filled(found.get(url), self._product(item, url, method))
            if strangers:
                self.problems.append(f"{strangers} products without a page of the shop: {method}")
        named = self._named(list(found.values()))
        return [replace(p, position=place) for place, p in enumerate(named, start=1)]

    def _named(self, products: list[Product]) -> list[Product]:
        named = [product for product in products if product.name]
        if len(named) < len(products):
            self.problems.append(f"{len(products) - len(named)} products without a name")
        return named

    def _address(self, item: Item) -> str | None:
        link = item.get("url") or item.get("@id")
        return absolute(self.base, link) if isinstance(link, str) and link.strip() else None

    def _product(self, item: Item, url: str, method: str) -> Product:
        offers = list(_offers(item))
        price_text, price = self._price(offers, method)
        availability_text, availability = self._availability(offers)
        return Product(
            shop=self.rules.shop,
            product_url=url,
            sku=_text(item.get("sku")),
            gtin=next((text for n in _GTIN_NAMES if (text := _text(item.get(n)))), None),
            name=_text(item.get("name")),
            brand=_text(item.get("brand")),
            price_text=price_text,
            price=None if price.amount is None else str(price.amount),
            highest_price=None if price.highest is None else str(price.highest),
            price_problem=price.problem,
            currency=price.currency,
            availability=availability,
            availability_text=availability_text,
            method=method,
        )

    def _price(self, offers: list[Item], method: str) -> tuple[str | None, Price]:
        locale, declared = self.rules.locale, self.rules.currency
        read = read_price if method == _SELECTORS else read_stated_price
        texts: list[str] = []
        prices: list[Price] = []
        for offer in offers:
            currency = read_currency(_text(offer.get("priceCurrency"))) or declared
            asked = [_text(offer.get(name)) for name in ("price", "lowPrice", "highPrice")]
            stated = [read(text, locale, currency) for text in asked if text]
            texts += [text for text in asked if text]
            if asked[1] and not asked[0] and not asked[2] and _text(offer.get("offerCount")) != "1":
                stated = [Price(currency=currency, problem="only the lowest of several prices")]
            prices += stated
        return " / ".join(dict.fromkeys(texts)) or None, combine(prices)

    def _availability(self, offers: list[Item]) -> tuple[str | None, str]:
        texts = [text for offer in offers if (text := _text(offer.get("availability")))]
        words = self.rules.in_stock, self.rules.out_of_stock
        states = {text: read_availability(text, *words) for text in texts}
        # What one of several sellers has can be had.
        best = min(texts, key=lambda t: _BEST_FIRST.index(states[t]), default=None)
        return best, states.get(best or "", UNKNOWN)


def _offers(item: Item) -> Iterator[Item]:
    """Every single price a product is offered at, however its offers are nested."""
    waiting: list[Any] = [item.get("offers")]
    if not item.get("offers"):
        waiting = [v.get("offers") for v in _listed(item.get("hasVariant")) if isinstance(v, dict)]
    for offer in _flat(waiting):
        nested = _flat([offer.get("offers")])
        specified: list[Item] = [
            {**offer, **spec}
            for spec in _flat([offer.get("priceSpecification")])
            if not _NOT_ASKED.search(str(spec.get("priceType")))
            and not spec.get("referenceQuantity")
        ]
        has_price = any(offer.get(name) for name in ("price", "lowPrice"))
        yield from (nested or specified or [offer]) if not has_price else [offer]


def _flat(values: list[Any]) -> list[Item]:
    return [v for value in values for v in _listed(value) if isinstance(v, dict)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str | None:
    """A value as one line of text: its name where it is a thing, the first where several."""
    first = next(iter(_listed(value)), None)
    if isinstance(first, dict):
        first = first.get("name")
    if not isinstance(first, str):
        return None
    # Half a surrogate pair can be written in JSON, but not in a file.
    whole = html.unescape(first).encode("utf-8", "replace").decode()
    plain = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u00a0\s]+", " ", whole).split())
    return plain[:_LONGEST_TEXT] or None


def _filled(first: Product | None, second: Product) -> Product:
    """A product found twice on a page: the first way is believed, the second fills gaps."""
    if first is None:
        return second
    missing: dict[str, Any] = {
        name: getattr(second, name)
        for name in ("sku", "gtin", "name", "brand")
        if getattr(first, name) is None
    }
    if first.price is None and (second.price or (second.price_text and not first.price_text)):
        names = ("price_text", "price", "highest_price", "price_problem", "currency")
        missing |= {name: getattr(second, name) for name in names}
    if first.availability == UNKNOWN and second.availability != UNKNOWN:
        missing |= {n: getattr(second, n) for n in ("availability", "availability_text")}
    return replace(first, **missing)
