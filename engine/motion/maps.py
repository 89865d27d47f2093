"""Maps between a keyframe's grid and a frame: how they are stored, smoothed, filled and inverted. Pure functions.

A *map* is a float32 array (height, width, 2) of (x, y) positions in pixels, one for each pixel of a grid. A forward map
lives on the keyframe's grid and says where each keyframe pixel went; a backward map lives on a frame's grid and says
which keyframe position is seen there.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Affine = NDArray[np.float64]
"""(2, 3): the linear part, then the translation."""


def grid(width: int, height: int, x: float = 0.0, y: float = 0.0, step: float = 1.0) -> Image:
    """The identity map (height, width, 2) whose first pixel lies at (x, y), pixels `step` apart."""
    xs = np.float32(x) + np.arange(width, dtype=np.float32) * np.float32(step)
    ys = np.float32(y) + np.arange(height, dtype=np.float32) * np.float32(step)
    return np.stack(np.meshgrid(xs, ys), axis=-1)


def apply(affine: Affine, points: Image) -> Image:
    """The affine map of every position in `points` (height, width, 2)."""
    return cv2.transform(points, affine).astype(np.float32, copy=False)


def fit_affine(source: Image, target: Image, weight: Image, rounds: int = 3) -> Affine:
    """Weighted least-squares affine from `source` to `target`, outliers downweighted (iteratively, Cauchy).

    `source`, `target` (n, 2), `weight` (n,). With too little weight to tell more, a translation.
    """
    x = np.concatenate([source, np.ones((len(source), 1), np.float32)], axis=1).astype(np.float64)
    y, w = target.astype(np.float64), weight.astype(np.float64)
    if w.sum() < 1e-6:
        w = np.full_like(w, 1e-3)
    # Zero motion of the linear part is the prior: it matters only where texture covers a sliver.
    centre = (w[:, None] * x[:, :2]).sum(0) / w.sum()
    spread = float((w * ((x[:, :2] - centre) ** 2).sum(1)).sum())
    if spread < 16.0 * w.sum():
        shift = (w[:, None] * (y - x[:, :2])).sum(0) / w.sum()
        return np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    robust = w
    affine = np.zeros((3, 2))
    for _ in range(rounds):
        xw = x * robust[:, None]
        affine = np.linalg.solve(xw.T @ x + 1e-9 * np.eye(3) * spread, xw.T @ y)
        miss = ((x @ affine - y) ** 2).sum(1)
        scale = max(float(np.sqrt((w * miss).sum() / w.sum())), 0.25)
        robust = w / (1 + miss / (scale * scale))
    return affine.T


def push_pull(values: Image, weight: Image, stop: int = 2) -> Image:
    """Fill `values` (h, w, c) where `weight` (h, w) is 0 from the nearest scale that has weight; smooth, exact where 1."""
    height, width = weight.shape
    if min(height, width) <= stop:
        total = float(weight.sum())
        mean = (values * weight[..., None]).sum((0, 1)) / total if total > 1e-6 else np.zeros(values.shape[2])
        return np.broadcast_to(mean.astype(np.float32), values.shape).copy()
    small = ((width + 1) // 2, (height + 1) // 2)
    less = cv2.resize(weight, small, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(values * weight[..., None], small, interpolation=cv2.INTER_AREA)
    mean = mean.reshape(less.shape + (-1,)) / np.maximum(less, 1e-6)[..., None]
    coarse = push_pull(mean, np.minimum(less * 2, 1), stop)
    filled = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(values.shape)
    return filled + weight[..., None] * (values - filled)


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
    def identity(cls, origin: tuple[float, float], width: int, height: int) -> "ForwardMap":
        return cls(origin, np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.zeros((height, width, 2), np.float32))

    def positions(self) -> Image:
        """The map as an array (height, width, 2)."""
        height, width = self.residual.shape[:2]
        return apply(self.affine, grid(width, height, *self.origin)) + self.residual

    def at(self, points: Image) -> Image:
        """The map at arbitrary keyframe positions (h, w, 2)."""
        local = points - np.array(self.origin, np.float32)
        return apply(self.affine, points) + cv2.remap(
            self.residual, local, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )

    def inverted(self, frame_grid: Image, rounds: int = 6) -> Image:
        """The backward map on `frame_grid` (h, w, 2): keyframe positions that this map sends there.

        Fixed point x ← x + A⁻¹(target − F(x)), which converges when the residual varies less than the affine part.
        """
        inverse = cv2.invertAffineTransform(self.affine)
        linear = np.concatenate([inverse[:, :2], np.zeros((2, 1))], axis=1)
        points = apply(inverse, frame_grid)
        for _ in range(rounds):
            miss = frame_grid - self.at(points)
            points = points + apply(linear, miss)
        return points


def split(origin: tuple[float, float], positions: Image, weight: Image) -> ForwardMap:
    """The `ForwardMap` of an array of positions (height, width, 2), with its affine part fitted by `weight`."""
    height, width = weight.shape
    here = grid(width, height, *origin)
    step = max(1, int(np.sqrt(height * width / 4000)))
    pick = (slice(step // 2, None, step), slice(step // 2, None, step))
    affine = fit_affine(here[pick].reshape(-1, 2), positions[pick].reshape(-1, 2), weight[pick].reshape(-1))
    return ForwardMap(origin, affine, positions - apply(affine, here))
