"""Golden examples of everything that hosts in other languages must get right; their inputs are fixed.

Not part of the service: `schema` writes them beside PROTOCOL.md, and every host's tests read them there.
"""

from uuid import UUID

from bridge_server.protocol import messages as m
from bridge_server.protocol.pairing import normal
from bridge_server.protocol.proof import Role, padded, proof
from bridge_server.protocol.transfer import Header, Kind

TOKEN, CHALLENGE, NONCE = bytes(range(32)), bytes(range(100, 132)), bytes(range(200, 232))
CODE = b"7K0M3XQ1ZD"
PORT = 47821
INSTANCE = UUID("6f1c2f0e-9a0b-4c7d-8e21-000000000007")

JOB, OTHER = UUID("0b9e6f0e-0000-4000-8000-000000000001"), UUID("0b9e6f0e-0000-4000-8000-000000000002")
GRANT, EDITED, MASK = (UUID(f"5e0c1a77-0000-4000-8000-00000000000{last}") for last in "345")
CLIENT = UUID("c11e0000-0000-4000-8000-000000000006")
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

TRICKY: tuple[m.JsonObject, ...] = (
    {},
    {"seed": 1, "grant": "é", "keyframes": [{"frame": 0, "edited": None}]},
    {"b": 1, "a": {"d": [], "c": {}}, "B": [2, 1], "": -1, "aa": True, "a b": False},
    {"composed \u00e9": "\u00e9", "decomposed e\u0301": "e\u0301", "ß": "ſ", "シーン": "映像.mov"},
    {"\U0001f3ac": "by code points behind the next one, by UTF-16 units before it", "\uff5e": 0, "\ue000": 1},
    {'quote"': "\\ / < > & ' \u007f \u00ad", "controls": "\u0000\u0001\b\t\n\u000b\f\r\u001f", "lines": "\u2028\u2029"},
    {"large": 2**53 - 1, "small": -(2**53 - 1), "zero": 0, "text": "1.0", "__proto__": 1, "10": 1, "9": 2},
)


def vectors() -> m.JsonObject:
    """All of them, as JSON: bytes as hexadecimal digits."""
    handshake = {"port": PORT, "challenge": CHALLENGE.hex(), "nonce": NONCE.hex(), "instance": str(INSTANCE)}
    sealed = padded(TOKEN, _proof(CODE, "ptk"))
    return {
        "handshake": handshake,
        "proofs": [
            {"role": role, "key": key.hex(), "more": more.hex(), "proof": _proof(key, role, more).hex()}
            for role, key, more in _PROVEN
        ],
        "pairing": {
            "code": CODE.decode(),
            "token": TOKEN.hex(),
            "paired": {"token": sealed.hex(), "hmac": _proof(CODE, "psv", sealed).hex()},
        },
        "codes": [{"typed": typed, "code": normal(typed)} for typed in _TYPED],
        "hashes": [{"params": params, "hash": m.params_hash(params)} for params in TRICKY],
        "headers": [
            {**header._asdict(), "kind": int(header.kind), "owner": str(header.owner), "bytes": header.pack().hex()}
            for header in _HEADERS
        ],
        "not_headers": [header.hex() for header in _NOT_HEADERS],
        "from_client": [m.encode(message) for message in FROM_CLIENT],
        "from_bridge": [m.encode(message) for message in FROM_BRIDGE],
    }


def _proof(key: bytes, role: Role, more: bytes = b"") -> bytes:
    return proof(key, role, port=PORT, challenge=CHALLENGE, nonce=NONCE, instance=INSTANCE, more=more)


_PROVEN: tuple[tuple[Role, bytes, bytes], ...] = (
    ("cli", TOKEN, b""),
    ("srv", TOKEN, b""),
    ("pcl", CODE, b""),
    ("ptk", CODE, b""),
    ("psv", CODE, bytes(range(32, 64))),
)
_TYPED = ("7K0M3XQ1ZD", "7k0m3-xq1zd", " 7KoM3 XQlZd ", "7KOM3-XQIZD")

_HEADERS = (
    Header(Kind.CHUNK, UUID(int=0x0102), 3, 1029),
    Header(Kind.CHUNK, UUID("ffffffff-ffff-ffff-ffff-ffffffffffff"), 2**32 - 1, 2**53 - 1),
    Header(Kind.PREVIEW, JOB, 20, 0),
)
_FIRST = _HEADERS[0].pack()
_NOT_HEADERS = (
    b"VSB2" + _FIRST[4:],
    _FIRST[:4] + b"\x00" + _FIRST[5:],
    _FIRST[:4] + b"\x03" + _FIRST[5:],
    _FIRST[:5] + b"\x01" + _FIRST[6:],
    _FIRST[:6] + b"\x00\x01" + _FIRST[8:],
)
"""Each with a payload behind it is refused."""

