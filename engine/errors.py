"""Everything the engine refuses or fails at, in one tree."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from engine.geometry import Size


class EngineError(Exception):
    """Base of everything the engine refuses or fails at.

    `code` is stable and for programs, `message` says in one line what is wrong, `hint` in one line what to do.

    EngineError
    ├── ClipError          the source cannot be read as frames
    ├── EditError          the edited frame or mask does not fit the clip
    ├── SettingsError      a setting is unknown or out of range
    ├── OutputError        the result cannot be written where it was asked for
    ├── WeightsError       model files missing, truncated or of another model
    ├── ResourceError      memory or disk ran out
    └── Cancelled          asked to stop
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class ClipError(EngineError):
    """The source cannot be read as frames."""


class EditError(EngineError):
    """The edited frame or mask does not fit the clip."""

    @classmethod
    def missing(cls, path: Path) -> Self:
        return cls(
            "edit.missing",
            f"There is no image {path.name}.",
            "Check the path of the edited frame and of the mask.",
        )

    @classmethod
    def unreadable(cls, path: Path, why: str) -> Self:
        return cls(
            "edit.unreadable",
            f"{path.name} cannot be read as an image: {why}.",
            "Save it again as PNG or TIFF, RGB, 8 or 16 bits a channel.",
        )

    @classmethod
    def size_differs(cls, edited: Size, clip: Size) -> Self:
        return cls(
            "edit.size_differs",
            f"The edited frame is {edited} but the clip's frames are {clip}.",
            "Export the frame at the clip's size, or let `videoshop frame` write the frame to edit.",
        )

    @classmethod
    def aspect_differs(cls, edited: Size, clip: Size) -> Self:
        return cls(
            "edit.aspect_differs",
            f"The edited frame is {edited} but the clip's frames are {clip}: stretched, cropped or rotated?",
            "Undo the crop or rotation, turn pixel aspect correction off, or start from what `videoshop frame` writes.",
        )

    @classmethod
    def profile_differs(cls, profile: str, clip: str) -> Self:
        return cls(
            "edit.profile_differs",
            f"The edited frame is tagged with the colour profile {profile}; the clip is {clip}.",
            f"Convert the image to sRGB or to {clip}, or save it without a profile.",
        )

    @classmethod
    def frame_out_of_range(cls, frame: int, frames: int) -> Self:
        return cls(
            "edit.frame_out_of_range",
            f"Frame {frame} was edited but the clip has {frames} frames, 0 to {frames - 1}.",
            "Give the frame's index in the source clip, counted from 0, or leave it out to have it found.",
        )

    @classmethod
    def frame_outside_range(cls, frame: int, start: int, stop: int) -> Self:
        return cls(
            "edit.frame_outside_range",
            f"The edited frame {frame} lies outside the range {start}:{stop}.",
            "Widen the range until it holds every edited frame.",
        )

    @classmethod
    def frame_not_found(cls, path: Path) -> Self:
        return cls(
            "edit.frame_not_found",
            f"No frame of the clip looks like {path.name}.",
            "Check that it is a frame of this clip, or say which one it is.",
        )

    @classmethod
    def same_frame_twice(cls, frame: int) -> Self:
        return cls(
            "edit.same_frame_twice",
            f"Frame {frame} was given twice.",
            "Give one edited image for each frame.",
        )

    @classmethod
    def mask_empty(cls) -> Self:
        return cls(
            "edit.mask_empty",
            "The mask is empty: nothing in it is white.",
            "Paint white where the edit is, or leave the mask out to have it found.",
        )

    @classmethod
    def mask_full(cls) -> Self:
        return cls(
            "edit.mask_full",
            "The mask covers the whole frame, but only a part of the frame was painted.",
            "Mask the painted part only, or leave the mask out to have it found.",
        )

    @classmethod
    def mask_size_differs(cls, mask: Size, clip: Size) -> Self:
        return cls(
            "edit.mask_size_differs",
            f"The mask is {mask} but the clip's frames are {clip}.",
            "Export the mask at the clip's size.",
        )

    @classmethod
    def mask_with_alpha(cls, path: Path) -> Self:
        return cls(
            "edit.mask_with_alpha",
            f"{path.name} has transparency, and a mask was given too: which of them says where the edit is?",
            "Leave the mask out, or flatten the image before export.",
        )

    @classmethod
    def nothing_changed(cls, frame: int) -> Self:
        return cls(
            "edit.nothing_changed",
            f"The edited image equals the clip's frame {frame}: there is no edit to propagate.",
            "Check that the painted layer is visible in the export and that the frame's number is right.",
        )


