"""Fine detail of an edit: its texture, and the step at its border."""

from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from engine.evaluate.metrics.likeness import Images, Mattes, lumas
from engine.image import Image, dilated, eroded, slopes, soft, square

FINE = 9
"""Pixels of the Gaussian that detail is told from; its deviation is 2."""
BESIDE = 6
"""Pixels to either side of a border that the step across it is compared with."""
FAINT = 1.0
"""Levels a pixel that are added to both, so that a border between even places is none."""

Frames = NDArray[np.float64]
"""A figure for each frame."""


def texture(images: Images, mattes: Mattes) -> Frames:
    """How much fine detail each frame has where the matte is: root mean square of luma less its blur, levels."""
    return np.array(list(starmap(_detail, zip(lumas(images), mattes, strict=True))))


def texture_error(images: Images, mattes: Mattes, keyframe: int) -> float:
    """How far the detail of the tracked region strays from the keyframe's, the mean over the other frames.

    |T(t)/T(keyframe) − 1|: 0 when detail is kept, towards 1 as it washes out, above 1 where grain comes in.
    """
    found = texture(images, mattes)
    own, others = found[keyframe], np.delete(found, keyframe)
    if not own > 0 or np.isnan(others).all():
        return float("nan")
    return float(np.nanmean(np.abs(others / own - 1)))


def border_steps(images: Images, mattes: Mattes) -> Frames:
    """The slope of luma across the matte's border over that to either side of it, each frame; at least 0.

    1 where nothing marks the border, above where an edge does: an object has its own, so compare with the keyframe's.
    """
    return np.array(list(starmap(_border, zip(lumas(images), mattes, strict=True))))


def _detail(luma: Image, matte: Image) -> float:
    squared = np.square(luma - soft(luma, FINE, 2.0), dtype=np.float64)
    return float(np.sqrt((squared * matte).sum() / matte.sum())) if matte.any() else float("nan")


def _border(luma: Image, matte: Image) -> float:
    inside = (matte > 0.5).astype(np.float32)
    on = dilated(inside, square(3)) != eroded(inside, square(3))
    near = dilated(on.astype(np.uint8), square(2 * BESIDE + 1)) > 0
    beside = near & (dilated(on.astype(np.uint8), square(5)) == 0)
    x, y = slopes(luma)
    slope = np.hypot(x, y)
    if not on.any() or not beside.any():
        return float("nan")
    return float((slope[on].mean() + FAINT) / (slope[beside].mean() + FAINT))
