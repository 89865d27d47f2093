"""Carrying paint, a grade, or what lies behind, against the truth."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.image import Image
from engine.motion.maps import grid
from engine.request import Transfer
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
    real_frames,
    rendered,
    shown,
    tinted,
)

START = (150.0, 90.0)
LABEL = ellipse(*START, 40, 26)


def _label_at(t: int) -> tuple[Image, Image]:
    """The label where the pan has taken it: (rgb, alpha)."""
    shift = np.array([1.7 * t, 0.6 * t], np.float32)
    alpha = ellipse(START[0] - float(shift[0]), START[1] - float(shift[1]), 40, 26)
    height, width = alpha.shape
    x = np.broadcast_to(np.arange(width, dtype=np.float32), (height, width)) + shift[0]
    stripes = (np.sin(x / 9) * 0.5 + 0.5)[..., None].astype(np.float32)
    return stripes * np.array([0.75, 0.1, -0.5], np.float32) + np.array([0.1, 0.2, 0.7], np.float32), alpha


def test_paint_goes_where_its_surface_goes() -> None:
    frames = rendered(panned, range(13))
    painted = carried(edited(laid(panned(0), *_label_at(0)), LABEL), frames)[-1]
    rgb, alpha = _label_at(12)
    truth = laid(panned(12), rgb, alpha)
    assert psnr(shown(frames[-1], painted)[alpha > 0.95], truth[alpha > 0.95]) > 35
    overlap = (matte(painted) > 0.5) & (alpha > 0.5)
    assert overlap.sum() / ((matte(painted) > 0.5) | (alpha > 0.5)).sum() > 0.98
    assert painted.confident_fraction > 0.97


def test_paint_is_lit_as_its_surface_is() -> None:
    frames = rendered(lambda t: panned(t) * np.float32(1 - 0.025 * t), range(13))
    painted = carried(edited(laid(panned(0), *_label_at(0)), LABEL), frames)[-1]
    rgb, alpha = _label_at(12)
    assert psnr(shown(frames[-1], painted)[alpha > 0.9], (rgb * 0.7)[alpha > 0.9]) > 32


def test_nothing_of_what_crosses_in_front_is_painted_and_the_paint_comes_back() -> None:
    def pole(t: int) -> Image:
        x = np.arange(320)
        return np.broadcast_to((x >= 60 + 8 * t) & (x < 84 + 8 * t), (200, 320)).astype(np.float32)

    def seen(t: int) -> Image:
        x, y = np.meshgrid(np.arange(320), np.arange(200))
        bark = (0.3 + 0.1 * np.sin((x - 8 * t) / 2) + 0.08 * np.sin(y / 3)).astype(np.float32)
        return laid(panned(t), np.repeat(bark[..., None], 3, axis=2), pole(t))

    frames = rendered(seen, range(19))
    results = carried(edited(laid(seen(0), *_label_at(0)), LABEL), frames)
    wrongly = [(matte(p) * pole(p.index) * _label_at(p.index)[1]).sum() for p in results]
    hidden = [(pole(p.index) * _label_at(p.index)[1]).sum() for p in results]
    assert sum(wrongly) < 0.06 * sum(hidden)
    assert min(p.confident_fraction for p in results) < 0.85
    assert results[-1].confident_fraction > 0.95


def test_a_grade_is_that_of_the_pixels_that_are_there() -> None:
    frames = rendered(panned, range(13))
    painted = carried(edited(laid(panned(0), tinted(panned(0)), LABEL), LABEL), frames)[-1]
    alpha = _label_at(12)[1]
    truth = laid(panned(12), tinted(panned(12)), alpha)
    assert psnr(shown(frames[-1], painted)[alpha > 0.5], truth[alpha > 0.5]) > 40


def test_two_parts_of_different_kinds_are_carried_each_in_its_way() -> None:
    here, there = ellipse(90, 60, 24, 18), ellipse(220, 130, 40, 26)
    keyframe = edited(laid(laid(panned(0), tinted(panned(0)), there), label(here), here), np.maximum(here, there))
    frames = rendered(panned, range(9))
    painted = carried(keyframe, frames)[-1]
    result, left, up = shown(frames[-1], painted), 1.7 * 8, 0.6 * 8
    tint_now = ellipse(220 - left, 130 - up, 38, 24)
    assert psnr(result[tint_now > 0.5], tinted(panned(8))[tint_now > 0.5]) > 38
    label_now = ellipse(90 - left, 60 - up, 22, 16) > 0.5
    assert np.abs(result - panned(8))[label_now].mean() > 0.2
    assert result[label_now].mean(0) == pytest.approx(label(here)[here > 0.5].mean(0), abs=0.05)


def _ball(t: float) -> Image:
    """Where a ball is that moves to the right while the picture pans to the left."""
    return ellipse(120 + 3.2 * t, 90 + 0.8 * t, 18, 18)


def _with_ball(t: float) -> Image:
    """The ball is dark green with bright spots."""
    here = grid(320, 200, -3.2 * t, -0.8 * t)
    spots = (np.sin(here[..., 0] / 2.5) * np.sin(here[..., 1] / 3) > 0.3).astype(np.float32)
    rgb = np.array([0.05, 0.2, 0.1], np.float32) + spots[..., None] * np.array([0.5, 0.5, 0.1], np.float32)
    return laid(panned(t), rgb, _ball(t))


def _with_plain_ball(t: float) -> Image:
    """The ball has one dark colour: only its outline shows how it moves."""
    return laid(panned(t), np.array([0.05, 0.2, 0.1], np.float32), _ball(t))


@pytest.mark.parametrize("transfer", ["auto", "removal"])
@pytest.mark.parametrize("scene", [_with_ball, _with_plain_ball])
def test_what_was_removed_stays_removed_and_the_true_background_shows(
    scene: Callable[[float], Image], transfer: Transfer
) -> None:
    mask = ellipse(120, 90, 24, 24)
    frames = rendered(scene, range(20))
    for painted in carried(edited(laid(scene(0), panned(0), mask), mask), frames, transfer):
        t, ball = painted.index, _ball(painted.index) > 0
        assert (matte(painted)[ball] > 0.9).mean() > 0.99
        assert psnr(shown(frames[t], painted)[ball], panned(t)[ball]) > 30


def test_a_part_that_leaves_the_picture_leaves_an_empty_box_and_comes_to_no_harm() -> None:
    frames = rendered(lambda t: panned(t, speed=(14, 0)), range(22))
    results = carried(edited(laid(panned(0), label(LABEL), LABEL), LABEL), frames)
    assert results[-1].box.area == 0
    assert results[-1].confident_fraction == 0
    assert all(np.isfinite(p.rgb).all() and np.isfinite(p.matte).all() for p in results)


def test_at_a_standing_picture_the_paint_stays_what_it_is() -> None:
    still = panned(0)
    keyframe = edited(laid(still, *_label_at(0)), LABEL)
    painted = carried(keyframe, [frame_of(t, still) for t in range(5)])[-1]
    assert np.abs(matte(painted) - LABEL).max() < 0.05
    assert psnr(shown(frame_of(4, still), painted), keyframe.rgb) > 45


@pytest.mark.parametrize(("name", "x", "y", "least"), [("box.mp4", 420, 118, 28.0), ("cup.mp4", 365, 325, 31.0)])
def test_unchanged_pixels_carried_through_a_real_clip_stay_what_they_are(
    name: str, x: int, y: int, least: float
) -> None:
    frames = real_frames(name, 12)
    mask = ellipse(x, y, 40, 30, 640, 480)
    first, real = (np.clip(frame.rgb(), 0, 1) for frame in (frames[0], frames[-1]))
    painted = carried(edited(first, mask), frames, "opaque")[-1]
    inside = painted.matte > 0.5
    assert inside.sum() > 0.7 * mask.sum()
    assert psnr(painted.rgb[inside], real[painted.box.slices][inside]) > least


@pytest.mark.parametrize(("name", "x", "y"), [("box.mp4", 420, 118), ("cup.mp4", 365, 325)])
def test_a_grade_carried_through_a_real_clip_is_the_grade_of_its_frames(name: str, x: int, y: int) -> None:
    frames = real_frames(name, 12)
    mask = ellipse(x, y, 40, 30, 640, 480)
    first, real = (np.clip(frame.rgb(), 0, 1) for frame in (frames[0], frames[-1]))
    painted = carried(edited(laid(first, tinted(first), mask), mask), frames)[-1]
    inside = painted.matte > 0.5
    assert inside.sum() > 0.7 * mask.sum()
    assert psnr(painted.rgb[inside], tinted(real)[painted.box.slices][inside]) > 33
