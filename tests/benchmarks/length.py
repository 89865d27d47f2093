"""Clips longer than the model, on exact truth: seams, drift of colour, any keyframe; windows beside anchors and flow.

72 procedural frames at 25 a second, of which the small trained model makes eight at a time. `--model DIR`: another
model; `--cases N`: fewer or more cases; `--sheet FILE.png`: a contact sheet of the first case.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from engine.evaluate.metrics.likeness import Images, psnr
from engine.evaluate.metrics.steadiness import drift, seam
from engine.flow.method import FlowMethod
from engine.media.clip import Clip
from engine.media.still import read_still
from engine.method import Method
from engine.plan import Span, windowed
from engine.propagate import propagate
from engine.report import Report
from engine.request import KeyframeFiles, Request, VideoshopSettings
from engine.videoshop.method import VideoshopMethod
from tests.benchmarks.figures import Figures
from tests.world.edits import KINDS, Case, drawn_case
from tests.world.scene import CALM

MODEL = Path(__file__).parents[1] / "assets" / "world" / "model"
FRAMES, SIDE = 72, 64
STEP = 7 / 25
"""The world moves as at seven frames a second, the rate that the model knows."""
LEAST_SEEN, LEAST_UNCOVERED = 0.015, 0.7
"""Of the picture, and of the edit were nothing in front, in every frame: what is out of sight has no truth."""
WAYS: dict[str, dict[str, int] | None] = {"windows": {"spacing": 1}, "anchors": {"spacing": 0}, "flow": None}
"""How a clip is made, by name; without settings: by the `flow` method."""


@dataclass(frozen=True)
class Outcome:
    """A clip as a method made it (frames, height, width, 3), how, and the seconds that it took."""

    images: Images
    report: Report
    seconds: float


def cases(count: int, keyframe: int) -> list[Case]:
    """The first cases in which the edit stays in sight, of every kind in turn."""
    found: list[Case] = []
    seeds = dict.fromkeys(KINDS, 5000)
    while len(found) < count:
        kind = KINDS[len(found) % len(KINDS)]
        made = drawn_case(
            seeds[kind], kind, FRAMES, SIDE, SIDE, keyframe=keyframe, rounded=True, step=STEP, temper=CALM
        )
        seeds[kind] += 1
        seen, whole = made.matte.mean(axis=(1, 2)), made.whole.mean(axis=(1, 2))
        if seen.min() >= LEAST_SEEN and (seen / whole).min() >= LEAST_UNCOVERED:
            found.append(made)
    return found


def outcome(case: Case, method: Method, folder: Path) -> Outcome:
    """The whole job on files, as a person runs it."""
    (folder / "clip").mkdir(parents=True)
    for number, image in enumerate(case.frames):
        _write(folder / "clip" / f"{number:06}.png", image)
    _write(folder / "edited.png", case.painted)
    changed = np.abs(case.painted - case.frames[case.keyframe]).max(axis=2, keepdims=True) > 0
    _write(folder / "mask.png", changed.astype(np.float32).repeat(3, axis=2))
    request = Request(
        clip=folder / "clip",
        keyframes=(KeyframeFiles(edited=folder / "edited.png", frame=case.keyframe, mask=folder / "mask.png"),),
        output=folder / "out",
        method="flow" if isinstance(method, FlowMethod) else "videoshop",
        formats=("png",),
    )
    began = time.perf_counter()
    report = propagate(request, lambda event: None, method=method)
    seconds = time.perf_counter() - began
    images = [_read(folder / "out" / "flat" / f"{number:06}.png") for number in range(len(case.frames))]
    return Outcome(np.stack(images), report, seconds)


def inside(case: Case, images: Images) -> float:
    """PSNR, dB, where the edit is seen, over all frames but the keyframe."""
    rest = np.arange(len(images)) != case.keyframe
    return psnr(images[rest], case.edited[rest], case.matte[rest])


def _write(path: Path, image: Images) -> None:
    cv2.imwrite(str(path), np.round(image[..., ::-1] * 255).astype(np.uint8))


def _read(path: Path) -> Images:
    return read_still(path).rgb


def seams_of(method: VideoshopMethod, clip: Path) -> list[int]:
    """The frames that a span from frame 0 shows where one window hands over to the next."""
    with Clip.open(clip) as opened:
        windows = list(windowed(Span(0, 1, FRAMES - 1), method.cost(opened.info)))
    shared = [(one, set(one.frames) & set(following.frames)) for one, following in pairwise(windows)]
    return sorted({index for _, both in shared for index in range(min(both), max(both) + 2)})


def run() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks length", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--sheet", type=Path)
    told = parser.parse_args(sys.argv[2:])
    figures, seen = Figures(), dict[tuple[str, int], list[float]]()
    rows: dict[str, Images] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for keyframe in (0, FRAMES // 2):
            for number, case in enumerate(cases(told.cases, keyframe)):
                rows = rows or {"source": case.frames, "truth": case.edited}
                for way, settings in WAYS.items():
                    folder = Path(scratch) / f"{way}-{keyframe}-{number}"
                    method: Method = FlowMethod()
                    if settings is not None:
                        made_by = VideoshopSettings.model_validate(settings)
                        method = VideoshopMethod(made_by, model=told.model, seed=0, cache=Path(scratch) / "cache")
                    made = outcome(case, method, folder)
                    seen.setdefault((way, keyframe), []).append(inside(case, made.images))
                    _tell(figures, way, f"{case.kind} {number}, keyframe {keyframe}", case, made)
                    if way == "windows" and keyframe == 0 and isinstance(method, VideoshopMethod):
                        spreads = seam(made.images, case.edited, case.matte, seams_of(method, folder / "clip"))
                        figures.show("  largest step at a seam, in spreads of the others", spreads, most=3)
                    if way == "flow" and keyframe == 0:
                        chance = max(seam(made.images, case.edited, case.matte, [at]) for at in range(1, FRAMES))
                        figures.show("  largest step where no seam is, in spreads of the others", chance)
                    rows.setdefault(way, made.images)
    for (way, keyframe), values in seen.items():
        figures.show(f"{way}, keyframe {keyframe}: PSNR inside, mean", float(np.mean(values)), "dB")
    for way in WAYS:
        start, middle = (float(np.mean(seen[way, keyframe])) for keyframe in (0, FRAMES // 2))
        if way != "flow":
            figures.show(f"{way}: keyframe in the middle over one at the start", middle - start, "dB", least=-0.5)
    if told.sheet:
        _write(told.sheet, np.concatenate([np.concatenate(list(row[::9]), axis=1) for row in rows.values()]))
    return figures.end()


def _tell(figures: Figures, way: str, what: str, case: Case, made: Outcome) -> None:
    print(
        f"{way}, {what}: inside {inside(case, made.images):.1f} dB, {made.seconds:.0f} s, "
        f"{made.report.passes.network} passes of the network",
        flush=True,
    )
    slope = drift(made.images, case.edited, case.matte)
    figures.show("  drift of colour, levels a frame", slope, most=None if way == "flow" else 0.05)
