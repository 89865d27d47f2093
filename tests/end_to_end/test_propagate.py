"""`videoshop propagate` on real clips, through the installed command: what the files hold."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.image import eroded, square
from engine.media.clip import Clip
from engine.media.still import read_still
from tests.bridge_server.processes import gone
from tests.end_to_end.command import BIKES, BOX, BOX_EDITED, BOX_MASK, COMMAND, EDIT, done, engines, tree
from tests.end_to_end.pictures import Image, frames, layer, outside, painted, reds, report_of, seen, untouched
from tests.engine.clips import panning, write_clip, write_still
from tests.engine.media.fixtures import write

BLUE = (0.1, 0.25, 0.8)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The label around its keyframe, lossless and as images."""
    folder = tmp_path_factory.mktemp("box") / "result"
    done("propagate", BOX, *EDIT, "--range", "15:26", "--format", "mkv,png", "--output", folder)
    return folder


DEEP_PATCH = [(40, 60), (119, 60), (119, 99), (40, 99)]


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A 10-bit 4:2:2 clip and its result; a patch was painted on frame 6, in 16 bits."""
    place = tmp_path_factory.mktemp("deep")
    clip = write(place / "deep.mkv", "ffv1", "yuv422p10le", {"level": "3"}, frames=12, size=(256, 160))
    frame = place / "frame.png"
    done("frame", clip, "6", "-o", frame)
    still = read_still(frame)
    assert still.bits == 16
    edited = write_still(place / "edited.png", painted(still.rgb, DEEP_PATCH, BLUE), 16)
    words = ("--edited", edited, "--frame", "6", "--set", "transfer=opaque", "--format", "mkv,png")
    done("propagate", clip, *words, "--output", place / "result")
    return clip, place / "result"


def assert_untouched_outside(source: Path, result: Path, start: int, stop: int) -> None:
    """Both flat results hold the source's own samples wherever the layer is clear."""
    peak = 255 if report_of(result).source.pixel_format == "yuv420p" else 65535
    flats = frames(result / "flat.mkv")
    assert len(flats) == stop - start
    for before, after in zip(frames(source, start, stop), flats, strict=True):
        _, alpha = layer(result, before.index)
        assert 0 < (alpha > 0).mean() < 0.2
        assert after.layout == before.layout
        for plane, (one, other) in enumerate(zip(before.planes, after.planes, strict=True)):
            clear = outside(before, alpha, plane)
            np.testing.assert_array_equal(one[clear], other[clear])
        image = read_still(result / "flat" / f"{before.index:06}.png")
        assert image.bits == (8 if peak == 255 else 16)
        clear = untouched(before, alpha)
        codes, expected = (np.rint(picture * peak).astype(int)[clear] for picture in (image.rgb, seen(before)))
        np.testing.assert_array_equal(codes, expected)
    assert report_of(result).quality.outside_max_abs_diff == 0


def test_outside_the_matte_an_8_bit_clip_stays_as_it_was(box: Path) -> None:
    assert_untouched_outside(BOX, box, 15, 26)


def test_outside_the_matte_a_10_bit_clip_stays_as_it_was(deep: tuple[Path, Path]) -> None:
    assert_untouched_outside(*deep, 0, 12)


def test_the_edited_frame_comes_back_as_painted(box: Path) -> None:
    artist, mask = read_still(BOX_EDITED).rgb, read_still(BOX_MASK).rgb[..., 0]
    inside = mask == 1
    colours, alpha = layer(box, 20)
    assert np.abs(alpha - mask).max() <= 1 / 255
    assert np.abs(colours - artist)[inside].max() <= 1.01 / 255
    flat = frames(box / "flat.mkv")[20 - 15]
    difference = luma(flat.rgb()) - luma(artist)
    assert np.abs(difference)[inside].max() <= 1 / 219


def test_the_edited_frame_of_a_10_bit_clip_comes_back_as_painted(deep: tuple[Path, Path]) -> None:
    _, result = deep
    (left, top), (right, bottom) = DEEP_PATCH[0], DEEP_PATCH[2]
    inside = np.s_[top : bottom + 1, left : right + 1]
    colours, alpha = layer(result, 6)
    assert alpha[inside].min() == 1
    assert np.abs(colours[inside] - BLUE).max() <= 1 / 65535
    image = read_still(result / "flat" / "000006.png").rgb
    assert np.abs(image[inside] - BLUE).max() <= 1.5 / 876  # the clip's own 10-bit codes of the colour


