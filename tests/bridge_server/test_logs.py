"""The logs: what stands in them, what never does, and that they stop nothing."""

import json
import logging
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_server import logs

TOKEN = bytes(range(32)).hex()
CANARIES = (TOKEN, "cAnArY", "QW3RT-7YU1P")
SECRETS = (TOKEN, "/home/cAnArY/my clips/shot.mov", r"D:\cAnArY\shot.mov", r"\\nas\cAnArY\shot.mov", "QW3RT-7YU1P")

log = logging.getLogger("videoshop.bridge")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "logs"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def logging_there(folder: Path, said: list[str]) -> Iterator[None]:
    end = logs.begin(folder, verbose=False, say=said.append)
    yield
    end()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.usefixtures("logging_there")
def test_a_line_says_when_what_and_of_which_job(folder: Path) -> None:
    log.info("job %s %s", "j1", "queued", extra={"job": "j1", "ref": "0123456789ab"})
    (line,) = lines(folder / "bridge.log")
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "videoshop.bridge",
        "message": "job j1 queued",
        "job": "j1",
        "ref": "0123456789ab",
    }


@pytest.mark.usefixtures("logging_there")
def test_the_time_is_that_of_utc_to_the_millisecond(folder: Path) -> None:
    record = logging.makeLogRecord({"name": "videoshop.bridge", "levelno": logging.INFO, "created": 1751374800.25})
    logging.getLogger().handle(record)
    assert lines(folder / "bridge.log")[0]["time"] == "2025-07-01T13:00:00.250Z"


@pytest.mark.usefixtures("logging_there")
def test_a_traceback_stands_in_its_line(folder: Path) -> None:
    try:
        raise FileNotFoundError(2, "No such file or directory", "/home/cAnArY/shot.mov")
    except FileNotFoundError:
        log.exception("ref %s", "0123456789ab")
    (line,) = lines(folder / "bridge.log")
    assert line["trace"].startswith("Traceback (most recent call last):\n")
    assert line["trace"].endswith("'…/shot.mov'")
    assert "…/test_logs.py" in line["trace"]


@pytest.mark.usefixtures("logging_there")
def test_the_engines_words_have_a_file_of_their_own_and_its_faults_stand_in_both(folder: Path) -> None:
    engine = logging.getLogger("videoshop.engine")
    engine.info("a word")
    engine.error("ref1 it fell")
    assert [line["message"] for line in lines(folder / "engine.log")] == ["a word", "ref1 it fell"]
    assert [line["message"] for line in lines(folder / "bridge.log")] == ["ref1 it fell"]


@pytest.mark.usefixtures("logging_there")
def test_websockets_tells_its_warnings_only(folder: Path) -> None:
    for name in ("videoshop.websockets", "websockets.server"):
        logging.getLogger(name).info("connection open")
        logging.getLogger(name).warning("odd")
    assert [line["message"] for line in lines(folder / "bridge.log")] == ["odd", "odd"]


@pytest.mark.usefixtures("logging_there")
def test_folder_and_files_are_the_owners_alone(folder: Path) -> None:
    log.info("here")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "bridge.log").stat().st_mode) == 0o600


