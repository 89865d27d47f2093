"""Inversion against denoisers whose trajectories are known in closed form."""

from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.videoshop.inversion import Network, Proxy, chord, euler_up, invert, slope
from engine.videoshop.sampling import denoise, euler_down
from engine.videoshop.schedule import Schedule, c_out, c_skip

SHAPE = (3, 4, 5, 6)
SCHEDULE = Schedule.karras(25, 0.55)


def drawn(seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def point(target: Tensor) -> Network:
    """F of a world that holds `target` alone: D = target everywhere, so trajectories are straight lines from it."""
    return lambda x, sigma: (target - c_skip(sigma) * x) / c_out(sigma)


def gaussian(spread: float) -> Network:
    """F of a world of Gaussians of this spread around 0: D = x·s²/(s² + σ²)."""
    return lambda x, sigma: (x * (spread**2 / (spread**2 + sigma**2)) - c_skip(sigma) * x) / c_out(sigma)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.002, 20), st.floats(1.01, 3), st.integers(0, 99))
def test_a_step_up_is_undone_by_the_samplers_step_down(sigma: float, ratio: float, seed: int) -> None:
    """The inversion's equation is the Euler step solved for its noisier end, for whatever the network says."""
    x, v, above = drawn(seed), drawn(seed + 1), sigma * ratio
    up = euler_up(x, v, sigma, above)
    torch.testing.assert_close(euler_down(up, v, above, sigma), x, rtol=1e-9, atol=1e-9)


def test_the_chord_and_the_slope_agree_on_a_straight_line() -> None:
    x0, direction = drawn(0), drawn(1)
    one, two, three = (x0 + sigma * direction for sigma in (1.0, 2.0, 3.0))
    torch.testing.assert_close(chord(x0, two, 2.0, 3.0), three)
    torch.testing.assert_close(slope(one, two, 1.0, 2.0, 3.0), three)


@pytest.mark.parametrize("proxy", ["chord", "slope"])
def test_where_trajectories_are_straight_inversion_and_sampling_are_inverse(proxy: Proxy) -> None:
    """Everything within the data's own point returns to it; the noise found is along the direction that was drawn."""
    x0 = drawn(0)
    *_, noisy = invert(point(x0), x0, SCHEDULE, direction=drawn(1), threshold=0.0, proxy=proxy)
    *_, clean = denoise(point(x0), noisy, SCHEDULE)
    torch.testing.assert_close(clean, x0, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("proxy", "threshold", "most"), [("chord", 0.06, 0.16), ("slope", 0.0, 0.12)])
def test_in_a_gaussian_world_the_clip_comes_back(proxy: Proxy, threshold: float, most: float) -> None:
    x0 = drawn(0, 0.7)
    network = gaussian(0.7)
    *_, noisy = invert(network, x0, SCHEDULE, direction=drawn(1), threshold=threshold, proxy=proxy)
    *_, clean = denoise(network, noisy, SCHEDULE)
    assert float((clean - x0).std() / x0.std()) < most


def test_extrapolation_beats_the_latent_at_hand() -> None:
    """The paper's claim: with the current latent as the proxy (a chord of no length) the clip comes back worse."""
    x0, network = drawn(0, 0.7), gaussian(0.7)

    def error(noisy: Tensor) -> float:
        *_, clean = denoise(network, noisy, SCHEDULE)
        return float((clean - x0).std())

    *_, extrapolated = invert(network, x0, SCHEDULE, direction=drawn(1), threshold=0.06)
    naive = x0
    for sigma, above in SCHEDULE.rising():
        naive = euler_up(naive, network(naive, above), sigma, above)
    assert error(extrapolated) < error(naive)


def test_at_or_below_the_threshold_the_proxy_goes_by_chance() -> None:
    seen: list[Tensor] = []

    def network(x: Tensor, sigma: float) -> Tensor:
        seen.append(x)
        return torch.zeros_like(x)

    x0, direction = drawn(0), drawn(1)
    list(invert(network, x0, SCHEDULE, direction=direction, threshold=1.0))
    for x, (sigma, above) in zip(seen, SCHEDULE.rising(), strict=True):
        by_chance = x0 + above * x0.std() * direction
        assert torch.allclose(x, by_chance) == (sigma <= 1.0)


@pytest.mark.parametrize("proxy", ["chord", "slope"])
@pytest.mark.parametrize("done", [0, 1, 5, 12])
def test_inversion_goes_on_where_it_was_stopped(proxy: Proxy, done: int) -> None:
    x0, network = drawn(0), gaussian(1.3)
    whole = list(invert(network, x0, SCHEDULE, direction=drawn(1), threshold=0.3, proxy=proxy))
    rest = list(invert(network, x0, SCHEDULE, direction=drawn(1), threshold=0.3, proxy=proxy, known=whole[:done]))
    assert len(rest) == len(whole) - done
    assert all(torch.equal(a, b) for a, b in zip(rest, islice(whole, done, None), strict=True))
