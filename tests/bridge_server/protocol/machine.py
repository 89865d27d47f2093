"""A service without sockets, driven by chance: sessions on one book and journal, and whatever may befall them.

`sequence` plays one random sequence and checks after each step what must hold at any time. What is drawn depends on the
`Random` alone, so that a seed that finds a fault finds it again.
"""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import bridge_server
from bridge_server.errors import BridgeError, GrantError, JobError, WorkerError
from bridge_server.intake import FileShelf
from bridge_server.jobs import JobBook
from bridge_server.library import FileLibrary
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.pairing import Door
from bridge_server.protocol.ports import Arrange, Bridge, Close, Deliver, End, Look, News, Outgoing, Question, Release
from bridge_server.protocol.proof import padded, proof
from bridge_server.protocol.session import Session
from bridge_server.protocol.transfer import HEADER_BYTES, Header, Kind, parse
from bridge_server.security import ClipGrants
from bridge_server.store import Journal
from engine.request import Event, Stage
from tests.bridge_server.protocol.conftest import INSTANCE, PORT, TOKEN
from tests.bridge_server.protocol.drawn import CLIENT, ODD, PICTURE, RAW, RESULT, Drawing, Guest

STEPS = 60
SESSIONS = 4
PAGE = (Path(bridge_server.__file__).parent / "protocol" / "PROTOCOL.md").read_text("utf-8")
CODES = frozenset(re.findall(r"`([a-z]+\.[a-z_]+|internal)`", PAGE))
FAMILIES = tuple(re.findall(r"`([a-z]+\.)\*`", PAGE))


