"""Binary messages: the 36-byte chunk header, and images put together again from chunks (PROTOCOL.md, “Binary”)."""

import hashlib
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import UUID

from bridge_server.errors import MessageError, TransferError
from bridge_server.protocol import limits
from bridge_server.protocol.messages import ClipBegin, TransferBegin, TransferEnd
from engine.request import PROFILE_NAMED

MAGIC = b"VSB1"
_HEADER = struct.Struct(">4sBBH16sIQ")
HEADER_BYTES = _HEADER.size


class Kind(IntEnum):
    """What a binary message carries."""

    CHUNK = 1
    """A piece of the transfer whose UUID is in the header."""
    PREVIEW = 2
    """A whole JPEG of the newest finished frame; the UUID is the job's, `chunk` the frame's index."""


class Header(NamedTuple):
    """magic (4), kind (1), flags (1, zero), reserved (2, zero), UUID (16), chunk u32, offset u64; big-endian."""

    kind: Kind
    owner: UUID
    chunk: int
    offset: int

    def pack(self) -> bytes:
        return _HEADER.pack(MAGIC, self.kind, 0, 0, self.owner.bytes, self.chunk, self.offset)


def parse(message: bytes) -> tuple[Header, memoryview]:
    """Header and payload of a binary message. Raises MessageError unless it is a header and 1 byte to 1 MiB."""
    if len(message) <= HEADER_BYTES:
        raise MessageError.malformed(f"a binary message has {len(message)} bytes, a header alone {HEADER_BYTES}")
    if len(message) > HEADER_BYTES + limits.CHUNK:
        raise MessageError.malformed(f"a chunk carries more than {limits.CHUNK} bytes")
    magic, kind, flags, reserved, owner, chunk, offset = _HEADER.unpack_from(message)
    if magic != MAGIC:
        raise MessageError.malformed("a binary message does not begin with “VSB1”")
    if kind not in Kind.__members__.values() or flags or reserved:
        raise MessageError.malformed("a binary header has an unknown kind or flags")
    return Header(Kind(kind), UUID(bytes=owner), chunk, offset), memoryview(message)[HEADER_BYTES:]


def image_bytes(begin: TransferBegin) -> int:
    """Bytes of the rows that `begin` announces."""
    return begin.width * begin.height * begin.channels * begin.bits // 8


def check_image(begin: TransferBegin) -> None:
    """See that an announced image is one, and not too large. Raises TransferError."""
    if begin.size > limits.TRANSFER or image_bytes(begin) > limits.TRANSFER:
        raise TransferError.too_large(max(begin.size, image_bytes(begin)), limits.TRANSFER)
    if begin.kind == "raw" and begin.channels == 2:
        raise TransferError.no_gray_alpha()
    if begin.kind == "raw" and begin.size != image_bytes(begin):
        raise TransferError.size_differs(begin.size, image_bytes(begin))


class Shelf(Protocol):
    """Where the bytes of transfers go: files, in the service. Raises TransferError when they cannot be kept."""

    def open(self, begin: TransferBegin | ClipBegin) -> None: ...
    def append(self, transfer: UUID, data: memoryview) -> None: ...
    def finish(self, transfer: UUID) -> None: ...
    def discard(self, transfer: UUID) -> None: ...
    def path(self, transfer: UUID) -> Path:
        """The file of a finished transfer."""
        ...


@dataclass
class Incoming:
    """One transfer on its way in."""

    begin: TransferBegin | ClipBegin
    offset: int = 0
    finished: bool = False
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    head: bytes = b""


