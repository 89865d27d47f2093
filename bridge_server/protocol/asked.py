"""What a client says, one model for each message (PROTOCOL.md, “Messages”).

A model is flat: its fields are the envelope's `id`, `re`, `job` and the members of `data`.
"""

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bridge_server.protocol import limits
from engine.request import Format, FrameRange, MethodName

JsonObject = dict[str, Any]

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""32 bytes as 64 lower-case hexadecimal digits."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
Value = Annotated[str, StringConstraints(max_length=256)]
Index = Annotated[int, Field(ge=0, le=2**31 - 1)]
Side = Annotated[int, Field(ge=1, le=limits.SIDE)]
Priority = Annotated[int, Field(ge=-limits.PRIORITY, le=limits.PRIORITY)]


class Asked(BaseModel):
    """What a client sends: unknown members are refused, so that no mistyped setting is silently ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)


class FromClient(Asked):
    id: MessageId
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "re"})


class _AboutJob(FromClient):
    """What a client says about one job."""

    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "job"})
    job: UUID


class _Proving(FromClient):
    """`host` names the program, `client` this installation of it."""

    protocol: Annotated[int, Field(ge=0, le=2**31 - 1)]
    host: Name
    client: UUID
    nonce: Hex32
    hmac: Hex32


class Identify(_Proving):
    """The client proves the token."""

    type: Literal["identify"] = "identify"


class Pair(_Proving):
    """The client proves the pairing code, to be given the token."""

    type: Literal["pair"] = "pair"


class PairOpen(FromClient):
    """Make a pairing code for another client."""

    type: Literal["pair.open"] = "pair.open"


class Ping(FromClient):
    type: Literal["ping"] = "ping"


class GrantClip(FromClient):
    """The person chose this clip: let the engine read it. The only way in which a path enters."""

    type: Literal["grant.clip"] = "grant.clip"
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class ClipProbe(FromClient):
    type: Literal["clip.probe"] = "clip.probe"
    grant: UUID


class ClipFrame(FromClient):
    """Write frame `frame` as a PNG, to edit; `small`: as a JPEG at most 640 pixels wide, to look at."""

    type: Literal["clip.frame"] = "clip.frame"
    grant: UUID
    frame: Index
    small: bool = False


class ClipBegin(FromClient):
    """Announce a clip that only the client has: its bytes follow like those of an image."""

    type: Literal["clip.begin"] = "clip.begin"
    transfer: UUID
    name: Annotated[str, StringConstraints(min_length=1, max_length=limits.NAME)]
    size: Annotated[int, Field(ge=1, le=2**53)]


class GrantUpload(FromClient):
    """Let the engine read a clip that this connection sent."""

    type: Literal["grant.upload"] = "grant.upload"
    transfer: UUID


class Locate(FromClient):
    """Which frame of the clip is the image of `edited`, a finished transfer, an edit of?"""

    type: Literal["locate"] = "locate"
    grant: UUID
    edited: UUID


class TransferBegin(FromClient):
    """Announce an image. `raw`: rows without padding, interleaved gray, RGB or RGBA (straight alpha), 8-bit or 16-bit
    little-endian full range (0..65535). `png`: the bytes of a PNG file with this header (gray + alpha: 2 channels)."""

    type: Literal["transfer.begin"] = "transfer.begin"
    transfer: UUID
    kind: Literal["raw", "png"]
    size: Annotated[int, Field(ge=1, le=2**53)]
    width: Side
    height: Side
    channels: Literal[1, 2, 3, 4]
    bits: Literal[8, 16]
    profile: Annotated[str, StringConstraints(max_length=256)] | None = None


class TransferEnd(FromClient):
    type: Literal["transfer.end"] = "transfer.end"
    transfer: UUID
    size: Annotated[int, Field(ge=1, le=2**53)]
    sha256: Hex32


class TransferAbort(FromClient):
    type: Literal["transfer.abort"] = "transfer.abort"
    transfer: UUID


class JobFile(Asked):
    """A file of a job: one of its result, or its thumbnail."""

    job: UUID
    file: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class ClipFile(Asked):
    """A frame that `clip.frame` wrote to this connection."""

    grant: UUID
    frame: Index
    small: bool = False


class TransferFetch(FromClient):
    """Send a file, from `offset` on."""

    type: Literal["transfer.fetch"] = "transfer.fetch"
    transfer: UUID
    source: JobFile | ClipFile
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


class TransferHave(FromClient):
    """The client has the bytes of a fetch before `offset`."""

    type: Literal["transfer.ack"] = "transfer.ack"
    transfer: UUID
    offset: Annotated[int, Field(ge=0, le=2**53)]


class KeyframeParams(Asked):
    """An edited frame: finished transfers of its pixels and, where there is one, its mask. `frame` None: find it."""

    edited: UUID
    frame: Index | None = None
    mask: UUID | None = None


class JobParams(Asked):
    """What a job is asked to do."""

    grant: UUID
    keyframes: Annotated[tuple[KeyframeParams, ...], Field(min_length=1, max_length=64)]
    range: FrameRange = FrameRange()
    method: MethodName = "flow"
    formats: Annotated[tuple[Format, ...], Field(min_length=1, max_length=4)] = ("mov", "mp4")
    settings: Annotated[dict[Key, Value], Field(max_length=64)] = {}
    seed: Index = 0


class JobSubmit(_AboutJob):
    """`params` is a `JobParams` object, kept as it came so that its hash can be checked."""

    type: Literal["job.submit"] = "job.submit"
    hash: Hex32
    params: JsonObject
    priority: Priority = 0


class JobEstimate(FromClient):
    """What would a job of these parameters take? `params` is a `JobParams` object."""

    type: Literal["job.estimate"] = "job.estimate"
    params: JsonObject


class GrantResult(_AboutJob):
    """Let the engine read a file of a job's result, as a clip."""

    type: Literal["grant.result"] = "grant.result"
    file: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Changes(Asked):
    """What a new job does otherwise than the one that it repeats; None: the same."""

    range: FrameRange | None = None
    method: MethodName | None = None
    formats: Annotated[tuple[Format, ...], Field(min_length=1, max_length=4)] | None = None
    settings: Annotated[dict[Key, Value], Field(max_length=64)] | None = None
    seed: Index | None = None


