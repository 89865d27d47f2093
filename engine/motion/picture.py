"""A frame as motion analysis sees it: 8-bit luma and colour differences at a working scale."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.geometry import Size
from engine.image import resized, shrunk, stacked
from engine.media.clip import Frame

Luma = NDArray[np.uint8]
"""(height, width)."""

Picture = NDArray[np.uint8]
"""(height, width, 3): luma, then two colour differences around 128."""

NOISE = 3.0
"""Standard deviation of camera and codec noise that is always expected, in 8-bit code values."""

SMALLEST = 16
"""Pixels on the shortest side of a picture."""


def working_size(size: Size, scale: float) -> Size:
    """The frame's size at `scale`, at least `SMALLEST` pixels a side."""
    return Size(max(SMALLEST, round(size.width * scale)), max(SMALLEST, round(size.height * scale)))


def picture(frame: Frame, size: Size) -> Picture:
    """`frame` at `size`."""
    layout = frame.layout
    if layout.family == "rgb":
        rgb = stacked([_eight(plane, layout.bits) for plane in frame.planes[:3]])
        return cast(Picture, cv2.cvtColor(_resized(rgb, size), cv2.COLOR_RGB2YCrCb))
    luma = _resized(frame.luma8(), size)
    if layout.family == "gray":
        neutral = np.full_like(luma, 128)
        return stacked([luma, neutral, neutral])
    return stacked([luma, *(_resized(_eight(plane, layout.bits), size) for plane in frame.planes[1:3])])


def luma_of(picture: Picture) -> Luma:
    """The luma of `picture`, contiguous."""
    return np.ascontiguousarray(picture[..., 0])


def halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`image` at half its size: every pixel the mean of four; a last odd row or column is left out."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    return shrunk(image[: height * 2, : width * 2], width, height)


def _eight(plane: NDArray[np.uint8] | NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    return cast(
        NDArray[np.uint8], plane if plane.dtype == np.uint8 else cv2.convertScaleAbs(plane, alpha=2.0 ** (8 - bits))
    )


def _resized(plane: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    if (plane.shape[1], plane.shape[0]) == size:
        return plane
    return resized(plane, *size)
