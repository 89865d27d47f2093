import numpy as np
import pytest
from numpy.typing import NDArray

from engine.evaluate.metrics.inversion import (
    Noise,
    adjacent_cosine,
    correlation,
    directions,
    pair_cosine,
    round_trip,
)


def chance(*shape: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(shape)


def test_decibels_of_latents_are_over_their_own_range() -> None:
    exact = np.array([0.0, 10.0])
    assert round_trip(exact + 1, exact) == pytest.approx(20)
    assert round_trip(exact, exact) == float("inf")


def test_a_straight_line_has_a_cosine_of_1_and_a_turn_back_one_of_minus_1() -> None:
    x0, way = chance(2, 4, 3, 3), chance(2, 4, 3, 3, seed=1)
    sigmas = (8.0, 3.0, 1.0, 0.5, 0.0)
    straight = directions([x0 + sigma * way for sigma in sigmas], sigmas)
    assert adjacent_cosine(straight) == pytest.approx(1)
    assert pair_cosine(straight) == pytest.approx(1)
    back = directions([x0, x0 + way, x0, x0 + way], (3.0, 2.0, 1.0, 0.0))
    assert adjacent_cosine(back) == pytest.approx(-1)
    assert pair_cosine(back) == pytest.approx(-1 / 3)


def test_a_correlation_does_not_see_the_mean_and_is_0_of_what_is_flat() -> None:
    a = chance(4, 8)
    assert correlation(a, 3 * a + 7) == pytest.approx(1)
    assert correlation(a, np.ones_like(a)) == pytest.approx(0, abs=1e-9)


def test_noise_is_told_by_its_size_and_by_what_it_knows_of_the_clip() -> None:
    x0, new = chance(8, 4, 16, 16), chance(8, 4, 16, 16, seed=1)
    white = Noise.of(x0 + 5 * new, x0, 5.0)
    assert (white.std, white.clip, white.frames) == pytest.approx((1, 0, 0), abs=0.05)
    knowing = Noise.of(x0 + 5 * (0.6 * x0 + 0.8 * new), x0, 5.0)
    assert (knowing.std, knowing.clip) == pytest.approx((1, 0.6), abs=0.05)
    thin = Noise.of(x0 + 5 * 0.5 * new, x0, 5.0)
    assert thin.std == pytest.approx(0.5, abs=0.03)


def test_noise_that_stands_still_is_told() -> None:
    x0, new, still = chance(8, 4, 16, 16), chance(8, 4, 16, 16, seed=1), chance(1, 4, 16, 16, seed=2)
    assert Noise.of(x0 + 5 * (0.6 * still + 0.8 * new), x0, 5.0).frames == pytest.approx(0.36, abs=0.05)
    assert Noise.of(x0[:1] + still, x0[:1], 1.0).frames == 0
