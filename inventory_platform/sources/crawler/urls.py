"""Addresses of pages: absolute, each written in one way only."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

_TRACKING = re.compile(r"(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id)=")
_PORTS = {"http": 80, "https": 443}
_LONGEST = 2000


def absolute(base: str, link: str) -> str | None:
    """The address a link on a page leads to; None when it leads to no page.

    The fragment and parameters that only count visitors are left out, as they do not change
    the page.
    """
    try:
        parts = urlsplit(urljoin(base, link.strip()))
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    suffix = "" if port in {None, _PORTS[parts.scheme]} else f":{port}"
    # Half a surrogate pair, which JSON can hold, cannot be sent.
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._", errors="replace")
    asked = "&".join(p for p in parts.query.split("&") if p and not _TRACKING.match(p))
    query = quote(asked, safe="/%:@!$&'()*+,;=~-._?[]", errors="replace")
    url = f"{parts.scheme}://{host}{suffix}{path}{'?' if query else ''}{query}"
    return url if len(url) <= _LONGEST else None


def origin(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def local_part(url: str) -> str:
    """Path and query of an address."""
    return url[len(origin(url)) :]
