"""Every output, opened again: its samples, its times, its tags, its sound."""

import dataclasses
import errno
import os
import subprocess
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import OutputError, ResourceError
from engine.geometry import Box, Size
from engine.media.clip import Clip, ClipInfo
from engine.media.layer import bled
from engine.media.movie import threads_for
from engine.media.writer import FLAT_FORMATS, LAYER_FORMATS, open_flat, open_layer
from engine.request import Format
from tests.engine.media.conftest import Build
from tests.engine.media.fixtures import CLICK, CLIPS, FRAMES, H264, write

NAMES = {"mp4": "flat.mp4", "mkv": "flat.mkv", "png": "flat"}
BOX = Box(13, 9, 50, 37)


def flat(clip: Clip, format: Format, folder: Path, start: int = 0, stop: int | None = None) -> Path:
    stop = clip.info.frames if stop is None else stop
    with open_flat(format, folder, clip.info, start, stop) as writer:
        for frame in clip.frames(start, stop):
            writer.write(frame)
    return folder / NAMES[format]


def painted(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Smooth colour in `BOX`, and a soft matte that is 1 in its middle."""
    rng = np.random.default_rng(seed)
    rgb: Any = cv2.resize(rng.random((4, 5, 3)).astype(np.float32), (BOX.width, BOX.height))
    matte = np.zeros((BOX.height, BOX.width), np.float32)
    matte[6:-6, 6:-6] = 1
    return rgb, np.asarray(cv2.GaussianBlur(matte, (9, 9), 0), np.float32)


def layer(clip: Clip, format: Format, folder: Path, start: int = 0, stop: int | None = None) -> Path:
    stop = clip.info.frames if stop is None else stop
    with open_layer(format, folder, clip.info, start, stop) as writer:
        for index in range(start, stop):
            rgb, matte = painted(index)
            writer.write(index, BOX, rgb, matte)
    return folder / ("layer.mov" if format == "mov" else "layer")


def hidden_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".")]


LOSSLESS = sorted(set(CLIPS) - {"real clip"})


@pytest.mark.parametrize("kind", LOSSLESS)
def test_the_lossless_flat_has_the_very_samples_of_the_source(build: Build, tmp_path: Path, kind: str) -> None:
    with Clip.open(build(kind)) as source, Clip.open(flat(source, "mkv", tmp_path)) as result:
        assert result.info.frames == source.info.frames
        assert result.info.codec == "ffv1"
        assert (result.info.layout.name, result.info.layout.full_range) == (
            source.info.layout.name,
            source.info.layout.full_range,
        )
        assert result.info.layout.matrix == source.info.layout.matrix
        for one, two in zip(source.frames(), result.frames(), strict=True):
            assert all(np.array_equal(p, q) for p, q in zip(one.planes, two.planes, strict=True))


@pytest.mark.parametrize("kind", ["constant rate", "variable rate", "10-bit HEVC", "transport stream", "edit list"])
def test_the_lossless_flat_keeps_the_times_of_the_source_to_half_a_millisecond(
    build: Build, tmp_path: Path, kind: str
) -> None:
    with Clip.open(build(kind)) as source, Clip.open(flat(source, "mkv", tmp_path)) as result:
        for index in range(source.info.frames):
            expected = source.info.seconds(index) - source.info.seconds(0)
            assert abs(result.info.seconds(index) - expected) <= Fraction(1, 2000)
        assert result.info.fps == source.info.fps or not source.info.constant_rate


@pytest.mark.parametrize("kind", ["8-bit images", "16-bit images", "10-bit HEVC", "8-bit RGB with alpha", "ProRes 422"])
def test_png_holds_rgb_rounded_to_the_nearest_code(build: Build, tmp_path: Path, kind: str) -> None:
    with Clip.open(build(kind)) as source:
        folder = flat(source, "png", tmp_path, 3, 6)
        assert sorted(path.name for path in folder.iterdir()) == ["000003.png", "000004.png", "000005.png"]
        for frame in source.frames(3, 6):
            stored = cv2.imread(str(folder / f"{frame.index:06d}.png"), cv2.IMREAD_UNCHANGED)
            assert stored is not None
            peak = 255 if source.info.layout.bits == 8 else 65535
            assert stored.dtype == (np.uint8 if peak == 255 else np.uint16)
            expected = np.clip(np.rint(frame.rgb() * np.float32(peak)), 0, peak)
            assert np.array_equal(stored[:, :, 2::-1], expected)
            if source.info.layout.alpha:
                assert np.array_equal(stored[:, :, 3], frame.planes[3])


def test_png_gives_back_the_codes_of_rgb_sources(build: Build, tmp_path: Path) -> None:
    with Clip.open(build("16-bit images")) as source, Clip.open(flat(source, "png", tmp_path)) as result:
        for one, two in zip(source.frames(), result.frames(), strict=True):
            assert all(np.array_equal(p, q) for p, q in zip(one.planes, two.planes, strict=True))


@pytest.mark.parametrize("kind", sorted(set(CLIPS)))
def test_the_mp4_runs_at_a_constant_rate_and_looks_like_the_source(build: Build, tmp_path: Path, kind: str) -> None:
    with Clip.open(build(kind)) as source, Clip.open(flat(source, "mp4", tmp_path)) as result:
        info = result.info
        assert (info.codec, info.constant_rate, info.fps) == ("h264", True, source.info.nominal_fps)
        assert abs(info.duration - source.info.duration) <= 1 / info.fps
        assert info.layout.bits == (8 if source.info.layout.bits == 8 else 10)
        assert info.layout.full_range == (source.info.layout.full_range and source.info.layout.family != "rgb")
        assert info.size == source.info.size
        assert info.sample_aspect_ratio == source.info.sample_aspect_ratio
        for slot in (0, 5, 11):
            at = slot / info.fps + source.info.seconds(0) + Fraction(1, 1000)
            shown = source.frame(source.index_at(int(at / source.info.time_base)))
            difference = np.clip(result.frame(slot).rgb(), 0, 1) - np.clip(shown.rgb(), 0, 1)
            assert 10 * np.log10(1 / max(float((difference**2).mean()), 1e-12)) > 24


def test_a_constant_rate_has_one_frame_for_each_source_frame_of_the_range(build: Build, tmp_path: Path) -> None:
    for kind in ("real clip", "constant rate", "transport stream", "AV1"):
        with Clip.open(build(kind)) as source, Clip.open(flat(source, "mp4", tmp_path, 4, 19)) as result:
            assert result.info.frames == 15


@pytest.mark.parametrize("kind", ["BT.2020", "ProRes 422", "full range", "non-square pixels"])
@pytest.mark.parametrize("format", ["mp4", "mkv", "mov"])
def test_tags_timecode_and_pixel_aspect_are_carried(build: Build, tmp_path: Path, kind: str, format: Format) -> None:
    with Clip.open(build(kind)) as source:
        write_it = layer if format == "mov" else flat
        with Clip.open(write_it(source, format, tmp_path, 6, 14)) as result:
            told, tags = source.info.tags, result.info.tags
            assert (tags.primaries, tags.transfer) == (told.primaries, told.transfer)
            assert result.info.layout.matrix == source.info.layout.matrix
            assert tags.range == (1 if format == "mov" else 2 if source.info.layout.full_range else 1)
            assert result.info.sample_aspect_ratio == source.info.sample_aspect_ratio
            assert result.info.fps == source.info.fps
            assert result.info.frames == 8
            if source.info.timecode:
                assert result.info.timecode == "01:00:00:18"


@pytest.mark.parametrize("kind", ["interlaced", "interlaced, bottom field first"])
@pytest.mark.parametrize("format", ["mp4", "mkv", "mov"])
def test_the_order_of_fields_is_carried(build: Build, tmp_path: Path, kind: str, format: Format) -> None:
    with Clip.open(build(kind)) as source:
        path = (layer if format == "mov" else flat)(source, format, tmp_path)
        with Clip.open(path) as result:
            assert result.info.field_order == source.info.field_order


def test_a_height_that_h264_cannot_split_into_fields_is_coded_as_progressive(tmp_path: Path) -> None:
    path = write(tmp_path / "ntsc.mov", "prores_ks", "yuv422p10le", size=(96, 66), fields="bottom")
    low = write(tmp_path / "ntsc.mkv", "ffv1", "yuv420p", size=(96, 66), fields="bottom")
    with Clip.open(path) as source, Clip.open(flat(source, "mp4", tmp_path)) as result:
        assert result.info.field_order == "bottom"
    with Clip.open(low) as source, Clip.open(flat(source, "mp4", tmp_path)) as result:
        assert (source.info.field_order, result.info.field_order) == ("bottom", None)


def test_png_carries_colour_tags_and_pixel_aspect(build: Build, tmp_path: Path) -> None:
    for kind in ("BT.2020", "non-square pixels"):
        with Clip.open(build(kind)) as source, Clip.open(flat(source, "png", tmp_path)) as result:
            assert result.info.tags.primaries == source.info.tags.primaries
            assert result.info.tags.transfer == source.info.tags.transfer
            assert result.info.sample_aspect_ratio == source.info.sample_aspect_ratio


def loud_from(path: Path) -> tuple[Fraction, float]:
    """When the sound of a clip becomes loud, in seconds after its first frame, and how long it lasts in all."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    waves = [frame.to_ndarray().reshape(-1).astype(np.float64) for frame in frames]
    scale = 32768 if frames[0].format.name.startswith("s16") else 1
    wave = np.abs(np.concatenate(waves)) / scale
    pts, time_base = frames[0].pts, frames[0].time_base
    assert pts is not None
    assert time_base is not None
    begins = Fraction(pts * time_base)
    with Clip.open(path) as clip:
        begins -= clip.info.seconds(0)
    return begins + Fraction(int(np.argmax(wave > 0.2)), 48000), wave.size / 48000


@pytest.mark.parametrize("kind", ["with sound", "with PCM sound", "with Opus sound"])
@pytest.mark.parametrize("format", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize("start", [0, 6, 7])
def test_sound_is_carried_cut_to_the_range_and_in_step_with_the_pictures(
    build: Build, tmp_path: Path, kind: str, format: Format, start: int
) -> None:
    with Clip.open(build(kind)) as source:
        path = (layer if format == "mov" else flat)(source, format, tmp_path, start, 20)
        with Clip.open(path) as result:
            assert result.info.has_audio
    expected = Fraction(CLICK, 48000) - Fraction(start, 25)
    loud, lasts = loud_from(path)
    assert abs(loud - expected) < Fraction(3, 1000)
    assert abs(lasts - (20 - start) / 25) < 0.06


def test_sound_of_an_unknown_kind_is_left_out_and_said(build: Build, tmp_path: Path) -> None:
    path = tmp_path / "unknown.mov"
    path.write_bytes(build("with PCM sound").read_bytes().replace(b"sowt", b"zzz1"))
    with Clip.open(path) as source:
        assert not source.info.has_audio
        assert source.info.audio_note == (
            "The sound of unknown.mov is of a kind that cannot be read here; it is left out."
        )
        with Clip.open(flat(source, "mp4", tmp_path)) as result:
            assert (result.info.frames, result.info.has_audio, result.info.audio_note) == (FRAMES, False, None)


@pytest.mark.parametrize("kind", ["constant rate", "10-bit HEVC", "BT.2020", "16-bit RGB", "gray", "rotated 90"])
def test_the_layer_has_straight_alpha_and_the_painted_colours(build: Build, tmp_path: Path, kind: str) -> None:
    with Clip.open(build(kind)) as source, Clip.open(layer(source, "mov", tmp_path)) as result:
        assert (result.info.codec, result.info.layout.alpha) == ("prores", True)
        assert result.info.frames == source.info.frames
        box = BOX
        for index in (0, 7):
            frame = result.frame(index)
            rgb, matte = painted(index)
            alpha = frame.planes[3] / frame.layout.peak
            assert np.abs(alpha[box.slices] - matte).max() < 1 / 1000
            outside = alpha.copy()
            outside[box.slices] = 0
            assert outside.max() == 0
            shown = matte > 0.02
            assert np.abs(frame.rgb(box) - rgb)[shown].max() < 0.04
            assert np.abs(frame.rgb(box) - rgb)[shown].mean() < 0.004


def test_the_colour_of_the_edge_is_carried_into_what_is_hidden(build: Build, tmp_path: Path) -> None:
    red = np.zeros((BOX.height, BOX.width, 3), np.float32)
    red[:, :, 0] = 1
    matte = np.zeros((BOX.height, BOX.width), np.float32)
    matte[10:-10, 10:-10] = 1
    red[matte == 0] = np.nan
    for format in LAYER_FORMATS:
        with Clip.open(build("constant rate")) as source:
            with open_layer(format, tmp_path, source.info, 0, 2) as writer:
                for index in (0, 1):
                    writer.write(index, BOX, red, matte)
            with Clip.open(tmp_path / ("layer.mov" if format == "mov" else "layer")) as result:
                around = result.frame(0).rgb(BOX)
        assert np.abs(around - np.array([1, 0, 0])).max() < 0.03


def test_bleeding_leaves_what_is_shown_alone() -> None:
    rgb, matte = painted()
    spread = bled(rgb, matte)
    assert np.allclose(spread[matte > 0], rgb[matte > 0], atol=1e-6)
    assert np.isfinite(spread).all()
    assert not bled(rgb, np.zeros_like(matte)).any()


def test_a_layer_of_images_is_named_by_source_index_and_empty_outside_the_box(build: Build, tmp_path: Path) -> None:
    for kind, peak in (("constant rate", 255), ("10-bit HEVC", 65535)):
        with Clip.open(build(kind)) as source:
            folder = layer(source, "png", tmp_path, 5, 7)
        assert sorted(path.name for path in folder.iterdir()) == ["000005.png", "000006.png"]
        stored = cv2.imread(str(folder / "000006.png"), cv2.IMREAD_UNCHANGED)
        assert stored is not None
        rgb, matte = painted(6)
        assert np.array_equal(stored[BOX.slices][:, :, 3], np.rint(matte * np.float32(peak)))
        shown = matte > 0
        assert np.array_equal(stored[BOX.slices][shown][:, 2::-1], np.rint(rgb[shown] * np.float32(peak)))
        stored[BOX.slices] = 0
        assert not stored[:, :, 3].any()


def test_a_frame_without_an_edit_is_empty(build: Build, tmp_path: Path) -> None:
    with Clip.open(build("constant rate")) as source:
        nothing = np.zeros((0, 0), np.float32)
        with open_layer("mov", tmp_path, source.info, 0, 3) as writer:
            for index in range(3):
                writer.write(index, Box(0, 0, 0, 0), np.zeros((0, 0, 3), np.float32), nothing)
        with Clip.open(tmp_path / "layer.mov") as result:
            assert not any(frame.planes[3].any() for frame in result.frames())


def test_a_layer_of_a_variable_rate_keeps_the_times_of_the_source(build: Build, tmp_path: Path) -> None:
    with Clip.open(build("variable rate")) as source, Clip.open(layer(source, "mov", tmp_path)) as result:
        times = [result.seconds(index) for index in range(result.info.frames)]
        assert times == [source.seconds(index) for index in range(source.info.frames)]


@pytest.mark.parametrize("format", FLAT_FORMATS)
def test_a_failure_leaves_the_previous_result_and_nothing_else(build: Build, tmp_path: Path, format: Format) -> None:
    with Clip.open(build("with sound")) as source:
        before = flat(source, format, tmp_path, 0, 4)
        kept = before.read_bytes() if before.is_file() else sorted(path.name for path in before.iterdir())
        with pytest.raises(KeyboardInterrupt), open_flat(format, tmp_path, source.info, 0, 9) as writer:  # noqa: PT012
            writer.write(source.frame(0))
            writer.write(source.frame(1))
            raise KeyboardInterrupt
        after = before.read_bytes() if before.is_file() else sorted(path.name for path in before.iterdir())
        assert after == kept
        assert hidden_files(tmp_path) == []
        flat(source, format, tmp_path, 0, 9)
        assert hidden_files(tmp_path) == []


@pytest.mark.parametrize("format", FLAT_FORMATS)
def test_a_fault_elsewhere_keeps_its_name(build: Build, tmp_path: Path, format: Format) -> None:
    with Clip.open(build("constant rate")) as source:
        with pytest.raises(FileNotFoundError), open_flat(format, tmp_path, source.info, 0, 9):
            (tmp_path / "nowhere").read_bytes()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", [*FLAT_FORMATS, "mov"])
def test_a_place_that_cannot_be_written_is_named(build: Build, tmp_path: Path, format: Format) -> None:
    (tmp_path / "file").touch()
    with Clip.open(build("constant rate")) as source:
        write_it = layer if format == "mov" else flat
        with pytest.raises(OutputError) as caught:
            write_it(source, format, tmp_path / "file" / "inside", 0, 4)
    assert caught.value.code == "output.not_writable"


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 16 kB; where none can be mounted, a system that finds the disk full when files are synced."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
    yield disk
    if mounted:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("format", [*FLAT_FORMATS, "mov"])
def test_a_full_disk_is_named_and_leaves_nothing(
    build: Build, small_disk: Path, tmp_path: Path, format: Format
) -> None:
    big = write(tmp_path / "big.mp4", options=H264, size=(640, 480), frames=12)
    with Clip.open(big) as source, pytest.raises(ResourceError) as caught:
        layer(source, "mov", small_disk) if format == "mov" else flat(source, format, small_disk)
    assert caught.value.code == "resource.disk_full"
    assert list(small_disk.iterdir()) == []


def test_encoders_take_no_more_memory_on_a_larger_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    hd, uhd = Size(1920, 1080), Size(3840, 2160)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert [threads_for(hd, form) for form in ("yuv420p", "yuva444p10le")] == [8, 6]
    assert threads_for(uhd, "yuva444p10le") == 2
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert [threads_for(hd, form) for form in ("yuv420p", "yuva444p10le")] == [3, 3]


def test_writers_work_in_threads_of_their_own(build: Build, tmp_path: Path) -> None:
    path = build("with sound")

    def write_flat(format: Format) -> None:
        with Clip.open(path) as clip:
            flat(clip, format, tmp_path)

    def write_layer() -> None:
        with Clip.open(path) as clip:
            layer(clip, "mov", tmp_path)

    threads = [threading.Thread(target=write_flat, args=(format,)) for format in FLAT_FORMATS]
    threads.append(threading.Thread(target=write_layer))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["flat", "flat.mkv", "flat.mp4", "layer.mov"]
    for name in ("flat", "flat.mkv", "flat.mp4", "layer.mov"):
        with Clip.open(tmp_path / name) as result:
            assert result.info.frames == FRAMES


def test_the_mp4_starts_with_its_index(build: Build, tmp_path: Path) -> None:
    with Clip.open(build("constant rate")) as source:
        data = flat(source, "mp4", tmp_path).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_pixels_that_a_format_cannot_hold_are_refused(build: Build, tmp_path: Path) -> None:
    with Clip.open(build("constant rate")) as source:
        layout = dataclasses.replace(source.info.layout, name="yuva440p12le")
        info: ClipInfo = dataclasses.replace(source.info, layout=layout)
        with pytest.raises(OutputError) as caught:
            open_flat("mkv", tmp_path, info, 0, 4)
        assert caught.value.code == "output.pixels_unsupported"
        assert info.size == Size(96, 64)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(95, 63), (95, 64), (96, 63), (3, 5)])
