"""How straight the paths between a clip and its noise are: what noise extrapolation rests on (paper, section 3.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from engine.evaluate.cases import facts
from engine.evaluate.document import Chart, Document, Line, Matrix, Section, Table
from engine.evaluate.metrics.inversion import Latents, cosine, directions
from engine.evaluate.subjects import Bench, Options, subjects
from engine.evaluate.trial import Trial
from engine.evaluate.ways import DEFAULT, REFERENCE
from engine.request import OnEvent
from engine.videoshop.stages import Videoshop

PRESETS = {"default": DEFAULT.but(region="frame"), "reference": REFERENCE}
PAPER = ("the paper, SVD, 100 clips", 0.9282, 0.9919, 0.9107, None)
TEXT = (
    "A direction is where one step takes the latents, for each unit of noise. Were a path a straight line in σ, all of "
    "its directions would be one, and the latent at a higher σ would lie on the line from the clean one: noise "
    "extrapolation takes it to. Inversion rises from the clip, generation falls from the noise that inversion found, "
    "guided by the edited frame."
)
OFF = (
    "The mean square of how far a latent lies off the straight line between the path's ends, over that of its own way "
    "from the clean end: 0 on the line. Means over clips ± their spread."
)
MISSED = (
    "How far the next latent lies from where the chord, the line from the clean latent through the one at hand, puts "
    "it: mean square, over that of the step. 1 is what the latent at hand itself misses, which naive inversion takes."
)


@dataclass(frozen=True)
class Straightness:
    """Of one path, its levels `sigmas` rising from 0: cosines of all pairs of directions (steps, steps); at each level
    but 0 how far it is off the straight line; at each but the two lowest what the chord from the one below misses."""

    sigmas: tuple[float, ...]
    cosines: NDArray[np.float64]
    off: tuple[float, ...]
    missed: tuple[float, ...]

    @classmethod
    def of(cls, path: Sequence[Latents], sigmas: Sequence[float]) -> "Straightness":
        """`path` and its levels, rising from the clean latents at 0."""
        ways = directions(path, sigmas)
        cosines = np.array([[cosine(a, b) for b in ways] for a in ways])
        return cls(tuple(sigmas), cosines, tuple(off_line(path, sigmas)), tuple(chord_missed(path, sigmas)))

    @property
    def adjacent(self) -> NDArray[np.float64]:
        return np.diagonal(self.cosines, 1)

    @property
    def pairs(self) -> float:
        """The mean of all pairs of two."""
        return float(self.cosines[np.triu_indices(len(self.cosines), 1)].mean())


def off_line(path: Sequence[Latents], sigmas: Sequence[float]) -> list[float]:
    """How far each latent but the first, the clean one at σ 0, lies off the line to the last: see `OFF`."""
    way = (path[-1].astype(np.float64) - path[0]) / sigmas[-1]
    return [
        float(np.square(x - path[0] - sigma * way).mean() / np.square(sigma * way).mean())
        for x, sigma in zip(path[1:], sigmas[1:], strict=True)
    ]


def chord_missed(path: Sequence[Latents], sigmas: Sequence[float]) -> list[float]:
    """How far each latent from the third on lies from where the chord through the one before puts it: see `MISSED`."""
    clean = path[0].astype(np.float64)
    return [
        float(np.square(x - clean - (before - clean) * (sigma / below)).mean() / np.square(x - before).mean())
        for before, x, below, sigma in zip(path[1:-1], path[2:], sigmas[1:-1], sigmas[2:], strict=True)
    ]


Found = dict[tuple[str, str], Straightness]
"""By preset and direction."""


def run(options: Options, on_progress: OnEvent) -> Document:
    """Cosines of step directions and distances from the straight line, over clips. Raises EngineError."""
    bench = Bench.of(options.model)
    about = subjects(options, bench.model)
    found = bench.each(about, options.seed, _tried, on_progress)
    sections = [_section(preset, found) for preset in PRESETS]
    rows = [_row(f"{preset}, {way}", [one[preset, way] for one in found]) for preset, way in found[0]]
    columns = ("path", "cosine, all pairs", "adjacent", "least adjacent", "off the line")
    table = Table("Straightness", columns, (*rows, PAPER), "Means over clips; the least of all clips and steps.")
    told = {"clips": ", ".join(subject.name for subject in about), "frames": str(len(about[0].source))}
    title = "How straight the paths are"
    return Document(title, facts(options.model) | told, (Section("In short", TEXT, (table,)), *sections))


def _tried(trial: Trial) -> Found:
    found: Found = {}
    for preset, way in PRESETS.items():
        risen = trial.inverted(way)
        work = Videoshop(trial.pipeline, way.settings)
        steps = work.generate(risen.path[-1], trial.subject.edited, trial.noise)
        down = [x.numpy() for x in (risen.path[-1], *steps)]
        rising = risen.sigmas[::-1]
        found[preset, "inversion"] = Straightness.of([x.numpy() for x in risen.path], rising)
        found[preset, "generation"] = Straightness.of(down[::-1], rising)
    return found


def _row(name: str, paths: Sequence[Straightness]) -> tuple[str | float | None, ...]:
    adjacent = np.stack([path.adjacent for path in paths])
    off = fmean(fmean(path.off[:-1]) for path in paths)
    return name, fmean(path.pairs for path in paths), float(adjacent.mean()), float(adjacent.min()), off


def _section(preset: str, found: Sequence[Found]) -> Section:
    of = {name: [one[preset, name] for one in found] for name in ("inversion", "generation")}
    levels = of["inversion"][0].sigmas
    labels = tuple(f"{sigma:.2g}" for sigma in levels[1:])
    matrices = [
        Matrix(
            f"Cosines of step directions, {name}",
            labels,
            tuple(tuple(row) for row in np.mean([path.cosines for path in paths], axis=0).tolist()),
            "Each step is named by the σ of its noisier end.",
        )
        for name, paths in of.items()
    ]
    charts = (
        _chart("Cosine of each direction with the next", "cosine", levels[2:], of, "adjacent", ""),
        _chart("Off the straight line", "share of the way, squared", levels[1:], of, "off", OFF),
        _chart("What the chord misses", "share of the step, squared", levels[2:], of, "missed", MISSED),
    )
    return Section(f"The {preset} settings", f"{len(levels) - 1} steps.", (*charts, *matrices))


def _chart(title: str, y: str, xs: Sequence[float], of: dict[str, list[Straightness]], figure: str, note: str) -> Chart:
    lines = []
    for name, paths in of.items():
        values = list(zip(*(getattr(path, figure) for path in paths), strict=True))
        spread = tuple(stdev(column) if len(column) > 1 else 0.0 for column in values)
        lines.append(Line(name, tuple(xs), tuple(map(fmean, values)), spread))
    return Chart(title, "σ", y, tuple(lines), log_x=True, note=note)
