"""The command line: exit codes, what goes to stdout, one line and a hint on stderr."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge_server import cli, worker
from bridge_server.client import Client
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.worker import ENGINE as ENGINE_VARIABLE

VIDEOSHOP = (sys.executable, "-m", "bridge_server.cli")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A simulated engine, and folders of its own."""
    return os.environ | {
        ENGINE_VARIABLE: f"'{sys.executable}' -m tests.bridge_server.fake_engine",
        CONFIG: str(tmp_path / "config"),
        DATA: str(tmp_path / "data"),
        "COLUMNS": "200",
    }


def videoshop(environment: dict[str, str], *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [*VIDEOSHOP, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_propagate_writes_the_result_and_prints_where_it_is(
    environment: dict[str, str], clip: Path, tmp_path: Path
) -> None:
    done = videoshop(environment, "propagate", clip, "--edited", clip, "--output", tmp_path, "--frame", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == str(tmp_path / "report.json")
    request = json.loads((tmp_path / "report.json").read_text())
    assert request["keyframes"] == [{"edited": str(clip), "frame": 2, "mask": None}]
    assert request["formats"] == ["mov", "mp4"]


def test_every_option_reaches_the_engine(environment: dict[str, str], clip: Path, tmp_path: Path) -> None:
    options = [
        "--frame",
        "3",
        "--frame",
        "9",
        "--range",
        "2:",
        "--method",
        "videoshop",
        "--format",
        "mkv,png",
        "--seed",
        "5",
    ]
    settings = ["--set", "steps=1", "--set", "transfer = opaque"]
    images: list[str | Path] = ["--edited", clip, "--mask", clip] * 2
    done = videoshop(environment, "propagate", clip, *images, "--output", tmp_path, *options, *settings)
    assert done.returncode == 0, done.stderr
    request = json.loads((tmp_path / "report.json").read_text())
    assert [key["frame"] for key in request["keyframes"]] == [3, 9]
    assert [key["mask"] for key in request["keyframes"]] == [str(clip)] * 2
    assert request["range"] == {"start": 2, "stop": None}
    assert (request["method"], request["formats"], request["seed"]) == ("videoshop", ["mkv", "png"], 5)
    assert request["settings"] == {"steps": "1", "transfer": "opaque"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--edite", "x"], "No such option: --edite"),
        (["--range", "1-2"], "--range takes A:B"),
        (["--range", "a:b"], "--range takes A:B"),
        (["--range", ":0"], "--range takes A:B"),
        (["--set", "transfer"], "--set takes KEY=VALUE"),
        (["--method", "magic"], "--method knows flow, videoshop"),
        (["--format", "mov,avi"], "--format knows mov, mp4, mkv, png"),
        (["--frame", "1", "--frame", "2"], "--frame was given 2 times, --edited 1 times"),
        (["--frame", "-1"], "--frame"),
        (["--seed", "x"], "--seed"),
    ],
)
def test_a_mistyped_option_is_one_line_and_a_hint_and_exits_2(
    environment: dict[str, str], clip: Path, tmp_path: Path, wrong: list[str], said: str
) -> None:
    done = videoshop(environment, "propagate", clip, "--edited", clip, "--output", tmp_path / "out", *wrong)
    assert done.returncode == 2
    error, hint = done.stderr.splitlines()
    assert error.startswith("Error: ")
    assert said in error
    assert hint == "Hint: See `videoshop propagate --help`."
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [["propagat"], ["locate"], ["frame", "clip.mp4"], ["frame", "clip.mp4", "x"]])
def test_a_mistyped_command_exits_2(environment: dict[str, str], arguments: list[str]) -> None:
    done = videoshop(environment, *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2


def test_what_the_engine_refuses_exits_2_with_its_message_and_hint(
    environment: dict[str, str], clip: Path, tmp_path: Path
) -> None:
    done = videoshop(environment, "propagate", clip, "--edited", clip, "--output", tmp_path, "--set", "act=refuse")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "Error: The edited frame is 2×2 but the clip's frames are 4×4.",
        "Hint: Export it.",
    ]


@pytest.mark.parametrize(("act", "said"), [("crash", "about to fall"), ("fault", "KeyError")])
def test_a_fault_of_ours_exits_1_and_shows_the_engines_last_words(
    environment: dict[str, str], clip: Path, tmp_path: Path, act: str, said: str
) -> None:
    done = videoshop(environment, "propagate", clip, "--edited", clip, "--output", tmp_path, "--set", f"act={act}")
    assert done.returncode == 1
    assert said in done.stderr


def test_ctrl_c_exits_130_and_leaves_no_result(environment: dict[str, str], clip: Path, tmp_path: Path) -> None:
    slow = ["--set", "steps=1000", "--set", "pause=0.01"]
    command = [*VIDEOSHOP, "propagate", str(clip), "--edited", str(clip), "--output", str(tmp_path), *slow]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        _until((tmp_path / "preview.jpg").exists)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=5)
    assert process.returncode == 130
    assert stderr.startswith("Error: The job was cancelled.")
    assert not (tmp_path / "flat.mp4").exists()


def test_locate_prints_index_and_confidence(environment: dict[str, str], clip: Path) -> None:
    done = videoshop(environment, "locate", clip, clip)
    assert (done.returncode, done.stdout) == (0, "12 0.875\n")


def test_frame_prints_the_path_of_the_png(environment: dict[str, str], clip: Path, tmp_path: Path) -> None:
    done = videoshop(environment, "frame", clip, "7", "-o", tmp_path / "seven.png")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'seven.png'}\n")
    assert (tmp_path / "seven.png").exists()


def test_frame_takes_a_folder_and_refuses_a_name_that_is_no_png(
    environment: dict[str, str], clip: Path, tmp_path: Path
) -> None:
    done = videoshop(environment, "frame", clip, "7", "-o", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'a clip_000007.png'}\n")
    refused = videoshop(environment, "frame", clip, "7", "-o", tmp_path / "seven.jpg")
    assert refused.returncode == 2
    assert "--output names a PNG, not “seven.jpg”." in refused.stderr
    assert not (tmp_path / "seven.jpg").exists()


def test_an_impatient_second_ctrl_c_still_says_that_it_was_cancelled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clip: Path
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "run", interrupted)
    assert cli.run(["locate", str(clip), str(clip)]) == 130
    assert capsys.readouterr().err.splitlines() == ["Error: Cancelled.", "Hint: Start it again when you like."]


def test_the_version_and_the_help_are_told(environment: dict[str, str]) -> None:
    assert videoshop(environment, "--version").stdout.startswith("videoshop ")
    teaching = videoshop(environment, "propagate", "--help")
    assert teaching.returncode == 0
    assert "videoshop propagate shot.mov --edited frame.png --output result" in teaching.stdout
    for command in ("propagate", "locate", "frame", "demo", "serve"):
        assert command in videoshop(environment, "--help").stdout


async def test_serve_lets_a_client_in_and_ends_at_once_with_ctrl_c(environment: dict[str, str], tmp_path: Path) -> None:
    command = [*VIDEOSHOP, "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Listening on ws://localhost:")
        async with await Client.connect(Places(tmp_path / "config", tmp_path / "data")) as client:
            await client.ping()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=5) == 0
    assert not (tmp_path / "config" / "bridge.json").exists()


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)
