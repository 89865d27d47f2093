"""The rules of a connection, without a socket."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from bridge_server.errors import ServiceError, WorkerError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.pairing import shown
from bridge_server.protocol.ports import Arrange, Close, Deliver, End, Look, Outgoing, Question, Release
from bridge_server.protocol.proof import padded, proof
from bridge_server.protocol.transfer import Header, Kind, parse
from bridge_server.records import clip_fault
from engine.request import Event, FrameRange
from tests.bridge_server.protocol.conftest import (
    CHALLENGE,
    INSTANCE,
    NONCE,
    PORT,
    TOKEN,
    Peer,
    begin,
    end,
    pair,
    rerun,
    submit,
)

JOB = UUID(int=99)


def closing(outgoing: list[Outgoing]) -> CloseCode | None:
    return next((item.code for item in outgoing if isinstance(item, Close)), None)


def code(outgoing: list[Outgoing]) -> str | None:
    return next((item.code for item in outgoing if isinstance(item, m.Error)), None)


# Handshake


def test_the_service_speaks_first_and_challenges(stranger: Peer) -> None:
    (hello,) = stranger.session.open()
    assert isinstance(hello, m.Hello)
    assert (hello.protocol_min, hello.protocol_max, hello.instance) == (1, 1, INSTANCE)
    assert bytes.fromhex(hello.challenge) == CHALLENGE


def test_a_client_that_proves_the_token_gets_the_services_own_proof_and_the_jobs(stranger: Peer) -> None:
    (identified,) = stranger.identify()
    assert isinstance(identified, m.Identified)
    theirs = proof(TOKEN, "srv", port=PORT, challenge=CHALLENGE, nonce=NONCE, instance=INSTANCE)
    assert identified.hmac == theirs.hex()
    assert identified.re == "1"
    assert identified.jobs == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"key": bytes(32)},
        {"role": "srv"},
        {"port": PORT + 1},
        {"challenge": bytes(32)},
        {"nonce": bytes(32)},
        {"instance": UUID(int=8)},
    ],
)
def test_a_proof_for_anything_else_is_a_wrong_token(stranger: Peer, changes: dict[str, object]) -> None:
    said: dict[str, Any] = {"port": PORT, "challenge": CHALLENGE, "nonce": NONCE, "instance": INSTANCE}
    said |= {"key": TOKEN, "role": "cli"} | changes
    hmac = proof(**said).hex()
    assert closing(stranger.identify(hmac=hmac)) is CloseCode.WRONG_TOKEN
    assert not stranger.session.identified


def test_a_client_that_knows_the_pairing_code_is_given_the_token_and_then_identifies_itself(stranger: Peer) -> None:
    code = stranger.door.open()
    (paired,) = stranger.say(pair(code))
    assert isinstance(paired, m.Paired)
    sealed = bytes.fromhex(paired.token)
    said: dict[str, Any] = {"port": PORT, "challenge": CHALLENGE, "nonce": NONCE, "instance": INSTANCE}
    assert padded(sealed, proof(code.encode(), "ptk", **said)) == TOKEN
    assert paired.hmac == proof(code.encode(), "psv", more=sealed, **said).hex()
    assert not stranger.session.identified
    (identified,) = stranger.identify()
    assert isinstance(identified, m.Identified)


def test_a_pairing_code_is_good_for_one_client(stranger: Peer, tmp_path: Path) -> None:
    code = stranger.door.open()
    stranger.say(pair(code))
    assert closing(stranger.say(pair(code))) is CloseCode.WRONG_CODE


def test_without_a_code_or_with_a_wrong_one_nothing_is_told(stranger: Peer) -> None:
    assert [type(item) for item in stranger.say(pair("0123456789"))] == [Close]
    assert stranger.session.closed


def test_only_who_is_in_opens_the_pairing(peer: Peer) -> None:
    (code,) = peer.say(m.PairOpen(id="o"))
    assert isinstance(code, m.PairCode)
    assert code.seconds == limits.CODE_SECONDS
    assert peer.door.code is not None
    assert code.code == shown(peer.door.code)


def test_after_five_wrong_proofs_a_wrong_one_is_answered_later(stranger: Peer) -> None:
    for _ in range(5):
        assert stranger.door.wrong() == 0
    (close,) = stranger.identify(hmac="0" * 64)
    assert isinstance(close, Close)
    assert close.after > 0


def test_another_version_of_the_protocol_is_closed(stranger: Peer) -> None:
    assert closing(stranger.identify(protocol=2)) is CloseCode.VERSION


@pytest.mark.parametrize(
    "first", [m.encode(m.JobList(id="1")), "nonsense", "{}", b"", Header(Kind.CHUNK, JOB, 0, 0).pack()]
)
def test_any_other_first_message_closes_and_says_nothing_else(stranger: Peer, first: str | bytes) -> None:
    outgoing = stranger.session.receive(first)
    assert [type(item) for item in outgoing] == [Close]
    assert closing(outgoing) is CloseCode.NOT_IDENTIFIED


def test_a_closed_session_answers_nothing_more(stranger: Peer) -> None:
    stranger.session.receive("nonsense")
    assert stranger.identify() == []


def test_the_time_to_identify_ends_only_for_those_who_did_not(stranger: Peer) -> None:
    assert closing(stranger.session.overdue()) is CloseCode.IDENTIFY_TIMEOUT


def test_an_identified_client_is_never_overdue(peer: Peer) -> None:
    assert peer.session.overdue() == []
    assert code(peer.identify()) == "message.invalid"


# Envelope


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "1",
        "{",
        '{"v":1}',
        '{"v":2,"type":"ping","id":"1","data":{}}',
        "[" * 10000,
        '{"v":1,"type":"ping","id":"","data":{}}',
        '{"v":1,"type":"teleport","id":"a b","data":{}}',
        '{"v":1,"type":"teleport","id":"é","data":{}}',
        '{"v":1,"type":"ping","id":"' + "x" * 65 + '","data":{}}',
        '{"v":1,"type":"ping","id":"1","data":{"n":1e999}}',
        '{"v":1,"type":"ping","id":"1","data":{"n":NaN}}',
        '{"v":1,"type":"ping","id":"1","data":{"n":' + "9" * 5000 + "}}",
        '{"v":1,"type":"ping","id":"1","data":{"n":"\\ud800"}}',
    ],
)
def test_what_is_no_envelope_closes_the_connection(peer: Peer, text: str) -> None:
    outgoing = peer.session.receive(text)
    assert code(outgoing) == "message.malformed"
    assert closing(outgoing) is CloseCode.MALFORMED


@pytest.mark.parametrize(
    ("type", "data", "expected"),
    [
        ("teleport", {}, "message.unknown_type"),
        ("ping", {"extra": 1}, "message.invalid"),
        ("clip.probe", {}, "message.invalid"),
        ("clip.probe", {"grant": "../../etc"}, "message.invalid"),
        ("grant.clip", {"path": 5}, "message.invalid"),
        ("clip.frame", {"grant": str(JOB), "frame": -1}, "message.invalid"),
    ],
)
def test_a_wrong_message_is_answered_with_an_error_and_the_connection_lives(
    peer: Peer, type: str, data: dict[str, object], expected: str
) -> None:
    (error,) = peer.session.receive(json.dumps({"v": 1, "type": type, "id": "q", "data": data}))
    assert isinstance(error, m.Error)
    assert (error.code, error.re) == (expected, "q")
    assert error.ref
    assert [type_of.type for type_of in peer.say(m.Ping(id="p")) if isinstance(type_of, m.Pong)] == ["pong"]


def test_what_an_error_repeats_of_a_message_stays_on_one_line(peer: Peer) -> None:
    for name in ("a\nb", "a\0b", "a\u2028b", "a\x1b[31mb"):
        (error,) = peer.session.receive(json.dumps({"v": 1, "type": "ping", "id": "q", "data": {name: 1}}))
        assert isinstance(error, m.Error)
        assert error.message.isprintable()


# Transfers


def test_a_transfer_is_announced_acknowledged_and_checked(peer: Peer) -> None:
    data = bytes(range(12))
    announced = begin(data)
    (ready,) = peer.say(announced)
    assert isinstance(ready, m.TransferReady)
    assert (ready.offset, ready.credit) == (0, limits.CREDIT)
    (ack,) = peer.session.receive(Header(Kind.CHUNK, announced.transfer, 0, 0).pack() + data[:5])
    assert isinstance(ack, m.TransferAck)
    assert ack.offset == 5
    (resumed,) = peer.say(announced)
    assert isinstance(resumed, m.TransferReady)
    assert resumed.offset == 5
    peer.session.receive(Header(Kind.CHUNK, announced.transfer, 1, 5).pack() + data[5:])
    (done,) = peer.say(end(announced.transfer, data))
    assert isinstance(done, m.TransferDone)
    (file,) = peer.kept()
    assert file.read_bytes().endswith(data)


def test_a_binary_message_that_is_no_chunk_closes_the_connection(peer: Peer) -> None:
    assert closing(peer.session.receive(Header(Kind.PREVIEW, JOB, 0, 0).pack() + b"x")) is CloseCode.BAD_CHUNK


def test_the_transfers_of_a_connection_that_is_gone_are_thrown_away(peer: Peer) -> None:
    peer.upload()
    peer.session.close()
    assert peer.kept() == []


# Questions


def test_a_question_goes_to_the_engine_and_its_answer_comes_back_under_the_same_id(peer: Peer) -> None:
    grant = peer.grant()
    (question,) = peer.say(m.ClipFrame(id="f", grant=grant, frame=3))
    assert isinstance(question, Question)
    assert (question.do, question.frame, question.clip) == ("frame", 3, peer.clip)
    (written,) = peer.session.answer(question, m.ClipFrameWritten(grant=grant, frame=3, path="/x.png"))
    assert isinstance(written, m.ClipFrameWritten)
    assert written.re == "f"


def test_the_engines_refusal_comes_back_as_an_error(peer: Peer) -> None:
    (question,) = peer.say(m.ClipProbe(id="p", grant=peer.grant()))
    assert isinstance(question, Question)
    assert (
        code(peer.session.answer(question, WorkerError("clip.empty", "It is empty.", "Choose another.")))
        == "clip.empty"
    )


def test_without_a_grant_no_question_is_asked(peer: Peer) -> None:
    assert code(peer.say(m.ClipProbe(id="p", grant=uuid4()))) == "grant.unknown"


def test_too_many_questions_at_once_are_refused(peer: Peer) -> None:
    grant = peer.grant()
    for number in range(limits.QUESTIONS):
        assert code(peer.say(m.ClipProbe(id=f"p{number}", grant=grant))) is None
    assert code(peer.say(m.ClipProbe(id="more", grant=grant))) == "message.invalid"


def send_clip(peer: Peer, data: bytes = b"frames of a page", name: str = "a page's.mov") -> UUID:
    """A clip that only the client has, sent; its transfer."""
    clip = m.ClipBegin(id="c", transfer=uuid4(), name=name, size=len(data))
    (ready,) = peer.say(clip)
    assert isinstance(ready, m.TransferReady)
    peer.session.receive(Header(Kind.CHUNK, clip.transfer, 0, 0).pack() + data)
    (done,) = peer.say(end(clip.transfer, data))
    assert isinstance(done, m.TransferDone)
    return clip.transfer


def test_a_clip_that_was_sent_is_granted_and_probed_like_any_other(peer: Peer) -> None:
    (given,) = peer.say(m.GrantUpload(id="g", transfer=send_clip(peer)))
    assert isinstance(given, m.GrantGiven)
    assert (given.name, given.size) == ("a page's.mov", 16)
    (question,) = peer.say(m.ClipProbe(id="p", grant=given.grant))
    assert isinstance(question, Question)
    assert question.clip.read_bytes() == b"frames of a page"


def test_a_job_keeps_its_own_copy_of_a_clip_that_was_sent_and_so_does_its_rerun(peer: Peer) -> None:
    (given,) = peer.say(m.GrantUpload(id="g", transfer=send_clip(peer)))
    assert isinstance(given, m.GrantGiven)
    job = peer.submit(grant=given.grant)
    (again,) = peer.say(rerun(uuid4(), job))
    assert isinstance(again, m.JobAccepted)
    peer.session.close()
    peer.book.cancel(job)
    peer.book.remove(job)
    kept = peer.journal.find(again.job)
    assert kept is not None
    assert kept.record.request.clip.read_bytes() == b"frames of a page"
    assert (kept.snapshot.clip, clip_fault(kept.record)) == ("a page's.mov", None)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "C:\\Users\\me\\x.mov",
        "con.mov",
        "..",
        " . ",
        "a\nb.mov",
        "é" * 128,
        'a<b>:"|?*.mov',
        "/",
    ],
)
def test_a_sent_clips_name_leads_nowhere(peer: Peer, name: str) -> None:
    (given,) = peer.say(m.GrantUpload(id="g", transfer=send_clip(peer, name=name)))
    assert isinstance(given, m.GrantGiven)
    (file,) = [path for path in peer.incoming.rglob("*") if path.is_file()]
    assert file.is_relative_to(peer.incoming)
    assert (file.name, file.parent.parent) == (given.name, peer.incoming)
    peer.session.close()
    assert not peer.incoming.exists()


def test_a_file_of_a_result_is_granted_by_its_name_alone(peer: Peer) -> None:
    job = peer.submit()
    assert code(peer.say(m.GrantResult(id="g", job=job, file="flat.mp4"))) == "transfer.no_file"
    peer.run(job, "flat.mp4")
    (given,) = peer.say(m.GrantResult(id="g", job=job, file="flat.mp4"))
    assert isinstance(given, m.GrantGiven)
    assert given.name == "flat.mp4"
    assert code(peer.say(m.GrantResult(id="g", job=job, file="../in"))) == "transfer.no_file"


def test_an_estimate_is_a_question_about_the_jobs_own_parameters(peer: Peer) -> None:
    params = peer.params(seed=4)
    raw = params.model_dump(mode="json", exclude_defaults=True)
    (question,) = peer.say(m.JobEstimate(id="e", params=raw))
    assert isinstance(question, Question)
    assert (question.do, question.params, question.clip) == ("estimate", params, peer.clip)
    assert list(question.files) == [params.keyframes[0].edited]
    assert code(peer.say(m.JobEstimate(id="f", params={**raw, "grant": str(uuid4())}))) == "grant.unknown"


# Jobs


def test_a_submitted_job_is_accepted_with_its_clip_and_its_own_copies_of_its_images(peer: Peer) -> None:
    (accepted,) = peer.say(submit(JOB, peer.params()))
    assert isinstance(accepted, m.JobAccepted)
    assert (accepted.job, accepted.seq, accepted.state) == (JOB, 1, "queued")
    assert (accepted.clip, accepted.method, accepted.host) == ("shot.mov", "flow", "test")
    peer.session.close()
    kept = peer.journal.find(JOB)
    assert kept is not None
    assert kept.record.request.keyframes[0].edited.read_bytes().endswith(bytes(12))


def test_a_second_submit_with_the_same_id_and_parameters_is_the_same_job(peer: Peer) -> None:
    asked = peer.params()
    first = peer.say(submit(JOB, asked))
    again = peer.say(submit(JOB, asked, id="t"))
    assert [item.type for item in [*first, *again] if isinstance(item, m.JobAccepted)] == ["job.accepted"] * 2
    assert peer.book.queue().order == (JOB,)


def test_a_job_that_ended_long_ago_is_still_the_same_job(peer: Peer) -> None:
    asked = peer.params()
    peer.say(submit(JOB, asked))
    peer.run(JOB, "flat.mp4")
    (again,) = peer.say(submit(JOB, asked))
    assert isinstance(again, m.JobAccepted)
    assert again.state == "done"


def test_the_same_id_with_other_parameters_is_refused(peer: Peer) -> None:
    asked = peer.params()
    peer.say(submit(JOB, asked))
    assert code(peer.say(submit(JOB, asked.model_copy(update={"seed": 1})))) == "job.conflict"


def test_parameters_that_do_not_have_their_hash_are_refused(peer: Peer) -> None:
    message = submit(JOB, peer.params()).model_copy(update={"hash": "0" * 64})
    assert code(peer.say(message)) == "job.hash_differs"


def test_a_mistyped_parameter_is_refused(peer: Peer) -> None:
    raw = peer.params().model_dump(mode="json", exclude_defaults=True) | {"sedd": 1}
    assert code(peer.say(m.JobSubmit(id="s", job=JOB, hash=m.params_hash(raw), params=raw))) == "message.invalid"


def test_a_job_cannot_use_an_image_that_did_not_arrive(peer: Peer) -> None:
    announced = begin()
    peer.say(announced)
    asked = peer.params(keyframes=(m.KeyframeParams(edited=announced.transfer),))
    assert code(peer.say(submit(JOB, asked))) == "transfer.unfinished"
    unknown = peer.params(keyframes=(m.KeyframeParams(edited=uuid4()),))
    assert code(peer.say(submit(JOB, unknown))) == "transfer.unknown"


def test_a_clip_that_changed_after_its_grant_is_refused(peer: Peer) -> None:
    asked = peer.params()
    peer.clip.write_bytes(b"other frames")
    assert code(peer.say(submit(JOB, asked))) == "grant.changed"
    peer.clip.unlink()
    assert code(peer.say(submit(JOB, asked))) == "grant.missing"


def test_only_watched_jobs_are_told_of_and_nothing_is_told_twice(peer: Peer) -> None:
    event = m.JobState(job=JOB, seq=2, state="running")
    assert peer.session.notify(event) == []
    peer.submit(JOB)
    (told,) = peer.session.notify(event)
    assert isinstance(told, m.JobState)
    assert told.seq == 2
    assert peer.session.notify(event) == []


def test_watching_replays_what_came_after_a_number_and_then_shows_the_newest_preview(peer: Peer) -> None:
    peer.submit(JOB)
    peer.book.start(JOB)
    peer.book.advance(Event(stage="probe", done=0, total=1))
    replay = peer.say(m.JobWatch(id="w", job=JOB, since=1))
    assert [(item.seq, item.re) for item in replay if isinstance(item, m.JobState)] == [(2, "w"), (3, "w")]
    assert replay[-1] == Look(JOB)
    assert peer.session.notify(m.JobState(job=JOB, seq=3, state="running")) == []


def test_who_watches_the_queue_is_told_of_every_job_and_of_the_order(peer: Peer) -> None:
    state, look = peer.say(m.QueueWatch(id="q"))
    assert isinstance(state, m.QueueState)
    assert (state.paused, state.order, look) == (False, (), Look(None))
    for news in (m.JobState(job=JOB, seq=1, state="queued"), peer.book.queue(), m.JobRemoved(job=JOB)):
        (told,) = peer.session.notify(news)
        assert type(told) is type(news)
    assert peer.session.watches(uuid4())


def test_who_does_not_watch_the_queue_hears_nothing_of_it(peer: Peer) -> None:
    assert peer.session.notify(peer.book.queue()) == []
    assert peer.session.notify(m.JobRemoved(job=JOB)) == []
    assert not peer.session.watches(JOB)


def test_an_unknown_job_is_never_done(peer: Peer) -> None:
    for message in (
        m.JobWatch(id="w", job=JOB),
        m.JobCancel(id="c", job=JOB),
        m.JobHold(id="c", job=JOB),
        m.JobRelease(id="c", job=JOB),
        m.JobRetry(id="c", job=JOB),
        m.JobPrioritise(id="c", job=JOB, priority=1),
        m.JobMove(id="c", job=JOB, before=None),
        m.JobDescribe(id="c", job=JOB),
        m.JobRemove(id="c", job=JOB),
        rerun(uuid4(), JOB),
    ):
        assert code(peer.say(message)) == "job.unknown", message.type


def test_each_change_is_answered_with_the_job_as_it_stands_now(peer: Peer) -> None:
    one, two = peer.submit(), peer.submit()
    for message, member, value in (
        (m.JobHold(id="x", job=one), "held", True),
        (m.JobRelease(id="x", job=one), "held", False),
        (m.JobPrioritise(id="x", job=one, priority=3), "priority", 3),
        (m.JobMove(id="x", job=one, before=two), "priority", 0),
        (m.JobCancel(id="x", job=one), "state", "cancelled"),
        (m.JobRetry(id="x", job=one), "state", "queued"),
    ):
        (answer,) = peer.say(message)
        assert isinstance(answer, m.JobState), answer
        assert (getattr(answer, member), answer.re) == (value, "x"), message.type


def test_a_pause_and_a_resume_are_answered_with_the_queue(peer: Peer) -> None:
    for message, paused in ((m.QueuePause(id="p", now=True), True), (m.QueueResume(id="r"), False)):
        (state,) = peer.say(message)
        assert isinstance(state, m.QueueState)
        assert state.paused is paused


def test_a_job_is_described_without_grants_transfers_or_paths(peer: Peer) -> None:
    job = peer.submit(seed=5, settings={"transfer": "opaque"})
    (described,) = peer.say(m.JobDescribe(id="d", job=job))
    assert isinstance(described, m.JobDescribed)
    assert described.params == {
        "keyframes": [{"frame": None, "mask": False}],
        "range": {"start": 0, "stop": None},
        "method": "flow",
        "formats": ["mov", "mp4"],
        "settings": {"transfer": "opaque"},
        "seed": 5,
    }
    assert str(peer.clip.parent) not in m.encode(described)


def test_a_rerun_is_a_new_job_with_the_same_images_and_the_named_changes(peer: Peer) -> None:
    old = peer.submit(JOB, seed=5)
    message = rerun(uuid4(), old, seed=6, range=FrameRange(start=3))
    (accepted,) = peer.say(message)
    assert isinstance(accepted, m.JobAccepted)
    assert accepted.job == message.job
    first, second = peer.journal.find(old), peer.journal.find(message.job)
    assert first is not None
    assert second is not None
    assert (second.record.request.seed, second.record.request.range.start) == (6, 3)
    images = [job.record.request.keyframes[0].edited for job in (first, second)]
    assert images[0] != images[1]
    assert images[0].read_bytes() == images[1].read_bytes()


def test_the_same_rerun_again_is_the_same_job_and_another_under_its_id_is_refused(peer: Peer) -> None:
    old, new = peer.submit(), uuid4()
    for _ in range(2):
        (accepted,) = peer.say(rerun(new, old, seed=6))
        assert isinstance(accepted, m.JobAccepted)
    assert peer.book.queue().order == (old, new)
    assert code(peer.say(rerun(new, old, seed=7))) == "job.conflict"
    assert code(peer.say(rerun(uuid4(), old).model_copy(update={"hash": "0" * 64}))) == "job.hash_differs"
    typo = {"sed": 1}
    asked = m.JobRerun(id="r", job=uuid4(), of=old, changes=typo, hash=m.params_hash({"of": str(old), "changes": typo}))
    assert code(peer.say(asked)) == "message.invalid"


def test_ended_jobs_are_told_page_by_page_newest_first(peer: Peer) -> None:
    jobs = [peer.submit() for _ in range(5)]
    for job in jobs:
        peer.clock.now += 1
        peer.say(m.JobCancel(id="c", job=job))
    pages, before = list[UUID](), None
    for _ in range(3):
        (page,) = peer.say(m.JobHistory(id="h", before=before, limit=2))
        assert isinstance(page, m.JobJobs)
        pages += [job.job for job in page.jobs]
        before = pages[-1]
    assert pages == jobs[::-1]


def test_a_removed_job_is_unknown_and_its_files_are_gone(peer: Peer) -> None:
    job = peer.submit()
    assert code(peer.say(m.JobRemove(id="x", job=job))) == "job.state_forbids"
    peer.run(job, "flat.mp4")
    (removed,) = peer.say(m.JobRemove(id="x", job=job))
    assert isinstance(removed, m.JobRemoved)
    assert not peer.book.folder(job).exists()
    assert code(peer.say(m.JobWatch(id="w", job=job))) == "job.unknown"


def test_releasing_the_engine_is_left_to_the_shell(peer: Peer) -> None:
    released, what = peer.say(m.EngineRelease(id="e"))
    assert isinstance(released, m.EngineReleased)
    assert what == Release()


def test_a_client_ends_the_bridge_but_not_in_the_middle_of_a_job_unless_it_says_so(peer: Peer) -> None:
    ending, what = peer.say(m.BridgeEnd(id="e"))
    assert isinstance(ending, m.BridgeEnding)
    assert what == End()
    peer.book.start(peer.submit())
    assert code(peer.say(m.BridgeEnd(id="f"))) == "bridge.busy"
    assert peer.say(m.BridgeEnd(id="g", now=True))[-1] == End()


# What is installed beside the bridge


def test_what_is_to_be_set_up_is_left_to_the_shell_and_answered_when_it_is_known(peer: Peer) -> None:
    (arrange,) = peer.say(m.SetupInstall(id="i", part="svd", accepted=True))
    assert arrange == Arrange("i", "install", "svd", accepted=True)
    assert peer.say(m.SetupRemove(id="r", part="engine")) == [Arrange("r", "remove", "engine")]
    assert peer.say(m.SetupStop(id="s", part="engine")) == [Arrange("s", "stop", "engine")]
    (state,) = peer.session.answer(arrange, m.SetupState(parts=()))
    assert isinstance(state, m.SetupState)
    assert state.re == "i"
    (refused,) = peer.session.answer(Arrange("r", "remove", "engine"), ServiceError.busy())
    assert code([refused]) == "bridge.busy"


def test_the_setups_news_come_to_those_who_asked_for_them(peer: Peer) -> None:
    assert peer.session.notify(m.SetupState(parts=())) == []
    assert peer.say(m.SetupWatch(id="w")) == [Arrange("w", "look")]
    (news,) = peer.session.notify(m.SetupState(parts=(), waiting=("svd",)))
    assert isinstance(news, m.SetupState)
    assert news.re is None


# Files from the bridge


def fetch(peer: Peer, source: m.JobFile | m.ClipFile, offset: int = 0) -> tuple[list[Outgoing], UUID]:
    transfer = uuid4()
    return peer.say(m.TransferFetch(id="f", transfer=transfer, source=source, offset=offset)), transfer


def received(peer: Peer, transfer: UUID, *, acknowledge: bool = True) -> tuple[bytes, m.TransferSent | None]:
    """What comes of a fetch when the shell asks for it as long as something is ready."""
    data, waiting = b"", [transfer]
    while waiting:
        waiting.pop()
        for item in peer.session.next_of(transfer):
            match item:
                case bytes():
                    header, payload = parse(item)
                    assert header.kind is Kind.CHUNK
                    assert header.owner == transfer
                    data += payload
                    if acknowledge:
                        have = m.TransferHave(id="a", transfer=transfer, offset=header.offset + len(payload))
                        waiting += [transfer for said in peer.say(have) if isinstance(said, Deliver)]
                case Deliver():
                    waiting.append(transfer)
                case m.TransferSent():
                    return data, item
    return data, None


@pytest.mark.parametrize("file", ["flat.mp4", "layer/000001.png"])
def test_a_file_of_a_result_is_fetched_in_chunks_and_ends_with_its_sha256(peer: Peer, file: str) -> None:
    job = peer.submit()
    peer.run(job, "flat.mp4", "layer/000001.png")
    (offer, deliver), transfer = fetch(peer, m.JobFile(job=job, file=file))
    assert isinstance(offer, m.TransferOffer)
    assert (offer.name, deliver) == (file.split("/")[-1], Deliver(transfer))
    data, sent = received(peer, transfer)
    assert data == file.encode() * 100_000
    assert sent is not None
    assert (sent.size, sent.sha256) == (len(data), end(transfer, data).sha256)


def test_a_client_that_does_not_acknowledge_gets_no_more_than_its_credit(peer: Peer) -> None:
    job = peer.submit()
    peer.run(job, "a rather long name so that the file is longer than the credit.mp4")
    _, transfer = fetch(
        peer, m.JobFile(job=job, file="a rather long name so that the file is longer than the credit.mp4")
    )
    data, sent = received(peer, transfer, acknowledge=False)
    assert (len(data), sent) == (limits.CREDIT * limits.PIECE, None)


def test_a_fetch_goes_on_where_the_last_connection_ended(peer: Peer) -> None:
    job = peer.submit()
    peer.run(job, "flat.mp4")
    (offer, _), transfer = fetch(peer, m.JobFile(job=job, file="flat.mp4"), offset=799_990)
    assert isinstance(offer, m.TransferOffer)
    assert (offer.size, offer.offset) == (800_000, 799_990)
    assert received(peer, transfer)[0] == (b"flat.mp4" * 2)[-10:]


@pytest.mark.parametrize(
    "file",
    ["report.json", "../in/x.tif", "layer", "layer/../flat.mp4", "/etc/passwd", "layer/a/b", "C:flat.mp4", "a\b"],
)
def test_what_is_no_file_of_the_result_is_not_fetched(peer: Peer, file: str) -> None:
    job = peer.submit()
    peer.run(job, "flat.mp4", "layer/000001.png")
    assert code(fetch(peer, m.JobFile(job=job, file=file))[0]) == "transfer.no_file"


def test_a_job_without_a_result_has_no_files(peer: Peer) -> None:
    job = peer.submit()
    assert code(fetch(peer, m.JobFile(job=job, file="flat.mp4"))[0]) == "transfer.no_file"
    assert code(fetch(peer, m.JobFile(job=job, file="thumbnail.jpg"))[0]) == "transfer.no_file"
    assert code(fetch(peer, m.JobFile(job=uuid4(), file="flat.mp4"))[0]) == "job.unknown"


def test_a_link_out_of_the_result_is_not_followed(peer: Peer, tmp_path: Path) -> None:
    job = peer.submit()
    peer.run(job, "flat.mp4")
    (peer.book.folder(job) / "out" / "flat.mp4").unlink()
    (tmp_path / "secret").write_text("secret")
    (peer.book.folder(job) / "out" / "flat.mp4").symlink_to(tmp_path / "secret")
    assert code(fetch(peer, m.JobFile(job=job, file="flat.mp4"))[0]) == "transfer.no_file"


def test_a_folder_that_became_a_link_is_not_followed(peer: Peer, tmp_path: Path) -> None:
    job = peer.submit()
    peer.run(job, "layer/000001.png")
    layer = peer.book.folder(job) / "out" / "layer"
    layer.rename(tmp_path / "elsewhere")
    for target in (tmp_path / "elsewhere", layer, tmp_path / "nowhere"):
        layer.symlink_to(target)
        assert code(fetch(peer, m.JobFile(job=job, file="layer/000001.png"))[0]) == "transfer.no_file"
        layer.unlink()


def test_a_written_frame_is_fetched_by_its_grant_alone(peer: Peer, tmp_path: Path) -> None:
    grant = peer.grant()
    assert code(fetch(peer, m.ClipFile(grant=grant, frame=3))[0]) == "transfer.no_file"
    (tmp_path / "shot_000003.png").write_bytes(b"a picture")
    _, transfer = fetch(peer, m.ClipFile(grant=grant, frame=3))
    assert received(peer, transfer)[0] == b"a picture"
    assert code(fetch(peer, m.ClipFile(grant=uuid4(), frame=3))[0]) == "grant.unknown"


def test_a_file_that_shrinks_while_it_is_sent_is_an_error_and_the_connection_lives(peer: Peer) -> None:
    job = peer.submit()
    peer.run(job, "flat.mp4")
    _, transfer = fetch(peer, m.JobFile(job=job, file="flat.mp4"))
    (peer.book.folder(job) / "out" / "flat.mp4").write_bytes(b"x")
    (error,) = peer.session.next_of(transfer)
    assert isinstance(error, m.Error)
    assert (error.code, error.re) == ("transfer.lost", f"transfer:{transfer}")
    assert not peer.session.closed


def test_an_aborted_fetch_sends_nothing_more(peer: Peer) -> None:
    job = peer.submit()
    peer.run(job, "flat.mp4")
    _, transfer = fetch(peer, m.JobFile(job=job, file="flat.mp4"))
    peer.say(m.TransferAbort(id="a", transfer=transfer))
    assert peer.session.next_of(transfer) == []
    assert peer.say(m.TransferHave(id="a", transfer=transfer, offset=5)) == []


def test_what_was_not_sent_cannot_be_acknowledged(peer: Peer) -> None:
    job = peer.submit()
    peer.run(job, "flat.mp4")
    _, transfer = fetch(peer, m.JobFile(job=job, file="flat.mp4"))
    assert code(peer.say(m.TransferHave(id="a", transfer=transfer, offset=5))) == "transfer.out_of_order"


def test_only_so_many_fetches_are_under_way(peer: Peer) -> None:
    job = peer.submit()
    peer.run(job, "flat.mp4")
    for _ in range(limits.TRANSFERS):
        assert code(fetch(peer, m.JobFile(job=job, file="flat.mp4"))[0]) is None
    assert code(fetch(peer, m.JobFile(job=job, file="flat.mp4"))[0]) == "transfer.too_many"
