"""A small app in the place of the frozen one: the packages do not ask what is in it."""

from pathlib import Path

import pytest

from installer import frozen, icon

STAND_IN = """#!/bin/sh
echo "$@" >> "$HOME/asked"
"""


@pytest.fixture(scope="session")
def icons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the icons."""
    folder = tmp_path_factory.mktemp("icons")
    icon.write(folder)
    return folder


@pytest.fixture
def app(tmp_path: Path, icons: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an app whose command notes in ~/asked what it is asked."""
    build = tmp_path / "build"
    monkeypatch.setattr(frozen, "BUILD", build)
    monkeypatch.setattr(frozen, "ICONS", icons)
    folder = build / "frozen" / "videoshop-bridge"
    (folder / "_internal" / "libs").mkdir(parents=True)
    (folder / "licences").mkdir()
    for name in ("videoshop", "videoshop-engine"):
        (folder / name).write_text(STAND_IN)
        (folder / name).chmod(0o755)
    (folder / "_internal" / "libs" / "liba.so.1").write_bytes(b"\x7fELF\0GLIBC_2.17\0GLIBC_2.34\0GLIBC_2.2.5\0")
    (folder / "_internal" / "liba.so.1").symlink_to("libs/liba.so.1")
    (folder / "licences" / "LICENSE").write_text("Apache-2.0")
    return folder