class JobRerun(_AboutJob):
    """A new job with the clip and images of the job `of`; `changes` is a `Changes` object as it came."""

    type: Literal["job.rerun"] = "job.rerun"
    of: UUID
    hash: Hex32
    changes: JsonObject


class JobWatch(_AboutJob):
    """Tell what happens to the job from now on, and what happened after `since`."""

    type: Literal["job.watch"] = "job.watch"
    since: Index = 0


class JobCancel(_AboutJob):
    type: Literal["job.cancel"] = "job.cancel"


class JobHold(_AboutJob):
    """Do not start the job; a running one goes back to its place in the queue."""

    type: Literal["job.hold"] = "job.hold"


class JobRelease(_AboutJob):
    """Let a held job run when its turn comes."""

    type: Literal["job.release"] = "job.release"


class JobRetry(_AboutJob):
    """Queue a job again that failed, was cancelled or interrupted."""

    type: Literal["job.retry"] = "job.retry"


class JobPrioritise(_AboutJob):
    type: Literal["job.prioritise"] = "job.prioritise"
    priority: Priority


class JobMove(_AboutJob):
    """Put a job that waits right before another one, or (None) behind the others of its priority."""

    type: Literal["job.move"] = "job.move"
    before: UUID | None


class JobDescribe(_AboutJob):
    type: Literal["job.describe"] = "job.describe"


class JobRemove(_AboutJob):
    """Forget an ended job, with its images and its result."""

    type: Literal["job.remove"] = "job.remove"


class JobList(FromClient):
    type: Literal["job.list"] = "job.list"


class JobHistory(FromClient):
    """Ended jobs, newest first; `before` is the last one that is known already."""

    type: Literal["job.history"] = "job.history"
    before: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=limits.HISTORY)] = 50


class QueueWatch(FromClient):
    """Tell what happens to the queue and to every job."""

    type: Literal["queue.watch"] = "queue.watch"


class QueuePause(FromClient):
    """Start no more jobs; `now`: the running one goes back to the queue."""

    type: Literal["queue.pause"] = "queue.pause"
    now: bool = False


class QueueResume(FromClient):
    type: Literal["queue.resume"] = "queue.resume"


class EngineRelease(FromClient):
    """End engine processes that do nothing."""

    type: Literal["engine.release"] = "engine.release"


class SetupWatch(FromClient):
    """Tell what of the bridge's parts is installed, and whatever changes of it."""

    type: Literal["setup.watch"] = "setup.watch"


class SetupInstall(FromClient):
    """Install a part, or bring it up to date, or mend it. `accepted`: the person agreed to its licence.
    `token`: of the person's account at the models' hub, which is kept nowhere."""

    type: Literal["setup.install"] = "setup.install"
    part: Name
    accepted: bool = False
    token: Annotated[str, StringConstraints(max_length=256, pattern=r"^[\x21-\x7e]*$")] | None = None


class SetupRemove(FromClient):
    type: Literal["setup.remove"] = "setup.remove"
    part: Name


class SetupStop(FromClient):
    """Stop what is done to a part, or would be done to it next; what was fetched is kept."""

    type: Literal["setup.stop"] = "setup.stop"
    part: Name


class BridgeEnd(FromClient):
    """End the service; `now`: though a job runs, which goes on when the service is back."""

    type: Literal["bridge.end"] = "bridge.end"
    now: bool = False


ClientMessage = Annotated[
    Identify
    | Pair
    | PairOpen
    | Ping
    | GrantClip
    | ClipProbe
    | ClipFrame
    | ClipBegin
    | GrantUpload
    | Locate
    | TransferBegin
    | TransferEnd
    | TransferAbort
    | TransferFetch
    | TransferHave
    | JobSubmit
    | JobEstimate
    | GrantResult
    | JobRerun
    | JobWatch
    | JobCancel
    | JobHold
    | JobRelease
    | JobRetry
    | JobPrioritise
    | JobMove
    | JobDescribe
    | JobRemove
    | JobList
    | JobHistory
    | QueueWatch
    | QueuePause
    | QueueResume
    | EngineRelease
    | SetupWatch
    | SetupInstall
    | SetupRemove
    | SetupStop
    | BridgeEnd,
    Field(discriminator="type"),
]
