import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.difference import painted_mask
from tests.engine.clips import texture

Image = NDArray[np.float32]
LABEL = np.array([[190, 110], [380, 90], [400, 190], [200, 210]], np.int32)


@pytest.fixture(scope="module")
def source() -> Image:
    return np.asarray(np.round(texture(320, 480) * 255) / 255, np.float32)


def coverage(shape: tuple[int, ...]) -> Image:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, LABEL, 255, cv2.LINE_AA)
    return np.asarray(mask / 255, np.float32)


def labelled(source: Image) -> Image:
    paint = np.zeros(source.shape, np.uint8)
    paint[:] = (230, 200, 50)
    cv2.putText(paint, "LABEL", (220, 165), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (25, 25, 100), 2)
    share = coverage(source.shape)[..., None]
    return np.asarray(np.round((source * (1 - share) + paint / 255 * share) * 255) / 255, np.float32)


def overlap(mask: Image, true: NDArray[np.bool_]) -> float:
    found = mask > 0.5
    return float((found & true).sum() / (found | true).sum())


def resaved(image: Image, quality: int) -> Image:
    _, data = cv2.imencode(".jpg", (image * 255).round().astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded / np.float32(255), np.float32)


def test_a_painted_label_is_found_to_its_outline(source: Image) -> None:
    assert overlap(painted_mask(labelled(source), source), coverage(source.shape) > 0) > 0.97


def test_a_tint_is_found_to_its_outline(source: Image) -> None:
    inside = coverage(source.shape) > 0.5
    tinted = np.where(inside[..., None], np.clip(source * np.array([1.2, 0.9, 0.8], np.float32), 0, 1), source)
    assert overlap(painted_mask(tinted, source), inside) > 0.97


@pytest.mark.parametrize("quality", [95, 75, 50])
def test_the_noise_of_a_frame_saved_again_as_jpeg_is_no_paint(source: Image, quality: int) -> None:
    assert painted_mask(resaved(source, quality), source).max() == 0


@pytest.mark.parametrize(("quality", "at_least"), [(95, 0.95), (75, 0.93)])
def test_a_label_is_found_although_the_image_was_saved_as_jpeg(source: Image, quality: int, at_least: float) -> None:
    mask = painted_mask(resaved(labelled(source), quality), source)
    assert overlap(mask, coverage(source.shape) > 0.5) > at_least


def test_a_label_is_found_under_grain(source: Image) -> None:
    grain = np.random.default_rng(1).normal(0, 3 / 255, source.shape)
    edited = np.asarray(np.clip(labelled(source) + grain, 0, 1), np.float32)
    assert overlap(painted_mask(edited, source), coverage(source.shape) > 0.5) > 0.97


def test_a_grade_of_the_whole_frame_is_paint_everywhere(source: Image) -> None:
    assert np.mean(painted_mask(np.asarray(source * 0.8, np.float32), source) > 0.5) > 0.99


def test_paint_over_most_of_the_frame_is_found(source: Image) -> None:
    edited = source.copy()
    edited[40:] = (0.2, 0.3, 0.9)
    true = np.zeros(source.shape[:2], bool)
    true[40:] = True
    assert overlap(painted_mask(edited, source), true) > 0.97


def test_an_unchanged_frame_and_rounding_to_8_bits_hold_no_paint(source: Image) -> None:
    fine = np.asarray(source + np.random.default_rng(0).uniform(-0.5, 0.5, source.shape) / 255, np.float32)
    assert painted_mask(source, source).max() == 0
    assert painted_mask(source, fine).max() == 0


def test_the_inside_of_a_painted_ring_is_no_paint(source: Image) -> None:
    edited = source.copy()
    cv2.circle(edited, (240, 160), 60, (0.9, 0.1, 0.1), 6)
    mask = painted_mask(edited, source)
    assert mask[160, 240] == 0
    assert mask[160, 300] == 1


def test_a_small_hole_in_paint_is_closed_and_single_pixels_are_dropped(source: Image) -> None:
    edited = source.copy()
    edited[100:150, 200:280] = 0.95
    edited[120:124, 230:234] = source[120:124, 230:234]
    edited[20, 20] = 1 - edited[20, 20].round()
    mask = painted_mask(edited, source)
    assert mask[122, 232] == 1
    assert mask[10:30, 10:30].max() == 0


def test_the_mask_falls_off_softly_outside_the_paint(source: Image) -> None:
    edited = source.copy()
    edited[100:150, 200:280] = 1 - edited[100:150, 200:280].round()
    mask = painted_mask(edited, source)
    assert mask[125, 200] == 1
    assert 0 < mask[125, 199] < 0.5
    assert mask[125, 197] == 0
