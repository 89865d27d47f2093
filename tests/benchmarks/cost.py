"""What a job costs: seconds against frames, pixels and the schedule's steps, and memory against the clip's length.

Both methods, the whole job on files, each run in a process of its own; `videoshop` with the small trained model, on one
core, which sees 32×32 pixels whatever the clip has. `--picture FILE.png`: where the charts go, else beside RESULTS.md.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.evaluate.document import Chart, Line
from engine.evaluate.figure import png
from engine.image import Image
from engine.media.still import write_png
from engine.method import Method
from engine.propagate import propagate
from engine.request import FrameRange, KeyframeFiles, MethodName, Request, VideoshopSettings
from tests.benchmarks.child import in_child
from tests.benchmarks.figures import Figures, head, row

MODEL = Path(__file__).parents[1] / "assets" / "world" / "model"
PICTURE = Path(__file__).with_name("pictures") / "cost.png"
METHODS: tuple[MethodName, ...] = ("flow", "videoshop")
FRAMES = (25, 50, 100, 200)
HEIGHTS = (180, 360, 540, 720, 1080)
STEPS = (5, 10, 15, 20, 30)
EDIT = 0.3
"""The label's side, as a part of that of the square it is on: half the frame's height, drifting and turning."""
BAR = 1.1
"""How much more memory the longest clip may take than one half as long."""


@dataclass(frozen=True)
class Work:
    """A job on the first `frames` of a clip of 16:9 and `height` rows; `steps` of the schedule, for `videoshop`."""

    method: MethodName = "flow"
    frames: int = 50
    height: int = 360
    steps: int = VideoshopSettings().steps

    @property
    def pixels(self) -> int:
        return self.height * self.height * 16 // 9


@dataclass(frozen=True)
class Spent:
    """`seconds` of the job, the process's `peak` memory in GB, `passes` of the network."""

    seconds: float
    peak: float
    passes: int


@dataclass
class Bench:
    """Runs each job once; its clips and results are in `folder`."""

    folder: Path
    done: dict[Work, Spent] = field(default_factory=dict)

    def __call__(self, work: Work) -> Spent:
        if (known := self.done.get(work)) is not None:
            return known
        place = self.folder / str(work.height)
        if not place.exists():
            make(place, work.height, max(FRAMES))
        told = in_child("tests.benchmarks.cost.job", str(place), work.method, str(work.frames), str(work.steps))
        self.done[work] = spent = Spent(**told)
        steps = work.steps if work.method == "videoshop" else "–"
        cost = f"{spent.seconds:.2f}", f"{spent.peak:.2f}", spent.passes
        row(work.method, work.frames, work.height, steps, *cost)
        return spent

    def lines(
        self, of: Mapping[str, Sequence[Work]], x: Callable[[Work], float], y: Callable[[Spent], float]
    ) -> tuple[Line, ...]:
        return tuple(
            Line(name, tuple(map(x, works)), tuple(y(self(work)) for work in works)) for name, works in of.items()
        )


Works = dict[str, list[Work]]


def make(place: Path, height: int, frames: int) -> None:
    """`clip.mp4`, a textured square that drifts and turns over a textured ground, and a label on it in frame 0."""
    place.mkdir()
    width = height * 16 // 9 // 2 * 2
    random = np.random.default_rng(0)
    ground, body = (_texture(random, *size, height) for size in ((height, width), (height, height)))
    with av.open(str(place / "clip.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "18", "preset": "veryfast"}
        for number in range(frames):
            placed = _placed(number, width, height)
            over = cv2.warpAffine(body, placed, (width, height))
            cover = cv2.warpAffine(np.ones((height, height), np.float32), placed, (width, height))[..., None]
            picture = ground + cover * (over - ground)
            if number == 0:
                corner = int(height * (0.5 - EDIT / 2)), int(height * (0.5 + EDIT / 2))
                label = np.zeros((height, height), np.float32)
                label[corner[0] : corner[1], corner[0] : corner[1]] = 1
                mask = cv2.warpAffine(label, placed, (width, height))[..., None]
                painted = picture + mask * (np.array([0.9, 0.2, 0.1]) - picture)
                write_png(place / "edited.png", painted.astype(np.float32), 8)
                write_png(place / "mask.png", mask.repeat(3, axis=2).astype(np.float32), 8)
            levels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(levels, "rgb24")))
        file.mux(stream.encode())


def _placed(number: int, width: int, height: int) -> NDArray[np.float64]:
    """The affine of the square, half as large as the frame is high, to frame `number`."""
    affine = cv2.getRotationMatrix2D((height / 2, height / 2), 0.2 * number, 0.5)
    affine[:, 2] += np.array([width / 2 - height / 2 + 0.1 * height * np.sin(number / 20), 0])
    return np.asarray(affine, np.float64)


