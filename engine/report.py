"""What a run did, for people and programs: `report.json`."""

import os
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.request import Format, MethodName

LOW_CONFIDENCE = 0.6
"""Below this fraction of the edit's area a frame's result deserves a look."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Frozen):
    """The clip. `fps` is a fraction, such as "30000/1001"."""

    sha256: str
    frames: int
    fps: str
    width: int
    height: int
    pixel_format: str


class EditedFrame(_Frozen):
    """A keyframe; `mask_area` is the mask's part of the frame, in [0, 1]."""

    frame: int
    mask_area: float


class EditSummary(_Frozen):
    """`frame` and `mask_area` are the first keyframe's; `keyframes` are all of them."""

    frame: int
    mask_area: float
    keyframes: tuple[EditedFrame, ...]


class Passes(_Frozen):
    """Work of a diffusion model; 0 for a method without one. Network passes of batch 1, frames through the VAE."""

    network: int = 0
    vae_encoded: int = 0
    vae_decoded: int = 0


class Quality(_Frozen):
    """What was reached.

    `outside_max_abs_diff` is the largest difference, in code values, between the flat clip's planes and the source's
    outside the matte. `confident_fraction`: source frame -> part of the edit's area, in [0, 1], that was followed with
    confidence. `warnings` are sentences for the artist.
    """

    outside_max_abs_diff: int
    confident_fraction: dict[int, float]
    warnings: tuple[str, ...] = ()


class Output(_Frozen):
    """A finished file or folder of frames; `path` is relative to the report."""

    kind: Literal["layer", "flat"]
    format: Format
    path: str


class Report(_Frozen):
    """One finished propagation. `range` are the source frames [start, stop); `timings` are seconds per stage."""

    source: Source
    range: tuple[int, int]
    edit: EditSummary
    method: MethodName
    settings: dict[str, str]
    seed: int
    weights: str | None
    version: str
    timings: dict[str, float]
    passes: Passes
    quality: Quality
    outputs: tuple[Output, ...]


def engine_version() -> str:
    return version("videoshop-bridge")


def write(report: Report, path: Path) -> None:
    """Write `report` as JSON, and have it on disk before this returns."""
    with path.open("w", encoding="utf-8") as file:
        file.write(report.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())


def low_confidence(confident_fraction: Mapping[int, float]) -> Iterator[str]:
    """A sentence for each run of frames whose result deserves a look."""
    low = [index for index in sorted(confident_fraction) if confident_fraction[index] < LOW_CONFIDENCE]
    starts = [index for index in low if index - 1 not in low]
    stops = [index for index in low if index + 1 not in low]
    for first, last in zip(starts, stops, strict=True):
        frames = f"Frame {first}" if first == last else f"Frames {first} to {last}"
        yield f"{frames}: the edit could not be followed with confidence; have a look, or edit one more frame there."
