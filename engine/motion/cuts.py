"""Scene cuts: where the picture is no longer the same place, and no motion leads across."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.image import sample
from engine.motion.fields import DenseFlow, overview
from engine.motion.maps import grid
from engine.motion.picture import Picture, luma_of

CELLS = 8
"""Colour cells along each channel."""

UNLIKE = 0.22
"""Distance of the colour histograms, in [0, 1], that a cut exceeds."""

UNEXPLAINED = 24.0
"""Difference that motion leaves on overviews, in 8-bit code values, that a cut exceeds."""


class CutDetector:
    """Compares each frame with the one before it. `step` takes the frames of one direction in order."""

    def __init__(self, picture: Picture) -> None:
        self._flow = DenseFlow()
        self._small = overview(picture)
        self._histogram = _histogram(self._small)

    def step(self, picture: Picture) -> bool:
        """Whether a cut lies between the previous frame and this one."""
        previous, before = self._small, self._histogram
        self._small = overview(picture)
        self._histogram = _histogram(self._small)
        if cv2.compareHist(before, self._histogram, cv2.HISTCMP_BHATTACHARYYA) < UNLIKE:
            return False
        return self._unexplained(previous, self._small) > UNEXPLAINED

    def _unexplained(self, previous: Picture, current: Picture) -> float:
        """Mean luma difference that is left when `previous` is moved onto `current`.

        Less the mean of the difference: a flash is no cut.
        """
        before, now = luma_of(previous), luma_of(current)
        height, width = now.shape
        moved = sample(before, grid(width, height) + self._flow(now, before))
        difference = moved.astype(np.float32) - now
        return float(np.abs(difference - difference.mean()).mean())


def _histogram(picture: Picture) -> NDArray[np.float32]:
    """How much of `picture` falls in each colour cell, its sum 1."""
    counts = cv2.calcHist([picture], [0, 1, 2], None, [CELLS] * 3, [0, 256] * 3)
    return cast(NDArray[np.float32], counts / counts.sum())
