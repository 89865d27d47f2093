"""The Python client: what a host's plugin does, for the command line, the demo and every end-to-end test."""

import asyncio
import contextlib
import hashlib
import secrets
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from bridge_server.desktop.instance import discover
from bridge_server.desktop.paths import Places
from bridge_server.errors import BridgeError, MessageError, UnreachableError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.proof import NONCE, Role, proof, same
from bridge_server.protocol.transfer import PNG_CHANNELS, Header, Kind, parse
from bridge_server.security import pairing_token

_ROLES: tuple[Role, Role] = ("cli", "srv")
R = TypeVar("R", bound=m.ServerMessage)


@dataclass(frozen=True)
class Preview:
    """A JPEG of the newest finished frame of a job."""

    job: UUID
    frame: int
    jpeg: bytes


JobNews = m.JobState | m.JobProgress | Preview


class Client:
    """A connection to the bridge that both sides trust. Made by `Client.connect`, closed by `async with`.

    Every method raises BridgeError: what the bridge answers with `error`, or UnreachableError when it is gone.
    """

    def __init__(self, socket: ClientConnection, hello: m.Hello, identified: m.Identified) -> None:
        self._socket = socket
        self.hello, self.identified = hello, identified
        self._count = 0
        self._answers: dict[str, asyncio.Future[m.ServerMessage]] = {}
        self._windows: dict[UUID, _Window] = {}
        self._news: dict[UUID, asyncio.Queue[JobNews | BridgeError]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connect(
        cls, places: Places, *, port: int | None = None, token: bytes | None = None, host: str = "python"
    ) -> "Client":
        """Connect to the running bridge and pair by the token. Nothing is sent to a peer that cannot prove it too.

        `port` and `token` default to those of the discovery file and the token file. Raises UnreachableError.
        """
        if port is None:
            found = discover(places.discovery)
            if found is None:
                raise UnreachableError.not_running()
            port = found.port
        token = pairing_token(places.token) if token is None else token
        try:
            socket = await connect(
                f"ws://127.0.0.1:{port}/bridge", compression=None, max_size=limits.MESSAGE, proxy=None, max_queue=16
            )
        except (OSError, TimeoutError) as error:
            raise UnreachableError.no_answer(port, str(error) or type(error).__name__) from None
        except InvalidStatus as error:
            raise UnreachableError.no_answer(port, f"HTTP status {error.response.status_code}") from None
        except WebSocketException as error:
            raise UnreachableError.no_answer(port, str(error)) from None
        try:
            return cls(socket, *await _handshake(socket, port, token, host))
        except ConnectionClosed as error:
            raise _closed(error) from None
        except BaseException:
            await socket.close()
            raise

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._socket.close()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    # Asking

    async def ping(self) -> None:
        await self._ask(m.Ping(id=self._id()), m.Pong)

    async def grant(self, clip: Path) -> UUID:
        """Let the bridge read a clip."""
        return (await self._ask(m.GrantClip(id=self._id(), path=str(clip.absolute())), m.GrantGiven)).grant

    async def probe(self, grant: UUID) -> m.ClipInfo:
        return await self._ask(m.ClipProbe(id=self._id(), grant=grant), m.ClipInfo)

    async def frame(self, grant: UUID, frame: int) -> Path:
        """The PNG of one frame, to edit."""
        return Path((await self._ask(m.ClipFrame(id=self._id(), grant=grant, frame=frame), m.ClipFrameWritten)).path)

    async def locate(self, grant: UUID, edited: UUID) -> m.Located:
        """Which frame the image of a finished transfer is an edit of."""
        return await self._ask(m.Locate(id=self._id(), grant=grant, edited=edited), m.Located)

    async def upload_png(self, image: Path) -> UUID:
        """Send a PNG file; the transfer's id."""
        data = await asyncio.to_thread(image.read_bytes)
        if data[:8] != b"\x89PNG\r\n\x1a\n" or len(data) < 26:
            raise MessageError.malformed(f"“{image.name}” is no PNG file")
        width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
        return await self._upload("png", data, width, height, PNG_CHANNELS.get(colour, 3), max(bits, 8))

    async def upload_raw(self, rows: bytes | memoryview, width: int, height: int, channels: int, bits: int) -> UUID:
        """Send rows of interleaved gray, RGB or RGBA, 8-bit or 16-bit little-endian; the transfer's id."""
        return await self._upload("raw", rows, width, height, channels, bits)

    async def submit(self, params: m.JobParams, job: UUID | None = None) -> m.JobAccepted:
        """Submit a job. Under the same `job` and with the same parameters it is the same job."""
        raw = params.model_dump(mode="json", exclude_defaults=True)
        message = m.JobSubmit(id=self._id(), job=job or uuid4(), hash=m.params_hash(raw), params=raw)
        self._queue(message.job)
        return await self._ask(message, m.JobAccepted)

    async def watch(self, job: UUID, since: int = 0) -> AsyncIterator[JobNews]:
        """What happened to a job after `since`, then what happens, until it ends."""
        queue = self._news[job] = asyncio.Queue()
        message = m.JobWatch(id=self._id(), job=job, since=since)
        await self._ask(message, m.JobState, m.JobProgress)
        told, replayed = since, False
        while True:
            news = await queue.get()
            if isinstance(news, BridgeError):
                raise news
            if not isinstance(news, Preview):
                replayed = replayed or news.re == message.id
                if not replayed:  # told because of an earlier watch; the replay tells it again, in order
                    continue
                if news.seq <= told and not (isinstance(news, m.JobState) and news.state in m.ENDED):
                    continue
                told = news.seq
            yield news
            if isinstance(news, m.JobState) and news.state in m.ENDED:
                del self._news[job]
                return

    async def result(self, job: UUID) -> m.JobState:
        """Wait until a job ends; its last state."""
        async for news in self.watch(job):
            if isinstance(news, m.JobState) and news.state in m.ENDED:
                return news
        raise UnreachableError.closed(1006, "")

    async def cancel(self, job: UUID) -> m.JobState:
        """Ask for a job to be cancelled; its state now."""
        return await self._ask(m.JobCancel(id=self._id(), job=job), m.JobState)

    async def jobs(self) -> Sequence[m.Snapshot]:
        return (await self._ask(m.JobList(id=self._id()), m.JobJobs)).jobs

    # Sending

    def _id(self) -> str:
        self._count += 1
        return f"c{self._count}"

    def _queue(self, job: UUID) -> "asyncio.Queue[JobNews | BridgeError]":
        return self._news.setdefault(job, asyncio.Queue())

    async def _ask(self, message: m.ClientMessage, *kinds: type[R]) -> R:
        answer: asyncio.Future[m.ServerMessage] = asyncio.get_running_loop().create_future()
        self._answers[message.id] = answer
        try:
            await self._socket.send(m.encode(message))
            reply = await answer
        except ConnectionClosed as error:
            raise _closed(error) from None
        finally:
            self._answers.pop(message.id, None)
        if not isinstance(reply, kinds):
            raise MessageError.malformed(f"the bridge answered {message.type} with {reply.type}")
        return reply

    async def _upload(
        self, kind: str, data: bytes | memoryview, width: int, height: int, channels: int, bits: int
    ) -> UUID:
        transfer = uuid4()
        begin = m.TransferBegin.model_validate(
            {
                "id": self._id(),
                "transfer": transfer,
                "kind": kind,
                "size": len(data),
                "width": width,
                "height": height,
                "channels": channels,
                "bits": bits,
            }
        )
        ready = await self._ask(begin, m.TransferReady)
        window = self._windows[transfer] = _Window(ready.offset, ready.credit)
        try:
            for chunk, offset in enumerate(range(ready.offset, len(data), limits.CHUNK)):
                await window.room()
                header = Header(Kind.CHUNK, transfer, chunk, offset).pack()
                await self._socket.send(header + bytes(data[offset : offset + limits.CHUNK]))
                window.sent(min(offset + limits.CHUNK, len(data)))
        except ConnectionClosed as error:
            raise _closed(error) from None
        finally:
            del self._windows[transfer]
        digest = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        await self._ask(m.TransferEnd(id=self._id(), transfer=transfer, size=len(data), sha256=digest), m.TransferDone)
        return transfer

    # Reading

    async def _read(self) -> None:
        fault: BridgeError = UnreachableError.closed(1000, "")
        try:
            async for message in self._socket:
                self._take(message)
        except ConnectionClosed as error:
            fault = _closed(error)
        except BridgeError as error:
            fault = error
            await self._socket.close()
        else:
            if self._socket.close_code is not None:
                fault = UnreachableError.closed(self._socket.close_code, self._socket.close_reason or "")
        finally:
            self._give_up(fault)

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            header, payload = parse(message)
            if header.kind is Kind.PREVIEW:
                self._queue(header.owner).put_nowait(Preview(header.owner, header.chunk, bytes(payload)))
            return
        reply = m.decode_server(message)
        if isinstance(reply, m.TransferAck):
            if reply.transfer in self._windows:
                self._windows[reply.transfer].acknowledged(reply.offset)
        elif isinstance(reply, (m.JobState, m.JobProgress)):
            self._queue(reply.job).put_nowait(reply)
        answer = self._answers.get(reply.re or "")
        if isinstance(reply, m.Error):
            self._fail(reply, answer)
        elif answer is not None and not answer.done():
            answer.set_result(reply)

    def _fail(self, reply: m.Error, answer: asyncio.Future[m.ServerMessage] | None) -> None:
        error = BridgeError(reply.code, reply.message, reply.hint, retryable=reply.retryable, ref=reply.ref)
        if answer is not None and not answer.done():
            answer.set_exception(error)
        elif reply.re is not None and reply.re.startswith("transfer:"):
            with contextlib.suppress(ValueError, KeyError):
                self._windows[UUID(reply.re.removeprefix("transfer:"))].fail(error)

    def _give_up(self, error: BridgeError) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
        for window in self._windows.values():
            window.fail(error)
        for queue in self._news.values():
            queue.put_nowait(error)


class _Window:
    """How far a transfer may run ahead of what the bridge acknowledged."""

    def __init__(self, offset: int, credit: int) -> None:
        self._credit = credit
        self._waiting: list[int] = []
        self._error: BridgeError | None = None
        self._changed = asyncio.Event()

    def sent(self, end: int) -> None:
        self._waiting.append(end)

    def acknowledged(self, offset: int) -> None:
        self._waiting = [end for end in self._waiting if end > offset]
        self._changed.set()

    def fail(self, error: BridgeError) -> None:
        self._error = error
        self._changed.set()

    async def room(self) -> None:
        """Wait until one more chunk may be sent. Raises what the bridge said of the transfer."""
        while self._error is None and len(self._waiting) >= self._credit:
            self._changed.clear()
            await self._changed.wait()
        if self._error is not None:
            raise self._error


async def _handshake(socket: ClientConnection, port: int, token: bytes, host: str) -> tuple[m.Hello, m.Identified]:
    hello = _read_text(await socket.recv())
    if not isinstance(hello, m.Hello):
        raise UnreachableError.no_answer(port, "it does not say hello")
    if not hello.protocol_min <= limits.PROTOCOL <= hello.protocol_max:
        raise UnreachableError.version(hello.protocol_min, hello.protocol_max, limits.PROTOCOL)
    nonce, challenge = secrets.token_bytes(NONCE), bytes.fromhex(hello.challenge)
    ours, theirs = (
        proof(token, role, port=port, challenge=challenge, nonce=nonce, instance=hello.instance) for role in _ROLES
    )
    identify = m.Identify(
        id="c0", protocol=limits.PROTOCOL, host=host, client=uuid4(), nonce=nonce.hex(), hmac=ours.hex()
    )
    await socket.send(m.encode(identify))
    identified = _read_text(await socket.recv())
    if not isinstance(identified, m.Identified) or not same(bytes.fromhex(identified.hmac), theirs):
        raise UnreachableError.not_trusted()
    return hello, identified


def _read_text(message: str | bytes) -> m.ServerMessage:
    if isinstance(message, bytes):
        raise MessageError.malformed("a binary message came before the handshake ended")
    return m.decode_server(message)


def _closed(error: ConnectionClosed) -> UnreachableError:
    received = error.rcvd
    if received is None:
        return UnreachableError.closed(1006, "")
    return UnreachableError.closed(received.code, received.reason)
