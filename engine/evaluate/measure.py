"""A result on files beside its source, and beside the truth where that is known."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.evaluate.metrics.detail import border_steps, texture_error
from engine.evaluate.metrics.likeness import Images, Mattes, difference, keyframe_fidelity, psnr, ssim
from engine.evaluate.metrics.motion import end_point_errors, motion, warp_ratio
from engine.evaluate.metrics.steadiness import drift, flicker
from engine.image import Image, dilated, opened, shrunk, square
from engine.media.clip import Clip, Frame
from engine.media.still import read_still

LONG = 320
"""Pixels of the long side at which motion, flicker and texture are measured, which hold the whole clip in memory."""
TOUCHED = 4 / 255
"""How far the truth has to be from the source for a pixel to be of the edit: more than codecs err."""


@dataclass(frozen=True)
class BesideTruth:
    """Frame by frame: PSNR, dB, where the truth differs from the source (nan for painted frames), whole and elsewhere;
    SSIM of the whole."""

    inside: tuple[float, ...]
    whole: tuple[float, ...]
    outside: tuple[float, ...]
    ssim: tuple[float, ...]


@dataclass(frozen=True)
class Measured:
    """A result's figures; see the metrics of the same names. nan: nothing there that it could be measured on.

    `outside`: the largest difference from the source where the matte is 0, levels. `keyframe`: PSNR, dB, of the layer
    to the artist's frame where the matte is 1, the least of all keyframes. `drift` is of the edit's colour against the
    truth's, and without a truth of the colour itself. `flow` and `flow_outside`: mean end-point error of the result's
    motion, pixels of a frame whose long side is `LONG`. `border`: the step at the matte's border over that of the first
    keyframe.
    """

    truth: BesideTruth | None
    outside: float
    keyframe: float
    warp: float
    flow: float
    flow_outside: float
    flicker: float
    flicker_source: float
    drift: float
    texture: float
    border: float


def measured(
    source: Path,
    result: Path,
    layer: Path,
    edited: Mapping[int, Path],
    truth: Path | None,
    on_frame: Callable[[int, int], None],
) -> Measured:
    """Measure the clip `result`, as long as `source`, whose mattes are the alpha of the images `layer`/NNNNNN.png.

    `edited` are the painted frames by index. `on_frame` takes frames done and all of them. Raises ClipError, EditError.
    """
    outside, fidelity = [0.0], list[float]()
    beside: list[tuple[float, ...]] = []
    sources, results, truths, mattes = (list[Image]() for _ in range(4))
    with ExitStack() as stack:
        given, made = (stack.enter_context(Clip.open(path)) for path in (source, result))
        true = stack.enter_context(Clip.open(truth)).frames() if truth else None
        for one, other in zip(given.frames(), made.frames(), strict=True):
            rgb, found = one.rgb(), other.rgb()
            paint = read_still(layer / f"{one.index:06}.png")
            matte = np.ones(rgb.shape[:2], np.float32) if paint.alpha is None else paint.alpha
            outside.append(difference(found[None], rgb[None], _untouched(matte, one)[None]))
            if one.index in edited:
                painted = read_still(edited[one.index]).rgb
                fidelity.append(keyframe_fidelity(paint.rgb, painted, (matte == 1).astype(np.float32)))
            if true is not None:
                best = next(true).rgb()
                inside, *others = _beside(found, best, rgb)
                beside.append((nan if one.index in edited else inside, *others))
                truths.append(small(best))
            for images, image in ((sources, rgb), (results, found), (mattes, matte)):
                images.append(small(image))
            on_frame(one.index + 1, given.info.frames)
    return _whole(
        np.stack(sources),
        np.stack(results),
        np.stack(truths) if truths else None,
        np.stack(mattes),
        keyframe=min(edited),
        beside=BesideTruth(*zip(*beside, strict=True)) if beside else None,
        outside=float(np.nanmax(outside)),
        fidelity=min((value for value in fidelity if value == value), default=nan),
    )


def _whole(
    source: Images,
    result: Images,
    truth: Images | None,
    mattes: Mattes,
    *,
    keyframe: int,
    beside: BesideTruth | None,
    outside: float,
    fidelity: float,
) -> Measured:
    """The figures of the clip as a whole, from its small pictures, and what was told from the large ones."""
    given, made = motion(source), motion(result)
    around = (mattes == 0).astype(np.float32)
    borders = border_steps(result, mattes)
    return Measured(
        truth=beside,
        outside=outside,
        keyframe=fidelity,
        warp=warp_ratio(result, source, given),
        flow=_mean(end_point_errors(made, given)),
        flow_outside=_mean(end_point_errors(made, given, around)),
        flicker=flicker(result, given, mattes),
        flicker_source=flicker(source, given, mattes),
        drift=drift(result, np.zeros_like(result) if truth is None else truth, mattes),
        texture=texture_error(result, mattes, keyframe),
        border=_mean(borders) / float(borders[keyframe]),
    )


def _beside(found: Image, truth: Image, source: Image) -> tuple[float, float, float, float]:
    edit = _edit(truth, source)
    whole = found[None], truth[None]
    return psnr(*whole, edit[None]), psnr(*whole), psnr(*whole, 1 - edit[None]), ssim(*whole)


def _edit(truth: Image, source: Image) -> Image:
    """1 where the truth differs from the source by more than specks, else 0."""
    return opened((np.abs(truth - source).max(axis=2) > TOUCHED).astype(np.float32), square(3))


def _untouched(matte: Image, frame: Frame) -> Image:
    """1 where neither a pixel nor the chroma that it shares with its neighbours is of the edit, else 0."""
    layout = frame.layout
    reach: NDArray[np.uint8] = np.ones(((2 << layout.log2_chroma_h) - 1, (2 << layout.log2_chroma_w) - 1), np.uint8)
    return np.equal(dilated((matte > 0).astype(np.uint8), reach), 0).astype(np.float32)


def small(image: Image) -> Image:
    """A picture or matte with a long side of at most `LONG`, in [0, 1]."""
    height, width = image.shape[:2]
    scale = min(1.0, LONG / max(height, width))
    return shrunk(np.clip(image, 0, 1), max(16, round(width * scale)), max(16, round(height * scale)))


def _mean(values: NDArray[np.float64]) -> float:
    return nan if np.isnan(values).all() else float(np.nanmean(values))
