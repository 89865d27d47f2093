"""The binary header, and images put together from chunks."""

import contextlib
import struct
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_server.errors import MessageError, TransferError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.transfer import HEADER_BYTES, Header, Kind, Reassembly, parse, tiff_header
from engine.media.imagetags import image_tags
from tests.bridge_server.protocol.conftest import begin, end

HEADERS = st.builds(Header, st.sampled_from(Kind), st.uuids(), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))


@dataclass
class MemoryShelf:
    """Transfers as byte strings."""

    kept: dict[UUID, bytes] = field(default_factory=dict)
    finished: set[UUID] = field(default_factory=set)

    def open(self, begin: m.TransferBegin | m.ClipBegin) -> None:
        self.kept[begin.transfer] = b""

    def append(self, transfer: UUID, data: memoryview) -> None:
        self.kept[transfer] += data

    def finish(self, transfer: UUID) -> None:
        self.finished.add(transfer)

    def discard(self, transfer: UUID) -> None:
        del self.kept[transfer]
        self.finished.discard(transfer)

    def path(self, transfer: UUID) -> Path:
        return Path(f"/shelf/{transfer}")


def test_the_header_is_36_bytes_in_network_order() -> None:
    packed = Header(Kind.CHUNK, UUID(int=0x0102), 3, 0x0405).pack()
    assert len(packed) == HEADER_BYTES == 36
    assert (
        packed == b"VSB1" + bytes([1, 0, 0, 0]) + bytes(14) + b"\x01\x02" + bytes(3) + b"\x03" + bytes(6) + b"\x04\x05"
    )


@settings(max_examples=50, deadline=None)
@given(HEADERS, st.binary(min_size=1, max_size=64))
def test_a_header_is_read_as_it_was_written(header: Header, payload: bytes) -> None:
    read, rest = parse(header.pack() + payload)
    assert (read, bytes(rest)) == (header, payload)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_chunk_or_a_message_error(message: bytes) -> None:
    with contextlib.suppress(MessageError):
        header, payload = parse(message)
        assert header.pack() + bytes(payload) == message


@pytest.mark.parametrize("place", [0, 4, 5, 6, 7])
def test_unknown_magic_kind_flags_and_reserved_bytes_are_refused(place: int) -> None:
    message = bytearray(Header(Kind.CHUNK, uuid4(), 0, 0).pack() + b"x")
    message[place] = 0x7F
    with pytest.raises(MessageError):
        parse(bytes(message))


def test_a_header_alone_and_a_payload_over_the_limit_are_refused() -> None:
    header = Header(Kind.CHUNK, uuid4(), 0, 0).pack()
    parse(header + bytes(limits.CHUNK))
    for payload in (b"", bytes(limits.CHUNK + 1)):
        with pytest.raises(MessageError):
            parse(header + payload)


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=12, max_size=12), st.lists(st.integers(1, 11), max_size=4))
def test_chunks_of_any_sizes_make_the_same_bytes(data: bytes, cuts: list[int]) -> None:
    shelf = MemoryShelf()
    transfers = Reassembly(shelf)
    announced = begin(data)
    transfers.begin(announced)
    places = [0, *sorted(set(cuts)), len(data)]
    for chunk, (start, stop) in enumerate(pairwise(places)):
        transfers.chunk(Header(Kind.CHUNK, announced.transfer, chunk, start), memoryview(data)[start:stop])
    transfers.end(end(announced.transfer, data))
    assert shelf.kept[announced.transfer] == data
    assert announced.transfer in shelf.finished


def send(transfers: Reassembly, transfer: UUID, offset: int, data: bytes) -> int:
    return transfers.chunk(Header(Kind.CHUNK, transfer, 0, offset), memoryview(data)).offset


def test_a_chunk_that_came_before_is_acknowledged_and_kept_once() -> None:
    shelf = MemoryShelf()
    transfers = Reassembly(shelf)
    announced = begin()
    transfers.begin(announced)
    assert send(transfers, announced.transfer, 0, bytes(6)) == 6
    assert send(transfers, announced.transfer, 0, bytes(6)) == 6
    assert len(shelf.kept[announced.transfer]) == 6


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"size": limits.TRANSFER + 1}, "transfer.too_large"),
        ({"width": limits.SIDE, "height": limits.SIDE}, "transfer.too_large"),
        ({"kind": "png", "width": limits.SIDE, "height": limits.SIDE}, "transfer.too_large"),
        ({"size": 13}, "transfer.size_differs"),
        ({"bits": 16}, "transfer.size_differs"),
        ({"channels": 2, "size": 8}, "transfer.no_gray_alpha"),
    ],
)
def test_what_is_announced_is_checked_before_a_byte_is_kept(changes: dict[str, Any], code: str) -> None:
    shelf = MemoryShelf()
    with pytest.raises(TransferError) as caught:
        Reassembly(shelf).begin(begin(**changes))
    assert caught.value.code == code
    assert shelf.kept == {}


@pytest.mark.parametrize(
    ("offset", "data", "code", "kept"),
    [(3, bytes(3), "transfer.out_of_order", True), (0, bytes(13), "transfer.overrun", False)],
)
def test_a_chunk_that_does_not_fit_is_refused(offset: int, data: bytes, code: str, kept: bool) -> None:
    shelf = MemoryShelf()
    transfers = Reassembly(shelf)
    announced = begin()
    transfers.begin(announced)
    with pytest.raises(TransferError) as caught:
        send(transfers, announced.transfer, offset, data)
    assert caught.value.code == code
    assert (announced.transfer in shelf.kept) == kept


