"""Carrying one part of an edit from the keyframe to a frame."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Keyframe
from engine.flow.analyse import Part
from engine.flow.transfer import Grade, fit_grade
from engine.geometry import Box, Size
from engine.media.clip import Frame
from engine.motion.maps import grid, push_pull
from engine.motion.picture import Picture
from engine.motion.track import Motion, Tracker

Image = NDArray[np.float32]

CONTEXT = 40
"""Working pixels around a part that are tracked with it: what it is painted on."""

BORDER = 8
"""Full pixels around a part that its layer holds, so that resampling at its edge finds paint."""


@dataclass(frozen=True)
class Carried:
    """One part in one frame: straight colours (box.height, box.width, 3) and matte (box.height, box.width).

    `area` is what the matte would cover were nothing in front, `seen` what it covers, both in pixels.
    """

    box: Box
    rgb: Image
    matte: Image
    area: float
    seen: float


class Carrier(Protocol):
    """Carries one part; takes the frames of one direction in order."""

    def carry(self, frame: Frame, seen: Picture) -> Carried:
        """The part in `frame`, of which `seen` is the picture at working scale."""
        ...


class Grid:
    """The keyframe's pixels and the tracker's working pixels: positions, boxes and maps between both scales."""

    def __init__(self, full: Size, working: Size) -> None:
        self.full, self.working = full, working
        self._scale = np.array([working.width / full.width, working.height / full.height], np.float32)
        # One lattice point for each working pixel or two full ones, whichever is coarser.
        self._lattice = max(2, round(full.width / working.width))

    def to_working(self, points: Image) -> Image:
        return (points + np.float32(0.5)) * self._scale - np.float32(0.5)

    def to_full(self, points: Image) -> Image:
        return (points + np.float32(0.5)) / self._scale - np.float32(0.5)

    def region(self, box: Box, context: int) -> Box:
        """The working box around a full one, `context` working pixels larger on every side."""
        sx, sy = (float(v) for v in self._scale)
        inner = Box.around(
            int(box.x * sx), int(box.y * sy), -int(-box.right * sx), -int(-box.bottom * sy), self.working
        )
        return inner.grown(context, self.working)

    def reach(self, motion: Motion, box: Box) -> Box:
        """The full box in the frame that holds all of the keyframe's `box`."""
        points = grid(max(2, box.width // 8 + 2), max(2, box.height // 8 + 2), box.x, box.y, 8.0)
        xs, ys = cv2.split(self.to_full(motion.forward.at(self.to_working(points))))
        return Box.around(
            int(np.floor(xs.min())) - 3, int(np.floor(ys.min())) - 3,
            int(np.ceil(xs.max())) + 4, int(np.ceil(ys.max())) + 4, self.full,
        )  # fmt: skip

    def lattice(self, motion: Motion, box: Box) -> Image:
        """Working keyframe positions seen on a lattice over the frame's `box`; `dense` brings it to every pixel."""
        step = self._lattice
        offset = (step - 1) / 2
        points = grid(-(-box.width // step), -(-box.height // step), box.x + offset, box.y + offset, float(step))
        return motion.forward.inverted(self.to_working(points))

    def dense(self, values: Image, box: Box) -> Image:
        """Values on the lattice of `box`, interpolated to its every pixel."""
        step = self._lattice
        height, width = values.shape[:2]
        every = cv2.resize(values, (width * step, height * step), interpolation=cv2.INTER_LINEAR)
        return every[: box.height, : box.width]


class Painter:
    """Carries an opaque or an appearance edit with the surface that it was painted on."""

    def __init__(self, part: Part, keyframe: Keyframe, source: Frame, first: Picture) -> None:
        self._part = part
        self._grid = Grid(source.size, Size(first.shape[1], first.shape[0]))
        region = self._grid.region(part.box, CONTEXT)
        self._tracker = Tracker(first, region)
        around = part.box.grown(BORDER, source.size)
        self._origin = np.array([around.x, around.y], np.float32)
        mask = _framed(part, around)
        paint = keyframe.rgb[around.slices]
        self._grade: Grade | None = None
        if part.kind == "appearance":
            before = np.clip(source.rgb(around), 0, 1)
            chosen = mask > 0.02
            self._grade, _ = fit_grade(before[chosen], paint[chosen], mask[chosen])
            paint = paint - self._grade(before)
        # Paint goes on beyond the mask, so that resampling at its edge mixes in nothing else.
        self._layer = cv2.merge([*cv2.split(push_pull(paint, (mask > 0.02).astype(np.float32))), mask])

    def carry(self, frame: Frame, seen: Picture) -> Carried:
        motion = self._tracker.step(seen)
        box = self._grid.reach(motion, self._part.box)
        if box.area == 0:
            return nothing()
        back = self._grid.lattice(motion, box)
        known = motion.kinship if self._grade else motion.confidence
        visible, gain = _looked_up([_without_specks(known), motion.gain], back, self._tracker.region)
        local = self._grid.dense(self._grid.to_full(back) - self._origin, box)
        layer = cv2.remap(self._layer, local, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
        rgb, matte = np.ascontiguousarray(layer[..., :3]), np.clip(layer[..., 3], 0, 1)
        area = float(matte.sum())
        matte = matte * np.clip(self._grid.dense(visible, box) * 2 - np.float32(0.5), 0, 1)
        if self._grade:
            rgb += self._grade(frame.rgb(box))
        else:
            rgb *= self._grid.dense(gain, box)[..., None]
        return Carried(box, np.clip(rgb, 0, 1, out=rgb), matte, area, float(matte.sum()))


class Remover:
    """Carries a removal: the mask follows what was removed, the cleaned keyframe follows what lies behind it."""

    def __init__(self, part: Part, keyframe: Keyframe, source: Frame, first: Picture) -> None:
        self._part = part
        self._grid = Grid(source.size, Size(first.shape[1], first.shape[0]))
        region = self._grid.region(part.box, CONTEXT)
        self._mask = np.zeros(keyframe.mask.shape, np.float32)
        self._mask[part.box.slices] = part.mask
        working = cv2.resize(self._mask, self._grid.working, interpolation=cv2.INTER_AREA)[region.slices]
        soft = cv2.dilate(working, np.ones((5, 5), np.uint8))
        self._removed = Tracker(first, region, np.where(working > 0.5, working, np.float32(0)))
        self._behind = Tracker(first, region, 1 - soft)
        self._plate = keyframe.rgb.copy()

    def carry(self, frame: Frame, seen: Picture) -> Carried:
        removed, behind = self._removed.step(seen), self._behind.step(seen)
        box = self._grid.reach(removed, self._part.box)
        if box.area == 0:
            return nothing()
        mask = self._carried_mask(removed, box)
        back = self._grid.lattice(behind, box)
        (gain,) = _looked_up([behind.gain], back, self._behind.region)
        where = self._grid.dense(self._grid.to_full(back), box)
        rgb = cv2.remap(self._plate, where, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        rgb *= self._grid.dense(gain, box)[..., None]
        height, width = self._mask.shape
        known = cv2.inRange(where, (0, 0), (width - 1, height - 1)).astype(np.float32) / 255
        self._reveal(frame, behind, box, mask)
        area = float(mask.sum())
        return Carried(box, np.clip(rgb, 0, 1), mask, area, float((mask * known).sum()))

    def _carried_mask(self, removed: Motion, box: Box) -> Image:
        """The mask where the removed thing now is; at the box's edge it ends softly."""
        where = self._grid.dense(self._grid.to_full(self._grid.lattice(removed, box)), box)
        mask = cv2.remap(self._mask, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return cv2.GaussianBlur(cv2.dilate(mask, np.ones((3, 3), np.uint8)), (3, 3), 0)

    def _reveal(self, frame: Frame, behind: Motion, box: Box, mask: Image) -> None:
        """Take into the plate what the frame shows of the painted place, now that the removed thing has left it."""
        place = self._part.box
        points = grid(place.width, place.height, place.x, place.y)
        there = self._grid.to_full(behind.forward.at(self._grid.to_working(points)))
        covered = np.zeros((frame.size.height, frame.size.width), np.float32)
        covered[box.slices] = cv2.dilate(mask, np.ones((13, 13), np.uint8))
        hidden = cv2.remap(covered, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=1)
        shown = (hidden < 0.01) & (self._part.mask > 0)
        if not shown.any():
            return
        xs, ys = cv2.split(there)
        source = Box.around(int(xs.min()) - 2, int(ys.min()) - 2, int(xs.max()) + 3, int(ys.max()) + 3, frame.size)
        if source.area == 0:
            return
        pixels = np.clip(frame.rgb(source), 0, 1)
        local = there - np.array([source.x, source.y], np.float32)
        real = cv2.remap(pixels, local, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        (gain,) = _looked_up([behind.gain], self._grid.to_working(points), self._behind.region)
        self._plate[place.slices][shown] = (real / np.maximum(gain, np.float32(0.1))[..., None])[shown]


def nothing() -> Carried:
    """A part that has left the picture."""
    empty = np.zeros((0, 0, 3), np.float32)
    return Carried(Box(0, 0, 0, 0), empty, empty[..., 0], 0.0, 0.0)


def _framed(part: Part, around: Box) -> Image:
    """The part's mask on the grid of a box around it."""
    mask = np.zeros((around.height, around.width), np.float32)
    mask[part.box.y - around.y : part.box.bottom - around.y, part.box.x - around.x : part.box.right - around.x] = (
        part.mask
    )
    return mask


def _looked_up(values: list[Image], positions: Image, region: Box) -> list[Image]:
    """Values of the tracked region's grid at working keyframe positions; beyond the region its border holds."""
    local = positions - np.array([region.x, region.y], np.float32)
    found = cv2.remap(cv2.merge(values), local, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return list(cv2.split(found))


def _without_specks(confidence: Image) -> Image:
    """Confidence without holes and islands too small to be an occluder or a surface."""
    closed = cv2.morphologyEx(confidence, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    return cv2.morphologyEx(closed, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
