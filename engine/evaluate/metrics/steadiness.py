"""How steady a clip is in time: flicker, drift of colour, steps where windows meet."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.evaluate.metrics.likeness import Images, Mattes
from engine.image import shrunk

PATCHES = 16
"""Patches along a frame's shorter side, whose mean colours flicker is told from."""
NOISE_FLOOR = 1e-4
"""Of R'G'B': what a step of the truth counts as at least, so that a still picture can be compared with."""

Steps = NDArray[np.float64]
"""A figure for each frame but the first (frames − 1,)."""


def flicker(images: Images, where: Mattes | None = None) -> float:
    """How the local mean colour jumps: its mean absolute second difference over three frames on end, levels.

    At least 0; 0 for a still picture and for an even fade, 4·a for brightness that goes ±a from frame to frame. What
    moves counts too, so compare with the source's. Patches are a sixteenth of the shorter side, counted by `where`.
    """
    if len(images) < 3:
        return float("nan")
    frames, height, width = images.shape[:3]
    scale = min(1.0, PATCHES / min(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    patches = np.stack([shrunk(image, *size) for image in images]).astype(np.float64)
    jumps = np.abs(patches[:-2] - 2 * patches[1:-1] + patches[2:]).mean(axis=3)
    weight = np.ones((frames, size[1], size[0])) if where is None else np.stack([shrunk(w, *size) for w in where])
    middle = weight[1:-1]
    return 255 * float((jumps * middle).sum() / middle.sum()) if middle.any() else float("nan")


def drift(images: Images, truth: Images, mattes: Mattes) -> float:
    """Slope of the mean colour's offset from the truth where the matte is, levels a frame, of the worst channel.

    At least 0; the least-squares line through the frames in which the matte is anywhere.
    """
    area = mattes.sum(axis=(1, 2), dtype=np.float64)
    seen = np.flatnonzero(area)
    if len(seen) < 2:
        return float("nan")
    offsets = [((images[n] - truth[n]) * mattes[n][..., None]).sum((0, 1), dtype=np.float64) / area[n] for n in seen]
    return float(np.abs(np.polyfit(seen, 255 * np.stack(offsets), 1)[0]).max())


def steps(images: Images, mattes: Mattes) -> Steps:
    """How much changes from each frame to the next where the matte of either is: mean absolute difference of R'G'B'."""
    weight = np.maximum(mattes[1:], mattes[:-1])[..., None]
    return np.asarray((np.abs(np.diff(images, axis=0)) * weight).sum((1, 2, 3)) / (3 * weight.sum((1, 2, 3))))


def seam(images: Images, truth: Images, mattes: Mattes, seams: Sequence[int]) -> float:
    """The largest step into one of the frames `seams`, where windows meet, in spreads of the other steps; at least 0.

    A step is compared as its ratio to the truth's step there; the spread is that of the other ratios. Above 3 a seam
    can be told from chance.
    """
    ratios = steps(images, mattes) / np.maximum(steps(truth, mattes), NOISE_FLOOR)
    at = np.array([number - 1 for number in seams])
    others = np.delete(ratios, at)
    return float(np.max(np.abs(ratios[at] - others.mean())) / others.std())
