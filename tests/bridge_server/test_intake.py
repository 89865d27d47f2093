"""Transfers on disk."""

import errno
import os
import shutil
from collections import namedtuple
from pathlib import Path
from uuid import UUID

import pytest

from bridge_server.errors import TransferError
from bridge_server.intake import SYNCED, FileShelf, keep
from bridge_server.protocol.transfer import tiff_header
from tests.bridge_server.protocol.conftest import begin


def test_raw_rows_are_kept_behind_a_tiff_header(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path / "in")
    announced = begin()
    shelf.open(announced)
    shelf.append(announced.transfer, memoryview(b"abcdef"))
    shelf.append(announced.transfer, memoryview(b"ghijkl"))
    shelf.finish(announced.transfer)
    assert shelf.path(announced.transfer).read_bytes() == tiff_header(announced) + b"abcdefghijkl"


def test_a_large_transfer_is_put_on_the_disk_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
    shelf = FileShelf(tmp_path / "in")
    announced = begin(kind="png")
    shelf.open(announced)
    for _ in range(20):
        shelf.append(announced.transfer, memoryview(bytes(1 << 20)))
    shelf.finish(announced.transfer)
    assert sizes == [SYNCED, 2 * SYNCED, 20 << 20]


def test_what_is_discarded_leaves_no_file_and_at_last_no_folder(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path / "in")
    first, second = begin(), begin(kind="png")
    for announced in (first, second):
        shelf.open(announced)
    shelf.discard(first.transfer)
    assert [path.suffix for path in (tmp_path / "in").iterdir()] == [".png"]
    shelf.discard(second.transfer)
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_would_fill_the_disk_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 99, 1))
    with pytest.raises(TransferError) as caught:
        FileShelf(tmp_path).open(begin())
    assert (caught.value.code, caught.value.retryable) == ("transfer.disk_full", True)


def test_a_disk_that_fills_up_meanwhile_is_said_so(tmp_path: Path) -> None:
    class Full:
        def write(self, data: memoryview) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shelf = FileShelf(tmp_path)
    announced = begin()
    shelf._open[announced.transfer] = Full()  # type: ignore[assignment]  # only write is called
    with pytest.raises(TransferError) as caught:
        shelf.append(announced.transfer, memoryview(b"x"))
    assert caught.value.code == "transfer.disk_full"


def test_a_job_keeps_its_own_copy(tmp_path: Path) -> None:
    file = tmp_path / "image.png"
    file.write_bytes(b"pixels")
    kept = keep(file, tmp_path, "copy.png")
    file.unlink()
    assert kept.name == "copy.png"
    assert kept.read_bytes() == b"pixels"


def test_a_disk_that_fills_up_at_the_first_byte_leaves_no_transfer_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(shelf: FileShelf, transfer: UUID, data: memoryview) -> None:
        raise TransferError.disk_full()

    monkeypatch.setattr(FileShelf, "append", full)
    shelf = FileShelf(tmp_path / "in")
    with pytest.raises(TransferError) as caught:
        shelf.open(begin())
    assert caught.value.code == "transfer.disk_full"
    assert list(tmp_path.iterdir()) == []
    assert (shelf._open, shelf._paths) == ({}, {})


def test_what_cannot_be_removed_is_forgotten_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, announced = FileShelf(tmp_path / "in"), begin()
    shelf.open(announced)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", refuse)
    shelf.discard(announced.transfer)
    assert (shelf._open, shelf._paths) == ({}, {})