def test_a_log_turns_over_at_its_size_and_five_files_are_kept(folder: Path, said: list[str]) -> None:
    handler = logs.LogFile(folder / "bridge.log", said.append, size=500)
    for count in range(100):
        handler.emit(logging.makeLogRecord({"msg": f"line {count}", "name": "videoshop.bridge"}))
    handler.close()
    kept = sorted(path.name for path in folder.iterdir())
    assert kept == ["bridge.log", "bridge.log.1", "bridge.log.2", "bridge.log.3", "bridge.log.4"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    assert lines(folder / "bridge.log")[-1]["message"] == "line 99"
    assert said == []


# What never stands in them


def written(record: logging.LogRecord) -> str:
    return logs.JsonLines().format(record) + logs.PlainLines().format(record)


def record(message: object, *arguments: object, **extra: object) -> logging.LogRecord:
    return log.makeRecord(log.name, logging.INFO, "f", 1, message, arguments, None, extra=extra)


words = st.text(st.characters(exclude_characters="\n%"), max_size=30)
secrets = st.sampled_from(SECRETS)
holders: st.SearchStrategy[Callable[[str], object]] = st.sampled_from(
    [str, PurePosixPath, repr, ValueError, lambda text: [text], lambda text: {text: text}, str.encode]
)
"""What a secret may be given in."""


@given(words, secrets, words)
def test_no_secret_of_a_message_is_written(before: str, secret: str, after: str) -> None:
    told = written(record(before + secret + after))
    assert not [canary for canary in CANARIES if canary in told]


@given(words, holders, words, secrets, words)
def test_no_secret_of_an_argument_is_written(
    message: str, holder: Callable[[str], object], before: str, secret: str, after: str
) -> None:
    told = written(record(message + "%s and %r", holder(before + secret + after), holder(secret)))
    assert not [canary for canary in CANARIES if canary in told]


@given(holders, words, secrets, words)
def test_no_secret_of_an_extra_is_written(
    holder: Callable[[str], object], before: str, secret: str, after: str
) -> None:
    told = written(record("here", job=holder(secret), more=holder(before + secret + after)))
    assert not [canary for canary in CANARIES if canary in told]


@given(words, secrets, words)
def test_no_secret_of_a_traceback_is_written(before: str, secret: str, after: str) -> None:
    try:
        try:
            raise OSError(2, "gone", secret)
        except OSError as error:
            raise RuntimeError(before + secret + after) from error
    except RuntimeError:
        made = record("fault")
        made.exc_info = sys.exc_info()
    told = written(made)
    assert "RuntimeError" in told
    assert not [canary for canary in CANARIES if canary in told]


@given(st.text(), st.dictionaries(st.sampled_from("abcdefgh"), st.text()))
def test_a_record_is_one_line_of_json_without_control_characters(message: str, extra: dict[str, str]) -> None:
    line = logs.JsonLines().format(record(message.replace("%", ""), **extra))
    assert line.isprintable()
    assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\x1b\n" * 500_000, '"\\' * 500_000])
def test_a_line_is_bounded(text: str) -> None:
    made = record(text, **{f"key{count}": text for count in range(100)})
    made.stack_info = text
    assert len(logs.JsonLines().format(made)) < 50_000


def test_a_line_for_a_person_cannot_look_like_another_one() -> None:
    told = logs.PlainLines().format(record("a\n2025-01-01T00:00:00.000Z INFO videoshop.bridge all is well\r"))
    assert told.splitlines()[1].startswith("    ")
    assert "\r" not in told


# That they stop nothing


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "file").write_text("no folder")
    end = logs.begin(tmp_path / "file" / "logs", verbose=False, say=said.append)
    for _ in range(3):
        log.info("here")
        logging.getLogger("videoshop.engine").info("and here")
    end()
    assert said == ["The log cannot be written: Not a directory."]


def test_the_log_goes_on_when_its_folder_can_be_written_again(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "logs").write_text("no folder")
    end = logs.begin(tmp_path / "logs", verbose=False, say=said.append)
    log.info("lost")
    (tmp_path / "logs").unlink()
    log.info("kept")
    end()
    assert [line["message"] for line in lines(tmp_path / "logs" / "bridge.log")] == ["kept"]
    assert len(said) == 1


def test_a_line_that_a_full_disk_cut_does_not_spoil_the_next_one(folder: Path, said: list[str]) -> None:
    end = logs.begin(folder, verbose=False, say=said.append)
    log.info("before")
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / "bridge.log").stat().st_size + 20, room[1]))
        log.info("cut")
        log.info("lost")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
        signal.signal(signal.SIGXFSZ, ignored)
    log.info("after")
    end()
    first, cut, last = (folder / "bridge.log").read_text().splitlines()
    assert json.loads(first)["message"] == "before"
    assert len(cut) == 20
    assert json.loads(last)["message"] == "after"
    assert said == ["The log cannot be written: File too large."]


def test_a_record_that_cannot_be_told_is_told_of_without_its_values(folder: Path, said: list[str]) -> None:
    handler = logs.LogFile(folder / "bridge.log", said.append)
    handler.emit(record("%d", "/home/cAnArY/x"))
    handler.close()
    assert said == ["A line of videoshop.bridge could not be logged (TypeError)."]


def test_with_verbose_the_log_is_shown_too(tmp_path: Path) -> None:
    script = (
        "import logging, pathlib, sys\nfrom bridge_server import logs\n"
        f"logs.begin(pathlib.Path({str(tmp_path)!r}), verbose=True, say=print)\n"
        "logging.getLogger('videoshop.bridge').info('reading %s', '/home/cAnArY/shot.mov')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stderr.endswith("INFO videoshop.bridge reading …/shot.mov\n")
    assert "cAnArY" not in done.stderr
