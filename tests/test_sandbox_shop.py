"""The competitor's website: the same on any day, until a day passes."""

import httpx
import polars as pl
import pytest

from inventory_platform.planning.matching import OURS, REVIEWED, THEIRS, match_products
from inventory_platform.sandbox.codes import gtin, sku
from inventory_platform.sandbox.reference import SEEDS, load_reference
from inventory_platform.sandbox.serving import served
from inventory_platform.sandbox.shop import create_app


@pytest.fixture
def client():
    with served(create_app(crawl_delay=0.5)) as base, httpx.Client(base_url=base) as asking:
        yield asking


def test_it_sells_sixty_wares_on_four_listings(client):
    links = set()
    for page in range(1, 5):
        text = client.get("/c/all", params={"page": page}).text
        links.update(part.split("?")[0] for part in text.split('href="/p/')[1:])
    assert len({link for link in links if link.split("-")[0].isdigit()}) == 60
    assert "Weiter" not in client.get("/c/all?page=4").text


def test_a_third_of_the_products_is_written_in_each_way(client):
    pages = [client.get(f"/p/{n}").text for n in (7, 8, 9)]
    kinds = [("itemprop" in page, "ld+json" in page) for page in pages]
    assert kinds == [(True, False), (False, False), (False, True)]


def test_prices_are_the_same_anywhere_and_a_third_changes_each_day():
    def prices(app):
        shop = app.state.shop
        return {w.number: shop.cents(w, shop.day) for w in shop.wares}

    app = create_app()
    before = prices(app)
    assert prices(create_app()) == before
    with served(app) as base:
        assert httpx.post(f"{base}/sandbox/advance").json() == {"day": 1}
    after = prices(app)
    assert 15 <= sum(after[n] != before[n] for n in before) <= 20
    assert before[57] > 100_000


def test_a_page_that_did_not_change_is_not_sent_again(client):
    first = client.get("/p/7")
    again = client.get("/p/7", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "etag" not in client.get("/p/8").headers


def test_robots_txt_names_what_is_forbidden_and_how_fast_to_ask(client):
    text = client.get("/robots.txt").text
    assert "Disallow: /checkout" in text
    assert "Crawl-delay: 0.5" in text


def test_the_traps_are_there(client):
    assert client.get("/p/2").headers["location"].startswith("http://elsewhere.invalid")
    assert client.get("/p/5-old").headers["location"] == "/p/5"
    assert client.get("/p/4711").status_code == 404
    assert "/calendar/2027/1" in client.get("/calendar/2026/12").text
    assert client.get("/calendar/x/y").status_code == 404


def test_the_log_holds_what_was_asked_and_not_the_control_endpoints(client):
    client.get("/p/7?x=1", headers={"user-agent": "me"})
    client.post("/sandbox/advance", params={"days": 2})
    (asked,) = client.get("/sandbox/log").json()
    assert (asked["path"], asked["user_agent"], asked["status"]) == ("/p/7?x=1", "me", 200)


def test_its_wares_are_found_in_our_catalogue_by_code_and_by_name():
    products = load_reference(SEEDS, 2_000).products["name"]
    ours = [(n, sku(n), gtin(n), name, None) for n, name in enumerate(products, start=1)]
    theirs = [
        (str(w.number), w.sku, w.gtin, w.name, w.brand) for w in create_app().state.shop.wares
    ]
    found = match_products(
        pl.DataFrame(theirs, schema=list(THEIRS), orient="row"),
        pl.DataFrame(ours, schema=list(OURS), orient="row"),
        pl.DataFrame(schema=dict.fromkeys(REVIEWED, pl.String)),
    )
    matched = found.filter(pl.col("status") == "matched")
    assert (matched["offer_id"] == matched["product_id"].cast(pl.String)).all()
    assert dict(matched.group_by("method").len().iter_rows()) == {"gtin": 18, "sku": 18, "name": 18}
    rest = found.filter(pl.col("status") != "matched").select("offer_id", "status", "product_id")
    assert rest.rows() == [
        ("55", "unmatched", None),
        ("56", "unmatched", None),
        ("57", "unmatched", None),
        ("58", "unmatched", None),
        ("59", "review", 27),
        ("60", "unmatched", None),
    ]
