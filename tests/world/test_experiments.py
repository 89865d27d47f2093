"""The experiments, from a folder of cases to a document: on the kept model where what they show is held to, else on an
untrained one."""

import tempfile
from math import isfinite
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import Cancelled, SettingsError
from engine.evaluate import product
from engine.evaluate.dataset import cases
from engine.evaluate.document import Cell, Chart, Document, Table
from engine.evaluate.experiments import ablation, generalization, linearity, threshold
from engine.evaluate.subjects import Bench, Options, subject, subjects, window
from engine.evaluate.ways import DEFAULT
from engine.request import Event
from engine.videoshop import weights
from engine.videoshop.schedule import Schedule
from tests.world.dataset import made, write_cases
from tests.world.model import MINIMAL, untrained, write

KEPT = Path(__file__).parents[1] / "assets" / "world" / "model"


def silent(event: Event) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("world")
    write_cases(place, 2, 32)
    return place


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("small")
    write_cases(place, 2, 16)
    return place


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tiny")
    write(place, untrained(MINIMAL, 0))
    return place


def table(document: Document, title: str) -> list[dict[str, Cell]]:
    (found,) = (
        item
        for section in document.sections
        for item in section.items
        if isinstance(item, Table) and item.title == title
    )
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def test_the_cases_on_disk_are_those_that_were_drawn(folder: Path) -> None:
    found = subjects(Options(model=KEPT, dataset=folder, cases=2), weights.inspect(KEPT))
    for number, about in enumerate(found):
        case = made(number, 32)
        assert np.allclose(about.source.permute(0, 2, 3, 1).numpy(), case.frames[:8], atol=1e-6)
        assert about.truth is not None
        assert np.allclose(about.truth.permute(0, 2, 3, 1).numpy(), case.edited[:8], atol=1e-6)
        assert torch.equal(about.edited, about.truth[:1])
        assert torch.all(about.whole[about.matte > 0] == 1)


def test_without_a_truth_the_edit_is_where_flow_follows_the_mask(folder: Path, tmp_path: Path) -> None:
    write_cases(tmp_path, 1, 32)
    for image in (tmp_path / "000-insert" / "truth").iterdir():
        image.unlink()
    (tmp_path / "000-insert" / "truth").rmdir()
    model = weights.inspect(KEPT)
    blind, seeing = (subject(cases(place)[0], model) for place in (tmp_path, folder))
    assert blind.truth is None
    assert float(torch.minimum(blind.whole, seeing.matte).sum() / seeing.matte.sum()) > 0.7


def test_a_window_begins_at_the_keyframe_and_runs_where_there_are_frames() -> None:
    assert window(0, 24, 8) == range(0, 8)
    assert window(20, 24, 8) == range(20, 12, -1)
    assert window(2, 5, 8) == range(2, 5)
    assert window(4, 24, 8, 2) == range(4, 20, 2)


def test_noise_extrapolation_gives_the_clip_back_better_than_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The paper's ordering, on the trained model."""
    few = {key: way for key, way in threshold.WAYS.items() if key in (None, ("chord", 0.0))}
    for name, value in {"WAYS": few, "THRESHOLDS": (0.0,), "PROXIES": ("chord",), "FINER": 2}.items():
        monkeypatch.setattr(threshold, name, value)
    rows = table(threshold.run(Options(model=KEPT, dataset=folder, cases=1), silent), "The sweep")
    chord, naive = rows
    for figure in ("round trip, dB", "by 4× the steps, dB", "identity edit, dB"):
        gained, lost = chord[figure], naive[figure]
        assert isinstance(gained, float)
        assert isinstance(lost, float)
        assert gained > lost


def test_paths_of_the_trained_model_are_nearly_straight(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearity, "PRESETS", {"default": linearity.PRESETS["default"]})
    rows = table(linearity.run(Options(model=KEPT, dataset=folder, cases=1), silent), "Straightness")
    inversion, generation, paper = rows
    adjacent = inversion["adjacent"]
    assert isinstance(adjacent, float)
    assert adjacent > 0.95
    assert (generation["path"], paper["adjacent"]) == ("default, generation", 0.9919)


def test_a_straight_path_is_told_as_one() -> None:
    sigmas = (0.0, 0.5, 1.0, 4.0)
    clean, way = np.random.default_rng(0).normal(size=(2, 3, 4, 2, 2))
    straight = linearity.Straightness.of([clean + sigma * way for sigma in sigmas], sigmas)
    assert straight.pairs == pytest.approx(1)
    assert straight.off == pytest.approx([0, 0, 0], abs=1e-12)
    assert straight.missed == pytest.approx([0, 0], abs=1e-12)


