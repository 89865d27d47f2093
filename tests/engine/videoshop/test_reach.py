"""Any keyframe, any length, any size, and only inside the mask: whole jobs on a small model with random weights."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from weakref import WeakSet

import cv2
import numpy as np
import psutil
import pytest
import torch

from engine.edit import Keyframe
from engine.errors import Cancelled
from engine.geometry import Box, Size
from engine.media.clip import Clip, Frame
from engine.media.still import read_still
from engine.method import Painted
from engine.plan import plan
from engine.propagate import Fed
from engine.report import Report
from engine.request import Event, FrameRange, KeyframeFiles, Request
from engine.videoshop import method as room
from engine.videoshop.method import VideoshopMethod
from engine.videoshop.run import Made, Run
from engine.videoshop.run import Window as Task
from engine.videoshop.signs import InvertedNoise
from tests.engine.clips import panning, texture, write_clip, write_still
from tests.engine.flow.scene import psnr
from tests.engine.frames import LAYOUTS
from tests.engine.videoshop.jobs import made, method, pictures

BIKES = Path(__file__).parents[2] / "assets" / "bikes.mp4"
SETTINGS = {"steps": "4", "strength": "0.5", "guidance_first": "1", "guidance_last": "1"}
STEPS = 2
"""Of inversion, and of denoising, without guidance: four passes a window."""


def painted(clip: Path, frame: int, box: Box, folder: Path, color: float = 0.9, bits: int = 8) -> KeyframeFiles:
    """A frame with a flat colour painted over `box`, and its mask."""
    with Clip.open(clip) as opened:
        rgb = np.clip(opened.frame(frame).rgb(), 0, 1)
    mask = np.zeros_like(rgb)
    rgb[box.slices], mask[box.slices] = (color, 0.2, 0.1), 1
    edited = write_still(folder / f"{frame} {color}.png", rgb, bits)
    return KeyframeFiles(edited=edited, frame=frame, mask=write_still(folder / f"{frame} mask.png", mask))


def asked(
    clip: Path, keyframes: tuple[KeyframeFiles, ...], folder: Path, start: int, stop: int, **more: str
) -> Request:
    return Request(
        clip=clip,
        keyframes=keyframes,
        output=folder / "out",
        range=FrameRange(start=start, stop=stop),
        method="videoshop",
        formats=("mkv", "png"),
        settings=SETTINGS | more,
    )


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """What the model is given, window by window."""
    return spied(monkeypatch)


def spied(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    seen: list[Task] = []
    work = Run.made

    def noted(self: Run, task: Task, *rest: Any) -> Made:
        seen.append(task)
        return work(self, task, *rest)

    monkeypatch.setattr(Run, "made", noted)
    return seen


def outside(clip: Path, folder: Path, start: int, stop: int) -> list[float]:
    """Compares the result with the clip outside the layer's matte, sample by sample; the part of each frame that the
    edit takes."""
    taken = []
    with Clip.open(clip) as source, Clip.open(folder / "flat.mkv") as flat:
        layout, tall, wide = source.info.layout, source.info.size.height, source.info.size.width
        assert (flat.info.layout, flat.info.size) == (layout, source.info.size)
        assert flat.info.frames == stop - start
        for index in range(start, stop):
            alpha = read_still(folder / "layer" / f"{index:06}.png").alpha
            assert alpha is not None
            before, after = source.frame(index), flat.frame(index - start)
            for number, (one, other) in enumerate(zip(before.planes, after.planes, strict=True)):
                across, down = (layout.log2_chroma_w, layout.log2_chroma_h) if number else (0, 0)
                matte = np.pad(alpha, ((0, -tall % (1 << down)), (0, -wide % (1 << across))))
                cells = matte.reshape(one.shape[0], 1 << down, one.shape[1], 1 << across).max((1, 3))
                np.testing.assert_array_equal(one[cells == 0], other[cells == 0])
            image, peak = read_still(folder / "flat" / f"{index:06}.png"), 255 if layout.bits == 8 else 65535
            assert image.bits == (8 if layout.bits == 8 else 16)
            away = np.abs(image.rgb - np.clip(before.rgb(), 0, 1))[cv2.dilate(alpha, np.ones((5, 5))) == 0]
            assert away.size
            assert away.max() <= 0.51 / peak
            taken.append(float((alpha > 0).mean()))
    return taken


def shown_as_painted(keyframe: KeyframeFiles, folder: Path) -> bool:
    """Whether the layer holds at the keyframe what the artist painted, where it was."""
    assert keyframe.mask is not None
    layer = read_still(folder / "layer" / f"{keyframe.frame:06}.png")
    mask, wanted = read_still(keyframe.mask).rgb[..., 0] > 0, read_still(keyframe.edited).rgb
    assert layer.alpha is not None
    np.testing.assert_array_equal(layer.alpha == 1, mask)
    np.testing.assert_array_equal(layer.alpha > 0, mask)
    return bool(np.abs(layer.rgb - wanted)[mask].max() <= 0.51 / 255)


@dataclass(frozen=True)
class Long:
    """A clip longer than the model, made in two windows: frames 4…17 and 10…23."""

    report: Report
    folder: Path
    keyframe: KeyframeFiles
    events: list[Event]
    tasks: list[Task]

    @property
    def cache(self) -> Path:
        return self.folder / "cache"


LABEL = Box(90, 30, 40, 30)


@pytest.fixture(scope="module")
def long(pan: Path, tmp_path_factory: pytest.TempPathFactory) -> Long:
    folder, events = tmp_path_factory.mktemp("long"), list[Event]()
    keyframe = painted(pan, 4, LABEL, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.preview.SECONDS_BETWEEN", 0)
        tasks = spied(patch)
        report = made(asked(pan, (keyframe,), folder, 4, 24, spacing="1"), folder / "cache", events.append)
    return Long(report, folder, keyframe, events, tasks)


def test_a_clip_longer_than_the_model_is_made_in_windows_that_overlap(long: Long) -> None:
    one, two = long.tasks
    assert one.pixels.shape == two.pixels.shape
    assert len(one.pixels) == 14
    assert torch.equal(one.pixels[6:], two.pixels[:8])
    assert one.lead is None
    assert two.lead is not None
    assert two.lead.frames == 8
    assert long.report.passes.network == 2 * 2 * STEPS


def test_only_the_edit_on_a_crop_changes_and_the_keyframe_is_as_painted(pan: Path, long: Long) -> None:
    taken = outside(pan, long.folder / "out", 4, 24)
    assert all(0.01 < part < 0.5 for part in taken)
    assert long.report.quality.outside_max_abs_diff == 0
    assert shown_as_painted(long.keyframe, long.folder / "out")
    inside = long.tasks[0].inside
    assert inside is not None
    assert 0 < inside.mean() < 0.9


def test_how_flow_carries_the_edit_is_the_first_preview(long: Long) -> None:
    begun = next(number for number, event in enumerate(long.events) if event.stage == "encode")
    early = [event for event in long.events[:begun] if event.preview is not None]
    assert {event.stage for event in early} == {"propagate"}
    assert list(dict.fromkeys(event.frame for event in early)) == list(range(4, 24))


def test_progress_is_that_of_all_windows(long: Long) -> None:
    for stage in ("invert", "generate"):
        done = [event.done for event in long.events if event.stage == stage]
        assert done == sorted(done)
        assert done[-1] == 2 * STEPS
        assert {event.total for event in long.events if event.stage == stage} == {2 * STEPS}


def test_a_second_edit_runs_no_inversion_in_any_window(pan: Path, tmp_path: Path, long: Long) -> None:
    keyframe = painted(pan, 4, LABEL, tmp_path, color=0.3)
    report = made(asked(pan, (keyframe,), tmp_path, 4, 24, spacing="1"), long.cache)
    assert report.passes.network == 2 * STEPS
    assert pictures(tmp_path) != pictures(long.folder)


def test_what_was_cancelled_in_the_second_window_goes_on_there(pan: Path, tmp_path: Path, long: Long) -> None:
    request = asked(pan, (long.keyframe,), tmp_path, 4, 24, spacing="1")

    def stop(event: Event) -> None:
        if event.stage == "generate" and event.done == STEPS + 1:
            raise Cancelled.asked()

    with pytest.raises(Cancelled):
        made(request, tmp_path / "cache", stop)
    assert not (tmp_path / "out").exists()
    assert made(request, tmp_path / "cache").passes.network == 1
    assert pictures(tmp_path) == pictures(long.folder)


def test_every_nth_frame_is_made_and_those_between_are_filled_in(pan: Path, tmp_path: Path, tasks: list[Task]) -> None:
    keyframe = painted(pan, 0, LABEL, tmp_path)
    report = made(asked(pan, (keyframe,), tmp_path, 0, 16, spacing="2"), tmp_path / "cache")
    assert [len(task.pixels) for task in tasks] == [8]
    taken = outside(pan, tmp_path / "out", 0, 16)
    assert all(part > 0.02 for part in taken)
    assert report.quality.outside_max_abs_diff == 0
    assert report.passes.network == 2 * STEPS


def test_two_keyframes_at_ten_bits_are_carried_both_ways_and_joined(
    pan10: Path, tmp_path: Path, tasks: list[Task]
) -> None:
    keyframes = (
        painted(pan10, 3, Box(40, 16, 24, 20), tmp_path, 0.9, 16),
        painted(pan10, 8, Box(30, 16, 24, 20), tmp_path, 0.3, 16),
    )
    report = made(asked(pan10, keyframes, tmp_path, 1, 11), tmp_path / "cache")
    assert sorted(len(task.pixels) for task in tasks) == [3, 3, 5, 5]
    assert min(outside(pan10, tmp_path / "out", 1, 11)) > 0.02
    assert report.quality.outside_max_abs_diff == 0
    assert [keyframe.frame for keyframe in report.edit.keyframes] == [3, 8]
    assert all(shown_as_painted(keyframe, tmp_path / "out") for keyframe in keyframes)


def test_a_scene_cut_ends_the_edit_and_the_frames_beyond_are_the_clips(tmp_path: Path, tasks: list[Task]) -> None:
    keyframe = painted(BIKES, 13, Box(260, 100, 120, 80), tmp_path)
    report = made(asked(BIKES, (keyframe,), tmp_path, 13, 19), tmp_path / "cache")
    assert [len(task.pixels) for task in tasks] == [3]
    taken = outside(BIKES, tmp_path / "out", 13, 19)
    assert [part > 0 for part in taken] == [True, True, True, False, False, False]
    assert any("scene cut lies between frame 13 and frame 16" in line for line in report.quality.warnings)


@pytest.mark.parametrize(("size", "box"), [((150, 94), Box(60, 40, 30, 24)), ((90, 160), Box(30, 20, 20, 90))])
def test_frames_of_any_aspect_are_edited_from_their_middle_one(
    size: tuple[int, int], box: Box, tmp_path: Path, tasks: list[Task]
) -> None:
    clip = write_clip(tmp_path / "clip.mkv", panning(3, *size))
    keyframe = painted(clip, 1, box, tmp_path)
    report = made(asked(clip, (keyframe,), tmp_path, 0, 3), tmp_path / "cache")
    assert [len(task.pixels) for task in tasks] == [2, 2]
    for task in tasks:
        *_, height, width = task.pixels.shape
        assert height % 8 == width % 8 == 0
    assert min(outside(clip, tmp_path / "out", 0, 3)) > 0.02
    assert report.quality.outside_max_abs_diff == 0
    assert shown_as_painted(keyframe, tmp_path / "out")


# With a model that gives back what it sees: what comes out shows how pixels are mapped, and what is held in memory.


def mirror(monkeypatch: pytest.MonkeyPatch, change: float = 0.0) -> list[Task]:
    """Puts in the model's place one that makes its frames brighter by `change`."""
    seen: list[Task] = []

    def echoed(self: VideoshopMethod, task: Task, progress: room.Progress) -> Made:
        seen.append(replace(task, pixels=task.pixels[:1]))
        images = tuple((task.pixels + change).clamp(0, 1))
        plain = () if task.inside is None else tuple(task.pixels)
        unsuspicious = InvertedNoise(15.6, 1.0, 0.0, 0.0)
        return Made(images, plain, None, (task.pixels[:, :, ::4, ::4],), unsuspicious)

    monkeypatch.setattr(VideoshopMethod, "_made", echoed)
    return seen


