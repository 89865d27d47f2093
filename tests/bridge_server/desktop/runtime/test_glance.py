"""The engine's environment at a glance, as `videoshop doctor` tells it."""

from pathlib import Path

import pytest

from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime import place, upkeep
from bridge_server.desktop.runtime.place import Home, Unfinished, packages_of, python_of
from bridge_server.desktop.runtime.upkeep import Options
from bridge_server.doctor import Check, check_environment
from tests.bridge_server.desktop.runtime.wheels import quiet


@pytest.fixture
def environment(places: Places, options: Options) -> Path:
    """The folder of an environment that was installed."""
    installed = upkeep.install(places, "cpu", options, quiet)
    return place.home(places).environment(installed)


def stopped(home: Home) -> None:
    """What an installation leaves that was killed."""
    home.root.mkdir(parents=True, exist_ok=True)
    place.write_whole(home.incomplete, Unfinished(doing="install", backend="cpu"))


def told(places: Places) -> Check:
    check = check_environment(places)
    assert check.facts["state"] in ("absent", "whole", "incomplete", "damaged")
    return check


def test_one_that_was_never_made_is_absent(places: Places) -> None:
    check = told(places)
    assert (check.state, check.says, check.facts["state"]) == ("absent", "Not installed.", "absent")
    assert "`videoshop engine install`" in check.hint
    assert not places.data.exists()


def test_one_that_was_begun_is_incomplete(places: Places) -> None:
    stopped(place.home(places))
    check = told(places)
    assert (check.state, check.facts["state"]) == ("absent", "incomplete")
    assert "Run `videoshop engine install`" in check.hint


def test_one_that_was_made_is_whole_and_so_while_another_is_made(places: Places, environment: Path) -> None:
    check = told(places)
    assert (check.state, check.hint, check.facts["state"]) == ("ok", "", "whole")
    assert check.says.startswith("cpu, Python 3.11.")
    stopped(place.home(places))
    check = told(places)
    assert check.state == "ok"
    assert check.says.endswith("A newer one is not ready: install has not ended.")


def test_a_file_that_is_gone_or_cut_short_damages_it(places: Places, environment: Path, options: Options) -> None:
    packages = packages_of(environment)
    (packages / "tiny_0/data.bin").write_bytes(b"short")
    (packages / "tiny_1/__init__.py").unlink()
    check = told(places)
    assert (check.state, check.facts["state"]) == ("broken", "damaged")
    assert check.says == "Files are missing or damaged: tiny_0/data.bin and 1 more."
    assert "`videoshop engine repair`" in check.hint
    upkeep.repair(places, options, quiet)
    assert told(places).state == "ok"


@pytest.mark.parametrize("what", ["python", "list", "all"])
def test_so_does_its_python_or_a_list_of_files(places: Places, environment: Path, what: str) -> None:
    if what == "python":
        python_of(environment).unlink()
    elif what == "list":
        record = packages_of(environment) / "tiny_2-1.0.dist-info/RECORD"
        record.write_text(record.read_text() + "\n")
    else:
        environment.rename(environment.with_name("elsewhere"))
    assert told(places).state == "broken"
