"""The engine's environment for the processor, from the registry: kills, damage, and a job of the diffusion method;
then the same set up through the service, as its page does it.

`--command` names another `videoshop`, the frozen app's for instance; `VIDEOSHOP_TORCH_INDEX` says where torch's wheel
is if its own index cannot be reached. About 1.3 GB are downloaded and written below `--folder`, and removed at the end.
"""

import argparse
import asyncio
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge_server.client import Client
from bridge_server.desktop.instance import alive, discover
from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime.place import Home, packages_of
from bridge_server.desktop.runtime.records import METADATA, entries
from bridge_server.protocol import messages as m
from engine.request import FrameRange
from tests.benchmarks.figures import Figures
from tests.end_to_end.command import BOX, BOX_EDITED, BOX_MASK
from tests.engine.videoshop.hub import Hub

TRAINED = Path(__file__).parents[1] / "assets" / "world" / "model"
DAMAGED, DELETED = 20, 5
FRAMES, STEPS = 4, 4
STOPPED_AT = 20_000_000
"""Bytes after which the installation through the service is stopped."""


@dataclass(frozen=True)
class Person:
    """Someone with an empty home and a `videoshop` command."""

    command: tuple[str, ...]
    home: Path

    @property
    def variables(self) -> dict[str, str]:
        folders = {"VIDEOSHOP_CONFIG": "config", "VIDEOSHOP_DATA": "data", "XDG_CACHE_HOME": "cache", "HOME": ""}
        return {
            **os.environ,
            **{name: str(self.home / folder) for name, folder in folders.items()},
            "OMP_NUM_THREADS": "1",
        }

    @property
    def engine(self) -> Home:
        return Home(self.home / "data" / "engine")

    def runs(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*self.command, *words], env=self.variables, capture_output=True, text=True, check=False)

    def must(self, *words: str) -> str:
        done = self.runs(*words)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr}")
        return done.stdout

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.must("engine", "status", "--json"))
        return told

    def killed(self, seconds: float) -> str | None:
        """Start an installation, kill it after so long: the last phase that it told, None where it was done before."""
        with tempfile.TemporaryFile("w+") as said:
            command = [*self.command, "engine", "install", "--backend", "cpu"]
            process = subprocess.Popen(command, env=self.variables, stdout=subprocess.DEVNULL, stderr=said)
            try:
                process.wait(seconds)
                return None
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            said.seek(0)
            lines = said.read().splitlines()
            return lines[-1] if lines else "starting"


def run() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks runtime")
    parser.add_argument("--command", default=f"{shlex.quote(sys.executable)} -m bridge_server.cli")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=40.0, help="a kill comes within so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args(sys.argv[2:])
    figures = Figures()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        person = Person(tuple(shlex.split(asked.command)), Path(folder))
        _kills(person, asked.kills, asked.seconds, random.Random(asked.seed), figures)
        _installs(person, figures)
        _damage(person, random.Random(asked.seed), figures)
        _job(person, figures)
        _removes(person, figures)
        asyncio.run(_through_the_service(person, figures))
    return figures.end()


def _kills(person: Person, kills: int, seconds: float, chance: random.Random, figures: Figures) -> None:
    """Each kill leaves one that was begun and says so, or one that is whole."""
    phases: Counter[str] = Counter()
    wrong = 0
    while phases.total() < kills:
        phase = person.killed(chance.uniform(0.0, seconds))
        if phase is None:
            person.must("engine", "remove")
            continue
        told = person.status()
        if told["state"] == "absent":
            wrong += person.engine.environments.exists() and told["unfinished"] is None
        else:  # it was whole already, or so it says
            phase = "the last words"
            wrong += person.runs("engine", "verify").returncode != 0
            person.must("engine", "remove")
        phases[phase] += 1
        print(f"  killed in “{phase}”; {_megabytes(person.engine.cache):.0f} MB of cache", flush=True)
    figures.show("kills", kills)
    for phase, count in phases.items():
        figures.show(f"  in “{phase}”", count)
    figures.show("kills after which a broken environment counted as one", wrong, most=0)


def _installs(person: Person, figures: Figures) -> None:
    began = time.monotonic()
    person.must("engine", "install", "--backend", "cpu")
    figures.show("the installation after them", time.monotonic() - began, "s")
    figures.show("faults that verify finds", float(person.runs("engine", "verify").returncode != 0), most=0)
    figures.show("the environment's folder", _megabytes(person.engine.root), "MB")
    figures.show("folders of environments in it", len(list(person.engine.environments.iterdir())), most=1)


