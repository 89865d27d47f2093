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

    @classmethod
    def internal(cls, ref: str) -> Self:
        """A fault of ours; `ref` finds its lines in the log."""
        return cls(
            "internal",
            f"The engine failed in a way it does not know (ref {ref}).",
            "Please report it, with the lines of the log that have this ref.",
        )


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


class SettingsError(EngineError):
    """A setting, or what else was asked for, is unknown or out of range."""

    @classmethod
    def unknown_command(cls, name: object) -> Self:
        return cls("engine.unknown_command", f"The engine has no command “{name}”.", "Update the engine.")

    @classmethod
    def malformed(cls, where: str, why: str) -> Self:
        return cls("request.invalid", f"{where}: {why}.", "See `videoshop propagate --help`.")

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
    def range_outside(cls, start: int, stop: int, frames: int) -> Self:
        return cls(
            "settings.range_outside",
            f"The range {start}:{stop} is not a range of this clip's {frames} frames.",
            f"Give a range within 0:{frames} that holds a frame; its end is not included.",
        )

    @classmethod
    def method_unavailable(cls, method: str, available: Sequence[str]) -> Self:
        return cls(
            "settings.method_unavailable",
            f"The method {method} is not part of this installation.",
            f"Run `videoshop engine install`, or use one of: {', '.join(available)}.",
        )

    @classmethod
    def extra_missing(cls, package: str, extra: str) -> Self:
        return cls(
            "settings.extra_missing",
            f"{package} is not part of this installation.",
            f'Run `pip install "videoshop-bridge[{extra}]"` in the engine\'s environment.',
        )

    @classmethod
    def unknown_evaluation(cls, name: str, known: Sequence[str]) -> Self:
        return cls(
            "evaluate.unknown",
            f"There is nothing called {name} to evaluate.",
            f"{_perhaps(name, known)}The known ones are: {', '.join(known)}.",
        )

    @classmethod
    def not_alike(cls, one: str, other: str) -> Self:
        """`one` and `other` tell the frames and the size of two clips."""
        return cls(
            "compare.not_alike",
            f"The clips are not alike: {one}; {other}.",
            "Compare results of the same clip and range.",
        )

    @classmethod
    def no_result(cls, name: str) -> Self:
        return cls(
            "compare.no_result",
            f"There is no clip, no result and no method called {name}.",
            "Give a clip, the folder that `videoshop propagate --output` wrote, or a method: flow or videoshop.",
        )

    @classmethod
    def edit_needed(cls, method: str) -> Self:
        return cls(
            "compare.edit_needed",
            f"To compare the method {method} it has to be known what it is to carry.",
            "Give --clip and --edited, with --frame if it is not to be found.",
        )

    @classmethod
    def footage_needed(cls) -> Self:
        return cls(
            "settings.footage_needed",
            "The built-in set is made from clips that are not here.",
            "Give a dataset, or the folder of the demo's clips.",
        )

    @classmethod
    def dataset_missing(cls, folder: Path) -> Self:
        return cls(
            "dataset.missing",
            f"There is no folder {folder.name}.",
            "Give the folder that holds one folder for each case.",
        )

    @classmethod
    def dataset_empty(cls, folder: Path) -> Self:
        return cls(
            "dataset.empty",
            f"The folder {folder.name} holds no folder of a case.",
            "Each case is a folder of its own, with source.mp4 and edited.png.",
        )

    @classmethod
    def dataset_faulty(cls, folder: Path, faults: Sequence[str]) -> Self:
        """`faults` tell, one for each case, what is wrong in it."""
        return cls(
            "dataset.faulty",
            f"In {folder.name}, {len(faults)} {'case is' if len(faults) == 1 else 'cases are'} not as it should be: "
            f"{'; '.join(faults)}.",
            "A case is a folder with source.mp4, edited.png and, if you like, mask.png, truth.mp4, case.json.",
        )

    @classmethod
    def number_refused(cls, key: str, value: str, wanted: str) -> Self:
        return cls(
            "settings.value_refused",
            f"The setting {key} cannot be {value}.",
            f"It takes {wanted}.",
        )

    @classmethod
    def weights_unused(cls, method: str) -> Self:
        return cls(
            "settings.weights_unused",
            f"The method {method} works without weights, but a folder of weights was given.",
            "Leave the weights out, or choose the method that they are for.",
        )


