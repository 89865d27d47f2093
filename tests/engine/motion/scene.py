"""A photograph seen through known maps: small pictures whose motion is exact."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.geometry import Box
from engine.image import Image, sample
from engine.media.clip import Clip
from engine.motion.maps import ForwardMap, apply, grid
from engine.motion.picture import Picture
from engine.motion.track import Motion, Tracker

DEMO = Path(__file__).parents[3] / "bridge_server" / "demo"
WIDTH, HEIGHT = 240, 160
REGION = Box(84, 50, 80, 60)
"""Where in the first picture the lid of the box is."""


@cache
def sheet() -> Image:
    """The first frame of the demo clip, mirrored sideways and down: R'G'B' (960, 1280, 3)."""
    with Clip.open(DEMO / "box.mp4") as clip:
        seen = np.clip(clip.frame(0).rgb(), 0, 1)
    row = np.concatenate([seen, seen[:, ::-1]], axis=1)
    return np.ascontiguousarray(np.concatenate([row, row[::-1]], axis=0))


def seen_through(affine: NDArray[np.float64], light: float = 1.0) -> NDArray[np.uint8]:
    """The sheet as a picture (HEIGHT, WIDTH, 3) of 8-bit R'G'B'; `affine` maps its pixels to the lid's corner."""
    where = apply(affine, grid(WIDTH, HEIGHT)) + np.array([300, 40], np.float32)
    seen: Image = np.clip(sample(sheet(), where, cubic=True) * np.float32(light), 0, 1)
    return (seen * 255).round().astype(np.uint8)


def moved(dx: float, dy: float, angle: float = 0.0, zoom: float = 1.0) -> NDArray[np.float64]:
    """The affine by which a picture is seen that was turned (degrees) and enlarged about its middle, then shifted."""
    turn = np.asarray(cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), angle, zoom), np.float64)
    turn[:, 2] += np.array([dx, dy])
    return np.asarray(cv2.invertAffineTransform(turn), np.float64)


def picture_of(rgb: NDArray[np.uint8]) -> Picture:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb), np.uint8)


def with_bar(rgb: NDArray[np.uint8], left: float, width: int = 24) -> NDArray[np.uint8]:
    """The picture with a striped pole in front."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    pole = (x >= left) & (x < left + width)
    stripes = 90 + 40 * np.sin((x - left) / 3) + 20 * np.sin(y / 5)
    return np.where(pole[..., None], stripes[..., None] * np.array([1, 0.8, 0.5]), rgb).astype(np.uint8)


def followed(pictures: Iterable[NDArray[np.uint8]], region: Box = REGION) -> list[Motion]:
    """The motion of `region` from the first of the R'G'B' pictures to each of the others."""
    first, *rest = pictures
    tracker = Tracker(picture_of(first), region)
    return [tracker.step(picture_of(rgb)) for rgb in rest]


def error(found: ForwardMap, affine: NDArray[np.float64], region: Box = REGION) -> float:
    """Root mean square distance, in pixels, of a map from the true one, inside the region."""
    here = grid(region.width, region.height, region.x, region.y)
    true = apply(np.asarray(cv2.invertAffineTransform(affine), np.float64), here)
    inside = (slice(8, -8), slice(8, -8))
    return float(np.sqrt(((found.at(here) - true)[inside] ** 2).sum(-1).mean()))
