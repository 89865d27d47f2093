"""The service in a process of its own, with the simulated engine: `python -m tests.bridge_server.serve CONFIG DATA`.

An engine that says nothing for a second counts as hung.
"""

import asyncio
import sys
from pathlib import Path

from bridge_server.desktop.paths import Places
from bridge_server.server import BridgeServer
from bridge_server.worker import Patience
from tests.bridge_server.conftest import ENGINE

SILENCE = 2.5


async def main() -> None:
    places = Places(Path(sys.argv[1]), Path(sys.argv[2]))
    patience = Patience(silence=SILENCE, gentle=0.5, farewell=1.0)
    async with BridgeServer(places, ports=(0,), engine=ENGINE, patience=patience) as server:
        print("ready", flush=True)
        await server.wait()


if __name__ == "__main__":
    asyncio.run(main())
