"""The whole proof in one document: `flow` beside plain warping on the built-in set, the experiments on the model."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from math import isnan
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from engine.edit import Keyframe
from engine.errors import SettingsError, WeightsError
from engine.evaluate import cases
from engine.evaluate.cases import COLUMNS, FLAT, LEGEND, Outcome, carried, facts, film, mean, row
from engine.evaluate.dataset import Case
from engine.evaluate.dataset import cases as read
from engine.evaluate.document import Cell, Chart, Document, Item, Line, Picture, Section, Table
from engine.evaluate.metrics.likeness import psnr
from engine.evaluate.peers import PEERS
from engine.evaluate.perform import EXPERIMENTS, needs_model
from engine.evaluate.sheet import sheet
from engine.evaluate.suite.build import build
from engine.flow.method import FlowMethod
from engine.image import Image
from engine.media.clip import Clip
from engine.media.safe import writing
from engine.media.still import read_mask
from engine.method import Painted
from engine.request import Event, FlowSettings, OnEvent

SET = "set"
TITLE = "Videoshop Bridge, measured"
TEXT = (
    "Every edit of the set, carried by flow and by plain warping along optical flow in the same run: the paint is "
    "pulled through a backward map, chained from frame to frame, or found from each frame to the keyframe at once. All "
    "go through the same job, and are laid over the clip alike."
)
BESIDE = (
    "PSNR, dB. Inside: beside the truth where it differs from the source. Whole: of the whole picture, where paint in "
    "the wrong place counts too. Of the real clips without a truth: the clip's own pixels under the mask, carried as "
    "they are, beside the clip itself, where all of the methods show them. Means over frames; the verdict is flow's "
    "lead over the best of the others."
)
METHODS = ("flow", *(name for name, peer in PEERS.items() if peer))
AHEAD = 0.05
"""dB that count as a lead."""


class Options(BaseModel):
    """What `evaluate` alone is asked: `model` are the weights' folder (None: those installed), `dataset` the clips of
    the experiments on it (None: the set), `cases` how many of them each takes, `footage` the folder of the bundled
    clips; `output` takes the set and the results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: Path
    footage: Path
    model: Path | None = None
    dataset: Path | None = None
    cases: Annotated[int, Field(ge=1)] = 3
    seed: int = 0


def run(options: Options, on_progress: OnEvent) -> Document:
    """Build the set, carry each of its edits in every way, run each experiment.

    Without a model, where none was named, the document says what was not measured. Raises EngineError.
    """
    folder = options.output / SET
    with writing(folder):
        build(folder, options.footage, told=lambda name: on_progress(Event(stage="probe", done=0, total=1)))
    sections = list(_set(folder, options, on_progress))
    for name in EXPERIMENTS:
        try:
            needs_model()
            module = import_module(f"engine.evaluate.experiments.{name}")
            clips = options.dataset or folder
            asked = {"model": options.model, "dataset": clips, "cases": options.cases, "seed": options.seed}
            sections += module.run(module.Options.model_validate(asked), on_progress).sections
        except (SettingsError, WeightsError) as error:
            if options.model is not None:
                raise
            sections.append(Section("Not measured", f"The video model: {error.message} {error.hint}"))
            break
    return Document(TITLE, facts(options.model), tuple(sections))


def _set(folder: Path, options: Options, on_progress: OnEvent) -> Iterator[Section]:
    """Flow and its peers on the set in `folder`: the tables, then every case."""
    asked = cases.Options(folder=folder, output=options.output, seed=options.seed)
    found = read(folder)
    outcomes: dict[str, list[Outcome]] = {}
    for number, case in enumerate(found):
        on_progress(Event(stage="plan", done=number, total=len(found), message=case.name))
        ways = {"flow": None} | {name: peer for name, peer in PEERS.items() if peer}
        outcomes[case.name] = [carried(case, name, asked, on_progress, by) for name, by in ways.items()]
    on_progress(Event(stage="plan", done=len(found), total=len(found)))
    table = Table("Flow beside plain warping", _columns(), tuple(map(_beside, outcomes.values())), BESIDE)
    rows = tuple(row(outcome) for of in outcomes.values() for outcome in of)
    absent = "".join(f" {name}: not installed." for name, peer in PEERS.items() if peer is None)
    yield Section("Flow on the set", TEXT + absent, (table, Table("Every figure", COLUMNS, rows, LEGEND)))
    for case in found:
        yield Section(case.name, case.note, tuple(_shown(case, outcomes[case.name])))


