"""Fields: which half of an interlaced frame's lines was taken first.

PyAV tells that a frame is interlaced, but neither tells nor sets which field comes first; FFmpeg's filters do both.
"""

from fractions import Fraction
from typing import Literal, cast

import av

FieldOrder = Literal["top", "bottom"]

_CODES = {"top": ("tff", "tb"), "bottom": ("bff", "bt")}


def field_order_of(frame: av.VideoFrame) -> FieldOrder | None:
    """Which field of the frame comes first; None of a progressive one."""
    if not frame.interlaced_frame:
        return None
    passing = _graph(frame.width, frame.height, frame.format, "select", r"eq(interlace_type\,TOPFIRST)")
    passing.push(frame)
    try:
        passing.pull()
    except (av.error.BlockingIOError, av.error.EOFError):
        return "bottom"
    return "top"


class FieldMarker:
    """Marks frames of one size and format as interlaced, for encoders that write it down."""

    def __init__(self, order: FieldOrder, width: int, height: int, pixel_format: str) -> None:
        mark, told = _CODES[order]
        self._graph = _graph(width, height, av.VideoFormat(pixel_format), "setfield", mark)
        self.options = {"field_order": told}
        """What the encoder is told, for the container."""

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The same picture, marked; its time must be set again."""
        self._graph.push(frame)
        return cast(av.VideoFrame, self._graph.pull())


def _graph(width: int, height: int, form: av.VideoFormat, name: str, arguments: str) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_buffer(width=width, height=height, format=form, time_base=Fraction(1, 25)),
        graph.add(name, arguments),
        graph.add("buffersink"),
    ).configure()
    return graph