_PARAMS: m.JsonObject = {
    "grant": str(GRANT),
    "keyframes": [{"edited": str(EDITED), "frame": 20, "mask": str(MASK)}],
    "range": {"start": 10, "stop": 50},
    "formats": ["mov", "png"],
    "settings": {"transfer": "appearance"},
    "seed": 7,
}
_CHANGES: m.JsonObject = {"settings": {"transfer": "opaque"}}
_RERUN_HASH = m.params_hash({"of": str(JOB), "changes": _CHANGES})
_PROVING: m.JsonObject = {"protocol": 1, "host": "Photoshop", "client": CLIENT, "nonce": NONCE.hex()}

FROM_CLIENT: tuple[m.ClientMessage, ...] = (
    m.Identify(id="c0", hmac=_proof(TOKEN, "cli").hex(), **_PROVING),
    m.Pair(id="c0", hmac=_proof(CODE, "pcl").hex(), **_PROVING),
    m.PairOpen(id="c1"),
    m.Ping(id="c2"),
    m.GrantClip(id="c3", path="/clips/été – シーン 🎬.mov"),
    m.ClipProbe(id="c4", grant=GRANT),
    m.ClipFrame(id="c5", grant=GRANT, frame=20),
    m.ClipFrame(id="c5", grant=GRANT, frame=20, small=True),
    m.ClipBegin(id="c5", transfer=OTHER, name="Aufnahme 3.mov", size=2**32 + 1),
    m.GrantUpload(id="c5", transfer=OTHER),
    m.GrantResult(id="c5", job=JOB, file="flat.mp4"),
    m.Locate(id="c6", grant=GRANT, edited=EDITED),
    m.TransferBegin(
        id="c7", transfer=EDITED, kind="raw", size=1843200, width=640, height=360, channels=4, bits=16, profile="sRGB"
    ),
    m.TransferEnd(id="c8", transfer=EDITED, size=1843200, sha256=SHA256),
    m.TransferAbort(id="c9", transfer=EDITED),
    m.TransferFetch(id="c10", transfer=MASK, source=m.JobFile(job=JOB, file="thumbnail.jpg")),
    m.TransferFetch(id="c11", transfer=MASK, source=m.ClipFile(grant=GRANT, frame=20), offset=1048576),
    m.TransferHave(id="c12", transfer=MASK, offset=2097152),
    m.JobSubmit(id="c13", job=JOB, hash=m.params_hash(_PARAMS), params=_PARAMS),
    m.JobEstimate(id="c13", params=_PARAMS),
    m.JobRerun(id="c14", job=OTHER, of=JOB, hash=_RERUN_HASH, changes=_CHANGES),
    m.JobWatch(id="c15", job=JOB, since=4),
    m.JobCancel(id="c16", job=JOB),
    m.JobHold(id="c17", job=JOB),
    m.JobRelease(id="c18", job=JOB),
    m.JobRetry(id="c19", job=JOB),
    m.JobPrioritise(id="c20", job=JOB, priority=-10),
    m.JobMove(id="c21", job=OTHER, before=JOB),
    m.JobMove(id="c22", job=OTHER, before=None),
    m.JobDescribe(id="c23", job=JOB),
    m.JobRemove(id="c24", job=JOB),
    m.JobList(id="c25"),
    m.JobHistory(id="c26", before=JOB, limit=10),
    m.QueueWatch(id="c27"),
    m.QueuePause(id="c28", now=True),
    m.QueueResume(id="c29"),
    m.EngineRelease(id="c30"),
    m.SetupWatch(id="c32"),
    m.SetupInstall(id="c33", part="svd", accepted=True),
    m.SetupRemove(id="c34", part="engine"),
    m.SetupStop(id="c35", part="svd"),
    m.BridgeEnd(id="c31", now=True),
)

_SNAPSHOT: m.JsonObject = {
    "job": JOB,
    "priority": 2,
    "attempt": 1,
    "clip": "shot.mov",
    "host": "Photoshop",
    "submitted": 1765000000.5,
}
_STARTED: m.JsonObject = {**_SNAPSHOT, "started": 1765000001.25}
_FAULT = m.Fault(
    code="edit.size_differs",
    message="The edited frame is 2×2 but the clip's frames are 4×4.",
    hint="Export the frame at the clip's size.",
    ref="6f1c2f0e-9",
)
_DONE = m.Result(folder="/home/anna/results/shot", files=("flat.mp4", "layer.mov", "report.json"))