def test_a_layer_of_odd_sides_has_the_clips_size(size: tuple[int, int], tmp_path: Path) -> None:
    path = write(tmp_path / "odd.mkv", "ffv1", "yuv444p", size=size)
    with Clip.open(path) as clip:
        box = Box(0, 0, 2, 3)
        with open_layer("mov", tmp_path, clip.info, 0, clip.info.frames) as writer:
            for index in range(clip.info.frames):
                writer.write(index, box, np.full((3, 2, 3), 0.5, np.float32), np.ones((3, 2), np.float32))
    with Clip.open(tmp_path / "layer.mov") as result:
        assert tuple(result.info.size) == size
        alpha = result.frame(1).planes[3]
        assert alpha[:3, :2].min() > 0.99 * alpha.max() > 0
        assert not alpha[3:].any()


@pytest.mark.parametrize("size", [(4, 4), (640, 6), (63, 64)])
def test_a_tiny_clip_is_written_without_loss(size: tuple[int, int], tmp_path: Path) -> None:
    path = write(tmp_path / "tiny.mkv", "ffv1", "yuv420p", size=size)
    with Clip.open(path) as clip:
        with open_flat("mkv", tmp_path, clip.info, 0, clip.info.frames) as writer:
            for frame in clip.frames():
                writer.write(frame)
        with Clip.open(tmp_path / "flat.mkv") as result:
            for frame, again in zip(clip.frames(), result.frames(), strict=True):
                assert all(np.array_equal(a, b) for a, b in zip(frame.planes, again.planes, strict=True))
