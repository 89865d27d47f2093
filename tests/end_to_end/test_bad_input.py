"""What the command refuses: exit code 2, one line that says what is wrong, one that says what to do.

The command line runs in this process, where the fault's code can be seen; the engine is a process of its own.
"""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bridge_server import cli, worker
from bridge_server.errors import WorkerError
from bridge_server.worker import ENGINE
from engine.media.still import read_still
from tests.end_to_end.command import BOX, BOX_EDITED, BOX_MASK, DEMO, EDIT, TINY, tree, videoshop
from tests.end_to_end.pictures import frames, seen
from tests.engine.clips import write_still
from tests.engine.media.faulty import FAULTS, cut
from tests.engine.media.fixtures import H264, write
from tests.engine.profiles import ADOBE, icc, tagged

Words = list[str | Path]


@dataclass(frozen=True)
class Refusal:
    """A command that the engine refuses: its words after `propagate`, and words of what is said."""

    code: str
    words: Callable[[Path], Words]
    said: str


def clip_of(code: str, said: str) -> Refusal:
    """A clip with a fault that `FAULTS` names."""
    return Refusal(code, lambda folder: [FAULTS[code](folder), *EDIT], said)


def truncated(folder: Path) -> Path:
    whole = write(folder / "whole.mp4", options=H264, container_options={"movflags": "+faststart"})
    return cut(whole, folder / "cut.mp4", 0.5)


def image(folder: Path, change: Callable[[Any], Any]) -> Path:
    """The edited frame, changed: rows, columns, R'G'B'."""
    return write_still(folder / "image.png", np.ascontiguousarray(change(read_still(BOX_EDITED).rgb), np.float32))


def frame_of_the_box(folder: Path) -> Path:
    return write_still(folder / "same.png", seen(frames(BOX, 20, 21)[0]))


def speck(folder: Path) -> Path:
    """One painted pixel."""
    rgb = seen(frames(BOX, 20, 21)[0])
    rgb[100, 100] = (1, 0, 1)
    return write_still(folder / "speck.png", rgb)


def mask(folder: Path, value: float = 1, width: int = 640, height: int = 480) -> Path:
    return write_still(folder / "mask.png", np.full((height, width, 3), value, np.float32))


def layer(folder: Path) -> Path:
    """The label alone, with transparency."""
    alpha: NDArray[np.float32] = read_still(BOX_MASK).rgb[..., 0]
    return write_still(folder / "layer.png", read_still(BOX_EDITED).rgb, 8, alpha)


def stretched(rgb: Any, width: int, height: int) -> Any:
    return cv2.resize(rgb, (width, height))


def edited(picture: Path, *more: str | Path, frame: str = "20") -> Words:
    return [BOX, "--edited", picture, "--frame", frame, *more]


