"""A world of clips in closed form: a Gaussian mixture, its exact denoiser, and the exact probability-flow ODE.

Every component is stationary in time, height and width (all periodic), so its covariance is a spectrum over their
Fourier frequencies, and what a network only learns can be written down: D(x; σ) = E[x₀ | x] for x = x₀ + σ·ε.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import ceil, exp, log, pi

import torch
from torch import Tensor

from engine.videoshop.schedule import c_out, c_skip

Denoiser = Callable[[Tensor, float], Tensor]
"""D: the expected clean latent of a latent (frames, channels, height, width) at noise level σ."""

STILL = 1e-5
"""A noise level so low that no latent of `clips` has moved from where it is at 0."""

AXES = (-4, -2, -1)


def fourier(x: Tensor) -> Tensor:
    """Over frames, height and width, unitary, so that squares sum to the same."""
    coefficients: Tensor = torch.fft.fftn(x, dim=AXES, norm="ortho")
    return coefficients


def back(y: Tensor) -> Tensor:
    x: Tensor = torch.fft.ifftn(y, dim=AXES, norm="ortho")
    return x.real


@dataclass(frozen=True)
class Mixture:
    """Components of equal weight: `means` and `spectra` (components, frames, channels, height, width).

    `spectra` are the variances of the Fourier coefficients, the same at a frequency and its negative.
    """

    means: Tensor
    spectra: Tensor

    def clips(self, count: int, seed: int) -> Tensor:
        """Samples (count, frames, channels, height, width), the components taken in turn."""
        generator = torch.Generator().manual_seed(seed)
        component = torch.arange(count) % len(self.means)
        white = torch.randn((count, *self.means.shape[1:]), generator=generator, dtype=self.means.dtype)
        return self.means[component] + back(fourier(white) * self.spectra[component].sqrt())

    def log_density(self, x: Tensor, sigma: float) -> Tensor:
        """Of `x` (frames, channels, height, width) among clips with noise σ, save for a constant."""
        return torch.logsumexp(logits(self._off(x), self.spectra + sigma**2), 0)

    def shares(self, x: Tensor, sigma: float) -> Tensor:
        """How likely each component is to be where `x` comes from."""
        return torch.softmax(logits(self._off(x), self.spectra + sigma**2), 0)

    def denoised(self, x: Tensor, sigma: float) -> Tensor:
        """D(x; σ): each component's expectation (Wiener's filter), by its share."""
        off, total = self._off(x), self.spectra + sigma**2
        shares = torch.softmax(logits(off, total), 0)
        return x - back(torch.einsum("k,k...->...", shares.to(off.dtype), off * (sigma**2 / total)))

    def network(self, x: Tensor, sigma: float) -> Tensor:
        """F: what a v-prediction network that had learned this world would say."""
        return (self.denoised(x, sigma) - c_skip(sigma) * x) / c_out(sigma)

    def _off(self, x: Tensor) -> Tensor:
        return fourier(x) - self._centres

    @cached_property
    def _centres(self) -> Tensor:
        return fourier(self.means)


def logits(off: Tensor, total: Tensor) -> Tensor:
    """Logarithm of each component's density, of coefficients `off` their means with variances `total`."""
    return -0.5 * (off.real.square() + off.imag.square()).div(total).add(total.log()).flatten(1).sum(1)


def drift(
    shape: tuple[int, int, int, int], velocity: tuple[float, float], memory: float, levels: Tensor, floor: float
) -> Tensor:
    """Spectrum (frames, channels, height, width) of a texture that moves by `velocity` (rows, columns) a frame.

    Each frame is the last one moved, times `memory` (0 to 1), and something new; in space power falls with the square
    of frequency, as in photographs, down to `floor`. `levels` are the standard deviations of the channels.
    """
    frames, channels, height, width = shape
    t, y, x = (torch.fft.fftfreq(size, dtype=torch.float64) for size in (frames, height, width))
    t, y, x = t[:, None, None, None], y[None, None, :, None], x[None, None, None, :]
    space = 1 / ((1 / max(height, width)) ** 2 + y**2 + x**2)
    phase = torch.cos(2 * pi * (t + velocity[0] * y + velocity[1] * x))
    spectrum: Tensor = space * (1 - memory**2) / (1 + memory**2 - 2 * memory * phase)
    spectrum = (spectrum + mirrored(spectrum)) / 2
    return spectrum / spectrum.mean() * levels.reshape(1, channels, 1, 1) ** 2 + floor**2


def mirrored(spectrum: Tensor) -> Tensor:
    """The spectrum at the negative of each frequency."""
    return spectrum.flip(AXES).roll((1, 1, 1), AXES)


SHAPE = (8, 4, 8, 12)
LEVELS = torch.tensor([1.0, 0.7, 0.5, 0.8], dtype=torch.float64)
SETTLED = ((0.30, 0.0, 0.12), (0.08, 0.12, 0.30), (0.03, 0.30, 0.80))
"""What sets components apart, root mean square, and the band of frequencies in which it does."""


def scenes(seed: int = 0, shape: tuple[int, int, int, int] = SHAPE) -> Mixture:
    """Eight kinds of clip, as of a tree of decisions: the scene and its motion, the object, the detail.

    The further apart two kinds are, the more noise it takes until they cannot be told from each other, so that
    trajectories bend at high, middle and low noise.
    """
    generator = torch.Generator().manual_seed(seed)
    _, channels, height, width = shape
    y, x = torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None, :]
    frequency = (y**2 + x**2).sqrt()
    patterns = []
    for amount, low, high in SETTLED:
        white = torch.randn((1, channels, height, width), generator=generator, dtype=torch.float64)
        pattern = back(fourier(white) * ((frequency >= low) & (frequency < high)))
        patterns.append(pattern * (amount / pattern.square().mean().sqrt()))
    colour = 0.3 * torch.randn((1, channels, 1, 1), generator=generator, dtype=torch.float64)
    motions = (
        drift(shape, (0.0, 0.75), 0.97, LEVELS, 0.03),
        drift(shape, (-0.4, 0.2), 0.90, LEVELS.flip(0), 0.03),
    )
    means, spectra = [], []
    for kind in range(8):
        signs = [1 if kind >> level & 1 else -1 for level in range(3)]
        mean = colour + sum(sign * pattern for sign, pattern in zip(signs, patterns, strict=True))
        means.append(mean.expand(shape))
        spectra.append(motions[kind & 1])
    return Mixture(torch.stack(means), torch.stack(spectra))


def carried(denoiser: Denoiser, x: Tensor, sigma: float, to: float, step: float = 0.2) -> Tensor:
    """The latent at noise level `to` of the trajectory through `x` at `sigma`, both above 0.

    The probability-flow ODE dx/dσ = (x − D)/σ, which in ln σ is dx = x − D, by Runge and Kutta's fourth-order steps of
    at most `step` in ln σ.
    """
    steps = max(1, ceil(abs(log(to / sigma)) / step))
    h = log(to / sigma) / steps

    def rate(at: Tensor, time: float) -> Tensor:
        return at - denoiser(at, exp(time))

    for number in range(steps):
        time = log(sigma) + number * h
        a = rate(x, time)
        b = rate(x + h / 2 * a, time + h / 2)
        c = rate(x + h / 2 * b, time + h / 2)
        d = rate(x + h * c, time + h)
        x = x + h / 6 * (a + 2 * b + 2 * c + d)
    return x
