"""Installing, checking, repairing, moving and removing, with the real uv and small packages."""

import contextlib
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime import build, locks, place, probe, upkeep
from bridge_server.desktop.runtime.build import Phase, Progress
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.place import Home, packages_of, python_of
from bridge_server.desktop.runtime.upkeep import Options
from bridge_server.desktop.runtime.uv import Source
from tests.bridge_server.desktop.runtime.wheels import Shelf, files_of, quiet, starts, wheel

SYSTEM = probe.system()


class StoppedError(Exception):
    """What a person's Ctrl-C is here."""


def stops_at(phase: Phase) -> build.OnProgress:
    def stop(progress: Progress) -> None:
        if progress.phase == phase:
            raise StoppedError

    return stop


def here(places: Places) -> Path:
    """The folder of packages of the environment that runs."""
    home = place.home(places)
    installed = home.installed()
    assert installed is not None
    return packages_of(home.environment(installed))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_environment_is_made_of_what_the_lockfile_names(places: Places, options: Options) -> None:
    told: list[Progress] = []
    installed = upkeep.install(places, "cpu", options, told.append)
    home = place.home(places)
    assert home.installed() == installed
    assert (installed.backend, len(installed.records)) == ("cpu", 6)
    answer = subprocess.check_output(
        [python_of(home.environment(installed)), "-c", "import tiny_5; print(tiny_5.ANSWER)"]
    )
    assert answer.strip() == b"42"
    phases = list(dict.fromkeys(progress.phase for progress in told))
    assert [phase for phase in phases if phase != "install"] == ["prepare", "fetch", "verify", "try"]
    verified = [progress for progress in told if progress.phase == "verify"]
    assert verified[-1].size == verified[-1].total == installed.size > 240_000
    assert names(home.root) == ["envs", "lock", "version.json"]  # nothing half done, and no cache


def test_a_whole_environment_is_left_as_it_is(places: Places, options: Options) -> None:
    first = upkeep.install(places, "cpu", options, quiet)
    assert upkeep.install(places, "cpu", options, quiet) == first
    assert upkeep.verify(places, quiet) == (first, [])


def test_damaged_and_missing_files_are_found_and_repaired(places: Places, options: Options) -> None:
    first = upkeep.install(places, "cpu", options, quiet)
    was = files_of(place.home(places))
    before = here(places)
    (before / "tiny_1/data.bin").write_bytes(b"\0" * 40_000)
    (before / "tiny_2/__init__.py").unlink()
    shutil.rmtree(before / "tiny_3-1.0.dist-info")
    untouched = (before / "tiny_4/data.bin").stat().st_ino

    _, faults = upkeep.verify(places, quiet)
    assert {(fault.path, fault.what) for fault in faults} == {
        ("tiny_1/data.bin", "damaged"),
        ("tiny_2/__init__.py", "missing"),
        ("tiny_3-1.0.dist-info/RECORD", "missing"),
    }
    repaired, found = upkeep.repair(places, options, quiet)
    assert found == faults
    assert files_of(place.home(places)) == was
    assert upkeep.verify(places, quiet) == (repaired, [])
    assert (here(places) / "tiny_4/data.bin").stat().st_ino == untouched  # what was whole was linked, not fetched
    assert repaired.folder != first.folder
    assert names(place.home(places).environments) == [repaired.folder]


def test_an_environment_whose_python_is_gone_is_repaired(places: Places, options: Options) -> None:
    installed = upkeep.install(places, "cpu", options, quiet)
    python = python_of(place.home(places).environment(installed))
    python.unlink()
    python.symlink_to("/no/such/python")
    assert upkeep.status(places, options).state == "damaged"
    _, faults = upkeep.verify(places, quiet)
    assert [fault.package for fault in faults] == ["python"]
    repaired, _ = upkeep.repair(places, options, quiet)
    assert upkeep.verify(places, quiet) == (repaired, [])


