"""Exact synthetic truth: a photographed texture under known motion, with an edit whose true look is known everywhere.

Every frame is rendered from the texture through an analytic map, so the edited clip can be rendered from the edited
texture: what a perfect propagation would give, pixel for pixel.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.image import ABSENT, sample, shrunk

Image = NDArray[np.float32]
Map = Callable[[int], Image]
"""Frame number -> (height, width, 2) texture coordinates of every pixel."""

ASSETS = Path(__file__).parents[2] / "bridge_server" / "demo"
WIDTH, HEIGHT, FRAMES = 960, 540, 25
CENTRE = np.array([800.0, 640.0], np.float32)
"""Where in the texture the middle of the picture looks at first."""


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
def texture() -> Image:
    """A photograph large enough to pan over: frames of the bundled clips, mirrored side by side, (1280, 1600, 3)."""
    from engine.media.clip import Clip

    tiles = []
    for name, index in (("box.mp4", 0), ("cup.mp4", 0)):
        with Clip.open(ASSETS / name) as clip:
            tiles.append(clip.frame(index).rgb())
    row = np.concatenate([tiles[0], tiles[0][:, ::-1], tiles[1][:, ::-1]], axis=1)
    sheet = np.concatenate([row[::-1], row, row[::-1]], axis=0)
    return np.ascontiguousarray(sheet[:1280, :1600].astype(np.float32))


def _logo() -> tuple[Image, Image]:
    """A painted label, antialiased, as (rgb, alpha) over the texture."""
    big, factor = np.zeros((1280 * 2, 1600 * 2, 3), np.uint8), 2
    alpha = np.zeros(big.shape[:2], np.uint8)
    x, y = (int(v) * factor for v in CENTRE)
    for target, ink in ((big, (230, 60, 30)), (alpha, 255)):
        cv2.rectangle(target, (x - 220, y - 130), (x + 220, y + 130), ink, -1, cv2.LINE_AA)
        cv2.circle(target, (x + 220, y), 130, ink, -1, cv2.LINE_AA)
    cv2.putText(big, "LABEL", (x - 200, y + 50), cv2.FONT_HERSHEY_DUPLEX, 4.4, (250, 240, 220), 14, cv2.LINE_AA)
    cv2.circle(big, (x + 230, y), 60, (20, 60, 160), -1, cv2.LINE_AA)
    smooth = np.asarray(cv2.GaussianBlur(big, (0, 0), 1.6), np.uint8)
    rgb, inside = (shrunk(image, 1600, 1280).astype(np.float32) / np.float32(255) for image in (smooth, alpha))
    return rgb, inside


def _tint(picture: Image) -> tuple[Image, Image]:
    """A grade inside a soft ellipse: warmer, darker, less saturated."""
    alpha = np.zeros(picture.shape[:2], np.float32)
    cv2.ellipse(alpha, (int(CENTRE[0]), int(CENTRE[1])), (150, 90), 0, 0, 360, 1.0, -1)
    grey = picture.mean(axis=2, keepdims=True)
    graded = (0.7 * picture + 0.3 * grey) * np.array([0.95, 0.7, 0.5], np.float32) + np.array(
        [0.04, 0.0, 0.0], np.float32
    )
    return graded.astype(np.float32), np.asarray(cv2.GaussianBlur(alpha, (0, 0), 3), np.float32)


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


def _light(t: int) -> Image:
    x, _ = _grid()
    return (1 - 0.014 * t + 0.00002 * t * x)[..., None].astype(np.float32)


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
    motion: Map,
    edit: Literal["logo", "tint"] = "logo",
    *,
    keyframe: int = 0,
    light: bool = False,
    occluded: bool = False,
) -> Scene:
    """Render one scene. Frames are quantised to 8 bits, as a clip would be."""
    plain = texture()
    painted, alpha = _logo() if edit == "logo" else _tint(plain)
    edited = plain + alpha[..., None] * (painted - plain)
    frames: list[Image] = []
    truth: list[Image] = []
    matte, whole, occluder = [], [], []
    for t in range(FRAMES):
        where = motion(t)
        gain = _light(t) if light else np.float32(1)
        pole, pole_rgb = _occluder(t) if occluded else (np.zeros((HEIGHT, WIDTH), np.float32), np.float32(0))
        for sheet, into in ((plain, frames), (edited, truth)):
            seen = _seen(sheet, where) * gain
            seen = seen + pole[..., None] * (pole_rgb - seen)
            into.append((np.round(np.clip(seen, 0, 1) * 255) / 255).astype(np.float32))
        whole.append(sample(alpha, where, outside=0))
        matte.append(whole[-1] * (1 - pole))
        occluder.append(pole)
    layer = np.clip(_seen(painted, motion(keyframe)) * (_light(keyframe) if light else np.float32(1)), 0, 1)
    straight = np.where(matte[keyframe][..., None] > 0, layer, frames[keyframe]).astype(np.float32)
    return Scene(name, tuple(frames), tuple(truth), tuple(matte), tuple(whole), tuple(occluder), keyframe, straight)


def scenes() -> Iterator[Scene]:
    """The cases of the benchmark, one at a time (each holds about 400 MB)."""
    yield render("pan, logo", pan)
    yield render("zoom + rotation, logo", zoom_rotation)
    yield render("perspective, tint", perspective, "tint")
    yield render("ripple, logo", ripple)
    yield render("ripple + changing light, tint", ripple, "tint", light=True)
    yield render("fast motion, logo", fast)
    yield render("pan + occluder, logo", pan, occluded=True)
    yield render("zoom + rotation, keyframe in the middle, logo", zoom_rotation, keyframe=FRAMES // 2)
    yield render("pan + changing light, logo", pan, light=True)
