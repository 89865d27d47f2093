"""The engine as a child process: JSON lines in, JSON lines out."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Cancelled
from engine.request import KeyframeFiles, Request


class Child:
    """The process, and its lines but for the heartbeats."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def say(self, **message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        while True:
            message: dict[str, Any] = json.loads(self.process.stdout.readline())
            if "heartbeat" not in message:
                return message

    def answer(self) -> dict[str, Any]:
        """The next message that ends a command."""
        while "event" in (message := self.hear()):
            pass
        return message


@contextmanager
def child(module: str, *words: str) -> Iterator[Child]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-m", module, *words], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


@pytest.fixture
def fake() -> Iterator[Child]:
    """The real loop, with simulated commands."""
    with child("tests.bridge_server.fake_engine") as process:
        yield process


@pytest.fixture
def engine() -> Iterator[Child]:
    with child("engine.worker") as process:
        yield process


def request(folder: Path, **settings: str) -> dict[str, Any]:
    clip = folder / "clip.mp4"
    clip.write_bytes(b"frames")
    asked = Request(clip=clip, keyframes=(KeyframeFiles(edited=clip),), output=folder, settings=settings)
    return asked.model_dump(mode="json")


def test_a_command_tells_its_events_and_then_its_result(fake: Child, tmp_path: Path) -> None:
    fake.say(id="a", do="propagate", request=request(tmp_path, steps="1"))
    assert fake.hear() == {"id": "a", "event": {"stage": "probe", "done": 0, "total": 1}}
    event = fake.hear()["event"]
    assert (event["stage"], event["done"], Path(event["preview"]).name) == ("propagate", 1, "preview.jpg")
    assert fake.hear() == {"id": "a", "done": {"settings": {"steps": "1"}}}


def test_a_refusal_is_an_error_with_code_message_and_hint_and_the_next_command_runs(
    fake: Child, tmp_path: Path
) -> None:
    fake.say(id="a", do="propagate", request=request(tmp_path, act="refuse"))
    fake.say(id="b", do="locate")
    error = fake.answer()
    assert error["id"] == "a"
    assert set(error["error"]) == {"code", "message", "hint"}
    assert error["error"]["code"] == "edit.size_differs"
    assert fake.answer() == {"id": "b", "done": {"frame": 12, "confidence": 0.875}}


def test_a_fault_of_ours_is_internal_and_its_ref_leads_to_the_traceback(fake: Child, tmp_path: Path) -> None:
    fake.say(id="a", do="propagate", request=request(tmp_path, act="fault"))
    error = fake.answer()["error"]
    assert error["code"] == "internal"
    _, stderr = fake.process.communicate()
    assert error["ref"] in stderr.decode()
    assert "KeyError: 'a fault of ours'" in stderr.decode()


def test_a_command_is_cancelled_by_its_id(fake: Child) -> None:
    fake.say(id="a", do="sleep")
    assert "event" in fake.hear()
    fake.say(id="other", do="cancel")
    assert "event" in fake.hear()
    fake.say(id="a", do="cancel")
    assert fake.answer()["error"]["code"] == "cancelled"


def test_a_command_that_waits_is_cancelled_before_it_runs(fake: Child, tmp_path: Path) -> None:
    fake.say(id="a", do="sleep")
    fake.say(id="b", do="propagate", request=request(tmp_path))
    fake.say(id="b", do="cancel")
    fake.say(id="a", do="cancel")
    assert fake.answer()["id"] == "a"
    assert fake.hear() == {"id": "b", "error": cancelled()}


def cancelled() -> dict[str, str]:
    error = Cancelled.asked()
    return {"code": error.code, "message": error.message, "hint": error.hint}


def test_the_end_of_stdin_stops_the_command_and_the_process(fake: Child) -> None:
    fake.say(id="a", do="sleep")
    assert "event" in fake.hear()
    assert fake.process.stdin is not None
    fake.process.stdin.close()
    assert fake.process.wait(timeout=3) == 0


def test_what_a_library_prints_is_not_on_stdout(fake: Child, tmp_path: Path) -> None:
    fake.say(id="a", do="propagate", request=request(tmp_path, act="chatter"))
    assert fake.answer()["id"] == "a"
    _, stderr = fake.process.communicate()
    assert "this must not reach stdout" in stderr.decode()
    assert "nor this" in stderr.decode()


