"""From a folder of cases to what a video model is tried on: one window of each clip, from its edited frame on."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from engine.evaluate.dataset import Case
from engine.evaluate.trial import Subject, Trial
from engine.geometry import Box, Size
from engine.image import Image
from engine.media.clip import Clip
from engine.request import Request
from engine.resolve import resolve
from engine.videoshop import memory, placement, weights
from engine.videoshop.devices import resources
from engine.videoshop.fit import Fit
from engine.videoshop.pipeline import VideoshopPipeline
from engine.videoshop.region import Region
from engine.videoshop.trace import traced
from engine.videoshop.weights import Weights

Found = TypeVar("Found")

LEVEL = 1 / 255
"""What tells the truth from the source."""

SMALL = 50_000_000
"""Parameters of a network up to which a trial on each core takes less time than one trial on all of them."""


def window(keyframe: int, frames: int, most: int) -> range:
    """The frames of one window of a clip that begins at its keyframe: forward where there are enough, else backward."""
    after, before = frames - keyframe, keyframe + 1
    if after >= min(most, before):
        return range(keyframe, keyframe + min(most, after))
    return range(keyframe, keyframe - min(most, before), -1)


def fit(frame: Size, model: Weights) -> Fit:
    """Frames whose sides the model takes stay as they are; others are scaled to the area that it knows."""
    if frame.width % model.multiple == 0 and frame.height % model.multiple == 0:
        return Fit(frame, frame, frame)
    return Fit.of(frame, model.area, model.multiple)


def subject(case: Case, model: Weights) -> Subject:
    """One window of `case`, up to a scene cut. Where there is no truth, the edit is where `flow` follows its mask.

    Raises EngineError.
    """
    with Clip.open(case.source) as clip:
        request = Request(clip=case.source, keyframes=case.keyframes, output=Path())
        edit = resolve(request, clip, lambda event: None)
        keyframe, source = edit.keyframes[0], edit.sources[0]
        numbers = window(keyframe.index, clip.info.frames, model.frames)
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
        found = weights.locate(model)
        side = max(1, round(found.area**0.5 / found.multiple)) * found.multiple
        plan = memory.plan(resources(), found.size, found.frames, side, side)
        pipeline = weights.load(found, plan.dtype)
        placement.apply(pipeline, plan)
        if plan.device.type != "cpu" or found.size.network > SMALL:
            return cls(found, (pipeline,), plan.decode_chunk)
        torch.set_num_threads(1)
        return cls(found, tuple(_shared(pipeline) for _ in range(os.cpu_count() or 1)), plan.decode_chunk)

    def each(self, subjects: Sequence[Subject], seed: int, of: Callable[[Trial], Found]) -> Iterator[Found]:
        """`of` a trial of each subject, in their order; as many at once as there are pipelines."""
        free = list(self.pipelines)

        def one(subject: Subject) -> Found:
            pipeline = free.pop()
            try:
                return of(Trial(pipeline, subject, seed, decode_chunk=self.decode_chunk))
            finally:
                free.append(pipeline)

        with ThreadPoolExecutor(len(self.pipelines)) as pool:
            yield from pool.map(one, subjects)


def _shared(pipeline: VideoshopPipeline) -> VideoshopPipeline:
    """The same modules with counters of their own."""
    return VideoshopPipeline(
        pipeline.vae, pipeline.image_encoder, pipeline.unet, pipeline.scheduler, pipeline.feature_extractor
    )
