"""What each step of the method is worth: each left out or put otherwise, on the same clips (paper, figure 6)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import fmean
from typing import Self

from engine.evaluate import product
from engine.evaluate.cases import facts
from engine.evaluate.document import Cell, Document, Picture, Section, Table
from engine.evaluate.metrics.likeness import Images, Likeness
from engine.evaluate.perform import MODEL_OPTION
from engine.evaluate.sheet import sheet
from engine.evaluate.subjects import Bench, Options, subjects
from engine.evaluate.trial import Outcome, Trial, images
from engine.evaluate.ways import DEFAULT, IMAGE_TO_VIDEO, REFERENCE, Ways, guidance
from engine.request import OnEvent
from engine.videoshop import weights

FULL = "the default"
WAYS: Ways = {
    FULL: DEFAULT,
    "… naive inversion": replace(DEFAULT, naive=True),
    "… chord proxy": DEFAULT.but(proxy="chord"),
    "… chord proxy, threshold 1": DEFAULT.but(proxy="chord", threshold=1.0),
    "… normalised over frames": DEFAULT.but(normalisation="reference"),
    "… normalised over channels": DEFAULT.but(normalisation="paper"),
    "… normalised over the clip": DEFAULT.but(normalisation="clip"),
    "… without rescale": DEFAULT.but(rescale=False),
    "… guidance 1": DEFAULT.but(**guidance(1.0)),
    "… guidance 4": DEFAULT.but(**guidance(4.0)),
    "… fresh noise in the edit": DEFAULT.but(noise="fresh"),
    "… outside not held": DEFAULT.but(region="frame"),
    "the reference": REFERENCE,
    "… without extrapolation": replace(REFERENCE, naive=True),
    "… without normalisation": REFERENCE.but(normalisation="none"),
    "… without rescale (reference)": REFERENCE.but(rescale=False),
    "image to video, no inversion": IMAGE_TO_VIDEO,
}
"""By name; those that begin with an ellipsis differ in one thing from the last that does not."""
SHOWN = (FULL, "… naive inversion", "the reference", "image to video, no inversion")
CLAIMS = (
    ("extrapolation keeps the clip", FULL, "… naive inversion", "identity"),
    ("rescaling keeps colours", FULL, "… without rescale", "whole"),
    ("inversion keeps the clip", FULL, "image to video, no inversion", "identity"),
    ("extrapolation keeps the clip", "the reference", "… without extrapolation", "identity"),
    ("normalisation keeps the background", "the reference", "… without normalisation", "outside"),
    ("rescaling keeps colours", "the reference", "… without rescale (reference)", "whole"),
    ("the default is better than the released code", FULL, "the reference", "whole"),
)
"""What is said of a step, the way that has it, the way that has not, and the figure that it should show in."""
SHEETS = 3
"""Cases of which pictures are shown."""
COLUMNS = (
    *("way", "inside, dB", "whole, dB", "outside, dB", "matte IoU", "identity edit, dB", "… inside, dB"),
    *("round trip, dB", "noise", "with the clip", "with the next frame", "adjacent cosine", "passes", "seconds"),
)
CLAIM_COLUMNS = ("claim", "seen here", "with, dB", "without, dB", "on how many clips", "figure", "with", "without")
CLAIMED = (
    "Each claim of the paper's and of ours, on the figure that it should show in: means over clips, on how many of "
    "them it holds, and whether it holds on the mean. A dash: there is no truth to measure it by."
)
TEXT = (
    "The same clips and edits, carried by the model in each way. The reference is the released code's settings; the "
    "default is this project's own. Pictures are the model's, before they are laid over the clip, but for the last "
    f"way's. {product.SAYS}"
)
LEGEND = (
    "Inside, whole, outside: PSNR beside the truth where there is one, else outside beside the source; the keyframe is "
    "left out. Matte IoU: overlap of what changed with what should have. Identity edit: PSNR of the clip where the "
    "unedited frame is the edit. Round trip: PSNR of latents inverted and denoised without guidance. Noise: its "
    "standard deviation and its correlations. Passes of the network and seconds are those of a first edit, the whole "
    "method's with flow and with loading the model. Means over clips."
)


@dataclass(frozen=True)
class Tried:
    """One clip: what the VAE alone makes of truth and clip, each way's outcome, and pictures to look at."""

    best: Likeness
    ceiling: tuple[float, float]
    outcomes: Mapping[str, Outcome]
    pictures: Mapping[str, Images]

    def beside(self, whole: Outcome) -> Self:
        """The same, and what the whole method made."""
        outcomes = {**self.outcomes, product.NAME: whole}
        return replace(self, outcomes=outcomes, pictures={**self.pictures, product.NAME: images(whole.pictures)})