@pytest.mark.parametrize("phase", ["prepare", "fetch", "verify", "try"])
def test_what_is_stopped_leaves_what_was_there_and_goes_on(
    places: Places, options: Options, shelf: Shelf, phase: Phase
) -> None:
    first = upkeep.install(places, "cpu", options, quiet)
    was = files_of(place.home(places))
    wheel(shelf.wheels, "tiny_9", "1.0", {"tiny_9.py": b""})
    shelf.lock("cpu", SYSTEM)
    assert upkeep.status(places, options).state == "outdated"
    verified = False

    def stop(progress: Progress) -> None:
        nonlocal verified
        if verified or phase != "verify":
            stops_at(phase)(progress)
        verified = verified or progress.phase == "prepare"  # the check before is not the one after

    with pytest.raises(StoppedError):
        upkeep.install(places, "cpu", options, stop)
    home = place.home(places)
    assert home.installed() == first
    assert files_of(home) == was
    assert names(home.environments) == [first.folder]
    unfinished = upkeep.status(places, options).unfinished
    assert unfinished is not None
    assert unfinished.doing == "install"

    second = upkeep.install(places, "cpu", options, quiet)
    assert len(second.records) == 7
    assert upkeep.status(places, options).unfinished is None
    assert files_of(home).keys() >= was.keys() | {"tiny_9.py"}


def test_one_that_does_not_run_the_engine_is_not_taken(places: Places, options: Options, shelf: Shelf) -> None:
    first = upkeep.install(places, "cpu", options, quiet)
    wheel(shelf.wheels, "tiny_9", "1.0", {"tiny_9.py": b""})
    shelf.lock("cpu", SYSTEM)

    def fails(home: Home, environment: Path, backend: str) -> None:
        raise RuntimeFault.does_not_run("the card is on fire")

    with pytest.raises(RuntimeFault) as refused:
        upkeep.install(places, "cpu", replace(options, trial=fails), quiet)
    assert refused.value.code == "engine.does_not_run"
    assert place.home(places).installed() == first


def test_a_wheel_with_other_bytes_is_not_installed(places: Places, options: Options, shelf: Shelf) -> None:
    wheel(shelf.wheels, "tiny_3", "1.0", {"tiny_3/__init__.py": b"ANSWER = 'another'\n"})
    with pytest.raises(RuntimeFault) as refused:
        upkeep.install(places, "cpu", options, quiet)
    assert refused.value.code == "engine.hash_differs"
    assert "tiny-3" in refused.value.message
    assert place.home(places).installed() is None


def test_a_folder_that_lacks_a_wheel_says_which(places: Places, options: Options, shelf: Shelf) -> None:
    (shelf.wheels / "tiny_2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(RuntimeFault) as refused:
        upkeep.install(places, "cpu", options, quiet)
    assert refused.value.code == "engine.wheel_missing"
    assert "tiny-2" in refused.value.message


def test_packages_without_a_hash_are_not_taken_from_a_folder(places: Places, options: Options, shelf: Shelf) -> None:
    shelf.lock("rocm", SYSTEM, "open: torch==2.9.1+rocm6.4")
    with pytest.raises(RuntimeFault) as refused:
        upkeep.install(places, "rocm", options, quiet)
    assert refused.value.code == "engine.not_locked"


def test_a_package_without_a_hash_is_installed_with_what_it_needs(
    places: Places, options: Options, shelf: Shelf, tmp_path: Path
) -> None:
    wheel(shelf.wheels, "needed", "2.0", {"needed.py": b""})
    wheel(shelf.wheels, "torch", "1.0+rocm", {"torch/__init__.py": b""}, needs="needed>=2")
    wheel(shelf.wheels, "torch", "1.0", {"torch/__init__.py": b"'of another index'"})
    path = shelf.locks / f"rocm-{SYSTEM}.txt"
    path.write_text("# open: torch==1.0+rocm\n" + (shelf.locks / f"cpu-{SYSTEM}.txt").read_text())
    lock, source = locks.read("rocm", SYSTEM, shelf.locks), Source(wheels=shelf.wheels)
    home = Home(tmp_path / "home")
    with build.held(home):
        installed = build.build(home, lock, source, "install", None, starts, quiet)
    assert {"torch-1.0+rocm.dist-info", "needed-2.0.dist-info", "tiny_5-1.0.dist-info"} <= installed.records.keys()
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], re.sub("sha256:.{64}", f"sha256:{'0' * 64}", lines[-1])]))
    wrong = locks.read("rocm", SYSTEM, shelf.locks)
    with build.held(home), pytest.raises(RuntimeFault) as refused:  # those with a hash are checked all the same
        build.build(home, wrong, source, "install", None, starts, quiet)
    assert refused.value.code == "engine.hash_differs"
    assert home.installed() == installed


