"""Exact synthetic truth: a photographed texture under known motion, with an edit whose true look is known everywhere.

Every frame is rendered from the texture through an analytic map, so the edited clip can be rendered from the edited
texture: what a perfect propagation would give, pixel for pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.image import ABSENT, dilated, disc, sample, shrunk, soft
from engine.media.clip import Clip

Image = NDArray[np.float32]
Map = Callable[[int], Image]
"""Frame number -> (height, width, 2) texture coordinates of every pixel."""
Light = Callable[[int], Image]
"""Frame number -> (height or 1, width or 1, 1), what the light does to every pixel."""
Edit = Literal["add", "remove", "replace", "appearance", "motion", "colour"]
"""A label where there was none; a sticker taken away; a label in a sticker's place; a grade inside an ellipse; a
sticker that lies elsewhere; a grade of all that is seen."""

WIDTH, HEIGHT, FRAMES = 960, 540, 25
CENTRE = np.array([800.0, 640.0], np.float32)
"""Where in the texture the middle of the picture looks at first."""
SHEET = (1600, 1280)
"""Width and height of the texture."""


@dataclass(frozen=True)
class Scene:
    """A clip with its edit and the truth. All images (height, width, 3) float32 R'G'B' in [0, 1]."""

    name: str
    frames: tuple[Image, ...]
    truth: tuple[Image, ...]
    matte: tuple[Image, ...]
    """True matte (height, width): where the edit is seen, 0 behind the occluder."""
    unoccluded: tuple[Image, ...]
    """The same were there no occluder."""
    occluder: tuple[Image, ...]
    keyframe: int
    painted: Image
    """The edit as its layer holds it, straight colours, at the keyframe; its alpha there is `matte[keyframe]`."""


@cache
def texture(footage: Path) -> Image:
    """A photograph large enough to pan over: frames of two clips in `footage`, mirrored, (1280, 1600, 3)."""
    tiles = []
    for name in ("box.mp4", "cup.mp4"):
        with Clip.open(footage / name) as clip:
            tiles.append(clip.frame(0).rgb())
    row = np.concatenate([tiles[0], tiles[0][:, ::-1], tiles[1][:, ::-1]], axis=1)
    sheet = np.concatenate([row[::-1], row, row[::-1]], axis=0)
    return np.ascontiguousarray(sheet[: SHEET[1], : SHEET[0]].astype(np.float32))


@dataclass(frozen=True)
class Sheets:
    """The texture as the clip shows it, the paint, and the paint's alpha (height, width)."""

    before: Image
    paint: Image
    alpha: Image

    @property
    def edited(self) -> Image:
        return self.before + self.alpha[..., None] * (self.paint - self.before)


def _sheets(edit: Edit, plain: Image) -> Sheets:
    if edit == "add":
        return Sheets(plain, *_logo())
    if edit == "appearance":
        return Sheets(plain, *_tint(plain))
    if edit == "colour":
        return Sheets(plain, graded(plain), np.ones(plain.shape[:2], np.float32))
    here, where = _sticker(0, 0, 0), _sticker(-190, -60, 35)
    before = _laid(plain, here)
    if edit == "remove":
        return Sheets(before, plain, _around(here[1]))
    if edit == "replace":
        logo = _logo()
        return Sheets(before, _laid(plain, logo), _around(np.maximum(here[1], logo[1])))
    return Sheets(before, _laid(plain, where), _around(np.maximum(here[1], where[1])))


def _laid(sheet: Image, paint: tuple[Image, Image]) -> Image:
    rgb, alpha = paint
    return sheet + alpha[..., None] * (rgb - sheet)


def _around(alpha: Image) -> Image:
    """Whole wherever `alpha` is above 0, and soft beyond."""
    return soft(dilated((alpha > 0).astype(np.float32), disc(9)), 7)


