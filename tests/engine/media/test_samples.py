"""Sample tables: the head of an mp4 or mov tells what all its packets tell, and no media are read for it."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ClipError
from engine.media.clip import Clip
from engine.media.index import FrameIndex
from engine.media.samples import SampleTable, index_of_movie, read_head, sample_table
from tests.engine.media.conftest import Build
from tests.engine.media.fixtures import FRAMES, H264, number_shown, remux, write

MOVIES = [
    "constant rate",
    "variable rate",
    "long GOP with B-frames",
    "edit list",
    "timestamps in storage order",
    "AV1",
    "10-bit HEVC",
    "packed 4:2:2",
    "with sound",
    "real clip",
]
B_FRAMES = {"preset": "medium", "x264-params": "keyint=12:bframes=3:scenecut=0"}


def told(path: Path) -> FrameIndex | None:
    with av.open(str(path)) as container:
        return index_of_movie(container, container.streams.video[0], path)


def demuxed(path: Path) -> FrameIndex:
    with av.open(str(path)) as container:
        return FrameIndex.read(container, container.streams.video[0], path)


def agree(one: FrameIndex | None, two: FrameIndex) -> bool:
    return (
        one is not None
        and np.array_equal(one.pts, two.pts)
        and np.array_equal(one.stamps, two.stamps)
        and (one.keyframes, one.orders) == (two.keyframes, two.orders)
    )


@pytest.mark.parametrize("kind", MOVIES)
def test_the_tables_tell_what_the_packets_tell(build: Build, kind: str) -> None:
    assert agree(told(build(kind)), demuxed(build(kind)))


def test_an_edit_list_that_leaves_out_whole_groups_of_pictures_is_obeyed(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.mp4", options=B_FRAMES, frames=40)
    path = remux(plain, tmp_path / "late.mp4", shift=-27 * 512)
    index = told(path)
    assert index is not None
    assert len(index) == 13
    assert agree(index, demuxed(path))
    with Clip.open(path) as clip:
        assert [number_shown(frame.rgb()) for frame in clip.frames()] == list(range(27, 40))


def test_a_fragmented_movie_is_read_packet_by_packet(tmp_path: Path) -> None:
    flags = {"movflags": "+frag_keyframe+empty_moov"}
    path = write(tmp_path / "fragments.mp4", options=B_FRAMES, container_options=flags)
    assert told(path) is None
    with Clip.open(path) as clip:
        assert clip.info.frames == FRAMES


def zeroed(source: Path, target: Path, start: int, stop: int) -> Path:
    """A copy whose samples `start` … `stop` − 1 are zeros."""
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        for entry in container.streams.video[0].index_entries[start:stop]:
            data[entry.pos : entry.pos + entry.size] = bytes(entry.size)
    target.write_bytes(data)
    return target


def test_opening_a_movie_reads_no_media_between_its_first_frames_and_its_last(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4", options=H264, frames=120)
    with Clip.open(zeroed(whole, tmp_path / "hole.mp4", 60, 100)) as clip:
        assert clip.info.frames == 120
        assert clip.frame(2).index == 2
        with pytest.raises(ClipError) as caught:
            clip.frame(70)
        assert caught.value.code == "clip.frame_damaged"


@pytest.mark.parametrize("options", [H264, B_FRAMES])
def test_a_copy_of_full_length_whose_end_never_arrived_is_refused(tmp_path: Path, options: dict[str, str]) -> None:
    whole = write(tmp_path / "whole.mp4", options=options)
    with pytest.raises(ClipError) as caught:
        Clip.open(zeroed(whole, tmp_path / "zeros.mp4", FRAMES - 4, FRAMES))
    assert caught.value.code == "clip.frame_damaged"


def test_black_frames_of_zeros_are_frames(tmp_path: Path) -> None:
    path = zeroed(write(tmp_path / "whole.mov", "rawvideo", "rgb24"), tmp_path / "black.mov", 20, FRAMES)
    with Clip.open(path) as clip:
        assert not clip.frame(FRAMES - 1).rgb().any()


def test_a_movie_without_room_for_its_last_sample_is_truncated(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4", options=H264, container_options={"movflags": "+faststart"})
    path = tmp_path / "cut.mp4"
    with av.open(str(whole)) as container:
        assert max(e.pos + e.size for e in container.streams.video[0].index_entries) == whole.stat().st_size
    path.write_bytes(whole.read_bytes()[:-1])
    with pytest.raises(ClipError) as caught:
        told(path)
    assert caught.value.code == "clip.truncated"


def test_the_head_is_found_behind_boxes_of_every_size(tmp_path: Path) -> None:
    small, large = struct.pack(">I4s", 12, b"free") + bytes(4), struct.pack(">I4sQ", 1, b"mdat", 1016) + bytes(1000)
    path = tmp_path / "a.mov"
    for size in (0, 13, 99):  # to the end of the file; its own; more than there is
        path.write_bytes(small + large + struct.pack(">I4s", size, b"moov") + b"inner")
        assert read_head(path) == b"inner"
    path.write_bytes(small + large)
    assert read_head(path) is None


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    found = read_head(write(tmp_path_factory.mktemp("head") / "b.mp4", options=B_FRAMES, audio="aac"))
    assert found is not None
    return found


def test_a_table_is_found_by_the_number_of_its_track(head: bytes) -> None:
    table = sample_table(head, 1)
    assert table is not None
    assert table.sizes.shape == (FRAMES,)
    assert table.delays is not None
    assert set(np.diff(np.unique(table.delays))) == {512}
    assert sample_table(head, 3) is None


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_damaged_head_is_refused_or_read_but_never_breaks_the_reader(head: bytes, data: st.DataObject) -> None:
    damaged = bytearray(head[: data.draw(st.integers(0, len(head)))])
    for _ in range(data.draw(st.integers(0, 20))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(sample_table(bytes(damaged), 1), SampleTable | None)
