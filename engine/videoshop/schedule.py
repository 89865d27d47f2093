"""Noise levels, and how the network is scaled at each (EDM: Karras et al. 2022, table 1 and equation 5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt

SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 700.0, 7.0
"""Stable Video Diffusion's range of noise levels, and how the steps crowd towards the low ones (Karras, section 5)."""


@dataclass(frozen=True)
class Schedule:
    """Noise levels σ of one run, falling; the last is 0, the clean latent.

    D(x; σ) = c_skip·x + c_out·F(c_in·x; ¼ ln σ), where F is the network, a v-prediction.
    """

    sigmas: tuple[float, ...]

    @classmethod
    def karras(cls, steps: int, strength: float, lowest: float = SIGMA_MIN, highest: float = SIGMA_MAX) -> "Schedule":
        """The last `strength` (0, 1] of `steps` Karras levels (equation 5), then 0; at least one level."""
        kept = max(1, min(int(steps * strength), steps))
        high, low = highest ** (1 / RHO), lowest ** (1 / RHO)
        levels = [(high + step / max(steps - 1, 1) * (low - high)) ** RHO for step in range(steps)]
        return cls((*levels[steps - kept :], 0.0))

    @property
    def steps(self) -> int:
        return len(self.sigmas) - 1

    def falling(self) -> Iterator[tuple[float, float]]:
        """Each step of denoising: from σ to the next lower σ."""
        return pairwise(self.sigmas)

    def rising(self) -> Iterator[tuple[float, float]]:
        """Each step of inversion: from σ to the next higher σ."""
        return pairwise(reversed(self.sigmas))


def c_skip(sigma: float) -> float:
    return 1 / (sigma * sigma + 1)


def c_out(sigma: float) -> float:
    return -sigma / sqrt(sigma * sigma + 1)


def c_in(sigma: float) -> float:
    return 1 / sqrt(sigma * sigma + 1)


def c_noise(sigma: float) -> float:
    """What the network is told of σ > 0."""
    return log(sigma) / 4
