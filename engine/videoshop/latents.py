"""Statistics of latents: normalised before inversion, given back after denoising (paper, sections 3.5 and 3.6)."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Normalisation = Literal["none", "reference", "paper", "clip"]
"""Over what mean and spread are taken: nothing, each frame's channels together (the released code), each channel of the
clip (the paper's text), the whole clip (frames keep their brightness relative to each other)."""

EPSILON = 1e-6

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


def rescaled(latents: Tensor, edited: Tensor) -> Tensor:
    """`latents` (frames, channels, height, width), each channel moved so that frame 0 has the statistics of `edited`.

    One affine a channel for all frames, so frames keep what sets them apart (paper, section 3.6). `edited` are the
    edited image's latents (1, channels, height, width).
    """
    made, wanted = statistics(latents[:1], (0, 2, 3)), statistics(edited, (0, 2, 3))
    return (latents - made.mean) / (made.std + EPSILON) * wanted.std + wanted.mean
