"""Lockfiles: what they name, and that those of this project lock what it needs."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_server.desktop.runtime import locks, relock
from bridge_server.desktop.runtime.place import PYTHON

PROJECT = tomllib.loads(relock.PROJECT.read_text("utf-8"))["project"]
HERE = Path("a.txt")
HASH = "0" * 64


@pytest.mark.parametrize("build", relock.BUILDS, ids=lambda build: build.name)
def test_every_build_has_its_lockfile(build: relock.Build) -> None:
    lock = locks.read(build.backend, build.system)
    named = dict(lock.names)
    assert named["torch"] == build.torch
    assert lock.index == (f"{relock.TORCH_INDEX}/{build.index}" if build.index else None)
    assert lock.size > 50_000_000
    assert all(package.size for package in lock.packages)
    assert f"Python {PYTHON}." in lock.path.read_text("utf-8").splitlines()[0]


@pytest.mark.parametrize("build", relock.BUILDS, ids=lambda build: build.name)
def test_a_lockfile_keeps_to_the_projects_own_ranges(build: relock.Build) -> None:
    named = dict(locks.read(build.backend, build.system).names)
    for requirement in [*relock.requirements(PROJECT), relock.torch_range(PROJECT)]:
        name, *bounds = re.split(r"(>=|,<)", requirement)
        low, high = bounds[1], bounds[3]
        have = named[name.replace("_", "-")].partition("+")[0]
        assert _numbers(low) <= _numbers(have) < _numbers(high), requirement


def test_the_service_s_own_dependencies_are_not_asked_of_the_engine() -> None:
    names = [re.split(r"[><]", text)[0] for text in relock.requirements(PROJECT)]
    assert {"av", "numpy", "diffusers", "pydantic"} <= set(names)
    assert not {"websockets", "uv", "typer", "torch"} & set(names)


def test_a_lockfile_names_no_address_but_that_of_torchs_index() -> None:
    for path in locks.FOLDER.glob("*.txt"):
        addresses = re.findall(r"\w+://[^/\s]+", path.read_text("utf-8"))
        assert set(addresses) <= {"https://download.pytorch.org"}, path.name


def test_the_files_are_those_of_the_builds_and_no_others() -> None:
    assert {path.stem for path in locks.FOLDER.iterdir()} == {build.name for build in relock.BUILDS}


def test_what_is_written_is_read() -> None:
    wheels = [{"size": 10, "hashes": {"sha256": "b" * 64}}, {"size": 30, "hashes": {"sha256": "a" * 64}}]
    packages = [{"name": "numpy", "version": "2.4.6", "wheels": wheels}]
    build = relock.Build("rocm", "linux-x86_64", "2.9.1+rocm6.4", "rocm6.4")
    lock = locks.parse(relock.text(build, "https://index", ["torch==2.9.1+rocm6.4"], packages), "rocm", "linux", HERE)
    assert lock.packages == (locks.Package("numpy", "2.4.6", ("a" * 64, "b" * 64), 30),)
    assert (lock.index, lock.open) == ("https://index", ("torch==2.9.1+rocm6.4",))
    assert lock.names == {("numpy", "2.4.6"), ("torch", "2.9.1+rocm6.4")}


@pytest.mark.parametrize(
    "line",
    [
        "numpy==2.4.6",
        "numpy>=2 --hash=sha256:" + HASH,
        "numpy==2.4.6 --hash=md5:" + HASH,
        "numpy==2.4.6 --hash=sha256:" + HASH[1:],
        "--index-url https://elsewhere",
        "numpy @ https://elsewhere/numpy.whl --hash=sha256:" + HASH,
    ],
)
def test_a_line_without_version_or_hash_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="is not a locked package"):
        locks.parse(line, "cpu", "linux-x86_64", HERE)


@given(st.text())
def test_any_text_is_a_lockfile_or_refused(text: str) -> None:
    try:
        lock = locks.parse(text, "cpu", "linux-x86_64", HERE)
    except ValueError:
        return
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for package in lock.packages for digest in package.hashes)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