REFUSALS = {
    "a clip that is not there": clip_of("clip.missing", "nowhere.mp4"),
    "an empty clip": clip_of("clip.empty", "holds no bytes"),
    "a clip that was cut short": Refusal("clip.truncated", lambda f: [truncated(f), *EDIT], "before its last frame"),
    "a text named .mp4": clip_of("clip.not_video", "is not a video"),
    "a clip with sound alone": clip_of("clip.no_video_stream", "only sound"),
    "a clip without frames": clip_of("clip.no_frames", "without frames"),
    "a clip of one frame": clip_of("clip.single_frame", "one frame"),
    "an encrypted clip": clip_of("clip.encrypted", "encrypted"),
    "a codec that nobody knows": clip_of("clip.codec_unknown", "cannot be decoded here"),
    "an edited frame that is not there": Refusal(
        "edit.missing", lambda f: edited(f / "frame.png"), "There is no image frame.png"
    ),
    "an edited frame that is a text": Refusal(
        "edit.unreadable", lambda f: edited(FAULTS["clip.not_video"](f)), "cannot be read as an image"
    ),
    "an edited frame of half the size": Refusal(
        "edit.size_differs", lambda f: edited(image(f, lambda rgb: stretched(rgb, 320, 240))), "320×240"
    ),
    "an edited frame of another shape": Refusal(
        "edit.aspect_differs", lambda f: edited(image(f, lambda rgb: rgb[:-40])), "640×440"
    ),
    "an edited frame in another colour space": Refusal(
        "edit.profile_differs",
        lambda f: edited(tagged(f / "adobe.png", read_still(BOX_EDITED).rgb, icc("Adobe RGB (1998)", ADOBE))),
        "Adobe RGB (1998)",
    ),
    "an edited frame in which nothing changed": Refusal(
        "edit.nothing_changed", lambda f: edited(frame_of_the_box(f)), "no edit to propagate"
    ),
    "an edit too small to be seen": Refusal(
        "edit.mask_not_found", lambda f: edited(speck(f)), "give a mask that is white where the edit is"
    ),
    "a layer without its frame's number": Refusal(
        "edit.frame_needed", lambda f: [BOX, "--edited", layer(f)], "a layer with transparency"
    ),
    "a frame's number beyond the clip": Refusal(
        "edit.frame_out_of_range", lambda f: edited(BOX_EDITED, frame="60"), "60 frames, 0 to 59"
    ),
    "a frame outside the range": Refusal(
        "edit.frame_outside_range", lambda f: edited(BOX_EDITED, "--range", "0:20"), "outside the range 0:20"
    ),
    "one frame edited twice": Refusal(
        "edit.same_frame_twice", lambda f: [BOX, *EDIT, *EDIT], "Frame 20 was given twice"
    ),
    "a mask with nothing in it": Refusal(
        "edit.mask_empty", lambda f: edited(BOX_EDITED, "--mask", mask(f, 0)), "nothing in it is white"
    ),
    "a mask of everything": Refusal(
        "edit.mask_full", lambda f: edited(BOX_EDITED, "--mask", mask(f)), "covers the whole frame"
    ),
    "a mask of another size": Refusal(
        "edit.mask_size_differs", lambda f: edited(BOX_EDITED, "--mask", mask(f, 1, 64, 48)), "64×48"
    ),
    "a mask and transparency": Refusal(
        "edit.mask_with_alpha", lambda f: edited(layer(f), "--mask", BOX_MASK), "a mask was given too"
    ),
    "a range beyond the clip": Refusal(
        "settings.range_outside", lambda f: [BOX, *EDIT, "--range", "0:61"], "60 frames"
    ),
    "a setting that does not exist": Refusal(
        "settings.unknown", lambda f: [BOX, *EDIT, "--set", "transfr=opaque"], "Did you mean transfer?"
    ),
    "a setting of an unknown value": Refusal(
        "settings.value_refused", lambda f: [BOX, *EDIT, "--set", "transfer=opake"], "Did you mean opaque?"
    ),
    "weights that are none": Refusal(
        "weights.not_weights",
        lambda f: [BOX, *EDIT, "--range", "20:30", "--method", "videoshop", "--weights", f],
        "Give the folder that holds model_index.json",
    ),
    "a number out of its range": Refusal(
        "settings.value_refused",
        lambda f: [BOX, *EDIT, "--method", "videoshop", "--weights", TINY, "--set", "strength=2"],
        "a number above 0 to 1",
    ),
    "weights for a method without any": Refusal(
        "settings.weights_unused", lambda f: [BOX, *EDIT, "--weights", f], "works without weights"
    ),
}


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codes of what the engine refused."""
    heard: list[str] = []
    run = worker.run

    def listening(*arguments: Any) -> Any:
        try:
            return run(*arguments)
        except WorkerError as error:
            heard.append(error.code)
            raise

    monkeypatch.setattr(worker, "run", listening)
    return heard


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """An output folder with the result of an earlier run."""
    folder = tmp_path / "result"
    (folder / "layer").mkdir(parents=True)
    for name in ("flat.mp4", "layer.mov", "report.json", "layer/000020.png"):
        (folder / name).write_bytes(f"the previous {name}".encode())
    return folder


def propagating(words: Words, output: Path) -> Words:
    return ["propagate", *words, "--output", output]


def refusal(words: Words, said: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Run a command that must be refused; the two lines on stderr."""
    said.readouterr()
    exit_code = cli.run([str(word) for word in words])
    heard = said.readouterr()
    assert (exit_code, heard.out) == (cli.BAD_INPUT, "")
    error, hint = heard.err.splitlines()
    assert error.startswith("Error: ")
    assert hint.startswith("Hint: ")
    assert hint.endswith(".")
    return error, hint