_PARTS = (
    m.Part(
        part="photoshop",
        group="panels",
        state="ready",
        todo=("Start Photoshop again; Plugins > Videoshop opens the panel.",),
        removable=True,
    ),
    m.Part(part="engine", group="videoshop", state="begun", size=7_600_000_000, note="cu128: driver 570", error=_FAULT),
    m.Part(
        part="svd",
        group="videoshop",
        state="absent",
        size=4_500_000_000,
        licence=m.Licence(name="Stability AI Community License", rule="Free below a revenue.", terms="https://a.b/c"),
    ),
)
_WORK = m.Work(part="engine", doing="install", phase="fetch", done=1048576, total=3_000_000_000, note="torch")

FROM_BRIDGE: tuple[m.ServerMessage, ...] = (
    m.Hello(id="s1", bridge_version="0.1.0", instance=INSTANCE, challenge=CHALLENGE.hex()),
    m.Identified(
        id="s2",
        re="c0",
        hmac=_proof(TOKEN, "srv").hex(),
        session=CLIENT,
        jobs=(m.Snapshot(seq=1, state="queued", held=True, **_SNAPSHOT),),
    ),
    m.Paired(id="s3", re="c0", hmac=SHA256, token=TOKEN.hex()),
    m.PairCode(id="s4", re="c1", code="7K0M3-XQ1ZD", seconds=300),
    m.Pong(id="s5", re="c2"),
    m.GrantGiven(id="s6", re="c3", grant=GRANT, name="été – シーン 🎬.mov", size=123456789012),
    m.ClipInfo(
        id="s7",
        re="c4",
        grant=GRANT,
        frames=60,
        fps="30000/1001",
        width=640,
        height=360,
        duration=2.002,
        codec="h264",
        pixel_format="yuv420p",
        bits=8,
        constant_rate=True,
        interlaced=False,
        has_audio=True,
        timecode="01:00:00:00",
    ),
    m.ClipFrameWritten(id="s8", re="c5", grant=GRANT, frame=20, path="/data/frames/shot_000020.png"),
    m.Located(id="s9", re="c6", grant=GRANT, frame=20, confidence=0.875),
    m.TransferReady(id="s10", re="c7", transfer=EDITED, offset=0),
    m.TransferAck(id="s11", transfer=EDITED, offset=1048576),
    m.TransferDone(id="s12", re="c8", transfer=EDITED, size=1843200, sha256=SHA256),
    m.TransferAborted(id="s13", re="c9", transfer=EDITED),
    m.TransferOffer(id="s14", re="c10", transfer=MASK, name="thumbnail.jpg", size=20480, offset=0),
    m.TransferSent(id="s15", transfer=MASK, size=20480, sha256=SHA256),
    m.JobAccepted(id="s16", re="c13", seq=1, state="queued", **_SNAPSHOT),
    m.JobState(id="s17", seq=3, state="running", stopping="hold", stage="propagate", done=3, total=60, **_STARTED),
    m.JobState(id="s18", seq=9, state="done", ended=1765000060.0, result=_DONE, **_STARTED),
    m.JobState(id="s19", seq=9, state="failed", ended=1765000060.0, error=_FAULT, **_STARTED),
    m.JobProgress(
        id="s20", job=JOB, seq=4, stage="propagate", done=4, total=60, frame=24, message="31 frames to paint."
    ),
    m.JobProgress(id="s21", re="c15", job=JOB, seq=5, stage="write", done=1, total=60),
    m.JobEstimated(
        id="s22", re="c13", frames=40, seconds=4.5, memory=712_000_000, windows=2, start=10, stop=60, keyframes=(20, 48)
    ),
    m.JobDescribed(id="s22", re="c23", job=JOB, params={"method": "flow", "seed": 7}),
    m.JobRemoved(id="s23", re="c24", job=JOB),
    m.JobJobs(id="s24", re="c25", jobs=(m.Snapshot(seq=9, state="cancelled", **_STARTED),)),
    m.QueueState(id="s25", re="c27", paused=True, order=(JOB, OTHER)),
    m.EngineReleased(id="s26", re="c30"),
    m.SetupState(id="s30", re="c33", parts=_PARTS, work=_WORK, waiting=("svd",)),
    m.BridgeEnding(id="s29", re="c31"),
    m.Error(id="s27", re="c13", **dict(_FAULT)),
    m.Error(id="s28", code="message.malformed", message="It is no envelope.", hint="Update it.", retryable=True),
)
