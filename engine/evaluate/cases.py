"""The cases of a dataset, each carried by one method or both, measured, and put into a document."""

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from engine.contact_sheet import contact_sheet
from engine.errors import Cancelled, EngineError, SettingsError, WeightsError
from engine.evaluate.dataset import Case, cases
from engine.evaluate.document import Cell, Chart, Document, Film, Item, Line, Picture, Pixels, Section, Table
from engine.evaluate.measure import Measured, measured
from engine.evaluate.metrics.likeness import Images
from engine.evaluate.perform import needs_weights
from engine.image import Image, shrunk
from engine.media.clip import Clip
from engine.method import Method
from engine.propagate import propagate
from engine.report import Report, engine_version
from engine.request import Event, MethodName, OnEvent, Request

FLAT, LAYER, SHEET = "flat.mkv", "layer", "contact_sheet.png"
FILM_WIDTH = 360
"""Most pixels of one picture's width in a film."""
COLUMNS = (
    "case",
    "kind",
    "method",
    "inside, dB",
    "whole, dB",
    "SSIM",
    "outside, levels",
    "keyframe, dB",
    "warp ratio",
    "flow error, px",
    "… outside, px",
    "flicker, levels",
    "source's",
    "drift, levels/frame",
    "texture error",
    "border step",
    "seconds",
    "fault",
)
LEGEND = (
    "Inside: PSNR where the truth differs from the source, the mean over the frames that were not painted; whole: of "
    "the whole picture, all frames; both and SSIM only where a truth is known, 100 dB for equal pictures. Outside: "
    "the largest difference from the source outside the matte, which has to be 0. Keyframe: PSNR of the layer to the "
    "painted frame where the matte is full, 100 as promised. Warp ratio: how much frames differ along the source's "
    "motion, over the source's own. Flow error: the result's motion beside the source's, in a picture 320 pixels "
    "wide. Flicker: second difference of local colour in the edit, along the source's motion, beside the source's own "
    "there. Drift: slope of the edit's colour against the truth's, or without a truth by itself. Texture error: how "
    "far fine detail strays from the keyframe's, 0 for none. Border step: 1 where the edit's border is as in the "
    "keyframe."
)


class Options(BaseModel):
    """What `evaluate dataset` is asked. `output` takes the results of the cases, `model` the weights' folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    output: Path
    method: Literal["flow", "videoshop", "both"] = "flow"
    model: Path | None = None
    seed: int = 0

    @property
    def methods(self) -> tuple[MethodName, ...]:
        return ("flow", "videoshop") if self.method == "both" else (self.method,)


@dataclass(frozen=True)
class Outcome:
    """A case as one method carried it, its files in `folder`; or the `fault` that stopped it."""

    case: Case
    method: str
    folder: Path
    report: Report | None = None
    figures: Measured | None = None
    fault: EngineError | None = None


def run(options: Options, on_progress: OnEvent) -> Document:
    """Carry every case of the dataset, and tell how it went.

    A case that fails is told in its row. Raises EngineError for what would fail in every case, and Cancelled.
    """
    found = cases(options.folder)
    outcomes: list[Outcome] = []
    work = [(case, method) for case in found for method in options.methods]
    for number, (case, method) in enumerate(work):
        said = f"{case.name}, {method}"
        on_progress(Event(stage="plan", done=number, total=len(work), message=said))
        outcome = carried(case, method, options, on_progress)
        if outcome.report is not None:
            first = outcome.report.edit.frame
            contact_sheet(case.source, outcome.folder / FLAT, first, outcome.folder / SHEET, on_progress)
        outcomes.append(outcome)
    on_progress(Event(stage="plan", done=len(work), total=len(work)))
    return document(f"The edits of {options.folder.name}", outcomes, options.model)


def carried(
    case: Case, method: str, options: Options, on_progress: OnEvent, by: Callable[[], Method] | None = None
) -> Outcome:
    """One case by one method: the whole job on files, without loss, and its figures.

    `by` makes a method that is not one of the product's; `method` is then what it is called.
    """
    folder = options.output / "cases" / case.name / method
    request = Request(
        clip=case.source,
        keyframes=case.keyframes,
        output=folder,
        method="videoshop" if method == "videoshop" else "flow",
        formats=("png", "mkv"),
        seed=options.seed,
        weights=options.model if method == "videoshop" else None,
    )

    def on_event(event: Event) -> None:
        if event.stage != "plan":  # that bar counts the cases
            on_progress(event.model_copy(update={"preview": None}))

    def on_frame(done: int, total: int) -> None:
        on_progress(Event(stage="probe", done=done, total=total))

    if method == "videoshop":
        needs_weights(options.model)
    try:
        report = propagate(request, on_event, method=by() if by else None)
        frames = [keyframe.frame for keyframe in report.edit.keyframes]
        edited = dict(zip(frames, _in_order(case, frames), strict=True))
        figures = measured(case.source, folder / FLAT, folder / LAYER, edited, case.truth, on_frame)
    except (Cancelled, SettingsError, WeightsError):
        raise
    except EngineError as error:
        return Outcome(case, method, folder, fault=error)
    return Outcome(case, method, folder, report, figures)


def _in_order(case: Case, frames: Sequence[int]) -> list[Path]:
    """The edited images in the order of their frames; one without a number is the only one."""
    by_frame = {keyframe.frame: keyframe.edited for keyframe in case.keyframes}
    return [by_frame.get(frame) or by_frame[None] for frame in frames]


def document(title: str, outcomes: Sequence[Outcome], model: Path | None) -> Document:
    """What `outcomes` say, beginning with a table of all; the pictures are read when it is written."""
    items: list[Item] = [Table("All cases", COLUMNS, tuple(map(row, outcomes)), LEGEND)]
    if any(outcome.figures and outcome.figures.truth for outcome in outcomes):
        items.append(_by_kind(outcomes))
    by_case: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_case.setdefault(outcome.case.name, []).append(outcome)
    failed = sum(outcome.fault is not None for outcome in outcomes)
    told = f"{len(by_case)} cases" + (
        f"; {failed} of {len(outcomes)} runs failed, as their rows say." if failed else "."
    )
    sections = [
        Section(name, "\n\n".join(_remarks(of)), tuple(_shown(of)))
        for name, of in by_case.items()
        if any(outcome.figures for outcome in of)
    ]
    return Document(title, facts(model), (Section("Results", told, tuple(items)), *sections))


def facts(model: Path | None) -> dict[str, str]:
    """On what a document's figures were measured."""
    weights = {"weights": model.name} if model else {}
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return {"date": date.today().isoformat(), "engine": engine_version(), "machine": machine, **weights}


