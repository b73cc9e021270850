"""How columns of tables look: a label, a unit, thousands separated, an explanation on hover."""

from __future__ import annotations

from streamlit import column_config
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard import data


def text(label: str, explanation: str | None = None, *, wide: bool = False) -> ColumnConfig:
    """Words; `wide` for sentences."""
    return column_config.TextColumn(label, help=explanation, width="large" if wide else None)


def count(label: str, explanation: str | None = None, decimals: int = 0) -> ColumnConfig:
    """A number of things."""
    return column_config.NumberColumn(label, help=explanation, format=f"%,.{decimals}f")


def money(label: str, explanation: str | None = None) -> ColumnConfig:
    """An amount in the base currency."""
    sign = data.currency()
    pattern = {"\N{EURO SIGN}": "euro", "$": "dollar"}.get(sign, f"%,.2f {sign}")
    return column_config.NumberColumn(label, help=explanation, format=pattern)


def share(label: str, explanation: str | None = None) -> ColumnConfig:
    """A ratio in per cent."""
    return column_config.NumberColumn(label, help=explanation, format="percent")


def day(label: str, explanation: str | None = None) -> ColumnConfig:
    """A date."""
    return column_config.DateColumn(label, help=explanation, format="D MMM YYYY")


def instant(label: str, explanation: str | None = None) -> ColumnConfig:
    """A point in time, UTC."""
    return column_config.DatetimeColumn(label, help=explanation, format="D MMM YYYY HH:mm")
