"""The protocol's numbers, in one place; `hello` tells them to the client."""

from enum import IntEnum

PROTOCOL = 1
"""Version of the protocol; rises only when an old peer would misread a new one."""

CHUNK = 1 << 20
"""Most bytes that one binary message carries after its header."""

MESSAGE = CHUNK + (CHUNK >> 2)
"""Most bytes of any WebSocket message (1.25 MiB); more closes the connection with 1009."""

TEXT = 256 << 10
"""Most characters of a JSON message."""

CREDIT = 8
"""Chunks that may be on their way without being acknowledged."""

SIDE = 1 << 15
"""Most pixels along one side of an image."""

TRANSFER = 1 << 30
"""Most bytes of one transfer."""

CLIP = 1 << 40
"""Most bytes of a clip that a client sends; the disk refuses long before."""

NAME = 128
"""Most characters of the name of such a clip."""

TRANSFERS = 32
"""Most transfers, finished or not, that one connection keeps; and most fetches that it has under way."""

PIECE = 256 << 10
"""Bytes of a chunk that the service sends: small, since one is in memory for each client that does not read."""

GRANTS = 256
"""Most clips that one connection keeps granted."""

WAITING_JOBS = 200
"""Most jobs that wait to run."""

PRIORITY = 10
"""Priorities go from minus this to this."""

LISTED = 50
"""Ended jobs that a list of jobs holds, beside all that wait or run."""

REPLAYED = 200
"""Most states that a watch tells again: all of them at once must fit into what may wait for a client."""

HISTORY = 100
"""Most jobs of one page of the history."""

CONNECTIONS = 128
"""Most connections."""

STRANGERS = 32
"""Most connections that did not identify themselves yet; one more closes the oldest."""

ARRIVING = 64
"""Most connections of which no request came yet; one more cuts the oldest."""

CODE_SECONDS = 300.0
"""A pairing code is good for so long."""

CODE_TRIES = 5
"""Wrong tries that end a pairing code."""

QUESTIONS = 16
"""Most probes, frames and locates of one connection that wait for the engine."""

IDENTIFY_SECONDS = 5.0
"""A connection that has not identified itself by then is closed."""

OUTBOX_BYTES = 3 << 19
"""Bytes of memory that may wait for a client that reads slowly (1.5 MiB); more closes the connection."""


class CloseCode(IntEnum):
    """Why the service closes a connection. 1000, 1001, 1009 and 1011 mean what RFC 6455 says."""

    GOING_AWAY = 1001
    INTERNAL = 1011
    MALFORMED = 4001
    VERSION = 4002
    NOT_IDENTIFIED = 4003
    IDENTIFY_TIMEOUT = 4004
    BAD_CHUNK = 4005
    TOO_SLOW = 4008
    WRONG_TOKEN = 4009
    WRONG_CODE = 4010
