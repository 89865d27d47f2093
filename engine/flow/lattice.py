"""Between the keyframe's pixels, the working pixels that motion is found in, and a frame's pixels."""

import numpy as np
from numpy.typing import NDArray

from engine.geometry import Box, Size
from engine.image import channels, sample, stacked, stretched
from engine.motion.maps import grid
from engine.motion.track import Motion

Image = NDArray[np.float32]


class Lattice:
    """Converts positions and boxes between full pixels and working pixels, and looks maps up in a frame.

    Maps are smooth, so they are inverted on a lattice over the frame: one point for each working pixel or two full
    ones, whichever is coarser. `dense` brings what was found there to every pixel.
    """

    def __init__(self, full: Size, working: Size) -> None:
        self.full, self.working = full, working
        self._scale = np.array([working.width / full.width, working.height / full.height], np.float32)
        self._step = max(2 if working.width <= full.width else 1, round(full.width / working.width))

    def to_working(self, points: Image) -> Image:
        """Full positions (…, 2) in working pixels: pixel centres keep their place in the picture."""
        return (points + np.float32(0.5)) * self._scale - np.float32(0.5)

    def to_full(self, points: Image) -> Image:
        """Working positions (…, 2) in full pixels."""
        return (points + np.float32(0.5)) / self._scale - np.float32(0.5)

    def region(self, box: Box, context: int) -> Box:
        """The working box around a full one, `context` working pixels larger on every side."""
        sx, sy = (float(scale) for scale in self._scale)
        left, top = int(box.x * sx), int(box.y * sy)
        right, bottom = -int(-box.right * sx // 1), -int(-box.bottom * sy // 1)
        return Box.around(left, top, right, bottom, self.working).grown(context, self.working)

    def reach(self, motion: Motion, box: Box) -> Box:
        """The full box in the frame that holds all of the keyframe's `box`."""
        points = grid(box.width // 8 + 2, box.height // 8 + 2, box.x, box.y, 8.0)
        xs, ys = channels(self.to_full(motion.forward.at(self.to_working(points))))
        left, top = int(np.floor(xs.min())), int(np.floor(ys.min()))
        right, bottom = int(np.ceil(xs.max())), int(np.ceil(ys.max()))
        return Box.around(left - 3, top - 3, right + 4, bottom + 4, self.full)

    def backward(self, motion: Motion, box: Box) -> Image:
        """Working keyframe positions that are seen at the lattice's points in the frame's `box`."""
        step = self._step
        offset = (step - 1) / 2
        points = grid(-(-box.width // step), -(-box.height // step), box.x + offset, box.y + offset, float(step))
        return motion.forward.inverted(self.to_working(points))

    def dense(self, values: Image, box: Box) -> Image:
        """Values on the lattice of `box`, interpolated to its every pixel."""
        height, width = values.shape[:2]
        every = stretched(values, width * self._step, height * self._step)
        return every[: box.height, : box.width]


def looked_up(values: list[Image], positions: Image, region: Box) -> tuple[Image, ...]:
    """Values of the tracked region's grid at working keyframe positions; beyond the region its border holds."""
    found = sample(stacked(values), positions - np.array([region.x, region.y], np.float32))
    return channels(found) if len(values) > 1 else (found,)
