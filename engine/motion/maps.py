"""Maps between a keyframe's grid and a frame: how they are stored, smoothed, filled and inverted. Pure functions.

A *map* is a float32 array (height, width, 2) of (x, y) positions in pixels, one for each pixel of a grid. A forward map
lives on the keyframe's grid and says where each keyframe pixel went; a backward map lives on a frame's grid and says
which keyframe position is seen there.
"""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.image import Image, mixed, ratio, sample, shrunk, stretched

Affine = NDArray[np.float64]
"""(2, 3): the linear part, then the translation."""

REWEIGHTINGS = 3
"""Rounds of the robust fit: outliers a hundred times the inliers' error lose their say in the second."""

SPREAD = 4.0
"""Standard deviation of positions, in pixels, below which they tell a translation only."""

FIXED_POINT = 6
"""Rounds of the inversion: a residual that changes by a quarter pixel per pixel is inverted to a thousandth."""


def grid(width: int, height: int, x: float = 0.0, y: float = 0.0, step: float = 1.0) -> Image:
    """The identity map (height, width, 2) whose first pixel lies at (x, y), pixels `step` apart."""
    xs = np.float32(x) + np.arange(width, dtype=np.float32) * np.float32(step)
    ys = np.float32(y) + np.arange(height, dtype=np.float32) * np.float32(step)
    return np.stack(np.meshgrid(xs, ys), axis=-1)


def apply(affine: NDArray[np.floating[Any]], points: Image) -> Image:
    """The affine map (2, 3), or linear map (2, 2), of every position in `points` (height, width, 2)."""
    return mixed(points, affine)


def fit_affine(source: Image, target: Image, weight: Image) -> Affine:
    """Weighted least-squares affine from `source` to `target`, outliers downweighted (iteratively, Cauchy).

    `source`, `target` (n, 2), `weight` (n,) at least 0; with no weight at all every position counts alike. Positions
    in one place give a translation, and across a line of positions nothing is stretched.
    """
    x = np.concatenate([source, np.ones((len(source), 1))], axis=1).astype(np.float64, copy=False)
    motion, w = target.astype(np.float64) - source, weight.astype(np.float64)
    if w.sum() < 1e-6:
        w = np.ones_like(w)
    total = w.sum()
    centre = (w @ x)[:2] / total
    spread = float((w * ((x[:, :2] - centre) ** 2).sum(1)).sum())
    if spread < SPREAD**2 * total:
        dx, dy = (w @ motion) / total
        return np.array([[1, 0, dx], [0, 1, dy]])
    x[:, :2] -= centre
    robust, change = w, np.zeros((3, 2))
    for _ in range(REWEIGHTINGS):
        weighted = x * robust[:, None]
        # No stretch is the prior: it matters only where the positions lie on a line.
        normal = weighted.T @ x + 1e-9 * spread * np.diag([1.0, 1.0, 0.0])
        change = np.linalg.solve(normal, weighted.T @ motion).astype(np.float64, copy=False)
        miss = ((x @ change - motion) ** 2).sum(1)
        scale = max(float(np.sqrt((w * miss).sum() / total)), 0.25)
        robust = w / (1 + miss / (scale * scale))
    linear = change[:2].T
    return np.concatenate([np.eye(2) + linear, (change[2] - linear @ centre)[:, None]], axis=1)


def push_pull(values: Image, weight: Image) -> Image:
    """`values` (h, w, c) where `weight` (h, w) in [0, 1] is 1; where it is 0, smoothly what lies around.

    What is filled in comes from the finest scale that has weight, and is 0 where nothing has any.
    """
    filled = _surroundings(values, weight)
    return filled + weight[..., None] * (values - filled)


def _surroundings(values: Image, weight: Image) -> Image:
    """What the scales coarser than that of `values` (h, w, c) say."""
    height, width = weight.shape
    if _coarsest(weight):
        total = float(weight.sum())
        mean = (values * weight[..., None]).sum((0, 1)) / total if total > 1e-6 else np.zeros(values.shape[2])
        return np.broadcast_to(mean.astype(np.float32), values.shape)
    small = ((width + 1) // 2, (height + 1) // 2)
    less = shrunk(weight, *small)
    sums = shrunk(values * weight[..., None], *small).reshape((*less.shape, -1))
    means = ratio(sums, np.maximum(less, 1e-6)[..., None])
    more = np.minimum(less * 2, 1)
    coarse = _surroundings(means, more) if _coarsest(more) else push_pull(means, more)
    return stretched(coarse, width, height).reshape(values.shape)


def _coarsest(weight: Image) -> bool:
    height, width = weight.shape
    return bool(min(height, width) <= 2)


@dataclass(frozen=True)
class ForwardMap:
    """Where every pixel of a keyframe region went: an affine of its position, plus a small residual on its grid.

    `origin` is the position of the region's first pixel; `residual` (height, width, 2). Beyond the region the residual
    is held at its border, so the map stays defined everywhere.
    """

    origin: tuple[float, float]
    affine: Affine
    residual: Image

    @classmethod
    def fitted(cls, origin: tuple[float, float], positions: Image, weight: Image) -> "ForwardMap":
        """The map whose array is `positions` (height, width, 2), its affine part fitted by `weight` (height, width)."""
        height, width = weight.shape
        here = grid(width, height, *origin)
        step = max(1, int(np.sqrt(height * width / 4000)))
        few = (slice(step // 2, None, step), slice(step // 2, None, step))
        affine = fit_affine(here[few].reshape(-1, 2), positions[few].reshape(-1, 2), weight[few].reshape(-1))
        return cls(origin, affine, positions - apply(affine, here))

    def positions(self) -> Image:
        """The map as an array (height, width, 2)."""
        height, width = self.residual.shape[:2]
        return apply(self.affine, grid(width, height, *self.origin)) + self.residual

    def at(self, points: Image) -> Image:
        """The map at arbitrary keyframe positions (h, w, 2)."""
        return apply(self.affine, points) + sample(self.residual, points - np.array(self.origin, np.float32))

    def inverted(self, frame_grid: Image) -> Image:
        """The backward map on `frame_grid` (h, w, 2): keyframe positions that this map sends there.

        Fixed point x ← x + A⁻¹(target − F(x)), which converges when the residual varies less than the affine part.
        """
        inverse = cast(Affine, cv2.invertAffineTransform(self.affine))
        linear = inverse[:, :2]
        points = apply(inverse, frame_grid)
        for _ in range(FIXED_POINT):
            points = points + apply(linear, frame_grid - self.at(points))
        return points
