"""Planes: samples are found in every packing, and turned without loss."""

from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.geometry import Size
from engine.media.clip import Frame
from engine.media.color import ColorTags, layout_of, yuv_layout
from engine.media.planes import Orientation, make_frame, read_planes
from tests.engine.media.fixtures import picture

CLIP: Any = None
PACKED = [
    "rgb24",
    "bgr24",
    "rgba",
    "bgra",
    "argb",
    "abgr",
    "0rgb",
    "bgr0",
    "rgb48le",
    "rgb48be",
    "rgba64le",
    "rgba64be",
]
INTERLEAVED = [("nv12", "yuv420p"), ("nv21", "yuv420p"), ("nv16", "yuv422p"), ("nv24", "yuv444p"), ("nv42", "yuv444p")]
WIDE = [("p010le", "yuv420p10le"), ("p012le", "yuv420p12le"), ("p016le", "yuv420p16le"), ("p210le", "yuv422p10le")]
YUYV = [("yuyv422", "yuv422p"), ("uyvy422", "yuv422p"), ("yvyu422", "yuv422p")]
BIG = [
    ("yuv420p10be", "yuv420p10le"),
    ("yuv444p12be", "yuv444p12le"),
    ("gbrp16be", "gbrp16le"),
    ("gray16be", "gray16le"),
]


def pictured(name: str, size: tuple[int, int] = (37, 23)) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture(1, *size), format="rgb48le").reformat(format=name)


def read(frame: av.VideoFrame) -> Frame:
    layout = layout_of(frame.format.name, ColorTags(), frame.height, CLIP)
    return Frame(0, 0, read_planes(frame, layout), layout)


@pytest.mark.parametrize("name", PACKED)
def test_packed_rgb_is_unpacked_in_order(name: str) -> None:
    frame = read(pictured(name))
    peak = frame.layout.peak
    expected = picture(1, 37, 23) if peak == 65535 else picture(1, 37, 23) / 65535 * 255
    assert np.abs(np.dstack(frame.planes[:3]).astype(float) - expected).max() <= (0 if peak == 65535 else 2)
    if frame.layout.alpha:
        assert (frame.planes[3] == peak).all()


@pytest.mark.parametrize(("name", "planar"), INTERLEAVED + WIDE + YUYV + BIG)
@pytest.mark.parametrize("size", [(38, 24), (37, 23)])
def test_interleaved_and_big_endian_samples_are_those_of_the_planar_twin(
    name: str, planar: str, size: tuple[int, int]
) -> None:
    twin = pictured(planar, size)
    frame = read(twin.reformat(format=name))
    assert frame.layout.name == planar
    expected = read(twin)
    assert frame.size == Size(*size)
    for plane, reference in zip(frame.planes, expected.planes, strict=True):
        height, width = reference.shape
        whole = (height // 2 * 2, width // 2 * 2)  # FFmpeg's own conversion is loose in the last odd row and column
        assert np.abs(plane[: whole[0], : whole[1]].astype(int) - reference[: whole[0], : whole[1]]).max() <= (
            0 if size == (38, 24) else 255
        )


def test_a_palette_is_looked_up() -> None:
    frame = av.VideoFrame(5, 3, "pal8")
    indices: Any = memoryview(frame.planes[0])
    np.frombuffer(indices, np.uint8).reshape(3, -1)[:, :5] = np.arange(15).reshape(3, 5)
    entries: Any = memoryview(frame.planes[1])
    palette = np.frombuffer(entries, np.uint8).reshape(256, 4)
    palette[:] = np.arange(1024).reshape(256, 4) % 251
    red, green, blue, alpha = read(frame).planes
    numbers = np.arange(15).reshape(3, 5)
    for plane, at in ((blue, 0), (green, 1), (red, 2), (alpha, 3)):
        assert np.array_equal(plane, (4 * numbers + at) % 251)


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "gbrp", "gbrp12le", "gray", "gray10le", "yuva444p10le"])
def test_planes_written_into_a_frame_are_read_back(name: str) -> None:
    frame = read(pictured(name))
    again = read(make_frame(frame.planes, frame.layout))
    assert again.layout == frame.layout
    assert all(np.array_equal(one, two) for one, two in zip(frame.planes, again.planes, strict=True))


ORIENTATIONS = st.builds(Orientation, st.booleans(), st.booleans(), st.booleans())
SUBSAMPLINGS = st.sampled_from([(0, 0), (1, 1), (1, 0), (2, 0), (0, 1), (2, 2)])


@given(turn=ORIENTATIONS, shifts=SUBSAMPLINGS, width=st.integers(1, 24), height=st.integers(1, 24))
@settings(max_examples=50, deadline=None)
def test_turning_commutes_with_the_conversion_to_rgb(
    turn: Orientation, shifts: tuple[int, int], width: int, height: int
) -> None:
    layout = yuv_layout(8, *shifts, False, "bt601", False)
    rng = np.random.default_rng(width * 100 + height)
    chroma = (-(-height // (1 << shifts[1])), -(-width // (1 << shifts[0])))
    planes = tuple(rng.integers(0, 256, shape).astype(np.uint8) for shape in ((height, width), chroma, chroma))
    size = Size(width, height)
    upright = turn.layout(layout, size)
    turned = Frame(0, 0, turn.apply(planes, layout), upright).rgb()
    expected = Frame(0, 0, planes, layout).rgb()
    if turn.transpose:
        expected = expected.transpose(1, 0, 2)
    expected = expected[:, ::-1] if turn.mirror_x else expected
    expected = expected[::-1] if turn.mirror_y else expected
    assert turned.shape[:2] == turn.size(size)[::-1]
    assert np.abs(turned - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("turn", "code"),
    [
        (Orientation(True, True, False), cv2.ROTATE_90_CLOCKWISE),
        (Orientation(False, True, True), cv2.ROTATE_180),
        (Orientation(True, False, True), cv2.ROTATE_90_COUNTERCLOCKWISE),
    ],
)
def test_rotations_are_named_clockwise(turn: Orientation, code: int) -> None:
    plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    layout = yuv_layout(8, 0, 0, False, "bt601", False)
    assert np.array_equal(turn.apply((plane,) * 3, layout)[0], cv2.rotate(plane, code))
    assert turn.rotation == {0: 90, 1: 180, 2: 270}[code]
