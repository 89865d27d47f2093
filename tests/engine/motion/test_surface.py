"""Whether a later frame still shows the keyframe's surface, and in what light."""

import numpy as np
import pytest

from engine.image import Image
from engine.motion.picture import Picture
from engine.motion.surface import BRIGHTEST, DARKEST, Surface
from tests.engine.motion.scene import REGION, moved, picture_of, seen_through


def _seen(light: float = 1.0, dx: float = 0.0) -> Picture:
    return np.ascontiguousarray(picture_of(seen_through(moved(dx, 0), light))[REGION.slices])


def _even(value: float) -> Image:
    return np.full((REGION.height, REGION.width), value, np.float32)


def _surface(picture: Picture | None = None) -> Surface:
    return Surface(_seen() if picture is None else picture, _even(1))


def _other() -> Picture:
    """A grey thing with a pattern of its own."""
    rng = np.random.default_rng(3)
    other = np.full_like(_seen(), 128)
    other[..., 0] = rng.integers(20, 60, other.shape[:2])
    return other


def test_the_surface_itself_agrees_everywhere() -> None:
    assert _surface().agreement(_seen(), _even(1)).min() > 0.99


def test_noise_and_a_slip_of_a_quarter_pixel_agree() -> None:
    noise = np.random.default_rng(1).normal(0, 3, _seen().shape)
    noisy = np.clip(_seen(dx=0.25) + noise, 0, 255).astype(np.uint8)
    assert np.percentile(_surface().agreement(noisy, _even(1)), 1) > 0.8


def test_something_else_does_not_agree() -> None:
    agreement = _surface().agreement(_other(), _even(1))
    assert np.median(agreement) < 0.02
    assert (agreement > 0.5).mean() < 0.05


def test_another_light_agrees_only_when_it_is_known() -> None:
    dim = _seen(0.6)
    assert np.median(_surface().agreement(dim, _even(1))) < 0.3
    assert np.percentile(_surface().agreement(dim, _even(0.6)), 2) > 0.9


def test_sharp_agreement_is_never_below_agreement_and_tells_an_edge_to_two_pixels() -> None:
    half = _seen()
    half[:, 40:] = _other()[:, 40:]
    patches, sharp = _surface().sharp_agreement(half, _even(1))
    assert np.array_equal(patches, _surface().agreement(half, _even(1)))
    assert (sharp >= patches).all()
    assert np.median(sharp[:, 36]) > 0.8
    assert np.median(sharp[:, 44]) < 0.3


def test_a_reflection_that_slid_is_of_the_surfaces_kind_and_something_else_is_not() -> None:
    assert np.percentile(_surface().kinship(_seen(dx=4), _even(1)), 5) > 0.9
    assert np.median(_surface().kinship(_other(), _even(1))) < 0.5


def test_where_nothing_leads_every_colour_is_the_surfaces_own() -> None:
    surface = Surface(_seen(), _even(0.1))
    assert np.array_equal(surface.kinship(_seen(dx=4), _even(1)), _surface().kinship(_seen(dx=4), _even(1)))


@pytest.mark.parametrize("light", [0.9, 1.1])
def test_light_is_found_from_what_is_certain(light: float) -> None:
    found = _surface().relit(_seen(light), _even(1), _even(1))
    assert np.median(found) == pytest.approx(light, abs=0.02)


def test_light_stays_as_it_was_where_nothing_is_certain() -> None:
    assert _surface().relit(_other(), _even(0.8), _even(0)) == pytest.approx(_even(0.8))


def test_light_changes_by_a_step_a_frame_and_ends_at_its_bounds() -> None:
    black, white = np.zeros_like(_seen()), np.full_like(_seen(), 255)
    surface, gain = _surface(), _even(1)
    first = surface.relit(black, gain, _even(1))
    assert first.min() >= 0.85 - 1e-6
    for _ in range(60):
        gain = surface.relit(black, gain, _even(1))
    assert gain.min() >= DARKEST
    dark = _surface(np.maximum(_seen() // 40, 1))
    for _ in range(200):
        gain = dark.relit(white, gain, _even(1))
    assert gain.max() <= BRIGHTEST


def test_texture_tells_where_motion_can_be_seen_and_less_so_in_the_dark() -> None:
    half = _seen()
    half[:, 40:] = (120, 128, 128)
    texture = _surface(half).texture(_even(1))
    assert np.median(texture[:, :30]) > 0.8
    assert texture[:, 56:].max() < 0.05
    assert (_surface(half).texture(_even(0.1)) <= texture).all()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_surface_yields_numbers(value: int) -> None:
    flat = np.full_like(_seen(), value)
    surface = _surface(flat)
    for array in (surface.agreement(flat, _even(1)), surface.kinship(flat, _even(1)), surface.texture(_even(1))):
        assert np.isfinite(array).all()
    assert np.isfinite(surface.relit(flat, _even(1), _even(1))).all()
    assert surface.agreement(flat, _even(1)).min() > 0.99
