"""Where the edit is, frame by frame: outlines kept small, and the mask followed to where it goes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.geometry import Box, Size
from engine.image import Image
from engine.media.clip import Frame
from engine.method import Step
from engine.videoshop.trace import SIDE, Outline, Trace, traced
from tests.engine.clips import texture
from tests.engine.flow.scene import edited, ellipse, frame_of, label, laid, panned, psnr, rendered

FRAME = Size(160, 100)
PATCH = ellipse(70, 45, 24, 16, *FRAME)


def seen(t: float) -> Image:
    return panned(t, *FRAME)


def iou(one: Image, other: Image) -> float:
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())


def followed(frames: list[Frame], steps: list[Step] | None = None) -> Trace:
    """A label on the first of the frames, traced through the others."""
    rgb = laid(np.clip(frames[0].rgb(), 0, 1), label(PATCH), PATCH)
    told = (lambda step: None) if steps is None else steps.append
    return traced(edited(rgb, PATCH, frames[0].index), frames[0], iter(frames[1:]), len(frames) - 1, told)


def whole(outline: Outline) -> Image:
    return outline.on(Box.full(FRAME), FRAME)


@st.composite
def placed(draw: st.DrawFn, most: int) -> Box:
    width, height = draw(st.integers(1, most)), draw(st.integers(1, most))
    return Box(draw(st.integers(0, 900)), draw(st.integers(0, 900)), width, height)


@settings(deadline=None, max_examples=60)
@given(placed(700), placed(1200), st.builds(Size, st.integers(4, 120), st.integers(4, 120)))
def test_an_outline_is_where_it_was_on_the_grid_of_any_crop(box: Box, crop: Box, size: Size) -> None:
    """To within one of its samples and one of the grid's pixels."""
    matte = Outline.of(box, np.ones((box.height, box.width), np.float32), 1.0).on(crop, size)
    assert matte.shape == (size.height, size.width)
    inside, near = [], []
    for start, length, before, across, samples in (
        (crop.x, crop.width, box.x, box.width, size.width),
        (crop.y, crop.height, box.y, box.height, size.height),
    ):
        pixel = length / samples
        middle = start + (np.arange(samples) + 0.5) * pixel
        slack = max(1, across / min(across, SIDE)) + pixel
        inside.append((middle > before + slack) & (middle < before + across - slack))
        near.append((middle > before - slack) & (middle < before + across + slack))
    assert (matte[np.outer(inside[1], inside[0])] > 0.99).all()
    assert (matte[~np.outer(near[1], near[0])] == 0).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 99), st.integers(1, SIDE), st.integers(1, SIDE))
def test_an_outline_on_its_own_grid_is_the_matte_that_went_in(seed: int, width: int, height: int) -> None:
    matte = np.random.default_rng(seed).random((height, width), np.float32)
    box = Box(7, 11, width, height)
    np.testing.assert_allclose(Outline.of(box, matte, 1.0).on(box, Size(width, height)), matte, atol=0.51 / 255)


