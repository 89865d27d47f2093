"""What a region of the keyframe looks like, and whether a later frame still shows it."""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.image import Image, blur, box_mean, channels, dilated, disc, eroded, mixed, opened, ratio, stacked
from engine.motion.picture import NOISE, Picture
from engine.motion.polish import Pattern

SLIP = 0.35
"""Misregistration that must not count as a difference, pixels."""

LEADING = 0.95
"""Lead from which on a pixel is the surface itself, not its outline."""

PALETTE = 15
"""Side of the neighbourhood whose colours count as the surface's own, pixels."""

LIGHT = 31
"""Side of the window over which light is taken to be even, pixels."""

SPECK = 5
"""Diameter of the smallest patch that single pixels prove, pixels."""

DARKEST, BRIGHTEST = 1 / 32, 32.0
"""Range of the light over the keyframe's: beyond it a picture is black or white, and tells no more of its light."""

FADE = 0.1
"""Change of light in one frame, over the keyframe's light, that is taken for a fade."""

# A scalar, where the stubs of OpenCV ask for an array.
_NEUTRAL = cast(Image, (0.0, 128.0, 128.0, 0.0))


class Surface:
    """A region's appearance in the keyframe. Every array lies on the region's grid (height, width).

    `leads` in [0, 1]: whose motion it is that is followed; at 1, whose colours are the surface's own (where nothing
    leads so far, all are).
    """

    def __init__(self, picture: Picture, leads: Image) -> None:
        self._colour = _centred(picture)
        self._luma: Image = np.ascontiguousarray(self._colour[..., 0])
        self.pattern = Pattern.of(self._luma)
        """What frames are registered to."""
        slope = np.zeros_like(self._luma)
        for channel in channels(self._colour):
            for dx, dy in ((1, 0), (0, 1)):
                step = cast(Image, cv2.Sobel(channel, cv2.CV_32F, dx, dy, scale=1 / 8))
                slope += step * step
        # What noise of two frames and a small slip look like, summed over the three channels.
        self._tolerance = blur(3 * NOISE**2 + box_mean(slope, 3, cv2.BORDER_REFLECT_101) * SLIP**2, 5)
        self._detail = blur(slope, 9)
        self._leads = leads
        own = leads > LEADING if leads.max() > LEADING else np.ones(leads.shape, np.bool_)
        window = disc(PALETTE)
        self._darkest = eroded(np.where(own[..., None], self._colour, np.float32(255)), window)
        self._brightest = dilated(np.where(own[..., None], self._colour, np.float32(-255)), window)
        self._common = _common_colours(picture[own])

    def texture(self, gain: Image) -> Image:
        """How well the region's detail, in this light (h, w), pins down the motion that is followed, in [0, 1]."""
        detail = self._detail * (gain * gain)
        return self._leads * ratio(detail, detail + np.float32(NOISE**2))

    def agreement(self, there: Picture, gain: Image) -> Image:
        """How well what is seen (h, w, 3) matches this surface under `gain` (h, w), in [0, 1], pixel by pixel."""
        return self._patches(self._difference(there, gain))

    def sharp_agreement(self, there: Picture, gain: Image) -> tuple[Image, Image]:
        """`agreement`, and the same sharp at the edges of what is in front.

        There single pixels may prove what their wider patch cannot.
        """
        difference = self._difference(there, gain)
        patches = self._patches(difference)
        pixels = _likeness(ratio(box_mean(difference, 3), self._tolerance))
        return patches, np.maximum(patches, opened(pixels, disc(SPECK)))

    def kinship(self, there: Picture, gain: Image) -> Image:
        """How well the colours seen could be this surface's, in [0, 1].

        Were its own pattern to shift, as reflections do, they would be.
        """
        seen = ratio(_centred(there), np.maximum(gain, np.float32(0.1))[..., None])
        miss = _square(seen - np.minimum(np.maximum(seen, self._darkest), self._brightest))
        miss[self._common[_cells(_uncentred(seen))]] = 0
        return _likeness(blur(miss, 5) * np.float32(1 / (6 * NOISE**2)))

    def relit(self, there: Picture, gain: Image, confidence: Image) -> Image:
        """The gain (h, w) that explains what is seen: a low-pass ratio where it is confident, else `gain` as it was."""
        seen = there[..., 0].astype(np.float32)
        weight = confidence * confidence
        sums = blur(stacked([weight * seen * self._luma, weight * self._luma * self._luma]), LIGHT)
        prior = np.float32(0.02 * 128**2)
        found = ratio(sums[..., 0] + prior * gain, sums[..., 1] + prior)
        # Light does not jump between frames; what does is something else in front. Out of the dark it fades by steps.
        lowest = np.minimum(gain * np.float32(0.85), gain - np.float32(FADE))
        highest = np.maximum(gain * np.float32(1.18), gain + np.float32(FADE))
        return np.clip(np.clip(found, lowest, highest), DARKEST, BRIGHTEST)

    def _difference(self, there: Picture, gain: Image) -> Image:
        return _square(_centred(there) - self._colour * gain[..., None])

    def _patches(self, difference: Image) -> Image:
        return _likeness(ratio(blur(difference, 5), self._tolerance))


def _likeness(times: Image) -> Image:
    """From difference over tolerance to [0, 1]: a half where the difference is four times what is tolerated."""
    quarter = times * np.float32(0.25)
    return ratio(1, 1 + quarter * quarter)


def _centred(picture: Picture) -> Image:
    """Float, with the colour differences around 0, so that light scales all three channels alike."""
    return cast(Image, cv2.subtract(picture, _NEUTRAL, dtype=cv2.CV_32F))


def _uncentred(colours: Image) -> Picture:
    return cast(Picture, cv2.add(colours, _NEUTRAL, dtype=cv2.CV_8U))


def _square(image: Image) -> Image:
    """Squared length of every pixel's three channels."""
    return mixed(image * image, np.ones((1, 3), np.float32))


def _cells(picture: Picture) -> NDArray[np.uint16]:
    """Which of 16³ colour cells each pixel falls in."""
    coarse = (picture >> 4).astype(np.uint16)
    return cast(NDArray[np.uint16], (coarse[..., 0] << 8) | (coarse[..., 1] << 4) | coarse[..., 2])


def _common_colours(picture: Picture) -> NDArray[np.bool_]:
    """Which cells hold at least a two-hundredth of the pixels (n, 3), the cells beside them included: (4096,)."""
    counts = np.bincount(_cells(picture).reshape(-1), minlength=4096).reshape(16, 16, 16)
    common = np.pad(counts > counts.sum() / 200, 1)
    near = np.zeros((16, 16, 16), bool)
    for x in range(3):
        for y in range(3):
            for z in range(3):
                near |= common[x : x + 16, y : y + 16, z : z + 16]
    return near.reshape(-1)
