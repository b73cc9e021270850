"""Crawling one shop: which pages are asked for, in which order, and what is kept of them.

The order of a crawl is in `_Crawl`, what is remembered from one to the next in `_Memory`. What
is read from a page is `extraction.py`; whether and how fast it may be asked for is `robots.py`.

Two kinds of pages are handed over. `pages` holds a shop's page as it came with the products
read from it, but only where these changed: an unchanged page keeps its last rows. `visits`
tells of every page what became of it, so that it is known until when those rows held.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Checkpoint, Fetch, FetchItem, Page
from inventory_platform.sources.crawler.extraction import Extracted, extract
from inventory_platform.sources.crawler.robots import PRODUCT_TOKEN, Pace, Robots
from inventory_platform.sources.crawler.rules import LISTING, PRODUCT, Rules, read_rules
from inventory_platform.sources.crawler.urls import absolute, local_part, origin
from inventory_platform.sources.http import HttpClient, HttpLimits, HttpStatusError, Response

PAGES = "pages"
VISITS = "visits"

_LIMITS = HttpLimits(total_seconds=60, max_bytes=16 * 1024 * 1024, attempts=4, max_wait_seconds=120)
_LONGEST_HTML = 4_000_000
_VISITS_PER_CHECKPOINT = 50
_FAILURES_IN_A_ROW = 5
# Possessive, so that a long run of spaces is gone through once.
_LOCATION = re.compile(r"<loc>\s*+(?:<!\[CDATA\[([^<]*)\]\]>\s*+|([^<]*+))</loc>", re.IGNORECASE)
_BAD_PAGE = (ValueError, ArithmeticError, LookupError, TypeError, RecursionError)
"""What a page that is unlike any seen before may cause where it is read."""


class CrawlFetcher:
    """Fetches the pages of one competitor's shop.

    Args:
        address: `shop+https://www.shop.example`.
        options: The other keys of the source's entry; see `docs/competitor-shops.md`.
        sleep: Waits some seconds.

    Raises:
        SettingsError: An option is unknown, missing or wrong.
    """

    def __init__(
        self,
        address: str,
        options: Mapping[str, Any],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rules = read_rules(address, options)
        self._sleep = sleep

    def fetches(self) -> Mapping[str, Fetch]:
        """The crawl."""
        return {
            "crawl": Fetch(
                streams=(PAGES, VISITS),
                description=f"Pages of {self.rules.shop} whose products changed, and all visits.",
            )
        }

    def fetch(self, name: str, resume: str | None) -> Iterator[FetchItem]:
        """Crawl the shop, or go on with a crawl that was broken off.

        Raises:
            SourceError: The shop does not answer, forbids everything, or shows no product.
        """
        if name not in self.fetches():
            raise SourceError(f"There is no fetch {name!r}.", f"Known: {', '.join(self.fetches())}")
        memory = _Memory.read(resume, self.rules)
        if memory.has_rest(self.rules.rest_hours):
            return
        pace = Pace(self.rules.per_minute, sleep=self._sleep)
        with HttpClient(
            [o.removeprefix("https://") for o in _doors(self.rules)],
            user_agent=_user_agent(self.rules.contact),
            limits=_LIMITS,
            sleep=pace.wait_before_retry,
        ) as client:
            web = _Web(self.rules, client, pace)
            yield from _Crawl(self.rules, web, memory).run()


class _Web:
    """Gets pages of the shop, one after the other, at the pace that was agreed.

    Pages are known by the shop's public address, also where another is asked instead of it.
    """

    def __init__(self, rules: Rules, client: HttpClient, pace: Pace) -> None:
        self._rules = rules
        self._client = client
        self._pace = pace
        self.robots = Robots(self.get, pace)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Response:
        """Ask for a page when it is due.

        Raises:
            SourceError: As `HttpClient.request`.
        """
        self._pace.wait(url)
        rules = self._rules
        asked = _moved(url, rules.site, rules.door)
        try:
            response = self._client.request("GET", asked, headers=headers)
        finally:
            self._pace.note(url)
        return replace(response, url=_moved(response.url, rules.door, rules.site))


def _moved(url: str, here: str, there: str) -> str:
    return f"{there}{local_part(url)}" if origin(url) == here else url


def _doors(rules: Rules) -> set[str]:
    return {rules.door, *(rules.origins - {rules.site})}


def _user_agent(contact: str) -> str:
    try:
        number = version(PRODUCT_TOKEN)
    except PackageNotFoundError:
        number = "0"
    return f"{PRODUCT_TOKEN}/{number} (+{contact})"


@dataclass
class _Known:
    """What is remembered of a page: how to ask whether it changed, and where it leads."""

    etag: str | None
    modified: str | None
    digest: str
    products: int
    links: list[str]


@dataclass
class _Memory:
    """What one crawl leaves to the next, and to its own continuation.

    Attributes:
        rules: Fingerprint of the rules the pages were read by.
        pages: Address → what is known of the page.
        waiting: Pages the crawl under way has still to ask for.
        done: Pages it has dealt with.
        finished: Instant at which the last crawl came to its end.
    """

    rules: str
    pages: dict[str, _Known] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    finished: str | None = None

    @classmethod
    def read(cls, resume: str | None, rules: Rules) -> _Memory:
        """Read a checkpoint; empty when pages are now read by other rules."""
        stored = json.loads(resume) if resume else {}
        if stored.get("rules") != rules.fingerprint:
            return cls(rules.fingerprint)
        pages = {url: _Known(*values) for url, values in stored["pages"].items()}
        return cls(
            rules.fingerprint, pages, stored["waiting"], stored["done"], stored.get("finished")
        )

    def has_rest(self, hours: float) -> bool:
        """Whether the last crawl ended so short a time ago that the shop is left alone."""
        if self.waiting or self.finished is None:
            return False
        return datetime.now(UTC) - datetime.fromisoformat(self.finished) < timedelta(hours=hours)

    def checkpoint(self) -> Checkpoint:
        """The memory as text."""
        pages = {
            url: [k.etag, k.modified, k.digest, k.products, k.links]
            for url, k in self.pages.items()
        }
        kept = {
            "rules": self.rules,
            "pages": pages,
            "waiting": self.waiting,
            "done": self.done,
            "finished": self.finished,
        }
        return Checkpoint(json.dumps(kept, separators=(",", ":")))


@dataclass(frozen=True)
class _Visit:
    """What became of one page.

    `outcome` is one of: `changed` (its products are handed over), `unchanged`, `gone`,
    `refused`, `disallowed` (by robots.txt), `not_html`, `failed`, `left_out` (max_pages).
    """

    page_url: str
    page_kind: str
    visited_at: str
    outcome: str
    status: int | None = None
    products: int | None = None
    detail: str | None = None


class _Crawl:
    """One crawl, from the start pages to the last page of interest."""

    def __init__(self, rules: Rules, web: _Web, memory: _Memory) -> None:
        self.rules = rules
        self.web = web
        self.memory = memory
        self.waiting = deque(memory.waiting)
        self.done = dict.fromkeys(memory.done)
        self.known = {*self.waiting, *self.done}
        self.visits: list[_Visit] = []
        self.failed: list[str] = []
        self.silent: dict[str, str] = {}
        """Further hosts whose robots.txt cannot be reached, and why."""

    def run(self) -> Iterator[FetchItem]:
        if not self.known:
            self._await([*self.rules.start, *self._sitemap_links()])
        while self.waiting and len(self.done) < self.rules.max_pages:
            url = self.waiting.popleft()
            self.done[url] = None
            visit, page = self._visit(url)
            self.visits.append(visit)
            if page is not None:
                yield page
            if visit.outcome == "failed":
                self.failed.append(url)
            else:
                self.failed.clear()
            if len(self.failed) == _FAILURES_IN_A_ROW and not self._answers(url):
                yield from self._give_up(visit)
            if len(self.visits) >= _VISITS_PER_CHECKPOINT:
                yield from self._keep()
        yield from self._finish()

    def _await(self, urls: list[str]) -> None:
        new = [u for u in dict.fromkeys(urls) if u not in self.known and self.rules.kind(u)]
        self.known.update(new)
        self.waiting.extend(new)

    def _visit(self, url: str) -> tuple[_Visit, Page | None]:
        kind = str(self.rules.kind(url))

        def visit(outcome: str, **facts: Any) -> _Visit:
            return _Visit(url, kind, _now(), outcome, **facts)

        objection = self._objection(url)
        if objection:
            return visit("disallowed", detail=objection), None
        known = self.memory.pages.get(url)
        try:
            response = self._ask(url, known)
        except HttpStatusError as error:
            if error.status in {404, 410}:
                # Should it come back, even unchanged, that is news.
                self.memory.pages.pop(url, None)
                return visit("gone", status=error.status), None
            return visit("refused", status=error.status), None
        except SourceError as error:
            return visit("failed", detail=error.what), None
        if response.status == 304 and known is not None:
            self._await(known.links)
            return visit("unchanged", status=304, products=known.products), None
        objection = self._objection(response.url) if response.url != url else None
        if objection:
            return visit("disallowed", detail=f"leads to {response.url}: {objection}"), None
        if kind == PRODUCT and self.rules.kind(response.url) != PRODUCT:
            # What a shop no longer sells often leads to its category or its front page.
            self.memory.pages.pop(url, None)
            return visit("gone", status=response.status, detail=f"leads to {response.url}"), None
        if "html" not in response.headers.get("content-type", "html"):
            return visit("not_html", status=response.status), None
        try:
            found = extract(response.text, response.url, kind, self.rules)
        except _BAD_PAGE as error:
            reason = f"the page cannot be read: {type(error).__name__}: {error}"
            return visit("failed", status=response.status, detail=reason), None
        facts = {"status": response.status, "products": len(found.products)}
        new = _remembered(response, found, kind)
        self.memory.pages[url] = new
        self._await(new.links)
        if known is not None and known.digest == new.digest:
            return visit("unchanged", **facts), None
        changed = visit("changed", **facts, detail="; ".join(found.problems) or None)
        return changed, _page(changed, response, found)

    def _objection(self, url: str) -> str | None:
        """Why a page may not be asked for; None when it may be.

        A further host that does not answer is left out of this crawl, and asked once only; the
        pages on the shop's own host do not depend on it.

        Raises:
            SourceError: The robots.txt of the shop's own host cannot be reached.
        """
        site = origin(url)
        if site not in self.silent:
            try:
                return None if self.web.robots.allows(url) else "robots.txt forbids it"
            except SourceError as error:
                if site == self.rules.site:
                    raise
                self.silent[site] = error.what
        return self.silent[site]

    def _ask(self, url: str, known: _Known | None) -> Response:
        headers = {"accept": "text/html,application/xhtml+xml"}
        if known is not None and known.etag:
            headers["if-none-match"] = known.etag
        if known is not None and known.modified:
            headers["if-modified-since"] = known.modified
        return self.web.get(url, headers)

    def _sitemap_links(self) -> list[str]:
        """Pages named in the shop's sitemaps, and in the sitemaps these name."""
        if not self.rules.sitemaps:
            return []
        maps = deque(m for site in sorted(self.rules.origins) for m in self._own_sitemaps(site))
        asked: set[str] = set()
        links: dict[str, None] = {}
        while maps and len(asked) < self.rules.max_pages:
            url = maps.popleft()
            if url in asked or self._objection(url):
                continue
            asked.add(url)
            try:
                text = self.web.get(url).text
            except SourceError as error:
                self.visits.append(_Visit(url, "sitemap", _now(), "failed", detail=error.what))
                continue
            found = [absolute(url, link) for link in _locations(text)]
            own = [u for u in found if u and self.rules.is_own(u)]
            if "<sitemapindex" in text:
                maps.extend(own)
            else:
                links.update(dict.fromkeys(own))
        return list(links)

    def _own_sitemaps(self, site: str) -> list[str]:
        # Not to be asked when its robots.txt is out of reach; one that forbids `/` names maps too.
        self._objection(f"{site}/")
        if site in self.silent:
            return []
        named = (absolute(site, url) for url in self.web.robots.sitemaps(site))
        return [url for url in named if url and self.rules.is_own(url)]

    def _keep(self) -> Iterator[FetchItem]:
        """Hand over what is certain, so that a crawl that breaks off goes on from here."""
        yield Page(
            VISITS, f"crawl of {self.rules.shop}", json.dumps([asdict(v) for v in self.visits])
        )
        self.visits.clear()
        self.memory.waiting, self.memory.done = list(self.waiting), list(self.done)
        yield self.memory.checkpoint()

    def _answers(self, url: str) -> bool:
        """Whether it was only the pages that failed, and their host still answers."""
        try:
            self.web.robots.read(origin(url))
        except SourceError:
            return False
        self.failed.clear()
        return True

    def _give_up(self, last: _Visit) -> Iterator[FetchItem]:
        # The pages are not at fault when nothing works: they are asked for again.
        self.waiting.extendleft(reversed(self.failed))
        for url in self.failed:
            del self.done[url]
        yield from self._keep()
        raise SourceError(
            f"{self.rules.shop} does not answer: {_FAILURES_IN_A_ROW} pages in a row failed, the "
            f"last with: {last.detail}",
            "Crawl again later; the crawl goes on where it stopped.",
            is_transient=True,
        )

    def _finish(self) -> Iterator[FetchItem]:
        if self.waiting:
            first, count = self.waiting[0], len(self.waiting)
            detail = f"{count} pages from this one on, as max_pages = {self.rules.max_pages}"
            kind = str(self.rules.kind(first))
            self.visits.append(_Visit(first, kind, _now(), "left_out", detail=detail))
        pages = {url: known for url, known in self.memory.pages.items() if url in self.done}
        products = sum(known.products for known in pages.values())
        asked = len(self.done)
        self.memory.pages = pages
        self.waiting.clear()
        self.done.clear()
        self.memory.finished = _now() if products else None
        yield from self._keep()
        if not products:
            raise SourceError(
                f"No product was found on {asked} pages of {self.rules.shop}.",
                "Look at the visits of this crawl: the start pages may have moved, robots.txt may "
                "forbid them, or the selectors no longer fit. What was known before stays.",
            )


def _locations(sitemap: str) -> list[str]:
    """The links in a sitemap; within CDATA nothing is escaped."""
    return [verbatim or html.unescape(text) for verbatim, text in _LOCATION.findall(sitemap)]


def _remembered(response: Response, found: Extracted, kind: str) -> _Known:
    text = json.dumps(found.products, sort_keys=True)
    return _Known(
        etag=response.headers.get("etag"),
        modified=response.headers.get("last-modified"),
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
        products=len(found.products),
        links=found.links if kind == LISTING else [],
    )


def _page(visit: _Visit, response: Response, found: Extracted) -> Page:
    # NUL is the one character that engines refuse in text.
    page = response.text.replace("\x00", "")
    document = {
        "url": response.url,
        "kind": visit.page_kind,
        "status": response.status,
        "fetched_at": visit.visited_at,
        "page_url": visit.page_url,
        "html": page[:_LONGEST_HTML],
        "is_cut": len(page) > _LONGEST_HTML,
        "products": found.products,
        "problems": found.problems,
    }
    return Page(PAGES, f"GET {visit.page_url}", json.dumps(document, ensure_ascii=False))


def _now() -> str:
    """The instant, with its zone."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
