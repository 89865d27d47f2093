"""The contract that every propagation method keeps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.edit import Keyframe
from engine.geometry import Box
from engine.media.clip import Clip
from engine.plan import Span


@dataclass(frozen=True)
class Painted:
    """What a method made of one frame: pixels and matte inside `box`; outside it the frame is the source's.

    `rgb` (box.height, box.width, 3) float32, straight R'G'B' in [0, 1] in the clip's own primaries and transfer.
    `matte` (box.height, box.width) float32 in [0, 1].
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

    def propagate(self, clip: Clip, keyframe: Keyframe, span: Span) -> Iterator[Painted]:
        """Yield one `Painted` for each frame of `span`, in the span's order, which starts beside the keyframe."""
        ...
