"""Maps: fitted, filled, evaluated anywhere, inverted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.image import Image
from engine.motion.maps import Affine, ForwardMap, apply, fit_affine, grid, push_pull

few = settings(max_examples=40, deadline=None)
small = st.floats(-0.3, 0.3)


@st.composite
def affines(draw: st.DrawFn) -> Affine:
    """Turned, sheared and enlarged by up to a third, shifted by up to a hundred pixels."""
    a, b, c, d = (draw(small) for _ in range(4))
    shift = st.floats(-100, 100)
    return np.array([[1 + a, b, draw(shift)], [c, 1 + d, draw(shift)]])


@st.composite
def forward_maps(draw: st.DrawFn) -> ForwardMap:
    """An affine and a smooth residual of up to two pixels, on a grid somewhere in a frame."""
    width, height = draw(st.integers(20, 60)), draw(st.integers(20, 60))
    here = grid(width, height)
    fx, fy, phase = draw(st.floats(0.02, 0.15)), draw(st.floats(0.02, 0.15)), draw(st.floats(0, 6))
    tall = draw(st.floats(0, 2))
    residual = tall * np.stack([np.sin(here[..., 1] * fy + phase), np.cos(here[..., 0] * fx + phase)], axis=-1)
    origin = (draw(st.floats(0, 500)), draw(st.floats(0, 500)))
    return ForwardMap(origin, draw(affines()), residual.astype(np.float32))


def test_a_grid_puts_pixel_centres_at_whole_numbers_from_its_first_pixel_on() -> None:
    points = grid(3, 2, 10.5, 20.0, 2.0)
    assert points.shape == (2, 3, 2)
    assert points[0, 0].tolist() == [10.5, 20.0]
    assert points[1, 2].tolist() == [14.5, 22.0]


@few
@given(affines(), st.integers(0, 2**32 - 1))
def test_an_affine_is_recovered_although_a_fifth_of_the_positions_are_wrong(affine: Affine, seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = rng.uniform(0, 200, (400, 2)).astype(np.float32)
    target = apply(affine, source[None])[0]
    wrong = rng.random(400) < 0.2
    target[wrong] += rng.uniform(-15, 15, (int(wrong.sum()), 2)).astype(np.float32)
    found = fit_affine(source, target, np.ones(400, np.float32))
    miss = apply(found, source[None])[0] - apply(affine, source[None])[0]
    assert np.sqrt((miss**2).sum(1)).max() < 1.0


@few
@given(affines())
def test_an_affine_without_outliers_is_exact_wherever_in_the_frame_it_is_fitted(affine: Affine) -> None:
    source = grid(12, 12, 3000, 2000, 3.0).reshape(-1, 2)
    target = (source.astype(np.float64) @ affine[:, :2].T + affine[:, 2]).astype(np.float32)
    found = fit_affine(source, target, np.ones(len(source), np.float32))
    assert np.abs(apply(found, source[None])[0] - target).max() < 2e-3


def test_positions_on_a_line_stretch_nothing_across_it() -> None:
    source = grid(60, 1, 100, 50).reshape(-1, 2)
    found = fit_affine(source, source + np.float32(7), np.ones(60, np.float32))
    assert apply(found, grid(1, 1, 130, 90))[0, 0] == pytest.approx([137, 97], abs=0.01)


def test_positions_in_one_place_tell_a_translation_only() -> None:
    source = grid(3, 3, 40, 40).reshape(-1, 2)
    found = fit_affine(source, 2 * source - np.float32(38), np.ones(9, np.float32))
    assert found == pytest.approx(np.array([[1, 0, 3], [0, 1, 3]]))


def test_positions_without_weight_all_count_alike() -> None:
    source = grid(20, 20).reshape(-1, 2)
    found = fit_affine(source, source + np.float32(2), np.zeros(400, np.float32))
    assert found == pytest.approx(np.array([[1, 0, 2], [0, 1, 2]]), abs=1e-4)


def _scattered(seed: int, height: int, width: int, share: float) -> tuple[Image, Image]:
    rng = np.random.default_rng(seed)
    weight = (rng.random((height, width)) < share).astype(np.float32)
    weight[rng.integers(height), rng.integers(width)] = 1
    return rng.uniform(-50, 50, (height, width, 2)).astype(np.float32), weight


sides = st.integers(1, 70)


@few
@given(st.integers(0, 1000), sides, sides, st.floats(0.001, 1))
def test_push_pull_keeps_what_is_trusted(seed: int, height: int, width: int, share: float) -> None:
    values, weight = _scattered(seed, height, width, share)
    filled = push_pull(values, weight)
    assert np.abs(filled - values)[weight == 1].max() < 1e-4


@few
@given(st.integers(0, 1000), sides, sides, st.floats(0.001, 1))
def test_push_pull_never_exceeds_the_range_of_what_is_trusted(seed: int, height: int, width: int, share: float) -> None:
    values, weight = _scattered(seed, height, width, share)
    filled = push_pull(values, weight)
    known = values[weight == 1]
    assert (filled >= known.min(0) - 1e-3).all()
    assert (filled <= known.max(0) + 1e-3).all()


def test_push_pull_of_nothing_trusted_is_zero() -> None:
    assert not push_pull(np.ones((9, 14, 2), np.float32), np.zeros((9, 14), np.float32)).any()


@few
@given(forward_maps())
def test_the_inverse_undoes_the_map(forward: ForwardMap) -> None:
    height, width = forward.residual.shape[:2]
    here = grid(width, height, *forward.origin)
    miss = forward.inverted(forward.at(here)) - here
    assert np.abs(miss)[2:-2, 2:-2].max() < 0.05


@few
@given(forward_maps())
def test_a_map_at_its_own_grid_is_its_array_of_positions(forward: ForwardMap) -> None:
    height, width = forward.residual.shape[:2]
    assert np.abs(forward.at(grid(width, height, *forward.origin)) - forward.positions()).max() < 0.05


def test_a_map_is_defined_beyond_its_region() -> None:
    forward = ForwardMap((10, 10), np.array([[1.0, 0, 5], [0, 1, 0]]), np.full((4, 4, 2), 2, np.float32))
    assert forward.at(grid(1, 1, -100, 300))[0, 0].tolist() == [-93, 302]


@few
@given(forward_maps())
def test_splitting_a_map_into_affine_and_residual_loses_nothing(forward: ForwardMap) -> None:
    positions = forward.positions()
    again = ForwardMap.fitted(forward.origin, positions, np.ones(positions.shape[:2], np.float32))
    assert np.abs(again.positions() - positions).max() < 1e-3


def test_a_map_that_flattens_everything_has_a_finite_inverse() -> None:
    flat: NDArray[np.float64] = np.array([[0.0, 0, 5], [0, 0, 5]])
    forward = ForwardMap((0, 0), flat, np.zeros((8, 8, 2), np.float32))
    assert np.isfinite(forward.inverted(grid(8, 8))).all()
