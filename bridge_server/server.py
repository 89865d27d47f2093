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
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID, uuid4

from pydantic import ValidationError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from bridge_server.arrival import arriving
from bridge_server.connection import CLOSE_SECONDS, Connection
from bridge_server.desktop.instance import Instance, announce, withdraw
from bridge_server.desktop.paths import Places, private_folder
from bridge_server.errors import BridgeError, JobError, ServiceError, TransferError, WorkerError
from bridge_server.intake import FileShelf
from bridge_server.jobs import JobBook
from bridge_server.library import FileLibrary
from bridge_server.listening import listen
from bridge_server.pages import answer, pages, refusal
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.pairing import Door
from bridge_server.protocol.ports import Arrange, Bridge, News, Question
from bridge_server.protocol.proof import NONCE
from bridge_server.protocol.session import Session
from bridge_server.records import request_of
from bridge_server.retention import RETENTION, Retention, keep_tidy
from bridge_server.runner import Preview, Runner
from bridge_server.security import ClipGrants, host_allowed, origin_allowed, pairing_token
from bridge_server.store import Journal
from bridge_server.worker import PATIENCE, EngineProcess, Patience

if TYPE_CHECKING:  # loaded when somebody asks: an idle service stays small
    from bridge_server.setup import Setup

log = logging.getLogger("videoshop.bridge")

PORTS = (47821, 47822, 47823, 47824)
"""Tried in this order; a client that finds no discovery file tries the same ones."""

PATH = "/bridge"

QUESTION_SECONDS = 120.0
"""A clip that cannot be probed, or a frame that cannot be found, in this time is given up."""
QUESTION_MEMORY = 4 << 30
"""Bytes that an engine process may take which only answers questions about clips: they may be hostile."""


