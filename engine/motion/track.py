"""Following a region of the keyframe through a clip, frame by frame, without drift and past what crosses it.

Each step goes from coarse to fine: the neighbours' flow predicts, the keyframe corrects. A pixel's own motion counts
only where it proves right against the keyframe; elsewhere (occluded, without detail) it moves as the rest agree.
"""

from dataclasses import dataclass

import numpy as np

from engine.geometry import Box, Size
from engine.image import Image, blur, channels, eroded, sample, shrunk, square, stretched, within
from engine.motion.fields import NeighbourFlow, overview
from engine.motion.maps import ForwardMap, apply, grid, push_pull
from engine.motion.picture import SMALLEST, Luma, Picture, halved, luma_of
from engine.motion.polish import register
from engine.motion.surface import Surface

LOST = 0.003
"""Share of the region that must prove its motion; below it the region goes on as a whole, the way it last went."""

DARK = 0.12
"""Light over the keyframe's, below which nothing is seen to move: the region goes on as it last went."""


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


@dataclass(frozen=True)
class _Level:
    """The region at one scale: its surface, and where its first pixel lies, in that scale's pixels."""

    surface: Surface
    origin: tuple[float, float]


class Tracker:
    """Follows `region` of a keyframe `picture`; `step` takes the frames of one direction in order.

    `leads` (height, width) in [0, 1] on the region's grid: whose motion it is that is followed; the rest comes along.
    The region has at least two pixels a side; of an odd side the last pixel is left out.
    """

    def __init__(self, picture: Picture, region: Box, leads: Image | None = None) -> None:
        # Even sides, so that the half-size grid lies exactly between the pixels of the full one.
        region = Box(region.x, region.y, region.width // 2 * 2, region.height // 2 * 2)
        self.region = region
        if leads is None:
            leads = np.ones((region.height, region.width), np.float32)
        leads = leads[: region.height, : region.width]
        seen = picture[region.slices]
        self._full = _Level(Surface(seen, leads), (float(region.x), float(region.y)))
        self._half = _Level(Surface(halved(seen), _halved(leads)), (region.x / 2, region.y / 2))
        self._flow = NeighbourFlow()
        self._remember(luma_of(halved(picture)))
        self._positions = grid(region.width, region.height, *self._full.origin)
        self._inertia = np.zeros(2, np.float32)
        self._confidence = np.ones((region.height, region.width), np.float32)
        self._gain = np.ones_like(self._confidence)

    def step(self, picture: Picture) -> Motion:
        """Where the region is in the next frame."""
        surface, dark = self._full.surface, float(self._gain.mean()) < DARK
        half = halved(picture)
        settled = self._positions + self._inertia if dark else self._registered(picture, half)
        self._remember(luma_of(half))
        there, inside = _seen(picture, settled)
        self._gain = surface.relit(there, self._gain, surface.agreement(there, self._gain) * inside)
        patches, sharp = surface.sharp_agreement(there, self._gain)
        self._confidence = patches * inside
        proof = self._confidence * surface.texture(self._gain)
        if not dark and float(proof.mean()) >= LOST:
            self._inertia = np.average((settled - self._positions).reshape(-1, 2), axis=0, weights=proof.reshape(-1))
        self._positions = settled
        forward = ForwardMap.fitted(self._full.origin, settled, proof)
        return Motion(forward, sharp * inside, surface.kinship(there, self._gain) * inside, self._gain)

    def _remember(self, luma: Luma) -> None:
        """Half-size luma, for the next frame's motion to be found from."""
        self._previous, self._overview = luma, overview(luma)

    def _registered(self, picture: Picture, half: Picture) -> Image:
        """Positions in the next frame: predicted, then corrected at half the size, then at the full one."""
        gain = _halved(self._gain)
        before = _halved_positions(self._positions)
        coarse = _corrected(self._half, half, self._predict(half, before, gain), gain, iterations=3)
        finer = self._positions + 2 * _doubled(coarse - before)
        return _corrected(self._full, picture, finer, self._gain, iterations=2)

    def _predict(self, picture: Picture, before: Image, gain: Image) -> Image:
        """Half-size positions in the next frame.

        Each pixel moves by its own flow where that proves right, else as all agree.
        """
        surface, origin = self._half.surface, self._half.origin
        texture = surface.texture(gain)
        confidence = _trust(_halved(self._confidence))
        own = self._neighbour_motion(picture, before, confidence * (texture + np.float32(0.05)))
        own_seen = _agreement(surface, picture, before + own, gain)
        trust = confidence * _trust(own_seen) * texture
        trust = eroded(trust, square(3))
        if float(trust.mean()) < LOST:
            return before + self._inertia * np.float32(0.5)
        here = grid(before.shape[1], before.shape[0], *origin)
        common = ForwardMap.fitted(origin, here + own, trust)
        agreed = apply(common.affine, here) - here
        agreed_seen = _agreement(surface, picture, before + agreed, gain)
        # The further a pixel strays from the rest, the more it has to prove.
        strays = _largest(common.residual)
        proof = own_seen - agreed_seen - np.clip(strays / 5 - 0.1, 0, 0.3)
        trust = trust * np.clip(proof * 10 + 1, 0, 1)
        return before + agreed + blur(_settled(common.residual, trust), 5)

    def _neighbour_motion(self, picture: Picture, points: Image, weight: Image) -> Image:
        """Motion (h, w, 2) from the previous frame to this one at `points`, all half-size."""
        luma = luma_of(picture)
        size = Size(luma.shape[1], luma.shape[0])
        shift = self._flow.shift(self._overview, overview(luma), points, weight, size)
        box = _around(points, size)
        if min(box.width, box.height) < SMALLEST:
            return np.full_like(points, shift)
        flow = self._flow.flow(self._previous, luma, box, shift)
        return sample(flow, points - np.array([box.x, box.y], np.float32))


def _corrected(level: _Level, picture: Picture, start: Image, gain: Image, *, iterations: int) -> Image:
    """`start` registered to the keyframe where that proves right, spread from there to the rest."""
    surface = level.surface
    weight = np.maximum(_agreement(surface, picture, start, gain), np.float32(0.02))
    found = register(surface.pattern, luma_of(picture), start, weight, iterations)
    step = found - start
    proven = _trust(_agreement(surface, picture, found, gain)) * np.clip(2 - _largest(step), 0, 1)
    positions = start + proven[..., None] * step
    trust = proven * surface.texture(gain)
    common = ForwardMap.fitted(level.origin, positions, trust)
    return ForwardMap(level.origin, common.affine, blur(_settled(common.residual, trust), 5)).positions()


def _seen(picture: Picture, positions: Image) -> tuple[Picture, Image]:
    """What `picture` shows at `positions`, and whether they lie inside it (1) or not (0)."""
    height, width = picture.shape[:2]
    return sample(picture, positions), within(positions, (-0.5, -0.5), (width - 0.5, height - 0.5))


def _agreement(surface: Surface, picture: Picture, positions: Image, gain: Image) -> Image:
    """How well what `picture` shows at `positions` matches the surface; outside the picture not at all."""
    there, inside = _seen(picture, positions)
    return surface.agreement(there, gain) * inside


def _trust(confidence: Image) -> Image:
    """Confidence as a weight: nothing below a quarter, all above three quarters."""
    weight: Image = np.clip(confidence * 2 - np.float32(0.5), 0, 1)
    return weight


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


def _around(points: Image, size: Size) -> Box:
    """The pixels of a frame of `size` that lie around all of `points`."""
    xs, ys = channels(points)
    return Box.around(int(xs.min()) - 1, int(ys.min()) - 1, int(xs.max()) + 3, int(ys.max()) + 3, size)


def _halved(image: Image) -> Image:
    """Values (h, w[, c]) of even sides on the half-size grid, whose pixels lie between four."""
    return shrunk(image, image.shape[1] // 2, image.shape[0] // 2)


def _halved_positions(positions: Image) -> Image:
    """A full-size map's values on the half-size grid, in half-size pixels."""
    return (_halved(positions) - np.float32(0.5)) * np.float32(0.5)


def _doubled(image: Image) -> Image:
    """Values of the half-size grid on the full one."""
    return stretched(image, image.shape[1] * 2, image.shape[0] * 2)
