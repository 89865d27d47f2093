"""One connection's rules as a value: messages in, messages out. No socket, no event loop, no clock, no file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from bridge_server.errors import BridgeError, JobError, MessageError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.proof import proof, same
from bridge_server.protocol.transfer import Kind, Reassembly, Shelf, parse


@dataclass(frozen=True)
class Bridge:
    """Who the service is, on this port. `instance` is fresh at each start."""

    instance: UUID
    version: str
    token: bytes
    port: int
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """A job as a client submitted it, its clip and the files of its transfers found."""

    job: UUID
    hash: str
    params: m.JobParams
    clip: Path
    files: dict[UUID, Path]


class Jobs(Protocol):
    """The jobs, as a session sees them. Unknown jobs raise JobError."""

    def find(self, job: UUID) -> tuple[str, m.Snapshot] | None:
        """Parameter hash and snapshot."""
        ...

    def submit(self, submission: Submission) -> m.Snapshot: ...
    def cancel(self, job: UUID) -> m.Snapshot: ...
    def list(self) -> tuple[m.Snapshot, ...]: ...
    def since(self, job: UUID, seq: int) -> tuple["JobEvent", ...]:
        """What happened after `seq`, oldest first; never less than the state as it stands."""
        ...


class Grants(Protocol):
    """The clips that this connection may use. Raises GrantError."""

    def give(self, path: str) -> tuple[UUID, str, int]:
        """A new grant, the clip's name and its bytes."""
        ...

    def resolve(self, grant: UUID) -> Path: ...


JobEvent = m.JobState | m.JobProgress


@dataclass(frozen=True)
class Question:
    """Something only the engine can answer, asked while jobs run. `re` is the message to answer."""

    re: str
    do: Literal["probe", "frame", "locate"]
    grant: UUID
    clip: Path
    frame: int | None = None
    edited: Path | None = None


@dataclass(frozen=True)
class Close:
    """The connection is to be closed."""

    code: CloseCode
    reason: str


Outgoing = m.ServerMessage | Question | Close


