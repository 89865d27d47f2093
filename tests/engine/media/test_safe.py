"""Safe writing: whole under its name, or not there."""

import errno
import os
import stat
from pathlib import Path

import pytest

from engine.errors import OutputError, ResourceError
from engine.media.safe import replace, replace_folder, write_bytes


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _half(path: Path) -> None:
    path.write_bytes(b"half")
    raise ZeroDivisionError


def test_a_file_appears_at_the_end_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.mov"
    with replace(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".mov"
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert names(path.parent) == ["a.mov"]
    assert path.read_bytes() == b"new"


def test_a_failure_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replace(path) as temporary:
        _half(temporary)
    assert (names(tmp_path), path.read_bytes()) == (["a.mov"], b"old")


def test_a_folder_replaces_the_earlier_one_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "flat"
    for name in ("1.png", "2.png"):
        with replace_folder(path) as temporary:
            write_bytes(temporary / name, b"x")
        assert names(path) == [name]
    with pytest.raises(ZeroDivisionError), replace_folder(path) as temporary:
        _half(temporary / "3.png")
    assert (names(tmp_path), names(path)) == (["flat"], ["2.png"])


def test_a_folder_replaces_a_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "flat").write_bytes(b"a file")
    with replace_folder(tmp_path / "flat") as temporary:
        write_bytes(temporary / "1.png", b"x")
    assert names(tmp_path) == ["flat"]
    assert names(tmp_path / "flat") == ["1.png"]


def test_others_may_read_what_was_made_as_the_system_wants_it(tmp_path: Path) -> None:
    with replace(tmp_path / "a"):
        pass
    with replace_folder(tmp_path / "b"):
        pass
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o777 & ~mask


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_refusal_of_the_system_is_an_output_that_is_not_writable(tmp_path: Path, number: int) -> None:
    with pytest.raises(OutputError) as caught, replace(tmp_path / "a"):
        raise OSError(number, "no")
    assert caught.value.code == "output.not_writable"
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_resource_that_ran_out(tmp_path: Path, number: int) -> None:
    with pytest.raises(ResourceError) as caught, replace_folder(tmp_path / "a"):
        raise OSError(number, "no")
    assert caught.value.code == "resource.disk_full"
    assert names(tmp_path) == []


def test_other_faults_of_the_system_are_not_renamed(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="broken"), replace(tmp_path / "a"):
        raise OSError(errno.EIO, "broken")
    assert names(tmp_path) == []


def test_a_device_that_is_full_says_so() -> None:
    full = Path("/dev/full")
    if full.exists():
        with pytest.raises(ResourceError):
            write_bytes(full, b"x")
