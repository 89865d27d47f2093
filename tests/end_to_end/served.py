"""The service in a process of its own, with a simulated engine, on folders of its own; and what it takes."""

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.worker import ENGINE
from tests.end_to_end.command import COMMAND

ROOT = Path(__file__).parents[2]
FAKE = "tests.bridge_server.fake_engine"


@dataclass
class Served:
    """A `videoshop serve` that runs. `seconds`: from its start until it said that it listens."""

    process: "subprocess.Popen[str]"
    places: Places
    seconds: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    def engines(self) -> list[psutil.Process]:
        """Its simulated engine processes."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child for child in psutil.Process(self.pid).children() if FAKE in child.cmdline()]
        return []

    def resident(self, what: str = "VmRSS") -> float:
        """Memory it holds (VmRSS), or held at most since `forget_peak` (VmHWM), in MB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) * 1024 / 1e6
        raise LookupError(what)

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def cpu(self) -> float:
        """CPU seconds it used, its children not counted."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def switches(self) -> int:
        """How often its threads went to sleep by themselves: each wake-up ends in one."""
        total = 0
        for status in Path(f"/proc/{self.pid}/task").glob("*/status"):
            for line in status.read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
        return total

    def libraries(self) -> str:
        """The files that are mapped into it."""
        return Path(f"/proc/{self.pid}/maps").read_text()


def launch(places: Places, *options: str) -> Served:
    """Start the service, without waiting for it to listen. What it logs is in `service.log` beside its folders."""
    environment = os.environ | {
        CONFIG: str(places.config),
        DATA: str(places.data),
        ENGINE: shlex.join([sys.executable, "-m", FAKE]),
    }
    command = [str(COMMAND), "serve", "--port", "0", *options]
    with (places.config.parent / "service.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    return Served(process, places)


@contextlib.contextmanager
def served(folder: Path, *options: str) -> Iterator[Served]:
    """A service that listens; ended in good order."""
    began = time.perf_counter()
    service = launch(Places(folder / "config", folder / "data"), *options)
    with service.process as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            service.seconds = time.perf_counter() - began
            if not line.startswith("Listening on"):
                raise RuntimeError("the service does not listen")
            yield service
        finally:
            process.terminate()
            process.wait(timeout=10)