def test_the_painted_layer_alone_gives_what_picture_and_mask_give(box: Path, tmp_path: Path) -> None:
    alpha: Image = read_still(BOX_MASK).rgb[..., 0]
    paint = layer(box, 20)[0]
    edited = write_still(tmp_path / "layer.png", paint, 16, alpha)
    words = ("--frame", "20", "--range", "18:23", "--format", "png", "--output", tmp_path / "result")
    done("propagate", BOX, "--edited", edited, *words)
    for index in range(18, 23):
        (colours, matte), (expected, expected_matte) = layer(tmp_path / "result", index), layer(box, index)
        assert np.abs(matte - expected_matte).mean() < 0.001
        shown = (matte > 0.5) & (expected_matte > 0.5)
        assert shown.sum() > 5000
        assert np.abs(colours - expected)[shown].mean() < 0.01


def test_a_range_is_written_under_the_sources_numbers(box: Path) -> None:
    numbered = [f"{index:06}.png" for index in range(15, 26)]
    assert [path.name for path in sorted((box / "flat").iterdir())] == numbered
    assert [path.name for path in sorted((box / "layer").iterdir())] == numbered
    with Clip.open(box / "flat.mkv") as clip:
        assert (clip.info.frames, str(clip.info.fps)) == (11, "30")
    assert report_of(box).range == (15, 26)


def test_a_frame_is_written_painted_found_and_propagated_without_a_number_or_a_mask(tmp_path: Path) -> None:
    frame, edited, result = (tmp_path / name for name in ("frame.png", "edited.png", "result"))
    assert done("frame", BOX, "33", "-o", frame).stdout == f"{frame}\n"
    picture = read_still(frame).rgb
    np.testing.assert_array_equal(np.rint(picture * 255), np.rint(seen(frames(BOX, 33, 34)[0]) * 255))
    patch = [(300, 100), (360, 116), (330, 132), (280, 116)]
    area = (painted(np.zeros_like(picture), patch, (1, 1, 1)) > 0).mean()
    write_still(edited, painted(picture, patch, BLUE))
    found = re.fullmatch(r"33 ([01]\.\d{3})\n", done("locate", BOX, edited).stdout)
    assert found
    assert float(found[1]) > 0.5
    ran = done("propagate", BOX, "--edited", edited, "--range", "28:39", "--format", "mkv", "--output", result)
    assert ran.stdout.splitlines() == [str(result / "flat.mkv"), str(result / "report.json")]
    assert report_of(result).edit.frame == 33
    assert report_of(result).edit.mask_area == pytest.approx(area, rel=0.1)
    for flat in frames(result / "flat.mkv"):
        assert 800 < blues(seen(flat)).sum() < 1600


def test_between_two_keyframes_one_edit_turns_into_the_other(box: Path, tmp_path: Path) -> None:
    other = seen(frames(BOX, 30, 31)[0])
    corners = [(300, 90), (370, 108), (340, 128), (275, 110)]
    second = write_still(tmp_path / "second.png", painted(other, corners, BLUE))
    mask = write_still(tmp_path / "mask.png", painted(np.zeros_like(other), corners, (1, 1, 1)))
    more = ("--edited", second, "--frame", "30", "--mask", mask)
    words = ("--range", "18:33", "--set", "transfer=opaque", "--format", "mkv", "--output", tmp_path / "result")
    done("propagate", BOX, *EDIT, *more, *words)
    report = report_of(tmp_path / "result")
    assert [keyframe.frame for keyframe in report.edit.keyframes] == [20, 30]
    assert report.settings == {"transfer": "opaque"}
    assert report.quality.outside_max_abs_diff == 0
    result = [seen(frame) for frame in frames(tmp_path / "result" / "flat.mkv")]
    before = seen(frames(box / "flat.mkv")[18 - 15])
    assert np.abs(result[0] - before).mean() < 0.002
    red, blue = ([int(colour(picture).sum()) for picture in result] for colour in (reds, blues))
    assert min(red[:3]) > 2500
    assert max(blue[:3]) < 50
    assert max(red[12:]) < 50
    assert min(blue[12:]) > 800
    assert red[3] > red[11]
    assert blue[3] < blue[11]


def test_a_grade_is_seen_as_one_and_keeps_each_frames_own_texture(tmp_path: Path) -> None:
    source = seen(frames(BOX, 20, 21)[0])
    inside = painted(np.zeros_like(source), [(300, 150), (360, 166), (360, 220), (300, 200)], (1, 1, 1)) > 0
    edited = write_still(tmp_path / "edited.png", np.where(inside, source * np.float32(0.6), source))
    for transfer in ("auto", "appearance", "opaque"):
        words = ("--edited", edited, "--frame", "20", "--range", "16:22", "--format", "png")
        done("propagate", BOX, *words, "--set", f"transfer={transfer}", "--output", tmp_path / transfer)
        assert report_of(tmp_path / transfer).settings == {"transfer": transfer}
    for before in frames(BOX, 16, 22):
        _, alpha = layer(tmp_path / "auto", before.index)
        inner = eroded((alpha == 1).astype(np.uint8), square(7)) > 0
        graded = read_still(tmp_path / "auto" / "flat" / f"{before.index:06}.png").rgb
        assert np.abs(graded - seen(before) * 0.6)[inner].mean() < 0.015
    auto, appearance, opaque = (tree(tmp_path / name / "flat") for name in ("auto", "appearance", "opaque"))
    assert auto == appearance
    assert auto != opaque


