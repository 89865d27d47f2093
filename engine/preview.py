"""Previews: a small JPEG of the newest finished frame, now and then."""

from dataclasses import replace
from pathlib import Path
from time import monotonic

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.media.clip import Frame
from engine.media.color import Plane, rounded
from engine.media.still import write_jpeg

WIDTH = 640
SECONDS_BETWEEN = 0.25


class Previews:
    """Writes `preview.jpg` into a folder, the new one in place of the last."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "preview.jpg"
        self._last = -SECONDS_BETWEEN

    def due(self) -> bool:
        return monotonic() - self._last >= SECONDS_BETWEEN

    def write(self, frame: Frame) -> Path:
        return self.write_rgb(np.clip(small(frame).rgb(), 0, 1))

    def write_rgb(self, rgb: NDArray[np.float32]) -> Path:
        """A picture (height, width, 3) R'G'B' in [0, 1], as it is."""
        self._last = monotonic()
        write_jpeg(self._path, rgb)
        return self._path


def small(frame: Frame) -> Frame:
    """`frame` at most `WIDTH` pixels wide, scaled plane by plane before it becomes R'G'B'."""
    if frame.size.width <= WIDTH:
        return frame
    layout = frame.layout
    width, height = WIDTH, max(round(frame.size.height * WIDTH / frame.size.width), 1)
    planes: list[Plane] = []
    for number, plane in enumerate(frame.planes):
        chroma = layout.family == "yuv" and number in (1, 2)
        columns = -(-width // (1 << layout.log2_chroma_w)) if chroma else width
        rows = -(-height // (1 << layout.log2_chroma_h)) if chroma else height
        scaled = np.asarray(cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
        planes.append(rounded(scaled, layout))
    return replace(frame, planes=tuple(planes))
