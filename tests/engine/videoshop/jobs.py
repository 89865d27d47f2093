"""Whole jobs of the method on the small model with random weights, and what they leave."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.media.clip import Clip
from engine.propagate import propagate
from engine.report import Report
from engine.request import Event, FrameRange, KeyframeFiles, Request, VideoshopSettings
from engine.videoshop.method import VideoshopMethod
from engine.videoshop.weights import Weights, locate
from tests.engine.clips import write_still

TINY = Path(__file__).parents[2] / "assets" / "tiny-a" / "model"
QUICK = {"steps": "6", "strength": "0.5", "guidance_from": "0"}
"""Three steps of inversion, three of denoising."""


def silent(event: Event) -> None:
    pass


def request(
    clip: Path, folder: Path, *, color: float = 0.9, frames: tuple[int, int] = (8, 12), **changes: Any
) -> Request:
    with Clip.open(clip) as opened:
        rgb = np.clip(opened.frame(frames[0]).rgb(), 0, 1)
    rgb[30:60, 80:120] = (color, 0.2, 0.1)
    edited = write_still(folder / f"edited{color}.png", rgb)
    asked = Request(
        clip=clip,
        keyframes=(KeyframeFiles(edited=edited, frame=frames[0]),),
        output=folder / "out",
        range=FrameRange(start=frames[0], stop=frames[1]),
        method="videoshop",
        formats=("png",),
        settings=QUICK,
    )
    return asked.model_copy(update=changes)


@cache
def small() -> Weights:
    """The model, measured once for all jobs of a process."""
    return locate(TINY)


def method(settings: dict[str, str], seed: int, folder: Path) -> VideoshopMethod:
    """The method on the small model, with its cache in `folder`."""
    work = VideoshopMethod(VideoshopSettings.model_validate(settings), model=TINY, seed=seed, cache=folder)
    work._weights = small()
    return work


def made(asked: Request, cache: Path, on_event: Callable[[Event], None] = silent) -> Report:
    return propagate(asked, on_event, method=method(asked.settings, asked.seed, cache))


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "out" / "flat").iterdir())}
