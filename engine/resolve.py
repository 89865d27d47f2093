"""From files to an edit: edited images and masks are read, and refused when they do not fit the clip."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.difference import painted_mask
from engine.edit import Edit, Keyframe
from engine.errors import EditError, SettingsError
from engine.geometry import Size
from engine.locate import locate
from engine.media.clip import Clip, Frame
from engine.media.still import Still, read_mask, read_still
from engine.profile import accepted, clip_profile, named, profile_name
from engine.request import FrameRange, KeyframeFiles, OnEvent, Request

Image = NDArray[np.float32]

_FAINTEST = 1 / 512
_ROUNDING = 1.5 / 255
"""Differences up to this are an 8-bit export's rounding."""
_SURE = 0.5
_FADED = 0.6
"""A change this much smaller, or more, where the mask is faint than where it is strong has faded with the mask."""


def resolve(request: Request, clip: Clip, on_event: OnEvent) -> Edit:
    """Read the edited images and masks of `request` and check that they fit `clip`.

    A mask comes from the mask file, else from the image's transparency (then the image is the painted layer alone),
    else from the difference to the clip's frame. Raises EditError, each fault with its own code, and SettingsError for
    a range that is not the clip's.
    """
    start, stop = bounds(request.range, clip.info.frames)
    edited: dict[int, tuple[Keyframe, Frame]] = {}
    warnings: list[str] = []
    for files in request.keyframes:
        still = _read(files.edited, clip)
        index, warning = _index(files, still, clip, on_event)
        warnings += _of_profile(still, clip)
        if not start <= index < stop:
            raise EditError.frame_outside_range(index, start, stop)
        if index in edited:
            raise EditError.same_frame_twice(index)
        source = clip.frame(index)
        mask = _read_mask(files.mask, clip.info.size)
        edited[index] = keyframe(index, still, mask, np.clip(source.rgb(), 0, 1)), source
        warnings += warning
    keyframes, sources = zip(*(edited[index] for index in sorted(edited)), strict=True)
    return Edit(keyframes, sources, tuple(warnings))


def bounds(asked: FrameRange, frames: int) -> tuple[int, int]:
    """The range's frames [start, stop) in a clip of `frames`. Raises SettingsError.range_outside."""
    stop = frames if asked.stop is None else asked.stop
    if not asked.start < stop <= frames:
        raise SettingsError.range_outside(asked.start, stop, frames)
    return asked.start, stop


def keyframe(index: int, still: Still, mask: Image | None, source: Image) -> Keyframe:
    """The edit of frame `index`: `still` painted over `source` (height, width, 3), where `mask` says or else shows.

    A given mask of the whole frame is refused unless the paint does cover the frame: it would carry the source's own
    pixels along as if they had been painted. Raises EditError.
    """
    if still.alpha is not None and mask is None:
        if still.alpha.max() < _FAINTEST:
            raise EditError.nothing_changed(index)
        mask = still.alpha
    elif mask is None:
        mask = painted_mask(still.rgb, source)
        if mask.max() < _FAINTEST:
            everywhere = np.ones_like(mask)
            changed = _changed(still.rgb, source, everywhere)
            raise EditError.mask_not_found(index) if changed else EditError.nothing_changed(index)
    else:
        if mask.max() < _FAINTEST:
            raise EditError.mask_empty()
        if mask.min() > _SURE and np.mean(painted_mask(still.rgb, source) > _SURE) < 0.9:
            raise EditError.mask_full() if _changed(still.rgb, source, mask) else EditError.nothing_changed(index)
    if not _changed(still.rgb, source, mask):
        raise EditError.nothing_changed(index)
    mask = np.where(mask < _FAINTEST, np.float32(0), mask)
    paint = still.rgb if still.alpha is not None else straightened(still.rgb, source, mask)
    rgb = np.where(mask[..., None] > 0, paint, source)
    return Keyframe(index, np.ascontiguousarray(rgb, np.float32), np.ascontiguousarray(mask, np.float32))


def straightened(edited: Image, source: Image, mask: Image) -> Image:
    """The paint's own colours (height, width, 3), such that laying them over `source` by `mask` gives `edited`.

    A soft mask is mostly the one that the paint was laid on with: then the edited image already holds the mix, and
    mixing it once more would thin its edges. That shows in a change that fades with the mask. Where it does not fade,
    the mask only limits a larger change, and the edited image is the paint itself.
    """
    change = np.abs(edited - source).max(axis=2)
    faint, strong = (mask > 0.05) & (mask < 0.35), mask > 0.65
    if not faint.any() or not strong.any() or change[faint].mean() > _FADED * change[strong].mean():
        return edited
    return np.clip(source + (edited - source) / np.maximum(mask, np.float32(0.02))[..., None], 0, 1)


def _changed(edited: Image, source: Image, mask: Image) -> bool:
    difference = cv2.absdiff(edited, source).max(axis=2) * mask
    return bool(difference.max() > _ROUNDING)


def _read(path: Path, clip: Clip) -> Still:
    still = read_still(path)
    edited, wanted = Size(still.rgb.shape[1], still.rgb.shape[0]), clip.info.size
    if edited != wanted:
        shapes = edited.width / edited.height, wanted.width / wanted.height
        same_shape = abs(shapes[0] / shapes[1] - 1) < 0.01
        raise EditError.size_differs(edited, wanted) if same_shape else EditError.aspect_differs(edited, wanted)
    primaries = clip.info.tags.primaries
    if still.icc is not None and not accepted(still.icc, primaries):
        raise EditError.profile_differs(profile_name(still.icc), clip_profile(primaries))
    if still.profile is not None and named(still.profile, primaries) == "differs":
        raise EditError.profile_differs(still.profile, clip_profile(primaries))
    opaque = still.alpha is None or still.alpha.min() > 1 - _FAINTEST
    return replace(still, alpha=None) if opaque else still


def _of_profile(still: Still, clip: Clip) -> list[str]:
    """What to say of a colour profile that is known by a name that says nothing."""
    if still.profile is None or named(still.profile, clip.info.tags.primaries) != "unknown":
        return []
    return [f"The edited frame has the colour profile {still.profile}; its values were taken as the clip's own."]


def _read_mask(path: Path | None, wanted: Size) -> Image | None:
    if path is None:
        return None
    mask = read_mask(path)
    size = Size(mask.shape[1], mask.shape[0])
    if size != wanted:
        raise EditError.mask_size_differs(size, wanted)
    return mask


def _index(files: KeyframeFiles, still: Still, clip: Clip, on_event: OnEvent) -> tuple[int, list[str]]:
    """The edited frame's index, given or found, and what to say about it."""
    if still.alpha is not None and files.mask is not None:
        raise EditError.mask_with_alpha(files.edited)
    if files.frame is not None:
        if files.frame >= clip.info.frames:
            raise EditError.frame_out_of_range(files.frame, clip.info.frames)
        return files.frame, []
    if still.alpha is not None:
        raise EditError.frame_needed()
    located = locate(clip, still, on_event)
    if located.confidence >= 0.2:
        return located.index, []
    unsure = f"The edited frame looks like frame {located.index}, but others look nearly the same; give its index."
    return located.index, [unsure]
