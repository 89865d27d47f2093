"""Clips that cannot be read, one for each fault, each a real file."""

import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from tests.engine.media.fixtures import H264, images, write


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
