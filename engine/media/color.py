"""Colour: from a clip's code values to R'G'B' and back, by name, once.

The working space of the engine is the clip's own R'G'B' (its primaries and its transfer are never touched), as float32
with black at 0 and white at 1. Values outside [0, 1] that the clip holds (super-white, out-of-gamut chroma) are kept.

Subsampled chroma is replicated on the way in and averaged over the same samples on the way out, so that what was not
changed comes back as the very same code values.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import ClipError
from engine.geometry import Box, Size

Family = Literal["yuv", "rgb", "gray"]
Plane = NDArray[np.uint8] | NDArray[np.uint16]

UNSPECIFIED = 2
LIMITED, FULL = 1, 2

MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020nc"}
"""FFmpeg's AVColorSpace of the matrices that are linear in R'G'B', by the name used here."""

REFUSED_MATRICES = {
    8: "YCgCo",
    10: "BT.2020 constant luminance",
    11: "SMPTE 2085 (Y'D'zD'x)",
    12: "chromaticity-derived",
    13: "chromaticity-derived constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}

LUMA_WEIGHTS = {
    "bt601": (0.299, 0.114),
    "fcc": (0.30, 0.11),
    "bt709": (0.2126, 0.0722),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
}
"""Weight of R' and of B' in luma; G' has the rest."""


