"""The procedural world: shapes that move, turn, breathe and pass before each other on a panning background.

Lengths are in short sides of the picture, with the origin at its upper left; time is in frames at the usual rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tests.world.shapes import PATTERNS, SHAPES, Field, Pattern, Shape, coverage, distance, pattern

Images = NDArray[np.float32]
"""(frames, height, width, 3) R'G'B' in [0, 1]."""
Mattes = NDArray[np.float32]
"""(frames, height, width) in [0, 1]."""
Ink = tuple[float, float, float]
"""What a pattern adds to grey where it is 1, and takes from it where it is -1."""

GREY = 0.5
"""The mean colour of every frame."""
STRONG, FAINT = 0.4, 0.22
"""The largest component of a body's ink, and of the background's inks together: no sum of them leaves [0, 1]."""

RIDING = 0.4
"""How often a scene has a body that rides on another one, or on the background."""
RIDER_REACH = (0.5, 0.75)
"""The radius of a body that rides on another one, as a part of that one's."""


@dataclass(frozen=True)
class Pose:
    """Where a body is: its centroid, how it is turned (radians, clockwise), and how far it reaches."""

    x: float
    y: float
    angle: float
    radius: float


@dataclass(frozen=True)
class Motion:
    """Straight on at a constant speed, and back from the picture's borders; turning and breathing on the way."""

    start: tuple[float, float]
    velocity: tuple[float, float]
    angle: float
    spin: float
    radius: float
    breath: float
    """How much the radius grows and shrinks, as a part of it."""
    rate: float
    """Radians of breathing a frame."""
    carried: float = 0.0
    """The reach of the body that it rides on, which keeps it from the borders with it."""

    @property
    def reach(self) -> float:
        """How near to a border the centroid comes at most."""
        return max(self.carried, self.radius * (1 + self.breath))

    def pose(self, time: float, room: tuple[float, float]) -> Pose:
        """The pose at `time` in a picture of the size `room`, which the body never leaves."""
        x, y = (
            _folded(start * side + speed * time, self.reach, side - self.reach)
            for start, speed, side in zip(self.start, self.velocity, room, strict=True)
        )
        radius = self.radius * (1 + self.breath * np.sin(self.rate * time))
        return Pose(x, y, self.angle + self.spin * time, float(radius))

    def bounces(self, times: Sequence[float], room: tuple[float, float]) -> bool:
        """Whether it meets a border of the picture between 0 and any of `times`."""
        return any(
            not self.reach <= start * side + speed * time <= side - self.reach
            for start, speed, side in zip(self.start, self.velocity, room, strict=True)
            for time in (0.0, *times)
        )


@dataclass(frozen=True)
class Body:
    """A shape with a pattern of two colours that average to grey."""

    shape: Shape
    pattern: Pattern
    ink: Ink
    motion: Motion


@dataclass(frozen=True)
class Wave:
    """One wave of the background: cycles a short side, along x and along y, its phase and its ink."""

    cycles: tuple[float, float]
    phase: float
    ink: Ink


@dataclass(frozen=True)
class Scene:
    """A background of waves, all moved by `pan` a frame, and the bodies before it, the nearest last."""

    waves: tuple[Wave, ...]
    pan: tuple[float, float]
    bodies: tuple[Body, ...]


@dataclass(frozen=True)
class Layers:
    """What a clip is made of. A picture is the background with each body laid over it, first to last."""

    background: Field
    """(frames, height, width, 3)"""
    colours: tuple[Field, ...]
    """The same for each body."""
    alphas: tuple[Field, ...]
    """(frames, height, width) for each body, wherever others pass before it."""

    def seen(self, alpha: Field, level: int) -> Mattes:
        """What is seen of `alpha` at the place of body `level`, behind those that come after it."""
        for nearer in self.alphas[level + 1 :]:
            alpha = alpha * (1 - nearer)
        return alpha.astype(np.float32)

    def picture(self) -> Field:
        """(frames, height, width, 3), its mean colour as it comes."""
        made = self.background
        for colour, alpha in zip(self.colours, self.alphas, strict=True):
            cover = alpha[..., None]
            made = made * (1 - cover) + colour * cover  # exact where a body covers a pixel wholly or not at all
        return made


def centring(picture: Field) -> Field:
    """What to add to each frame (frames, 1, 1, 3) to make its mean colour grey."""
    return np.asarray(GREY - picture.mean(axis=(1, 2), keepdims=True))


