"""The frames between two that the model made: the edit carried there from both by `flow`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from engine.composite import fuse
from engine.edit import Keyframe
from engine.flow.method import FlowMethod
from engine.media.clip import Frame
from engine.method import Painted
from engine.plan import weight_before
from engine.request import FlowSettings

Made = TypeVar("Made")


@dataclass(frozen=True)
class Anchor:
    """A frame of the clip and what was made of it."""

    frame: Frame
    painted: Painted

    @property
    def keyframe(self) -> Keyframe:
        """The same as a frame that was edited by hand."""
        rgb = np.clip(self.frame.rgb(), 0, 1)
        mask = np.zeros(rgb.shape[:2], np.float32)
        place = self.painted.box.slices
        mask[place] = self.painted.matte
        np.copyto(rgb[place], self.painted.rgb, where=self.painted.matte[..., None] > 0)
        return Keyframe(self.frame.index, rgb, mask)


def woven(
    first: Anchor,
    frames: Iterable[Frame],
    made: Iterator[tuple[int, Made]],
    painted: Callable[[Frame, Made], Painted],
) -> Iterator[Painted]:
    """Paint `frames`, those after `first`, in their order. `made` are some of them with their places, from 1, in order:
    those are `painted`, and from them the frames between.
    """
    near, between = first, list[Frame]()
    place, coming = next(made, (0, None))
    for number, frame in enumerate(frames, start=1):
        between.append(frame)
        if number != place or coming is None:
            continue
        far = Anchor(frame, painted(frame, coming))
        yield from filled(near, between[:-1], far)
        yield far.painted
        near, between = far, []
        place, coming = next(made, (0, None))
    yield from filled(near, between, None)


def filled(near: Anchor, frames: Sequence[Frame], far: Anchor | None) -> Iterator[Painted]:
    """Paint `frames`, the neighbours of `near` in their order, up to those of `far` if there is one."""
    if not frames:
        return
    method = FlowMethod(FlowSettings(transfer="opaque"))
    onward = method.propagate(near.keyframe, near.frame, frames)
    if far is None:
        yield from onward
        return
    back = list(method.propagate(far.keyframe, far.frame, frames[::-1]))
    for frame, one, other in zip(frames, onward, reversed(back), strict=True):
        reached, left = abs(frame.index - near.frame.index), abs(far.frame.index - frame.index)
        share = weight_before(reached, 0, reached + left, one.confident_fraction, other.confident_fraction)
        yield fuse(one, other, share)
