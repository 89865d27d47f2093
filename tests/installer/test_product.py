"""What is built, in data."""

import ast
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bridge_server.desktop import versions
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
    with pytest.raises(frozen.MissingError, match=r"such\.ccx is missing: `npm run build` in uxp_plugin/ makes it\.$"):
        frozen.bring(tmp_path, (product.Part("plugins/a.ccx", "no/such.ccx", product.NPM),))
    assert list(tmp_path.iterdir()) == []


def test_without_uv_there_is_no_build_and_a_sentence_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(frozen, "PLUGINS", ())
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sys, "argv", ["make"])
    monkeypatch.setattr(make, "panels", lambda: None)
    with pytest.raises(SystemExit, match=r"uv(\.exe)? is missing: `pip install uv` beside the Python that builds\.$"):
        make.main()


def test_what_the_app_is_told_of_updates_lies_where_it_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"manifest": "https://example.org/manifest.json", "key": "0f" * 32}
    (tmp_path / "told.json").write_text(json.dumps(told))
    frozen.tell_of_updates(tmp_path, make.told_of_updates(tmp_path / "told.json"))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert versions.source({}) == (told["manifest"], bytes.fromhex(told["key"]))


def test_an_app_that_is_told_of_no_updates_gets_no_file(tmp_path: Path) -> None:
    frozen.tell_of_updates(tmp_path, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting"),
        ("[]", "an app is told of updates"),
        ('{"manifest": "http://example.org", "key": ""}', "is no https address"),
        ('{"manifest": "https://example.org", "key": "0f"}', "not 64 hexadecimal digits"),
    ],
)
def test_what_an_app_cannot_use_stops_the_build(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "told.json").write_text(text)
    with pytest.raises(SystemExit, match=why):
        make.told_of_updates(tmp_path / "told.json")


def test_what_is_named_to_pyinstaller_is_there_to_be_found() -> None:
    for package, names in frozen.UNSEEN.items():
        if find_spec(package) is not None:
            assert [name for name in names if find_spec(name) is None] == []


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
