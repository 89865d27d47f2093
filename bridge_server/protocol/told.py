"""What the service says, one model for each message (PROTOCOL.md, “Messages”).

A model is flat: its fields are the envelope's `id`, `re`, `job`, `seq` and the members of `data`.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from bridge_server.errors import BridgeError
from bridge_server.protocol import limits
from bridge_server.protocol.asked import Hex32, JsonObject, MessageId
from engine.request import MethodName, Stage

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled", "interrupted"})
"""States that a job leaves only because somebody wants it to, or because the bridge is back."""

Stopping = Literal["cancel", "hold", "pause"]
"""Why a running job was asked to stop."""


class Told(BaseModel):
    """What the service sends: unknown members are ignored, so that a newer service can say more."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False, defer_build=True)


class FromService(Told):
    id: MessageId = ""
    re: MessageId | None = None
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "re"})


class _NewsOfJob(FromService):
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "re", "job", "seq"})


class Limits(Told):
    """The numbers of `limits.py` that a client must keep."""

    message: int = limits.MESSAGE
    text: int = limits.TEXT
    chunk: int = limits.CHUNK
    credit: int = limits.CREDIT
    side: int = limits.SIDE
    transfer: int = limits.TRANSFER
    transfers: int = limits.TRANSFERS


class Fault(Told):
    """What went wrong, for a person (`message`, `hint`) and for a program (`code`, `retryable`)."""

    code: str
    message: str
    hint: str
    retryable: bool = False
    ref: str | None = None

    @classmethod
    def of(cls, error: BridgeError, ref: str | None = None) -> "Fault":
        return cls(
            code=error.code, message=error.message, hint=error.hint, retryable=error.retryable, ref=error.ref or ref
        )


class Result(Told):
    """Where a finished job's files are: full paths. `files` are names inside `folder`."""

    folder: str
    files: tuple[str, ...]


class Snapshot(Told):
    """A job as it stands after event `seq`. Times are seconds since 1970."""

    job: UUID
    seq: int
    state: State
    held: bool = False
    stopping: Stopping | None = None
    priority: int = 0
    attempt: int = 0
    clip: str = ""
    method: MethodName = "flow"
    host: str = ""
    stage: Stage | None = None
    done: int = 0
    total: int = 0
    submitted: float = 0
    started: float | None = None
    ended: float | None = None
    message: str | None = None
    error: Fault | None = None
    result: Result | None = None


class Hello(FromService):
    type: Literal["hello"] = "hello"
    protocol_min: int = limits.PROTOCOL
    protocol_max: int = limits.PROTOCOL
    bridge_version: str
    instance: UUID
    challenge: Hex32
    features: tuple[str, ...] = ()
    limits: Limits = Limits()


class Identified(FromService):
    """The service proves the token in its turn."""

    type: Literal["identified"] = "identified"
    hmac: Hex32
    session: UUID
    jobs: tuple[Snapshot, ...] = ()


class Paired(FromService):
    """The service proves the code in its turn; `token` is the token under a pad made from the code."""

    type: Literal["paired"] = "paired"
    hmac: Hex32
    token: Hex32


class PairCode(FromService):
    """A pairing code as it is shown, and the seconds that it is good for."""

    type: Literal["pair.code"] = "pair.code"
    code: str
    seconds: float


class Pong(FromService):
    type: Literal["pong"] = "pong"


class GrantGiven(FromService):
    type: Literal["grant.given"] = "grant.given"
    grant: UUID
    name: str
    size: int


class ClipInfo(FromService):
    """What the clip is; `fps` is a fraction such as "30000/1001"."""

    type: Literal["clip.info"] = "clip.info"
    grant: UUID
    frames: int
    fps: str
    width: int
    height: int
    duration: float
    codec: str
    pixel_format: str
    bits: int
    constant_rate: bool
    interlaced: bool
    has_audio: bool
    timecode: str | None = None


class ClipFrameWritten(FromService):
    type: Literal["clip.frame.written"] = "clip.frame.written"
    grant: UUID
    frame: int
    path: str


class Located(FromService):
    """`confidence` in [0, 1]."""

    type: Literal["located"] = "located"
    grant: UUID
    frame: int
    confidence: float


class TransferReady(FromService):
    """Send chunks from `offset`; at most `credit` of them unacknowledged."""

    type: Literal["transfer.ready"] = "transfer.ready"
    transfer: UUID
    offset: int
    credit: int = limits.CREDIT


class TransferAck(FromService):
    """The bytes before `offset` are kept."""

    type: Literal["transfer.ack"] = "transfer.ack"
    transfer: UUID
    offset: int


class TransferDone(FromService):
    type: Literal["transfer.done"] = "transfer.done"
    transfer: UUID
    size: int
    sha256: Hex32


