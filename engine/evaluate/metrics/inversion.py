"""What an inversion is worth: how straight its path is, what comes back, and how white the noise is that it ended at.

Latents are arrays (frames, channels, height, width); a path is the latents of one run, in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Latents = NDArray[np.floating[Any]]


def round_trip(found: Latents, exact: Latents) -> float:
    """Peak signal-to-noise ratio, dB, of latents that were inverted and denoised again; the peak is `exact`'s range.

    Infinite where nothing was lost. With the sampler's own schedule errors can cancel; with a finer one they do not.
    """
    error = float(np.sqrt(np.square(found - exact, dtype=np.float64).mean()))
    return float(20 * np.log10(np.ptp(exact) / error)) if error else float("inf")


def directions(path: Sequence[Latents], sigmas: Sequence[float]) -> list[NDArray[np.float64]]:
    """Where each step goes for each unit of noise, flattened; `sigmas` are the levels of `path`."""
    steps = zip(pairwise(path), pairwise(sigmas), strict=True)
    return [(after.astype(np.float64) - before).ravel() / (level - was) for (before, after), (was, level) in steps]


def cosine(a: Latents, b: Latents) -> float:
    """Of the angle between two directions, in [−1, 1]."""
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length else 0.0


def adjacent_cosine(steps: Sequence[Latents]) -> float:
    """Mean cosine of each direction with the next, in [−1, 1]; 1 when the path is straight. The paper's is 0.9919."""
    return float(np.mean([cosine(a, b) for a, b in pairwise(steps)]))


def pair_cosine(steps: Sequence[Latents]) -> float:
    """Mean cosine of all pairs of directions, in [−1, 1]. The paper's is 0.9282."""
    return float(np.mean([cosine(a, b) for a, b in combinations(steps, 2)]))


def correlation(a: Latents, b: Latents) -> float:
    """Pearson's, of all values together, in [−1, 1]; 0 where one of them is flat."""
    return cosine(a - a.mean(dtype=np.float64), b - b.mean(dtype=np.float64))


@dataclass(frozen=True)
class Noise:
    """The noise (x_T − x₀)/σ that inversion ended at: standard deviation, and correlations in [−1, 1].

    White noise, which a model was trained on, has 1, 0 and 0.
    """

    std: float
    clip: float
    """With the clip's latents: what it still knows of the picture."""
    frames: float
    """Of each frame's noise with the next one's, the mean over pairs: what stands still in it."""

    @classmethod
    def of(cls, noisy: Latents, x0: Latents, sigma: float) -> Self:
        found = (noisy - x0) / sigma
        between = [correlation(a, b) for a, b in pairwise(found)]
        return cls(float(found.std()), correlation(found, x0), float(np.mean(between)) if between else 0.0)
