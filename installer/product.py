"""What is built, in data: names, programs, places and files. Every package, for every system, is made of this."""

import platform
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

System = Literal["linux", "macos", "windows"]
SYSTEMS: tuple[System, ...] = get_args(System)

ROOT = Path(__file__).parents[1]
INSTALLER = Path(__file__).parent

NAME = "Videoshop Bridge"
ID = "videoshop-bridge"
"""The app's name in files, folders and package managers."""
IDENTIFIER = "org.videoshop.bridge"
"""The app's name among all apps: macOS's bundle and package, the desktop file, Windows's AppUserModelID."""
WINDOWS_GUID = "6F1B7E0C-2C57-4C6B-9C39-3F7F0C6F5D21"
"""Windows knows an installed app by this: it never changes."""
PUBLISHER = "The Videoshop Bridge maintainers"
YEARS = "2026"
"""Of the copyright."""
CONTACT = "maintainers@videoshop-bridge.invalid"
"""`Maintainer` of a Debian package wants an address; whoever distributes it puts theirs here."""
SUMMARY = "Edit one frame of a video in Photoshop, propagate the edit through the clip"
DESCRIPTION = (
    "A small service on your own machine that carries an edit of one frame through the whole clip, for Photoshop, "
    "After Effects, and any image editor beside a browser. It needs no cloud; the built-in method needs no GPU."
)
LICENCE = "Apache-2.0"
KEYWORDS = ("video", "photoshop", "edit", "propagate", "frame")

ARCHIVE_BYTES = 150_000_000
UNPACKED_BYTES = 350_000_000
"""The most that Linux's archive may take, packed and unpacked."""


@dataclass(frozen=True)
class Program:
    """One executable of the app. `entry`: its script in entries/; `without`: packages that it must not contain."""

    name: str
    entry: str
    systems: tuple[System, ...] = SYSTEMS
    windowed: bool = False
    without: tuple[str, ...] = ()


PIXELS = ("numpy", "cv2", "av")
"""What only the engine process may load."""
MODEL = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "huggingface_hub")
"""What the diffusion method runs on: it is installed into an environment of its own."""

PROGRAMS = (
    Program("videoshop", "run_videoshop.py", without=PIXELS),
    Program("videoshop-tray", "run_windowed.py", systems=("macos", "windows"), windowed=True, without=PIXELS),
    Program("videoshop-engine", "run_engine.py", without=("rich", "typer", "websockets", "pystray", "PIL")),
)


def programs(system: System) -> tuple[Program, ...]:
    return tuple(program for program in PROGRAMS if system in program.systems)


@dataclass(frozen=True)
class Part:
    """What is laid beside the frozen Python, where `bridge_server.desktop.frozen.bundled` finds it by its name.

    `source` is relative to the clone; `made_by`: how it comes to be there.
    """

    name: str
    source: str
    made_by: str = ""


PANELS, NPM = "uxp_plugin/dist", "`npm run build` in uxp_plugin/ makes it"
PLUGINS = (
    Part("plugins/org.videoshop.bridge.photoshop_PS.ccx", f"{PANELS}/org.videoshop.bridge.photoshop_PS.ccx", NPM),
    Part("plugins/aftereffects", f"{PANELS}/aftereffects", NPM),
    Part("plugins/aftereffects-script", f"{PANELS}/aftereffects-script", NPM),
)
"""The panels, for the app to install; they are published beside the app too."""
ENGINE = Part("engine", "engine")
"""The engine's source: an environment made for the diffusion method runs it with a Python of its own."""


UPDATES: dict[str, str] | None = None
"""Where the app looks for newer versions, and the key that signs their list (see installer/manifest.py):
{"manifest": an https address, "key": Ed25519's public key, 64 hexadecimal digits}. Whoever distributes the app puts
theirs here, or into a file for `--updates`; with none it says that it looks for none."""


def updates(told: object) -> dict[str, str]:
    """What the app is to be told of updates, if it can use it. Raises ValueError."""
    if not isinstance(told, dict) or set(told) != {"manifest", "key"}:
        raise ValueError('an app is told of updates {"manifest": address, "key": 64 hexadecimal digits}, and no more')
    manifest, key = told["manifest"], told["key"]
    if not isinstance(manifest, str) or not manifest.startswith("https://"):
        raise ValueError(f"updates are fetched over https only: {manifest} is no https address")
    if not isinstance(key, str) or re.fullmatch(r"[0-9a-f]{64}", key) is None:
        raise ValueError("the key of updates is not 64 hexadecimal digits")
    return {"manifest": manifest, "key": key}


@dataclass(frozen=True)
class Autostart:
    """What starts the app at login, where the person asks the app for it. No package switches it on."""

    launch_agents: tuple[str, ...] = (IDENTIFIER, f"{IDENTIFIER}.tray")
    registry_value: str = NAME
    systemd_unit: str = "videoshop.service"
    xdg_entry: str = "videoshop.desktop"


AUTOSTART = Autostart()

START: tuple[str, ...] = ("tray",)
"""What the app's icon runs: `videoshop tray`, or in the windowed program the same by itself."""
UNINSTALL: tuple[str, ...] = ("uninstall",)
"""What the app is asked before its files go: to take back what it made."""


def version() -> str:
    """The version in pyproject.toml."""
    described = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return str(described["project"]["version"])


def this_system() -> System:
    """The system that this Python runs on."""
    return {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")  # type: ignore[return-value]


def machine() -> str:
    """The processor, in the words of Debian and of all who followed: amd64 or arm64, else as the system says."""
    said = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(said, said)


def file_name(system: System, ending: str, *, architecture: str | None = None) -> str:
    """What a package is called: videoshop-bridge-0.1.0-linux-amd64.tar.xz."""
    return f"{ID}-{version()}-{system}-{architecture or machine()}{ending}"
