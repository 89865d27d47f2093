"""The engine as a child process: `python -m engine.worker`.

One JSON object a line. In, on stdin: {"id", "do", …arguments} asks for a command; {"id", "do": "cancel"} stops the
command of that id. Out, on stdout: {"id", "event"} while it works, then {"id", "done"} or {"id", "error": {code,
message, hint}}; {"heartbeat"} every second says that the process lives. Nothing else is printed on stdout. The end of
stdin means that the parent is gone: the command is cancelled and the process ends.

One command runs at a time, on the main thread; the rest of the work is a reader of stdin and a heart.
"""

import ctypes
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import Cancelled, EngineError, ResourceError, SettingsError, WeightsError
from engine.request import Event, OnEvent, Request

JsonObject = dict[str, Any]
Command = Callable[[JsonObject, OnEvent], JsonObject]
"""Takes the message's arguments and the callback; returns what stands in `done`. Raises EngineError."""

HEARTBEAT_SECONDS = 1.0
LAST_SECONDS = 5.0
"""How long a command may take to stop once the parent is gone."""


class Worker:
    """Runs commands that come in as lines, and tells how they go."""

    def __init__(self, commands: Mapping[str, Command], source: BinaryIO, sink: BinaryIO) -> None:
        self._commands, self._source, self._sink = commands, source, sink
        self._writing = threading.Lock()
        self._waiting: queue.SimpleQueue[JsonObject | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._orphaned = threading.Event()

    def serve(self) -> None:
        """Run commands until stdin ends."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self._beat, name="heart", daemon=True).start()
        while (message := self._waiting.get()) is not None:
            if not self._orphaned.is_set():
                self._run(message)

    def stop(self) -> None:
        """The parent is gone: stop the command, and the process in any case soon after."""
        if not self._orphaned.is_set():
            self._orphaned.set()
            self._waiting.put(None)
            last = threading.Timer(LAST_SECONDS, os._exit, (1,))
            last.daemon = True
            last.start()

    def _read(self) -> None:
        for line in self._source:
            try:
                message = json.loads(line)
            except ValueError:
                message = None
            if not isinstance(message, dict) or not isinstance(message.get("id"), str):
                print("engine.worker: a line on stdin is no command", file=sys.stderr)
            elif message.get("do") == "cancel":
                self._cancelled.add(message["id"])
            else:
                self._waiting.put(message)
        self.stop()

    def _beat(self) -> None:
        beats = 0
        while not self._orphaned.wait(HEARTBEAT_SECONDS):
            beats += 1
            self._write({"heartbeat": beats})

    def _run(self, message: JsonObject) -> None:
        id, do = message.pop("id"), message.pop("do", None)

        def on_event(event: Event) -> None:
            if self._orphaned.is_set() or id in self._cancelled:
                raise Cancelled.asked()
            self._write({"id": id, "event": event.model_dump(mode="json", exclude_none=True)})

        try:
            if id in self._cancelled:
                raise Cancelled.asked()
            command = self._commands.get(do) if isinstance(do, str) else None
            if command is None:
                raise SettingsError(
                    "engine.unknown_command", f"The engine has no command “{do}”.", "Update the engine."
                )
            self._write({"id": id, "done": command(message, on_event)})
        except EngineError as error:
            self._write({"id": id, "error": _fault(error)})
        except ValidationError as error:
            self._write({"id": id, "error": _fault(_invalid(error))})
        except MemoryError:
            self._write({"id": id, "error": _fault(ResourceError.memory_full())})
        except Exception:  # the process's boundary: a fault of ours is reported, and the next command runs
            ref = uuid4().hex[:12]
            print(f"engine.worker: internal fault {ref}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            self._write({"id": id, "error": {**_fault(_internal(ref)), "ref": ref}})
        finally:
            self._cancelled.discard(id)

    def _write(self, message: JsonObject) -> None:
        line = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            with self._writing:
                self._sink.write(line)
                self._sink.flush()
        except OSError:
            self.stop()


def _fault(error: EngineError) -> JsonObject:
    return {"code": error.code, "message": error.message, "hint": error.hint}


def _invalid(error: ValidationError) -> EngineError:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return SettingsError("request.invalid", f"{where}: {first['msg']}.", "See `videoshop propagate --help`.")


def _unknown(command: object) -> EngineError:
    return SettingsError("engine.unknown_command", f"The engine has no command “{command}”.", "Update the engine.")


def _internal(ref: str) -> EngineError:
    return EngineError(
        "internal",
        f"The engine failed in a way it does not know (ref {ref}).",
        "Please report it, with the lines of the log that have this ref.",
    )


# Commands. What needs arrays or media is imported where it is used: the process answers before they are loaded.


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Propagate(_Arguments):
    request: Request


class _Probe(_Arguments):
    clip: Path


class _Frame(_Arguments):
    clip: Path
    frame: int
    output: Path


class _Locate(_Arguments):
    clip: Path
    edited: Path


class _Compare(_Arguments):
    clip: Path
    flat: Path
    keyframe: int
    contact_sheet: Path
    side_by_side: Path


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


def _frame(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Write one frame as the PNG to edit: {"output", "frame", "width", "height", "bits"}."""
    asked = _Frame.model_validate(arguments)
    from engine.media.clip import Clip
    from engine.media.still import write_png

    with Clip.open(asked.clip) as clip:
        frame = clip.frame(asked.frame)
        bits = 16 if frame.layout.bits > 8 else 8
        on_event(Event(stage="write", done=0, total=1, frame=asked.frame))
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


def _weights_list(arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """The known models, and what is there of each: {"store", "models": […]}."""
    asked = _WeightsList.model_validate(arguments)
    _needs_videoshop()
    from engine.videoshop.catalogue import store
    from engine.videoshop.download import overview

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
    _needs_videoshop()
    from engine.videoshop.catalogue import named, store
    from engine.videoshop.download import remove

    model, root = named(asked.name), asked.to or store()
    return {"folder": str(root / model.name), "freed": remove(model, root)}


def _needs_videoshop() -> None:
    if find_spec("huggingface_hub") is None:
        raise SettingsError.method_unavailable("videoshop", ["flow"])


COMMANDS: Mapping[str, Command] = {
    "propagate": _propagate,
    "probe": _probe,
    "frame": _frame,
    "locate": _locate,
    "compare": _compare,
    "weights.list": _weights_list,
    "weights.download": _weights_download,
    "weights.verify": _weights_verify,
    "weights.remove": _weights_remove,
}


# The process


def main(commands: Mapping[str, Command] = COMMANDS) -> None:
    """Serve commands on stdin and stdout. Whatever else the process prints goes to stderr."""
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    worker = Worker(commands, sys.stdin.buffer, sink)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the parent, who asks to cancel
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    die_with_parent()
    worker.serve()
    os._exit(0)  # no command runs any more: do not wait for native threads that media libraries leave behind


def die_with_parent() -> None:
    """On Linux, be told (SIGTERM) when the parent dies, even if another process still holds our stdin open."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


if __name__ == "__main__":
    main()
