"""What the model is shown of a span: pixels, and where the edit is, found anew where it was lost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.composite import flatten
from engine.flow.method import FlowMethod
from engine.geometry import Box, Size
from engine.image import Image
from engine.media.clip import Frame
from engine.plan import Window
from engine.videoshop.chain import Link, Seen
from engine.videoshop.region import Region
from engine.videoshop.trace import Trace, traced
from engine.videoshop.viewer import Viewer
from tests.engine.flow.scene import edited, ellipse, label, laid, panned, rendered

FRAME = Size(160, 96)
PATCH = ellipse(60, 45, 18, 14, *FRAME)
FRAMES = rendered(lambda t: panned(t, *FRAME), range(9))
RGB = laid(np.clip(FRAMES[0].rgb(), 0, 1), label(PATCH), PATCH)
KEYFRAME = edited(RGB, PATCH)


@dataclass(frozen=True)
class Shots:
    """The frames after the first."""

    frames: Sequence[Frame]
    windows: Sequence[Window] = ()

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)

    def ahead(self, skip: int = 0) -> Iterator[Frame]:
        return iter(self.frames[skip:])


def trace() -> Trace:
    return traced(KEYFRAME, FRAMES[0], iter(FRAMES[1:]), len(FRAMES) - 1, lambda step: None)


def strayed(known: Trace, since: int) -> Trace:
    """The same, lost from frame `since` on: nothing was seen, and the outline stays behind."""
    stale = replace(known.outlines[since - 1], confident=0.0, slack=12.0)
    return replace(known, outlines=(*known.outlines[:since], *[stale] * (len(known.outlines) - since)))


def region() -> Region:
    return Region.around(Box.full(FRAME), FRAME, FRAME.width * FRAME.height, multiple=8, factor=4, localised=True)


def viewer(known: Trace, carries: bool = False) -> Viewer:
    return Viewer(KEYFRAME, FRAMES[0], Shots(FRAMES[1:]), known, region(), carries=carries)


def made(seen: Seen, place: Image) -> Link:
    """The frame as the model made it: the label where `place` is."""
    rgb = laid(np.ascontiguousarray(seen.pixels.permute(1, 2, 0).numpy()), label(place), place)
    return Link(seen, torch.from_numpy(rgb).permute(2, 0, 1), seen.pixels)


def middle(matte: Image) -> tuple[float, float]:
    ys, xs = np.mgrid[: matte.shape[0], : matte.shape[1]]
    return float((xs * matte).sum() / matte.sum()), float((ys * matte).sum() / matte.sum())


def test_frames_come_with_the_outlines_that_were_followed_from_the_keyframe() -> None:
    known = trace()
    shown = list(viewer(known)(range(0, 4), None))
    assert [seen.index for seen in shown] == [0, 1, 2, 3]
    assert [seen.outline for seen in shown] == list(known.outlines[:4])
    for seen in shown:
        place = np.array(middle(seen.matte))
        assert np.abs(place - middle(known.outlines[seen.index].on(Box.full(FRAME), FRAME))).max() < 0.5


def test_every_third_frame_is_shown_where_only_those_are_made() -> None:
    assert [seen.index for seen in viewer(trace())(range(0, 9, 3), None)] == [0, 3, 6]


def test_what_is_sure_is_not_looked_for_again() -> None:
    known = trace()
    view = viewer(known)
    first = list(view(range(0, 5), None))
    later = list(view(range(5, 9), made(first[-1], PATCH)))
    assert [seen.outline for seen in later] == list(known.outlines[5:])


def test_an_edit_that_was_lost_is_followed_from_the_last_frame_that_the_model_made() -> None:
    known = trace()
    view = viewer(strayed(known, 3))
    first = list(view(range(0, 5), None))
    true = known.outlines[4].on(Box.full(FRAME), FRAME)
    later = list(view(range(5, 9), made(first[-1], true)))
    assert [seen.index for seen in later] == [5, 6, 7, 8]
    for seen in later:
        expected = known.outlines[seen.index].on(Box.full(FRAME), FRAME)
        overlap = np.minimum(seen.matte, expected).sum() / np.maximum(seen.matte, expected).sum()
        assert overlap > 0.75
        assert seen.outline.confident > 0.8


def test_where_the_model_made_nothing_of_it_the_doubtful_outline_stays_with_its_slack() -> None:
    lost = strayed(trace(), 3)
    view = viewer(lost)
    first = list(view(range(0, 5), None))
    later = list(view(range(5, 9), Link(first[-1], first[-1].pixels, first[-1].pixels)))
    assert [seen.outline for seen in later] == list(lost.outlines[5:])
    assert all(seen.slack > 0 for seen in later)


def test_frames_are_shown_with_the_edit_carried_over_them_where_that_is_asked() -> None:
    view = viewer(trace(), carries=True)
    first, *shown = view(range(0, 9, 2), None)
    assert first.base is None  # the keyframe is what the artist made it
    assert all(seen.base is None for seen in viewer(trace())(range(0, 9, 2), None))
    carried = {painted.index: painted for painted in FlowMethod().propagate(KEYFRAME, FRAMES[0], FRAMES[1:])}
    for seen in shown:
        assert seen.base is not None
        there = seen.base.pixels.permute(1, 2, 0).numpy()
        expected = flatten(FRAMES[seen.index], carried[seen.index]).rgb()
        assert np.abs(there - expected).max() < 1.5 / 255
        assert seen.base.held[ellipse(*middle(seen.matte), 14, 10, *FRAME) == 1].min() > 0.9
        assert not seen.base.held[ellipse(*middle(seen.matte), 26, 22, *FRAME) == 0].any()


def test_what_flow_still_sees_of_an_edit_is_carried_where_its_outline_was_lost() -> None:
    view = viewer(strayed(trace(), 3), carries=True)
    first = list(view(range(0, 5), None))
    later = list(view(range(5, 9), made(first[-1], PATCH)))
    assert all(seen.base is not None and seen.base.held.max() > 0.9 for seen in later)
