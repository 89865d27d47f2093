"""Following a region of the keyframe through a clip, frame by frame, without drift and past what crosses it.

Each step goes from coarse to fine: the neighbours' flow predicts, the keyframe corrects. A pixel's own motion counts
only where it proves right against the keyframe; elsewhere (occluded, without detail) it moves as the rest agree.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.geometry import Box, Size
from engine.motion.fields import NeighbourFlow, overview
from engine.motion.maps import ForwardMap, apply, grid, push_pull, split
from engine.motion.picture import Picture
from engine.motion.polish import blur, register
from engine.motion.surface import NOISE, Surface

Image = NDArray[np.float32]
P = TypeVar("P", np.float32, np.uint8)

LOST = 0.003
"""Share of the region that must prove its motion; below it the region keeps its last motion."""


@dataclass(frozen=True)
class Motion:
    """Where the keyframe region is in one frame. Arrays lie on the region's grid (height, width), working pixels.

    `forward` maps keyframe positions to frame positions. `confidence` in [0, 1]: whether the pixel is seen there as it
    was; `kinship` in [0, 1]: whether what is seen could be the same surface. `gain`: its light over the keyframe's.
    """

    forward: ForwardMap
    confidence: Image
    kinship: Image
    gain: Image


class Tracker:
    """Follows `region` of a keyframe `picture`; `step` takes the frames of one direction in order.

    `leads` (height, width) in [0, 1] on the region's grid: whose motion it is that is followed; the rest comes along.
    """

    def __init__(self, picture: Picture, region: Box, leads: Image | None = None) -> None:
        # Even sides, so that the half-size grid lies exactly between the pixels of the full one.
        region = Box(region.x, region.y, region.width // 2 * 2, region.height // 2 * 2)
        self.region = region
        full, half = picture[region.slices], _halved(picture[region.slices])
        if leads is None:
            leads = np.ones((region.height, region.width), np.float32)
        leads = leads[: region.height, : region.width]
        self._full, self._half = Surface(full, leads), Surface(half, _halved(leads))
        self._origin = (float(region.x), float(region.y))
        self._half_origin = ((region.x - 0.5) / 2, (region.y - 0.5) / 2)
        self._flow = NeighbourFlow()
        self._previous = _halved(np.ascontiguousarray(picture[..., 0]))
        self._overview = overview(self._previous)
        self._positions = grid(region.width, region.height, *self._origin)
        self._moved = np.zeros((region.height // 2, region.width // 2, 2), np.float32)
        self._confidence = np.ones((region.height, region.width), np.float32)
        self._gain = np.ones_like(self._confidence)

    def step(self, picture: Picture) -> Motion:
        """Where the region is in the next frame."""
        half = _halved(picture)
        before = _halved_positions(self._positions)
        predicted = self._predict(half, before)
        coarse = self._corrected(self._half, half, predicted, before, iterations=3)
        finer = self._positions + 2 * _doubled(coarse - before)
        settled = self._corrected(self._full, picture, finer, self._positions, iterations=2)
        there, inside = _seen(picture, settled)
        self._gain = self._full.relit(there, self._gain, self._full.agreement(there, self._gain) * inside)
        confidence = self._full.agreement(there, self._gain) * inside
        kinship = self._full.kinship(there, self._gain) * inside
        self._moved = _halved_positions(settled) - before
        self._positions, self._confidence = settled, confidence
        forward = split(self._origin, settled, confidence * self._full.texture)
        sharp = self._full.sharp_agreement(there, self._gain) * inside
        return Motion(forward, sharp, kinship, self._gain)

    def _predict(self, picture: Picture, before: Image) -> Image:
        """Half-size positions in the next frame: each pixel's own flow where it proves right, else what all agree on."""
        surface, gain = self._half, _halved(self._gain)
        confidence = _trust(_halved(self._confidence))
        own = self._neighbour_motion(picture, before, confidence * (surface.texture + np.float32(0.05)))
        own_seen = _agreement(surface, picture, before + own, gain)
        trust = confidence * _trust(own_seen) * surface.texture
        trust = cv2.erode(trust, np.ones((3, 3), np.uint8))
        if float(trust.mean()) < LOST:
            return before + self._moved
        here = grid(before.shape[1], before.shape[0], *self._half_origin)
        common = split(self._half_origin, here + own, trust)
        agreed = apply(common.affine, here) - here
        agreed_seen = _agreement(surface, picture, before + agreed, gain)
        # The further a pixel strays from the rest, the more it has to prove.
        strays = _largest(common.residual)
        proof = own_seen - agreed_seen - np.clip(strays / 5 - 0.1, 0, 0.3)
        trust = trust * np.clip(proof * 10 + 1, 0, 1)
        return before + agreed + blur(_settled(common.residual, trust), 5)

    def _neighbour_motion(self, picture: Picture, points: Image, weight: Image) -> Image:
        """Motion (h, w, 2) from the previous frame to this one at `points`, all half-size."""
        luma = np.ascontiguousarray(picture[..., 0])
        over = overview(luma)
        size = Size(luma.shape[1], luma.shape[0])
        shift = self._flow.shift(self._overview, over, points, weight, size)
        low, high = _corners(points)
        box = Box.around(int(low[0]) - 1, int(low[1]) - 1, int(high[0]) + 3, int(high[1]) + 3, size)
        if min(box.width, box.height) < 16:
            moved = np.broadcast_to(np.array(shift, np.float32), points.shape)
        else:
            flow = self._flow.flow(self._previous, luma, box, shift)
            local = points - np.array([box.x, box.y], np.float32)
            moved = cv2.remap(flow, local, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        self._previous, self._overview = luma, over
        return moved

    def _corrected(self, surface: Surface, picture: Picture, start: Image, before: Image, *, iterations: int) -> Image:
        """`start` registered to the keyframe where that proves right, spread from there to the rest."""
        full = surface is self._full
        gain = self._gain if full else _halved(self._gain)
        weight = np.maximum(_agreement(surface, picture, start, gain), np.float32(0.02))
        luma = np.ascontiguousarray(picture[..., 0])
        found = register(surface.luma, luma, start, weight, window=9, iterations=iterations, floor=NOISE)
        step = found - start
        proven = _trust(_agreement(surface, picture, found, gain)) * np.clip(2 - _largest(step), 0, 1)
        positions = start + proven[..., None] * step
        trust = proven * surface.texture
        origin = self._origin if full else self._half_origin
        common = split(origin, positions, trust)
        return ForwardMap(origin, common.affine, blur(_settled(common.residual, trust), 5)).positions()


def _seen(picture: Picture, positions: Image) -> tuple[Picture, Image]:
    """What `picture` shows at `positions`, and whether they lie inside it (1) or not (0)."""
    there = cv2.remap(picture, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    height, width = picture.shape[:2]
    inside = cv2.inRange(positions, (-0.5, -0.5), (width - 0.5, height - 0.5))
    return there, inside.astype(np.float32) * np.float32(1 / 255)


def _agreement(surface: Surface, picture: Picture, positions: Image, gain: Image) -> Image:
    there, inside = _seen(picture, positions)
    return surface.agreement(there, gain) * inside


def _trust(confidence: Image) -> Image:
    """Confidence as a weight: nothing below a quarter, all above three quarters."""
    return np.clip(confidence * 2 - np.float32(0.5), 0, 1)


def _settled(residual: Image, trust: Image) -> Image:
    """A residual (h, w, 2) spread from where it is trusted, and shrunk towards none where nothing tells.

    The more of the region the affine part explains, the more proof it takes to leave it.
    """
    explained = float((trust * (_largest(residual) < 1)).sum() / max(float(trust.sum()), 1e-6))
    doubt = np.float32(0.02 + 0.3 * max(0.0, (explained - 0.7) / 0.3) ** 2)
    return push_pull(residual * (trust / (trust + doubt))[..., None], np.minimum(trust + doubt, 1))


def _largest(vectors: Image) -> Image:
    """The larger of both components' magnitudes."""
    return np.maximum(np.abs(vectors[..., 0]), np.abs(vectors[..., 1]))


def _corners(points: Image) -> tuple[tuple[float, float], tuple[float, float]]:
    xs, ys = cv2.split(points)
    (left, right, *_), (top, bottom, *_) = cv2.minMaxLoc(xs), cv2.minMaxLoc(ys)
    return (left, top), (right, bottom)


def _halved(image: NDArray[P]) -> NDArray[P]:
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return cv2.resize(image[: size[1] * 2, : size[0] * 2], size, interpolation=cv2.INTER_AREA)


def _halved_positions(positions: Image) -> Image:
    """A full-size map's values on the half-size grid, in half-size pixels."""
    return (_halved(positions) - np.float32(0.5)) * np.float32(0.5)


def _doubled(image: Image) -> Image:
    return cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
