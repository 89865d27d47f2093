"""A frame as motion analysis sees it: 8-bit luma and colour differences at a working scale."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.geometry import Size
from engine.media.clip import Frame

Picture = NDArray[np.uint8]
"""(height, width, 3): luma, then two colour differences around 128."""


def working_size(size: Size, scale: float) -> Size:
    """The frame's size at `scale` (0, 1], at least 16 pixels a side."""
    return Size(max(16, round(size.width * scale)), max(16, round(size.height * scale)))


def picture(frame: Frame, size: Size) -> Picture:
    """`frame` at `size`, which is not larger than the frame."""
    layout = frame.layout
    if layout.family == "rgb":
        rgb = cv2.merge([_eight(plane, layout.bits) for plane in frame.planes[:3]])
        return cv2.cvtColor(_resized(rgb, size), cv2.COLOR_RGB2YCrCb)
    luma = _resized(frame.luma8(), size)
    if layout.family == "gray":
        neutral = np.full_like(luma, 128)
        return cv2.merge([luma, neutral, neutral])
    return cv2.merge([luma, *(_resized(_eight(plane, layout.bits), size) for plane in frame.planes[1:3])])


def _eight(plane: NDArray[np.uint8] | NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    return plane if plane.dtype == np.uint8 else cv2.convertScaleAbs(plane, alpha=1 / (1 << (bits - 8)))


def _resized(plane: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    if (plane.shape[1], plane.shape[0]) == size:
        return plane
    shrinks = plane.shape[1] > size.width
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
