"""Shapes with an axis of symmetry, and patterns that are odd across it: a shape that is wholly seen is grey on average.

Blocks of Stable Video Diffusion's kind normalise in 32 groups of channels. In a small model that is two channels a
group, which takes each image's mean colour away, so a world for small models must not carry meaning in it.
"""

from functools import cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
"""A number for each point."""

Shape = Literal["disc", "square", "triangle", "star", "ring"]
Pattern = Literal["halves", "stripes", "checks", "wheel"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)

STAR_WAIST = 0.45
RING_MIDDLE, RING_HALF = 0.72, 0.28


def distance(shape: Shape, x: Field, y: Field) -> Field:
    """Signed distance, negative inside, of points to a shape about the origin that reaches to radius 1.

    The origin is the shape's centroid; its axis of symmetry is x = 0.
    """
    if shape == "disc":
        return np.asarray(np.hypot(x, y) - 1)
    if shape == "ring":
        return np.asarray(np.abs(np.hypot(x, y) - RING_MIDDLE) - RING_HALF)
    return _to_polygon(_corners(shape), x, y)


def pattern(kind: Pattern, x: Field, y: Field) -> Field:
    """Values in [-1, 1], odd in x."""
    if kind == "halves":
        return np.asarray(np.tanh(5 * x))
    if kind == "stripes":
        return np.asarray(np.tanh(2 * np.sin(2 * np.pi * x)))
    if kind == "checks":
        return np.asarray(np.tanh(3 * np.sin(1.5 * np.pi * x) * np.cos(1.5 * np.pi * y)))
    return np.asarray(np.tanh(2 * np.sin(3 * np.arctan2(x, y))) * np.minimum(1, 3 * np.hypot(x, y)))


def coverage(distance_in_pixels: Field) -> Field:
    """How much of a pixel lies inside an edge at this distance of its centre, in [0, 1]."""
    return np.asarray(np.clip(0.5 - distance_in_pixels, 0, 1))


@cache
def _corners(shape: Shape) -> tuple[tuple[float, float], ...]:
    if shape == "star":
        radii, first = [1.0, STAR_WAIST] * 5, 0.0
    elif shape == "triangle":
        radii, first = [1.0] * 3, 0.0
    else:
        radii, first = [1.0] * 4, np.pi / 4
    turns = [first + 2 * np.pi * number / len(radii) for number in range(len(radii))]
    return tuple((float(r * np.sin(a)), float(-r * np.cos(a))) for r, a in zip(radii, turns, strict=True))


def _to_polygon(corners: tuple[tuple[float, float], ...], x: Field, y: Field) -> Field:
    """Signed distance to a polygon: the nearest edge; inside where a ray crosses an odd number of edges."""
    nearest = np.full(x.shape, np.inf)
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        ex, ey = bx - ax, by - ay
        along = np.clip(((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey), 0, 1)
        nearest = np.minimum(nearest, (x - ax - along * ex) ** 2 + (y - ay - along * ey) ** 2)
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * ex / ey)
    return np.asarray(np.where(inside, -1, 1) * np.sqrt(nearest))
