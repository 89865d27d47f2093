from math import sqrt

import numpy as np
import pytest
import torch

from tests.world.carried import OUT_OF_SIGHT, carried, motion, origins
from tests.world.edits import Recolour, case, drawn_case
from tests.world.scene import Motion, Scene, body


def chance(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_noise_is_carried_as_paint_would_be() -> None:
    still = Motion((0.5, 0.5), (0.0, 0.0), 0.3, 0.0, 0.2, 0.0, 0.1)
    drawn = chance(3, 4, 16, 16)
    assert torch.equal(carried(drawn, origins(still, 3, 1, 16, 16), 1), drawn[1].expand(3, -1, -1, -1))
    moving = Motion((0.4, 0.4), (2 / 16, -1 / 16), 0.3, 0.0, 0.2, 0.0, 0.1)
    found = carried(drawn, origins(moving, 3, 1, 16, 16), 1)
    assert torch.equal(found[1], drawn[1])
    assert torch.equal(found[2][:, :15, 2:], drawn[1][:, 1:, :14])
    assert torch.equal(found[2][:, 15], drawn[2][:, 15])  # from outside the picture


def test_a_carried_cell_is_the_same_place_on_the_body() -> None:
    """By the renderer's own word: a pattern that turns and breathes is the keyframe's, at the cells it came from."""
    rng = np.random.default_rng(4)
    turning = Motion((0.5, 0.5), (0.0, 0.02), 0.2, 0.1, 0.3, 0.1, 0.4)
    made = body(rng)
    scene = Scene((), (0.0, 0.0), (type(made)("disc", "halves", (0.4, -0.2, 0.3), turning),))
    edit = Recolour(0, (0.1, 0.4, -0.3))
    size = 96
    it = case(scene, edit, [0.0, 1.0, 2.0, 3.0], size, size)
    assert motion(it) == turning
    cells = origins(turning, 4, 0, size, size)
    within = (cells != OUT_OF_SIGHT) & (it.matte == 1)
    back = it.edited[0].reshape(-1, 3)[np.where(within, cells, 0)]
    error = np.abs(back - it.edited)[within]
    assert error.mean() < 0.01  # the nearest cell is half a pixel off
    still = np.abs(it.edited[:1] - it.edited)[within]
    assert still.mean() > 3 * error.mean()


def test_carried_noise_keeps_its_size() -> None:
    made = drawn_case(3, "insert", 4, 32, 32)
    drawn = chance(4, 4, 16, 16)
    found = carried(drawn, origins(motion(made), 4, 0, 16, 16), 0)
    assert float(found.std()) == pytest.approx(1, abs=0.1)
    assert sqrt(float(found.mean()) ** 2) < 0.1
