"""Both sides prove the pairing token without sending it (PROTOCOL.md, “Handshake”)."""

import hashlib
import hmac
import struct
from typing import Literal
from uuid import UUID

Role = Literal["cli", "srv"]

NONCE = 32
"""Bytes of a challenge, a nonce and the token."""


def proof(token: bytes, role: Role, *, port: int, challenge: bytes, nonce: bytes, instance: UUID) -> bytes:
    """HMAC-SHA256 under the token of role ‖ port (u16, big-endian) ‖ challenge (32) ‖ nonce (32) ‖ instance (16).

    The role stops a proof from being reflected. The port is the one that the client dialled: a process squatting on a
    port cannot pass the handshake on to the real service on another one.
    """
    said = role.encode() + struct.pack(">H", port) + challenge + nonce + instance.bytes
    return hmac.new(token, said, hashlib.sha256).digest()


def same(given: bytes, expected: bytes) -> bool:
    """Compare two proofs in constant time."""
    return hmac.compare_digest(given, expected)