def row(outcome: Outcome) -> tuple[Cell, ...]:
    """The table's row of one outcome, as `COLUMNS` name it."""
    case, figures, report = outcome.case, outcome.figures, outcome.report
    names = (case.name, case.kind or None, outcome.method)
    if figures is None or report is None:
        return (*names, *[None] * (len(COLUMNS) - len(names) - 1), outcome.fault.message if outcome.fault else None)
    truth = figures.truth
    beside = (mean(truth.inside), mean(truth.whole), mean(truth.ssim)) if truth else (None, None, None)
    return (
        *names,
        *beside,
        figures.outside,
        figures.keyframe,
        figures.warp,
        figures.flow,
        figures.flow_outside,
        figures.flicker,
        figures.flicker_source,
        figures.drift,
        figures.texture,
        figures.border,
        report.timings["total"],
        None,
    )


def mean(values: Iterable[float]) -> float:
    """Over the frames that have a figure."""
    kept = [value for value in values if isfinite(value)]
    return fmean(kept) if kept else float("nan")


def _by_kind(outcomes: Sequence[Outcome]) -> Table:
    """PSNR inside the edit, by kind of edit and method."""
    methods = list(dict.fromkeys(outcome.method for outcome in outcomes))
    found: dict[str, dict[str, list[float]]] = {}
    for outcome in outcomes:
        if outcome.figures and outcome.figures.truth:
            of_kind = found.setdefault(outcome.case.kind or "(no kind)", {})
            of_kind.setdefault(outcome.method, []).append(mean(outcome.figures.truth.inside))
    rows: list[tuple[Cell, ...]] = [
        (kind, max(map(len, of.values())), *(mean(of.get(method, ())) for method in methods))
        for kind, of in sorted(found.items())
    ]
    columns = ("kind", "cases", *(f"{method}, dB" for method in methods))
    return Table("Inside the edit, by kind", columns, tuple(rows), "Means over cases of the column “inside”.")


def _remarks(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What is known of one case, and what each method said of it."""
    if note := outcomes[0].case.note:
        yield note[0].upper() + note[1:] + "." * (note[-1] not in ".!?")
    for outcome in outcomes:
        if outcome.report and outcome.report.quality.warnings:
            yield f"{outcome.method}: {' '.join(dict.fromkeys(outcome.report.quality.warnings))}"


def _shown(outcomes: Sequence[Outcome]) -> Iterator[Item]:
    """One case's items."""
    done = [outcome for outcome in outcomes if outcome.figures]
    lines = [
        Line(outcome.method, tuple(range(len(truth.inside))), truth.inside)
        for outcome in done
        if outcome.figures and (truth := outcome.figures.truth)
    ]
    if lines:
        yield Chart(
            "Likeness inside the edit",
            "frame",
            "PSNR, dB",
            tuple(lines),
            note="Beside the truth, but for the painted frames.",
        )
    for outcome in done:
        above = "The source above, the result below."
        yield Picture(f"Frames, {outcome.method}", read_picture(outcome.folder / SHEET), above)
    if done:
        case = done[0].case
        clips = {"source": case.source} | {outcome.method: outcome.folder / FLAT for outcome in done}
        yield film(clips | ({"truth": case.truth} if case.truth else {}))


def film(clips: dict[str, Path]) -> Film:
    """Clips of one size side by side, by name, as long as the shortest."""
    with Clip.open(next(iter(clips.values()))) as clip:
        fps = float(clip.info.nominal_fps)
    return Film("From left to right: " + ", ".join(clips), _beside(tuple(clips.values())), fps)


def _beside(paths: Sequence[Path]) -> Iterator[Pixels]:
    opened = [Clip.open(path) for path in paths]
    try:
        for frames in zip(*(clip.frames() for clip in opened), strict=False):
            yield np.hstack([eight_bits(_narrow(frame.rgb())) for frame in frames])
    finally:
        for clip in opened:
            clip.close()


def _narrow(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = min(1.0, FILM_WIDTH / width)
    return shrunk(image, round(width * scale), max(1, round(height * scale)))


def eight_bits(image: Image | Images) -> Pixels:
    """R'G'B' in [0, 1] as 8-bit levels."""
    return np.asarray(np.round(np.clip(image, 0, 1) * 255), np.uint8)


def read_picture(path: Path) -> Pixels:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture[..., ::-1], np.uint8)
