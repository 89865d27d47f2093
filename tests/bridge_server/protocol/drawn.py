"""What clients may say, drawn by chance: whole messages of every kind that name what there is, and odd values."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, get_args
from uuid import UUID

from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.pairing import Door
from bridge_server.protocol.ports import Arrange, Question
from bridge_server.protocol.proof import Role, proof
from bridge_server.protocol.session import Session
from tests.bridge_server.protocol.conftest import INSTANCE, PORT, TOKEN

CLIENT: dict[str, type[m.ClientMessage]] = {
    kind.model_fields["type"].default: kind for kind in get_args(get_args(m.ClientMessage)[0])
}
PICTURE = bytes(range(12))
"""2×2 pixels, RGB, 8 bits."""
RESULT = bytes(limits.PIECE + 1000)
ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**53 + 1,
    10**40,
    0.5,
    1e308,
    "",
    "x" * 300,
    "a b",
    "\n\0",
    "../..",
    "é😀",
    [],
    [[]],
    {},
    {"a": {"b": []}},
    "00000000-0000-0000-0000-000000000000",
    "f" * 64,
)
RAW = ("1e999", '"\\ud800"', "NaN", "-0", "9" * 5000, "[" * 300, '{"a":1,"a":2}', "\x00", "1e-999")
"""What replaces a value in the text itself: what no encoder would write."""


@dataclass
class Guest:
    """A client, as far as the machine remembers it."""

    session: Session
    challenge: bytes
    incoming: Path
    grants: list[UUID] = field(default_factory=list)
    transfers: list[UUID] = field(default_factory=list)
    fetches: dict[UUID, int] = field(default_factory=dict)
    told: dict[UUID, int] = field(default_factory=dict)
    due: list[UUID] = field(default_factory=list)
    questions: list[Question | Arrange] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


class Drawing:
    """Draws what is said. It knows the jobs of which something was told (`last`), and those that are done."""

    def __init__(self, random: Random, clip: Path) -> None:
        self.random, self.clip = random, clip
        self.last: dict[UUID, int] = {}
        self.done: list[UUID] = []
        self.door = Door(lambda: 0.0)
        self._count = 0

    def id(self) -> str:
        self._count += 1
        return f"c{self._count}"

    def uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def some(self, known: Iterable[UUID]) -> UUID:
        """Mostly one that is known."""
        choice = list(known)
        return self.random.choice(choice) if choice and self.random.random() < 0.95 else self.uuid()

    def job(self) -> UUID:
        return self.some(self.last)

    def proved(self, guest: Guest, key: bytes, role: Role) -> dict[str, Any]:
        nonce = self.random.randbytes(32)
        said = proof(key, role, port=PORT, challenge=guest.challenge, nonce=nonce, instance=INSTANCE)
        who = {"protocol": 1, "host": "machine", "client": str(self.uuid())}
        return {**who, "nonce": nonce.hex(), "hmac": said.hex()}

    def params(self, guest: Guest) -> dict[str, Any]:
        keyframes = [
            {"edited": str(self.some(guest.transfers)), "frame": self.random.choice([None, 0, 7])}
            for _ in range(self.random.choice([1, 1, 2]))
        ]
        params: dict[str, Any] = {"grant": str(self.some(guest.grants)), "keyframes": keyframes}
        if self.random.random() < 0.3:
            params["seed"] = self.random.randrange(5)
        return params

    def message(self, guest: Guest, kind: str) -> dict[str, Any]:
        """A message of a kind as a client would send it: `job` and `data`."""
        job, random = self.job(), self.random
        about: dict[str, Any] = {"job": str(job)}
        match kind:
            case "identify":
                return {"data": self.proved(guest, TOKEN, "cli")}
            case "pair":
                return {"data": self.proved(guest, (self.door.code or "").encode(), "pcl")}
            case "grant.clip":
                return {"data": {"path": str(random.choice([*[self.clip] * 8, self.clip.parent, "/dev/zero"]))}}
            case "clip.probe":
                return {"data": {"grant": str(self.some(guest.grants))}}
            case "clip.frame":
                return {
                    "data": {
                        "grant": str(self.some(guest.grants)),
                        "frame": random.randrange(3),
                        "small": random.random() < 0.5,
                    }
                }
            case "locate":
                grant, edited = str(self.some(guest.grants)), str(self.some(guest.transfers))
                return {"data": {"grant": grant, "edited": edited}}
            case "transfer.begin":
                size = random.choice([12, 12, 12, 24, 13, limits.TRANSFER + 1])
                data = {"transfer": str(self.uuid()), "kind": "raw", "size": size, "width": 2, "height": size // 6}
                return {"data": {**data, "channels": 3, "bits": 8, "profile": None}}
            case "clip.begin":
                return {"data": {"transfer": str(self.uuid()), "name": random.choice(["a.mov", "../b"]), "size": 12}}
            case "grant.upload":
                return {"data": {"transfer": str(self.some(guest.transfers))}}
            case "grant.result":
                return {"job": str(self.some(self.done)), "data": {"file": random.choice(["flat.mp4", "../in"])}}
            case "job.estimate":
                return {"data": {"params": self.params(guest)}}
            case "transfer.end":
                sha256 = hashlib.sha256(PICTURE).hexdigest()
                return {"data": {"transfer": str(self.some(guest.transfers)), "size": 12, "sha256": sha256}}
            case "transfer.abort":
                return {"data": {"transfer": str(self.some([*guest.transfers, *guest.fetches]))}}
            case "transfer.fetch":
                name = random.choice(["flat.mp4"] * 6 + ["thumbnail.jpg", "../in/x", "layer/1.png"])
                sources = [
                    {"job": str(self.some(self.done)), "file": name},
                    {"grant": str(self.some(guest.grants)), "frame": 1},
                ]
                offset = random.choice([0, 0, 0, 5, len(RESULT), len(RESULT) + 1])
                source = random.choice(sources[:1] * 4 + sources)
                return {"data": {"transfer": str(self.uuid()), "source": source, "offset": offset}}
            case "transfer.ack":
                fetch = self.some(guest.fetches)
                return {"data": {"transfer": str(fetch), "offset": guest.fetches.get(fetch, 3)}}
            case "job.submit":
                params = self.params(guest)
                data = {"hash": m.params_hash(params), "params": params, "priority": random.randrange(-2, 3)}
                return {"job": str(self.uuid()), "data": data}
            case "job.rerun":
                changes = {"seed": random.randrange(3)}
                hash = m.params_hash({"of": str(job), "changes": changes})
                return {"job": str(self.uuid()), "data": {"of": str(job), "hash": hash, "changes": changes}}
            case "job.watch":
                return {**about, "data": {"since": random.choice([0, 0, 1, 3, self.last.get(job, 0), 2**31 - 1])}}
            case "job.prioritise":
                return {**about, "data": {"priority": random.randrange(-3, 4)}}
            case "job.move":
                return {**about, "data": {"before": random.choice([None, str(self.job()), str(self.job())])}}
            case "job.history":
                return {"data": {"before": random.choice([None, str(job)]), "limit": random.choice([1, 2, 100])}}
            case "queue.pause":
                return {"data": {"now": random.random() < 0.5}}
            case _:
                named = about if "job" in CLIENT[kind].model_fields else {}
                return {**named, "data": {}}

    def text(self, guest: Guest, kind: str) -> str:
        return json.dumps({"v": 1, "type": kind, "id": self.id(), **self.message(guest, kind)})
