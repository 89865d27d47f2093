"""Speed and memory of the whole job at 1080p: decode, propagate, composite, encode; each run has its own process."""

import json
import os
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import get_args

import av
import cv2
import numpy as np

import bridge_server.demo
from tests.benchmarks.child import in_child
from tests.benchmarks.figures import Figures

JOB = "tests.benchmarks.propagate.job"
ASSETS = Path(str(bridge_server.demo.__file__)).parent
WIDTH, HEIGHT = 1920, 1080
SHORT, LONG = 200, 2000


def make_clip(path: Path, frames: int) -> None:
    """A 1080p clip: the bundled box, three times as large, back and forth, with fresh sensor noise in every frame."""
    from engine.media.clip import Clip

    with Clip.open(ASSETS / "box.mp4") as clip:
        seen = [np.clip(frame.rgb() * 255, 0, 255).astype(np.uint8) for frame in clip.frames()]
    random = np.random.default_rng(0)
    grain = [random.normal(0, 1.5, (HEIGHT, WIDTH, 1)).astype(np.float32) for _ in range(5)]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=Fraction(30))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast"}
        for index in range(frames):
            turn = index % (2 * len(seen) - 2)
            picture = cv2.resize(seen[min(turn, 2 * len(seen) - 2 - turn)], (1920, 1440), interpolation=cv2.INTER_CUBIC)
            noisy = np.clip(picture[60 : 60 + HEIGHT] + grain[index % 5], 0, 255).astype(np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, "rgb24")))
        file.mux(stream.encode())


def make_edit(clip: Path, edited: Path, mask: Path) -> float:
    """A label of 15 % of the frame on the box's lid in frame 0; returns the area it takes."""
    from engine.media.clip import Clip
    from engine.media.still import write_png

    with Clip.open(clip) as source:
        rgb = np.clip(source.frame(0).rgb(), 0, 1)
    lid = np.array([(1100, 60), (1700, 190), (1540, 600), (850, 450)], np.int32)
    inside = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.fillPoly(inside, [lid], 1.0, cv2.LINE_AA)
    label = np.full((HEIGHT, WIDTH, 3), (200, 50, 30), np.uint8)
    cv2.putText(label, "LABEL", (1000, 400), cv2.FONT_HERSHEY_DUPLEX, 6, (255, 240, 210), 20, cv2.LINE_AA)
    write_png(edited, rgb + inside[..., None] * (label.astype(np.float32) / np.float32(255) - rgb), 8)
    write_png(mask, np.repeat(inside[..., None], 3, axis=2), 8)
    return float(inside.mean())


def job(clip: str, edited: str, mask: str, output: str, formats: str, frames: str) -> None:
    """One job in this process; prints its figures as JSON."""
    import resource

    from engine.propagate import propagate
    from engine.request import Event, Format, FrameRange, KeyframeFiles, Request

    began, first_preview = time.perf_counter(), [0.0]

    def on_event(event: Event) -> None:
        if event.preview is not None and event.frame and not first_preview[0]:
            first_preview[0] = time.perf_counter() - began

    request = Request(
        clip=Path(clip),
        keyframes=(KeyframeFiles(edited=Path(edited), frame=0, mask=Path(mask)),),
        output=Path(output),
        range=FrameRange(stop=int(frames)),
        formats=tuple(name for name in get_args(Format) if name in formats.split(",")),
    )
    report = propagate(request, on_event)
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "fps": int(frames) / seconds,
                "preview": first_preview[0],
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
                "timings": report.timings,
                "cpu": time.process_time() / int(frames),
            }
        )
    )


def run() -> int:
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        clip, edited, mask = place / "clip.mp4", place / "edited.png", place / "mask.png"
        long = LONG if "--short" not in sys.argv else SHORT
        make_clip(clip, long)
        print(f"1080p, edit of {make_edit(clip, edited, mask):.1%} of the frame, {os.cpu_count()} cores")
        files = (str(clip), str(edited), str(mask))
        bare = in_child(JOB, *files, str(place / "a"), "", str(SHORT))
        print(bare)
        figures.show("decode + propagate + composite", bare["fps"], "frames/s", least=8)
        both = in_child(JOB, *files, str(place / "b"), "mov,mp4", str(SHORT))
        print(both)
        figures.show("with layer.mov and flat.mp4", both["fps"], "frames/s", least=2.5)
        figures.show("first preview of a carried frame", both["preview"], "s", most=2)
        figures.show(f"peak memory, {SHORT} frames", both["peak"], "GB", most=1.2)
        if long == LONG:
            whole = in_child(JOB, *files, str(place / "c"), "mov,mp4", str(LONG))
            print(whole)
            figures.show(f"peak memory, {LONG} frames", whole["peak"], "GB", most=1.2)
            figures.show(f"peak memory, {LONG} over {SHORT} frames", whole["peak"] / both["peak"], "", most=1.1)
    return figures.end()
