"""The key figures, as the tables of `docs/kpis.md` have them.

Here belongs reading these tables, which are the only place that says formulas and units. A line
is a figure; it stands in each of its marts, in each of its columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from inventory_platform.errors import InventoryError

_HEADER = ["figure", "formula", "unit", "column", "mart"]
_NAME = re.compile(r"`(\w+)`")


@dataclass(frozen=True)
class Figure:
    """A key figure.

    Attributes:
        name: What it is called.
        section: The heading it stands under, of the second level.
        formula: How it is computed, as Markdown.
        unit: What it is counted in.
        columns: Where it is, as mart and column.
    """

    name: str
    section: str
    formula: str
    unit: str
    columns: tuple[tuple[str, str], ...]

    @property
    def slug(self) -> str:
        """The name of its page."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def read_figures(text: str) -> list[Figure]:
    """Read the figures of a page.

    Raises:
        InventoryError: A line lacks a cell, or is called like another.
    """
    figures: dict[str, Figure] = {}
    section, is_table = "", False
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ").strip()
        if not line.startswith("|"):
            is_table = False
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if cells == _HEADER:
            is_table = True
        elif is_table and not line.startswith("|--"):
            figure = _figure(cells, section)
            if figure.slug in figures:
                raise _wrong(figure.name, "is there twice")
            figures[figure.slug] = figure
    return list(figures.values())


def _figure(cells: list[str], section: str) -> Figure:
    name = cells[0].strip("* ")
    if len(cells) != len(_HEADER) or not all(cells):
        raise _wrong(name, f"has not the cells {', '.join(_HEADER)}")
    columns = tuple(
        (mart, column) for mart in _NAME.findall(cells[4]) for column in _NAME.findall(cells[3])
    )
    return Figure(name, section, cells[1], cells[2], columns)


def _wrong(name: str, what: str) -> InventoryError:
    return InventoryError(f"The key figure {name!r} {what}.", "Correct its line in docs/kpis.md.")
