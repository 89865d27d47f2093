"""The messages of the protocol, and their way to and from JSON text (PROTOCOL.md, “Envelope”)."""

import functools
import hashlib
import json
import re
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from bridge_server.errors import MessageError
from bridge_server.protocol import limits
from bridge_server.protocol.asked import (
    Asked,
    BridgeEnd,
    Changes,
    ClientMessage,
    ClipBegin,
    ClipFile,
    ClipFrame,
    ClipProbe,
    EngineRelease,
    GrantClip,
    GrantResult,
    GrantUpload,
    Identify,
    JobCancel,
    JobDescribe,
    JobEstimate,
    JobFile,
    JobHistory,
    JobHold,
    JobList,
    JobMove,
    JobParams,
    JobPrioritise,
    JobRelease,
    JobRemove,
    JobRerun,
    JobRetry,
    JobSubmit,
    JobWatch,
    JsonObject,
    KeyframeParams,
    Locate,
    Pair,
    PairOpen,
    Ping,
    QueuePause,
    QueueResume,
    QueueWatch,
    SetupInstall,
    SetupRemove,
    SetupStop,
    SetupWatch,
    TransferAbort,
    TransferBegin,
    TransferEnd,
    TransferFetch,
    TransferHave,
)
from bridge_server.protocol.told import (
    ENDED,
    BridgeEnding,
    ClipFrameWritten,
    ClipInfo,
    EngineReleased,
    Error,
    Fault,
    GrantGiven,
    Hello,
    Identified,
    JobAccepted,
    JobDescribed,
    JobEstimated,
    JobJobs,
    JobProgress,
    JobRemoved,
    JobState,
    Licence,
    Limits,
    Located,
    PairCode,
    Paired,
    Part,
    PartState,
    Pong,
    QueueState,
    Result,
    ServerMessage,
    SetupPhase,
    SetupState,
    Snapshot,
    State,
    Stopping,
    TransferAborted,
    TransferAck,
    TransferDone,
    TransferOffer,
    TransferReady,
    TransferSent,
    Work,
)

__all__ = [
    "ENDED",
    "BridgeEnd",
    "BridgeEnding",
    "Changes",
    "ClientMessage",
    "ClipBegin",
    "ClipFile",
    "ClipFrame",
    "ClipFrameWritten",
    "ClipInfo",
    "ClipProbe",
    "EngineRelease",
    "EngineReleased",
    "EnvelopeError",
    "Error",
    "Fault",
    "GrantClip",
    "GrantGiven",
    "GrantResult",
    "GrantUpload",
    "Hello",
    "Identified",
    "Identify",
    "JobAccepted",
    "JobCancel",
    "JobDescribe",
    "JobDescribed",
    "JobEstimate",
    "JobEstimated",
    "JobFile",
    "JobHistory",
    "JobHold",
    "JobJobs",
    "JobList",
    "JobMove",
    "JobParams",
    "JobPrioritise",
    "JobProgress",
    "JobRelease",
    "JobRemove",
    "JobRemoved",
    "JobRerun",
    "JobRetry",
    "JobState",
    "JobSubmit",
    "JobWatch",
    "JsonObject",
    "KeyframeParams",
    "Licence",
    "Limits",
    "Locate",
    "Located",
    "Pair",
    "PairCode",
    "PairOpen",
    "Paired",
    "Part",
    "PartState",
    "Ping",
    "Pong",
    "QueuePause",
    "QueueResume",
    "QueueState",
    "QueueWatch",
    "Result",
    "ServerMessage",
    "SetupInstall",
    "SetupPhase",
    "SetupRemove",
    "SetupState",
    "SetupStop",
    "SetupWatch",
    "Snapshot",
    "State",
    "Stopping",
    "TransferAbort",
    "TransferAborted",
    "TransferAck",
    "TransferBegin",
    "TransferDone",
    "TransferEnd",
    "TransferFetch",
    "TransferHave",
    "TransferOffer",
    "TransferReady",
    "TransferSent",
    "Work",
    "changes",
    "decode_client",
    "decode_server",
    "encode",
    "job_params",
    "params_hash",
]


@functools.cache
def _client() -> TypeAdapter[ClientMessage]:
    """Made when the first client comes: an idle service stays small."""
    return TypeAdapter(ClientMessage)


@functools.cache
def _server() -> TypeAdapter[ServerMessage]:
    """Only a client reads these: the service is spared their making, and their memory."""
    return TypeAdapter(ServerMessage)


_M = TypeVar("_M")
_Part = TypeVar("_Part", bound=Asked)


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
    return _decode(text, _client())


def decode_server(text: str) -> ServerMessage:
    """Read what a service sent. Raises EnvelopeError and MessageError as `decode_client` does."""
    return _decode(text, _server())


def job_params(raw: JsonObject) -> JobParams:
    """Read the parameters of a `job.submit`. Raises MessageError."""
    return _strict(JobParams, raw)


def changes(raw: JsonObject) -> Changes:
    """Read the changes of a `job.rerun`. Raises MessageError."""
    return _strict(Changes, raw)


def params_hash(raw: JsonObject) -> str:
    """sha256 of the canonical JSON of `raw`: keys in order, no white space, UTF-8 (PROTOCOL.md, “Parameter hash”)."""
    text = json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _strict(kind: type[_Part], raw: JsonObject) -> _Part:
    try:
        return kind.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise _invalid(error) from None


_ID = re.compile(r"[\x21-\x7e]{1,64}")
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
    if _ID.fullmatch(ref) is None:
        raise EnvelopeError.malformed("“id” is not 1 to 64 printable ASCII characters without spaces")
    del envelope["v"]
    try:
        flat = json.dumps({**envelope, **data}, allow_nan=False)
    except ValueError:  # from_json reads 1e999 as infinity
        raise EnvelopeError.malformed("a number in it is too large") from None
    try:
        return adapter.validate_json(flat)
    except ValidationError as error:
        raise _invalid(error, str(envelope["type"]), ref) from None


def _invalid(error: ValidationError, name: str = "", answers: str | None = None) -> MessageError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "union_tag_invalid":
        fault = MessageError.unknown_type(name)
    else:
        where = ".".join(str(part) for part in first["loc"] if part != name) or "message"
        fault = MessageError.invalid(where[:128], first["msg"].rstrip("."))
    fault.answers = answers
    return fault
