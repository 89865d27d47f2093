"""The person's settings: a file that is whole, and that survives what is written into it."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge_server import cli
from bridge_server.desktop import settings
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.desktop.settings import WEIGHTS, Settings, change, load, reset


@pytest.fixture(autouse=True)
def _places_of_the_test(places: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CONFIG, str(places.config))
    monkeypatch.setenv(DATA, str(places.data))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for variable in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", WEIGHTS):
        monkeypatch.delenv(variable, raising=False)


def test_without_a_file_nothing_starts_by_itself_and_no_page_of_others_connects(places: Places) -> None:
    assert load(places) == Settings(start_at_login=False, check_for_updates=True, origins=(), weights=None, data=None)
    assert not places.config.exists()


def test_what_was_set_is_there_again_and_only_its_owner_reads_it(places: Places) -> None:
    change(places, start_at_login=True, origins=("file://", "http://localhost:3000"))
    assert load(places).origins == ("file://", "http://localhost:3000")
    assert stat.S_IMODE(places.settings.stat().st_mode) == 0o600
    assert reset(places, "start_at_login") == load(places) == Settings(origins=("file://", "http://localhost:3000"))


def test_what_a_newer_version_wrote_is_kept(places: Places) -> None:
    places.config.mkdir()
    places.settings.write_text('{"check_for_updates": false, "colour": {"of": "the icon"}}')
    change(places, start_at_login=True)
    told = json.loads(places.settings.read_text())
    assert told == {"check_for_updates": False, "colour": {"of": "the icon"}, "start_at_login": True}


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00", '{"start_at_login"'])
def test_a_damaged_file_is_set_aside_and_told_of(places: Places, text: str) -> None:
    places.config.mkdir()
    places.settings.write_text(text)
    told: list[str] = []
    assert load(places, told.append) == Settings()
    (trouble,) = told
    aside = places.config / "settings.damaged.json"
    assert str(aside) in trouble
    assert aside.read_text() == text
    assert load(places, told.append) == Settings()
    assert len(told) == 1


def test_a_damaged_value_is_dropped_the_others_count(places: Places) -> None:
    places.config.mkdir()
    places.settings.write_text('{"origins": 5, "start_at_login": true, "weights": "not/full"}')
    told: list[str] = []
    assert load(places, told.append) == Settings(start_at_login=True)
    assert "(origins, weights)" in told[0]
    assert json.loads((places.config / "settings.damaged.json").read_text())["origins"] == 5
    assert json.loads(places.settings.read_text()) == {"start_at_login": True}


@pytest.mark.parametrize(
    "origin", ["null", "*", "https://", "http://a.b/path", "ftp://a.b", "file:///home", "http://*"]
)
def test_an_origin_that_could_never_match_is_refused(places: Places, origin: str) -> None:
    with pytest.raises(ValidationError):
        change(places, origins=(origin,))
    assert not places.settings.exists()


def test_a_write_that_fails_leaves_the_file_as_it_was(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    change(places, start_at_login=True)
    before = places.settings.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Exception, match="No space left"):
        change(places, start_at_login=False)
    assert places.settings.read_bytes() == before
    assert sorted(path.name for path in places.config.iterdir()) == ["settings.json", "settings.lock"]


def test_of_changes_at_once_none_is_lost(places: Places) -> None:
    several = [threading.Thread(target=change, args=(places,), kwargs={f"new{i}": i}) for i in range(12)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    assert load(places).model_extra == {f"new{i}": i for i in range(12)}


def test_folders_of_the_settings_count_where_the_environment_names_none(places: Places, tmp_path: Path) -> None:
    change(places, weights=tmp_path / "models", data=tmp_path / "results")
    environment = {DATA: "/elsewhere"}
    settings.move_folders(environment)
    assert environment == {DATA: "/elsewhere", WEIGHTS: str(tmp_path / "models"), settings.CHOSEN: WEIGHTS}


def test_a_program_that_was_started_with_a_chosen_folder_follows_the_next_choice(
    places: Places, tmp_path: Path
) -> None:
    change(places, data=tmp_path / "one")
    environment: dict[str, str] = {}
    settings.move_folders(environment)
    change(places, data=tmp_path / "two")
    settings.move_folders(environment)
    assert environment[DATA] == str(tmp_path / "two")
    reset(places, "data")
    settings.move_folders(environment)
    assert DATA not in environment


# The command


def test_the_command_lists_changes_and_forgets(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["settings", "set", "origins", "file://, http://localhost:3000"]) == 0
    assert cli.run(["settings", "set", "check_for_updates", "off"]) == 0
    capsys.readouterr()
    assert cli.run(["settings", "get", "origins"]) == 0
    assert capsys.readouterr().out == "file://,http://localhost:3000\n"
    assert cli.run(["settings", "list"]) == 0
    lines = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()}
    assert lines == {
        "start_at_login": "off",
        "check_for_updates": "off",
        "origins": "file://,http://localhost:3000",
        "weights": "default",
        "data": "default",
    }
    assert cli.run(["settings", "reset", "origins"]) == 0
    assert load(places) == Settings(check_for_updates=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("set", "start_at_login", "perhaps"), "“perhaps” is no value of start_at_login."),
        (("set", "origins", "http://a/b"), "“http://a/b” is no value of origins."),
        (("get", "colour"), "There is no setting “colour”."),
    ],
)
def test_what_is_no_setting_is_refused(
    places: Places, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert cli.run(["settings", *words]) == 2
    assert message in capsys.readouterr().err
    assert not places.settings.exists()


@pytest.mark.skipif(os.name != "posix" or os.uname().sysname != "Linux", reason="looks for Linux's entry")
def test_what_starts_at_login_is_there_as_soon_as_it_was_chosen(places: Places, tmp_path: Path) -> None:
    entry = tmp_path / ".config/autostart/videoshop.desktop"
    assert cli.run(["settings", "set", "start_at_login", "on"]) == 0
    assert entry.exists()
    assert cli.run(["settings", "set", "start_at_login", "off"]) == 0
    assert not entry.exists()
    assert not places.made.exists()
