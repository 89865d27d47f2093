"""How steady a clip is in time: flicker, drift of colour, steps where windows meet."""

from collections.abc import Sequence

import numpy as np

from engine.evaluate.metrics.likeness import Images, Mattes
from engine.evaluate.metrics.motion import Motion, Steps
from engine.image import box_mean, sample
from engine.motion.maps import grid

PATCHES = 16
"""Along a frame's shorter side, whose mean colours flicker is told from."""
NOISE_FLOOR = 1e-4
"""Of R'G'B': what a step of the truth counts as at least, so that a still picture can be compared with."""


def flicker(images: Images, motion: Motion, where: Mattes | None = None) -> float:
    """How the local colour jumps: its mean absolute second difference over three frames on end, levels, at least 0.

    The frames are laid over each other along `motion`, and what is not visible in all three is left out: 0 for what
    only moves and for an even fade, 4·a for brightness that goes ±a from frame to frame. The colour is that of patches,
    a sixteenth of the shorter side, counted by `where`. Grain and faults of the motion count too: compare with the
    source's.
    """
    start = grid(images.shape[2], images.shape[1])
    side = max(1, round(min(images.shape[1:3]) / PATCHES / 2)) * 2 + 1
    total = count = 0.0
    for last in range(2, len(images)):
        once = start + motion.flows[last - 1]
        twice = once + sample(motion.flows[last - 2], once)
        bend = images[last] - 2 * sample(images[last - 1], once) + sample(images[last - 2], twice)
        cover = motion.visible[last - 1] * (sample(motion.visible[last - 2], once, outside=0) > 0.99)
        cover = (cover if where is None else cover * where[last]).astype(np.float32)
        patches = box_mean(bend * cover[..., None], side) / np.maximum(box_mean(cover, side), 1e-6)[..., None]
        total += float((np.abs(patches).mean(axis=2) * cover).sum(dtype=np.float64))
        count += float(cover.sum(dtype=np.float64))
    return 255 * total / count if count else float("nan")


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
