"""What a shop allows: its robots.txt, and how fast it may be asked.

Follows RFC 9309: what cannot be found allows everything, what cannot be reached forbids
everything. Delays are kept between any two requests to a host, not on average.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from protego import Protego

from inventory_platform.errors import SourceError
from inventory_platform.sources.crawler.urls import origin
from inventory_platform.sources.http import HttpStatusError, Response

PRODUCT_TOKEN = "inventory-platform"
"""The name by which a robots.txt can speak to this crawler."""
_OLDEST_SECONDS = 24 * 3600


class Pace:
    """Keeps the time between any two requests to the same host.

    Args:
        per_minute: Requests a minute to each host, at most.
        sleep: Waits some seconds.
        clock: A clock in seconds that never goes back.
    """

    def __init__(
        self,
        per_minute: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._least = 60 / per_minute
        self._sleep = sleep
        self._clock = clock
        self._intervals: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def slow_down(self, site: str, seconds: float) -> None:
        """Let at least some seconds pass between requests to a host."""
        self._intervals[site] = max(self._least, seconds)

    def wait(self, url: str) -> None:
        """Wait until the next request to a page's host is due."""
        site = origin(url)
        last = self._last.get(site)
        if last is not None:
            due = last + self._intervals.get(site, self._least)
            self._sleep(max(0.0, due - self._clock()))

    def note(self, url: str) -> None:
        """Remember that a page's host has just answered, or failed to."""
        self._last[origin(url)] = self._clock()

    def wait_before_retry(self, seconds: float) -> None:
        """Wait as long as a retry asks for, and never less than between other requests."""
        self._sleep(max(seconds, self._least, *self._intervals.values()))


class Robots:
    """What each host's robots.txt allows.

    Args:
        get: Asks for a page.
        pace: Is told how slowly a host wants to be asked.
    """

    def __init__(self, get: Callable[[str], Response], pace: Pace) -> None:
        self._get = get
        self._pace = pace
        self._read: dict[str, tuple[Protego, float]] = {}

    def allows(self, url: str) -> bool:
        """Whether a page may be asked for.

        Raises:
            SourceError: The host's robots.txt cannot be reached, so nothing is allowed.
        """
        return self._rules(origin(url)).can_fetch(url, PRODUCT_TOKEN)

    def sitemaps(self, site: str) -> list[str]:
        """The sitemaps a host names."""
        return list(self._rules(site).sitemaps)

    def read(self, site: str) -> Protego:
        """Read a host's robots.txt anew.

        Raises:
            SourceError: It cannot be reached.
        """
        url = f"{site}/robots.txt"
        try:
            rules = Protego.parse(self._get(url).text)
        except HttpStatusError:
            rules = Protego.parse("")
        except SourceError as error:
            raise SourceError(
                f"{url} cannot be read, so no page of the shop may be asked for: {error.what}",
                "Crawl again later.",
                is_transient=error.is_transient,
            ) from None
        rate = rules.request_rate(PRODUCT_TOKEN)
        self._pace.slow_down(
            site,
            max(
                rules.crawl_delay(PRODUCT_TOKEN) or 0,
                rate.seconds / rate.requests if rate and rate.requests else 0,
            ),
        )
        self._read[site] = rules, time.monotonic()
        return rules

    def _rules(self, site: str) -> Protego:
        rules, read_at = self._read.get(site, (None, 0.0))
        if rules is None or time.monotonic() - read_at > _OLDEST_SECONDS:
            return self.read(site)
        return rules
