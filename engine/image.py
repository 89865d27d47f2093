"""The few OpenCV operations that motion and paint are made of, with the types that come out of them.

Images are arrays (height, width) or (height, width, channels); positions are (x, y) in pixels, pixel centres at whole
numbers. Where nothing else is said, an image's border is repeated beyond it. What is returned is a new array of the
same sample type.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
S = TypeVar("S", bound=np.integer[Any] | np.floating[Any])

ABSENT = cast(NDArray[np.float32], None)
"""An optional array that is not given: OpenCV takes None where its stubs ask for an array."""


def sample(image: NDArray[S], positions: Image, *, cubic: bool = False, outside: float | None = None) -> NDArray[S]:
    """`image` (h, w[, c]) at `positions` (height, width, 2): (height, width[, c]), bilinear or bicubic.

    Beyond its border the image is repeated, or else is `outside` everywhere. Sides of at most 32 766 pixels.
    """
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    if outside is None:
        found = cv2.remap(image, positions, ABSENT, how, borderMode=cv2.BORDER_REPLICATE)
    else:
        value = (outside,) * 4
        found = cv2.remap(image, positions, ABSENT, how, borderMode=cv2.BORDER_CONSTANT, borderValue=value)
    return cast(NDArray[S], found)


def shrunk(image: NDArray[S], width: int, height: int) -> NDArray[S]:
    """`image` (h, w[, c]) at a smaller size, every pixel the mean of what it covers. One channel loses its axis."""
    return cast(NDArray[S], cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))


def stretched(image: NDArray[S], width: int, height: int) -> NDArray[S]:
    """`image` (h, w[, c]) at another size, bilinear, the outer edges in place. One channel loses its axis."""
    return cast(NDArray[S], cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR))


def resized(image: NDArray[S], width: int, height: int) -> NDArray[S]:
    """`image` (h, w[, c]) at any size: `shrunk` to a smaller one, `stretched` to a larger one."""
    return (shrunk if width <= image.shape[1] else stretched)(image, width, height)


def channels(image: NDArray[S]) -> tuple[NDArray[S], ...]:
    """The channels of `image` (h, w, c), each (h, w) and contiguous."""
    return cast(tuple[NDArray[S], ...], tuple(cv2.split(image)))


def stacked(images: Sequence[NDArray[S]]) -> NDArray[S]:
    """Images (h, w[, c]) of one size as the channels of one (h, w, C)."""
    return cast(NDArray[S], cv2.merge(images))


def mixed(image: Image, matrix: NDArray[np.floating[Any]]) -> Image:
    """Every pixel of `image` (h, w, c) through `matrix`, (d, c) or (d, c + 1) whose last column is added: (h, w, d).

    A result of one channel is (h, w).
    """
    return cast(Image, cv2.transform(image, matrix))


def ratio(above: Image | float, below: Image) -> Image:
    """`above` over `below`, in single precision, which numpy's stubs take for double."""
    return cast(Image, above / below)


def box_mean(image: Image, side: int, border: int = cv2.BORDER_REFLECT) -> Image:
    """The mean of the square of odd `side` around every pixel, at a cost that does not depend on the side."""
    return cast(Image, cv2.blur(image, (side, side), borderType=border))


def blur(image: Image, side: int) -> Image:
    """Two passes of a box of odd `side`: near enough a Gaussian."""
    return box_mean(box_mean(image, side), side)


def soft(image: Image, side: int, deviation: float = 0) -> Image:
    """A Gaussian in a square of odd `side`, its deviation in pixels as given or the side suggests (0.8 for 3)."""
    return cast(Image, cv2.GaussianBlur(image, (side, side), deviation))


def slopes(image: Image, border: int = cv2.BORDER_REFLECT) -> tuple[Image, Image]:
    """Central differences of every channel along x and along y, a pixel."""
    kernel = np.array([[-0.5, 0, 0.5]], np.float32)
    return (
        cast(Image, cv2.filter2D(image, -1, kernel, borderType=border)),
        cast(Image, cv2.filter2D(image, -1, kernel.T, borderType=border)),
    )


def square(side: int) -> NDArray[np.uint8]:
    """A window for `dilated` and its like."""
    return np.ones((side, side), np.uint8)


def disc(side: int) -> NDArray[np.uint8]:
    """A round window of odd `side` for `dilated` and its like."""
    return cast(NDArray[np.uint8], cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def dilated(image: NDArray[S], window: NDArray[np.uint8]) -> NDArray[S]:
    """The largest value in the window around every pixel, channel by channel."""
    return cast(NDArray[S], cv2.dilate(image, window))


def eroded(image: NDArray[S], window: NDArray[np.uint8]) -> NDArray[S]:
    """The smallest value in the window around every pixel, channel by channel."""
    return cast(NDArray[S], cv2.erode(image, window))


def opened(image: NDArray[S], window: NDArray[np.uint8]) -> NDArray[S]:
    """`image` without what is brighter and smaller than the window."""
    return cast(NDArray[S], cv2.morphologyEx(image, cv2.MORPH_OPEN, window))


def closed(image: NDArray[S], window: NDArray[np.uint8]) -> NDArray[S]:
    """`image` without what is darker and smaller than the window."""
    return cast(NDArray[S], cv2.morphologyEx(image, cv2.MORPH_CLOSE, window))


def within(image: Image, low: tuple[float, ...], high: tuple[float, ...]) -> Image:
    """1 where every channel of `image` (h, w, c) lies in [low, high], else 0: (h, w)."""
    return cast(NDArray[np.uint8], cv2.inRange(image, low, high)).astype(np.float32) * np.float32(1 / 255)