class TransferAborted(FromService):
    type: Literal["transfer.aborted"] = "transfer.aborted"
    transfer: UUID


class TransferOffer(FromService):
    """The bytes of a fetched file from `offset` on will follow."""

    type: Literal["transfer.offer"] = "transfer.offer"
    transfer: UUID
    name: str
    size: int
    offset: int


class TransferSent(FromService):
    """All bytes of a fetch were sent; `sha256` is of those."""

    type: Literal["transfer.end"] = "transfer.end"
    transfer: UUID
    size: int
    sha256: Hex32


class JobAccepted(_NewsOfJob, Snapshot):
    """The job is kept: it will run though the client leaves."""

    type: Literal["job.accepted"] = "job.accepted"


class JobState(_NewsOfJob, Snapshot):
    """The job changed its state or stage. Never dropped."""

    type: Literal["job.state"] = "job.state"


class JobProgress(_NewsOfJob):
    """`done` of `total` units of the stage. Newer progress replaces progress that was not sent yet."""

    type: Literal["job.progress"] = "job.progress"
    job: UUID
    seq: int
    stage: Stage
    done: int
    total: int
    frame: int | None = None
    message: str | None = None


class JobEstimated(FromService):
    """What a job would take: `frames` to make in `windows` passes of the method, `seconds`, bytes of `memory`; the
    source frames [start, stop), and the edited ones as they were given or found."""

    type: Literal["job.estimated"] = "job.estimated"
    frames: int
    seconds: float
    memory: int
    windows: int
    start: int
    stop: int
    keyframes: tuple[int, ...]


class JobDescribed(_NewsOfJob):
    """What a job was asked to do: `params` without what names a grant or a transfer."""

    type: Literal["job.described"] = "job.described"
    job: UUID
    params: JsonObject


class JobRemoved(_NewsOfJob):
    type: Literal["job.removed"] = "job.removed"
    job: UUID


class JobJobs(FromService):
    type: Literal["job.jobs"] = "job.jobs"
    jobs: tuple[Snapshot, ...]


class QueueState(FromService):
    """Whether jobs are started, and the jobs that wait, in the order in which they will run."""

    type: Literal["queue.state"] = "queue.state"
    paused: bool
    order: tuple[UUID, ...]


class EngineReleased(FromService):
    type: Literal["engine.released"] = "engine.released"


class Licence(Told):
    """What the person has to agree to: its name, what it says in short, and the address of the text that binds."""

    name: str
    rule: str
    terms: str


PartState = Literal["elsewhere", "absent", "begun", "outdated", "damaged", "ready"]
SetupPhase = Literal["prepare", "fetch", "install", "verify", "try"]


class Part(Told):
    """Something that can be installed beside the bridge.

    `group`: "panels", or the method that needs it. `state`: "elsewhere" (not on this system), "absent", "begun" (an
    installation was stopped, and goes on where it was), "outdated", "damaged" or "ready". `size`: bytes that it takes,
    or about will. `note`: what it is here, as which graphics card. `todo`: what the person has to do, a line each.
    `error`: why it could not be installed last.
    """

    part: str
    group: Literal["panels", "videoshop"]
    state: PartState
    size: int | None = None
    note: str | None = None
    todo: tuple[str, ...] = ()
    licence: Licence | None = None
    removable: bool = False
    error: Fault | None = None


class Work(Told):
    """What is done to a part now: `done` of `total` bytes or packages of the phase, 0 of 0 where nothing is counted."""

    part: str
    doing: Literal["install", "remove"]
    phase: SetupPhase = "prepare"
    done: int = 0
    total: int = 0
    unit: Literal["bytes", "packages"] = "bytes"
    note: str | None = None


class SetupState(FromService):
    """The parts, what is done to one of them, and those that wait for it to be over."""

    type: Literal["setup.state"] = "setup.state"
    parts: tuple[Part, ...]
    work: Work | None = None
    waiting: tuple[str, ...] = ()


class BridgeEnding(FromService):
    type: Literal["bridge.ending"] = "bridge.ending"


class Error(FromService, Fault):
    type: Literal["error"] = "error"


ServerMessage = Annotated[
    Hello
    | Identified
    | Paired
    | PairCode
    | Pong
    | GrantGiven
    | ClipInfo
    | ClipFrameWritten
    | Located
    | TransferReady
    | TransferAck
    | TransferDone
    | TransferAborted
    | TransferOffer
    | TransferSent
    | JobAccepted
    | JobState
    | JobProgress
    | JobEstimated
    | JobDescribed
    | JobRemoved
    | JobJobs
    | QueueState
    | EngineReleased
    | SetupState
    | BridgeEnding
    | Error,
    Field(discriminator="type"),
]
