"""Transfers on disk: the bytes of each go to one image file as they come, and are never decoded here."""

import contextlib
import errno
import os
import shutil
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from bridge_server.desktop.paths import private_folder
from bridge_server.errors import TransferError
from bridge_server.protocol.messages import ClipBegin, TransferBegin
from bridge_server.protocol.transfer import tiff_header
from bridge_server.security import clip_name

RESERVE = 256 << 20
"""Bytes of disk that a transfer must leave free."""

SYNCED = 8 << 20
"""So many bytes are put on the disk at once: a whole frame in the end would keep every client waiting."""


class FileShelf:
    """The transfers of one connection, each a file in its folder: a PNG as it came, raw rows behind a TIFF header, a
    clip under its own name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[UUID, BinaryIO] = {}
        self._paths: dict[UUID, Path] = {}

    def open(self, begin: TransferBegin | ClipBegin) -> None:
        try:
            private_folder(self._folder)
            if shutil.disk_usage(self._folder).free < begin.size + RESERVE:
                raise TransferError.disk_full()
            path = self._place(begin)
            self._open[begin.transfer] = path.open("wb", buffering=0)
            self._paths[begin.transfer] = path
        except OSError as error:
            raise _fault(error) from None
        if isinstance(begin, TransferBegin) and begin.kind == "raw":
            try:
                self.append(begin.transfer, memoryview(tiff_header(begin)))
            except TransferError:
                self.discard(begin.transfer)
                raise

    def _place(self, begin: TransferBegin | ClipBegin) -> Path:
        if isinstance(begin, TransferBegin):
            return self._folder / f"{begin.transfer}{'.png' if begin.kind == 'png' else '.tif'}"
        return private_folder(self._folder / str(begin.transfer)) / clip_name(begin.name)

    def append(self, transfer: UUID, data: memoryview) -> None:
        try:
            file, size = self._open[transfer], len(data)
            while data:
                data = data[file.write(data) :]
            end = file.tell()
            if (end - size) // SYNCED < end // SYNCED:
                os.fsync(file.fileno())
        except OSError as error:
            raise _fault(error) from None

    def finish(self, transfer: UUID) -> None:
        try:
            with self._open.pop(transfer) as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise _fault(error) from None

    def discard(self, transfer: UUID) -> None:
        file = self._open.pop(transfer, None)
        path = self._paths.pop(transfer, None)
        with contextlib.suppress(OSError):  # what cannot be removed now is cleared away when the service ends or starts
            if file is not None:
                file.close()
            if path is not None:
                path.unlink(missing_ok=True)
                if path.parent != self._folder:
                    path.parent.rmdir()
            if not self._paths and self._folder.is_dir():
                self._folder.rmdir()

    def path(self, transfer: UUID) -> Path:
        return self._paths[transfer]


def keep(file: Path, folder: Path, name: str) -> Path:
    """A job's own copy of a transfer: the same bytes on disk where the system can link, else copied."""
    kept = folder / name
    try:
        os.link(file, kept)
    except OSError:
        shutil.copyfile(file, kept)
    return kept


_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def _fault(error: OSError) -> TransferError:
    if error.errno in _FULL:
        return TransferError.disk_full()
    return TransferError.not_kept(error.strerror or "the disk refused")
