"""The app that this may be: a folder of programs beside each other, with a Python of their own inside.

`videoshop` is the command line and the service, `videoshop-tray` the same without a console (where there are such), and
`videoshop-engine` the engine process. From source, all of it runs as modules of the Python that runs this.
"""

import sys
from pathlib import Path

ENGINE_PROGRAM = "videoshop-engine"


def frozen() -> bool:
    """Whether this process is one of the app's programs."""
    return bool(getattr(sys, "frozen", False))


def own_engine() -> tuple[str, ...]:
    """How the engine process that this installation brings is started; it takes the options of `engine.worker`.

    From source, `-P` keeps the working folder out of its imports.
    """
    if not frozen():
        return (sys.executable, "-P", "-m", "engine.worker")
    suffix = ".exe" if sys.platform == "win32" else ""
    return (str(Path(sys.executable).with_name(f"{ENGINE_PROGRAM}{suffix}")),)


def bundled(name: str) -> Path | None:
    """A file or folder that the app brings, such as "uv" or "plugins"; None where it brings none, as from source."""
    if not frozen():
        return None
    inside = Path(sys._MEIPASS)  # type: ignore[attr-defined]  # PyInstaller's name for the folder of all it brings
    return next((path for path in (inside / name, inside / f"{name}.exe") if path.exists()), None)


def again(from_source: str) -> str:
    """How what is missing comes back: the app brings all of it, from source each part has its own command."""
    return "Install Videoshop Bridge again" if frozen() else from_source
