"""How like the truth, or the source, the pixels of a clip are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.image import Image, mixed, soft

Images = NDArray[np.float32]
"""R'G'B' (frames, height, width, 3) in [0, 1]."""
Mattes = NDArray[np.float32]
"""(frames, height, width) in [0, 1]."""

NEAREST = 1e-10
"""The least mean squared error that is told apart from none: 100 dB."""
CHANGED = 0.12
"""How far a pixel's most changed colour has to be from what it was, for the pixel to count as edited."""
SSIM_SIDE = 11
"""Pixels of the window of SSIM: a Gaussian of deviation 1.5."""
SSIM_CONSTANTS = 0.01**2, 0.03**2
"""Of the published SSIM, for a range of 1."""
LUMA = np.array([[0.2126, 0.7152, 0.0722]])
"""Weights of R', G', B' in Rec. 709's luma."""


def psnr(found: Images, truth: Images, where: Mattes | None = None) -> float:
    """Peak signal-to-noise ratio of R'G'B', dB, of all pixels together, each counted by `where`; the peak is 1.

    −10·log₁₀ of the mean squared error. In [0, 100]: equal clips are told as 100 dB.
    """
    total = count = 0.0
    for number, (one, other) in enumerate(zip(found, truth, strict=True)):
        squared = np.square(one - other, dtype=np.float64).mean(axis=2)
        weight = None if where is None else where[number]
        total += float(squared.sum() if weight is None else (squared * weight).sum())
        count += float(squared.size if weight is None else weight.sum(dtype=np.float64))
    return float(-10 * np.log10(max(total / count, NEAREST))) if count else float("nan")


def ssim(found: Images, truth: Images, where: Mattes | None = None) -> float:
    """Structural similarity of luma, the mean over pixels counted by `where`, in [−1, 1]; 1 for equal clips.

    Wang, Bovik, Sheikh and Simoncelli 2004, with its Gaussian window of 11 pixels and its constants; the frame's
    border is mirrored.
    """
    total = count = 0.0
    for number, (one, other) in enumerate(zip(found, truth, strict=True)):
        weight = np.ones(one.shape[:2], np.float32) if where is None else where[number]
        total += float((_similarity(mixed(one, LUMA), mixed(other, LUMA)) * weight).sum(dtype=np.float64))
        count += float(weight.sum(dtype=np.float64))
    return total / count if count else float("nan")


def _similarity(a: Image, b: Image) -> Image:
    c1, c2 = SSIM_CONSTANTS
    mean_a, mean_b = _window(a), _window(b)
    var_a, var_b = _window(a * a) - mean_a**2, _window(b * b) - mean_b**2
    both = _window(a * b) - mean_a * mean_b
    similar = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return np.asarray(similar / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)), np.float32)


def _window(image: Image) -> Image:
    return soft(image, SSIM_SIDE, 1.5)


def difference(found: Images, truth: Images, where: Mattes | None = None) -> float:
    """The largest absolute difference of a sample where `where` is above 0, in levels, in [0, 255]."""
    worst = [float("nan")]
    for number, (one, other) in enumerate(zip(found, truth, strict=True)):
        off = np.abs(one - other).max(axis=2)
        seen = off if where is None else off[where[number] > 0]
        worst += [255 * float(seen.max())] if seen.size else []
    return float(np.nanmax(worst)) if len(worst) > 1 else worst[0]


@dataclass(frozen=True)
class Outside:
    """A clip beside its source where nothing was edited: PSNR, dB; SSIM; the largest difference, levels.

    A method's own pictures show what it leaves alone by itself; the composited ones have to be 100 dB, 1 and 0. The
    paper's SSIM and "src+" are taken there too.
    """

    psnr: float
    ssim: float
    difference: float

    @classmethod
    def of(cls, found: Images, source: Images, mattes: Mattes) -> Self:
        """Over the pixels whose matte is 0."""
        outside = (mattes == 0).astype(np.float32)
        return cls(psnr(found, source, outside), ssim(found, source, outside), difference(found, source, outside))


def keyframe_fidelity(found: Image, painted: Image, mask: Image) -> float:
    """PSNR, dB, of the result's keyframe (height, width, 3) to the artist's, counted by `mask`: 100 as promised."""
    return psnr(found[None], painted[None], mask[None])


@dataclass(frozen=True)
class Identity:
    """An edit that changes nothing, carried through the clip: what the method loses by itself.

    PSNR to the source, dB; the `ceiling` is that of the clip through the VAE alone; `lost` is the rest, dB: 0 for a
    method that loses nothing that the VAE had not lost.
    """

    psnr: float
    ceiling: float

    @classmethod
    def of(cls, found: Images, source: Images, through_vae: Images) -> Self:
        return cls(psnr(found, source), psnr(through_vae, source))

    @property
    def lost(self) -> float:
        return self.ceiling - self.psnr


def changed(found: Images, source: Images) -> NDArray[np.bool_]:
    """Where (frames, height, width) `found` shows something else than `source`: by `CHANGED` in one colour or more."""
    return np.asarray(np.abs(found - source).max(axis=-1) > CHANGED)


def overlap(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two regions, in [0, 1]; 1 when both are empty."""
    union = int((found | truth).sum())
    return int((found & truth).sum()) / union if union else 1.0


@dataclass(frozen=True)
class Likeness:
    """A clip beside the truth: PSNR, dB, where the edit is, whole and elsewhere; overlap of the changed pixels."""

    inside: float
    whole: float
    outside: float
    iou: float

    @classmethod
    def of(cls, found: Images, truth: Images, source: Images, seen: Images, mattes: Mattes) -> Self:
        """`seen` is the source as the VAE gives it back, where there is one; else the source again."""
        edit = (mattes > 0).astype(np.float32)
        return cls(
            psnr(found, truth, edit),
            psnr(found, truth),
            psnr(found, truth, 1 - edit),
            overlap(changed(found, seen), changed(truth, source)),
        )


def lumas(images: Images) -> Iterator[Image]:
    """Rec. 709's luma (height, width) of each frame, in levels."""
    return (mixed(image, 255 * LUMA) for image in images)
