"""What is asked of the engine and what it tells while it works. Light: imports no array or media library.

These models travel: from the command line and the service to the engine process, and into `report.json`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MethodName = Literal["flow", "videoshop"]
Format = Literal["mov", "mp4", "mkv", "png"]
Transfer = Literal["auto", "appearance", "opaque", "removal"]
Stage = Literal["probe", "locate", "plan", "encode", "invert", "generate", "decode", "propagate", "write"]

PROFILE_NAMED = "colour profile: "
"""Begins the description (tag 270) of a TIFF whose colour profile is known by name alone."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class KeyframeFiles(_Frozen):
    """An edited frame on disk. `frame` None: found in the clip. `mask` None: the image's alpha, else the difference."""

    edited: Path
    frame: Annotated[int, Field(ge=0)] | None = None
    mask: Path | None = None


class FrameRange(_Frozen):
    """Source frames [start, stop); stop None means the clip's end."""

    start: Annotated[int, Field(ge=0)] = 0
    stop: Annotated[int, Field(ge=1)] | None = None


class FlowSettings(_Frozen):
    """Settings of the `flow` method."""

    transfer: Transfer = "auto"


REFERENCE: dict[str, object] = {
    "free_from": 700.0,
    "steps": 25,
    "strength": 0.55,
    "threshold": 1.0,
    "proxy": "chord",
    "normalisation": "reference",
    "region": "frame",
    "noise": "inverted",
    "rescale": True,
    "guidance_first": 4.0,
    "guidance_last": 4.0,
    "guidance_from": 0.0,
    "guidance_to": 700.0,
}
"""The released code's settings."""


class VideoshopSettings(_Frozen):
    """Settings of the `videoshop` method.

    As they stand they are the `default` preset, which measures best (see tests/benchmarks/RESULTS.md).
    """

    preset: Literal["default", "reference"] = "default"
    """What the settings are that are not named: this project's own, or the released code's."""
    steps: Annotated[int, Field(ge=1, le=200)] = 15
    """Noise levels of the whole schedule."""
    strength: Annotated[float, Field(gt=0, le=1)] = 0.55
    """The part of the schedule that is run, its last: how far a clip is taken apart."""
    threshold: Annotated[float, Field(ge=0, le=700)] = 0.0
    """Noise level at or below which inversion has no direction yet and goes by chance."""
    proxy: Literal["chord", "slope"] = "slope"
    """Where inversion expects the next latent: on the line from the clean latent, or on that of the last step."""
    normalisation: Literal["none", "reference", "paper", "clip"] = "none"
    """Over what the latents' mean and spread are taken before inversion."""
    region: Literal["mask", "frame"] = "mask"
    """What may change: the edit's place, followed through the clip, or the whole frame."""
    spacing: Annotated[int, Field(ge=0, le=24)] = 0
    """In a clip that is longer than the model, the model makes every so manyth frame at least; those between are filled
    in by their motion. 0: about seven a second, the rate that the model knows."""
    noise: Literal["inverted", "fresh"] = "inverted"
    """What the edit is made of: the clip's own noise, or new noise, which knows nothing of the clip."""
    free_from: Annotated[float, Field(ge=0, le=700)] = 1.0
    """Noise level down to which the edit is held to what its surface's motion carries, where that is seen, and its
    surroundings to the clip; 700: never, for an edit that moves by itself or casts a shadow beyond its mask."""
    rescale: bool = True
    """Whether the result takes the colours of the edited image's latents."""
    guidance_first: Annotated[float, Field(ge=1, le=20)] = 2.0
    """How strongly the edited image guides the first frame."""
    guidance_last: Annotated[float, Field(ge=1, le=20)] = 2.0
    """The same for the last frame; between them it changes evenly."""
    guidance_from: Annotated[float, Field(ge=0, le=700)] = 0.3
    """The lowest noise level that is guided."""
    guidance_to: Annotated[float, Field(ge=0, le=700)] = 700.0
    """The highest noise level that is guided."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, named: Any) -> Any:
        if isinstance(named, dict) and named.get("preset") == "reference":
            return REFERENCE | named
        return named


class Request(_Frozen):
    """One propagation: a clip, its keyframes, and where the result goes."""

    clip: Path
    keyframes: Annotated[tuple[KeyframeFiles, ...], Field(min_length=1)]
    output: Path
    range: FrameRange = FrameRange()
    method: MethodName = "flow"
    formats: tuple[Format, ...] = ("mov", "mp4")
    settings: dict[str, str] = {}
    seed: int = 0
    weights: Path | None = None


class Event(_Frozen):
    """Progress of one stage: `done` of `total` units (frames, mostly).

    `preview`, when given, is the path of a JPEG of the newest finished frame `frame`, replaced by the next one.
    """

    stage: Stage
    done: int
    total: int
    frame: int | None = None
    preview: Path | None = None
    message: str | None = None


OnEvent = Callable[[Event], None]
"""The one callback: progress and previews come in; raising `Cancelled` out of it stops the job."""
