"""Where the service keeps its files."""

import stat
from pathlib import Path

import pytest

from bridge_server.desktop.paths import private_folder


def test_a_private_folder_is_private_with_all_that_was_made_for_it(tmp_path: Path) -> None:
    made = private_folder(tmp_path / "data" / "jobs" / "one")
    for folder in (made, made.parent, made.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    private_folder(tmp_path / "there" / "inner")
    assert stat.S_IMODE((tmp_path / "there").stat().st_mode) == 0o755


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        private_folder(tmp_path / "file")
