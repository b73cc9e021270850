"""Linnworks, asked over its API: what is fetched (`fetcher`) and how it is asked (`client`).

What becomes of the pages is said by `contracts/linnworks.py`.
"""

from inventory_platform.sources.linnworks.fetcher import LinnworksFetcher

__all__ = ["LinnworksFetcher"]
