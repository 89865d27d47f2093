"""How an installation starts its own engine, and finds what it brings."""

import sys
from pathlib import Path

import pytest

from bridge_server.desktop.frozen import bundled, own_engine


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an app, of which this process is the command."""
    (tmp_path / "_internal").mkdir()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path / "_internal"), raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "videoshop"))
    return tmp_path


def test_from_source_the_engine_is_a_module_of_this_python() -> None:
    assert own_engine() == (sys.executable, "-P", "-m", "engine.worker")


def test_in_the_app_the_engine_is_a_program_beside_the_command(app: Path) -> None:
    assert own_engine() == (str(app / "videoshop-engine"),)


def test_what_the_app_brings_is_found_in_it(app: Path) -> None:
    assert bundled("uv") is None
    (app / "_internal" / "uv.exe").touch()
    assert bundled("uv") == app / "_internal" / "uv.exe"


def test_from_source_nothing_is_brought() -> None:
    assert bundled("os.py") is None
