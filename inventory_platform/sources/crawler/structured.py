"""What a page says about its products in a form meant for machines.

JSON-LD, microdata and OpenGraph are brought into one form here: a mapping in the words of
schema.org's Product. What its values mean is read in `extraction.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

_PRODUCT_TYPES = frozenset({"product", "productgroup", "individualproduct", "productmodel"})
_CONTAINERS = ("@graph", "mainEntity", "itemListElement", "item")
_MOST_PRODUCTS = 1000
_DEEPEST = 6
_OPEN_GRAPH = {
    "og:title": "name",
    "og:url": "url",
    "product:retailer_item_id": "sku",
    "product:brand": "brand",
    "product:ean": "gtin",
    "product:gtin": "gtin",
}
_OPEN_GRAPH_OFFER = {
    "og:price:amount": "price",
    "og:price:currency": "priceCurrency",
    "og:availability": "availability",
    "product:price:amount": "price",
    "product:price:currency": "priceCurrency",
    "product:availability": "availability",
}

Item = Mapping[str, Any]


def json_ld(tree: LexborHTMLParser, problems: list[str]) -> list[Item]:
    """The products in a page's JSON-LD, in the order written.

    Args:
        tree: The page.
        problems: Receives what could not be read, as sentences.
    """
    found: list[Item] = []
    for number, script in enumerate(tree.css('script[type="application/ld+json"]'), start=1):
        text = re.sub(r"^\s*(?:<!--|//\s*<!\[CDATA\[)|(?:-->|//\s*\]\]>)\s*$", "", script.text())
        try:
            # Numbers stay as written: 12.90 is not 12.9, and nothing is rounded.
            data = json.loads(text, strict=False, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as error:
            problems.append(f"JSON-LD block {number} cannot be read: {error}")
            continue
        found.extend(_products(data))
    return found[:_MOST_PRODUCTS]


def _products(data: Any) -> Iterator[Item]:
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            types = _types(value)
            if types & _PRODUCT_TYPES:
                yield value
            elif "breadcrumblist" not in types:
                waiting.extend(value[name] for name in reversed(_CONTAINERS) if name in value)


def _types(item: Item) -> set[str]:
    named = item.get("@type")
    names = named if isinstance(named, list) else [named]
    return {str(name).rpartition("/")[2].rpartition(":")[2].lower() for name in names}


def microdata(tree: LexborHTMLParser) -> list[Item]:
    """The products in a page's microdata, in the order written."""
    scopes = tree.css('[itemscope][itemtype*="schema.org/Product" i]')
    # One that is a property of another, such as a related product, is not a product of the page.
    own = [s for s in scopes if "itemprop" not in s.attributes or _scope(s) is None]
    return [_item(scope, 0) for scope in own[:_MOST_PRODUCTS]]


def _item(scope: LexborNode, depth: int) -> Item:
    item: dict[str, Any] = {}
    for node in scope.css("[itemprop]"):
        owner = _scope(node)
        if node.mem_id == scope.mem_id or owner is None or owner.mem_id != scope.mem_id:
            continue
        is_item = "itemscope" in node.attributes
        if is_item and depth == _DEEPEST:
            continue
        value = _item(node, depth + 1) if is_item else _value(node)
        for name in (node.attributes.get("itemprop") or "").split():
            if name not in item:
                item[name] = value
            elif name == "offers":
                item[name] = [
                    *(item[name] if isinstance(item[name], list) else [item[name]]),
                    value,
                ]
    if "url" not in item and depth == 0:
        link = scope.css_first("a[href]")
        if link is not None:
            item["url"] = link.attributes["href"]
    return item


def _scope(node: LexborNode) -> LexborNode | None:
    """The item a node belongs to."""
    parent = node.parent
    while parent is not None and "itemscope" not in parent.attributes:
        parent = parent.parent
    return parent


def _value(node: LexborNode) -> str:
    for name in ("content", "href", "src", "value", "datetime"):
        value = node.attributes.get(name)
        if value is not None:
            return value
    return node.text()


def open_graph(tree: LexborHTMLParser) -> list[Item]:
    """The product a page's OpenGraph properties tell of, if they tell of one."""
    item: dict[str, Any] = {}
    offer: dict[str, Any] = {}
    for node in tree.css("meta[property][content]"):
        name = (node.attributes["property"] or "").strip().lower()
        content = node.attributes["content"] or ""
        if name in _OPEN_GRAPH:
            item.setdefault(_OPEN_GRAPH[name], content)
        elif name in _OPEN_GRAPH_OFFER:
            offer.setdefault(_OPEN_GRAPH_OFFER[name], content)
    return [{**item, "offers": offer}] if "price" in offer else []
