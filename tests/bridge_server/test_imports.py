"""The service is light."""

import os
import subprocess
import sys
from pathlib import Path

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


DESKTOP = ("autostart", "faults", "icon", "plugins", "settings", "tray", "tray_state", "update", "versions")


def test_an_idle_service_has_loaded_nothing_of_the_desktop(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from bridge_server import cli, server\n"
        "async def told(self):\n"
        f"    names = [f'bridge_server.desktop.{{name}}' for name in {DESKTOP!r}]\n"
        "    print([name for name in (*names, 'pystray', 'PIL', 'jeepney', 'nacl', 'rich') if name in sys.modules])\n"
        "server.BridgeServer.wait = told\n"
        "cli.run(['serve', '--port', '0'])\n"
    )
    environment = os.environ | {"VIDEOSHOP_CONFIG": str(tmp_path / "c"), "VIDEOSHOP_DATA": str(tmp_path / "d")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"
