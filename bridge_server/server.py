"""The service: the pure session and job book, between `websockets` and the engine process. Loopback only."""

import asyncio
import contextlib
import http
import importlib.metadata
import logging
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from pydantic import ValidationError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bridge_server.desktop.instance import Instance, announce, withdraw
from bridge_server.desktop.paths import Places, private_folder
from bridge_server.errors import BridgeError, ServiceError, TransferError, WorkerError
from bridge_server.intake import FileShelf
from bridge_server.jobs import JobBook, Runner
from bridge_server.outbox import Outbox, OverflowingError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.proof import NONCE
from bridge_server.protocol.session import Bridge, Close, JobEvent, Outgoing, Question, Session
from bridge_server.protocol.transfer import Header, Kind
from bridge_server.security import ClipGrants, host_allowed, origin_allowed, pairing_token
from bridge_server.worker import PATIENCE, EngineProcess, Patience

log = logging.getLogger("videoshop.bridge")

PORTS = (47821, 47822, 47823, 47824)
"""Tried in this order; a client that finds no discovery file tries the same ones."""

PATH = "/bridge"
CONNECTIONS = 128
CLOSE_SECONDS = 1.0

_Answer = Callable[[Question], Awaitable[m.ServerMessage | BridgeError]]


class BridgeServer:
    """The service while it runs: `async with BridgeServer(places) as server`.

    `ports` are tried in order, 0 takes any free one. `origins` are pages that may connect, compared exactly; programs
    send no Origin. `engine` and `patience` are those of EngineProcess.
    """

    def __init__(
        self,
        places: Places,
        *,
        ports: Sequence[int] = PORTS,
        origins: Collection[str] = (),
        engine: Sequence[str] | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self.places = places
        self.instance = uuid4()
        self._ports, self._origins = tuple(ports), frozenset(origins)
        self._token = b""
        self.port = 0
        self._listeners: list[Server] = []
        self._connections: set[_Connection] = set()
        self._jobs_engine = EngineProcess(engine, patience)
        self._questions_engine = EngineProcess(engine, patience)
        self.book = JobBook(places.jobs, time.time, self._tell)
        self._runner = Runner(self.book, self._jobs_engine, self._show)
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, announce, and run jobs. Raises ServiceError."""
        self._token = pairing_token(self.places.token)
        private_folder(self.places.data)
        self.port, sockets = listen(self._ports)
        for listening in sockets:
            self._listeners.append(
                await serve(
                    self._connected,
                    sock=listening,
                    process_request=self._admit,
                    compression=None,
                    max_size=limits.MESSAGE,
                    max_queue=4,
                    open_timeout=limits.IDENTIFY_SECONDS,
                    close_timeout=CLOSE_SECONDS,
                    server_header=None,
                    logger=logging.getLogger("videoshop.websockets"),
                )
            )
        self._running = asyncio.create_task(self._runner.run(), name="jobs")
        found = Instance(
            port=self.port, protocol=limits.PROTOCOL, instance=self.instance, pid=os.getpid(), version=version()
        )
        announce(self.places.discovery, found)
        log.info("listening on port %d", self.port)

    async def stop(self) -> None:
        """Close every connection (1001), end the engine, take the announcement back."""
        withdraw(self.places.discovery, self.instance)
        leaving = [connection.hang_up(CloseCode.GOING_AWAY, "the bridge ends") for connection in self._connections]
        await asyncio.gather(*leaving)
        for listener in self._listeners:
            listener.close()
        for listener in self._listeners:
            await listener.wait_closed()
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        await asyncio.gather(self._jobs_engine.close(), self._questions_engine.close())
        shutil.rmtree(self._incoming, ignore_errors=True)

    async def wait(self) -> None:
        """Wait as long as the service runs."""
        if self._running is not None:
            await self._running

    @property
    def _incoming(self) -> Path:
        return self.places.incoming / str(self.instance)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse what does not come from a program of this machine, before the upgrade."""
        headers = request.headers
        if not host_allowed(headers.get_all("Host"), self.port):
            return connection.respond(http.HTTPStatus.FORBIDDEN, "Host not allowed.\n")
        if not origin_allowed(headers.get_all("Origin"), self._origins):
            return connection.respond(http.HTTPStatus.FORBIDDEN, "Origin not allowed.\n")
        if request.path != PATH:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Nothing here.\n")
        if len(self._connections) >= CONNECTIONS:
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections.\n")
        return None

    async def _connected(self, socket: ServerConnection) -> None:
        id = uuid4()
        session = Session(
            Bridge(self.instance, version(), self._token, self.port),
            id,
            secrets.token_bytes(NONCE),
            jobs=self.book,
            grants=ClipGrants(forbidden=(self.places.config,)),
            shelf=FileShelf(self._incoming / str(id)),
        )
        connection = _Connection(socket, session, self._answer)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)
            log.info("client %s gone", session.host or "without name")

    def _tell(self, event: JobEvent) -> None:
        for connection in tuple(self._connections):
            connection.act(connection.session.notify(event))

    def _show(self, job: UUID, frame: int, jpeg: Path) -> None:
        watching = [connection for connection in self._connections if connection.session.watches(job)]
        if not watching:
            return
        try:
            with jpeg.open("rb") as file:
                picture = file.read(limits.CHUNK + 1)
        except OSError:  # replaced or removed meanwhile: the next one will come
            return
        if 0 < len(picture) <= limits.CHUNK:
            message = Header(Kind.PREVIEW, job, frame, 0).pack() + picture
            for connection in watching:
                connection.show(job, message)

    async def _answer(self, question: Question) -> m.ServerMessage | BridgeError:
        arguments: dict[str, object] = {"clip": str(question.clip)}
        try:
            match question.do:
                case "probe":
                    info = await self._questions_engine.ask("probe", arguments)
                    return m.ClipInfo(grant=question.grant, **info)
                case "frame":
                    folder = private_folder(self.places.frames / str(question.grant))
                    output = folder / f"{question.clip.stem}_{question.frame:06d}.png"
                    arguments |= {"frame": question.frame, "output": str(output)}
                    written = await self._questions_engine.ask("frame", arguments)
                    return m.ClipFrameWritten(grant=question.grant, frame=written["frame"], path=written["output"])
                case "locate":
                    arguments |= {"edited": str(question.edited)}
                    found = await self._questions_engine.ask("locate", arguments)
                    return m.Located(grant=question.grant, frame=found["frame"], confidence=found["confidence"])
        except WorkerError as error:
            return error
        except OSError as error:
            return TransferError.not_kept(error.strerror or "the disk refused")
        except (KeyError, ValidationError):
            return WorkerError.misunderstood(question.do)


