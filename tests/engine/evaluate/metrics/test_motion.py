import numpy as np
import pytest

from engine.evaluate.metrics.likeness import Images
from engine.evaluate.metrics.motion import Motion, end_point_errors, motion, warp_errors, warp_ratio
from tests.engine.clips import panning, texture


def clip(step: int, frames: int = 4) -> Images:
    return np.stack(panning(frames, 128, 72, step)).astype(np.float32) / np.float32(255)


def constant(x: float, y: float, height: int = 6, width: int = 8, steps: int = 3) -> Motion:
    flows = np.broadcast_to(np.array([x, y], np.float32), (steps, height, width, 2)).copy()
    return Motion(flows, np.ones((steps, height, width), np.float32))


def test_the_distance_of_two_motions_is_that_of_their_vectors() -> None:
    assert end_point_errors(constant(3, 0), constant(0, 4)) == pytest.approx([5, 5, 5])


def test_a_distance_is_counted_where_it_is_asked_for() -> None:
    found, true = constant(0, 0), constant(0, 0)
    found.flows[:, :, :2] += 10
    left, right = np.zeros((4, 6, 8), np.float32), np.zeros((4, 6, 8), np.float32)
    left[..., :2], right[..., 2:] = 1, 1
    assert end_point_errors(found, true, left) == pytest.approx([200**0.5] * 3)
    assert end_point_errors(found, true, right) == pytest.approx([0, 0, 0])
    assert np.isnan(end_point_errors(found, true, 0 * left)).all()


def test_a_pan_is_found_and_two_pans_differ_by_their_difference() -> None:
    slow, fast = motion(clip(2)), motion(clip(5))
    assert np.median(slow.flows[..., 0]) == pytest.approx(2, abs=0.05)
    assert np.median(end_point_errors(fast, slow)) == pytest.approx(3, abs=0.4)
    assert end_point_errors(slow, slow) == pytest.approx([0, 0, 0])


def test_what_was_out_of_the_picture_before_is_not_visible_there() -> None:
    seen = motion(clip(6)).visible
    assert seen[:, 12:-12, -6:].mean() < 0.2
    assert seen[:, 12:-12, 16:-16].mean() > 0.95


def test_a_frame_that_follows_the_motion_has_no_warp_error_and_an_even_flash_its_height() -> None:
    still = np.repeat(texture(40, 64)[None], 3, axis=0)
    unmoved = constant(0, 0, 40, 64, 2)
    assert warp_errors(still, unmoved) == pytest.approx([0, 0])
    flashing = still + np.array([0, 10 / 255, 0], np.float32)[:, None, None, None]
    assert warp_errors(flashing, unmoved) == pytest.approx([10, 10], abs=1e-3)


def test_what_is_covered_or_not_asked_for_has_no_warp_error() -> None:
    pictures = np.zeros((2, 6, 8, 3), np.float32)
    pictures[1, :, :4] = 1
    hidden = constant(0, 0, steps=1)
    assert warp_errors(pictures, hidden) == pytest.approx([127.5])
    hidden.visible[:, :, :4] = 0
    assert warp_errors(pictures, hidden) == pytest.approx([0])
    asked = np.ones((2, 6, 8), np.float32)
    asked[:, :, :4] = 0
    assert warp_errors(pictures, constant(0, 0, steps=1), asked) == pytest.approx([0])


def test_the_ratio_of_warp_errors_is_1_for_the_source_and_twice_that_for_twice_the_grain() -> None:
    grain = np.random.default_rng(0).standard_normal((4, 40, 64, 3)).astype(np.float32)
    even = np.full((4, 40, 64, 3), 0.5, np.float32)
    source, rough = even + 0.02 * grain, even + 0.04 * grain
    unmoved = constant(0, 0, 40, 64)
    assert warp_ratio(source, source, unmoved) == pytest.approx(1)
    assert warp_ratio(rough, source, unmoved) == pytest.approx(2, abs=1e-3)
    assert np.isnan(warp_ratio(source, even, unmoved))
