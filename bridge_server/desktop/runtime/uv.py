"""uv, which makes environments and installs into them: found, run, listened to, stopped, and its failures understood.

It is a program of its own: PyPI's wheel `uv` carries it, and so does the frozen app. Its cache is in the environment's
folder, so that what was downloaded before a kill is there after it. Which of the person's own variables reach it:
`PASSED_ON`.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridge_server.desktop.fetching import trusts_file
from bridge_server.desktop.outside import environment
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.place import PYTHON

TICK = 0.2
"""Seconds between two looks at how far it is."""
FAREWELL = 3.0
"""Seconds that it may take to stop."""

PASSED_ON = re.compile(
    r"UV_(DEFAULT_INDEX|INDEX_URL|INDEX|EXTRA_INDEX_URL|FIND_LINKS|INDEX_\w+_(USERNAME|PASSWORD)|KEYRING_PROVIDER|"
    r"NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST|HTTP_TIMEOUT|HTTP_RETRIES|CONCURRENT_DOWNLOADS|PYTHON_INSTALL_MIRROR|OFFLINE)"
)
"""Variables of uv that say where from and how things are downloaded; others could make another environment of it."""

DEFAULTS = {
    "UV_HTTP_TIMEOUT": "120",
    "UV_HTTP_RETRIES": "5",
    "UV_CONCURRENT_DOWNLOADS": "2",  # wheels of gigabytes at once break slow lines
}

OnTick = Callable[["Heard"], None]
"""Takes what was heard so far, often; what it raises stops uv."""


def find_uv() -> str:
    """The program. Raises RuntimeFault."""
    suffix = ".exe" if sys.platform == "win32" else ""
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        for path in (Path(bundle) / f"uv{suffix}", Path(bundle) / "uv" / f"uv{suffix}"):
            if path.is_file():
                return str(path)
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        raise RuntimeFault.no_uv() from None


@dataclass
class Heard:
    """What uv said so far: the packages that are on their way and those that came, the large ones only."""

    coming: set[str] = field(default_factory=set)
    came: set[str] = field(default_factory=set)
    prepared: bool = False

    def hear(self, line: str) -> None:
        """One line of its stderr."""
        match line.split():
            case ["Downloading", name, *_]:
                self.coming.add(name)
            case ["Downloaded", name]:
                self.came.add(name)
                self.coming.discard(name)
            case ["Prepared", _, ("package" | "packages"), *_]:
                self.prepared = True


@dataclass(frozen=True)
class Source:
    """Where packages come from: a folder of wheels alone, or the indexes, `index` among them. `proxy`: an address."""

    wheels: Path | None = None
    index: str | None = None
    proxy: str | None = None

    def options(self) -> list[str]:
        if self.wheels is not None:
            return ["--no-index", "--offline", "--find-links", str(self.wheels)]
        if self.index is None:
            return []
        if Path(self.index).is_dir():
            return ["--find-links", self.index]
        # hashes decide which file is taken, not the order of the indexes
        return ["--index", self.index, "--index-strategy", "unsafe-best-match"]


@dataclass(frozen=True)
class Uv:
    """uv, with its cache, and the folder of the Pythons that it downloads."""

    program: str
    cache: Path
    pythons: Path
    source: Source = field(default_factory=Source)

    def make(self, folder: Path, python: str, on_tick: OnTick) -> None:
        """Make an empty environment. Raises RuntimeFault."""
        offline = ["--no-python-downloads"] if self.source.wheels is not None else []
        self._run(
            ["venv", "--quiet", "--relocatable", "--no-project", "--python", python, *offline, str(folder)], on_tick
        )

    def install(
        self, python: Path, lockfile: Path, on_tick: OnTick, *, opened: Sequence[str] = (), again: Sequence[str] = ()
    ) -> None:
        """Install what a lockfile names and nothing else, or, with `opened` packages, these and what they need as well.

        `again`: packages to fetch and write anew. Raises RuntimeFault.
        """
        command = ["pip", "install", *opened, "--requirements"] if opened else ["pip", "sync", "--require-hashes"]
        options = ["--python", str(python), "--only-binary", ":all:", *self.source.options()]
        for name in again:
            options += ["--reinstall-package", name, "--refresh-package", name]
        self._run([*command, str(lockfile), *options], on_tick)

    def add(self, python: Path, lockfile: Path, on_tick: OnTick) -> None:
        """Install what a lockfile names, and leave what else is there. Raises RuntimeFault."""
        options = ["--python", str(python), "--only-binary", ":all:", "--no-deps", *self.source.options()]
        self._run(["pip", "install", "--require-hashes", "--requirements", str(lockfile), *options], on_tick)

    def forget(self, names: Sequence[str]) -> None:
        """Remove packages from the cache."""
        self._run(["cache", "clean", "--quiet", "--force", *names], lambda heard: None)

    def cached(self) -> int:
        """How many packages the cache has, unpacked and whole."""
        return sum(1 for _ in _folders(self.cache, "archive-v"))

    def _run(self, arguments: Sequence[str], on_tick: OnTick) -> None:
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            [self.program, *arguments],
            cwd=self.cache.parent,
            env=self.variables(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # the terminal's Ctrl-C reaches us alone, who stop it
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            preexec_fn=_die_with_us(),
        )
        heard, last = Heard(), deque[str](maxlen=200)
        listener = threading.Thread(target=_listen, args=(process, heard, last), daemon=True)
        listener.start()
        try:
            with _bound(process):
                while process.poll() is None:
                    on_tick(heard)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(TICK)
                listener.join(FAREWELL)
                on_tick(heard)
        finally:
            _stop(process)
        if process.returncode != 0:
            raise understood("\n".join(last), offline=self.source.wheels is not None)

    def variables(self, own: Mapping[str, str]) -> dict[str, str]:
        """Its environment variables, from this process's."""
        kept = {
            name: value
            for name, value in environment(own).items()
            if not name.startswith(("UV_", "PYTHON")) and name not in ("VIRTUAL_ENV", "CONDA_PREFIX", "RUST_LOG")
        }
        if trusts_file() or sys.platform != "linux":  # whom the system trusts: a firm's proxy signs with its own key
            kept["UV_SYSTEM_CERTS"] = "1"
        kept |= DEFAULTS | {name: value for name, value in own.items() if PASSED_ON.fullmatch(name)}
        kept |= {
            "UV_CACHE_DIR": str(self.cache),
            "UV_PYTHON_INSTALL_DIR": str(self.pythons),
            "UV_PYTHON_INSTALL_BIN": "0",
            "UV_PYTHON_INSTALL_REGISTRY": "0",
            "UV_NO_CONFIG": "1",
            "NO_COLOR": "1",
        }
        if self.source.proxy:
            kept |= dict.fromkeys(("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"), self.source.proxy)
        return kept


