"""The `flow` method as a whole: spans in both directions, cuts, layouts, odd sizes, and how far it trusts itself."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.flow.carry import Carried
from engine.flow.method import FlowMethod, merged
from engine.geometry import Box
from engine.image import Image
from engine.media.clip import Clip, Frame
from engine.method import Painted
from engine.request import FlowSettings
from tests.engine.flow.scene import (
    carried,
    edited,
    ellipse,
    frame_of,
    label,
    laid,
    matte,
    panned,
    psnr,
    rendered,
    shown,
    tinted,
)
from tests.engine.frames import LAYOUTS

BIKES = Path(__file__).parents[2] / "assets" / "bikes.mp4"
PATCH = ellipse(150, 90, 40, 26)


def _all_finite(painted: Painted) -> bool:
    return bool(np.isfinite(painted.rgb).all() and np.isfinite(painted.matte).all())


def _in_bounds(painted: Painted) -> bool:
    fits = painted.rgb.shape == (painted.box.height, painted.box.width, 3)
    ranged = painted.matte.size == 0 or (painted.matte.min() >= 0 and painted.matte.max() <= 1)
    return fits and painted.matte.shape == painted.rgb.shape[:2] and ranged and 0 <= painted.confident_fraction <= 1


def test_every_frame_gets_its_paint_in_order_with_arrays_that_fit_their_box() -> None:
    results = carried(edited(laid(panned(0), label(PATCH), PATCH), PATCH), rendered(panned, range(6)))
    assert [painted.index for painted in results] == [1, 2, 3, 4, 5]
    assert all(_in_bounds(painted) and _all_finite(painted) for painted in results)
    assert all(painted.rgb.dtype == painted.matte.dtype == np.float32 for painted in results)


def test_a_keyframe_in_the_middle_is_carried_both_ways() -> None:
    rgb = laid(panned(8), tinted(panned(8)), PATCH)
    keyframe = edited(rgb, PATCH, 8)
    for way in (range(8, 17), range(8, -1, -1)):
        frames = rendered(panned, way)
        last = carried(keyframe, frames)[-1]
        assert last.index == way[-1]
        apart = way[-1] - 8
        there = ellipse(150 - 1.7 * apart, 90 - 0.6 * apart, 38, 24) > 0.5
        assert psnr(shown(frames[-1], last)[there], tinted(panned(way[-1]))[there]) > 38


def test_frames_are_taken_one_at_a_time() -> None:
    taken = []

    def stream() -> Iterator[Frame]:
        for frame in rendered(panned, range(1, 5)):
            taken.append(frame.index)
            yield frame

    keyframe = edited(laid(panned(0), label(PATCH), PATCH), PATCH)
    for painted in FlowMethod().propagate(keyframe, frame_of(0, panned(0)), stream()):
        assert taken[-1] == painted.index


def test_a_scene_cut_is_told_once_and_ends_the_edit() -> None:
    with Clip.open(BIKES) as clip:
        frames = list(clip.frames(10, 22))
    rgb = np.clip(frames[0].rgb(), 0, 1)
    mask = ellipse(320, 140, 60, 40, rgb.shape[1], rgb.shape[0])
    results = carried(edited(laid(rgb, label(mask), mask), mask, 10), frames, "opaque")
    assert [bool(painted.warnings) for painted in results] == [painted.index == 16 for painted in results]
    (warning,) = results[5].warnings
    assert "scene cut" in warning
    assert "frame 16" in warning
    assert all(painted.box.area > 0 for painted in results[:5])
    assert all(painted.box.area == 0 and painted.confident_fraction == 0 for painted in results[5:])


def test_confidence_falls_while_a_wall_hides_the_edit_and_rises_again() -> None:
    def wall(t: int) -> Image:
        x = np.arange(320)
        return np.broadcast_to((x >= 12 * t - 60) & (x < 12 * t + 20), (200, 320)).astype(np.float32)

    green = np.full_like(panned(0), np.array([0.3, 0.5, 0.3], np.float32))
    frames = rendered(lambda t: laid(panned(t, speed=(0.6, 0.2)), green, wall(t)), range(28))
    rgb = laid(frames[0].rgb(), label(PATCH), PATCH)
    fractions = [painted.confident_fraction for painted in carried(edited(rgb, PATCH), frames)]
    assert fractions[1] > 0.9
    assert min(fractions) < 0.6
    assert fractions[-1] > 0.9


@pytest.mark.parametrize("name", LAYOUTS)
def test_frames_of_every_layout_carry_paint(name: str) -> None:
    layout = LAYOUTS[name]
    size = (121, 75)
    gray = layout.family == "gray"
    frames = rendered(lambda t: panned(t, *size), range(7), layout)
    rgb, mask = np.clip(frames[0].rgb(), 0, 1), ellipse(62, 38, 26, 18, *size)
    paint = label(mask).mean(2, keepdims=True) * np.ones(3, np.float32) if gray else label(mask)
    last = carried(edited(laid(rgb, paint, mask), mask), frames, "opaque")[-1]
    assert _in_bounds(last)
    assert _all_finite(last)
    assert matte(last, *size).sum() > 0.85 * mask.sum()


@pytest.mark.parametrize("size", [(33, 21), (97, 55), (640, 31), (23, 300), (15, 9), (2, 2), (1, 40)])
@pytest.mark.parametrize("transfer", ["appearance", "opaque", "removal"])
def test_frames_of_any_size_are_propagated_without_a_fault(size: tuple[int, int], transfer: str) -> None:
    width, height = size
    frames = rendered(lambda t: panned(t, width, height), range(5))
    mask = ellipse(width / 2, height / 2, max(1, width / 4), max(1, height / 4), width, height)
    mask[height // 2, width // 2] = 1
    keyframe = edited(laid(frames[0].rgb(), label(mask), mask), mask)
    method = FlowMethod(FlowSettings.model_validate({"transfer": transfer}))
    results = list(method.propagate(keyframe, frames[0], frames[1:]))
    assert len(results) == 4
    assert all(_in_bounds(painted) and _all_finite(painted) for painted in results)


@pytest.mark.parametrize("at", [(0, 0), (316, 100), (150, 197), (150, 90)])
@pytest.mark.parametrize("transfer", ["appearance", "opaque", "removal"])
def test_a_mask_of_nine_pixels_anywhere_is_propagated_without_a_fault(at: tuple[int, int], transfer: str) -> None:
    mask = np.zeros((200, 320), np.float32)
    mask[at[1] : at[1] + 3, at[0] : at[0] + 3] = 1
    frames = rendered(lambda t: panned(t, speed=(5, 3)), range(8))
    keyframe = edited(laid(panned(0), tinted(panned(0)), mask), mask)
    method = FlowMethod(FlowSettings.model_validate({"transfer": transfer}))
    assert all(_in_bounds(p) and _all_finite(p) for p in method.propagate(keyframe, frames[0], frames[1:]))


def test_an_edit_of_the_whole_frame_is_propagated() -> None:
    whole = np.ones((200, 320), np.float32)
    frames = rendered(panned, range(6))
    last = carried(edited(tinted(panned(0)), whole), frames)[-1]
    seen = matte(last) > 0.5
    assert seen.mean() > 0.9
    assert psnr(shown(frames[-1], last)[seen], tinted(panned(5))[seen]) > 36


def test_an_edit_that_changes_nothing_leaves_every_frame_as_it_is() -> None:
    results = carried(edited(panned(0), np.zeros((200, 320), np.float32)), rendered(panned, range(4)))
    assert [painted.box.area for painted in results] == [0, 0, 0]


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_clip_without_any_detail_keeps_its_paint_in_place(value: float) -> None:
    frames = [frame_of(t, np.full((200, 320, 3), value, np.float32)) for t in range(5)]
    last = carried(edited(laid(frames[0].rgb(), label(PATCH), PATCH), PATCH), frames, "opaque")[-1]
    assert _all_finite(last)
    assert np.abs(matte(last) - PATCH).max() < 0.1


def _carried(box: Box, value: float, opacity: float, seen: float = 1.0) -> Carried:
    rgb = np.full((box.height, box.width, 3), value, np.float32)
    matte = np.full(rgb.shape[:2], opacity, np.float32)
    return Carried(box, rgb, matte, np.ones_like(matte), seen * box.area)


def test_parts_are_laid_over_one_another_the_first_lowest() -> None:
    painted = merged(3, [_carried(Box(0, 0, 4, 4), 0.2, 1), _carried(Box(2, 0, 4, 4), 0.8, 0.5)])
    assert painted.box == Box(0, 0, 6, 4)
    assert painted.rgb[0, :, 0] == pytest.approx([0.2, 0.2, 0.5, 0.5, 0.8, 0.8], abs=1e-6)
    assert painted.matte[0] == pytest.approx([1, 1, 1, 1, 0.5, 0.5])


def test_the_confident_fraction_is_that_of_all_parts_together() -> None:
    painted = merged(3, [_carried(Box(0, 0, 10, 10), 0, 1, seen=1), _carried(Box(20, 0, 10, 10), 0, 1, seen=0.5)])
    assert painted.confident_fraction == pytest.approx(0.75)


def test_parts_that_have_all_left_the_picture_are_an_empty_box() -> None:
    assert merged(3, [Carried.nothing(), Carried.nothing()]).box.area == 0