@pytest.mark.parametrize("case", REFUSALS)
def test_each_is_refused_with_its_own_code_and_the_previous_result_stays(
    case: str, previous: Path, tmp_path: Path, codes: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    expected, before = REFUSALS[case], tree(previous)
    place = tmp_path / "input"
    place.mkdir()
    error, hint = refusal(propagating(expected.words(place), previous), capfd)
    assert codes == [expected.code]
    assert expected.said in error + hint
    assert str(tmp_path) not in error + hint
    assert tree(previous) == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["locate", "nowhere.mp4", BOX_EDITED], "clip.missing"),
        (["locate", BOX, BOX], "edit.unreadable"),
        (["locate", BOX, DEMO / "cup_edited.png"], "edit.frame_not_found"),
        (["frame", "nowhere.mp4", "0"], "clip.missing"),
        (["frame", BOX, "60"], "clip.out_of_range"),
    ],
)
def test_locate_and_frame_refuse_in_the_same_way(
    words: Words,
    code: str,
    tmp_path: Path,
    codes: list[str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    refusal(words, capfd)
    assert codes == [code]
    assert tree(tmp_path) == {}


def test_no_folder_is_made_for_what_is_refused(
    tmp_path: Path, codes: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    refusal(propagating([BOX, *EDIT, "--range", "0:20"], tmp_path / "new" / "folder"), capfd)
    assert codes == ["edit.frame_outside_range"]
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(("below", "code"), [("", "output.not_a_folder"), ("result", "output.not_writable")])
def test_an_output_that_is_a_file_or_below_one_is_refused_and_the_file_stays(
    below: str, code: str, tmp_path: Path, codes: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    refusal(propagating([BOX, *EDIT], tmp_path / "mine" / below), capfd)
    assert codes == [code]
    assert tree(tmp_path) == {"mine": b"mine"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, bool]]:
    """A folder, on a disk of its own of 1 MB where the system lets us have one; and whether it is."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    small = (
        bool(mount and unmount and sys.platform == "linux")
        and not subprocess.run(
            [str(mount), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    )
    yield folder, small
    if small:
        subprocess.run([str(unmount), str(folder)], check=True)


@pytest.mark.parametrize("formats", ["mov", "mp4,mkv", "png"])
def test_a_disk_that_fills_up_leaves_the_previous_result_and_no_half_of_the_new_one(
    formats: str,
    disk: tuple[Path, bool],
    codes: list[str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, small = disk
    (folder / "flat.mp4").write_bytes(b"the previous flat clip")
    (folder / "report.json").write_bytes(b"the previous report")
    before = tree(folder)
    engine = [sys.executable, "-m", "tests.end_to_end.full_disk", *([] if small else ["simulated"])]
    monkeypatch.setenv(ENGINE, shlex.join(engine))
    words = propagating([BOX, *EDIT, "--range", "12:42", "--format", formats], folder)
    assert cli.run([str(word) for word in words]) == cli.BAD_INPUT
    assert codes == ["resource.disk_full"]
    plan, error, hint = capfd.readouterr().err.splitlines()
    assert plan.startswith("29 frames to paint, about ")
    assert error.startswith("Error: There is not enough room on the disk")
    assert hint.startswith("Hint: Free some space")
    assert tree(folder) == before


def test_the_installed_command_says_the_same_and_exits_2(previous: Path, tmp_path: Path) -> None:
    before = tree(previous)
    ran = videoshop("propagate", tmp_path / "nowhere.mp4", *EDIT, "--output", previous)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines() == [
        "Error: There is no file nowhere.mp4.",
        "Hint: Check the path: the clip may have been moved or renamed.",
    ]
    assert tree(previous) == before


def test_an_unknown_method_and_an_unknown_format_are_refused_before_the_engine_is_asked(
    previous: Path, codes: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    for words in (["--method", "magic"], ["--format", "avi"]):
        error, _ = refusal(propagating([BOX, *EDIT, *words], previous), capfd)
        assert words[1] in error
    assert codes == []
