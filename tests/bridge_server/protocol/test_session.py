"""The rules of a connection, without a socket."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_server.errors import WorkerError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.proof import proof
from bridge_server.protocol.session import Bridge, Close, Outgoing, Question, Session
from bridge_server.protocol.transfer import Header, Kind
from tests.bridge_server.protocol.conftest import (
    CHALLENGE,
    INSTANCE,
    NONCE,
    PORT,
    TOKEN,
    MemoryGrants,
    MemoryJobs,
    MemoryShelf,
    Peer,
    begin,
    end,
    identify,
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
        {"token": bytes(32)},
        {"role": "srv"},
        {"port": PORT + 1},
        {"challenge": bytes(32)},
        {"nonce": bytes(32)},
        {"instance": UUID(int=8)},
    ],
)
def test_a_proof_for_anything_else_is_a_wrong_token(stranger: Peer, changes: dict[str, object]) -> None:
    said: dict[str, Any] = {"port": PORT, "challenge": CHALLENGE, "nonce": NONCE, "instance": INSTANCE}
    said |= {"token": TOKEN, "role": "cli"} | changes
    hmac = proof(**said).hex()
    assert closing(stranger.identify(hmac=hmac)) is CloseCode.WRONG_TOKEN
    assert not stranger.session.identified


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
    "text", ["", "[]", "1", "{", '{"v":1}', '{"v":2,"type":"ping","id":"1","data":{}}', "[" * 10000]
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
    assert peer.shelf.kept[announced.transfer] == data


def test_a_binary_message_that_is_no_chunk_closes_the_connection(peer: Peer) -> None:
    assert closing(peer.session.receive(Header(Kind.PREVIEW, JOB, 0, 0).pack() + b"x")) is CloseCode.BAD_CHUNK


def test_the_transfers_of_a_connection_that_is_gone_are_thrown_away(peer: Peer) -> None:
    peer.upload()
    peer.session.close()
    assert peer.shelf.kept == {}


# Questions


def test_a_question_goes_to_the_engine_and_its_answer_comes_back_under_the_same_id(peer: Peer) -> None:
    grant = peer.grant()
    (question,) = peer.say(m.ClipFrame(id="f", grant=grant, frame=3))
    assert isinstance(question, Question)
    assert (question.do, question.frame, str(question.clip)) == ("frame", 3, "/clips/shot.mov")
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


# Jobs


def params(peer: Peer, **changes: object) -> m.JobParams:
    fields: dict[str, object] = {"grant": peer.grant(), "keyframes": (m.KeyframeParams(edited=peer.upload()),)}
    return m.JobParams.model_validate(fields | changes)


def test_a_submitted_job_is_accepted_with_its_clip_and_its_files(peer: Peer) -> None:
    asked = params(peer)
    (accepted,) = peer.say(submit(JOB, asked))
    assert isinstance(accepted, m.JobAccepted)
    assert (accepted.job, accepted.seq, accepted.state) == (JOB, 1, "queued")
    assert list(peer.jobs.submitted[JOB].files) == [asked.keyframes[0].edited]


def test_a_second_submit_with_the_same_id_and_parameters_is_the_same_job(peer: Peer) -> None:
    asked = params(peer)
    first = peer.say(submit(JOB, asked))
    again = peer.say(submit(JOB, asked, id="t"))
    assert [item.type for item in [*first, *again] if isinstance(item, m.JobAccepted)] == ["job.accepted"] * 2
    assert len(peer.jobs.submitted) == 1


def test_the_same_id_with_other_parameters_is_refused(peer: Peer) -> None:
    asked = params(peer)
    peer.say(submit(JOB, asked))
    assert code(peer.say(submit(JOB, asked.model_copy(update={"seed": 1})))) == "job.conflict"


def test_parameters_that_do_not_have_their_hash_are_refused(peer: Peer) -> None:
    message = submit(JOB, params(peer)).model_copy(update={"hash": "0" * 64})
    assert code(peer.say(message)) == "job.hash_differs"


def test_a_mistyped_parameter_is_refused(peer: Peer) -> None:
    raw = params(peer).model_dump(mode="json", exclude_defaults=True) | {"sedd": 1}
    assert code(peer.say(m.JobSubmit(id="s", job=JOB, hash=m.params_hash(raw), params=raw))) == "message.invalid"


def test_a_job_cannot_use_an_image_that_did_not_arrive(peer: Peer) -> None:
    announced = begin()
    peer.say(announced)
    asked = params(peer, keyframes=(m.KeyframeParams(edited=announced.transfer),))
    assert code(peer.say(submit(JOB, asked))) == "transfer.unfinished"
    assert (
        code(peer.say(submit(JOB, params(peer, keyframes=(m.KeyframeParams(edited=uuid4()),))))) == "transfer.unknown"
    )


def test_only_watched_jobs_are_told_of_and_nothing_is_told_twice(peer: Peer) -> None:
    event = m.JobState(job=JOB, seq=2, state="running")
    assert peer.session.notify(event) == []
    peer.say(submit(JOB, params(peer)))
    (told,) = peer.session.notify(event)
    assert isinstance(told, m.JobState)
    assert told.seq == 2
    assert peer.session.notify(event) == []


def test_watching_replays_what_came_after_a_number(peer: Peer) -> None:
    peer.say(submit(JOB, params(peer)))
    peer.jobs.events[JOB] += [m.JobState(job=JOB, seq=seq, state="running") for seq in (2, 3)]
    replay = peer.say(m.JobWatch(id="w", job=JOB, since=1))
    assert [(item.seq, item.re) for item in replay if isinstance(item, m.JobState)] == [(2, "w"), (3, "w")]
    assert peer.session.notify(m.JobState(job=JOB, seq=3, state="running")) == []


def test_an_unknown_job_is_never_done(peer: Peer) -> None:
    assert code(peer.say(m.JobWatch(id="w", job=JOB))) == "job.unknown"
    assert code(peer.say(m.JobCancel(id="c", job=JOB))) == "job.unknown"


# Whatever comes


def asking(id: UUID) -> m.JobParams:
    return m.JobParams(grant=id, keyframes=(m.KeyframeParams(edited=id),))


IDS = st.sampled_from([UUID(int=number) for number in range(4)])
TEXTS = st.one_of(
    st.text(max_size=40),
    st.builds(lambda job: m.encode(m.JobWatch(id="x", job=job)), IDS),
    st.builds(lambda job: m.encode(m.JobCancel(id="x", job=job)), IDS),
    st.builds(lambda grant: m.encode(m.ClipProbe(id="x", grant=grant)), IDS),
    st.builds(lambda id, width: m.encode(begin(transfer=id, width=width)), IDS, st.integers(1, 3)),
    st.builds(lambda id, data: m.encode(end(id, data)), IDS, st.binary(min_size=1, max_size=13)),
    st.builds(lambda id: m.encode(m.TransferAbort(id="x", transfer=id)), IDS),
    st.builds(
        lambda job, id: m.encode(submit(job, m.JobParams(grant=id, keyframes=(m.KeyframeParams(edited=id),)))), IDS, IDS
    ),
    st.just(m.encode(m.GrantClip(id="x", path="/a"))),
    st.just(m.encode(identify())),
)
CHUNKS = st.one_of(
    st.binary(max_size=50),
    st.builds(
        lambda id, chunk, offset, data: Header(Kind.CHUNK, id, chunk, offset).pack() + data,
        IDS,
        st.integers(0, 3),
        st.integers(0, 13),
        st.binary(min_size=1, max_size=13),
    ),
)


@settings(max_examples=50, deadline=None)
@given(st.booleans(), st.lists(st.one_of(TEXTS, CHUNKS), max_size=40))
def test_no_sequence_of_messages_breaks_a_session(identified: bool, messages: list[str | bytes]) -> None:
    shelf = MemoryShelf()
    bridge = Bridge(INSTANCE, "0.1.0", TOKEN, PORT)
    session = Session(bridge, UUID(int=2), CHALLENGE, jobs=MemoryJobs(), grants=MemoryGrants(), shelf=shelf)
    if identified:
        session.receive(m.encode(identify()))
    for message in messages:
        closed = session.closed
        outgoing = session.receive(message)
        if closed:
            assert outgoing == []
        for item in outgoing:
            if not isinstance(item, (Close, Question)):
                assert m.decode_server(m.encode(item)) == item
        assert session.closed == (closed or closing(outgoing) is not None)
        assert all(len(data) <= 36 for data in shelf.kept.values())
    session.close()
    assert shelf.kept == {}
