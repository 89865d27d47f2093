"""The panel's types and tests, by its own tools in Node.js."""

import os
import subprocess
import sys
from pathlib import Path

from tests.needs import missing, needed

FOLDER = Path(__file__).parents[2] / "uxp_plugin"


def test_the_panel_passes_its_tests() -> None:
    needed("node", ("node",))
    npm = needed("node", ("npm",))
    if not _installed():
        done = _run(npm, "ci", patience=300)
        if done.returncode != 0:
            missing("node", f"npm ci did not install what the panel's tests need: {done.stdout[-2000:]}")
    done = _run(npm, "test", patience=900)
    assert done.returncode == 0, done.stdout[-20_000:]


def _installed() -> bool:
    """Whether what the lock file names was installed after it was written."""
    installed, lock = FOLDER / "node_modules" / ".package-lock.json", FOLDER / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def _run(npm: str, *words: str, patience: float) -> subprocess.CompletedProcess[str]:
    """The tests start the service with this Python."""
    return subprocess.run(
        [npm, *words],
        cwd=FOLDER,
        env={**os.environ, "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience,
        check=False,
    )
