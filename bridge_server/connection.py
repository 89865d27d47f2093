"""One client's socket: what its session says goes out through the outbox, its questions go to the engine."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Hashable, Iterable
from typing import Protocol
from uuid import UUID

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from bridge_server.errors import BridgeError
from bridge_server.outbox import Item, Outbox, OverflowingError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.ports import Arrange, Close, Deliver, End, Look, Outgoing, Question, Release
from bridge_server.protocol.session import Session
from bridge_server.protocol.transfer import Header, Kind
from bridge_server.runner import Preview

log = logging.getLogger("videoshop.bridge")

CLOSE_SECONDS = 1.0
"""How long a client may take to answer that the connection is closed."""


class Service(Protocol):
    """What a connection needs of the service around it."""

    async def answer(self, question: Question) -> m.ServerMessage | BridgeError: ...
    async def arrange(self, arrange: Arrange) -> m.ServerMessage | BridgeError: ...
    async def release(self) -> None: ...
    def end(self) -> None: ...
    def latest(self) -> Preview | None: ...


class Connection:
    """A client's socket, from the upgrade to the close."""

    def __init__(self, socket: ServerConnection, session: Session, service: Service) -> None:
        self._socket, self.session, self._service = socket, session, service
        self._outbox = Outbox()
        self._ready = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sender: asyncio.Task[None] | None = None
        self._closing: Close | None = None
        self._letting_go: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        self._sender = asyncio.create_task(self._send())
        try:
            self.act(self.session.open())
            with contextlib.suppress(ConnectionClosed):
                await self._receive()
        finally:
            self.session.closed = True
            if self._closing is None:
                self._sender.cancel()  # before its files are closed elsewhere
            await asyncio.to_thread(self.session.close)  # there may be gigabytes to remove
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._last_words()

    async def _last_words(self) -> None:
        """Let the reason of our closing go out; of what else waits, nobody reads it any more."""
        with contextlib.suppress(TimeoutError, ConnectionClosed, asyncio.CancelledError):
            if self._letting_go is not None:
                await self._letting_go
            elif self._sender is not None:
                after = self._closing.after if self._closing is not None else 0.0
                await asyncio.wait_for(self._sender, after + 2 * CLOSE_SECONDS)

    async def _receive(self) -> None:
        try:
            async with asyncio.timeout(limits.IDENTIFY_SECONDS):
                while not (self.session.identified or self.session.closed):
                    self._take(await self._socket.recv())
        except TimeoutError:
            self.act(self.session.overdue())
        while not self.session.closed:
            self._take(await self._socket.recv())
            await asyncio.sleep(0)  # a client whose messages are here already must not keep the others waiting

    def _take(self, message: str | bytes) -> None:
        self.act(self.session.receive(message))

    def act(self, outgoing: Iterable[Outgoing]) -> None:
        """Do what the session says."""
        for item in outgoing:
            match item:
                case Question():
                    self._begin(self._ask(item))
                case Arrange():
                    self._begin(self._arrange(item))
                case Release():
                    self._begin(self._service.release())
                case End():
                    self._service.end()
                case Look():
                    latest = self._service.latest()
                    if latest is not None and item.job in (None, latest.job):
                        self.show(latest)
                case Deliver():
                    self._put(item, None)
                case Close():
                    log.info("closing a connection: %d %s", item.code, item.reason)
                    self._closing = item
                    self._put(item, None)
                case m.SetupState() if item.re is None:
                    self._put(m.encode(item), "setup")
                case m.JobProgress():
                    self._put(m.encode(item), ("progress", item.job))
                case _:
                    if isinstance(item, m.Error):
                        log.info("%s %s", item.ref, item.code, extra={"ref": item.ref})
                    self._put(m.encode(item), None)

    def show(self, preview: Preview) -> None:
        message = Header(Kind.PREVIEW, preview.job, preview.frame, 0).pack() + preview.jpeg
        self._put(message, ("preview", preview.job))

    def close_stranger(self) -> None:
        """Others who did not identify themselves want to be heard too."""
        self.act(self.session.overdue())
        self._socket.transport.abort()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _put(self, item: Item, key: Hashable) -> None:
        if self._letting_go is not None:
            return
        try:
            self._outbox.put(item, key)
        except OverflowingError:
            self._overflow()
        self._ready.set()

    def _overflow(self) -> None:
        """The client reads too slowly: let go of it, and of what waits for it."""
        log.info("closing a connection: %d too slow", CloseCode.TOO_SLOW)
        self._outbox.clear()
        self.session.close()
        if self._sender is not None:
            self._sender.cancel()
        self._letting_go = asyncio.create_task(self.hang_up(CloseCode.TOO_SLOW, "the client reads too slowly"))

    async def hang_up(self, code: CloseCode, reason: str) -> None:
        """Close the socket, and cut it if the client does not take even that."""
        try:
            await asyncio.wait_for(self._socket.close(code, reason), CLOSE_SECONDS)
        except TimeoutError:
            self._socket.transport.abort()

    async def _send(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            while (item := self._outbox.take()) is not None:
                if isinstance(item, Close):
                    with contextlib.suppress(TimeoutError):  # a client that is gone holds its place no longer
                        await asyncio.wait_for(self._socket.wait_closed(), item.after)
                    await self.hang_up(item.code, item.reason)
                    return
                if isinstance(item, Deliver):
                    await self._deliver(item.transfer)
                else:
                    await self._socket.send(item)

    async def _deliver(self, transfer: UUID) -> None:
        """Send the next chunk of a fetched file, now that there is room; what follows it waits its turn."""
        for item in self.session.next_of(transfer):
            if isinstance(item, bytes):
                await self._socket.send(item)
            else:
                self.act([item])

    async def _ask(self, question: Question) -> None:
        self.act(self.session.answer(question, await self._service.answer(question)))

    async def _arrange(self, arrange: Arrange) -> None:
        self.act(self.session.answer(arrange, await self._service.arrange(arrange)))
