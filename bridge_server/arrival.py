"""Connections of which no request came yet: a bounded number of them, so that they cannot take all that there are."""

import asyncio

from websockets.asyncio.server import ServerConnection


def arriving(most: int) -> type[ServerConnection]:
    """The kind of connection of one service: when more than `most` of them sent no request yet, the oldest is cut."""
    silent: dict[ServerConnection, None] = {}

    class Arriving(ServerConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            silent[self] = None
            self.request_rcvd.add_done_callback(lambda _: silent.pop(self, None))
            if len(silent) > most:
                oldest = next(iter(silent))
                del silent[oldest]
                oldest.transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            silent.pop(self, None)
            super().connection_lost(exc)

    return Arriving
