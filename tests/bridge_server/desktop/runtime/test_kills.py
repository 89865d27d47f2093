"""An installation that is killed at a random moment, and run again."""

import contextlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime import place, probe, upkeep
from bridge_server.desktop.runtime.upkeep import Options
from tests.bridge_server.desktop.runtime.wheels import Shelf, files_of, quiet, starts, wheel

KILLS = 4
PATIENCE = 30.0
"""Longest wait for a process, in seconds."""


def begun(shelf: Shelf) -> "subprocess.Popen[str]":
    """An installation that has begun."""
    module = "tests.bridge_server.desktop.runtime.installing"
    command = [sys.executable, "-m", module, "cpu", str(shelf.wheels), str(shelf.locks)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_kills_lose_nothing_and_the_next_run_goes_on(places: Places, tmp_path: Path) -> None:
    shelf = Shelf.of(tmp_path / "shelf", count=20, size=500_000)
    shelf.lock("cpu", probe.system())
    options = Options(wheels=shelf.wheels, locks=shelf.locks, trial=starts)
    began = time.monotonic()
    first = upkeep.install(places, "cpu", options, quiet)
    takes = time.monotonic() - began
    home, was = place.home(places), files_of(place.home(places))
    wheel(shelf.wheels, "tiny_99", "1.0", {"tiny_99.py": b"ANSWER = 42\n"})
    shelf.lock("cpu", probe.system())

    chance, ended = random.Random(7), 0
    for _ in range(KILLS):
        with begun(shelf) as process:
            time.sleep(chance.uniform(0.0, takes))
            process.kill()
            process.wait()
            if home.installed() != first:  # it was done, or all but done
                ended += 1
                break
            assert files_of(home) == was
    assert ended < KILLS
    last = upkeep.install(places, "cpu", options, quiet)
    assert upkeep.verify(places, quiet) == (last, [])
    assert files_of(home).items() >= {"tiny_99.py": b"ANSWER = 42\n"}.items()
    assert [path.name for path in home.environments.iterdir()] == [last.folder]
    assert home.unfinished() is None


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C is another thing there")
def test_ctrl_c_stops_it_and_leaves_nothing_half_made(places: Places, tmp_path: Path) -> None:
    shelf = Shelf.of(tmp_path / "shelf", count=20, size=500_000)
    shelf.lock("cpu", probe.system())
    home = place.home(places)
    with begun(shelf) as process:
        deadline = time.monotonic() + PATIENCE
        while not (home.environments.is_dir() and list(home.environments.iterdir())) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
    assert process.returncode != 0
    assert list(home.environments.iterdir()) == []
    assert home.installed() is None
    assert home.unfinished() == place.Unfinished(doing="install", backend="cpu")
    assert not upkeep.status(places).busy


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends a child with its parent on Linux alone")
def test_a_kill_leaves_no_uv_behind(places: Places, tmp_path: Path) -> None:
    shelf = Shelf.of(tmp_path / "shelf", count=20, size=500_000)
    shelf.lock("cpu", probe.system())
    with begun(shelf) as process:
        deadline = time.monotonic() + PATIENCE
        children: list[psutil.Process] = []
        while not children and time.monotonic() < deadline:
            with contextlib.suppress(psutil.NoSuchProcess):
                children = [child for child in psutil.Process(process.pid).children() if child.name() == "uv"]
        children[0].suspend()  # so that it does not end by itself
        process.kill()
        process.wait()
    assert psutil.wait_procs(children, timeout=PATIENCE)[1] == []
