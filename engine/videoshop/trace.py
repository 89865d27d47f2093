"""Where an edit may change a clip: its mask, carried through a span by the motion that `flow` finds."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.composite import flatten, keyframe_painted
from engine.edit import Keyframe
from engine.flow.carry import Carried
from engine.flow.method import FlowMethod, Followed, confidence, merged
from engine.geometry import Box, Size
from engine.image import shrunk
from engine.media.clip import Frame
from engine.method import OnStep, Step
from engine.preview import small

Image = NDArray[np.float32]

SIDE = 256
"""Most samples along a side that an outline is kept with: it is widened and feathered before it is used."""

SURE, DRIFT = 0.5, 0.06
"""An outline of which less is seen may be elsewhere: when nothing is seen, by this part of its side more a frame."""


@dataclass(frozen=True)
class Outline:
    """Where the edit is in one frame, were nothing in front of it.

    `packed` holds the matte of `box` (full pixels), `shape` samples (rows, columns), 8 bits each.
    `confident` is the part of it that was seen as it was in the keyframe; `slack` how far it may be from where it is
    thought to be, full pixels.
    """

    box: Box
    shape: tuple[int, int]
    packed: bytes
    confident: float
    slack: float = 0.0

    @classmethod
    def of(cls, box: Box, matte: Image, confident: float, slack: float = 0.0) -> "Outline":
        width, height = (min(side, SIDE) for side in (box.width, box.height))
        if box.area and (width, height) != (box.width, box.height):
            matte = shrunk(matte, width, height)
        packed = zlib.compress(np.rint(matte * 255).astype(np.uint8).tobytes(), 1)
        return cls(box, (height, width), packed, confident, slack)

    def on(self, crop: Box, size: Size) -> Image:
        """The matte (size.height, size.width) in [0, 1] of the frame's `crop`, scaled to `size`."""
        if self.box.area == 0:
            return np.zeros((size.height, size.width), np.float32)
        rows, columns = self.shape
        matte = np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(self.shape)
        into = np.array([columns / self.box.width, rows / self.box.height])
        # Where a pixel of `size` covers many samples it is their mean, so that thin places are not passed over.
        parts = ceil(max(1.0, into[0] * crop.width / size.width, into[1] * crop.height / size.height))
        grid = Size(size.width * parts, size.height * parts)
        # From a pixel of the grid by way of the frame to a sample of the outline; centres lie half a pixel in.
        scale = np.array([crop.width / grid.width, crop.height / grid.height])
        offset = np.array([crop.x - self.box.x, crop.y - self.box.y])
        shift = (0.5 * scale + offset) * into - 0.5
        linear = scale * into
        affine = np.array([[linear[0], 0, shift[0]], [0, linear[1], shift[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        fine = np.asarray(cv2.warpAffine(matte.astype(np.float32) / 255, affine, grid, flags=flags), np.float32)
        return fine if parts == 1 else shrunk(fine, *size)


@dataclass(frozen=True)
class Trace:
    """The outlines of a span: first the keyframe's, then those of its frames up to a scene cut.

    `warnings` are those of each frame of the span, beyond a cut as well.
    """

    outlines: tuple[Outline, ...]
    warnings: tuple[tuple[str, ...], ...]

    @property
    def reach(self) -> Box:
        """The box that holds every outline with its slack; it may reach beyond the frame."""
        box = self.outlines[0].box
        for outline in self.outlines[1:]:
            if outline.box.area:
                slack, (x, y, width, height) = ceil(outline.slack), outline.box
                box = box.union(Box(x - slack, y - slack, width + 2 * slack, height + 2 * slack))
        return box


def traced(keyframe: Keyframe, source: Frame, frames: Iterable[Frame], total: int, on_step: OnStep) -> Trace:
    """Follow the mask of `keyframe` through `total` `frames`; each one's preview is the edit as `flow` carries it."""
    mask = keyframe_painted(keyframe)
    outlines, warnings = [Outline.of(mask.box, mask.matte, 1.0)], []
    slack, seen = 0.0, Latest(frames)
    for done, followed in enumerate(FlowMethod().follow(keyframe, source, seen), start=1):
        warnings.append(followed.warnings)
        if not followed.cut:
            box, matte = _whole(followed.parts)
            confident = confidence(followed.parts)
            slack = loosened(slack, confident, max(box.width, box.height))
            outlines.append(Outline.of(box, matte, confident, slack))
        on_step(_shown(followed, seen.frame, done, total))
    return Trace(tuple(outlines), tuple(warnings))


def loosened(slack: float, confident: float, side: int) -> float:
    """The slack after a frame in which `confident` of an outline `side` pixels long was seen as it was.

    Motion is always found against the keyframe, so what is seen again is where it is thought to be.
    """
    if confident >= SURE:
        return slack / 2
    return slack + (1 - confident / SURE) * DRIFT * side


class Latest:
    """Frames on their way, the latest kept."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = iter(frames)
        self.frame: Frame | None = None

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            self.frame = frame
            yield frame


def _shown(followed: Followed, frame: Frame | None, done: int, total: int) -> Step:
    def preview() -> Image:
        assert frame is not None
        return np.clip(small(flatten(frame, merged(followed.index, followed.parts))).rgb(), 0, 1)

    return Step("propagate", done, total, preview, followed.index)


def _whole(parts: Sequence[Carried]) -> tuple[Box, Image]:
    """The box around the parts, and the largest of their whole mattes there."""
    shown = [part for part in parts if part.box.area]
    if not shown:
        return Box(0, 0, 0, 0), np.zeros((0, 0), np.float32)
    box = shown[0].box
    for part in shown[1:]:
        box = box.union(part.box)
    matte = np.zeros((box.height, box.width), np.float32)
    for part in shown:
        place = matte[part.box.y - box.y : part.box.bottom - box.y, part.box.x - box.x : part.box.right - box.x]
        np.maximum(place, part.whole, out=place)
    return box, matte
