"""The files that a client may fetch: results and thumbnails of jobs, and the frames that it asked for."""

import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from uuid import UUID

from bridge_server.errors import JobError, TransferError
from bridge_server.jobs import JobBook
from bridge_server.protocol import messages as m
from bridge_server.protocol.ports import Grants
from bridge_server.records import THUMBNAIL


class OpenFile:
    """A file on its way out, read piece by piece."""

    def __init__(self, path: Path, offset: int) -> None:
        self.name = path.name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise TransferError.no_file(path.name)
            self._file: BinaryIO = path.open("rb", buffering=0)
        except OSError:
            raise TransferError.no_file(path.name) from None
        self.size = self._file.seek(0, 2)
        if offset > self.size:
            self._file.close()
            raise TransferError.out_of_order(offset, self.size)
        self._file.seek(offset)

    def read(self, size: int) -> bytes:
        data = b""
        try:
            while len(data) < size and (piece := self._file.read(size - len(data))):
                data += piece
        except OSError as error:
            raise TransferError.lost(error.strerror or "the disk refused") from None
        if len(data) < size:
            raise TransferError.lost("it became shorter")
        return data

    def close(self) -> None:
        self._file.close()


class FileLibrary:
    """What one connection may fetch. `frame` says where a frame of a granted clip is written."""

    def __init__(self, book: JobBook, grants: Grants, frame: Callable[[UUID, Path, int, bool], Path]) -> None:
        self._book, self._grants, self._frame = book, grants, frame

    def open(self, source: m.JobFile | m.ClipFile, offset: int) -> OpenFile:
        if isinstance(source, m.ClipFile):
            clip = self._grants.resolve(source.grant)
            return OpenFile(self._frame(source.grant, clip, source.frame, source.small), offset)
        return OpenFile(self.find(source), offset)

    def find(self, source: m.JobFile) -> Path:
        """Only names of the result are taken, and names right inside its folders."""
        known = self._book.find(source.job)
        if known is None:
            raise JobError.unknown()
        _, snapshot = known
        if source.file == THUMBNAIL:
            return self._book.folder(source.job) / THUMBNAIL
        parts = PurePosixPath(source.file).parts
        plain = "\\" not in source.file and ":" not in source.file and ".." not in parts and source.file.isprintable()
        if snapshot.result is None or not plain or len(parts) not in (1, 2) or parts[0] not in snapshot.result.files:
            raise TransferError.no_file(source.file)
        folder = Path(snapshot.result.folder)
        if len(parts) == 2 and (folder / parts[0]).is_symlink():
            raise TransferError.no_file(source.file)
        return folder.joinpath(*parts)
