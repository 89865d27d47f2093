"""How a clip moves, and how well a result's frames follow each other along that motion."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.evaluate.metrics.likeness import Images, Mattes, lumas
from engine.image import sample
from engine.motion.fields import DenseFlow
from engine.motion.maps import grid

SLACK, SHARE = 0.5, 0.01
"""Where there and back again end further from the start than this, squared pixels, something was covered: as such, and
as a share of both motions' squares (Sundaram, Brox and Keutzer 2010)."""

Steps = NDArray[np.float64]
"""A figure for each frame but the first (frames − 1,)."""


@dataclass(frozen=True, eq=False)
class Motion:
    """How a clip moves, from each frame but the first back to the one before it, by OpenCV's DIS.

    `flows` (frames − 1, height, width, 2) are pixels (x, y); `visible` (frames − 1, height, width) is 1 where the
    earlier frame shows the same place, else 0.
    """

    flows: NDArray[np.float32]
    visible: Mattes


def motion(images: Images) -> Motion:
    """The motion of a clip of two frames or more."""
    search = DenseFlow(finest=1)
    seen = [np.round(luma).astype(np.uint8) for luma in lumas(images)]
    back = [search(later, earlier) for earlier, later in pairwise(seen)]
    forth = [search(earlier, later) for earlier, later in pairwise(seen)]
    start = grid(images.shape[2], images.shape[1])
    visible = []
    for backward, forward in zip(back, forth, strict=True):
        returned = sample(forward, start + backward)
        bar = SHARE * (np.square(backward).sum(2) + np.square(returned).sum(2)) + SLACK
        in_frame = sample(np.ones(backward.shape[:2], np.float32), start + backward, outside=0)
        visible.append(((np.square(backward + returned).sum(2) < bar) & (in_frame > 0.99)).astype(np.float32))
    return Motion(np.stack(back), np.stack(visible))


def end_point_errors(found: Motion, true: Motion, where: Mattes | None = None) -> Steps:
    """Mean distance of two clips' motions, pixels a frame, at least 0; counted by `where` (frames, height, width).

    Where the `true` clip's earlier frame does not show the same place, as at a cut, there is none to be told. The
    paper's "Flow" is its mean over frames, and "Flow+" that outside the edit; its flow network is not known.
    """
    off = np.sqrt(np.square(found.flows - true.flows, dtype=np.float64).sum(axis=3))
    return _means(off, true.visible if where is None else true.visible * where[1:])


def warp_errors(images: Images, motion: Motion, where: Mattes | None = None) -> Steps:
    """How much each frame differs from the one before it, laid over it along the source's `motion`, levels in [0, 255].

    Mean absolute difference of R'G'B' where the earlier frame shows the same place (Lai et al. 2018), counted by
    `where` (frames, height, width). A source has its own, of grain and of what motion does not explain.
    """
    start = grid(images.shape[2], images.shape[1])
    off = [
        np.abs(later - sample(earlier, start + flow)).mean(axis=2, dtype=np.float64) * 255
        for (earlier, later), flow in zip(pairwise(images), motion.flows, strict=True)
    ]
    return _means(np.stack(off), motion.visible if where is None else motion.visible * where[1:])


def warp_ratio(result: Images, source: Images, motion: Motion, where: Mattes | None = None) -> float:
    """The result's mean warp error over the source's own: 1 when it is as steady, above where it flickers or smears."""
    own = float(np.nanmean(warp_errors(source, motion, where)))
    return float(np.nanmean(warp_errors(result, motion, where))) / own if own else float("nan")


def _means(values: NDArray[np.float64], weight: Mattes) -> Steps:
    """Of each step's `values` (steps, height, width)."""
    with np.errstate(invalid="ignore"):  # nan where nothing counts
        return np.asarray((values * weight).sum(axis=(1, 2)) / weight.sum(axis=(1, 2), dtype=np.float64))
