"""One service for each user, with real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from bridge_server.desktop.instance import Instance, alive, announce, discover, single
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.errors import ServiceError
from bridge_server.worker import ENGINE

SERVE = (sys.executable, "-m", "bridge_server.cli", "serve", "--port", "0")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `videoshop serve`, with a simulated engine and folders of its own."""
    environment = os.environ | {
        ENGINE: f"'{sys.executable}' -m tests.bridge_server.fake_engine",
        CONFIG: str(tmp_path / "config"),
        DATA: str(tmp_path / "data"),
    }
    started: list[subprocess.Popen[str]] = []

    def start(*more: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*SERVE, *more], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def listening(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Listening on ws://localhost:")


def told(process: "subprocess.Popen[str]") -> tuple[int, list[str]]:
    stdout, stderr = process.communicate(timeout=20)
    assert stderr == ""
    return process.returncode, stdout.splitlines()


def test_a_second_service_says_where_the_first_one_is_and_ends(start: Start, places: Places) -> None:
    first = start()
    listening(first)
    found = discover(places.discovery)
    assert found is not None
    code, lines = told(start())
    assert code == 0
    assert lines == [
        f"Videoshop Bridge {found.version} is already running on port {found.port} (pid {first.pid}).",
        "Jobs: 0 running, 0 waiting.",
    ]
    assert first.poll() is None
    assert discover(places.discovery) == found


def test_of_services_started_at_once_one_runs(start: Start) -> None:
    together = [start() for _ in range(3)]
    deadline = time.monotonic() + 20
    while sum(process.poll() is None for process in together) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (running,) = [process for process in together if process.poll() is None]
    listening(running)
    for process in together:
        if process is not running:
            code, lines = told(process)
            assert code == 0
            assert lines[0].endswith(f"(pid {running.pid}).")


def test_a_killed_service_is_recognised_and_is_no_obstacle(start: Start, places: Places) -> None:
    first = start()
    listening(first)
    assert alive(places)
    first.kill()
    first.wait()
    left = discover(places.discovery)
    assert left is not None
    assert not alive(places)
    second = start()
    listening(second)
    found = discover(places.discovery)
    assert found is not None
    assert (found.pid, found.instance == left.instance) == (second.pid, False)


def test_a_service_that_ends_leaves_no_announcement_and_the_next_one_starts(start: Start, places: Places) -> None:
    first = start()
    listening(first)
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=10) == 0
    assert not alive(places)
    assert discover(places.discovery) is None
    listening(start())


def test_a_service_that_does_not_answer_is_told_of_with_a_way_on(start: Start) -> None:
    first = start()
    listening(first)
    first.send_signal(signal.SIGSTOP)
    code, lines = told(start())
    assert code == 0
    assert lines[1].startswith("It does not answer: ")
    assert lines[2] == "Run `videoshop doctor`: it names what is wrong."


# The lock alone


def announced(places: Places) -> Instance:
    instance = Instance(port=5, protocol=1, instance=uuid4(), pid=6, version="7")
    announce(places.discovery, instance)
    return instance


def test_without_a_lock_file_no_service_runs(places: Places) -> None:
    assert not alive(places)
    assert not places.config.exists()


def test_who_waits_for_the_announcement_hears_of_it(places: Places) -> None:
    with single(places):
        threading.Timer(0.3, announced, [places]).start()
        with pytest.raises(ServiceError, match="already running on port 5") as refused, single(places):
            pass
    assert refused.value.already


def test_a_service_that_never_says_where_it_is_is_told_of(places: Places) -> None:
    with (
        single(places),
        pytest.raises(ServiceError, match="has not said on which port") as refused,
        single(places),
    ):
        pass
    assert refused.value.already


def test_the_announcement_of_a_crashed_service_is_cleared_by_the_next_one(places: Places) -> None:
    announced(places)
    with single(places):
        assert discover(places.discovery) is None


def test_the_lock_is_let_go_when_the_block_fails(places: Places) -> None:
    with pytest.raises(KeyError), single(places):
        raise KeyError
    assert not alive(places)


def test_a_config_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    places = Places(tmp_path / "file" / "config", tmp_path / "data")
    with pytest.raises(ServiceError) as refused, single(places):
        pass
    assert refused.value.code == "service.config_unusable"
    assert "VIDEOSHOP_CONFIG" in refused.value.hint
