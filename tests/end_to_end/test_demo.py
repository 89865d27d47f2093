"""`videoshop demo`, as the README asks for it: the real service, client, engine and clips."""

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.media.clip import Clip
from tests.end_to_end.command import DEMO, done
from tests.end_to_end.pictures import centre, frames, reds, report_of, seen

FILES = ("flat.mp4", "layer.mov", "report.json", "contact_sheet.png", "side_by_side.mp4")

LABEL_CENTRE = {0: (393.3, 98.2), 20: (358.0, 101.0), 40: (316.9, 113.0), 59: (295.2, 144.5)}
"""Where the middle of the lid's picture is, by a plane through matched features of the unedited clip."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The demo's folder, and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "videoshop-demo"
    return folder, done("demo", "--output", folder).stdout.splitlines()


@pytest.fixture(scope="module")
def demo(told: tuple[Path, list[str]]) -> Path:
    return told[0]


def test_it_prints_where_everything_is_and_leaves_nothing_else(told: tuple[Path, list[str]]) -> None:
    demo, printed = told
    assert sorted(printed) == sorted(str(demo / name / file) for name in ("box", "cup") for file in FILES)
    assert {path for path in demo.rglob("*") if path.is_file()} == {Path(line) for line in printed}


@pytest.mark.parametrize("name", ["box", "cup"])
def test_flat_clip_and_layer_have_the_frames_colours_and_sound_of_the_source(demo: Path, name: str) -> None:
    with Clip.open(DEMO / f"{name}.mp4") as clip:
        source = clip.info
        times = [clip.seconds(index) for index in range(source.frames)]
    for file, codec in (("flat.mp4", "h264"), ("layer.mov", "prores")):
        with Clip.open(demo / name / file) as clip:
            made = clip.info
            assert (made.codec, made.frames, made.size, made.fps) == (codec, 60, source.size, source.fps)
            assert [clip.seconds(index) for index in range(60)] == pytest.approx(times, abs=1e-4)
            assert made.tags == source.tags
            assert made.layout.alpha == (file == "layer.mov")
        sound, original = (_sound(path) for path in (demo / name / file, DEMO / f"{name}.mp4"))
        assert sound.size == pytest.approx(original.size, rel=0.02)
        assert np.abs(sound).mean() == pytest.approx(np.abs(original).mean(), rel=0.05)


@pytest.mark.parametrize("name", ["box", "cup"])
def test_the_layer_is_clear_but_for_the_edit_and_over_the_source_gives_the_flat_clip(demo: Path, name: str) -> None:
    files = (DEMO / f"{name}.mp4", demo / name / "layer.mov", demo / name / "flat.mp4")
    rows = zip(*map(frames, files), strict=True)
    for source, layer, flat in list(rows)[::10]:
        alpha = layer.planes[-1].astype(np.float32)[..., None] / layer.layout.peak
        assert 0.01 < (alpha > 0).mean() < 0.15
        over = seen(source) * (1 - alpha) + seen(layer) * alpha
        assert np.abs(cv2.blur(over - seen(flat), (5, 5))).mean() < 0.006


def test_the_label_stays_on_the_lid(demo: Path) -> None:
    source, flat = frames(DEMO / "box.mp4"), frames(demo / "box" / "flat.mp4")
    for index, expected in LABEL_CENTRE.items():
        new = reds(seen(flat[index])) & ~reds(seen(source[index]))
        assert 2500 < new.sum() < 6000
        assert centre(new) == pytest.approx(expected, abs=3)


def test_the_tumbler_turns_to_amber_in_every_frame_and_the_rest_does_not(demo: Path) -> None:
    for source, flat in list(zip(frames(DEMO / "cup.mp4"), frames(demo / "cup" / "flat.mp4"), strict=True))[::10]:
        before, after = seen(source), seen(flat)
        warmer = (after[..., 0] - after[..., 2]) - (before[..., 0] - before[..., 2])
        assert (warmer > 0.1).mean() > 0.03
        assert np.median(np.abs(warmer)) < 0.02


@pytest.mark.parametrize("name", ["box", "cup"])
def test_the_report_has_the_promised_fields_and_no_difference_outside(demo: Path, name: str) -> None:
    report = json.loads((demo / name / "report.json").read_text("utf-8"))
    promised = ("source", "edit", "method", "settings", "seed", "weights", "version", "timings", "passes", "quality")
    assert set(report) == {*promised, "range", "outputs"}
    assert set(report["source"]) == {"sha256", "frames", "fps", "width", "height", "pixel_format"}
    assert set(report["edit"]) == {"frame", "mask_area", "keyframes"}
    assert set(report["passes"]) == {"network", "vae_encoded", "vae_decoded"}
    assert set(report["quality"]) == {"outside_max_abs_diff", "confident_fraction", "warnings"}
    read = report_of(demo / name)
    with Clip.open(DEMO / f"{name}.mp4") as clip:
        assert read.source.sha256 == clip.sha256()
        assert (read.source.frames, read.source.fps) == (60, str(clip.info.fps))
        assert (read.source.width, read.source.height, read.source.pixel_format) == (640, 480, "yuv420p")
    assert (read.method, read.range, read.edit.frame, read.weights) == ("flow", (0, 60), 20, None)
    assert 0.01 < read.edit.mask_area < 0.1
    assert read.quality.outside_max_abs_diff == 0
    assert list(read.quality.confident_fraction) == list(range(60))
    assert min(read.quality.confident_fraction.values()) > 0.5
    assert read.quality.confident_fraction[20] == 1
    assert {"probe", "propagate", "composite", "write", "total"} <= set(read.timings)
    assert {output.path for output in read.outputs} == {"flat.mp4", "layer.mov"}


@pytest.mark.parametrize("name", ["box", "cup"])
def test_contact_sheet_and_side_by_side_show_source_and_result(demo: Path, name: str) -> None:
    sheet = cv2.imread(str(demo / name / "contact_sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] > 3 * sheet.shape[0] > 1000
    with Clip.open(demo / name / "side_by_side.mp4") as clip:
        assert clip.info.frames == 60
        assert clip.info.size.width >= 2 * 640
        both = seen(clip.frame(20))
    left, right = both[:, : both.shape[1] // 2], both[:, -(both.shape[1] // 2) :]
    assert np.abs(left - right).mean() > 0.003


def _sound(path: Path) -> NDArray[np.float32]:
    """The samples of a clip's first channel, in [-1, 1]."""
    with av.open(str(path)) as container:
        pieces = [frame.to_ndarray() for frame in container.decode(audio=0)]
        stream = container.streams.audio[0]
        packed = not stream.format.is_planar
        count = stream.channels
    samples = np.concatenate([piece.reshape(-1, count).T if packed else piece for piece in pieces], axis=1)[0]
    scale = 32768.0 if samples.dtype == np.int16 else 2147483648.0 if samples.dtype == np.int32 else 1.0
    return np.asarray(samples / scale, np.float32)
