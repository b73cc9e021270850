"""How ids, times and money are written in every table of the sandbox."""

from __future__ import annotations

import polars as pl


def ids(count: int) -> pl.Series:
    """Number rows from 1."""
    return pl.int_range(1, count + 1, eager=True)


def time(seconds: str | pl.Expr) -> pl.Expr:
    """Turn seconds since 1970 into a time."""
    return pl.from_epoch(pl.col(seconds) if isinstance(seconds, str) else seconds, "s")


def money(cents: str | pl.Expr) -> pl.Expr:
    """Turn cents into an amount with two decimals."""
    # A division alone leaves numbers like 28.740000000000002.
    return ((pl.col(cents) if isinstance(cents, str) else cents) / 100).round(2)