class OutputError(EngineError):
    """The result cannot be written where it was asked for."""

    @classmethod
    def pixels_unsupported(cls, path: Path, pixel_format: str) -> Self:
        return cls(
            "output.pixels_unsupported",
            f"{path.name} cannot hold pixels of format {pixel_format} without loss.",
            "Ask for png instead.",
        )

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

    @classmethod
    def missing(cls, path: Path) -> Self:
        return cls(
            "weights.missing",
            f"There are no weights at {path.name}.",
            "Check the path, or see with `videoshop weights list` what is installed.",
        )

    @classmethod
    def not_installed(cls, name: str) -> Self:
        return cls(
            "weights.not_installed",
            f"The weights {name} are not installed.",
            f"Run `videoshop weights download {name}`.",
        )

    @classmethod
    def none_installed(cls, option: str) -> Self:
        """`option` is how the command that was run takes a folder of weights."""
        return cls(
            "weights.not_installed",
            "No model weights are installed.",
            f"Run `videoshop weights download svd`, or say with {option} where they are.",
        )

    @classmethod
    def unknown_name(cls, name: str, known: Sequence[str]) -> Self:
        return cls(
            "weights.unknown_name",
            f"No weights are called {name}.",
            f"{_perhaps(name, known)}The known ones are: {', '.join(known)}.",
        )

    @classmethod
    def incomplete(cls, path: Path) -> Self:
        return cls(
            "weights.incomplete",
            f"The weights in {path.name} have not arrived in full.",
            f"Run `videoshop weights download {path.name}` again: it goes on where it stopped.",
        )

    @classmethod
    def not_weights(cls, path: Path) -> Self:
        return cls(
            "weights.not_weights",
            f"{path.name} is not a model: no folder with a model_index.json, no .safetensors file.",
            "Give the folder that holds model_index.json, or a single-file checkpoint such as svd.safetensors.",
        )

    @classmethod
    def pickled(cls, path: Path) -> Self:
        return cls(
            "weights.pickled",
            f"{path.name} is a pickle, which can run any program when it is read.",
            "Give the weights as .safetensors; the models' pages offer them.",
        )

    @classmethod
    def wrong_model(cls, path: Path, found: str) -> Self:
        return cls(
            "weights.wrong_model",
            f"{path.name} is {found}, not Stable Video Diffusion.",
            "Give weights of stable-video-diffusion-img2vid, -xt or -xt-1-1.",
        )

    @classmethod
    def part_missing(cls, path: Path, part: str) -> Self:
        return cls(
            "weights.part_missing",
            f"{path.name} lacks {part}.",
            "Copy or download the model again, in full.",
        )

    @classmethod
    def truncated(cls, path: Path, size: int, expected: int) -> Self:
        return cls(
            "weights.truncated",
            f"{path.name} ends too early: it has {size:,} bytes of {expected:,}.",
            "Copy or download this file again; it did not finish.",
        )

    @classmethod
    def damaged(cls, path: Path, why: str) -> Self:
        return cls(
            "weights.damaged",
            f"{path.name} is damaged: {why}.",
            "Copy or download this file again.",
        )

    @classmethod
    def tensors_differ(cls, path: Path, what: str) -> Self:
        return cls(
            "weights.tensors_differ",
            f"The tensors in {path.name} are not those of its model: {what}.",
            "Give the config.json that belongs to these weights, or download the model again.",
        )

    @classmethod
    def precision_unsupported(cls, path: Path, dtype: str) -> Self:
        return cls(
            "weights.precision_unsupported",
            f"The tensors in {path.name} are stored as {dtype}.",
            "Give the weights in 16 or 32 bits (fp16, bf16 or fp32); quantised ones cannot be used.",
        )

    @classmethod
    def licence_needed(cls, name: str, terms: str) -> Self:
        return cls(
            "weights.licence_not_accepted",
            f"The licence of {name} has not been accepted.",
            f"Read it at {terms}; if you agree, run the command again with --accept-license.",
        )

    @classmethod
    def not_accepted(cls, repository: str, with_token: bool) -> Self:
        page = f"https://huggingface.co/{repository}"
        token = "check that the token given belongs to that account" if with_token else "give a token of that account"
        return cls(
            "weights.not_accepted",
            f"The hub does not hand out {repository} to you.",
            f"Accept its terms at {page} and {token}: --token or HF_TOKEN (from https://huggingface.co/settings/tokens).",
        )

    @classmethod
    def unknown_repository(cls, repository: str) -> Self:
        return cls(
            "weights.unknown_repository",
            f"The hub knows no {repository}.",
            "Check HF_ENDPOINT if you set it; else the model has moved: get its files elsewhere and use --from FOLDER.",
        )

    @classmethod
    def unreachable(cls, host: str, why: str) -> Self:
        return cls(
            "weights.unreachable",
            f"{host} cannot be reached: {why}.",
            "Check the network, HTTPS_PROXY and HF_ENDPOINT; or copy the files from elsewhere, with --from FOLDER.",
        )

    @classmethod
    def server_failed(cls, host: str, why: str) -> Self:
        return cls(
            "weights.server_failed",
            f"{host} does not serve the weights: {why}.",
            "Try again later; what has arrived is kept.",
        )

    @classmethod
    def download_failed(cls, file: str) -> Self:
        return cls(
            "weights.download_failed",
            f"The connection broke again and again while {file} was downloaded.",
            "Run the command again: it goes on where it stopped.",
        )

    @classmethod
    def corrupt(cls, file: str) -> Self:
        return cls(
            "weights.corrupt",
            f"{file} arrived twice with wrong bytes.",
            "Something between here and the hub changes them: try without a proxy, or another mirror (HF_ENDPOINT).",
        )

    @classmethod
    def in_use(cls, name: str) -> Self:
        return cls(
            "weights.in_use",
            f"The weights {name} are in use by another process.",
            "Wait for it to end, and try again.",
        )

    @classmethod
    def not_ours(cls, path: Path) -> Self:
        return cls(
            "weights.not_ours",
            f"{path.name} was not put there by `videoshop weights`, so it is not touched.",
            "Move or delete the folder yourself.",
        )

    @classmethod
    def not_finite(cls, stage: str, step: int) -> Self:
        return cls(
            "weights.not_finite",
            f"The model's numbers left their range in step {step + 1} of “{stage}”.",
            "Verify the weights with `videoshop weights verify`; if they are whole, try another seed, a lower guidance"
            " (`--set guidance_first=2 --set guidance_last=2`) or a lower `--set strength`.",
        )