@pytest.mark.parametrize("radius", [20, 200])
def test_a_disc_lands_at_its_place_with_its_area(radius: int) -> None:
    side = 5 * radius
    disc = ellipse(2 * radius, 3 * radius, radius, radius, side, side)
    outline = Outline.of(Box.full(Size(side, side)), disc, 1.0)
    crop, size = Box(radius // 2, radius, 3 * radius, 4 * radius), Size(60, 80)
    matte, scale = outline.on(crop, size), 20 / radius
    rows, columns = np.mgrid[0:80, 0:60] + 0.5
    assert matte.sum() == pytest.approx(np.pi * 20**2, rel=0.01)
    assert (matte * columns).sum() / matte.sum() == pytest.approx((2 * radius - crop.x + 0.5) * scale, abs=0.1)
    assert (matte * rows).sum() / matte.sum() == pytest.approx((3 * radius - crop.y + 0.5) * scale, abs=0.1)


def test_a_line_thinner_than_the_grids_pixels_is_seen_on_it() -> None:
    matte = np.zeros((200, 200), np.float32)
    matte[:, 100] = 1
    shown = Outline.of(Box(1000, 500, 200, 200), matte, 1.0).on(Box(0, 0, 3000, 1800), Size(500, 300))
    assert shown.sum() == pytest.approx(200 / 36, rel=0.1)
    assert (shown[86:114].max(axis=1) > 0.02).all()


def test_an_outline_that_has_left_the_picture_is_nowhere() -> None:
    outline = Outline.of(Box(0, 0, 0, 0), np.zeros((0, 0), np.float32), 0.0)
    assert not outline.on(Box(0, 0, 40, 30), Size(20, 10)).any()


def test_the_reach_holds_every_outline_and_none_that_left() -> None:
    boxes = [Box(10, 20, 5, 5), Box(30, 8, 6, 6), Box(0, 0, 0, 0)]
    outlines = tuple(Outline.of(box, np.ones((box.height, box.width), np.float32), 1.0) for box in boxes)
    assert Trace(outlines, ()).reach == Box(10, 8, 26, 17)


@pytest.mark.parametrize("way", [range(8, 14), range(8, 2, -1)])
def test_outlines_follow_a_moving_label_in_both_directions(way: range) -> None:
    trace = followed(rendered(seen, way))
    assert len(trace.outlines) == len(way)
    for t, outline in zip(way, trace.outlines, strict=True):
        assert iou(whole(outline), ellipse(70 - 1.7 * (t - 8), 45 - 0.6 * (t - 8), 24, 16, *FRAME)) > 0.93


def test_an_outline_goes_on_being_whole_behind_what_passes_in_front() -> None:
    def walled(t: float) -> Image:
        x = np.broadcast_to(np.arange(FRAME.width), (FRAME.height, FRAME.width))
        wall = ((x >= 10 * t - 20) & (x < 10 * t + 20)).astype(np.float32)
        green = np.full((FRAME.height, FRAME.width, 3), (0.3, 0.5, 0.3), np.float32)
        return laid(panned(t, *FRAME, speed=(0.6, 0.2)), green, wall)

    trace = followed(rendered(walled, range(13)))
    assert min(outline.confident for outline in trace.outlines) < 0.6
    for t, outline in enumerate(trace.outlines):
        assert iou(whole(outline), ellipse(70 - 0.6 * t, 45 - 0.2 * t, 24, 16, *FRAME)) > 0.85


def test_outlines_end_at_a_scene_cut_and_warnings_go_on() -> None:
    other = [frame_of(index, 0.4 * texture(FRAME.height, FRAME.width, seed=5)) for index in (3, 4)]
    steps: list[Step] = []
    trace = followed([*rendered(seen, range(3)), *other], steps)
    assert len(trace.outlines) == 3
    assert [bool(warnings) for warnings in trace.warnings] == [False, False, True, False]
    assert "frame 3" in trace.warnings[2][0]
    assert len(steps) == 4


def test_every_followed_frame_tells_a_step_that_shows_the_edit_there() -> None:
    frames = rendered(seen, range(5))
    steps: list[Step] = []
    keyframe = edited(laid(seen(0), label(PATCH), PATCH), PATCH)
    told = iter(range(5))

    def note(step: Step) -> None:
        """Previews are made when they are told, if at all."""
        steps.append(step)
        t = next(told) + 1
        assert step.preview is not None
        shown, now = step.preview(), ellipse(70 - 1.7 * t, 45 - 0.6 * t, 24, 16, *FRAME)
        assert shown.shape == (FRAME.height, FRAME.width, 3)
        assert 0 <= shown.min() <= shown.max() <= 1
        np.testing.assert_allclose(shown[now == 0][::50], seen(t)[now == 0][::50], atol=0.05)
        assert psnr(shown[now > 0.9], frames[t].rgb()[now > 0.9]) < 20
        moved = np.roll(laid(seen(0), label(PATCH), PATCH), (round(-0.6 * t), round(-1.7 * t)), (0, 1))
        assert psnr(shown[now > 0.9], moved[now > 0.9]) > 15

    traced(keyframe, frames[0], iter(frames[1:]), 4, note)
    assert [(step.stage, step.done, step.total, step.frame) for step in steps] == [
        ("propagate", t, 4, t) for t in range(1, 5)
    ]


def test_an_outline_of_a_large_frame_is_kept_in_few_bytes() -> None:
    disc = ellipse(960, 540, 500, 400, 1920, 1080)
    assert len(Outline.of(Box.full(Size(1920, 1080)), disc, 1.0).packed) < 8000
