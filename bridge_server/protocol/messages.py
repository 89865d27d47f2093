"""The messages, one model each (PROTOCOL.md, “Messages”), and their way to and from JSON text.

A model is flat: its fields are the envelope's `id`, `re`, `job`, `seq` and the members of `data`.
"""

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json

from bridge_server.errors import BridgeError, MessageError
from bridge_server.protocol import limits
from engine.request import Format, FrameRange, MethodName, Stage

JsonObject = dict[str, Any]

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""32 bytes as 64 lower-case hexadecimal digits."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
Value = Annotated[str, StringConstraints(max_length=256)]
Index = Annotated[int, Field(ge=0, le=2**31 - 1)]
Side = Annotated[int, Field(ge=1, le=limits.SIDE)]

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})


class _Asked(BaseModel):
    """What a client sends: unknown members are refused, so that no mistyped setting is silently ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class _Told(BaseModel):
    """What the service sends: unknown members are ignored, so that a newer service can say more."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class _ClientMessage(_Asked):
    id: MessageId
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "re"})


class _ServerMessage(_Told):
    id: MessageId = ""
    re: MessageId | None = None
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "re"})


# The client asks ------------------------------------------------------------------------------------------------------


class Identify(_ClientMessage):
    """The client proves the token. `host` names the program, `client` this installation of it."""

    type: Literal["identify"] = "identify"
    protocol: Annotated[int, Field(ge=0, le=2**31 - 1)]
    host: Name
    client: UUID
    nonce: Hex32
    hmac: Hex32


class Ping(_ClientMessage):
    type: Literal["ping"] = "ping"


class GrantClip(_ClientMessage):
    """The person chose this clip: let the engine read it. The only way in which a path enters."""

    type: Literal["grant.clip"] = "grant.clip"
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class ClipProbe(_ClientMessage):
    type: Literal["clip.probe"] = "clip.probe"
    grant: UUID


class ClipFrame(_ClientMessage):
    """Write frame `frame` as a PNG, to edit."""

    type: Literal["clip.frame"] = "clip.frame"
    grant: UUID
    frame: Index


class Locate(_ClientMessage):
    """Which frame of the clip is the image of `edited`, a finished transfer, an edit of?"""

    type: Literal["locate"] = "locate"
    grant: UUID
    edited: UUID


class TransferBegin(_ClientMessage):
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


class TransferEnd(_ClientMessage):
    type: Literal["transfer.end"] = "transfer.end"
    transfer: UUID
    size: Annotated[int, Field(ge=1, le=2**53)]
    sha256: Hex32


class TransferAbort(_ClientMessage):
    type: Literal["transfer.abort"] = "transfer.abort"
    transfer: UUID


class KeyframeParams(_Asked):
    """An edited frame: finished transfers of its pixels and, where there is one, its mask. `frame` None: find it."""

    edited: UUID
    frame: Index | None = None
    mask: UUID | None = None


class JobParams(_Asked):
    """What a job is asked to do."""

    grant: UUID
    keyframes: Annotated[tuple[KeyframeParams, ...], Field(min_length=1, max_length=64)]
    range: FrameRange = FrameRange()
    method: MethodName = "flow"
    formats: Annotated[tuple[Format, ...], Field(min_length=1, max_length=4)] = ("mov", "mp4")
    settings: Annotated[dict[Key, Value], Field(max_length=64)] = {}
    seed: Index = 0


class JobSubmit(_ClientMessage):
    """`params` is a `JobParams` object, kept as it came so that its hash can be checked."""

    type: Literal["job.submit"] = "job.submit"
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "job"})
    job: UUID
    hash: Hex32
    params: JsonObject


class JobWatch(_ClientMessage):
    """Tell what happens to the job from now on, and what happened after `since`."""

    type: Literal["job.watch"] = "job.watch"
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "job"})
    job: UUID
    since: Index = 0


class JobCancel(_ClientMessage):
    type: Literal["job.cancel"] = "job.cancel"
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "job"})
    job: UUID


