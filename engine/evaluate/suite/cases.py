"""The cases of the built-in set: what is edited, how the clip moves, what makes it hard."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.evaluate.suite import scenes
from engine.evaluate.suite.scenes import Edit, Map, Scene, graded
from engine.image import Image, dilated, disc, shrunk, soft
from engine.media.clip import Clip
from engine.media.still import read_mask, read_still

REAL = (240, 180)
"""Width and height of the real clips, a third and less of what was shot."""
REAL_FRAMES = 48
KEYFRAME = 20
"""That of the edits that were painted on the real clips by hand."""
CUT = 16
"""The first frame of the other scene."""
SHRINK = 3


@dataclass(frozen=True)
class Made:
    """A case before it is written. Images (height, width, 3) R'G'B' in [0, 1]; `says` is what a person reads of it.

    `edited` are the painted frames by their number, `masks` what they cover; none: the whole frame. `truth` is what a
    perfect propagation makes of every frame, where that is known.
    """

    name: str
    edit: Edit
    says: str
    frames: tuple[Image, ...]
    edited: dict[int, Image]
    masks: dict[int, Image]
    truth: tuple[Image, ...] | None


@dataclass(frozen=True)
class _Order:
    name: str
    edit: Edit
    says: str
    motion: Map
    keyframes: tuple[int, ...] = (0,)
    light: scenes.Light | None = None
    occluded: bool = False


_SYNTHETIC = (
    _Order("add-pan", "add", "a label on a panning picture", scenes.pan),
    _Order("appearance-ripple", "appearance", "a tint on a surface that ripples", scenes.ripple),
    _Order("remove-zoom", "remove", "a sticker taken away, the camera turning and nearing", scenes.zoom_rotation),
    _Order("replace-perspective", "replace", "a label in a sticker's place, in perspective", scenes.perspective, (12,)),
    _Order("motion-zoom", "motion", "a sticker that lies elsewhere, the camera turning", scenes.zoom_rotation),
    _Order("colour-shake", "colour", "a grade of all that an unsteady hand films", scenes.shaken),
    _Order("add-occluded", "add", "a label that a pole passes before", scenes.pan, occluded=True),
    _Order("add-fast", "add", "a label in fast motion, some of it out of the picture", scenes.fast),
    _Order("add-shake", "add", "a label filmed by an unsteady hand", scenes.shaken),
    _Order("add-keyframes", "add", "a label edited in three frames", scenes.ripple, (0, 12, 24), scenes.dimming),
    _Order("appearance-flicker", "appearance", "a tint in flickering light", scenes.pan, light=scenes.flickering),
)
"""Of each kind of edit one, then more of them."""
NAMES = (*(order.name for order in _SYNTHETIC), "add-cut", "real-box", "real-cup", "real-remove", "real-grade")


def made(footage: Path, only: Collection[str] = ()) -> Iterator[Made]:
    """Every case, one at a time, or `only` those of these names.

    `footage` is the folder of box.mp4, cup.mp4, and the edits painted on them.
    """
    makers: dict[str, Callable[[], Made]] = {
        **{order.name: partial(_synthetic, order, footage) for order in _SYNTHETIC},
        "add-cut": partial(_cut, footage),
        "real-box": partial(_painted, "box", "add", "a label painted on a box that is tilted in a hand", footage),
        "real-cup": partial(_painted, "cup", "appearance", "a tint on a tumbler that a hand turns", footage),
        "real-remove": partial(_removed, footage),
        "real-grade": partial(_graded, footage),
    }
    for name in only or NAMES:
        yield makers[name]()


def _rendered(order: _Order, footage: Path) -> Scene:
    return scenes.render(
        order.name,
        footage,
        order.motion,
        order.edit,
        keyframe=order.keyframes[0],
        light=order.light,
        occluded=order.occluded,
        shrink=SHRINK,
    )


def _synthetic(order: _Order, footage: Path) -> Made:
    scene = _rendered(order, footage)
    edited = {k: scene.truth[k] for k in order.keyframes}
    masks = {} if order.edit == "colour" else {k: scene.matte[k] for k in order.keyframes}
    return Made(order.name, order.edit, order.says, scene.frames, edited, masks, scene.truth)


def _cut(footage: Path) -> Made:
    """A label that goes with its scene: another one follows."""
    order = _Order("add-cut", "add", "a label up to a cut", scenes.pan)
    scene = _rendered(order, footage)
    height, width = scene.frames[0].shape[:2]
    beyond = [
        frame[:height, :width] for frame in _footage(footage / "cup.mp4", (width, width * 3 // 4), scenes.FRAMES - CUT)
    ]
    return Made(
        order.name,
        order.edit,
        order.says,
        (*scene.frames[:CUT], *beyond),
        {0: scene.truth[0]},
        {0: scene.matte[0]},
        (*scene.truth[:CUT], *beyond),
    )


def _painted(name: str, edit: Edit, says: str, footage: Path) -> Made:
    edited = _eight(shrunk(read_still(footage / f"{name}_edited.png").rgb, *REAL))
    masks = {KEYFRAME: shrunk(read_mask(footage / f"{name}_mask.png"), *REAL)}
    return Made(f"real-{name}", edit, says, _real(name, footage), {KEYFRAME: edited}, masks, None)


def _removed(footage: Path) -> Made:
    frames, mask = _real("box", footage), shrunk(read_mask(footage / "box_mask.png"), *REAL)
    edited = _without(frames[KEYFRAME], mask)
    says = "the picture on the lid of a box taken away"
    return Made("real-remove", "remove", says, frames, {KEYFRAME: edited}, {KEYFRAME: mask}, None)


def _graded(footage: Path) -> Made:
    frames = _real("cup", footage)
    truth = tuple(_eight(graded(frame)) for frame in frames)
    return Made("real-grade", "colour", "a grade of the whole picture", frames, {0: truth[0]}, {}, truth)


def _real(name: str, footage: Path) -> tuple[Image, ...]:
    return _footage(footage / f"{name}.mp4", REAL, REAL_FRAMES)


def _without(frame: Image, mask: Image) -> Image:
    """`frame` with what is under `mask` filled in from around it."""
    hole = dilated((mask > 0).astype(np.uint8) * np.uint8(255), disc(5))
    codes = np.round(frame * 255).astype(np.uint8)
    filled = np.asarray(cv2.inpaint(codes, hole, 4, cv2.INPAINT_TELEA), np.float32) / np.float32(255)
    return _eight(frame + mask[..., None] * (soft(filled, 5) - frame))


def _footage(path: Path, size: tuple[int, int], frames: int) -> tuple[Image, ...]:
    with Clip.open(path) as clip:
        return tuple(_eight(shrunk(np.clip(frame.rgb(), 0, 1), *size)) for frame in clip.frames(0, frames))


def _eight(image: NDArray[np.float32]) -> Image:
    return (np.round(np.clip(image, 0, 1) * 255) / 255).astype(np.float32)
