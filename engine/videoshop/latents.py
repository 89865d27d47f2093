"""Statistics of latents: normalised before inversion, given back after denoising (paper, sections 3.5 and 3.6)."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn.functional import avg_pool2d

Normalisation = Literal["none", "reference", "paper", "clip"]
"""Over what mean and spread are taken: nothing, each frame's channels together (the released code), each channel of the
clip (the paper's text), the whole clip (frames keep their brightness relative to each other)."""

EPSILON = 1e-6

AROUND = 3
"""Latents along a side of the patch over which colours are compared with those of what was carried."""
FAINT = 0.02
"""Of a patch: where less than about this much was carried its colours tell little, and are followed less."""

_AXES: dict[Normalisation, tuple[int, ...]] = {"reference": (1, 2, 3), "paper": (0, 2, 3), "clip": (0, 1, 2, 3)}


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation, to be broadcast over latents (frames, channels, height, width)."""

    mean: Tensor
    std: Tensor


def normalised(latents: Tensor, over: Normalisation) -> Tensor:
    """`latents` (frames, channels, height, width) with mean 0 and standard deviation 1 over what is asked."""
    if over == "none":
        return latents
    spread = statistics(latents, _AXES[over])
    return (latents - spread.mean) / (spread.std + EPSILON)


def statistics(latents: Tensor, axes: tuple[int, ...]) -> Statistics:
    return Statistics(latents.mean(axes, keepdim=True), latents.std(axes, keepdim=True))


def rescaled(latents: Tensor, edited: Tensor, inside: Tensor | None = None) -> Tensor:
    """`latents` (frames, channels, height, width), each channel moved so that frame 0 has the statistics of `edited`.

    One affine a channel for all frames, so frames keep what sets them apart (paper, section 3.6). `edited` are the
    edited image's latents (1, channels, height, width). `inside` (frames, 1, height, width) in [0, 1]: statistics are
    those of its share of frame 0, and only its share is moved.
    """
    if inside is None:
        made, wanted = statistics(latents[:1], (0, 2, 3)), statistics(edited, (0, 2, 3))
    else:
        made, wanted = weighted(latents[:1], inside[:1]), weighted(edited, inside[:1])
    moved = (latents - made.mean) / (made.std + EPSILON) * wanted.std + wanted.mean
    return moved if inside is None else latents + inside * (moved - latents)


def weighted(latents: Tensor, share: Tensor) -> Statistics:
    """Each channel's statistics over the `share` (frames, 1, height, width) of `latents`."""
    total = share.sum().clamp(min=EPSILON)
    mean = (latents * share).sum((0, 2, 3), keepdim=True) / total
    return Statistics(mean, ((latents - mean).square() * share).sum((0, 2, 3), keepdim=True).div(total).sqrt())


def recoloured(latents: Tensor, base: Tensor, held: Tensor) -> Tensor:
    """`latents` with the local colours of `base`, both (frames, channels, height, width), where they are `held` to it.

    Moved by the mean difference of the patch around each place, counted by `held` (frames, 1, height, width) in [0, 1];
    nothing moves where nothing is held in reach. What the model draws within a patch stays, and a long chain of windows
    does not drift away from the colours that were painted.
    """
    share = _patch(held)
    return latents + _patch((base - latents) * held) / (share + FAINT)


def _patch(values: Tensor) -> Tensor:
    return avg_pool2d(values, AROUND, stride=1, padding=AROUND // 2)