@pytest.mark.parametrize("size", [(151, 93), (90, 160), (64, 64), (33, 201)])
def test_pixels_come_back_to_where_they_were_without_stretching(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = mirror(monkeypatch)
    smooth = [cv2.GaussianBlur(picture, (0, 0), 3) for picture in panning(3, *size)]
    clip = write_clip(tmp_path / "clip.mkv", [np.asarray(picture, np.uint8) for picture in smooth], "yuv444p")
    keyframe = painted(clip, 0, Box(10, 10, 14, 14), tmp_path)
    made(asked(clip, (keyframe,), tmp_path, 0, 3, region="frame"), tmp_path / "cache")
    *_, height, width = seen[0].pixels.shape
    assert abs(width - height * size[0] / size[1]) < 8 * max(1, size[0] / size[1])
    with Clip.open(clip) as source, Clip.open(tmp_path / "out" / "flat.mkv") as flat:
        for index in (1, 2):
            assert psnr(flat.frame(index).rgb(), source.frame(index).rgb()) > 35


def moving(index: int, seen: WeakSet[Frame], size: tuple[int, int] = (96, 64)) -> Frame:
    wide = (texture(size[1], size[0] + 64, 3) * 200 + 20).astype(np.uint8)
    view = np.ascontiguousarray(wide[:, index // 2 : index // 2 + size[0]])
    frame = Frame(index, index, tuple(np.ascontiguousarray(view[..., n]) for n in range(3)), LAYOUTS["8-bit RGB"])
    seen.add(frame)
    return frame


def test_what_is_held_does_not_grow_with_the_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror(monkeypatch, 0.2)
    alive, held = WeakSet[Frame](), {}
    source = moving(0, alive)
    rgb, mask = source.rgb().copy(), np.zeros((64, 96), np.float32)
    rgb[20:40, 40:64], mask[20:40, 40:64] = (0.9, 0.1, 0.2), 1
    for length in (44, 88):
        work, most = method(SETTINGS | {"spacing": "3"}, 0, tmp_path), 0
        with Clip.open(BIKES) as any_clip:
            steps = plan([0], 0, length, 480, work.cost(any_clip.info))

        def stream(skip: int = 0, *, length: int = length) -> Iterator[Frame]:
            return (moving(index, alive) for index in range(1 + skip, length))

        fed = Fed(stream(), steps.windows, stream)
        for number, result in enumerate(work.propagate(Keyframe(0, rgb, mask), source, fed, lambda step: None), 1):
            assert result.index == number
            fed.take()
            most = max(most, len(alive))
        assert number == length - 1
        held[length] = most
    assert held[88] <= held[44] + 1
    assert held[44] < 12


@dataclass(frozen=True)
class Small:
    """A small edit that was made in larger frames. `growth`: by how many bytes this process grew on the way."""

    task: tuple[int, ...]
    results: list[Painted]
    growth: int


def small(size: Size, place: Box, folder: Path) -> Small:
    """Paint `place` flat in the first of three frames that move left by four pixels each, and follow it."""
    layout, rng = LAYOUTS["8-bit 4:2:0"], np.random.default_rng(0)
    coarse = (texture(size.height // 4, size.width // 4) * 150 + 40).astype(np.uint8)
    luma = cv2.resize(coarse[..., 0], size) + rng.integers(0, 9, (size.height, size.width), np.uint8)
    chroma = [cv2.resize(coarse[..., n], (size.width // 2, size.height // 2)) // 4 + 96 for n in (1, 2)]

    def frame(index: int) -> Frame:
        planes = (np.roll(luma, -4 * index, 1), *(np.roll(plane, -2 * index, 1) for plane in chroma))
        return Frame(index, index, tuple(np.asarray(plane, np.uint8) for plane in planes), layout)

    source = frame(0)
    rgb, mask = np.clip(source.rgb(), 0, 1), np.zeros((size.height, size.width), np.float32)
    rgb[place.slices], mask[place.slices] = (0.9, 0.2, 0.1), 1
    frames = [frame(1), frame(2)]
    work = method(SETTINGS | {"spacing": "1"}, 0, folder)
    with Clip.open(BIKES) as any_clip:
        steps = plan([0], 0, 3, place.area, work.cost(any_clip.info))
    process = psutil.Process()
    Path("/proc/self/clear_refs").write_text("5")
    before = process.memory_info().rss
    footage = Fed(frames, steps.windows, lambda skip: iter(frames[skip:]))
    with pytest.MonkeyPatch.context() as patch:
        tasks = spied(patch)
        results = list(work.propagate(Keyframe(0, rgb, mask), source, footage, lambda s: None))
    peak = 1024 * next(
        int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    (task,) = tasks
    return Small(tuple(task.pixels.shape), results, peak - before)


def small_in_4k(place: Box, folder: Path) -> Small:
    """After an edit of small frames, which loads what any edit needs."""
    small(Size(192, 108), Box(80, 40, 40, 40), folder / "first")
    return small(Size(3840, 2160), place, folder)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="tells no peak of memory")
def test_a_small_edit_in_a_frame_of_4k_is_made_on_its_crop_in_bounded_memory(tmp_path: Path) -> None:
    """In a process of its own: what other tests left in this one's memory is no part of it."""
    place = Box(2000, 900, 200, 200)
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        edit = alone.submit(small_in_4k, place, tmp_path).result()
    *_, height, width = edit.task
    assert height * width < 1.3 * 64 * 64
    assert [result.index for result in edit.results] == [1, 2]
    for number, result in enumerate(edit.results, 1):
        reach = Box(place.x - 4 * number, place.y, place.width, place.height)
        assert result.box.union(reach) == result.box
        assert result.box.area < 0.03 * 3840 * 2160
        assert result.matte[reach.y - result.box.y + 20 :, reach.x - result.box.x + 20 :][:160, :160].max() > 0.5
    assert edit.growth < 400e6
