"""The panels, put where Adobe's programs look for them. Each is one person's: no administrator is needed.

| plugin | how it gets there |
| --- | --- |
| photoshop | Adobe's own installer takes the .ccx; unzipped by hand it half works |
| after-effects | the extension's folder is copied among the person's CEP extensions |
| script | the script is copied into the ScriptUI panels of each After Effects of the person |
"""

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from bridge_server.desktop import outside, settings
from bridge_server.desktop.faults import PluginError
from bridge_server.desktop.frozen import bundled
from bridge_server.desktop.made import made, note
from bridge_server.desktop.paths import Places

Plugin = Literal["photoshop", "after-effects", "script"]
PLUGINS: tuple[Plugin, ...] = get_args(Plugin)

KIND = "plugins"
PHOTOSHOP = "photoshop:"
"""In the ledger before the name that Adobe's installer knows the plugin by, and its version."""
CCX = "org.videoshop.bridge.photoshop_PS.ccx"
EXTENSION = "videoshop"
SCRIPT = "Videoshop.jsx"
CSXS = r"Software\Adobe\CSXS.12"
UNSIGNED = "unsigned CEP extensions"
"""In the ledger: they were allowed here."""
ORIGIN = "file://"
"""What After Effects' panel calls itself: its page lies in a folder."""
AGENT_SECONDS = 300.0
NEWEST_SCRIPTS = 25
"""After Effects of this version and newer."""


@dataclass(frozen=True)
class Hosts:
    """Where a system keeps what belongs to Adobe's programs. `root`: the folder that Adobe's agent is under."""

    platform: str
    home: Path
    appdata: Path
    root: Path

    @classmethod
    def here(cls, environment: Mapping[str, str] = os.environ) -> "Hosts":
        home = Path.home()
        common = environment.get("CommonProgramFiles", r"C:\Program Files\Common Files")
        return cls(
            sys.platform,
            home,
            Path(environment.get("APPDATA") or home / "AppData/Roaming"),
            Path(common) if sys.platform == "win32" else Path("/Library/Application Support"),
        )

    @property
    def adobe(self) -> bool:
        """Whether Adobe's programs run on this system."""
        return self.platform in ("win32", "darwin")

    @property
    def agent(self) -> Path:
        """Adobe's UnifiedPluginInstallerAgent, which comes with Creative Cloud."""
        name = "UnifiedPluginInstallerAgent"
        folder = self.root / "Adobe/Adobe Desktop Common/RemoteComponents/UPI" / name
        return folder / (f"{name}.exe" if self.platform == "win32" else f"{name}.app/Contents/MacOS/{name}")

    @property
    def extensions(self) -> Path:
        """The person's CEP extensions."""
        if self.platform == "win32":
            return self.appdata / "Adobe/CEP/extensions"
        return self.home / "Library/Application Support/Adobe/CEP/extensions"

    @property
    def after_effects(self) -> Path:
        """A folder for each version of After Effects that the person has started."""
        folder = self.appdata if self.platform == "win32" else self.home / "Library/Preferences"
        return folder / "Adobe/After Effects"

    def scripts(self) -> list[Path]:
        """Where each new enough After Effects looks for the person's panels."""
        try:
            versions = sorted(path for path in self.after_effects.iterdir() if path.is_dir())
        except OSError:
            return []
        return [path / "Scripts/ScriptUI Panels" for path in versions if _major(path.name) >= NEWEST_SCRIPTS]

    def agent_words(self, do: Literal["install", "remove"], what: str) -> list[str]:
        dash = "/" if self.platform == "win32" else "--"
        return [str(self.agent), f"{dash}{do}", what]


@dataclass(frozen=True)
class Told:
    """What came of one plugin: `says` in a line, `then` what the person has to do, a line each. `origin`: the settings
    let one more page in, which the service has to be told."""

    plugin: Plugin
    done: bool
    says: str
    then: tuple[str, ...] = ()
    origin: bool = False


Standing = Literal["absent", "outdated", "damaged", "ready"]
"""“outdated”: of another version than the one that the app brings."""


def folder() -> Path:
    """Where the built plugins are: the one place that knows."""
    return bundled("plugins") or Path(__file__).parents[2] / "uxp_plugin/dist"