class JobList(_ClientMessage):
    type: Literal["job.list"] = "job.list"


ClientMessage = Annotated[
    Identify
    | Ping
    | GrantClip
    | ClipProbe
    | ClipFrame
    | Locate
    | TransferBegin
    | TransferEnd
    | TransferAbort
    | JobSubmit
    | JobWatch
    | JobCancel
    | JobList,
    Field(discriminator="type"),
]


# The service tells ----------------------------------------------------------------------------------------------------


class Limits(_Told):
    """The numbers of `limits.py` that a client must keep."""

    message: int = limits.MESSAGE
    text: int = limits.TEXT
    chunk: int = limits.CHUNK
    credit: int = limits.CREDIT
    side: int = limits.SIDE
    transfer: int = limits.TRANSFER
    transfers: int = limits.TRANSFERS


class Fault(_Told):
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


class Result(_Told):
    """Where a finished job's files are: full paths. `files` are names inside `folder`."""

    folder: str
    files: tuple[str, ...]


class Snapshot(_Told):
    """A job as it stands after event `seq`. `submitted` in seconds since 1970."""

    job: UUID
    seq: int
    state: State
    stage: Stage | None = None
    done: int = 0
    total: int = 0
    submitted: float = 0
    message: str | None = None
    error: Fault | None = None
    result: Result | None = None


class Hello(_ServerMessage):
    type: Literal["hello"] = "hello"
    protocol_min: int = limits.PROTOCOL
    protocol_max: int = limits.PROTOCOL
    bridge_version: str
    instance: UUID
    challenge: Hex32
    features: tuple[str, ...] = ()
    limits: Limits = Limits()


class Identified(_ServerMessage):
    """The service proves the token in its turn."""

    type: Literal["identified"] = "identified"
    hmac: Hex32
    session: UUID
    jobs: tuple[Snapshot, ...] = ()


class Pong(_ServerMessage):
    type: Literal["pong"] = "pong"


class GrantGiven(_ServerMessage):
    type: Literal["grant.given"] = "grant.given"
    grant: UUID
    name: str
    size: int


class ClipInfo(_ServerMessage):
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


class ClipFrameWritten(_ServerMessage):
    type: Literal["clip.frame.written"] = "clip.frame.written"
    grant: UUID
    frame: int
    path: str


class Located(_ServerMessage):
    """`confidence` in [0, 1]."""

    type: Literal["located"] = "located"
    grant: UUID
    frame: int
    confidence: float


class TransferReady(_ServerMessage):
    """Send chunks from `offset`; at most `credit` of them unacknowledged."""

    type: Literal["transfer.ready"] = "transfer.ready"
    transfer: UUID
    offset: int
    credit: int = limits.CREDIT


class TransferAck(_ServerMessage):
    """The bytes before `offset` are kept."""

    type: Literal["transfer.ack"] = "transfer.ack"
    transfer: UUID
    offset: int


class TransferDone(_ServerMessage):
    type: Literal["transfer.done"] = "transfer.done"
    transfer: UUID
    size: int
    sha256: Hex32


class TransferAborted(_ServerMessage):
    type: Literal["transfer.aborted"] = "transfer.aborted"
    transfer: UUID


class JobAccepted(_ServerMessage, Snapshot):
    """The job is kept: it will run though the client leaves."""

    type: Literal["job.accepted"] = "job.accepted"
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "re", "job", "seq"})


class JobState(_ServerMessage, Snapshot):
    """The job changed its state or stage. Never dropped."""

    type: Literal["job.state"] = "job.state"
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "re", "job", "seq"})


class JobProgress(_ServerMessage):
    """`done` of `total` units of the stage. Newer progress replaces progress that was not sent yet."""

    type: Literal["job.progress"] = "job.progress"
    enveloped: ClassVar[frozenset[str]] = frozenset({"type", "id", "re", "job", "seq"})
    job: UUID
    seq: int
    stage: Stage
    done: int
    total: int
    frame: int | None = None
    message: str | None = None


