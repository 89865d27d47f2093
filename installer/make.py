"""Builds everything for the system that it runs on, in the environment that `build.py` made."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from installer import archive, frozen, linux, macos, manifest, product, windows
from installer.product import ID, PLUGINS, ROOT, System, this_system, version
from installer.report import note, show, sizes, step

PACKAGES: dict[System, Callable[[Path, Path, int, int], Iterator[Path]]] = {
    "linux": linux.packages,
    "macos": macos.packages,
    "windows": windows.packages,
}
"""For each system, what makes its packages of the app's folder: (app, output, epoch, preset of xz) -> files."""
UPDATES = (".tar.xz", ".tar.gz", ".zip")
"""The endings of the archives that an installed app replaces itself with."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python installer/build.py", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="where the packages go (dist/)")
    parser.add_argument("--app-only", action="store_true", help="build the app's folder in build/frozen/, no packages")
    parser.add_argument("--preset", type=int, default=6, choices=range(10), help="xz's: 1 is quick, 6 (default) small")
    parser.add_argument(
        "--updates", type=Path, metavar="FILE", help="what the app is told of updates (product.UPDATES)"
    )
    options = parser.parse_args()
    told = told_of_updates(options.updates)
    output: Path = options.output.absolute()
    when = epoch()
    step(f"The panels, version {version()}")
    panels()
    step("The frozen app")
    try:
        app = frozen.freeze(when, told)
    except frozen.MissingError as error:
        sys.exit(str(error))
    print(f"  {app}")
    if told is None:
        note("The app is told of no updates: it says that it looks for none (--updates FILE, or product.UPDATES).")
    totals = sizes(app, frozen.INSIDE)
    show(totals)
    if options.app_only:
        return 0
    step("Packages")
    output.mkdir(parents=True, exist_ok=True)
    made = list(plugins(output, when))
    for package in PACKAGES[this_system()](app, output, when, options.preset):
        made.append(package)
        if package.name.endswith(UPDATES):
            manifest.describe(package, this_system(), sum(totals.values()))
        print(f"  {package.name}: {package.stat().st_size / 1e6:.1f} MB", flush=True)
    archive.write_sums(made, output)
    print(f"  {output / archive.SUMS}")
    return 0


def told_of_updates(file: Path | None) -> dict[str, str] | None:
    """What the app is to be told of updates: a file's words, else the product's. Ends the build where they are none."""
    try:
        told = product.UPDATES if file is None else json.loads(file.read_text("utf-8"))
        return None if told is None else product.updates(told)
    except (OSError, ValueError) as error:
        sys.exit(f"{file or 'product.UPDATES'}: {error}.")


def epoch() -> int:
    """The time of every file in a package, in seconds since 1970: SOURCE_DATE_EPOCH, else the last commit's."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    asked = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):  # sources without their history
        return int((ROOT / "pyproject.toml").stat().st_mtime)


def panels() -> None:
    """Build the page and the panels with npm, of what their lock file names."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is missing: install Node.js 20 or newer.")
    for words in (("ci", "--no-audit", "--no-fund"), ("run", "build")):
        subprocess.run([npm, "--silent", *words], cwd=ROOT / "uxp_plugin", check=True)


def plugins(output: Path, when: int) -> Iterator[Path]:
    """The panels beside the app, for those who install one by hand: the .ccx, and the folders as archives."""
    for part in PLUGINS:
        source = ROOT / part.source
        if source.is_dir():
            name = f"{ID}-{version()}-{source.name}.zip"
            yield archive.pack(source, output / name, top=source.name, epoch=when)
        else:
            yield Path(shutil.copy2(source, output / source.name))


if __name__ == "__main__":
    sys.exit(main())
