import numpy as np
import pytest

from engine.evaluate.metrics.likeness import (
    Identity,
    Likeness,
    Outside,
    changed,
    difference,
    keyframe_fidelity,
    overlap,
    psnr,
    ssim,
)

GREY = np.full((2, 24, 24, 3), 0.5, np.float32)
MATTE = np.zeros((2, 24, 24), np.float32)
MATTE[:, :12, :12] = 1


def off(inside: float, outside: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Grey, brighter by so much inside the matte and outside it."""
    return (GREY + np.where(MATTE > 0, inside, outside)[..., None]).astype(np.float32)


def test_an_error_of_a_tenth_is_20_db() -> None:
    assert psnr(off(0.1, 0.1), GREY) == pytest.approx(20, abs=1e-4)


def test_an_error_is_counted_where_it_is_asked_for() -> None:
    found = off(0.1, 0.01)
    assert psnr(found, GREY, MATTE) == pytest.approx(20, abs=1e-4)
    assert psnr(found, GREY, 1 - MATTE) == pytest.approx(40, abs=1e-3)
    assert psnr(found, GREY, np.full_like(MATTE, 0.25)) == pytest.approx(psnr(found, GREY))


def test_equal_pictures_are_told_as_100_db_and_none_at_all_as_no_number() -> None:
    assert psnr(GREY, GREY) == pytest.approx(100)
    assert np.isnan(psnr(GREY, GREY, np.zeros_like(MATTE)))


def test_ssim_of_even_pictures_is_that_of_their_means() -> None:
    a, b = 0.5, 0.25
    expected = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
    assert ssim(GREY, np.full_like(GREY, b)) == pytest.approx(expected, abs=1e-5)


def test_ssim_is_1_for_equal_pictures_and_turns_with_the_contrast() -> None:
    rng = np.random.default_rng(0)
    grain = GREY + (rng.standard_normal((2, 24, 24, 1)) * 0.1).astype(np.float32)
    assert ssim(grain, grain) == pytest.approx(1, abs=1e-5)
    assert ssim(grain, 1 - grain) < -0.7
    found = np.where(MATTE[..., None] > 0, 1 - grain, grain).astype(np.float32)
    far = np.zeros_like(MATTE)
    far[:, 18:, 18:] = 1  # beyond the window's reach of what differs
    assert ssim(found, grain, far) == pytest.approx(1, abs=1e-5)


def test_the_largest_difference_is_one_samples_in_levels() -> None:
    found = GREY.copy()
    found[1, 3, 4, 2] += 7 / 255
    assert difference(found, GREY) == pytest.approx(7, abs=1e-3)
    assert difference(found, GREY, 1 - MATTE) == 0
    assert np.isnan(difference(found, GREY, np.zeros_like(MATTE)))


def test_outside_the_matte_nothing_inside_counts_and_a_soft_edge_is_inside() -> None:
    matte = MATTE.copy()
    matte[:, 12, :12] = 0.01
    found = GREY + (matte > 0)[..., None].astype(np.float32) * 0.3
    score = Outside.of(found, GREY, matte)
    assert score.psnr == pytest.approx(100)
    assert score.difference == 0
    assert Outside.of(off(0, 0.02), GREY, MATTE).difference == pytest.approx(5.1, abs=1e-3)


def test_a_keyframe_that_comes_back_as_painted_has_100_db() -> None:
    painted = off(0.2, 0.0)[0]
    assert keyframe_fidelity(painted, painted, MATTE[0]) == pytest.approx(100)
    assert keyframe_fidelity(off(0.3, 0.4)[0], painted, MATTE[0]) == pytest.approx(20, abs=1e-4)


def test_an_identity_edit_loses_what_the_vae_does_not() -> None:
    score = Identity.of(off(0.1, 0.1), GREY, off(0.01, 0.01))
    assert (score.psnr, score.ceiling, score.lost) == pytest.approx((20, 40, 20), abs=1e-3)


def test_likeness_is_told_inside_whole_and_outside() -> None:
    truth = off(0.4, 0)
    found = truth + np.where(MATTE > 0, 0.1, 0.01)[..., None].astype(np.float32)
    score = Likeness.of(found, truth, GREY, GREY, MATTE)
    assert score.inside == pytest.approx(20, abs=1e-4)
    assert score.outside == pytest.approx(40, abs=1e-2)
    assert score.whole == pytest.approx(-10 * np.log10(0.25 * 0.01 + 0.75 * 0.0001), abs=1e-3)
    assert score.iou == 1


def test_the_overlap_is_that_of_the_pixels_that_changed() -> None:
    truth, found = GREY.copy(), GREY.copy()
    truth[:, :4, :4, 1] = 1
    found[:, :4, 2:6, 2] = 0
    found += 0.05  # too little to be an edit
    assert overlap(changed(found, GREY), changed(truth, GREY)) == pytest.approx(8 / 24)
    assert overlap(changed(GREY, GREY), changed(GREY, GREY)) == 1
