"""macOS: a .tar.gz of the app, and a package for the Installer, made by Apple's own tools on a Mac.

The package goes into /Applications, or into ~/Applications for one person. It starts nothing at login: the app writes
its LaunchAgents where the person asks it to. Not yet run on macOS.
"""

import plistlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from installer import archive, frozen
from installer.product import (
    AUTOSTART,
    ID,
    IDENTIFIER,
    INSTALLER,
    NAME,
    ROOT,
    START,
    UNINSTALL,
    file_name,
    machine,
    version,
)
from installer.report import note

COMPONENT = f"{ID}-component.pkg"
BUNDLE = f"{NAME}.app"
LEAST_SYSTEM = "12.0"


def packages(app: Path, output: Path, epoch: int, preset: int = 6) -> Iterator[Path]:
    """Make the archive, what the Installer's package is made of, and the package where Apple's tools are."""
    scripts = app / "Contents" / "Resources"
    (scripts / "Uninstall.command").write_text(template("uninstall.command"), "utf-8")
    (scripts / "Uninstall.command").chmod(0o755)
    room = frozen.BUILD / "macos"
    write_room(room, app, output)
    if shutil.which("pkgbuild") is None:
        note(f"pkgbuild is missing: {room} holds what a package is made of on a Mac.")
    else:
        subprocess.run(["/bin/sh", str(room / "make_pkg.sh")], check=True)  # signs the app too, if it is told with what
        yield output / file_name("macos", ".pkg")
    yield archive.pack(app, output / file_name("macos", ".tar.gz"), top=BUNDLE, epoch=epoch)


def write_room(room: Path, app: Path, output: Path) -> None:
    """Write the files that a package is made of, and the script that makes it, into `room`."""
    shutil.rmtree(room, ignore_errors=True)
    (room / "scripts").mkdir(parents=True)
    (room / "resources").mkdir()
    shutil.copyfile(ROOT / "LICENSE", room / "resources" / "LICENSE.txt")
    (room / "component.plist").write_bytes(plistlib.dumps(component()))
    (room / "entitlements.plist").write_bytes(plistlib.dumps(entitlements()))
    (room / "distribution.xml").write_text(distribution(), "utf-8")
    for path, name in ((room / "scripts" / "preinstall", "preinstall"), (room / "make_pkg.sh", "make_pkg.sh")):
        text = template(name).replace("@APP@", str(app)).replace("@PKG@", str(output / file_name("macos", ".pkg")))
        path.write_text(text, "utf-8")
        path.chmod(0o755)


def component() -> list[dict[str, object]]:
    """The component property list: the app stays where it was installed, and an older one does not come back."""
    return [
        {
            "RootRelativeBundlePath": BUNDLE,
            "BundleIsRelocatable": False,
            "BundleIsVersionChecked": True,
            "BundleHasStrictIdentifier": True,
            "BundleOverwriteAction": "upgrade",
        }
    ]


def entitlements() -> dict[str, bool]:
    """What the hardened runtime, which notarisation asks for, must allow.

    Python's ctypes makes callbacks in memory that is written and run. The libraries of the wheels are signed along with
    the app, so that their validation stays on.
    """
    return {"com.apple.security.cs.allow-unsigned-executable-memory": True}


def distribution() -> str:
    """What the Installer shows and where it lets the app go; `productbuild` puts it around the component."""
    architectures = {"amd64": "x86_64"}.get(machine(), machine())
    return f"""<?xml version="1.0" encoding="utf-8"?>
<installer-gui-script minSpecVersion="2">
    <title>{escape(NAME)}</title>
    <license file="LICENSE.txt"/>
    <options customize="never" require-scripts="false" hostArchitectures={quoteattr(architectures)}/>
    <domains enable_anywhere="false" enable_currentUserHome="true" enable_localSystem="true"/>
    <volume-check>
        <allowed-os-versions>
            <os-version min={quoteattr(LEAST_SYSTEM)}/>
        </allowed-os-versions>
    </volume-check>
    <choices-outline>
        <line choice="default"/>
    </choices-outline>
    <choice id="default" title={quoteattr(NAME)}>
        <pkg-ref id={quoteattr(IDENTIFIER)}/>
    </choice>
    <pkg-ref id={quoteattr(IDENTIFIER)} version={quoteattr(version())}>{escape(COMPONENT)}</pkg-ref>
</installer-gui-script>
"""


def template(name: str) -> str:
    """One of the scripts in templates/macos/, with what product.py says."""
    text = (INSTALLER / "templates" / "macos" / name).read_text("utf-8")
    said = {
        "NAME": NAME,
        "BUNDLE": BUNDLE,
        "IDENTIFIER": IDENTIFIER,
        "VERSION": version(),
        "COMPONENT": COMPONENT,
        "AGENTS": " ".join(AUTOSTART.launch_agents),
        "START": " ".join(START),
        "UNINSTALL": " ".join(UNINSTALL),
    }
    for key, value in said.items():
        text = text.replace(f"@{key}@", value)
    return text
