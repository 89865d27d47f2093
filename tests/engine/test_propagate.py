import errno
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import outputs, staging
from engine.composite import keyframe_painted
from engine.edit import Keyframe
from engine.errors import Cancelled, EngineError, OutputError, ResourceError, SettingsError
from engine.geometry import Box
from engine.media.clip import Clip, Frame
from engine.media.still import read_still
from engine.media.writer import open_flat
from engine.method import Footage, OnStep, Painted
from engine.propagate import Fed, estimate, propagate
from engine.report import Report
from engine.request import Event, FrameRange, KeyframeFiles, Request
from tests.engine.clips import write_still
from tests.engine.methods import ShiftMethod

LABEL = Box(90, 30, 40, 24)


def edited(clip_path: Path, frame: int, path: Path, box: Box = LABEL) -> KeyframeFiles:
    """A label painted on a frame of the clip, and nothing said about where."""
    with Clip.open(clip_path) as clip:
        rgb = np.clip(clip.frame(frame).rgb(), 0, 1)
    rgb[box.slices] = (0.9, 0.15, 0.1)
    rgb[box.y + 6 : box.bottom - 6, box.x + 6 : box.right - 6] = (0.1, 0.2, 0.85)
    return KeyframeFiles(edited=write_still(path, rgb, 16), frame=frame)


def request(clip: Path, folder: Path, frame: int = 8, **changes: Any) -> Request:
    asked = Request(
        clip=clip,
        keyframes=(edited(clip, frame, folder / "edited.png"),),
        output=folder / "out",
        formats=("mkv", "png"),
    )
    return asked.model_copy(update=changes)


def silent(event: Event) -> None:
    pass


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_the_edit_follows_the_clip_and_the_rest_is_the_source_bit_for_bit(pan: Path, tmp_path: Path) -> None:
    report = propagate(request(pan, tmp_path), silent, method=ShiftMethod())
    with Clip.open(pan) as source, Clip.open(tmp_path / "out" / "flat.mkv") as flat:
        assert flat.info.frames == 24
        assert flat.info.layout == source.info.layout
        for index in range(24):
            left = LABEL.x - 2 * (index - 8)
            matte = np.zeros((108, 192), bool)
            matte[LABEL.y - 2 : LABEL.bottom + 2, max(left - 2, 0) : left + LABEL.width + 2] = True
            before, after = source.frame(index), flat.frame(index)
            for number, (one, other) in enumerate(zip(before.planes, after.planes, strict=True)):
                inside = matte if number == 0 else matte[::2, ::2] | matte[1::2, 1::2]
                np.testing.assert_array_equal(one[~inside], other[~inside])
            if left + LABEL.width <= 192:
                shown = after.rgb(Box(left + 8, LABEL.y + 8, 20, 8))
                assert np.abs(shown - (0.1, 0.2, 0.85)).max() < 0.012
    assert report.quality.outside_max_abs_diff == 0


