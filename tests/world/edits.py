"""Edits of a scene, and what each makes of every frame: the truth that a propagated edit is held against."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never, get_args

import numpy as np

from tests.world.scene import (
    GREY,
    LIVELY,
    STRONG,
    Body,
    Images,
    Ink,
    Mattes,
    Scene,
    Temper,
    centring,
    drawn,
    ink,
    layers,
    rider,
)
from tests.world.shapes import SHAPES, Shape

Kind = Literal["insert", "recolour", "reshape"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LEAST_SEEN = 0.02
"""The part of the keyframe that an edit drawn at random takes at least."""
LEAST_CHANGE = 0.02
"""How much such an edit changes the keyframe there at least, on average: a body may hide what another one becomes."""
MEAN_TOLERANCE = 0.03
"""How far from grey such an edit takes a frame's mean colour at most."""
ALIKE = 0.5
"""The largest cosine between a body's ink and one that it is recoloured with."""


@dataclass(frozen=True)
class Insert:
    """A new body before body `level` - 1 and behind body `level`.

    One drawn at random rides on what is behind it: the clip tells nothing of any other motion.
    """

    level: int
    body: Body


@dataclass(frozen=True)
class Recolour:
    """Body `level` in another ink."""

    level: int
    ink: Ink


@dataclass(frozen=True)
class Reshape:
    """Body `level` in another shape; where it was larger, what is behind it comes to sight."""

    level: int
    shape: Shape


Edit = Insert | Recolour | Reshape


@dataclass(frozen=True)
class Case:
    """A clip with an edit of one frame and the truth of all."""

    scene: Scene
    edit: Edit
    keyframe: int
    frames: Images
    edited: Images
    """The clip rendered with the edit in every frame."""
    matte: Mattes
    """Where the edit is seen; `edited` equals `frames` where it is 0."""
    whole: Mattes
    """The same were nothing before it."""
    bodies: tuple[Mattes, ...]
    """What is seen of each body of the clip without the edit."""

    @property
    def kind(self) -> Kind:
        match self.edit:
            case Insert():
                return "insert"
            case Recolour():
                return "recolour"
            case Reshape():
                return "reshape"

    @property
    def painted(self) -> Images:
        """The edited keyframe (height, width, 3)."""
        return np.asarray(self.edited[self.keyframe])


def applied(edit: Edit, scene: Scene) -> Scene:
    """`scene` with the edit."""
    before, after = scene.bodies[: edit.level], scene.bodies[edit.level :]
    match edit:
        case Insert():
            return replace(scene, bodies=(*before, edit.body, *after))
        case Recolour():
            return replace(scene, bodies=(*before, replace(after[0], ink=edit.ink), *after[1:]))
        case Reshape():
            return replace(scene, bodies=(*before, replace(after[0], shape=edit.shape), *after[1:]))
        case _:
            assert_never(edit)


def case(
    scene: Scene,
    edit: Edit,
    times: Sequence[float],
    width: int,
    height: int,
    *,
    keyframe: int = 0,
    rounded: bool = False,
) -> Case:
    """The clip at `times` with and without the edit; `rounded` to 8 bits, as a file would hold it."""
    plain, changed = layers(scene, times, width, height), layers(applied(edit, scene), times, width, height)
    picture = plain.picture()
    shift = centring(picture)  # the source's in both, or the edit would reach beyond its matte
    whole = changed.alphas[edit.level]
    if isinstance(edit, Reshape):
        whole = np.maximum(whole, plain.alphas[edit.level])
    frames, edited = picture + shift, changed.picture() + shift
    if rounded:
        frames, edited = np.round(frames * 255) / 255, np.round(edited * 255) / 255
    return Case(
        scene,
        edit,
        keyframe,
        frames.astype(np.float32),
        edited.astype(np.float32),
        changed.seen(whole, edit.level),
        whole.astype(np.float32),
        tuple(plain.seen(alpha, level) for level, alpha in enumerate(plain.alphas)),
    )


def drawn_case(
    seed: int,
    kind: Kind,
    frames: int,
    width: int,
    height: int,
    *,
    keyframe: int = 0,
    rounded: bool = False,
    step: float = 1.0,
    temper: Temper = LIVELY,
) -> Case:
    """A case drawn at random, the same for the same arguments, in which the edit is seen at the keyframe.

    `step` is the time from one frame to the next, in frames at the usual rate.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    times = [step * number for number in range(frames)]
    room = (width / min(width, height), height / min(width, height))
    while True:
        scene = drawn(rng, temper=temper)
        edit = _drawn(rng, kind, scene)
        if isinstance(edit, Insert) and not edit.level and edit.body.motion.bounces(times, room):
            continue  # the background goes on
        made = case(scene, edit, times, width, height, keyframe=keyframe, rounded=rounded)
        off = float(np.abs(made.edited.mean(axis=(1, 2), dtype=np.float64) - GREY).max())
        matte, change = made.matte[keyframe], np.abs(made.edited[keyframe] - made.frames[keyframe])
        if matte.mean() >= LEAST_SEEN and change[matte > 0.5].mean() >= LEAST_CHANGE and off <= MEAN_TOLERANCE:
            return made


def _drawn(rng: np.random.Generator, kind: Kind, scene: Scene) -> Edit:
    level = int(rng.integers(len(scene.bodies)))
    if kind == "insert":
        on = int(rng.integers(len(scene.bodies) + 1))
        return Insert(on, rider(rng, scene.pan, scene.bodies[on - 1].motion if on else None))
    if kind == "recolour":
        return Recolour(level, _unlike(rng, scene.bodies[level].ink))
    others = [shape for shape in SHAPES if shape != scene.bodies[level].shape]
    return Reshape(level, others[rng.integers(len(others))])


def _unlike(rng: np.random.Generator, old: Ink) -> Ink:
    while True:
        new = ink(rng, STRONG)
        if abs(np.dot(old, new)) <= ALIKE * np.linalg.norm(old) * np.linalg.norm(new):
            return new