def test_an_unknown_backend_is_refused_with_those_that_there_are(places: Places, options: Options) -> None:
    with pytest.raises(RuntimeFault) as refused:
        upkeep.install(places, "cu999", options, quiet)
    assert (refused.value.code, refused.value.hint) == ("engine.unknown_backend", "Use auto or one of: cpu.")


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    places: Places, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(10**9, 9 * 10**8, 10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    told: list[Progress] = []
    with pytest.raises(RuntimeFault) as refused:
        upkeep.install(places, "cpu", options, told.append)
    assert refused.value.code == "engine.disk_full"
    assert {progress.phase for progress in told} == {"prepare"}
    assert names(place.home(places).environments) == []


def test_only_one_at_a_time_changes_it(places: Places, options: Options) -> None:
    with build.held(place.home(places)):
        assert upkeep.status(places, options).busy
        with pytest.raises(RuntimeFault) as refused:
            upkeep.install(places, "cpu", options, quiet)
    assert refused.value.code == "engine.busy"
    assert not upkeep.status(places, options).busy


def test_it_moves_to_another_folder(places: Places, options: Options, tmp_path: Path) -> None:
    upkeep.install(places, "cpu", options, quiet)
    old, was = place.home(places), files_of(place.home(places))
    shutil.rmtree(options.wheels or tmp_path / "none")  # nothing is fetched
    (options.wheels or tmp_path).mkdir()
    moved = upkeep.move(places, tmp_path / "large" / "disk", options, quiet)
    assert place.home(places).root == tmp_path / "large" / "disk"
    assert files_of(place.home(places)) == was
    assert upkeep.verify(places, quiet) == (moved, [])
    assert not old.root.exists()
    back = upkeep.move(places, old.root, options, quiet)
    assert place.home(places) == old
    assert not places.engine_moved.exists()
    assert upkeep.verify(places, quiet) == (back, [])


def test_a_move_that_is_stopped_leaves_it_where_it_was(places: Places, options: Options, tmp_path: Path) -> None:
    installed = upkeep.install(places, "cpu", options, quiet)
    target = tmp_path / "large"
    with pytest.raises(StoppedError):
        upkeep.move(places, target, options, stops_at("try"))
    assert upkeep.verify(places, quiet) == (installed, [])
    upkeep.move(places, target, options, quiet)
    assert place.home(places).root == target


def test_it_moves_into_no_folder_that_holds_something(places: Places, options: Options, tmp_path: Path) -> None:
    upkeep.install(places, "cpu", options, quiet)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.jpg").touch()
    for target in (tmp_path / "full", place.home(places).root / "inside", tmp_path, tmp_path / "full/photo.jpg"):
        with pytest.raises(RuntimeFault) as refused:
            upkeep.move(places, target, options, quiet)
        assert refused.value.code == "engine.folder_unusable"
    assert (tmp_path / "full" / "photo.jpg").exists()


def test_removing_leaves_nothing(places: Places, options: Options, tmp_path: Path) -> None:
    installed = upkeep.install(places, "cpu", options, quiet)
    upkeep.move(places, tmp_path / "large", options, quiet)
    assert upkeep.remove(places) >= installed.size
    assert not (tmp_path / "large").exists()
    assert not places.engine.exists()
    assert not places.engine_moved.exists()
    for do in (lambda: upkeep.remove(places), lambda: upkeep.verify(places, quiet)):
        with pytest.raises(RuntimeFault) as refused:
            do()
        assert refused.value.code == "engine.not_installed"


def test_what_is_not_ours_stays_where_the_environment_was(places: Places, options: Options, tmp_path: Path) -> None:
    upkeep.install(places, "cpu", options, quiet)
    (place.home(places).root / "photo.jpg").touch()
    upkeep.move(places, tmp_path / "large", options, quiet)
    (tmp_path / "large" / "photo.jpg").touch()
    upkeep.remove(places)
    assert names(places.engine) == names(tmp_path / "large") == ["photo.jpg"]


def test_what_an_interrupted_run_left_is_swept(places: Places, options: Options) -> None:
    home = place.home(places)
    (home.environments / "deadbeef" / "lib").mkdir(parents=True)
    (home.cache / "archive-v0" / "half").mkdir(parents=True)
    installed = upkeep.install(places, "cpu", options, quiet)
    assert names(home.environments) == [installed.folder]
    assert not home.cache.exists()


def test_a_version_file_that_is_no_version_file_is_none(places: Places, options: Options) -> None:
    home = place.home(places)
    home.root.mkdir(parents=True)
    for content in (b"", b"{", b"\xff\xfe", b"[]", b'{"backend": "cpu"}'):
        home.version.write_bytes(content)
        assert home.installed() is None
        assert place.command(places) is None
    with contextlib.suppress(FileNotFoundError):
        home.version.unlink()
    home.version.mkdir()
    assert home.installed() is None
