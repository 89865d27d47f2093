"""An edit, as arrays: the frames that the artist painted, and where."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.media.clip import Frame


@dataclass(frozen=True)
class Keyframe:
    """An edited frame.

    `rgb` (height, width, 3) float32, R'G'B' in [0, 1] in the clip's own primaries and transfer, upright, at the
    clip's size; where the mask is 0 it is the clip's frame. `mask` (height, width) float32 in [0, 1]: 1 where the
    artist painted; a soft value lays `rgb` over the frame by that share.
    """

    index: int
    rgb: NDArray[np.float32]
    mask: NDArray[np.float32]


@dataclass(frozen=True)
class Edit:
    """Keyframes of one clip, by rising index, and the clip's own frame at each.

    `warnings` are sentences for the artist.
    """

    keyframes: tuple[Keyframe, ...]
    sources: tuple[Frame, ...]
    warnings: tuple[str, ...] = ()
