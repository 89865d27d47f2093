"""Registration to the keyframe: sub-pixel, indifferent to light, still where there is nothing to see."""

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.image import Image, soft
from engine.motion.maps import grid
from engine.motion.picture import Luma, luma_of
from engine.motion.polish import LARGEST_STEP, Pattern, register
from tests.engine.motion.scene import REGION, moved, picture_of, seen_through

STILL = moved(0, 0)


def _luma(affine: NDArray[np.float64], light: float = 1.0) -> Luma:
    return luma_of(picture_of(seen_through(affine, light)))


def _registered(
    frame: Luma, keyframe: Luma | None = None, start: Image | None = None, weight: Image | None = None, rounds: int = 3
) -> Image:
    """The motion found (height, width, 2) of the region, from where it is in the keyframe, or from `start`."""
    pattern = Pattern.of((_luma(STILL) if keyframe is None else keyframe)[REGION.slices].astype(np.float32))
    here = grid(REGION.width, REGION.height, REGION.x, REGION.y)
    weight = np.ones((REGION.height, REGION.width), np.float32) if weight is None else weight
    return register(pattern, frame, here if start is None else start, weight, rounds) - here


def _inner(motion: Image) -> Image:
    return motion[10:-10, 10:-10].reshape(-1, 2)


@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (0.4, -0.3), (-1.1, 0.7)])
@pytest.mark.parametrize("light", [1.0, 0.6])
def test_a_shift_of_a_pixel_is_found_to_a_few_hundredths_in_any_light(dx: float, dy: float, light: float) -> None:
    motion = _inner(_registered(_luma(moved(dx, dy), light)))
    assert np.median(motion, axis=0) == pytest.approx([dx, dy], abs=0.06)
    assert np.abs(motion - np.array([dx, dy])).mean() < 0.08


def test_registration_starts_from_the_map_it_is_given_and_steps_along_it() -> None:
    """The keyframe is seen upside down: a step is in the keyframe's pixels, the result in the frame's."""
    frame = np.ascontiguousarray(_luma(moved(0.6, 0.4))[::-1, ::-1])
    height, width = frame.shape
    here = grid(REGION.width, REGION.height, REGION.x, REGION.y)
    start = np.array([width - 1, height - 1], np.float32) - here
    found = _registered(frame, start=start) + here - start
    assert np.median(_inner(found), axis=0) == pytest.approx([-0.6, -0.4], abs=0.04)


def test_one_iteration_moves_no_further_than_the_largest_step() -> None:
    assert np.abs(_inner(_registered(_luma(moved(6, 0)), rounds=1))).max() <= LARGEST_STEP * 1.5


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_keyframe_without_detail_moves_nothing(value: int) -> None:
    flat = np.full_like(_luma(STILL), value)
    assert np.abs(_registered(flat, keyframe=flat)).max() < 1e-3
    assert np.isfinite(_registered(_luma(STILL), keyframe=flat)).all()
    assert np.isfinite(_registered(flat)).all()


def test_what_has_no_weight_moves_nothing() -> None:
    shape = (REGION.height, REGION.width)
    assert np.abs(_registered(_luma(moved(1, 1)), weight=np.zeros(shape, np.float32))).max() < 1e-3


def test_along_an_edge_that_goes_straight_nothing_slides() -> None:
    stripes = np.broadcast_to((np.arange(240) // 6 % 2 * 120 + 60).astype(np.uint8), (160, 240))
    motion = _inner(_registered(np.ascontiguousarray(stripes), keyframe=stripes))
    assert np.abs(motion).max() < 0.02


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 40)])
def test_a_region_of_a_few_pixels_is_registered_without_a_fault(shape: tuple[int, int]) -> None:
    frame = _luma(STILL)
    pattern = Pattern.of(frame[50 : 50 + shape[0], 60 : 60 + shape[1]].astype(np.float32))
    here = grid(shape[1], shape[0], 60, 50)
    assert np.isfinite(register(pattern, frame, here, np.ones(shape, np.float32), 3)).all()


def test_the_pattern_is_the_same_in_another_even_light_and_with_another_offset() -> None:
    luma = soft(np.random.default_rng(5).uniform(0, 255, (60, 80)).astype(np.float32), 5)
    assert np.abs(Pattern.of(luma).detail - Pattern.of(luma * 0.7 + 20).detail).max() < 0.1
