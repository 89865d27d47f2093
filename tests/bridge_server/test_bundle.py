"""The support archive: what it tells, and that no secret is in it."""

import getpass
import json
import logging
import os
import socket
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bridge_server import bundle, logs
from bridge_server.bundle import write_bundle
from bridge_server.desktop.paths import CONFIG, DATA, Places, private_folder
from bridge_server.errors import ServiceError
from bridge_server.security import pairing_token
from bridge_server.worker import ENGINE

PIXELS = b"\x89PNG cAnArY pixels"


def unpacked(archive: Path, folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as zip:
        zip.extractall(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told(files: dict[str, bytes], name: str) -> Any:
    return json.loads(files[f"{name}.json"])


def used(places: Places) -> None:
    """A service's folders after some use, with secrets everywhere."""
    token = pairing_token(places.token).hex()
    for folder in (places.jobs, places.incoming, places.frames):
        (private_folder(folder) / "frame.png").write_bytes(PIXELS)
    end = logs.begin(places.logs, verbose=False, say=print)
    logging.getLogger("videoshop.bridge").info("job %s reads %s with %s", "j1", places.token, token)
    logging.getLogger("videoshop.engine").info("Traceback: File “%s/engine.py”", places.config)
    end()
    with (places.logs / "bridge.log").open("a") as log:  # of a service that did not redact yet, and died in a line
        log.write(json.dumps({"message": f"AB3DE-9FGHJ {token} {places.token}", "host": socket.gethostname()}) + "\n")
        log.write(f'{{"message": "{places.token} {token}')
    (places.logs / "bridge.log.1").write_text("{}\n")
    with closing(sqlite3.connect(places.data / "journal.sqlite")) as db:
        db.execute("CREATE TABLE jobs (id TEXT, state TEXT, clip TEXT)")
        rows = [("1", "done", "/home/cAnArY"), ("2", "done", ""), ("3", "queued", ""), ("4", "cAnArY", "")]
        db.executemany("INSERT INTO jobs VALUES (?, ?, ?)", rows)
        db.commit()


@pytest.fixture
def canary_places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home" / "cAnArY" / "config", tmp_path / "home" / "cAnArY" / "data")


def test_the_command_writes_an_archive_without_a_secret(canary_places: Places, tmp_path: Path) -> None:
    places = canary_places
    used(places)
    environment = os.environ | {
        CONFIG: str(places.config),
        DATA: str(places.data),
        ENGINE: f"'{sys.executable}' -m tests.bridge_server.well_engine",
        "USER": "cAnArYa",
        "HOME": str(tmp_path / "home" / "cAnArYa"),
        "HF_TOKEN": "hf_cAnArY",
        "HTTPS_PROXY": "http://cAnArY:cAnArY@proxy",
    }
    archive = tmp_path / "support.zip"
    command = [sys.executable, "-m", "bridge_server.cli", "doctor", "--bundle", str(archive)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr  # no service runs
    assert f"Support archive: {archive}" in done.stdout
    files = unpacked(archive, tmp_path / "unpacked")
    assert set(files) == {
        "doctor.json",
        "about.json",
        "settings.json",
        "journal.json",
        "logs/bridge.log",
        "logs/bridge.log.1",
        "logs/engine.log",
    }
    everything = b"\n".join([*map(str.encode, files), *files.values()])  # packed bytes hold any short name by chance
    secrets = ("cAnArY", places.token.read_text().strip(), "AB3DE-9FGHJ", str(tmp_path), socket.gethostname())
    assert [secret for secret in secrets if secret.lower().encode() in everything.lower()] == []
    assert told(files, "doctor")["broken"] == "service"
    assert told(files, "about")["codecs"]["ffmpeg"] == "8.1"
    assert told(files, "settings")["HF_TOKEN"] is True
    assert told(files, "journal")["tables"]["jobs"] == {
        "columns": ["id", "state", "clip"],
        "rows": 4,
        "states": {"done": 2, "other": 1, "queued": 1},
    }
    first = json.loads(files["logs/bridge.log"].splitlines()[0])
    assert first["message"] == "job j1 reads …/token with ‹token›"


def test_the_names_of_the_person_and_the_machine_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "anna")
    monkeypatch.setenv("LOGNAME", "av")
    monkeypatch.setattr(socket, "gethostname", lambda: "studio-7.local")
    clean = bundle.cleaner()
    assert clean("Anna on STUDIO-7.local, annas_shot.mov") == "‹user› on ‹host›, ‹user›s_shot.mov"
    assert clean("av have") == "‹user› have"
    assert clean(f"for {getpass.getuser()}") == "for ‹user›"


def test_an_archive_that_exists_is_left_as_it_is(places: Places, tmp_path: Path) -> None:
    there = tmp_path / "there.zip"
    there.write_text("mine")
    with pytest.raises(ServiceError) as refused:
        write_bundle(there, places, {}, {})
    assert refused.value.code == "service.bundle_exists"
    assert there.read_text() == "mine"


def test_the_command_refuses_an_archive_that_exists_before_it_checks_anything(places: Places, tmp_path: Path) -> None:
    there = tmp_path / "there.zip"
    there.write_text("mine")
    command = [sys.executable, "-m", "bridge_server.cli", "doctor", "--bundle", str(there)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: “there.zip” exists already, and was left as it is.")


def test_an_archive_that_fails_is_removed(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle, "journal", full)
    with pytest.raises(ServiceError, match="No space left on device"):
        write_bundle(tmp_path / "new.zip", places, {}, {})
    assert not (tmp_path / "new.zip").exists()


def test_a_folder_that_is_not_there_is_told_of(places: Places, tmp_path: Path) -> None:
    with pytest.raises(ServiceError) as refused:
        write_bundle(tmp_path / "nowhere" / "new.zip", places, {}, {})
    assert refused.value.code == "service.bundle_unwritable"


def test_a_journal_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    assert bundle.journal(tmp_path / "journal.sqlite") is None
    (tmp_path / "journal.sqlite").write_text("no database, this is, " * 50)
    assert bundle.journal(tmp_path / "journal.sqlite") == {"unreadable": "file is not a database"}
