"""`videoshop evaluate`, from the command to the engine process and back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bridge_server.desktop.paths import CONFIG, DATA
from bridge_server.worker import ENGINE
from tests.engine.clips import panning, write_clip, write_still

VIDEOSHOP = (sys.executable, "-m", "bridge_server.cli", "evaluate")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command with folders of its own, and with the engine if one is given."""

    def run(*arguments: str | Path, engine: str | None = None) -> "subprocess.CompletedProcess[str]":
        own = {CONFIG: str(tmp_path / "config"), DATA: str(tmp_path / "data"), "COLUMNS": "200"}
        environment = os.environ | own | ({ENGINE: engine} if engine else {})
        command = [*VIDEOSHOP, *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.fixture
def told(tmp_path: Path) -> str:
    """An engine that tells what it is asked, in the place of the page's path."""
    script = tmp_path / "told.py"
    script.write_text(
        "import json\n"
        "from engine.worker import main\n"
        "main({'evaluate': lambda arguments, on_event: {'page': json.dumps(arguments)}})\n"
    )
    return f"'{sys.executable}' '{script}'"


@pytest.fixture
def edits(tmp_path: Path) -> Path:
    """A dataset of one case."""
    folder = tmp_path / "edits" / "label"
    folder.mkdir(parents=True)
    frames = panning(4, 96, 64)
    write_clip(folder / "source.mkv", frames, "bgr0")
    frames[0][20:40, 30:60] = (200, 40, 40)
    write_still(folder / "edited.frame000000.png", frames[0].astype(np.float32) / np.float32(255))
    return folder.parent


def test_a_dataset_becomes_a_page_whose_place_is_printed(run: Run, edits: Path, tmp_path: Path) -> None:
    done = run("dataset", edits, "-o", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "report" / "report.html")]
    assert "<h1>The edits of edits</h1>" in (tmp_path / "report" / "report.html").read_text("utf-8")


def test_two_methods_on_one_edit_are_asked_for_by_name(run: Run, told: str, tmp_path: Path) -> None:
    options = ["--clip", "a.mov", "--edited", "b.png", "--frame", "3", "--model", "m", "-o", "out"]
    done = run("compare", "flow", "videoshop", *options, engine=told)
    assert done.returncode == 0, done.stderr
    asked = json.loads(done.stdout)
    here = Path.cwd()
    assert (asked["what"], asked["output"]) == ("compare", str(here / "out"))
    assert asked["options"] == {
        "a": "flow",
        "b": "videoshop",
        "clip": str(here / "a.mov"),
        "keyframes": [{"edited": str(here / "b.png"), "frame": 3, "mask": None}],
        "model": str(here / "m"),
        "seed": 0,
    }


@pytest.mark.parametrize("name", ["linearity", "threshold", "ablation", "generalization"])
def test_each_experiment_takes_a_model_and_clips(run: Run, told: str, name: str) -> None:
    asked = json.loads(run(name, "--model", "m", "--cases", "2", "--dataset", "d", engine=told).stdout)
    here = Path.cwd()
    assert asked["what"] == name
    assert asked["options"] == {"model": str(here / "m"), "dataset": str(here / "d"), "cases": 2, "seed": 0}
    footage = json.loads(run(name, engine=told).stdout)["options"]["footage"]
    assert (Path(footage) / "box.mp4").is_file()


def test_without_a_name_the_whole_set_is_measured(run: Run, told: str) -> None:
    asked = json.loads(run(engine=told).stdout)
    assert asked["what"] == "run"
    assert asked["output"] == str(Path.cwd() / "videoshop-evaluation")


def test_what_the_engine_refuses_is_one_line_and_a_hint(run: Run, edits: Path, tmp_path: Path) -> None:
    (edits / "label" / "edited.frame000000.png").unlink()
    (edits / "empty").mkdir()
    done = run("dataset", edits, "-o", tmp_path / "report")
    error, hint = done.stderr.splitlines()
    assert done.returncode == 2
    assert "empty: it has no source.mp4" in error
    assert "label: it has no edited.png" in error
    assert hint.startswith("Hint: A case is a folder")
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("what", [("dataset", "edits", "--method", "videoshop"), ("ablation",)])
def test_without_weights_the_hint_names_the_option_of_evaluate(
    run: Run, edits: Path, what: tuple[str, ...], tmp_path: Path
) -> None:
    words = [edits if word == "edits" else word for word in what]
    done = run(*words, "-o", tmp_path / "report")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-2:] == [
        "Error: No model weights are installed.",
        "Hint: Run `videoshop weights download svd`, or say with --model where they are.",
    ]
    assert not (tmp_path / "report").exists()


def test_a_mistyped_word_exits_2(run: Run) -> None:
    done = run("dataset", "x", "--method", "magic")
    assert done.returncode == 2
    assert "--method knows flow, videoshop, both, not “magic”." in done.stderr
    assert run("lineraity").returncode == 2
