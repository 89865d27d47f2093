"""Where did the artist paint? The mask, found from the difference between the edited image and the clip's frame.

An exact export differs from the frame in painted pixels only. One saved as JPEG differs everywhere, most where the
picture is busy. So the noise is estimated as a function of how busy the frame is, and paint is what rises above it:
surely, averaged over a neighbourhood, to be found at all; pixel by pixel to draw its outline.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Mask = NDArray[np.uint8]

FLOOR = 2.5 / 255
"""Smaller differences are an 8-bit export's rounding, not paint."""
ABOVE_NOISE = 3.0
"""Paint rises this many standard deviations above the noise."""
SURELY = 2.0
"""A painted region holds a place that rises this many times above the threshold."""
FALLOFF = 1.7
"""Pixels from the painted outline to where the mask has fallen to 0: bridges the anti-aliased rim."""
_BUSY_BINS = 8
_SPECK = 6


def painted_mask(edited: Image, source: Image) -> Image:
    """Mask (height, width) in [0, 1] of what was painted; all 0 when nothing was.

    `edited` and `source` (height, width, 3) float32 R'G'B' in [0, 1].
    """
    difference = edited - source
    threshold = np.maximum(ABOVE_NOISE * noise(difference, source), np.float32(FLOOR))
    near = _strongest(_blurred(difference, 1))
    found = _seeded(near > threshold, near > SURELY * threshold)
    region = cv2.dilate(found, np.ones((5, 5), np.uint8))
    outline = ((_strongest(difference) > threshold) & (region > 0)).astype(np.uint8)
    closed = cv2.morphologyEx(outline, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    painted = _filled(_without_specks(np.asarray(closed, np.uint8)), largest_hole=max(64, closed.size // 4000))
    return _softened(painted)


def noise(difference: Image, source: Image) -> Image:
    """Standard deviation (height, width) of what is no paint in `difference`, by how busy `source` is there.

    Taken from the difference's fine detail, so that a grade of the whole frame is not mistaken for noise, and from a
    low quantile, so that paint over most of the frame is not either.
    """
    detail = _strongest(difference - _blurred(difference, 2))
    luma = np.asarray(cv2.transform(source, np.full((1, 3), 1 / 3, np.float32)), np.float32)
    busy = cv2.blur(np.abs(luma - _blurred(luma, 2)), (9, 9))
    some, detail = busy[::3, ::3], detail[::3, ::3]
    edges = np.quantile(some, np.linspace(0, 1, _BUSY_BINS + 1))
    centres, levels = [], []
    for low, high in pairwise(edges):
        inside = detail[(some >= low) & (some <= high)]
        if inside.size:
            centres.append((low + high) / 2)
            levels.append(float(np.quantile(inside, 0.3)) / 0.385)  # |N(0, 1)| lies below 0.385 three times in ten
    return np.asarray(np.interp(busy, centres, levels), np.float32)


def _strongest(values: Image) -> Image:
    """The largest magnitude over the channels."""
    first, second, third = cv2.split(np.abs(values))
    return np.asarray(cv2.max(cv2.max(first, second), third), np.float32)


def _blurred(values: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def _seeded(region: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> Mask:
    """The connected parts of `region` that hold a seed."""
    _, labels = cv2.connectedComponents(region.astype(np.uint8))
    keep = np.zeros(int(labels.max()) + 1, np.uint8)
    keep[np.unique(labels[seeds])] = 1
    keep[0] = 0
    return np.asarray(keep[labels])


def _without_specks(mask: Mask) -> Mask:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    keep = (stats[:, cv2.CC_STAT_AREA] >= _SPECK).astype(np.uint8)
    keep[0] = 0
    return np.asarray(keep[labels])


def _filled(mask: Mask, largest_hole: int) -> Mask:
    """`mask` with its small holes closed: paint there happened to have the frame's own colour."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    hole = (stats[:, cv2.CC_STAT_AREA] <= largest_hole).astype(np.uint8)
    hole[0] = 1
    return np.asarray(hole[labels])


def _softened(mask: Mask) -> Image:
    distance = cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.clip(1 - distance / FALLOFF, 0, 1), np.float32)