class Session:
    """The service's side of one connection.

    `open` gives the first message; `receive` takes each message and gives what follows from it; `notify` gives what
    a job's event means for this client; `answer` does so for the engine's answer to a `Question`.
    """

    def __init__(self, bridge: Bridge, id: UUID, challenge: bytes, *, jobs: Jobs, grants: Grants, shelf: Shelf) -> None:
        self._bridge, self.id, self._challenge = bridge, id, challenge
        self._jobs, self._grants, self._transfers = jobs, grants, Reassembly(shelf)
        self._watched: dict[UUID, int] = {}
        self._questions: set[str] = set()
        self._count = 0
        self.client: UUID | None = None
        self.host = ""
        self.closed = False

    @property
    def identified(self) -> bool:
        return self.client is not None

    def open(self) -> list[Outgoing]:
        hello = m.Hello(
            bridge_version=self._bridge.version,
            instance=self._bridge.instance,
            challenge=self._challenge.hex(),
            features=self._bridge.features,
        )
        return [self._numbered(hello)]

    def receive(self, message: str | bytes) -> list[Outgoing]:
        """What follows from a text or binary message. Never raises for anything that a client can send."""
        if self.closed:
            return []
        try:
            if not self.identified:
                return self._identify(message)
            if isinstance(message, bytes):
                return self._chunk(message)
            return self._answered(m.decode_client(message))
        except m.EnvelopeError as error:
            return self._close(CloseCode.MALFORMED, str(error), error)
        except MessageError as error:
            return [self._error(error, error.answers)]

    def notify(self, event: JobEvent) -> list[Outgoing]:
        """Tell of a job's event if the client watches the job and does not know it yet."""
        if self.closed or self._watched.get(event.job, event.seq) >= event.seq:
            return []
        self._watched[event.job] = event.seq
        return [self._numbered(event)]

    def watches(self, job: UUID) -> bool:
        return not self.closed and job in self._watched

    def answer(self, question: Question, answer: m.ServerMessage | BridgeError) -> list[Outgoing]:
        """Pass the engine's answer on."""
        self._questions.discard(question.re)
        if self.closed:
            return []
        if isinstance(answer, BridgeError):
            return [self._error(answer, question.re)]
        return [self._numbered(answer.model_copy(update={"re": question.re}))]

    def overdue(self) -> list[Outgoing]:
        """The time to identify is over."""
        if self.identified or self.closed:
            return []
        return self._close(CloseCode.IDENTIFY_TIMEOUT, "identify did not come in time")

    def close(self) -> None:
        """The connection is gone: throw its transfers away. Its jobs go on."""
        self.closed = True
        self._transfers.close()

    # Handshake

    def _identify(self, message: str | bytes) -> list[Outgoing]:
        identify = None
        if isinstance(message, str):
            try:
                identify = m.decode_client(message)
            except MessageError:
                identify = None
        if not isinstance(identify, m.Identify):
            return self._close(CloseCode.NOT_IDENTIFIED, "the first message must be identify")
        if identify.protocol != limits.PROTOCOL:
            return self._close(CloseCode.VERSION, f"this bridge speaks protocol {limits.PROTOCOL}")
        nonce = bytes.fromhex(identify.nonce)
        if not same(bytes.fromhex(identify.hmac), self._proof("cli", nonce)):
            return self._close(CloseCode.WRONG_TOKEN, "the token is not this bridge's")
        self.client, self.host = identify.client, identify.host
        reply = m.Identified(hmac=self._proof("srv", nonce).hex(), session=self.id, jobs=self._jobs.list())
        return [self._reply(identify, reply)]

    def _proof(self, role: Literal["cli", "srv"], nonce: bytes) -> bytes:
        bridge = self._bridge
        return proof(
            bridge.token, role, port=bridge.port, challenge=self._challenge, nonce=nonce, instance=bridge.instance
        )

    # One rule for each message

    def _answered(self, message: m.ClientMessage) -> list[Outgoing]:
        try:
            return self._rule(message)
        except BridgeError as error:
            return [self._error(error, message.id)]

    def _rule(self, message: m.ClientMessage) -> list[Outgoing]:
        match message:
            case m.Identify():
                raise MessageError.invalid("identify", "this connection is identified already")
            case m.Ping():
                return [self._reply(message, m.Pong())]
            case m.GrantClip():
                grant, name, size = self._grants.give(message.path)
                return [self._reply(message, m.GrantGiven(grant=grant, name=name, size=size))]
            case m.ClipProbe():
                return self._ask(Question(message.id, "probe", message.grant, self._grants.resolve(message.grant)))
            case m.ClipFrame():
                clip = self._grants.resolve(message.grant)
                return self._ask(Question(message.id, "frame", message.grant, clip, frame=message.frame))
            case m.Locate():
                clip = self._grants.resolve(message.grant)
                edited = self._transfers.finished(message.edited)
                return self._ask(Question(message.id, "locate", message.grant, clip, edited=edited))
            case m.TransferBegin():
                incoming = self._transfers.begin(message)
                return [self._reply(message, m.TransferReady(transfer=message.transfer, offset=incoming.offset))]
            case m.TransferEnd():
                self._transfers.end(message)
                done = m.TransferDone(transfer=message.transfer, size=message.size, sha256=message.sha256)
                return [self._reply(message, done)]
            case m.TransferAbort():
                self._transfers.abort(message.transfer)
                return [self._reply(message, m.TransferAborted(transfer=message.transfer))]
            case m.JobSubmit():
                return self._submit(message)
            case m.JobWatch():
                return self._watch(message)
            case m.JobCancel():
                return [self._reply(message, _state(self._jobs.cancel(message.job)))]
            case m.JobList():
                return [self._reply(message, m.JobJobs(jobs=self._jobs.list()))]

    def _ask(self, question: Question) -> list[Outgoing]:
        if question.re in self._questions:
            raise MessageError.invalid("id", "a message with this id waits for its answer")
        if len(self._questions) >= limits.QUESTIONS:
            raise MessageError.invalid(question.do, f"{limits.QUESTIONS} questions wait for the engine already")
        self._questions.add(question.re)
        return [question]

    def _submit(self, message: m.JobSubmit) -> list[Outgoing]:
        """The same id with the same parameters is the same job; with other parameters it is refused."""
        if m.params_hash(message.params) != message.hash:
            raise JobError.hash_differs()
        known = self._jobs.find(message.job)
        if known is not None:
            hash, snapshot = known
            if hash != message.hash:
                raise JobError.conflict()
        else:
            params = m.job_params(message.params)
            clip = self._grants.resolve(params.grant)
            used = dict.fromkeys(i for key in params.keyframes for i in (key.edited, key.mask) if i is not None)
            files = {transfer: self._transfers.finished(transfer) for transfer in used}
            snapshot = self._jobs.submit(Submission(message.job, message.hash, params, clip, files))
        self._watched[message.job] = snapshot.seq
        return [self._reply(message, m.JobAccepted(**dict(snapshot)))]

    def _watch(self, message: m.JobWatch) -> list[Outgoing]:
        """Tell again what happened after `since`; a client that knows all of it gets the state as it stands."""
        events = self._jobs.since(message.job, message.since)
        self._watched[message.job] = events[-1].seq
        return [self._reply(message, event) for event in events]

    def _chunk(self, message: bytes) -> list[Outgoing]:
        try:
            header, payload = parse(message)
            if header.kind is not Kind.CHUNK:
                raise MessageError.malformed("a client sends no previews")
        except MessageError as error:
            return self._close(CloseCode.BAD_CHUNK, str(error), error)
        try:
            incoming = self._transfers.chunk(header, payload)
        except BridgeError as error:
            return [self._error(error, f"transfer:{header.owner}")]
        return [self._numbered(m.TransferAck(transfer=header.owner, offset=incoming.offset))]

    # Envelopes

    def _reply(self, to: m.ClientMessage, reply: m.ServerMessage) -> m.ServerMessage:
        return self._numbered(reply.model_copy(update={"re": to.id}))

    def _numbered(self, message: m.ServerMessage) -> m.ServerMessage:
        self._count += 1
        return message.model_copy(update={"id": f"s{self._count}"})

    def _error(self, error: BridgeError, re: str | None) -> m.ServerMessage:
        ref = f"{self.id.hex[:8]}-{self._count + 1}"
        fault = m.Fault.of(error, ref)
        return self._numbered(m.Error(**dict(fault), re=re))

    def _close(self, code: CloseCode, reason: str, error: BridgeError | None = None) -> list[Outgoing]:
        outgoing: list[Outgoing] = [self._error(error, None)] if error is not None else []
        self.close()
        return [*outgoing, Close(code, reason.encode()[:120].decode(errors="ignore"))]


def _state(snapshot: m.Snapshot) -> m.JobState:
    return m.JobState(**dict(snapshot))
