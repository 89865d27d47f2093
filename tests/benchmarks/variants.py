"""Ways to carry an edit through a procedural clip, made of the product's own stages, each measured beside the truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import torch
from torch import Tensor

from engine.evaluate import trial as product
from engine.evaluate.trial import Risen, Subject
from engine.videoshop.pipeline import VideoshopPipeline
from engine.videoshop.sampling import Pin
from engine.videoshop.stages import Videoshop
from tests.world.carried import carried, motion, origins
from tests.world.edits import Case


@dataclass(frozen=True)
class Mix:
    """Noise inside the edit: `kept` of what inversion found and √(1 − kept²) of new noise, drawn for each frame or
    carried from the keyframe along the edit's true motion."""

    kept: float
    new: Literal["fresh", "carried"]


@dataclass(frozen=True)
class Variant(product.Variant):
    """A way to carry an edit that may begin at other noise."""

    mix: Mix | None = None
    """In place of the settings' noise."""
    anchored: bool = False
    """Whether the keyframe's latents are the edited image's, with the noise of the clip's, at every step."""

    @property
    def inverts(self) -> bool:
        return super().inverts or self.anchored or self.mix is not None

    def start(self, trial: product.Trial, work: Videoshop, inverted: Tensor, inside: Tensor | None) -> Tensor:
        if self.mix is None:
            return super().start(trial, work, inverted, inside)
        new = trial.noise.fresh
        if self.mix.new == "carried":
            assert isinstance(trial, Trial)
            frames, _, height, width = new.shape
            new = carried(new, origins(motion(trial.case), frames, 0, height, width), 0)
        mixed = self.mix.kept * inverted + sqrt(1 - self.mix.kept**2) * work.schedule.sigmas[0] * new
        return mixed if inside is None else torch.lerp(inverted, mixed, inside)

    def pins(self, trial: product.Trial, risen: Risen, edited: Tensor) -> Iterator[Pin]:
        yield from super().pins(trial, risen, edited)
        if self.anchored:
            first = torch.zeros(len(risen.path[0]), 1, 1, 1)
            first[0] = 1
            moved = trial.pipeline.encode(edited) - risen.clip.encoded[0]
            yield Pin(first, [latents + moved for latents in risen.path[::-1]])


class Trial(product.Trial):
    """One case, whose keyframe is its first frame, on one model."""

    def __init__(self, pipeline: VideoshopPipeline, case: Case, seed: int) -> None:
        about = subject(case)
        assert about.truth is not None
        super().__init__(pipeline, about, seed)
        self.case, self.truth = case, about.truth


def subject(case: Case) -> Subject:
    """`case` with its true mattes; its keyframe must be its first frame."""
    source, truth = (_pictures(torch.from_numpy(clip)) for clip in (case.frames, case.edited))
    matte, whole = (torch.from_numpy(matte)[:, None] for matte in (case.matte, case.whole))
    return Subject(case.kind, source, truth[:1], truth, matte, whole)


def _pictures(clip: Tensor) -> Tensor:
    """(frames, height, width, 3) as (frames, 3, height, width)."""
    return clip.permute(0, 3, 1, 2).contiguous()


def held_still(trial: product.Trial) -> Tensor:
    """The painted keyframe in every frame, where the edit is: what an edit that does not move is worth."""
    return torch.where(trial.subject.matte > 0, trial.subject.edited, trial.seen)
