"""`flow` beside plain warping along optical flow, in one process: what each is worth on exact truth, and its time.

Every synthetic case of the evaluation's set with one edited frame, 320×180, frames from the keyframe on.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import numpy as np

from engine.composite import flatten
from engine.edit import Keyframe
from engine.evaluate.peers import PEERS, Warp
from engine.evaluate.suite.cases import Made, made
from engine.flow.method import FlowMethod
from engine.image import Image
from engine.media.clip import Frame
from engine.media.color import rgb_layout
from tests.benchmarks.figures import Figures, head, psnr, row

FOOTAGE = Path(__file__).parents[2] / "bridge_server" / "demo"
Way = FlowMethod | Warp
CASES = (
    "add-pan",
    "appearance-ripple",
    "remove-zoom",
    "motion-zoom",
    "colour-shake",
    "add-occluded",
    "add-fast",
    "add-shake",
    "appearance-flicker",
)


def run() -> int:
    figures = Figures()
    ways: dict[str, Callable[[], Way]] = {"flow": FlowMethod, **{name: way for name, way in PEERS.items() if way}}
    leads: list[float] = []
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    head("PSNR inside the edit, dB", "case", *ways, "flow's lead")
    for case in made(FOOTAGE, CASES):
        found = {}
        for name, way in ways.items():
            found[name], took = inside(case, way())
            seconds[name].append(took)
        leads.append(found["flow"] - max(value for name, value in found.items() if name != "flow"))
        row(case.name, *(f"{value:.1f}" for value in found.values()), f"{leads[-1]:+.1f}")
    for name, peer in PEERS.items():
        if peer is None:
            print(f"{name}: not installed")
    figures.show("the smallest lead of flow", min(leads), "dB", least=0)
    for name in ways:
        if name != "flow":
            figures.show(f"time of flow over {name}", fmean(seconds["flow"]) / fmean(seconds[name]))
    return figures.end()


def inside(case: Made, method: Way) -> tuple[float, float]:
    """PSNR, dB, where the truth differs from the source, over the frames after the keyframe; and seconds a frame."""
    assert case.truth is not None
    (at,) = case.edited
    frames = [frame(image, number) for number, image in enumerate(case.frames)][at:]
    mask = case.masks.get(at, np.ones(case.frames[0].shape[:2], np.float32))
    began = time.perf_counter()
    painted = list(method.propagate(Keyframe(at, case.edited[at], mask), frames[0], frames[1:], lambda step: None))
    seconds = (time.perf_counter() - began) / len(painted)
    values = []
    for source, each in zip(frames[1:], painted, strict=True):
        flat, truth = flatten(source, each).rgb(), case.truth[each.index]
        edit = np.abs(truth - case.frames[each.index]).max(axis=2) > 1 / 255
        if edit.any():
            values.append(psnr(flat[edit], truth[edit]))
    return fmean(values), seconds


def frame(image: Image, number: int) -> Frame:
    codes = np.round(image * 255).astype(np.uint8)
    planes = tuple(np.ascontiguousarray(codes[..., channel]) for channel in range(3))
    return Frame(number, number, planes, rgb_layout(8, False))
