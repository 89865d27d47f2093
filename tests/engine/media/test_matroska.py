"""Matroska: the shape of pixels is written into a finished file, and nothing else changes."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.geometry import Size
from engine.media.clip import Clip
from engine.media.matroska import write_pixel_aspect
from tests.engine.media.fixtures import HEIGHT, WIDTH, write

OPTIONS = {"level": "3"}


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("matroska")
    path = write(folder / "a.mkv", "ffv1", options=OPTIONS, container_options={"write_crc32": "0"}, audio="pcm_s16le")
    return path.read_bytes()


@given(numerator=st.integers(1, 200), denominator=st.integers(1, 200))
@settings(max_examples=25, deadline=None)
def test_the_aspect_is_read_back_exactly(
    square: bytes, tmp_path_factory: pytest.TempPathFactory, numerator: int, denominator: int
) -> None:
    aspect = Fraction(numerator, denominator)
    path = tmp_path_factory.getbasetemp() / "aspect.mkv"
    path.write_bytes(square)
    write_pixel_aspect(path, Size(WIDTH, HEIGHT), aspect)
    assert path.stat().st_size == len(square)
    with Clip.open(path) as clip:
        assert clip.info.sample_aspect_ratio == aspect


def test_pictures_times_and_sound_are_as_before(square: bytes, tmp_path: Path) -> None:
    before, after = tmp_path / "before.mkv", tmp_path / "after.mkv"
    for path in (before, after):
        path.write_bytes(square)
    write_pixel_aspect(after, Size(WIDTH, HEIGHT), Fraction(16, 11))
    with Clip.open(before) as one, Clip.open(after) as two:
        assert two.info.has_audio
        for index in np.random.default_rng(0).permutation(one.info.frames).tolist():
            assert one.pts(index) == two.pts(index)
            assert all(map(np.array_equal, one.frame(index).planes, two.frame(index).planes))


@pytest.mark.parametrize("data", [b"", b"no matroska", b"\x1aE\xdf\xa3\x80\x18S\x80g\x80"])
def test_other_files_are_refused_and_left_alone(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.mkv"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="no "):
        write_pixel_aspect(path, Size(WIDTH, HEIGHT), Fraction(2))
    assert path.read_bytes() == data
