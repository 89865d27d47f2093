"""Trying a new environment as a job would, before anything depends on it."""

import asyncio
from pathlib import Path
from typing import Any

from bridge_server.desktop.runtime import probe
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.place import Home, command_in
from bridge_server.errors import BridgeError
from bridge_server.worker import EngineProcess, Patience

PATIENCE = Patience(silence=120.0, farewell=5.0)
"""The first start compiles all modules and reads gigabytes; it may be slow."""

NEEDED = ("av", "opencv", "torch", "diffusers", "transformers")
"""What must be there, under the names of `engine.about`."""

DEVICES = {"cu128": "cuda", "cu126": "cuda", "rocm": "cuda", "xpu": "xpu", "mps": "mps", "cpu": "cpu"}
"""What torch calls what the engine should compute on, by backend."""


def runs_engine(home: Home, environment: Path, backend: str) -> None:
    """The engine process starts in the environment, torch loads, and finds the graphics card that it was chosen for.

    Raises RuntimeFault.
    """
    try:
        told = asyncio.run(_about(command_in(home, environment)))
        packages, devices = told["packages"], told["devices"]
        lacking = [name for name in NEEDED if packages[name] is None]
        error = f"{', '.join(lacking)} missing" if lacking else devices["error"]
        kinds = {device["kind"] for device in devices["found"]}
    except OSError as failure:
        raise RuntimeFault.does_not_run(failure.strerror or str(failure)) from None
    except BridgeError as failure:
        raise RuntimeFault.does_not_run(failure.message.rstrip(".")) from None
    except (KeyError, TypeError):
        raise RuntimeFault.does_not_run("its answer is not one that this version knows") from None
    if error is not None:
        raise RuntimeFault.does_not_run(str(error))
    if DEVICES[backend] not in kinds and probe.choice().backend == backend:
        raise RuntimeFault.does_not_run(f"torch for {backend} does not find the graphics card")


async def _about(command: tuple[str, ...]) -> dict[str, Any]:
    engine = EngineProcess(command, PATIENCE)
    try:
        return await engine.ask("about", {"parts": ["packages", "devices"]})
    finally:
        await engine.close()
