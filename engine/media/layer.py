"""Layer: the edit alone, with straight alpha. ProRes 4444, or a folder of RGBA PNG."""

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.geometry import Box
from engine.media import png
from engine.media.clip import ClipInfo
from engine.media.color import from_rgb, rounded, yuv_layout
from engine.media.movie import Movie
from engine.media.planes import writable
from engine.media.safe import give_up, replace_folder, write_bytes

PRORES_OPTIONS = {"profile": "4", "vendor": "apl0"}
_BLOCK = 16
"""ProRes codes squares of 16 pixels: in a square that shows anything, hidden pixels get the colour of shown ones."""


class LayerWriter(Protocol):
    """Takes what was painted on the frames of the range, in rising order; the result appears when the context ends.

    `write` takes R'G'B' (box.height, box.width, 3) and the matte (box.height, box.width) in [0, 1]; outside the box
    alpha is 0. Where the matte is 0 the given colour does not matter.
    """

    def write(self, index: int, box: Box, rgb: NDArray[np.float32], matte: NDArray[np.float32]) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def bled(rgb: NDArray[np.float32], matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """`rgb` with the colours of what the matte shows carried on into what it hides, ever smoother with distance."""
    shown = matte > 0
    if shown.all() or not shown.any():
        return rgb if shown.any() else np.zeros_like(rgb)
    weight = shown.astype(np.float32)
    color: Any = np.where(shown[:, :, None], rgb, np.float32(0))
    levels = [(color, weight)]
    while min(weight.shape) > 1 and weight.min() == 0:
        half = (-(-weight.shape[1] // 2), -(-weight.shape[0] // 2))
        color = cv2.resize(color, half, interpolation=cv2.INTER_AREA)
        weight = np.asarray(cv2.resize(weight, half, interpolation=cv2.INTER_AREA), np.float32)
        levels.append((color, weight))
    total = np.maximum(weight.sum(), np.float32(1e-6))
    mean = color.sum(axis=(0, 1)) / total
    filled: Any = np.where(weight[:, :, None] > 0, color / np.maximum(weight, 1e-6)[:, :, None], mean)
    for color, weight in reversed(levels[:-1]):
        coarse = cv2.resize(filled, (weight.shape[1], weight.shape[0]), interpolation=cv2.INTER_LINEAR)
        filled = np.where(weight[:, :, None] > 0, color / np.maximum(weight, 1e-6)[:, :, None], coarse)
    return np.asarray(filled, np.float32)


def _bled_around(
    box: Box, rgb: NDArray[np.float32], matte: NDArray[np.float32], info: ClipInfo
) -> tuple[Box, NDArray[np.float32], NDArray[np.float32]]:
    """The box grown to whole blocks, with the colours bled and alpha 0 in what was added."""
    whole = box.grown(1, info.size).aligned(_BLOCK, info.size)
    top, left = box.y - whole.y, box.x - whole.x
    below, beside = whole.bottom - box.bottom, whole.right - box.right
    grown_rgb = np.asarray(cv2.copyMakeBorder(rgb, top, below, left, beside, cv2.BORDER_REPLICATE), np.float32)
    grown_matte: Any = cv2.copyMakeBorder(matte, top, below, left, beside, cv2.BORDER_CONSTANT, value=0)
    return whole, bled(grown_rgb, grown_matte), grown_matte


class ProResLayer:
    """ProRes 4444 with 16-bit alpha in mov, at the clip's own times; Y'CbCr in the clip's matrix, limited range."""

    def __init__(self, path: Path, info: ClipInfo, start: int, stop: int) -> None:
        self._info, self._start = info, start
        matrix = info.layout.matrix if info.layout.family == "yuv" else "bt709"
        self._layout = yuv_layout(10, 0, 0, False, matrix if matrix in _PRORES_MATRICES else "bt709", True)
        # The faster encoder takes no odd widths; the other does.
        odd = info.size.width % 2
        codec, options = ("prores_ks", PRORES_OPTIONS | {"alpha_bits": "16"}) if odd else ("prores_aw", PRORES_OPTIONS)
        self._movie = Movie(
            path,
            info,
            start,
            stop,
            codec=codec,
            pixel_format=self._layout.name,
            tags=info.tags.named(self._layout),
            options=options,
            rate=info.fps,
            time_base=1 / info.fps if info.constant_rate else info.time_base,
            fields=info.field_order,
        )

    def write(self, index: int, box: Box, rgb: NDArray[np.float32], matte: NDArray[np.float32]) -> None:
        layout = self._layout
        picture = av.VideoFrame(self._info.size.width, self._info.size.height, layout.name)
        planes = writable(picture)
        for plane, code in zip(planes, (int(layout.black), layout.neutral, layout.neutral, 0), strict=True):
            plane.fill(code)
        if box.area:
            whole, colors, alpha = _bled_around(box, rgb, matte, self._info)
            codes = rounded(from_rgb(colors, layout), layout)
            for channel in range(3):
                planes[channel][whole.slices] = codes[:, :, channel]
            planes[3][whole.slices] = rounded(alpha * np.float32(layout.peak), layout)
        if self._info.constant_rate:
            self._movie.write(picture, index - self._start, 1)
        else:
            pts, end = int(self._info.pts[index]), int(self._info.pts[index + 1])
            self._movie.write(picture, pts - int(self._info.pts[self._start]), end - pts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._movie.__exit__(kind, error, at)


_PRORES_MATRICES = {"bt601", "bt709", "bt2020nc"}


class ImagesLayer:
    """A folder of RGBA PNG, named by source index: 8 bits for clips of 8 bits, else 16."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        self._info = info
        self._folder: AbstractContextManager[Path] = replace_folder(path)
        self._at = self._folder.__enter__()

    def write(self, index: int, box: Box, rgb: NDArray[np.float32], matte: NDArray[np.float32]) -> None:
        info = self._info
        dtype = np.uint8 if info.layout.bits == 8 else np.uint16
        pixels: Any = np.zeros((info.size.height, info.size.width, 4), dtype)
        if box.area:
            whole, colors, alpha = _bled_around(box, rgb, matte, info)
            pixels[whole.slices] = png.codes(colors, 8 if dtype is np.uint8 else 16, alpha)
        data = png.encode_codes(pixels, info.tags, info.sample_aspect_ratio)
        write_bytes(self._at / f"{index:06d}.png", data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            give_up(self._folder)
        else:
            self._folder.__exit__(None, None, None)
