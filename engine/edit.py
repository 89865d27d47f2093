"""An edit, as arrays: the frames that the artist painted, and where."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Keyframe:
    """An edited frame.

    `rgb` (height, width, 3) float32, R'G'B' in [0, 1] in the clip's own primaries and transfer, upright, at the
    clip's size. `mask` (height, width) float32 in [0, 1]: 1 where the artist painted.
    """

    index: int
    rgb: NDArray[np.float32]
    mask: NDArray[np.float32]


@dataclass(frozen=True)
class Edit:
    """Keyframes of one clip, by rising index."""

    keyframes: tuple[Keyframe, ...]