def run(options: Options, on_progress: OnEvent) -> Document:
    """Try every way on every clip. Raises EngineError."""
    model = weights.locate(options.model, MODEL_OPTION)
    about = subjects(options, model)
    whole = product.each(about, model, options.seed, on_progress)
    alone = Bench.of(options.model).each(about, options.seed, _tried, on_progress)
    found = [one.beside(outcome) for one, outcome in zip(alone, whole, strict=True)]
    claims = Table("What is claimed", CLAIM_COLUMNS, tuple(_claim(*claim, found) for claim in CLAIMS), CLAIMED)
    table = Table("Every way", COLUMNS, (*_rows(found), _vae(found)), LEGEND)
    pictures = [
        Picture(subject.name, sheet(one.pictures)) for subject, one in zip(about[:SHEETS], found[:SHEETS], strict=True)
    ]
    told = facts(options.model) | {"clips": ", ".join(subject.name for subject in about)}
    return Document("What each step is worth", told, (Section("Ablation", TEXT, (claims, table, *pictures)),))


def _tried(trial: Trial) -> Tried:
    outcomes = {name: trial.run(way) for name, way in WAYS.items()}
    truth = trial.subject.truth
    shown = {"source": images(trial.source)} | ({} if truth is None else {"truth": images(truth)})
    shown |= {name: images(outcomes[name].pictures) for name in SHOWN}
    return Tried(trial.best, trial.ceiling, outcomes, shown)


def _claim(says: str, whole: str, less: str, figure: str, found: Sequence[Tried]) -> tuple[Cell, ...]:
    pairs = [(_figure(one.outcomes[whole], figure), _figure(one.outcomes[less], figure)) for one in found]
    kept = [(a, b) for a, b in pairs if isfinite(a) and isfinite(b)]
    if not kept:
        return says, None, None, None, None, figure, whole, less
    a, b = (fmean(side) for side in zip(*kept, strict=True))
    held = sum(with_it > without for with_it, without in kept)
    return says, "yes" if a > b else "NO", a, b, f"{held} of {len(kept)}", figure, whole, less


def _figure(outcome: Outcome, name: str) -> float:
    return outcome.identity if name == "identity" else float(getattr(outcome.edit, name))


def _rows(found: Sequence[Tried]) -> Iterator[tuple[Cell, ...]]:
    for name in (*WAYS, product.NAME):
        outcomes = [one.outcomes[name] for one in found]
        rises = [outcome.rise for outcome in outcomes if outcome.rise is not None]
        path: tuple[Cell, ...] = (None,) * 5
        if rises:
            path = (
                mean([rise.round_trip for rise in rises]),
                mean([rise.std for rise in rises]),
                mean([rise.alike for rise in rises]),
                mean([rise.still for rise in rises]),
                mean([rise.adjacent for rise in rises]),
            )
        identity = [outcome.identity for outcome in outcomes], [outcome.identity_inside for outcome in outcomes]
        spent = outcomes[0].passes[0], mean([outcome.seconds[0] for outcome in outcomes])
        yield name, *_likeness([outcome.edit for outcome in outcomes]), *map(mean, identity), *path, *spent


def _vae(found: Sequence[Tried]) -> tuple[Cell, ...]:
    ceilings = list(zip(*(one.ceiling for one in found), strict=True))
    return "the truth through the VAE alone", *_likeness([one.best for one in found]), *map(mean, ceilings), *[None] * 7


def _likeness(scores: Sequence[Likeness]) -> tuple[Cell, ...]:
    return tuple(mean([getattr(score, part) for score in scores]) for part in ("inside", "whole", "outside", "iou"))


def mean(values: Sequence[float]) -> Cell:
    """Over the clips that have a figure; None where none has."""
    kept = [value for value in values if isfinite(value)]
    return fmean(kept) if kept else None
