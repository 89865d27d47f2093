"""The contract that every propagation method keeps."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.edit import Keyframe
from engine.geometry import Box
from engine.media.clip import Frame
from engine.plan import Cost


@dataclass(frozen=True)
class Painted:
    """What a method made of one frame: pixels and matte inside `box`; outside it the frame is the source's.

    `rgb` (box.height, box.width, 3) float32, straight R'G'B' in [0, 1] in the clip's own primaries and transfer,
    finite also where the matte is 0. `matte` (box.height, box.width) float32 in [0, 1]. An empty box leaves the
    frame as it is.
    `confident_fraction` is the part of the edit's area whose motion passed its tests, 1 at the keyframe.
    `warnings` are sentences for the artist, e.g. that a scene cut ended the propagation.
    """

    index: int
    box: Box
    rgb: NDArray[np.float32]
    matte: NDArray[np.float32]
    confident_fraction: float
    warnings: tuple[str, ...] = ()


class Method(Protocol):
    """A way to carry an edit through a clip. It writes no files."""

    @property
    def cost(self) -> Cost:
        """What a frame costs on the machine at hand, for the estimate before the run."""
        ...

    def propagate(self, keyframe: Keyframe, source: Frame, frames: Iterable[Frame]) -> Iterator[Painted]:
        """Yield one `Painted` for each of `frames`, in their order.

        `source` is the clip's frame at the keyframe; `frames` are the frames of one span, whose first is the keyframe's
        neighbour in time, before or after it. They stream: hold few of them.
        """
        ...
