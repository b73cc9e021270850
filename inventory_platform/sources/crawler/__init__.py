"""Competitors' shops: asked politely, page by page, and read into products and prices.

Here belongs everything between a shop's website and the pages the raw zone keeps. What the
rows mean is in the shop's contract; which of our products they are is `planning/matching.py`.
"""

from inventory_platform.sources.crawler.crawl import CrawlFetcher
from inventory_platform.sources.crawler.extraction import extract_again
from inventory_platform.sources.crawler.rules import read_rules

__all__ = ["CrawlFetcher", "extract_again", "read_rules"]
