"""The installed `videoshop` command, run as a person runs it, and what it leaves."""

import subprocess
import sysconfig
from pathlib import Path

import psutil

COMMAND = Path(sysconfig.get_path("scripts")) / "videoshop"
DEMO = Path(__file__).parents[2] / "bridge_server" / "demo"
BOX, BOX_EDITED, BOX_MASK = (DEMO / name for name in ("box.mp4", "box_edited.png", "box_mask.png"))
"""60 frames of 640×480, and a label painted on the lid in frame 20."""
TINY = Path(__file__).parents[1] / "assets" / "tiny-a" / "model"
"""A model of Stable Video Diffusion's architecture, with random weights."""
BIKES = Path(__file__).parents[1] / "assets" / "bikes.mp4"
"""60 frames of 640×272, with a cut before frame 16."""

EDIT = ("--edited", BOX_EDITED, "--frame", "20", "--mask", BOX_MASK)


def videoshop(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [str(COMMAND), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def done(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """The same, for what must succeed."""
    ran = videoshop(*arguments)
    assert ran.returncode == 0, ran.stderr
    return ran


def engines(parent: int) -> list[psutil.Process]:
    """The engine processes that a process started."""
    children = psutil.Process(parent).children(recursive=True)
    return [child for child in children if "engine.worker" in child.cmdline()]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path in it; folders are there too, with a slash at their end."""
    below = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        f"{name}/" if path.is_dir() else name: b"" if path.is_dir() else path.read_bytes()
        for name, path in below.items()
    }
