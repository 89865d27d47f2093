"""The tracker against motion that is known exactly."""

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.geometry import Box
from engine.motion.track import Motion, Tracker
from tests.engine.motion.scene import HEIGHT, REGION, WIDTH, error, followed, moved, picture_of, seen_through, with_bar


def _all_finite(motion: Motion) -> bool:
    arrays = (motion.forward.positions(), motion.forward.affine, motion.confidence, motion.kinship, motion.gain)
    return all(bool(np.isfinite(array).all()) for array in arrays)


def _certain(motion: Motion) -> float:
    """Share of the region that is seen for certain."""
    return float((motion.confidence > 0.5).mean())


def test_a_subpixel_pan_is_followed_to_a_tenth_of_a_pixel() -> None:
    path = [moved(-1.37 * t, 0.61 * t) for t in range(21)]
    last = followed([seen_through(affine) for affine in path])[-1]
    assert error(last.forward, path[-1]) < 0.1
    assert _certain(last) > 0.98


def test_a_turn_with_zoom_is_followed_to_a_tenth_of_a_pixel() -> None:
    path = [moved(0, 0, 0.8 * t, 1 + 0.008 * t) for t in range(21)]
    last = followed([seen_through(affine) for affine in path])[-1]
    assert error(last.forward, path[-1]) < 0.1


def test_nothing_drifts_over_sixty_frames_of_to_and_fro() -> None:
    path = [moved(9 * np.sin(t / 7), 6 * np.sin(t / 4), 2 * np.sin(t / 9)) for t in range(61)]
    motions = followed([seen_through(affine) for affine in path])
    errors = [error(motion.forward, affine) for motion, affine in zip(motions, path[1:], strict=True)]
    assert max(errors[-10:]) < 0.1
    assert max(errors) < 0.15


def test_a_standing_picture_stands() -> None:
    still = seen_through(moved(0, 0))
    last = followed([still] * 12)[-1]
    assert error(last.forward, moved(0, 0)) < 0.01
    assert last.confidence.min() > 0.99
    assert last.gain == pytest.approx(np.ones_like(last.gain), abs=0.01)


def test_what_crosses_in_front_drags_nothing_along_and_is_not_taken_for_the_surface() -> None:
    path = [moved(-0.8 * t, 0.3 * t) for t in range(31)]
    lefts, region = [30 + 6 * t for t in range(31)], Box(64, 24, 150, 120)
    motions = followed([with_bar(seen_through(a), left) for a, left in zip(path, lefts, strict=True)], region)
    for affine, left, motion in zip(path[1:], lefts[1:], motions, strict=True):
        assert error(motion.forward, affine, region) < 0.3
        positions = motion.forward.positions()[..., 0]
        hidden = (positions > left + 2) & (positions < left + 21)
        if hidden.sum() > 100:
            assert (motion.confidence[hidden] > 0.5).mean() < 0.06


def test_what_reappears_from_behind_is_certain_again() -> None:
    path = [moved(-0.5 * t, 0) for t in range(31)]
    lefts = [30 + 7 * t for t in range(31)]
    motions = followed([with_bar(seen_through(a), left) for a, left in zip(path, lefts, strict=True)])
    shares = [_certain(motion) for motion in motions]
    assert min(shares) < 0.8
    assert shares[-1] > 0.97
    assert error(motions[-1].forward, path[-1]) < 0.1


def test_changing_light_is_followed_and_keeps_the_surface_certain() -> None:
    path = [moved(-0.7 * t, 0) for t in range(21)]
    last = followed([seen_through(a, 1 - 0.02 * t) for t, a in enumerate(path)])[-1]
    assert error(last.forward, path[-1]) < 0.1
    assert _certain(last) > 0.95
    assert np.median(last.gain) == pytest.approx(0.6, abs=0.03)


def test_light_that_jumps_for_one_frame_leaves_the_map_where_it_is() -> None:
    path = [moved(-0.7 * t, 0) for t in range(13)]
    lights = [1.0 if t != 6 else 1.6 for t in range(13)]
    last = followed([seen_through(a, light) for a, light in zip(path, lights, strict=True)])[-1]
    assert error(last.forward, path[-1]) < 0.1
    assert _certain(last) > 0.95


def test_a_fade_to_black_and_back_ends_in_certainty() -> None:
    lights = [*np.linspace(1, 0, 12), *([0.0] * 30), *np.linspace(0, 1, 12), *([1.0] * 6)]
    path = [moved(-0.5 * t, 0) for t in range(len(lights))]
    last = followed([seen_through(a, light) for a, light in zip(path, lights, strict=True)])[-1]
    assert error(last.forward, path[-1]) < 0.1
    assert _certain(last) > 0.9


