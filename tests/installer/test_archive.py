"""Archives and their sums."""

import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from installer.archive import SUMS, digest, pack, write_sums

EPOCH = 1_700_000_000


@pytest.mark.parametrize("ending", [".tar.xz", ".tar.gz", ".zip"])
def test_the_same_files_make_the_same_archive_whenever_they_were_written(
    app: Path, tmp_path: Path, ending: str
) -> None:
    first = pack(app, tmp_path / f"a{ending}", top="app-1", epoch=EPOCH)
    for path in app.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (1, 1))
    (app / "licences" / "LICENSE").chmod(0o600)
    assert digest(first) == digest(pack(app, tmp_path / f"b{ending}", top="app-1", epoch=EPOCH))


@pytest.mark.parametrize("ending", [".tar.xz", ".tar.gz"])
def test_a_tar_unpacks_to_what_was_packed(app: Path, tmp_path: Path, ending: str) -> None:
    with tarfile.open(pack(app, tmp_path / f"a{ending}", top="app-1", epoch=EPOCH)) as tar:
        members = tar.getmembers()
        tar.extractall(tmp_path / "out", filter="data")
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, EPOCH)}
    there = tmp_path / "out" / "app-1"
    assert (there / "_internal" / "liba.so.1").readlink() == Path("libs/liba.so.1")
    assert os.access(there / "videoshop", os.X_OK)
    assert not os.access(there / "licences" / "LICENSE", os.X_OK)
    assert _contents(there) == _contents(app)


def test_a_file_with_two_names_is_packed_under_both(app: Path, tmp_path: Path) -> None:
    (app / "again").hardlink_to(app / "licences" / "LICENSE")
    with tarfile.open(pack(app, tmp_path / "a.tar.gz", top="app-1", epoch=EPOCH)) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert _contents(tmp_path / "out" / "app-1") == _contents(app)


def test_a_zip_holds_what_links_lead_to(app: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pack(app, tmp_path / "a.zip", top="app-1", epoch=EPOCH)) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path / "out")
        assert packed.getinfo("app-1/videoshop").external_attr >> 16 == 0o100755
    assert _contents(tmp_path / "out" / "app-1") == _contents(app)


def test_sums_are_what_the_systems_own_tool_checks(app: Path, tmp_path: Path) -> None:
    made = [pack(app, tmp_path / name, top="app", epoch=EPOCH) for name in ("b.zip", "a.tar.gz")]
    sums = write_sums(made, tmp_path)
    assert [line.split()[1] for line in sums.read_text().splitlines()] == ["a.tar.gz", "b.zip"]
    check = ["sha256sum", "--check", "--strict", SUMS]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 0
    made[0].write_bytes(made[0].read_bytes() + b"x")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 1


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
