"""What a hostile client says, and what it gets for it: bombs, floods, replays, guesses, names of other files."""

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from bridge_server.intake import FileShelf
from bridge_server.library import FileLibrary
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.session import Session
from bridge_server.protocol.transfer import Header, Kind
from bridge_server.security import ClipGrants
from tests.bridge_server.protocol.conftest import TOKEN, Peer, begin, end, identify, pair
from tests.bridge_server.protocol.test_session import closing, code, fetch


def another(peer: Peer, challenge: bytes) -> Peer:
    """Another connection to the same service, with a challenge of its own."""
    grants = ClipGrants()
    session = Session(
        peer.session._bridge,
        uuid4(),
        challenge,
        jobs=peer.book,
        grants=grants,
        shelf=FileShelf(peer.incoming / "other"),
        library=FileLibrary(peer.book, grants, lambda grant, clip, frame, small: Path("/nowhere")),
    )
    return replace(peer, session=session)


# Replays and guesses


def test_a_proof_that_was_overheard_is_wrong_on_another_connection(stranger: Peer) -> None:
    assert isinstance(stranger.identify()[0], m.Identified)
    second = another(stranger, bytes(32))
    assert closing(second.identify()) is CloseCode.WRONG_TOKEN
    assert not second.session.identified


def test_a_pairing_that_was_overheard_is_wrong_on_another_connection(stranger: Peer) -> None:
    code = stranger.door.open()
    second = another(stranger, bytes(32))
    assert closing(second.say(pair(code))) is CloseCode.WRONG_CODE


def test_a_pairing_code_is_not_found_by_trying(stranger: Peer) -> None:
    code, waits = stranger.door.open(), list[float]()
    for guess in range(20):
        (close,) = another(stranger, bytes(32)).say(pair(f"{guess:010}"))
        waits.append(getattr(close, "after", -1.0))
    assert waits[:5] == [0] * 5
    assert waits[-1] == 8
    assert closing(stranger.say(pair(code))) is CloseCode.WRONG_CODE


def test_a_right_token_never_waits_for_those_who_guess(stranger: Peer) -> None:
    for _ in range(20):
        another(stranger, bytes(32)).say(identify())
    assert isinstance(stranger.identify()[0], m.Identified)


def test_neither_token_nor_code_is_in_anything_that_is_told(stranger: Peer) -> None:
    code = stranger.door.open()
    told = [*stranger.session.open(), *stranger.say(pair(code)), *stranger.identify(), *stranger.say(m.JobList(id="l"))]
    text = "".join(m.encode(item) for item in told if isinstance(item, m.Hello | m.Paired | m.Identified | m.JobJobs))
    assert TOKEN.hex() not in text
    assert code not in text


# Image bombs


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"width": 65_535, "height": 65_535}, "message.invalid"),
        ({"width": 0}, "message.invalid"),
        ({"height": 0}, "message.invalid"),
        ({"width": -2}, "message.invalid"),
        ({"size": 0}, "message.invalid"),
        ({"size": 2**63}, "message.invalid"),
        ({"bits": 32}, "message.invalid"),
        ({"channels": 5}, "message.invalid"),
        ({"width": 32_768, "height": 32_768}, "transfer.too_large"),
        ({"kind": "png", "width": 32_768, "height": 32_768}, "transfer.too_large"),
        ({"size": limits.TRANSFER + 1}, "transfer.too_large"),
        ({"size": 11}, "transfer.size_differs"),
    ],
)
def test_an_image_that_would_swell_up_is_refused_before_a_byte_is_kept(
    peer: Peer, changes: dict[str, Any], expected: str
) -> None:
    fields = begin().model_dump(mode="json") | changes
    data = {name: value for name, value in fields.items() if name not in ("id", "type")}
    text = json.dumps({"v": 1, "type": "transfer.begin", "id": "b", "data": data})
    assert code(peer.session.receive(text)) == expected
    assert peer.kept() == []
    assert not peer.session.closed


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBB", 13, b"IHDR", width, height, 8, 2) + bytes(40)


@pytest.mark.parametrize(("width", "height"), [(65_535, 65_535), (0, 0), (2, 0), (2**31, 2)])
def test_a_png_that_is_larger_inside_than_announced_is_thrown_away(peer: Peer, width: int, height: int) -> None:
    data = png(width, height)
    announced = begin(data, kind="png")
    peer.say(announced)
    peer.session.receive(Header(Kind.CHUNK, announced.transfer, 0, 0).pack() + data)
    assert code(peer.say(end(announced.transfer, data))) == "transfer.not_png"
    assert peer.kept() == []


def test_rows_that_are_too_short_are_no_image(peer: Peer) -> None:
    announced = begin()
    peer.say(announced)
    peer.session.receive(Header(Kind.CHUNK, announced.transfer, 0, 0).pack() + bytes(11))
    assert code(peer.say(end(announced.transfer, bytes(12)))) == "transfer.incomplete"
    assert code(peer.say(end(announced.transfer, bytes(11)))) == "transfer.size_differs"


# Floods


def test_of_ten_thousand_transfers_thirty_two_are_kept_and_the_connection_lives(peer: Peer) -> None:
    answers = [code(peer.say(begin())) for _ in range(10_000)]
    assert answers == [None] * limits.TRANSFERS + ["transfer.too_many"] * (10_000 - limits.TRANSFERS)
    assert len(peer.kept()) == limits.TRANSFERS
    assert isinstance(peer.say(m.Ping(id="p"))[0], m.Pong)
    peer.session.close()
    assert peer.kept() == []


def test_a_chunk_for_another_connections_transfer_is_unknown(peer: Peer) -> None:
    announced = begin()
    peer.say(announced)
    other = another(peer, bytes(32))
    other.session.client = UUID(int=9)
    assert code(other.session.receive(Header(Kind.CHUNK, announced.transfer, 0, 0).pack() + b"x")) == "transfer.unknown"
    assert code(other.say(end(announced.transfer, bytes(12)))) == "transfer.unknown"


# Names of other files


@pytest.mark.parametrize(
    "name",
    [
        "../journal.sqlite",
        "..",
        ".",
        "/",
        "flat.mp4/",
        "./flat.mp4",
        "flat.mp4/..",
        "flat.mp4/../../../../journal.sqlite",
        "layer//../../in",
        "..\\journal.sqlite",
        "\\\\server\\share\\flat.mp4",
        "//server/share/flat.mp4",
        "\\\\?\\C:\\secret",
        "C:\\secret",
        "C:flat.mp4",
        "flat.mp4:stream",
        "flat.mp4::$DATA",
        "CON",
        "NUL",
        "flat.mp4\0",
        "flat.mp4\n",
        "thumbnail.jpg/../flat.mp4",
        ".thumbnail.jpg",
        "FLAT.MP4",
        "~",
        "in",
        "layer",
        "layer/.",
        "layer/../../in/x",
        "layer/a/b",
        "é" * 256,
    ],
)
def test_only_names_of_the_result_are_fetched(peer: Peer, name: str) -> None:
    job = peer.submit()
    peer.run(job, "flat.mp4", "layer/000001.png")
    if name in ("flat.mp4/", "./flat.mp4"):  # the same file, written otherwise
        assert code(fetch(peer, m.JobFile(job=job, file=name))[0]) is None
    else:
        assert code(fetch(peer, m.JobFile(job=job, file=name))[0]) == "transfer.no_file"
    assert not peer.session.closed
