"""The edited frame or mask does not fit the clip."""

from pathlib import Path
from typing import Self

from engine.errors.base import EngineError
from engine.geometry import Size


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
    def frame_not_found(cls) -> Self:
        return cls(
            "edit.frame_not_found",
            "No frame of the clip looks like the edited image.",
            "Check that it is a frame of this clip, or say which one it is.",
        )

    @classmethod
    def frame_needed(cls) -> Self:
        return cls(
            "edit.frame_needed",
            "The edited image is a layer with transparency; which frame it was painted on cannot be seen from it.",
            "Give the frame's index, or export the whole picture.",
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

    @classmethod
    def mask_not_found(cls, frame: int) -> Self:
        return cls(
            "edit.mask_not_found",
            f"The edited image differs from the clip's frame {frame} by specks or noise only: the edit cannot be seen.",
            "Check that the painted layer is visible in the export, or give a mask that is white where the edit is.",
        )