@dataclass(frozen=True)
class ColorTags:
    """FFmpeg's numbers for primaries, transfer, matrix and range, as the clip carries them; 2, 2, 2, 0 when unsaid."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    range: int = 0

    def named(self, layout: "PixelLayout") -> Self:
        """These tags with the matrix and range of `layout`, whether the clip said them or they were guessed."""
        matrix = self.matrix
        if layout.family == "yuv" and MATRICES.get(matrix) != layout.matrix:
            matrix = _MATRIX_NUMBERS[layout.matrix]
        return type(self)(self.primaries, self.transfer, matrix, FULL if layout.full_range else LIMITED)


_MATRIX_NUMBERS = {"bt709": 1, "fcc": 4, "bt601": 6, "smpte240m": 7, "bt2020nc": 9}


@dataclass(frozen=True)
class PixelLayout:
    """How a frame's planes hold its pixels.

    `name` is the FFmpeg pixel format of the planes as stored here: planar, little-endian. Chroma planes are
    `log2_chroma_w`, `log2_chroma_h` powers of two smaller than luma, rounded up. `matrix` is a key of `LUMA_WEIGHTS`,
    "rgb" or "gray".
    """

    name: str
    family: Family
    bits: int
    log2_chroma_w: int
    log2_chroma_h: int
    full_range: bool
    matrix: str
    alpha: bool

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.bits == 8 else np.uint16

    @property
    def peak(self) -> int:
        """The largest code value."""
        return (1 << self.bits) - 1

    @property
    def black(self) -> float:
        """Code value of luma (or R', G', B') 0."""
        return 0.0 if self.full_range else 16.0 * 2 ** (self.bits - 8)

    @property
    def white(self) -> float:
        """Code value of luma (or R', G', B') 1."""
        return float(self.peak) if self.full_range else 235.0 * 2 ** (self.bits - 8)

    @property
    def neutral(self) -> int:
        """Code value of chroma 0."""
        return 1 << (self.bits - 1)

    @property
    def chroma_span(self) -> float:
        """Code values between chroma −½ and +½."""
        return float(self.peak) if self.full_range else 224.0 * 2 ** (self.bits - 8)

    @property
    def color_planes(self) -> int:
        """Number of planes without alpha."""
        return 1 if self.family == "gray" else 3

    def bytes_of(self, size: Size) -> int:
        """Bytes of the planes of a frame, but for the rounding of odd sizes."""
        chroma = (self.color_planes - 1) / (1 << (self.log2_chroma_w + self.log2_chroma_h))
        return int(size.width * size.height * np.dtype(self.dtype).itemsize * (1 + chroma + self.alpha))

    def with_chroma(self, log2_w: int, log2_h: int) -> "PixelLayout":
        """This Y'CbCr layout with chroma of another size."""
        return yuv_layout(self.bits, log2_w, log2_h, self.full_range, self.matrix, self.alpha)


_SUBSAMPLINGS = {"410": (2, 2), "411": (2, 0), "420": (1, 1), "422": (1, 0), "440": (0, 1), "444": (0, 0)}


def yuv_layout(bits: int, log2_w: int, log2_h: int, full_range: bool, matrix: str, alpha: bool) -> PixelLayout:
    digits = next(name for name, shifts in _SUBSAMPLINGS.items() if shifts == (log2_w, log2_h))
    name = f"yuv{'a' if alpha else ''}{digits}p{'' if bits == 8 else f'{bits}le'}"
    return PixelLayout(name, "yuv", bits, log2_w, log2_h, full_range, matrix, alpha)


def rgb_layout(bits: int, alpha: bool) -> PixelLayout:
    name = f"gbr{'a' if alpha else ''}p{'' if bits == 8 else f'{bits}le'}"
    return PixelLayout(name, "rgb", bits, 0, 0, True, "rgb", alpha)


_SEMIPLANAR = {
    "nv12": (8, "420"),
    "nv21": (8, "420"),
    "nv16": (8, "422"),
    "nv24": (8, "444"),
    "nv42": (8, "444"),
    "nv20le": (10, "422"),
    "p010le": (10, "420"),
    "p012le": (12, "420"),
    "p016le": (16, "420"),
    "p210le": (10, "422"),
    "p212le": (12, "422"),
    "p216le": (16, "422"),
    "p410le": (10, "444"),
    "p412le": (12, "444"),
    "p416le": (16, "444"),
    "yuyv422": (8, "422"),
    "uyvy422": (8, "422"),
    "yvyu422": (8, "422"),
}
"""Formats that interleave samples: bits and subsampling of the planar twin."""

_PACKED_RGB = re.compile(r"(?:rgb24|bgr24|[rgb0]{4}|rgb48[lb]e|bgr48[lb]e)")
_PACKED_RGBA = re.compile(r"(?:rgba|bgra|argb|abgr|(?:rgba|bgra)64[lb]e)")
_PLANAR_YUV = re.compile(r"yuv(a?)(j?)(4[1-4][0-4])p(9|10|12|14|16)?([lb]e)?")
_PLANAR_RGB = re.compile(r"gbr(a?)p(9|10|12|14|16)?([lb]e)?")
_GRAY = re.compile(r"gray(9|10|12|14|16)?([lb]e)?")


def layout_of(pixel_format: str, tags: ColorTags, lines: int, path: Path) -> PixelLayout:
    """How planes of FFmpeg's `pixel_format` are stored and read here.

    A matrix that the clip does not name is guessed as players do, from the coded height: BT.709 from 720 `lines` on,
    BT.601 below. A range that it does not name is limited for Y'CbCr and full for RGB and gray.
    Raises `ClipError` for formats whose samples cannot be kept exactly, and for matrices that are not linear.
    """
    yuv = _PLANAR_YUV.fullmatch(pixel_format)
    full = tags.range == FULL
    if (yuv and yuv[3] in _SUBSAMPLINGS) or pixel_format in _SEMIPLANAR:
        if tags.matrix in REFUSED_MATRICES:
            raise ClipError.matrix_unsupported(path, REFUSED_MATRICES[tags.matrix])
        matrix = MATRICES.get(tags.matrix, "bt709" if lines >= 720 else "bt601")
        if yuv:
            return yuv_layout(int(yuv[4] or 8), *_SUBSAMPLINGS[yuv[3]], full or bool(yuv[2]), matrix, bool(yuv[1]))
        bits, digits = _SEMIPLANAR[pixel_format]
        return yuv_layout(bits, *_SUBSAMPLINGS[digits], full, matrix, False)
    if rgb := _PLANAR_RGB.fullmatch(pixel_format):
        return rgb_layout(int(rgb[2] or 8), bool(rgb[1]))
    if gray := _GRAY.fullmatch(pixel_format):
        bits = int(gray[1] or 8)
        name = "gray" if bits == 8 else f"gray{bits}le"
        return PixelLayout(name, "gray", bits, 0, 0, tags.range != LIMITED, "gray", False)
    if pixel_format in ("pal8", "ya8") or _PACKED_RGBA.fullmatch(pixel_format):
        return rgb_layout(16 if "64" in pixel_format else 8, alpha=True)
    if pixel_format in ("ya16le", "ya16be"):
        return rgb_layout(16, alpha=True)
    if _PACKED_RGB.fullmatch(pixel_format):
        return rgb_layout(16 if "48" in pixel_format else 8, alpha=False)
    raise ClipError.pixel_format_unsupported(path, pixel_format)


@lru_cache(maxsize=32)
def _rgb_from_codes(layout: PixelLayout) -> NDArray[np.float64]:
    """Affine map (3, 4) from code values (Y, Cb, Cr), or (R, G, B), to R'G'B'."""
    gain = 1 / (layout.white - layout.black)
    if layout.family != "yuv":
        return np.hstack([np.eye(3) * gain, np.full((3, 1), -layout.black * gain)])
    red, blue = LUMA_WEIGHTS[layout.matrix]
    green = 1 - red - blue
    cr, cb = 2 * (1 - red), 2 * (1 - blue)
    linear = np.array([[1, 0, cr], [1, -cb * blue / green, -cr * red / green], [1, cb, 0]])
    linear = linear @ np.diag([gain, 1 / layout.chroma_span, 1 / layout.chroma_span])
    offset = linear @ np.array([layout.black, layout.neutral, layout.neutral])
    return np.hstack([linear, -offset[:, None]])


@lru_cache(maxsize=32)
def _codes_from_rgb(layout: PixelLayout) -> NDArray[np.float64]:
    """Affine map (3, 4), the inverse of `_rgb_from_codes`; gray takes BT.709 luma, three times."""
    if layout.family == "gray":
        red, blue = LUMA_WEIGHTS["bt709"]
        row = np.array([red, 1 - red - blue, blue]) * (layout.white - layout.black)
        return np.tile(np.append(row, layout.black), (3, 1))
    forward = _rgb_from_codes(layout)
    inverse = np.linalg.inv(forward[:, :3])
    return np.hstack([inverse, -(inverse @ forward[:, 3:])])


_STRIP = 64
"""Rows converted at a time: what lies between stays in the processor's cache, which is three times faster."""


def to_rgb(planes: tuple[Plane, ...], layout: PixelLayout, box: Box) -> NDArray[np.float32]:
    """R'G'B' (box.height, box.width, 3) of the pixels in `box`. Not clipped."""
    rgb = np.empty((box.height, box.width, 3), np.float32)
    if not box.area:
        return rgb
    affine = _rgb_from_codes(layout).astype(np.float32)
    for top in range(box.y, box.bottom, _STRIP):
        strip = Box(box.x, top, box.width, min(_STRIP, box.bottom - top))
        codes = cv2.merge(_full_size(planes, layout, strip)).astype(np.float32)
        cv2.transform(codes, affine, dst=rgb[top - box.y : top - box.y + strip.height])
    return rgb


def from_rgb(rgb: NDArray[np.float32], layout: PixelLayout) -> NDArray[np.float32]:
    """Code values (height, width, 3) of R'G'B', in the planes' order, neither rounded nor clipped nor subsampled.

    For a gray layout all three channels hold the luma.
    """
    codes = np.empty(rgb.shape, np.float32)
    affine = _codes_from_rgb(layout).astype(np.float32)
    for top in range(0, rgb.shape[0], _STRIP):
        strip = np.ascontiguousarray(rgb[top : top + _STRIP])
        cv2.transform(strip, affine, dst=codes[top : top + _STRIP])
    return codes


def rounded(codes: NDArray[np.float32], layout: PixelLayout) -> Plane:
    """Code values as the layout's integers, rounded to the nearest, ties to even, and cut at its ends."""
    whole = np.clip(np.rint(codes), 0, layout.peak)
    return whole.astype(np.uint8) if layout.bits == 8 else whole.astype(np.uint16)


def subsample(codes: NDArray[np.float32], layout: PixelLayout) -> NDArray[np.float32]:
    """A full-size chroma plane (height, width) at the layout's chroma size: the mean of pixels that share a sample."""
    step_x, step_y = 1 << layout.log2_chroma_w, 1 << layout.log2_chroma_h
    if step_x == step_y == 1:
        return codes
    height, width = codes.shape
    below, beside = -height % step_y, -width % step_x
    if below or beside:
        codes = np.asarray(cv2.copyMakeBorder(codes, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.float32)
    size = (codes.shape[1] // step_x, codes.shape[0] // step_y)
    return np.asarray(cv2.resize(codes, size, interpolation=cv2.INTER_AREA), np.float32)


def planes_of(rgb: NDArray[np.float32], layout: PixelLayout) -> tuple[Plane, ...]:
    """The colour planes, without alpha, that hold R'G'B' (height, width, 3) in this layout."""
    codes = [np.ascontiguousarray(plane) for plane in np.moveaxis(from_rgb(rgb, layout), 2, 0)]
    if layout.family == "gray":
        return (rounded(codes[0], layout),)
    if layout.family == "rgb":
        return tuple(rounded(plane, layout) for plane in codes)
    luma, *chroma = codes
    return (rounded(luma, layout), *(rounded(subsample(plane, layout), layout) for plane in chroma))


def _full_size(planes: tuple[Plane, ...], layout: PixelLayout, box: Box) -> list[Plane]:
    """Three planes of the size of `box`: chroma replicated, gray three times."""
    first = planes[0][box.slices]
    if layout.family == "gray":
        return [first] * 3
    if layout.family == "rgb" or (layout.log2_chroma_w == 0 and layout.log2_chroma_h == 0):
        return [plane[box.slices] for plane in planes[:3]]
    return [first, *(replicated(plane, layout, box) for plane in planes[1:3])]


def replicated(chroma: Plane, layout: PixelLayout, box: Box) -> Plane:
    """The chroma samples of the luma pixels in `box`, at luma size."""
    shift_x, shift_y = layout.log2_chroma_w, layout.log2_chroma_h
    left, top = box.x >> shift_x, box.y >> shift_y
    right, bottom = ((box.right - 1) >> shift_x) + 1, ((box.bottom - 1) >> shift_y) + 1
    size = ((right - left) << shift_x, (bottom - top) << shift_y)
    grown: Any = cv2.resize(chroma[top:bottom, left:right], size, interpolation=cv2.INTER_NEAREST)
    x, y = box.x - (left << shift_x), box.y - (top << shift_y)
    inside: Plane = grown[y : y + box.height, x : x + box.width]
    return inside
