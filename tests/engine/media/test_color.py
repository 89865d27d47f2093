"""Colour: known codes are known colours, and nothing drifts on the way there and back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ClipError
from engine.geometry import Box
from engine.media.color import (
    LUMA_WEIGHTS,
    ColorTags,
    PixelLayout,
    from_rgb,
    layout_of,
    planes_of,
    rgb_layout,
    rounded,
    subsample,
    to_rgb,
    yuv_layout,
)
from tests.engine.frames import noise

CLIP = Path("clip.mov")
GRAY = PixelLayout("gray", "gray", 8, 0, 0, True, "gray", False)


def layouts() -> st.SearchStrategy[PixelLayout]:
    yuv = st.builds(
        yuv_layout,
        bits=st.sampled_from([8, 9, 10, 12, 14, 16]),
        log2_w=st.just(0),
        log2_h=st.just(0),
        full_range=st.booleans(),
        matrix=st.sampled_from(sorted(LUMA_WEIGHTS)),
        alpha=st.booleans(),
    )
    return st.one_of(yuv, st.builds(rgb_layout, bits=st.sampled_from([8, 10, 12, 16]), alpha=st.booleans()))


@given(layout=layouts(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_rgb_comes_back_from_codes_within_half_a_code(layout: PixelLayout, seed: int) -> None:
    rgb = np.random.default_rng(seed).random((70, 9, 3)).astype(np.float32)
    rgb[0, 0], rgb[0, 1] = 0, 1
    codes = from_rgb(rgb, layout)
    planes = tuple(rounded(np.ascontiguousarray(codes[:, :, channel]), layout) for channel in range(3))
    back = from_rgb(to_rgb(planes, layout, Box(0, 0, 9, 70)), layout)
    assert np.abs(back - np.dstack(planes)).max() < 0.1
    assert np.abs(back - codes).max() <= 0.6
    span = 1 if layout.family == "rgb" else 2
    step = span / (layout.white - layout.black)
    assert np.abs(to_rgb(planes, layout, Box(0, 0, 9, 70)) - rgb).max() <= step


@given(layout=layouts(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_codes_come_back_from_rgb_as_the_same_codes(layout: PixelLayout, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = int(layout.black), int(layout.white) + 1
    planes = tuple(noise(rng, layout, low, high, (17, 5)) for _ in range(3))
    again = planes_of(to_rgb(planes, layout, Box(0, 0, 5, 17)), layout)
    assert all(np.array_equal(one, two) for one, two in zip(planes, again, strict=True))


@given(
    shifts=st.sampled_from([(1, 1), (1, 0), (2, 0), (0, 1), (2, 2)]),
    width=st.integers(1, 33),
    height=st.integers(1, 33),
    bits=st.sampled_from([8, 10, 16]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=50, deadline=None)
def test_subsampled_codes_come_back_too_at_any_size(
    shifts: tuple[int, int], width: int, height: int, bits: int, seed: int
) -> None:
    layout = yuv_layout(bits, *shifts, False, "bt709", False)
    rng = np.random.default_rng(seed)
    chroma_shape = (-(-height // (1 << shifts[1])), -(-width // (1 << shifts[0])))
    shapes = [(height, width), chroma_shape, chroma_shape]
    planes = tuple(noise(rng, layout, 0, layout.peak + 1, shape) for shape in shapes)
    again = planes_of(to_rgb(planes, layout, Box(0, 0, width, height)), layout)
    assert all(np.array_equal(one, two) for one, two in zip(planes, again, strict=True))


@pytest.mark.parametrize(
    ("layout", "codes", "rgb"),
    [
        (yuv_layout(8, 0, 0, False, "bt709", False), (16, 128, 128), (0, 0, 0)),
        (yuv_layout(8, 0, 0, False, "bt709", False), (235, 128, 128), (1, 1, 1)),
        (yuv_layout(8, 0, 0, True, "bt601", False), (255, 128, 128), (1, 1, 1)),
        (yuv_layout(8, 0, 0, False, "bt601", False), (81.481, 90.203, 240), (1, 0, 0)),
        (yuv_layout(10, 0, 0, False, "bt709", False), (250.2472, 409.343, 960), (1, 0, 0)),
        (yuv_layout(10, 0, 0, False, "bt2020nc", False), (115.9468, 960, 475.968), (0, 0, 1)),
        (yuv_layout(16, 0, 0, True, "bt709", False), (65535, 32768, 32768), (1, 1, 1)),
        (rgb_layout(16, False), (65535, 0, 32767.5), (1, 0, 0.5)),
    ],
)
def test_known_colours_have_the_codes_that_the_standards_give(
    layout: PixelLayout, codes: tuple[float, float, float], rgb: tuple[float, float, float]
) -> None:
    assert from_rgb(np.array([[rgb]], np.float32), layout)[0, 0] == pytest.approx(codes, abs=0.01)


def test_what_is_brighter_than_white_is_kept() -> None:
    layout = yuv_layout(8, 0, 0, False, "bt709", False)
    planes = tuple(np.full((2, 2), code, np.uint8) for code in (254, 128, 128))
    rgb = to_rgb(planes, layout, Box(0, 0, 2, 2))
    assert rgb.min() > 1.08
    assert np.array_equal(planes_of(rgb, layout)[0], planes[0])


def test_gray_is_luma_three_times() -> None:
    rgb = to_rgb((np.array([[0, 255]], np.uint8),), GRAY, Box(0, 0, 2, 1))
    assert np.array_equal(rgb, [[[0, 0, 0], [1, 1, 1]]])
    (luma,) = planes_of(np.array([[[1, 0, 0], [0, 1, 0]]], np.float32), GRAY)
    assert luma.tolist() == [[54, 182]]


@pytest.mark.parametrize(("lines", "matrix"), [(480, "bt601"), (576, "bt601"), (720, "bt709"), (2160, "bt709")])
def test_an_unsaid_matrix_is_guessed_from_the_height_as_players_do(lines: int, matrix: str) -> None:
    assert layout_of("yuv420p", ColorTags(), lines, CLIP).matrix == matrix


@pytest.mark.parametrize(
    ("name", "stored", "bits", "full"),
    [
        ("yuvj422p", "yuv422p", 8, True),
        ("nv12", "yuv420p", 8, False),
        ("p010le", "yuv420p10le", 10, False),
        ("yuv444p12be", "yuv444p12le", 12, False),
        ("yuva422p10le", "yuva422p10le", 10, False),
        ("gbrap12le", "gbrap12le", 12, True),
        ("rgb48be", "gbrp16le", 16, True),
        ("rgba64be", "gbrap16le", 16, True),
        ("pal8", "gbrap", 8, True),
        ("0rgb", "gbrp", 8, True),
        ("gray16be", "gray16le", 16, True),
    ],
)
def test_formats_are_stored_planar_and_little_endian(name: str, stored: str, bits: int, full: bool) -> None:
    layout = layout_of(name, ColorTags(), 480, CLIP)
    assert (layout.name, layout.bits, layout.full_range) == (stored, bits, full)


@pytest.mark.parametrize("name", ["gbrpf32le", "xyz12le", "bayer_rggb8", "rgb555le", "cuda", "yuv444p10msble", "monow"])
def test_formats_that_cannot_be_kept_exactly_are_refused(name: str) -> None:
    with pytest.raises(ClipError, match=name) as caught:
        layout_of(name, ColorTags(), 480, CLIP)
    assert caught.value.code == "clip.pixel_format_unsupported"


@pytest.mark.parametrize("matrix", [8, 10, 11, 12, 13, 14, 15, 16, 17])
def test_matrices_that_are_not_linear_in_rgb_are_refused(matrix: int) -> None:
    with pytest.raises(ClipError) as caught:
        layout_of("yuv420p10le", ColorTags(matrix=matrix), 480, CLIP)
    assert caught.value.code == "clip.matrix_unsupported"


def test_a_guess_is_named_when_it_is_carried_on() -> None:
    layout = layout_of("yuv420p", ColorTags(), 480, CLIP)
    assert ColorTags().named(layout) == ColorTags(2, 2, 6, 1)
    assert ColorTags(5, 6, 5, 1).named(layout) == ColorTags(5, 6, 5, 1)


def test_chroma_is_the_mean_of_the_pixels_that_share_it() -> None:
    layout = yuv_layout(8, 1, 1, False, "bt709", False)
    plane = np.array([[0, 4, 8], [4, 8, 8], [1, 3, 9]], np.float32)
    assert subsample(plane, layout).tolist() == [[4, 8], [2, 9]]
