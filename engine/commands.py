"""What can be asked of the engine process, by name.

What needs arrays or media is imported where it is used: the process answers before they are loaded.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from engine.about import PARTS, Part, about
from engine.errors import SettingsError, WeightsError
from engine.request import Event, OnEvent, Request

JsonObject = dict[str, Any]
Command = Callable[[JsonObject, OnEvent], JsonObject]
"""Takes the message's arguments and the callback; returns what stands in `done`. Raises EngineError."""


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _About(_Arguments):
    parts: tuple[Part, ...] = tuple(PARTS)


class _Propagate(_Arguments):
    request: Request


class _Probe(_Arguments):
    clip: Path


class _Estimate(_Arguments):
    request: Request


class _Frame(_Arguments):
    clip: Path
    frame: int
    output: Path
    small: bool = False


class _Locate(_Arguments):
    clip: Path
    edited: Path


class _Compare(_Arguments):
    clip: Path
    flat: Path
    keyframe: int
    contact_sheet: Path
    side_by_side: Path


def _about(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """What this engine is, or the asked `parts` of that: see `engine.about`."""
    return about(_About.model_validate(arguments).parts)


def _propagate(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    request = _Propagate.model_validate(arguments).request
    from engine.propagate import propagate

    report: JsonObject = propagate(request, on_event).model_dump(mode="json")
    return report


def _probe(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """What a clip is: a JSON object with the members of PROTOCOL.md's `clip.info`."""
    path = _Probe.model_validate(arguments).clip
    from engine.media.clip import Clip

    with Clip.open(path) as clip:
        info = clip.info
        return {
            "frames": info.frames,
            "fps": str(info.fps),
            "width": info.size.width,
            "height": info.size.height,
            "duration": float(info.duration),
            "codec": info.codec,
            "pixel_format": info.pixel_format,
            "bits": info.layout.bits,
            "constant_rate": info.constant_rate,
            "interlaced": info.interlaced,
            "has_audio": info.has_audio,
            "timecode": info.timecode,
        }


def _estimate(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """What a request would take: {"frames", "seconds", "memory", "windows", "start", "stop", "keyframes"}."""
    request = _Estimate.model_validate(arguments).request
    from engine.propagate import estimate

    steps, edit = estimate(request, on_event)
    expected = steps.estimate
    return {
        "frames": expected.frames,
        "seconds": float(expected.seconds),
        "memory": int(expected.memory),
        "windows": len(steps.windows),
        "start": steps.start,
        "stop": steps.stop,
        "keyframes": [keyframe.index for keyframe in edit.keyframes],
    }


def _frame(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Write one frame as the PNG to edit, or a small JPEG of it to look at: {"output", "frame", "width", "height",
    "bits"} of the frame."""
    asked = _Frame.model_validate(arguments)
    from engine.media.clip import Clip
    from engine.media.still import write_jpeg, write_png
    from engine.preview import small

    with Clip.open(asked.clip) as clip:
        frame = clip.frame(asked.frame)
        bits = 16 if frame.layout.bits > 8 else 8
        on_event(Event(stage="write", done=0, total=1, frame=asked.frame))
        if asked.small:
            write_jpeg(asked.output, small(frame).rgb())
        else:
            write_png(asked.output, frame.rgb(), bits=bits)
        size = clip.info.size
    return {
        "output": str(asked.output),
        "frame": asked.frame,
        "width": size.width,
        "height": size.height,
        "bits": bits,
    }


def _locate(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Which frame is an edit of: {"frame", "confidence"}."""
    asked = _Locate.model_validate(arguments)
    from engine.locate import locate
    from engine.media.clip import Clip
    from engine.media.still import read_still

    with Clip.open(asked.clip) as clip:
        located = locate(clip, read_still(asked.edited), on_event)
    return {"frame": int(located.index), "confidence": float(located.confidence)}


def _compare(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Draw a source and its result side by side: a contact sheet and a clip."""
    asked = _Compare.model_validate(arguments)
    from engine.contact_sheet import contact_sheet, side_by_side

    contact_sheet(asked.clip, asked.flat, asked.keyframe, asked.contact_sheet, on_event)
    side_by_side(asked.clip, asked.flat, asked.side_by_side, on_event)
    return {"contact_sheet": str(asked.contact_sheet), "side_by_side": str(asked.side_by_side)}


class _Evaluate(_Arguments):
    what: str
    options: dict[str, Any]
    output: Path


def _evaluate(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Measure something and write the report of it: {"page"}, the path of what a person reads."""
    asked = _Evaluate.model_validate(arguments)
    from engine.evaluate.perform import perform

    return {"page": str(perform(asked.what, asked.options, asked.output, on_event))}


class _WeightsList(_Arguments):
    to: Path | None = None


class _WeightsDownload(_Arguments):
    name: str
    to: Path | None = None
    origin: Path | None = None
    token: str | None = None
    accepted: bool = False
    full: bool = False


class _WeightsVerify(_Arguments):
    which: str


class _WeightsRemove(_Arguments):
    name: str
    to: Path | None = None


class _WeightsTakeAlong(_Arguments):
    to: Path


def _weights_list(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """The known models, and what is there of each: {"store", "models": […]}."""
    asked = _WeightsList.model_validate(arguments)
    from engine.videoshop.catalogue import store
    from engine.videoshop.stock import overview

    root = asked.to or store()
    return {"store": str(root), "models": overview(root)}


def _weights_download(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Bring a known model from the hub, or copy it from the folder `origin`: {"folder", "size", "commit"}.

    Refused unless its licence was `accepted`.
    """
    asked = _WeightsDownload.model_validate(arguments)
    _needs_videoshop()
    from engine.videoshop.catalogue import named, store
    from engine.videoshop.download import bring, download

    model, root = named(asked.name), asked.to or store()
    if asked.origin is not None:
        contents = bring(model, root, asked.origin, on_event, accepted=asked.accepted)
    else:
        precision: Literal["full", "half"] = "full" if asked.full else "half"
        contents = download(model, root, on_event, accepted=asked.accepted, token=asked.token, precision=precision)
    return {"folder": str(root / model.name), "size": contents.size, "commit": contents.commit}


def _weights_verify(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Read the files of a known model, or at a path: {"folder", "frames", "faults": {file: fault}}."""
    asked = _WeightsVerify.model_validate(arguments)
    _needs_videoshop()
    from engine.videoshop.catalogue import MODELS, named, store
    from engine.videoshop.download import faults
    from engine.videoshop.weights import inspect

    path = Path(asked.which)
    if not path.exists() and (path.name in MODELS or not path.is_absolute()):
        name = named(path.name).name
        path = store() / name
        if not path.is_dir():
            raise WeightsError.not_installed(name)
    found = faults(path, on_event)
    frames = None if found else inspect(path).frames
    return {"folder": str(path), "frames": frames, "faults": found}


def _weights_remove(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Delete a known model from the store: {"folder", "freed"}."""
    asked = _WeightsRemove.model_validate(arguments)
    from engine.videoshop.catalogue import named, store
    from engine.videoshop.stock import remove

    model, root = named(asked.name), asked.to or store()
    return {"folder": str(root / model.name), "freed": remove(model, root)}


def _weights_take_along(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Have all models that are in the store in the folder `to` as well: {"store", "models": [names]}."""
    asked = _WeightsTakeAlong.model_validate(arguments)
    from engine.videoshop.catalogue import store
    from engine.videoshop.stock import take_along

    return {"store": str(store()), "models": take_along(store(), asked.to, on_event)}


def _needs_videoshop() -> None:
    if find_spec("huggingface_hub") is None:
        raise SettingsError.method_unavailable("videoshop", ["flow"])


COMMANDS: Mapping[str, Command] = {
    "about": _about,
    "propagate": _propagate,
    "probe": _probe,
    "estimate": _estimate,
    "frame": _frame,
    "locate": _locate,
    "compare": _compare,
    "evaluate": _evaluate,
    "weights.list": _weights_list,
    "weights.download": _weights_download,
    "weights.verify": _weights_verify,
    "weights.remove": _weights_remove,
    "weights.take_along": _weights_take_along,
}
