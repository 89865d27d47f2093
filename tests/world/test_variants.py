"""Of the comparison itself, on an untrained model: that each way does what its name says."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import interpolate

from engine.evaluate.ways import DEFAULT
from engine.request import VideoshopSettings
from tests.benchmarks.preset import BEATEN, compared, swept
from tests.benchmarks.variants import Mix, Trial, Variant
from tests.world.edits import KINDS, drawn_case
from tests.world.model import MINIMAL, untrained

SIDE = 16
QUICK = Variant(
    VideoshopSettings(steps=5, strength=0.6, region="frame", guidance_first=2, guidance_last=4, guidance_from=0)
)


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial(untrained(MINIMAL, 0), drawn_case(0, "recolour", MINIMAL.frames, SIDE, SIDE), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_covers_the_edit_and_what_is_next_to_it(kind: str) -> None:
    case = drawn_case(1, kind, MINIMAL.frames, 32, 32)  # type: ignore[arg-type]
    trial = Trial(untrained(MINIMAL, 0), case, 0)
    pixels = interpolate(trial.inside, scale_factor=trial.pipeline.factor)
    assert torch.all(pixels[trial.subject.whole > 0] == 1)
    assert trial.inside.mean() < 1


def test_passes_are_those_of_both_ways_and_a_second_edit_has_its_own_alone(trial: Trial) -> None:
    assert trial.run(QUICK).passes == (3 + 6, 6)
    assert trial.run(QUICK.but(guidance_first=1.0, guidance_last=1.0)).passes == (6, 3)
    assert trial.run(QUICK.but(noise="fresh")).passes == (6, 6)
    assert trial.run(QUICK.but(region="mask").but(noise="fresh")).passes == (3 + 6, 6)


def test_an_edit_that_changes_nothing_is_measured_from_the_unedited_frame(trial: Trial) -> None:
    """The identity edit must not see the paint: a case without one gives the same figure."""
    found = trial.run(QUICK)
    case = replace(trial.case, edited=trial.case.frames)
    unpainted = Trial(trial.pipeline, case, 0).run(QUICK)
    assert found.identity == pytest.approx(unpainted.edit.whole, abs=1e-3)
    assert found.identity != found.edit.whole


def test_all_of_the_inverted_noise_is_inversion_and_none_of_it_is_fresh(trial: Trial) -> None:
    held = QUICK.but(region="mask")
    mixed = trial.run(replace(held, mix=Mix(1.0, "fresh"))).pictures
    torch.testing.assert_close(mixed, trial.run(held).pictures)
    mixed = trial.run(replace(held, mix=Mix(0.0, "fresh"))).pictures
    torch.testing.assert_close(mixed, trial.run(held.but(noise="fresh")).pictures, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(mixed, trial.run(replace(held, mix=Mix(0.0, "carried"))).pictures)


def test_the_report_names_what_it_has_bars_for() -> None:
    ways = compared()
    assert {"default", *BEATEN} <= ways.keys()
    assert not ways["image to video"].inverts
    assert all(DEFAULT in table.values() for table in swept().values())
