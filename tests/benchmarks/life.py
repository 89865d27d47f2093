"""The built app from its install to its end, in a home that was empty: what is there at each step, and what is left.

The newer version that it is updated to is the same build under another number, offered by a server of this machine and
signed. `install.sh` and `uninstall.sh` are run as a person would; their PATH has the system's programs, and no Python.
"""

import asyncio
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bridge_server.client import Client
from bridge_server.demo.run import ASSETS
from bridge_server.desktop.instance import alive, discover
from bridge_server.desktop.paths import Places
from bridge_server.protocol import messages as m
from engine.request import FrameRange
from installer.product import ID, version
from tests.benchmarks.figures import Figures
from tests.bridge_server.desktop.apps import Offer

NEWER = "99.0.0"
TOOLS = (
    "sh",
    "cp",
    "rm",
    "mv",
    "mkdir",
    "rmdir",
    "ln",
    "readlink",
    "dirname",
    "sed",
    "cat",
    "printf",
    "grep",
    "basename",
)
"""What `install.sh` and `uninstall.sh` find on the PATH."""
SECONDS = 60.0


@dataclass(frozen=True)
class Person:
    """A home, and an environment without Python."""

    home: Path
    tools: Path
    source: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": str(self.tools),
            "VIDEOSHOP_UPDATES": str(self.source),
            "LANG": "C.UTF-8",
        }

    @property
    def places(self) -> Places:
        return Places(self.home / ".config/videoshop", self.home / ".local/share/videoshop")

    def run(self, *words: str | Path) -> str:
        done = subprocess.run(
            [str(word) for word in words],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def files(self) -> set[str]:
        return {str(path.relative_to(self.home)) for path in self.home.rglob("*") if not path.is_dir()}


def life(figures: Figures, app: Path, place: Path) -> None:
    """Install, use, update, roll back, uninstall."""
    home = place / "life"
    home.mkdir()
    with Offer() as offer:
        person = Person(home, _tools(place), offer.write_source(place / "updates.json"))
        began = time.monotonic()
        person.run("/bin/sh", app / "install.sh")
        figures.show("install.sh", time.monotonic() - began, "s")
        figures.show("files that it made outside of the app", len(_outside(person)))
        command = home / ".local/bin/videoshop"
        person.run(command, "settings", "set", "start_at_login", "on")
        _start(person, command)
        figures.show("the version that runs", _says(person, version()), least=1)
        figures.show("a job done by it", _job(person), least=1)

        offer.publish(NEWER, _renumbered(app, place), unpacked=400_000_000)
        began = time.monotonic()
        person.run(command, "update", "install")
        figures.show("update: fetched, proved, tried, and running", time.monotonic() - began, "s")
        figures.show("the newer version runs", _says(person, NEWER), least=1)
        figures.show("a job done by it", _job(person), least=1)
        began = time.monotonic()
        person.run(command, "update", "rollback")
        _until(lambda: _says(person, version()) == 1)
        figures.show("rolled back, and running", time.monotonic() - began, "s")
        figures.show("a job done by it", _job(person), least=1)

        made = person.files()
        person.run("/bin/sh", home / ".local/lib" / ID / "uninstall.sh", "--yes", "--keep-results")
        left = person.files()
        results = {name for name in made if "/jobs/" in name and "/out/" in name}
        figures.show("files of results that were to be kept, and are", len(left & results), least=len(results))
        figures.show(f"files left beside them {sorted(left - results)[:5]}", len(left - results), most=0)
        figures.show("the service runs still", float(alive(person.places)), most=0)

        person.run("/bin/sh", app / "install.sh")
        person.run("/bin/sh", home / ".local/lib" / ID / "uninstall.sh", "--yes", "--remove-results")
        figures.show(f"files left after all was to go {sorted(person.files())[:5]}", len(person.files()), most=0)


def _tools(place: Path) -> Path:
    """A folder with the system's programs that the scripts name, and no other."""
    folder = place / "tools"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    return folder


def _outside(person: Person) -> set[str]:
    return {name for name in person.files() if not name.startswith(f".local/lib/{ID}/")}


def _start(person: Person, command: Path) -> None:
    """Start the service, as the login would."""
    subprocess.Popen(
        [str(command), "serve", "--port", "0"],
        env=person.environment,
        cwd=person.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    _until(lambda: alive(person.places) and discover(person.places.discovery) is not None)


def _says(person: Person, wanted: str) -> float:
    """Whether the service that runs is of this version."""
    found = discover(person.places.discovery)
    return float(found is not None and found.version == wanted and alive(person.places))


def _job(person: Person) -> float:
    """Whether a job is done: three frames of the demo's clip."""

    async def done() -> bool:
        async with await Client.connect(person.places) as client:
            grant = await client.grant(ASSETS / "box.mp4")
            edited, mask = [await client.upload_png(ASSETS / f"box_{name}.png") for name in ("edited", "mask")]
            keyframe = m.KeyframeParams(edited=edited, frame=20, mask=mask)
            params = m.JobParams(
                grant=grant, keyframes=(keyframe,), range=FrameRange(start=20, stop=23), formats=("png",)
            )
            submitted = await client.submit(params)
            return (await client.result(submitted.job)).state == "done"

    return float(asyncio.run(done()))


def _renumbered(app: Path, place: Path) -> bytes:
    """The archive of the same app under another number: it is asked of the package's own description."""
    copy = place / "newer" / f"{ID}-{NEWER}"
    shutil.copytree(app, copy, symlinks=True)
    (described,) = (copy / "_internal").glob("videoshop_bridge-*.dist-info")
    text = (described / "METADATA").read_text("utf-8")
    (described / "METADATA").write_text(text.replace(f"\nVersion: {version()}\n", f"\nVersion: {NEWER}\n"), "utf-8")
    described.rename(described.with_name(f"videoshop_bridge-{NEWER}.dist-info"))
    packed = place / "newer.tar"
    with tarfile.open(packed, "w") as tar:
        tar.add(copy, arcname=copy.name)
    return packed.read_bytes()


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come in time")
        time.sleep(0.1)
