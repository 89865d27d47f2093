"""The closed-form world keeps its promises: its denoiser is the expectation, its ODE the exact one."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from engine.videoshop.sampling import denoise
from engine.videoshop.schedule import Schedule, c_in, c_out, c_skip
from tests.engine.videoshop.mixture import STILL, Mixture, back, carried, drift, fourier, mirrored, scenes

WORLD = scenes()
ONE = torch.ones(1, dtype=torch.float64)
SMALL = (2, 1, 1, 2)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors this small are slower shared among cores, by far when those are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small() -> Mixture:
    """Two components of four numbers each, few enough to integrate over by samples."""
    means = torch.stack([torch.full(SMALL, 0.8), torch.full(SMALL, -0.8)]).double()
    return Mixture(means, torch.stack([drift(SMALL, (0, 0.5), memory, 0.7 * ONE, 0.1) for memory in (0.9, 0.2)]))


def off(a: Tensor, b: Tensor) -> float:
    return float((a - b).square().mean().sqrt() / b.std())


@pytest.mark.parametrize("sigma", [0.05, 0.7, 4.0, 15.6])
def test_what_is_denoised_is_where_the_density_rises(sigma: float) -> None:
    """Tweedie's identity: D(x; σ) = x + σ²·∇ log p(x; σ)."""
    x = (WORLD.clips(1, 3)[0] + sigma * WORLD.clips(1, 4)[0]).requires_grad_()
    (slope,) = torch.autograd.grad(WORLD.log_density(x, sigma), x)
    torch.testing.assert_close(WORLD.denoised(x, sigma).detach(), (x + sigma**2 * slope).detach(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 3.0])
def test_what_is_denoised_is_the_mean_of_the_clips_that_it_may_have_been(sigma: float) -> None:
    """By Monte Carlo: clips of the world, weighted by how likely noise σ makes `x` of them."""
    world = small()
    x = world.clips(3, 5)[2] + sigma * torch.tensor([0.3, -0.2, 0.5, 0.1], dtype=torch.float64).reshape(SMALL)
    clips = world.clips(200_000, 6)
    weights = torch.softmax(-(clips - x).square().flatten(1).sum(1) / (2 * sigma**2), 0)
    expected = torch.einsum("n,n...->...", weights, clips)
    torch.testing.assert_close(world.denoised(x, sigma), expected, rtol=0, atol=0.01)


def test_without_noise_a_clip_is_itself_and_in_much_of_it_the_mean_of_all() -> None:
    x = WORLD.clips(1, 0)[0]
    torch.testing.assert_close(WORLD.denoised(x, STILL), x, rtol=0, atol=1e-6)
    torch.testing.assert_close(WORLD.denoised(x, 1e6), WORLD.means.mean(0), rtol=0, atol=1e-3)


def test_the_network_says_in_v_what_the_denoiser_expects() -> None:
    """D = c_skip·x + c_out·F; and what goes into F and comes out is of the data's size at every σ."""
    x0, e = WORLD.clips(1, 0)[0], torch.randn(WORLD.means.shape[1:], dtype=torch.float64)
    for sigma in (0.002, 0.3, 2.0, 15.6, 700.0):
        x = x0 + sigma * e
        v = WORLD.network(x, sigma)
        torch.testing.assert_close(c_skip(sigma) * x + c_out(sigma) * v, WORLD.denoised(x, sigma))
        assert float(v.std()) < 2
        assert 0.5 < float((c_in(sigma) * x).std()) < 1.5


def test_samples_have_the_spectrum_and_the_mean_that_they_are_drawn_by() -> None:
    world = small()
    clips = world.clips(100_000, 1)[::2]
    torch.testing.assert_close(clips.mean(0), world.means[0], rtol=0, atol=0.02)
    found = fourier(clips - world.means[0]).abs().square().mean(0)
    torch.testing.assert_close(found, world.spectra[0], rtol=0.03, atol=0)


def test_a_spectrum_is_the_same_at_the_negative_of_each_frequency() -> None:
    """So that clips are real numbers."""
    spectra = WORLD.spectra
    torch.testing.assert_close(mirrored(spectra), spectra)
    coefficients = fourier(torch.randn(WORLD.means.shape, dtype=torch.float64)) * spectra.sqrt()
    assert float(torch.fft.ifftn(coefficients, dim=(-4, -2, -1)).imag.abs().max()) < 1e-12
    torch.testing.assert_close(back(fourier(WORLD.means)), WORLD.means)


def test_frames_of_a_clip_follow_each_other_at_its_kinds_velocity() -> None:
    still, moving = (drift((8, 1, 1, 16), (0.0, velocity), 0.95, ONE, 0.0) for velocity in (0.0, 2.0))
    zeros = torch.zeros(1, 8, 1, 1, 16, dtype=torch.float64)

    def alike(spectrum: Tensor, by: int) -> float:
        """Correlation of each frame, moved by so many columns, with the next."""
        clips = Mixture(zeros, spectrum[None]).clips(200, 0)
        return float((clips[:, :-1].roll(by, -1) * clips[:, 1:]).mean() / clips.square().mean())

    assert alike(still, 0) > 0.9
    assert alike(moving, 2) > 0.9
    assert alike(moving, 0) < alike(moving, 2) - 0.1


def test_kinds_of_clip_are_told_apart_one_decision_at_a_time_as_noise_falls() -> None:
    """It is no single Gaussian: what is undecided, in bits, goes from none to nearly all within the schedule."""
    undecided = []
    for sigma in (0.1, 1.0, 4.0, 15.6, 100.0):
        bits = []
        for clip in WORLD.clips(8, 1):
            x = clip + sigma * torch.randn(clip.shape, generator=torch.Generator().manual_seed(2), dtype=clip.dtype)
            shares = WORLD.shares(x, sigma)
            bits.append(-float((shares * shares.clamp_min(1e-30).log2()).sum()))
        undecided.append(sum(bits) / len(bits))
    assert undecided[0] < 0.01
    assert 0.05 < undecided[1] < undecided[2] < undecided[3] < undecided[4]
    assert undecided[4] > 2.5


def test_of_one_gaussian_the_ode_is_known() -> None:
    """Each coefficient grows by √((λ + σ′²)/(λ + σ²)), λ its variance."""
    world = Mixture(WORLD.means[:1], WORLD.spectra[:1])
    x = world.clips(1, 0)[0]
    grown = fourier(x - world.means[0]) * ((world.spectra[0] + 15.6**2) / (world.spectra[0] + 0.01**2)).sqrt()
    found = carried(world.denoised, x, 0.01, 15.6)
    assert off(found, world.means[0] + back(grown)) < 1e-4


def test_the_ode_converges_with_the_fourth_power_of_its_step_and_comes_back() -> None:
    x = WORLD.clips(1, 0)[0]
    fine, middle, coarse = (carried(WORLD.denoised, x, 0.1, 15.6, step) for step in (0.1, 0.3, 0.6))
    assert off(coarse, fine) > 8 * off(middle, fine)
    assert off(carried(WORLD.denoised, fine, 15.6, 0.1, step=0.1), x) < 1e-3


def test_the_sampler_tends_to_the_ode_as_its_steps_become_many() -> None:
    noisy = 15.59 * torch.randn(WORLD.means.shape[1:], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    exact = carried(WORLD.denoised, noisy, 15.59, STILL)
    errors = []
    for steps in (10, 40, 160):
        *_, clean = denoise(WORLD.network, noisy, Schedule.karras(steps, 1.0, highest=15.59))
        errors.append(off(clean, exact))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