class JobJobs(_ServerMessage):
    type: Literal["job.jobs"] = "job.jobs"
    jobs: tuple[Snapshot, ...]


class Error(_ServerMessage, Fault):
    type: Literal["error"] = "error"


ServerMessage = Annotated[
    Hello
    | Identified
    | Pong
    | GrantGiven
    | ClipInfo
    | ClipFrameWritten
    | Located
    | TransferReady
    | TransferAck
    | TransferDone
    | TransferAborted
    | JobAccepted
    | JobState
    | JobProgress
    | JobJobs
    | Error,
    Field(discriminator="type"),
]

_CLIENT: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
_SERVER: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)
_PARAMS: TypeAdapter[JobParams] = TypeAdapter(JobParams)


_M = TypeVar("_M")


class EnvelopeError(MessageError):
    """The text is not even an envelope: nobody knows what it answers, so the connection ends."""


def encode(message: ClientMessage | ServerMessage) -> str:
    """The message as JSON text."""
    envelope: JsonObject = {"v": limits.PROTOCOL}
    data: JsonObject = {}
    for name, value in message.model_dump(mode="json").items():
        if name in message.enveloped:
            if value is not None:
                envelope[name] = value
        else:
            data[name] = value
    return json.dumps({**envelope, "data": data}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def decode_client(text: str) -> ClientMessage:
    """Read what a client sent. Raises EnvelopeError for no envelope, else MessageError, whose `answers` is its id."""
    return _decode(text, _CLIENT)


def decode_server(text: str) -> ServerMessage:
    """Read what a service sent. Raises EnvelopeError and MessageError as `decode_client` does."""
    return _decode(text, _SERVER)


def job_params(raw: JsonObject) -> JobParams:
    """Read the parameters of a `job.submit`. Raises MessageError."""
    try:
        return _PARAMS.validate_json(json.dumps(raw))
    except ValidationError as error:
        raise _invalid(error) from None


def params_hash(raw: JsonObject) -> str:
    """sha256 of the canonical JSON of `raw`: keys in order, no white space, UTF-8 (PROTOCOL.md, “Parameter hash”)."""
    text = json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_ENVELOPE = frozenset({"v", "type", "id", "re", "job", "seq", "data"})


def _decode(text: str, adapter: TypeAdapter[_M]) -> _M:
    if len(text) > limits.TEXT:
        raise EnvelopeError.malformed(f"more than {limits.TEXT} characters")
    try:
        envelope = from_json(text, allow_inf_nan=False)
    except ValueError:
        raise EnvelopeError.malformed("it is not JSON") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("data"), dict):
        raise EnvelopeError.malformed("it is not an object with a member “data”")
    if envelope.get("v") != limits.PROTOCOL:
        raise EnvelopeError.malformed(f"“v” is not {limits.PROTOCOL}")
    data: JsonObject = envelope.pop("data")
    clash = sorted(_ENVELOPE & data.keys()) or sorted(envelope.keys() - _ENVELOPE)
    if clash:
        raise EnvelopeError.malformed(f"“{clash[0][:64]}” stands in the wrong place")
    ref = envelope.get("id")
    if not isinstance(ref, str) or not isinstance(envelope.get("type"), str):
        raise EnvelopeError.malformed("“id” and “type” must be strings")
    del envelope["v"]
    try:
        return adapter.validate_json(json.dumps({**envelope, **data}))
    except ValidationError as error:
        raise _invalid(error, str(envelope["type"]), ref[:64]) from None


def _invalid(error: ValidationError, name: str = "", answers: str | None = None) -> MessageError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "union_tag_invalid":
        fault = MessageError.unknown_type(name)
    else:
        where = ".".join(str(part) for part in first["loc"] if part != name) or "message"
        fault = MessageError.invalid(where[:128], first["msg"].rstrip("."))
    fault.answers = answers
    return fault
