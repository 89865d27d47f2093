"""A session without a socket or an engine: jobs, transfers and grants are the real ones, on a disk of their own."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from bridge_server.intake import FileShelf
from bridge_server.jobs import JobBook
from bridge_server.library import FileLibrary
from bridge_server.protocol import messages as m
from bridge_server.protocol.pairing import Door
from bridge_server.protocol.ports import Bridge, News, Outgoing
from bridge_server.protocol.proof import Role, proof
from bridge_server.protocol.session import Session
from bridge_server.protocol.transfer import Header, Kind
from bridge_server.security import ClipGrants
from bridge_server.store import Journal

TOKEN = bytes(range(32))
CHALLENGE = bytes(range(100, 132))
NONCE = bytes(range(200, 232))
INSTANCE = UUID(int=7)
PORT = 47821


@dataclass
class Clock:
    """Time as a test has it."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Peer:
    """A client beside the session: it encodes what it says, and keeps what it hears of jobs."""

    session: Session
    book: JobBook
    journal: Journal
    incoming: Path
    clip: Path
    door: Door
    clock: Clock
    news: list[News] = field(default_factory=list)

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

    def kept(self) -> list[Path]:
        """The files of transfers."""
        return sorted(self.incoming.rglob("*.*"))

    def grant(self) -> UUID:
        (given,) = self.say(m.GrantClip(id="g", path=str(self.clip)))
        assert isinstance(given, m.GrantGiven)
        return given.grant

    def params(self, **changes: object) -> m.JobParams:
        fields: dict[str, object] = {"grant": self.grant(), "keyframes": (m.KeyframeParams(edited=self.upload()),)}
        return m.JobParams.model_validate(fields | changes)

    def submit(self, job: UUID | None = None, **changes: object) -> UUID:
        """A job that was accepted."""
        (accepted,) = self.say(submit(job or uuid4(), self.params(**changes)))
        assert isinstance(accepted, m.JobAccepted), accepted
        return accepted.job

    def run(self, job: UUID, *files: str) -> None:
        """Have a job run to its end, with files of this content as its result."""
        started = self.book.start(job)
        assert started is not None
        folder = started.record.request.output
        folder.mkdir()
        for name in files:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(name.encode() * 100_000)
        self.book.end(m.Result(folder=str(folder), files=tuple(sorted({name.split("/")[0] for name in files}))))


def _proving(key: bytes, role: Role) -> dict[str, object]:
    hmac = proof(key, role, port=PORT, challenge=CHALLENGE, nonce=NONCE, instance=INSTANCE).hex()
    return {
        "id": "1",
        "protocol": 1,
        "host": "test",
        "client": UUID(int=1),
        "nonce": NONCE.hex(),
        "hmac": hmac,
    }


def identify(**changes: object) -> m.Identify:
    return m.Identify.model_validate(_proving(TOKEN, "cli") | changes)


def pair(code: str, **changes: object) -> m.Pair:
    return m.Pair.model_validate(_proving(code.encode(), "pcl") | changes)


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


def rerun(job: UUID, of: UUID, *, id: str = "r", **changes: object) -> m.JobRerun:
    raw = m.Changes.model_validate(changes).model_dump(mode="json", exclude_none=True)
    hash = m.params_hash({"of": str(of), "changes": raw})
    return m.JobRerun(id=id, job=job, of=of, hash=hash, changes=raw)


def stranger_in(folder: Path) -> Peer:
    """A client that has not identified itself, with its files in a folder."""
    folder.mkdir(exist_ok=True)
    clip = folder / "shot.mov"
    clip.write_bytes(b"frames")
    clock, news = Clock(), list[News]()
    journal = Journal(folder / "journal.sqlite")
    book = JobBook(folder / "jobs", journal, news.append, clock=clock, ticks=clock)
    door, grants = Door(clock), ClipGrants()
    session = Session(
        Bridge(INSTANCE, "0.1.0", TOKEN, PORT, door),
        UUID(int=2),
        CHALLENGE,
        jobs=book,
        grants=grants,
        shelf=FileShelf(folder / "incoming"),
        library=FileLibrary(book, grants, lambda grant, clip, frame, small: folder / f"{clip.stem}_{frame:06d}.png"),
    )
    return Peer(session, book, journal, folder / "incoming", clip, door, clock, news)


@pytest.fixture
def stranger(tmp_path: Path) -> Peer:
    """A client that has not identified itself."""
    return stranger_in(tmp_path)


@pytest.fixture
def peer(stranger: Peer) -> Peer:
    """A client that has."""
    stranger.identify()
    return stranger
