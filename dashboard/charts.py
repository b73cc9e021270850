"""How numbers are drawn: one palette, one look, one figure per question.

Colours are told apart by people who see red and green alike, and have a contrast of at least 3.8
to 1 on the light and on the dark background. Colour is never the only sign: lines differ in their
dashes, bars carry their name, cells their number. Every function takes a frame and gives a figure;
what a number means (its unit) is said where it is hovered over.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

BLUE, ORANGE, GREEN = "#2E7EBB", "#D55E00", "#0B8F6A"
PURPLE, OCHRE, GREY = "#B85C92", "#A87400", "#7A828C"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, OCHRE, GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SCALE = ((0.0, "rgba(46,126,187,0.05)"), (1.0, "rgba(46,126,187,0.55)"))
"""From nothing to BLUE; the background shines through, so text stays readable on both."""

CONFIG = {"displayModeBar": False, "responsive": True}

_GRID = "rgba(122,130,140,0.22)"
_NAME = 24
"""Characters of a name beside its bar."""
_CHARACTER = 8
"""Pixels that a digit takes at most, beside a bar."""


def number(unit: str = "", decimals: int = 0) -> str:
    """The format of a hovered number, `€` and `%` in the place where they are read."""
    if unit == "%":
        return ":.1%"
    return f":,.{decimals}f"


def with_unit(text: str, unit: str) -> str:
    """Put the unit where it is read: before the number for money, after it for the rest."""
    if unit in ("", "%"):
        return text
    return f"{unit}{text}" if len(unit) == 1 else f"{text} {unit}"


def line(
    frame: pd.DataFrame,
    x: str,
    series: Mapping[str, str],
    *,
    unit: str = "",
    decimals: int = 0,
    interval: tuple[str, str] | None = None,
    interval_label: str = "interval",
    height: int = 320,
) -> go.Figure:
    """Lines over time, one per column of `series` (column → name), with an interval if given.

    Args:
        frame: One row per point in time.
        x: The column of time.
        series: Column → what the line is called.
        unit: What the numbers are: a currency sign, `%`, `units`.
        decimals: Decimals of hovered numbers.
        interval: Columns of the lower and the upper end of a band behind the lines.
        interval_label: What the band is called.
        height: Height in pixels.
    """
    figure = go.Figure()
    if interval:
        low, high = interval
        figure.add_scatter(
            x=frame[x], y=frame[high], mode="lines", line={"width": 0}, showlegend=False,
            hovertemplate=f"at most {with_unit(f'%{{y{number(unit, decimals)}}}', unit)}"
            "<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=frame[x], y=frame[low], mode="lines", line={"width": 0}, fill="tonexty",
            fillcolor="rgba(213,94,0,0.18)", name=interval_label,
            hovertemplate=f"at least {with_unit(f'%{{y{number(unit, decimals)}}}', unit)}"
            "<extra></extra>",
        )  # fmt: skip
    for position, (column, label) in enumerate(series.items()):
        figure.add_scatter(
            x=_places(frame[x]),
            y=frame[column],
            name=label,
            mode="lines" if len(frame) > 1 else "markers",
            line={"color": PALETTE[position % 6], "dash": DASHES[position % 6], "width": 2},
            hovertemplate=f"{with_unit(f'%{{y{number(unit, decimals)}}}', unit)}"
            f"<extra>{label}</extra>",
        )
    several = len(series) > 1 or interval is not None
    return _finish(figure, unit, height=height, legend=several, hovermode="x unified")


def bars(
    frame: pd.DataFrame,
    label: str,
    value: str,
    *,
    unit: str = "",
    decimals: int = 0,
    colour: str = BLUE,
    height: int | None = None,
) -> go.Figure:
    """Horizontal bars, the first row on top, each with its number at its end.

    A bar is a row, whatever it is called: rows of one name stay apart. Names are text from
    anywhere, so nothing in them is markup, and a long one leaves room for its bar.
    """
    shown = frame.iloc[::-1]
    places = list(range(len(shown)))
    names = [" ".join(str(name).split()) for name in shown[label].fillna("unknown")]
    numbers = [
        "" if pd.isna(value) else with_unit(format(value, number(unit, decimals)[1:]), unit)
        for value in shown[value]
    ]
    figure = go.Figure(
        go.Bar(
            x=shown[value],
            y=places,
            orientation="h",
            marker={"color": colour},
            text=numbers,
            customdata=[_as_text(name) for name in names],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{customdata}: %{text}<extra></extra>",
        )
    )
    _finish(figure, unit, height=height or 70 + 30 * len(frame), on="x")
    figure.update_yaxes(
        tickvals=places,
        ticktext=[_as_text(_shortened(name)) for name in names],
        range=[-0.5, len(places) - 0.5],
        showgrid=False,
        zeroline=False,
    )
    values = frame[value].astype(float).fillna(0)
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    figure.update_xaxes(
        showticklabels=False, showgrid=False, range=[low, high if high > low else low + 1]
    )
    # Numbers stand beyond the ends of the axis, in room that is measured in their characters: a
    # share of the axis would be too little on a phone.
    room = 8 + _CHARACTER * max(map(len, numbers), default=0)
    figure.update_layout(margin_r=room)
    if low < 0:
        figure.update_yaxes(ticklabelstandoff=room)
    return figure


def _shortened(name: str) -> str:
    """A name that fits beside its bar; its end is kept, as it often makes the difference."""
    return (
        name if len(name) <= _NAME else f"{name[: _NAME - 12]}\N{HORIZONTAL ELLIPSIS}{name[-11:]}"
    )


def _as_text(name: str) -> str:
    """A name in which Plotly finds no markup. It does not know the entities of quotes."""
    return html.escape(name, quote=False)


def columns(
    frame: pd.DataFrame,
    x: str,
    series: Mapping[str, str],
    *,
    unit: str = "",
    decimals: int = 0,
    stacked: bool = True,
    colours: Sequence[str] = PALETTE,
    height: int = 320,
) -> go.Figure:
    """Upright columns, one colour per column of `series`, stacked or side by side."""
    figure = go.Figure()
    for position, (column, label) in enumerate(series.items()):
        figure.add_bar(
            x=_places(frame[x]),
            y=frame[column],
            name=label,
            marker={"color": colours[position % len(colours)]},
            hovertemplate=f"{with_unit(f'%{{y{number(unit, decimals)}}}', unit)}"
            f"<extra>{label}</extra>",
        )
    figure.update_layout(barmode="stack" if stacked else "group")
    return _finish(figure, unit, height=height, legend=len(series) > 1, hovermode="x unified")


def heat_map(
    frame: pd.DataFrame,
    x: str,
    y: str,
    value: str,
    *,
    unit: str = "%",
    decimals: int = 0,
    x_title: str = "",
    y_title: str = "",
    height: int = 460,
) -> go.Figure:
    """A table of coloured cells; each says its number."""
    wide = frame.pivot(index=y, columns=x, values=value).sort_index(ascending=False)
    cell = ":.0%" if unit == "%" else number(unit, decimals)
    figure = go.Figure(
        go.Heatmap(
            z=wide.to_numpy(dtype=float),
            x=[str(v) for v in wide.columns],
            y=[str(v) for v in wide.index],
            colorscale=SCALE,
            showscale=False,
            xgap=2,
            ygap=2,
            texttemplate=f"%{{z{cell}}}" if wide.shape[1] <= 16 else "",
            hoverongaps=False,
            hovertemplate=f"%{{y}}, {x_title or x} %{{x}}: "
            f"{with_unit(f'%{{z{number(unit, decimals)}}}', unit)}<extra></extra>",
        )
    )
    _finish(figure, "", height=height)
    figure.update_xaxes(title=x_title, type="category", showgrid=False)
    figure.update_yaxes(title=y_title, type="category", showgrid=False, automargin=True)
    return figure


def ink(figure: go.Figure, *, is_dark: bool) -> None:
    """Write numbers and names of a figure in a colour that is readable on the background."""
    colour = "#C9CFD8" if is_dark else "#3A4452"
    figure.update_xaxes(tickfont={"color": colour}, title={"font": {"color": colour}})
    figure.update_yaxes(tickfont={"color": colour}, title={"font": {"color": colour}})
    figure.update_traces(textfont={"color": colour}, selector={"type": "heatmap"})
    figure.update_traces(textfont={"color": colour}, selector={"type": "bar"})


def _places(values: pd.Series) -> pd.Series:
    """Places on the axis: one or two days are named, as an axis of time would show their hours."""
    if len(values) < 3 and pd.api.types.is_datetime64_any_dtype(values):
        return values.dt.strftime("%-d %b %Y")
    return values


def _finish(
    figure: go.Figure,
    unit: str,
    *,
    height: int,
    legend: bool = False,
    hovermode: str = "closest",
    on: str = "y",
) -> go.Figure:
    """One look for all: quiet grid, legend above, and fingers that scroll instead of zooming."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=legend,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        hovermode=hovermode,
        dragmode=False,
        bargap=0.25,
        separators=".,",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    axis = {"gridcolor": _GRID, "zerolinecolor": _GRID, "automargin": True, "fixedrange": True}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    tick = {"tickformat": ".0%"} if unit == "%" else {}
    prefix = unit if len(unit) == 1 and unit != "%" else ""
    (figure.update_yaxes if on == "y" else figure.update_xaxes)(tickprefix=prefix, **tick)
    return figure
