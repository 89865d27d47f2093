"""The list of a release's archives."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from installer.archive import digest
from installer.manifest import UnlikeError, describe, merged
from installer.product import ROOT, System, machine, version


def told(folder: Path, system: System) -> Path:
    folder.mkdir(exist_ok=True)
    archive = folder / f"app-{system}.tar.xz"
    archive.write_bytes(system.encode())
    return describe(archive, system, unpacked=1000)


def test_the_notes_of_all_systems_make_one_list(tmp_path: Path) -> None:
    told(tmp_path / "a", "linux")
    told(tmp_path / "b", "windows")
    command = [sys.executable, "-m", "installer.manifest", "--url", "https://example.org/r/", "a", "b"]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    listed = json.loads(done.stdout)
    assert listed["version"] == version()
    assert list(listed["archives"]) == [f"linux-{machine()}", f"windows-{machine()}"]
    assert listed["archives"][f"linux-{machine()}"] == {
        "url": "https://example.org/r/app-linux.tar.xz",
        "sha256": digest(tmp_path / "a" / "app-linux.tar.xz"),
        "size": 5,
        "unpacked": 1000,
    }


def test_two_versions_or_two_archives_for_a_system_are_no_release(tmp_path: Path) -> None:
    linux, windows = (json.loads(told(tmp_path, system).read_text()) for system in ("linux", "windows"))
    with pytest.raises(UnlikeError, match="One version"):
        merged([linux, {**windows, "version": "9"}], "https://example.org")
    with pytest.raises(UnlikeError, match="One version"):
        merged([linux, linux], "https://example.org")