def _damage(person: Person, chance: random.Random, figures: Figures) -> None:
    """Bits flipped and files deleted, anywhere: all found, and back to the same bytes."""
    files = _files(person.engine)
    chosen = chance.sample(sorted(path for path in files if path.stat().st_size), DAMAGED + DELETED)
    before = {path: path.read_bytes() for path in chosen}
    for path in chosen[:DAMAGED]:
        content = bytearray(before[path])
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    for path in chosen[DAMAGED:]:
        path.unlink()
    packages = _packages(person.engine)
    told = person.runs("engine", "verify")
    more = re.search(r" and (\d+) more\.", told.stderr)
    found = 1 + int(more[1]) if more else 0
    figures.show(f"of {DAMAGED} flipped bits and {DELETED} deleted files, found", found, least=len(chosen))
    figures.show("verify says that something is wrong", told.returncode, least=2)
    began = time.monotonic()
    person.must("engine", "repair")
    figures.show("repair", time.monotonic() - began, "s")
    now = _packages(person.engine)
    wrong = [path for path, content in before.items() if (now / path.relative_to(packages)).read_bytes() != content]
    figures.show("files that are not as before", len(wrong), most=0)
    figures.show("faults after it", float(person.runs("engine", "verify").returncode != 0), most=0)


def _job(person: Person, figures: Figures) -> None:
    """The diffusion method on the small trained model."""
    output = person.home / "result"
    edit = ("--edited", BOX_EDITED, "--frame", "20", "--mask", BOX_MASK, "--range", f"20:{20 + FRAMES}")
    how = ("--method", "videoshop", "--weights", TRAINED, "--set", f"steps={STEPS}", "--set", "strength=0.6")
    began = time.monotonic()
    person.must("propagate", str(BOX), *map(str, (*edit, *how)), "--format", "png", "--output", str(output))
    figures.show(f"a job of {FRAMES} frames with the small trained model", time.monotonic() - began, "s")
    report = json.loads((output / "report.json").read_text("utf-8"))
    figures.show("its network passes", report["passes"]["network"], least=1)
    figures.show("its frames", len(list((output / "flat").glob("*.png"))), least=FRAMES)


def _removes(person: Person, figures: Figures) -> None:
    person.must("engine", "remove")
    figures.show("files left after remove", sum(1 for _ in person.engine.root.rglob("*")), most=0)
    figures.show("the result is still there", float((person.home / "result").is_dir()), least=1)
    shutil.rmtree(person.home / "result")


async def _through_the_service(person: Person, figures: Figures) -> None:
    """Environment and model are set up by a client, stopped once; a job runs; both are taken away."""
    places = Places(person.home / "config", person.home / "data")
    with Hub("stabilityai/stable-video-diffusion-img2vid", TRAINED) as hub:
        variables = {**person.variables, "HF_ENDPOINT": hub.url}
        service = subprocess.Popen([*person.command, "serve", "--port", "0"], env=variables, stdout=subprocess.DEVNULL)
        try:
            while not (alive(places) and discover(places.discovery)):
                await asyncio.sleep(0.1)
            async with await Client.connect(places) as client:
                await _sets_up(client, figures)
        finally:
            service.terminate()
            service.wait()
    figures.show("files left of both", sum(1 for _ in person.engine.root.rglob("*")), most=0)


async def _sets_up(client: Client, figures: Figures) -> None:
    began = time.monotonic()
    await client.set_up("engine")
    await _until(client, lambda state: state.work is not None and state.work.done > STOPPED_AT)
    await client.stop_setup("engine")
    stopped = await _until(client, lambda state: state.work is None)
    figures.show("stopped through the service it has begun", _is(stopped, "engine", "begun"), least=1)
    await client.set_up("engine")
    await client.set_up("svd", accepted=True)
    done = await _until(client, lambda state: state.work is None and not state.waiting)
    figures.show("environment and model set up through the service", time.monotonic() - began, "s")
    figures.show("both are ready", _is(done, "engine", "ready") * _is(done, "svd", "ready"), least=1)
    grant = await client.grant(BOX)
    edited, mask = [await client.upload_png(path) for path in (BOX_EDITED, BOX_MASK)]
    params = m.JobParams(
        grant=grant,
        keyframes=(m.KeyframeParams(edited=edited, frame=20, mask=mask),),
        range=FrameRange(start=20, stop=20 + FRAMES),
        method="videoshop",
        formats=("png",),
        settings={"steps": str(STEPS)},
    )
    job = await client.result((await client.submit(params)).job)
    figures.show("a job with them is done", float(job.state == "done"), least=1)
    await client.take_away("svd")
    await client.take_away("engine")
    gone = await _until(client, lambda state: state.work is None and not state.waiting)
    figures.show("both are taken away", _is(gone, "engine", "absent") * _is(gone, "svd", "absent"), least=1)


async def _until(client: Client, true: Callable[[m.SetupState], bool]) -> m.SetupState:
    async for state in client.watch_setup():
        if true(state):
            return state
    raise SystemExit("the service is gone")


def _is(state: m.SetupState, name: str, wanted: str) -> float:
    return float(any(part.part == name and part.state == wanted for part in state.parts))


def _packages(home: Home) -> Path:
    installed = home.installed()
    if installed is None:
        raise SystemExit("no environment")
    return packages_of(home.environment(installed))


def _files(home: Home) -> list[Path]:
    """All files that packages installed and that are checked."""
    packages = _packages(home)
    lists = [(folder / "RECORD").read_text("utf-8") for folder in packages.glob(f"*{METADATA}")]
    return [
        packages / entry.path for text in lists for entry in entries(text) if entry.sha256 and ".." not in entry.path
    ]


def _megabytes(folder: Path) -> float:
    done = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0]) / 1000 if done.returncode == 0 else 0.0
