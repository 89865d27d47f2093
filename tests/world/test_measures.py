from math import sqrt

import numpy as np
import pytest
import torch

from tests.world.carried import OUT_OF_SIGHT, carried, motion, origins
from tests.world.edits import Recolour, case, drawn_case
from tests.world.measures import (
    Likeness,
    adjacent_cosine,
    changed,
    decibels,
    directions,
    noise,
    overlap,
    pair_cosine,
    psnr,
)
from tests.world.scene import Motion, Scene, body

GREY = torch.full((2, 3, 8, 8), 0.5)
MATTE = torch.zeros(2, 1, 8, 8)
MATTE[:, :, :4, :4] = 1


def chance(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_an_error_is_counted_where_it_is() -> None:
    truth = torch.where(MATTE > 0, 0.9, GREY)
    found = truth + torch.where(MATTE > 0, 0.1, 0.01)
    score = Likeness.of(found, truth, GREY, GREY, MATTE)
    assert score.inside == pytest.approx(20, abs=1e-4)
    assert score.outside == pytest.approx(40, abs=1e-3)
    assert score.whole == pytest.approx(-10 * np.log10(0.25 * 0.01 + 0.75 * 0.0001), abs=1e-3)
    assert score.iou == 1


def test_equal_pictures_are_told_as_100_db() -> None:
    assert psnr(GREY, GREY) == pytest.approx(100)


def test_the_overlap_is_that_of_the_pixels_that_changed() -> None:
    truth, found = GREY.clone(), GREY.clone()
    truth[:, 1, :4, :4] = 1
    found[:, 2, :4, 2:6] = 0
    found += 0.05  # too little to be an edit
    assert overlap(changed(found, GREY), changed(truth, GREY)) == pytest.approx(8 / 24)
    assert overlap(changed(GREY, GREY), changed(GREY, GREY)) == 1


def test_a_straight_line_has_a_cosine_of_1_and_a_turn_back_one_of_minus_1() -> None:
    x0, way = chance(2, 4, 3, 3), chance(2, 4, 3, 3, seed=1)
    sigmas = (8.0, 3.0, 1.0, 0.5, 0.0)
    straight = directions([x0 + sigma * way for sigma in sigmas], sigmas)
    assert adjacent_cosine(straight) == pytest.approx(1, abs=1e-5)
    assert pair_cosine(straight) == pytest.approx(1, abs=1e-5)
    back = directions([x0, x0 + way, x0, x0 + way], (3.0, 2.0, 1.0, 0.0))
    assert adjacent_cosine(back) == pytest.approx(-1, abs=1e-5)
    assert pair_cosine(back) == pytest.approx(-1 / 3, abs=1e-5)


def test_noise_is_told_by_its_size_and_by_what_it_knows_of_the_clip() -> None:
    x0, new = chance(8, 4, 16, 16), chance(8, 4, 16, 16, seed=1)
    std, alike = noise(x0 + 5 * new, x0, 5.0)
    assert std == pytest.approx(1, abs=0.03)
    assert abs(alike) < 0.05
    std, alike = noise(x0 + 5 * (0.6 * x0 + 0.8 * new), x0, 5.0)
    assert std == pytest.approx(1, abs=0.03)
    assert alike == pytest.approx(0.6, abs=0.05)


def test_decibels_of_latents_are_over_their_own_range() -> None:
    exact = torch.tensor([0.0, 10.0])
    assert decibels(exact + 1, exact) == pytest.approx(20, abs=1e-5)


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
