"""The panel's own tools in Node.js, with what its lock file names."""

import os
import subprocess
import sys
from pathlib import Path

from engine.lock import hold
from tests.needs import missing, needed

FOLDER = Path(__file__).parents[1] / "uxp_plugin"


def npm(*words: str, patience: float) -> subprocess.CompletedProcess[str]:
    """Run npm in the panel's folder, its packages installed; skips or fails the test where they cannot be."""
    needed("node", ("node",))
    program = needed("node", ("npm",))
    with (FOLDER / ".installing").open("ab") as lock:  # tests may run side by side, and npm begins by taking away
        hold(lock, wait=True)
        if not _installed():
            done = _run(program, "ci", patience=300)
            if done.returncode != 0:
                missing("node", f"npm ci did not install what the panel's tests need: {done.stdout[-2000:]}")
    return _run(program, *words, patience=patience)


def _installed() -> bool:
    """Whether what the lock file names was installed after it was written."""
    installed, lock = FOLDER / "node_modules" / ".package-lock.json", FOLDER / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def _run(program: str, *words: str, patience: float) -> subprocess.CompletedProcess[str]:
    """The panel's tests start the service with this Python."""
    return subprocess.run(
        [program, *words],
        cwd=FOLDER,
        env={**os.environ, "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience,
        check=False,
    )
