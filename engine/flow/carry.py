"""Carrying one part of an edit, with the surface that it was painted on, from the keyframe to a frame."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Keyframe
from engine.flow.analyse import Part
from engine.flow.lattice import Lattice, looked_up
from engine.flow.transfer import Grade, fit_grade
from engine.geometry import Box, Size
from engine.image import channels, closed, dilated, disc, eroded, opened, resized, sample, square, stacked
from engine.media.clip import Frame
from engine.motion.maps import push_pull
from engine.motion.picture import Picture
from engine.motion.track import Motion, Tracker

Image = NDArray[np.float32]

CONTEXT = 40
"""Working pixels around a part that are tracked with it: what it is painted on."""

BORDER = 8
"""Full pixels around a part that its layer holds, so that resampling at its edge finds paint."""

NEAR = 9
"""Side of the square by which a painted surface grows to hold its outline, working pixels."""

RIM = 3
"""Side of the square by which it shrinks to hold nothing but its own colours, working pixels."""

OUTLINE = 0.9
"""How much the motion of a surface's outline counts: where it has no detail, its outline shows how it moves."""

AROUND = 0.1
"""How much the motion of its surroundings counts: a label's box turns with it, a tumbler's wall does not."""

GLINT = 600
"""A change of at most this many working pixels can be a glint on the surface."""

FAINTEST = 0.02
"""Mask values up to this say nothing about the paint."""


@dataclass(frozen=True)
class Carried:
    """One part in one frame: straight colours (box.height, box.width, 3) and matte (box.height, box.width).

    `whole` is what the matte would be were nothing in front; `seen` how much of it was seen as it was in the keyframe,
    in pixels.
    """

    box: Box
    rgb: Image
    matte: Image
    whole: Image
    seen: float

    @property
    def area(self) -> float:
        """What the part would cover were nothing in front, in pixels."""
        return float(self.whole.sum())

    @classmethod
    def nothing(cls) -> "Carried":
        """A part that has left the picture."""
        empty = np.zeros((0, 0, 3), np.float32)
        return cls(Box(0, 0, 0, 0), empty, empty[..., 0], empty[..., 0], 0.0)


class Carrier(Protocol):
    """Carries one part; takes the frames of one direction in order."""

    def carry(self, frame: Frame, seen: Picture) -> Carried:
        """The part in `frame`, of which `seen` is the picture at working scale."""
        ...


class Painter:
    """Carries an opaque or an appearance edit."""

    def __init__(self, part: Part, keyframe: Keyframe, source: Frame, first: Picture) -> None:
        self._part = part
        self._lattice = Lattice(source.size, Size(first.shape[1], first.shape[0]))
        region = self._lattice.region(part.box, CONTEXT)
        self._tracker = Tracker(first, region, self._leading(region))
        around = part.box.grown(BORDER, source.size)
        self._origin = np.array([around.x, around.y], np.float32)
        mask = part.mask_in(around)
        paint = keyframe.rgb[around.slices]
        self._grade: Grade | None = None
        if part.kind == "appearance":
            before = np.clip(source.rgb(around), 0, 1)
            chosen = mask > FAINTEST
            self._grade, _ = fit_grade(before[chosen], paint[chosen], mask[chosen])
            paint = paint - self._grade(before)
        # Paint goes on beyond the mask, so that resampling at its edge mixes in nothing else.
        spread = push_pull(paint, (mask > FAINTEST).astype(np.float32))
        self._layer = stacked([*channels(spread), mask])

    def carry(self, frame: Frame, seen: Picture) -> Carried:
        """See `Carrier`. Paint is kept where the surface is seen as it was; a grade also where its pattern shifted."""
        motion = self._tracker.step(seen)
        box = self._lattice.reach(motion, self._part.box)
        if box.area == 0:
            return Carried.nothing()
        back = self._lattice.backward(motion, box)
        known = without_specks(motion.kinship if self._grade else without_glints(motion))
        visible, proven, gain = looked_up([known, motion.confidence, motion.gain], back, self._tracker.region)
        where = self._lattice.dense(self._lattice.to_full(back) - self._origin, box)
        layer = sample(self._layer, where, cubic=True, outside=0.0)
        rgb, whole = np.ascontiguousarray(layer[..., :3]), np.clip(layer[..., 3], 0, 1)
        seen_area = float((whole * trust(self._lattice.dense(proven, box))).sum())
        matte = whole * trust(self._lattice.dense(visible, box))
        if self._grade:
            rgb += self._grade(frame.rgb(box))
        else:
            rgb *= self._lattice.dense(gain, box)[..., None]
        return Carried(box, np.clip(rgb, 0, 1, out=rgb), matte, whole, seen_area)

    def _leading(self, region: Box) -> Image:
        """Whose motion counts, on the working region: the painted surface's, its outline's, a little all around's."""
        mask = (self._part.mask_in(Box.full(self._lattice.full)) > 0.1).astype(np.float32)
        working = resized(mask, *self._lattice.working)[region.slices]
        near = dilated((working > 0.25).astype(np.float32), square(NEAR))
        # Less its rim, where colours are half its neighbours'.
        own = eroded((working > 0.9).astype(np.uint8), square(RIM)) > 0
        leads = np.where(own, np.float32(1), near * np.float32(OUTLINE))
        return np.maximum(leads, np.float32(AROUND))


def trust(confidence: Image) -> Image:
    """Confidence as opacity: nothing below a quarter, all above three quarters."""
    opacity: Image = np.clip(confidence * 2 - np.float32(0.5), 0, 1)
    return opacity


def without_glints(motion: Motion) -> Image:
    """Confidence (h, w) of the region where small places of its own colours count as seen.

    A glint or a shadow changes a small place in the middle of a surface and keeps its colours; what passes in front is
    larger, of other colours, or comes in from the region's border.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((motion.confidence < 0.5).astype(np.uint8))
    height, width = labels.shape
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    glint = (stats[:, cv2.CC_STAT_AREA] < GLINT) & (left > 0) & (top > 0) & (right < width) & (bottom < height)
    glint[0] = False
    return np.where(glint[labels], np.maximum(motion.confidence, motion.kinship), motion.confidence)


def without_specks(confidence: Image) -> Image:
    """Confidence without holes and islands too small to be an occluder or a surface."""
    return opened(closed(confidence, disc(9)), disc(7))
