"""What the model is shown of a span: pixels, and where the edit is in each frame."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np

from engine.edit import Keyframe
from engine.flow.method import FlowMethod
from engine.geometry import Size
from engine.image import box_mean, disc, opened, stretched
from engine.media.clip import Frame
from engine.method import Footage, Painted
from engine.videoshop.base import Base
from engine.videoshop.chain import Link, Seen
from engine.videoshop.fit import Image
from engine.videoshop.region import Region
from engine.videoshop.trace import Latest, Outline, Trace, traced

LOST = 0.25
"""An outline of which less is seen is found anew from what the model made last."""
CLEAR = 0.1
"""What differs more from the clip, in [0, 1], is the edit and no inaccuracy of the model."""
LEAST = 0.25
"""The part of the edit that has to be found again so that it can be followed from there."""


class Viewer:
    """Shows frames of a span in its order, window by window.

    The edit is where its mask was followed to from the keyframe, which does not drift. Where it was lost on the way,
    because it turned, or was covered, it is followed from the last frame that the model made.

    `carries`: frames are shown with the edit over them, too, as `flow` carries it.
    """

    def __init__(
        self, keyframe: Keyframe, source: Frame, frames: Footage, trace: Trace, region: Region, *, carries: bool
    ) -> None:
        self._start, self._source, self._frames = keyframe.index, source, frames
        self._trace, self._region = trace, region
        self._onward = self._carried(keyframe) if carries else ((frame, None) for frame in frames.ahead())

    def __call__(self, indices: Sequence[int], last: Link | None) -> Iterator[Seen]:
        """The frames `indices`, the keyframe first or, later, those after `last`."""
        begin = self._place(last.seen.index if last else self._start)
        end = self._place(indices[-1]) + 1
        outlines = self._trace.outlines[begin:end]
        if last is None:
            yield self._seen(self._source, outlines[0], None)
        elif last.plain is not None and outlines[0].confident < LOST:
            outlines = self._anew(last, begin, end) or outlines
        wanted = set(indices)
        for (frame, painted), outline in zip(islice(self._onward, end - begin - 1), outlines[1:], strict=True):
            if frame.index in wanted:
                yield self._seen(frame, outline, painted)

    def _carried(self, keyframe: Keyframe) -> Iterator[tuple[Frame, Painted | None]]:
        """Every frame after the keyframe, with the edit as `flow` carries it there."""
        latest = Latest(self._frames.ahead())
        for painted in FlowMethod().propagate(keyframe, self._source, latest):
            assert latest.frame is not None
            yield latest.frame, painted

    def _seen(self, frame: Frame, outline: Outline, painted: Painted | None) -> Seen:
        region = self._region
        pixels = region.fit.to_model(np.clip(frame.rgb(region.box), 0, 1))[0]
        base = None if painted is None else Base.of(frame, painted, region)
        return Seen(frame.index, pixels, outline, region.matte(outline), region.slack(outline), base)

    def _anew(self, last: Link, begin: int, end: int) -> tuple[Outline, ...] | None:
        """Outlines of the frames at places [begin, end), the first that of `last`; None when it is lost there too."""
        region = self._region
        changed = self._changed(last)
        if changed.sum() < LEAST * last.seen.matte.sum():
            return None
        frames = self._shown(begin, end)
        frame = next(frames)
        size = Size(region.box.width, region.box.height)
        rgb, mask = np.clip(frame.rgb(), 0, 1), np.zeros((frame.size.height, frame.size.width), np.float32)
        scaled = region.fit.scaled
        mask[region.box.slices] = stretched(np.ascontiguousarray(changed[: scaled.height, : scaled.width]), *size)
        inside = rgb[region.box.slices]
        inside += mask[region.box.slices][..., None] * (region.fit.to_frame(last.image) - inside)
        again = traced(Keyframe(frame.index, rgb, mask), frame, frames, end - begin - 1, lambda step: None)
        return again.outlines if len(again.outlines) == end - begin else None

    def _changed(self, last: Link) -> Image:
        """Where the model's frame clearly is not the clip's: 1, elsewhere 0 (rows, columns of the model's)."""
        assert last.plain is not None
        difference = (last.image - last.plain).abs().amax(0).numpy()
        near = self._region.grown(last.seen.matte, last.seen.slack)
        changed = box_mean(difference, 3) * near > CLEAR
        if last.seen.base is not None:
            changed |= last.seen.base.held > 0.5
        return opened(changed.astype(np.float32), disc(3))

    def _shown(self, begin: int, end: int) -> Iterator[Frame]:
        """The frames at places [begin, end), the keyframe's being 0."""
        if begin:
            return islice(self._frames.ahead(begin - 1), end - begin)
        return islice(chain([self._source], self._frames.ahead()), end)

    def _place(self, index: int) -> int:
        return abs(index - self._start)
