"""Messages to JSON text and back."""

import json
from uuid import UUID

import pytest

from bridge_server.errors import MessageError
from bridge_server.protocol import messages as m

JOB = UUID("0b9e6f0e-0000-4000-8000-000000000001")


def test_the_envelope_holds_what_every_message_has_and_data_the_rest() -> None:
    text = m.encode(m.JobProgress(id="s9", job=JOB, seq=4, stage="propagate", done=3, total=60))
    assert json.loads(text) == {
        "v": 1,
        "type": "job.progress",
        "id": "s9",
        "job": str(JOB),
        "seq": 4,
        "data": {"stage": "propagate", "done": 3, "total": 60, "frame": None, "message": None},
    }


@pytest.mark.parametrize(
    "message",
    [
        m.Ping(id="1"),
        m.GrantClip(id="2", path="/café/シーン.mov"),
        m.JobWatch(id="3", job=JOB, since=5),
        m.JobSubmit(id="4", job=JOB, hash="0" * 64, params={"grant": str(JOB)}),
    ],
)
def test_a_clients_message_is_read_as_it_was_written(message: m.ClientMessage) -> None:
    assert m.decode_client(m.encode(message)) == message


@pytest.mark.parametrize(
    "text",
    [
        '{"v":1,"type":"ping","id":"1","data":{"id":"2"}}',
        '{"v":1,"type":"ping","id":"1","data":{},"more":1}',
        '{"v":1,"type":"ping","id":1,"data":{}}',
        '{"v":1,"type":["ping"],"id":"1","data":{}}',
        '{"v":1,"type":"ping","id":"1","data":NaN}',
        '{"v":1,"type":"ping","id":"\\ud800","data":{}}',
        '{"v":1,"type":"ping","id":"1","data":' + '{"a":' * 500 + "1" + "}" * 501,
        " " * 300_000,
    ],
)
def test_what_is_no_envelope_is_refused(text: str) -> None:
    with pytest.raises(m.EnvelopeError):
        m.decode_client(text)


def test_a_newer_service_may_say_more_but_a_client_may_not() -> None:
    assert m.decode_server('{"v":1,"type":"pong","id":"1","re":"2","data":{"mood":"good"}}') == m.Pong(id="1", re="2")
    with pytest.raises(MessageError, match="Extra inputs"):
        m.decode_client('{"v":1,"type":"ping","id":"1","data":{"mood":"good"}}')


def test_the_parameter_hash_is_of_the_canonical_json() -> None:
    """The vector that every client's own tests repeat."""
    raw = {"seed": 1, "grant": "é", "keyframes": [{"frame": 0, "edited": None}]}
    assert m.params_hash(raw) == m.params_hash(dict(reversed(raw.items())))
    assert m.params_hash(raw) == "abd721618dad88eb431dee2775449548b3ecd8846396aca2afbd4ae2a39dcb4c"
