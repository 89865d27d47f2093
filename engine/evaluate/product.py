"""The method `videoshop` as the product runs it, on the clips that its model is tried on, with pictures in memory."""

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from math import nan
from pathlib import Path

import torch

from engine.edit import Keyframe
from engine.evaluate.metrics.likeness import Images
from engine.evaluate.pixels import frame_of, laid_over
from engine.evaluate.subjects import Check, at_once, shared_out
from engine.evaluate.trial import Outcome, Subject, images, judged, kept, mattes
from engine.evaluate.ways import DEFAULT
from engine.image import Image
from engine.plan import Cost, Span, windowed
from engine.propagate import Fed
from engine.request import OnEvent
from engine.videoshop.method import VideoshopMethod
from engine.videoshop.weights import Weights

NAME = "the whole method, held to flow"
SAYS = (
    "The whole method is the default as the command propagate runs it: besides, it works on a crop around the edit, "
    f"holds the edit to what flow carries down to σ = {DEFAULT.settings.free_from:g}, and lays it over the clip with "
    "the detail that the VAE loses."
)


def each(
    subjects: Sequence[Subject], model: Weights, seed: int, on_progress: OnEvent, *, identity: bool = True
) -> list[Outcome]:
    """What the whole method makes of each subject; see `carried`.

    It loads the model by itself: call this while no other pipeline holds memory. What `on_progress` raises stops it.
    """
    work = partial(carried, model=model, seed=seed, identity=identity)
    return shared_out(subjects, work, at_once(model), "propagate", on_progress)


def carried(subject: Subject, check: Check, *, model: Weights, seed: int, identity: bool = True) -> Outcome:
    """The edit as the whole method carries it, laid over the clip; `identity`: and an edit that changes nothing.

    That one is the second edit of the clip. Seconds of the first include loading the model. Raises EngineError.
    """
    source, edited = images(subject.source), images(subject.edited)[0]
    with tempfile.TemporaryDirectory(prefix="videoshop-trial-") as cache:
        method = VideoshopMethod(DEFAULT.settings, model=model.folder, seed=seed, cache=Path(cache))
        made, seconds, passes = _made(method, subject, edited, model.frames, check)
        same, second, again = (nan, nan), nan, 0
        if identity:
            unedited, second, again = _made(method, subject, source[0], model.frames, check)
            same = kept(subject, unedited)
    pictures = torch.from_numpy(made).permute(0, 3, 1, 2)
    return Outcome(judged(subject, made, source), *same, (passes, again), (seconds, second), None, pictures)


def _made(
    method: VideoshopMethod, subject: Subject, edited: Image, most: int, check: Check
) -> tuple[Images, float, int]:
    """The clip with `edited` carried through it, seconds, and passes of the network."""
    source = images(subject.source)
    first, *others = (frame_of(number, image) for number, image in enumerate(source))
    windows = tuple(windowed(Span(0, 1, len(others)), Cost(0, 0, window=most)))
    footage = Fed(others, windows, lambda skip: iter(others[skip:]))
    began, before = time.perf_counter(), method.passes.network
    keyframe = Keyframe(0, edited, mattes(subject.matte)[0])
    painted = list(method.propagate(keyframe, first, footage, lambda step: check()))
    seconds = time.perf_counter() - began
    return laid_over(source, edited, painted), seconds, method.passes.network - before
