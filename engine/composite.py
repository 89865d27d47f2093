"""Painted pixels over the source: in the clip's own planes, and outside the matte the source, bit for bit.

Blending is done in the clip's encoded, display-referred code values and not in linear light: that is how editors blend
the layer over the clip, and the layer over the source must look like the flat clip. Conversion from R'G'B' to code
values is affine, so a blend of code values is the same blend of R'G'B'.
"""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Keyframe
from engine.geometry import Box, Size
from engine.media.clip import Frame
from engine.media.color import PixelLayout, from_rgb, rounded, subsample
from engine.method import Painted

Image = NDArray[np.float32]
Plane = NDArray[Any]

FAINTEST = 1 / 512
"""A matte below half a code value of an 8-bit alpha is no paint."""


def keyframe_painted(keyframe: Keyframe) -> Painted:
    """The artist's own pixels, in the box of the mask's support."""
    size = Size(keyframe.mask.shape[1], keyframe.mask.shape[0])
    return trimmed(Painted(keyframe.index, Box.full(size), keyframe.rgb, keyframe.mask, confident_fraction=1.0))


def trimmed(painted: Painted) -> Painted:
    """`painted` with its matte clamped to [0, 1], faintest values 0, and its box drawn tight around what is left."""
    matte = np.minimum(painted.matte, np.float32(1))
    support = (matte >= FAINTEST).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(support) if painted.box.area else (0, 0, 0, 0)
    rows, columns = slice(y, y + height), slice(x, x + width)
    matte = np.where(support[rows, columns] > 0, matte[rows, columns], np.float32(0))
    box = Box(painted.box.x + x, painted.box.y + y, width, height)
    return replace(painted, box=box, rgb=painted.rgb[rows, columns], matte=matte)


def flatten(frame: Frame, painted: Painted) -> Frame:
    """`frame` with `painted` laid over it, as native planes.

    A plane's sample changes only if the matte is above 0 in its footprint (the pixels that a subsampled chroma sample
    stands for). Chroma is the mean of its footprint, weighted by the matte. The cost follows the box.
    """
    painted = trimmed(painted)
    if painted.box.area == 0:
        return frame
    layout, box, matte = frame.layout, painted.box, painted.matte
    codes = from_rgb(np.ascontiguousarray(painted.rgb), layout)
    planes = list(frame.planes)
    if layout.alpha:
        planes[-1], matte = _over_alpha(frame.planes[-1], box, matte, layout)
    premultiplied = codes * matte[..., None]
    for number in range(layout.color_planes):
        channel = np.ascontiguousarray(premultiplied[..., number])
        planes[number] = _blended(planes[number], channel, matte, box, number, frame.size, layout)
    return replace(frame, planes=tuple(planes))


def outside_difference(source: Frame, flat: Frame, painted: Painted) -> int:
    """The largest difference of code values between `source` and `flat` outside the matte's footprint."""
    painted = trimmed(painted)
    worst = 0.0
    for number, (before, after) in enumerate(zip(source.planes, flat.planes, strict=True)):
        if before is after:
            continue
        untouched = np.ones(before.shape, np.uint8)
        matte, rows, columns = _on_plane(painted.matte, painted.box, number, source.size, source.layout)
        untouched[rows, columns] = matte <= 0
        worst = max(worst, cv2.norm(before, after, cv2.NORM_INF, untouched))
    return int(worst)


def fuse(before: Painted, after: Painted, weight_before: float) -> Painted:
    """One frame painted from the keyframe before it and from the one after it, in the union of both boxes.

    Mattes are mixed by weight, pixels by weight and matte, so that pixels which one side did not paint do not bleed in.
    """
    if after.box.area == 0 or before.box.area == 0:
        weight_before, alone = (1.0, before) if after.box.area == 0 else (0.0, after)
        fused = replace(alone)
    else:
        box = before.box.union(after.box)
        matte = np.zeros((box.height, box.width), np.float32)
        rgb = np.zeros((box.height, box.width, 3), np.float32)
        for painted, weight in ((before, weight_before), (after, 1 - weight_before)):
            x, y = painted.box.x - box.x, painted.box.y - box.y
            place = slice(y, y + painted.box.height), slice(x, x + painted.box.width)
            share = painted.matte * np.float32(weight)
            matte[place] += share
            rgb[place] += painted.rgb * share[..., None]
        rgb /= np.maximum(matte, np.float32(1e-12))[..., None]
        fused = replace(before, box=box, rgb=rgb, matte=matte)
    confident = weight_before * before.confident_fraction + (1 - weight_before) * after.confident_fraction
    return replace(fused, confident_fraction=confident, warnings=(*before.warnings, *after.warnings))


def _blended(
    plane: Plane, premultiplied: Image, matte: Image, box: Box, number: int, size: Size, layout: PixelLayout
) -> Plane:
    """A copy of `plane` (the layout's `number`) with the premultiplied code values of `box` laid over it."""
    paint, rows, columns = _on_plane(premultiplied, box, number, size, layout)
    opacity, _, _ = _on_plane(matte, box, number, size, layout)
    result = plane.copy()
    place = result[rows, columns]
    mixed = place + (paint - opacity * place)
    np.copyto(place, rounded(mixed, layout), where=opacity > 0)
    return result


def _over_alpha(plane: Plane, box: Box, matte: Image, layout: PixelLayout) -> tuple[Plane, Image]:
    """The source's alpha plane under paint of opacity `matte`, and the paint's share of the resulting colour."""
    result = plane.copy()
    place = result[box.slices]
    alpha = place.astype(np.float32) / np.float32(layout.peak)
    opacity = alpha + matte * (1 - alpha)
    np.copyto(place, rounded(opacity * np.float32(layout.peak), layout), where=matte > 0)
    return result, matte / np.maximum(opacity, np.float32(1e-12))


def _on_plane(values: Image, box: Box, number: int, size: Size, layout: PixelLayout) -> tuple[Image, slice, slice]:
    """`values` of `box` averaged over each footprint of plane `number`, and the rows and columns of that plane.

    Pixels of a footprint that lie outside the box count as 0; outside the frame they do not count.
    """
    if layout.family != "yuv" or number not in (1, 2) or not (layout.log2_chroma_w or layout.log2_chroma_h):
        return values, *box.slices
    wide, high = 1 << layout.log2_chroma_w, 1 << layout.log2_chroma_h
    left, top = box.x % wide, box.y % high
    right = min(box.right + -box.right % wide, size.width) - box.right
    bottom = min(box.bottom + -box.bottom % high, size.height) - box.bottom
    padded = cv2.copyMakeBorder(values, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    mean = subsample(np.asarray(padded, np.float32), layout)
    x, y = box.x // wide, box.y // high
    return mean, slice(y, y + mean.shape[0]), slice(x, x + mean.shape[1])
