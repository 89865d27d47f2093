"""Sub-pixel registration of a frame to the keyframe: windowed Lucas–Kanade, dense, weighted, light-invariant.

Optical flow between neighbours is good to a few tenths of a pixel and its errors add up along the clip. The keyframe
itself never drifts, so every frame is registered to it directly, starting from the chained position. Each pixel solves
the 2×2 normal equations of its window (Lucas & Kanade 1981), with the mean of both images' gradients, which converges
to second order (Benhimane & Malis 2004, "ESM"). Both images are normalised by their local mean and contrast first, so
changing light does not pull the solution.
"""

from typing import NamedTuple

import cv2
import numpy as np

from engine.image import Image, blur, box_mean, channels, ratio, sample, slopes, stacked
from engine.motion.picture import NOISE, Luma

NORMALISE = 21
"""Side of the window for local mean and contrast, pixels."""

WINDOW = 9
"""Side of the box, passed twice, whose pixels share a step."""

LARGEST_STEP = 2.0
"""Pixels that one iteration moves at most: further than that, a linear picture is a guess."""

DAMPING = np.float32(2e-3)
"""Keeps the map as predicted where a window has no detail."""


class Pattern(NamedTuple):
    """An image (h, w) of luma in 8-bit code values, freed of its light: less its local mean, over its local contrast.

    `x` and `y` are its slopes.
    """

    detail: Image
    x: Image
    y: Image

    @classmethod
    def of(cls, luma: Image) -> "Pattern":
        mean, square = box_mean(luma, NORMALISE), box_mean(luma * luma, NORMALISE)
        # Noise is not amplified.
        contrast = np.sqrt(np.maximum(square - mean * mean, 0) + np.float32(NOISE**2))
        detail = ratio(luma - mean, contrast)
        return cls(detail, *slopes(detail))


def register(keyframe: Pattern, frame: Luma, positions: Image, weight: Image, iterations: int) -> Image:
    """Register `frame` (any size) to `keyframe` (h, w), starting from the forward map `positions`: the better map.

    `positions` (h, w, 2) in pixels of `frame`; `weight` (h, w) in [0, 1]: how far each keyframe pixel may be trusted
    to be seen.
    """
    for _ in range(iterations):
        seen = Pattern.of(sample(frame, positions).astype(np.float32))
        miss = keyframe.detail - seen.detail
        gx, gy = (keyframe.x + seen.x) * np.float32(0.5), (keyframe.y + seen.y) * np.float32(0.5)
        robust = ratio(weight, 1 + miss * miss)
        wx, wy = robust * gx, robust * gy
        a, b, c, p = channels(blur(stacked([wx * gx, wx * gy, wy * gy, wx * miss]), WINDOW))
        q = blur(wy * miss, WINDOW)
        a, c = a + DAMPING, c + DAMPING
        inverse = ratio(1, a * c - b * b)
        dx = np.clip((c * p - b * q) * inverse, -LARGEST_STEP, LARGEST_STEP)
        dy = np.clip((a * q - b * p) * inverse, -LARGEST_STEP, LARGEST_STEP)
        # The step is in keyframe pixels; the map's own slopes bring it to the frame's.
        along_x, along_y = slopes(positions, cv2.BORDER_REPLICATE)
        positions = positions + along_x * dx[..., None] + along_y * dy[..., None]
    return positions
