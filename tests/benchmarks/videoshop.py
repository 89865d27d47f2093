"""Quality of the `videoshop` method on a small trained model, beside the rendered truth of clips that it never saw.

`--model DIR` in place of the project's own; `--cases N` of each kind of edit; `--side S` of frames; `--workers W`.
`--sweep`: the settings about the default, one at a time, on clips that the report does not use; `--only` the tables
whose titles begin so.
`--sheet FILE.png`: pictures of the first cases, to be looked at.

Figures leave the keyframe out, which comes back as painted anyway. Means ± their spread over the cases.
"""

import argparse
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
from torch import Tensor

from engine.evaluate.metrics.likeness import Images, Likeness
from engine.evaluate.sheet import sheet
from engine.evaluate.trial import Outcome, Variant, images
from engine.evaluate.ways import Ways
from engine.media.still import write_png
from engine.videoshop import weights
from engine.videoshop.pipeline import VideoshopPipeline
from tests.benchmarks.figures import Figures, head, row
from tests.benchmarks.preset import BEATEN, compared, swept
from tests.benchmarks.variants import Trial, held_still
from tests.world.edits import KINDS, Kind, drawn_case
from tests.world.scene import CALM

MODEL = Path(__file__).parents[1] / "assets" / "world" / "model"
SWEPT = 1000
"""The first seed of the sweep's cases; the report's begin at 0. Training draws clips by keys of another length."""
SHOWN = "reference", "default", "image to video"
SHEET_CASES = 6

Place = tuple[Kind, int]
"""A kind of edit and a seed."""


@dataclass(frozen=True)
class Order:
    """What a process needs to know of the cases."""

    model: Path
    side: int


@dataclass(frozen=True)
class Found:
    """One case: what the VAE alone, nothing at all and the unmoved paint are worth, and each way's outcome."""

    place: Place
    best: Likeness
    unedited: Likeness
    still: Likeness
    ceiling: tuple[float, float]
    outcomes: Mapping[Variant, Outcome]
    pictures: tuple[Tensor, Tensor]
    """Source and truth."""


@cache
def pipeline(model: Path) -> VideoshopPipeline:
    return weights.load(weights.inspect(model), torch.float32)


def found(order: Order, place: Place, variants: Sequence[Variant]) -> Found:
    torch.set_num_threads(1)
    kind, seed = place
    loaded = pipeline(order.model)
    trial = Trial(loaded, drawn_case(seed, kind, loaded.frames, order.side, order.side, temper=CALM), seed)
    outcomes = {variant: trial.run(variant) for variant in variants}
    return Found(
        place,
        trial.best,
        trial.judged(trial.seen),
        trial.judged(held_still(trial)),
        trial.ceiling,
        outcomes,
        (trial.source, trial.truth),
    )


def all_found(order: Order, places: Iterable[Place], ways: Iterable[Variant], workers: int) -> list[Found]:
    """Each way but once, however many names it has."""
    variants = tuple(dict.fromkeys(ways))
    jobs = [(order, place, variants) for place in places]
    if workers == 1:
        return [found(*job) for job in jobs]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return pool.starmap(found, jobs, chunksize=1)


def spread(values: Sequence[float], digits: int = 1) -> str:
    return f"{fmean(values):.{digits}f} ± {stdev(values):.{digits}f}" if len(values) > 1 else f"{values[0]:.{digits}f}"


Picked = Callable[[Found], Likeness]


def likeness_cells(cases: Sequence[Found], of: Picked) -> Iterator[str]:
    for kind in KINDS:
        yield spread([of(case).inside for case in cases if case.place[0] == kind])
    scores = [of(case) for case in cases]
    yield spread([score.inside for score in scores])
    yield spread([score.whole for score in scores])
    yield spread([score.outside for score in scores])
    yield spread([score.iou for score in scores], 2)


def edit_of(way: Variant, case: Found) -> Likeness:
    return case.outcomes[way].edit


def quality(title: str, cases: Sequence[Found], ways: Ways) -> None:
    head(title, "way", *(f"inside: {kind}" for kind in KINDS), "inside", "whole", "outside", "IoU")
    row("the truth through the VAE", *likeness_cells(cases, lambda case: case.best))
    for name, way in ways.items():
        row(name, *likeness_cells(cases, partial(edit_of, way)))
    row("the paint, held still", *likeness_cells(cases, lambda case: case.still))
    row("the source, unedited", *likeness_cells(cases, lambda case: case.unedited))


