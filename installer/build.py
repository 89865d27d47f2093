"""`python installer/build.py`: build the app, the panels and this system's packages in a clean clone, into dist/.

It needs Python 3.11 or newer, Node.js 20 or newer with npm, and their package registries. All else goes into an
environment of its own, build/environment, which is kept for the next build until pyproject.toml changes.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / "build" / "environment"


def main() -> int:
    python = ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = ENVIRONMENT / "made-of"
    made_of = f"{sys.version}\n{hashlib.sha256((ROOT / 'pyproject.toml').read_bytes()).hexdigest()}\n"
    if not stamp.is_file() or stamp.read_text("utf-8") != made_of:
        print("• The build's own environment", flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, f"{ROOT}[build,tray]"], check=True)
        stamp.write_text(made_of, "utf-8")
    # The sources that are built are the clone's, not what was installed with the environment.
    environment = os.environ | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run([str(python), "-m", "installer.make", *sys.argv[1:]], cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