def _texture(random: np.random.Generator, rows: int, columns: int, height: int) -> Image:
    """R'G'B' (rows, columns, 3) in [0, 1] with detail in sizes from a hundredth of `height` to a fifth."""
    total = np.full((rows, columns, 3), 0.5, np.float32)
    for part in (0.01, 0.03, 0.08, 0.2):
        few = random.normal(0, 0.08, (*(max(2, round(side / (part * height))) for side in (rows, columns)), 3))
        total += cv2.resize(few.astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC)
    return np.asarray(total, np.float32)


def job(place: str, method: str, frames: str, steps: str) -> None:
    """One job in this process; prints what it took as JSON."""
    folder = Path(place)
    with tempfile.TemporaryDirectory() as scratch:
        request = Request(
            clip=folder / "clip.mp4",
            keyframes=(KeyframeFiles(edited=folder / "edited.png", frame=0, mask=folder / "mask.png"),),
            output=Path(scratch) / "out",
            range=FrameRange(stop=int(frames)),
            method="flow" if method == "flow" else "videoshop",
            formats=("mp4",),
        )
        by: Method | None = None
        if method == "videoshop":
            import torch

            from engine.videoshop.method import VideoshopMethod

            torch.set_num_threads(1)  # whose waiting threads spin, and take what other programs leave for work
            by = VideoshopMethod(
                VideoshopSettings(steps=int(steps)), model=MODEL, seed=0, cache=Path(scratch) / "cache"
            )
        began = time.perf_counter()
        report = propagate(request, lambda event: None, method=by)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": seconds, "peak": peak, "passes": report.passes.network}))


def run() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks cost", description=__doc__)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    told = parser.parse_args(sys.argv[2:])
    figures = Figures()
    print(f"{os.cpu_count()} cores; 16:9 at 25 frames a second, a label of {EDIT / 2:.0%} of the frame's height")
    head("Every run", "method", "frames", "rows", "steps", "seconds", "peak, GB", "passes")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        long: Works = {name: [Work(name, frames) for frames in FRAMES] for name in METHODS}
        large: Works = {name: [Work(name, height=height) for height in HEIGHTS] for name in METHODS}
        fine = [Work("videoshop", steps=steps) for steps in STEPS]
        charts = [
            Chart("Length", "frames", "seconds", bench.lines(long, lambda work: work.frames, _seconds)),
            Chart("Memory", "frames", "peak memory, GB", bench.lines(long, lambda work: work.frames, _peak)),
            Chart("Size", "megapixels", "seconds", bench.lines(large, lambda work: work.pixels / 1e6, _seconds)),
            Chart("Steps", "steps", "seconds", bench.lines({"videoshop": fine}, lambda work: work.steps, _seconds)),
        ]
    print()
    for name, works in long.items():
        half, whole = bench(works[-2]), bench(works[-1])
        figures.show(f"{name}: peak memory, {FRAMES[-1]} over {FRAMES[-2]} frames", whole.peak / half.peak, most=BAR)
        early = (half.seconds - bench(works[0]).seconds) / (FRAMES[-2] - FRAMES[0])
        late = (whole.seconds - half.seconds) / (FRAMES[-1] - FRAMES[-2])
        figures.show(f"{name}: seconds a further frame", late, "s")
        figures.show(f"{name}: the same, late over early", late / early)
    for name, works in large.items():
        first, last = bench(works[0]), bench(works[-1])
        figures.show(f"{name}: seconds, {HEIGHTS[-1]} over {HEIGHTS[0]} rows", last.seconds / first.seconds)
    each = [bench(work).seconds / bench(work).passes for work in (fine[0], fine[-1])]
    figures.show(f"videoshop: seconds a pass, {STEPS[-1]} over {STEPS[0]} steps", each[1] / each[0])
    told.picture.write_bytes(picture(charts))
    print(f"charts: {told.picture.name}")
    return figures.end()


def _seconds(spent: Spent) -> float:
    return spent.seconds


def _peak(spent: Spent) -> float:
    return spent.peak


def picture(charts: Sequence[Chart]) -> bytes:
    """The charts as one PNG, two beside each other."""
    drawn = [np.asarray(cv2.imdecode(np.frombuffer(png(chart), np.uint8), cv2.IMREAD_COLOR)) for chart in charts]
    rows = [np.concatenate(drawn[at : at + 2], axis=1) for at in range(0, len(drawn), 2)]
    whole = cv2.resize(np.concatenate(rows), None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", whole)[1])