@pytest.mark.parametrize("clip", ["pan", "pan10"])
def test_pngs_hold_the_same_as_the_lossless_clip_and_the_layer_is_clear_outside(
    clip: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(clip)
    box = LABEL if clip == "pan" else Box(40, 20, 20, 12)
    asked = Request(
        clip=path,
        keyframes=(edited(path, 4, tmp_path / "edited.png", box),),
        output=tmp_path / "out",
        formats=("mkv", "png"),
        range=FrameRange(start=2, stop=9),
    )
    propagate(asked, silent, method=ShiftMethod())
    numbered = {f"{index:06}.png" for index in range(2, 9)}
    assert names(tmp_path / "out" / "layer") == names(tmp_path / "out" / "flat") == numbered
    with Clip.open(path) as source, Clip.open(tmp_path / "out" / "flat.mkv") as flat:
        assert flat.info.frames == 7
        for index in range(2, 9):
            before, after = source.frame(index), flat.frame(index - 2)
            layer = read_still(tmp_path / "out" / "layer" / f"{index:06}.png")
            assert layer.alpha is not None
            outside = layer.alpha == 0
            assert 0.5 < outside.mean() < 1
            np.testing.assert_array_equal(before.planes[0][outside], after.planes[0][outside])
            image = read_still(tmp_path / "out" / "flat" / f"{index:06}.png")
            assert image.bits == (8 if clip == "pan" else 16)
            assert np.abs(image.rgb - np.clip(after.rgb(), 0, 1)).max() <= 0.5 / 255 + 1e-6


def test_at_the_keyframe_the_result_equals_the_artists_pixels_inside_the_mask(pan: Path, tmp_path: Path) -> None:
    asked = request(pan, tmp_path)
    propagate(asked, silent, method=ShiftMethod())
    painted = read_still(asked.keyframes[0].edited).rgb
    layer = read_still(asked.output / "layer" / "000008.png")
    assert layer.alpha is not None
    inside = layer.alpha == 1
    assert inside.sum() == LABEL.area
    assert np.abs(layer.rgb[inside] - painted[inside]).max() <= 0.5 / 255 + 1e-6
    with Clip.open(asked.output / "flat.mkv") as flat:
        luma = (
            np.array([0.299, 0.587, 0.114])
            if flat.info.layout.matrix == "bt601"
            else np.array([0.2126, 0.7152, 0.0722])
        )
        difference = (flat.frame(8).rgb() - painted) @ luma
    assert np.abs(difference[inside]).max() < 0.6 / 219


def test_the_frame_is_found_when_it_is_not_given(pan: Path, tmp_path: Path) -> None:
    asked = request(pan, tmp_path)
    unsaid = asked.keyframes[0].model_copy(update={"frame": None})
    report = propagate(asked.model_copy(update={"keyframes": (unsaid,)}), silent, method=ShiftMethod())
    assert report.edit.frame == 8


def test_the_report_says_what_was_done(pan: Path, tmp_path: Path) -> None:
    report = propagate(request(pan, tmp_path), silent, method=ShiftMethod())
    assert Report.model_validate_json((tmp_path / "out" / "report.json").read_text()) == report
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert {"method", "settings", "seed", "weights", "version", "passes", "quality"} <= set(written)
    assert written["source"] | {"sha256": ""} == {
        "sha256": "", "frames": 24, "fps": "25", "width": 192, "height": 108, "pixel_format": "yuv420p"
    }  # fmt: skip
    assert written["edit"]["frame"] == 8
    assert LABEL.area / (192 * 108) <= written["edit"]["mask_area"] < 1.2 * LABEL.area / (192 * 108)
    assert {output["path"] for output in written["outputs"]} == {"layer", "flat.mkv", "flat"}
    assert all((tmp_path / "out" / output["path"]).exists() for output in written["outputs"])
    assert set(report.quality.confident_fraction) == set(range(24))
    assert report.quality.confident_fraction[8] == 1
    assert {"probe", "resolve", "propagate", "composite", "write", "total"} <= set(report.timings)


def test_frames_of_low_confidence_and_the_methods_warnings_are_in_the_report(pan: Path, tmp_path: Path) -> None:
    report = propagate(request(pan, tmp_path), silent, method=ShiftMethod(cut=20))
    assert "A cut ends the edit." in report.quality.warnings
    assert len(report.quality.warnings) == len(set(report.quality.warnings))
    assert any(warning.startswith("Frames 20 to 23: ") for warning in report.quality.warnings)


def test_frames_that_the_edit_does_not_reach_are_the_sources(pan: Path, tmp_path: Path) -> None:
    propagate(request(pan, tmp_path), silent, method=ShiftMethod(cut=20))
    with Clip.open(pan) as source, Clip.open(tmp_path / "out" / "flat.mkv") as flat:
        for index in range(20, 24):
            for one, other in zip(source.frame(index).planes, flat.frame(index).planes, strict=True):
                np.testing.assert_array_equal(one, other)


def test_between_two_keyframes_both_edits_are_blended(pan: Path, tmp_path: Path) -> None:
    near, far = edited(pan, 4, tmp_path / "a.png"), edited(pan, 8, tmp_path / "b.png", Box(82, 60, 40, 24))
    asked = request(pan, tmp_path, keyframes=(far, near))
    report = propagate(asked, silent, method=ShiftMethod())
    assert [keyframe.frame for keyframe in report.edit.keyframes] == [4, 8]
    alpha = read_still(asked.output / "layer" / "000006.png").alpha
    assert alpha is not None
    assert alpha[42, 100] == pytest.approx(0.5, abs=0.01)
    assert alpha[72, 100] == pytest.approx(0.5, abs=0.01)
    quarter = read_still(asked.output / "layer" / "000005.png").alpha
    assert quarter is not None
    assert quarter[42, 100] == pytest.approx(0.75, abs=0.01)
    assert quarter[72, 100] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("frame", [0, 23])
def test_the_first_and_the_last_frame_can_be_the_edited_one(pan: Path, tmp_path: Path, frame: int) -> None:
    asked = request(pan, tmp_path, frame, formats=("mkv",))
    assert propagate(asked, silent, method=ShiftMethod()).edit.frame == frame
    with Clip.open(asked.output / "flat.mkv") as flat:
        assert flat.info.frames == 24


def test_progress_rises_to_the_end_and_the_first_preview_is_the_keyframe(pan: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    sizes: list[tuple[int, ...]] = []

    def listen(event: Event) -> None:
        events.append(event)
        if event.preview:
            sizes.append(read_still(event.preview).rgb.shape)

    propagate(request(pan, tmp_path), listen, method=ShiftMethod())
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages == ["probe", "plan", "propagate", "write"]
    work = [event for event in events if event.stage == "propagate"]
    assert [event.done for event in work] == list(range(work[-1].total + 1))
    assert work[0].frame == 8
    assert sizes[0] == (108, 192, 3)
    assert events[-1].done == events[-1].total == 24


class Stop:
    """Asks to stop at the n-th event."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self, event: Event) -> None:
        self._left -= 1
        if self._left < 0:
            raise Cancelled.asked()


@pytest.mark.parametrize("at", [0, 1, 2, 3, 6, 12, 25, 36])
def test_a_cancelled_job_leaves_no_file_wherever_it_was(pan: Path, tmp_path: Path, at: int) -> None:
    with pytest.raises(Cancelled):
        propagate(request(pan, tmp_path), Stop(at), method=ShiftMethod())
    assert names(tmp_path) == {"edited.png"}


def test_a_cancelled_job_leaves_the_previous_result_as_it_was(pan: Path, tmp_path: Path) -> None:
    asked = request(pan, tmp_path)
    propagate(asked, silent, method=ShiftMethod())
    files = {path: path.read_bytes() for path in asked.output.rglob("*") if path.is_file()}
    for at in (3, 20, 35):
        with pytest.raises(Cancelled):
            propagate(asked, Stop(at), method=ShiftMethod(step=1))
    assert {path: path.read_bytes() for path in asked.output.rglob("*") if path.is_file()} == files


def test_a_second_run_replaces_the_first_whole(pan: Path, tmp_path: Path) -> None:
    asked = request(pan, tmp_path)
    propagate(asked, silent, method=ShiftMethod())
    propagate(asked.model_copy(update={"range": FrameRange(start=6, stop=10)}), silent, method=ShiftMethod())
    assert names(asked.output / "flat") == {f"{index:06}.png" for index in range(6, 10)}
    assert names(asked.output) == {"layer", "flat", "flat.mkv", "report.json"}


def test_an_error_in_a_writer_stops_the_job_with_that_error(
    pan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def failing(*place: Any) -> Any:
        writer = open_flat(*place)
        write = writer.write

        def fail(frame: Frame) -> None:
            if frame.index == 5:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(frame)

        monkeypatch.setattr(writer, "write", fail)
        return writer

    monkeypatch.setattr(outputs, "open_flat", failing)
    with pytest.raises(ResourceError) as full:
        propagate(request(pan, tmp_path), silent, method=ShiftMethod())
    assert full.value.code == "resource.disk_full"
    assert names(tmp_path) == {"edited.png"}


def test_a_disk_without_room_is_refused_before_the_work(
    pan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(ResourceError) as refused:
        propagate(request(pan, tmp_path), silent, method=ShiftMethod())
    assert refused.value.code == "resource.disk_full"
    assert "MB are needed" in refused.value.message
    assert names(tmp_path) == {"edited.png"}


def test_a_method_that_fails_leaves_no_file(pan: Path, tmp_path: Path) -> None:
    class Failing(ShiftMethod):
        def propagate(self, keyframe: Keyframe, source: Frame, frames: Footage, on_step: OnStep) -> Iterator[Painted]:
            yield from list(super().propagate(keyframe, source, frames, on_step))[:2]
            raise EngineError("method.failed", "It broke.", "Mend it.")

    with pytest.raises(EngineError, match="It broke"):
        propagate(request(pan, tmp_path), silent, method=Failing())
    assert names(tmp_path) == {"edited.png"}


def test_a_method_that_looks_ahead_gets_its_own_frames(pan: Path, tmp_path: Path) -> None:
    class Ahead(ShiftMethod):
        def propagate(self, keyframe: Keyframe, source: Frame, frames: Footage, on_step: OnStep) -> Iterator[Painted]:
            known = [frame.index for frame in frames.ahead()]
            assert known == [index for window in frames.windows for index in window.frames]
            held = list(frames)
            return super().propagate(
                keyframe, source, Fed(held, frames.windows, lambda skip: iter(held[skip:])), on_step
            )

    asked = request(pan, tmp_path)
    propagate(asked, silent, method=ShiftMethod())
    plain = (asked.output / "flat" / "000002.png").read_bytes(), (asked.output / "flat" / "000020.png").read_bytes()
    propagate(asked, silent, method=Ahead())
    ahead = (asked.output / "flat" / "000002.png").read_bytes(), (asked.output / "flat" / "000020.png").read_bytes()
    assert plain == ahead


def test_a_method_that_skips_a_frame_is_a_fault(pan: Path, tmp_path: Path) -> None:
    class Skipping(ShiftMethod):
        def propagate(self, keyframe: Keyframe, source: Frame, frames: Footage, on_step: OnStep) -> Iterator[Painted]:
            return (replace(painted, index=0) for painted in super().propagate(keyframe, source, frames, on_step))

    with pytest.raises(ValueError, match="painted frame 0 where frame 7 was due"):
        propagate(request(pan, tmp_path), silent, method=Skipping())


def test_an_estimate_says_what_a_run_would_take_finds_the_frame_and_writes_nothing(pan: Path, tmp_path: Path) -> None:
    asked = request(pan, tmp_path, range=FrameRange(start=2, stop=20))
    (keyframe,) = asked.keyframes
    lost = asked.model_copy(update={"keyframes": (keyframe.model_copy(update={"frame": None}),)})
    steps, edit = estimate(lost, silent, method=ShiftMethod())
    assert [keyframe.index for keyframe in edit.keyframes] == [8]
    assert (steps.start, steps.stop, steps.estimate.frames) == (2, 20, 17)
    assert steps.estimate.seconds > 0
    assert not (tmp_path / "out").exists()


def test_an_estimate_is_refused_where_the_run_would_be(pan: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        estimate(request(pan, tmp_path, range=FrameRange(start=2, stop=99)), silent, method=ShiftMethod())
    assert caught.value.code == "settings.range_outside"


def test_an_output_that_is_a_file_is_refused(pan: Path, tmp_path: Path) -> None:
    asked = request(pan, tmp_path)
    asked.output.write_text("mine")
    with pytest.raises(OutputError) as refused:
        propagate(asked, silent, method=ShiftMethod())
    assert refused.value.code == "output.not_a_folder"
    assert asked.output.read_text() == "mine"


def test_an_output_that_cannot_be_made_is_refused(pan: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError) as refused:
        propagate(request(pan, tmp_path, output=tmp_path / "file" / "out"), silent, method=ShiftMethod())
    assert refused.value.code == "output.not_writable"


def test_two_jobs_do_not_write_into_one_folder(pan: Path, tmp_path: Path) -> None:
    asked = request(pan, tmp_path)
    with staging.Staging(asked.output), pytest.raises(OutputError) as refused:
        propagate(asked, silent, method=ShiftMethod())
    assert refused.value.code == "output.in_use"


def test_what_a_crashed_job_left_is_cleared_away(pan: Path, tmp_path: Path) -> None:
    asked = request(pan, tmp_path)
    left = asked.output / ".unfinished" / "flat"
    left.mkdir(parents=True)
    (left / "000001.png").write_bytes(b"half")
    propagate(asked, silent, method=ShiftMethod())
    assert names(asked.output) == {"layer", "flat", "flat.mkv", "report.json"}


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ({"settings": {"transfr": "auto"}}, "settings.unknown", "Did you mean transfer?"),
        ({"settings": {"transfer": "opake"}}, "settings.value_refused", "Did you mean opaque?"),
        ({"settings": {"transfer": "x"}}, "settings.value_refused", "auto, appearance, opaque, removal"),
        ({"weights": Path("weights")}, "settings.weights_unused", "Leave the weights out"),
        ({"range": FrameRange(start=3, stop=99)}, "settings.range_outside", "0:24"),
        ({"range": FrameRange(start=9, stop=9)}, "settings.range_outside", "0:24"),
    ],
)
def test_settings_that_cannot_be_kept_are_refused_before_the_work(
    pan: Path, tmp_path: Path, asked: dict[str, Any], code: str, said: str
) -> None:
    method = ShiftMethod() if code == "settings.range_outside" else None
    with pytest.raises(SettingsError) as refused:
        propagate(request(pan, tmp_path, **asked), silent, method=method)
    assert refused.value.code == code
    assert said in refused.value.hint
    assert names(tmp_path) == {"edited.png"}


def test_the_paint_at_the_keyframe_is_the_methods_own_start(pan: Path, tmp_path: Path) -> None:
    with Clip.open(pan) as clip:
        frame = clip.frame(3)
    mask = np.zeros((108, 192), np.float32)
    mask[LABEL.slices] = 1
    keyframe = Keyframe(3, np.clip(frame.rgb(), 0, 1), mask)
    following = [replace(frame, index=4)]
    footage = Fed(following, (), lambda skip: iter(following[skip:]))
    (moved,) = ShiftMethod().propagate(keyframe, frame, footage, lambda step: None)
    assert moved.box == Box(LABEL.x - 2, LABEL.y, LABEL.width, LABEL.height)
    np.testing.assert_array_equal(moved.rgb, keyframe_painted(keyframe).rgb)
