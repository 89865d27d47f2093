"""What can be wrong with a clip: a code of its own for each, found in real files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from engine.errors import ClipError
from engine.media.clip import Clip
from tests.engine.media.conftest import Build
from tests.engine.media.fixtures import H264, images, write


def fault(path: Path) -> ClipError:
    with pytest.raises(ClipError) as caught, Clip.open(path) as clip:
        for _ in clip.frames():
            pass
    assert str(caught.value).endswith(".")
    assert caught.value.hint.endswith(".")
    assert "\n" not in str(caught.value)
    return caught.value


def cut(source: Path, target: Path, keep: float) -> Path:
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * keep)])
    return target


def _cover_only(folder: Path) -> Path:
    with av.open(str(folder / "sound.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return folder / "sound.m4a"


def _encrypted(folder: Path) -> Path:
    scheme = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "00112233445566778899aabbccddeeff",
        "encryption_kid": "ffeeddccbbaa99887766554433221100",
    }
    return write(folder / "locked.mp4", options=H264, container_options=scheme)


def _unknown_codec(folder: Path) -> Path:
    path = write(folder / "codec.mp4", options=H264)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz1"))
    return path


def _no_frames(folder: Path) -> Path:
    path = folder / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48000
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def _text(folder: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("This is no video.\n" * 100)
    return path


def _nothing(folder: Path) -> Path:
    (folder / "nothing.mp4").touch()
    return folder / "nothing.mp4"


def _size_changes(folder: Path) -> Path:
    one = write(folder / "one.ts", options={"x264-params": "keyint=5"}, frames=10)
    two = write(folder / "two.ts", options={"x264-params": "keyint=5"}, frames=10, size=(64, 48), pts=range(20, 30))
    path = folder / "both.ts"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    return path


def _images_of_two_sizes(folder: Path) -> Path:
    target = images(folder, 8)
    cv2.imwrite(str(target / "shot_995.png"), np.zeros((20, 30, 3), np.uint8))
    return target


def _image_missing(folder: Path) -> Path:
    target = images(folder, 8)
    (target / "shot_1000.png").unlink()
    return target


def _image_damaged(folder: Path) -> Path:
    target = images(folder, 8)
    (target / "shot_1000.png").write_bytes(b"no image")
    return target


def _two_sequences(folder: Path) -> Path:
    target = images(folder, 8)
    shutil.copy(target / "shot_990.png", target / "other_1.png")
    return target


def _no_images(folder: Path) -> Path:
    (folder / "notes.txt").write_text("x")
    return folder


def _turned_by_45(folder: Path) -> Path:
    return write(folder / "turned.mp4", options=H264, rotation=45)


def _constant_luminance(folder: Path) -> Path:
    return write(folder / "cl.mkv", "ffv1", "yuv420p10le", {"level": "3"}, tags=(9, 14, 10, 1))


def _float_samples(folder: Path) -> Path:
    path = folder / "float.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25, options={"level": "4", "strict": "experimental"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gbrpf16le"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(64, 48, "gbrpf16le")))
        container.mux(stream.encode(None))
    return path


def _no_timestamps(folder: Path) -> Path:
    return write(folder / "bare.h264", options={"x264-params": "keyint=5:bframes=2"}, form="h264")


FAULTS: dict[str, Callable[[Path], Path]] = {
    "clip.missing": lambda folder: folder / "nowhere.mp4",
    "clip.empty": _nothing,
    "clip.no_images": _no_images,
    "clip.number_missing": _image_missing,
    "clip.several_sequences": _two_sequences,
    "clip.not_video": _text,
    "clip.no_video_stream": _cover_only,
    "clip.no_frames": _no_frames,
    "clip.single_frame": lambda folder: write(folder / "still.mp4", options=H264, frames=1),
    "clip.encrypted": _encrypted,
    "clip.codec_unknown": _unknown_codec,
    "clip.pixel_format_unsupported": _float_samples,
    "clip.matrix_unsupported": _constant_luminance,
    "clip.size_changes": _size_changes,
    "clip.frame_damaged": _image_damaged,
    "clip.orientation_unsupported": _turned_by_45,
    "clip.no_timestamps": _no_timestamps,
}


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
