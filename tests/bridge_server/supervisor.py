"""A process that asks one question of a simulated engine: `python -m tests.bridge_server.supervisor DO ARGUMENTS`.

It prints the engine's process id while the engine works on it, then the answer, or the code of the error.
"""

import asyncio
import json
import sys

from bridge_server.errors import WorkerError
from bridge_server.worker import EngineProcess, Patience
from tests.bridge_server.conftest import ENGINE

SILENCE = 3.0


async def main(do: str, arguments: str) -> None:
    engine = EngineProcess(ENGINE, Patience(silence=SILENCE))
    await engine.ask("locate", {})
    asking = asyncio.create_task(engine.ask(do, json.loads(arguments)))
    await asyncio.sleep(0.2)
    print(engine.pid, flush=True)
    try:
        print(json.dumps(await asking), flush=True)
    except WorkerError as error:
        print(error.code, flush=True)
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