def runs(title: str, cases: Sequence[Found], ways: Ways) -> None:
    head(
        title,
        "way",
        "identity edit, dB (inside)",
        "round trip, dB",
        "noise",
        "its correlation",
        "cosine down: adjacent, all pairs",
        "up: adjacent",
        "passes, first (second) edit",
        "s",
    )
    whole, inside = (fmean(case.ceiling[part] for case in cases) for part in (0, 1))
    row("the VAE alone", f"{whole:.1f} ({inside:.1f})", *["–"] * 7)
    for name, way in ways.items():
        outcomes = [case.outcomes[way] for case in cases]
        risen = [outcome.rise for outcome in outcomes if outcome.rise is not None]
        path = (
            (
                spread([one.round_trip for one in risen]),
                spread([one.std for one in risen], 2),
                spread([one.alike for one in risen], 2),
                f"{fmean(one.adjacent for one in risen):.3f}, {fmean(one.pairs for one in risen):.3f}",
                f"{fmean(one.rising for one in risen):.3f}",
            )
            if risen
            else ["–"] * 5
        )
        row(
            name,
            f"{spread([one.identity for one in outcomes])} ({fmean(one.identity_inside for one in outcomes):.1f})",
            *path,
            f"{outcomes[0].passes[0]} ({outcomes[0].passes[1]})",
            f"{fmean(one.seconds[0] for one in outcomes):.1f}",
        )


def bars(figures: Figures, cases: Sequence[Found], ways: Ways) -> None:
    def mean(name: str, of: Callable[[Outcome], float]) -> float:
        return fmean(of(case.outcomes[ways[name]]) for case in cases)

    print()
    ceiling = fmean(case.ceiling[0] for case in cases)
    figures.show("identity edit below the VAE alone", ceiling - mean("default", lambda one: one.identity), "dB", most=2)
    for name, least in (("reference", 0.95), ("default", None)):  # fewer steps are longer, and turn more
        cosines = [one.rise.adjacent for case in cases if (one := case.outcomes[ways[name]]).rise is not None]
        figures.show(f"adjacent cosine of the way down, {name}", fmean(cosines), least=least)
    parts: dict[str, Callable[[Outcome], float]] = {
        "inside": lambda one: one.edit.inside,
        "whole": lambda one: one.edit.whole,
    }
    for part, of in parts.items():
        for name in BEATEN:
            figures.show(f"{part}, default above {name}", mean("default", of) - mean(name, of), "dB", least=0)
    first, second = cases[0].outcomes[ways["default"]].passes
    figures.show("network passes, first edit", first, most=38)
    figures.show("network passes, second edit", second, most=25)


def clips(case: Found, shown: Ways) -> dict[str, Images]:
    """What a sheet shows of one case."""
    source, truth = (images(clip) for clip in case.pictures)
    return {"source": source, "truth": truth} | {
        name: images(case.outcomes[way].pictures) for name, way in shown.items()
    }


def run() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks videoshop")
    parser.add_argument("name")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--only", nargs="*", help="tables of the sweep whose titles begin so")
    told = parser.parse_args()
    torch.set_num_threads(1)
    order = Order(told.model, told.side)
    first = SWEPT if told.sweep else 0
    places: list[Place] = [(kind, first + number) for number in range(told.cases) for kind in KINDS]
    about = f"{len(places)} cases of {told.side}×{told.side}"
    tables = swept() if told.sweep else {"Beside the truth": compared()}
    if told.only is not None:
        tables = {title: ways for title, ways in tables.items() if title.startswith(tuple(told.only))}
    cases = all_found(order, places, [way for ways in tables.values() for way in ways.values()], told.workers)
    for title, ways in tables.items():
        quality(f"{title}; {about}.", cases, ways)
        runs(f"{title}: the runs.", cases, ways)
    if told.sweep:
        return 0
    (ways,) = tables.values()
    if told.sheet:
        shown = {name: ways[name] for name in SHOWN}
        pictures = np.vstack([sheet(clips(case, shown)) for case in cases[:SHEET_CASES]])
        write_png(told.sheet, pictures.astype(np.float32) / np.float32(255), bits=8)
    figures = Figures()
    bars(figures, cases, ways)
    return figures.end()