def install(
    places: Places, plugin: Plugin, source: Path, hosts: Hosts, *, unsigned: bool = False, registry: Any = None
) -> Told:
    """Put one plugin in its place. Raises PluginError for one that is not built, or not copied."""
    what = {"photoshop": CCX, "after-effects": "aftereffects", "script": f"aftereffects-script/{SCRIPT}"}[plugin]
    if not (source / what).exists():
        raise PluginError.not_built(source, what)
    if not hosts.adobe:
        program = "Photoshop runs" if plugin == "photoshop" else "After Effects runs"
        return Told(
            plugin,
            False,
            f"{program} on Windows and macOS alone; here there is nothing to install into.",
            ("Edit with any program beside the page of `videoshop open`, or install Videoshop Bridge there.",),
        )
    match plugin:
        case "photoshop":
            return _photoshop(places, source / what, hosts)
        case "after-effects":
            return _extension(places, source / what, hosts, unsigned=unsigned, registry=registry)
        case "script":
            return _script(places, source / what, hosts)


def standing(places: Places, plugin: Plugin, source: Path) -> Standing:
    """How a plugin stands that was installed from here. What Adobe's programs did to it since is not known."""
    things = [thing for thing in made(places).get(KIND, ()) if _plugin_of(thing) == plugin and thing != UNSIGNED]
    if not things:
        return "absent"
    if plugin == "photoshop":
        _, _, version = things[-1].removeprefix(PHOTOSHOP).partition(":")
        try:
            return "ready" if version == _manifest(source / CCX)["version"] else "outdated"
        except PluginError:  # this installation brings none to compare it with
            return "ready"
    ours = source / ("aftereffects" if plugin == "after-effects" else f"aftereffects-script/{SCRIPT}")
    if not all(Path(thing).exists() for thing in things):
        return "damaged"
    return "ready" if all(_same(ours, Path(thing)) for thing in things) else "outdated"


def outdated(places: Places, source: Path) -> list[Plugin]:
    """The plugins that were installed from here and are not of the version that this app brings."""
    return [plugin for plugin in PLUGINS if standing(places, plugin, source) in ("outdated", "damaged")]


def _plugin_of(thing: str) -> Plugin:
    """Which plugin something in the ledger belongs to."""
    if thing.startswith(PHOTOSHOP):
        return "photoshop"
    return "script" if thing.endswith(SCRIPT) else "after-effects"


def remove(places: Places, hosts: Hosts, *, which: Collection[Plugin] = PLUGINS, registry: Any = None) -> list[str]:
    """Take back what was installed; what could not be, and how it can. Raises OSError."""
    left = []
    things = made(places).get(KIND, ())
    for thing in things:
        if _plugin_of(thing) not in which:
            continue
        if thing.startswith(PHOTOSHOP):
            name, _, _ = thing.removeprefix(PHOTOSHOP).partition(":")
            if _ran(hosts.agent_words("remove", name)) is not None:
                left.append(f"Remove “{name}” in Creative Cloud under Stock & Marketplace > Plugins > Manage plugins.")
        elif thing == UNSIGNED:
            _forbid_unsigned(hosts, registry)
        else:
            path = Path(thing)
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            for empty in path.parents[:1]:
                with contextlib.suppress(OSError):  # others are in it
                    empty.rmdir()
    note(places, KIND, [thing for thing in things if _plugin_of(thing) not in which])
    return left


def _photoshop(places: Places, ccx: Path, hosts: Hosts) -> Told:
    by_hand = (
        f"Double-click {ccx}: Creative Cloud installs it.",
        "Without Creative Cloud on this machine, install that first: Photoshop takes plugins from it alone.",
    )
    if not hosts.agent.exists():
        return Told("photoshop", False, "Adobe's installer of plugins is not on this machine.", by_hand)
    why = _ran(hosts.agent_words("install", str(ccx)))
    if why is not None:
        return Told("photoshop", False, f"Adobe's installer did not take it: {why}.", by_hand)
    manifest = _manifest(ccx)
    others = [thing for thing in made(places).get(KIND, ()) if not thing.startswith(PHOTOSHOP)]
    note(places, KIND, [*others, f"{PHOTOSHOP}{manifest['name']}:{manifest['version']}"])
    return Told("photoshop", True, "Installed.", ("Start Photoshop again; Plugins > Videoshop opens the panel.",))


def _manifest(ccx: Path) -> dict[str, str]:
    """The name that Adobe's installer knows a plugin by, and its version. Raises PluginError."""
    try:
        with zipfile.ZipFile(ccx) as package:
            told = json.loads(package.read("manifest.json"))
            return {name: str(told[name]) for name in ("name", "version")}
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError):
        raise PluginError.not_built(ccx.parent, f"whole {ccx.name}") from None


