"""Clips one above the other, to be looked at: a figure that improves while the picture gets worse is a wrong one."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from engine.evaluate.document import Pixels
from engine.evaluate.metrics.likeness import Images
from engine.image import Image, resized

WIDTH = 176
"""Pixels of one frame's width."""
LABEL = 20
"""Pixels of the line of text above each clip."""
GAP = 3
_PAPER, _INK = 28, (216, 216, 216)


def sheet(clips: Mapping[str, Sequence[Image] | Images], most: int = 8) -> Pixels:
    """`clips` of one length by their names, at most so many frames of each, spread evenly, from left to right."""
    rows: list[Pixels] = []
    for name, frames in clips.items():
        shown = dict.fromkeys(round(number) for number in np.linspace(0, len(frames) - 1, min(most, len(frames))))
        row = np.hstack([np.pad(_small(frames[number]), ((0, GAP), (0, GAP), (0, 0))) for number in shown])
        line = np.full((LABEL, row.shape[1], 3), _PAPER, np.uint8)
        cv2.putText(line, name, (2, LABEL - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
        rows += [line, row]
    return np.vstack(rows)


def _small(image: Image) -> Pixels:
    """8-bit levels at `WIDTH`; a small picture keeps its pixels."""
    levels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    height, width = levels.shape[:2]
    if width * 2 <= WIDTH:
        times = WIDTH // width
        return levels.repeat(times, 0).repeat(times, 1)
    return resized(levels, WIDTH, max(1, round(height * WIDTH / width)))
