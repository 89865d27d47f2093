"""Sockets that only programs of this machine reach."""

import socket
import sys
from collections.abc import Sequence

from bridge_server.errors import ServiceError


def listen(ports: Sequence[int]) -> tuple[int, list[socket.socket]]:
    """The first port that is free on every loopback address of this machine, and its sockets. Raises ServiceError."""
    for port in ports:
        sockets: list[socket.socket] = []
        try:
            sockets.append(_listening(socket.AF_INET, "127.0.0.1", port))
            bound: int = sockets[0].getsockname()[1]
            if _has_ipv6():
                sockets.append(_listening(socket.AF_INET6, "::1", bound))
            return bound, sockets
        except OSError:
            for opened in sockets:
                opened.close()
    raise ServiceError.ports_taken(ports)


_SEND_BUFFER = 256 << 10
"""Bytes that the system holds for a client that does not read; what waits beyond them is in its outbox."""


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listening.bind((address, port))
        listening.listen(64)
    except OSError:
        listening.close()
        raise
    return listening


def _has_ipv6() -> bool:
    """Whether this machine has the address ::1; `localhost` may mean it."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
