"""Small clips with an edit whose true appearance is known in every frame."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.edit import Keyframe
from engine.flow.method import FlowMethod
from engine.image import Image, sample
from engine.media.clip import Clip, Frame
from engine.media.color import PixelLayout, planes_of
from engine.method import Painted
from engine.motion.maps import grid
from engine.request import FlowSettings, Transfer
from tests.engine.frames import LAYOUTS
from tests.engine.motion.scene import DEMO, sheet

WIDTH, HEIGHT = 320, 200
RGB = LAYOUTS["8-bit RGB"]


def panned(t: float, width: int = WIDTH, height: int = HEIGHT, speed: tuple[float, float] = (1.7, 0.6)) -> Image:
    """The sheet as it is seen at time `t` of a pan: R'G'B' (height, width, 3) in [0, 1]."""
    where = grid(width, height, 280 + speed[0] * t, 20 + speed[1] * t)
    seen: Image = np.clip(sample(sheet(), where, cubic=True), 0, 1)
    return seen


def laid(over: Image, rgb: Image, alpha: Image) -> Image:
    return over + alpha[..., None] * (rgb - over)


def ellipse(x: float, y: float, across: float, down: float, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """A soft-edged ellipse (height, width) in [0, 1]."""
    here = grid(width, height)
    distance = np.hypot((here[..., 0] - x) / across, (here[..., 1] - y) / down)
    inside: Image = np.clip((1 - distance) * min(across, down) + 0.5, 0, 1).astype(np.float32)
    return inside


def label(alpha: Image) -> Image:
    """A painted label: red with blue stripes, whatever lies under it."""
    height, width = alpha.shape
    here = grid(width, height)
    stripes = (np.sin(here[..., 0] / 4) > 0)[..., None]
    return np.where(stripes, np.array([0.85, 0.2, 0.1]), np.array([0.1, 0.2, 0.7])).astype(np.float32)


def tinted(rgb: Image) -> Image:
    warm: Image = np.clip(rgb * np.array([0.95, 0.75, 0.6], np.float32) + np.array([0.04, 0, 0], np.float32), 0, 1)
    return warm


def frame_of(index: int, rgb: Image, layout: PixelLayout = RGB) -> Frame:
    return Frame(index, index, planes_of(np.clip(rgb, 0, 1).astype(np.float32), layout), layout)


def edited(rgb: Image, mask: Image, index: int = 0) -> Keyframe:
    return Keyframe(index, rgb.astype(np.float32), mask.astype(np.float32))


def carried(keyframe: Keyframe, frames: Sequence[Frame], transfer: Transfer = "auto") -> list[Painted]:
    """The keyframe's edit in the frames after the first, which is the keyframe's own."""
    return list(FlowMethod(FlowSettings(transfer=transfer)).propagate(keyframe, frames[0], iter(frames[1:])))


def shown(frame: Frame, painted: Painted) -> Image:
    """The frame with the paint laid over it."""
    result = frame.rgb().copy()
    if painted.box.area:
        result[painted.box.slices] = laid(result[painted.box.slices], painted.rgb, painted.matte)
    return result


def matte(painted: Painted, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """The matte in the whole frame."""
    whole = np.zeros((height, width), np.float32)
    whole[painted.box.slices] = painted.matte
    return whole


def psnr(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(10 * np.log10(1 / max(float(((a - b) ** 2).mean()), 1e-10)))


def real_frames(name: str, last: int) -> list[Frame]:
    with Clip.open(DEMO / name) as clip:
        return list(clip.frames(0, last + 1))


def rendered(seen: Callable[[int], Image], times: Iterable[int], layout: PixelLayout = RGB) -> list[Frame]:
    return [frame_of(t, seen(t), layout) for t in times]
