"""Stills: every kind that an editor saves is read to the last bit; what cannot be read is named."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from engine.errors import EditError, OutputError
from engine.media.still import read_mask, read_still, write_jpeg, write_png

RNG = np.random.default_rng(5)
PIXELS8 = RNG.integers(0, 256, (11, 17, 3)).astype(np.uint8)
PIXELS16 = RNG.integers(0, 65536, (11, 17, 3)).astype(np.uint16)
ALPHA8 = RNG.integers(0, 256, (11, 17, 1)).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "pixels", "bits"),
    [
        ("a.png", PIXELS8, 8),
        ("a.png", PIXELS16, 16),
        ("a.tif", PIXELS8, 8),
        ("a.tif", PIXELS16, 16),
        ("a.bmp", PIXELS8, 8),
    ],
)
def test_lossless_images_are_read_to_the_last_bit(tmp_path: Path, name: str, pixels: Any, bits: int) -> None:
    cv2.imwrite(str(tmp_path / name), pixels)
    still = read_still(tmp_path / name)
    assert (still.bits, still.alpha) == (bits, None)
    assert np.array_equal(np.rint(still.rgb * (2**bits - 1)), pixels[:, :, ::-1])
    assert still.rgb.dtype == np.float32
    assert still.rgb.flags.c_contiguous


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_alpha_is_read_straight(tmp_path: Path, name: str) -> None:
    pixels = np.dstack([PIXELS8, np.maximum(ALPHA8, 1)])
    cv2.imwrite(str(tmp_path / name), pixels, [cv2.IMWRITE_WEBP_QUALITY, 101] if name.endswith("webp") else [])
    still = read_still(tmp_path / name)
    assert still.alpha is not None
    assert np.array_equal(np.rint(still.alpha * 255), pixels[:, :, 3])
    assert np.array_equal(np.rint(still.rgb * 255), pixels[:, :, 2::-1])


def test_gray_is_rgb_of_one_tone(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "gray.png"), PIXELS8[:, :, 0])
    assert np.array_equal(np.rint(read_still(tmp_path / "gray.png").rgb * 255), PIXELS8[:, :, [0, 0, 0]])


def test_jpeg_is_read(tmp_path: Path) -> None:
    write_jpeg(tmp_path / "a.jpg", np.full((16, 16, 3), (1, 0.5, 0), np.float32), quality=95)
    still = read_still(tmp_path / "a.jpg")
    assert (still.bits, still.alpha) == (8, None)
    assert np.abs(still.rgb - np.array([1, 0.5, 0])).max() < 0.02


@pytest.mark.parametrize("bits", [8, 16])
def test_png_is_written_rounded_to_the_nearest_code(tmp_path: Path, bits: int) -> None:
    rgb = RNG.random((9, 13, 3)).astype(np.float32)
    rgb[0, 0], rgb[0, 1] = -0.5, 1.5
    alpha = RNG.random((9, 13)).astype(np.float32)
    write_png(tmp_path / "new" / "a.png", rgb, bits, alpha)
    still = read_still(tmp_path / "new" / "a.png")
    peak = np.float32(2**bits - 1)
    assert still.bits == bits
    assert still.alpha is not None
    assert np.array_equal(np.rint(still.rgb * peak), np.clip(np.rint(rgb * peak), 0, peak))
    assert np.array_equal(np.rint(still.alpha * peak), np.rint(alpha * peak))


def test_a_mask_is_the_luma_or_where_that_says_nothing_the_alpha(tmp_path: Path) -> None:
    white = np.zeros((8, 8, 3), np.float32)
    white[2:5, 2:5] = 1
    write_png(tmp_path / "luma.png", white, 8)
    assert np.allclose(read_mask(tmp_path / "luma.png"), white[:, :, 0])
    write_png(tmp_path / "alpha.png", np.ones((8, 8, 3), np.float32), 8, white[:, :, 0])
    assert np.array_equal(read_mask(tmp_path / "alpha.png"), white[:, :, 0])


def _damaged(path: Path) -> Path:
    write_png(path, np.zeros((64, 64, 3), np.float32), 8)
    path.write_bytes(path.read_bytes()[:40])
    return path


def _float(path: Path) -> Path:
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.float32))
    return path


def test_images_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    faults = {
        tmp_path / "nowhere.png": "edit.missing",
        tmp_path / "empty.png": "edit.unreadable",
        tmp_path / "text.png": "edit.unreadable",
        tmp_path: "edit.unreadable",
        _damaged(tmp_path / "damaged.png"): "edit.unreadable",
        _float(tmp_path / "float.tiff"): "edit.unreadable",
    }
    for path, code in faults.items():
        with pytest.raises(EditError) as caught:
            read_still(path)
        assert caught.value.code == code
    assert "float32" in str(caught.value)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        write_png(tmp_path / "file" / "a.png", np.zeros((4, 4, 3), np.float32), 8)
    assert caught.value.code == "output.not_writable"
