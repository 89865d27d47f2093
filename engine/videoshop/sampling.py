"""Denoising: from noise down to the edited clip's latents (paper, section 3.4), with guidance."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from engine.videoshop.inversion import Network
from engine.videoshop.schedule import Schedule, c_out, c_skip

Pair = Callable[[Tensor, float], tuple[Tensor, Tensor]]
"""The network's outputs with and without its condition."""


def euler_down(x: Tensor, v: Tensor, sigma: float, below: float) -> Tensor:
    """x′ = x + (σ′ − σ)·(x − D(x; σ))/σ, where D follows from the network's output `v` (Karras 2022)."""
    denoised = c_skip(sigma) * x + c_out(sigma) * v
    return x + (below - sigma) / sigma * (x - denoised)


@dataclass(frozen=True)
class Pin:
    """Latents that a run is held to: `share` (frames, 1, h, w) in [0, 1] of those of `path` goes into its own.

    `path` are latents (frames, channels, h, w) at the schedule's levels, falling, the noisiest first; below the last of
    them the run is free.
    """

    share: Tensor
    path: Sequence[Tensor]

    def __call__(self, x: Tensor, level: int) -> Tensor:
        if level >= len(self.path):
            return x
        return torch.lerp(x, self.path[level].to(x), self.share.to(x))  # exact where the share is 0 or 1


def denoise(
    network: Network, noise: Tensor, schedule: Schedule, *, known: Sequence[Tensor] = (), pins: Sequence[Pin] = ()
) -> Iterator[Tensor]:
    """Yield the latent after each step of falling noise, those after `known`, the first steps' results.

    Each of `pins`, in their order, holds `noise` and every latent that comes of it (blended latents, Avrahami 2023).
    """

    def held(x: Tensor, level: int) -> Tensor:
        for pin in pins:
            x = pin(x, level)
        return x

    x = known[-1] if known else held(noise, 0)
    for level, (sigma, below) in islice(enumerate(schedule.falling()), len(known), None):
        x = held(euler_down(x, network(x, sigma), sigma, below), level + 1)
        yield x


def guided(conditional: Network, pair: Pair, scales: Tensor, interval: tuple[float, float]) -> Network:
    """The network with classifier-free guidance: `scales` (frames, 1, 1, 1), one for each frame.

    Outside the noise levels `interval`, both ends included, and where every scale is 1, the conditional alone is run
    (Kynkäänniemi et al. 2024).
    """
    idle = bool(torch.all(scales == 1))
    low, high = interval

    def network(x: Tensor, sigma: float) -> Tensor:
        if idle or not low <= sigma <= high:
            return conditional(x, sigma)
        told, untold = pair(x, sigma)
        return untold + scales.to(told) * (told - untold)

    return network