def _columns() -> tuple[str, ...]:
    return ("case", "verdict", "kind", *(f"{method}, {part}" for part in ("inside", "whole") for method in METHODS))


def _beside(of: Sequence[Outcome]) -> tuple[Cell, ...]:
    """One case's row: PSNR of each method inside and whole, and whether flow leads."""
    case = of[0].case
    if case.truth is None:
        inside: Mapping[str, float] = own_pixels(case)
        whole: Mapping[str, float] = {}
    else:
        truths = {outcome.method: outcome.figures.truth for outcome in of if outcome.figures}
        inside = {name: mean(truth.inside) for name, truth in truths.items() if truth}
        whole = {name: mean(truth.whole) for name, truth in truths.items() if truth}
    verdicts = [verdict(part, figures) for part, figures in (("inside", inside), ("whole", whole)) if figures]
    cells = [figures.get(name) for figures in (inside, whole) for name in METHODS]
    return case.name, "; ".join(verdicts), case.kind, *cells


def verdict(part: str, figures: Mapping[str, float]) -> str:
    """Flow's lead over the best other in `figures`, dB by method, in words."""
    best = max((name for name in figures if name != "flow"), key=lambda name: figures[name])
    lead = figures["flow"] - figures[best]
    if isnan(lead):
        return f"{part}: nothing to compare"
    if abs(lead) < AHEAD:
        return f"{part}: level with {best}"
    return f"{part}: {'leads' if lead > 0 else 'LOSES to'} {best} by {abs(lead):.1f} dB"


def own_pixels(case: Case) -> dict[str, float]:
    """PSNR, dB, by method, of the keyframe's own pixels under the first mask of `case`, carried through its clip."""
    first = case.keyframes[0]
    assert first.mask is not None
    assert first.frame is not None
    with Clip.open(case.source) as clip:
        frames = list(clip.frames())
    source, mask = frames[first.frame], read_mask(first.mask)
    keyframe = Keyframe(first.frame, np.clip(source.rgb(), 0, 1), mask)
    spans = frames[first.frame + 1 :], frames[: first.frame][::-1]
    made: dict[str, list[Painted]] = {}
    for span in spans:
        if span:
            flow = FlowMethod(FlowSettings(transfer="opaque"))
            made.setdefault("flow", []).extend(flow.propagate(keyframe, source, span))
            for name, peer in PEERS.items():
                if peer:
                    made.setdefault(name, []).extend(peer().propagate(keyframe, source, span))
    figures: dict[str, list[float]] = {name: [] for name in made}
    for number, frame in enumerate([*spans[0], *spans[1]]):
        rgb = np.clip(frame.rgb(), 0, 1)
        laid = {name: _laid(paints[number], rgb) for name, paints in made.items()}
        seen = np.minimum.reduce([matte for _, matte in laid.values()]) > 0.5
        for name, (image, _) in laid.items():
            figures[name].append(psnr(image[None], rgb[None], seen.astype(np.float32)[None]))
    return {name: mean(values) for name, values in figures.items()}


def _laid(painted: Painted, rgb: Image) -> tuple[Image, Image]:
    """The paint over the frame `rgb`, and its matte, both as large as the frame."""
    image, matte = rgb.copy(), np.zeros(rgb.shape[:2], np.float32)
    if painted.box.area:
        matte[painted.box.slices] = painted.matte
        image[painted.box.slices] = painted.rgb
    return image, matte


def _shown(case: Case, of: Sequence[Outcome]) -> Iterator[Item]:
    """One case's chart, pictures and film."""
    done = {outcome.method: outcome for outcome in of if outcome.figures}
    lines = tuple(
        Line(name, tuple(range(len(truth.inside))), truth.inside)
        for name, outcome in done.items()
        if outcome.figures and (truth := outcome.figures.truth)
    )
    if lines:
        yield Chart("Likeness inside the edit", "frame", "PSNR, dB", lines, note="Beside the truth.")
    clips = {"source": case.source} | ({"truth": case.truth} if case.truth else {})
    clips |= {name: outcome.folder / FLAT for name, outcome in done.items()}
    yield Picture("Frames", sheet({name: _pictures(path) for name, path in clips.items()}))
    yield film({name: path for name, path in clips.items() if name in ("source", "flow", "truth")})


def _pictures(path: Path) -> list[Image]:
    with Clip.open(path) as clip:
        return [frame.rgb() for frame in clip.frames()]
