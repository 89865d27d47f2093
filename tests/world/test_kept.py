"""The trained model that the project keeps: it inverts, it gives back, and what is edited goes through the clip."""

from pathlib import Path

import pytest
import torch

from engine.evaluate.ways import DEFAULT
from engine.request import VideoshopSettings
from engine.videoshop import weights
from tests.benchmarks.variants import Trial
from tests.world.edits import drawn_case
from tests.world.model import MOST_BYTES
from tests.world.scene import CALM

KEPT = Path(__file__).parents[1] / "assets" / "world" / "model"


@pytest.fixture(scope="module")
def trial() -> Trial:
    torch.set_num_threads(1)
    loaded = weights.load(weights.inspect(KEPT), torch.float32)
    return Trial(loaded, drawn_case(1, "reshape", loaded.frames, 32, 32, temper=CALM), 1)


def test_it_fits_into_the_repository() -> None:
    assert sum(file.stat().st_size for file in KEPT.glob("*/*.safetensors")) <= MOST_BYTES


def test_an_edit_that_changes_nothing_gives_the_clip_back_and_one_that_changes_it_goes_through_it(trial: Trial) -> None:
    outcome = trial.run(DEFAULT)
    assert outcome.identity > min(30.0, trial.ceiling[0] - 2)
    assert outcome.edit.inside > trial.judged(trial.seen).inside + 1
    assert outcome.passes[0] < 39
    assert outcome.rise is not None
    assert outcome.rise.adjacent > 0.9
    assert 0.9 < outcome.rise.std < 1.1


def test_the_default_that_is_compared_is_the_products() -> None:
    assert DEFAULT.settings == VideoshopSettings()
