"""A source and its result, to be looked at together: a contact sheet and a clip side by side."""

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import ClipError
from engine.geometry import Size
from engine.media.clip import Clip, Frame
from engine.media.color import Plane
from engine.media.flat import ConstantRateFlat
from engine.media.safe import replace as replacing
from engine.media.still import write_png
from engine.request import Event, OnEvent

Picture = NDArray[np.float32]

COLUMNS = 5
COLUMN_WIDTH = 384
_GAP, _LINE = 8, 26
_PAPER, _INK, _MARK = 28, (216, 216, 216), (255, 158, 38)


def contact_sheet(clip: Path, flat: Path, keyframe: int, output: Path, on_event: OnEvent) -> None:
    """Write a PNG: source frames above, the same frames of the result below; the edited frame's number is coloured.

    `flat` must begin with the clip's first frame. Raises ClipError, OutputError, ResourceError.
    """
    with Clip.open(clip) as source, Clip.open(flat) as result:
        frames = min(source.info.frames, result.info.frames)
        chosen = shown(frames, keyframe)
        columns: list[Picture] = []
        for done, index in enumerate(chosen, start=1):
            pictures = [_small(clip.frame(index)) for clip in (source, result)]
            columns.append(_column(index, pictures, edited=index == keyframe))
            on_event(Event(stage="write", done=done, total=len(chosen), frame=index))
    gap = np.full((columns[0].shape[0], _GAP, 3), _PAPER / 255, np.float32)
    sheet = np.hstack([part for column in columns for part in (gap, column)] + [gap])
    write_png(output, np.ascontiguousarray(sheet), bits=8)


def shown(frames: int, keyframe: int, columns: int = COLUMNS) -> tuple[int, ...]:
    """Frames spread evenly over a clip, the first, the last and the keyframe among them."""
    even = [round(index) for index in np.linspace(0, frames - 1, min(columns, frames))]
    if keyframe < frames and keyframe not in even:
        inner = even[1:-1] or even
        even[even.index(min(inner, key=lambda index: abs(index - keyframe)))] = keyframe
    return tuple(sorted(set(even)))


def side_by_side(clip: Path, flat: Path, output: Path, on_event: OnEvent) -> None:
    """Write an H.264 mp4 with the source on the left and the result on the right, as long as the shorter of the two.

    Raises ClipError when the two have other sizes, OutputError, ResourceError.
    """
    with Clip.open(clip) as source, Clip.open(flat) as result:
        if source.info.size != result.info.size or source.info.layout.name != result.info.layout.name:
            raise ClipError("clip.not_alike", "The two clips differ in size or pixels.", "Compare a clip and its flat.")
        frames = min(source.info.frames, result.info.frames)
        size = Size(2 * source.info.size.width, source.info.size.height)
        info = replace(source.info, size=size)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".compare.") as folder:
            path = Path(folder) / output.name
            with ConstantRateFlat(path, info, 0, frames) as writer:
                pairs = zip(source.frames(0, frames), result.frames(0, frames), strict=True)
                for index, (left, right) in enumerate(pairs):
                    planes = tuple(_beside(*pair) for pair in zip(left.planes, right.planes, strict=True))
                    writer.write(replace(left, planes=planes))
                    on_event(Event(stage="write", done=index + 1, total=frames, frame=index))
            with replacing(output) as temporary:
                path.replace(temporary)


def _beside(left: Plane, right: Plane) -> Plane:
    both = np.empty((left.shape[0], 2 * left.shape[1]), left.dtype)
    both[:, : left.shape[1]], both[:, left.shape[1] :] = left, right
    return both


def _small(frame: Frame) -> Picture:
    height = round(frame.size.height * COLUMN_WIDTH / frame.size.width)
    picture = cv2.resize(np.clip(frame.rgb(), 0, 1), (COLUMN_WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.float32)


def _column(index: int, pictures: list[Picture], *, edited: bool) -> Picture:
    label = np.full((_LINE, COLUMN_WIDTH, 3), _PAPER, np.uint8)
    text = f"frame {index}, edited" if edited else f"frame {index}"
    colour = _MARK if edited else _INK
    cv2.putText(label, text, (2, _LINE - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    gap = np.full((_GAP, COLUMN_WIDTH, 3), _PAPER / 255, np.float32)
    return np.vstack([label / np.float32(255), *(part for picture in pictures for part in (picture, gap))])