def test_a_path_is_off_its_line_by_what_it_bends() -> None:
    sigmas = (0.0, 1.0, 2.0, 4.0)
    x0, way = np.zeros((2, 3)), np.ones((2, 3))
    assert linearity.off_line([x0, 1.5 * way, 2 * way, 4 * way], sigmas) == pytest.approx([0.25, 0, 0])
    assert linearity.chord_missed([x0, 1.5 * way, 2 * way, 4 * way], sigmas) == pytest.approx([4, 0])


def test_the_finer_schedule_passes_through_every_level_of_the_coarse_one() -> None:
    coarse = Schedule.karras(15, 0.55)
    finer = threshold.finer(coarse)
    assert finer.steps == threshold.FINER * (coarse.steps - 1) + 1
    assert finer.sigmas[:: threshold.FINER] == pytest.approx(coarse.sigmas[:-1])
    assert finer.sigmas[-1] == 0
    assert list(finer.sigmas) == sorted(finer.sigmas, reverse=True)


def test_every_way_is_measured_and_every_claim_answered(tiny: Path, small: Path) -> None:
    document = ablation.run(Options(model=tiny, dataset=small, cases=1), silent)
    rows = table(document, "Every way")
    assert [row["way"] for row in rows[:-1]] == [*ablation.WAYS, product.NAME]
    assert all(isinstance(row["inside, dB"], float) and isfinite(row["inside, dB"]) for row in rows)
    assert {row["seen here"] for row in table(document, "What is claimed")} <= {"yes", "NO"}


def test_each_axis_begins_at_the_clip_as_it_was(tiny: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {
        axis: (label, (generalization.UNCHANGED[axis], values[-1]))
        for axis, (label, values) in generalization.AXES.items()
    }
    monkeypatch.setattr(generalization, "AXES", ends)
    document = generalization.run(Options(model=tiny, dataset=small, cases=1), silent)
    rows = table(document, "Every place")
    plain = {str(list(row.values())[2:]) for row in rows if row["value"] == generalization.UNCHANGED[str(row["axis"])]}
    assert len(plain) == 1
    assert all(isinstance(row[f"{product.NAME}: inside, dB"], float) for row in rows)
    assert sum(isinstance(item, Chart) for section in document.sections for item in section.items) == 8


def test_what_is_made_harder_is_so_in_clip_and_truth_alike(folder: Path) -> None:
    plain = subject(cases(folder)[0], weights.inspect(KEPT))
    assert plain.truth is not None
    outside = plain.whole.expand_as(plain.source) == 0
    for axis, value in (("Flicker", 0.2), ("Complex background", 12)):
        hard = generalization.harder(plain, axis, value, 4)
        assert hard.truth is not None
        assert not torch.equal(hard.source, plain.source)
        assert torch.equal(hard.source[outside], hard.truth[outside])
        assert torch.allclose(hard.edited, hard.truth[:1])
    small = generalization.harder(plain, "Resolution", 0.5, 4)
    assert small.source.shape[2:] == small.matte.shape[2:] == (16, 16)


def test_the_whole_method_follows_the_truth_where_flow_does_and_leaves_the_rest_as_it_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    model = weights.inspect(KEPT)
    about = subjects(Options(model=KEPT, dataset=folder, cases=1), model)
    (whole,) = product.each(about, model, 0, silent)
    (alone,) = Bench.of(KEPT).each(about, 0, lambda trial: trial.run(DEFAULT, rise=False), silent)
    assert whole.edit.inside > alone.edit.inside + 3
    assert whole.edit.iou > alone.edit.iou + 0.1
    assert whole.edit.outside > alone.edit.outside + 6
    assert whole.identity > alone.identity + 10
    assert whole.passes == alone.passes
    assert torch.equal(whole.pictures[:1], about[0].edited)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stage", ["propagate", "generate"])
def test_a_stop_reaches_the_trials(stage: str, tiny: Path, small: Path) -> None:
    def stop(event: Event) -> None:
        if event.stage == stage:
            raise Cancelled.asked()

    with pytest.raises(Cancelled):
        ablation.run(Options(model=tiny, dataset=small, cases=2), stop)


def test_the_built_in_set_needs_its_clips(tiny: Path) -> None:
    bench = Bench.of(tiny)
    with pytest.raises(SettingsError) as refused:
        subjects(Options(model=tiny), bench.model)
    assert refused.value.code == "settings.footage_needed"
