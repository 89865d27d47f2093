"""Scene cuts: where the picture is no longer the same place, and no motion leads across."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.motion.fields import COARSE
from engine.motion.picture import Picture

CELLS = 8
"""Colour cells along each channel."""

UNLIKE = 0.22
"""Distance of the colour histograms, in [0, 1], that a cut exceeds."""

UNEXPLAINED = 24.0
"""Difference that motion leaves on overviews, in 8-bit code values, that a cut exceeds."""


class CutDetector:
    """Compares each frame with the one before it. `step` takes the frames of one direction in order."""

    def __init__(self, picture: Picture) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._small = _small(picture)
        self._histogram = _histogram(self._small)

    def step(self, picture: Picture) -> bool:
        """Whether a cut lies between the previous frame and this one."""
        previous, before = self._small, self._histogram
        self._small = _small(picture)
        self._histogram = _histogram(self._small)
        if cv2.compareHist(before, self._histogram, cv2.HISTCMP_BHATTACHARYYA) < UNLIKE:
            return False
        return unexplained(self._flow, previous, self._small) > UNEXPLAINED


def unexplained(flow: cv2.DISOpticalFlow, previous: Picture, current: Picture) -> float:
    """Mean luma difference that is left when `previous` is moved onto `current`, without its mean (a flash is no cut)."""
    motion = flow.calc(np.ascontiguousarray(current[..., 0]), np.ascontiguousarray(previous[..., 0]), None)
    height, width = motion.shape[:2]
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(previous, motion + np.dstack([xs, ys]), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    difference = moved[..., 0].astype(np.float32) - current[..., 0]
    return float(np.abs(difference - difference.mean()).mean())


def _small(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = min(1.0, COARSE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _histogram(picture: Picture) -> NDArray[np.float32]:
    counts = cv2.calcHist([picture], [0, 1, 2], None, [CELLS] * 3, [0, 256] * 3)
    return counts / counts.sum()
