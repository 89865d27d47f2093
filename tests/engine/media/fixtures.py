"""Small clips of every kind that the engine reads, made with PyAV: 24 to 40 frames, none like another."""

import shutil
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.media.fields import FieldMarker, FieldOrder

ASSETS = Path(__file__).parents[2] / "assets"
WIDTH, HEIGHT, FRAMES = 96, 64, 24
CLICK = 24000
"""The sample, of 48 000 a second, at which the sound of a clip becomes loud."""
H264 = {"preset": "ultrafast", "crf": "18"}


@cache
def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint16]:
    """RGB of 16 bits (height, width, 3): soft texture that drifts, with a patch that differs in every frame."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(4000, 60000, (height // 8 + 12, width // 8 + 12, 3)).astype(np.uint16)
    wide: Any = cv2.resize(coarse, (width + 96, height + 96), interpolation=cv2.INTER_CUBIC)
    x, y = (3 * number) % 90, (2 * number) % 90
    pixels = wide[y : y + height, x : x + width].copy()
    patch = np.random.default_rng(1000 + number).integers(0, 65536, (4, 4, 3)).astype(np.uint16)
    size = (width // 3, height // 3)
    pixels[4 : 4 + size[1], 4 : 4 + size[0]] = cv2.resize(patch, size, interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(pixels)


def number_shown(rgb: NDArray[np.float32]) -> int:
    """Which of the pictures this is: R'G'B' (height, width, 3) in [0, 1]."""
    height, width = rgb.shape[:2]
    errors = [np.abs(rgb - picture(number, width, height) / 65535).mean() for number in range(44)]
    return int(np.argmin(errors))


def write(
    path: Path,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    *,
    frames: int = FRAMES,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    rate: Fraction = Fraction(25),
    tags: tuple[int, int, int, int] = (2, 2, 2, 0),
    rotation: int = 0,
    mirrored: bool = False,
    sample_aspect_ratio: Fraction | None = None,
    fields: FieldOrder | None = None,
    timecode: str | None = None,
    audio: str | None = None,
    container_options: dict[str, str] | None = None,
    form: str | None = None,
) -> Path:
    """Encode `frames` pictures. `tags` are primaries, transfer, matrix, range; `rotation` is counter-clockwise."""
    with av.open(str(path), "w", format=form, container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options if options is not None else {})
        assert isinstance(stream, av.VideoStream)
        context = stream.codec_context
        context.width, context.height = size
        context.pix_fmt, context.time_base = pixel_format, time_base
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = tags
        if sample_aspect_ratio:
            context.sample_aspect_ratio = sample_aspect_ratio
        marker = FieldMarker(fields, *size, pixel_format) if fields else None
        if marker:
            context.flags |= av.codec.context.Flags.interlaced_dct
        if timecode:
            stream.metadata["timecode"] = timecode
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        sound = container.add_stream(audio, rate=48000, layout="mono") if audio else None
        for number in range(frames):
            source = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb48le")
            matrix = {1: "ITU709", 9: "bt2020"}.get(tags[2], "ITU601")
            frame = source.reformat(format=pixel_format, dst_colorspace=None if matrix == "bt2020" else matrix)
            frame = marker(frame) if marker else frame
            frame.pts, frame.time_base = (pts[number] if pts else number), time_base
            frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = tags
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            assert isinstance(sound, av.AudioStream)
            _tone(container, sound, frames / rate)
    return path