def test_a_region_that_is_hidden_whole_goes_on_as_it_went_and_is_found_again() -> None:
    path = [moved(-1.5 * t, 0.5 * t) for t in range(24)]
    pictures = [seen_through(affine) for affine in path]
    hidden = range(10, 16)
    pictures = [np.full_like(rgb, 128) if t in hidden else rgb for t, rgb in enumerate(pictures)]
    motions = followed(pictures)
    behind = motions[hidden[-1] - 1]
    assert _certain(behind) < 0.02
    assert error(behind.forward, path[hidden[-1]]) < 1.5
    assert error(motions[-1].forward, path[-1]) < 0.1
    assert _certain(motions[-1]) > 0.97


def test_a_region_that_leaves_the_frame_is_seen_nowhere_and_stays_its_size() -> None:
    motions = followed([seen_through(moved(-9 * t, 0)) for t in range(36)])
    assert all(_all_finite(motion) for motion in motions)
    assert motions[-1].confidence.max() == 0
    assert motions[-1].forward.positions()[..., 0].max() < 0
    assert 0.3 < abs(np.linalg.det(motions[-1].forward.affine[:, :2])) < 3


def test_a_region_that_leaves_and_comes_back_breaks_nothing() -> None:
    way = [*range(24), *range(24, -1, -1)]
    motions = followed([seen_through(moved(-9 * t, 0)) for t in way])
    assert all(_all_finite(motion) for motion in motions)


def test_an_odd_region_loses_its_last_row_and_column() -> None:
    picture = picture_of(seen_through(moved(0, 0)))
    tracker = Tracker(picture, Box(31, 17, 41, 33))
    assert tracker.region == Box(31, 17, 40, 32)
    assert tracker.step(picture).confidence.shape == (32, 40)


def test_only_what_leads_decides_the_motion() -> None:
    """The right half stands still, the left half moves and leads."""
    still, path = seen_through(moved(0, 0)), [moved(-t, 0) for t in range(9)]
    pictures = []
    for affine in path:
        rgb = seen_through(affine)
        rgb[:, 124:] = still[:, 124:]
        pictures.append(picture_of(rgb))
    leads = np.zeros((REGION.height, REGION.width), np.float32)
    leads[:, :36] = 1
    tracker = Tracker(pictures[0], REGION, leads)
    motions = [tracker.step(picture) for picture in pictures[1:]]
    left = motions[-1].forward.positions()[30, 20]
    assert left == pytest.approx([REGION.x + 20 - 8, REGION.y + 30], abs=0.25)


def _filled(value: int) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


@pytest.mark.parametrize("values", [[0] * 8, [128] * 8, [255] * 8, [0, 255] * 4, list(range(100, 140, 5))])
def test_pictures_without_any_detail_leave_the_region_where_it_is(values: list[int]) -> None:
    last = followed([_filled(value) for value in values])[-1]
    assert _all_finite(last)
    assert error(last.forward, moved(0, 0)) < 0.01


def test_a_picture_of_stripes_slides_no_further_along_them_than_it_must() -> None:
    stripes = np.broadcast_to(((np.arange(WIDTH) // 7) % 2 * 160 + 40)[None, :, None], (HEIGHT, WIDTH, 3))
    last = followed([stripes.astype(np.uint8)] * 8)[-1]
    assert error(last.forward, moved(0, 0)) < 0.1


def test_pictures_that_have_nothing_in_common_are_not_followed() -> None:
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8) for _ in range(6)]
    last = followed(noise)[-1]
    assert _all_finite(last)
    assert _certain(last) < 0.1


SMALL = [(16, 16), (17, 19), (16, 160), (200, 16), (240, 17), (33, 160), (64, 64)]


@pytest.mark.parametrize(("width", "height"), SMALL)
def test_a_small_or_narrow_frame_is_followed_whole(width: int, height: int) -> None:
    pictures = [np.ascontiguousarray(seen_through(moved(-t, 0))[:height, :width]) for t in range(5)]
    motions = followed(pictures, Box(0, 0, width, height))
    assert all(_all_finite(motion) for motion in motions)


@pytest.mark.parametrize("region", [(0, 0, 2, 2), (118, 70, 3, 3), (237, 157, 3, 3), (100, 0, 7, 90), (0, 158, 240, 2)])
def test_a_region_of_a_few_pixels_or_at_the_frames_edge_is_followed_without_a_fault(
    region: tuple[int, int, int, int],
) -> None:
    motions = followed([seen_through(moved(-2 * t, t)) for t in range(8)], Box(*region))
    assert all(_all_finite(motion) for motion in motions)