def _extension(places: Places, source: Path, hosts: Hosts, *, unsigned: bool, registry: Any) -> Told:
    target = hosts.extensions / EXTENSION
    _noted(places, str(target))
    _copied(source, target)
    chosen = settings.load(places)
    then = []
    new = ORIGIN not in chosen.origins
    if new:
        settings.change(places, origins=(*chosen.origins, ORIGIN))
    if unsigned:
        _allow_unsigned(places, hosts, registry)
    elif UNSIGNED not in made(places).get(KIND, ()):
        then.append(f"The extension is not signed. Allow such once: {_how_unsigned(hosts)}")
    then.append("Start After Effects again; Window > Extensions > Videoshop opens the panel.")
    return Told("after-effects", True, f"Copied to {target}.", tuple(then), origin=new)


def _script(places: Places, source: Path, hosts: Hosts) -> Told:
    targets = hosts.scripts()
    if not targets:
        return Told(
            "script",
            False,
            f"No After Effects {NEWEST_SCRIPTS} or newer was started by you on this machine yet.",
            (
                "Start After Effects once, then run this again;",
                f"or choose there File > Scripts > Install ScriptUI Panel… and then {source}",
            ),
        )
    for target in targets:
        _noted(places, str(target / SCRIPT))
        _copied(source, target / SCRIPT)
    return Told(
        "script",
        True,
        f"Copied to {', '.join(map(str, targets))}.",
        (
            "In After Effects' preferences, under Scripting & Expressions, switch on Allow Scripts to Write Files and "
            "Access Network.",
            f"Start After Effects again; Window > {SCRIPT} opens it.",
        ),
    )


# Unsigned extensions: Adobe's signing tool runs on Windows and macOS only


def _how_unsigned(hosts: Hosts) -> str:
    by_hand = (
        rf"in the registry, under HKEY_CURRENT_USER\{CSXS}, the string PlayerDebugMode = 1."
        if hosts.platform == "win32"
        else "`defaults write com.adobe.CSXS.12 PlayerDebugMode 1`, then `killall cfprefsd`."
    )
    return f"run this with --allow-unsigned, or by hand {by_hand}"


def _allow_unsigned(places: Places, hosts: Hosts, registry: Any) -> None:
    _noted(places, UNSIGNED)
    if hosts.platform == "win32":
        winreg = registry or importlib.import_module("winreg")
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, CSXS) as key:
            winreg.SetValueEx(key, "PlayerDebugMode", 0, winreg.REG_SZ, "1")
    elif (why := _ran(["defaults", "write", "com.adobe.CSXS.12", "PlayerDebugMode", "1"])) is not None:
        raise PluginError.not_copied(Path("com.adobe.CSXS.12"), why)


def _forbid_unsigned(hosts: Hosts, registry: Any) -> None:
    if hosts.platform == "win32":
        winreg = registry or importlib.import_module("winreg")
        with (
            contextlib.suppress(FileNotFoundError),
            winreg.OpenKey(winreg.HKEY_CURRENT_USER, CSXS, 0, winreg.KEY_SET_VALUE) as key,
        ):
            winreg.DeleteValue(key, "PlayerDebugMode")
    else:
        _ran(["defaults", "delete", "com.adobe.CSXS.12", "PlayerDebugMode"])


# Doing


def _noted(places: Places, thing: str) -> None:
    note(places, KIND, [*made(places).get(KIND, ()), thing])


def _copied(source: Path, target: Path) -> None:
    """Copy a file or folder to its place, whole or not at all. Raises PluginError."""
    aside, old = (target.with_name(f".{target.name}.{end}") for end in ("new", "old"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in (aside, old):
            shutil.rmtree(path, ignore_errors=True)
        if source.is_file():
            shutil.copyfile(source, aside)
            aside.replace(target)
            return
        shutil.copytree(source, aside)
        if target.exists():
            target.replace(old)
        aside.replace(target)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise PluginError.not_copied(target, error.strerror or "the disk refused") from None


def _same(ours: Path, theirs: Path) -> bool:
    """Whether a file, or each file of a folder, is there with the same bytes."""
    files = [path for path in ours.rglob("*") if path.is_file()] if ours.is_dir() else [ours]
    try:
        return all(path.read_bytes() == (theirs / path.relative_to(ours)).read_bytes() for path in files)
    except OSError:
        return False


def _ran(command: list[str]) -> str | None:
    """Run a program; why it failed, if it did."""
    try:
        done = subprocess.run(
            command,
            env=outside.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=AGENT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it had no answer after {AGENT_SECONDS:.0f} s"
    except OSError as error:
        return error.strerror or "it does not start"
    if done.returncode == 0:
        return None
    words = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return words[-1] if words else f"it ended with exit code {done.returncode}"


def _major(version: str) -> int:
    """25 of “25.1”; 0 of what is no version."""
    first = version.partition(".")[0]
    return int(first) if first.isdigit() else 0
