"""The service is light."""

import subprocess
import sys

HEAVY = ("numpy", "cv2", "av", "torch", "diffusers")


def test_a_running_service_has_loaded_nothing_that_touches_pixels() -> None:
    script = (
        "import asyncio, sys, tempfile, pathlib\n"
        "from bridge_server import cli, client, server\n"
        "from bridge_server.demo import run\n"
        "from bridge_server.desktop.paths import Places\n"
        "async def main():\n"
        "    folder = pathlib.Path(tempfile.mkdtemp())\n"
        "    places = Places(folder / 'config', folder / 'data')\n"
        "    async with server.BridgeServer(places, ports=(0,)), await client.Client.connect(places) as one:\n"
        "        await one.ping()\n"
        "asyncio.run(main())\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
