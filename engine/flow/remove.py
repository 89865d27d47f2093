"""Carrying a removal: what was removed is followed and covered by what lies behind it."""

import numpy as np
from numpy.typing import NDArray

from engine.edit import Keyframe
from engine.flow.analyse import Part
from engine.flow.carry import CONTEXT, Carried, trust, without_specks
from engine.flow.lattice import Lattice, looked_up
from engine.geometry import Box, Size
from engine.image import channels, dilated, resized, sample, soft, square, within
from engine.media.clip import Frame
from engine.motion.maps import grid, push_pull
from engine.motion.picture import Picture
from engine.motion.track import Motion, Tracker

Image = NDArray[np.float32]

CLEAR = 13
"""Side of the square by which the mask must have left a pixel before that pixel counts as uncovered."""

EDGE = 7
"""Side of the square by which what is seen of the removed thing grows: its edge is half the background's colour."""


class Remover:
    """Carries a removal. The mask follows what was removed, the cleaned keyframe follows what lies behind it.

    The artist's paint stands for the background only until the clip shows the real one: pixels of the painted place
    that get uncovered replace it in the plate.
    """

    def __init__(self, part: Part, keyframe: Keyframe, source: Frame, first: Picture) -> None:
        self._part = part
        self._lattice = Lattice(source.size, Size(first.shape[1], first.shape[0]))
        region = self._lattice.region(part.box, CONTEXT)
        self._mask = part.mask_in(Box.full(source.size))
        working = resized(self._mask, *self._lattice.working)[region.slices]
        around = 1 - dilated(working, square(5))
        self._removed = Tracker(first, region, np.where(working > 0.5, working, np.float32(0)))
        self._behind = Tracker(first, region, around)
        tracked = self._behind.region
        self._around = around[: tracked.height, : tracked.width]
        self._plate = keyframe.rgb.copy()

    def carry(self, frame: Frame, seen: Picture) -> Carried:
        """See `engine.flow.carry.Carrier`."""
        removed, behind = self._removed.step(seen), self._behind.step(seen)
        box = self._lattice.reach(removed, self._part.box)
        if box.area == 0:
            return Carried.nothing()
        there = self._lattice.backward(removed, box)
        carried = sample(self._mask, self._lattice.dense(self._lattice.to_full(there), box), outside=0.0)
        # A pixel larger, for what moved less than a pixel.
        mask = soft(dilated(carried, square(3)), 3)
        covered = np.zeros((frame.size.height, frame.size.width), np.float32)
        covered[box.slices] = dilated(mask, square(CLEAR))
        clear = self._clear(behind, covered)
        back = self._lattice.backward(behind, box)
        gain, open_view = looked_up([behind.gain, clear], back, self._behind.region)
        known = [without_specks(removed.confidence), without_specks(removed.kinship)]
        same, kin = (trust(self._lattice.dense(v, box)) for v in looked_up(known, there, self._removed.region))
        # Grown over the thing's blurred edge; beyond the mask there is nothing to lay over anyway.
        visible = dilated(np.maximum(same, kin * trust(self._lattice.dense(open_view, box))), square(EDGE))
        where = self._lattice.dense(self._lattice.to_full(back), box)
        rgb = sample(self._plate, where, cubic=True) * self._lattice.dense(gain, box)[..., None]
        self._reveal(frame, behind, covered, clear)
        height, width = self._mask.shape
        inside = within(where, (0, 0), (width - 1, height - 1))
        return Carried(box, np.clip(rgb, 0, 1), mask * visible, mask, float((mask * visible * inside).sum()))

    def _clear(self, behind: Motion, covered: Image) -> Image:
        """Whether nothing else is in front, on the tracked region's grid: told by the background around.

        Where the background around is hidden, so is what was removed.
        """
        hidden = sample(covered, self._lattice.to_full(behind.forward.positions()), outside=1.0)
        telling = self._around * (hidden < 0.01)
        return push_pull(behind.confidence[..., None], telling.astype(np.float32))[..., 0]

    def _reveal(self, frame: Frame, behind: Motion, covered: Image, clear: Image) -> None:
        """Take into the plate what the frame shows of the painted place, now that the removed thing has left it."""
        place = self._part.box
        points = self._lattice.to_working(grid(place.width, place.height, place.x, place.y))
        there = self._lattice.to_full(behind.forward.at(points))
        gain, open_view = looked_up([behind.gain, clear], points, self._behind.region)
        shown = (sample(covered, there, outside=1.0) < 0.01) & (self._part.mask > 0) & (open_view > 0.75)
        if not shown.any():
            return
        xs, ys = channels(there)
        around = Box.around(int(xs.min()) - 2, int(ys.min()) - 2, int(xs.max()) + 3, int(ys.max()) + 3, frame.size)
        if around.area == 0:
            return
        pixels = np.clip(frame.rgb(around), 0, 1)
        real = sample(pixels, there - np.array([around.x, around.y], np.float32), cubic=True)
        self._plate[place.slices][shown] = (real / np.maximum(gain, np.float32(0.1))[..., None])[shown]
