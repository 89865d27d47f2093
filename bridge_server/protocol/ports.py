"""What a session asks of the service around it, and what it asks the shell to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from bridge_server.protocol import messages as m
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.pairing import Door


@dataclass(frozen=True)
class Bridge:
    """Who the service is, on this port. `instance` is fresh at each start."""

    instance: UUID
    version: str
    token: bytes
    port: int
    door: Door
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """A job as a client submitted it, its clip and the files of its transfers found."""

    job: UUID
    hash: str
    params: m.JobParams
    clip: Path
    files: dict[UUID, Path]
    host: str = ""
    priority: int = 0
    uploaded: bool = False
    """Whether the clip was sent by the client: then the job needs its own copy."""


@dataclass(frozen=True)
class Rerun:
    """A new job with the clip and images of the job `of`."""

    job: UUID
    hash: str
    of: UUID
    changes: m.Changes
    host: str = ""


class Jobs(Protocol):
    """The jobs, as a session sees them. Each method raises JobError for what a job's state forbids, and for jobs that
    are not known; what changes a job is on disk when the method returns."""

    def find(self, job: UUID) -> tuple[str, m.Snapshot] | None:
        """Parameter hash and snapshot."""
        ...

    def submit(self, submission: Submission) -> m.Snapshot: ...
    def rerun(self, rerun: Rerun) -> m.Snapshot: ...
    def cancel(self, job: UUID) -> m.Snapshot: ...
    def hold(self, job: UUID) -> m.Snapshot: ...
    def release(self, job: UUID) -> m.Snapshot: ...
    def retry(self, job: UUID) -> m.Snapshot: ...
    def prioritise(self, job: UUID, priority: int) -> m.Snapshot: ...
    def move(self, job: UUID, before: UUID | None) -> m.Snapshot: ...
    def describe(self, job: UUID) -> tuple[m.Snapshot, m.JsonObject]: ...
    def remove(self, job: UUID) -> m.JobRemoved: ...
    def list(self) -> tuple[m.Snapshot, ...]: ...
    def history(self, before: UUID | None, limit: int) -> tuple[m.Snapshot, ...]: ...
    def since(self, job: UUID, seq: int) -> tuple["JobEvent", ...]:
        """What happened after `seq`, oldest first; never less than the state as it stands."""
        ...

    def queue(self) -> m.QueueState: ...
    def pause(self, *, now: bool) -> m.QueueState: ...
    def resume(self) -> m.QueueState: ...


class Grants(Protocol):
    """The clips that this connection may use. Raises GrantError."""

    def give(self, path: str) -> tuple[UUID, str, int]:
        """A new grant, the clip's name and its bytes."""
        ...

    def give_own(self, path: Path) -> tuple[UUID, str, int]:
        """The same for a file of the service's own: an upload, a result."""
        ...

    def resolve(self, grant: UUID) -> Path: ...


JobEvent = m.JobState | m.JobProgress
News = JobEvent | m.JobRemoved | m.QueueState | m.SetupState


@dataclass(frozen=True)
class Question:
    """Something only the engine can answer, asked while jobs run. `re` is the message to answer."""

    re: str
    do: Literal["probe", "frame", "locate", "estimate"]
    grant: UUID
    clip: Path
    frame: int | None = None
    small: bool = False
    edited: Path | None = None
    params: m.JobParams | None = None
    files: Mapping[UUID, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrange:
    """Something is to be looked at, installed, removed or stopped, beside the jobs. `re` is the message to answer."""

    re: str
    do: Literal["look", "install", "remove", "stop"]
    part: str = ""
    accepted: bool = False
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Deliver:
    """Something of a fetch is ready to be sent: ask `Session.next_of` when the socket has room."""

    transfer: UUID


@dataclass(frozen=True)
class Look:
    """The client now watches a job, or (None) every job: show it the newest preview."""

    job: UUID | None


@dataclass(frozen=True)
class Release:
    """Engine processes that do nothing are to be ended."""


@dataclass(frozen=True)
class End:
    """The service is to end."""


@dataclass(frozen=True)
class Close:
    """The connection is to be closed, `after` so many seconds."""

    code: CloseCode
    reason: str
    after: float = 0.0


Outgoing = m.ServerMessage | Question | Arrange | Deliver | Look | Release | End | Close
