"""Pictures as a clip's frames."""

import numpy as np

from engine.image import Image, channels
from engine.media.clip import Frame
from engine.media.color import rgb_layout


def frame_of(index: int, rgb: Image) -> Frame:
    """A frame of 8-bit R'G'B' planes, from R'G'B' (height, width, 3) in [0, 1]."""
    levels = np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
    return Frame(index, index, channels(levels), rgb_layout(8, False))
