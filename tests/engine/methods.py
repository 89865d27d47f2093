"""An honest small method for tests: it knows how the clip moves, and keeps the contract."""

from collections.abc import Iterator

import numpy as np

from engine.composite import keyframe_painted
from engine.edit import Keyframe
from engine.geometry import Box, Size
from engine.media.clip import ClipInfo, Frame
from engine.method import Footage, Method, OnStep, Painted
from engine.plan import Cost


class ShiftMethod(Method):
    """Moves the keyframe's paint by `step` pixels to the left a frame; frames from `cut` on keep none of it."""

    def __init__(self, step: int = 2, cut: int | None = None) -> None:
        super().__init__()
        self._step, self._cut = step, cut

    def cost(self, info: ClipInfo) -> Cost:
        return Cost(seconds_per_frame=0.001, seconds_per_pixel=1e-8)

    def propagate(self, keyframe: Keyframe, source: Frame, frames: Footage, on_step: OnStep) -> Iterator[Painted]:
        assert source.index == keyframe.index
        painted = keyframe_painted(keyframe)
        for frame in frames:
            if self._cut is not None and frame.index >= self._cut:
                nothing = np.zeros((0, 0, 3), np.float32)
                yield Painted(frame.index, Box(0, 0, 0, 0), nothing, nothing[..., 0], 0.0, ("A cut ends the edit.",))
                continue
            left = painted.box.x - self._step * (frame.index - keyframe.index)
            box = Box.around(left, painted.box.y, left + painted.box.width, painted.box.bottom, frame.size)
            columns = slice(box.x - left, box.x - left + box.width)
            confident = 0.9 if Size(box.width, box.height) == Size(painted.box.width, painted.box.height) else 0.4
            yield Painted(frame.index, box, painted.rgb[:, columns], painted.matte[:, columns], confident)