class BridgeServer:
    """The service while it runs: `async with BridgeServer(places) as server`.

    `ports` are tried in order, 0 takes any free one. `origins` are pages that may connect, compared exactly; programs
    send no Origin. `engine` and `patience` are those of EngineProcess, `setup_step` is Setup's command.
    """

    def __init__(
        self,
        places: Places,
        *,
        ports: Sequence[int] = PORTS,
        origins: Collection[str] = (),
        engine: Sequence[str] | None = None,
        patience: Patience = PATIENCE,
        retention: Retention = RETENTION,
        setup_step: Sequence[str] | None = None,
    ) -> None:
        self.places = places
        self.instance = uuid4()
        self.port = 0
        self._ports, self._configured = tuple(ports), frozenset(origins)
        self._origins: frozenset[str] = frozenset()
        self._door = Door(time.monotonic)
        self._pages = pages()
        self._bridge = Bridge(self.instance, version(), b"", 0, self._door)
        self._listeners: list[Server] = []
        self._arriving = arriving(limits.ARRIVING)
        self._connections: dict[Connection, None] = {}
        self._jobs_engine = EngineProcess(engine, patience)
        self._questions_engine = EngineProcess(engine, patience, hard_memory=QUESTION_MEMORY)
        self._retention = retention
        self._setup_step = setup_step
        self._setup: Setup | None = None
        self._journal: Journal | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._clearing: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Take up the jobs, listen, announce, and run jobs. Raises ServiceError."""
        token = pairing_token(self.places.token)
        self._journal = Journal(self.places.journal)
        await asyncio.to_thread(shutil.rmtree, self.places.incoming, ignore_errors=True)
        try:
            self.book = JobBook(self.places.jobs, self._journal, self._tell, clock=time.time, ticks=time.monotonic)
            self.book.clear = self._clear
            self._runner = Runner(self.book, self._jobs_engine, self._show)
            self.book.recover()
            self.port, sockets = listen(self._ports)
        except BaseException:
            self._journal.close()
            raise
        self._origins = self._configured | own_origins(self.port)
        self._bridge = replace(self._bridge, token=token, port=self.port)
        for listening in sockets:
            self._listeners.append(await self._serve(listening))
        self._tasks = [
            asyncio.create_task(self._runner.run(), name="jobs"),
            asyncio.create_task(keep_tidy(self.book, self.places, self._retention), name="tidy"),
        ]
        found = Instance(
            port=self.port, protocol=limits.PROTOCOL, instance=self.instance, pid=os.getpid(), version=version()
        )
        try:
            announce(self.places.discovery, found)
        except OSError as error:
            await self.stop()
            raise ServiceError.not_announced(self.places.discovery, error.strerror or "the disk refused") from None
        log.info("listening on port %d", self.port)

    async def _serve(self, listening: socket.socket) -> Server:
        return await serve(
            self._connected,
            sock=listening,
            process_request=self._admit,
            create_connection=self._arriving,
            compression=None,
            max_size=limits.MESSAGE,
            max_queue=4,
            open_timeout=limits.IDENTIFY_SECONDS,
            close_timeout=CLOSE_SECONDS,
            server_header=None,
            logger=logging.getLogger("videoshop.websockets"),
        )

    async def stop(self) -> None:
        """Close every connection (1001), end the engine, keep the running job, take the announcement back."""
        if self._journal is None:
            return
        withdraw(self.places.discovery, self.instance)
        leaving = [connection.hang_up(CloseCode.GOING_AWAY, "the bridge ends") for connection in self._connections]
        await asyncio.gather(*leaving)
        for listener in self._listeners:
            listener.close()
        for listener in self._listeners:
            await listener.wait_closed()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._clearing, return_exceptions=True)
        with contextlib.suppress(JobError):  # not written: the next start finds the job as after a crash
            self.book.interrupt()
        await asyncio.gather(self._jobs_engine.close(), self._questions_engine.close())
        if self._setup is not None:
            await self._setup.close()
        self._journal.close()
        self._journal = None
        await asyncio.to_thread(shutil.rmtree, self._incoming, ignore_errors=True)

    async def wait(self) -> None:
        """Wait as long as the service runs: until a client ends it, or a fault of its own."""
        ending = asyncio.create_task(self._ending.wait(), name="ending")
        try:
            done, _ = await asyncio.wait((ending, *self._tasks), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
        for task in done:
            task.result()

    @property
    def _incoming(self) -> Path:
        return self.places.incoming / str(self.instance)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse what does not come from a program of this machine, before the upgrade."""
        headers = request.headers
        if not host_allowed(headers.get_all("Host"), self.port):
            return refusal(http.HTTPStatus.FORBIDDEN, "Host not allowed.")
        if not origin_allowed(headers.get_all("Origin"), self._origins):
            return refusal(http.HTTPStatus.FORBIDDEN, "Origin not allowed.")
        page = answer(request, self._pages)
        if page is not None:
            return page
        if request.path != PATH:
            return refusal(http.HTTPStatus.NOT_FOUND, "Nothing here.")
        if len(self._connections) >= limits.CONNECTIONS:
            return refusal(http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections.")
        return None

    async def _connected(self, socket: ServerConnection) -> None:
        id = uuid4()
        grants = ClipGrants(forbidden=(self.places.config, self.places.journal))
        session = Session(
            self._bridge,
            id,
            secrets.token_bytes(NONCE),
            jobs=self.book,
            grants=grants,
            shelf=FileShelf(self._incoming / str(id)),
            library=FileLibrary(self.book, grants, self._frame),
        )
        connection = Connection(socket, session, self)
        self._make_room()
        self._connections[connection] = None
        try:
            await connection.serve()
        finally:
            self._connections.pop(connection, None)
            log.info("client %s gone", session.host or "without name")

    def _make_room(self) -> None:
        """Close the oldest of too many that did not identify themselves: they must not keep the others out."""
        strangers = [connection for connection in self._connections if not connection.session.identified]
        if len(strangers) >= limits.STRANGERS:
            del self._connections[strangers[0]]
            strangers[0].close_stranger()

    def _clear(self, folder: Path) -> None:
        """Delete a folder while the service goes on; what is not finished the next start finishes."""
        clearing = asyncio.create_task(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
        self._clearing.add(clearing)
        clearing.add_done_callback(self._clearing.discard)

    def _tell(self, news: News) -> None:
        for connection in tuple(self._connections):
            connection.act(connection.session.notify(news))

    def _show(self, preview: Preview) -> None:
        for connection in tuple(self._connections):
            if connection.session.watches(preview.job):
                connection.show(preview)

    # What connections ask

    def latest(self) -> Preview | None:
        return self._runner.latest

    async def release(self) -> None:
        """End engine processes that do nothing."""
        await asyncio.gather(self._jobs_engine.release(), self._questions_engine.release())

    def end(self) -> None:
        """Let `wait` return."""
        log.info("ended by a client")
        self._ending.set()

    async def arrange(self, arrange: Arrange) -> m.ServerMessage | BridgeError:
        if self._setup is None:
            from bridge_server.setup import Setup

            self._setup = Setup(self._tell, self._let_in, self.release, self._setup_step)
        return await self._setup.answer(arrange)

    def _let_in(self) -> None:
        """Let pages in that the settings allow by now."""
        from bridge_server.desktop import settings

        self._origins |= frozenset(settings.load(self.places).origins)

    async def answer(self, question: Question) -> m.ServerMessage | BridgeError:
        try:
            match question.do:
                case "probe":
                    info = await self._ask("probe", question)
                    return m.ClipInfo(grant=question.grant, **info)
                case "frame":
                    index = question.frame or 0
                    output = self._frame(question.grant, question.clip, index, question.small)
                    private_folder(output.parent)
                    written = await self._ask("frame", question, frame=index, output=str(output), small=question.small)
                    return m.ClipFrameWritten(grant=question.grant, frame=written["frame"], path=written["output"])
                case "locate":
                    found = await self._ask("locate", question, edited=str(question.edited))
                    return m.Located(grant=question.grant, frame=found["frame"], confidence=found["confidence"])
                case "estimate":
                    return m.JobEstimated(**await self._estimate(question))
        except WorkerError as error:
            return error
        except OSError as error:
            return TransferError.not_kept(error.strerror or "the disk refused")
        except (KeyError, TypeError, ValidationError):
            return WorkerError.misunderstood(question.do)

    async def _ask(self, do: str, question: Question, **more: object) -> m.JsonObject:
        arguments = {"clip": str(question.clip), **more}
        return await self._questions_engine.ask(do, arguments, seconds=QUESTION_SECONDS)

    async def _estimate(self, question: Question) -> m.JsonObject:
        if question.params is None:
            raise TypeError("an estimate is asked for parameters")
        request = request_of(question.params, question.clip, question.files, self._incoming)
        asked = {"request": request.model_dump(mode="json")}
        told = await self._questions_engine.ask("estimate", asked, seconds=QUESTION_SECONDS)
        return {**told, "keyframes": tuple(told["keyframes"])}

    def _frame(self, grant: UUID, clip: Path, index: int, small: bool) -> Path:
        """Where a frame of a granted clip is written. A small one is forgotten when the service ends."""
        if small:
            return self._incoming / "frames" / f"{grant}_{index:06d}.jpg"
        return self.places.frames / str(grant) / f"{clip.stem}_{index:06d}.png"


def own_origins(port: int) -> frozenset[str]:
    """The origins of the service's own pages."""
    return frozenset(f"http://{host}:{port}" for host in ("localhost", "127.0.0.1", "[::1]"))


def version() -> str:
    """The installed version of Videoshop Bridge."""
    return importlib.metadata.version("videoshop-bridge")
