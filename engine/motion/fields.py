"""Dense motion between neighbouring frames, only where it is asked for."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.geometry import Box, Size

Image = NDArray[np.float32]
Luma = NDArray[np.uint8]

COARSE = 160
"""Long side of the overview that finds large motion, pixels."""

MARGIN = 24
"""Motion beyond the overview's that the fine flow can still see, pixels."""


def overview(luma: Luma) -> Luma:
    """The whole frame at a long side of at most `COARSE` pixels."""
    height, width = luma.shape
    scale = min(1.0, COARSE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA)


class NeighbourFlow:
    """Flow from one frame to the next inside a box. Large motion is found on overviews, the rest by DIS at full scale."""

    def __init__(self) -> None:
        self._coarse = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._fine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._fine.setFinestScale(1)

    def shift(self, previous: Luma, current: Luma, points: Image, weight: Image, size: Size) -> tuple[int, int]:
        """The whole-pixel motion that half of the `weight` (h, w) at `points` (h, w, 2) stays below, and half above.

        `previous` and `current` are overviews; `points` and the result are in pixels of a frame of `size`.
        """
        sample = (max(1, points.shape[1] // 8), max(1, points.shape[0] // 8))
        where = cv2.resize(points, sample, interpolation=cv2.INTER_AREA)
        votes = cv2.resize(weight, sample, interpolation=cv2.INTER_AREA)
        scale = previous.shape[1] / size.width
        flow = self._coarse.calc(previous, current, None)
        moved = cv2.remap(flow, (where + 0.5) * scale - 0.5, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return (
            round(_weighted_median(moved[..., 0], votes) / scale),
            round(_weighted_median(moved[..., 1], votes) / scale),
        )

    def flow(self, previous: Luma, current: Luma, box: Box, shift: tuple[int, int]) -> Image:
        """Motion (box.height, box.width, 2) of `previous`'s pixels in `box`, in pixels, found around `shift`."""
        size = Size(previous.shape[1], previous.shape[0])
        wide = box.grown(MARGIN, size)
        there = _shifted(current, wide, shift)
        flow = self._fine.calc(np.ascontiguousarray(previous[wide.slices]), there, None)
        inner = flow[box.y - wide.y : box.bottom - wide.y, box.x - wide.x : box.right - wide.x]
        return inner + np.array(shift, np.float32)


def _weighted_median(values: Image, weight: Image) -> float:
    order = np.argsort(values, axis=None)
    cumulative = np.cumsum(weight.reshape(-1)[order])
    index = min(int(np.searchsorted(cumulative, cumulative[-1] / 2)), len(order) - 1)
    return float(values.reshape(-1)[order[index]])


def _shifted(luma: Luma, box: Box, shift: tuple[int, int]) -> Luma:
    """The crop `box` moved by `shift`; beyond the frame its border is repeated."""
    xs = np.clip(np.arange(box.x, box.right) + shift[0], 0, luma.shape[1] - 1)
    ys = np.clip(np.arange(box.y, box.bottom) + shift[1], 0, luma.shape[0] - 1)
    return (
        np.ascontiguousarray(luma[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]) if _inside(xs, ys) else luma[np.ix_(ys, xs)]
    )


def _inside(xs: NDArray[np.intp], ys: NDArray[np.intp]) -> bool:
    return bool(xs[-1] - xs[0] + 1 == len(xs) and ys[-1] - ys[0] + 1 == len(ys))
