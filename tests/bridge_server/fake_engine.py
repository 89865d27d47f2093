"""An engine that plays a part instead of propagating: `python -m tests.bridge_server.fake_engine`.

It runs in the real loop of `engine.worker`. The request's `settings` choose the part: `act`, and how often (`steps`)
and how slowly (`pause`, seconds) it is played.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from engine.errors import EditError
from engine.request import Event, OnEvent, Request, Stage
from engine.staging import REPORT, Staging
from engine.worker import main, memory_asked

JPEG = b"\xff\xd8\xff fake picture of frame %d \xff\xd9"


def propagate(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    request = Request.model_validate(arguments["request"])
    act, steps = request.settings.get("act", "work"), int(request.settings.get("steps", "3"))
    on_event(Event(stage="probe", done=0, total=1))
    match act:
        case "crash":
            (request.output / "half.mp4").write_bytes(b"half")
            print("about to fall", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        case "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "deaf":
            time.sleep(60)
        case "refuse":
            raise EditError("edit.size_differs", "The edited frame is 2×2 but the clip's frames are 4×4.", "Export it.")
        case "fault":
            raise KeyError("a fault of ours")
        case "chatter":
            print("this must not reach stdout")
            os.write(1, b"nor this\n")
        case "stages":
            return stages(request, on_event)
        case "publish":
            return publish(request, on_event)
    preview = request.output / "preview.jpg"
    for step in range(steps):
        preview.write_bytes(JPEG % step)
        on_event(Event(stage="propagate", done=step + 1, total=steps, frame=step, preview=preview))
        time.sleep(float(request.settings.get("pause", "0")))
    preview.unlink(missing_ok=True)
    for name in ("flat.mp4", "layer.mov"):
        (request.output / name).write_bytes(request.clip.read_bytes())
    for index, key in enumerate(request.keyframes):
        (request.output / f"edited_{index}{key.edited.suffix}").write_bytes(key.edited.read_bytes())
    (request.output / "report.json").write_text(request.model_dump_json())
    return {"settings": request.settings}


def stages(request: Request, on_event: OnEvent) -> dict[str, Any]:
    """Change the stage `steps` times; each event's message begins with its time.monotonic_ns(), and has `length`."""
    names: tuple[Stage, ...] = ("decode", "propagate", "write")
    length = int(request.settings.get("length", "0"))
    for step in range(int(request.settings["steps"])):
        message = str(time.monotonic_ns()).ljust(length, ".")
        on_event(Event(stage=names[step % len(names)], done=0, total=2, message=message))
        time.sleep(float(request.settings["pause"]))
    (request.output / "flat.mp4").write_bytes(request.clip.read_bytes())
    return {}


def publish(request: Request, on_event: OnEvent) -> dict[str, Any]:
    """Write the clip's bytes slowly, twice, where the real engine writes, and show them as it does: the report last."""
    steps, data = int(request.settings["steps"]), request.clip.read_bytes()
    slices = [data[len(data) * step // steps : len(data) * (step + 1) // steps] for step in range(steps)]
    with Staging(request.output) as staging:
        with (staging.folder / "flat.mp4").open("wb") as flat, (staging.folder / "layer.mov").open("wb") as layer:
            for step, piece in enumerate(slices):
                for file in (flat, layer):
                    file.write(piece)
                    file.flush()
                on_event(Event(stage="propagate", done=step + 1, total=steps, frame=step))
                time.sleep(float(request.settings["pause"]))
        on_event(Event(stage="write", done=0, total=1))
        (staging.folder / REPORT).write_text(request.model_dump_json())
        staging.publish(["flat.mp4", "layer.mov", REPORT])
    return {}


def probe(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    return {
        "frames": 60,
        "fps": "30000/1001",
        "width": 640,
        "height": 360,
        "duration": 2.002,
        "codec": "h264",
        "pixel_format": "yuv420p",
        "bits": 8,
        "constant_rate": True,
        "interlaced": False,
        "has_audio": False,
        "timecode": None,
    }


def frame(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    Path(arguments["output"]).write_bytes(b"a small picture" if arguments.get("small") else b"a picture")
    return {"output": arguments["output"], "frame": arguments["frame"], "width": 4, "height": 4, "bits": 8}


def estimate(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    request = Request.model_validate(arguments["request"])
    frames = [key.frame or 0 for key in request.keyframes]
    return {
        "frames": 59,
        "seconds": 5.9,
        "memory": 1 << 20,
        "windows": 1,
        "start": request.range.start,
        "stop": 60,
        "keyframes": frames,
    }


def locate(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    return {"frame": 12, "confidence": 0.875}


def compare(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    flat = Path(arguments["flat"]).read_bytes()
    for name in ("contact_sheet", "side_by_side"):
        Path(arguments[name]).write_bytes(flat)
    return {}


def sleep(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    """Work that tells of itself often, to be cancelled."""
    for step in range(10_000):
        on_event(Event(stage="propagate", done=step, total=10_000))
        time.sleep(0.01)
    return {}


def rest(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    """Work that tells nothing of itself, and does not listen."""
    time.sleep(arguments["seconds"])
    return {"rested": True}


def compute(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    """Work of the processor that tells nothing of itself."""
    while True:
        sum(range(100_000))


def hold(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    """Take memory, and keep it for some seconds."""
    held = b"\1" * arguments["bytes"]
    time.sleep(arguments.get("seconds", 0))
    return {"held": len(held)}


def swell(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    """Take memory after the answer, and keep it."""
    threading.Timer(0.5, lambda: kept.append(b"\1" * arguments["bytes"])).start()
    return {}


kept: list[bytes] = []


def babble(arguments: dict[str, Any], on_event: OnEvent) -> Any:
    """An answer that is none."""
    return "words"


COMMANDS = {
    "propagate": propagate,
    "probe": probe,
    "frame": frame,
    "estimate": estimate,
    "locate": locate,
    "compare": compare,
    "sleep": sleep,
    "rest": rest,
    "compute": compute,
    "hold": hold,
    "swell": swell,
    "babble": babble,
}

if __name__ == "__main__":
    main(COMMANDS, memory_asked())
