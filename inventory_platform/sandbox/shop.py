"""A competitor's website: what it sells, how its pages are written, and the traps in it.

Most of its wares are also in our catalogue, under a barcode, our SKU or only a similar name. A
third of the product pages carries JSON-LD, a third microdata, and a third nothing but HTML.
Prices change from day to day; a day passes when the control endpoint says so.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from inventory_platform.sandbox.codes import gtin, sku
from inventory_platform.sandbox.reference import SEEDS, Dice, load_reference

ELSEWHERE = "http://elsewhere.invalid"

_OURS = 54
_OWN = (
    ("Pumpkin Seed Oil 500 ml", 2190),
    ("Cast Iron Pan 24 cm", 3990),
    ("Rattan Lounge Set", 129900),
    ("Garden Hose 25 m", 3450),
    ("Desk Lamp Deluxe", 5890),
    ("Standing Clock", None),
)
"""What we do not sell, in cents; the last has its price on request."""
_PER_LISTING = 18
_PRICE_DAYS = 3
_OUT_OF_STOCK = 0.15
_REDIRECTED_AWAY = 2
_MOVED = 5
_CANONICAL_ELSEWHERE = 8
_SECRET = "/p/for-staff"
_GONE = "/p/4711"


@dataclass(frozen=True)
class Ware:
    """Something the shop sells. `number` counts from 1; cents are those of an ordinary day."""

    number: int
    name: str
    brand: str
    sku: str
    gtin: str | None
    cents: int | None

    @property
    def markup(self) -> str:
        """How its page tells a machine what it is."""
        return ("json-ld", "microdata", "none")[self.number % 3]


@dataclass(frozen=True)
class Asked:
    """One request the shop was sent, as it remembers it; `at` is in seconds of its clock."""

    at: float
    method: str
    path: str
    user_agent: str
    if_none_match: str
    status: int


@dataclass
class Shop:
    """The shop with its wares, its calendar and its log."""

    wares: list[Ware]
    dice: Dice
    crawl_delay: float
    elsewhere: str
    day: int = 0
    log: list[Asked] = field(default_factory=list)

    def cents(self, ware: Ware, day: int) -> int | None:
        """What a ware costs on a day; a third of the prices changes each day."""
        if ware.cents is None:
            return None
        chance = self.dice.stream(f"shop/price/{ware.number}/{self._period(ware, day)}")
        return round(ware.cents * chance.uniform(0.88, 1.12))

    def is_in_stock(self, ware: Ware) -> bool:
        """Whether a ware can be had today."""
        chance = self.dice.stream(f"shop/stock/{ware.number}/{self._period(ware, self.day)}")
        return chance.random() >= _OUT_OF_STOCK

    def _period(self, ware: Ware, day: int) -> int:
        return (day + ware.number) // _PRICE_DAYS


def create_app(
    rows: int = 2_000,
    *,
    seed: int = 11,
    crawl_delay: float = 0.02,
    elsewhere: str = ELSEWHERE,
) -> Starlette:
    """Make a competitor's website.

    `POST /sandbox/advance?days=1` lets days pass, `GET /sandbox/log` shows the requests so far.

    Args:
        rows: Size of the sandbox, as for its inventory database; decides our catalogue.
        seed: Where chance comes from.
        crawl_delay: Seconds between requests that robots.txt asks for.
        elsewhere: Address of another host that some pages lead to.
    """
    shop = Shop(_stock_up(rows), Dice(seed), crawl_delay, elsewhere)

    async def answer(request: Request) -> Response:
        response = _answer(shop, request)
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        shop.log.append(
            Asked(
                time.monotonic(),
                request.method,
                path,
                request.headers.get("user-agent", ""),
                request.headers.get("if-none-match", ""),
                response.status_code,
            )
        )
        return response

    async def advance(request: Request) -> Response:
        shop.day += int(request.query_params.get("days", "1"))
        return JSONResponse({"day": shop.day})

    async def log(_: Request) -> Response:
        return JSONResponse([vars(asked) for asked in shop.log])

    app = Starlette(
        routes=[
            Route("/sandbox/advance", advance, methods=["POST"]),
            Route("/sandbox/log", log),
            Route("/{path:path}", answer),
        ]
    )
    app.state.shop = shop
    return app


def _stock_up(rows: int) -> list[Ware]:
    """Take over most of our catalogue, each ware known in one of three ways, and add some."""
    products = load_reference(SEEDS, rows).products.head(_OURS)
    brands = ("Nordhaven", "Bellavista", "Ardent")
    wares = []
    for row in products.with_row_index("product").iter_rows(named=True):
        product_id = row["product"] + 1
        known_by = ("gtin", "sku", "name")[row["product"] // 3 % 3]
        wares.append(
            Ware(
                number=product_id,
                name=_respelled(row["name"], row["product"]),
                brand=brands[row["product"] % len(brands)],
                sku=sku(product_id) if known_by == "sku" else f"KK-{product_id:04d}",
                gtin=gtin(product_id) if known_by == "gtin" else None,
                cents=row["price"],
            )
        )
    wares += [
        Ware(_OURS + n, name, "Kram & Krempel", f"KK-{_OURS + n:04d}", None, cents)
        for n, (name, cents) in enumerate(_OWN, start=1)
    ]
    return wares


def _respelled(name: str, number: int) -> str:
    """Write a name as another shop would: as it is, with closed-up units, or turned round."""
    words = name.split()
    if number % 4 == 1:
        for place in range(len(words) - 1, 0, -1):
            if words[place - 1].isdigit():
                words[place - 1 : place + 1] = [words[place - 1] + words[place]]
        return " ".join(words)
    if number % 4 == 2 and not any(c.isdigit() for c in name):
        return f"{words[-1]}, {' '.join(words[:-1])}"
    return name


# -- answers -------------------------------------------------------------------------------


def _answer(shop: Shop, request: Request) -> Response:
    path = request.url.path
    if path == "/robots.txt":
        return PlainTextResponse(_robots(shop, str(request.base_url)))
    if path == "/sitemap.xml":
        return Response(_sitemap(shop, str(request.base_url)), media_type="application/xml")
    if path == "/":
        return _page(request, "Kram & Krempel", _home(shop))
    if path == "/c/all":
        return _page(request, "Alles", _listing(shop, request))
    if re.fullmatch(r"/calendar/\d{1,4}/\d{1,2}", path):
        return _page(request, "Termine", _calendar(path))
    if path == f"/p/{_REDIRECTED_AWAY}":
        return RedirectResponse(f"{shop.elsewhere}/p/{_REDIRECTED_AWAY}", 302)
    if path == f"/p/{_MOVED}-old":
        return RedirectResponse(f"/p/{_MOVED}", 301)
    ware = next((w for w in shop.wares if path == f"/p/{w.number}"), None)
    if ware is not None:
        return _product(shop, ware, request)
    return PlainTextResponse("Nicht gefunden", 404)


def _robots(shop: Shop, base: str) -> str:
    return (
        f"User-agent: *\nDisallow: /checkout\nDisallow: {_SECRET}\n"
        f"Crawl-delay: {shop.crawl_delay}\nSitemap: {base}sitemap.xml\n"
    )


def _sitemap(shop: Shop, base: str) -> str:
    urls = "".join(f"<url><loc>{base}p/{w.number}</loc></url>" for w in shop.wares)
    return f'<?xml version="1.0"?><urlset>{urls}<url><loc>{shop.elsewhere}/p/1</loc></url></urlset>'


def _page(request: Request, title: str, body: str, head: str = "", *, tag: bool = True) -> Response:
    text = (
        f'<!doctype html><html lang="de"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title>{head}</head><body>{body}</body></html>"
    )
    if not tag:
        # Something that differs in every answer, as session keys do.
        return Response(f"{text}<!-- {time.monotonic_ns()} -->", media_type="text/html")
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    return Response(text, media_type="text/html", headers={"etag": etag})


def _home(shop: Shop) -> str:
    return (
        '<a href="/c/all">Alles</a> <a href="/calendar/2026/10">Termine</a> '
        f'<a href="/checkout">Kasse</a> <a href="{shop.elsewhere}/">Freunde</a>'
    )


def _calendar(path: str) -> str:
    """A page of a calendar that never ends."""
    year, month = (int(part) for part in path.split("/")[2:4])
    year, month = (year + 1, 1) if month >= 12 else (year, month + 1)
    return f'<a href="/calendar/{year}/{month}">Weiter</a> <a href="/c/all">Alles</a>'


def _listing(shop: Shop, request: Request) -> str:
    asked = request.query_params.get("page", "1")
    page = int(asked) if asked.isdigit() else 1
    shown = shop.wares[(page - 1) * _PER_LISTING : page * _PER_LISTING]
    cards = "".join(_card(shop, ware) for ware in shown)
    more = f'<a href="/c/all?page={page + 1}">Weiter</a>' if len(shown) == _PER_LISTING else ""
    lost = f'<a href="{_GONE}">Restposten</a> <a href="{_SECRET}">Intern</a>' if page == 1 else ""
    return f"<main>{cards}</main>{lost}{more}"


def _card(shop: Shop, ware: Ware) -> str:
    target = f"/p/{ware.number}" + ("-old" if ware.number == _MOVED else "")
    name = escape(ware.name)
    cut = name if len(name) <= 16 else f"{name[:14]} …"
    return (
        f'<article class="card"><h3><a href="{target}?utm_source=liste" title="{name}">{cut}</a>'
        f'</h3><p class="price">{_price_text(shop, ware)}</p></article>'
    )


def _price_text(shop: Shop, ware: Ware) -> str:
    today, before = shop.cents(ware, shop.day), shop.cents(ware, shop.day - _PRICE_DAYS)
    if today is None or before is None:
        return "Preis auf Anfrage"
    return f"{f'statt {_euros(before)} ' if before > today else ''}{_euros(today)}"


def _euros(cents: int) -> str:
    """An amount as it is written in German.

    >>> _euros(129900)
    '1.299,00 €'
    """
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d} €"


def _product(shop: Shop, ware: Ware, request: Request) -> Response:
    host = shop.elsewhere if ware.number == _CANONICAL_ELSEWHERE else ""
    head = f'<link rel="canonical" href="{host}/p/{ware.number}">'
    is_there = shop.is_in_stock(ware)
    cents = shop.cents(ware, shop.day)
    note = "Auf Lager" if is_there else "Ausverkauft"
    state = f"https://schema.org/{'InStock' if is_there else 'OutOfStock'}"
    price = "" if cents is None else f"{cents / 100:.2f}"
    if ware.markup == "json-ld":
        head += f'<script type="application/ld+json">{_json_ld(ware, price, state)}</script>'
    if ware.markup == "microdata":
        body = _microdata(ware, price, state)
    else:
        body = (
            f'<h1>{escape(ware.name)}</h1><span class="brand">{escape(ware.brand)}</span>'
            f'<p class="price">{_price_text(shop, ware)}</p><p class="stock">{note}</p>'
            f'<dl><dt>Art.-Nr.</dt><dd class="sku">{ware.sku}</dd>'
            f'<dt>EAN</dt><dd class="ean">{ware.gtin or ""}</dd></dl>'
        )
    return _page(request, ware.name, body, head, tag=ware.markup != "none")


def _json_ld(ware: Ware, price: str, state: str) -> str:
    product = {
        "@type": "Product",
        "name": ware.name,
        "sku": ware.sku,
        "brand": {"@type": "Brand", "name": ware.brand},
        "offers": [
            {"@type": "Offer", "price": price, "priceCurrency": "EUR", "availability": state}
        ],
    }
    if ware.gtin:
        product["gtin13"] = ware.gtin
    graph = [{"@type": "BreadcrumbList", "itemListElement": []}, product]
    return json.dumps({"@context": "https://schema.org", "@graph": graph}, ensure_ascii=False)


def _microdata(ware: Ware, price: str, state: str) -> str:
    code = f'<meta itemprop="gtin13" content="{ware.gtin}">' if ware.gtin else ""
    return (
        '<div itemscope itemtype="https://schema.org/Product">'
        f'<h1 itemprop="name">{escape(ware.name)}</h1>{code}'
        f'<span itemprop="sku">{ware.sku}</span>'
        f'<div itemprop="brand" itemscope><span itemprop="name">{escape(ware.brand)}</span></div>'
        '<div itemprop="offers" itemscope itemtype="https://schema.org/Offer">'
        f'<meta itemprop="price" content="{price}">'
        '<meta itemprop="priceCurrency" content="EUR">'
        f'<link itemprop="availability" href="{state}"></div></div>'
    )