def _logo() -> tuple[Image, Image]:
    """A painted label, antialiased, as (rgb, alpha) over the texture."""
    factor = 2
    big, alpha = _canvas(factor)
    x, y = (int(v) * factor for v in CENTRE)
    for target, ink in ((big, (230, 60, 30)), (alpha, 255)):
        cv2.rectangle(target, (x - 220, y - 130), (x + 220, y + 130), ink, -1, cv2.LINE_AA)
        cv2.circle(target, (x + 220, y), 130, ink, -1, cv2.LINE_AA)
    cv2.putText(big, "LABEL", (x - 200, y + 50), cv2.FONT_HERSHEY_DUPLEX, 4.4, (250, 240, 220), 14, cv2.LINE_AA)
    cv2.circle(big, (x + 230, y), 60, (20, 60, 160), -1, cv2.LINE_AA)
    return _averaged(big, alpha)


def _sticker(dx: int, dy: int, angle: float) -> tuple[Image, Image]:
    """A striped square as (rgb, alpha) over the texture, off its middle by (dx, dy) pixels and turned by degrees."""
    factor = 2
    big, alpha = _canvas(factor)
    x, y = ((int(v) + d) * factor for v, d in zip(CENTRE, (dx, dy), strict=True))
    turned = cv2.boxPoints(((x, y), (250, 190), angle)).astype(np.int32)
    cv2.fillPoly(alpha, [turned], 255, cv2.LINE_AA)
    cv2.fillPoly(big, [cv2.boxPoints(((x, y), (262, 202), angle)).astype(np.int32)], (245, 205, 60), cv2.LINE_AA)
    for shift in (-70, 0, 70):
        along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * shift
        stripe = cv2.boxPoints(((x + along[0], y + along[1]), (28, 130), angle)).astype(np.int32)
        cv2.fillPoly(big, [stripe], (40, 90, 70), cv2.LINE_AA)
    return _averaged(big, alpha)


def _canvas(factor: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    shape = SHEET[1] * factor, SHEET[0] * factor
    return np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8)


