"""Crawling a shop: politely, within its hosts, and without losing or repeating anything.

What the crawler did is told by the shop's own log, not by the crawler.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from inventory_platform.contracts.base import contracts_of
from inventory_platform.errors import SourceError
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.pages import PageReader, PageStore
from inventory_platform.sandbox.serving import served
from inventory_platform.sandbox.shop import create_app
from inventory_platform.sources.base import Checkpoint, Page
from inventory_platform.sources.crawler import CrawlFetcher
from inventory_platform.sources.crawler.crawl import _locations
from inventory_platform.sources.crawler.extraction import extract

PUBLIC = "https://kram.example"
OPTIONS = {
    "shop": "Kram & Krempel",
    "public_address": PUBLIC,
    "listings": ["/c/all*"],
    "products": ["/p/*"],
    "per_minute": 60_000,
    "contact": "mailto:crawler@example.com",
    "locale": "de",
    "currency": "EUR",
    "selectors": {
        "listing": {
            "item": "article.card",
            "name": "h3 a@title",
            "url": "h3 a@href",
            "price": ".price",
        },
        "product": {
            "name": "h1",
            "brand": ".brand",
            "price": ".price",
            "availability": ".stock",
            "sku": ".sku",
            "gtin": ".ean",
        },
    },
}


class Fetched:
    """What one crawl handed over."""

    def __init__(self, items):
        self.items = list(items)
        checkpoints = [i for i in self.items if isinstance(i, Checkpoint)]
        self.resume = checkpoints[-1].resume if checkpoints else None
        pages = [i for i in self.items if isinstance(i, Page)]
        self.pages = [json.loads(p.body) for p in pages if p.stream == "pages"]
        self.visits = [v for p in pages if p.stream == "visits" for v in json.loads(p.body)]

    @property
    def outcomes(self):
        return dict(Counter(v["outcome"] for v in self.visits))

    def visit(self, path):
        (found,) = [v for v in self.visits if v["page_url"] == f"{PUBLIC}{path}"]
        return found

    def products(self, kind):
        return {p["product_url"]: p for d in self.pages if d["kind"] == kind for p in d["products"]}


def crawl(base, resume=None, sleep=time.sleep, **options):
    fetcher = CrawlFetcher(f"shop+{base}", OPTIONS | options, sleep=sleep)
    return Fetched(fetcher.fetch("crawl", resume))


@contextmanager
def sandbox(**options):
    app = create_app(**{"crawl_delay": 0.001} | options)
    with served(app) as base:
        yield app.state.shop, base


def collect(items, into):
    """Keep what came, also when an error follows."""
    for item in items:
        into.append(item)


def paths(shop):
    return [asked.path for asked in shop.log]


@contextmanager
def small_shop(**pages):
    """A shop of a few pages, each a text or a function of the request; and what it was asked."""
    asked = []
    pages = {"robots.txt": lambda _: PlainTextResponse("", 404), **pages}

    async def answer(request):
        path = request.path_params["path"]
        asked.append(f"/{path}")
        page = pages.get(path or "start", lambda _: PlainTextResponse("no", 404))
        return page(request) if callable(page) else HTMLResponse(page)

    with served(Starlette(routes=[Route("/{path:path}", answer)])) as base:
        yield base, asked


START = '<a href="/p/1">1</a> <a href="/p/2">2</a>'
MUG = '<h1>Mug</h1><p class="price">12,40 €</p>'


# -- what a crawl brings -------------------------------------------------------------------


def test_a_crawl_brings_every_product_from_its_listing_and_its_own_page():
    with sandbox() as (shop, base):
        fetched = crawl(base)
        prices = {
            f"{PUBLIC}/p/{w.number}": shop.cents(w, 0) and f"{shop.cents(w, 0) / 100:.2f}"
            for w in shop.wares
        }
        names = {f"{PUBLIC}/p/{w.number}": w.name for w in shop.wares}
    listed, single = fetched.products("listing"), fetched.products("product")
    # Ware 5 is listed under an old address, ware 2 leads to another host.
    moved = {f"{PUBLIC}/p/5-old": f"{PUBLIC}/p/5"}
    assert {moved.get(url, url): p["price"] for url, p in listed.items()} == prices
    assert {moved.get(url, url): p["name"] for url, p in listed.items()} == names
    del prices[f"{PUBLIC}/p/2"]
    assert {url: p["price"] for url, p in single.items()} == prices
    assert Counter(p["method"] for p in single.values()) == {
        "json-ld": 20,
        "microdata": 20,
        "selectors": 19,
    }
    assert {p["shop"] for p in single.values()} == {"Kram & Krempel"}
    clock = single[f"{PUBLIC}/p/60"]
    assert (clock["price_text"], clock["price_problem"]) == ("Preis auf Anfrage", "no number in it")
    assert fetched.outcomes == {"changed": 64, "gone": 1, "disallowed": 1, "failed": 1}


def test_pages_are_kept_as_they_came_with_what_was_read_from_them():
    with sandbox() as (_, base):
        fetched = crawl(base)
    (page,) = [d for d in fetched.pages if d["url"] == f"{PUBLIC}/p/3"]
    assert page["status"] == 200
    assert page["html"].startswith("<!doctype html>")
    assert "application/ld+json" in page["html"]
    assert not page["is_cut"]
    assert page["fetched_at"] == fetched.visit("/p/3")["visited_at"]
    assert page["fetched_at"].endswith("+00:00")


def test_what_did_not_change_is_visited_and_not_kept_again():
    with sandbox() as (shop, base):
        first = crawl(base)
        shop.log.clear()
        second = crawl(base, first.resume)
        assert second.pages == []
        assert second.outcomes == {"unchanged": 64, "gone": 1, "disallowed": 1, "failed": 1}
        conditional = [a for a in shop.log if a.if_none_match]
        # Home, four listings, and the two thirds of the 59 product pages that have a tag.
        assert len(conditional) == 5 + 40
        assert {a.status for a in conditional} == {304}
        assert second.visit("/p/3")["products"] == 1
        assert second.visit("/p/3")["status"] == 304
        # No tag, and something else in it each time: told by its products.
        assert second.visit("/p/8")["status"] == 200


def test_a_shop_is_left_alone_for_as_long_as_was_agreed():
    with sandbox() as (shop, base):
        first = crawl(base, rest_hours=1)
        asked = len(shop.log)
        again = crawl(base, first.resume, rest_hours=1)
        assert (again.visits, again.pages, len(shop.log)) == ([], [], asked)
        assert crawl(base, first.resume).visits


def test_a_day_later_the_pages_with_new_prices_are_kept():
    with sandbox() as (shop, base):
        first = crawl(base)
        shop.day = 1
        second = crawl(base, first.resume)
        changed = {
            f"{PUBLIC}/p/{w.number}"
            for w in shop.wares
            if w.number != 2 and shop.cents(w, 0) != shop.cents(w, 1)
        }
    assert 15 <= len(changed) <= 25
    assert set(second.products("product")) >= changed
    kept = {d["page_url"] for d in second.pages if d["kind"] == "product"}
    assert kept == {v["page_url"] for v in second.visits if v["outcome"] == "changed"} - {
        v["page_url"] for v in second.visits if v["page_kind"] == "listing"
    }
    assert len(kept) < 30


def test_pages_are_read_anew_when_the_rules_for_reading_change():
    with sandbox() as (shop, base):
        first = crawl(base)
        shop.log.clear()
        second = crawl(base, first.resume, locale="en")
        assert not any(a.if_none_match for a in shop.log)
        assert second.outcomes["changed"] == 64


def test_a_second_address_of_the_shop_changes_nothing():
    with sandbox() as (_, base):
        first = crawl(base)
    with sandbox() as (_, other):
        assert other != base
        assert crawl(other, first.resume).outcomes["unchanged"] == 64


# -- politeness ----------------------------------------------------------------------------


def test_robots_txt_is_asked_first_and_obeyed():
    with sandbox() as (shop, base):
        fetched = crawl(base, start=["/", "/checkout"])
        assert paths(shop)[0] == "/robots.txt"
        assert paths(shop).count("/robots.txt") == 1
        assert "/p/for-staff" not in paths(shop)
        assert "/checkout" not in paths(shop)
        assert fetched.visit("/p/for-staff")["outcome"] == "disallowed"
        assert fetched.visit("/checkout")["outcome"] == "disallowed"


def test_every_request_says_who_asks_and_whom_to_write_to():
    with sandbox() as (shop, base):
        crawl(base, max_pages=5)
        agents = {a.user_agent for a in shop.log}
    assert len(agents) == 1
    assert agents.pop().startswith("inventory-platform/")
    assert all(a.user_agent.endswith(" (+mailto:crawler@example.com)") for a in shop.log)


@pytest.mark.parametrize(
    ("crawl_delay", "per_minute", "interval"), [(0.1, 60_000, 0.1), (0.001, 600, 0.1)]
)
def test_between_two_requests_lies_the_longer_of_both_delays(crawl_delay, per_minute, interval):
    with sandbox(crawl_delay=crawl_delay) as (shop, base):
        crawl(base, start=["/c/all?page=2"], max_pages=12, per_minute=per_minute)
        times = [a.at for a in shop.log]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) == 12
    assert min(gaps) >= interval


def test_no_other_host_is_asked_whatever_leads_there():
    with (
        served(create_app(crawl_delay=0.001)) as stranger,
        sandbox(elsewhere=stranger) as (shop, base),
    ):
        fetched = crawl(base, sitemaps=True, public_address=base, products=["/p/*", "/*"])
        assert f"{base}/p/8" in fetched.products("product"), "its canonical address is elsewhere"
        (away,) = [v for v in fetched.visits if v["page_url"] == f"{base}/p/2"]
        assert away["outcome"] == "failed"
        assert "not one of the source's hosts" in away["detail"]
        assert "/p/2" in paths(shop)
        assert httpx.get(f"{stranger}/sandbox/log").json() == []


def test_a_trap_ends_at_max_pages_and_says_what_was_left_out():
    with sandbox() as (shop, base):
        fetched = crawl(base, listings=["/c/*", "/calendar/*"], max_pages=90)
        assert sum("/calendar/" in p for p in paths(shop)) < 30
        assert len(shop.log) <= 91
    left = [v for v in fetched.visits if v["outcome"] == "left_out"]
    assert len(left) == 1
    assert "1 pages from this one on, as max_pages = 90" in left[0]["detail"]


def test_pages_of_no_interest_are_not_asked_for():
    with sandbox() as (shop, base):
        crawl(base)
        assert not any("/calendar/" in path for path in paths(shop))


def test_sitemaps_lead_to_pages_when_asked_for():
    with sandbox() as (shop, base):
        fetched = crawl(base, sitemaps=True, start=["/c/all?page=4"], public_address=base)
        assert "/sitemap.xml" in paths(shop)
    assert len(fetched.products("product")) == 59


def test_links_in_a_sitemap_are_found_however_they_are_written():
    links = "<loc><![CDATA[{0}/p/1?a=1&copy=2]]></loc><loc>\n {0}/p/2?a=1&amp;b=2 \n</loc>"
    pages = {"p/1": MUG, "p/2": MUG, "start": "nothing"}
    with small_shop(
        **pages,
        **{
            "robots.txt": lambda r: PlainTextResponse(f"Sitemap: {r.base_url}map.xml"),
            "map.xml": lambda r: Response(links.format(str(r.base_url).rstrip("/"))),
        },
    ) as (base, _):
        fetched = crawl(base, sitemaps=True, public_address=base)
    assert set(fetched.products("product")) == {f"{base}/p/1?a=1&copy=2", f"{base}/p/2?a=1&b=2"}


def test_a_sitemap_of_spaces_is_gone_through_at_once():
    begun = time.monotonic()
    assert _locations(f"<loc>{' ' * 200_000}<loc><![CDATA[{' ' * 200_000}") == []
    assert time.monotonic() - begun < 5


# -- robots.txt as RFC 9309 has it ---------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_robots_txt_that_is_not_there_allows_everything(status):
    missing = {"robots.txt": lambda _: PlainTextResponse("Disallow: /", status)}
    with small_shop(**missing, start=START, **{"p/1": MUG}) as (base, _):
        fetched = crawl(base)
    assert fetched.outcomes == {"changed": 2, "gone": 1}


def test_a_robots_txt_that_cannot_be_reached_forbids_everything():
    waits = []
    broken = {"robots.txt": lambda _: PlainTextResponse("", 503)}
    with (
        small_shop(**broken, start=START) as (base, asked),
        pytest.raises(SourceError, match="no page of the shop may be asked for"),
    ):
        crawl(base, sleep=waits.append)
    assert set(asked) == {"/robots.txt"}
    assert len(asked) > 1


def test_rules_for_this_crawler_count_more_than_those_for_all():
    text = "User-agent: *\nDisallow: /\n\nUser-agent: Inventory-Platform\nDisallow: /p/2\n"
    robots = {"robots.txt": lambda _: PlainTextResponse(text)}
    with small_shop(**robots, start=START, **{"p/1": MUG, "p/2": MUG}) as (base, asked):
        crawl(base)
    assert asked == ["/robots.txt", "/", "/p/1"]


def test_a_shop_that_forbids_everything_is_an_error_and_is_not_asked():
    robots = {"robots.txt": lambda _: PlainTextResponse("User-agent: *\nDisallow: /")}
    with (
        small_shop(**robots, start=START) as (base, asked),
        pytest.raises(SourceError, match=r"No product was found on 1 pages"),
    ):
        crawl(base)
    assert asked == ["/robots.txt"]


# -- what goes wrong -----------------------------------------------------------------------


def test_a_page_that_fails_for_a_moment_is_asked_again_and_not_sooner_than_allowed():
    waits, answers = [], [Response("", 503), Response("", 503), HTMLResponse(MUG)]
    pages = {
        "robots.txt": lambda _: PlainTextResponse("User-agent: *\nCrawl-delay: 7"),
        "p/1": lambda _: answers.pop(0),
    }
    with small_shop(**pages, start=START) as (base, asked):
        fetched = crawl(base, sleep=waits.append)
    assert asked.count("/p/1") == 3
    assert [d["products"][0]["price"] for d in fetched.pages if d["kind"] == "product"] == ["12.40"]
    # Four paced requests after robots.txt, two retries: none comes sooner than asked for.
    assert len(waits) >= 5
    assert min(waits) > 6.5


def test_one_bad_page_does_not_stop_the_others():
    pages = {
        "p/1": lambda _: Response("", 500),
        "p/2": MUG,
        "start": START + '<a href="/p/3">3</a><a href="/p/4">4</a><a href="/p/5">5</a>',
        "p/3": lambda _: Response(b"%PDF", media_type="application/pdf"),
        "p/4": lambda _: PlainTextResponse("", 403),
        "p/5": lambda _: RedirectResponse("/"),
    }
    with small_shop(**pages) as (base, _):
        fetched = crawl(base, sleep=lambda _: None)
    assert [(v["page_url"][-2:], v["outcome"]) for v in fetched.visits[1:]] == [
        ("/1", "failed"),
        ("/2", "changed"),
        ("/3", "not_html"),
        ("/4", "refused"),
        ("/5", "gone"),
    ]
    assert "500" in fetched.visits[1]["detail"]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (f'<h1>A</h1><p class="price">{"1234567890" * 3}1 €</p>', "too many digits for a price"),
        (
            '<script type="application/ld+json">{"@type": "Product", "name": "A", '
            '"url": "/p/\\ud83d", "offers": {"price": "1.00"}}</script><h1>A</h1>',
            "no price given",
        ),
    ],
    ids=["digits without end", "half a surrogate pair in an address"],
)
def test_what_no_shop_should_write_does_not_stop_the_crawl(bad, problem):
    with small_shop(start=START, **{"p/1": bad, "p/2": MUG}) as (base, _):
        fetched = crawl(base)
    assert fetched.outcomes == {"changed": 3}
    products = fetched.products("product")
    assert products[f"{PUBLIC}/p/1"]["price_problem"] == problem
    assert products[f"{PUBLIC}/p/2"]["price"] == "12.40"


def test_a_page_that_cannot_be_read_is_noted_with_the_reason(monkeypatch):
    def fails_at_first_product(page, url, kind, rules):
        if url.endswith("/p/1"):
            raise RecursionError("too deep")
        return extract(page, url, kind, rules)

    monkeypatch.setattr("inventory_platform.sources.crawler.crawl.extract", fails_at_first_product)
    with small_shop(start=START, **{"p/1": MUG, "p/2": MUG}) as (base, _):
        fetched = crawl(base)
    assert fetched.outcomes == {"changed": 2, "failed": 1}
    assert fetched.visit("/p/1")["detail"] == "the page cannot be read: RecursionError: too deep"


def test_a_further_host_that_does_not_answer_costs_only_its_own_pages():
    # Nobody listens on the port for discarding.
    there = "".join(f'<a href="http://127.0.0.2:9/p/{n}">{n}</a>' for n in range(3, 10))
    with small_shop(start=there + START, **{"p/1": MUG, "p/2": MUG}) as (base, _):
        waits = []
        fetched = crawl(
            base, sleep=waits.append, public_address=base, hosts=["127.0.0.2:9"], sitemaps=True
        )
    assert fetched.outcomes == {"changed": 3, "disallowed": 7}
    reasons = {v["detail"] for v in fetched.visits if v["outcome"] == "disallowed"}
    assert len(reasons) == 1
    assert "http://127.0.0.2:9/robots.txt cannot be read" in reasons.pop()
    assert len(waits) < 15, "its robots.txt is asked for once, not for every page"


@pytest.mark.parametrize("absence", [PlainTextResponse("", 410), RedirectResponse("/")])
def test_a_product_that_comes_back_as_it_was_is_news(absence):
    answers = [HTMLResponse(MUG), absence, HTMLResponse(MUG), HTMLResponse(MUG)]
    pages = {"start": START, "p/1": lambda _: answers.pop(0), "p/2": MUG}
    outcomes, resume = [], None
    with small_shop(**pages) as (base, _):
        for _ in range(4):
            fetched = crawl(base, resume)
            resume = fetched.resume
            outcomes.append(fetched.visit("/p/1")["outcome"])
    assert outcomes == ["changed", "gone", "changed", "unchanged"]


def test_a_shop_that_stops_answering_ends_the_crawl_which_later_goes_on():
    links = "".join(f'<a href="/p/{n}">{n}</a>' for n in range(1, 11))
    state = {"is_down": False, "was_down": False}

    def page(request):
        return Response("", 500) if state["is_down"] else HTMLResponse(MUG)

    def robots(request):
        return PlainTextResponse("", 500 if state["is_down"] else 404)

    def third(request):
        state["is_down"] = state["is_down"] or not state["was_down"]
        state["was_down"] = True
        return page(request)

    pages = {f"p/{n}": page for n in range(1, 11)} | {"p/3": third}
    with small_shop(**pages, **{"robots.txt": robots, "start": links}) as (base, asked):
        fetcher = CrawlFetcher(f"shop+{base}", OPTIONS, sleep=lambda _: None)
        items = []
        with pytest.raises(SourceError, match="does not answer: 5 pages in a row failed"):
            collect(fetcher.fetch("crawl", None), items)
        broken_off = Fetched(items)
        state["is_down"] = False
        asked.clear()
        rest = Fetched(fetcher.fetch("crawl", broken_off.resume))
    assert [d["page_url"][-4:] for d in broken_off.pages] == ["ple/", "/p/1", "/p/2"]
    assert asked[:2] == ["/robots.txt", "/p/3"]
    assert "/" not in asked
    assert len(rest.products("product")) == 8


def test_a_host_that_still_answers_is_not_given_up_for_bad_pages():
    links = "".join(f'<a href="/p/{n}">{n}</a>' for n in range(1, 9))
    bad = {f"p/{n}": lambda _: Response("", 500) for n in range(1, 8)}
    with small_shop(**bad, **{"start": links, "p/8": MUG}) as (base, asked):
        fetched = crawl(base, sleep=lambda _: None)
    assert fetched.outcomes == {"changed": 2, "failed": 7}
    assert asked.count("/robots.txt") == 2


def test_selectors_that_no_longer_fit_are_an_error_not_an_empty_shop():
    with (
        small_shop(start=START, **{"p/1": "<p>new design", "p/2": "<p>new design"}) as (base, _),
        pytest.raises(SourceError, match="No product was found on 3 pages of Kram & Krempel"),
    ):
        crawl(base)


# -- into the lake -------------------------------------------------------------------------

DRIVER = """
import sys, json
from pathlib import Path
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.pages import PageStore
from inventory_platform.sources.crawler import CrawlFetcher
lake, address, options = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
PageStore(Lake(lake), "competitor_shop", "crawl").collect(
    CrawlFetcher(address, options), timeout_seconds=10
)
"""


@pytest.mark.slow
def test_a_crawl_that_was_killed_goes_on_where_it_stopped(shop, adds_up):
    contracts = contracts_of("competitor_shop")
    with sandbox(crawl_delay=0.05) as (kram, base):
        address = f"shop+{base}"
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, shop.settings.lake_dir, address, json.dumps(OPTIONS)],
            cwd=Path(__file__).resolve().parents[1],
        )
        deadline = time.monotonic() + 60
        while len(kram.log) < 57 and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        asked_before = len(kram.log)
        assert 57 <= asked_before < 67, "the crawl was over before it was killed"
        store = PageStore(shop.lake, "competitor_shop", "crawl")
        assert len(store.ids()) == 1

        fetcher = CrawlFetcher(address, OPTIONS)
        store.collect(fetcher, timeout_seconds=10)
        reader = PageReader(shop.lake, "competitor_shop", fetcher.fetches())
        loader = Loader(shop.settings, reader, address=base)
        records = {name: loader.load(contract) for name, contract in contracts.items()}
        # Before the checkpoint: robots.txt and 50 visits, of which one was not asked for and
        # one was redirected. What came after it was asked for again, and nothing else.
        asked = Counter(p for p in paths(kram) if p != "/robots.txt")
        assert sum(n - 1 for n in asked.values()) == asked_before - 51
    assert all(adds_up(record) for record in records.values())
    assert records["visits"].rows_loaded == 67
    assert records["products"].rows_loaded == 60 + 59
    assert records["products"].rows_quarantined == 0
    assert not any(record.drift for record in records.values())
    rows = shop.query(
        contracts["products"],
        "select count(distinct product_url), sum(price), count(*) filter (price is null) "
        "from {raw} where page_kind = 'product'",
    )
    expected = sum(kram.cents(w, 0) or 0 for w in kram.wares if w.number != 2)
    assert rows == [(59, Decimal(expected) / 100, 1)]


def test_a_second_crawl_adds_only_what_changed(shop, adds_up):
    contracts = contracts_of("competitor_shop")
    store = PageStore(shop.lake, "competitor_shop", "crawl")
    with sandbox() as (kram, base):
        fetcher = CrawlFetcher(f"shop+{base}", OPTIONS)
        reader = PageReader(shop.lake, "competitor_shop", fetcher.fetches())
        loader = Loader(shop.settings, reader, address=base)
        loaded = []
        for day in (0, 0, 1):
            kram.day = day
            store.collect(fetcher, timeout_seconds=10)
            loaded.append({name: loader.load(c) for name, c in contracts.items()})
    assert [r["visits"].rows_loaded for r in loaded] == [67, 67, 67]
    assert loaded[0]["products"].rows_loaded == 119
    assert loaded[1]["products"].rows_read == 0
    assert 20 < loaded[2]["products"].rows_loaded < 100
    assert all(adds_up(record) for records in loaded for record in records.values())
