"""What can be wrong with a clip: a code of its own for each, found in real files."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest

from engine.errors import ClipError
from engine.media.clip import Clip
from engine.media.index import packets_of
from tests.engine.media.conftest import Build
from tests.engine.media.faulty import FAULTS, cut
from tests.engine.media.fixtures import H264, images, write


def fault(path: Path) -> ClipError:
    with pytest.raises(ClipError) as caught, Clip.open(path) as clip:
        for _ in clip.frames():
            pass
    assert str(caught.value).endswith(".")
    assert caught.value.hint.endswith(".")
    assert "\n" not in str(caught.value)
    return caught.value


def _images_of_two_sizes(folder: Path) -> Path:
    target = images(folder, 8)
    cv2.imwrite(str(target / "shot_995.png"), np.zeros((20, 30, 3), np.uint8))
    return target


@pytest.mark.parametrize("code", FAULTS)
def test_each_fault_has_its_own_code_and_names_the_file_but_no_path(code: str, tmp_path: Path) -> None:
    path = FAULTS[code](tmp_path)
    error = fault(path)
    assert error.code == code
    assert str(tmp_path.parent) not in str(error) + error.hint


def test_images_of_two_sizes_are_refused(tmp_path: Path) -> None:
    assert fault(_images_of_two_sizes(tmp_path)).code == "clip.size_changes"


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_an_mp4_without_its_index_is_truncated(build: Build, tmp_path: Path, keep: float) -> None:
    assert fault(cut(build("constant rate"), tmp_path / "cut.mp4", keep)).code == "clip.truncated"


@pytest.mark.parametrize("keep", [0.5, 0.97])
def test_an_mp4_whose_index_promises_more_than_the_file_holds_is_truncated(tmp_path: Path, keep: float) -> None:
    whole = write(tmp_path / "whole.mp4", options=H264, container_options={"movflags": "+faststart"})
    assert fault(cut(whole, tmp_path / "cut.mp4", keep)).code == "clip.truncated"


@pytest.mark.parametrize("keep", [0.5, 0.8])
def test_a_matroska_that_ends_inside_a_cluster_is_truncated(tmp_path: Path, keep: float) -> None:
    whole = write(tmp_path / "whole.mkv", "ffv1", options={"level": "3"})
    assert fault(cut(whole, tmp_path / "cut.mkv", keep)).code == "clip.truncated"


def test_a_frame_with_overwritten_bytes_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "whole.mkv", "libx264", options=H264, frames=30)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    position, size = packets[0].pos, packets[0].size
    assert position is not None
    data[position : position + size + 12] = bytes(size + 12)
    path.write_bytes(bytes(data))
    assert fault(path).code in ("clip.frame_damaged", "clip.truncated", "clip.no_frames")


def test_a_file_that_may_not_be_read_says_so(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(shutil.copy(build("constant rate"), tmp_path / "private.mp4"))
    path.chmod(0)
    if os.access(path, os.R_OK):  # a superuser reads everything; then the system's refusal is played

        def refuse(file: str, *_: object, **__: object) -> None:
            raise av.error.PermissionError(13, "Permission denied", file)

        monkeypatch.setattr(av, "open", refuse)
    assert fault(path).code == "clip.permission_denied"


def test_a_name_with_percent_signs_or_umlauts_is_just_a_name(build: Build, tmp_path: Path) -> None:
    path = Path(shutil.copy(build("constant rate"), tmp_path / "100%03d – Größe:1.mp4"))
    with Clip.open(path) as clip:
        assert clip.info.frames == 24


def test_a_title_in_another_alphabet_than_utf_8_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "title.mkv"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Grossstadt"
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    assert b"Grossstadt" in data
    path.write_bytes(data.replace(b"Grossstadt", b"Gro\xdf-Stadt"))
    with Clip.open(path) as clip:
        assert clip.info.frames == 3


def test_a_stream_that_shows_up_late_takes_no_packet_away() -> None:
    """PyAV raises IndexError then, after the last packet, or does not, as it finds the memory behind its own."""

    def demux(stream: object) -> Iterator[str]:
        yield from ("one", "two", "end")
        raise IndexError("list index out of range")

    container: Any = SimpleNamespace(demux=demux)
    stream: Any = None
    assert list(packets_of(container, stream)) == ["one", "two", "end"]


def test_a_movie_with_a_wrong_list_of_keyframes_is_read_by_its_packets(build: Build, tmp_path: Path) -> None:
    data = bytearray(build("long GOP with B-frames").read_bytes())
    first = data.index(b"stss") + 12
    data[first : first + 4] = b"\x7f\xff\xff\xff"
    path = tmp_path / "keyless.mp4"
    path.write_bytes(bytes(data))
    with Clip.open(path) as clip:
        assert [frame.index for frame in clip.frames()] == list(range(40))
