"""What a propagated edit is worth beside the rendered truth, and what a run of latents looks like.

Pictures are (frames, 3, height, width) in [0, 1]; a path is the latents (frames, channels, h, w) of one run, in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

CHANGED = 0.12
"""How far a pixel's most changed colour has to be from what it was, for the pixel to count as edited."""
NEAREST = 1e-10
"""The least mean square error that is told apart from none: 100 dB."""


def psnr(found: Tensor, truth: Tensor, where: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio, dB, of pictures; over the pixels `where` (frames, 1, height, width) is true."""
    squared = (found.double() - truth.double()).square().mean(1, keepdim=True)
    error = squared.mean() if where is None else squared[where].mean()
    return float(-10 * torch.log10(error.clamp(min=NEAREST)))


def changed(found: Tensor, source: Tensor) -> Tensor:
    """Where (frames, 1, height, width) `found` shows something else than `source`."""
    return (found - source).abs().amax(1, keepdim=True) > CHANGED


def overlap(found: Tensor, truth: Tensor) -> float:
    """Intersection over union of two regions; 1 when both are empty."""
    union = float((found | truth).sum())
    return float((found & truth).sum()) / union if union else 1.0


@dataclass(frozen=True)
class Likeness:
    """A clip beside the truth: PSNR, dB, inside the edit, whole and outside; overlap of the changed pixels."""

    inside: float
    whole: float
    outside: float
    iou: float

    @classmethod
    def of(cls, found: Tensor, truth: Tensor, source: Tensor, seen: Tensor, matte: Tensor) -> "Likeness":
        """`seen` is the source as the VAE gives it back; `matte` (frames, 1, height, width) is the edit's."""
        edit = matte > 0
        return cls(
            psnr(found, truth, edit),
            psnr(found, truth),
            psnr(found, truth, ~edit),
            overlap(changed(found, seen), changed(truth, source)),
        )


def directions(path: Sequence[Tensor], sigmas: Sequence[float]) -> list[Tensor]:
    """Where each step goes for each unit of noise, flattened; `sigmas` are the levels of `path`."""
    steps = zip(pairwise(path), pairwise(sigmas), strict=True)
    return [((after - before) / (level - was)).flatten() for (before, after), (was, level) in steps]


def adjacent_cosine(steps: Sequence[Tensor]) -> float:
    """Mean cosine of each direction with the next; 1 when the path is a straight line."""
    return _mean([cosine_similarity(a, b, dim=0) for a, b in pairwise(steps)])


def pair_cosine(steps: Sequence[Tensor]) -> float:
    """Mean cosine of all pairs of directions."""
    return _mean([cosine_similarity(a, b, dim=0) for a, b in combinations(steps, 2)])


def noise(noisy: Tensor, x0: Tensor, sigma: float) -> tuple[float, float]:
    """The noise in a latent at level `sigma`: its standard deviation, and its correlation with the clip's `x0`."""
    found = (noisy - x0) / sigma
    return float(found.std()), correlation(found, x0)


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def decibels(found: Tensor, exact: Tensor) -> float:
    """Peak signal-to-noise ratio; the peak is the range of `exact`, as latents have none of their own."""
    return float(20 * torch.log10((exact.max() - exact.min()) / (found - exact).square().mean().sqrt()))


def _mean(values: Sequence[Tensor]) -> float:
    return float(torch.stack(list(values)).mean())
