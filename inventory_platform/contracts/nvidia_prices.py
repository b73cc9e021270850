"""Nvidia stock prices: one row per trading day, as CSV.

All prices are on the basis before the share was split ten to one in June 2024: a later export,
whose prices are adjusted for it, is a tenth of these and replaces the file as a whole.
"""

from typing import Annotated, TypeAlias

import polars as pl

from inventory_platform.contracts.base import Contract, Date, Integer, column, table

SharePrice: TypeAlias = Annotated[pl.Decimal, 18, 6]


class DailyPrices(Contract):
    """Prices of a Nvidia share in US dollars, one row per day the exchange was open."""

    trading_date: Date = column("Date", "Day of trading.")
    open_usd: SharePrice = column("Open", "First price of the day.", gt=0)
    high_usd: SharePrice = column("High", "Highest price of the day.", gt=0)
    low_usd: SharePrice = column("Low", "Lowest price of the day.", gt=0)
    close_usd: SharePrice = column("Close", "Last price of the day.", gt=0)
    adjusted_close_usd: SharePrice = column(
        "Adj Close", "Last price of the day, less the dividends paid since.", gt=0
    )
    volume: Integer = column("Volume", "Shares traded.", ge=0)

    class Config:
        metadata = table("NVDA_2003_2023.csv", key=["trading_date"], owner="team:research")
