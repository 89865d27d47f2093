"""PROTOCOL.md binds: what the code says stands there."""

import re
from pathlib import Path
from typing import get_args
from uuid import UUID

import pytest

import bridge_server
from bridge_server import errors
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.transfer import Header, Kind
from bridge_server.server import PATH, PORTS

PAGE = (Path(bridge_server.__file__).parent / "protocol" / "PROTOCOL.md").read_text("utf-8")
MESSAGES = [kind for union in (m.ClientMessage, m.ServerMessage) for kind in get_args(get_args(union)[0])]


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_every_message_and_each_of_its_members_stands_on_the_page(kind: type[m.Ping]) -> None:
    assert f"`{kind.model_fields['type'].default}`" in PAGE or f"`{kind.model_fields['type'].default} " in PAGE
    for member in kind.model_fields:
        assert re.search(rf"`[^`\n]*\b{member}\b[^`\n]*`", PAGE), member


def test_every_error_code_stands_on_the_page() -> None:
    source = Path(errors.__file__).read_text("utf-8")
    codes = set(re.findall(r'"((?:message|grant|transfer|job|engine)\.[a-z_]+)"', source))
    assert len(codes) > 25
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()


@pytest.mark.parametrize("code", CloseCode)
def test_every_close_code_stands_on_the_page(code: CloseCode) -> None:
    assert f"| {int(code)} |" in PAGE


def test_the_limits_and_the_address_are_the_pages() -> None:
    for number in (*PORTS, PATH, limits.CREDIT, limits.TRANSFERS, limits.GRANTS, limits.QUESTIONS, limits.WAITING_JOBS):
        assert str(number) in PAGE
    assert f"| connections | {limits.CONNECTIONS} |" in PAGE
    assert (limits.SIDE, limits.TEXT, limits.MESSAGE) == (32_768, 262_144, 1_310_720)
    assert (limits.CHUNK, limits.TRANSFER, limits.OUTBOX_BYTES) == (1 << 20, 1 << 30, 3 << 19)


def test_the_header_on_the_page_is_the_codes() -> None:
    (example,) = re.findall(r"^`(56534231 [0-9a-f ]+)`$", PAGE, re.MULTILINE)
    assert Header(Kind.CHUNK, UUID(int=0x0102), 3, 1029).pack() == bytes.fromhex(example)
