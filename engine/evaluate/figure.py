"""Charts and matrices, drawn with matplotlib: as SVG that takes the colours of the page it stands in, and as PNG."""

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from math import isfinite
from typing import TYPE_CHECKING

from engine.errors import SettingsError
from engine.evaluate.document import Chart, Matrix

if TYPE_CHECKING:  # an optional part of the installation, and slow to load
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#3b82c4", "#d9772b", "#2f9e77", "#c45a9a", "#8a7a3a", "#7a6bd0", "#c94f4f", "#5a9fb0")
"""Told apart by most eyes, on white and on black paper."""
INK = "#010203"
"""Stands for the page's own colour of text: none that a drawing has by itself."""
INCHES = (7.0, 3.8)
PIXELS_AN_INCH = 130
MARKED = 40
"""A line of more points is drawn without its points."""
TOLD = 14
"""A matrix with more rows is shown without its numbers."""


def needs_matplotlib() -> None:
    """Raises SettingsError where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise SettingsError.extra_missing("matplotlib", "evaluate")


def svg(item: Chart | Matrix, name: str) -> str:
    """`item` as an SVG element without background; `name` keeps its inner names apart from those of other drawings."""
    from matplotlib import rc_context

    data = BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        _drawn(item, INK).savefig(data, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = data.getvalue().decode()
    return text[text.index("<svg") :].replace(INK, "currentColor")


def png(item: Chart | Matrix) -> bytes:
    """`item` as a PNG, black on white."""
    data = BytesIO()
    _drawn(item, "#222222").savefig(data, format="png", dpi=PIXELS_AN_INCH, facecolor="white")
    return data.getvalue()


def _drawn(item: Chart | Matrix, ink: str) -> "Figure":
    from matplotlib.figure import Figure

    size = (INCHES[0], INCHES[0] * 0.82) if isinstance(item, Matrix) else INCHES
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    if isinstance(item, Chart):
        _lines(axes, item, ink)
    else:
        _squares(figure, axes, item, ink)
    axes.tick_params(colors=ink, labelsize=9)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.xaxis.get_offset_text(), axes.yaxis.get_offset_text()):
        text.set_color(ink)
    return figure


def _lines(axes: "Axes", chart: Chart, ink: str) -> None:
    for number, line in enumerate(chart.lines):
        colour = COLOURS[number % len(COLOURS)]
        ys = [y if isfinite(y) else float("nan") for y in line.ys]
        mark = "o" if len(line.xs) <= MARKED else ""
        dashes = "-" if number < len(COLOURS) else "--"
        axes.plot(line.xs, ys, dashes, marker=mark, markersize=4, color=colour, linewidth=1.8, label=line.name)
        if line.spread is not None:
            low, high = ([y + sign * s for y, s in zip(ys, line.spread, strict=True)] for sign in (-1, 1))
            axes.fill_between(line.xs, low, high, color=colour, alpha=0.18, linewidth=0)
    if chart.log_x:
        axes.set_xscale("log")
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.grid(color=ink, alpha=0.15, linewidth=0.7)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(ink)
    if len(chart.lines) > 1:
        axes.legend(frameon=False, fontsize=9, labelcolor=ink)


def _squares(figure: "Figure", axes: "Axes", matrix: Matrix, ink: str) -> None:
    finite = [value for row in matrix.values for value in row if isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    drawn = axes.pcolormesh(matrix.values, cmap="viridis", vmin=low, vmax=high)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    places = [number + 0.5 for number in range(len(matrix.labels))]
    axes.set_xticks(places, matrix.labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, matrix.labels)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=ink, labelsize=9)
    if len(matrix.labels) <= TOLD:
        _numbers(axes, matrix.values, low, high)


def _numbers(axes: "Axes", values: Sequence[Sequence[float]], low: float, high: float) -> None:
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            dark = (value - low) / (high - low) < 0.6 if high > low else True
            colour = "#ffffff" if dark else "#000000"
            axes.text(column + 0.5, row + 0.5, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
