import numpy as np
import pytest

from engine.evaluate.metrics.likeness import Images
from engine.evaluate.metrics.motion import Motion
from engine.evaluate.metrics.steadiness import drift, flicker, seam, steps
from tests.engine.clips import panning

MATTE = np.zeros((12, 16, 24), np.float32)
MATTE[:, 4:12, 8:16] = 1


def even(levels: list[float]) -> Images:
    """Grey frames, brighter by so many levels."""
    return (0.4 + np.array(levels)[:, None, None, None] / 255 * np.ones((1, 16, 24, 3))).astype(np.float32)


def still(frames: int, height: int = 16, width: int = 24) -> Motion:
    flows = np.zeros((frames - 1, height, width, 2), np.float32)
    return Motion(flows, np.ones(flows.shape[:3], np.float32))


def test_an_even_fade_does_not_flicker_and_brightness_that_goes_up_and_down_by_a_does_by_4_a() -> None:
    assert flicker(even([0, 2, 4, 6]), still(4)) == pytest.approx(0, abs=1e-3)
    assert flicker(even([3, -3, 3, -3, 3]), still(5)) == pytest.approx(12, abs=1e-3)
    assert np.isnan(flicker(even([0, 1]), still(2)))


def test_flicker_is_counted_where_it_is_asked_for() -> None:
    clip = even([0] * 12)
    clip += (np.array([1, -1] * 6)[:, None, None] * MATTE)[..., None] * np.float32(5 / 255)
    assert flicker(clip, still(12), MATTE) == pytest.approx(20, abs=1e-3)
    assert flicker(clip, still(12), 1 - MATTE) == pytest.approx(0, abs=1e-3)


def test_what_only_moves_does_not_flicker_and_what_jumps_in_its_moving_place_does() -> None:
    moving = np.stack(panning(5, 64, 48, 2)).astype(np.float32) / np.float32(255)
    along = still(5, 48, 64)
    along.flows[..., 0] = 2
    along.visible[:, :, -2:] = 0  # came into the picture
    assert flicker(moving, along) == pytest.approx(0, abs=1e-3)
    assert flicker(moving, still(5, 48, 64)) > 1
    jumping = moving + np.array([1, -1, 1, -1, 1], np.float32)[:, None, None, None] * np.float32(3 / 255)
    assert flicker(jumping, along) == pytest.approx(12, abs=1e-2)


def test_grain_flickers_less_than_light_does() -> None:
    grain = 0.5 + 0.05 * np.random.default_rng(0).standard_normal((4, 256, 256, 3)).astype(np.float32)
    assert flicker(grain, still(4, 256, 256)) < 3
    assert np.abs(grain[:-2] - 2 * grain[1:-1] + grain[2:]).mean() * 255 > 20


def test_drift_is_the_slope_of_the_worst_channel() -> None:
    truth = even([0] * 12)
    found = truth.copy()
    found[..., 2] += (np.arange(12) * -0.5 / 255)[:, None, None]
    found[..., 0] += (np.arange(12) * 0.2 / 255)[:, None, None]
    assert drift(found, truth, MATTE) == pytest.approx(0.5, abs=1e-3)
    assert drift(truth + np.float32(0.1), truth, MATTE) == pytest.approx(0, abs=1e-3)


def test_drift_is_told_from_the_frames_that_show_the_edit() -> None:
    truth = even([0] * 12)
    found = truth + (np.arange(12) / 255)[:, None, None, None].astype(np.float32)
    hidden = MATTE.copy()
    hidden[4:8] = 0
    found[4:8] = 0
    assert drift(found, truth, hidden) == pytest.approx(1, abs=1e-3)
    assert np.isnan(drift(found, truth, 0 * MATTE))


def test_a_step_is_told_inside_the_matte_alone() -> None:
    clip = even([0] * 12)
    clip[6:] += MATTE[6:, ..., None] * np.float32(0.1)
    clip[3:] += (1 - MATTE[3:, ..., None]) * np.float32(0.3)
    found = steps(clip, MATTE)
    assert found[5] == pytest.approx(0.1, abs=1e-5)
    assert np.delete(found, 5) == pytest.approx(np.zeros(10), abs=1e-5)


def test_a_seam_is_told_in_spreads_of_the_other_steps() -> None:
    """Steps of 1.0 and 1.2 of the truth's in turn have a spread of 0.1; one of 1.6 is five of them from their mean."""
    ratios = [1.0, 1.2, 1.0, 1.2, 1.0, 1.6, 1.2, 1.0, 1.2, 1.0, 1.2]
    truth = even(list(range(12)))
    found = even([0, *np.cumsum(ratios)])
    assert seam(found, truth, MATTE, [6]) == pytest.approx(5, abs=0.01)
    assert seam(found, truth, MATTE, [2]) < 1.1
