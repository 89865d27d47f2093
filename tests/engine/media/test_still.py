"""Stills: every kind that an editor saves is read to the last bit; what cannot be read is named."""

import struct
from collections.abc import Callable
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


def tiff(pixels: Any, orientation: int, extra_samples: int | None, order: str = "<") -> bytes:
    """An uncompressed TIFF of RGB or RGBA samples. `extra_samples` is 1 for a multiplied, 2 for a straight alpha."""
    height, width, channels = pixels.shape
    entries = [
        *((256, 3, 1, width), (257, 3, 1, height), (258, 3, channels, 0), (259, 3, 1, 1), (262, 3, 1, 2)),
        *((273, 4, 1, 0), (274, 3, 1, orientation), (277, 3, 1, channels), (278, 4, 1, height)),
        *((279, 4, 1, pixels.nbytes), (284, 3, 1, 1)),
        *([] if extra_samples is None else [(338, 3, 1, extra_samples)]),
    ]
    bits_at = 8 + 2 + 12 * len(entries) + 4
    places = {258: bits_at, 273: bits_at + 2 * channels}
    table = b""
    for tag, kind, count, value in entries:
        form = "HHIH2x" if kind == 3 and count == 1 else "HHII"
        table += struct.pack(order + form, tag, kind, count, places.get(tag, value))
    bits = struct.pack(order + f"{channels}H", *[pixels.dtype.itemsize * 8] * channels)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    return head + table + bytes(4) + bits + bytes(pixels.astype(pixels.dtype.newbyteorder(order)).tobytes())


TURNS: dict[int, Callable[[Any], Any]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: np.rot90(upright, 2),
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright),
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
"""How a camera stores an upright picture under each of Exif's orientations."""


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_images_are_turned_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    stored = np.ascontiguousarray(TURNS[orientation](PIXELS8))
    path = tmp_path / f"a{suffix}"
    exif = struct.pack("<4sIHHHIHHI", b"II*\0", 8, 1, 274, 3, 1, orientation, 0, 0)
    if suffix == ".tif":
        path.write_bytes(tiff(stored[:, :, ::-1], orientation, None))
    else:
        options = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
        _, data = cv2.imencodeWithMetadata(
            suffix, stored, [cv2.IMAGE_METADATA_EXIF], [np.frombuffer(exif, np.uint8)], options
        )
        path.write_bytes(data.tobytes())
    assert np.array_equal(np.rint(read_still(path).rgb * 255), PIXELS8[:, :, ::-1])


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    photograph = cv2.resize(PIXELS8[:4, :6], (96, 64), interpolation=cv2.INTER_LINEAR)
    exif = struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, 274, 3, 1, 6, 0, 0)
    _, data = cv2.imencode(".jpg", np.rot90(photograph), [cv2.IMWRITE_JPEG_QUALITY, 100])
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    (tmp_path / "a.jpg").write_bytes(data.tobytes()[:2] + segment + data.tobytes()[2:])
    assert np.abs(read_still(tmp_path / "a.jpg").rgb * 255 - photograph[:, :, ::-1]).mean() < 4


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("pixels", [PIXELS8, PIXELS16])
def test_a_straight_alpha_of_a_tiff_is_left_alone(tmp_path: Path, pixels: Any, order: str, orientation: int) -> None:
    peak = np.iinfo(pixels.dtype).max
    rgba = np.dstack([pixels[:, :, ::-1], pixels[:, :, 0]])
    (tmp_path / "a.tif").write_bytes(tiff(TURNS[orientation](rgba), orientation, 2, order))
    still = read_still(tmp_path / "a.tif")
    assert still.alpha is not None
    assert still.bits == pixels.dtype.itemsize * 8
    assert np.array_equal(np.rint(np.dstack([still.rgb, still.alpha]) * peak), rgba)


@pytest.mark.parametrize("pixels", [PIXELS8, PIXELS16])
def test_colours_that_a_tiff_stores_multiplied_by_alpha_are_divided_by_it(tmp_path: Path, pixels: Any) -> None:
    peak = np.iinfo(pixels.dtype).max
    alpha = np.linspace(0, 1, 11 * 17, dtype=np.float32).reshape(11, 17)
    straight = pixels[:, :, ::-1] / np.float32(peak)
    multiplied = np.rint(np.dstack([straight * alpha[:, :, None], alpha]) * peak).astype(pixels.dtype)
    (tmp_path / "a.tif").write_bytes(tiff(multiplied, 1, 1))
    still = read_still(tmp_path / "a.tif")
    assert still.alpha is not None
    shown = still.alpha > 0.25
    assert np.abs(still.rgb - straight)[shown].max() < 4 / peak
    assert not still.rgb[still.alpha == 0].any()


def test_a_transparency_that_cannot_be_read_as_stored_is_refused(tmp_path: Path) -> None:
    data = tiff(np.dstack([PIXELS8, ALPHA8]), 1, 2)
    path = tmp_path / "a.tif"
    path.write_bytes(data.replace(struct.pack("<HHIHH", 259, 3, 1, 1, 0), struct.pack("<HHIHH", 259, 3, 1, 34887, 0)))
    with pytest.raises(EditError) as caught:
        read_still(path)
    assert caught.value.code == "edit.unreadable"
    assert "transparency or rotation" in str(caught.value)


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
