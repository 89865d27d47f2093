"""`python -m installer.manifest --url BASE DIST…`: the list of a release's archives, for the app's update check.

Each system's build leaves a note beside its archive; this puts those of all systems together. The list is published
with the base64 of its Ed25519 signature beside it, at its address with `.sig`:

    openssl pkeyutl -sign -rawin -inkey release.pem -in manifest.json | base64 -w0 > manifest.json.sig
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from installer.archive import digest
from installer.product import System, machine, version

NOTE = ".update.json"
"""What the note beside an archive is called after it."""


class UnlikeError(Exception):
    """Notes of archives that are no release together."""


def describe(archive: Path, system: System, unpacked: int) -> Path:
    """Write the note beside an archive. `unpacked`: bytes of its files."""
    told = {
        "version": version(),
        "system": f"{system}-{machine()}",
        "name": archive.name,
        "sha256": digest(archive),
        "size": archive.stat().st_size,
        "unpacked": unpacked,
    }
    note = archive.with_name(f"{archive.name}{NOTE}")
    note.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    return note


def merged(notes: Iterable[dict[str, Any]], base: str) -> dict[str, Any]:
    """The list, of the notes of all systems; the archives will lie at `base`. Raises UnlikeError."""
    told = sorted(notes, key=lambda note: str(note["system"]))
    versions = {note["version"] for note in told}
    systems = [note["system"] for note in told]
    if len(versions) != 1 or len(set(systems)) != len(systems):
        raise UnlikeError(f"One version, and one archive for each system, is a release: {sorted(versions)}, {systems}.")
    archives = {
        note["system"]: {
            "url": f"{base.rstrip('/')}/{note['name']}",
            "sha256": note["sha256"],
            "size": note["size"],
            "unpacked": note["unpacked"],
        }
        for note in told
    }
    return {"version": versions.pop(), "archives": archives}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m installer.manifest")
    parser.add_argument("--url", required=True, help="where the archives will lie")
    parser.add_argument("folders", nargs="+", type=Path, help="folders of built packages")
    options = parser.parse_args()
    notes = [json.loads(path.read_text("utf-8")) for folder in options.folders for path in folder.glob(f"*{NOTE}")]
    try:
        print(json.dumps(merged(notes, options.url), indent=2))
    except UnlikeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
