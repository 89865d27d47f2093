"""Quality of the `flow` method: real clips, known grades, and exact synthetic truth."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bridge_server.demo.run import ASSETS
from engine.edit import Keyframe
from engine.evaluate.pixels import frame_of
from engine.evaluate.suite.scenes import (
    FRAMES,
    Scene,
    dimming,
    fast,
    pan,
    perspective,
    render,
    ripple,
    zoom_rotation,
)
from engine.flow.method import FlowMethod
from engine.media.clip import Clip, Frame
from engine.method import Painted
from engine.request import FlowSettings, Transfer
from tests.benchmarks.figures import Figures, psnr

Image = NDArray[np.float32]

REGIONS = {
    "box.mp4": ((362, 62), (520, 96), (478, 176), (318, 132)),
    "cup.mp4": ((322, 265), (404, 275), (402, 375), (330, 375)),
}
"""A quadrilateral on the thing that moves, in frame 0: the lid of the box, the tumbler's body."""

GRADES: dict[str, Callable[[Image], Image]] = {
    "tint": lambda rgb: np.clip(rgb * np.array([1.0, 0.75, 0.6]) + np.array([0.05, 0, 0]), 0, 1).astype(np.float32),
    "gamma": lambda rgb: (np.clip(rgb, 0, 1) ** 0.7).astype(np.float32),
    "desaturate": lambda rgb: (0.25 * rgb + 0.75 * rgb.mean(axis=2, keepdims=True)).astype(np.float32),
}

LAST = 24
BARS = {"box.mp4": 28.0, "cup.mp4": 31.0}


def region(name: str, shape: tuple[int, int]) -> Image:
    mask = np.zeros(shape, np.float32)
    cv2.fillPoly(mask, [np.array(REGIONS[name], np.int32)], 1.0, cv2.LINE_AA)
    return mask


def carried(frames: list[Frame], rgb: Image, mask: Image, transfer: Transfer = "auto") -> Painted:
    """The edit of frame 0 in the last of `frames`."""
    *_, last = FlowMethod(FlowSettings(transfer=transfer)).propagate(Keyframe(0, rgb, mask), frames[0], frames[1:])
    return last


def real_clips(figures: Figures) -> None:
    print(f"\nReal clips: frame 0 carried to frame {LAST}, against the clip's own frame {LAST}")
    for name in REGIONS:
        with Clip.open(ASSETS / name) as clip:
            frames = list(clip.frames(0, LAST + 1))
        first, real = (np.clip(frames[i].rgb(), 0, 1) for i in (0, LAST))
        mask = region(name, real.shape[:2])
        painted = carried(frames, first, mask, "opaque")
        inside, there = painted.matte > 0.5, real[painted.box.slices]
        print(
            f"{name}: unwarped {psnr(first[painted.box.slices][inside], there[inside]):.1f} dB,"
            f" area {inside.sum() / mask.sum():.2f} of the keyframe's, {painted.confident_fraction:.0%} of it seen"
        )
        figures.show(
            f"{name} unchanged pixels, opaque", psnr(painted.rgb[inside], there[inside]), "dB", least=BARS[name]
        )
        for grade, apply in GRADES.items():
            painted = carried(frames, apply(first), mask)
            inside = painted.matte > 0.5
            known = apply(real)[painted.box.slices]
            figures.show(f"{name} {grade}", psnr(painted.rgb[inside], known[inside]), "dB", least=33)


@dataclass(frozen=True)
class Score:
    """How one scene went: means over its frames, and the share painted of the occluder where it hides the edit."""

    psnr: float
    iou: float
    occluder: float
    seconds: float


def propagated(scene: Scene) -> Iterator[Painted]:
    """The scene's edit in every frame but the keyframe, forward and backward."""
    k = scene.keyframe
    keyframe = Keyframe(k, scene.painted, scene.matte[k].astype(np.float32))
    source = frame_of(k, scene.frames[k])
    for span in (range(k + 1, len(scene.frames)), range(k - 1, -1, -1)):
        yield from FlowMethod().propagate(keyframe, source, (frame_of(t, scene.frames[t]) for t in span))


def score(scene: Scene) -> Score:
    """PSNR inside the true matte, IoU of mattes at ½, and the share painted of the occluder where it hides the edit."""
    psnrs, ious, hidden, wrongly = [], [], 0, 0.0
    start = time.perf_counter()
    for painted in propagated(scene):
        t = painted.index
        matte = np.zeros(scene.matte[t].shape, np.float32)
        matte[painted.box.slices] = painted.matte
        result = scene.frames[t].copy()
        result[painted.box.slices] += painted.matte[..., None] * (painted.rgb - result[painted.box.slices])
        result = np.round(np.clip(result, 0, 1) * 255) / np.float32(255)
        true = scene.matte[t] > 0.5
        hiding = (scene.occluder[t] > 0.5) & (scene.unoccluded[t] > 0.5)
        hidden += int(hiding.sum())
        wrongly += float(matte[hiding].sum())
        if true.sum() > 200:
            psnrs.append(psnr(result[true], scene.truth[t][true]))
            ious.append(float((true & (matte > 0.5)).sum() / (true | (matte > 0.5)).sum()))
    seconds = (time.perf_counter() - start) / (len(scene.frames) - 1)
    return Score(float(np.mean(psnrs)), float(np.mean(ious)), wrongly / max(hidden, 1), seconds)


def scenes() -> Iterator[Scene]:
    """The cases, one at a time (each holds about 400 MB)."""
    yield render("pan, logo", ASSETS, pan)
    yield render("zoom + rotation, logo", ASSETS, zoom_rotation)
    yield render("perspective, tint", ASSETS, perspective, "appearance")
    yield render("ripple, logo", ASSETS, ripple)
    yield render("ripple + changing light, tint", ASSETS, ripple, "appearance", light=dimming)
    yield render("fast motion, logo", ASSETS, fast)
    yield render("pan + occluder, logo", ASSETS, pan, occluded=True)
    yield render("zoom + rotation, keyframe in the middle, logo", ASSETS, zoom_rotation, keyframe=FRAMES // 2)
    yield render("pan + changing light, logo", ASSETS, pan, light=dimming)


def truth(figures: Figures) -> None:
    print("\nExact synthetic truth, 25 frames at 960×540")
    print(f"{'scene':52} {'PSNR':>6} {'IoU':>7} {'occluder':>9} {'s/frame':>8}")
    results = []
    for scene in scenes():
        result = score(scene)
        results.append(result)
        print(
            f"{scene.name:52} {result.psnr:6.1f} {result.iou:7.4f} {result.occluder:9.2%} {result.seconds:8.3f}",
            flush=True,
        )
    figures.show("mean PSNR inside the true matte", float(np.mean([r.psnr for r in results])), "dB", least=36)
    figures.show("mean IoU of the matte", float(np.mean([r.iou for r in results])), least=0.985)
    figures.show("lowest IoU of a scene", min(r.iou for r in results), least=0.93)
    figures.show("most of an occluder painted", max(r.occluder for r in results) * 100, "%", most=2)


def run() -> int:
    figures = Figures()
    real_clips(figures)
    truth(figures)
    return figures.end()