class SettingsError(EngineError):
    """A setting is unknown or out of range."""

    @classmethod
    def unknown(cls, key: str, allowed: Sequence[str]) -> Self:
        return cls(
            "settings.unknown",
            f"There is no setting {key}.",
            f"{_perhaps(key, allowed)}The settings are: {', '.join(allowed)}.",
        )

    @classmethod
    def value_refused(cls, key: str, value: str, allowed: Sequence[str]) -> Self:
        return cls(
            "settings.value_refused",
            f"The setting {key} cannot be {value}.",
            f"{_perhaps(value, allowed)}It takes: {', '.join(allowed)}.",
        )

    @classmethod
    def range_empty(cls, start: int, stop: int, frames: int) -> Self:
        return cls(
            "settings.range_empty",
            f"The range {start}:{stop} holds no frame of this clip, which has {frames}.",
            f"Give a range within 0:{frames}; its end is not included.",
        )

    @classmethod
    def method_unavailable(cls, method: str, available: Sequence[str]) -> Self:
        return cls(
            "settings.method_unavailable",
            f"The method {method} is not part of this installation.",
            f"Use one of: {', '.join(available)}.",
        )


class OutputError(EngineError):
    """The result cannot be written where it was asked for."""

    @classmethod
    def not_writable(cls, path: Path) -> Self:
        return cls(
            "output.not_writable",
            f"The folder {path.name} cannot be written to.",
            "Choose another output folder, or allow writing to this one.",
        )

    @classmethod
    def not_a_folder(cls, path: Path) -> Self:
        return cls(
            "output.not_a_folder",
            f"{path.name} is a file, not a folder.",
            "Give a folder for the results; it is made when it does not exist.",
        )

    @classmethod
    def in_use(cls, path: Path) -> Self:
        return cls(
            "output.in_use",
            f"Another job is writing into the folder {path.name}.",
            "Wait for it to end, or choose another output folder.",
        )


class WeightsError(EngineError):
    """Model files are missing, truncated or of another model."""


class ResourceError(EngineError):
    """Memory or disk ran out."""

    @classmethod
    def disk_full(cls, path: Path, needed: int | None = None, free: int | None = None) -> Self:
        """`needed` and `free` in bytes; None when the disk filled up while writing."""
        room = f": about {_megabytes(needed)} are needed" if needed is not None else ""
        left = f" and {_megabytes(free)} are free" if free is not None else ""
        return cls(
            "resource.disk_full",
            f"There is not enough room on the disk of {path.name}{room}{left}.",
            "Free some space, choose fewer formats or a shorter range, or another output folder.",
        )


class Cancelled(EngineError):  # noqa: N818 (nothing went wrong)
    """The person asked to stop; raised out of the progress callback."""

    @classmethod
    def asked(cls) -> Self:
        return cls("cancelled", "The job was cancelled.", "Start it again when you like; nothing was changed.")


def _perhaps(given: str, allowed: Sequence[str]) -> str:
    close = get_close_matches(given, allowed, n=1)
    return f"Did you mean {close[0]}? " if close else ""


def _megabytes(size: int) -> str:
    return f"{max(size / 1e6, 0.1):,.1f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"