def layers(scene: Scene, times: Sequence[float], width: int, height: int) -> Layers:
    """The layers of `scene` at `times`, antialiased at the size asked for."""
    short = min(width, height)
    x, y = np.meshgrid((np.arange(width) + 0.5) / short, (np.arange(height) + 0.5) / short)
    background = np.full((len(times), height, width, 3), GREY)
    time = np.asarray(times, np.float64)[:, None, None]
    for wave in scene.waves:
        along = wave.cycles[0] * (x - scene.pan[0] * time) + wave.cycles[1] * (y - scene.pan[1] * time)
        background += np.sin(2 * np.pi * along + wave.phase)[..., None] * np.asarray(wave.ink)
    colours, alphas = [], []
    for body in scene.bodies:
        poses = [body.motion.pose(moment, (width / short, height / short)) for moment in times]
        px, py, angle, radius = (
            np.array([getattr(pose, name) for pose in poses])[:, None, None] for name in ("x", "y", "angle", "radius")
        )
        dx, dy = x - px, y - py
        u = (np.cos(angle) * dx + np.sin(angle) * dy) / radius
        v = (np.cos(angle) * dy - np.sin(angle) * dx) / radius
        alphas.append(coverage(distance(body.shape, u, v) * radius * short))
        colours.append(GREY + pattern(body.pattern, u, v)[..., None] * np.asarray(body.ink))
    return Layers(background, tuple(colours), tuple(alphas))


def frames(scene: Scene, times: Sequence[float], width: int, height: int) -> Images:
    """The clip of `scene` at `times`, every frame's mean colour grey."""
    picture = layers(scene, times, width, height).picture()
    return (picture + centring(picture)).astype(np.float32)


def speed(scene: Scene) -> float:
    """How far the bodies and the background move a frame, in short sides, on average."""
    moves = [scene.pan, *(body.motion.velocity for body in scene.bodies)]
    return float(np.mean([np.hypot(*move) for move in moves]))


@dataclass(frozen=True)
class Temper:
    """How lively the scenes are that are drawn: the most bodies, and how fast everything moves and turns."""

    bodies: int = 3
    speed: float = 1.0


LIVELY = Temper()
CALM = Temper(2, 0.5)


def drawn(rng: np.random.Generator, bodies: int | None = None, temper: Temper = LIVELY) -> Scene:
    """A scene drawn at random. Where the number of bodies is not said there may be a rider too."""
    weights = rng.dirichlet(np.full(3, 4.0)) * FAINT
    waves = tuple(
        Wave(
            _pair(rng.uniform(0.8, 2.6, 2) * rng.choice([-1, 1], 2)),
            float(rng.uniform(0, 2 * np.pi)),
            ink(rng, float(weight)),
        )
        for weight in weights
    )
    pan = _arrow(rng, 0.05 * temper.speed)
    count = int(rng.integers(1, temper.bodies + 1)) if bodies is None else bodies
    made = [body(rng, temper.speed) for _ in range(count)]
    if bodies is None and rng.random() < RIDING:
        level = int(rng.integers(len(made) + 1))
        made.insert(level, rider(rng, pan, made[level - 1].motion if level else None))
    return Scene(waves, pan, tuple(made))


def body(rng: np.random.Generator, speed: float = 1.0) -> Body:
    """A body drawn at random, which moves and turns at `speed` times the usual."""
    motion = Motion(
        start=_pair(rng.uniform(0.2, 0.8, 2)),
        velocity=_arrow(rng, 0.06 * speed),
        angle=float(rng.uniform(0, 2 * np.pi)),
        spin=float(rng.uniform(-0.15, 0.15) * speed),
        radius=float(rng.uniform(0.17, 0.3)),
        breath=float(rng.uniform(0, 0.2)),
        rate=float(rng.uniform(0.1, 0.5) * speed),
    )
    return Body(SHAPES[rng.integers(len(SHAPES))], PATTERNS[rng.integers(len(PATTERNS))], ink(rng, STRONG), motion)


def rider(rng: np.random.Generator, pan: tuple[float, float], carrier: Motion | None) -> Body:
    """A body drawn at random that goes where `carrier` goes, as what is painted on it would; None: the background."""
    made = body(rng)
    if carrier is None:
        motion = replace(made.motion, velocity=pan, spin=0.0, breath=0.0)
    else:
        motion = replace(carrier, radius=carrier.radius * rng.uniform(*RIDER_REACH), carried=carrier.reach)
    return replace(made, motion=motion)


def ink(rng: np.random.Generator, strength: float) -> Ink:
    """A direction of colour drawn at random, its largest component `strength`."""
    r, g, b = rng.normal(size=3)
    largest = max(abs(r), abs(g), abs(b))
    return (float(r / largest * strength), float(g / largest * strength), float(b / largest * strength))


def _arrow(rng: np.random.Generator, longest: float) -> tuple[float, float]:
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0, longest)
    return float(length * np.cos(angle)), float(length * np.sin(angle))


def _pair(values: Field) -> tuple[float, float]:
    x, y = values
    return float(x), float(y)


def _folded(value: float, low: float, high: float) -> float:
    """`value` reflected at `low` and at `high` until it lies between them."""
    span = high - low
    return low + span - abs((value - low) % (2 * span) - span)
