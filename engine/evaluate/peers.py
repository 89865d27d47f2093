"""Plain ways to carry an edit along optical flow, which `flow` is held against: no consistency test, no colours fitted.

The paint and its mask are pulled to each frame through a backward map of the whole frame, and laid over the frame. No
matte is narrowed where something passes in front, and nothing stops at a scene cut.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import cast

import cv2
import numpy as np

from engine.edit import Keyframe
from engine.geometry import Box
from engine.image import ABSENT, Image, sample
from engine.media.clip import ClipInfo, Frame
from engine.method import Method, OnStep, Painted
from engine.motion.maps import grid
from engine.motion.picture import Luma
from engine.plan import Cost

Flow = Callable[[Luma, Luma], Image]
"""Where every pixel of the first went in the second, less where it was: (height, width, 2), pixels."""


def inverse_search() -> Flow:
    """Dense inverse search (Kroeger et al. 2016) of the whole frame, at OpenCV's medium preset."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return lambda previous, current: cast(Image, search.calc(previous, current, ABSENT))


def lucas_kanade() -> Flow:
    """scikit-image's iterative Lucas-Kanade (Le Besnerais and Champagnat 2005)."""
    optical_flow_ilk = import_module("skimage.registration").optical_flow_ilk  # optional, and partly typed

    def flow(previous: Luma, current: Luma) -> Image:
        rows, columns = optical_flow_ilk(previous / np.float32(255), current / np.float32(255), dtype=np.float32)
        return np.stack([columns, rows], axis=-1)

    return flow


class Warp(Method):
    """Pulls the paint through a backward map: the keyframe's positions (height, width, 2) that a frame sees."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self._flow = flow

    def cost(self, info: ClipInfo) -> Cost:
        return Cost(seconds_per_frame=0.05, seconds_per_pixel=1e-7)

    def propagate(
        self, keyframe: Keyframe, source: Frame, frames: Iterable[Frame], on_step: OnStep = lambda step: None
    ) -> Iterator[Painted]:
        """See `Method.propagate`."""
        box = Box.full(source.size)
        first = previous = source.luma8()
        back = grid(source.size.width, source.size.height)
        for frame in frames:
            luma = frame.luma8()
            back = self._back(first, previous, luma, back)
            rgb = np.clip(sample(keyframe.rgb, back, cubic=True), 0, 1)
            yield Painted(frame.index, box, rgb, sample(keyframe.mask, back, outside=0), confident_fraction=1.0)
            previous = luma

    @abstractmethod
    def _back(self, first: Luma, previous: Luma, luma: Luma, back: Image) -> Image:
        """The map of a frame whose predecessor's is `back`; `first` is the keyframe's luma."""


class Chained(Warp):
    """From each frame to the one before it: errors add up."""

    def _back(self, first: Luma, previous: Luma, luma: Luma, back: Image) -> Image:
        height, width = luma.shape
        return sample(back, grid(width, height) + self._flow(luma, previous))


class Direct(Warp):
    """From each frame to the keyframe at once: large motion is not found."""

    def _back(self, first: Luma, previous: Luma, luma: Luma, back: Image) -> Image:
        height, width = luma.shape
        return grid(width, height) + self._flow(luma, first)


PEERS: Mapping[str, Callable[[], Warp] | None] = {
    "chained warping": lambda: Chained(inverse_search()),
    "direct warping": lambda: Direct(inverse_search()),
    "scikit-image, chained": (lambda: Chained(lucas_kanade())) if find_spec("skimage") else None,
}
"""By what a table calls them; None where it is not installed."""