class Reassembly:
    """The transfers of one connection. Nothing is kept in memory but their state and the first bytes of each."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._incoming: dict[UUID, Incoming] = {}

    def begin(self, begin: TransferBegin | ClipBegin) -> Incoming:
        """Accept an announcement, or find the transfer that it announced before. Raises TransferError."""
        known = self._incoming.get(begin.transfer)
        if known is not None:
            if known.begin.model_copy(update={"id": begin.id}) != begin:
                raise TransferError.exists()
            return known
        if isinstance(begin, TransferBegin):
            check_image(begin)
        elif begin.size > limits.CLIP:
            raise TransferError.too_large(begin.size, limits.CLIP)
        self._make_room()
        self._shelf.open(begin)
        self._incoming[begin.transfer] = Incoming(begin)
        return self._incoming[begin.transfer]

    def _make_room(self) -> None:
        """Let go of the oldest finished image when there are too many. Raises TransferError where there is none."""
        if len(self._incoming) < limits.TRANSFERS:
            return
        images = (each for each in self._incoming.values() if each.finished and isinstance(each.begin, TransferBegin))
        oldest = next((incoming.begin.transfer for incoming in images), None)
        if oldest is None:
            raise TransferError.too_many(limits.TRANSFERS)
        self.abort(oldest)

    def chunk(self, header: Header, payload: memoryview) -> Incoming:
        """Keep a chunk. A chunk that was kept already is answered, not kept twice. Raises TransferError."""
        incoming = self._find(header.owner)
        if header.offset + len(payload) <= incoming.offset:
            return incoming
        if header.offset != incoming.offset or incoming.finished:
            raise TransferError.out_of_order(header.offset, incoming.offset)
        if header.offset + len(payload) > incoming.begin.size:
            self.abort(header.owner)
            raise TransferError.overrun()
        try:
            self._shelf.append(header.owner, payload)
        except TransferError:
            self.abort(header.owner)
            raise
        incoming.sha256.update(payload)
        incoming.offset += len(payload)
        if len(incoming.head) < PNG_HEAD:
            incoming.head += bytes(payload[: PNG_HEAD - len(incoming.head)])
        return incoming

    def end(self, end: TransferEnd) -> Incoming:
        """Check what came against what was announced. Raises TransferError; wrong bytes are thrown away."""
        incoming = self._find(end.transfer)
        if end.size != incoming.begin.size:
            raise TransferError.size_differs(end.size, incoming.begin.size)
        if incoming.offset < end.size:
            raise TransferError.incomplete(incoming.offset, end.size)
        try:
            if incoming.sha256.hexdigest() != end.sha256:
                raise TransferError.corrupt()
            if isinstance(incoming.begin, TransferBegin) and incoming.begin.kind == "png":
                check_png(incoming.head, incoming.begin)
            if not incoming.finished:
                self._shelf.finish(end.transfer)
        except TransferError:
            self.abort(end.transfer)
            raise
        incoming.finished = True
        return incoming

    def image(self, transfer: UUID) -> Path:
        """The file of an image that has arrived. Raises TransferError."""
        return self._finished(transfer, TransferBegin)

    def clip(self, transfer: UUID) -> Path:
        """The file of a clip that has arrived. Raises TransferError."""
        return self._finished(transfer, ClipBegin)

    def _finished(self, transfer: UUID, kind: type[TransferBegin] | type[ClipBegin]) -> Path:
        incoming = self._find(transfer)
        if not isinstance(incoming.begin, kind):
            raise TransferError.other_kind()
        if not incoming.finished:
            raise TransferError.unfinished()
        return self._shelf.path(transfer)

    def abort(self, transfer: UUID) -> None:
        """Throw a transfer away; one that is not known is thrown away already."""
        if self._incoming.pop(transfer, None) is not None:
            self._shelf.discard(transfer)

    def close(self) -> None:
        """Throw every transfer away. A submitted job has its own copy."""
        for transfer in tuple(self._incoming):
            self.abort(transfer)

    def _find(self, transfer: UUID) -> Incoming:
        try:
            return self._incoming[transfer]
        except KeyError:
            raise TransferError.unknown() from None


PNG_HEAD = 26
"""Bytes up to the colour type of a PNG."""
PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


def check_png(head: bytes, begin: TransferBegin) -> None:
    """See that a PNG's header says what was announced, so that no small file swells up. Raises TransferError."""
    if len(head) < PNG_HEAD or head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR":
        raise TransferError.not_png("it does not begin like a PNG")
    width, height, bits, colour = struct.unpack_from(">IIBB", head, 16)
    if (width, height) != (begin.width, begin.height):
        raise TransferError.not_png(f"it has {width}×{height} pixels, announced were {begin.width}×{begin.height}")
    if max(bits, 8) != begin.bits or PNG_CHANNELS.get(colour) != begin.channels:
        raise TransferError.not_png("its channels or bits are not the announced ones")


STRIPS = 273
"""The TIFF tag that says where the rows are."""


def _description(profile: str) -> list[int]:
    return [*f"{PROFILE_NAMED}{profile}".encode(), 0]


def tiff_header(begin: TransferBegin) -> bytes:
    """Header of a baseline TIFF whose rows follow it directly: what a raw transfer lacks to be an image file.

    The alpha channel is declared “unspecified”: declared straight, libtiff's 8-bit reader would premultiply it. The
    name of the colour profile, of which no more is known, is the description.
    """
    row = begin.width * begin.channels * begin.bits // 8
    rows = max(1, min(begin.height, limits.CHUNK // row))
    heights = [min(rows, begin.height - top) for top in range(0, begin.height, rows)]
    ascii, short, long = ("B", 2), ("H", 3), ("I", 4)
    fields: list[tuple[int, tuple[str, int], list[int]]] = [
        (256, long, [begin.width]),
        (257, long, [begin.height]),
        (258, short, [begin.bits] * begin.channels),
        (259, short, [1]),  # not compressed
        (262, short, [1 if begin.channels == 1 else 2]),  # 0 is black | RGB
        *([(270, ascii, _description(begin.profile))] if begin.profile else []),
        (STRIPS, long, [0] * len(heights)),  # where each begins, filled in below
        (277, short, [begin.channels]),
        (278, long, [rows]),
        (279, long, [height * row for height in heights]),
        (284, short, [1]),  # interleaved
    ]
    if begin.channels == 4:
        fields.append((338, short, [0]))
    directory = 8 + 2 + 12 * len(fields) + 4
    sizes = [struct.calcsize(f"<{len(values)}{code}") for _, (code, _), values in fields]
    start = directory + sum(-(-size // 4) * 4 for size in sizes if size > 4)
    strips = next(number for number, (tag, _, _) in enumerate(fields) if tag == STRIPS)
    fields[strips] = (STRIPS, long, [start + index * rows * row for index in range(len(heights))])
    entries, values_after = b"", b""
    for tag, (code, number), values in fields:
        packed = struct.pack(f"<{len(values)}{code}", *values)
        packed += bytes(-len(packed) % 4)
        if len(packed) > 4:
            values_after, packed = values_after + packed, struct.pack("<I", directory + len(values_after))
        entries += struct.pack("<HHI", tag, number, len(values)) + packed
    return struct.pack("<2sHIH", b"II", 42, 8, len(fields)) + entries + struct.pack("<I", 0) + values_after