class _Connection:
    """One client's socket: its session's outgoing things go through the outbox, its questions to the engine."""

    def __init__(self, socket: ServerConnection, session: Session, answer: _Answer) -> None:
        self._socket, self.session, self._answer = socket, session, answer
        self._outbox = Outbox()
        self._ready = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sender: asyncio.Task[None] | None = None
        self._closing = False
        self._letting_go: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        self._sender = asyncio.create_task(self._send())
        try:
            self.act(self.session.open())
            with contextlib.suppress(ConnectionClosed):
                await self._receive()
        finally:
            self.session.close()
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
                if not self._closing:
                    self._sender.cancel()
                await asyncio.wait_for(self._sender, 2 * CLOSE_SECONDS)

    async def _receive(self) -> None:
        try:
            async with asyncio.timeout(limits.IDENTIFY_SECONDS):
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
                    task = asyncio.create_task(self._ask(item))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                case Close():
                    log.info("closing a connection: %d %s", item.code, item.reason)
                    self._closing = True
                    self._put(item, None)
                case m.JobProgress():
                    self._put(m.encode(item), ("progress", item.job))
                case _:
                    if isinstance(item, m.Error):
                        log.info("%s %s", item.ref, item.code)
                    self._put(m.encode(item), None)

    def show(self, job: UUID, preview: bytes) -> None:
        self._put(preview, ("preview", job))

    def _put(self, item: str | bytes | Close, key: tuple[str, UUID] | None) -> None:
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
                    await self.hang_up(item.code, item.reason)
                    return
                await self._socket.send(item)

    async def _ask(self, question: Question) -> None:
        self.act(self.session.answer(question, await self._answer(question)))


def listen(ports: Sequence[int]) -> tuple[int, list[socket.socket]]:
    """The first port that is free on every loopback address of this machine, and its sockets. Raises ServiceError."""
    for port in ports:
        sockets: list[socket.socket] = []
        try:
            sockets.append(_listening(socket.AF_INET, "127.0.0.1", port))
            bound: int = sockets[0].getsockname()[1]
            if _has_ipv6():
                sockets.append(_listening(socket.AF_INET6, "::1", bound))
            return bound, sockets
        except OSError:
            for opened in sockets:
                opened.close()
    raise ServiceError.ports_taken(ports)


_SEND_BUFFER = 256 << 10
"""Bytes that the system holds for a client that does not read; what waits beyond them is in its outbox."""


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listening.bind((address, port))
        listening.listen(64)
    except OSError:
        listening.close()
        raise
    return listening


def _has_ipv6() -> bool:
    """Whether this machine has the address ::1; `localhost` may mean it."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def version() -> str:
    """The installed version of Videoshop Bridge."""
    return importlib.metadata.version("videoshop-bridge")