def _averaged(big: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> tuple[Image, Image]:
    smooth = np.asarray(cv2.GaussianBlur(big, (0, 0), 1.6), np.uint8)
    rgb, inside = (shrunk(image, *SHEET).astype(np.float32) / np.float32(255) for image in (smooth, alpha))
    return rgb, inside


def _tint(picture: Image) -> tuple[Image, Image]:
    """A grade inside a soft ellipse."""
    alpha = np.zeros(picture.shape[:2], np.float32)
    cv2.ellipse(alpha, (int(CENTRE[0]), int(CENTRE[1])), (150, 90), 0, 0, 360, 1.0, -1)
    return graded(picture), np.asarray(cv2.GaussianBlur(alpha, (0, 0), 3), np.float32)


def graded(picture: Image) -> Image:
    """Warmer, darker, less saturated."""
    grey = picture.mean(axis=2, keepdims=True)
    warm = (0.7 * picture + 0.3 * grey) * np.array([0.95, 0.7, 0.5], np.float32)
    return np.asarray(warm + np.array([0.04, 0.0, 0.0], np.float32), np.float32)


def _grid() -> tuple[Image, Image]:
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    return x - WIDTH / 2, y - HEIGHT / 2


def _at(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> Image:
    return np.stack([x + CENTRE[0], y + CENTRE[1]], axis=-1).astype(np.float32)


def pan(t: int) -> Image:
    x, y = _grid()
    return _at(x + 4.3 * t - 40, y + 1.7 * t - 15)


def zoom_rotation(t: int) -> Image:
    x, y = _grid()
    angle, zoom = np.radians(0.9 * t), 1.0 / (1 + 0.012 * t)
    return _at(zoom * (np.cos(angle) * x - np.sin(angle) * y), zoom * (np.sin(angle) * x + np.cos(angle) * y))


def perspective(t: int) -> Image:
    x, y = _grid()
    w = 1 + 1.4e-5 * t * x + 0.9e-5 * t * y
    return _at((x + 2.0 * t) / w, (y - 0.8 * t) / w)


def ripple(t: int) -> Image:
    x, y = _grid()
    phase = 0.22 * t
    return _at(
        x + 6 * (np.sin(y / 60 + phase) - np.sin(y / 60)) + 1.5 * t,
        y + 5 * (np.sin(x / 75 + phase) - np.sin(x / 75)),
    )


def fast(t: int) -> Image:
    x, y = _grid()
    return _at(x + 260 * np.sin(t / 24 * 2 * np.pi), y + 90 * np.sin(t / 24 * 4 * np.pi))


def shaken(t: int) -> Image:
    """A hand-held camera: every frame is turned and moved by chance."""
    x, y = _grid()
    dx, dy, turn = np.random.default_rng([7, t]).normal(0, (11, 8, 0.5)) if t else np.zeros(3)
    angle = np.radians(turn)
    return _at(np.cos(angle) * x - np.sin(angle) * y + dx + 2 * t, np.sin(angle) * x + np.cos(angle) * y + dy)


def dimming(t: int) -> Image:
    x, _ = _grid()
    return (1 - 0.014 * t + 0.00002 * t * x)[..., None].astype(np.float32)


def flickering(t: int) -> Image:
    gain = 1 + np.random.default_rng([11, t]).uniform(-0.12, 0.12) if t else 1.0
    return np.full((1, 1, 1), gain, np.float32)


def _occluder(t: int) -> tuple[Image, Image]:
    """A pole that crosses the picture: (alpha, rgb)."""
    x, y = _grid()
    left = -420 + 34 * t
    alpha = np.clip(np.minimum(x - left, left + 90 - x) + 0.5, 0, 1)
    stripes = 0.45 + 0.15 * np.sin(y / 9) + 0.1 * np.sin((x - left) / 7)
    return alpha.astype(np.float32), np.stack([stripes, stripes * 0.9, stripes * 0.7], axis=-1).astype(np.float32)


def _seen(sheet: Image, where: Image) -> Image:
    """`sheet` at the positions `where`, mirrored beyond its border."""
    return np.asarray(cv2.remap(sheet, where, ABSENT, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT), np.float32)


def render(
    name: str,
    footage: Path,
    motion: Map,
    edit: Edit = "add",
    *,
    keyframe: int = 0,
    light: Light | None = None,
    occluded: bool = False,
    shrink: int = 1,
) -> Scene:
    """Render one scene, its sides divided by `shrink`. Frames are quantised to 8 bits, as a clip would be."""
    sheets = _sheets(edit, texture(footage))
    edited = sheets.edited
    frames: list[Image] = []
    truth: list[Image] = []
    matte, whole, occluder = [], [], []

    def small(image: Image) -> Image:
        return image if shrink == 1 else shrunk(image, WIDTH // shrink, HEIGHT // shrink)

    for t in range(FRAMES):
        where = motion(t)
        gain = light(t) if light else np.float32(1)
        pole, pole_rgb = _occluder(t) if occluded else (np.zeros((HEIGHT, WIDTH), np.float32), np.float32(0))
        for sheet, into in ((sheets.before, frames), (edited, truth)):
            seen = _seen(sheet, where) * gain
            seen = small(np.clip(seen + pole[..., None] * (pole_rgb - seen), 0, 1))
            into.append((np.round(seen * 255) / 255).astype(np.float32))
        alpha = sample(sheets.alpha, where, outside=0)
        whole.append(small(alpha))
        matte.append(small(alpha * (1 - pole)))
        occluder.append(small(pole))
    layer = np.clip(_seen(sheets.paint, motion(keyframe)) * (light(keyframe) if light else np.float32(1)), 0, 1)
    straight = np.where(matte[keyframe][..., None] > 0, small(layer), frames[keyframe]).astype(np.float32)
    return Scene(name, tuple(frames), tuple(truth), tuple(matte), tuple(whole), tuple(occluder), keyframe, straight)
