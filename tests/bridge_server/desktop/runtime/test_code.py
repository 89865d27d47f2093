"""The engine that runs in an environment is this installation's own, whatever the environment was made by."""

import os
import shutil
import site
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime import build, code, place, upkeep
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.place import Home, Installed, packages_of, python_of
from bridge_server.desktop.runtime.trial import runs_engine
from bridge_server.desktop.runtime.uv import Uv, find_uv
from bridge_server.doctor import check_engine
from bridge_server.worker import EngineProcess, engine_command
from tests.bridge_server.desktop.runtime.wheels import quiet


@pytest.fixture
def home(places: Places) -> Home:
    """An environment with the packages that the tests run with, by a link to their folders."""
    home = place.home(places)
    folder = home.environments / "borrowed"
    Uv(find_uv(), home.cache, home.pythons).make(folder, sys.executable, lambda heard: None)
    folders = [path for path in (*site.getsitepackages(), *sys.path) if path.endswith("site-packages")]
    (packages_of(folder) / "borrowed.pth").write_text("\n".join(dict.fromkeys(folders)))
    installed = Installed(backend="cpu", folder="borrowed", lock="", python="3.11", size=0, records={})
    place.write_whole(home.version, installed)
    return home


async def about(engine: EngineProcess) -> object:
    return (await engine.ask("about", {"parts": []}))["version"]


async def test_the_engine_process_runs_in_the_environment(home: Home, places: Places) -> None:
    command = engine_command()
    assert command[:2] == (str(home.environments / "borrowed/bin/python"), "-I")
    engine = EngineProcess()
    try:
        assert await about(engine) == version(code.PROJECT)
        assert engine.pid is not None
        loaded = Path(f"/proc/{engine.pid}/cmdline").read_bytes() if sys.platform == "linux" else command[2].encode()
        assert str(home.code).encode() in loaded
    finally:
        await engine.close()


async def test_an_engine_at_rest_is_replaced_when_the_environment_is(home: Home) -> None:
    engine = EngineProcess()
    try:
        await about(engine)
        first = engine.pid
        await about(engine)
        assert engine.pid == first
        home.version.unlink()  # removed, as by `videoshop engine remove`
        await about(engine)
        assert engine.pid != first
    finally:
        await engine.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
async def test_no_environment_is_removed_below_an_engine(home: Home, places: Places) -> None:
    engine = EngineProcess()
    await about(engine)
    with pytest.raises(RuntimeFault) as refused:
        upkeep.remove(places)
    assert refused.value.code == "engine.in_use"
    home.version.unlink()
    build.sweep(home)
    assert (home.environments / "borrowed").exists()
    await engine.close()
    build.sweep(home)
    assert not (home.environments / "borrowed").exists()


async def test_the_doctor_says_how_to_repair_it(home: Home) -> None:
    (packages_of(home.environments / "borrowed") / "borrowed.pth").unlink()
    engine = EngineProcess()
    check = await check_engine(engine)
    await engine.close()
    assert check.state == "broken"
    assert "videoshop engine repair" in check.hint


def test_without_an_environment_the_engine_runs_from_here(places: Places) -> None:
    assert place.command(places) is None
    assert engine_command() == (sys.executable, "-P", "-m", "engine.worker")


def test_an_environment_whose_python_is_gone_is_passed_over(home: Home, places: Places) -> None:
    python_of(home.environments / "borrowed").unlink()
    assert place.command(places) is None


def test_the_code_is_placed_once_and_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = code.placed(tmp_path / "code")
    made = first.stat().st_mtime_ns
    assert code.placed(tmp_path / "code") == first
    assert first.stat().st_mtime_ns == made
    package = tmp_path / "engine"
    shutil.copytree(code.source(), package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "geometry.py").write_text((package / "geometry.py").read_text() + "\n# changed\n")
    monkeypatch.setattr(code, "source", lambda: package)
    second = code.placed(tmp_path / "code")
    assert second.parent != first.parent
    assert (second.parent / "engine/geometry.py").read_text().endswith("# changed\n")


def test_code_that_was_changed_is_a_fault_and_is_placed_anew(home: Home, places: Places) -> None:
    start = code.placed(home.code)
    assert code.faults(home.code) == []
    (start.parent / "engine/worker.py").write_text("raise SystemExit")
    (start.parent / "engine/plan.py").unlink()
    assert code.faults(home.code) == ["engine/plan.py", "engine/worker.py"]
    code.replace(home.code)
    assert code.faults(home.code) == []
    upkeep.verify(places, quiet)


def test_the_persons_own_python_variables_do_not_reach_the_engine(home: Home, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/json.py").write_text("raise SystemExit('taken')")
    command = [*engine_command(), "--help"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "mine"), "PYTHONHOME": "/nowhere"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: engine.worker" in done.stdout


def test_asking_where_the_engine_runs_is_quick(home: Home) -> None:
    began = time.process_time()
    for _ in range(10):
        engine_command()
    assert (time.process_time() - began) / 10 < 0.05


def test_an_environment_that_lacks_torch_does_not_pass_its_trial(home: Home) -> None:
    (packages_of(home.environments / "borrowed") / "borrowed.pth").unlink()
    with pytest.raises(RuntimeFault) as refused:
        runs_engine(home, home.environments / "borrowed", "cpu")
    assert refused.value.code == "engine.does_not_run"


def test_one_that_has_all_passes(home: Home) -> None:
    pytest.importorskip("torch")
    runs_engine(home, home.environments / "borrowed", "cpu")