def test_a_transfer_that_ends_too_early_may_go_on() -> None:
    transfers = Reassembly(MemoryShelf())
    announced = begin()
    transfers.begin(announced)
    send(transfers, announced.transfer, 0, bytes(6))
    with pytest.raises(TransferError) as caught:
        transfers.end(end(announced.transfer, bytes(12)))
    assert caught.value.code == "transfer.incomplete"
    send(transfers, announced.transfer, 6, bytes(6))
    transfers.end(end(announced.transfer, bytes(12)))


def test_corrupt_bytes_are_thrown_away() -> None:
    shelf = MemoryShelf()
    transfers = Reassembly(shelf)
    announced = begin()
    transfers.begin(announced)
    send(transfers, announced.transfer, 0, bytes(12))
    with pytest.raises(TransferError) as caught:
        transfers.end(end(announced.transfer, b"x" * 12))
    assert (caught.value.code, caught.value.retryable) == ("transfer.corrupt", True)
    assert shelf.kept == {}


def test_the_oldest_finished_transfer_makes_room_for_a_new_one() -> None:
    shelf = MemoryShelf()
    transfers = Reassembly(shelf)
    begun = [transfers.begin(begin()).begin.transfer for _ in range(limits.TRANSFERS)]
    for transfer in begun[3:5]:
        transfers.chunk(Header(Kind.CHUNK, transfer, 0, 0), memoryview(bytes(12)))
        transfers.end(end(transfer, bytes(12)))
    transfers.begin(begin())
    assert begun[3] not in shelf.kept
    assert len(shelf.kept) == limits.TRANSFERS
    with pytest.raises(TransferError) as caught:
        transfers.image(begun[3])
    assert caught.value.code == "transfer.unknown"
    assert transfers.image(begun[4])


def test_a_clip_arrives_like_an_image_and_is_none_and_no_image_is_a_clip() -> None:
    shelf = MemoryShelf()
    transfers = Reassembly(shelf)
    clip = m.ClipBegin(id="c", transfer=uuid4(), name="shot.mov", size=5)
    image = transfers.begin(begin()).begin.transfer
    transfers.begin(clip)
    with pytest.raises(TransferError) as caught:
        transfers.clip(clip.transfer)
    assert caught.value.code == "transfer.unfinished"
    transfers.chunk(Header(Kind.CHUNK, clip.transfer, 0, 0), memoryview(b"frame"))
    transfers.end(end(clip.transfer, b"frame"))
    assert shelf.kept[clip.transfer] == b"frame"
    assert transfers.clip(clip.transfer)
    for ask, transfer in ((transfers.image, clip.transfer), (transfers.clip, image)):
        with pytest.raises(TransferError) as caught:
            ask(transfer)
        assert caught.value.code == "transfer.other_kind"


def test_a_clip_does_not_make_room_for_images() -> None:
    transfers = Reassembly(MemoryShelf())
    clip = m.ClipBegin(id="c", transfer=uuid4(), name="shot.mov", size=5)
    transfers.begin(clip)
    transfers.chunk(Header(Kind.CHUNK, clip.transfer, 0, 0), memoryview(b"frame"))
    transfers.end(end(clip.transfer, b"frame"))
    for _ in range(limits.TRANSFERS - 1):
        transfers.begin(begin())
    with pytest.raises(TransferError):
        transfers.begin(begin())
    assert transfers.clip(clip.transfer)


def test_a_connection_keeps_a_bounded_number_of_transfers() -> None:
    transfers = Reassembly(MemoryShelf())
    for _ in range(limits.TRANSFERS):
        transfers.begin(begin())
    with pytest.raises(TransferError) as caught:
        transfers.begin(begin())
    assert caught.value.code == "transfer.too_many"


def test_the_same_transfer_cannot_be_announced_otherwise() -> None:
    transfers = Reassembly(MemoryShelf())
    announced = begin()
    transfers.begin(announced)
    with pytest.raises(TransferError) as caught:
        transfers.begin(announced.model_copy(update={"width": 3}))
    assert caught.value.code == "transfer.exists"


def png(width: int, height: int, bits: int, colour: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBB", 13, b"IHDR", width, height, bits, colour) + bytes(40)


@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        (png(2, 2, 8, 2), True),
        (png(2, 2, 8, 3), True),
        (png(65535, 65535, 8, 2), False),
        (png(2, 2, 16, 2), False),
        (png(2, 2, 8, 6), False),
        (b"GIF89a" + bytes(60), False),
        (b"\x89PNG\r\n\x1a\n", False),
    ],
)
def test_a_png_must_have_the_announced_header(data: bytes, accepted: bool) -> None:
    shelf = MemoryShelf()
    transfers = Reassembly(shelf)
    announced = begin(data, kind="png")
    transfers.begin(announced)
    send(transfers, announced.transfer, 0, data)
    if accepted:
        transfers.end(end(announced.transfer, data))
    else:
        with pytest.raises(TransferError) as caught:
            transfers.end(end(announced.transfer, data))
        assert caught.value.code == "transfer.not_png"
        assert shelf.kept == {}


@pytest.mark.parametrize("profile", [None, "P", "HDTV (Rec. 709)", "シーン"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 3), (701, 900)])
def test_raw_rows_behind_the_tiff_header_are_read_as_the_same_samples(
    tmp_path: Path, channels: int, bits: int, width: int, height: int, profile: str | None
) -> None:
    dtype = np.uint8 if bits == 8 else np.uint16
    pixels = np.random.default_rng(3).integers(0, 2**bits, (height, width, channels), dtype=dtype)
    rows = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    path = tmp_path / "rows.tif"
    announced = begin(rows, width=width, height=height, channels=channels, bits=bits, profile=profile)
    path.write_bytes(tiff_header(announced) + rows)
    assert image_tags(path.read_bytes()).profile == profile
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image.dtype == dtype
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    assert np.array_equal(image.reshape(height, width, channels)[..., order], pixels)
