"""A session without sockets: its ports are kept in memory."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from bridge_server.errors import GrantError, JobError
from bridge_server.protocol import messages as m
from bridge_server.protocol.proof import proof
from bridge_server.protocol.session import Bridge, JobEvent, Outgoing, Session, Submission
from bridge_server.protocol.transfer import Header, Kind

TOKEN = bytes(range(32))
CHALLENGE = bytes(range(100, 132))
NONCE = bytes(range(200, 232))
INSTANCE = UUID(int=7)
PORT = 47821


@dataclass
class MemoryShelf:
    """Transfers as byte strings."""

    kept: dict[UUID, bytes] = field(default_factory=dict)
    finished: set[UUID] = field(default_factory=set)

    def open(self, begin: m.TransferBegin) -> None:
        self.kept[begin.transfer] = b""

    def append(self, transfer: UUID, data: memoryview) -> None:
        self.kept[transfer] += data

    def finish(self, transfer: UUID) -> None:
        self.finished.add(transfer)

    def discard(self, transfer: UUID) -> None:
        del self.kept[transfer]
        self.finished.discard(transfer)

    def path(self, transfer: UUID) -> Path:
        return Path(f"/shelf/{transfer}")


@dataclass
class MemoryGrants:
    given: dict[UUID, Path] = field(default_factory=dict)

    def give(self, path: str) -> tuple[UUID, str, int]:
        grant = uuid4()
        self.given[grant] = Path(path)
        return grant, Path(path).name, 5

    def resolve(self, grant: UUID) -> Path:
        if grant not in self.given:
            raise GrantError.unknown()
        return self.given[grant]


@dataclass
class MemoryJobs:
    submitted: dict[UUID, Submission] = field(default_factory=dict)
    events: dict[UUID, list[JobEvent]] = field(default_factory=dict)

    def find(self, job: UUID) -> tuple[str, m.Snapshot] | None:
        return (self.submitted[job].hash, self._last(job)) if job in self.submitted else None

    def submit(self, submission: Submission) -> m.Snapshot:
        self.submitted[submission.job] = submission
        self.events[submission.job] = [m.JobState(job=submission.job, seq=1, state="queued")]
        return self._last(submission.job)

    def cancel(self, job: UUID) -> m.Snapshot:
        if job not in self.submitted:
            raise JobError.unknown()
        return self._last(job)

    def list(self) -> tuple[m.Snapshot, ...]:
        return tuple(self._last(job) for job in self.submitted)

    def since(self, job: UUID, seq: int) -> tuple[JobEvent, ...]:
        if job not in self.submitted:
            raise JobError.unknown()
        return tuple(event for event in self.events[job] if event.seq > seq) or (self.events[job][-1],)

    def _last(self, job: UUID) -> m.Snapshot:
        return m.Snapshot(job=job, seq=self.events[job][-1].seq, state="queued")


@dataclass
class Peer:
    """A client beside the session: it encodes what it says, and keeps what it hears."""

    session: Session
    jobs: MemoryJobs
    shelf: MemoryShelf

    def say(self, message: m.ClientMessage) -> list[Outgoing]:
        return self.session.receive(m.encode(message))

    def identify(self, **changes: object) -> list[Outgoing]:
        return self.say(identify(**changes))

    def upload(self, data: bytes = bytes(12), **changes: Any) -> UUID:
        announced = begin(data, **changes)
        self.say(announced)
        self.session.receive(Header(Kind.CHUNK, announced.transfer, 0, 0).pack() + data)
        self.say(end(announced.transfer, data))
        return announced.transfer

    def grant(self) -> UUID:
        (given,) = self.say(m.GrantClip(id="g", path="/clips/shot.mov"))
        assert isinstance(given, m.GrantGiven)
        return given.grant


def identify(**changes: object) -> m.Identify:
    hmac = proof(TOKEN, "cli", port=PORT, challenge=CHALLENGE, nonce=NONCE, instance=INSTANCE).hex()
    fields: dict[str, object] = {
        "id": "1",
        "protocol": 1,
        "host": "test",
        "client": UUID(int=1),
        "nonce": NONCE.hex(),
        "hmac": hmac,
    }
    return m.Identify.model_validate(fields | changes)


def begin(data: bytes = bytes(12), **changes: Any) -> m.TransferBegin:
    """The announcement of a 2×2 RGB picture of 8 bits."""
    fields: dict[str, object] = {
        "id": "b",
        "transfer": uuid4(),
        "kind": "raw",
        "size": len(data),
        "width": 2,
        "height": 2,
        "channels": 3,
        "bits": 8,
    }
    return m.TransferBegin.model_validate(fields | changes)


def end(transfer: UUID, data: bytes) -> m.TransferEnd:
    return m.TransferEnd(id="e", transfer=transfer, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def submit(job: UUID, params: m.JobParams, *, id: str = "s") -> m.JobSubmit:
    raw = params.model_dump(mode="json", exclude_defaults=True)
    return m.JobSubmit(id=id, job=job, hash=m.params_hash(raw), params=raw)


@pytest.fixture
def stranger() -> Peer:
    """A client that has not identified itself."""
    jobs, shelf = MemoryJobs(), MemoryShelf()
    bridge = Bridge(INSTANCE, "0.1.0", TOKEN, PORT)
    session = Session(bridge, UUID(int=2), CHALLENGE, jobs=jobs, grants=MemoryGrants(), shelf=shelf)
    return Peer(session, jobs, shelf)


@pytest.fixture
def peer(stranger: Peer) -> Peer:
    """A client that has."""
    stranger.identify()
    return stranger
