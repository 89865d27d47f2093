"""What a region of the keyframe looks like, and whether a later frame still shows it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.motion.picture import Picture
from engine.motion.polish import blur

Image = NDArray[np.float32]

NOISE = 3.0
"""Standard deviation of camera and codec noise that is always expected, in 8-bit code values."""

SLIP = 0.35
"""Misregistration that must not count as a difference, pixels."""

PALETTE = 15
"""Side of the neighbourhood whose colours count as the surface's own, pixels."""

LIGHT = 31
"""Side of the window over which light is taken to be even, pixels."""

_SPECK = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
_NEUTRAL = (0.0, 128.0, 128.0, 0.0)


class Surface:
    """A region's appearance in the keyframe. Every array lies on the region's grid (height, width)."""

    def __init__(self, picture: Picture, leads: Image) -> None:
        self._colour = _centred(picture)
        self.luma: Image = np.ascontiguousarray(self._colour[..., 0])
        """Luma in 8-bit code values."""
        slope = np.zeros_like(self.luma)
        for channel in cv2.split(self._colour):
            for dx, dy in ((1, 0), (0, 1)):
                step = cv2.Sobel(channel, cv2.CV_32F, dx, dy, scale=1 / 8)
                slope += step * step
        # What noise of two frames and a small slip look like, summed over the three channels.
        self._tolerance = blur(3 * NOISE**2 + cv2.blur(slope, (3, 3)) * SLIP**2, 5)
        detail = blur(slope, 9)
        self.texture: Image = leads * detail / (detail + np.float32(NOISE**2))
        """How well the region's detail pins down the motion that is followed, in [0, 1]."""
        window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (PALETTE, PALETTE))
        self._darkest, self._brightest = cv2.erode(self._colour, window), cv2.dilate(self._colour, window)
        self._common = _common_colours(picture)

    def agreement(self, there: Picture, gain: Image) -> Image:
        """How well what is seen (h, w, 3) matches this surface under `gain` (h, w), in [0, 1], pixel by pixel."""
        miss = _square(_centred(there) - self._colour * gain[..., None])
        return _likeness(blur(miss, 5) / self._tolerance)

    def sharp_agreement(self, there: Picture, gain: Image) -> Image:
        """`agreement`, sharp at the edges of what is in front: single pixels may prove what their wider patch cannot."""
        miss = _square(_centred(there) - self._colour * gain[..., None])
        patch = _likeness(blur(miss, 5) / self._tolerance)
        pixel = _likeness(cv2.blur(miss, (3, 3), borderType=cv2.BORDER_REFLECT) / self._tolerance)
        return np.maximum(patch, cv2.morphologyEx(pixel, cv2.MORPH_OPEN, _SPECK))

    def kinship(self, there: Picture, gain: Image) -> Image:
        """How well the colours seen could be this surface's, were its own pattern to shift (reflections do), in [0, 1]."""
        seen = _centred(there) / np.maximum(gain, np.float32(0.1))[..., None]
        miss = _square(seen - np.clip(seen, self._darkest, self._brightest))
        miss[self._common[_cells(cv2.add(seen, _NEUTRAL, dtype=cv2.CV_8U))]] = 0
        return _likeness(blur(miss, 5) / np.float32(6 * NOISE**2))

    def relit(self, there: Picture, gain: Image, confidence: Image) -> Image:
        """The gain (h, w) that explains what is seen: a low-pass ratio where it is confident, else `gain` as it was."""
        seen = there[..., 0].astype(np.float32)
        weight = confidence * confidence
        mixed = blur(cv2.merge([weight * seen * self.luma, weight * self.luma * self.luma]), LIGHT)
        prior = np.float32(0.02 * 128**2)
        found = (mixed[..., 0] + prior * gain) / (mixed[..., 1] + prior)
        # Light does not jump between frames; what does is something else in front.
        return np.clip(found, gain * np.float32(0.85), gain * np.float32(1.18))


def _likeness(ratio: Image) -> Image:
    """From difference over tolerance to [0, 1]: a half where the difference is four times what is tolerated."""
    return 1 / (1 + (ratio * np.float32(0.25)) ** 2)


def _centred(picture: Picture) -> Image:
    """Float, with the colour differences around 0, so that light scales all three channels alike."""
    return cv2.subtract(picture, _NEUTRAL, dtype=cv2.CV_32F)


def _square(image: Image) -> Image:
    """Squared length of every pixel's three channels."""
    return cv2.transform(cv2.multiply(image, image), np.ones((1, 3), np.float32))


def _cells(picture: Picture) -> NDArray[np.uint16]:
    """Which of 16³ colour cells each pixel falls in."""
    coarse = (picture >> 4).astype(np.uint16)
    return (coarse[..., 0] << 8) | (coarse[..., 1] << 4) | coarse[..., 2]


def _common_colours(picture: Picture) -> NDArray[np.bool_]:
    """Which cells hold at least a two-hundredth of `picture`, the cells beside them included: (4096,)."""
    counts = np.bincount(_cells(picture).reshape(-1), minlength=4096).reshape(16, 16, 16)
    common = np.pad(counts > counts.sum() / 200, 1)
    near = np.zeros((16, 16, 16), bool)
    for x in range(3):
        for y in range(3):
            for z in range(3):
                near |= common[x : x + 16, y : y + 16, z : z + 16]
    return near.reshape(-1)
