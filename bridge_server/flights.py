"""Transfers under way, seen from the client: how far ahead of the acknowledgements, and what came in."""

import asyncio
import hashlib
from typing import BinaryIO

from bridge_server.errors import BridgeError, TransferError
from bridge_server.protocol import messages as m


class Window:
    """How far a transfer may run ahead of what the bridge acknowledged."""

    def __init__(self, offset: int, credit: int) -> None:
        self._credit = credit
        self._waiting: list[int] = []
        self.error: BridgeError | None = None
        """What the bridge said first of the transfer; what it says of chunks that were on their way follows from it."""
        self._changed = asyncio.Event()

    def sent(self, end: int) -> None:
        self._waiting.append(end)

    def acknowledged(self, offset: int) -> None:
        self._waiting = [end for end in self._waiting if end > offset]
        self._changed.set()

    def fail(self, error: BridgeError) -> None:
        self.error = self.error or error
        self._changed.set()

    async def room(self) -> None:
        """Wait until one more chunk may be sent. Raises what the bridge said of the transfer."""
        while self.error is None and len(self._waiting) >= self._credit:
            self._changed.clear()
            await self._changed.wait()
        if self.error is not None:
            raise self.error


class Fetch:
    """A file that comes in: written as it comes, and done when its end has the sha256 of what came."""

    def __init__(self, sink: BinaryIO, offset: int) -> None:
        self.offset = offset
        self._sink = sink
        self._sha256 = hashlib.sha256()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, offset: int, data: memoryview) -> None:
        """The next piece. Raises TransferError when another was due."""
        if offset != self.offset:
            raise TransferError.out_of_order(offset, self.offset)
        self._sink.write(data)
        self._sha256.update(data)
        self.offset += len(data)

    def end(self, end: m.TransferSent) -> None:
        if self.done.done():
            return
        if self.offset != end.size:
            self.done.set_exception(TransferError.incomplete(self.offset, end.size))
        elif self._sha256.hexdigest() != end.sha256:
            self.done.set_exception(TransferError.corrupt())
        else:
            self.done.set_result(None)

    def fail(self, error: BridgeError) -> None:
        if not self.done.done():
            self.done.set_exception(error)
