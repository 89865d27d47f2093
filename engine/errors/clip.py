"""The source cannot be read as frames."""

from pathlib import Path
from typing import Self

from engine.errors.base import EngineError


class ClipError(EngineError):
    """The source cannot be read as frames."""

    @classmethod
    def missing(cls, path: Path) -> Self:
        return cls(
            "clip.missing", f"There is no file {path.name}.", "Check the path: the clip may have been moved or renamed."
        )

    @classmethod
    def permission_denied(cls, path: Path) -> Self:
        return cls(
            "clip.permission_denied",
            f"{path.name} may not be read.",
            "Give your user the right to read it, or copy it.",
        )

    @classmethod
    def empty(cls, path: Path) -> Self:
        return cls(
            "clip.empty", f"{path.name} holds no bytes.", "Copy or export the clip again; this one did not finish."
        )

    @classmethod
    def no_images(cls, path: Path) -> Self:
        return cls(
            "clip.no_images",
            f"The folder {path.name} holds no numbered images.",
            "Name the frames with rising numbers, such as shot_0001.png, or give a video file.",
        )

    @classmethod
    def several_sequences(cls, path: Path, sequences: list[str]) -> Self:
        return cls(
            "clip.several_sequences",
            f"The folder {path.name} holds more than one sequence of images: {', '.join(sequences)}.",
            "Put the frames of one clip into a folder of their own.",
        )

    @classmethod
    def number_missing(cls, path: Path, number: int) -> Self:
        return cls(
            "clip.number_missing",
            f"The images in {path.name} skip number {number}.",
            "Render the missing frame, or number the images without gaps.",
        )

    @classmethod
    def truncated(cls, path: Path) -> Self:
        return cls(
            "clip.truncated",
            f"{path.name} ends before its last frame.",
            "Copy or export the clip again; this one did not finish.",
        )

    @classmethod
    def not_video(cls, path: Path) -> Self:
        return cls(
            "clip.not_video", f"{path.name} is not a video.", "Give a video file, or a folder of numbered images."
        )

    @classmethod
    def no_video_stream(cls, path: Path) -> Self:
        return cls(
            "clip.no_video_stream", f"{path.name} has no picture, only sound or data.", "Give a clip with a picture."
        )

    @classmethod
    def no_frames(cls, path: Path) -> Self:
        return cls("clip.no_frames", f"{path.name} has a video track without frames.", "Export the clip again.")

    @classmethod
    def single_frame(cls, path: Path) -> Self:
        return cls(
            "clip.single_frame",
            f"{path.name} is a still: it has one frame.",
            "An edit needs two frames or more to propagate; give the clip that the still was taken from.",
        )

    @classmethod
    def encrypted(cls, path: Path) -> Self:
        return cls("clip.encrypted", f"{path.name} is encrypted.", "Give a copy of the clip without copy protection.")

    @classmethod
    def codec_unknown(cls, path: Path, codec: str) -> Self:
        return cls(
            "clip.codec_unknown",
            f"The pictures in {path.name} are coded as “{codec}”, which cannot be decoded here.",
            "Convert the clip to ProRes, H.264 or FFV1.",
        )

    @classmethod
    def pixel_format_unsupported(cls, path: Path, pixel_format: str) -> Self:
        return cls(
            "clip.pixel_format_unsupported",
            f"The pixels of {path.name} are {pixel_format}, which cannot be kept exactly.",
            "Convert the clip to Y'CbCr or RGB with 8 to 16 bits, such as yuv422p10le.",
        )

    @classmethod
    def matrix_unsupported(cls, path: Path, matrix: str) -> Self:
        return cls(
            "clip.matrix_unsupported",
            f"The colour matrix of {path.name} is {matrix}, which cannot be kept exactly.",
            "Convert the clip to BT.601, BT.709 or BT.2020 with non-constant luminance.",
        )

    @classmethod
    def orientation_unsupported(cls, path: Path) -> Self:
        return cls(
            "clip.orientation_unsupported",
            f"{path.name} asks to be shown turned by an angle that is not a multiple of 90°.",
            "Export the clip upright.",
        )

    @classmethod
    def no_timestamps(cls, path: Path) -> Self:
        return cls(
            "clip.no_timestamps",
            f"The frames of {path.name} do not say when they are shown.",
            "Put the clip into an mp4, mov or mkv file; `ffmpeg -i CLIP -c copy OUT.mp4` does it without loss.",
        )

    @classmethod
    def size_changes(cls, path: Path, index: int) -> Self:
        return cls(
            "clip.size_changes",
            f"Frame {index} of {path.name} has another size or pixel format than the first.",
            "Cut the clip there, or convert it to one size.",
        )

    @classmethod
    def frame_damaged(cls, path: Path, index: int) -> Self:
        return cls(
            "clip.frame_damaged",
            f"Frame {index} of {path.name} cannot be decoded.",
            "Copy or export the clip again, or choose a range without this frame.",
        )

    @classmethod
    def out_of_range(cls, index: int, frames: int) -> Self:
        return cls(
            "clip.out_of_range",
            f"There is no frame {index}: the clip has frames 0 to {frames - 1}.",
            "Frames are counted from 0.",
        )
