"""Every kind of clip: index N is index N, however it is reached, and its pixels are the file's."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ClipError
from engine.geometry import Box, Size
from engine.media import clip as clip_module
from engine.media.clip import Clip, Frame, rates
from engine.media.fields import FieldOrder
from engine.media.planes import Orientation
from tests.engine.media.conftest import Build
from tests.engine.media.fixtures import CLIPS, FRAMES, HEIGHT, WIDTH, number_shown, picture, remux, write

TURNED = {kind for kind in CLIPS if kind.startswith("rotated") or kind == "mirrored"}


def same(one: Frame, other: Frame) -> bool:
    return (one.index, one.pts) == (other.index, other.pts) and all(
        np.array_equal(p, q) for p, q in zip(one.planes, other.planes, strict=True)
    )


@pytest.mark.parametrize("kind", CLIPS)
def test_random_access_equals_sequential_decode_for_every_frame(build: Build, kind: str) -> None:
    with Clip.open(build(kind)) as clip, clip.reopen() as other:
        straight = list(clip.frames())
        assert [frame.index for frame in straight] == list(range(clip.info.frames))
        order = np.random.default_rng(3).permutation(clip.info.frames)
        assert all(same(other.frame(int(index)), straight[index]) for index in order)
        backward = list(other.backward(0, clip.info.frames))
        assert all(same(one, two) for one, two in zip(backward, reversed(straight), strict=True))


@pytest.mark.parametrize("kind", sorted({kind for kind in CLIPS if "images" not in kind} - TURNED))
def test_the_frames_are_those_that_the_decoder_yields_in_its_order(build: Build, kind: str) -> None:
    path = build(kind)
    with Clip.open(path) as clip, av.open(str(path)) as container:
        decoded = container.decode(container.streams.video[0])
        for frame, reference in zip(clip.frames(), decoded, strict=True):
            if clip.info.layout.family == "rgb" or reference.format.name == "uyvy422":
                continue
            plane = reference.planes[0]
            lines = np.frombuffer(bytes(plane), frame.planes[0].dtype).reshape(plane.height, -1)
            assert np.array_equal(frame.planes[0], lines[:, : plane.width])


@pytest.mark.parametrize("kind", sorted(set(CLIPS) - TURNED - {"real clip", "open GOP cut at its head", "edit list"}))
def test_frame_n_shows_picture_n(build: Build, kind: str) -> None:
    with Clip.open(build(kind)) as clip:
        shown = [number_shown(frame.rgb()) for frame in clip.frames()]
        if kind == "timestamps in storage order":  # the muxer's edit list hides one of them
            assert shown == sorted(shown)
        else:
            assert shown == list(range(len(shown)))
            assert len(shown) in (FRAMES, 40)


def test_frames_outside_the_edit_list_are_no_frames_of_the_clip(build: Build) -> None:
    with Clip.open(build("edit list")) as clip:
        assert [number_shown(frame.rgb()) for frame in clip.frames()] == list(range(5, FRAMES))


def test_leading_frames_that_refer_to_what_was_cut_away_are_no_frames_of_the_clip(build: Build) -> None:
    with Clip.open(build("open GOP cut at its head")) as clip:
        shown = [number_shown(frame.rgb()) for frame in clip.frames()]
        assert shown == list(range(shown[0], 40))
        assert shown[0] == 8


def test_times_of_a_variable_rate_are_exact(build: Build) -> None:
    with Clip.open(build("variable rate")) as clip:
        ticks = np.cumsum([0, *([1, 1, 2, 1, 3, 1, 1, 1, 5, 1, 1, 2] * 2)[:-1]])
        assert [clip.seconds(index) for index in range(FRAMES)] == [float(Fraction(int(t), 25)) for t in ticks]
        assert not clip.info.constant_rate
        assert clip.info.nominal_fps == 25


@pytest.mark.parametrize("kind", CLIPS)
def test_every_time_leads_back_to_its_index(build: Build, kind: str) -> None:
    with Clip.open(build(kind)) as clip:
        for index in range(clip.info.frames):
            assert clip.index_at(clip.pts(index)) == index
            assert clip.index_at(int(clip.info.pts[index + 1]) - 1) == index


@pytest.mark.parametrize(("kind", "turns"), [("rotated 90", 1), ("rotated 180", 2), ("rotated 270", 3)])
def test_frames_come_upright(build: Build, kind: str, turns: int) -> None:
    with Clip.open(build(kind)) as clip:
        assert clip.info.size == (Size(WIDTH, HEIGHT) if turns == 2 else Size(HEIGHT, WIDTH))
        assert clip.info.rotation == (-90 * turns) % 360
        for frame in clip.frames():
            assert number_shown(np.rot90(frame.rgb(), -turns)) == frame.index


def test_a_mirrored_clip_comes_unmirrored(build: Build) -> None:
    with Clip.open(build("mirrored")) as clip:
        assert [number_shown(frame.rgb()[:, ::-1]) for frame in clip.frames()] == list(range(FRAMES))


@pytest.mark.parametrize("kind", ["rotated 4:2:2", "rotated, odd size"])
def test_turning_loses_no_chroma_sample(build: Build, kind: str) -> None:
    path = build(kind)
    with Clip.open(path) as clip, av.open(str(path)) as container:
        assert (clip.info.layout.log2_chroma_w, clip.info.layout.log2_chroma_h) == (0, 0)
        frame, coded = clip.frame(3), list(container.decode(video=0))[3]
        samples = np.frombuffer(bytes(coded.planes[1]), frame.planes[1].dtype)
        chroma = samples.reshape(coded.planes[1].height, -1)[:, : coded.planes[1].width]
        rows, columns = (1, 2) if kind == "rotated 4:2:2" else (2, 2)
        doubled = chroma.repeat(rows, 0).repeat(columns, 1)[: coded.height, : coded.width]
        assert np.array_equal(np.rot90(doubled), frame.planes[1])


@pytest.mark.parametrize(
    ("turn", "height", "order"),
    [
        (Orientation(), 64, "top"),
        (Orientation(False, True, False), 64, "top"),
        (Orientation(False, True, True), 64, "bottom"),
        (Orientation(False, True, True), 63, "top"),
        (Orientation(True, True, False), 64, None),
    ],
)
def test_turning_a_frame_upside_down_swaps_its_fields(turn: Orientation, height: int, order: FieldOrder | None) -> None:
    assert turn.field_order("top", height) == order
    assert turn.field_order(None, height) is None


def test_what_a_clip_says_of_itself(build: Build) -> None:
    with Clip.open(build("non-square pixels")) as clip:
        assert clip.info.sample_aspect_ratio == Fraction(4, 3)
        assert clip.info.size == Size(WIDTH, HEIGHT)
    with Clip.open(build("interlaced")) as clip:
        assert (clip.info.interlaced, clip.info.field_order) == (True, "top")
    with Clip.open(build("interlaced, bottom field first")) as clip:
        assert (clip.info.interlaced, clip.info.field_order) == (True, "bottom")
    with Clip.open(build("odd size")) as clip:
        assert clip.frame(0).planes[1].shape == (HEIGHT // 2, WIDTH // 2)
    with Clip.open(build("ProRes 422")) as clip:
        assert clip.info.timecode == "01:00:00:12"
        assert (clip.info.layout.name, clip.info.layout.matrix) == ("yuv422p10le", "bt709")
    with Clip.open(build("ProRes 4444 with alpha")) as clip:
        assert clip.info.layout.alpha
        assert clip.info.layout.bits == 12
        assert len(clip.frame(0).planes) == 4
    with Clip.open(build("BT.2020")) as clip:
        assert (clip.info.tags.primaries, clip.info.tags.transfer, clip.info.layout.matrix) == (9, 16, "bt2020nc")
    with Clip.open(build("full range")) as clip:
        assert clip.info.layout.full_range
        assert clip.info.tags.matrix == 1
    with Clip.open(build("full-range JPEG")) as clip:
        assert (clip.info.pixel_format, clip.info.layout.name, clip.info.layout.full_range) == (
            "yuvj420p",
            "yuv420p",
            True,
        )
    with Clip.open(build("with sound")) as clip:
        assert clip.info.has_audio
    with Clip.open(build("constant rate")) as clip:
        assert clip.info.constant_rate
        assert (clip.info.interlaced, clip.info.field_order) == (False, None)
        assert clip.info.fps == clip.info.nominal_fps == 25
        assert clip.info.duration == pytest.approx(FRAMES / 25)
        assert clip.info.layout.matrix == "bt601"
        assert not clip.info.has_audio
    with Clip.open(build("16-bit images")) as clip:
        assert (clip.info.layout.name, clip.info.fps) == ("gbrp16le", Fraction(25))


def test_16_bit_images_are_read_to_the_last_bit(build: Build) -> None:
    with Clip.open(build("16-bit images"), image_rate=Fraction(30)) as clip:
        assert clip.info.fps == 30
        for frame in clip.frames():
            assert np.array_equal(np.dstack(frame.planes), picture(frame.index))


@pytest.mark.parametrize("kind", CLIPS)
def test_a_box_of_rgb_is_the_crop_of_the_whole(build: Build, kind: str) -> None:
    with Clip.open(build(kind)) as clip:
        frame, box = clip.frame(1), Box(7, 5, 33, 21)
        assert np.abs(frame.rgb(box) - frame.rgb()[box.slices]).max() < 5e-7  # the last float32 bit or two
        assert frame.rgb(Box(3, 3, 0, 4)).shape == (4, 0, 3)


@pytest.mark.parametrize("kind", CLIPS)
def test_luma_for_motion_has_8_bits_and_follows_the_brightness(build: Build, kind: str) -> None:
    with Clip.open(build(kind)) as clip:
        frame = clip.frame(2)
        luma = frame.luma8()
        assert luma.dtype == np.uint8
        assert luma.shape == (clip.info.size.height, clip.info.size.width)
        gray = cv2.cvtColor(np.clip(frame.rgb(), 0, 1), cv2.COLOR_RGB2GRAY)
        assert np.corrcoef(luma.ravel(), gray.ravel())[0, 1] > 0.93


def test_luma_of_an_8_bit_clip_is_the_plane_itself(build: Build) -> None:
    with Clip.open(build("constant rate")) as clip:
        frame = clip.frame(0)
        assert np.shares_memory(frame.luma8(), frame.planes[0])


def test_nobody_can_write_into_the_decoders_frames(build: Build) -> None:
    with Clip.open(build("constant rate")) as clip:
        assert not any(plane.flags.writeable for plane in clip.frame(0).planes)


def test_backward_holds_no_more_than_a_block(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_module, "BLOCK_BYTES", WIDTH * HEIGHT * 3 // 2 * 5)
    with Clip.open(build("long GOP with B-frames")) as clip, clip.reopen() as other:
        assert all(same(frame, other.frame(frame.index)) for frame in clip.backward(2, 33))
        assert [frame.index for frame in clip.backward(2, 33)] == list(range(32, 1, -1))
        assert list(clip.backward(4, 4)) == []


def test_streams_of_one_clip_may_be_interleaved(build: Build) -> None:
    with Clip.open(build("long GOP with B-frames")) as clip:
        pairs = zip(clip.frames(0, 12), clip.frames(20, 32), strict=True)
        assert [(one.index, two.index) for one, two in pairs] == [(n, n + 20) for n in range(12)]


def test_the_digest_names_the_bytes(build: Build, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(build("constant rate").read_bytes())
    with Clip.open(build("constant rate")) as one, Clip.open(copy) as two, Clip.open(build("variable rate")) as three:
        assert one.sha256() == two.sha256() != three.sha256()


@given(
    rate=st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(24000, 1001)]),
    ticks=st.sampled_from([1000, 12800, 90000, 600]),
    frames=st.integers(3, 400),
)
@settings(max_examples=50, deadline=None)
def test_a_constant_rate_is_seen_through_the_rounding_of_the_time_base(rate: Fraction, ticks: int, frames: int) -> None:
    pts = np.array([round(n / rate * ticks) for n in range(frames + 1)])
    assert rates(pts, Fraction(1, ticks), rate) == (rate, rate, True)


def test_an_index_outside_the_clip_is_refused(build: Build) -> None:
    with Clip.open(build("constant rate")) as clip:
        for index in (-1, FRAMES):
            with pytest.raises(ClipError) as caught:
                clip.frame(index)
            assert caught.value.code == "clip.out_of_range"
            assert "0 to 23" in str(caught.value)


def test_a_stream_that_begins_between_keyframes_starts_at_its_first_keyframe(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mkv", options={"x264-params": "keyint=10:bframes=2"}, frames=30)
    with Clip.open(remux(whole, tmp_path / "cut.ts", lambda number, _: number > 2)) as clip:
        assert [number_shown(clip.frame(index).rgb()) for index in (19, 3, 17, 0)] == [29, 13, 27, 10]
        assert clip.info.frames == 20
