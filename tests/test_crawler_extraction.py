"""What is read from pages: structured data first, declared selectors second."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_platform.errors import SettingsError
from inventory_platform.sources.crawler import extract_again, read_rules
from inventory_platform.sources.crawler.extraction import extract
from inventory_platform.sources.crawler.urls import absolute

PAGES = Path(__file__).resolve().parents[2] / "shared" / "data" / "competitor_pages"
BOOKS = PAGES / "books_toscrape_list.html"
SITE = "https://shop.example"
OPTIONS = {
    "contact": "mailto:crawler@example.com",
    "listings": ["/c/*"],
    "products": ["/p/*"],
    "locale": "de",
    "currency": "EUR",
    "selectors": {
        "listing": {"item": "li", "name": "a@title", "url": "a@href", "price": ".price"},
        "product": {
            "name": "h1",
            "price": ".price",
            "availability": ".stock",
            "sku": "dl@data-sku",
        },
    },
}
RULES = read_rules(f"shop+{SITE}", OPTIONS)


def product(page, **options):
    rules = read_rules(f"shop+{SITE}", OPTIONS | options)
    found = extract(page, f"{SITE}/p/1", "product", rules)
    assert len(found.products) == 1, found
    return found.products[0]


def listing(page):
    return extract(page, f"{SITE}/c/all", "listing", RULES)


def json_ld(*blocks):
    return "".join(
        f'<script type="application/ld+json">{b if isinstance(b, str) else json.dumps(b)}</script>'
        for b in blocks
    )


def thing(**more):
    return {"@type": "Product", "name": "Mug", "offers": {"price": "12.40"}} | more


# -- a real page ---------------------------------------------------------------------------


@pytest.mark.skipif(not BOOKS.is_file(), reason=f"{BOOKS} is not at hand")
def test_a_listing_without_structured_data_is_read_by_selectors():
    rules = read_rules(
        "shop+https://books.example",
        {
            "contact": "mailto:crawler@example.com",
            "locale": "en-GB",
            "products": ["/catalogue/*/index.html"],
            "selectors": {
                "listing": {
                    "item": "article.product_pod",
                    "name": "h3 a@title",
                    "url": "h3 a@href",
                    "price": ".price_color",
                    "availability": ".availability",
                }
            },
        },
    )
    found = extract(BOOKS.read_text(), "https://books.example/", "listing", rules).products
    assert len(found) == 20
    # Added up by hand from the page.
    assert sum(Decimal(p["price"]) for p in found) == Decimal("760.97")
    assert {(p["currency"], p["availability"]) for p in found} == {("GBP", "in_stock")}
    assert [p["position"] for p in found] == list(range(1, 21))
    assert found[0] | {"name": "A Light in the Attic", "price": "51.77"} == found[0]
    assert found[7]["name"] == (
        "The Coming Woman: A Novel Based on the Life of the Infamous Feminist, Victoria Woodhull"
    )
    assert found[0]["product_url"] == (
        "https://books.example/catalogue/a-light-in-the-attic_1000/index.html"
    )


# -- JSON-LD -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "block",
    [
        thing(),
        [thing()],
        {"@graph": [{"@type": "WebPage"}, thing()]},
        {"@type": "WebPage", "mainEntity": thing()},
        thing(**{"@type": ["Thing", "https://schema.org/Product"]}),
        thing(offers=[{"@type": "Offer", "price": 12.40}]),
        thing(offers={"@type": "AggregateOffer", "lowPrice": "12.40", "highPrice": "12.40"}),
        thing(offers={"@type": "AggregateOffer", "lowPrice": "12.40", "offerCount": 1}),
        thing(offers={"@type": "AggregateOffer", "offers": [{"price": "12.40"}]}),
        thing(offers={"priceSpecification": {"price": "12.40", "priceCurrency": "EUR"}}),
        thing(
            offers={
                "priceSpecification": [
                    {"priceType": "https://schema.org/ListPrice", "price": "15.00"},
                    {"price": "12.40"},
                    {"price": "4.96", "referenceQuantity": {"value": 1}},
                ]
            }
        ),
        {"@type": "ProductGroup", "name": "Mug", "hasVariant": [thing(), thing()]},
    ],
    ids=lambda block: json.dumps(block)[:60],
)
def test_json_ld_is_read_however_it_is_nested(block):
    found = product(json_ld(block))
    assert (found["name"], found["price"], found["currency"]) == ("Mug", "12.40", "EUR")
    assert (found["method"], found["highest_price"], found["price_problem"]) == (
        "json-ld",
        None,
        None,
    )


def test_all_that_json_ld_says_of_a_product_is_kept():
    block = thing(
        sku="M-1",
        gtin13="0012345678905",
        brand={"@type": "Brand", "name": "Nordhaven"},
        name="Mug &amp; Saucer\n Set",
        offers={
            "price": 1299,
            "priceCurrency": "GBP",
            "availability": "https://schema.org/SoldOut",
        },
    )
    assert product(json_ld(block)) == {
        "shop": "shop.example",
        "product_url": f"{SITE}/p/1",
        "position": None,
        "sku": "M-1",
        "gtin": "0012345678905",
        "name": "Mug & Saucer Set",
        "brand": "Nordhaven",
        "price_text": "1299",
        "price": "1299.00",
        "highest_price": None,
        "price_problem": None,
        "currency": "GBP",
        "availability": "out_of_stock",
        "availability_text": "https://schema.org/SoldOut",
        "method": "json-ld",
    }


def test_a_price_of_several_sellers_is_a_range():
    offers = [
        {"price": "12.00", "availability": "OutOfStock"},
        {"price": "14.00", "availability": "InStock"},
    ]
    found = product(json_ld(thing(offers=offers)))
    assert (found["price"], found["highest_price"]) == ("12.00", "14.00")
    assert found["availability"] == "in_stock"
    found = product(json_ld(thing(offers={"lowPrice": "12.00", "highPrice": "14.00"})))
    assert (found["price"], found["highest_price"]) == ("12.00", "14.00")


def test_a_lowest_price_alone_is_no_price():
    found = product(json_ld(thing(offers={"lowPrice": "12.00", "offerCount": 7})))
    assert found["price"] is None
    assert found["price_problem"] == "only the lowest of several prices"


def test_of_several_products_on_a_page_its_own_is_taken():
    other = thing(name="Other", url="/p/2")
    own = thing(name="Own", url=f"{SITE}/p/1#top")
    assert product(json_ld(other, own))["name"] == "Own"


def test_json_ld_that_cannot_be_read_is_told_and_the_rest_of_the_page_is_used():
    page = json_ld("{not json", "[" * 100_000) + '<h1>Mug</h1><p class="price">12,40 €</p>'
    found = extract(page, f"{SITE}/p/1", "product", RULES)
    assert [p["price"] for p in found.products] == ["12.40"]
    assert [problem[:15] for problem in found.problems] == ["JSON-LD block 1", "JSON-LD block 2"]


def test_half_a_character_does_not_break_a_page():
    found = product(json_ld('{"@type": "Product", "name": "Mug \\ud83d\\u0000"}'))
    assert found["name"] == "Mug ?"
    json.dumps(found, ensure_ascii=False).encode()


# -- microdata, OpenGraph, selectors -------------------------------------------------------


def test_microdata_is_read_without_what_belongs_to_nested_things():
    page = """
      <div itemscope itemtype="http://schema.org/Product">
        <div itemprop="aggregateRating" itemscope><span itemprop="name">Stars</span></div>
        <span itemprop="name"> Mug </span><meta itemprop="gtin13" content="2000000000015">
        <a itemprop="brand" itemscope><span itemprop="name">Nordhaven</span></a>
        <div itemprop="offers" itemscope><meta itemprop="price" content="12.40">
          <meta itemprop="priceCurrency" content="GBP">
          <link itemprop="availability" href="https://schema.org/InStock"></div>
        <div itemprop="isRelatedTo" itemscope itemtype="http://schema.org/Product">
          <span itemprop="name">Saucer</span></div>
      </div>"""
    found = product(page)
    expected = {
        "name": "Mug",
        "gtin": "2000000000015",
        "brand": "Nordhaven",
        "price": "12.40",
        "currency": "GBP",
        "availability": "in_stock",
        "method": "microdata",
    }
    assert found | expected == found


def test_open_graph_is_the_last_of_the_structured_ways():
    page = """<meta property="og:title" content="Mug"><meta property="og:type" content="product">
      <meta property="product:price:amount" content="12.40">
      <meta property="product:price:currency" content="EUR">
      <meta property="product:availability" content="oos">"""
    found = product(page)
    expected = {"name": "Mug", "price": "12.40", "method": "opengraph"}
    assert found | expected | {"availability": "out_of_stock"} == found


def test_selectors_fill_what_structured_data_leaves_out():
    page = json_ld({"@type": "Product", "name": "Mug", "sku": "M-1"}) + (
        '<h1>Cut na…</h1><p class="price">statt 15,90 € 12,40 €</p><p class="stock">Auf Lager</p>'
        '<dl data-sku="other"></dl>'
    )
    found = product(page)
    expected = {
        "name": "Mug",
        "sku": "M-1",
        "price": "12.40",
        "price_text": "statt 15,90 € 12,40 €",
        "availability": "in_stock",
        "method": "json-ld",
    }
    assert found | expected == found


def test_a_product_whose_price_cannot_be_read_is_kept_with_the_reason():
    found = product('<h1>Mug</h1><p class="price">12.40 €</p>')
    assert found["price"] is None
    assert found["price_text"] == "12.40 €"
    assert found["price_problem"] == ("'12.40' is not how numbers are written in the shop's locale")


def test_stock_words_of_the_shop_are_believed():
    words = {"in_stock": ["greifbar"], "out_of_stock": ["futsch"]}
    page = '<h1>Mug</h1><p class="stock">Leider futsch</p>'
    assert product(page)["availability"] == "unknown"
    assert product(page, stock_words=words)["availability"] == "out_of_stock"


def test_a_page_without_a_product_gives_none_and_says_so():
    found = extract("<p>Nothing here", f"{SITE}/p/1", "product", RULES)
    assert (found.products, found.problems) == ([], ["1 products without a name"])
    assert extract("", f"{SITE}/c/all", "listing", RULES).products == []


def test_a_related_product_is_not_taken_for_the_product_of_the_page():
    related = thing(name="Related", url="/p/9", offers={"price": "5.00"})
    listed = {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": related}]}
    main = thing(name="Main", offers={"price": "50.00"})
    for own in (main, main | {"url": "/p/1"}, main | {"@id": "#product"}, main | {"url": "/"}):
        found = product(json_ld(listed, own))
        assert (found["name"], found["price"]) == ("Main", "50.00")
    found = extract(json_ld(listed) + "<h1>Main</h1>", f"{SITE}/p/1", "product", RULES)
    assert [(p["name"], p["price"]) for p in found.products] == [("Main", None)]
    assert found.problems == ["only products of other pages: json-ld"]


# -- listings, links, addresses ------------------------------------------------------------


def test_a_listing_joins_what_several_ways_say_of_the_same_product():
    page = json_ld(
        {
            "@type": "ItemList",
            "itemListElement": [
                {"@type": "ListItem", "position": 1, "item": {**thing(url="/p/1"), "offers": {}}},
                {"@type": "ListItem", "position": 2, "url": "/p/2"},
            ],
        },
        {"@type": "BreadcrumbList", "itemListElement": [{"item": thing(url="/p/9")}]},
    ) + (
        '<ul><li><a href="p/../../p/1?utm_source=x" title="Mug">M</a><p class="price">12,40 €</p>'
        '<li><a href="/p/2#a" title="Pot">P</a><p class="price">5,00 €</p>'
        '<li><a href="https://market.example/p/3" title="Not theirs">N</a></ul>'
    )
    found = listing(page)
    told = [(p["position"], p["product_url"], p["name"], p["price"]) for p in found.products]
    assert told == [
        (1, f"{SITE}/p/1", "Mug", "12.40"),
        (2, f"{SITE}/p/2", "Pot", "5.00"),
    ]
    assert found.problems == ["1 products without a page of the shop: selectors"]


def test_only_links_of_interest_on_the_shops_own_host_are_followed():
    page = """<base href="/shop/">
      <a href="/c/b?page=2&utm_source=x#top">1</a> <a href="/about">2</a>
      <a href="https://elsewhere.example/p/1">3</a> <a href="http://shop.example/p/5">4</a>
      <a href="mailto:a@b.example">5</a> <a href="javascript:void(0)">6</a> <a href="/p/1">7</a>
      <a href="//shop.example:443/p/2">8</a> <a href="http://[">9</a> <a href="/p/1">10</a>"""
    assert listing(page).links == [f"{SITE}/c/b?page=2", f"{SITE}/p/1", f"{SITE}/p/2"]


def test_a_canonical_address_is_believed_only_for_products_of_the_shop():
    for href, expected in {
        "/p/7": f"{SITE}/p/7",
        "https://elsewhere.example/p/7": f"{SITE}/p/1",
        "/": f"{SITE}/p/1",
    }.items():
        page = f'<link rel="canonical" href="{href}"><h1>Mug</h1>'
        assert product(page)["product_url"] == expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("HTTPS://SHOP.example/P", f"{SITE}/P"),
        ("a b/ü", f"{SITE}/c/a%20b/%C3%BC"),
        ("?a=1&gclid=7&b=2", f"{SITE}/c/d?a=1&b=2"),
        ("ftp://shop.example/", None),
        ("/" + "x" * 3000, None),
    ],
)
def test_addresses_are_written_in_one_way(link, expected):
    assert absolute(f"{SITE}/c/d", link) == expected


@given(st.text(max_size=300))
def test_no_page_breaks_the_extraction(text):
    for page in (text, json_ld(text), f"<div itemscope itemtype='schema.org/Product'>{text}"):
        for kind in ("listing", "product"):
            found = extract(page, f"{SITE}/p/1", kind, RULES)
            json.dumps(found.products, ensure_ascii=False).encode()


def test_a_stored_page_is_read_again_by_other_rules():
    page = '<h1>Mug</h1><b id="cost">12,40 €</b>'
    before = extract(page, f"{SITE}/p/1", "product", RULES).products
    body = json.dumps(
        {"url": f"{SITE}/p/1", "kind": "product", "html": page, "products": before, "status": 200}
    )
    corrected = read_rules(
        f"shop+{SITE}", OPTIONS | {"selectors": {"product": {"name": "h1", "price": "#cost"}}}
    )
    again = json.loads(extract_again(body, corrected))
    assert [p["price"] for p in before] == [None]
    assert [p["price"] for p in again["products"]] == ["12.40"]
    assert (again["html"], again["status"]) == (page, 200)


# -- options -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"colour": 1}, "unknown option colour"),
        ({"contact": "nobody"}, "where the shop can reach us"),
        ({"contact": None}, "where the shop can reach us"),
        ({"locale": "tlh"}, "Locale 'tlh'"),
        ({"currency": "DOLLAR"}, "'DOLLAR' is not known"),
        ({"per_minute": 0}, "not a number above 0"),
        ({"max_pages": True}, "not a number above 0"),
        ({"sitemaps": "yes"}, "not true or false"),
        ({"products": [1]}, "not a list of texts"),
        ({"start": ["https://elsewhere.example/"]}, "is on another host"),
        ({"selectors": {"product": {"name": "p["}}}, "is not a CSS selector"),
        ({"selectors": {"product": {"size": "p"}}}, "a table with"),
        ({"selectors": {"listing": {"name": "p"}}}, "at least item and url"),
        ({"stock_words": {"maybe": ["so"]}}, "a table with in_stock, out_of_stock"),
    ],
)
def test_wrong_options_are_refused_by_name(options, complaint):
    with pytest.raises(SettingsError, match=complaint):
        read_rules(f"shop+{SITE}", {k: v for k, v in (OPTIONS | options).items() if v is not None})


def test_an_address_that_is_none_is_refused():
    with pytest.raises(SettingsError, match="not the address of a shop"):
        read_rules("shop+ftp://shop.example", OPTIONS)


def test_placeholders_are_no_obstacle_to_checking_an_entry():
    rules = read_rules("shop+http://{sandbox_shop}", OPTIONS | {"contact": "mailto:${CONTACT}"})
    assert rules.shop == "{sandbox_shop}"
