"""One connection's rules as a value: messages in, messages out. No socket, no event loop, no clock, no file."""

from pathlib import Path
from uuid import UUID

from bridge_server.errors import BridgeError, JobError, MessageError, ServiceError, TransferError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.delivery import Deliveries, Library
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.pairing import shown
from bridge_server.protocol.ports import (
    Arrange,
    Bridge,
    Close,
    Deliver,
    End,
    Grants,
    Jobs,
    Look,
    News,
    Outgoing,
    Question,
    Release,
    Rerun,
    Submission,
)
from bridge_server.protocol.proof import Role, padded, proof, same
from bridge_server.protocol.transfer import Kind, Reassembly, Shelf, parse


class Session:
    """The service's side of one connection.

    `open` gives the first message; `receive` takes each message and gives what follows from it; `notify` gives what
    news of a job, the queue or the setup means for this client; `answer` does so for the answer to a `Question` or to
    what it was to `Arrange`;
    `next_of` gives what is to be sent next of a fetched file.
    """

    def __init__(
        self,
        bridge: Bridge,
        id: UUID,
        challenge: bytes,
        *,
        jobs: Jobs,
        grants: Grants,
        shelf: Shelf,
        library: Library,
    ) -> None:
        self._bridge, self.id, self._challenge = bridge, id, challenge
        self._jobs, self._grants = jobs, grants
        self._transfers, self._library, self._deliveries = Reassembly(shelf), library, Deliveries(library)
        self._uploads: set[UUID] = set()
        self._watched: dict[UUID, int] = {}
        self._watches_all = self._watches_setup = False
        self._questions: set[str] = set()
        self._count = 0
        self.client: UUID | None = None
        self.host = ""
        self.closed = False

    @property
    def identified(self) -> bool:
        return self.client is not None

    def open(self) -> list[Outgoing]:
        hello = m.Hello(
            bridge_version=self._bridge.version,
            instance=self._bridge.instance,
            challenge=self._challenge.hex(),
            features=self._bridge.features,
        )
        return [self._numbered(hello)]

    def receive(self, message: str | bytes) -> list[Outgoing]:
        """What follows from a text or binary message. Never raises for anything that a client can send."""
        if self.closed:
            return []
        try:
            if not self.identified:
                return self._introduced(message)
            if isinstance(message, bytes):
                return self._chunk(message)
            return self._answered(m.decode_client(message))
        except m.EnvelopeError as error:
            return self._close(CloseCode.MALFORMED, str(error), error)
        except MessageError as error:
            return [self._error(error, error.answers)]

    def notify(self, news: News) -> list[Outgoing]:
        """Tell of news if the client watches what it is about and does not know it yet."""
        if self.closed:
            return []
        if isinstance(news, m.QueueState):
            return [self._numbered(news)] if self._watches_all else []
        if isinstance(news, m.SetupState):
            return [self._numbered(news)] if self._watches_setup else []
        if isinstance(news, m.JobRemoved):
            watched = self._watched.pop(news.job, None) is not None
            return [self._numbered(news)] if watched or self._watches_all else []
        if self._watched.get(news.job, 0 if self._watches_all else news.seq) >= news.seq:
            return []
        self._watched[news.job] = news.seq
        return [self._numbered(news)]

    def watches(self, job: UUID) -> bool:
        return not self.closed and (self._watches_all or job in self._watched)

    def next_of(self, transfer: UUID) -> list[bytes | Outgoing]:
        """The next chunk of a fetched file, as far as the client has room for it; after the last one, its end."""
        delivery = self._deliveries.find(transfer)
        if self.closed or delivery is None:
            return []
        delivery.asked = False
        outgoing: list[bytes | Outgoing] = []
        if delivery.ready:
            try:
                outgoing.append(delivery.next())
            except TransferError as error:
                self._deliveries.stop(transfer)
                return [self._error(error, f"transfer:{transfer}")]
        if delivery.finished:
            self._deliveries.stop(transfer)
            return [*outgoing, self._numbered(delivery.end())]
        return [*outgoing, *self._deliver(transfer)]

    def answer(self, question: Question | Arrange, answer: m.ServerMessage | BridgeError) -> list[Outgoing]:
        """Pass on the answer of the engine, or of who sets parts up."""
        self._questions.discard(question.re)
        if self.closed:
            return []
        if isinstance(answer, BridgeError):
            return [self._error(answer, question.re)]
        return [self._numbered(answer.model_copy(update={"re": question.re}))]

    def overdue(self) -> list[Outgoing]:
        """The time to identify is over."""
        if self.identified or self.closed:
            return []
        return self._close(CloseCode.IDENTIFY_TIMEOUT, "identify did not come in time")

    def close(self) -> None:
        """The connection is gone: throw its transfers away. Its jobs go on."""
        self.closed = True
        self._transfers.close()
        self._deliveries.close()

    # Handshake

    def _introduced(self, message: str | bytes) -> list[Outgoing]:
        said = None
        if isinstance(message, str):
            try:
                said = m.decode_client(message)
            except MessageError:
                said = None
        if not isinstance(said, (m.Identify, m.Pair)):
            return self._close(CloseCode.NOT_IDENTIFIED, "the first message must be identify or pair")
        if said.protocol != limits.PROTOCOL:
            return self._close(CloseCode.VERSION, f"this bridge speaks protocol {limits.PROTOCOL}")
        return self._identify(said) if isinstance(said, m.Identify) else self._pair(said)

    def _identify(self, identify: m.Identify) -> list[Outgoing]:
        token, nonce = self._bridge.token, bytes.fromhex(identify.nonce)
        if not same(bytes.fromhex(identify.hmac), self._proof(token, "cli", nonce)):
            wait = self._bridge.door.wrong()
            return self._close(CloseCode.WRONG_TOKEN, "the token is not this bridge's", after=wait)
        self.client, self.host = identify.client, identify.host
        hmac = self._proof(token, "srv", nonce)
        reply = m.Identified(hmac=hmac.hex(), session=self.id, jobs=self._jobs.list())
        return [self._reply(identify, reply)]

    def _pair(self, pair: m.Pair) -> list[Outgoing]:
        """Give the token to a client that knows the pairing code, under a pad that only the code makes."""
        door, nonce = self._bridge.door, bytes.fromhex(pair.nonce)
        code = (door.code or "").encode()
        if not code or not same(bytes.fromhex(pair.hmac), self._proof(code, "pcl", nonce)):
            return self._close(CloseCode.WRONG_CODE, "this is not the pairing code", after=door.wrong_code())
        door.used()
        sealed = padded(self._bridge.token, self._proof(code, "ptk", nonce))
        hmac = self._proof(code, "psv", nonce, more=sealed)
        return [self._reply(pair, m.Paired(hmac=hmac.hex(), token=sealed.hex()))]

    def _proof(self, key: bytes, role: Role, nonce: bytes, more: bytes = b"") -> bytes:
        bridge, challenge = self._bridge, self._challenge
        return proof(key, role, port=bridge.port, challenge=challenge, nonce=nonce, instance=bridge.instance, more=more)

    # One rule for each message

    def _answered(self, message: m.ClientMessage) -> list[Outgoing]:
        try:
            return self._rule(message)
        except BridgeError as error:
            return [self._error(error, message.id)]

    def _rule(self, message: m.ClientMessage) -> list[Outgoing]:
        match message:
            case m.Identify() | m.Pair():
                raise MessageError.invalid(message.type, "this connection is identified already")
            case m.PairOpen():
                code = shown(self._bridge.door.open())
                return [self._reply(message, m.PairCode(code=code, seconds=limits.CODE_SECONDS))]
            case m.Ping():
                return [self._reply(message, m.Pong())]
            case m.GrantClip():
                return self._given(message, *self._grants.give(message.path))
            case m.ClipProbe():
                return self._ask(Question(message.id, "probe", message.grant, self._grants.resolve(message.grant)))
            case m.ClipFrame():
                clip = self._grants.resolve(message.grant)
                return self._ask(
                    Question(message.id, "frame", message.grant, clip, frame=message.frame, small=message.small)
                )
            case m.Locate():
                clip = self._grants.resolve(message.grant)
                edited = self._transfers.image(message.edited)
                return self._ask(Question(message.id, "locate", message.grant, clip, edited=edited))
            case m.GrantUpload():
                given = self._grants.give_own(self._transfers.clip(message.transfer))
                self._uploads.add(given[0])
                return self._given(message, *given)
            case m.GrantResult():
                path = self._library.find(m.JobFile(job=message.job, file=message.file))
                return self._given(message, *self._grants.give_own(path))
            case m.TransferBegin() | m.ClipBegin():
                incoming = self._transfers.begin(message)
                return [self._reply(message, m.TransferReady(transfer=message.transfer, offset=incoming.offset))]
            case m.TransferEnd():
                self._transfers.end(message)
                done = m.TransferDone(transfer=message.transfer, size=message.size, sha256=message.sha256)
                return [self._reply(message, done)]
            case m.TransferAbort():
                self._deliveries.stop(message.transfer)
                self._transfers.abort(message.transfer)
                return [self._reply(message, m.TransferAborted(transfer=message.transfer))]
            case m.TransferFetch():
                return self._fetch(message)
            case m.TransferHave():
                delivery = self._deliveries.find(message.transfer)
                if delivery is None:
                    return []
                delivery.have(message.offset)
                return self._deliver(message.transfer)
            case m.JobSubmit():
                return self._submit(message)
            case m.JobEstimate():
                asked, clip, files = self._asked(message.params)
                return self._ask(Question(message.id, "estimate", asked.grant, clip, params=asked, files=files))
            case m.JobRerun():
                return self._rerun(message)
            case m.JobWatch():
                return self._watch(message)
            case m.JobCancel():
                return self._changed(message, self._jobs.cancel(message.job))
            case m.JobHold():
                return self._changed(message, self._jobs.hold(message.job))
            case m.JobRelease():
                return self._changed(message, self._jobs.release(message.job))
            case m.JobRetry():
                return self._changed(message, self._jobs.retry(message.job))
            case m.JobPrioritise():
                return self._changed(message, self._jobs.prioritise(message.job, message.priority))
            case m.JobMove():
                return self._changed(message, self._jobs.move(message.job, message.before))
            case m.JobDescribe():
                snapshot, params = self._jobs.describe(message.job)
                return [self._reply(message, m.JobDescribed(job=snapshot.job, params=params))]
            case m.JobRemove():
                removed = self._jobs.remove(message.job)
                self._watched.pop(message.job, None)
                return [self._reply(message, removed)]
            case m.JobList():
                return [self._reply(message, m.JobJobs(jobs=self._jobs.list()))]
            case m.JobHistory():
                jobs = self._jobs.history(message.before, message.limit)
                return [self._reply(message, m.JobJobs(jobs=jobs))]
            case m.QueueWatch():
                self._watches_all = True
                return [self._reply(message, self._jobs.queue()), Look(None)]
            case m.QueuePause():
                return [self._reply(message, self._jobs.pause(now=message.now))]
            case m.QueueResume():
                return [self._reply(message, self._jobs.resume())]
            case m.EngineRelease():
                return [self._reply(message, m.EngineReleased()), Release()]
            case m.SetupWatch():
                self._watches_setup = True
                return self._ask(Arrange(message.id, "look"))
            case m.SetupInstall():
                return self._ask(Arrange(message.id, "install", message.part, message.accepted, message.token))
            case m.SetupRemove():
                return self._ask(Arrange(message.id, "remove", message.part))
            case m.SetupStop():
                return self._ask(Arrange(message.id, "stop", message.part))
            case m.BridgeEnd():
                if not message.now and any(job.state == "running" for job in self._jobs.list()):
                    raise ServiceError.busy()
                return [self._reply(message, m.BridgeEnding()), End()]

    def _ask(self, question: Question | Arrange) -> list[Outgoing]:
        if question.re in self._questions:
            raise MessageError.invalid("id", "a message with this id waits for its answer")
        if len(self._questions) >= limits.QUESTIONS:
            raise MessageError.invalid(question.do, f"{limits.QUESTIONS} questions wait for their answer already")
        self._questions.add(question.re)
        return [question]

    def _submit(self, message: m.JobSubmit) -> list[Outgoing]:
        """The same id with the same parameters is the same job; with other parameters it is refused."""
        if m.params_hash(message.params) != message.hash:
            raise JobError.hash_differs()
        snapshot = self._known(message.job, message.hash)
        if snapshot is None:
            params, clip, files = self._asked(message.params)
            uploaded = params.grant in self._uploads
            snapshot = self._jobs.submit(
                Submission(message.job, message.hash, params, clip, files, self.host, message.priority, uploaded)
            )
        return self._accepted(message, snapshot)

    def _asked(self, raw: m.JsonObject) -> tuple[m.JobParams, Path, dict[UUID, Path]]:
        """A job's parameters, its clip and the files of its transfers."""
        params = m.job_params(raw)
        clip = self._grants.resolve(params.grant)
        used = dict.fromkeys(i for key in params.keyframes for i in (key.edited, key.mask) if i is not None)
        return params, clip, {transfer: self._transfers.image(transfer) for transfer in used}

    def _rerun(self, message: m.JobRerun) -> list[Outgoing]:
        """A new job after the model of another, under the rules of `_submit`."""
        if m.params_hash({"of": str(message.of), "changes": message.changes}) != message.hash:
            raise JobError.hash_differs()
        snapshot = self._known(message.job, message.hash)
        if snapshot is None:
            changes = m.changes(message.changes)
            snapshot = self._jobs.rerun(Rerun(message.job, message.hash, message.of, changes, self.host))
        return self._accepted(message, snapshot)

    def _known(self, job: UUID, hash: str) -> m.Snapshot | None:
        known = self._jobs.find(job)
        if known is None:
            return None
        if known[0] != hash:
            raise JobError.conflict()
        return known[1]

    def _accepted(self, message: m.JobSubmit | m.JobRerun, snapshot: m.Snapshot) -> list[Outgoing]:
        self._watched[message.job] = max(snapshot.seq, self._watched.get(message.job, 0))
        return [self._reply(message, m.JobAccepted(**dict(snapshot)))]

    def _changed(self, message: m.ClientMessage, snapshot: m.Snapshot) -> list[Outgoing]:
        return [self._reply(message, m.JobState(**dict(snapshot)))]

    def _watch(self, message: m.JobWatch) -> list[Outgoing]:
        """Tell again what happened after `since`; a client that knows all of it gets the state as it stands."""
        events = self._jobs.since(message.job, message.since)
        self._watched[message.job] = events[-1].seq
        return [*(self._reply(message, event) for event in events), Look(message.job)]

    def _given(self, to: m.ClientMessage, grant: UUID, name: str, size: int) -> list[Outgoing]:
        return [self._reply(to, m.GrantGiven(grant=grant, name=name, size=size))]

    def _fetch(self, message: m.TransferFetch) -> list[Outgoing]:
        reading = self._deliveries.fetch(message).reading
        offer = m.TransferOffer(transfer=message.transfer, name=reading.name, size=reading.size, offset=message.offset)
        return [self._reply(message, offer), *self._deliver(message.transfer)]

    def _deliver(self, transfer: UUID) -> list[Outgoing]:
        """Ask the shell to come for what is ready, once."""
        delivery = self._deliveries.find(transfer)
        if delivery is None or delivery.asked or not (delivery.ready or delivery.finished):
            return []
        delivery.asked = True
        return [Deliver(transfer)]

    def _chunk(self, message: bytes) -> list[Outgoing]:
        try:
            header, payload = parse(message)
            if header.kind is not Kind.CHUNK:
                raise MessageError.malformed("a client sends no previews")
        except MessageError as error:
            return self._close(CloseCode.BAD_CHUNK, str(error), error)
        try:
            incoming = self._transfers.chunk(header, payload)
        except BridgeError as error:
            return [self._error(error, f"transfer:{header.owner}")]
        return [self._numbered(m.TransferAck(transfer=header.owner, offset=incoming.offset))]

    # Envelopes

    def _reply(self, to: m.ClientMessage, reply: m.ServerMessage) -> m.ServerMessage:
        return self._numbered(reply.model_copy(update={"re": to.id}))

    def _numbered(self, message: m.ServerMessage) -> m.ServerMessage:
        self._count += 1
        return message.model_copy(update={"id": f"s{self._count}"})

    def _error(self, error: BridgeError, re: str | None) -> m.ServerMessage:
        ref = f"{self.id.hex[:8]}-{self._count + 1}"
        fault = m.Fault.of(error, ref)
        return self._numbered(m.Error(**dict(fault), re=re))

    def _close(
        self, code: CloseCode, reason: str, error: BridgeError | None = None, *, after: float = 0.0
    ) -> list[Outgoing]:
        outgoing: list[Outgoing] = [self._error(error, None)] if error is not None else []
        self.close()
        return [*outgoing, Close(code, reason.encode()[:120].decode(errors="ignore"), after)]
