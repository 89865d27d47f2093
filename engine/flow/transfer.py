"""What an edit does to the pixels under it, learnt at the keyframe and applied to any frame.

Three ways. An *appearance* edit (a grade, a tint) changes the surface's own colours, so each frame's pixels go through
the same change. An *opaque* edit (a label) replaces them, so the paint itself is carried, lit like the surface was. A
*removal* shows what lies behind, so the cleaned keyframe is carried with the background's motion.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.image import mixed

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Grade:
    """A change of colour: R'G'B' and its square through a matrix each, plus an offset; fitted inside `low`…`high`.

    A 3×4 matrix alone describes tints and saturation; the square adds the bend of gamma and contrast.
    """

    linear: NDArray[np.float64]
    """(3, 4): matrix and offset."""
    square: NDArray[np.float64]
    """(3, 3)."""
    low: NDArray[np.float32]
    high: NDArray[np.float32]

    def __call__(self, rgb: Image) -> Image:
        """The graded colours of `rgb` (h, w, 3). Beyond the fitted range the curve goes on straight."""
        inside = np.clip(rgb, self.low, self.high)
        bent = inside * (2 * rgb - inside)
        return mixed(rgb, self.linear) + mixed(bent, self.square)


def fit_grade(before: Image, after: Image, weight: Image) -> tuple[Grade, float]:
    """The least-squares `Grade` from `before` to `after` (n, 3) under `weight` (n,), and what share of the change it
    explains, in [0, 1]."""
    low, high = np.percentile(before, (0.5, 99.5), axis=0).astype(np.float32)
    inside = np.clip(before, low, high)
    features = np.concatenate([inside, inside * inside, np.ones((len(before), 1))], axis=1).astype(np.float64)
    target = (after - before).astype(np.float64)
    weighted = features * weight[:, None]
    # The ridge keeps a patch of one colour from inventing a matrix.
    ridge = np.diag([1e-5] * 3 + [1e-4] * 3 + [1e-9]) * float(weight.sum())
    change = np.linalg.solve(weighted.T @ features + ridge, weighted.T @ target)
    left = (weight[:, None] * (features @ change - target) ** 2).sum()
    explained = 1 - float(left / max(float((weight[:, None] * target**2).sum()), 1e-9))
    linear = np.concatenate([change[:3].T + np.eye(3), change[6:7].T], axis=1)
    return Grade(linear, np.ascontiguousarray(change[3:6].T), low, high), max(0.0, explained)
