"""A measurement in a process of its own, so that none has the memory, the caches or the threads of another."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def in_child(function: str, *arguments: str) -> Any:
    """What `function`, as in `tests.benchmarks.propagate.job`, called with `arguments`, printed last, as JSON."""
    module, _, name = function.rpartition(".")
    child = subprocess.run(
        [sys.executable, "-c", f"from {module} import {name}; {name}(*{arguments!r})"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return json.loads(child.stdout.splitlines()[-1])
