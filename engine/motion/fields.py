"""Dense motion between neighbouring frames, only where it is asked for."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.geometry import Box, Size
from engine.image import ABSENT, Image, sample, shrunk
from engine.motion.picture import Luma

COARSE = 160
"""Long side of the overview that finds large motion, pixels."""

MARGIN = 24
"""Motion beyond the overview's that the fine flow can still see, pixels."""

SHORTEST = 32
"""Shortest side, in pixels, whose pyramid OpenCV's search never takes beyond a patch; below it reads foreign memory."""


def overview(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The whole frame (h, w[, c]) at a long side of at most `COARSE` pixels."""
    height, width = image.shape[:2]
    scale = min(1.0, COARSE / max(height, width))
    return shrunk(image, max(8, round(width * scale)), max(8, round(height * scale)))


class DenseFlow:
    """Dense inverse search (Kroeger et al. 2016), down to a scale of one in two to the `finest`."""

    def __init__(self, finest: int = 2) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._finest = finest

    def __call__(self, previous: Luma, current: Luma) -> Image:
        """Where every pixel of `previous` (h, w) went in `current`, less where it was: (h, w, 2), pixels."""
        height, width = previous.shape
        below, beside = max(0, SHORTEST - height), max(0, SHORTEST - width)
        if below or beside:
            previous, current = (np.pad(luma, ((0, below), (0, beside)), mode="edge") for luma in (previous, current))
        # A small picture makes the search choose scales of its own and keep them for pictures to come.
        self._search.setFinestScale(self._finest)
        found = self._search.calc(np.ascontiguousarray(previous), np.ascontiguousarray(current), ABSENT)
        return cast(Image, found)[:height, :width]


class NeighbourFlow:
    """Flow from one frame to the next inside a box. Large motion is found on overviews, the rest at full scale."""

    def __init__(self) -> None:
        self._coarse, self._fine = DenseFlow(), DenseFlow(finest=1)

    def shift(self, previous: Luma, current: Luma, points: Image, weight: Image, size: Size) -> tuple[int, int]:
        """The whole-pixel motion that half of the `weight` (h, w) at `points` (h, w, 2) stays below, and half above.

        `previous` and `current` are overviews; `points` and the result are in pixels of a frame of `size`.
        """
        columns, rows = max(1, points.shape[1] // 8), max(1, points.shape[0] // 8)
        where, votes = shrunk(points, columns, rows), shrunk(weight, columns, rows)
        scale = np.array([previous.shape[1] / size.width, previous.shape[0] / size.height], np.float32)
        moved = sample(self._coarse(previous, current), (where + 0.5) * scale - 0.5) / scale
        return round(_weighted_median(moved[..., 0], votes)), round(_weighted_median(moved[..., 1], votes))

    def flow(self, previous: Luma, current: Luma, box: Box, shift: tuple[int, int]) -> Image:
        """Motion (box.height, box.width, 2) of `previous`'s pixels in `box`, in pixels, found around `shift`."""
        size = Size(previous.shape[1], previous.shape[0])
        wide = box.grown(MARGIN, size)
        flow = self._fine(previous[wide.slices], _shifted(current, wide, shift))
        inner = flow[box.y - wide.y : box.bottom - wide.y, box.x - wide.x : box.right - wide.x]
        return inner + np.array(shift, np.float32)


def _weighted_median(values: Image, weight: Image) -> float:
    """The value that half of the weight lies below; the plain median where there is no weight."""
    order = np.argsort(values, axis=None)
    cumulative = np.cumsum(weight.reshape(-1)[order])
    if cumulative[-1] <= 0:
        return float(np.median(values))
    index = min(int(np.searchsorted(cumulative, cumulative[-1] / 2)), len(order) - 1)
    return float(values.reshape(-1)[order[index]])


def _shifted(luma: Luma, box: Box, shift: tuple[int, int]) -> Luma:
    """The crop `box` moved by `shift`; beyond the frame its border is repeated."""
    xs = np.clip(np.arange(box.x, box.right) + shift[0], 0, luma.shape[1] - 1)
    ys = np.clip(np.arange(box.y, box.bottom) + shift[1], 0, luma.shape[0] - 1)
    return luma[np.ix_(ys, xs)]
