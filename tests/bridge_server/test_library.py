"""Files on their way out."""

import os
from pathlib import Path

import pytest

from bridge_server.errors import TransferError
from bridge_server.library import OpenFile


def code(act: object) -> str:
    assert callable(act)
    with pytest.raises(TransferError) as caught:
        act()
    assert caught.value.hint
    return caught.value.code


def test_a_file_is_read_piece_by_piece_from_an_offset_on(tmp_path: Path) -> None:
    path = tmp_path / "flat.mp4"
    path.write_bytes(bytes(range(200)))
    file = OpenFile(path, 50)
    assert (file.name, file.size) == ("flat.mp4", 200)
    assert file.read(100) + file.read(50) == bytes(range(50, 200))
    assert code(lambda: file.read(1)) == "transfer.lost"
    file.close()


def test_an_empty_file_and_the_very_end_of_one_have_nothing_to_read(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"")
    assert OpenFile(path, 0).size == 0
    path.write_bytes(b"abc")
    assert OpenFile(path, 3).read(0) == b""
    assert code(lambda: OpenFile(path, 4)) == "transfer.out_of_order"


def test_what_is_no_ordinary_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("folder", "pipe", "link", "gone"):
        assert code(lambda name=name: OpenFile(tmp_path / name, 0)) == "transfer.no_file"


def test_a_file_that_is_replaced_while_it_is_sent_is_sent_as_it_was(tmp_path: Path) -> None:
    path, other = tmp_path / "flat.mp4", tmp_path / "other"
    path.write_bytes(b"old" * 100)
    other.write_bytes(b"new" * 100)
    file = OpenFile(path, 0)
    other.replace(path)
    assert file.read(300) == b"old" * 100
    file.close()