def test_the_heart_beats_while_a_command_works(fake: Child, tmp_path: Path) -> None:
    fake.say(id="a", do="propagate", request=request(tmp_path, act="deaf"))
    assert fake.process.stdout is not None
    lines = [json.loads(fake.process.stdout.readline()) for _ in range(3)]
    assert [line.get("heartbeat") for line in lines] == [None, 1, 2]
    assert all(line["rss"] > 1 << 20 for line in lines[1:])


def test_a_line_that_is_no_command_is_passed_over(fake: Child) -> None:
    assert fake.process.stdin is not None
    fake.process.stdin.write(b"nonsense\n[]\n{}\n\xff\n")
    fake.say(id="a", do="locate")
    assert fake.answer()["id"] == "a"


def test_an_unknown_command_and_wrong_arguments_are_refused(engine: Child) -> None:
    engine.say(id="a", do="fly")
    assert engine.answer()["error"]["code"] == "engine.unknown_command"
    engine.say(id="b", do="propagate", request={"clip": "x"})
    error = engine.answer()["error"]
    assert error["code"] == "request.invalid"
    assert "request.keyframes" in error["message"]
    engine.say(id="c", do="probe", clip="x", more=1)
    assert engine.answer()["error"]["code"] == "request.invalid"


def test_a_missing_clip_is_refused_with_the_clips_own_code(engine: Child, tmp_path: Path) -> None:
    engine.say(id="a", do="probe", clip=str(tmp_path / "none.mp4"))
    error = engine.answer()["error"]
    assert error["code"].startswith("clip.")
    assert error["hint"]


CLIP = Path("tests/assets/bikes.mp4")


def test_a_clip_is_probed_a_frame_written_and_found_again(engine: Child, tmp_path: Path) -> None:
    engine.say(id="a", do="probe", clip=str(CLIP))
    info = engine.answer()["done"]
    assert info["frames"] > 10
    assert info["bits"] == 8
    png = tmp_path / "frame.png"
    engine.say(id="b", do="frame", clip=str(CLIP), frame=7, output=str(png))
    written = engine.answer()["done"]
    assert (written["frame"], written["width"]) == (7, info["width"])
    assert png.read_bytes().startswith(b"\x89PNG")
    engine.say(id="c", do="locate", clip=str(CLIP), edited=str(png))
    assert engine.answer()["done"]["frame"] == 7


def test_the_process_answers_before_heavy_libraries_are_loaded() -> None:
    script = "import sys, engine.worker; print([n for n in ('numpy', 'cv2', 'av', 'torch') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("before", "then"), [(None, "passive"), ("active", "active")])
def test_the_threads_of_its_libraries_wait_without_spinning_unless_a_person_says_so(
    before: str | None, then: str
) -> None:
    script = """
import os, sys
import engine.worker
def told(arguments, on_event):
    assert "torch" not in sys.modules
    return {"policy": os.environ["OMP_WAIT_POLICY"]}
engine.worker.main({"told": told})
"""
    surroundings = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if before is not None:
        surroundings["OMP_WAIT_POLICY"] = before
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, env=surroundings) as process:
        told = Child(process)
        told.say(id="a", do="told")
        assert told.answer() == {"id": "a", "done": {"policy": then}}
        process.kill()


def test_memory_beyond_the_limit_is_refused_and_the_next_command_runs() -> None:
    with child("tests.bridge_server.fake_engine", "--memory", str(1 << 30)) as fake:
        fake.say(id="a", do="hold", bytes=2 << 30)
        assert fake.answer()["error"]["code"] == "resource.memory_full"
        fake.say(id="b", do="locate")
        assert fake.answer()["id"] == "b"


def test_a_name_that_is_no_text_is_told_all_the_same(engine: Child, tmp_path: Path) -> None:
    engine.say(id="a", do="probe", clip=str(tmp_path / "gr\udcfcn.mp4"))
    error = engine.answer()["error"]
    assert error["code"] == "clip.missing"
    assert "gr\udcfcn.mp4" in error["message"]


def test_a_process_whose_parent_is_gone_before_it_could_be_bound_to_it_ends() -> None:
    script = "from engine.confine import die_with_parent; die_with_parent(-1); print('alive')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_sigterm_stops_the_command_and_the_process(fake: Child) -> None:
    fake.say(id="a", do="sleep")
    assert "event" in fake.hear()
    fake.process.terminate()
    assert fake.process.wait(timeout=3) == 0
