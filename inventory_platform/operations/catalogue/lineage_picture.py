"""A model between what it reads and what reads it, drawn as SVG.

One step in both directions; the graph of everything is Dagster's.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

_ROW, _BOX, _GAP, _CHARACTER, _PADDING = 30, 24, 70, 7.3, 20


def picture(
    upstream: Sequence[tuple[str, str]], name: str, downstream: Sequence[tuple[str, str]]
) -> Markup:
    """Draw a table with its neighbours.

    Args:
        upstream: Name and address of each table it reads.
        name: The table.
        downstream: Name and address of each table that reads it.
    """
    columns: list[Sequence[tuple[str, str]]] = [upstream, [(name, "")], downstream]
    widths = [_width(boxes) for boxes in columns]
    lefts, left = [], 1.0
    for width in widths:
        lefts.append(left)
        left += width + (_GAP if width else 0)
    height = max(map(len, columns)) * _ROW + 2
    total = lefts[2] + widths[2] + 1 if downstream else lefts[1] + widths[1] + 1
    middle = height / 2
    lines = [
        _curve(lefts[0] + widths[0], _centre(i, len(upstream), height), lefts[1], middle)
        for i in range(len(upstream))
    ] + [
        _curve(lefts[1] + widths[1], middle, lefts[2], _centre(i, len(downstream), height))
        for i in range(len(downstream))
    ]
    boxes = [
        _box(x, _centre(i, len(column), height), width, *its)
        for column, x, width in zip(columns, lefts, widths, strict=True)
        for i, its in enumerate(column)
    ]
    label = escape(f"{name}: {len(upstream)} upstream, {len(downstream)} downstream")
    return Markup(
        f'<svg class="lineage" role="img" aria-label="{label}" width="{total:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {total:.0f} {height:.0f}">'
        f"{''.join(lines)}{''.join(boxes)}</svg>"
    )


def _width(boxes: Sequence[tuple[str, str]]) -> float:
    return max((len(name) * _CHARACTER + _PADDING for name, _ in boxes), default=0)


def _centre(index: int, count: int, height: float) -> float:
    return height / 2 + (index - (count - 1) / 2) * _ROW


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    bend = (x1 + x2) / 2
    return (
        f'<path d="M{x1:.0f} {y1:.0f} C{bend:.0f} {y1:.0f} {bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
    )


def _box(x: float, y: float, width: float, name: str, address: str) -> str:
    box = (
        f'<rect x="{x:.0f}" y="{y - _BOX / 2:.0f}" width="{width:.0f}" height="{_BOX}" rx="5"/>'
        f'<text x="{x + width / 2:.0f}" y="{y + 4:.0f}">{escape(name)}</text>'
    )
    if not address:
        return f'<g class="self">{box}</g>'
    return f'<a href="{escape(address)}">{box}</a>'
