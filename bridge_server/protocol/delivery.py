"""Files on their way to a client, in chunks that wait for acknowledgement (PROTOCOL.md, “From the bridge”)."""

import hashlib
from pathlib import Path
from typing import Protocol
from uuid import UUID

from bridge_server.errors import TransferError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.transfer import Header, Kind


class Reading(Protocol):
    """An open file. `read` raises TransferError when fewer bytes are left than asked for."""

    name: str
    size: int

    def read(self, size: int) -> bytes: ...
    def close(self) -> None: ...


class Library(Protocol):
    """The files that this connection may fetch. Raises TransferError, JobError."""

    def open(self, source: m.JobFile | m.ClipFile, offset: int) -> Reading: ...
    def find(self, source: m.JobFile) -> Path:
        """Where a file of a job is."""
        ...


class Delivery:
    """One file on its way out. Nothing of it is in memory but the piece that is being sent."""

    def __init__(self, transfer: UUID, reading: Reading, offset: int) -> None:
        self.transfer, self.reading = transfer, reading
        self._sent = self._had = offset
        self._sha256 = hashlib.sha256()
        self._count = 0
        self.asked = False
        """Whether the shell was told that there is something to send, and has not come for it yet."""

    @property
    def ready(self) -> bool:
        """Whether there is a chunk to send, and the client has room for it."""
        return self._sent < self.reading.size and self._sent - self._had < limits.CREDIT * limits.PIECE

    @property
    def finished(self) -> bool:
        return self._sent == self.reading.size

    def next(self) -> bytes:
        """The next chunk with its header. Raises TransferError."""
        data = self.reading.read(min(limits.PIECE, self.reading.size - self._sent))
        header = Header(Kind.CHUNK, self.transfer, self._count, self._sent).pack()
        self._sha256.update(data)
        self._sent += len(data)
        self._count += 1
        return header + data

    def have(self, offset: int) -> None:
        """The client has the bytes before `offset`. Raises TransferError when they were not sent."""
        if offset > self._sent:
            raise TransferError.out_of_order(offset, self._sent)
        self._had = max(self._had, offset)

    def end(self) -> m.TransferSent:
        return m.TransferSent(transfer=self.transfer, size=self.reading.size, sha256=self._sha256.hexdigest())


class Deliveries:
    """The fetches of one connection."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._under_way: dict[UUID, Delivery] = {}

    def fetch(self, asked: m.TransferFetch) -> Delivery:
        """Open what a client asked for; the same fetch again begins again. Raises TransferError, JobError."""
        self.stop(asked.transfer)
        if len(self._under_way) >= limits.TRANSFERS:
            raise TransferError.too_many(limits.TRANSFERS)
        reading = self._library.open(asked.source, asked.offset)
        delivery = self._under_way[asked.transfer] = Delivery(asked.transfer, reading, asked.offset)
        return delivery

    def find(self, transfer: UUID) -> Delivery | None:
        return self._under_way.get(transfer)

    def stop(self, transfer: UUID) -> bool:
        """Forget a fetch; whether there was one."""
        delivery = self._under_way.pop(transfer, None)
        if delivery is None:
            return False
        delivery.reading.close()
        return True

    def close(self) -> None:
        for transfer in tuple(self._under_way):
            self.stop(transfer)