def base_python() -> str:
    """What a new environment is made from: the app's own Python where it carries one, a Python of the machine, or a
    version for uv to look for and, in the end, to download."""
    bundle = getattr(sys, "_MEIPASS", None)
    program = "python.exe" if sys.platform == "win32" else f"bin/python{PYTHON}"
    candidates = [] if bundle is None else [Path(bundle) / "python" / program]
    if bundle is None and f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON:
        candidates.append(Path(str(getattr(sys, "_base_executable", sys.executable))))
    if sys.platform != "win32":  # who starts from a desktop has a short PATH, or none
        folders = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "~/.local/bin")
        framework = f"/Library/Frameworks/Python.framework/Versions/{PYTHON}/bin"
        candidates += [Path(folder).expanduser() / f"python{PYTHON}" for folder in (*folders, framework)]
    return next((str(path) for path in candidates if path.is_file()), PYTHON)


def understood(text: str, *, offline: bool) -> RuntimeFault:
    """What went wrong, from what uv said last."""
    sentences = [line.strip(" │├╰─▶×\t") for line in text.splitlines()]
    known = [
        sentence.removeprefix("error: ").removeprefix("Caused by: ").strip()
        for sentence in sentences
        if sentence
        and not sentence.startswith(("Using ", "Resolved ", "Downloading ", "Downloaded ", "warning:", "+ "))
    ]
    why = " ".join(known)[:300].rstrip(".") or "uv said nothing"
    lower = text.lower()
    if re.search(r"os error (28|112|122)\b|no space left|disk quota", lower):
        return RuntimeFault.no_space_left()
    if "hash mismatch" in lower or "hashes do not match" in lower:
        return RuntimeFault.hash_differs(known[0] if known else why)
    if "no interpreter found" in lower or ("python" in lower and "download" in lower and "cpython" in lower):
        return RuntimeFault.no_python(PYTHON)
    if offline and re.search(r"no solution found|was not found|network was disabled|not available in the cache", lower):
        return RuntimeFault.wheel_missing(why)
    if re.search(
        r"error sending request|request failed|dns error|connection (refused|reset|closed)|timed? ?out|tunnel|"
        r"failed to fetch|failed to download|failed to extract|error decoding|http status|invalid peer certificate",
        lower,
    ):
        return RuntimeFault.offline(why)
    if "no solution found" in lower:
        return RuntimeFault.wheel_missing(why)
    return RuntimeFault.installer_failed(why)


def _listen(process: "subprocess.Popen[str]", heard: Heard, last: deque[str]) -> None:
    if process.stderr is not None:
        for line in process.stderr:
            last.append(line.rstrip()[:1000])
            heard.hear(line)


@contextlib.contextmanager
def _bound(process: "subprocess.Popen[str]") -> Iterator[None]:
    """On Windows the process ends with this one, as `_die_with_us` has it on Linux. On macOS one that was left behind
    only fills the cache and a folder that is never used; the next run starts another."""
    if sys.platform == "win32":
        from bridge_server.desktop.job_object import JobObject

        job = JobObject.of(process.pid, None)
        try:
            yield
        finally:
            job.close()
    else:
        yield


def _die_with_us() -> Callable[[], None] | None:
    """On Linux, what a child does to be killed when this process dies."""
    if sys.platform != "linux":
        return None
    pr_set_pdeathsig = 1
    prctl = ctypes.CDLL(None).prctl  # looked up here: after the fork as little as can be is done
    return lambda: prctl(pr_set_pdeathsig, signal.SIGKILL)


def _stop(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _folders(cache: Path, beginning: str) -> Iterator[Path]:
    """What lies in the cache's folders of this name, whatever number their format has."""
    for folder in cache.glob(f"{beginning}*"):
        yield from (path for path in folder.iterdir() if not path.name.startswith("."))
