"""Document: what an evaluation found, for `write.written` to put on paper. Values only: no file, no drawing."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""R'G'B' (height, width, 3) in 8-bit levels."""

Cell = str | float | None
"""Of a table: words, a number, or None where there is nothing to say."""


@dataclass(frozen=True)
class Table:
    """Rows of cells, as many in each as there are `columns`; the first names the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of “{self.title}” has other columns than {', '.join(self.columns)}")


@dataclass(frozen=True)
class Line:
    """Points joined by a line; `spread` is what each may lie above or below."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    spread: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if len(self.xs) != len(self.ys) or (self.spread is not None and len(self.spread) != len(self.ys)):
            raise ValueError(f"“{self.name}” has {len(self.xs)} places for {len(self.ys)} values")


@dataclass(frozen=True)
class Chart:
    """Lines over one axis, which counts powers of ten where `log_x`."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    log_x: bool = False
    note: str = ""


@dataclass(frozen=True)
class Matrix:
    """A heat map of `values[row][column]`; `labels` name rows and columns alike."""

    title: str
    labels: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        if {len(self.labels)} != {len(self.values), *map(len, self.values)}:
            raise ValueError(f"“{self.title}” is not a square of {len(self.labels)}")


@dataclass(frozen=True, eq=False)
class Picture:
    """A still."""

    title: str
    image: Pixels
    note: str = ""


@dataclass(frozen=True, eq=False)
class Film:
    """Moving pictures (height, width, 3), all of one size, `fps` a second. They are taken once."""

    title: str
    frames: Iterable[Pixels]
    fps: float
    note: str = ""


Item = Table | Chart | Matrix | Picture | Film


@dataclass(frozen=True, eq=False)
class Section:
    """A heading, paragraphs of plain text (an empty line between two), and what they speak of."""

    title: str
    text: str
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, eq=False)
class Document:
    """`facts`: on what, with what and when it was measured, by name."""

    title: str
    facts: dict[str, str]
    sections: tuple[Section, ...]
