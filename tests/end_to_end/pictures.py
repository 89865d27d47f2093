"""What a result shows, read back from its files."""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.media.clip import Clip, Frame
from engine.media.still import Still, read_still
from engine.report import Report

Image = NDArray[np.float32]


def report_of(folder: Path) -> Report:
    return Report.model_validate(json.loads((folder / "report.json").read_text("utf-8")))


def frames(path: Path, start: int = 0, stop: int | None = None) -> list[Frame]:
    with Clip.open(path) as clip:
        return list(clip.frames(start, stop))


def seen(frame: Frame) -> Image:
    return np.asarray(np.clip(frame.rgb(), 0, 1), np.float32)


def layer(folder: Path, index: int) -> tuple[Image, Image]:
    """Colours and alpha of a layer's PNG."""
    still: Still = read_still(folder / "layer" / f"{index:06}.png")
    assert still.alpha is not None
    return still.rgb, still.alpha


def outside(frame: Frame, alpha: Image, plane: int) -> NDArray[np.bool_]:
    """Which samples of a frame's plane stand for no pixel that the layer covers."""
    layout = frame.layout
    chroma = layout.family == "yuv" and plane in (1, 2)
    wide, high = (1 << layout.log2_chroma_w, 1 << layout.log2_chroma_h) if chroma else (1, 1)
    covered = (alpha > 0).astype(np.uint8)
    height, width = covered.shape
    padded = np.pad(covered, ((0, -height % high), (0, -width % wide)))
    blocks = padded.reshape(padded.shape[0] // high, high, padded.shape[1] // wide, wide)
    return np.asarray(blocks.max(axis=(1, 3)) == 0)


def untouched(frame: Frame, alpha: Image) -> NDArray[np.bool_]:
    """Which pixels share no sample of any plane with a pixel that the layer covers."""
    height, width = alpha.shape
    free = np.ones((height, width), bool)
    for plane in range(frame.layout.color_planes):
        samples = outside(frame, alpha, plane).astype(np.uint8)
        rows, columns = -(-height // samples.shape[0]), -(-width // samples.shape[1])
        free &= np.kron(samples, np.ones((rows, columns), np.uint8))[:height, :width] > 0
    return free


def reds(picture: Image) -> NDArray[np.bool_]:
    """The bundled label's red, which little else in the clip has."""
    red, green, blue = (picture[..., channel] for channel in range(3))
    return np.asarray((red > 0.65) & (green < 0.42) & (blue < 0.36) & (red - green > 0.35))


def centre(where: NDArray[np.bool_]) -> tuple[float, float]:
    ys, xs = np.nonzero(where)
    return float(xs.mean()), float(ys.mean())


def painted(picture: Image, corners: list[tuple[int, int]], colour: tuple[float, float, float]) -> Image:
    """A picture with a patch of one colour, hard-edged."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(corners, np.int32)], 1)
    return np.where(mask[..., None] > 0, np.array(colour, np.float32), picture).astype(np.float32)
