"""How the sandbox's products are known outside the inventory database.

Linnworks, the shops and the till know a product by its SKU and its barcode, never by the row
number of the old database. Both are derived from that number, so that they are the same
everywhere.
"""

from __future__ import annotations


def sku(product_id: int) -> str:
    """The stock keeping unit of a product.

    >>> sku(7)
    'SKU-00007'
    """
    return f"SKU-{product_id:05d}"


def gtin(product_id: int) -> str:
    """A GTIN-13 from the range that GS1 keeps for use within a company, with its check digit.

    >>> gtin(7)
    '2000000000077'
    """
    digits = f"20000000{product_id:04d}"[:12]
    weighted = sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(digits))
    return f"{digits}{-weighted % 10}"
