"""What is built, in data."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bridge_server.desktop.frozen import ENGINE_PROGRAM
from installer import frozen, make, product
from installer.product import PROGRAMS, ROOT, SYSTEMS, file_name, programs, version


def test_panel_and_app_have_one_version() -> None:
    assert json.loads((ROOT / "uxp_plugin" / "package.json").read_text())["version"] == version()


def test_each_program_has_an_entry_that_is_no_package_of_ours() -> None:
    """A script that is called like a package hides it from PyInstaller."""
    for program in PROGRAMS:
        entry = product.INSTALLER / "entries" / program.entry
        compile(entry.read_text(), str(entry), "exec")
        assert not (ROOT / entry.stem).exists()


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_gets_the_command_and_the_engine_that_it_starts(system: product.System) -> None:
    assert {"videoshop", ENGINE_PROGRAM} <= {program.name for program in programs(system)}
    assert system in make.PACKAGES


def test_no_program_holds_torch_and_only_the_engine_holds_pixels() -> None:
    assert set(product.MODEL) <= set(frozen.UNUSED)
    for program in PROGRAMS:
        assert program.name == ENGINE_PROGRAM or set(product.PIXELS) <= set(program.without)


def test_what_the_app_brings_is_in_the_clone_or_built_by_it() -> None:
    assert (ROOT / product.ENGINE.source / "worker.py").is_file()
    assert all(part.source.startswith("uxp_plugin/dist/") for part in product.PLUGINS)


def test_the_spec_is_python_and_leaves_the_choices_to_the_module_beside_it() -> None:
    spec = product.INSTALLER / "videoshop.spec"
    compile(spec.read_text(), str(spec), "exec")


def test_package_names_say_system_and_processor() -> None:
    assert file_name("linux", ".tar.xz", architecture="amd64") == f"videoshop-bridge-{version()}-linux-amd64.tar.xz"


def test_a_build_takes_its_time_from_the_last_commit_or_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert make.epoch() > 1_700_000_000
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "42")
    assert make.epoch() == 42


def test_what_is_needed_and_was_not_built_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is it built"):
        frozen.bring(tmp_path, (product.Part("plugins/a.ccx", "no/such.ccx"),))
    frozen.bring(tmp_path, (product.Part("uv", "no/such/uv", needed=False),))
    assert list(tmp_path.iterdir()) == []


def test_the_engines_source_comes_along_without_what_python_made_of_it(tmp_path: Path) -> None:
    frozen.bring(tmp_path, (product.ENGINE,))
    assert (tmp_path / "engine" / "videoshop" / "method.py").is_file()
    assert not list(tmp_path.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("pygments.lexers._mapping", True),
        ("pygments.lexers.rust", False),
        ("pygments.lexers", True),
        ("pydantic.v1.main", False),
        ("pydantic.main", True),
    ],
)
def test_modules_that_no_program_uses_stay_out(name: str, wanted: bool) -> None:
    assert frozen.wanted_module(name) is wanted


def test_libraries_of_the_system_and_opencvs_own_ffmpeg_stay_out() -> None:
    assert not frozen.wanted_library("libmvec.so.1")
    assert not frozen.wanted_library(r"cv2\opencv_videoio_ffmpeg500_64.dll")
    assert frozen.wanted_library("cv2/cv2.abi3.so")


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"LD_LIBRARY_PATH": "/app/_internal"}, None),
        ({"LD_LIBRARY_PATH": "/app/_internal", "LD_LIBRARY_PATH_ORIG": "/mine"}, "/mine"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's start code names a folder of libraries")
def test_what_the_app_starts_gets_the_persons_environment(given: dict[str, str], left: str | None) -> None:
    hook = product.INSTALLER / "entries" / "own_environment.py"
    script = "import os, runpy, sys; runpy.run_path(sys.argv[1]); print(sorted(os.environ.items()))"
    started = {"PATH": "/usr/bin", "_PYI_ARCHIVE_FILE": "/app/videoshop", **given}
    # A Python that is no part of the app cannot be started with another folder of libraries: it is told of it inside.
    told = f"import os; os.environ.update({started!r}); {script}"
    done = subprocess.run([sys.executable, "-c", told, str(hook)], env={}, capture_output=True, text=True, check=True)
    environment = dict(ast.literal_eval(done.stdout))
    assert environment.get("LD_LIBRARY_PATH") == left
    assert not [name for name in environment if name.startswith("_PYI_")]


def test_the_windowed_program_lives_without_a_console() -> None:
    script = (
        "import runpy, sys\n"
        "out, sys.stdout, sys.stderr = sys.stdout, None, None\n"
        "entry, sys.argv = sys.argv[1], ['videoshop-tray', '--version']\n"
        "try: runpy.run_path(entry, run_name='__main__')\n"
        "except SystemExit as end: out.write(f'ended with {end.code}')"
    )
    entry = product.INSTALLER / "entries" / "run_windowed.py"
    done = subprocess.run([sys.executable, "-c", script, str(entry)], capture_output=True, text=True, check=True)
    assert done.stdout == "ended with 0"
