"""JSON over HTTP, described instead of programmed: any API that answers lists in pages.

Here belongs what an entry in `sources.toml` can say about such an API (`options`), who the
platform is there (`identity`), how the pages of a list are walked so that none is missing
(`pages`), and the fetcher that joins them. How a single request is made, repeated and limited
is `sources/http.py`; what becomes of the pages is no concern of this package.
"""

from inventory_platform.sources.rest.fetcher import RestFetcher

__all__ = ["RestFetcher"]
