"""What hosts in other languages are given beside PROTOCOL.md: the messages' schema, and golden examples."""

import json
import subprocess
import sys
from typing import Any, get_args
from uuid import UUID

import pytest

from bridge_server.errors import MessageError
from bridge_server.protocol import messages as m
from bridge_server.protocol.pairing import normal
from bridge_server.protocol.proof import padded, proof
from bridge_server.protocol.schema import SCHEMA, VECTORS, schema, written
from bridge_server.protocol.transfer import Header, Kind, parse
from bridge_server.protocol.vectors import vectors

GOLDEN: dict[str, Any] = json.loads(VECTORS.read_text("utf-8"))
KINDS: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))["$defs"]
CLIENT, SERVER = (get_args(get_args(union)[0]) for union in (m.ClientMessage, m.ServerMessage))


def test_the_files_are_what_the_code_says() -> None:
    again = "write them again: python -m bridge_server.protocol.schema"
    assert SCHEMA.read_text("utf-8") == written(schema()), again
    assert VECTORS.read_text("utf-8") == written(vectors()), again


def test_the_service_loads_neither_schema_nor_examples() -> None:
    script = (
        "import sys, bridge_server.cli, bridge_server.server\n"
        "print([name for name in sys.modules if name.endswith(('.schema', '.vectors')) and 'bridge_server' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("example", GOLDEN["proofs"], ids=lambda example: example["role"])
def test_proofs_are_the_golden_ones(example: dict[str, Any]) -> None:
    key, more = bytes.fromhex(example["key"]), bytes.fromhex(example["more"])
    assert proof(key, example["role"], more=more, **handshake()).hex() == example["proof"]


def test_the_token_comes_out_of_the_golden_pairing() -> None:
    code, paired = GOLDEN["pairing"]["code"].encode(), GOLDEN["pairing"]["paired"]
    sealed = bytes.fromhex(paired["token"])
    assert proof(code, "psv", more=sealed, **handshake()).hex() == paired["hmac"]
    assert padded(sealed, proof(code, "ptk", **handshake())).hex() == GOLDEN["pairing"]["token"]


@pytest.mark.parametrize("example", GOLDEN["codes"], ids=lambda example: example["typed"])
def test_codes_are_read_as_the_golden_ones(example: dict[str, str]) -> None:
    assert normal(example["typed"]) == example["code"]


@pytest.mark.parametrize("example", GOLDEN["hashes"], ids=lambda example: example["hash"][:8])
def test_parameters_have_the_golden_hashes_in_whatever_order_they_come(example: dict[str, Any]) -> None:
    params = example["params"]
    assert m.params_hash(params) == m.params_hash(dict(reversed(params.items()))) == example["hash"]


@pytest.mark.parametrize("example", GOLDEN["headers"], ids=lambda example: example["bytes"][:24])
def test_headers_are_the_golden_ones(example: dict[str, Any]) -> None:
    header = Header(Kind(example["kind"]), UUID(example["owner"]), example["chunk"], example["offset"])
    assert header.pack().hex() == example["bytes"]
    read, payload = parse(bytes.fromhex(example["bytes"]) + b"!")
    assert (read, bytes(payload)) == (header, b"!")


@pytest.mark.parametrize("example", GOLDEN["not_headers"])
def test_what_is_no_header_is_refused(example: str) -> None:
    with pytest.raises(MessageError):
        parse(bytes.fromhex(example) + b"!")


@pytest.mark.parametrize("text", GOLDEN["from_client"], ids=lambda text: json.loads(text)["type"])
def test_a_golden_message_of_a_client_is_read_and_written_alike(text: str) -> None:
    assert m.encode(m.decode_client(text)) == text


@pytest.mark.parametrize("text", GOLDEN["from_bridge"], ids=lambda text: json.loads(text)["type"])
def test_a_golden_message_of_the_bridge_is_read_and_written_alike(text: str) -> None:
    assert m.encode(m.decode_server(text)) == text


@pytest.mark.parametrize(("union", "examples"), [("ClientMessage", "from_client"), ("ServerMessage", "from_bridge")])
def test_every_message_has_an_example_which_has_the_members_of_its_schema(union: str, examples: str) -> None:
    choices = [KINDS[choice["$ref"].rpartition("/")[2]] for choice in KINDS[union]["oneOf"]]
    by_type = {choice["properties"]["type"]["const"]: choice for choice in choices}
    kinds = CLIENT if union == "ClientMessage" else SERVER
    assert by_type.keys() == {kind.model_fields["type"].default for kind in kinds}
    messages = [json.loads(text) for text in GOLDEN[examples]]
    assert {message["type"] for message in messages} == by_type.keys()
    for message in messages:
        choice = by_type[message["type"]]
        assert set(choice["required"]) <= message.keys() <= choice["properties"].keys()
        data = choice["properties"]["data"]
        assert set(data["required"]) <= message["data"].keys() <= data["properties"].keys()
        assert data.get("additionalProperties", True) is (union == "ServerMessage")


def handshake() -> dict[str, Any]:
    """The golden handshake, as `proof` takes it."""
    said = GOLDEN["handshake"]
    bytes_of = {name: bytes.fromhex(said[name]) for name in ("challenge", "nonce")}
    return {"port": said["port"], "instance": UUID(said["instance"]), **bytes_of}
