"""The Python client: what a host's plugin does, for the command line, the demo and every end-to-end test."""

import asyncio
import contextlib
import hashlib
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import UUID, uuid4

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bridge_server.desktop.instance import discover
from bridge_server.desktop.paths import Places
from bridge_server.errors import BridgeError, MessageError, TransferError, UnreachableError
from bridge_server.flights import Fetch, Window
from bridge_server.handshake import closed, dial, greeted, identify
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.transfer import PNG_CHANNELS, Header, Kind, parse
from bridge_server.security import pairing_token

R = TypeVar("R", bound=m.ServerMessage)


@dataclass(frozen=True)
class Preview:
    """A JPEG of the newest finished frame of a job."""

    job: UUID
    frame: int
    jpeg: bytes


JobNews = m.JobState | m.JobProgress | Preview
News = JobNews | m.JobRemoved | m.QueueState


class Client:
    """A connection to the bridge that both sides trust. Made by `Client.connect`, closed by `async with`.

    Every method raises BridgeError: what the bridge answers with `error`, or UnreachableError when it is gone.
    """

    def __init__(self, socket: ClientConnection, port: int, hello: m.Hello, identified: m.Identified) -> None:
        self._socket, self.port = socket, port
        self.hello, self.identified = hello, identified
        self._count = 0
        self._answers: dict[str, asyncio.Future[m.ServerMessage]] = {}
        self._windows: dict[UUID, Window] = {}
        self._fetches: dict[UUID, Fetch] = {}
        self._news: dict[UUID, asyncio.Queue[JobNews | BridgeError]] = {}
        self._all_news: asyncio.Queue[News | BridgeError] | None = None
        self._setup_news: asyncio.Queue[m.SetupState | BridgeError] | None = None
        self._sending: set[asyncio.Future[None]] = set()
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
        socket = await dial(port)
        try:
            hello = await greeted(socket, port)
            return cls(socket, port, hello, await identify(socket, hello, port, token, host))
        except ConnectionClosed as error:
            raise closed(error) from None
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

    async def grant_result(self, job: UUID, file: str) -> UUID:
        """Let the bridge read a file of a job's result as a clip."""
        return (await self._ask(m.GrantResult(id=self._id(), job=job, file=file), m.GrantGiven)).grant

    async def frame(self, grant: UUID, frame: int, *, small: bool = False) -> Path:
        """The PNG of one frame, to edit; or a small JPEG of it, to look at."""
        message = m.ClipFrame(id=self._id(), grant=grant, frame=frame, small=small)
        return Path((await self._ask(message, m.ClipFrameWritten)).path)

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

    async def upload_clip(self, name: str, data: bytes | memoryview) -> UUID:
        """Send a clip that the bridge cannot read; its grant."""
        begin = m.ClipBegin(id=self._id(), transfer=uuid4(), name=name, size=len(data))
        await self._send_all(begin, data)
        return (await self._ask(m.GrantUpload(id=self._id(), transfer=begin.transfer), m.GrantGiven)).grant

    async def estimate(self, params: m.JobParams) -> m.JobEstimated:
        """What a job of these parameters would take."""
        raw = params.model_dump(mode="json", exclude_defaults=True)
        return await self._ask(m.JobEstimate(id=self._id(), params=raw), m.JobEstimated)

    async def fetch(self, source: m.JobFile | m.ClipFile, sink: BinaryIO, offset: int = 0) -> None:
        """Write a file of a job, or a frame, to `sink`, from `offset` on."""
        transfer = uuid4()
        fetch = self._fetches[transfer] = Fetch(sink, offset)
        message = m.TransferFetch(id=self._id(), transfer=transfer, source=source, offset=offset)
        try:
            await self._ask(message, m.TransferOffer)
            await fetch.done
        finally:
            del self._fetches[transfer]

    async def submit(self, params: m.JobParams, job: UUID | None = None, priority: int = 0) -> m.JobAccepted:
        """Submit a job. Under the same `job` and with the same parameters it is the same job."""
        raw = params.model_dump(mode="json", exclude_defaults=True)
        message = m.JobSubmit(id=self._id(), job=job or uuid4(), hash=m.params_hash(raw), params=raw, priority=priority)
        self._queue(message.job)
        return await self._ask(message, m.JobAccepted)

    async def rerun(self, of: UUID, changes: m.Changes, job: UUID | None = None) -> m.JobAccepted:
        """Submit a new job with the clip and images of another."""
        raw = changes.model_dump(mode="json", exclude_none=True)
        hash = m.params_hash({"of": str(of), "changes": raw})
        message = m.JobRerun(id=self._id(), job=job or uuid4(), of=of, hash=hash, changes=raw)
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

    async def hold(self, job: UUID) -> m.JobState:
        """Do not start a job; send a running one back to the queue."""
        return await self._ask(m.JobHold(id=self._id(), job=job), m.JobState)

    async def release(self, job: UUID) -> m.JobState:
        """Let a held job run when its turn comes."""
        return await self._ask(m.JobRelease(id=self._id(), job=job), m.JobState)

    async def retry(self, job: UUID) -> m.JobState:
        """Queue a job again that failed, was cancelled or interrupted."""
        return await self._ask(m.JobRetry(id=self._id(), job=job), m.JobState)

    async def prioritise(self, job: UUID, priority: int) -> m.JobState:
        return await self._ask(m.JobPrioritise(id=self._id(), job=job, priority=priority), m.JobState)

    async def move(self, job: UUID, before: UUID | None) -> m.JobState:
        """Put a job that waits right before another one, or behind the others of its priority."""
        return await self._ask(m.JobMove(id=self._id(), job=job, before=before), m.JobState)

    async def describe(self, job: UUID) -> m.JsonObject:
        """What a job was asked to do."""
        return (await self._ask(m.JobDescribe(id=self._id(), job=job), m.JobDescribed)).params

    async def remove(self, job: UUID) -> None:
        """Forget an ended job, with its images and its result."""
        await self._ask(m.JobRemove(id=self._id(), job=job), m.JobRemoved)

    async def jobs(self) -> Sequence[m.Snapshot]:
        """The jobs that ended last, then the running one, then those that wait as they will run."""
        return (await self._ask(m.JobList(id=self._id()), m.JobJobs)).jobs

    async def history(self, before: UUID | None = None, limit: int = 50) -> Sequence[m.Snapshot]:
        """Ended jobs, newest first, from the one after `before`."""
        return (await self._ask(m.JobHistory(id=self._id(), before=before, limit=limit), m.JobJobs)).jobs

    async def queue(self) -> m.QueueState:
        """Whether jobs are started, and those that wait, in their order."""
        return await self._ask(m.QueueWatch(id=self._id()), m.QueueState)

    async def watch_all(self) -> AsyncIterator[News]:
        """The state of the queue, then what happens to it and to every job, until the bridge is gone."""
        queue = self._all_news = asyncio.Queue()
        queue.put_nowait(await self.queue())
        while True:
            news = await queue.get()
            if isinstance(news, BridgeError):
                raise news
            yield news

    async def pause(self, *, now: bool = False) -> m.QueueState:
        """Start no more jobs; with `now` send the running one back to the queue."""
        return await self._ask(m.QueuePause(id=self._id(), now=now), m.QueueState)

    async def resume(self) -> m.QueueState:
        return await self._ask(m.QueueResume(id=self._id()), m.QueueState)

    async def release_engine(self) -> None:
        """Have engine processes ended that do nothing."""
        await self._ask(m.EngineRelease(id=self._id()), m.EngineReleased)

    async def end(self, *, now: bool = False) -> None:
        """Have the bridge end: if no job runs, or with `now` in any case. Raises BridgeError."""
        await self._ask(m.BridgeEnd(id=self._id(), now=now), m.BridgeEnding)

    async def open_pairing(self) -> m.PairCode:
        """A new pairing code, for another host."""
        return await self._ask(m.PairOpen(id=self._id()), m.PairCode)

    # What is installed beside the bridge

    async def watch_setup(self) -> AsyncIterator[m.SetupState]:
        """How the parts stand, then whatever changes of it, until the bridge is gone."""
        queue = self._setup_news = asyncio.Queue()
        yield await self._ask(m.SetupWatch(id=self._id()), m.SetupState)
        while True:
            news = await queue.get()
            if isinstance(news, BridgeError):
                raise news
            yield news

    async def set_up(self, part: str, *, accepted: bool = False, token: str | None = None) -> m.SetupState:
        """Have a part installed, brought up to date or mended; `accepted`: the person agreed to its licence."""
        return await self._ask(m.SetupInstall(id=self._id(), part=part, accepted=accepted, token=token), m.SetupState)

    async def take_away(self, part: str) -> m.SetupState:
        return await self._ask(m.SetupRemove(id=self._id(), part=part), m.SetupState)

    async def stop_setup(self, part: str) -> m.SetupState:
        """Stop what is done to a part, or would be done to it next."""
        return await self._ask(m.SetupStop(id=self._id(), part=part), m.SetupState)

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
            raise closed(error) from None
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
        await self._send_all(begin, data)
        return transfer

    async def _send_all(self, begin: m.TransferBegin | m.ClipBegin, data: bytes | memoryview) -> None:
        """Announce a transfer, send it and end it."""
        transfer = begin.transfer
        ready = await self._ask(begin, m.TransferReady)
        window = self._windows[transfer] = Window(ready.offset, ready.credit)
        digest = asyncio.create_task(asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest()))
        try:
            for chunk, offset in enumerate(range(ready.offset, len(data), limits.CHUNK)):
                await window.room()
                header = Header(Kind.CHUNK, transfer, chunk, offset).pack()
                await self._socket.send(header + bytes(data[offset : offset + limits.CHUNK]))
                window.sent(min(offset + limits.CHUNK, len(data)))
            end = m.TransferEnd(id=self._id(), transfer=transfer, size=len(data), sha256=await digest)
            await self._ask(end, m.TransferDone)
        except ConnectionClosed as error:
            raise closed(error) from None
        except BridgeError as error:
            raise window.error or error from None
        finally:
            del self._windows[transfer]

    # Reading

    async def _read(self) -> None:
        fault: BridgeError = UnreachableError.closed(1000, "")
        try:
            async for message in self._socket:
                self._take(message)
        except ConnectionClosed as error:
            fault = closed(error)
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
            self._take_binary(message)
            return
        reply = m.decode_server(message)
        if isinstance(reply, m.TransferAck):
            if reply.transfer in self._windows:
                self._windows[reply.transfer].acknowledged(reply.offset)
        elif isinstance(reply, m.TransferSent):
            if reply.transfer in self._fetches:
                self._fetches[reply.transfer].end(reply)
        elif isinstance(reply, (m.JobState, m.JobProgress, m.JobRemoved, m.QueueState)):
            self._hear(reply)
        elif isinstance(reply, m.SetupState) and reply.re is None and self._setup_news is not None:
            self._setup_news.put_nowait(reply)
        answer = self._answers.get(reply.re or "")
        if isinstance(reply, m.Error):
            self._fail(reply, answer)
        elif answer is not None and not answer.done():
            answer.set_result(reply)

    def _take_binary(self, message: bytes) -> None:
        header, payload = parse(message)
        if header.kind is Kind.PREVIEW:
            self._hear(Preview(header.owner, header.chunk, bytes(payload)))
            return
        fetch = self._fetches.get(header.owner)
        if fetch is None:
            return
        try:
            fetch.take(header.offset, payload)
        except OSError as error:
            fetch.fail(TransferError.not_kept(error.strerror or "the disk refused"))
        except TransferError as error:
            fetch.fail(error)
        else:
            self._acknowledge(header.owner, fetch.offset)

    def _acknowledge(self, transfer: UUID, offset: int) -> None:
        """Say what came; the answer is more of it. Small enough never to fill the socket by itself."""
        have = m.TransferHave(id=self._id(), transfer=transfer, offset=offset)
        sending = asyncio.ensure_future(self._socket.send(m.encode(have)))
        self._sending.add(sending)
        sending.add_done_callback(self._sent)

    def _sent(self, sending: "asyncio.Future[None]") -> None:
        self._sending.discard(sending)
        if not sending.cancelled():
            sending.exception()  # a closed connection is told to everybody by the reader

    def _hear(self, news: News) -> None:
        if self._all_news is not None and (isinstance(news, Preview) or news.re is None):
            self._all_news.put_nowait(news)
        if isinstance(news, (m.JobState, m.JobProgress, Preview)):
            watched = self._news.get(news.job)
            if watched is not None:
                watched.put_nowait(news)

    def _fail(self, reply: m.Error, answer: asyncio.Future[m.ServerMessage] | None) -> None:
        error = BridgeError(reply.code, reply.message, reply.hint, retryable=reply.retryable, ref=reply.ref)
        if answer is not None and not answer.done():
            answer.set_exception(error)
        elif reply.re is not None and reply.re.startswith("transfer:"):
            with contextlib.suppress(ValueError):
                transfer = UUID(reply.re.removeprefix("transfer:"))
                if transfer in self._windows:
                    self._windows[transfer].fail(error)
                if transfer in self._fetches:
                    self._fetches[transfer].fail(error)

    def _give_up(self, error: BridgeError) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
        for window in self._windows.values():
            window.fail(error)
        for fetch in self._fetches.values():
            fetch.fail(error)
        for news in (self._all_news, self._setup_news):
            if news is not None:
                news.put_nowait(error)
        for queue in self._news.values():
            queue.put_nowait(error)
