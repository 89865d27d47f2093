"""Pictures as a clip's frames."""

from collections.abc import Iterable

import numpy as np

from engine.evaluate.metrics.likeness import Images
from engine.image import Image, channels
from engine.media.clip import Frame
from engine.media.color import rgb_layout
from engine.method import Painted


def frame_of(index: int, rgb: Image) -> Frame:
    """A frame of 8-bit R'G'B' planes, from R'G'B' (height, width, 3) in [0, 1]."""
    levels = np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
    return Frame(index, index, channels(levels), rgb_layout(8, False))


def laid_over(source: Images, edited: Image, painted: Iterable[Painted]) -> Images:
    """`source` with what a method made over it; its first picture is `edited`, the keyframe."""
    made = source.copy()
    made[0] = edited
    for paint in painted:
        if paint.box.area:
            place = made[paint.index][paint.box.slices]
            place += paint.matte[..., None] * (paint.rgb - place)
    return made
