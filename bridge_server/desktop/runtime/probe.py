"""What this machine is: its system, and its graphics cards as its own tools tell them. Thin: `gpu` understands.

The parts for Windows and macOS are written to the documented output of their tools; not yet run there.
"""

import contextlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bridge_server.desktop.outside import environment
from bridge_server.desktop.runtime import gpu
from bridge_server.desktop.runtime.gpu import Card, Choice

SECONDS = 20.0
"""How long a tool may take: a card that was asleep is slow to answer."""

QUERY = "--query-gpu=name,driver_version"
CONTROLLERS = "Get-CimInstance Win32_VideoController | Select-Object Name,PNPDeviceID | ConvertTo-Json"

NVIDIA_SMI = (
    "/usr/bin/nvidia-smi",
    "/usr/lib/wsl/lib/nvidia-smi",
    r"C:\Windows\System32\nvidia-smi.exe",
    r"C:\Program Files\NVIDIA Corporation\NVSMI\nvidia-smi.exe",
)
"""Where it is when it is not on the PATH."""

SYSTEMS = {"win32": "windows", "darwin": "macos", "linux": "linux"}
MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def system() -> str:
    """`linux-x86_64`, `windows-x86_64`, `macos-arm64`, …: a name that lockfiles are called after."""
    machine = platform.machine().lower()
    if sys.platform == "darwin" and _said(("sysctl", "-n", "hw.optional.arm64")).strip() == "1":
        machine = "arm64"  # this Python may be one for Intel, which Apple silicon runs too
    return f"{SYSTEMS.get(sys.platform, sys.platform)}-{MACHINES.get(machine, machine)}"


def choice() -> Choice:
    """The backend for this machine."""
    return gpu.choose(system(), cards())


def cards(root: Path = Path("/")) -> list[Card]:
    """The graphics cards; those of NVIDIA and AMD first as their drivers tell them. `root`: of /proc and /sys."""
    told = nvidia(root)
    if sys.platform == "win32":
        others = gpu.from_windows(_said(("powershell", "-NoProfile", "-NonInteractive", "-Command", CONTROLLERS)))
    else:
        told += amd(root)
        others = pci(root)
    makers = {card.maker for card in told}
    return told + [card for card in others if card.maker not in makers]


def nvidia(root: Path = Path("/")) -> list[Card]:
    """As nvidia-smi tells; where it is missing, what the driver's module says of itself."""
    tool = shutil.which("nvidia-smi") or next((path for path in NVIDIA_SMI if Path(path).is_file()), None)
    if tool is not None:
        for query in (f"{QUERY},compute_cap", QUERY):  # drivers before 510 do not know compute_cap
            found = gpu.from_nvidia_smi(_said((tool, query, "--format=csv,noheader")))
            if found:
                return found
    driver = gpu.from_nvidia_module(_text(root / "proc/driver/nvidia/version"))
    return [Card("NVIDIA", "NVIDIA graphics", driver)] if driver else []


def amd(root: Path = Path("/")) -> list[Card]:
    nodes = sorted((root / "sys/class/kfd/kfd/topology/nodes").glob("*/properties"))
    targets = [gpu.from_kfd(_text(node)) for node in nodes]
    return [Card("AMD", "AMD graphics", target=target) for target in targets if target is not None]


def pci(root: Path = Path("/")) -> list[Card]:
    folders = sorted((root / "sys/bus/pci/devices").glob("*"))
    found = [gpu.from_pci(*(_text(folder / name) for name in ("vendor", "device", "class"))) for folder in folders]
    return [card for card in found if card is not None]


def _said(command: Sequence[str]) -> str:
    """What a tool prints; nothing where it is missing, fails or does not end."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            env=environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