class World(Drawing):
    """The service's state and its clients; `counts` tells what happened."""

    def __init__(self, folder: Path, random: Random, counts: Counter[str]) -> None:
        super().__init__(random, folder / "shot.mov")
        self.folder, self.counts = folder, counts
        self.now, self.ticks = 1_000_000.0, 100.0
        self.acknowledged: set[UUID] = set()
        self.submits: list[tuple[UUID, str]] = []
        self.guests: list[Guest] = []
        self.clip.write_bytes(b"frames")
        self.start()

    # The service

    def start(self) -> None:
        self.journal = Journal(self.folder / "journal.sqlite")
        self.book = JobBook(
            self.folder / "jobs", self.journal, self.tell, clock=lambda: self.now, ticks=lambda: self.ticks
        )
        self.door = Door(lambda: self.ticks)
        self.book.recover()

    def crash(self) -> None:
        before = self.book.queue().order
        self.journal.close()
        for guest in self.guests:  # what closes with the process, without a word
            guest.session.close()
        self.guests.clear()
        self.start()
        after = [job for job in self.book.queue().order if job in before]
        assert after == list(before), "a restart changed the order"

    def tell(self, news: News) -> None:
        if isinstance(news, m.JobState):
            kept = self.journal.find(news.job)
            assert kept is not None, "told of a job that is not in the journal"
            assert kept.snapshot.seq == news.seq, "told what is not in the journal"
            assert kept.snapshot.state == news.state
        if isinstance(news, (m.JobState, m.JobProgress)):
            assert news.seq > self.last.get(news.job, 0), "a number came twice"
            self.last[news.job] = news.seq
            if isinstance(news, m.JobState) and news.state == "done":
                self.done.append(news.job)
        if isinstance(news, m.JobRemoved):
            self.acknowledged.discard(news.job)
            for known in (self.last, *(guest.told for guest in self.guests)):
                known.pop(news.job, None)  # submitted again, it is a new job
        for guest in self.guests:
            self.hear(guest, guest.session.notify(news))

    # What a client hears

    def hear(self, guest: Guest, outgoing: Iterable[Outgoing | bytes]) -> None:
        for item in outgoing:
            self.counts[type(item).__name__] += 1
            match item:
                case bytes():
                    header, payload = parse(item)
                    assert header.kind is Kind.CHUNK
                    assert header.offset == guest.fetches[header.owner], "a fetch has a gap"
                    guest.fetches[header.owner] += len(payload)
                case Deliver():
                    guest.due.append(item.transfer)
                case Question() | Arrange():
                    guest.questions.append(item)
                case Close():
                    assert item.code in limits.CloseCode
                    assert guest.session.closed
                    assert 0 <= item.after <= 8
                case Look() | Release() | End():
                    pass
                case _:
                    self.read(guest, item)

    def read(self, guest: Guest, message: m.ServerMessage) -> None:
        text = m.encode(message)
        assert m.decode_server(text) == message, text
        assert message.id not in guest.ids, "an id came twice"
        guest.ids.add(message.id)
        match message:
            case m.Error():
                self.counts[message.code] += 1
                assert message.code in CODES or message.code.startswith(FAMILIES), f"{message.code} is not documented"
                assert message.message.isprintable(), "an error has more than one line"
                assert message.message.endswith("."), message.message
                assert message.hint.endswith(".")
            case m.GrantGiven():
                guest.grants.append(message.grant)
            case m.TransferReady():
                guest.transfers.append(message.transfer)
            case m.TransferOffer():
                guest.fetches[message.transfer] = message.offset
            case m.JobAccepted():
                assert self.journal.find(message.job) is not None, "accepted what is not in the journal"
                self.acknowledged.add(message.job)
                guest.told[message.job] = max(message.seq, guest.told.get(message.job, 0))
            case m.JobState() | m.JobProgress() if message.re is None:
                assert message.seq > guest.told.get(message.job, 0), "told twice, or out of order"
                guest.told[message.job] = message.seq
            case m.JobJobs():
                assert len({job.job for job in message.jobs}) == len(message.jobs), "a job is listed twice"

    def say(self, guest: Guest, message: str | bytes) -> None:
        self.counts["messages"] += 1
        shut = guest.session.closed
        watched = dict(guest.told)
        outgoing = guest.session.receive(message)
        assert not (shut and outgoing), "a closed session spoke"
        replayed = [item for item in outgoing if isinstance(item, (m.JobState, m.JobProgress)) and item.re]
        numbers = [item.seq for item in replayed]
        assert numbers == sorted(set(numbers)), "a replay is out of order"
        self.hear(guest, outgoing)
        if any(isinstance(item, Look) and item.job is not None for item in outgoing):
            guest.told[replayed[-1].job] = max(numbers[-1], watched.get(replayed[-1].job, 0))

    # What must hold at any time

    def check(self) -> None:
        queue, running = list(self.book._queue), self.book._running
        waiting = {job.record.id for job in queue}
        kept = {job.record.id: job for job in self.journal.live()}
        busy = {job.record.id for job in kept.values() if job.snapshot.state == "running"}
        assert busy == ({running.job.record.id} if running else set()), "what runs differs from the journal"
        assert not busy & waiting, "a job is in two places"
        assert busy | waiting == set(kept), "a live job is nowhere"
        assert all(kept[job.record.id] == job for job in queue), "the queue differs from the journal"
        assert self.acknowledged <= self.journal.ids(), "an acknowledged job is gone"
        assert len(queue) <= limits.WAITING_JOBS
        for guest in self.guests:
            session = guest.session
            assert len(session._transfers._incoming) <= limits.TRANSFERS
            assert len(session._deliveries._under_way) <= limits.TRANSFERS
            assert len(session._questions) <= limits.QUESTIONS
            assert session.closed or set(session._watched) <= self.journal.ids(), "a job is watched that is none"
            files = len(list(guest.incoming.iterdir())) if guest.incoming.is_dir() else 0
            assert files <= len(session._transfers._incoming), "a file is left of no transfer"

    def guest(self) -> Guest:
        """Mostly one that is in; connected now if there is none."""
        within = [guest for guest in self.guests if guest.session.identified and not guest.session.closed]
        if not within:
            self.connect()
        chosen = within if within and self.random.random() < 0.9 else self.guests
        return self.random.choice(chosen)

    # What may befall

    def connect(self) -> None:
        if len(self.guests) >= SESSIONS:
            self.guests.pop(self.random.randrange(len(self.guests))).session.close()
        challenge, id, grants = self.random.randbytes(32), self.uuid(), ClipGrants(forbidden=(self.folder / "jobs",))
        incoming = self.folder / "incoming" / str(id)
        session = Session(
            Bridge(INSTANCE, "0.1.0", TOKEN, PORT, self.door),
            id,
            challenge,
            jobs=self.book,
            grants=grants,
            shelf=FileShelf(incoming),
            library=FileLibrary(self.book, grants, lambda grant, clip, frame, small: self.folder / f"{frame}.png"),
        )
        guest = Guest(session, challenge, incoming)
        self.guests.append(guest)
        self.hear(guest, session.open())
        draw = self.random.random()
        if draw < 0.8:
            self.say(guest, self.text(guest, "identify"))
            self.say(guest, self.text(guest, "grant.clip"))
        elif draw < 0.9:
            self.pair(guest)
        elif draw < 0.95:
            self.say(guest, self.text(guest, self.random.choice([*CLIENT])))

    def pair(self, guest: Guest) -> None:
        """Pair as a host does, and see that the token is the right one."""
        code, asked = self.door.open(), self.text(guest, "pair")
        outgoing = guest.session.receive(asked)
        self.hear(guest, outgoing)
        (paired,) = outgoing
        assert isinstance(paired, m.Paired)
        nonce = bytes.fromhex(json.loads(asked)["data"]["nonce"])
        said: dict[str, Any] = {"port": PORT, "challenge": guest.challenge, "nonce": nonce, "instance": INSTANCE}
        assert padded(bytes.fromhex(paired.token), proof(code.encode(), "ptk", **said)) == TOKEN
        assert self.door.code is None, "a code is good for two"

    def speak(self) -> None:
        guest = self.guest()
        kinds = [*CLIENT, *(["grant.clip"] * 3 if len(guest.grants) < 2 else [])]
        self.say(guest, self.text(guest, self.random.choice(kinds)))

    def stammer(self) -> None:
        """A message of which a member is gone, odd, in the wrong place or one too many."""
        guest, random = self.guest(), self.random
        message = json.loads(self.text(guest, random.choice([*CLIENT])))
        part = message if random.random() < 0.2 else message["data"]
        name = random.choice([*part, "extra", "seq", "é\n"])
        draw = random.random()
        if draw < 0.25:
            part.pop(name, None)
        elif draw < 0.85:
            part[name] = random.choice(ODD)
        else:
            part[name] = "@@"
        self.say(guest, json.dumps(message).replace('"@@"', random.choice(RAW)))

    def babble(self) -> None:
        """A text of which letters were lost, changed or doubled."""
        guest, random = self.guest(), self.random
        text = self.text(guest, random.choice([*CLIENT]))
        for _ in range(random.randrange(1, 4)):
            place = random.randrange(len(text) + 1)
            text = random.choice(
                [
                    text[:place],
                    text[:place] + chr(random.choice([0, 34, 92, 123, 0xE9, 0x1F600])) + text[place + 1 :],
                    text[:place] + text[place // 2 :],
                    text[place:],
                ]
            )
        self.say(guest, text)

    def upload(self) -> None:
        """A whole picture."""
        self.picture(self.guest())

    def picture(self, guest: Guest) -> None:
        data = {"transfer": str(self.uuid()), "kind": "raw", "size": 12, "width": 2, "height": 2}
        begin = {"v": 1, "type": "transfer.begin", "id": self.id(), "data": {**data, "channels": 3, "bits": 8}}
        self.say(guest, json.dumps(begin))
        transfer = UUID(str(data["transfer"]))
        cut = self.random.choice([12, 12, 5])
        for offset, piece in ((0, PICTURE[:cut]), (cut, PICTURE[cut:])):
            if piece:
                self.say(guest, Header(Kind.CHUNK, transfer, 0, offset).pack() + piece)
        sha256 = hashlib.sha256(PICTURE).hexdigest()
        end = {"transfer": str(transfer), "size": 12, "sha256": sha256}
        self.say(guest, json.dumps({"v": 1, "type": "transfer.end", "id": self.id(), "data": end}))

    def frame(self) -> None:
        """A binary message: a chunk in its place or elsewhere, of this transfer or another's, whole or spoilt."""
        guest, random = self.guest(), self.random
        owner = self.some([transfer for other in self.guests for transfer in other.transfers])
        offset = random.choice([0, 0, 5, 12, 2**64 - 1])
        message = bytearray(Header(Kind.CHUNK, owner, random.getrandbits(32), offset).pack())
        message += random.choice([PICTURE, PICTURE[5:], b"x", bytes(30)])
        draw = random.random()
        if draw < 0.15:
            message[random.randrange(HEADER_BYTES)] ^= 1 << random.randrange(8)
        elif draw < 0.2:
            message = message[: random.randrange(len(message))]
        self.say(guest, bytes(message))

    def submit(self) -> None:
        """A job that is most likely accepted, or one that was submitted before, or another under its id."""
        guest, random = self.guest(), self.random
        if self.submits and random.random() < 0.2:
            job, text = random.choice(self.submits)
            message = json.loads(text)
            if random.random() < 0.3:
                params = {**message["data"]["params"], "seed": 77}
                message["data"] |= {"params": params, "hash": m.params_hash(params)}
            self.say(guest, json.dumps({**message, "id": self.id(), "job": str(job)}))
            return
        self.picture(guest)
        text = self.text(guest, "job.submit")
        self.submits.append((UUID(json.loads(text)["job"]), text))
        self.say(guest, text)

    def fetch(self) -> None:
        """Ask for a file, or go on with what is to be delivered, and acknowledge it."""
        guest = self.guest()
        if not guest.due:
            self.say(guest, self.text(guest, "transfer.fetch"))
        due, guest.due = guest.due, []
        for transfer in due:
            shut = guest.session.closed
            outgoing = guest.session.next_of(transfer)
            assert not (shut and outgoing), "a closed session spoke"
            self.hear(guest, outgoing)
            if transfer in guest.fetches and self.random.random() < 0.8:
                have = {"transfer": str(transfer), "offset": guest.fetches[transfer]}
                self.say(guest, json.dumps({"v": 1, "type": "transfer.ack", "id": self.id(), "data": have}))

    def answer(self) -> None:
        """The engine answers a question, or something was arranged, also after the client is gone."""
        guest = self.guest()
        if not guest.questions:
            return
        question = guest.questions.pop(self.random.randrange(len(guest.questions)))
        answers: list[m.ServerMessage | BridgeError] = [
            WorkerError.too_long(2),
            WorkerError("clip.empty", "It is empty.", "Choose another."),
        ]
        if isinstance(question, Question):
            answers.append(m.Located(grant=question.grant, frame=3, confidence=0.5))
            answers.append(m.ClipFrameWritten(grant=question.grant, frame=3, path="/x.png"))
        else:
            answers.append(m.SetupState(parts=(m.Part(part="engine", group="videoshop", state="absent"),)))
        self.hear(guest, guest.session.answer(question, self.random.choice(answers)))

    def run(self) -> None:
        """The runner starts a job, or the engine goes on with it."""
        random, job = self.random, self.book.next()
        if job is not None:
            if random.random() < 0.15:
                self.journaled(lambda: self.book.fail(job.record.id, GrantError.missing("shot.mov")))
            else:
                self.journaled(lambda: self.book.start(job.record.id))
            return
        stages: tuple[Stage, ...] = ("probe", "propagate", "propagate", "propagate", "write")
        stage, done = random.choice(stages), random.randrange(61)
        self.ticks += random.choice([0, 0.05, 1])
        message = random.choice([None, "Two frames were skipped.", "\n\udc80" + "x" * 9999])
        self.journaled(lambda: self.book.advance(Event(stage=stage, done=done, total=60, message=message)))

    def end(self) -> None:
        """The engine is done, in one way or another."""
        if self.book._running is None:
            return
        folder = self.book._running.job.record.request.output
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "flat.mp4").write_bytes(RESULT)
        outcomes: list[m.Result | BridgeError] = [
            m.Result(folder=str(folder), files=("flat.mp4",)),
            WorkerError.stopped(),
            WorkerError.disk_full(),
            WorkerError.crashed(-9, "ref"),
            WorkerError("clip.damaged", "It is\ndamaged.", "Choose another."),
        ]
        outcome = self.random.choice([*outcomes[:1], *outcomes])
        self.journaled(lambda: self.book.end(outcome))

    def leave(self) -> None:
        guest = self.guest()
        guest.session.close()
        assert guest.session.receive(self.text(guest, "ping")) == []

    def late(self) -> None:
        guest = self.guest()
        self.hear(guest, guest.session.overdue())

    def restart(self) -> None:
        if self.random.random() < 0.5:
            self.journaled(self.book.interrupt)
        self.crash()

    def time(self) -> None:
        """The wall clock goes, or is set forward or back; the other one only goes."""
        self.now += self.random.choice([1, 60, -3600, 86400 * 400, -86400 * 400])
        self.ticks += self.random.choice([0, 1, 400])

    def disk(self) -> None:
        """The journal refuses to be written, or does no longer."""
        refused = self.random.random() < 0.25
        self.journal._base.execute(f"PRAGMA query_only = {'ON' if refused else 'OFF'}")

    def clips(self) -> None:
        """The clip changes, goes, or is back."""
        if self.random.random() < 0.7:
            self.clip.write_bytes(b"frames" * self.random.randrange(1, 3))
        else:
            self.clip.unlink(missing_ok=True)

    def thief(self) -> None:
        """Somebody tidies up in the service's folders."""
        below = sorted(path for path in self.folder.rglob("*") if path.is_dir())
        if below:
            shutil.rmtree(self.random.choice(below))

    def journaled(self, act: Callable[[], object]) -> None:
        """What the service itself does may find that the journal refuses."""
        try:
            act()
        except JobError as error:
            if error.code != "job.not_kept":
                raise


ACTS: dict[Callable[[World], None], int] = {
    World.connect: 4,
    World.speak: 24,
    World.stammer: 5,
    World.babble: 3,
    World.upload: 3,
    World.frame: 4,
    World.submit: 10,
    World.fetch: 6,
    World.answer: 2,
    World.run: 14,
    World.end: 5,
    World.leave: 1,
    World.late: 1,
    World.restart: 2,
    World.time: 2,
    World.disk: 3,
    World.clips: 1,
    World.thief: 1,
}


def sequence(folder: Path, random: Random, counts: Counter[str]) -> None:
    """Play one sequence in an empty folder. Raises AssertionError, or whatever the service lets out."""
    world = World(folder, random, counts)
    try:
        world.connect()
        for act in random.choices([*ACTS], [*ACTS.values()], k=STEPS):
            counts[act.__name__] += 1
            act(world)
            world.check()
    finally:
        for guest in world.guests:
            guest.session.close()
        world.journal.close()
