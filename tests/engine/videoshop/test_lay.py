"""The model's pixels over the clip's, with what the VAE loses given back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.image import Image, blur
from engine.videoshop.lay import Remade, detail_kept, laid
from tests.engine.clips import texture
from tests.engine.flow.scene import ellipse, label

WIDTH, HEIGHT = 120, 80
GRAIN = np.random.default_rng(1).normal(0, 0.03, (HEIGHT, WIDTH, 3)).astype(np.float32)
SOURCE: Image = np.clip(0.2 + 0.6 * texture(HEIGHT, WIDTH) + GRAIN, 0, 1)
SPOT = ellipse(50, 40, 24, 18, WIDTH, HEIGHT)
SOFT = ellipse(50, 40, 40, 34, WIDTH, HEIGHT)


def vae(image: Image) -> Image:
    """What comes back of an image: all but its fine detail."""
    return blur(image, 5)


PLAIN = vae(SOURCE)


NOTHING = np.zeros_like(SPOT)


def laid_over(image: Image, kept: float = 0.0) -> tuple[Image, Image]:
    return laid(SOURCE, Remade(SOURCE, PLAIN, image, SPOT, NOTHING, SOFT), kept)


PAINT = np.where(SPOT[..., None] > 0, np.float32(0.1) + np.float32(0.8) * texture(HEIGHT, WIDTH, seed=7), SOURCE)


def laid_over_paint(image: Image, held: Image = SPOT) -> tuple[Image, Image]:
    """The same where `PAINT` was carried onto the spot."""
    return laid(SOURCE, Remade(PAINT, vae(PAINT), image, SPOT, held, SOFT), 0.0)


def flattened(rgb: Image, matte: Image) -> Image:
    return SOURCE + matte[..., None] * (rgb - SOURCE)


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_where_the_model_changes_nothing_the_source_stays(kept: float) -> None:
    rgb, matte = laid_over(PLAIN, kept)
    assert not matte.any()
    np.testing.assert_allclose(rgb, SOURCE, atol=1e-6)


def test_a_change_too_small_to_see_is_none() -> None:
    _, matte = laid_over(PLAIN + 1 / 255)
    assert not matte.any()


def test_a_change_beyond_the_reach_of_the_edit_is_not_shown() -> None:
    _, matte = laid_over(1 - PLAIN)
    assert not matte[SOFT == 0].any()
    np.testing.assert_array_equal(flattened(*laid_over(1 - PLAIN))[SOFT == 0], SOURCE[SOFT == 0])


def test_what_was_painted_over_is_the_models_and_nothing_of_the_source() -> None:
    image = vae(label(SPOT))
    rgb, matte = laid_over(image)
    within = SPOT == 1
    changed = within & (np.abs(image - PLAIN).max(2) > 0.1)
    assert matte[changed].min() > 0.9
    np.testing.assert_allclose(rgb[changed & (matte == 1)], image[changed & (matte == 1)], atol=1e-6)


def test_grain_survives_beside_the_edit_and_under_its_shadow() -> None:
    """A shadow is no part of the edit: what it falls on keeps its grain."""
    lit = np.where(SPOT[..., None] > 0, np.float32(0.9), PLAIN * np.float32(0.7))
    rgb, matte = laid_over(lit)
    shadow = (SPOT == 0) & (matte == 1)
    assert shadow.sum() > 500
    np.testing.assert_allclose(rgb[shadow], np.clip(lit + SOURCE - PLAIN, 0, 1)[shadow], atol=1e-6)
    fine = rgb - vae(rgb)
    middle = ellipse(50, 40, 14, 10, WIDTH, HEIGHT) == 1
    assert fine[middle].std() < 0.002
    apart = shadow & (ellipse(50, 40, 30, 24, WIDTH, HEIGHT) == 0)
    assert apart.sum() > 500
    assert fine[apart].std() == pytest.approx((SOURCE - PLAIN)[apart].std(), rel=0.1)


def test_a_recoloured_surface_keeps_its_grain_where_the_artist_kept_it() -> None:
    graded = PLAIN * np.float32(0.8) + np.float32(0.1)
    rgb, _ = laid_over(graded, kept=1.0)
    np.testing.assert_allclose(rgb, np.clip(graded + SOURCE - PLAIN, 0, 1), atol=1e-6)


def test_carried_paint_that_the_model_leaves_as_it_is_stays_as_it_was_painted() -> None:
    flat = flattened(*laid_over_paint(vae(PAINT)))
    sure = ellipse(50, 40, 20, 14, WIDTH, HEIGHT) == 1
    np.testing.assert_allclose(flat[sure], PAINT[sure], atol=1e-6)
    np.testing.assert_array_equal(flat[SOFT == 0], SOURCE[SOFT == 0])


def test_carried_paint_that_the_model_lights_otherwise_stays_sharp() -> None:
    lit = vae(PAINT) * np.float32(0.94)
    rgb, _ = laid_over_paint(lit)
    sure = ellipse(50, 40, 18, 12, WIDTH, HEIGHT) == 1
    np.testing.assert_allclose(rgb[sure], np.clip(lit + PAINT - vae(PAINT), 0, 1)[sure], atol=1e-5)
    soft, _ = laid_over_paint(lit, held=NOTHING)
    assert (rgb - vae(rgb))[sure].std() > 1.5 * (soft - vae(soft))[sure].std()


def test_where_the_model_makes_another_thing_of_it_nothing_of_the_paint_comes_back() -> None:
    other = np.clip(vae(PAINT) + np.float32(0.4), 0, 1)
    rgb, _ = laid_over_paint(other)
    within = (SPOT == 1) & (np.abs(other - vae(PAINT)).min(2) > 0.35)
    assert within.sum() > 100
    np.testing.assert_allclose(rgb[within], other[within], atol=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 99), st.floats(0, 1))
def test_pixels_stay_colours_and_the_matte_stays_within_reach(seed: int, kept: float) -> None:
    rng = np.random.default_rng(seed)
    source, base, image, plain = (rng.random((24, 32, 3), np.float32) for _ in range(4))
    spot, held, reach = (rng.random((24, 32), np.float32) for _ in range(3))
    rgb, matte = laid(source, Remade(base, plain, image, np.minimum(spot, reach), held, reach), kept)
    assert rgb.dtype == matte.dtype == np.float32
    assert 0 <= rgb.min() <= rgb.max() <= 1
    assert (matte >= 0).all()
    assert (matte <= reach).all()


def kept_of(edited: Image) -> float:
    return detail_kept(SOURCE, PLAIN, edited, vae(edited), SPOT)


def test_a_regrade_keeps_the_detail_as_strong_as_the_grade_leaves_it() -> None:
    assert kept_of(SOURCE) == pytest.approx(1)
    assert kept_of(np.clip(SOURCE + np.array([0.1, 0, -0.1], np.float32), 0, 1)) > 0.95
    assert kept_of(SOURCE * np.float32(0.7) + np.float32(0.1)) == pytest.approx(0.7, abs=0.02)


def test_painting_over_keeps_no_detail() -> None:
    assert kept_of(np.full_like(SOURCE, 0.4)) == 0
    assert kept_of(label(SPOT)) < 0.05
    other = np.random.default_rng(2).normal(0, 0.03, SOURCE.shape).astype(np.float32)
    assert kept_of(np.float32(0.5) + other) < 0.1


def test_half_painted_over_keeps_half() -> None:
    half = SOURCE.copy()
    half[:, :50] = 0.4
    assert 0.3 < kept_of(half) < 0.7


def test_detail_beside_the_mask_does_not_count() -> None:
    painted = np.where(SPOT[..., None] > 0, np.float32(0.4), SOURCE)
    far = SPOT == 0
    assert detail_kept(SOURCE, PLAIN, painted, np.where(far[..., None], PLAIN, painted), SPOT) < 0.05


def test_a_clip_without_detail_has_none_to_keep() -> None:
    flat = np.full_like(SOURCE, 0.5)
    assert detail_kept(flat, flat, SOURCE, PLAIN, SPOT) == 0