class ResourceError(EngineError):
    """Memory or disk ran out."""

    @classmethod
    def memory_full(cls) -> Self:
        return cls(
            "resource.memory_full",
            "There is not enough memory for frames of this size.",
            "Close other programs, or choose fewer formats.",
        )

    @classmethod
    def device_busy(cls, device: str, needed: int, free: int) -> Self:
        """`needed` at the least and `free`, in bytes, of a device large enough were it not for other programs."""
        return cls(
            "resource.device_busy",
            f"Other programs leave {_megabytes(max(free, 0))} of memory on {device}; the model needs "
            f"{_megabytes(needed)} for frames of this size.",
            "Close programs that use much memory there, or use the method flow.",
        )

    @classmethod
    def device_full(cls, tried: str) -> Self:
        """`tried` tells the lightest plan, which ran out of memory too."""
        return cls(
            "resource.device_full",
            f"The model ran out of memory in its lightest form too ({tried}).",
            "Close other programs, give a shorter range, or use the method flow.",
        )

    @classmethod
    def memory_too_small(cls, needed: int, total: int) -> Self:
        """`needed` at the least and `total`, in bytes, of the machine's own memory."""
        return cls(
            "resource.memory_too_small",
            f"The model needs {_megabytes(needed)} of memory for frames of this size; this machine has "
            f"{_megabytes(total)}, and no graphics card with enough.",
            "Give a shorter range, or use the method flow, which needs little memory.",
        )

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

    @classmethod
    def no_room_for_weights(cls, folder: Path, needed: int | None = None, free: int | None = None) -> Self:
        """`needed` and `free` in bytes; None when the disk filled up while writing."""
        return cls(
            "resource.disk_full",
            cls.disk_full(folder, needed, free).message,
            "Free some space, or keep the weights on another disk: --to FOLDER, or VIDEOSHOP_WEIGHTS.",
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
