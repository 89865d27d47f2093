"""From a folder of cases to what a video model is tried on: one window of each clip, from its edited frame on."""

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Annotated, TypeVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from engine.errors import Cancelled, SettingsError
from engine.evaluate.dataset import Case, cases
from engine.evaluate.perform import MODEL_OPTION
from engine.evaluate.suite.build import build
from engine.evaluate.suite.cases import NAMES
from engine.evaluate.trial import Subject, Trial
from engine.geometry import Box, Size
from engine.image import Image
from engine.media.clip import Clip
from engine.request import Event as Told
from engine.request import OnEvent, Request, Stage
from engine.resolve import resolve
from engine.videoshop import memory, placement, weights
from engine.videoshop.devices import resources
from engine.videoshop.fit import Fit
from engine.videoshop.pipeline import VideoshopPipeline
from engine.videoshop.region import Region
from engine.videoshop.trace import traced
from engine.videoshop.weights import Weights

Found = TypeVar("Found")
Check = Callable[[], None]
"""Called between steps of a long work; what it raises stops that."""


class Options(BaseModel):
    """What an experiment is asked: on which weights (None: those installed), on the first `cases` of which dataset
    (None: the built-in set, made from the clips in `footage`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path | None = None
    dataset: Path | None = None
    footage: Path | None = None
    cases: Annotated[int, Field(ge=1)] = 3
    seed: int = 0


LEVEL = 1 / 255
"""What tells the truth from the source."""

SECONDS = 0.5
"""Between two signs of life."""

SMALL = 50_000_000
"""Parameters of a network up to which a trial on each core takes less time than one trial on all of them."""


def window(keyframe: int, frames: int, most: int, step: int = 1) -> range:
    """Every `step`-th frame of a clip from its keyframe on, `most` of them: forward where enough are, else backward."""
    after, before = (frames - keyframe - 1) // step + 1, keyframe // step + 1
    if after >= min(most, before):
        return range(keyframe, keyframe + min(most, after) * step, step)
    return range(keyframe, keyframe - min(most, before) * step, -step)


def fit(frame: Size, model: Weights) -> Fit:
    """Frames whose sides the model takes stay as they are; others are scaled to the area that it knows."""
    if frame.width % model.multiple == 0 and frame.height % model.multiple == 0:
        return Fit(frame, frame, frame)
    return Fit.of(frame, model.area, model.multiple)


@contextmanager
def dataset(folder: Path | None, footage: Path | None, only: Collection[str] = ()) -> Iterator[tuple[Case, ...]]:
    """The cases in `folder`; without one, those of the built-in set, or `only` these, which are there until the end.

    Raises SettingsError.
    """
    if folder is not None:
        yield cases(folder)
        return
    if footage is None:
        raise SettingsError.footage_needed()
    with tempfile.TemporaryDirectory(prefix="videoshop-set-") as scratch:
        build(Path(scratch), footage, only)
        yield cases(Path(scratch))


def subjects(options: Options, model: Weights) -> list[Subject]:
    """What the first cases of the dataset are tried as. Raises EngineError."""
    with chosen(options) as found:
        return [subject(case, model) for case in found]


@contextmanager
def chosen(options: Options) -> Iterator[list[Case]]:
    """The first cases of the dataset, of different kinds of edit before more of one kind. Raises EngineError."""
    with dataset(options.dataset, options.footage, NAMES[: options.cases]) as found:
        seen: dict[str, int] = {}
        turns = []
        for case in found:
            turns.append((seen.setdefault(case.kind, 0), case))
            seen[case.kind] += 1
        yield [case for _, case in sorted(turns, key=lambda turn: turn[0])[: options.cases]]


def subject(case: Case, model: Weights, step: int = 1) -> Subject:
    """One window of `case`, of every `step`-th frame, up to a scene cut.

    Where there is no truth, the edit is where `flow` follows its mask. Raises EngineError.
    """
    with Clip.open(case.source) as clip:
        request = Request(clip=case.source, keyframes=case.keyframes, output=Path())
        edit = resolve(request, clip, lambda event: None)
        keyframe, source = edit.keyframes[0], edit.sources[0]
        numbers = window(keyframe.index, clip.info.frames, model.frames, step)
        frames = [clip.frame(number) for number in numbers[1:]]
    outlines = traced(keyframe, source, frames, len(frames), lambda step: None).outlines
    numbers, frames = numbers[: len(outlines)], [source, *frames][: len(outlines)]
    fitted = fit(source.size, model)
    region = Region(Box.full(source.size), fitted, 1, localised=True)
    whole = torch.from_numpy(np.stack([region.matte(outline) for outline in outlines]))[:, None]
    pictures = [np.clip(frame.rgb(), 0, 1) for frame in frames]
    share = keyframe.mask[..., None]
    edited = pictures[0] + share * (keyframe.rgb - pictures[0])
    clips = _fitted(pictures, fitted)
    if case.truth is None:
        return Subject(case.name, clips, _fitted([edited], fitted), None, (whole > 0).float(), whole)
    with Clip.open(case.truth) as clip:
        truth = _fitted([np.clip(clip.frame(number).rgb(), 0, 1) for number in numbers], fitted)
    matte = ((truth - clips).abs().amax(1, keepdim=True) > LEVEL / 2).float()
    return Subject(case.name, clips, truth[:1], truth, matte, torch.maximum(whole, matte))


def _fitted(pictures: Sequence[Image], fitted: Fit) -> Tensor:
    return torch.cat([fitted.to_model(np.ascontiguousarray(picture, np.float32)) for picture in pictures])


@dataclass(frozen=True)
class Bench:
    """A model, laid out on the device at hand, and how many trials it can run at once."""

    model: Weights
    pipelines: tuple[VideoshopPipeline, ...]
    decode_chunk: int

    @classmethod
    def of(cls, model: Path | None) -> "Bench":
        """The model at `model`, else the one that is installed. Raises WeightsError and ResourceError."""
        found = weights.locate(model, MODEL_OPTION)
        side = max(1, round(found.area**0.5 / found.multiple)) * found.multiple
        plan = memory.plan(resources(), found.size, found.frames, side, side)
        pipeline = weights.load(found, plan.dtype)
        placement.apply(pipeline, plan)
        workers = at_once(found)
        pipelines = (pipeline,) if workers == 1 else tuple(_shared(pipeline) for _ in range(workers))
        return cls(found, pipelines, plan.decode_chunk)

    def each(
        self, subjects: Sequence[Subject], seed: int, of: Callable[[Trial], Found], on_progress: OnEvent
    ) -> list[Found]:
        """`of` a trial of each subject, in their order; as many at once as there are pipelines.

        What `on_progress` raises stops the work at the next step.
        """
        free = list(self.pipelines)

        def one(subject: Subject, check: Check) -> Found:
            pipeline = free.pop()
            pipeline.between = check
            try:
                return of(Trial(pipeline, subject, seed, decode_chunk=self.decode_chunk))
            finally:
                free.append(pipeline)

        return shared_out(subjects, one, len(self.pipelines), "generate", on_progress)


def at_once(model: Weights) -> int:
    """How many subjects are worked on side by side: on a processor with a small model as many as it has cores."""
    if resources().accelerators or model.size.network > SMALL:
        return 1
    torch.set_num_threads(1)
    return os.cpu_count() or 1


def shared_out(
    subjects: Sequence[Subject], of: Callable[[Subject, Check], Found], workers: int, stage: Stage, on_progress: OnEvent
) -> list[Found]:
    """`of` each subject, in their order, `workers` of them at once, told as progress of `stage`.

    What `on_progress` raises stops the work where it next calls its check.
    """
    stopped = Event()
    with ThreadPoolExecutor(workers) as pool:
        work = [pool.submit(of, subject, partial(_unless, stopped)) for subject in subjects]
        try:
            for done, job in enumerate(work):
                while not job.done():
                    on_progress(Told(stage=stage, done=done, total=len(work), message=subjects[done].name))
                    wait([job], SECONDS)
            on_progress(Told(stage=stage, done=len(work), total=len(work)))
        except BaseException:
            stopped.set()
            for job in work:
                job.cancel()
            raise
    return [job.result() for job in work]


def _unless(stopped: Event) -> None:
    if stopped.is_set():
        raise Cancelled.asked()


def _shared(pipeline: VideoshopPipeline) -> VideoshopPipeline:
    """The same modules with counters of their own."""
    return VideoshopPipeline(
        pipeline.vae, pipeline.image_encoder, pipeline.unet, pipeline.scheduler, pipeline.feature_extractor
    )
