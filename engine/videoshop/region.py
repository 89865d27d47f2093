"""The part of the frame that the model works on, and what of it may change."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool2d

from engine.geometry import Box, Size
from engine.image import blur
from engine.videoshop.fit import Fit
from engine.videoshop.trace import Outline

Image = NDArray[np.float32]

CONTEXT = 0.35
"""What lies around the edit and is shown to the model with it, on each side, as a part of the edit's longer side."""
LARGEST_ZOOM = 2.0
"""How far a small part of the frame is enlarged for the model: beyond that it would see nothing but blur."""
LONGEST_ASPECT = 2.0
"""Of a crop, long side over short side."""
NEARLY_ALL = 0.7
"""The part of a frame's area above which a crop gains nothing."""
MARGIN = 2
"""Latents around the edit that may change with it: a shadow's edge, an outline that moves otherwise than foreseen."""


def crop(reach: Box, frame: Size, area: int) -> Box:
    """The part of `frame` that is worked on for an edit within `reach`, by a model that knows `area` pixels.

    With context around it, not zoomed too far, of no extreme aspect, its edges on even pixels; the whole frame where
    that is nearly as small.
    """
    context = ceil(CONTEXT * max(reach.width, reach.height, 1))
    wide, high = reach.width + 2 * context, reach.height + 2 * context
    width, height = max(wide, high / LONGEST_ASPECT), max(high, wide / LONGEST_ASPECT)
    grow = max(1.0, sqrt(area / (LARGEST_ZOOM**2 * width * height)))
    x, wide = _span(reach.x + reach.width / 2, width * grow, frame.width)
    y, high = _span(reach.y + reach.height / 2, height * grow, frame.height)
    box = Box(x, y, wide, high).aligned(2, frame)
    return Box.full(frame) if box.area > NEARLY_ALL * frame.width * frame.height else box


def _span(middle: float, length: float, side: int) -> tuple[int, int]:
    """Start and length of a stretch of `length` around `middle`, pushed into [0, side)."""
    whole = min(ceil(length), side)
    return min(max(round(middle - whole / 2), 0), side - whole), whole


@dataclass(frozen=True)
class Region:
    """The `box` of the frame that is worked on, and how its pixels fit the model's.

    `localised`: only the edit may change, and latents outside it are the clip's own.
    """

    box: Box
    fit: Fit
    factor: int
    localised: bool

    @classmethod
    def around(cls, reach: Box, frame: Size, area: int, *, multiple: int, factor: int, localised: bool) -> "Region":
        """For an edit within `reach`. `area`, `multiple` and `factor` are the model's (pixels)."""
        box = crop(reach, frame, area) if localised else Box.full(frame)
        return cls(box, Fit.of(Size(box.width, box.height), area, multiple), factor, localised)

    def matte(self, outline: Outline) -> Image:
        """The edit itself (rows, columns) on the model's grid, in [0, 1]; its border, right and below, is 0."""
        inner = outline.on(self.box, self.fit.scaled)
        padded = self.fit.padded
        whole = np.zeros((padded.height, padded.width), np.float32)
        whole[: inner.shape[0], : inner.shape[1]] = inner
        return whole

    def slack(self, outline: Outline) -> float:
        """How far the edit may be from where it is thought to be, in the model's pixels."""
        return outline.slack * self.fit.scaled.width / self.box.width

    def near(self, matte: Image, slack: float) -> Image:
        """Where the edit may be, without the margin: `matte`, and 1 around it as far as it may be off."""
        return np.asarray(np.maximum(matte, _grown(matte, slack)), np.float32)

    def grown(self, matte: Image, slack: float = 0.0) -> Image:
        """Where the edit may be, with its margin: 1, elsewhere 0."""
        return _grown(matte, slack + MARGIN * self.factor)

    def soft(self, matte: Image, slack: float = 0.0) -> Image:
        """How far the model's pixels replace the clip's: 1 in the edit, 0 where latents are the clip's own."""
        reached = _grown(matte, slack + MARGIN * self.factor / 2)
        # Blurred no further than from the edit to its margin's end: whole in the one, gone at the other.
        feathered = blur(reached, MARGIN * self.factor // 4 * 2 + 1)
        return np.asarray(np.maximum(feathered, matte) * self.grown(matte, slack), np.float32)

    def latents(self, places: Sequence[tuple[Image, float]]) -> Tensor | None:
        """Which latents may change, from mattes and their slack: 1 or 0, (frames, 1, h, w); None: all."""
        if not self.localised:
            return None
        grown = torch.from_numpy(np.stack([self.grown(matte, slack) for matte, slack in places]))[:, None]
        return max_pool2d(grown, self.factor)


def _grown(matte: Image, reach: float) -> Image:
    """1 within `reach` pixels of what `matte` shows."""
    away = cv2.distanceTransform((matte <= 0.02).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (away <= reach).astype(np.float32)