def _tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: Fraction) -> None:
    tone = np.sin(np.arange(int(48000 * seconds)) / 48000 * 2 * np.pi * 440) * 12000
    tone[:CLICK] /= 8
    samples = tone.astype(np.int16)
    for start in range(0, samples.size, 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def remux(source: Path, target: Path, keep: Callable[[int, Any], bool] = lambda _, __: True, shift: int = 0) -> Path:
    """Copy the video packets that `keep(number, packet)` wants, their times moved by `shift` ticks."""
    with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
        stream = reading.streams.video[0]
        copy = writing.add_stream_from_template(stream)
        for number, packet in enumerate(reading.demux(stream)):
            if packet.size and packet.pts is not None and packet.dts is not None and keep(number, packet):
                packet.pts += shift
                packet.dts += shift
                packet.stream = copy
                writing.mux(packet)
    return target


def _variable_rate(folder: Path) -> Path:
    steps = [1, 1, 2, 1, 3, 1, 1, 1, 5, 1, 1, 2] * 2
    return write(folder / "variable.mp4", options=H264, pts=np.cumsum([0, *steps[:-1]]).tolist())


def _edit_list(folder: Path) -> Path:
    plain = write(folder / "plain.mp4", options={"preset": "medium", "x264-params": "keyint=12:bframes=2"})
    return remux(plain, folder / "edit_list.mp4", shift=-5 * 512)


def _open_gop(folder: Path, name: str = "open_gop.mkv") -> Path:
    options = {"x265-params": "open-gop=1:keyint=8:min-keyint=8:bframes=3:log-level=none:scenecut=0"}
    return write(folder / name, "libx265", options=options, frames=40)


def _broken_lead(folder: Path) -> Path:
    whole = _open_gop(folder, "whole.mkv")
    with av.open(str(whole)) as container:
        keys = [i for i, packet in enumerate(container.demux(video=0)) if packet.is_keyframe and packet.size]
    return remux(whole, folder / "broken_lead.mkv", lambda number, _: number >= keys[1])


def _storage_order(folder: Path) -> Path:
    """B-frames whose timestamps rise in storage order, as some muxers write them."""
    plain = write(folder / "b.mp4", options={"preset": "medium", "x264-params": "keyint=12:bframes=2"})
    with av.open(str(plain)) as reading, av.open(str(folder / "storage_order.mp4"), "w") as writing:
        stream = reading.streams.video[0]
        copy = writing.add_stream_from_template(stream)
        for number, packet in enumerate(reading.demux(stream)):
            if packet.size:
                packet.pts = packet.dts = number * 512
                packet.stream = copy
                writing.mux(packet)
    return folder / "storage_order.mp4"


def images(folder: Path, bits: int, name: str = "sequence") -> Path:
    target = folder / f"{name}_{bits}"
    target.mkdir()
    for number in range(FRAMES):
        pixels = picture(number)[:, :, ::-1]
        cv2.imwrite(str(target / f"shot_{number + 990}.png"), pixels if bits == 16 else (pixels >> 8).astype(np.uint8))
    return target


LONG_GOP = {"preset": "medium", "x264-params": "keyint=250:bframes=3:b-adapt=0:scenecut=0"}
Q16 = {"level": "3"}

CLIPS: dict[str, Callable[[Path], Path]] = {
    "constant rate": lambda f: write(f / "constant.mp4", options=H264),
    "variable rate": _variable_rate,
    "long GOP with B-frames": lambda f: write(f / "long.mp4", options=LONG_GOP, frames=40),
    "open GOP": _open_gop,
    "open GOP cut at its head": _broken_lead,
    "edit list": _edit_list,
    "timestamps in storage order": _storage_order,
    "transport stream": lambda f: write(f / "stream.ts", options={"x264-params": "keyint=10:bframes=2"}, frames=40),
    "MPEG-2 in a transport stream": lambda f: write(f / "mpeg2.ts", "mpeg2video", options={"g": "9", "bf": "2"}),
    "VP9": lambda f: write(f / "vp9.webm", "libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
    # Made once with libsvtav1 at preset 12: run by root, that encoder leaves the process, and all that it starts from
    # then on, in the kernel's real-time class, where programs that wait by spinning hang.
    "AV1": lambda f: Path(shutil.copy(ASSETS / "av1.mp4", f)),
    "rotated 90": lambda f: write(f / "r90.mp4", options=H264, rotation=90),
    "rotated 180": lambda f: write(f / "r180.mp4", options=H264, rotation=180),
    "rotated 270": lambda f: write(f / "r270.mp4", options=H264, rotation=-90),
    "mirrored": lambda f: write(f / "mirrored.mp4", options=H264, mirrored=True),
    "rotated 4:2:2": lambda f: write(f / "r422.mov", "prores_ks", "yuv422p10le", rotation=90),
    "rotated, odd size": lambda f: write(f / "rodd.mkv", "ffv1", "yuv420p", size=(WIDTH - 1, HEIGHT - 1), rotation=90),
    "10-bit HEVC": lambda f: write(
        f / "ten.mp4", "libx265", "yuv420p10le", {"x265-params": "log-level=none:keyint=12", "preset": "fast"}
    ),
    "ProRes 422": lambda f: write(
        f / "prores.mov", "prores_ks", "yuv422p10le", tags=(1, 1, 1, 1), timecode="01:00:00:12"
    ),
    "ProRes 4444 with alpha": lambda f: write(f / "alpha.mov", "prores_ks", "yuva444p10le"),
    "12-bit": lambda f: write(f / "twelve.mkv", "ffv1", "yuv422p12le", Q16),
    "16-bit RGB": lambda f: write(f / "sixteen.mkv", "ffv1", "gbrp16le", Q16),
    "8-bit RGB": lambda f: write(f / "rgb.mkv", "ffv1", "bgr0", Q16),
    "10-bit RGB": lambda f: write(f / "rgb10.mkv", "ffv1", "gbrp10le", Q16),
    "8-bit RGB with alpha": lambda f: write(f / "rgba.mkv", "ffv1", "bgra", Q16),
    "gray": lambda f: write(f / "gray.mkv", "ffv1", "gray", Q16),
    "10-bit gray": lambda f: write(f / "gray10.mkv", "ffv1", "gray10le", Q16),
    "4:1:1": lambda f: write(f / "411.mkv", "ffv1", "yuv411p", Q16),
    "4:4:0": lambda f: write(f / "440.mkv", "ffv1", "yuv440p", Q16),
    "NV12": lambda f: write(f / "nv12.nut", "rawvideo", "nv12"),
    "packed 4:2:2": lambda f: write(f / "uyvy.mov", "rawvideo", "uyvy422"),
    "odd size": lambda f: write(f / "odd.mkv", "ffv1", "yuv420p", Q16, size=(WIDTH - 1, HEIGHT - 1)),
    "non-square pixels": lambda f: write(f / "sar.mp4", options=H264, sample_aspect_ratio=Fraction(4, 3)),
    "interlaced": lambda f: write(f / "interlaced.mp4", options=H264, fields="top"),
    "interlaced, bottom field first": lambda f: write(f / "bottom.mov", "prores_ks", "yuv422p10le", fields="bottom"),
    "full range": lambda f: write(f / "full.mp4", options=H264, tags=(1, 1, 1, 2)),
    "full-range JPEG": lambda f: write(f / "motion.mov", "mjpeg", "yuvj420p", {"q": "2"}),
    "BT.2020": lambda f: write(
        f / "wide.mp4", "libx265", "yuv420p10le", {"x265-params": "log-level=none"}, tags=(9, 16, 9, 1)
    ),
    "with sound": lambda f: write(f / "sound.mp4", options=H264, audio="aac"),
    "with Opus sound": lambda f: write(f / "opus.mkv", options=H264, audio="libopus"),
    "with PCM sound": lambda f: write(f / "pcm.mov", options=H264, audio="pcm_s16le"),
    "8-bit images": lambda f: images(f, 8),
    "16-bit images": lambda f: images(f, 16),
    "real clip": lambda f: Path(__file__).parents[2] / "assets" / "bikes.mp4",
}