def test_a_cut_ends_the_edit_and_is_said_in_the_report_and_on_the_terminal(tmp_path: Path) -> None:
    source = seen(frames(BIKES, 10, 11)[0])
    patch = [(280, 100), (360, 100), (360, 160), (280, 160)]
    edited = write_still(tmp_path / "edited.png", painted(source, patch, BLUE))
    words = ("--edited", edited, "--frame", "10", "--range", "6:24", "--format", "mkv,png")
    ran = done("propagate", BIKES, *words, "--output", tmp_path / "result")
    report = report_of(tmp_path / "result")
    warnings = [warning for warning in report.quality.warnings if "scene cut" in warning]
    assert len(warnings) == 1
    assert "between frame 10 and frame 16" in warnings[0]
    assert f"Note: {warnings[0]}" in ran.stderr.splitlines()
    for before, after in zip(frames(BIKES, 6, 24), frames(tmp_path / "result" / "flat.mkv"), strict=True):
        _, alpha = layer(tmp_path / "result", before.index)
        same = all(np.array_equal(*planes) for planes in zip(before.planes, after.planes, strict=True))
        assert same == (before.index >= 16)
        assert (alpha.max() == 0) == (before.index >= 16)
    assert all(report.quality.confident_fraction[index] == 0 for index in range(16, 24))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_exits_130_leaves_nothing_behind_and_ends_the_engine(number: signal.Signals, tmp_path: Path) -> None:
    result = tmp_path / "new" / "result"
    command = [str(COMMAND), "propagate", *map(str, (BOX, *EDIT)), "--output", str(result)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until((result / ".unfinished" / "preview.jpg").exists)
        (engine,) = engines(process.pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-2:] == [
        "Error: The job was cancelled.",
        "Hint: Start it again when you like; nothing was changed.",
    ]
    assert gone(engine.pid)
    assert tree(tmp_path) == {}


def test_ctrl_c_in_an_evaluation_leaves_the_earlier_report_and_its_results(tmp_path: Path) -> None:
    edits, report = tmp_path / "edits", tmp_path / "report"
    for name, length in (("a", 4), ("b", 100)):
        (edits / name).mkdir(parents=True)
        pictures = panning(length, 320, 192)
        write_clip(edits / name / "source.mkv", pictures)
        still = pictures[0].astype(np.float32) / np.float32(255)
        write_still(edits / name / "edited.frame000000.png", painted(still, [(60, 60), (180, 60), (180, 120)], BLUE))
    (edits / "b").rename(tmp_path / "b")
    done("evaluate", "dataset", edits, "--output", report)
    earlier = tree(report)
    assert "cases/a/flow/flat.mkv" in earlier
    (tmp_path / "b").rename(edits / "b")
    command = [str(COMMAND), "evaluate", "dataset", str(edits), "--output", str(report)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until((report / ".unfinished" / "cases" / "b" / "flow" / ".unfinished" / "preview.jpg").exists)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Hint: Start it again when you like; nothing was changed."
    assert tree(report) == earlier


def test_a_command_that_is_killed_takes_its_engine_along_and_the_next_one_clears_up(tmp_path: Path) -> None:
    words = ("propagate", BOX, *EDIT, "--format", "mp4", "--output", tmp_path)
    few = ("--range", "18:23")
    done(*words, *few)
    kept = tree(tmp_path)
    quiet = subprocess.DEVNULL
    with subprocess.Popen([str(COMMAND), *map(str, words)], stdout=quiet, stderr=quiet) as process:
        until((tmp_path / ".unfinished" / "preview.jpg").exists)
        (engine,) = engines(process.pid)
        process.kill()
    assert gone(engine.pid, patience=8)
    assert {name: data for name, data in tree(tmp_path).items() if not name.startswith(".unfinished")} == kept
    done(*words, *few)
    assert set(tree(tmp_path)) == {"flat.mp4", "report.json"}


def luma(rgb: Image) -> Image:
    """As the box's clip weighs it: BT.601."""
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


def blues(picture: Image) -> NDArray[np.bool_]:
    """The blue that the tests paint with."""
    return np.asarray((picture[..., 2] > 0.6) & (picture[..., 0] < 0.3) & (picture[..., 1] < 0.45))


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)
