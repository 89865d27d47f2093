from pathlib import Path

import numpy as np
import pytest
import torch

from engine.evaluate.metrics.clip_similarity import ABSENT, consistency, embedded, masked, source, target
from engine.videoshop import weights
from engine.videoshop.pipeline import VideoshopPipeline
from tests.engine.clips import texture

MODEL = Path(__file__).parents[3] / "assets" / "world" / "model"
EAST, NORTH, BOTH = (np.array([way], np.float32) for way in ((2, 0), (0, 3), (1, 1)))


@pytest.fixture(scope="module")
def pipeline() -> VideoshopPipeline:
    return weights.load(weights.inspect(MODEL), torch.float32)


def test_alike_is_100_unlike_is_0_and_length_does_not_count() -> None:
    assert target(np.concatenate([EAST, EAST]), 5 * EAST) == pytest.approx(100)
    assert target(np.concatenate([EAST, NORTH]), EAST) == pytest.approx(50)
    assert source(np.concatenate([EAST, NORTH]), np.concatenate([BOTH, NORTH])) == pytest.approx(50 + 50 / 2**0.5)


def test_consistency_is_that_of_neighbours() -> None:
    assert consistency(np.concatenate([EAST, EAST, NORTH])) == pytest.approx(50)
    assert np.isnan(consistency(EAST))


def test_what_is_masked_out_is_the_same_in_every_picture() -> None:
    pictures = np.stack([texture(16, 16, seed) for seed in (0, 1)])
    matte = np.zeros((2, 16, 16), np.float32)
    matte[:, :8] = 1
    found = masked(pictures, matte)
    assert np.allclose(found[:, :8], pictures[:, :8], atol=1e-6)
    assert np.allclose(found[:, 8:], ABSENT)


def test_the_models_own_encoder_tells_pictures_apart(pipeline: VideoshopPipeline) -> None:
    pictures = np.stack([texture(32, 32, 0), texture(32, 32, 0), texture(32, 32, 9)])
    seen = embedded(pictures, pipeline)
    assert seen.shape == (3, pipeline.image_encoder.config.projection_dim)
    assert target(seen[:1], seen[1:2]) == pytest.approx(100, abs=1e-3)
    assert target(seen[2:], seen[:1]) < 99.99
