"""Both sides prove what they share without sending it (PROTOCOL.md, “Handshake” and “Pairing”)."""

import hashlib
import hmac
import struct
from typing import Literal
from uuid import UUID

Role = Literal["cli", "srv", "pcl", "psv", "ptk"]
"""Who proves what: client and service the token; client and service the pairing code; the pad over the token."""

NONCE = 32
"""Bytes of a challenge, a nonce and the token."""


def proof(
    key: bytes, role: Role, *, port: int, challenge: bytes, nonce: bytes, instance: UUID, more: bytes = b""
) -> bytes:
    """HMAC-SHA256 under the key of role ‖ port (u16, big-endian) ‖ challenge (32) ‖ nonce (32) ‖ instance (16) ‖ more.

    The role stops a proof from being reflected. The port is the one that the client dialled: a process squatting on a
    port cannot pass the handshake on to the real service on another one.
    """
    said = role.encode() + struct.pack(">H", port) + challenge + nonce + instance.bytes + more
    return hmac.new(key, said, hashlib.sha256).digest()


def same(given: bytes, expected: bytes) -> bool:
    """Compare two proofs in constant time."""
    return hmac.compare_digest(given, expected)


def padded(token: bytes, pad: bytes) -> bytes:
    """The token under a pad of its length; the same again takes the pad off."""
    return bytes(one ^ other for one, other in zip(token, pad, strict=True))
