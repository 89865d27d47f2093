"""The `flow` method: every part of the edit follows its own surface. CPU only, no weights."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.edit import Keyframe
from engine.flow.analyse import Part, parts
from engine.flow.carry import CONTEXT, Carried, Carrier, Painter
from engine.flow.remove import Remover
from engine.geometry import Box, Size
from engine.media.clip import ClipInfo, Frame
from engine.method import Method, OnStep, Painted
from engine.motion.cuts import CutDetector
from engine.motion.picture import picture, working_size
from engine.plan import Cost
from engine.request import FlowSettings

Image = NDArray[np.float32]

BUDGET = 60_000
"""Working pixels of all tracked regions together: motion is found at the largest scale that fits."""


TINY, SHORT = 96, 192
"""A frame with a short side of at most the first, pixels, is enlarged to the second: less than twice gains nothing."""


@dataclass(frozen=True)
class Followed:
    """The edit's parts in frame `index`; none beyond a scene cut. `warnings` are sentences for the artist."""

    index: int
    parts: tuple[Carried, ...] = ()
    cut: bool = False
    warnings: tuple[str, ...] = ()


class FlowMethod(Method):
    """The embedded default."""

    def __init__(self, settings: FlowSettings | None = None) -> None:
        super().__init__()
        self._settings = settings or FlowSettings()

    def cost(self, info: ClipInfo) -> Cost:
        """Measured on two cores of a 2020s server; see tests/benchmarks/RESULTS.md."""
        return Cost(seconds_per_frame=0.05, seconds_per_pixel=2.5e-7, bytes_per_pixel=400, base_bytes=200_000_000)

    def propagate(
        self, keyframe: Keyframe, source: Frame, frames: Iterable[Frame], on_step: OnStep = lambda step: None
    ) -> Iterator[Painted]:
        """See `Method.propagate`. A scene cut ends the propagation: frames beyond it stay as they are."""
        for followed in self.follow(keyframe, source, frames):
            yield merged(followed.index, followed.parts, followed.warnings)

    def follow(self, keyframe: Keyframe, source: Frame, frames: Iterable[Frame]) -> Iterator[Followed]:
        """The parts of the edit, in each of `frames`, apart."""
        original = np.clip(source.rgb(), 0, 1)
        found = parts(keyframe.rgb, original, keyframe.mask, self._settings.transfer)
        del original
        size = working_size(source.size, _scale(found, source.size))
        first = picture(source, size)
        carriers: list[Carrier] = [
            (Remover if part.kind == "removal" else Painter)(part, keyframe, source, first) for part in found
        ]
        cuts = CutDetector(first)
        cut = False
        for frame in frames:
            if cut:
                yield Followed(frame.index, cut=True)
                continue
            seen = picture(frame, size)
            if cuts.step(seen):
                cut = True
                warning = (
                    f"A scene cut lies between frame {keyframe.index} and frame {frame.index}: the edit ends there. "
                    "Edit a frame of the other scene to go on."
                )
                yield Followed(frame.index, cut=True, warnings=(warning,))
                continue
            yield Followed(frame.index, tuple(carrier.carry(frame, seen) for carrier in carriers))


def _scale(found: list[Part], frame: Size) -> float:
    """The working scale at which the regions of all parts, with their context, fit the budget.

    A tiny frame is enlarged: the search for motion and its windows are made for things of tens of pixels.
    """

    def pixels(scale: float) -> float:
        return sum((part.box.width * scale + 2 * CONTEXT) * (part.box.height * scale + 2 * CONTEXT) for part in found)

    low, high = 0.05, 1.0 if min(frame) > TINY else SHORT / min(frame)
    if pixels(high) <= BUDGET:
        return high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if pixels(middle) <= BUDGET else (low, middle)
    return low


def merged(index: int, carried: Sequence[Carried], warnings: tuple[str, ...] = ()) -> Painted:
    """The parts laid over one another, the first lowest."""
    shown = [part for part in carried if part.box.area > 0]
    if not shown:
        empty = np.zeros((0, 0, 3), np.float32)
        return Painted(index, Box(0, 0, 0, 0), empty, empty[..., 0], 0.0, warnings)
    box = shown[0].box
    for part in shown[1:]:
        box = box.union(part.box)
    rgb, matte = shown[0].rgb, shown[0].matte
    if len(shown) > 1:
        rgb = np.zeros((box.height, box.width, 3), np.float32)
        matte = np.zeros((box.height, box.width), np.float32)
        for part in shown:
            inside = np.s_[part.box.y - box.y : part.box.bottom - box.y, part.box.x - box.x : part.box.right - box.x]
            over, below = part.matte, matte[inside] * (1 - part.matte)
            total = np.maximum(over + below, np.float32(1e-6))[..., None]
            rgb[inside] = (part.rgb * over[..., None] + rgb[inside] * below[..., None]) / total
            matte[inside] = over + below
    return Painted(index, box, rgb, matte, confidence(carried), warnings)


def confidence(carried: Sequence[Carried]) -> float:
    """How much of the parts was seen as it was in the keyframe, [0, 1]."""
    area = sum(part.area for part in carried)
    return min(1.0, sum(part.seen for part in carried) / area) if area > 0 else 0.0
